"""The first sheet of an Excel file as records, as VLMEvalKit writes its results: a row of names, and a row for each."""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from retroflip.errors import DataError

MAGIC = b"PK\x03\x04"
_SPACE = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_MOST = 1 << 30
"""bytes of a part, unpacked"""
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


def workbook_rows(path: Path) -> list[dict[str, str]]:
    """Return the records of the first sheet; a cell that is empty is left out of its record.

    Raises DataError for a file that is no workbook, or a damaged one.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            shared = _shared(archive)
            table = list(_table(archive, shared))
    except (zipfile.BadZipFile, ElementTree.ParseError, KeyError, ValueError, IndexError, OSError) as error:
        raise DataError(
            f"{path}: not an Excel workbook that can be read ({error}). Save it again as TSV."
        ) from error
    names = table[0] if table else {}
    return [{names[column]: value for column, value in row.items() if column in names} for row in table[1:]]


def _part(archive: zipfile.ZipFile, name: str) -> ElementTree.Element:
    if archive.getinfo(name).file_size > _MOST:
        raise ValueError(f"{name} is larger than {_MOST} bytes")
    return ElementTree.fromstring(archive.read(name))  # noqa: S314 - expat limits what entities expand to


def _shared(archive: zipfile.ZipFile) -> list[str]:
    name = "xl/sharedStrings.xml"
    if name not in archive.namelist():
        return []
    return [_text(entry) for entry in _part(archive, name).iter(f"{_SPACE}si")]


def _text(element: ElementTree.Element) -> str:
    written = "".join(part.text or "" for part in element.iter(f"{_SPACE}t"))
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), written)


def _table(archive: zipfile.ZipFile, shared: list[str]) -> Iterator[dict[str, str]]:
    """Yield the rows of the first sheet, cells by the letters of their columns."""
    sheets = sorted(
        (int(found[1]), name)
        for name in archive.namelist()
        if (found := re.fullmatch(r"xl/worksheets/sheet(\d+)\.xml", name))
    )
    for row in _part(archive, sheets[0][1]).iter(f"{_SPACE}row"):
        cells = {}
        for cell in row.iter(f"{_SPACE}c"):
            value = _value(cell, shared)
            if value is not None:
                cells[re.sub(r"\d", "", cell.get("r", ""))] = value
        yield cells


def _value(cell: ElementTree.Element, shared: list[str]) -> str | None:
    inline, value = cell.find(f"{_SPACE}is"), cell.find(f"{_SPACE}v")
    if inline is not None:
        return _text(inline)
    if value is None or value.text is None:
        return None
    return shared[int(value.text)] if cell.get("t") == "s" else value.text
