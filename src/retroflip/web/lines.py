"""An index of a file of JSON lines: where each row begins, by a key, so that a page reads only the rows it shows.

The index is in memory and can be thrown away: it is made of the file alone, goes on where the file has grown, and
begins anew where it was cut (a resumed run drops the rows behind its last checkpoint).
"""

import json
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Generic, TypeVar

KeyT = TypeVar("KeyT", bound=Hashable)
AboutT = TypeVar("AboutT")
BLOCK = 2**22
"""bytes that are read at a time"""

Row = dict[str, Any]


class LineIndex(Generic[KeyT, AboutT]):
    """Rows of a file by key, in the order in which keys first occur; rows without a key are passed over.

    key: of a row, or None. about: what is kept in memory of all rows with one key, from what was kept and a further
    row (None for the first).
    """

    def __init__(
        self, path: Path, key: Callable[[Row], KeyT | None], about: Callable[[AboutT | None, Row], AboutT]
    ) -> None:
        self._path, self._key, self._about = path, key, about
        self._lock = Lock()
        self._read = 0
        self._places: dict[KeyT, list[tuple[int, int]]] = {}
        self._known: dict[KeyT, AboutT] = {}
        self.damaged = 0
        """lines that are no JSON object"""

    def refresh(self) -> None:
        """Read what was added to the file since the last call; a last line without its end waits for the next."""
        with self._lock:
            size = self._path.stat().st_size if self._path.is_file() else 0
            if size < self._read:
                self._read, self.damaged = 0, 0
                self._places.clear()
                self._known.clear()
            if size > self._read:
                self._read_on()

    def _read_on(self) -> None:
        with self._path.open("rb") as stream:
            stream.seek(self._read)
            rest = b""
            while block := stream.read(BLOCK):
                *lines, rest = (rest + block).split(b"\n")
                for line in lines:
                    self._add(line)
                    self._read += len(line) + 1

    def _add(self, line: bytes) -> None:
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict):
            self.damaged += 1
            return
        key = self._key(row)
        if key is not None:
            self._places.setdefault(key, []).append((self._read, len(line)))
            self._known[key] = self._about(self._known.get(key), row)

    def known(self) -> dict[KeyT, AboutT]:
        """Return what is kept of every key."""
        with self._lock:
            return dict(self._known)

    def rows(self, keys: Sequence[KeyT]) -> list[Row]:
        """Return the rows of these keys, key by key."""
        with self._lock:
            places = [place for key in keys for place in self._places.get(key, [])]
        with self._path.open("rb") as stream:
            return [_row_at(stream, *place) for place in places]


def _row_at(stream: Any, begin: int, length: int) -> Row:
    stream.seek(begin)
    return dict(json.loads(stream.read(length)))
