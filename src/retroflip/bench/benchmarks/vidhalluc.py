"""VidHalluc (github.com/Vid-Halluc/VidHalluc): hallucinated actions (ACH), orders of actions (TSH) and scenes (STH).

Root: the data set's folder with ach_binaryqa.json, ach_mcq.json, tsh.json, sth.json (those that are there are read) and
data/{ACH,TSH,STH}/. Recorded answers are what eval/inference/*.py write, by task:

    ach_binaryqa  {group: [{q, a: {clip: response}}]}
    ach_mcq       {group: {clip: {Question, Choices, "Correct Answer", "Model Answer"}}}
    tsh           {number: {video, Question, "Correct Answer", "Model Answer"}}
    sth           {video: response}

The official scorers (eval/evaluation/*.py, commit 936fb3c) have these faults, which `official` keeps and ours does
not: the letters of ach_mcq are all capital A to D that stand alone, so that "A man pours water, so C" is {A, C} and an
article alone is A; of tsh "Action B happens after action A." is BA, "Only action A happens; action B does not." is AB,
and "BA." is nothing. A question of ach_binaryqa is right if it is for all clips of its group, and wrong if one is
missing; questions without any answer are not counted. Sth is Matthews' correlation of its yes and no, where whatever
says no yes is a no; the similarity of the scenes' descriptions takes a language model (SimCSE) and is not computed
here.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import sqrt
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from retroflip.bench.benchmarks import harnesses
from retroflip.bench.benchmarks.base import Benchmark, Graded, Item, Need, its_task, same_table
from retroflip.bench.benchmarks.published import (
    YES_NO,
    asked,
    by_key,
    files_of,
    read_json,
    response_text,
    sample_of,
)
from retroflip.data.answers.strict import behind_reasoning, boxed_text
from retroflip.data.sample import Cell, ProblemType, Sample
from retroflip.errors import DataError

_ORDERS = ("A", "B", "AB", "BA")
_ORDER_CLOSING = (
    "Sort these two actions in the order they occur in the video, and return the order you detect (i.e., AB or BA). If "
    "you only detect one action of these two in the video, return that action."
)
_SCENE_QUESTION = (
    "Watch the given video and determine if a scene change occurs. If no change occurs, respond: 'Scene change: No, "
    "Locations: None'. If there is a scene change, respond in the format: 'Scene change: Yes, Locations: from "
    "[location1] to [location2].'"
)
_FORM = "a file that one of eval/inference/*.py writes, or a folder of them"


class _Task(NamedTuple):
    """items: of the published file. responses: of a recorded file, by the id of the question."""

    items: Callable[[Mapping[str, Any]], Iterator[Item]]
    grade: Callable[[Item, str], float]
    responses: Callable[[Mapping[str, Any]], Iterator[tuple[str, Any]]]


def _items(root: Path) -> Iterator[Item]:
    there = [name for name in TASKS if (root / f"{name}.json").is_file()]
    if not there:
        raise DataError(
            f"{root}: none of VidHalluc's {', '.join(f'{name}.json' for name in TASKS)} is in it. Name the folder of "
            "the data set with --root."
        )
    for name in there:
        yield from _of(root, name)


def _of(root: Path, name: str) -> list[Item]:
    path = root / f"{name}.json"
    try:
        return list(TASKS[name].items(_object(path)))
    except (AttributeError, TypeError, KeyError, ValueError) as error:
        raise DataError(
            f"{path}: not VidHalluc's own file ({error!r}). Take it from the data set."
        ) from error


def _object(path: Path) -> dict[str, Any]:
    found = read_json(path, _FORM)
    if not isinstance(found, dict) or not found:
        raise DataError(f"{path}: not an object of answers. Give {_FORM}.")
    return found


def _binary_items(found: Mapping[str, Any]) -> Iterator[Item]:
    for group, questions in found.items():
        for number, row in enumerate(questions):
            golds = {clip: str(right).strip().lower() for clip, right in row["a"].items()}
            paired = len(golds) == 2 and len(set(golds.values())) == 2
            for place, (clip, right) in enumerate(golds.items()):
                name = f"{group}/{number}"
                sample = _sample(
                    "ach_binaryqa",
                    f"{name}/{clip}",
                    f"data/ACH/{clip}.mp4",
                    row["q"],
                    YES_NO,
                    YES_NO.index(right),
                    source_clip=group,
                    group=f"ach_binaryqa/{name}",
                    cell=Cell(place, 0),
                    pair=f"ach_binaryqa/{name}" if paired else None,
                    side=place if paired else None,
                )
                yield Item(
                    sample, f"{row['q']} Only answer with a single word 'Yes' or 'No'.", {"right": right}
                )


def _choice_items(found: Mapping[str, Any]) -> Iterator[Item]:
    for group, clips in found.items():
        for clip, row in clips.items():
            choices = {str(letter): str(text) for letter, text in row["Choices"].items()}
            right = sorted(set(re.findall("[A-D]", str(row["Correct Answer"]).strip().upper())))
            sample = sample_of(
                "VidHalluc, ach_mcq",
                id=f"ach_mcq/{group}/{clip}",
                video=f"data/ACH/{clip}.mp4",
                question=row["Question"],
                options=tuple(choices.values()),
                letters=tuple(choices),
                solution=", ".join(right),
                problem_type=ProblemType.MULTI_SELECT,
                source="VidHalluc",
                task="ach_mcq",
                source_clip=group,
            )
            listed = "".join(f"{letter}. {text}\n" for letter, text in choices.items())
            prompt = (
                f"{row['Question']} Please select the correct answer (one or more options), only return your "
                f"answer(s). (e.g., ABCD)\nChoices:\n{listed}"
            )
            yield Item(sample, prompt, {"right": right, "choices": choices})


def _order_items(found: Mapping[str, Any]) -> Iterator[Item]:
    for number, row in found.items():
        right = _ORDERS.index(row["Correct Answer"])
        video = f"data/TSH/{row['video']}.mp4"
        sample = _sample("tsh", number, video, row["Question"], _ORDERS, right, source_clip=row["video"])
        yield Item(sample, row["Question"] + _ORDER_CLOSING, {"right": row["Correct Answer"]})


def _scene_items(found: Mapping[str, Any]) -> Iterator[Item]:
    for video, row in found.items():
        right = str(row["Scene change"]).strip().lower()
        path, index = f"data/STH/{video}.mp4", YES_NO.index("yes" if right == "yes" else "no")
        sample = _sample("sth", video, path, _SCENE_QUESTION, YES_NO, index, source_clip=video)
        yield Item(sample, _SCENE_QUESTION, {"right": right, "locations": row.get("Locations", "")})


def _sample(
    task: str, name: str, video: str, question: str, options: Sequence[str], right: int, **more: Any
) -> Sample:
    return sample_of(
        f"VidHalluc, {task}",
        id=f"{task}/{name}",
        video=video,
        question=question,
        options=tuple(options),
        solution="ABCD"[right],
        problem_type=ProblemType.MULTIPLE_CHOICE,
        source="VidHalluc",
        task=task,
        **more,
    )


def _binary_grade(item: Item, response: str) -> float:
    said = response.strip().split(".")[0].split(",")[0].strip().upper()
    return float(said == item.row["right"].upper())


def _choice_grade(item: Item, response: str) -> float:
    said = set(re.findall(r"\b[A-D]\b", response))
    if not said:
        choices = item.row["choices"].items()
        held = next((letter for letter, text in choices if text.lower() in response.lower()), None)
        said = set() if held is None else {held.strip().upper()}
    return float(said == set(item.row["right"]))


def _order_grade(item: Item, response: str) -> float:
    return float(_official_order(response.lower()) == item.row["right"])


def _official_order(said: str) -> str | None:
    """Return what eval_tsh.py makes of a response in small letters."""
    if said in ("ab", "ba", "a", "b"):
        return said.upper()
    mentioned = [letter for letter in "ab" if f"action {letter}" in said]
    if "not clear" in said or "no clear" in said or not mentioned:
        return None
    if len(mentioned) == 1:
        return mentioned[0].upper()
    word = next((word for word in ("before", "then", "after") if word in said), None)
    one = r"(action [ab]|[ab][\.\)])"
    found = word and re.search(rf"{one}[^{word}]+{word}[^action]*?{one}", said)
    if found:
        first, second = (found[group][-1].upper() for group in ((2, 1) if word == "after" else (1, 2)))
        return first + second
    return "".join(match[1][-1].upper() for match in re.finditer(one, said))


def _scene_grade(item: Item, response: str) -> float:
    said = response.split(", Locations: ", 1)[0].split(": ", 1)[-1].split(",")[0].strip()
    return float((said.lower() == "yes") == (item.row["right"] == "yes"))


def _binary_responses(found: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for group, questions in found.items():
        for number, row in enumerate(questions):
            for clip, said in row.get("a", {}).items():
                yield f"ach_binaryqa/{group}/{number}/{clip}", said


def _choice_responses(found: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for group, clips in found.items():
        for clip, row in clips.items():
            yield f"ach_mcq/{group}/{clip}", row.get("Model Answer", "")


TASKS = {
    "ach_binaryqa": _Task(_binary_items, _binary_grade, _binary_responses),
    "ach_mcq": _Task(_choice_items, _choice_grade, _choice_responses),
    "tsh": _Task(
        _order_items,
        _order_grade,
        lambda found: ((f"tsh/{number}", row.get("Model Answer")) for number, row in found.items()),
    ),
    "sth": _Task(
        _scene_items, _scene_grade, lambda found: ((f"sth/{video}", said) for video, said in found.items())
    ),
}


def _task_of(found: Mapping[str, Any], file: Path) -> str:
    """Return the task whose form a recorded file has, by its first entry that is not empty."""
    first = next((value for value in found.values() if value), None)
    if isinstance(first, list) and all(isinstance(row, dict) and "a" in row for row in first):
        return "ach_binaryqa"
    if isinstance(first, str):
        return "sth"
    if isinstance(first, dict) and "Model Answer" in first:
        return "tsh"
    if isinstance(first, dict) and all(
        isinstance(row, dict) and "Model Answer" in row for row in first.values()
    ):
        return "ach_mcq"
    raise DataError(f"{file}: its first entry {str(first)!r:.80} is of no task of VidHalluc. Give {_FORM}.")


def _recorded(root: Path, file: Path) -> list[Graded]:
    return [one for path in files_of(file, "*.json", _FORM) for one in _of_file(root, path)]


def _of_file(root: Path, file: Path) -> list[Graded]:
    found = _object(file)
    name = _task_of(found, file)
    if not (root / f"{name}.json").is_file():
        raise DataError(
            f"{file}: these are answers to {name}, and {root} has no {name}.json. Name its folder with --root."
        )
    items = by_key(_of(root, name), lambda item: item.sample.id)
    try:
        responses = dict(TASKS[name].responses(found))
    except (AttributeError, TypeError) as error:
        raise DataError(f"{file}: an entry is not of the form of {name} ({error}). Give {_FORM}.") from error
    begun = _begun(found) if name == "ach_binaryqa" else set()
    lost = (item for key, item in items.items() if key not in responses and key.rpartition("/")[0] in begun)
    return [
        *(_graded(asked(items, key, file), said) for key, said in responses.items()),
        *(Graded(item, None, 0.0, missing=True) for item in lost),
    ]


def _begun(found: Mapping[str, Any]) -> set[str]:
    """Return the questions of ach_binaryqa that are wrong where an answer about one of their clips is missing."""
    return {f"ach_binaryqa/{group}/{number}" for group, rows in found.items() for number in range(len(rows))}


def _graded(item: Item, said: Any) -> Graded:
    response = response_text(said)
    return Graded(item, response, 0.0 if response is None else _grade(item, response))


def _grade(item: Item, response: str) -> float:
    return TASKS[item.sample.task].grade(item, response)


def _reading(item: Item, response: str) -> str:
    """Return a response as an option of its question: an order of two actions, or whether the scene changes."""
    if item.sample.task == "tsh":
        return order_of(response) or response
    if item.sample.task == "sth":
        found = re.search(r"scene change\s*:\s*\W*(yes|no)\b", behind_reasoning(response), re.IGNORECASE)
        return found[1] if found else response
    return response


_MENTION = re.compile(r"\b[Aa]ction\s+([AaBb])\b|(?<![A-Za-z])\(?([AB])\)?(?![A-Za-z'])")
_FORWARD = re.compile(r"\bbefore\b|\bthen\b|\bfollowed by\b|\bprecedes?\b|->|→")
_BACKWARD = re.compile(r"\bafter\b|\bfollows\b")
_DENIED = re.compile(r"\b(?:not|no|never|neither|nor|cannot|without|or)\b|n['’]t\b", re.IGNORECASE)


def order_of(response: str) -> str | None:
    """Return the actions that a response says happen, in their order (A, B, AB, BA); None where that is not sure.

    Sure are: the answer alone, one AB or BA in a text, "only action A", one action that nothing denies, and two with
    one word of order between or before them.
    """
    text = behind_reasoning(response).strip()
    text = boxed_text(text) or text
    bare = re.sub(
        r"[^A-Za-z]", "", re.sub(r"(?i)\b(?:the|final|correct|answer|order|is)\b", "", text)
    ).upper()
    if bare in _ORDERS:
        return bare
    named = set(re.findall(r"\b(?:AB|BA)\b", text))
    if named:
        return named.pop() if len(named) == 1 else None
    if only := re.match(r"(?i)\W*only\s+(?:action\s+)?\(?([ab])\b", text):
        return only[1].upper()
    return None if _DENIED.search(text) else _mentioned(text)


def _mentioned(text: str) -> str | None:
    found = [
        (match.start(), match.end(), (match[1] or match[2]).upper()) for match in _MENTION.finditer(text)
    ]
    letters = [letter for *_, letter in found]
    if len(letters) == 1:
        return letters[0] if "action" in text.lower() else None
    if len(letters) != 2 or letters[0] == letters[1]:
        return None
    between, before = text[found[0][1] : found[1][0]].lower(), text[: found[0][0]].lower()
    if leading := re.search(r"\b(after|before)\s*$", before):
        return "".join(letters if leading[1] == "after" else reversed(letters))
    forward, backward = bool(_FORWARD.search(between)), bool(_BACKWARD.search(between))
    if forward == backward:
        return (
            "".join(letters) if not forward and re.fullmatch(r"\s*(?:,|;|>)\s*(?:and\s+)?", between) else None
        )
    return "".join(letters if forward else reversed(letters))


def _summary(graded: Sequence[Graded]) -> dict[str, Any]:
    """Return the official number of each task in per cent; acc is their mean."""
    tasks: dict[str, list[Graded]] = defaultdict(list)
    for one in graded:
        tasks[one.item.sample.task].append(one)
    found = {task: _measured(task, answers) for task, answers in tasks.items()}
    return {"acc": round(fmean(one["acc"] for one in found.values()), 2), "tasks": found}


def _measured(task: str, graded: Sequence[Graded]) -> dict[str, float | int]:
    if task == "sth":
        return _scene_changes(graded)
    units: dict[str, list[float]] = defaultdict(list)
    for one in graded:
        units[one.item.sample.group or one.item.sample.id].append(one.official or 0.0)
    return {"acc": round(100.0 * fmean(min(grades) == 1.0 for grades in units.values()), 2), "n": len(units)}


def _scene_changes(graded: Sequence[Graded]) -> dict[str, float | int]:
    """Return acc, Matthews' correlation (in 0..1, not per cent) and the classification score made of it."""
    counts: dict[tuple[bool, bool], int] = defaultdict(int)
    for one in graded:
        right = one.item.row["right"] == "yes"
        counts[right, right == (one.official == 1.0)] += 1
    tp, fn, fp, tn = (counts[key] for key in ((True, True), (True, False), (False, True), (False, False)))
    spread = sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    mcc = (tp * tn - fp * fn) / spread if spread else 0.0
    return {
        "acc": round(100.0 * (tp + tn) / len(graded), 2),
        "mcc": round(mcc, 4),
        "classification_score": round(100.0 * ((mcc + 1) / 2) ** 2, 2),
        "n": len(graded),
    }


BENCHMARK = Benchmark(
    name="vidhalluc",
    title="VidHalluc",
    home="https://github.com/Vid-Halluc/VidHalluc",
    needs=(*(Need(f"{name}.json") for name in TASKS), Need("data", annotation=False)),
    items=_items,
    grade=_grade,
    recorded=harnesses.also(_recorded, _items, _grade),
    part=its_task,
    summary=_summary,
    ours=same_table(_summary),
    reading=_reading,
    sampler="fps",
    fps=1.0,
    max_tokens=1024,
)
