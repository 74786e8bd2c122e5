"""JSON records: one object per line (JSONL), or all of them in one array.

Each record is named by its line, in an array by its number too, a key that stands twice in one is a fault, and other
forms are told by name. A file is read a piece at a time: an array of a quarter of a million records needs no more
memory than one record, and so does one object whose lists hold the records (`entries`).
"""

import json
from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from retroflip.data.foreign import foreign_file, foreign_object
from retroflip.data.forms.base import HEAD, Form, Row, Spot
from retroflip.data.forms.text_stream import LONGEST_RECORD, PIECE, Window, not_utf_8, pieces
from retroflip.errors import DataError

Record = dict[str, Any]


class _NoJsonError(DataError):
    """What begins at a place is no JSON, so that its end is not known."""


def _rows(path: Path) -> Iterator[Row]:
    with path.open("rb") as stream:
        if (reason := foreign_file(stream.read(HEAD))) is not None:
            raise DataError(f"{path}: {reason}")
    reader, window = _Reader(), Window(path)
    start = window.skip_space(0)
    array = window.text.startswith("[", start)
    found = _array_items(window, start, reader) if array else _lines(path, reader)
    for number, (line, row) in enumerate(found, start=1):
        spot = Spot(number, line, "record" if array else "")
        if isinstance(row, dict | DataError):
            yield spot, row
        else:
            yield spot, DataError(f"expected a JSON object, found {json.dumps(row)[:60]}.")


class _Reader:
    """Reads JSON values, and notices a key that stands twice in one object: `json` keeps the last and says nothing."""

    def __init__(self) -> None:
        self._decoder = json.JSONDecoder(object_pairs_hook=self._object)
        self._repeated: list[str] = []

    def read(self, text: str, start: int) -> tuple[Any, int]:
        """Return the value that begins at `start`, or what is wrong with it, and where it ends.

        Raises _NoJsonError where it is no JSON.
        """
        self._repeated.clear()
        try:
            value, end = self._decoder.raw_decode(text, start)
        except (ValueError, RecursionError) as error:
            why = error.msg if isinstance(error, json.JSONDecodeError) else error
            raise _NoJsonError(f"not JSON ({why}). Expected one record; mend or delete this one.") from error
        if self._repeated:
            keys = ", ".join(map(repr, dict.fromkeys(self._repeated)))
            value = DataError(f"{keys:.60} stands twice in one object. Keep one of the two.")
        return value, end

    def _object(self, pairs: list[tuple[str, Any]]) -> Record:
        found = dict(pairs)
        if len(found) < len(pairs):
            self._repeated += [key for key, count in Counter(key for key, _ in pairs).items() if count > 1]
        return found


def _lines(path: Path, reader: _Reader) -> Iterator[tuple[int, Any]]:
    for line, content in enumerate(_each_line(path), start=1):
        if content is None:
            yield line, DataError(f"more than {LONGEST_RECORD} characters, too many for a record.")
            continue
        if not content.strip():
            continue
        if (broken := not_utf_8(content)) is not None:
            yield line, broken
            continue
        try:
            value, end = reader.read(content, _after_space(content, 0))
            if rest := content[end:].strip():
                raise _NoJsonError(f"not JSON (extra data: {rest:.40}). Expected one record per line.")
        except _NoJsonError as error:
            if line == 1 and (reason := _whole_object(path)) is not None:
                raise DataError(f"{path}: {reason}") from error
            value = error
        yield line, value


def _each_line(path: Path) -> Iterator[str | None]:
    """Yield the lines of a file, None for one that is too long to be a record; of that one little is held."""
    started, too_long = "", False
    for piece in pieces(path):
        for number, part in enumerate(piece.split("\n")):
            if number:
                yield None if too_long else started
                started, too_long = "", False
            started = "" if too_long else started + part
            too_long = too_long or len(started) > LONGEST_RECORD
    yield None if too_long else started


def _whole_object(path: Path) -> str | None:
    """Return what a file is that holds one object over several lines; None for others."""
    outline: Record = {}
    try:
        for one in entries(path):
            outline.setdefault(one.key, [one.value] if one.listed else one.value)
    except DataError:
        return None
    return foreign_object(outline)


class Entry(NamedTuple):
    """A value of one object that is a whole file. listed: it is an item of the list under its key."""

    key: str
    line: int
    value: Any
    listed: bool


def entries(path: Path) -> Iterator[Entry]:
    """Yield what an object holds that is a whole file, of lists one item after the other; of an item that is broken,
    a DataError in its place. Raises DataError where the file holds anything else.
    """
    reader, window = _Reader(), Window(path)
    start, separator = window.skip_space(0), ","
    if not window.text.startswith("{", start):
        raise DataError(f"{path}: it is no JSON object.")
    while separator == ",":
        start = window.skip_space(start + 1)
        if window.text.startswith("}", start):
            break
        key, start = _key(window, start, reader)
        if window.text.startswith("[", start):
            start = yield from _listed(key, window, start, reader)
        else:
            line = window.line_at(start)
            value, start = _item(window, start, reader)
            yield Entry(key, line, value, listed=False)
        start = window.skip_space(start)
        separator = window.text[start : start + 1]
        if start > PIECE:
            window.cut(start)
            start = 0
    if not window.text.startswith("}", start) or window.text[window.skip_space(start + 1) :].strip():
        raise DataError(
            f"{path}, line {window.line_at(start)}: the object does not end with '}}' as the file does."
        )


def _key(window: Window, start: int, reader: _Reader) -> tuple[str, int]:
    """Return a key, and where its value begins."""
    key, end = _item(window, start, reader)
    end = window.skip_space(end)
    if not isinstance(key, str) or not window.text.startswith(":", end):
        raise DataError(f"line {window.line_at(start)}: not JSON (expected a key and ':').")
    return key, window.skip_space(end + 1)


def _listed(key: str, window: Window, start: int, reader: _Reader) -> Generator[Entry, None, int]:
    """Yield the items of a list, and return where what follows it begins."""
    items = _items(window, start, reader)
    while True:
        try:
            line, item = next(items)
        except StopIteration as stop:
            if stop.value is None:
                raise DataError(
                    f"line {window.line_at(0)}: the list {key!r} cannot be read to its end."
                ) from stop
            return int(stop.value)
        yield Entry(key, line, item, listed=True)


def _array_items(window: Window, start: int, reader: _Reader) -> Iterator[tuple[int, Any]]:
    """Read an array that is a whole file."""
    end = yield from _items(window, start, reader)
    if end is not None and (rest := window.text[window.skip_space(end) :].strip()):
        yield window.line_at(end), DataError(f"text follows the array's end: {rest[:40]!r}. Delete it.")


def _items(window: Window, start: int, reader: _Reader) -> Generator[tuple[int, Any], None, int | None]:
    """Read an array item by item, so that each can be named by its line; what follows broken JSON cannot be read.

    Returns where what follows the array begins, None where its end is not known.
    """
    separator = "["
    while True:
        start = window.skip_space(start + 1 if separator else start)
        line = window.line_at(start)
        if window.text.startswith("]", start) and separator != ",":
            break
        try:
            item, end = _item(window, start, reader)
        except _NoJsonError as error:
            yield line, error
            return None
        yield line, not_utf_8(window.text[start:end]) or item
        start = window.skip_space(end)
        separator = window.text[start : start + 1]
        if separator not in (",", "]"):
            yield line, DataError("the array goes on after this record without ',' or ']'.")
            return None
        if separator == "]":
            break
        if start > PIECE:
            window.cut(start)
            start = 0
    return start + 1


def _item(window: Window, start: int, reader: _Reader) -> tuple[Any, int]:
    """Return the value that begins at `start` and where it ends, reading on where the part at hand ends within it."""
    while True:
        try:
            item, end = reader.read(window.text, start)
        except _NoJsonError:
            if len(window.text) - start > LONGEST_RECORD or not window.grow():
                raise
            continue
        # A number or a word may go on behind the part at hand.
        if end < len(window.text) or not window.grow():
            return item, end


def _after_space(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t\r\n":
        position += 1
    return position


FORM = Form("JSON records", lambda _: True, _rows)
