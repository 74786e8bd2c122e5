"""Charades-STA: moments of Charades' videos, as published (lines of text) and VideoAuto-R1's form of it (JSON).

`AO8RW 0.0 6.9##a person is putting a book on a shelf.`, with the videos' lengths in Charades_v1_train.csv beside it, or
`{"video": "AO8RW.mp4", "description": ..., "timestamps": [0.0, 6.9]}`. Spans may go on behind the video's end: they are
cut off there, where its length is known.
"""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from retroflip.data.forms import rows
from retroflip.data.forms.base import Spot
from retroflip.data.forms.text_stream import lines, not_utf_8
from retroflip.data.sources.base import (
    Entry,
    Place,
    Record,
    RejectedError,
    Source,
    Wanted,
    converted,
    entries,
    one_file_of,
    text,
)
from retroflip.data.sources.moments import duration_of, moment, seconds, spans_of
from retroflip.errors import DataError

_PATTERNS = ("charades_sta_train.txt", "charades_sta_train.json", "*.txt", "*.json", "*.jsonl", "*.parquet")
_LENGTHS = "Charades_v1_{}.csv"


def of_json(row: Record, _: Place, source: str = "Charades-STA") -> Iterator[Record]:
    """Yield the record of a row that describes one moment."""
    spans = spans_of(row.get("timestamps", row.get("timestamp")), duration_of(row))
    yield {
        **moment(text(row, "description", "caption", "sentence"), spans),
        "path": text(row, "video"),
        "data_source": source,
    }


def _read(wanted: Wanted) -> Iterator[Entry]:
    file = one_file_of(wanted, _PATTERNS)
    if file.suffix != ".txt":
        return entries([file], of_json)
    lengths, broken = _lengths(file)
    return chain(broken, _of_lines(file, lengths))


def _of_lines(file: Path, lengths: dict[str, float]) -> Iterator[Entry]:
    def records(row: Record, _: Place) -> Iterator[Record]:
        if broken := not_utf_8(row["line"]):
            raise broken
        where, mark, sentence = row["line"].partition("##")
        parts = where.split()
        if not mark or len(parts) != 3 or not sentence.strip():
            raise RejectedError("line", f"{row['line']!r:.80} is no 'ID START END##SENTENCE'.")
        name, *span = parts
        yield {
            **moment(sentence, spans_of(span, lengths.get(name))),
            "path": f"{name}.mp4",
            "data_source": "Charades-STA",
        }

    for number, line in enumerate(lines(file), start=1):
        if line.strip():
            yield from converted({"line": line.strip()}, Place(file, Spot(number, number)), records)


def _lengths(file: Path) -> tuple[dict[str, float], list[Entry]]:
    """Return the lengths of videos in seconds, by the table of Charades that lies beside a file of moments, and rows of
    that table which have none."""
    part = "test" if "test" in file.stem else "train"
    table = file.with_name(_LENGTHS.format(part))
    if not table.is_file():
        return {}, []
    lengths: dict[str, float] = {}
    broken: list[Entry] = []
    for spot, row in rows(table):
        try:
            if isinstance(row, DataError):
                raise row
            lengths[text(row, "id")] = seconds(text(row, "length"))
        except DataError as error:
            reason = f"spans of this row's video are not cut off, for want of its length: {error}"
            broken.append((Place(table, spot), RejectedError("length", reason)))
    return lengths, broken


SOURCE = Source(
    name="charades-sta",
    title="Charades-STA: where in a video a sentence holds, as spans in seconds",
    get="charades_sta_train.txt, and Charades_v1_train.csv beside it; or CharadesSTA/ of "
    "huggingface.co/datasets/IVUL-KAUST/VideoAuto-R1-Data",
    root="the folder of the videos, Charades_v1_480",
    licence="Charades' own, for research; not checked",
    read=_read,
)
