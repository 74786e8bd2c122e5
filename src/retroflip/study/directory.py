"""A study's directory: whose it is, which seeds it holds, and the tables in it.

DIR/study.json, study.md     the tables, written anew after every arm
DIR/report.html              all of it on one page, written at the end of every start
DIR/seed-N/...               what a seed's arms share, a run directory per arm, and its model's answers
DIR/seed-N/failures/ARM.json what stopped an arm; it is tried again when the study is
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from retroflip.errors import DataError, RunDirectoryError
from retroflip.files import locks
from retroflip.files.storage import jsonable, read_json_object, write_json_atomic, write_text_atomic

TABLE = "study.json"
PAGE = "study.md"
REPORT = "report.html"

_SEED_FOLDER = re.compile(r"seed-(\d+)")
_OWN = re.compile(r"\.|seed-\d+$|study\.md$|report\.html$")
"""what a study may leave without its table: the lock, half a file, and results from which the table is made again"""


def seeds_there(out: Path, wanted: Sequence[int]) -> list[int]:
    """Return these seeds and all that the study has a folder of, in order."""
    there = {int(match[1]) for entry in out.iterdir() if (match := _SEED_FOLDER.fullmatch(entry.name))}
    return sorted(there | set(wanted))


def seed_folder(out: Path, seed: int) -> Path:
    """Return where all of one seed lies."""
    return out / f"seed-{seed}"


def save_tables(out: Path, study: Mapping[str, Any], page: str) -> None:
    """Write study.json and study.md."""
    write_json_atomic(out / TABLE, study)
    write_text_atomic(out / PAGE, page)


def open_study(out: Path, settings: Mapping[str, Any]) -> None:
    """Take the directory for this process. Raises RunDirectoryError unless it is empty or holds this study."""
    if out.exists() and not out.is_dir():
        raise RunDirectoryError(
            f"{out} is a file, and a study needs a directory. Name another one with --out."
        )
    out.mkdir(parents=True, exist_ok=True)
    locks.hold(out)
    table = out / TABLE
    if not table.exists():
        if not all(_OWN.match(entry.name) for entry in out.iterdir()):
            raise RunDirectoryError(
                f"{out} is not empty and holds no study (there is no {TABLE}). Name a new or empty directory with "
                "--out."
            )
        return
    there = _read_settings(table)
    wanted = jsonable(settings)
    if there != wanted:
        raise RunDirectoryError(
            f"{out} holds a study of another size ({json.dumps(there)}, now {json.dumps(wanted)}). Name another "
            "directory with --out, or leave --quick as it was."
        )


def _read_settings(table: Path) -> Any:
    try:
        return read_json_object(table)["settings"]
    except (DataError, KeyError) as error:
        raise RunDirectoryError(
            f"{table} is damaged or of another program ({error}). The runs beside it hold all results: delete it, and "
            "the study writes it anew."
        ) from error
