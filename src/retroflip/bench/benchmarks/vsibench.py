"""VSI-Bench (github.com/vision-x-nyu/thinking-in-space): where things are in rooms, seen in a walk through them.

Root: the hub's repository: `test.jsonl` or a Parquet file of it, videos as `DATASET/SCENE.mp4`.

Its own scorer (lmms_eval/tasks/vsibench/utils.py) reads the first word, cut at a blank, without full stops at its end:
"(A)" and "Answer: B" are wrong, "3 chairs" is 3. Numbers earn mean relative accuracy, where an error that is equal to
a bound counts as under it. The overall score is the mean over the task types that are there, of which the three of
relative direction are one, so that an excerpt of the questions has a mean of another meaning.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from retroflip.bench.benchmarks.base import Benchmark, Graded, Item, Need, its_task, same_table
from retroflip.bench.benchmarks.choices import (
    as_letter,
    bare,
    choice,
    listed,
    video_file,
)
from retroflip.bench.benchmarks.own_form import Form, Row, recorder
from retroflip.bench.benchmarks.published import field, find, read_rows, sample_of
from retroflip.bench.benchmarks.tables import by_label, of_answered, task_of
from retroflip.data.sample import ProblemType
from retroflip.errors import DataError

TITLE = "VSI-Bench"
_FILES = ("test.jsonl", "test-00000-of-00001.parquet", "vsibench.parquet", "VSI-Bench.tsv", "test.json")
NUMERIC = ("object_abs_distance", "object_counting", "object_size_estimation", "room_size_estimation")
CHOSEN = (
    "object_rel_direction_easy",
    "object_rel_direction_medium",
    "object_rel_direction_hard",
    "object_rel_distance",
    "route_planning",
    "obj_appearance_order",
)
_DIRECTION = "object_rel_direction"
_BEGINS = "These are frames of a video."
_ASKS_A_LETTER = "Answer with the option's letter from the given choices directly."
_ASKS_A_NUMBER = "Please answer the question using a single word or phrase."
_BOUNDS = 1.0 - np.linspace(0.5, 0.95, 10)


def _items(root: Path) -> Iterator[Item]:
    path = find(root, TITLE, *_FILES)
    for number, row in enumerate(read_rows(path, "VSI-Bench's own file")):
        yield _item(root, number, row)


def _item(root: Path, number: int, row: Row) -> Item:
    identity = str(row.get("id", row.get("index", number)))
    where = f"{TITLE}, question {identity}"
    task = str(field(row, "question_type", where))
    question = str(field(row, "question", where))
    scene = f"{field(row, 'dataset', where)}/{field(row, 'scene_name', where)}"
    video = video_file(root, (".", "videos", "video"), scene)
    answer = str(field(row, "ground_truth", where))
    about: dict[str, Any] = {
        "source": TITLE,
        "task": task,
        "source_clip": scene,
        "labels": {"dataset": str(row["dataset"])},
    }
    if task in NUMERIC:
        sample = sample_of(
            where,
            id=identity,
            video=video,
            question=question,
            solution=answer,
            problem_type=ProblemType.REGRESSION,
            **about,
        )
        return Item(sample, "\n".join([_BEGINS, question, _ASKS_A_NUMBER]), row)
    if task not in CHOSEN:
        raise DataError(f"{where}: the question_type {task!r:.60} is none of VSI-Bench's.")
    options = listed(row.get("options"), where)
    texts = bare(options)
    sample = choice(identity, video, question, texts, as_letter(answer, texts, where), **about)
    return Item(sample, "\n".join([_BEGINS, question, "Options:", *options, _ASKS_A_LETTER]), row)


def _grade(item: Item, said: str) -> float:
    """utils.py, vsibench_process_results."""
    word, right = said.split(" ")[0].rstrip(".").strip(), str(item.row["ground_truth"])
    if item.sample.task in CHOSEN:
        return float(word.lower() == right.lower())
    try:
        number, gold = float(word), float(right)
    except ValueError:
        return 0.0
    return float((abs(number - gold) / gold <= _BOUNDS).mean()) if gold else 0.0


def _identity(row: Row) -> str | None:
    return str(row["id"]) if row.get("id") is not None else None


def _table(graded: Sequence[Graded]) -> dict[str, Any]:
    """Return utils.py's vsibench_aggregate_results, over the answers that are there."""
    tasks = by_label(task_of, graded)
    directions = [
        value
        for task, value in tasks.items()
        if task.startswith(_DIRECTION) and value is not None and task in CHOSEN[:3]
    ]
    merged = {task: value for task, value in tasks.items() if task not in CHOSEN[:3]}
    if directions:
        merged[_DIRECTION] = round(fmean(directions), 2)
    known = [value for value in merged.values() if value is not None]
    return {"overall": round(fmean(known), 2) if known else None, "n": len(graded), "by_task_type": merged}


BENCHMARK = Benchmark(
    name="vsibench",
    title=TITLE,
    home="huggingface.co/datasets/nyu-visionx/VSI-Bench",
    needs=(
        Need(_FILES[0], elsewhere=_FILES[1:]),
        *(Need(f"{name}/", annotation=False) for name in ("arkitscenes", "scannet", "scannetpp")),
    ),
    items=_items,
    grade=_grade,
    recorded=recorder(_items, _grade, Form(identity=_identity, part=its_task)),
    part=its_task,
    summary=of_answered(_table),
    ours=same_table(_table),
    sampler="lmms-eval",
    max_tokens=16,
)
