"""The folder of a data set that retroflip writes: what was asked for, files, records, and a manifest of hashes.

DIR/dataset.json    what was asked for; written first, so that a rerun knows its own unfinished folder
DIR/README.md       its card, which is its owner's to word: one that was changed is no damage
DIR/records.jsonl   the questions; written last, so a data set that has it is complete
DIR/manifest.json   the SHA-256 of every file
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from retroflip.data.manifest import MANIFEST_NAME, build_manifest, read_manifest
from retroflip.errors import DataError, MissingVideoError, UsageError
from retroflip.files.storage import drop_unfinished, jsonable, read_json_object, write_json_atomic

RECORDS_NAME = "records.jsonl"
DESCRIPTION_NAME = "dataset.json"
CARD = "README.md"


def claim(out: Path, settings: Mapping[str, Any]) -> bool:
    """Make `out` the folder of the data set with these settings; return whether it is there, complete."""
    wanted = jsonable(settings)
    try:
        out.mkdir(parents=True, exist_ok=True)
        empty = all(path.name.startswith(".") for path in out.iterdir())
    except OSError as error:
        raise UsageError(
            f"{out}: cannot be used as a folder ({error.strerror}). Choose another one."
        ) from error
    if not empty:
        _check_same(out, wanted)
    drop_unfinished(out, dead_only=True)
    if empty:
        write_json_atomic(out / DESCRIPTION_NAME, wanted)
        return False
    if _is_complete(out):
        return True
    (out / RECORDS_NAME).unlink(missing_ok=True)
    return False


def _check_same(out: Path, wanted: Mapping[str, Any]) -> None:
    """Raise UsageError unless dataset.json says that the folder holds the data set with these settings."""
    fix = "Choose another folder, or delete this one if it is no longer needed."
    try:
        found = read_json_object(out / DESCRIPTION_NAME)
    except DataError as error:
        raise UsageError(
            f"{out}: the folder holds other files, and no readable {DESCRIPTION_NAME} that says this data set is being "
            f"written there ({error}) {fix}"
        ) from error
    if found != wanted:
        keys = sorted(key for key in {*found, *wanted} if found.get(key) != wanted.get(key))
        differences = ", ".join(f"{key} {found.get(key)!r}, not {wanted.get(key)!r}" for key in keys)
        raise UsageError(f"{out}: the folder holds a data set written with {differences}. {fix}")


def _is_complete(out: Path) -> bool:
    """Return whether records and manifest are there and every file but the card is the one that was written."""
    if not (out / RECORDS_NAME).exists() or not (out / MANIFEST_NAME).exists():
        return False
    listed = {name: entry for name, entry in read_manifest(out / MANIFEST_NAME).files.items() if name != CARD}
    try:
        return build_manifest(out, listed).files == listed
    except MissingVideoError:
        return False
