"""Minerva (github.com/google-deepmind/neptune): questions about videos that take several steps, five options each.

Root: `minerva.json` (a list; `answer_id` is a number or digits, from 0 on) and the videos as `VIDEO_ID.mp4`, .webm,
.mkv or .mov, there or in `videos/`.

There is no scorer of its owner. lmms-eval's takes the last letter behind "answer is", "answer:" and their like, or
else the last capital A to E anywhere, also inside of words; where there is none it draws one. Such an answer has the
grade that the draw is expected to earn, 0.2.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from retroflip.bench.benchmarks.base import Benchmark, Graded, Item, Need, accuracy, same_table
from retroflip.bench.benchmarks.choices import (
    as_letter,
    choice,
    lettered_lines,
    numbered,
    video_file,
    without,
)
from retroflip.bench.benchmarks.own_form import Form, Row, recorder
from retroflip.bench.benchmarks.published import field, find, read_rows
from retroflip.bench.benchmarks.tables import by_label, label_of, of_answered

TITLE = "Minerva"
_FILES = ("minerva.json", "minerva.jsonl", "data/minerva.json")
_LETTERS = "ABCDE"
_DRAWN = 1.0 / len(_LETTERS)
_PREFIXES = (
    "The best answer is",
    "The correct answer is",
    "The answer is",
    "Answer:",
    "Option:",
    "Therefore, the final answer is:",
)
_ASKS = "Answer with the option's letter from the given choices directly."
_LABELS = ("category", "split", "question_type")


def _items(root: Path) -> Iterator[Item]:
    path = find(root, TITLE, *_FILES)
    for number, row in enumerate(read_rows(path, "minerva.json")):
        yield _item(root, number, row)


def _item(root: Path, number: int, row: Row) -> Item:
    identity = str(row.get("key") or number)
    where = f"{TITLE}, question {identity}"
    options = [str(field(row, f"answer_choice_{index}", where)).strip() for index in range(len(_LETTERS))]
    video, question = _video(str(field(row, "video_id", where))), str(field(row, "question", where)).strip()
    known = row.get("answer_id") is not None
    right = (
        numbered(row["answer_id"], options, where)
        if known
        else as_letter(field(row, "answer", where), options, where)
    )
    sample = choice(
        identity,
        video_file(root, ("videos", "."), video),
        question,
        options,
        right,
        source=TITLE,
        task=str(row.get("question_type") or row.get("question type") or ""),
        source_clip=video,
        labels={key: str(row[key]) for key in _LABELS if row.get(key)},
    )
    return Item(sample, f"{question}\n{lettered_lines(options)}\n{_ASKS}", row)


def _video(named: str) -> str:
    """Return a video's name on YouTube, which may be given with its address."""
    found = re.search(r"(?:[?&]v=|youtu\.be/)([\w-]{11})", named)
    return found[1] if found else named.strip()


def _grade(item: Item, said: str) -> float:
    """lmms_eval/tasks/minerva/utils.py, _extract_choice_letter."""
    said = said.strip()
    explicit = re.findall(r"(?:answer|option)\s*(?:is|:)\s*([ABCDE])", said, re.IGNORECASE)
    found = [letter.upper() for letter in explicit] or re.findall(f"[{_LETTERS}]", without(_PREFIXES, said))
    return float(found[-1] == item.sample.solution) if found else _DRAWN


def _identity(row: Row) -> str | None:
    found = row.get("key") or row.get("id")
    return None if found is None else str(found)


def _table(graded: Sequence[Graded]) -> dict[str, Any]:
    tables = {f"by_{name}": by_label(label_of(name), graded) for name in _LABELS}
    return {"acc": accuracy(graded), "n": len(graded), **tables}


BENCHMARK = Benchmark(
    name="minerva",
    title=TITLE,
    home="github.com/google-deepmind/neptune",
    needs=(
        Need(_FILES[0], elsewhere=_FILES[1:]),
        Need("videos/", annotation=False, licence="annotations CC BY 4.0; videos are YouTube's"),
    ),
    items=_items,
    grade=_grade,
    recorded=recorder(_items, _grade, Form(identity=_identity)),
    summary=of_answered(_table),
    ours=same_table(_table),
    sampler="lmms-eval",
    max_tokens=32,
)
