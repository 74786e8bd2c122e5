"""TemporalBench (github.com/mu-cai/TemporalBench): which of two detailed captions is a video's?

Root: the data set's folder with temporalbench_short_qa.json and temporalbench_long_qa.json (those that are there are
read) and the folders of videos. Recorded answers are the JSONL rows {idx, response} of outputs/. Captioning is graded
by a model of sentence embeddings and not read.

Binary accuracy is over questions. Multiple binary accuracy (MBA) is over videos: right if all of a video's questions
are, of which it has several; here they are a group, so that it is `v_acc`. The official scorer (get_qa_acc.py, commit
62f88ab) compares the first character of a response without case ("A person ..." is A), counts every line, and takes
only the questions that were answered: a video with one missing can be right. Ours is wrong where one up to the highest
answered number is missing.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from retroflip.bench.benchmarks import harnesses
from retroflip.bench.benchmarks.base import Benchmark, Graded, Item, Need, accuracy, its_task, same_table
from retroflip.bench.benchmarks.published import (
    asked,
    by_key,
    choices_in,
    field,
    read_json,
    read_rows,
    response_text,
    sample_of,
)
from retroflip.data.sample import Cell, ProblemType
from retroflip.errors import DataError

_FILES = ("temporalbench_short_qa", "temporalbench_long_qa")
_CATEGORIES = {
    1: "Action Order",
    2: "Action Frequency",
    3: "Action Type",
    4: "Motion Magnitude",
    5: "Motion Direction/Orientation",
    6: "Action Effector",
    7: "Others",
    8: "Event Order",
}
_FORM = "a file of outputs/, rows {idx, response}"


def _items(root: Path) -> Iterator[Item]:
    there = [name for name in _FILES if (root / f"{name}.json").is_file()]
    if not there:
        raise DataError(
            f"{root}: none of TemporalBench's {', '.join(f'{name}.json' for name in _FILES)} is in it. Name the folder "
            "of the data set with --root."
        )
    for name in there:
        path = root / f"{name}.json"
        rows = read_json(path, "TemporalBench's own file")
        if not (isinstance(rows, list) and all(isinstance(row, dict) for row in rows)):
            raise DataError(f"{path}: not a list of questions. Give TemporalBench's own file.")
        places: dict[str, int] = defaultdict(int)
        for row in rows:
            video = str(field(row, "video_name", str(path)))
            yield _item(name.removeprefix("temporalbench_"), row, path, places[video])
            places[video] += 1


def _item(task: str, row: dict[str, Any], path: Path, place: int) -> Item:
    idx, video, question, right = (
        str(field(row, key, str(path))) for key in ("idx", "video_name", "question", "GT")
    )
    choices = choices_in(question)
    options = choices.options or ("A", "B")
    if right not in "ABCDEFGH"[: len(options)]:
        raise DataError(f"{path}: GT {right!r} of {idx} is none of its {len(options)} options' letters.")
    category = row.get("category")
    sample = sample_of(
        str(path),
        id=idx,
        video=video,
        question=choices.stem,
        options=options,
        solution=right,
        problem_type=ProblemType.MULTIPLE_CHOICE,
        source="TemporalBench",
        task=task,
        source_clip=video,
        group=f"{task}/{video}",
        cell=Cell(0, place),
        labels={
            "dataset": str(row.get("dataset", row.get("source_dataset", ""))),
            "category": _CATEGORIES.get(category, "") if isinstance(category, int) else str(category or ""),
        },
    )
    return Item(sample, question, row)


def _recorded(root: Path, file: Path) -> list[Graded]:
    items = by_key(_items(root), lambda item: item.sample.id)
    return [_graded(items, row, file) for row in read_rows(file, _FORM)]


def _graded(items: dict[str, Item], row: dict[str, Any], file: Path) -> Graded:
    item = asked(items, str(field(row, "idx", f"{file} ({_FORM})")), file)
    response = response_text(row.get("response"))
    return Graded(item, response, 0.0 if response is None else _grade(item, response))


def _grade(item: Item, response: str) -> float:
    return float(response[:1].lower() == item.sample.solution.lower())


def _summary(graded: Sequence[Graded]) -> dict[str, Any]:
    """Return both accuracies in per cent: over all, by data set, and by category where the questions have one."""
    categories = {one.item.sample.labels["category"] for one in graded} - {""}
    return {
        **_accuracies(graded),
        "by_dataset": _by(graded, lambda item: item.sample.labels["dataset"]),
        "by_category": _by(graded, lambda item: item.sample.labels["category"]) if categories else {},
    }


def _by(graded: Sequence[Graded], key: Callable[[Item], str]) -> dict[str, dict[str, float | int | None]]:
    parts: dict[str, list[Graded]] = defaultdict(list)
    for one in graded:
        parts[key(one.item)].append(one)
    return {name: _accuracies(found) for name, found in sorted(parts.items())}


def _accuracies(graded: Sequence[Graded]) -> dict[str, float | int | None]:
    videos: dict[Hashable, list[float]] = defaultdict(list)
    for one in graded:
        videos[one.item.sample.group].append(one.official or 0.0)
    return {
        "acc": accuracy(graded),
        "mba": round(100.0 * fmean(min(grades) == 1.0 for grades in videos.values()), 2),
        "n_videos": len(videos),
    }


def _named(row: Mapping[str, Any]) -> str | None:
    """Return the question's name in a row that a toolkit logged; lmms-eval logs the whole question as item."""
    item = row.get("item")
    name = (item if isinstance(item, Mapping) else row).get("idx")
    return None if name is None else str(name)


BENCHMARK = Benchmark(
    name="temporalbench",
    title="TemporalBench",
    home="https://github.com/mu-cai/TemporalBench",
    needs=(*(Need(f"{name}.json") for name in _FILES), Need("short_video", annotation=False)),
    items=_items,
    grade=_grade,
    recorded=harnesses.also(_recorded, _items, _grade, named=_named),
    part=its_task,
    summary=_summary,
    ours=same_table(_summary),
    sampler="lmms-eval",
)
