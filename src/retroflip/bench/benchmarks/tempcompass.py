"""TempCompass (github.com/llyx97/TempCompass): temporal perception in four tasks, and pairs of a clip with its reverse.

Root: the repository, or its folder questions/. A file of questions is {video: {aspect: [{question, answer}]}}; recorded
answers are the same with the key prediction (predictions/MODEL/TASK.json), response, or, graded already,
video-llm-prediction and rating (auto_eval_results/MODEL/TASK.json).

Read here are the tasks that have a right answer: multi-choice, yes_no and caption_matching. captioning is judged by a
language model as a whole. The official rules match words (eval_multi-choice.py and its fellows, commit e1b4631) and
leave what they do not match to a language model; a grade of one that is recorded is kept, otherwise the answer is
ungraded.

A pair is a video and the same played backwards (VIDEO and VIDEO_reverse) with the same question, options in the same
order, and different right answers. The benchmark itself has no measure of pairs.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from retroflip.bench.benchmarks.base import Benchmark, Graded, Item, Need
from retroflip.bench.benchmarks.published import read_json
from retroflip.data.sample import ProblemType, Sample, TaskType, option_letter
from retroflip.errors import DataError

REVERSED = "_reverse"
_LABELLED = re.compile(r"(?:Option|Sentence|Caption)\s+([A-Z0-9]+):\s*(.*)")
_LETTERED = re.compile(r"([A-Z])\.\s*(.*)")

Rule = Callable[[str, str, str], float | None]
"""(question, right answer, response) to the official grade, None where the rules do not match"""


class _Task(NamedTuple):
    """rule: how it is graded. options: of a question's text, as it writes them. closing: what is asked at its end."""

    rule: Rule
    options: Callable[[str], list[str]]
    closing: str


def _items(root: Path) -> Iterator[Item]:
    """Yield the questions of the tasks whose files are there, in their order."""
    folder = _questions(root)
    paths = {name: folder / f"{name}.json" for name in _TASKS}
    if not any(path.is_file() for path in paths.values()):
        raise DataError(
            f"{folder} holds none of {', '.join(path.name for path in paths.values())}. Name the folder that holds "
            "TempCompass's questions with --root."
        )
    for name, path in paths.items():
        if path.is_file():
            asked = _load(path)
            pairs = _pairs(asked)
            yield from (_item(name, one, pairs) for one in _rows(asked))


def _recorded(root: Path, file: Path) -> list[Graded]:
    """Return the recorded answers in the order of the file. Raises DataError for files of another form."""
    recorded = _load(file)
    name, asked = _task_of(root, file, recorded)
    pairs = _pairs(asked)
    return [_graded(_item(name, one, pairs)) for one in _rows(recorded)]


def _questions(root: Path) -> Path:
    return root / "questions" if (root / "questions").is_dir() else root


def _load(file: Path) -> dict[str, dict[str, list[dict[str, Any]]]]:
    found = read_json(file, "a file of predictions/ or auto_eval_results/")
    rows = [
        row
        for aspects in (found.values() if isinstance(found, dict) else [None])
        for listed in (aspects.values() if isinstance(aspects, dict) else [None])
        for row in (listed if isinstance(listed, list) else [None])
    ]
    if not rows or not all(isinstance(row, dict) and isinstance(row.get("question"), str) for row in rows):
        raise DataError(
            f"{file}: not a file of TempCompass, which is {{video: {{aspect: [{{question, answer, ...}}]}}}}. Give a "
            "file of predictions/MODEL/ or auto_eval_results/MODEL/."
        )
    return dict(found)


def _task_of(root: Path, file: Path, recorded: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Return the task whose questions the file answers, and these questions."""
    folder = _questions(root)
    first = next(_rows(recorded))
    for name in _TASKS:
        path = folder / f"{name}.json"
        if not path.is_file():
            continue
        asked = _load(path)
        if (first.video, first.row["question"]) in {(one.video, one.row["question"]) for one in _rows(asked)}:
            return name, asked
    raise DataError(
        f"{file}: its first question ({first.row['question']!r:.80}, about {first.video}) is in none of "
        f"{', '.join(f'{name}.json' for name in _TASKS)} under {folder}. Name the folder that holds TempCompass's "
        "questions with --root; captioning is judged by a language model and not read."
    )


class _Row(NamedTuple):
    """A row of a video's aspect, of which it is the one of this number, from 0 on."""

    video: str
    aspect: str
    number: int
    row: dict[str, Any]


def _rows(found: Mapping[str, Any]) -> Iterator[_Row]:
    for video, aspects in found.items():
        for aspect, rows in aspects.items():
            yield from (_Row(_named(video), aspect, number, row) for number, row in enumerate(rows))


def _named(video: str) -> str:
    return video.removesuffix(".jpg").removesuffix(".mp4")


def _pairs(asked: Mapping[str, Any]) -> set[tuple[str, str, str]]:
    """Return (video, aspect, question) of every question whose reversed clip has it too, with another answer."""
    answers = {(one.video, one.aspect, one.row["question"]): one.row["answer"] for one in _rows(asked)}
    return {
        (video, aspect, question)
        for (video, aspect, question), answer in answers.items()
        if answers.get((f"{video}{REVERSED}", aspect, question), answer) != answer
    }


def _item(name: str, one: _Row, pairs: set[tuple[str, str, str]]) -> Item:
    """Return the question of a row, of questions or of answers, of this task."""
    task, question = _TASKS[name], one.row["question"]
    right = str(one.row.get("answer", one.row.get("gt-answer")))
    written = task.options(question)
    clip = one.video.removesuffix(REVERSED)
    paired = (clip, one.aspect, question) in pairs
    if right not in written:
        raise DataError(
            f"TempCompass, {one.video}: the answer {right!r} is none of the options of {question!r:.120}."
        )
    sample = Sample(
        id=f"{name}/{one.video}/{one.aspect}/{one.number}",
        video=f"videos/{one.video}.mp4",
        question=question.splitlines()[0],
        options=tuple(_bare(option) for option in written),
        solution=option_letter(written.index(right)),
        problem_type=ProblemType.MULTIPLE_CHOICE,
        source="TempCompass",
        task=one.aspect,
        task_type=TaskType.TEMPORAL if paired else None,
        source_clip=clip,
        pair=f"{name}/{clip}/{one.aspect}/{question}" if paired else None,
        side=int(one.video != clip) if paired else None,
        labels={"task": name},
    )
    return Item(sample, question + task.closing, {**one.row, "answer": right})


def _graded(item: Item) -> Graded:
    """Return the recorded answer of a row, with the language model's grade where the rules match nothing."""
    row = item.row
    response = next(
        (row[key] for key in ("prediction", "response", "video-llm-prediction") if key in row), None
    )
    if response is None:
        return Graded(item, None, 0.0)
    by_rule = _grade(item, str(response))
    by_model = row.get("rating") if row.get("match_success") is False else None
    return Graded(item, str(response), by_model if by_rule is None else by_rule)


def _grade(item: Item, response: str) -> float | None:
    task = _TASKS[item.sample.labels["task"]]
    return task.rule(item.row["question"], item.row["answer"], _clean(response))


def _clean(response: str) -> str:
    return response.replace("</s>", "").strip()


def _in_letters(item: Item, response: str) -> str:
    """Return a response with the labels of its question ('Option 2', 'Caption B') as the letters of our options."""
    said = _clean(response)
    for index, option in enumerate(_TASKS[item.sample.labels["task"]].options(item.row["question"])):
        if labelled := _LABELLED.fullmatch(option):
            label = option[: labelled.end(1)]
            said = re.sub(rf"\b{re.escape(label)}\b(:?)", rf"{option_letter(index)}\1", said)
            said = option_letter(index) if said.rstrip(".") == labelled[1] else said
    return said


def _bare(option: str) -> str:
    """Return an option without the label that its question writes before it."""
    found = _LETTERED.fullmatch(option) or _LABELLED.fullmatch(option)
    return found[2] if found else option


def _listed(question: str) -> list[str]:
    return [line for line in question.splitlines()[1:] if line.strip()]


def _multi_choice(question: str, right: str, said: str) -> float | None:  # noqa: ARG001 - a rule's signature
    """eval_multi-choice.py: the whole option, a bare letter A to D, or a letter with '.' or ')' at the beginning."""
    if said == right:
        return 1.0
    if said in ("A", "B", "C", "D") or said[:2] in [letter + mark for letter in "ABCD" for mark in ".)"]:
        return float(said[0] == right[0])
    return None


def _yes_no(question: str, right: str, said: str) -> float | None:  # noqa: ARG001 - a rule's signature
    """eval_yes_no.py: 'yes' or 'no' at the beginning, 'Not' and 'Nothing' among them."""
    found = next((word for word in ("yes", "no") if said.lower().startswith(word)), None)
    return None if found is None else float(found == right)


def _caption_matching(question: str, right: str, said: str) -> float | None:
    """eval_caption_matching.py: a whole option, its sentence, or its label with or without 'Option' before it."""
    chosen: str | None = None
    options = [option.split(": ", 1) for option in question.split("\n")[1:]]
    for label, sentence in options:
        if said == f"{label}: {sentence}":
            chosen = said
    for _, sentence in options:
        if said == sentence or (") " in said and said.split(") ")[1] == sentence):
            chosen = sentence
    bare = [re.sub(r"(?:Sentence|Option|Caption) ", "", label) for label, _ in options]
    for label in [*(label for label, _ in options), *bare]:
        if label in (said, said.replace(".", "")):
            chosen = label
    if chosen is None:
        return None
    label, sentence = right.split(": ", 1)
    return float(chosen in (right, label, sentence, label.split()[1]))


_BEST = "\nPlease directly give the best option:"
_TASKS = {
    "multi-choice": _Task(_multi_choice, _listed, _BEST),
    "yes_no": _Task(_yes_no, lambda _: ["yes", "no"], "\nPlease answer yes or no:"),
    "caption_matching": _Task(_caption_matching, _listed, _BEST),
}

BENCHMARK = Benchmark(
    name="tempcompass",
    title="TempCompass",
    home="https://github.com/llyx97/TempCompass",
    needs=(
        *(Need(f"questions/{name}.json", licence="CC BY-NC 4.0") for name in _TASKS),
        Need("videos", annotation=False),
    ),
    items=_items,
    grade=_grade,
    recorded=_recorded,
    reading=_in_letters,
    frames=8,
)
