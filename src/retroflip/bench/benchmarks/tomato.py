"""TOMATO (github.com/yale-nlp/TOMATO): six kinds of motion, asked of people, objects and simulations.

Root: the repository with data/{count,direction,rotation,shape&trend,velocity&frequency,visual_cues}.json and videos/.
Recorded answers are the JSONL rows of results/KIND+DEMONSTRATION/FRAMES/MODEL.jsonl, {id, question, response, gt, ...},
or of parsed_results/, where the response is a letter; or a folder of these. Ids are numbers within a kind, which is
told by the folder's name, else by the questions.

The official reader (src/parse_result.py, commit fe2025f) takes a single letter, or "Answer is:A" without a blank (a
whole option never, as it compares capitals with the option as written), gives all else to GPT-4o-mini, and draws a
letter where that fails. Answers that it would give to the model have no official grade here, unless a file of
parsed_results/ holds what came of it. The published questions name no pairs; `counterfactual` marks reversed clips.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from retroflip.bench.benchmarks import harnesses
from retroflip.bench.benchmarks.base import Benchmark, Graded, Item, Need, accuracy, same_table
from retroflip.bench.benchmarks.published import (
    asked,
    by_key,
    field,
    files_of,
    read_json,
    read_rows,
    response_text,
    sample_of,
    texts,
)
from retroflip.bench.benchmarks.tables import by_label, label_of, task_of
from retroflip.data.sample import ProblemType, lettered, option_letter
from retroflip.errors import DataError

KINDS = ("count", "direction", "rotation", "shape&trend", "velocity&frequency", "visual_cues")
_FRAMES = 16
_FORM = "a file of results/KIND+DEMONSTRATION/FRAMES/ or parsed_results/"
_PROMPT = (
    "You will be provided with {frames} separate frames uniformly sampled from a video, the frames are provided in "
    "chronological order of the video. Analyze these frames and provide the answer to the question about the video "
    "content. Answer the multiple-choice question about the video content. \n\n"
    "You must use these frames to answer the multiple-choice question; do not rely on any externel knowledge or "
    "commonsense. \n\n"
    "<question> \n{question} \n</question>\n\n"
    "<options> \n{options} \n</options>\n\n"
    "Even if the information in these separate frames is not enough to answer the question, PLEASE TRY YOUR BEST TO "
    "GUESS AN ANSWER WHICH YOU THINK WOULD BE THE MOST POSSIBLE ONE BASED ON THE QUESTION. \n\n"
    "DO NOT GENERATE ANSWER SUCH AS 'NOT POSSIBLE TO DETERMINE.' \n"
)


def _items(root: Path) -> Iterator[Item]:
    folder = root / "data" if (root / "data").is_dir() else root
    there = [name for name in KINDS if (folder / f"{name}.json").is_file()]
    if not there:
        raise DataError(
            f"{root}: none of TOMATO's data/{{{','.join(KINDS)}}}.json is in it. Name the repository."
        )
    for name in there:
        path = folder / f"{name}.json"
        found = read_json(path, "TOMATO's own file")
        if not (isinstance(found, dict) and all(isinstance(row, dict) for row in found.values())):
            raise DataError(f"{path}: not an object of questions by number. Give TOMATO's own file.")
        yield from (_item(name, number, row, path, root) for number, row in found.items())


def _item(name: str, number: str, row: dict[str, Any], path: Path, root: Path) -> Item:
    options, right = texts(row, "options", str(path)), field(row, "answer", str(path))
    question, key, shown = (
        str(field(row, name, str(path))) for name in ("question", "key", "demonstration_type")
    )
    if type(right) is not int or not 0 <= right < len(options):
        raise DataError(
            f"{path}: the answer {right!r} to question {number} is none of its {len(options)} options."
        )
    variation = row["variation"] if isinstance(row.get("variation"), dict) else {}
    sample = sample_of(
        str(path),
        id=f"{name}/{number}",
        video=_video(root, shown, key),
        question=question,
        options=tuple(options),
        solution=option_letter(right),
        problem_type=ProblemType.MULTIPLE_CHOICE,
        source="TOMATO",
        task=name,
        source_clip=key.partition("-")[0],
        labels={"demonstration": shown, "counterfactual": str(variation.get("counterfactual", 0))},
    )
    return Item(sample, _PROMPT.format(frames=_FRAMES, question=question, options=lettered(options)), row)


def _video(root: Path, shown: str, key: str) -> str:
    """Return the path of a video, whose extension the data set does not state: that of a file, or .mp4."""
    found = (
        sorted((root / "videos" / shown).glob(f"{key}.*"))
        if re.fullmatch(r"[\w.-]+", f"{shown}{key}")
        else []
    )
    return f"videos/{shown}/{found[0].name if found else f'{key}.mp4'}"


def _part(item: Item) -> str:
    """Return of which file of answers a question is."""
    return f"{item.sample.task}+{item.sample.labels['demonstration']}"


def _recorded(root: Path, file: Path) -> list[Graded]:
    items = by_key(_items(root), lambda item: item.sample.id)
    return [one for path in files_of(file, "**/*.jsonl", _FORM) for one in _of_file(items, path)]


def _of_file(items: dict[str, Item], path: Path) -> Iterator[Graded]:
    rows = read_rows(path, _FORM)
    kind = _kind_of(items, rows, path) if rows else ""
    for row in rows:
        item = asked(items, f"{kind}/{row['id']}", path)
        response = response_text(row.get("response"))
        yield Graded(item, response, 0.0 if response is None else _grade(item, response))


def _kind_of(items: dict[str, Item], rows: Sequence[dict[str, Any]], path: Path) -> str:
    named = next((part for folder in path.parents if (part := _named(folder.name))), None)
    if named is not None:
        return named
    asked_for = {(str(field(row, "id", f"{path} ({_FORM})")), str(row.get("question"))) for row in rows}
    fitting = [
        kind
        for kind in KINDS
        if all(
            f"{kind}/{key}" in items and items[f"{kind}/{key}"].sample.question == text
            for key, text in asked_for
        )
    ]
    if len(fitting) == 1:
        return fitting[0]
    raise DataError(
        f"{path}: its questions are {'those of several kinds' if fitting else 'of no kind'} under --root. Give "
        f"{_FORM}, whose folder names the kind."
    )


def _named(folder: str) -> str | None:
    kind = folder.partition("+")[0].removeprefix("shuffle_")
    return kind if kind in KINDS and "+" in folder else None


def _grade(item: Item, response: str) -> float | None:
    said = response.strip()
    letters = list(item.sample.lettered)
    if len(said) == 1 and said.upper() in letters:
        return float(said.upper() == item.sample.solution)
    if said.upper() in [f"{letter}: {option}" for letter, option in item.sample.lettered.items()]:
        return float(said[0].upper() == item.sample.solution)
    found = re.match(r"^Answer is:?[\(]?([A-Fa-f])[\)]?$", said)
    return float(found[1].upper() == item.sample.solution) if found and found[1].upper() in letters else None


def _summary(graded: Sequence[Graded]) -> dict[str, Any]:
    """Return the accuracies of get_categorized_score.py: over all, by kind and by what demonstrates."""
    return {
        "acc": accuracy(graded),
        "by_kind": by_label(task_of, graded),
        "by_demonstration": by_label(label_of("demonstration"), graded),
    }


def _logged_name(row: Mapping[str, Any]) -> str | None:
    """Return the question's name in a row that a toolkit logged: of its kind and its number in it."""
    kind, number = row.get("reason_type"), row.get("question_id", row.get("id"))
    return None if kind is None or number is None else f"{kind}/{number}"


BENCHMARK = Benchmark(
    name="tomato",
    title="TOMATO",
    home="https://github.com/yale-nlp/TOMATO",
    needs=(*(Need(f"data/{name}.json") for name in KINDS), Need("videos", annotation=False)),
    items=_items,
    grade=_grade,
    recorded=harnesses.also(_recorded, _items, _grade, named=_logged_name),
    part=_part,
    summary=_summary,
    ours=same_table(_summary),
    system="You are an expert in understanding dynamics of objects.",
    sampler="lmms-eval",
    frames=_FRAMES,
    max_tokens=1024,
)
