"""OVO-Bench (github.com/JoeLeelyf/OVO-Bench): questions in the middle of a video, about what was and what is.

Root: the repository, or its folder data/, with ovo_bench_new.json and chunked_videos/ (the part of each video before
its question, by the question's id) or src_videos/, of which that part is then shown. Read here are the backward tracing
tasks (EPM, ASI, HLD) and those of real-time perception (OCR, ACR, ATR, STU, FPD, OJR); forward responding, which asks
the same question again and again, is left out. Recorded answers are a file of results/MODEL/, or the whole folder:
{"backward": [{id, task, response, ground_truth}], "realtime": [...], "forward": [...]}.

The official score (utils/OVOBenchScore.py, commit c34093f) is whether the right letter stands anywhere in the
response: for gold A, "All of them: D" is right, and "A, B" is for both; of a list, as some of its models write it,
whether an element is just the letter. It compares with the letter that the recorded file has: `other_golds` counts
those that the questions have otherwise now, where ours goes by the questions. Its averages of backward and real-time
are means over tasks; acc is the mean of these two where both are there.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from retroflip.bench.benchmarks import harnesses
from retroflip.bench.benchmarks.base import Benchmark, Graded, Item, Need, Recorded, its_task, same_table
from retroflip.bench.benchmarks.published import (
    asked,
    by_key,
    field,
    files_of,
    find,
    finite,
    read_json,
    response_text,
    sample_of,
    texts,
)
from retroflip.data.sample import ProblemType, option_letter
from retroflip.errors import DataError

PARTS = {"backward": ("EPM", "ASI", "HLD"), "realtime": ("OCR", "ACR", "ATR", "STU", "FPD", "OJR")}
_PART_OF = {task: part for part, tasks in PARTS.items() for task in tasks}
_PROMPT = (
    "\nQuestion: {question}\nOptions:\n{options}\n\n"
    "Respond only with the letter corresponding to your chosen option (e.g., A, B, C). \n"
    "Do not include any additional text or explanation in your response.\n"
)
_FORM = 'a file or folder of results/MODEL/, {"backward": [...], "realtime": [...], "forward": [...]}'


def _items(root: Path) -> Iterator[Item]:
    path = find(root, "OVO-Bench", "data/ovo_bench_new.json", "ovo_bench_new.json")
    rows = read_json(path, "OVO-Bench's own file")
    if not (isinstance(rows, list) and all(isinstance(row, dict) for row in rows)):
        raise DataError(f"{path}: not a list of questions. Give OVO-Bench's own file.")
    folder = "" if path.parent == root else "data/"
    chunked = (path.parent / "chunked_videos").is_dir()
    return (_item(row, path, folder, chunked=chunked) for row in rows if str(row.get("task")) in _PART_OF)


def _item(row: dict[str, Any], path: Path, folder: str, *, chunked: bool) -> Item:
    options = texts(row, "options", str(path))
    number, task, video, question = (
        str(field(row, key, str(path))) for key in ("id", "task", "video", "question")
    )
    right, now = (field(row, key, str(path)) for key in ("gt", "realtime"))
    if type(right) is not int or not 0 <= right < len(options):
        raise DataError(f"{path}: gt {right!r} of question {number} is none of its {len(options)} options.")
    seconds = finite(now, str(path))
    shown = (
        {"video": f"{folder}chunked_videos/{number}.mp4"}
        if chunked
        else {"video": f"{folder}src_videos/{video}", "start": 0.0, "end": max(1.0, math.ceil(seconds))}
    )
    sample = sample_of(
        str(path),
        id=number,
        question=question,
        options=tuple(options),
        solution=option_letter(right),
        problem_type=ProblemType.MULTIPLE_CHOICE,
        source="OVO-Bench",
        task=task,
        source_clip=video,
        labels={"part": _PART_OF[task]},
        **shown,
    )
    listed = "; ".join(f"{letter}. {text}" for letter, text in sample.lettered.items()) + ";"
    return Item(sample, _PROMPT.format(question=question, options=listed), row)


def _recorded(root: Path, file: Path) -> Recorded:
    items = by_key(_items(root), lambda item: item.sample.id)
    paths = files_of(file, "*.json", _FORM)
    graded = [_graded(items, row, path) for path in paths for row in _rows(path, tuple(PARTS))]
    if not graded:
        raise DataError(f"{file}: no answers to backward or real-time tasks are in it. Give {_FORM}.")
    forward = sum(len(_rows(path, ("forward",))) for path in paths)
    return Recorded(graded, harnesses.passed_over(forward))


def _rows(path: Path, parts: Sequence[str]) -> list[dict[str, Any]]:
    found = read_json(path, _FORM)
    listed = [found.get(part) or [] for part in parts] if isinstance(found, dict) else [found]
    if isinstance(found, dict) and all(isinstance(rows, list) for rows in listed):
        rows = [row for rows in listed for row in rows]
        if all(isinstance(row, dict) for row in rows):
            return rows
    raise DataError(f"{path}: not answers to OVO-Bench. Give {_FORM}.")


def _graded(items: dict[str, Item], row: dict[str, Any], path: Path) -> Graded:
    item = asked(items, str(field(row, "id", f"{path} ({_FORM})")), path)
    said = row.get("response")
    right = str(row.get("ground_truth", item.sample.solution))
    item = item._replace(row={**item.row, "ground_truth": right})
    response = response_text(said)
    if response is None:
        return Graded(item, None, 0.0)
    return Graded(item, response, float(right in (said if isinstance(said, list) else response)))


def _grade(item: Item, response: str) -> float:
    return float(item.sample.solution in response)


def _summary(graded: Sequence[Graded]) -> dict[str, Any]:
    """Return the accuracy of every task and the means over a part's tasks, in per cent."""
    tasks: dict[str, list[float]] = defaultdict(list)
    for one in graded:
        tasks[one.item.sample.task].append(one.official or 0.0)
    means = {task: fmean(grades) for task, grades in tasks.items()}
    there = {part: [means[task] for task in names if task in means] for part, names in PARTS.items()}
    averages = {part: fmean(found) for part, found in there.items() if found}
    return {
        "acc": _percent(fmean(averages.values())),
        **{f"{part}_avg": _percent(average) for part, average in averages.items()},
        "tasks": {task: _percent(mean) for task, mean in sorted(means.items())},
        "other_golds": sum(
            one.item.row.get("ground_truth", one.item.sample.solution) != one.item.sample.solution
            for one in graded
        ),
    }


def _percent(share: float) -> float:
    return round(100.0 * share, 2)


def _named(row: Mapping[str, Any]) -> str | None:
    """Return the question's name in a row that a toolkit logged."""
    name = row.get("id")
    return None if name is None else str(name)


BENCHMARK = Benchmark(
    name="ovobench",
    title="OVO-Bench",
    home="https://github.com/JoeLeelyf/OVO-Bench",
    needs=(
        Need("data/ovo_bench_new.json", licence="CC BY-NC-SA 4.0"),
        Need("data/chunked_videos", annotation=False, licence="CC BY-NC-SA 4.0"),
    ),
    items=_items,
    grade=_grade,
    recorded=harnesses.also(
        _recorded, _items, _grade, named=_named, part=lambda item: item.sample.labels["part"]
    ),
    part=its_task,
    summary=_summary,
    ours=same_table(_summary),
    sampler="lmms-eval",
    frames=64,
    max_tokens=128,
)
