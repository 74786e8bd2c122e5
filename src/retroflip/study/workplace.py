"""What studies share: a directory that is theirs, arms that may fail, and tables written from what is there.

DIR/study.json, study.md     the tables, written anew after every arm
DIR/seed-N/...               what a seed's arms share, a run directory per arm, and its model's answers
DIR/seed-N/failures/ARM.json what stopped an arm; it is tried again when the study is
"""

import json
import re
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retroflip.errors import DataError, RetroflipError, RunDirectoryError
from retroflip.files import locks
from retroflip.files.storage import jsonable, read_json_object, write_json_atomic, write_text_atomic
from retroflip.progress import Progress

TABLE = "study.json"
PAGE = "study.md"

FAILURES = (RetroflipError, RuntimeError, ValueError, ArithmeticError, LookupError, TypeError, AttributeError)
"""what stops one arm and not the others: what training reports, torch's errors (memory, shapes), and mistakes in a
method's own code, all recorded with their tracebacks. A full disk, say, stops the study."""

_SEED_FOLDER = re.compile(r"seed-(\d+)")
_OWN = re.compile(r"\.|seed-\d+$|study\.md$")
"""what a study may leave without its table: the lock, half a file, and results from which the table is made again"""


@dataclass(frozen=True)
class Labelled:
    """A listener that is told whose stage it is."""

    progress: Progress
    label: str

    def stage(self, name: str, total: int, unit: str) -> None:
        self.progress.stage(f"{self.label}: {name}", total, unit)

    def advance(self, done: int, note: str = "") -> None:
        self.progress.advance(done, note)


def attempt(record: Path, work: Callable[[], None], progress: Progress) -> None:
    """Do an arm's work, or write to `record` what stopped it; the record of an earlier attempt goes when it is done."""
    try:
        work()
    except FAILURES as error:
        record.parent.mkdir(exist_ok=True)
        message = str(error) or type(error).__name__
        write_json_atomic(
            record,
            {
                "error": type(error).__name__,
                "message": message,
                "traceback": "".join(traceback.format_exception(error)),
            },
        )
        progress.stage(f"failed: {message}", 0, "")
    else:
        record.unlink(missing_ok=True)


def seeds_there(out: Path, wanted: Sequence[int]) -> list[int]:
    """Return these seeds and all that the study has a folder of, in order."""
    there = {int(match[1]) for entry in out.iterdir() if (match := _SEED_FOLDER.fullmatch(entry.name))}
    return sorted(there | set(wanted))


def save_tables(out: Path, study: Mapping[str, Any], page: Callable[[dict[str, Any]], str]) -> dict[str, Any]:
    """Write study.json, and study.md as `page` words it, and return study.json."""
    found: dict[str, Any] = jsonable(study)
    write_json_atomic(out / TABLE, found)
    write_text_atomic(out / PAGE, page(found))
    return found


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
