"""Files that survive a kill: JSON replaced in one step, JSON lines of which at most the last can be torn.

NaN and infinities are written as null, because JSON has no word for them and a browser refuses `NaN`.
Reading knows one kind of damage that a kill can cause, a last line without its end; every other is an error.
"""

import hashlib
import math
import os
import platform
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from retroflip.errors import DataError
from retroflip.files.seals import dumped, sealed, unsealed

_PLAIN = re.compile(r"[a-z0-9_][a-z0-9_.-]{0,98}[a-z0-9_-]|[a-z0-9_]")
_HASHED = re.compile(r".*-[0-9a-f]{16}|[0-9a-f]{16}")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?")
"""names of devices on Windows, with any ending"""

LOCK_NAME = ".lock"
"""what `locks` keeps in a folder"""
MAX_NAME = 100
_UNFINISHED = re.compile(r"\..+\.(?:(?P<process>\d+)-(?:(?P<machine>[0-9a-f]{4})_)?)?\w+\.tmp", re.ASCII)
_MACHINE = hashlib.blake2b(platform.node().encode(), digest_size=2).hexdigest()
"""in the names of unfinished files, since processes of several machines may write to one folder"""
_ALIVE = 24 * 3600
"""seconds within which another machine's unfinished file may still be written"""
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
    temporary = path.with_name(f".{path.name[:MAX_NAME]}.{os.getpid()}-{_MACHINE}_{secrets.token_hex(4)}.tmp")
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
    that is still running may be writing, for folders that have no lock; another machine's counts as running for a day.
    Folders below that have a lock of their own are left alone.
    """
    for place, folders, files in os.walk(folder):
        for name in files:
            left = _UNFINISHED.fullmatch(name)
            known = names is None or any(name.startswith(f".{one[:MAX_NAME]}.") for one in names)
            if left and known and not (dead_only and _is_anothers(left, Path(place) / name)):
                (Path(place) / name).unlink(missing_ok=True)
        folders[:] = [] if names else [one for one in folders if not (Path(place) / one / LOCK_NAME).exists()]


def _is_anothers(left: re.Match[str], path: Path) -> bool:
    process, machine = left["process"], left["machine"]
    if machine not in (None, _MACHINE):
        return path.exists() and time.time() - path.stat().st_mtime < _ALIVE
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


def write_json_atomic(path: Path, value: Mapping[str, Any], *, seal: bool = True) -> None:
    """Write an object as indented JSON, atomically. Keys keep their order: equal values give equal bytes.

    seal: off for a file that another program reads.
    """
    plain = jsonable(value)
    write_text_atomic(path, (sealed if seal else dumped)(plain, indent=2) + "\n")


def read_json_object(path: Path) -> dict[str, Any]:
    """Return the object that `write_json_atomic` wrote, or one without a seal.

    Raises DataError for a file that cannot be read, holds no JSON object or was changed after it was written.
    """
    try:
        return unsealed(path.read_bytes().decode("utf-8").removesuffix("\n"), indent=2)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}).") from error
    except ValueError as error:
        raise DataError(
            f"{path}: damaged, or changed after it was written: {error}. Restore it, or make it again."
        ) from error


def part(value: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a mapping inside another; {} where there is none: a run.json may be anybody's."""
    found = value.get(name)
    return dict(found) if isinstance(found, Mapping) else {}


def write_jsonl_atomic(path: Path, rows: Iterable[Mapping[str, Any]], *, seal: bool = True) -> None:
    """Write one JSON object per line, atomically. seal: off for files that other programs read row by row."""
    plain = (jsonable(row) for row in rows)
    write = sealed if seal else dumped
    write_text_atomic(path, "".join(write(row, indent=None) + "\n" for row in plain))


def append_jsonl(path: Path, row: Mapping[str, Any]) -> int:
    """Add one JSON object with its seal as a line, and hand it to the operating system before returning.

    Returns the byte at which the line begins, for `row_at`. A torn last line that an earlier kill left behind is cut
    off first: the new row must not be glued to it.
    """
    return append_rows(path, [row])


def append_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """Add several JSON objects as `append_jsonl` adds one, the file opened once."""
    _cut_torn_line(path)
    with path.open("ab") as stream:
        begin = stream.tell()
        stream.writelines((sealed(jsonable(row), indent=None) + "\n").encode() for row in rows)
    return begin


def read_jsonl(path: Path, *, torn: bool = True) -> list[dict[str, Any]]:
    """Return the rows of a file that `append_jsonl` wrote, without a torn last line (one with no line end).

    torn: whether a last line without an end counts as torn; in a file that somebody else wrote it is a row like others.
    Raises DataError, with the line's number, for every other line that is not a JSON object, not UTF-8 or changed after
    it was written. Rows without a seal are taken as they are.
    """
    return [row for _, row in _rows(path, torn=torn)]


class PlacedRow(NamedTuple):
    """A row of a file. number: of its line, from 1. begin, end: the bytes of that line."""

    number: int
    begin: int
    end: int
    row: dict[str, Any]


def placed_rows(path: Path) -> Iterator[PlacedRow]:
    """Yield the rows of a file as `read_jsonl` returns them, with their places, one in memory at a time."""
    begin = 0
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            end = begin + len(line)
            if not line.endswith(b"\n"):
                _check_torn(path, number, line)
            elif line.strip():
                yield PlacedRow(number, begin, end, _parse_row(path, number, line[:-1]))
            begin = end


def each_row(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file as `read_jsonl` returns them, one in memory at a time."""
    return (placed.row for placed in placed_rows(path))


def row_at(path: Path, begin: int) -> dict[str, Any]:
    """Return the row whose line begins at a byte of the file. Raises DataError where it is damaged."""
    with path.open("rb") as stream:
        stream.seek(begin)
        line = stream.readline()
    try:
        return unsealed(line[:-1].decode("utf-8"), indent=None)
    except ValueError as error:
        raise DataError(f"{path}, byte {begin}: damaged, or changed since it was read: {error}.") from error


def keep_rows(path: Path, kept: Callable[[int, dict[str, Any]], bool]) -> None:
    """Rewrite a file that `append_jsonl` wrote, atomically, with those of its lines that are kept, byte for byte.

    kept: told a row's number from 1 and the row. A torn last line goes too. Raises DataError as `read_jsonl` does.
    """
    rows = _rows(path, torn=True)
    lines = [line for number, (line, row) in enumerate(rows, start=1) if kept(number, row)]
    write_bytes_atomic(path, b"".join(line + b"\n" for line in lines))


def _rows(path: Path, *, torn: bool) -> list[tuple[bytes, dict[str, Any]]]:
    lines = path.read_bytes().split(b"\n")
    if torn:
        *lines, last = lines
        _check_torn(path, len(lines) + 1, last)
    return [
        (line, _parse_row(path, number, line)) for number, line in enumerate(lines, start=1) if line.strip()
    ]


def _parse_row(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        return unsealed(line.decode("utf-8"), indent=None)
    except ValueError as error:
        raise _damaged_row(path, number, str(error)) from error


def _check_torn(path: Path, number: int, torn: bytes) -> None:
    """Raise DataError where a line has no end because that was changed: a kill leaves nothing behind a whole row."""
    try:
        is_whole = unsealed(torn[:-1].decode("utf-8"), indent=None)
    except ValueError:
        return
    if is_whole:
        raise _damaged_row(path, number, "its end is no line end")


def _damaged_row(path: Path, number: int, why: str) -> DataError:
    return DataError(
        f"{path}, line {number}: damaged, or changed after it was written: {why}. Restore the file, or delete the line "
        "if its row may be lost."
    )


def _cut_torn_line(path: Path) -> None:
    if not path.exists() or path.stat().st_size == 0:
        return
    with path.open("rb+") as stream:
        stream.seek(-1, os.SEEK_END)
        if stream.read(1) == b"\n":
            return
        content = path.read_bytes()
        whole = content.rfind(b"\n") + 1
        _check_torn(path, content.count(b"\n") + 1, content[whole:])
        stream.truncate(whole)


def sync_tree(folder: Path) -> None:
    """Return when every file under a folder is on the disk; a write that the system put off can fail only then."""
    for path in folder.rglob("*"):
        if path.is_file():
            sync_file(path)
    _sync_folder(folder)


def sync_file(path: Path) -> None:
    """Return when all of a file is on the disk."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
