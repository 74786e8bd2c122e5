"""Files that survive a kill: JSON replaced in one step, JSON lines of which at most the last can be torn.

NaN and infinities are written as null, because JSON has no word for them and a browser refuses `NaN`.
Reading knows one kind of damage that a kill can cause, a last line without its end; every other is an error.
"""

import hashlib
import json
import math
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from retroflip.errors import DataError

_PLAIN = re.compile(r"[a-z0-9_][a-z0-9_.-]{0,98}[a-z0-9_-]|[a-z0-9_]")
_HASHED = re.compile(r".*-[0-9a-f]{16}|[0-9a-f]{16}")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?")
"""names of devices on Windows, with any ending"""

LOCK_NAME = ".lock"
"""what `directory_lock` keeps in a folder"""
MAX_NAME = 100
_UNFINISHED = re.compile(r"\..+\.(?:(?P<process>\d+)-)?\w+\.tmp", re.ASCII)
_SCRATCH = "retroflip-"


def file_name(text: str) -> str:
    """Return a file name for a text that comes from data, such as a record's id; different texts have different names.

    A plain text is its own name: lower-case letters, digits, "_", "-" and ".", no longer than 100. Of every other one
    its plain part is kept, with a hash behind it: an id may hold "/", "..", NUL, capitals or a thousand characters.

    >>> file_name("clip-00012"), file_name("../A b")
    ('clip-00012', 'a-b-e3f8e011e476be6b')
    """
    if _PLAIN.fullmatch(text) and not _HASHED.fullmatch(text) and not _RESERVED.fullmatch(text):
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    kept = re.sub(r"[^a-z0-9_]+", "-", text[:40].lower()).strip("-")
    return f"{kept}-{digest}" if kept else digest


def jsonable(value: Any) -> Any:
    """Return `value` as JSON can hold it: NaN and infinities become None, paths text, numpy scalars plain."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    return value


def write_text_atomic(path: Path, text: str) -> None:
    """Put `text` (UTF-8) at `path`: a reader finds the old file or the new one whole, even after a power cut.

    Raises OSError when the folder is missing or cannot be written.
    """
    write_bytes_atomic(path, text.encode("utf-8"))


def write_bytes_atomic(path: Path, content: bytes) -> None:
    """Put `content` at `path` in the same way. Raises OSError as `write_text_atomic` does."""
    with replacing(path) as temporary, temporary.open("xb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    _sync_folder(path.parent)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a path beside `path` to write to, and put that file at `path` once it is whole; on an error it goes.

    A kill leaves it there, and `drop_unfinished` removes it at the next start.
    """
    temporary = path.with_name(f".{path.name[:MAX_NAME]}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def is_unfinished(name: str) -> bool:
    """Return whether a file of this name is what a kill left of an atomic write."""
    return _UNFINISHED.fullmatch(name) is not None


def drop_unfinished(folder: Path, names: Collection[str] | None = None, *, dead_only: bool = False) -> None:
    """Remove what kills left of atomic writes in a folder and those below it; for the only process that writes there.

    names: only what was to become files of these names, in the folder itself. dead_only: leave what another process
    that is still running may be writing, for folders that have no lock. Folders below that have a lock of their own are
    left alone.
    """
    for place, folders, files in os.walk(folder):
        for name in files:
            left = _UNFINISHED.fullmatch(name)
            known = names is None or any(name.startswith(f".{one[:MAX_NAME]}.") for one in names)
            if left and known and not (dead_only and _is_anothers(left["process"])):
                (Path(place) / name).unlink(missing_ok=True)
        folders[:] = [] if names else [one for one in folders if not (Path(place) / one / LOCK_NAME).exists()]


def _is_anothers(process: str | None) -> bool:
    return process is not None and int(process) != os.getpid() and _is_running(int(process))


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Give a folder outside of all results, which goes at the end, or after a kill when the next one is asked for."""
    _drop_dead_scratch()
    with tempfile.TemporaryDirectory(
        prefix=f"{_SCRATCH}{os.getpid()}-", ignore_cleanup_errors=True
    ) as folder:
        yield Path(folder)


@cache
def _drop_dead_scratch() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{_SCRATCH}*"):
        owner = folder.name.removeprefix(_SCRATCH).partition("-")[0]
        if owner.isdecimal() and not _is_running(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)


def _is_running(process: int) -> bool:
    """Return whether a process may be running; where the system cannot tell, it may."""
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def write_json_atomic(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, atomically. Keys keep their order, so equal values give equal bytes."""
    write_text_atomic(path, json.dumps(jsonable(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_jsonl_atomic(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write one JSON object per line, atomically."""
    write_text_atomic(path, "".join(_line(row) for row in rows))


def append_jsonl(path: Path, row: Mapping[str, Any]) -> None:
    """Add one JSON object as a line and hand it to the operating system before returning.

    A torn last line that an earlier kill left behind is cut off first: the new row must not be glued to it.
    """
    _cut_torn_line(path)
    with path.open("a", encoding="utf-8", newline="\n") as stream:
        stream.write(_line(row))


def read_jsonl(path: Path, *, torn: bool = True) -> list[dict[str, Any]]:
    """Return the rows of a file that `append_jsonl` wrote, without a torn last line (one with no line end).

    torn: whether a last line without an end counts as torn; in a file that somebody else wrote it is a row like others.
    Raises DataError, with the line's number, for every other line that is not a JSON object or not UTF-8.
    """
    lines = path.read_bytes().split(b"\n")
    whole = lines[:-1] if torn else lines
    return [_parse_row(path, number, line) for number, line in enumerate(whole, start=1) if line.strip()]


def _parse_row(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line.decode("utf-8"))
    except ValueError as error:
        raise DataError(
            f"{path}, line {number}: not JSON ({error}). The file was changed or damaged after it was "
            "written; restore it, or delete the line if its row may be lost."
        ) from error
    if not isinstance(row, dict):
        raise DataError(f"{path}, line {number}: expected a JSON object, found {type(row).__name__}.")
    return row


def _line(row: Mapping[str, Any]) -> str:
    return json.dumps(jsonable(row), ensure_ascii=False, allow_nan=False) + "\n"


def _cut_torn_line(path: Path) -> None:
    if not path.exists() or path.stat().st_size == 0:
        return
    with path.open("rb+") as stream:
        stream.seek(-1, os.SEEK_END)
        if stream.read(1) == b"\n":
            return
        whole = path.read_bytes().rfind(b"\n") + 1
        stream.truncate(whole)


def sync_tree(folder: Path) -> None:
    """Return when every file under a folder is on the disk; a write that the system put off can fail only then."""
    for path in folder.rglob("*"):
        if path.is_file():
            descriptor = os.open(path, os.O_RDWR)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
    _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
