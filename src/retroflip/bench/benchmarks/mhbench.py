"""MHBench (github.com/xzhouzeng/MHBench): motions that a video shows, its antonym shows, or an incomplete one does not.

Root: the folder with classification.json, discrimination.json and videos/, or the repository with dataset/MHBench/.
Recorded answers are response.json of outputs/MODEL/mhbench_{classification,discrimination}/: the questions with
`predict`. The published files name no variant of a video, so that no pair of videos can be formed; the two questions
of discrimination about one motion of a video are a group (`v_acc`).

The official scorer (utils.py, commit b258790) leaves out of its denominators what it cannot read: accuracy is over the
rest, and so is pair_acc, which also leaves out the question of id 0. Its share of unread answers is nan_ratio. It reads
classification by the first character ("Both" is B, "Covering" is C), and discrimination by whole words, yes before no.
It stops at an empty response to classification; here that is one that cannot be read.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from retroflip.bench.benchmarks import harnesses
from retroflip.bench.benchmarks.base import Benchmark, Graded, Item, Need, its_task
from retroflip.bench.benchmarks.published import (
    YES_NO,
    asked,
    by_key,
    field,
    files_of,
    find,
    read_json,
    response_text,
    sample_of,
)
from retroflip.bench.records import AnswerRecord
from retroflip.data.sample import Cell, ProblemType
from retroflip.errors import DataError

_TASKS = ("classification", "discrimination")
_INSTRUCTION = (
    "Carefully watch the video and pay attention to the cause and sequence of events, the detail and movement of "
    "objects, and the action and pose of persons. Based on your observations, select the best option that accurately "
    "addresses the question."
)
_FORM = "response.json of outputs/MODEL/mhbench_classification/ or mhbench_discrimination/, or outputs/MODEL/"


def _items(root: Path) -> Iterator[Item]:
    folder = find(
        root, "MHBench", *(f"{place}{name}.json" for name in _TASKS for place in ("", "dataset/MHBench/"))
    )
    for name in _TASKS:
        path = folder.parent / f"{name}.json"
        if path.is_file():
            yield from _of(_list(path), path, (path.parent / "videos").relative_to(root).as_posix())


def _list(path: Path) -> list[dict[str, Any]]:
    found = read_json(path, _FORM)
    if not (isinstance(found, list) and found and all(isinstance(row, dict) for row in found)):
        raise DataError(f"{path}: not a list of records. Give {_FORM}.")
    return found


def _of(rows: Sequence[dict[str, Any]], path: Path, videos: str = "videos") -> Iterator[Item]:
    places: dict[str, int] = defaultdict(int)
    for row in rows:
        if "dis_question" in row:
            group = str(field(row, "id", str(path)))
            yield _discrimination(row, path, videos, places[group])
            places[group] += 1
        else:
            yield _classification(row, path, videos)


def _classification(row: dict[str, Any], path: Path, videos: str) -> Item:
    number, question, right, options = (
        field(row, key, str(path)) for key in ("id", "question", "answer", "options")
    )
    if not isinstance(options, dict) or str(right) not in options or not set(options) <= set("ABC"):
        raise DataError(
            f"{path}: question {number} has not options A to C as an object with its answer among them."
        )
    sample = sample_of(
        str(path),
        id=f"classification/{number}",
        video=f"{videos}/{row.get('video_id')}.mp4",
        question=question,
        options=tuple(str(text) for text in options.values()),
        letters=tuple(options),
        solution=right,
        problem_type=ProblemType.MULTIPLE_CHOICE,
        source="MHBench",
        task="classification",
        source_clip=str(row.get("video_id")),
        labels={"motion": str(row.get("motion_id", ""))},
    )
    listed = "\n".join(f"({chr(ord('A') + place)}) {text}" for place, text in enumerate(options.values()))
    return Item(sample, f"{_INSTRUCTION}\nQuestion:{question}\nOptions:\n{listed}\n ", row)


def _discrimination(row: dict[str, Any], path: Path, videos: str, place: int) -> Item:
    number, question, right = (field(row, key, str(path)) for key in ("dis_id", "dis_question", "dis_answer"))
    if right not in YES_NO:
        raise DataError(f"{path}: the answer {right!r} to question {number} is neither yes nor no.")
    sample = sample_of(
        str(path),
        id=f"discrimination/{number}",
        video=f"{videos}/{row.get('video_id')}.mp4",
        question=question,
        options=YES_NO,
        solution="AB"[YES_NO.index(right)],
        problem_type=ProblemType.MULTIPLE_CHOICE,
        source="MHBench",
        task="discrimination",
        source_clip=str(row.get("video_id")),
        group=f"discrimination/{row['id']}",
        cell=Cell(0, place),
        labels={"motion": str(row.get("motion_id", ""))},
    )
    return Item(sample, question, row)


def _recorded(root: Path, file: Path) -> list[Graded]:
    """Return the recorded answers: to the questions under the root, or, where it has none, as the file repeats them."""
    return [one for path in files_of(file, "*/response.json", _FORM) for one in _of_file(root, path)]


def _of_file(root: Path, file: Path) -> list[Graded]:
    rows = _list(file)
    if not any("predict" in row for row in rows):
        raise DataError(f"{file}: none of its records has 'predict'. Give {_FORM}.")
    repeated = list(_of(rows, file))
    there = any(
        (root / place / f"{name}.json").is_file() for name in _TASKS for place in ("", "dataset/MHBench")
    )
    items = by_key(_items(root), lambda item: item.sample.id) if there else None
    return [_graded(asked(items, one.sample.id, file) if items else one, one.row) for one in repeated]


def _graded(item: Item, row: Any) -> Graded:
    response = response_text(row.get("predict"))
    return Graded(item, response, None if response is None else _grade(item, response))


def _grade(item: Item, response: str) -> float | None:
    """Return the official grade, None for what the official scorer cannot read and leaves out."""
    said = _letter(response) if item.sample.task == "classification" else _word(response)
    return None if said is None else float(said == item.sample.solution)


def _letter(response: str) -> str | None:
    first = response.upper().strip()[:1]
    return first if first in ("A", "B", "C") else None


def _word(response: str) -> str | None:
    said = response.lower()
    for mark in ".,\"'":
        said = said.replace(mark, "")
    words = said.split(" ")
    if "yes" in words:
        return "A"
    return "B" if "no" in words or "not" in words else None


def _summary(graded: Sequence[Graded]) -> dict[str, Any]:
    """Return the official numbers of each task, in per cent; acc is their mean."""
    tasks: dict[str, list[Graded]] = defaultdict(list)
    for one in graded:
        tasks[one.item.sample.task].append(one)
    measured = {"classification": _classes, "discrimination": _answers}
    found = {task: measured[task](answers) for task, answers in sorted(tasks.items())}
    accs = [one["acc"] for one in found.values() if one["acc"] is not None]
    return {"acc": round(fmean(accs), 2) if accs else 0.0, "tasks": found}


def _classes(graded: Sequence[Graded]) -> dict[str, Any]:
    read = [one.official for one in graded if one.official is not None]
    return {
        "acc": round(100.0 * round(sum(read) / len(read), 3), 2) if read else None,
        "nan_ratio": _percent(len(graded) - len(read), len(graded)),
        "nan_num": len(graded) - len(read),
    }


def _answers(graded: Sequence[Graded]) -> dict[str, Any]:
    """Return the measures of DisEvalKit; a record without a prediction is not counted at all."""
    counted = [one for one in graded if one.response is not None or one.official is not None]
    cells: dict[tuple[bool, float | None], int] = defaultdict(int)
    for one in counted:
        cells[one.item.sample.solution == "A", one.official] += 1
    tp, fn, tn, fp = cells[True, 1.0], cells[True, 0.0], cells[False, 1.0], cells[False, 0.0]
    yes = sum(one.item.sample.solution == "A" for one in counted)
    precision, recall = _percent(tp, tp + fp), _percent(tp, tp + fn)
    return {
        "acc": _percent(tp + tn, tp + tn + fp + fn),
        "precision": precision,
        "recall": recall,
        "f1": _percent(2 * tp, 2 * tp + fp + fn),
        "no_acc": _percent(tn, tn + fp),
        "fp_ratio": _percent(fp, fp + tn),
        "yes_ratio": _percent(tp + fp, len(counted)),
        "pct_diff": _percent(tp + fp - yes, len(counted)),
        "nan_ratio": _percent(cells[True, None] + cells[False, None], len(counted)),
        "pair_acc": _pair_accuracy(counted),
    }


def _ours(graded: Sequence[Graded], records: Sequence[AnswerRecord]) -> dict[str, Any]:
    """Return the accuracies by our reading: what cannot be read is wrong, and no id is left out."""
    tasks: dict[str, list[tuple[Item, AnswerRecord]]] = defaultdict(list)
    for one, record in zip(graded, records, strict=True):
        tasks[one.item.sample.task].append((one.item, record))
    found: dict[str, Any] = {}
    for task, answered in sorted(tasks.items()):
        right = [record.score for _, record in answered]
        unread = sum(record.answer is None for _, record in answered)
        found[task] = {"acc": _percent(sum(right), len(right)), "nan_ratio": _percent(unread, len(right))}
    groups: dict[str, list[float]] = defaultdict(list)
    for item, record in tasks.get("discrimination", []):
        groups[str(item.sample.group)].append(record.score)
    if groups:
        whole = sum(min(scores) for scores in groups.values())
        found["discrimination"]["pair_acc"] = _percent(whole, len(groups))
    return {"acc": round(fmean(one["acc"] for one in found.values()), 2), "tasks": found}


def _pair_accuracy(graded: Sequence[Graded]) -> float | None:
    pairs: dict[Any, list[float | None]] = defaultdict(list)
    for one in graded:
        if one.item.row["id"]:
            pairs[one.item.row["id"]].append(one.official)
    read = [grades for grades in pairs.values() if None not in grades]
    return _percent(sum(grades == [1.0] * len(grades) for grades in read), len(read))


def _percent(count: float, total: float) -> float | None:
    return round(100.0 * count / total, 2) if total else None


BENCHMARK = Benchmark(
    name="mhbench",
    title="MHBench",
    home="https://github.com/xzhouzeng/MHBench",
    needs=(
        *(Need(f"{name}.json", licence="MIT") for name in _TASKS),
        Need("videos", annotation=False, licence="MIT"),
    ),
    items=_items,
    grade=_grade,
    recorded=harnesses.also(_recorded, _items, _grade),
    part=its_task,
    summary=_summary,
    ours=_ours,
    frames=16,
)
