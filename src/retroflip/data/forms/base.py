"""What a form of data files is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from retroflip.errors import DataError

HEAD = 4096
"""bytes of a file's beginning that tell its form"""


class Spot(NamedTuple):
    """Where a record stands in its file.

    record: which one it is, from 1. line: on which it begins; None in a binary table. unit: what a record is called
    where its line alone does not name it: all records of a JSON array may stand on one line.
    """

    record: int
    line: int | None = None
    unit: str = ""

    def __str__(self) -> str:
        line = [] if self.line is None else [f"line {self.line}"]
        return ", ".join([*line, *([f"{self.unit} {self.record}"] if self.unit else [])])


Row: TypeAlias = tuple[Spot, dict[str, Any] | DataError]
"""a record, or what is wrong with it, and where it stands"""


@dataclass(frozen=True)
class Form:
    """One form of data files.

    recognises: whether a file that begins so is of this form. rows: its records; raises DataError where nothing of it
    can be read. table: whether its cells are one text or number each, so that lists stand in them as texts. with_bytes:
    its records with the columns that hold files' bytes, which `rows` passes over; None for a form that has none.
    remark: a sentence on what of a file is no part of its records; "" where there is nothing.
    """

    name: str
    recognises: Callable[[bytes], bool]
    rows: Callable[[Path], Iterator[Row]]
    table: bool = False
    with_bytes: Callable[[Path], Iterator[Row]] | None = None
    remark: Callable[[Path], str] = lambda _: ""
