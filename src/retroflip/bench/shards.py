"""Answers of several processes, each in a file of its own until they are put together in one, in the order of the data.

A kill may come at any moment: what a process has written is taken over by the next run, whatever its number of
processes, and a row that is in two files after a kill counts once.
"""

import hashlib
from array import array
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from retroflip.bench.catalogue import Catalogue
from retroflip.bench.records import Control
from retroflip.bench.score import ANSWERS
from retroflip.data.record_notes import gather_notes
from retroflip.files.shards import other_shards
from retroflip.files.storage import each_row, replacing, sync_file

Integers = npt.NDArray[np.int64]

_CONTROLS = {control.value: place for place, control in enumerate(Control)}
_DRAWS = 2**20
"""more than a question has"""


class _Lines(NamedTuple):
    """The lines of files, L of them: what they are ordered by, where each is, and a hash of it."""

    order_L: Integers
    file_L: Integers
    begin_L: Integers
    length_L: Integers
    hash_L: Integers


def gather(out: Path, catalogue: Catalogue) -> None:
    """Put the answers of all processes into one file, ordered by question, control and draw; it is replaced in one
    step, and left alone where it is in order already.

    Raises DataError for a damaged row.
    """
    whole = out / ANSWERS
    files = [path for path in (whole, *other_shards(out, ANSWERS)) if path.exists()]
    lines = _read(files, catalogue)
    kept = _in_order(lines)
    if files not in ([], [whole]) or not np.array_equal(kept, np.arange(len(lines.order_L))):
        with replacing(whole) as temporary:
            _copy(files, lines, kept, temporary)
            sync_file(temporary)
    for path in other_shards(out, ANSWERS):
        path.unlink()
    gather_notes(out)


def _read(files: Sequence[Path], catalogue: Catalogue) -> _Lines:
    columns = [array("q") for _ in _Lines._fields]
    for index, path in enumerate(files):
        for row, (begin, line) in zip(each_row(path), _whole_lines(path), strict=True):
            hashed = hashlib.blake2b(line, digest_size=8).digest()
            found = (
                _order(row, catalogue),
                index,
                begin,
                len(line),
                int.from_bytes(hashed, "big", signed=True),
            )
            for column, value in zip(columns, found, strict=True):
                column.append(value)
    return _Lines(*(np.array(column, dtype=np.int64) for column in columns))


def _whole_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    begin = 0
    with path.open("rb") as stream:
        for line in stream:
            if line.endswith(b"\n") and line.strip():
                yield begin, line
            begin += len(line)


def _order(row: Mapping[str, Any], catalogue: Catalogue) -> int:
    """Return a number that is larger for what stands behind; questions that are not asked any more come last."""
    number = catalogue.number_of(str(row["id"]))
    place = len(catalogue.samples) if number is None else number
    control = _CONTROLS[row.get("control", Control.FULL.value)]
    return (place * len(_CONTROLS) + control) * _DRAWS + int(row.get("draw", 0))


def _in_order(lines: _Lines) -> Integers:
    """Return the numbers of lines in their order, each that is the same as the one before it left out."""
    sorted_L = np.argsort(lines.order_L, kind="stable")
    order_L, hash_L = lines.order_L[sorted_L], lines.hash_L[sorted_L]
    again_L = (order_L[1:] == order_L[:-1]) & (hash_L[1:] == hash_L[:-1])
    kept: Integers = sorted_L[np.r_[True, ~again_L][: len(sorted_L)]]
    return kept


def _copy(files: Sequence[Path], lines: _Lines, kept: Integers, target: Path) -> None:
    streams = [path.open("rb") for path in files]
    try:
        with target.open("xb") as out:
            for line in kept.tolist():
                stream = streams[lines.file_L[line]]
                stream.seek(int(lines.begin_L[line]))
                out.write(stream.read(int(lines.length_L[line])))
    finally:
        for stream in streams:
            stream.close()
