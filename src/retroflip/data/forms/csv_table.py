"""Tables as text: a line of names, then a record a line, cells between commas, semicolons or tabs (RFC 4180).

The first column may have no name where it numbers the rows, as in tables that pandas writes; it is passed over.
"""

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from retroflip.data.foreign import foreign_file
from retroflip.data.forms.base import Form, Row, Spot
from retroflip.data.forms.text_stream import lines, not_utf_8
from retroflip.errors import DataError

if TYPE_CHECKING:
    from _csv import Reader

_DELIMITERS = ",;\t"
_ENDINGS = (".csv", ".tsv")
_NO_NAME = re.compile(r'[{}"]')
_NO_NAMES = re.compile(r"\s*(?:<|\{\s*(?:[\"'}]|$)|\[\s*(?:[\[{\]\"'\d-]|null\b|true\b|false\b|NaN\b|$))")
"""how JSON, lists and mappings of Python and markup begin, and names of columns do not"""
_WHOLE = re.compile(r"\s*\d+\s*", re.ASCII)
MAX_CELL = 2**24
"""characters of one cell"""


def _delimiter(first_line: str) -> str:
    """Return what separates the names of columns."""
    return max(_DELIMITERS, key=first_line.count)


def _are_names(first_line: str) -> bool:
    """Return whether a line surely names columns, at least two of them."""
    if _NO_NAMES.match(first_line):
        return False
    try:
        (names,) = csv.reader([first_line], delimiter=_delimiter(first_line), strict=True)
    except (csv.Error, ValueError):
        return False
    named = all(name.strip() for name in names[1:]) and not any(map(_NO_NAME.search, names))
    return len(names) > 1 and named


def _recognises(head: bytes) -> bool:
    first_line = head.removeprefix(b"\xef\xbb\xbf").splitlines()[:1]
    return bool(first_line) and _are_names(first_line[0].decode("utf-8", "surrogateescape"))


def is_named_so(path: Path, head: bytes) -> bool:
    """Return whether a file's name says that it is a table, and its beginning does not say that it is anything else:
    with one column, or names that cannot be read, nothing else tells a table."""
    text = head.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    may_be = bool(text.strip()) and foreign_file(head) is None and not _NO_NAMES.match(text)
    return path.suffix.lower() in _ENDINGS and may_be


def _rows(path: Path) -> Iterator[Row]:
    reader = _open(path)
    try:
        names = _names(path, reader)
        line, row = reader.line_num + 1, 0
        for cells in reader:
            if cells:
                row += 1
                if row == 1 and not names[0] and not _WHOLE.fullmatch(cells[0]):
                    raise DataError(
                        f"{path}, line 1: the first column has no name, and {cells[0]!r:.40} in it is no number of "
                        "the row. Name all columns in the first line of the table."
                    )
                yield Spot(row, line, "row"), _record(names, cells)
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(
            f"{path}, line {reader.line_num}: not a table (CSV): {error}. Mend its quotes; a quote inside of a cell is "
            "written twice."
        ) from error


def _open(path: Path) -> "Reader":
    first_line = next((line for line in lines(path) if line.strip()), "")
    csv.field_size_limit(MAX_CELL)
    return csv.reader(lines(path), delimiter=_delimiter(first_line), strict=True)


def _names(path: Path, reader: "Reader") -> list[str]:
    """Return the columns' names, of which the first may be "". Raises DataError for names that cannot be told apart."""
    header: list[str] = next((row for row in reader if len(row) > 1 or any(map(str.strip, row))), [])
    names = [name.strip() for name in header]
    if broken := not_utf_8(",".join(names), "the columns' names"):
        raise DataError(f"{path}, line {reader.line_num}: {broken}")
    if not names:
        raise DataError(f"{path}: its first line names no columns.")
    if "" in names[1:]:
        raise DataError(
            f"{path}, line {reader.line_num}: column {names.index('', 1) + 1} of {len(names)} has no name. The first "
            "line of a table names its columns: name this one, or delete it."
        )
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DataError(f"{path}: two columns are called {twice[0]!r}. Rename one of them.")
    return names


def _remark(path: Path) -> str:
    """Return that the first column is passed over, where it is."""
    reader = _open(path)
    try:
        is_numbered = not _names(path, reader)[0]
    except csv.Error:
        return ""
    return "The first column has no name and numbers the rows: it is passed over." if is_numbered else ""


def _record(names: list[str], cells: list[str]) -> dict[str, str] | DataError:
    if len(cells) != len(names):
        return DataError(
            f"it has {len(cells)} cells, and the first line names {len(names)} columns. Put cells that hold the "
            "delimiter in quotes."
        )
    for name, cell in zip(names, cells, strict=True):
        if broken := not_utf_8(cell, f"the cell under {name!r:.60}"):
            return broken
    return {name: cell for name, cell in zip(names, cells, strict=True) if name and cell.strip()}


FORM = Form("a table (CSV)", _recognises, _rows, table=True, remark=_remark)
