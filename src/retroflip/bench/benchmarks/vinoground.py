"""Vinoground (github.com/Vinoground/Vinoground): 500 pairs of videos whose captions have the same words in another
order.

Root: the data set's folder with vinoground_textscore.json, vinoground_videoscore.json and vinoground.csv. Recorded
answers are what eval/*.py write for a model: textscore-response.jsonl and videoscore-response.jsonl (or with -frame32
before -response), rows {idx, response}. Name the folder of both, or one file: its sibling beside it is read too.

Text score: of two captions the right one is found for both videos (a pair, task `text`). Video score: of two segments
the right one is found for both captions (a pair, task `video`). Group score: all four, `g_acc` of the groups.

The official scorer (get_score_all.py, commit 1543a2a) tests `"qwen" or ...`, which is always true, and so takes the
first character of the first element: of a list, as qwen.py writes it, the first response's first character, of a text
its own; "The answer is B" is T, and wrong. It counts every pair of the data set, answered or not. An answer that is
missing or empty stops it at that pair: if it looked for it in the text score, the video score is not even read.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from retroflip.bench.benchmarks import harnesses
from retroflip.bench.benchmarks.base import Benchmark, Graded, Item, Need, its_task, same_table
from retroflip.bench.benchmarks.published import (
    asked,
    by_key,
    choices_in,
    field,
    find,
    read_json,
    read_rows,
    response_text,
    sample_of,
)
from retroflip.data.sample import Cell, ProblemType
from retroflip.errors import DataError

_KINDS = ("text", "video")
_SIDES = ("pos", "neg")
_CLOSING = "\nPlease only output one English character."
_FORM = "the folder or a file of a model's textscore-response.jsonl and videoscore-response.jsonl"


def _items(root: Path) -> Iterator[Item]:
    for kind in _KINDS:
        folder = "vinoground_videos" + ("_concated" if kind == "video" else "")
        name = f"vinoground_{kind}score.json"
        path = find(root, "Vinoground", name, f"{folder}/{name}")
        majors = _majors(root)
        rows = read_json(path, "Vinoground's own file")
        if not (isinstance(rows, list) and all(isinstance(row, dict) for row in rows)):
            raise DataError(f"{path}: not a list of questions. Give Vinoground's own file.")
        yield from (_item(path, kind, row, majors) for row in rows)


def _majors(root: Path) -> dict[str, list[str]]:
    """Return the categories of every pair: its major one and its minor ones; {} without vinoground.csv."""
    path = root / "vinoground.csv"
    rows = read_rows(path, "Vinoground's own file") if path.is_file() else []
    return {
        str(row.get("index")): [
            name for name in (str(row.get("major") or ""), *str(row.get("minor") or "").split(";")) if name
        ]
        for row in rows
    }


def _item(path: Path, kind: str, row: dict[str, Any], categories: dict[str, list[str]]) -> Item:
    idx, question, right = (str(field(row, key, str(path))) for key in ("idx", "question", "GT"))
    pair, _, side = idx.rpartition("_")
    choices = choices_in(question)
    if side not in _SIDES or right not in ("A", "B"):
        raise DataError(
            f"{path}: idx {idx!r} with GT {right!r} is not of Vinoground, as '0_pos' with 'A' is."
        )
    sample = sample_of(
        str(path),
        id=f"{idx}_{kind}",
        video=str(field(row, "video_name", str(path))),
        question=choices.stem,
        options=choices.options or ("A", "B"),
        solution=right,
        problem_type=ProblemType.MULTIPLE_CHOICE,
        source="Vinoground",
        task=kind,
        source_clip=pair,
        pair=f"{pair}_{kind}",
        side=_SIDES.index(side),
        group=pair,
        cell=Cell(0, 2 * _KINDS.index(kind) + _SIDES.index(side)),
        labels={"category": ";".join(categories.get(pair, []))},
    )
    return Item(sample, question + _CLOSING, row)


def _recorded(root: Path, file: Path) -> list[Graded]:
    """Return the recorded answers, and with them those that are missing of a score of which there is any."""
    files = _files(file)
    items = by_key(_items(root), lambda item: item.sample.id)
    graded = [
        _graded(asked(items, _key(kind, row, path), path), row)
        for kind, path in files
        for row in read_rows(path, _FORM)
    ]
    answered = {one.item.sample.id for one in graded}
    kinds = {one.item.sample.task for one in graded}
    missing = [item for key, item in items.items() if key not in answered and item.sample.task in kinds]
    return [*graded, *(Graded(item, None, None, missing=True) for item in missing)]


def _key(kind: str, row: dict[str, Any], path: Path) -> str:
    idx = str(field(row, "idx", str(path)))
    return idx if idx.endswith(_KINDS) else f"{idx}_{kind}"


def _files(file: Path) -> list[tuple[str, Path]]:
    """Return the files of a model's answers, with the score that each is for."""
    if file.is_dir():
        found = {kind: sorted(file.glob(f"*{kind}score*response.jsonl")) for kind in _KINDS}
        if all(len(paths) == 1 for paths in found.values()):
            return [(kind, paths[0]) for kind, paths in found.items()]
        raise DataError(
            f"{file}: not one file of answers for the text and one for the video score. Give {_FORM}."
        )
    kind = next((kind for kind in _KINDS if f"{kind}score" in file.name), None)
    if kind is None:
        raise DataError(f"{file}: its name does not say of which score it is. Give {_FORM}.")
    other = _KINDS[1 - _KINDS.index(kind)]
    beside = sorted(file.parent.glob(f"*{other}score*response.jsonl"))
    return sorted([(kind, file), *((other, path) for path in beside[:1] if len(beside) == 1)])


def _graded(item: Item, row: dict[str, Any]) -> Graded:
    response = row.get("response")
    first = response[0] if isinstance(response, list | str) and response else None
    return Graded(item, response_text(response), _grade(item, first) if isinstance(first, str) else None)


def _grade(item: Item, response: str) -> float | None:
    return float(response[:1].lower() == item.sample.solution.lower())


def _summary(graded: Sequence[Graded]) -> dict[str, Any]:
    """Return text, video and group score in per cent, over all pairs and by category; None where none was asked."""
    grades: dict[str, dict[int, float | None]] = defaultdict(dict)
    categories: dict[str, list[str]] = {}
    for one in graded:
        sample = one.item.sample
        if sample.group is not None and sample.cell is not None:
            grades[sample.group][sample.cell.question] = one.official
            categories[sample.group] = [name for name in sample.labels["category"].split(";") if name]
    kinds = {one.item.sample.task for one in graded}
    right = {group: _right(found, kinds) for group, found in grades.items()}
    named: dict[str, list[set[str]]] = defaultdict(list)
    for group, scores in right.items():
        for name in categories[group]:
            named[name].append(scores)
    return {
        "acc": round(100.0 * sum(one.official or 0.0 for one in graded) / len(graded), 2),
        **_shares(list(right.values()), kinds),
        "by_category": {name: _shares(found, kinds) for name, found in sorted(named.items())},
    }


def _right(grades: dict[int, float | None], kinds: set[str]) -> set[str]:
    """Return which of text, video and group score a pair has, going on as the official scorer does."""
    text = _both(grades.get(0), grades.get(1)) if "text" in kinds else False
    if text is None:
        return set()
    video = _both(grades.get(2), grades.get(3)) if "video" in kinds else False
    return {name for name, has in (("text", text), ("video", video), ("group", text and video)) if has}


def _both(first: float | None, second: float | None) -> bool | None:
    """Return whether two answers are right; None where one that is looked at has no grade."""
    if first != 1.0:
        return None if first is None else False
    return None if second is None else second == 1.0


def _shares(found: Sequence[set[str]], kinds: set[str]) -> dict[str, float | None]:
    asked_for = {"text": "text" in kinds, "video": "video" in kinds, "group": len(kinds) > 1}
    return {
        name: round(100.0 * sum(name in scores for scores in found) / len(found), 2) if there else None
        for name, there in asked_for.items()
    }


def _named(row: Mapping[str, Any]) -> str | None:
    """Return the question's name in a row that a toolkit logged: "0_pos_text", or lmms-eval's index and kind."""
    name, kind = row.get("index"), row.get("question_type")
    return (
        f"{name}_{kind}"
        if kind in _KINDS and not str(name).endswith(_KINDS)
        else None
        if name is None
        else str(name)
    )


BENCHMARK = Benchmark(
    name="vinoground",
    title="Vinoground",
    home="https://github.com/Vinoground/Vinoground",
    needs=(
        Need("vinoground_textscore.json"),
        Need("vinoground_videoscore.json"),
        Need("vinoground_videos", annotation=False),
        Need("vinoground_videos_concated", annotation=False),
    ),
    items=_items,
    grade=_grade,
    recorded=harnesses.also(_recorded, _items, _grade, named=_named),
    part=its_task,
    summary=_summary,
    ours=same_table(_summary),
    sampler="lmms-eval",
    max_tokens=128,
)
