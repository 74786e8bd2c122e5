"""AoTBench (github.com/zihuixue/seeAoT): does a model see in which direction time runs?

Root: the data set's folder with data_files/input/{ReverseFilm,UCF101,Rtime_t2v,Rtime_v2t,AoTBench_QA}.json and
data/, or the repository with it as data/. A file is a list of {qa_idx, video_name, question, ans}; the options stand in
the question. Recorded answers are the JSONL rows {idx, response} that run_qwen25.py writes under output/SET/, or a
folder of output/ with several sets. Of which set they are is told by the folder's name, else by the only set that has
their indices.

The official scorer (eval/read_qa.py, commit 366b5b4) compares the first character of a response with the right letter,
so that "Answer: B" is A, and stops at an empty response, which counts as wrong here. Every line counts, a repeated one
too. The published files name no pairs.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from retroflip.bench.benchmarks import harnesses
from retroflip.bench.benchmarks.base import Benchmark, Graded, Item, Need, accuracy, its_task, same_table
from retroflip.bench.benchmarks.published import (
    asked,
    by_key,
    choices_in,
    field,
    files_of,
    find,
    read_json,
    read_rows,
    response_text,
    sample_of,
)
from retroflip.bench.benchmarks.tables import by_label, task_of
from retroflip.data.sample import ProblemType, option_letters
from retroflip.errors import DataError

SETS = ("ReverseFilm", "UCF101", "Rtime_t2v", "Rtime_v2t", "AoTBench_QA")
_FORM = "a file of output/SET/, rows {idx, response}"


def _items(root: Path) -> Iterator[Item]:
    folder = find(root, "AoTBench", "data_files/input", "data/data_files/input", "input")
    there = [name for name in SETS if (folder / f"{name}.json").is_file()]
    if not there:
        raise DataError(f"{folder}: none of {', '.join(f'{name}.json' for name in SETS)} is in it.")
    base = folder.parent.parent if folder.parent.name == "data_files" else folder.parent
    videos = "data" if base == root else f"{base.relative_to(root).as_posix()}/data"
    for name in there:
        rows = read_json(folder / f"{name}.json", "AoTBench's own file")
        if not (isinstance(rows, list) and all(isinstance(row, dict) for row in rows)):
            raise DataError(f"{folder / name}.json: not a list of questions. Give AoTBench's own file.")
        yield from (_item(name, row, folder / f"{name}.json", videos) for row in rows)


def _item(name: str, row: dict[str, Any], path: Path, videos: str) -> Item:
    idx, video, question, right = (
        str(field(row, key, str(path))) for key in ("qa_idx", "video_name", "question", "ans")
    )
    choices = choices_in(question)
    letters = tuple(option_letters(len(choices.options) or 4))
    if right not in letters:
        raise DataError(f"{path}: the answer {right!r} to {idx} is none of the letters {', '.join(letters)}.")
    sample = sample_of(
        str(path),
        id=f"{name}/{idx}",
        video=f"{videos}/{video}",
        question=choices.stem,
        options=choices.options or letters,
        solution=right,
        problem_type=ProblemType.MULTIPLE_CHOICE,
        source="AoTBench",
        task=name,
        source_clip=video,
    )
    return Item(sample, question, row)


def _recorded(root: Path, file: Path) -> list[Graded]:
    sets: dict[str, dict[str, Item]] = defaultdict(dict)
    for key, item in by_key(_items(root), lambda item: item.sample.id).items():
        sets[item.sample.task][key.partition("/")[2]] = item
    return [one for path in files_of(file, "**/*.jsonl", _FORM) for one in _of_file(sets, path)]


def _of_file(sets: dict[str, dict[str, Item]], path: Path) -> Iterator[Graded]:
    rows = read_rows(path, _FORM)
    items = sets[_set_of(sets, rows, path)] if rows else {}
    for row in rows:
        response = response_text(row.get("response"))
        item = asked(items, str(row["idx"]), path)
        yield Graded(item, response, 0.0 if response is None else _grade(item, response))


def _set_of(sets: dict[str, dict[str, Item]], rows: Sequence[dict[str, Any]], path: Path) -> str:
    indices = {str(field(row, "idx", f"{path} ({_FORM})")) for row in rows}
    if path.parent.name in sets:
        return path.parent.name
    holding = [name for name, items in sets.items() if indices <= set(items)]
    if len(holding) == 1:
        return holding[0]
    raise DataError(
        f"{path}: {'several sets have' if holding else 'no set has'} all of its indices. Put the file into a folder "
        f"named by its set, one of {', '.join(sets)}."
    )


def _grade(item: Item, response: str) -> float:
    return float(response[:1] == item.sample.solution)


def _summary(graded: Sequence[Graded]) -> dict[str, Any]:
    """Return the accuracy of every set; acc is over all questions of all sets."""
    return {"acc": accuracy(graded), "sets": by_label(task_of, graded)}


BENCHMARK = Benchmark(
    name="aotbench",
    title="AoTBench",
    home="https://github.com/zihuixue/seeAoT",
    needs=(*(Need(f"data_files/input/{name}.json") for name in SETS), Need("data", annotation=False)),
    items=_items,
    grade=_grade,
    recorded=harnesses.also(_recorded, _items, _grade),
    part=its_task,
    summary=_summary,
    ours=same_table(_summary),
    sampler="qwen-vl-utils",
    frames=16,
    max_tokens=1024,
)
