"""Answers as Time-R1's evaluate.py writes them (github.com/xiaomi-research/time-r1, commit 7f2b594), and its own score.

A file is logs/eval/MODEL/DATA/{tg,mcq}_SHARD_SHARDS.jsonl with rows {qid, pred, target, duration, output_text}; a
folder of such shards is read as one. `qid` numbers the questions of a data set in the way of its data_loader.py. `pred`
of a span is [start, end], or [null, null] where nothing was read; of an option it is null, or its number. `target` is
the right one.

Its scorer (eval_all.py) takes the last row of a question, counts as recalled what overlaps by *more* than the bound,
and reads of an option the last letter in round brackets, or else the first character of the whole output. A span's
overlap is that of the recorded `pred`, which is the last "x to y" or "x and y" anywhere in the output. An empty output
stops it, and is wrong here.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from retroflip.bench.benchmarks.base import Graded, Item, Recorded
from retroflip.bench.benchmarks.published import asked, field, read_rows
from retroflip.data.forms import rows
from retroflip.data.sample import MAX_OPTIONS, option_letter
from retroflip.errors import DataError

Row = Mapping[str, Any]
Qids = Callable[[Sequence[Item]], Mapping[str, Item]]
"""a benchmark's questions by Time-R1's names of them"""
TIME_R1 = "time_r1"
"""the field of a row by which the official table knows whose scorer it is of"""
AGAIN = "to a question that is answered again further on"
_FORM = "the folder logs/eval/MODEL/DATA/ of Time-R1, or one of its files"
_LARGE = 10**9
"""seconds"""
_KEYS = {"qid", "pred", "target"}
_END = re.compile(r"(?:<\|(?:im_end|endoftext)\|>)+\s*$")
_BRACKETED = re.compile(r"\(([A-Z])\)")


def is_time_r1(file: Path) -> bool:
    """Whether a file, or every file of a folder, begins as Time-R1's do."""
    paths = _files(file)
    return bool(paths) and all(_begins_so(path) for path in paths)


def recorded(items: Mapping[str, Item], file: Path) -> Recorded:
    """Return the answers of a file or folder. items: by `qid`. Raises DataError for a row without its question."""
    found = [row for path in _files(file) for row in read_rows(path, _FORM)]
    last = {str(field(row, "qid", str(file))): row for row in found}
    again = len(found) - len(last)
    graded = [_graded(asked(items, qid, file), row, file) for qid, row in last.items()]
    return Recorded(graded, {AGAIN: again} if again else {})


def _files(file: Path) -> list[Path]:
    return sorted(file.glob("*.jsonl")) if file.is_dir() else [file]


def _begins_so(path: Path) -> bool:
    try:
        row = next((row for _, row in rows(path)), None)
    except DataError:
        return False
    return isinstance(row, Mapping) and row.keys() >= _KEYS and bool({"output_text", "probs"} & row.keys())


def _graded(item: Item, row: Row, file: Path) -> Graded:
    item = item._replace(row={**item.row, TIME_R1: True})
    said = row.get("output_text", _lettered(row.get("pred")))
    if not isinstance(said, str):
        return Graded(item, None, 0.0)
    return Graded(item, _END.sub("", said), _grade(row, said, f"{file}, {row['qid']}"))


def _lettered(pred: Any) -> str | None:
    """Return the letter of an option, as where a model's probabilities were recorded in place of its words."""
    return option_letter(pred) if type(pred) is int and 0 <= pred < MAX_OPTIONS else None


def _grade(row: Row, said: str, where: str) -> float:
    """Return the score of load_scored_data."""
    pred, target = row.get("pred"), row.get("target")
    if isinstance(target, list):
        gold = list(_seconds(target, where))
        span = list(_seconds(pred, where)) if isinstance(pred, list) and None not in pred else []
        return _iou(span, gold) if span else 0.0
    if type(target) is not int or not 0 <= target < MAX_OPTIONS:
        raise DataError(
            f"{where}: its 'target' {target!r:.40} is neither a span nor an option. Give {_FORM}."
        )
    if pred is not None:
        return float(pred == target)
    letters = _BRACKETED.findall(said)
    return float((letters[-1] if letters else said[:1]) == option_letter(target))


def _seconds(span: Sequence[Any], where: str) -> Iterator[float]:
    if len(span) != 2 or not all(
        isinstance(one, float) or (type(one) is int and abs(one) < _LARGE) for one in span
    ):
        raise DataError(f"{where}: {span!r:.40} is no span of two seconds. Give {_FORM}.")
    yield from map(float, span)


def _iou(a: Sequence[float], b: Sequence[float]) -> float:
    """compute_IoU: 0 where both are one moment, of which it makes no number."""
    both = max(0.0, min(a[1], b[1]) - max(a[0], b[0]))
    whole = max(0.0, max(a[1], b[1]) - min(a[0], b[0]))
    return both / whole if whole else 0.0
