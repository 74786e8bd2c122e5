"""CVBench (github.com/Hokhim2/CVBench): 1,000 questions about two to four videos each.

Root: the repository, its `Video-R1/src/r1-v/Evaluation/`, or the hub's copy: `CVBench.json` and the videos in
`CVBench/`. Videos are called "Video 1" and so on in the questions, and stand before them in this order. 136 questions
are answered by yes or no. In one record two of four options are lettered B, and in another all four stand in one text.

Its scorer of lmms-eval (tasks/mvr/utils.py) takes out phrases that announce an answer and then the first of A, B, C,
D, yes and no in what is left, in either case and inside of words: "Based on the videos, D" is B. The one of Video-R1
(`eval_bench.py`, whose file has `output`, `prediction` and `reward`) wants the whole text of <answer>, or else the
whole response, to be the answer; its rewards are kept.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from retroflip.bench.benchmarks.base import Benchmark, Graded, Item, Need, accuracy, same_table
from retroflip.bench.benchmarks.choices import (
    PREFIXES,
    as_letter,
    bare,
    choice,
    either_file,
    listed,
    without,
)
from retroflip.bench.benchmarks.own_form import Form, Row, recorder
from retroflip.bench.benchmarks.published import field, find, mark, read_rows
from retroflip.bench.benchmarks.tables import by_label, of_answered, task_of
from retroflip.data.media import MediumKind, ShownMedium
from retroflip.errors import DataError

TITLE = "CVBench"
_INSIDE = "Video-R1/src/r1-v/Evaluation"
_FILES = ("CVBench.json", f"{_INSIDE}/CVBench.json")
_MOST = 4
_JOINED = re.compile(r",?\s+(?=[B-D]\. )")
_LISTED = "based on the listed all videos. Respond with only the"
_WORDS = (
    f"Select the best answer to the following yes-no question {_LISTED} word (Yes or No) of the correct option.",
    "Answer with the option's word (YES or NO) from the given choices directly.",
)
_LETTERS = (
    f"Select the best answer to the following multiple-choice {_LISTED} letter (A, B, C, or D) of the correct option.",
    "Answer with the option's letter (A, B, C, or D) from the given choices directly.",
)


def _items(root: Path) -> Iterator[Item]:
    path = find(root, TITLE, *_FILES)
    for row in read_rows(path, "CVBench.json"):
        yield _item(root, row)


def _item(root: Path, row: Row) -> Item:
    identity = str(field(row, "id", TITLE))
    where = f"{TITLE}, question {identity}"
    question, written = str(field(row, "question", where)), listed(row.get("options"), where)
    options = bare(_JOINED.split(written[0]) if len(written) == 1 else written)
    names = [str(row[key]) for number in range(1, _MOST + 1) if row.get(key := f"video_{number}")]
    if not names:
        raise DataError(f"{where}: it names no video. Restore CVBench.json.")
    paths = [
        either_file(root, *(f"{place}{name}" for place in ("CVBench/", f"{_INSIDE}/CVBench/", "")))
        for name in names
    ]
    media = tuple(ShownMedium(kind=MediumKind.VIDEO, path=path) for path in paths)
    sample = choice(
        identity,
        paths[0],
        question,
        options,
        as_letter(field(row, "answer", where), options, where),
        source=TITLE,
        task=str(row.get("task_type", "")),
        source_clip=names[0].rpartition("/")[0] or names[0],
        media=media,
        labels={"videos": str(len(names))},
    )
    begins, ends = _WORDS if _is_yes_no(written) else _LETTERS
    return Item(sample, "\n".join([begins, question, *written, ends]), row)


def _is_yes_no(options: Sequence[str]) -> bool:
    return all(option.strip(".").lower() in ("yes", "no") for option in options)


def _grade(item: Item, said: str) -> float:
    """tasks/mvr/utils.py, extract_characters_regex."""
    said = without(PREFIXES, said.strip())
    if len(said.split()) > 10 and not re.search("[ABCDYESNO]", said):
        return 0.0
    found = re.search(r"(?i)([ABCD]|YES|NO)", said)
    return float(found is not None and found[0].upper() == str(item.row["answer"]).strip().upper())


def _judged(_: Item, row: Row) -> float | None:
    return mark(row.get("reward")) if "output" in row else None


def _identity(row: Row) -> str | None:
    return None if row.get("id") is None else str(row["id"])


def _table(graded: Sequence[Graded]) -> dict[str, Any]:
    return {
        "acc": accuracy(graded),
        "n": len(graded),
        "by_task_type": by_label(task_of, graded),
    }


BENCHMARK = Benchmark(
    name="cvbench",
    title=TITLE,
    home="github.com/Hokhim2/CVBench",
    needs=(
        Need(_FILES[0], elsewhere=_FILES[1:]),
        Need("CVBench/", annotation=False, elsewhere=(f"{_INSIDE}/CVBench",)),
    ),
    items=_items,
    grade=_grade,
    recorded=recorder(_items, _grade, Form(identity=_identity, judged=_judged)),
    summary=of_answered(_table),
    ours=same_table(_table),
    frames=8,
    max_tokens=16,
)
