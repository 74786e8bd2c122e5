"""VNBench (github.com/joez17/VideoNIAH): needles in long videos, to be retrieved, put in order, counted.

Root: a folder with VNBench-main-4try.json, a list of {video, question, options, gt, type, try}, and the videos. Each
question is asked four times with its options in another order; it is right if all four are (`g_acc` of the groups).
Recorded answers are JSONL rows of either form that the repository has:

    {question_id, pred, gt, type, try, gpt_judge?}       evaluation/eval.py       question_id ends in _TRY
    {video_path, prompt, pred, gt, task_type, try}       llava_examples/          judge_result may be there

The second holds the questions in its prompts, so that it is read without a root's file too; both state the right
letter. The official scorers (commit 8193a3b) differ. eval.py takes the first of A, B, C, D that stands anywhere before
the first full stop ("The Answer" is A), leaves out answers that are null, and averages over types. evaluation_utils.py
compares the first character, stops at a question without its four tries, averages retrieval, order and counting, and
exchanges the names of ret_insert1 and ret_insert2 in what it prints.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from retroflip.bench.benchmarks import harnesses
from retroflip.bench.benchmarks.base import Benchmark, Graded, Item, Need, same_table
from retroflip.bench.benchmarks.published import (
    choices_in,
    field,
    read_json,
    read_rows,
    response_text,
    sample_of,
    texts,
)
from retroflip.bench.records import AnswerRecord
from retroflip.data.sample import Cell, ProblemType, option_letter
from retroflip.errors import DataError

_FILE = "VNBench-main-4try.json"
_CLOSING = "Answer with the option's letter from the given choices directly."
_FORM = "JSONL rows {question_id, pred, gt, type, try} or {video_path, prompt, pred, gt, task_type, try}"
_KINDS = ("cnt", "ord", "ret")
TRIES = 4


def _items(root: Path) -> Iterator[Item]:
    path = root / _FILE
    if not path.is_file():
        raise DataError(f"{root}: VNBench's {_FILE} is not in it. Name the folder that holds it with --root.")
    rows = read_json(path, "VNBench's own file")
    if not (isinstance(rows, list) and all(isinstance(row, dict) for row in rows)):
        raise DataError(f"{path}: not a list of questions. Give VNBench's own file.")
    for row in rows:
        options = texts(row, "options", str(path))
        video, question, right, kind, number = (
            str(field(row, key, str(path))) for key in ("video", "question", "gt", "type", "try")
        )
        if right not in options or not number.isdecimal() or len(number) > 9:
            raise DataError(
                f"{path}: the answer {right!r:.60} about {video} is none of its options, or its try no number."
            )
        letter = option_letter(options.index(right))
        yield _item(video, question, tuple(options), letter, kind, int(number), row)


def _item(
    video: str,
    question: str,
    options: tuple[str, ...],
    right: str,
    kind: str,
    number: int,
    row: dict[str, Any],
) -> Item:
    name = Path(video).stem
    group = name if kind in name else f"{name}_{kind}"
    sample = sample_of(
        f"VNBench, {video}",
        id=f"{group}_{number}",
        video=video.removeprefix("./").lstrip("/"),
        question=question,
        options=options,
        solution=right,
        problem_type=ProblemType.MULTIPLE_CHOICE,
        source="VNBench",
        task=kind,
        source_clip=group,
        group=group,
        cell=Cell(0, number),
    )
    listed = "\n".join(f"{letter}. {text}" for letter, text in sample.lettered.items())
    return Item(sample, f"{question}\n{listed}\n{_CLOSING}", row)


def _recorded(root: Path, file: Path) -> list[Graded]:
    items = {item.sample.id: item for item in _items(root)} if (root / _FILE).is_file() else {}
    return [_graded(items, row, file) for row in read_rows(file, _FORM)]


def _graded(items: dict[str, Item], row: dict[str, Any], file: Path) -> Graded:
    judged = "question_id" not in row
    told = _told(row, file)
    item = items.get(told.sample.id, told)
    if items and item is told:
        raise DataError(
            f"{file}: an answer is to {told.sample.id!r}, which is none of the questions of {_FILE}."
        )
    if item.sample.solution != told.sample.solution:
        raise DataError(
            f"{file}: the right answer to {told.sample.id} is {told.sample.solution} there and {item.sample.solution} "
            f"in {_FILE}: their options have another order. Give the file that was answered."
        )
    response = response_text(row.get("pred", row.get("prediction")))
    item = item._replace(row={**item.row, "judged": judged})
    if response is None:
        return Graded(item, None, 0.0 if judged else None)
    verdict = row.get("judge_result") if judged else _verdict(row.get("gpt_judge"))
    by_rule = float(response[:1] == item.sample.solution) if judged else _grade(item, response)
    return Graded(item, response, by_rule if verdict is None else float(verdict))


def _verdict(said: Any) -> bool | None:
    return None if said is None else response_text(said) == "1"


def _told(row: dict[str, Any], file: Path) -> Item:
    """Return the question as a recorded row tells it; its options are bare letters where its prompt has none."""
    kind, right = (
        field(row, row_key, f"{file} ({_FORM})")
        for row_key in ("type" if "type" in row else "task_type", "gt")
    )
    letter = option_letter(right) if isinstance(right, int) and 0 <= right < TRIES else str(right)
    choices = choices_in(re.sub(r"<\|[^|]*\|>", "\n", str(row.get("prompt", ""))))
    options = choices.options if len(choices.options) == TRIES else ("A", "B", "C", "D")
    if letter not in ("A", "B", "C", "D"):
        raise DataError(f"{file}: the right answer {right!r:.60} is no letter A to D. Give {_FORM}.")
    if "question_id" in row:
        name, _, number = str(row["question_id"]).rpartition("_")
    else:
        name, number = str(field(row, "video_path", f"{file} ({_FORM})")), str(row.get("try"))
    if not number.isdecimal() or len(number) > 9 or int(number) >= TRIES:
        raise DataError(f"{file}: the try {number!r:.20} of {name!r:.60} is none of 0 to 3. Give {_FORM}.")
    stem = choices.stem.splitlines()[-1] if choices.stem else ""
    return _item(name, stem, options, letter, str(kind), int(number), row)


def _grade(item: Item, response: str) -> float:
    said = response.split(".")[0]
    return float(next((letter for letter in "ABCD" if letter in said), said) == item.sample.solution)


def _summary(graded: Sequence[Graded]) -> dict[str, Any]:
    """Return the official numbers in per cent: acc is what the scorer of that form calls Overall."""
    judged = any(one.item.row.get("judged") for one in graded)
    kinds: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for one in graded:
        if one.official is not None:
            kinds[one.item.sample.task][str(one.item.sample.group)].append(one.official)
    types = {
        kind: fmean(sum(tries) == TRIES for tries in groups.values())
        for kind, groups in sorted(kinds.items())
    }
    parts = (
        {part: sum(acc for kind, acc in types.items() if part in kind) / 3 for part in _KINDS}
        if judged
        else {}
    )
    overall = fmean(parts.values()) if parts else fmean(types.values()) if types else 0.0
    incomplete = sum(len(tries) != TRIES for groups in kinds.values() for tries in groups.values())
    return {
        "acc": _percent(overall),
        "types": {_printed(kind, types) if judged else kind: _percent(acc) for kind, acc in types.items()},
        **{part: _percent(acc) for part, acc in parts.items()},
        "questions_without_four_tries": incomplete,
    }


def _own(graded: Sequence[Graded], records: Sequence[AnswerRecord]) -> dict[str, Any]:
    """Return the table of our grades: acc is over the types that are there, in whichever form the answers are."""
    plain = [one._replace(item=one.item._replace(row={**one.item.row, "judged": False})) for one in graded]
    return same_table(_summary)(plain, records)


def _printed(kind: str, types: dict[str, float]) -> str:
    """Return the name under which evaluation_utils.py prints a type, which needs both to exchange them."""
    names = {"ret_insert1": "ret_insert2", "ret_insert2": "ret_insert1"}
    return names.get(kind, kind) if names.keys() <= types.keys() else kind


def _percent(share: float) -> float:
    return round(100.0 * share, 2)


BENCHMARK = Benchmark(
    name="vnbench",
    title="VNBench",
    home="https://github.com/joez17/VideoNIAH",
    needs=(Need(_FILE), Need("VNBench", annotation=False)),
    items=_items,
    grade=_grade,
    recorded=harnesses.also(_recorded, _items, _grade),
    summary=_summary,
    ours=_own,
    sampler="lmms-eval",
    frames=64,
    max_tokens=16,
)
