"""VCR-Bench (github.com/zhishuifeiqian/VCR-Bench), the accuracy of its answers alone: its other scores rate the
reasoning.

Root: the hub's repository (`v1/videos/meta_info_video.json`, with paths from that folder), or a folder with that file.

GPT-4o takes an answer out of each response (`extract_answer`) and says whether it is right (`answer_scoring` of the
repository's own result file, as text); such grades are kept. Spans of time are compared without it: `[12, 15]` is
right where its overlap with the right span is above 0.7, and so are boxes above 0.5. All else is left ungraded. Ours
reads multiple choice and spans, and takes an open answer for right where it is the same text.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from retroflip.bench.benchmarks.base import Benchmark, Graded, Item, Need, accuracy, same_table
from retroflip.bench.benchmarks.choices import (
    as_letter,
    choice,
    either_file,
)
from retroflip.bench.benchmarks.own_form import Form, Row, recorder
from retroflip.bench.benchmarks.published import field, find, finite, read_rows, sample_of
from retroflip.bench.benchmarks.tables import by_label, label_of, of_answered, task_of
from retroflip.data.answers.spans import iou, spans_text
from retroflip.data.sample import ProblemType

TITLE = "VCR-Bench"
_FILES = (
    "v1/videos/meta_info_video.json",
    "meta_info_video.json",
    "v1/meta_info_video.json",
    "VCR-Bench.tsv",
)
_PLACES = ("v1/videos/", "v1/", "")
_LEAST_SPAN, _LEAST_BOX = 0.7, 0.5
_LARGE = 1e9
"""above which no second and no pixel is"""
_DURATIONS = ((60.0, "0-60"), (300.0, "60-300"))


def _items(root: Path) -> Iterator[Item]:
    path = find(root, TITLE, *_FILES)
    for row in read_rows(path, "VCR-Bench's meta_info_video.json"):
        yield _item(root, row)


def _item(root: Path, row: Row) -> Item:
    identity = str(row.get("id", row.get("index")))
    where = f"{TITLE}, question {identity}"
    video, question = str(field(row, "video_path", where)), str(field(row, "question", where))
    choices = row.get("choices")
    options = [str(one).strip() for one in choices.values()] if isinstance(choices, Mapping) else []
    options = [one for one in options if one]
    answer = str(field(row, "answer", where)).strip()
    span = _listed(answer, 2)
    about: dict[str, Any] = {
        "source": TITLE,
        "task": str(row.get("dimension", "")),
        "source_clip": video,
        "labels": {"kind": "choice" if options else "span" if span else "open", "duration": _length(row)},
    }
    path = either_file(root, *(f"{place}{video}" for place in _PLACES))
    if options:
        sample = choice(identity, path, question, options, as_letter(answer, options, where), **about)
    else:
        kind = ProblemType.GROUNDING if span else ProblemType.FREE_FORM
        solution = spans_text([(min(span), max(span))]) if span else answer
        sample = sample_of(
            where, id=identity, video=path, question=question, solution=solution, problem_type=kind, **about
        )
    return Item(sample, question, row)


def _length(row: Row) -> str:
    seconds = finite(row.get("duration") or 0.0, f"{TITLE}, a video's length")
    return next((name for most, name in _DURATIONS if seconds <= most), "300+")


def _listed(text: str, count: int) -> list[float]:
    """Return the numbers of a text that is a list of just so many; nothing for any other."""
    try:
        found = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return []
    plain = (
        isinstance(found, list)
        and len(found) == count
        and all(type(one) in (int, float) and abs(one) < _LARGE for one in found)
    )
    return [float(one) for one in found] if plain else []


def _grade(item: Item, said: str) -> float | None:
    """eval.py, match_answer, where it asks no language model."""
    right = str(item.row["answer"])
    if (gold := _listed(right, 2)) and (span := _listed(said, 2)):
        return float(iou((span[0], span[1]), (gold[0], gold[1])) > _LEAST_SPAN) if span[0] <= span[1] else 0.0
    if (gold := _listed(right, 4)) and (box := _listed(said, 4)):
        return float(_box_overlap(box, gold) > _LEAST_BOX)
    return None


def _box_overlap(a: Sequence[float], b: Sequence[float]) -> float:
    """Return the intersection over union of two boxes (left, top, right, bottom)."""
    sides = [min(a[axis + 2], b[axis + 2]) - max(a[axis], b[axis]) for axis in (0, 1)]
    both = max(sides[0], 0.0) * max(sides[1], 0.0)
    union = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)) - both
    return both / union if union > 0 else 0.0


def _judged(item: Item, row: Row) -> float | None:
    if "answer_scoring" in row:
        return float(row["answer_scoring"] == "1")
    extracted = row.get("extract_answer", row.get("extracted_answer"))
    return None if extracted is None else _grade(item, str(extracted))


def _identity(row: Row) -> str | None:
    found = row.get("id", row.get("index"))
    return None if found is None else str(found)


def _table(graded: Sequence[Graded]) -> dict[str, Any]:
    """Return cau_acc.py's table."""
    tables = {f"by_{name}": by_label(label_of(name), graded) for name in ("duration", "kind")}
    dimensions = by_label(task_of, graded)
    return {"acc": accuracy(graded), "n": len(graded), "by_dimension": dimensions, **tables}


BENCHMARK = Benchmark(
    name="vcrbench",
    title=TITLE,
    home="huggingface.co/datasets/VLM-Reasoning/VCR-Bench",
    needs=(Need(_FILES[0], elsewhere=_FILES[1:]), Need("v1/videos/video/", annotation=False)),
    items=_items,
    grade=_grade,
    recorded=recorder(_items, _grade, Form(identity=_identity, judged=_judged)),
    summary=of_answered(_table),
    ours=same_table(_table),
    frames=64,
    max_tokens=2048,
)
