"""A reward that validates itself: with no model at hand, the right answers must score and wrong ones must not.

Beside the rewards it looks for what lets a model be right without looking, or leaves a question without one right
answer: options that repeat, answers that are always the same letter, one question with two answers.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

from retroflip.bench.dybench.media import seconds_of
from retroflip.bench.records import option_text
from retroflip.data.answers import answers_alike, credit, gold_answer, read_answer, trace_fault
from retroflip.data.answers.grounded import SEPARATOR
from retroflip.data.answers.spans import read_spans, spans_text
from retroflip.data.labels import letters_remain
from retroflip.data.records import empty_cell
from retroflip.data.repetitions import answer_of, question_of
from retroflip.data.root import resolve
from retroflip.data.sample import ProblemType, Sample
from retroflip.errors import DataError, MediaError, PathEscapeError, counted
from retroflip.video.window import OVERRUN

SUSPICIOUS_SHARE = 0.9
"""of the answers of a data set on one letter"""
LUCK = 1e-3
"""probability under which a share of answers on one letter is no luck"""

_BRACKETS = re.compile(r"\[\s*(\d+(?:\.\d+)?)\s*,\s*(\d+(?:\.\d+)?)\s*\]")
"""a span as solutions have it"""


class Fault(NamedTuple):
    """A question whose reward is wrong, and why; the id is "" where it is the whole data set."""

    id: str
    message: str


class SelfCheck(NamedTuple):
    """How many questions and complete pairs were tried, and what is wrong with them."""

    questions: int
    pairs: int
    faults: list[Fault]


def check_rewards(samples: Sequence[Sample]) -> SelfCheck:
    """Score answers to every question: its own must be right; an empty one, the other options and the answer to the
    pair's other side wrong."""
    sides: dict[str, list[Sample]] = {}
    for sample in samples:
        if sample.pair is not None:
            sides.setdefault(sample.pair, []).append(sample)
    complete = {pair: both for pair, both in sides.items() if len(both) == 2}
    faults = [fault for sample in samples for fault in _alone(sample)]
    faulty = {fault.id for fault in faults}
    faults += [fault for both in sides.values() for fault in _sides(both)]
    faults += _groups(samples)
    for a, b in complete.values():
        if not {a.id, b.id} & faulty:
            faults += [*_with_the_answer_of(a, b), *_with_the_answer_of(b, a)]
    return SelfCheck(len(samples), len(complete), [*faults, *_contradictions(samples), *_one_letter(samples)])


def spans_behind_their_videos(samples: Sequence[Sample], root: Path) -> Iterator[Fault]:
    """Yield questions whose right answer begins where their video has ended, by its header: no answer earns anything.

    root: where their paths start. A file that cannot be read, or does not say how long it is, is passed over.
    """
    length = cache(partial(_length, root))
    for sample in samples:
        if not _has_spans(sample) or sample.media:
            continue
        spans = read_spans(sample.solution.rpartition(SEPARATOR)[2])
        seconds = length(sample.video) if spans else None
        if seconds is not None and all(begin >= seconds + OVERRUN for begin, _ in spans):
            yield Fault(
                sample.id,
                f"its answer {spans_text(spans)} lies behind the end of its video, which has {seconds:.2f} seconds. "
                "Correct its solution, which is in seconds, or its path.",
            )


def _length(root: Path, video: str) -> float | None:
    try:
        return seconds_of(resolve(root, video))
    except (MediaError, PathEscapeError):
        return None


def remarks(samples: Sequence[Sample]) -> list[str]:
    """Return what may be meant and may be not: sentences for a reader."""
    lettered = [sample.id for sample in samples if letters_remain(sample.options)]
    texts = [sample.id for sample in samples if sample.solution in _other_texts(sample)]
    pairs = Counter(sample.pair for sample in samples if sample.pair is not None)
    lonely = [pair for pair, count in pairs.items() if count == 1]
    found = []
    if lettered:
        found.append(
            f"The options of {counted(len(lettered), 'question')} seem to have letters in a style that is not known, "
            f"so that prompts show two (the first: {lettered[0]}). Remove the letters, or write them as 'A. left'."
        )
    if texts:
        found.append(
            f"The solutions of {counted(len(texts), 'question')} are read as letters, and are the text of another "
            f"option too (the first: {texts[0]}). Where the text is meant, write its letter."
        )
    if lonely:
        found.append(
            f"Pairs with one side only, which no answers can make right: {len(lonely)} (the first: {lonely[0]})."
        )
    return found


def _alone(sample: Sample) -> Iterator[Fault]:
    try:
        gold_answer(sample)
    except DataError as error:
        yield Fault(sample.id, str(error).removeprefix(f"Sample {sample.id!r}: "))
        return
    if not _is_right(sample, sample.solution.partition(";")[0] if _has_spans(sample) else sample.solution):
        yield Fault(
            sample.id, f"its own answer {sample.solution!r} is not read as right. Correct its solution."
        )
    if _is_right(sample, ""):
        yield Fault(sample.id, "an empty answer is read as right. Correct its solution.")
    if wrong := [letter for letter in _other_letters(sample) if _is_right(sample, letter)]:
        yield Fault(
            sample.id, f"{', '.join(wrong)} is read as right beside {sample.solution}. Correct its options."
        )
    if repeated := _repeated_options(sample):
        yield Fault(sample.id, f"options {repeated} have the same text. Change or remove one of them.")
    spans = read_spans(sample.solution.rpartition(SEPARATOR)[2]) if _has_spans(sample) else []
    if (sample.start, sample.end) in spans:
        yield Fault(
            sample.id,
            f"the part of the video that is shown ({sample.window}) is its answer. Remove 'start' and 'end', or write "
            "the part that is to be searched.",
        )
    if wrong_trace := trace_fault(sample):
        yield Fault(sample.id, wrong_trace)
    if sample.side is not None and sample.pair is None:
        yield Fault(
            sample.id, "it has a 'side' and no 'pair', so it counts alone. Write its 'pair', or drop 'side'."
        )
    if sample.counterfactual_solution is not None and (wrong_other := _other_solution(sample)):
        yield Fault(sample.id, wrong_other)
    for begin, end in _BRACKETS.findall(sample.solution) if _has_spans(sample) else ():
        if float(begin) > float(end):
            yield Fault(
                sample.id, f"its answer [{begin}, {end}] ends before it begins. Write its beginning first."
            )
    if empty := empty_cell(sample):
        yield Fault(sample.id, f"its {empty} is 'nan', an empty cell of a table. Write what it must be.")


def _other_solution(sample: Sample) -> str:
    """Return what is wrong with the answer to the counterfactual clip; "" where nothing is."""
    other = sample.counterfactual_solution or ""
    try:
        same = answers_alike(sample, other)
    except DataError:
        kind = sample.problem_type.value
        return f"its 'counterfactual_solution' {other!r:.60} is no answer to a {kind} problem. Correct or drop it."
    if sample.task_type is None or same is not sample.task_type.dynamic:
        return ""
    if same:
        return (
            f"its 'counterfactual_solution' {other!r:.60} is its own answer, and a {sample.task_type.value} question "
            "has another one about the other clip. Correct one of the two, or its 'task_type'."
        )
    return (
        f"its 'counterfactual_solution' {other!r:.60} is not its own answer, and a static question has the same about "
        "every clip. Correct one of the two, or its 'task_type'."
    )


def _has_spans(sample: Sample) -> bool:
    """Whether the solution may hold several spans, of which an answer gives one."""
    return sample.problem_type.has_span


def _other_letters(sample: Sample) -> list[str]:
    """Return the letters of the wrong options of a question that has one right one."""
    alone = sample.problem_type is ProblemType.MULTIPLE_CHOICE
    return [letter for letter in sample.lettered if letter != sample.solution] if alone else []


def _other_texts(sample: Sample) -> list[str]:
    """Return the texts of the wrong options of a question that has one right one."""
    return [sample.lettered[letter] for letter in _other_letters(sample)]


def _repeated_options(sample: Sample) -> str:
    """Return the letters of the first options that say the same, such as "A and C"; "" where none do."""
    letters: dict[str, str] = {}
    for letter, option in sample.lettered.items():
        key = " ".join(option.casefold().split())
        if key in letters:
            return f"{letters[key]} and {letter}"
        letters[key] = letter
    return ""


def _sides(both: Sequence[Sample]) -> Iterator[Fault]:
    """Yield why a pair cannot be scored as one."""
    pair = both[0].pair
    for sample in both:
        if sample.side is None:
            yield Fault(sample.id, f"it belongs to the pair {pair!r} without a 'side'. Write 0 or 1.")
    sides = Counter(sample.side for sample in both if sample.side is not None)
    for side in (side for side, count in sides.items() if count > 1):
        ids = ", ".join(sample.id for sample in both if sample.side == side)
        yield Fault(
            both[0].id, f"side {side} of the pair {pair!r} is more than one question: {ids}. Keep one."
        )
    if len({sample.source_clip for sample in both}) > 1:
        yield Fault(
            both[0].id,
            f"the sides of the pair {pair!r} have different source clips (by default, their files), so intervals "
            "would take them as independent. Give both the same 'source_clip'.",
        )


def _groups(samples: Sequence[Sample]) -> Iterator[Fault]:
    """Yield why a group cannot be scored as one: cells that are there twice or not at all, or several source clips."""
    groups: dict[str, list[Sample]] = {}
    for sample in samples:
        if sample.group is not None:
            groups.setdefault(sample.group, []).append(sample)
    for group, members in groups.items():
        places = [sample.cell for sample in members if sample.cell is not None]
        videos, questions = (1 + max(numbers) for numbers in zip(*places, strict=True))
        spanned = videos * questions
        if not len(places) == len(set(places)) == spanned:
            yield Fault(
                members[0].id,
                f"the group {group!r} has {len(places)} questions in {len(set(places))} of the {spanned} cells that "
                "its numbers span. Give each video with each question one cell, [video, question], from 0 on.",
            )
        if len({sample.source_clip for sample in members}) > 1:
            yield Fault(
                members[0].id,
                f"the questions of the group {group!r} have different source clips (by default, their files), so "
                "intervals would take them as independent. Give all the same 'source_clip'.",
            )


def _answer_text(sample: Sample) -> str:
    return option_text(sample.solution, sample.options, sample.letters)


def _with_the_answer_of(sample: Sample, other: Sample) -> Iterator[Fault]:
    text = _answer_text(other)
    answer = next((letter for letter, option in sample.lettered.items() if option == text), text)
    if _is_right(sample, answer):
        yield Fault(
            sample.id,
            f"the answer of its pair's other side ({other.id}), {text!r}, is right here too, so a model that never "
            "looks could get the pair right. Correct one side, or drop 'pair' and 'side' from both.",
        )


def _contradictions(samples: Sequence[Sample]) -> Iterator[Fault]:
    """Yield questions that were asked before about the same file and have another answer now."""
    asked: dict[tuple[object, ...], Sample] = {}
    for sample in samples:
        first = asked.setdefault(question_of(sample), sample)
        if answer_of(first) != answer_of(sample):
            yield Fault(
                sample.id,
                f"the same is asked about the same file by {first.id}, whose answer is {_answer_text(first)!r:.60} and "
                f"not {_answer_text(sample)!r:.60}. Correct one of the two.",
            )


def _one_letter(samples: Sequence[Sample]) -> Iterator[Fault]:
    """Yield the letter that is right so often that always answering it pays, where chance does not explain it.

    Of n questions with p as the mean chance of a letter, a share s or more of that letter comes about with at most
    exp(-n KL(s, p)) (Chernoff's bound).
    """
    choices = [sample for sample in samples if sample.problem_type is ProblemType.MULTIPLE_CHOICE]
    if not choices:
        return
    (letter, count), *_ = Counter(sample.solution for sample in choices).most_common(1)
    share = count / len(choices)
    chance = sum(1 / len(sample.options) for sample in choices) / len(choices)
    if share < SUSPICIOUS_SHARE or math.exp(-len(choices) * _divergence(share, chance)) > LUCK:
        return
    yield Fault(
        "",
        f"the right answer is {letter} in {count} of {len(choices)} multiple-choice questions, so a model that never "
        "looks is right by that letter. Put the options in another order, a different one for each question.",
    )


def _divergence(share: float, chance: float) -> float:
    """Return KL(share, chance) of two Bernoulli distributions, share above chance and chance below 1."""
    rest = (1 - share) * math.log((1 - share) / (1 - chance)) if share < 1 else 0.0
    return share * math.log(share / chance) + rest


def _is_right(sample: Sample, answer: str) -> bool:
    return credit(read_answer(rf"\boxed{{{answer}}}", sample), gold_answer(sample)) == 1.0
