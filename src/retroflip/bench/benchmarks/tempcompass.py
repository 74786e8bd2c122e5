"""TempCompass (github.com/llyx97/TempCompass): temporal perception in four tasks, and pairs of a clip with its reverse.

Root: the repository, or its folder questions/. A file of questions is {video: {aspect: [{question, answer}]}}; recorded
answers are the same with the key prediction (predictions/MODEL/TASK.json), response, or, graded already,
video-llm-prediction and rating (auto_eval_results/MODEL/TASK.json).

The official rules of multi-choice, yes_no and caption_matching match words (eval_multi-choice.py and its fellows,
commit e1b4631) and leave what they do not match to a language model; a grade of one that is recorded is kept,
otherwise the answer is ungraded. captioning is left to it as a whole: it answers the multiple-choice question of the
same video and aspect from the caption. Its recorded rating is the official grade (-1, as the official code adds it up,
where its call failed), and its recorded answer is what we read; a caption that nobody judged is ungraded, and for us
unparsed.

A pair is a video and the same played backwards (VIDEO and VIDEO_reverse) with the same question, options in the same
order, and different right answers. The benchmark itself has no measure of pairs.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from retroflip.bench.benchmarks import harnesses
from retroflip.bench.benchmarks.base import Benchmark, Graded, Item, Need, mean_grade, same_table
from retroflip.bench.benchmarks.published import (
    field,
    files_of,
    mark,
    read_json,
    sample_of,
)
from retroflip.data.sample import ProblemType, TaskType, option_letter
from retroflip.errors import DataError

REVERSED = "_reverse"
CAPTIONING = "captioning"
_FORM = "a file of predictions/MODEL/ or auto_eval_results/MODEL/, or the folder"
_CHOICE = "multi-choice"
_SAID = ("prediction", "response", "video-llm-prediction")
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
    paths = {name: folder / f"{name}.json" for name in (*_TASKS, CAPTIONING)}
    if not any(path.is_file() for path in paths.values()):
        raise DataError(
            f"{folder} holds none of {', '.join(path.name for path in paths.values())}. Name the folder that holds "
            "TempCompass's questions with --root."
        )
    for name, path in paths.items():
        if path.is_file():
            asked = _load(path)
            yield from _captions(folder, asked, _rows(asked)) if name == CAPTIONING else _asked(name, asked)


def _asked(name: str, asked: Mapping[str, Any]) -> list[Item]:
    """Return the questions of a task that is not captioning, in their order."""
    pairs = _pairs(asked)
    return [_item(name, one, pairs) for one in _rows(asked)]


def _captions(folder: Path, asked: Mapping[str, Any], rows: Iterable["_Row"]) -> Iterator[Item]:
    """Yield the captions of rows, of questions or of answers; a row of answers may lack its question."""
    choices = {
        (one.video, one.aspect): one.row for one in reversed(list(_rows(_load(folder / f"{_CHOICE}.json"))))
    }
    questions = {one[:3]: one.row["question"] for one in _rows(asked)}
    numbers = {(video, aspect, question): number for (video, aspect, number), question in questions.items()}
    for row in rows:
        number = numbers.get((row.video, row.aspect, row.row.get("question")), row.number)
        one = row._replace(number=number)
        if one[:3] not in questions or one[:2] not in choices:
            raise DataError(
                f"TempCompass, {one.video}: caption {one.number} of {one.aspect} is none of {CAPTIONING}.json, or its "
                f"video has no question of that aspect in {_CHOICE}.json."
            )
        yield _caption(one, questions[one[:3]], choices[one[:2]])


def _recorded(root: Path, file: Path) -> list[Graded]:
    """Return the recorded answers of a file or a model's folder. Raises DataError for files of another form."""
    return [one for path in files_of(file, "*.json", _FORM) for one in _of_file(root, path)]


def _of_file(root: Path, file: Path) -> list[Graded]:
    recorded = _load(file)
    name, asked = _task_of(root, file, recorded)
    if name == CAPTIONING:
        return [_judged(item) for item in _captions(_questions(root), asked, _rows(recorded))]
    return list(_answers(name, asked, recorded))


def _answers(name: str, asked: Mapping[str, Any], recorded: Mapping[str, Any]) -> Iterator[Graded]:
    """Yield the answers to a task, the official grade by what their own row says is right.

    One to a question that the task does not have is unknown: the official scorer reads rows of answers alone.
    """
    known: dict[tuple[str, str, str], list[Item]] = defaultdict(list)
    for one, item in zip(_rows(asked), _asked(name, asked), strict=True):
        known[one.video, one.aspect, one.row["question"]].append(item)
    answered: Counter[tuple[str, str, str]] = Counter()
    for one in _rows(recorded):
        key = (one.video, one.aspect, str(one.row.get("question")))
        alike = known.get(key, [])
        if not alike:
            yield _graded(_item(name, one, set()))._replace(unknown=True)
            continue
        item = alike[answered[key] % len(alike)]
        answered[key] += 1
        yield _graded(item._replace(row={**one.row, **_told(one, item)}))


def _told(one: "_Row", item: Item) -> dict[str, Any]:
    """Return what a row of answers says of the question: its right answer, and the options as they are written."""
    right = str(one.row.get("answer", one.row.get("gt-answer", item.row["answer"])))
    return {"answer": _among(right, item.row["written"], one), "written": item.row["written"]}


def _among(right: str, written: Sequence[str], one: "_Row") -> str:
    if right not in written:
        raise DataError(
            f"TempCompass, {one.video}: the answer {right!r} is none of the options of "
            f"{one.row.get('question')!r:.120}."
        )
    return right


def _questions(root: Path) -> Path:
    return root / "questions" if (root / "questions").is_dir() else root


def _load(file: Path) -> dict[str, dict[str, list[dict[str, Any]]]]:
    found = read_json(file, _FORM)
    rows = [
        row
        for aspects in (found.values() if isinstance(found, dict) else [None])
        for listed in (aspects.values() if isinstance(aspects, dict) else [None])
        for row in (listed if isinstance(listed, list) else [None])
    ]
    if not rows or not all(isinstance(row, dict) and _is_row(row) for row in rows):
        raise DataError(
            f"{file}: not a file of TempCompass, which is {{video: {{aspect: [{{question, answer, ...}}]}}}}. Give a "
            "file of predictions/MODEL/ or auto_eval_results/MODEL/."
        )
    return dict(found)


def _is_row(row: Mapping[str, Any]) -> bool:
    question = row.get("question", "?" if "video-llm-prediction" in row else None)
    return isinstance(question, str) and bool(question.strip())


def _task_of(root: Path, file: Path, recorded: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Return the task of which the file answers the most questions, and all of its questions."""
    folder = _questions(root)
    first = next(_rows(recorded))
    question = first.row.get("question")
    said = {(one.video, one.row.get("question")) for one in _rows(recorded)}
    fitting: dict[str, tuple[int, Mapping[str, Any]]] = {}
    for name in (*_TASKS, CAPTIONING) if question is not None else (CAPTIONING,):
        path = folder / f"{name}.json"
        if path.is_file():
            asked = _load(path)
            known = {(one.video, None if question is None else one.row["question"]) for one in _rows(asked)}
            fitting[name] = len(said & known), asked
    best = max(fitting, key=lambda name: fitting[name][0], default="")
    if best and fitting[best][0]:
        return best, fitting[best][1]
    raise DataError(
        f"{file}: its first question ({question!r:.80}, about {first.video}) is in none of "
        f"{', '.join(f'{name}.json' for name in (*_TASKS, CAPTIONING))} under {folder}. Name the folder that holds "
        "TempCompass's questions with --root."
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
    answers = {
        (one.video, one.aspect, one.row["question"]): str(one.row.get("answer")) for one in _rows(asked)
    }
    return {
        (video, aspect, question)
        for (video, aspect, question), answer in answers.items()
        if answers.get((f"{video}{REVERSED}", aspect, question), answer) != answer
    }


def _item(name: str, one: _Row, pairs: set[tuple[str, str, str]]) -> Item:
    """Return the question of a row, of questions or of answers, of this task."""
    task, question = _TASKS[name], str(field(one.row, "question", f"TempCompass, {one.video}"))
    right = str(one.row.get("answer", one.row.get("gt-answer")))
    written = task.options(question)
    clip = one.video.removesuffix(REVERSED)
    paired = (clip, one.aspect, question) in pairs
    _among(right, written, one)
    sample = sample_of(
        f"TempCompass, {one.video}",
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
    return Item(sample, question + task.closing, {**one.row, "answer": right, "written": written})


def _caption(one: _Row, question: str, choice: Mapping[str, Any]) -> Item:
    """Return a caption that is asked for, as the multiple-choice question that it is judged by."""
    where = f"TempCompass, {one.video}"
    asked, right = (str(field(choice, key, where)) for key in ("question", "answer"))
    written = _listed(asked)
    if right not in written:
        raise DataError(f"TempCompass, {one.video}: {right!r} is no option of {asked!r:.120}.")
    sample = sample_of(
        f"TempCompass, {one.video}",
        id=f"{CAPTIONING}/{one.video}/{one.aspect}/{one.number}",
        video=f"videos/{one.video}.mp4",
        question=asked.splitlines()[0],
        options=tuple(_bare(option) for option in written),
        solution=option_letter(written.index(right)),
        problem_type=ProblemType.MULTIPLE_CHOICE,
        source="TempCompass",
        task=one.aspect,
        source_clip=one.video.removesuffix(REVERSED),
        labels={"task": CAPTIONING},
    )
    return Item(sample, question, {**one.row, "answer": right, "written": written})


def _graded(item: Item) -> Graded:
    """Return the recorded answer of a row, with the language model's grade where the rules match nothing."""
    row = item.row
    response = next((row[key] for key in _SAID if key in row), None)
    if response is None:
        return Graded(item, None, 0.0)
    by_rule = _grade(item, str(response))
    by_model = mark(row.get("rating")) if row.get("match_success") is False else None
    return Graded(item, str(response), by_model if by_rule is None else by_rule)


def _judged(item: Item) -> Graded:
    """Return a caption with its language model's rating, if any, and as response what that model answered from it."""
    row = item.row
    said = row.get("chatgpt-answer", next((row[key] for key in _SAID if key in row), None))
    return Graded(item, None if said is None else str(said), mark(row.get("rating")))


def _grade(item: Item, response: str) -> float | None:
    task = _TASKS.get(item.sample.labels["task"])
    return None if task is None else task.rule(item.row["question"], item.row["answer"], _clean(response))


def _clean(response: str) -> str:
    return response.replace("</s>", "").strip()


def _in_letters(item: Item, response: str) -> str:
    """Return a response with the labels of its question ('Option 2', 'Caption B') as the letters of our options.

    A caption that nobody judged answers nothing.
    """
    if item.sample.labels["task"] == CAPTIONING and "chatgpt-answer" not in item.row:
        return ""
    said = _clean(response)
    for index, option in enumerate(item.row["written"]):
        if labelled := _LABELLED.fullmatch(option):
            label = option[: labelled.end(1)]
            said = re.sub(rf"\b{re.escape(label)}\b(:?)", rf"{option_letter(index)}\1", said)
            said = option_letter(index) if said.rstrip(".") == labelled[1] else said
    return said


def _bare(option: str) -> str:
    """Return an option without the label that its question writes before it."""
    option = option.strip()  # one of the published ones begins with a blank
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


def _qids(items: Sequence[Item]) -> Mapping[str, Item]:
    """Return the questions by Time-R1's names, which number those of an aspect as the file does."""
    return {f"tempcompass|{item.sample.id.replace('/', '|')}": item for item in items}


def _part(item: Item) -> str:
    return item.sample.labels["task"]


def _summary(graded: Sequence[Graded]) -> dict[str, Any]:
    """Return acc over all answers, and for each task what print_result prints: its accuracy and that of each aspect."""
    tasks: dict[str, list[Graded]] = defaultdict(list)
    for one in graded:
        tasks[one.item.sample.labels["task"]].append(one)
    return {**mean_grade(graded), "tasks": {task: _aspects(found) for task, found in tasks.items()}}


def _aspects(graded: Sequence[Graded]) -> dict[str, float]:
    aspects: dict[str, list[float]] = defaultdict(list)
    for one in graded:
        aspects[one.item.sample.task].append(one.official or 0.0)
    rates = {aspect: round(100.0 * fmean(grades), 2) for aspect, grades in sorted(aspects.items())}
    return {"acc": mean_grade(graded)["acc"], **rates}


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
        *(Need(f"questions/{name}.json", licence="CC BY-NC 4.0") for name in (*_TASKS, CAPTIONING)),
        Need("videos", annotation=False),
    ),
    items=_items,
    grade=_grade,
    part=_part,
    summary=_summary,
    ours=same_table(_summary),
    recorded=harnesses.also(_recorded, _items, _grade, part=_part, qids=_qids),
    reading=_in_letters,
    frames=8,
)
