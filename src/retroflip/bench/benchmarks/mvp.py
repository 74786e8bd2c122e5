"""MVP, Minimal Video Pairs (github.com/facebookresearch/minimal_video_pairs): one question about two videos that differ
as little as possible, with two candidates of which each is right once.

Root: the data set's folder; every file of it whose path names one of the four configurations is read (Parquet, JSONL,
JSON, CSV), rows {video_id, video_path, question, answer, candidates, source}. `candidates` is a list, or one as text.
Videos lie under videos/. Recorded answers are the samples that lmms-eval logs with this task, what this task makes of
each ({video_id, video-llm-prediction}), or the submission file mvp_[mini_]CONFIGURATION_valid.jsonl, rows {row_id,
model_answer, task}.

A pair is the videos whose ids are the same up to their last underscore. The official reader (tasks/mvp/utils.py, commit
149e336) takes the second match of [ab] at a word's end, the article 'a' among them: "B. a man" is A. Pairs are unpacked
as exactly two: with a side missing, or three videos of one id, the scorer stops, and the official score is None. The
submission file writes the first candidate where nothing was read, so that these cannot be told from answers.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from retroflip.bench.benchmarks import harnesses
from retroflip.bench.benchmarks.base import Benchmark, Graded, Item, Need, same_table
from retroflip.bench.benchmarks.published import (
    asked,
    by_key,
    field,
    read_rows,
    response_text,
    sample_of,
)
from retroflip.data.sample import ProblemType, option_letter
from retroflip.errors import DataError

CONFIGURATIONS = (
    "human_object_interactions",
    "robot_object_interactions",
    "intuitive_physics",
    "temporal_reasoning",
)
_CLOSING = (
    " \nEven when unsure, always answer with a single letter from A or B, format exactly like: 'Answer: A/B'."
)
_FORM = "the samples that lmms-eval logs, or the submission file mvp_[mini_]CONFIGURATION_valid.jsonl"
_MINI = "mini"
"""the split of a question that is in both"""
_SUFFIXES = (".parquet", ".jsonl", ".json", ".csv")


def _items(root: Path) -> Iterator[Item]:
    rows = [row for path in _files(root) for row in _rows(root, path)]
    if not rows:
        raise DataError(
            f"{root}: no file of it names one of MVP's configurations ({', '.join(CONFIGURATIONS)}). Name the folder "
            "of the data set with --root."
        )
    mini = {_key(row) for row in rows if row["split"] == _MINI}
    distinct = {_key(row): row | ({"split": _MINI} if _key(row) in mini else {}) for row in reversed(rows)}
    pairs: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in reversed(distinct.values()):
        pairs[pair_of(row["video_id"])].append(row)
    for name, sides in pairs.items():
        differ = len(sides) == 2 and sides[0]["answer"] != sides[1]["answer"]
        yield from (_item(name, side if differ else None, row) for side, row in enumerate(sides))


def _key(row: Mapping[str, Any]) -> tuple[str, str]:
    return row["configuration"], row["video_id"]


def _files(root: Path) -> list[Path]:
    return [
        path
        for path in sorted(root.rglob("*"))
        if path.suffix in _SUFFIXES and path.is_file() and _configuration(root, path) is not None
    ]


def _configuration(root: Path, path: Path) -> str | None:
    relative = path.relative_to(root).as_posix()
    return next((name for name in CONFIGURATIONS if name in relative), None)


def _rows(root: Path, path: Path) -> Iterator[dict[str, Any]]:
    for row in read_rows(path, "MVP's own files"):
        if "video_id" in row and "candidates" in row:
            known = {
                "configuration": _configuration(root, path),
                "split": _MINI if _MINI in path.relative_to(root).as_posix() else "full",
                "video_id": str(row["video_id"]),
                "answer": str(field(row, "answer", str(path))),
                "candidates": _candidates(row["candidates"], path),
            }
            yield {**row, **known}


def _candidates(value: Any, path: Path) -> list[str]:
    try:
        found = ast.literal_eval(value) if isinstance(value, str) else list(value)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise DataError(f"{path}: the candidates {value!r:.80} are no list. Give MVP's own files.") from error
    if not (isinstance(found, list) and len(found) == 2):
        raise DataError(f"{path}: the candidates {value!r:.80} are not two. Give MVP's own files.")
    return [str(candidate) for candidate in found]


def pair_of(video_id: str) -> str:
    """Return the pair of a video: its id without what follows its last underscore."""
    return video_id.rpartition("_")[0]


def _item(pair: str, side: int | None, row: dict[str, Any]) -> Item:
    first, second = row["candidates"]
    if row["answer"] not in (first, second):
        raise DataError(
            f"MVP, {row['video_id']}: the answer {row['answer']!r:.60} is none of its candidates."
        )
    name = row["configuration"]
    question = str(field(row, "question", f"MVP, {row['video_id']}"))
    sample = sample_of(
        f"MVP, {row['video_id']}",
        id=f"{name}/{row['video_id']}",
        video="videos/" + str(field(row, "video_path", f"MVP, {row['video_id']}")).lstrip("/"),
        question=question,
        options=(first, second),
        solution=option_letter([first, second].index(row["answer"])),
        problem_type=ProblemType.MULTIPLE_CHOICE,
        source="MVP",
        task=name,
        source_clip=f"{name}/{pair}",
        pair=None if side is None else f"{name}/{pair}",
        side=side,
        labels={"split": row["split"], "source": str(row.get("source", ""))},
    )
    return Item(sample, f"Question: {question}\nOption:\n(A) {first}\n(B) {second}{_CLOSING}", row)


def _recorded(root: Path, file: Path) -> list[Graded]:
    items = by_key(_items(root), lambda item: item.row["video_id"])
    return [_graded(items, row, file) for row in read_rows(file, _FORM)]


def _graded(items: dict[str, Item], row: dict[str, Any], file: Path) -> Graded:
    if "video-llm-prediction" in row:
        item = asked(items, str(field(row, "video_id", str(file))), file)
        response = response_text(row["video-llm-prediction"])
        return Graded(item, response, 0.0 if response is None else _grade(item, response))
    item = asked(items, str(field(row, "row_id", f"{file} ({_FORM})")), file)
    said = str(field(row, "model_answer", str(file)))
    return Graded(item, said, float(said == item.row["answer"]))


def _grade(item: Item, response: str) -> float:
    return float(_letter(response) == item.sample.solution)


def _letter(response: str) -> str | None:
    """Return the letter that extract_pred reads: the second of its matches where there are several."""
    found = [
        match[1] for match in re.findall(r"(Answer|Assistant)?:?\s*([AB])\b", response.lower(), re.IGNORECASE)
    ]
    return (found[1] if len(found) > 1 else found[0]).upper() if found else None


def _summary(graded: Sequence[Graded]) -> dict[str, Any]:
    """Return single and pair accuracy of every configuration, and the mean over these, as mvp.yaml takes it."""
    tasks: dict[str, list[Graded]] = defaultdict(list)
    for one in graded:
        tasks[one.item.sample.task].append(one)
    found = {task: _accuracies(answers) for task, answers in sorted(tasks.items())}
    pairs = [one["pair_accuracy"] for one in found.values() if one["pair_accuracy"] is not None]
    return {
        "acc": _percent(fmean(one.official or 0.0 for one in graded)),
        "pair_accuracy": _percent(fmean(pairs)) if len(pairs) == len(found) else None,
        "single_accuracy": _percent(fmean(one["single_accuracy"] or 0.0 for one in found.values())),
        "pairs_without_two_answers": sum(map(_odd, tasks.values())),
        "configurations": {
            task: {name: None if share is None else _percent(share) for name, share in shares.items()}
            for task, shares in found.items()
        },
    }


def _accuracies(graded: Sequence[Graded]) -> dict[str, float | None]:
    """Return compute_metrics' two shares; no pair accuracy where it stops, since a pair has not two answers."""
    sides = _sides(graded)
    right = [min(grades) == 1.0 for grades in sides]
    return {
        "single_accuracy": fmean(one.official or 0.0 for one in graded),
        "pair_accuracy": None if _odd(graded) else fmean(right),
    }


def _odd(graded: Sequence[Graded]) -> int:
    return sum(len(grades) != 2 for grades in _sides(graded))


def _sides(graded: Sequence[Graded]) -> list[list[float]]:
    pairs: dict[str, list[float]] = defaultdict(list)
    for one in graded:
        pairs[pair_of(one.item.row["video_id"])].append(one.official or 0.0)
    return list(pairs.values())


def _percent(share: float) -> float:
    return round(100.0 * share, 2)


def _named(row: Mapping[str, Any]) -> str | None:
    """Return the question's name in a row that a toolkit logged."""
    name = row.get("video_id")
    return None if name is None else str(name)


BENCHMARK = Benchmark(
    name="mvp",
    title="MVP",
    home="https://github.com/facebookresearch/minimal_video_pairs",
    needs=(
        *(Need(name, licence="CC BY-NC 4.0") for name in CONFIGURATIONS),
        Need("videos", annotation=False),
    ),
    items=_items,
    grade=_grade,
    recorded=harnesses.also(
        _recorded, _items, _grade, named=_named, key=lambda item: str(item.row["video_id"])
    ),
    part=lambda item: f"{item.sample.task}, {item.sample.labels['split']}",
    summary=_summary,
    ours=same_table(_summary),
    sampler="lmms-eval",
    frames=16,
)
