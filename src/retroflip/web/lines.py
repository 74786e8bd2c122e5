"""Files of JSON lines that grow while a page shows them: each line is read once, and what a page needs of it is kept.

What is kept is in memory and can be thrown away: it is made of the file alone, goes on where the file has grown, and
begins anew where the file was cut or is another one (a resumed run drops the rows behind its last checkpoint). A file
is read in a thread of its own, so that a page asks what there is so far and never waits for a large one.
"""

import json
import os
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from threading import Lock, Thread
from typing import Any, BinaryIO, Generic, TypeAlias, TypeVar

from retroflip.errors import DataError

KeyT = TypeVar("KeyT", bound=Hashable)
AboutT = TypeVar("AboutT")
BLOCK = 2**18
"""bytes that are read at a time"""
TAIL = 512
"""bytes in front of where reading stopped, by which it is seen that the file was written anew"""

Row = dict[str, Any]


Stamp: TypeAlias = tuple[int, int]
"""a file's size and time, by which one that changed is told"""


def stamped(path: Path) -> tuple[Path, Stamp]:
    """Return a file with its stamp, as what is read of it is remembered. Raises OSError where it is not there."""
    found = path.stat()
    return path, (found.st_size, found.st_mtime_ns)


class GrowingFile:
    """What was read of a file of JSON lines so far. A subclass keeps rows in `_keep`, and forgets them in `_forget`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damaged = 0
        """lines that are no JSON object"""
        self.generation = 0
        """how often the file was begun anew"""
        self._lock = Lock()
        self._reader: Thread | None = None
        self._fault: OSError | None = None
        self._read = self._size = 0
        self._inode: int | None = None
        self._tail = b""

    def _keep(self, row: Row, begin: int, length: int) -> None:
        """Keep what is needed of a row that stands at these bytes of the file."""
        raise NotImplementedError

    def _forget(self) -> None:
        """Forget all rows."""
        raise NotImplementedError

    def refresh(self, wait: float | None = None) -> float:
        """Read what was added, for so many seconds at most, and return which share of the file is read by then.

        The rest is read on behind it. A last line without its end waits for the next call. Raises DataError for a file
        that cannot be read.
        """
        with self._lock:
            if self._reader is None or not self._reader.is_alive():
                self._reader = Thread(target=self._read_on, daemon=True)
                self._reader.start()
            reader = self._reader
        reader.join(wait)
        if self._fault is not None:
            raise DataError(
                f"{self.path} cannot be read: {self._fault.strerror}. Let this user read it."
            ) from self._fault
        if not reader.is_alive():
            return 1.0
        return min(1.0, self._read / self._size) if self._size else 0.0

    def _read_on(self) -> None:
        self._fault = None
        try:
            with self.path.open("rb") as stream:
                self._begin_anew_if_other(stream)
                stream.seek(self._read)
                rest = b""
                while block := stream.read(BLOCK):
                    rest = self._take(rest + block)
        except FileNotFoundError:
            self._begin_anew(None)
        except OSError as error:
            self._fault = error

    def _begin_anew_if_other(self, stream: BinaryIO) -> None:
        found = os.fstat(stream.fileno())
        stream.seek(self._read - len(self._tail))
        same = found.st_ino == self._inode and found.st_size >= self._read
        if not (same and stream.read(len(self._tail)) == self._tail):
            self._begin_anew(found.st_ino)
        self._size = found.st_size

    def _begin_anew(self, inode: int | None) -> None:
        with self._lock:
            self.generation += self._read > 0
            self._read, self._tail, self._inode, self.damaged = 0, b"", inode, 0
            self._forget()

    def _take(self, read: bytes) -> bytes:
        """Keep the whole lines, and return what is left of the last one."""
        *lines, rest = read.split(b"\n")
        with self._lock:
            for line in lines:
                self._add(line)
                self._read += len(line) + 1
            whole = read[: len(read) - len(rest)]
            self._tail = (self._tail + whole)[-TAIL:]
        return rest

    def _add(self, line: bytes) -> None:
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if isinstance(row, dict):
            self._keep(row, self._read, len(line))
        else:
            self.damaged += 1


class LineIndex(GrowingFile, Generic[KeyT, AboutT]):
    """Where each row of a file begins, by a key, in the order in which keys first occur; rows without one are left out.

    key: of a row, or None. about: what is kept in memory of all rows with one key, from what was kept and a further
    row (None for the first).
    """

    def __init__(
        self, path: Path, key: Callable[[Row], KeyT | None], about: Callable[[AboutT | None, Row], AboutT]
    ) -> None:
        super().__init__(path)
        self._key, self._about = key, about
        self._places: dict[KeyT, list[tuple[int, int]]] = {}
        self._known: dict[KeyT, AboutT] = {}

    def _keep(self, row: Row, begin: int, length: int) -> None:
        key = self._key(row)
        if key is not None:
            self._places.setdefault(key, []).append((begin, length))
            self._known[key] = self._about(self._known.get(key), row)

    def _forget(self) -> None:
        self._places.clear()
        self._known.clear()

    def known(self) -> dict[KeyT, AboutT]:
        """Return what is kept of every key."""
        with self._lock:
            return dict(self._known)

    def __len__(self) -> int:
        """Return how many keys there are."""
        with self._lock:
            return len(self._known)

    def rows(self, keys: Sequence[KeyT]) -> list[Row]:
        """Return the rows of these keys, key by key. Raises DataError where the file is being written anew."""
        with self._lock:
            places = [place for key in keys for place in self._places.get(key, [])]
        if not places:
            return []
        try:
            with self.path.open("rb") as stream:
                return [_row_at(stream, *place) for place in places]
        except (ValueError, FileNotFoundError) as error:
            raise DataError(f"{self.path} is being written anew. Load the page again.") from error


def _row_at(stream: BinaryIO, begin: int, length: int) -> Row:
    stream.seek(begin)
    return dict(json.loads(stream.read(length)))
