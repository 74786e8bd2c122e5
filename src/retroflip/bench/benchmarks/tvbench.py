"""TVBench (github.com/daniel-cores/tvbench): ten tasks that no single frame and no text answers.

Root: the data set's folder with json/TASK.json, lists of {video, question, candidates, answer}, and video/TASK/; two
tasks have the seconds start and end of their part too, which is shown alone. Recorded answers are what infer.ipynb
saves, {"acc_dict", "res_list": [{pred, gt}]}, the answers in the order of the tasks and of their files; the same with
fewer tasks is told by acc_dict.

The official comparison (check_ans of vqa_dataset.py, commit c354322, MVBench's own) is of the first words: "(a)" holds
"a)" and "(", so that an empty answer, "(" and "" are right, and so is whatever holds "(a)".
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from retroflip.bench.benchmarks import harnesses
from retroflip.bench.benchmarks.base import Benchmark, Graded, Item, Need, accuracy, its_task, same_table
from retroflip.bench.benchmarks.published import (
    field,
    read_json,
    response_text,
    sample_of,
    texts,
)
from retroflip.bench.benchmarks.tables import by_label, task_of
from retroflip.data.sample import ProblemType, option_letter
from retroflip.errors import DataError

TASKS = {
    "Action Count": False,
    "Object Count": False,
    "Action Sequence": True,
    "Object Shuffle": False,
    "Scene Transition": False,
    "Action Localization": True,
    "Action Antonym": False,
    "Unexpected Action": False,
    "Egocentric Sequence": False,
    "Moving Direction": False,
}
"""in the official order, with whether a part of the video is shown"""
SYSTEM = (
    "Carefully watch the video and pay attention to the cause and sequence of events, the detail and movement of "
    "objects, and the action and pose of persons. Based on your observations, select the best option that accurately "
    "addresses the question.\n"
)
_CLOSING = "\nOnly give the best option."
_FORM = 'the JSON of {"acc_dict", "res_list": [{pred, gt}]} that infer.ipynb saves'


def _file_of(task: str) -> str:
    return task.lower().replace(" ", "_")


def _items(root: Path) -> Iterator[Item]:
    folder = root / "json" if (root / "json").is_dir() else root
    there = [task for task in TASKS if (folder / f"{_file_of(task)}.json").is_file()]
    if not there:
        raise DataError(
            f"{root}: none of TVBench's json/TASK.json is in it. Name the folder of the data set with --root."
        )
    for task in there:
        path = folder / f"{_file_of(task)}.json"
        rows = read_json(path, "TVBench's own file")
        if not (isinstance(rows, list) and all(isinstance(row, dict) for row in rows)):
            raise DataError(f"{path}: not a list of questions. Give TVBench's own file.")
        yield from (_item(task, number, row, path) for number, row in enumerate(rows))


def _item(task: str, number: int, row: dict[str, Any], path: Path) -> Item:
    candidates = texts(row, "candidates", str(path))
    video, question, answer = (str(field(row, key, str(path))) for key in ("video", "question", "answer"))
    if answer not in candidates:
        raise DataError(f"{path}: the answer {answer!r:.60} to question {number} is none of its candidates.")
    start, end = (row.get("start"), row.get("end")) if TASKS[task] else (None, None)
    sample = sample_of(
        str(path),
        id=f"{_file_of(task)}/{number}",
        video=f"video/{_file_of(task)}/{video}",
        question=question,
        options=tuple(candidates),
        solution=option_letter(candidates.index(answer)),
        problem_type=ProblemType.MULTIPLE_CHOICE,
        source="TVBench",
        task=task,
        source_clip=video,
        start=start,
        end=end,
    )
    listed = "\n".join(f"({letter}) {text}" for letter, text in sample.lettered.items())
    return Item(sample, f"{SYSTEM}Question: {question}\nOptions:\n{listed}{_CLOSING}", row)


def _recorded(root: Path, file: Path) -> list[Graded]:
    found = read_json(file, _FORM)
    answers = found.get("res_list") if isinstance(found, dict) else None
    if not (isinstance(answers, list) and answers and all(isinstance(row, dict) for row in answers)):
        raise DataError(f"{file}: not answers to TVBench. Give {_FORM}.")
    told = found.get("acc_dict")
    tasks = told if isinstance(told, dict) and told else TASKS
    items = [item for item in _items(root) if item.sample.task in tasks]
    if len(items) < len(answers):
        raise DataError(
            f"{file}: {len(answers)} answers to the {len(items)} questions of {', '.join(map(str, tasks))}."
        )
    return [_graded(item, row, file) for item, row in zip(items, answers, strict=False)]


def _graded(item: Item, row: dict[str, Any], file: Path) -> Graded:
    if row.get("gt", right_of(item)) != right_of(item):
        raise DataError(
            f"{file}: an answer to {row['gt']!r:.60} stands where the question {item.sample.id} has "
            f"{right_of(item)!r:.60}. The answers must have the order of the questions under --root."
        )
    response = response_text(row.get("pred"))
    return Graded(item, response, 0.0 if response is None else _grade(item, response))


def right_of(item: Item) -> str:
    """Return the right answer as it is compared: "(A) text"."""
    return f"({item.sample.solution}) {item.row['answer']}"


def _grade(item: Item, response: str) -> float:
    return check_answer(response, right_of(item))


def check_answer(said: str, right: str) -> float:
    """Return MVBench's comparison of an answer with "(A) text": of their first words, either within the other."""
    first, gold = (text.lower().split(" ")[0] for text in (said, right))
    return float(first.replace(".", "") in gold or gold in first)


def _summary(graded: Sequence[Graded]) -> dict[str, Any]:
    """Return the accuracy of every task; acc is over all questions."""
    return {"acc": accuracy(graded), "tasks": by_label(task_of, graded)}


BENCHMARK = Benchmark(
    name="tvbench",
    title="TVBench",
    home="https://github.com/daniel-cores/tvbench",
    needs=(
        *(Need(f"json/{_file_of(task)}.json") for task in TASKS),
        Need("video", annotation=False),
    ),
    items=_items,
    grade=_grade,
    recorded=harnesses.also(_recorded, _items, _grade),
    part=its_task,
    summary=_summary,
    ours=same_table(_summary),
    sampler="mvbench",
    frames=16,
    max_tokens=100,
)
