"""What a page shows of pairs: both videos, the question, and what each model answered under each control.

A question that is in no pair, or whose other side is missing, is shown alone.
"""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

from retroflip.bench.records import AnswerRecord, Control
from retroflip.bench.score import ANSWERS
from retroflip.data.records import read_records
from retroflip.data.sample import Modality, ProblemType, Sample
from retroflip.files.storage import each_row
from retroflip.web.answered import (
    AnswerIndex,
    AnswerKey,
    Said,
    about,
    index_of,
    questions_of,
    record_of,
    records_of,
)
from retroflip.web.places import MARKS, Folders, Kind, Place

PAGE = 40
"""pairs that are listed at once"""
RECORDS = MARKS[Kind.BENCHMARK]
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
        """Return whether a text stands in the pair's name, question or options."""
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
    paths start; None where the videos are not in given folders."""

    shown: Sequence[Shown]
    answers: Mapping[str, AnswerIndex] = field(default_factory=dict)
    root: Path | None = None

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
        known = self.answers[model].known() if model else {}
        here = [pair for pair in self.shown if task in ("", pair.task) and pair.says(text)]
        outcomes = {pair.id: pair.outcome(known) for pair in here}
        found = [pair for pair in here if wanted is PairFilter.ALL or outcomes[pair.id] is wanted]
        return {
            "total": len(found),
            "page": page,
            "pages": -(-len(found) // PAGE),
            "read": read,
            "model": model,
            "models": list(self.answers),
            "tasks": dict(Counter(pair.task for pair in self.shown)),
            "outcomes": dict(Counter(outcome.value for outcome in outcomes.values() if outcome)),
            "pairs": [
                {
                    "id": pair.id,
                    "task": pair.task,
                    "question": pair.question,
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
            "shown": self.root is not None,
            "sides": [_side(sample) for sample in pair.sides],
            "answers": [
                _answer(model, side, record)
                for model, index in self.answers.items()
                for side, sample in enumerate(pair.sides)
                for record in _to(sample, index)
            ],
        }


def _to(sample: Sample, index: AnswerIndex) -> Iterable[AnswerRecord]:
    return records_of(index, [(sample.id, control.value) for control in Control]).values()


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
        "video": sample.video,
        "start": sample.start,
        "end": sample.end,
        "options": sample.lettered,
        "gold": sample.solution,
    }


class Indices:
    """The answers that were opened, each read once however many pages show them."""

    def __init__(self) -> None:
        self._opened: dict[Path, AnswerIndex] = {}

    def of(self, place: Place) -> AnswerIndex:
        """Return the index of a place's answers."""
        return self._opened.setdefault(place.path, index_of(place.path))


def pairs_of(place: Place, folders: Folders, indices: Indices, *, answers: bool = True) -> Pairs:
    """Return the pairs of a benchmark, with the answers to them of all folders given, or those that answers are to.

    answers: whether they are wanted. Raises DataError for damaged files.
    """
    records = questions_of(place, folders) if place.kind is Kind.ANSWERS else place.path / RECORDS
    if records is None or not records.is_file():
        return _without_records(place, indices)
    there = [one for one in folders.places() if one.kind is Kind.ANSWERS] if answers else []
    there = [one for one in there if about(one, records)]
    there.sort(key=lambda one: one.name != place.name)
    root = records.parent if folders.holds(records.parent) else None
    return Pairs(_pairs(*_stamped(records)), {one.name: indices.of(one) for one in there}, root)


def _without_records(place: Place, indices: Indices) -> Pairs:
    """Return what answers alone say of the questions, whose texts and videos are not in the folders given."""
    if place.kind is not Kind.ANSWERS:
        return Pairs([])
    return Pairs(_pairs_of_answers(*_stamped(place.path / ANSWERS)), {place.name: indices.of(place)})


def _joined(samples: Iterable[Sample]) -> list[Shown]:
    """Return pairs, and questions that are in none, in the order in which they first occur."""
    found: dict[str, dict[int, Sample]] = {}
    for sample in samples:
        paired = sample.pair is not None and sample.side is not None
        name = f"pair {sample.pair}" if paired else sample.id
        found.setdefault(name, {})[sample.side if paired and sample.side is not None else 0] = sample
    return [_shown(tuple(both[side] for side in sorted(both))) for both in found.values()]


def _shown(sides: tuple[Sample, ...]) -> Shown:
    first = sides[0]
    return Shown(first.pair if len(sides) == 2 and first.pair is not None else first.id, sides)


def _stamped(path: Path) -> tuple[Path, tuple[int, int]]:
    found = path.stat()
    return path, (found.st_size, found.st_mtime_ns)


@lru_cache(8)
def _pairs(path: Path, stamp: tuple[int, int]) -> Sequence[Shown]:  # noqa: ARG001 - a file that changed is read again
    return _joined(read_records(path, tuple(Modality)).samples)


@lru_cache(4)
def _pairs_of_answers(path: Path, stamp: tuple[int, int]) -> Sequence[Shown]:  # noqa: ARG001 - as above
    return _joined(_asked(record_of(path, row)) for row in each_row(path) if row.get("control", FULL) == FULL)


def _asked(record: AnswerRecord) -> Sample:
    return Sample(
        id=record.id,
        video=record.video,
        question="(The question is not stored with these answers.)",
        options=record.options,
        letters=record.letters,
        solution=record.gold,
        problem_type=record.problem_type or ProblemType.MULTIPLE_CHOICE,
        source_clip=record.source_clip,
        pair=record.pair,
        side=record.side,
        task=record.task,
    )
