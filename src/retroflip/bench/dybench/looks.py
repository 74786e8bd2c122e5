"""What looking at media found out, kept for the next time: a build that was stopped does not look at thousands again.

Kept in the folder of all that any run may use again (`files.cache`), by the files' names, sizes and times, by what was
looked for, and by the settings that decide it.
"""

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from retroflip.errors import DataError
from retroflip.files.cache import cache_folder
from retroflip.files.storage import read_json_object, write_json_atomic


def looked(
    what: str, files: Sequence[Path], settings: Sequence[Any], look: Callable[[], Mapping[str, Any]]
) -> Mapping[str, Any]:
    """Return what `look` finds, from an earlier time where the files and the settings are the same.

    what: the look's name and version. files: what it depends on, which must be there. settings: as JSON can hold them.
    """
    key = json.dumps([what, [_state(file) for file in files], list(settings)])
    name = hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
    path = cache_folder("looks") / name[:2] / f"{name}.json"
    try:
        return read_json_object(path)
    except DataError:  # there is none, or a damaged one
        found = look()
    _keep(path, found)
    return found


def _state(file: Path) -> list[Any]:
    status = file.stat()
    return [os.fspath(file.absolute()), status.st_size, status.st_mtime_ns]


def _keep(path: Path, found: Mapping[str, Any]) -> None:
    """Keep what was found, where the folder can be written; what cannot be kept is found again."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json_atomic(path, found)
    except OSError:
        return
