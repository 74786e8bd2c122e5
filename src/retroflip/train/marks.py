"""Marks: the file that a checkpoint and a finished run get last, and that says of every file what it has to be.

A mark lists files by length and SHA-256, and of files that are only ever added to what they held by then. What earlier
versions marked is an empty file: it counts, and nothing can be checked by it.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from pydantic import ValidationError

from retroflip.data.manifest import FileEntry, Manifest, build_manifest, changed
from retroflip.errors import DataError
from retroflip.files.storage import read_json_object, read_jsonl, write_json_atomic

COMPLETE_MARKER = "complete"
"""the mark's name"""
_CHUNK = 2**20

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Mark:
    """files: those of the marked folder. rows: of files of the run, what they began with."""

    files: Manifest
    rows: Manifest


def write_mark(folder: Path, files: Iterable[str], run: Path, rows: Iterable[str]) -> None:
    """Mark a folder: these files in it are whole now, and so is what these files of its run hold by now."""
    begun = build_manifest(run, [name for name in rows if (run / name).is_file()])
    parts = {"files": build_manifest(folder, files), "rows": begun}
    listed = {name: part.model_dump(mode="json")["files"] for name, part in parts.items()}
    write_json_atomic(folder / COMPLETE_MARKER, {"schema": 1, **listed})


def read_mark(folder: Path) -> Mark | None:
    """Return a folder's mark; None, with a warning, for an empty one. Raises DataError for one that was changed."""
    path = folder / COMPLETE_MARKER
    if path.stat().st_size == 0:
        _log.warning(
            "%s was written by a version that kept no hashes, so its files cannot be checked.", folder
        )
        return None
    found = read_json_object(path)
    try:
        return Mark(Manifest(files=found["files"]), Manifest(files=found["rows"]))
    except (KeyError, ValidationError) as error:
        raise DataError(f"{path}: not the mark of a folder that is complete. Restore it.") from error


def check_marked(folder: Path, run: Path) -> Mark | None:
    """Return a folder's mark, after a look at all that it lists; None as `read_mark` does.

    Raises DataError, which names the file, or the row of one, for the first that is missing or was changed.
    """
    mark = read_mark(folder)
    if mark is not None:
        if (name := changed(folder, mark.files.files)) is not None:
            raise DataError(_damaged(folder, folder / name))
        check_rows(folder, mark, run)
    return mark


def check_rows(folder: Path, mark: Mark, run: Path) -> None:
    """Raise DataError where one of a run's files does not begin as a folder's mark says; it names the row if it can."""
    for name, entry in mark.rows.files.items():
        if not _begins(run / name, entry):
            if (run / name).is_file():
                read_jsonl(run / name)
            raise DataError(_damaged(folder, run / name))


def _begins(path: Path, entry: FileEntry) -> bool:
    """Return whether a file begins with what is listed."""
    if not path.is_file() or path.stat().st_size < entry.bytes:
        return False
    digest, left = sha256(), entry.bytes
    with path.open("rb") as stream:
        while left and (part := stream.read(min(left, _CHUNK))):
            digest.update(part)
            left -= len(part)
    return digest.hexdigest() == entry.sha256


def _damaged(folder: Path, path: Path) -> str:
    return f"{path}: missing, damaged, or changed after its hash was written into {folder / COMPLETE_MARKER}."
