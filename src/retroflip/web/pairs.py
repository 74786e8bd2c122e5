"""What a page shows of pairs: both videos, the question, and what each model answered under each control.

A question that is in no pair, or whose other side is missing, is shown alone.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from retroflip.bench.records import AnswerRecord, Control
from retroflip.data.sample import Sample
from retroflip.web.answered import AnswerIndex, AnswerKey, Reading, Said, records_of

PAGE = 40
"""pairs that are listed at once"""
LISTED = 300
"""letters of a question in a list"""
FULL = Control.FULL.value


class PairFilter(StrEnum):
    """Which pairs are listed, by one model's answers with the whole video."""

    ALL = "all"
    BOTH = "both_right"
    SAME = "same_answer"
    SWAPPED = "swapped"
    """each side got the other's right answer"""
    ONLY_FIRST = "only_first"
    ONLY_SECOND = "only_second"
    OTHER = "other"
    """both sides wrong in another way"""
    RIGHT = "right"
    """of a question alone"""
    WRONG = "wrong"
    UNPARSED = "unparsed"
    FAILED = "failed"


@dataclass(frozen=True)
class Shown:
    """A pair, or a question alone. sides: the questions about v and v', or the one there is."""

    id: str
    sides: tuple[Sample, ...]

    @property
    def task(self) -> str:
        """The sub-task."""
        return self.sides[0].task

    @property
    def question(self) -> str:
        """What is asked of the first side."""
        return self.sides[0].question

    def says(self, text: str) -> bool:
        """Return whether a text stands in the pair's name, question or options; no text does everywhere."""
        if not text:
            return True
        sample = self.sides[0]
        return text.casefold() in "\n".join([self.id, sample.question, *sample.options]).casefold()

    def outcome(self, known: Mapping[AnswerKey, Said]) -> PairFilter | None:
        """Return what a model made of the pair; None where it did not answer all of it."""
        said = [one for side in self.sides if (one := known.get((side.id, FULL)))]
        if len(said) < len(self.sides):
            return None
        return of_pair(*said) if len(said) == 2 else of_one(said[0])


def of_one(said: Said) -> PairFilter:
    """Return what a model made of a question."""
    if said.failed:
        return PairFilter.FAILED
    if said.text is None:
        return PairFilter.UNPARSED
    return PairFilter.RIGHT if said.correct else PairFilter.WRONG


def of_pair(first: Said, second: Said) -> PairFilter:
    """Return what a model made of both sides."""
    if first.failed or second.failed:
        return PairFilter.FAILED
    if first.text is None or second.text is None:
        return PairFilter.UNPARSED
    if first.correct and second.correct:
        return PairFilter.BOTH
    if first.text == second.text:
        return PairFilter.SAME
    if (first.text, second.text) == (second.gold, first.gold):
        return PairFilter.SWAPPED
    if first.correct or second.correct:
        return PairFilter.ONLY_FIRST if first.correct else PairFilter.ONLY_SECOND
    return PairFilter.OTHER


@dataclass(frozen=True)
class Pairs:
    """The pairs of a place. answers: what models said to them, by the names of their places. root: where their videos'
    paths start; None where the videos are not in given folders, and `lacking` then says what to give. reading: answers
    as the benchmark that was asked reads them. flags: returns what raters shall look at, by the pairs' names."""

    shown: Sequence[Shown]
    answers: Mapping[str, AnswerIndex] = field(default_factory=dict)
    root: Path | None = None
    lacking: str = ""
    reading: Reading | None = None
    flags: Callable[[], Mapping[str, Sequence[str]]] = dict

    def read(self, models: Iterable[str], wait: float) -> float:
        """Read models' answers for so many seconds at most, and return the share that is read by then."""
        until = time.monotonic() + wait
        shares = [self.answers[model].refresh(max(0.0, until - time.monotonic())) for model in models]
        return sum(shares) / len(shares) if shares else 1.0

    def listed(
        self, wanted: PairFilter, *, model: str, task: str, text: str, page: int, wait: float
    ) -> dict[str, Any]:
        """Return one page of pairs, and how many pairs of each outcome and sub-task there are."""
        model = model if model in self.answers else next(iter(self.answers), "")
        read = self.read([model] if model else [], wait)
        if read == 1.0:  # the others wait for the one that is looked at
            self.read(self.answers, 0.0)
        known = self.answers[model].known() if model else {}
        here = [pair for pair in self.shown if task in ("", pair.task) and pair.says(text)]
        outcomes = {pair.id: pair.outcome(known) for pair in here}
        found = [pair for pair in here if wanted is PairFilter.ALL or outcomes[pair.id] is wanted]
        return {
            "total": len(found),
            "paired": sum(len(pair.sides) > 1 for pair in found),
            "page": page,
            "pages": -(-len(found) // PAGE),
            "read": read,
            "model": model,
            "models": list(self.answers),
            "damaged": sum(index.damaged for index in self.answers.values()),
            "answers": sum(map(len, self.answers.values())),
            "tasks": dict(Counter(pair.task for pair in self.shown)),
            "outcomes": dict(Counter(outcome.value for outcome in outcomes.values() if outcome)),
            "pairs": [
                {
                    "id": pair.id,
                    "task": pair.task,
                    "question": pair.question[:LISTED],
                    "outcome": outcomes[pair.id] or "",
                }
                for pair in found[page * PAGE : (page + 1) * PAGE]
            ],
        }

    def pair(self, name: str) -> Shown | None:
        """Return the pair of this name."""
        return next((pair for pair in self.shown if pair.id == name), None)

    def described(self, pair: Shown, wait: float) -> dict[str, Any]:
        """Return all that a page shows of a pair; videos are named by their paths under the place's root.

        Answers that are not read within `wait` seconds are not among them: "read" says which share is.
        """
        return {
            "read": self.read(self.answers, wait),
            "id": pair.id,
            "task": pair.task,
            "question": pair.question,
            "licence": pair.sides[0].licence,
            "labels": pair.sides[0].labels,
            "flags": self.flags().get(pair.id, ()),
            "shown": self.root is not None,
            "lacking": self.lacking,
            "sides": [_side(sample) for sample in pair.sides],
            "answers": [
                _answer(model, side, record)
                for model, index in self.answers.items()
                for side, sample in enumerate(pair.sides)
                for record in self._to(sample, index)
            ],
        }

    def _to(self, sample: Sample, index: AnswerIndex) -> Sequence[AnswerRecord]:
        found = records_of(index, [(sample.id, control.value) for control in Control])
        records = list(found.values())
        return self.reading(records) if self.reading else records


def _answer(model: str, side: int, record: AnswerRecord) -> dict[str, Any]:
    return {
        "model": model,
        "control": record.control.value,
        "side": side,
        "answer": record.answer,
        "text": record.answer_text,
        "correct": record.correct,
        "truncated": record.truncated,
        "response": record.response,
        "error": record.error,
    }


def _side(sample: Sample) -> dict[str, Any]:
    return {
        "id": sample.id,
        "media": [
            {"kind": one.kind.value, "path": one.path, "start": one.start, "end": one.end}
            for one in sample.shown
        ],
        "options": sample.lettered,
        "gold": sample.solution,
    }
