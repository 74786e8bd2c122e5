"""JSON records: one object per line (JSONL), or all of them in one array.

Each record is named by its line, a key that stands twice in one is a fault, and other forms are told by name.
"""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from retroflip.data.foreign import foreign_file, foreign_object
from retroflip.data.forms.base import HEAD, Form, Row, text_of
from retroflip.errors import DataError

Record = dict[str, Any]


def _rows(path: Path) -> Iterator[Row]:
    with path.open("rb") as stream:
        if (reason := foreign_file(stream.read(HEAD))) is not None:
            raise DataError(f"{path}: {reason}")
    text, reader = text_of(path), _Reader()
    found = _array_items(text, reader) if text.lstrip().startswith("[") else _lines(path, text, reader)
    for line, row in found:
        if isinstance(row, dict | DataError):
            yield line, row
        else:
            yield line, DataError(f"expected a JSON object, found {json.dumps(row)[:60]}.")


class _Reader:
    """Reads JSON values, and notices a key that stands twice in one object: `json` keeps the last and says nothing."""

    def __init__(self) -> None:
        self._decoder = json.JSONDecoder(object_pairs_hook=self._object)
        self._repeated: list[str] = []

    def read(self, text: str, start: int) -> tuple[Any, int]:
        """Return the value that begins at `start`, or what is wrong with it, and where it ends.

        Raises DataError where it is no JSON, so that its end is not known.
        """
        self._repeated.clear()
        try:
            value, end = self._decoder.raw_decode(text, start)
        except (ValueError, RecursionError) as error:
            raise DataError(f"not JSON ({error}). Expected one record; mend or delete this one.") from error
        if self._repeated:
            keys = ", ".join(map(repr, dict.fromkeys(self._repeated)))
            value = DataError(f"{keys:.60} stands twice in one object. Keep one of the two.")
        return value, end

    def _object(self, pairs: list[tuple[str, Any]]) -> Record:
        found = dict(pairs)
        if len(found) < len(pairs):
            self._repeated += [key for key, count in Counter(key for key, _ in pairs).items() if count > 1]
        return found


def _lines(path: Path, text: str, reader: _Reader) -> Iterator[tuple[int, Any]]:
    for line, content in enumerate(text.split("\n"), start=1):
        if not content.strip():
            continue
        try:
            value, end = reader.read(content, _after_space(content, 0))
            if rest := content[end:].strip():
                raise DataError(f"not JSON (extra data: {rest:.40}). Expected one record per line.")
        except DataError as error:
            if line == 1 and (reason := foreign_object(text)) is not None:
                raise DataError(f"{path}: {reason}") from error
            value = error
        yield line, value


def _array_items(text: str, reader: _Reader) -> Iterator[tuple[int, Any]]:
    """Read an array item by item, so that each can be named by its line; what follows broken JSON cannot be read."""
    position, line, counted = text.index("[") + 1, 1, 0
    separator = ""
    while True:
        start = _after_space(text, position)
        line, counted = line + text.count("\n", counted, start), start
        if text.startswith("]", start) and separator != ",":
            break
        try:
            item, end = reader.read(text, start)
        except DataError as error:
            yield line, error
            return
        yield line, item
        end = _after_space(text, end)
        separator = text[end : end + 1]
        if separator not in (",", "]"):
            yield line, DataError("the array goes on after this record without ',' or ']'.")
            return
        position = end + (separator == ",")
    if rest := text[start + 1 :].strip():
        yield line, DataError(f"text follows the array's end: {rest[:40]!r}. Delete it.")


def _after_space(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t\r\n":
        position += 1
    return position


FORM = Form("JSON records", lambda _: True, _rows)
