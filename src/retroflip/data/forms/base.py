"""What a form of data files is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from retroflip.errors import DataError

HEAD = 4096
"""bytes of a file's beginning that tell its form"""
Row: TypeAlias = tuple[int, dict[str, Any] | DataError]
"""a record, or what is wrong with it, and the line (in a binary table the row, from 1) on which it begins"""


@dataclass(frozen=True)
class Form:
    """One form of data files.

    recognises: whether a file that begins so is of this form. rows: its records; raises DataError where nothing of it
    can be read. table: whether its cells are one text or number each, so that lists stand in them as texts. with_bytes:
    its records with the columns that hold files' bytes, which `rows` passes over; None for a form that has none.
    """

    name: str
    recognises: Callable[[bytes], bool]
    rows: Callable[[Path], Iterator[Row]]
    table: bool = False
    with_bytes: Callable[[Path], Iterator[Row]] | None = None


def text_of(path: Path) -> str:
    """Return a UTF-8 file's text, without the mark that may stand before it. Raises DataError for another encoding."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not a UTF-8 text file (byte {error.start}). Save it as UTF-8.") from error
