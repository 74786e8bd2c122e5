"""Tables as text: a line of names, then a record a line, cells between commas, semicolons or tabs (RFC 4180)."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from retroflip.data.forms.base import Form, Row, Spot
from retroflip.data.forms.text_stream import lines, not_utf_8
from retroflip.errors import DataError

_DELIMITERS = ",;\t"
_NO_NAME = re.compile(r'[{}\[\]<>:"]')
MAX_CELL = 2**24
"""characters of one cell"""


def _delimiter(first_line: str) -> str | None:
    """Return what separates the names of columns; None where the line does not name at least two."""
    found = max(_DELIMITERS, key=first_line.count)
    if not first_line.count(found):
        return None
    try:
        (names,) = csv.reader([first_line], delimiter=found, strict=True)
    except (csv.Error, ValueError):
        return None
    named = all(name.strip() and not _NO_NAME.search(name) for name in names)
    return found if named else None


def _recognises(head: bytes) -> bool:
    first_line = head.removeprefix(b"\xef\xbb\xbf").splitlines()[:1]
    return bool(first_line) and _delimiter(first_line[0].decode("utf-8", "surrogateescape")) is not None


def _rows(path: Path) -> Iterator[Row]:
    delimiter = _delimiter(next(lines(path)).rstrip("\r\n")) or ","
    csv.field_size_limit(MAX_CELL)
    reader = csv.reader(lines(path), delimiter=delimiter, strict=True)
    try:
        names = [name.strip() for name in next(reader)]
        if broken := not_utf_8(delimiter.join(names), "the columns' names"):
            raise DataError(f"{path}, line 1: {broken}")
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise DataError(f"{path}: two columns are called {twice[0]!r}. Rename one of them.")
        line, row = reader.line_num + 1, 0
        for cells in reader:
            if cells:
                row += 1
                yield Spot(row, line, "row"), _record(names, cells)
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(
            f"{path}, line {reader.line_num}: not a table (CSV): {error}. Mend its quotes; a quote inside of a cell is "
            "written twice."
        ) from error


def _record(names: list[str], cells: list[str]) -> dict[str, str] | DataError:
    if len(cells) != len(names):
        return DataError(
            f"it has {len(cells)} cells, and the first line names {len(names)} columns. Put cells that hold the "
            "delimiter in quotes."
        )
    for name, cell in zip(names, cells, strict=True):
        if broken := not_utf_8(cell, f"the cell under {name!r:.60}"):
            return broken
    return {name: cell for name, cell in zip(names, cells, strict=True) if cell.strip()}


FORM = Form("a table (CSV)", _recognises, _rows, table=True)
