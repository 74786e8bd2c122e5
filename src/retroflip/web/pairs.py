"""What a page shows of pairs: both videos, the question, and what each model answered under each control."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

from retroflip.bench.records import AnswerRecord, read_answers
from retroflip.bench.score import ANSWERS, read_settings
from retroflip.data.records import read_records
from retroflip.data.sample import Modality, Sample
from retroflip.web.places import MARKS, Folders, Kind, Place

PAGE = 40
"""pairs that are listed at once"""
RECORDS = MARKS[Kind.BENCHMARK]


class PairFilter(StrEnum):
    """Which pairs are listed, by one model's answers with the whole video."""

    ALL = "all"
    BOTH = "both_right"
    SAME = "same_answer"
    SWAPPED = "swapped"
    """each side got the other's right answer"""
    ONLY_FIRST = "only_first"
    UNPARSED = "unparsed"


@dataclass(frozen=True)
class Shown:
    """A pair. sides: the questions about v and v'. answers: by model, control and side."""

    id: str
    sides: tuple[Sample, Sample]
    answers: Mapping[tuple[str, str, int], AnswerRecord]

    @property
    def task(self) -> str:
        """The sub-task."""
        return self.sides[0].task

    def outcome(self, model: str, control: str = "full") -> PairFilter | None:
        """Return what a model made of the pair; None where it did not answer both sides."""
        first, second = (self.answers.get((model, control, side)) for side in (0, 1))
        if first is None or second is None:
            return None
        if first.answer is None or second.answer is None:
            return PairFilter.UNPARSED
        if first.correct and second.correct:
            return PairFilter.BOTH
        if first.answer_text == second.answer_text:
            return PairFilter.SAME
        if first.answer_text == second.gold_text and second.answer_text == first.gold_text:
            return PairFilter.SWAPPED
        return PairFilter.ONLY_FIRST if first.correct else None

    def says(self, text: str) -> bool:
        """Return whether a text stands in the pair's name, question or options."""
        sample = self.sides[0]
        return text.casefold() in "\n".join([self.id, sample.question, *sample.options]).casefold()


@dataclass(frozen=True)
class Pairs:
    """The pairs of a place. root: where their videos' paths start; None where the videos are not in given folders."""

    shown: Sequence[Shown]
    models: Sequence[str]
    controls: Sequence[str]
    root: Path | None

    def listed(self, wanted: PairFilter, *, model: str, task: str, text: str, page: int) -> dict[str, Any]:
        """Return one page of pairs, and how many pairs of each outcome and sub-task there are."""
        here = [pair for pair in self.shown if task in ("", pair.task) and pair.says(text)]
        found = [pair for pair in here if wanted is PairFilter.ALL or pair.outcome(model) is wanted]
        return {
            "total": len(found),
            "page": page,
            "pages": -(-len(found) // PAGE),
            "models": list(self.models),
            "controls": list(self.controls),
            "tasks": dict(Counter(pair.task for pair in self.shown)),
            "outcomes": dict(Counter(outcome.value for pair in here if (outcome := pair.outcome(model)))),
            "pairs": [_line(pair, model) for pair in found[page * PAGE : (page + 1) * PAGE]],
        }

    def pair(self, name: str) -> Shown | None:
        """Return the pair of this name."""
        return next((pair for pair in self.shown if pair.id == name), None)


def _line(pair: Shown, model: str) -> dict[str, Any]:
    outcome = pair.outcome(model)
    return {
        "id": pair.id,
        "task": pair.task,
        "question": pair.sides[0].question,
        "outcome": outcome.value if outcome else "",
    }


def described(pair: Shown) -> dict[str, Any]:
    """Return all that a page shows of a pair; videos are named by their paths under the place's root."""
    return {
        "id": pair.id,
        "task": pair.task,
        "question": pair.sides[0].question,
        "licence": pair.sides[0].licence,
        "labels": pair.sides[0].labels,
        "sides": [_side(sample) for sample in pair.sides],
        "answers": [
            {
                "model": model,
                "control": control,
                "side": side,
                "answer": record.answer,
                "text": record.answer_text,
                "correct": record.correct,
                "truncated": record.truncated,
                "response": record.response,
                "error": record.error,
            }
            for (model, control, side), record in pair.answers.items()
        ],
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


Stamped = tuple[str, Path, tuple[int, int]]
"""a place's name, its file, and by what it is told that the file has changed"""


def pairs_of(place: Place, folders: Folders, *, answers: bool = True) -> Pairs:
    """Return the pairs of a benchmark, with the answers to them of all folders given, or those of a folder of answers.

    answers: whether they are read, which takes a moment for many. Raises DataError for damaged files.
    """
    records = _records_of(place, folders)
    if records is None:
        return Pairs([], [], [], None)
    answered = [other for other in folders.places() if other.kind is Kind.ANSWERS] if answers else []
    root = records.parent if folders.holds(records.parent) else None
    stamped = tuple(_stamped(other.name, other.path / ANSWERS) for other in answered)
    return replace(_joined(_stamped(place.name, records), stamped), root=root)


@lru_cache(8)
def _joined(records: Stamped, answered: tuple[Stamped, ...]) -> Pairs:
    """Return pairs with what models answered, kept until one of the files changes."""
    sides = _sides(_samples(*records[1:]))
    answers: dict[str, dict[tuple[str, str, int], AnswerRecord]] = defaultdict(dict)
    for name, path, stamp in answered:
        for record in _answers(path, stamp):
            if record.pair in sides and record.side is not None and record.draw == 0:
                answers[record.pair][name, record.control.value, record.side] = record
    said = {key for one in answers.values() for key in one}
    return Pairs(
        [Shown(name, both, answers.get(name, {})) for name, both in sides.items()],
        sorted({model for model, _, _ in said}),
        sorted({control for _, control, _ in said}),
        None,
    )


def _records_of(place: Place, folders: Folders) -> Path | None:
    """Return the records behind a place, where they lie in a folder that the user gave."""
    if place.kind is not Kind.ANSWERS:
        path = place.path / RECORDS
        return path if path.is_file() else None
    named = read_settings(place.path).get("data")
    records = Path(named) if isinstance(named, str) else None
    return records if records is not None and records.is_file() and folders.holds(records) else None


def _sides(samples: Iterable[Sample]) -> dict[str, tuple[Sample, Sample]]:
    found: dict[str, dict[int, Sample]] = defaultdict(dict)
    for sample in samples:
        if sample.pair is not None and sample.side is not None:
            found[sample.pair][sample.side] = sample
    return {name: (both[0], both[1]) for name, both in found.items() if len(both) == 2}


def _stamped(name: str, path: Path) -> Stamped:
    found = path.stat()
    return name, path, (found.st_size, found.st_mtime_ns)


@lru_cache(8)
def _samples(path: Path, stamp: tuple[int, int]) -> Sequence[Sample]:  # noqa: ARG001 - a file that changed is read again
    return read_records(path, tuple(Modality)).samples


@lru_cache(32)
def _answers(path: Path, stamp: tuple[int, int]) -> Sequence[AnswerRecord]:  # noqa: ARG001 - as above
    return read_answers(path).records
