"""Questions that stand in a data set more than once: with the answer that they had, or with another one.

A question is the same where the same is shown and asked, whatever the order of its options. Spans of time are no other
answer: what a sentence says may happen several times in a video, and data sets of moments have a row for each.
"""

import hashlib
from typing import NamedTuple

from retroflip.data.answers.folding import folded
from retroflip.data.answers.grounded import divided
from retroflip.data.sample import ProblemType, Sample

_BYTES = 8


class Asked(NamedTuple):
    """A sample as it is compared, by hashes. question: what is shown and asked, and what type of answer is asked for.
    answer: what no second answer to it may deny. whole: both, and what else tells one sample from another that asks the
    same: spans, the options' order, its reasoning, its labels, and the pair or group that it counts with."""

    question: bytes
    answer: bytes
    whole: bytes

    @classmethod
    def of(cls, sample: Sample) -> "Asked":
        """Return a sample as it is compared."""
        question, answer = (sample.problem_type.value, question_of(sample)), answer_of(sample)
        spans = sample.solution if sample.problem_type.has_span else ""
        more = (spans, sample.lettered, sample.trace, sorted(sample.labels.items()), sample.place)
        return cls(_hash(question), _hash(answer), _hash((question, answer, more)))


class Repetitions:
    """Tells which samples of a data set repeat or contradict an earlier one; it holds two hashes of each question."""

    def __init__(self) -> None:
        self._first: dict[bytes, bytes] = {}
        self._others: set[bytes] = set()

    def found(self, asked: Asked) -> str:
        """Return "repeated" or "contradiction" for a sample that is one; "" for another, which is remembered."""
        first = self._first.get(asked.question)
        if first is None:
            self._first[asked.question] = asked.answer + asked.whole
            return ""
        if not first.startswith(asked.answer):
            return "contradiction"
        if first.endswith(asked.whole) or asked.whole in self._others:
            return "repeated"
        self._others.add(asked.whole)
        return ""


def question_of(sample: Sample) -> tuple[object, ...]:
    """Return what a sample shows and asks: equal for two that must have one answer."""
    return (
        tuple((one.kind.value, one.path, one.start, one.end, one.fps) for one in sample.shown),
        " ".join(sample.question.casefold().split()),
        tuple(sorted(set(sample.options))),
    )


def answer_of(sample: Sample) -> tuple[str, ...]:
    """Return what a sample's answer says, options by their texts; nothing of its spans."""
    if sample.problem_type is ProblemType.GROUNDING:
        return ()
    if not sample.options:
        return (_number_or_text(folded(sample.solution)),)
    chosen = divided(sample.solution)[0] if sample.problem_type.has_span else sample.solution
    offered = sample.lettered
    return tuple(sorted(offered.get(letter, letter) for letter in chosen.split(", ")))


def _number_or_text(text: str) -> str:
    """Return a number in one form, since "4" and "4.0" are one answer, and any other text as it is."""
    try:
        return repr(float(text))
    except ValueError:
        return text


def _hash(value: object) -> bytes:
    return hashlib.blake2b(repr(value).encode("utf-8", "surrogatepass"), digest_size=_BYTES).digest()
