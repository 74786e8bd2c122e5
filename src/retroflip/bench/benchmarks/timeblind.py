"""TimeBlind (github.com/Baiqi-Li/TimeBlind): two videos that differ in time alone, with two questions about both.

Root: the data set's folder with data.jsonl and videos/, or a folder that holds it as TimeBlind/. Recorded answers are
what evaluate.py writes: a JSON list of {index, model_output, error, ...}; an error without an output is no answer.

Four lines make an instance; which answer is right follows from the place alone: index % 4 is question 0 about video 0
(yes or A), question 0 about video 1 (no or B), question 1 about video 0 (no or B), question 1 about video 1 (yes or A).
The official code never reads `answer`, and neither does this. Q-Acc: a question is right about both videos; V-Acc: both
questions are right about a video; I-Acc: all four. Ours are `q_acc`, `v_acc` and `g_acc` of the groups.

The official reader (utils.py, commit 644fdf4) takes the first yes or no that stands in a text, in reasoning too, and of
letters at last the article 'a'. It takes the kind of a question by its place in the file instead of its index. An
instance without its four answers, or with one that is no text, is wrong as a whole; one without any is not counted.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from retroflip.bench.benchmarks import harnesses
from retroflip.bench.benchmarks.base import Benchmark, Graded, Item, Need, Recorded
from retroflip.bench.benchmarks.published import (
    YES_NO,
    asked,
    by_key,
    choices_in,
    field,
    find,
    read_rows,
    response_text,
    sample_of,
)
from retroflip.bench.records import AnswerRecord
from retroflip.data.sample import Cell, ProblemType
from retroflip.errors import DataError

_CELLS = (Cell(0, 0), Cell(1, 0), Cell(0, 1), Cell(1, 1))
"""video and question of index % 4"""
_FIRST_IS_RIGHT = (True, False, False, True)
_SUFFIXES = {"yes_no": " Please output Yes or No.", "multiple_choice": " Please output A or B."}
_CUE = r"(?:final(?: answer)?|answer|prediction)"
_YES_NO_RULES = (rf"(?i){_CUE}\s*[:\uff1a]\s*(yes|no)\b", r"(?i)\b(yes|no)\b(?=[\s\.\,\!\?\)]|$)")
_LETTER_RULES = (
    rf"(?i){_CUE}\s*[:\uff1a]\s*([AB])\b",
    r"(?i)(?:option|choice)\s*[:\uff1a]?\s*([AB])\b",
    r"(?i)[\(\[\{]\s*([AB])\s*[\)\]\}]",
    r"(?i)\b([AB])\s*[\.\)]\b",
)
_LETTER = r"(?i)(?<![A-Za-z0-9/])([AB])(?![A-Za-z0-9/])"


def _items(root: Path) -> Iterator[Item]:
    path = find(root, "TimeBlind", "data.jsonl", "TimeBlind/data.jsonl")
    rows = read_rows(path, "TimeBlind's data.jsonl")
    for row in rows:
        yield _item(path, root, row, rows)


def _item(path: Path, root: Path, row: dict[str, Any], rows: Sequence[dict[str, Any]]) -> Item:
    index, kind, question = (field(row, key, str(path)) for key in ("index", "type", "question"))
    question = str(question)
    if type(index) is not int or index < 0 or str(kind) not in _SUFFIXES:
        raise DataError(
            f"{path}: index {index!r} and type {kind!r} are not a number from 0 on and one of {', '.join(_SUFFIXES)}."
        )
    group, place = divmod(index, 4)
    choices = choices_in(question) if kind == "multiple_choice" else None
    options = YES_NO if choices is None else choices.options[:2] or ("A", "B")
    sample = sample_of(
        str(path),
        id=str(index),
        video=_under(root, path, str(field(row, "video_path", str(path)))),
        question=question if choices is None else choices.stem,
        options=options,
        solution="A" if _FIRST_IS_RIGHT[place] else "B",
        problem_type=ProblemType.MULTIPLE_CHOICE,
        source="TimeBlind",
        task=kind,
        source_clip=str(group),
        group=str(group),
        cell=_CELLS[place],
    )
    read_as = rows[index].get("type") if index < len(rows) else None
    return Item(sample, question + _SUFFIXES[kind], {**row, "read_as": read_as})


def _under(root: Path, path: Path, video: str) -> str:
    """Return a video's path from the root on; the file writes it from the folder that holds TimeBlind/."""
    return video.removeprefix("TimeBlind/") if path.parent == root else video


def _recorded(root: Path, file: Path) -> Recorded:
    form = "the JSON list of {index, model_output} that evaluate.py writes"
    items = by_key(_items(root), lambda item: item.row["index"])
    found = read_rows(file, form)
    rows = [row for row in found if type(row.get("index")) is int]
    if not rows:
        raise DataError(f"{file}: none of its answers has a number 'index'. Give {form}.")
    graded = [_graded(asked(items, row["index"], file), row) for row in rows]
    without = len(found) - len(rows)
    return Recorded(
        graded, {"without a number 'index', as the official scorer wants it": without} if without else {}
    )


def _graded(item: Item, row: dict[str, Any]) -> Graded:
    output = row.get("model_output")
    item = item._replace(row={**item.row, "crashes": not isinstance(output, str | None) and bool(output)})
    failed = bool(row.get("error")) and not output
    text = None if failed else response_text(output)
    return Graded(item, text, 0.0 if text is None else _grade(item, text))


def _grade(item: Item, response: str) -> float:
    first = _says_first(response, item.row["read_as"])
    return float(first is not None and first == (item.sample.solution == "A"))


def _says_first(response: str, kind: str | None) -> bool | None:
    """Return whether utils.py reads yes or A, None where it reads nothing."""
    text = re.sub(r"\s+", " ", unicodedata.normalize("NFKC", response)).strip()
    if kind == "yes_no":
        found = _search(_YES_NO_RULES, text)
    elif kind == "multiple_choice":
        found = _search(_LETTER_RULES, text) or _alone(text)
    else:
        return None
    return None if found is None else found in ("yes", "a")


def _search(rules: Sequence[str], text: str) -> str | None:
    found = next((match for rule in rules if (match := re.search(rule, text))), None)
    return found[1].lower() if found else None


def _alone(text: str) -> str | None:
    """Read a letter that stands alone: before a word as 'answer', behind it, or anywhere."""
    cue = re.search(r"(?i)\b(final(?: answer)?|answer|prediction)\b", text)
    parts = [text[: cue.start()], text[cue.end() :], text] if cue else [text]
    return next((letter for part in parts if (letter := _search((_LETTER,), part))), None)


def _summary(graded: Sequence[Graded]) -> dict[str, Any]:
    """Return the four measures of get_scores, in per cent."""
    return _measured([_right_officially(found) for found in _instances(graded)])


def _ours(graded: Sequence[Graded], records: Sequence[AnswerRecord]) -> dict[str, Any]:
    """Return the same of our grades; an answer that is missing or no text is wrong alone, and not its instance."""
    regraded = [one._replace(official=record.score) for one, record in zip(graded, records, strict=True)]
    return _measured([_right(found) for found in _instances(regraded)])


def _instances(graded: Sequence[Graded]) -> list[dict[Cell | None, Graded]]:
    """Return the answers by instance and cell."""
    groups: dict[str | None, dict[Cell | None, Graded]] = defaultdict(dict)
    for one in graded:
        groups[one.item.sample.group][one.item.sample.cell] = one
    return list(groups.values())


def _measured(right: Sequence[set[Cell]]) -> dict[str, Any]:
    return {
        "acc": _percent(sum(map(len, right)), 4 * len(right)),
        "Q_Acc": _percent(sum(_both(cells, 1) for cells in right), 2 * len(right)),
        "V_Acc": _percent(sum(_both(cells, 0) for cells in right), 2 * len(right)),
        "I_Acc": _percent(sum(len(cells) == 4 for cells in right), len(right)),
        "num_instances": len(right),
    }


def _right_officially(found: dict[Cell | None, Graded]) -> set[Cell]:
    """Return the cells of an instance that are right: none where one is missing or stops the official reader."""
    if len(found) < 4 or any(one.item.row.get("crashes") for one in found.values()):
        return set()
    return _right(found)


def _right(found: dict[Cell | None, Graded]) -> set[Cell]:
    return {cell for cell, one in found.items() if cell is not None and one.official == 1.0}


def _both(cells: set[Cell], axis: int) -> int:
    """Return how many questions (axis 1) or videos (axis 0) have both of their cells."""
    return sum(sum(cell[axis] == number for cell in cells) == 2 for number in (0, 1))


def _percent(count: int, total: int) -> float:
    return round(100.0 * count / total, 2)


def _named(row: Mapping[str, Any]) -> str | None:
    """Return the question's name in a row that a toolkit logged."""
    name = row.get("index")
    return None if name is None else str(name)


BENCHMARK = Benchmark(
    name="timeblind",
    title="TimeBlind",
    home="https://github.com/Baiqi-Li/TimeBlind",
    needs=(Need("data.jsonl"), Need("videos", annotation=False)),
    items=_items,
    grade=_grade,
    recorded=harnesses.also(_recorded, _items, _grade, named=_named),
    summary=_summary,
    ours=_ours,
)
