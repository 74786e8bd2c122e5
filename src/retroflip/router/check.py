"""`retroflip route check`: a router held against labels that people gave.

A file holds JSON lines, either Video-R1 records with `task_type`, or cases:

    {"id": "R016", "question": "Which way does it move?", "options": ["left", "right"], "answer": "B",
     "label": "Spatiotemporal", "ambiguous": ""}

`answer` is a letter where there are options. `flip` and `reverse` (true or false) may stand in place of `label`. Cases
that are `ambiguous` are scored apart: people do not agree on them either.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, StrictBool, ValidationError

from retroflip.data.agreement import accuracy, kappa
from retroflip.data.forms import rows
from retroflip.data.records import Record, parse_record
from retroflip.data.sample import Modality, Sample, TaskType
from retroflip.errors import DataError, first_fault
from retroflip.router import confusion


class _Case(BaseModel):
    """What is read of a case; other keys are passed over."""

    model_config = ConfigDict(extra="ignore")

    id: str | int
    question: str
    options: list[str] = []
    answer: str
    label: str | None = None
    flip: StrictBool | None = None
    reverse: StrictBool | None = None
    ambiguous: str | bool | None = None

    def truth(self) -> TaskType:
        """Return the label, which both tests give where there is none. Raises DataError without either."""
        if self.label is not None:
            return _task_type(self.label)
        if self.flip is None or self.reverse is None:
            raise DataError("it has no 'label', and not both of 'flip' and 'reverse'. Add one of them.")
        return TaskType.of(flip=self.flip, reversal=self.reverse)

    def record(self) -> Record:
        """Return the case as a record about some video."""
        kind = "multiple choice" if self.options else "free-form"
        return {
            "problem_id": str(self.id),
            "problem": self.question,
            "problem_type": kind,
            "options": self.options,
            "solution": self.answer,
            "path": "case.mp4",
        }


class Labelled(NamedTuple):
    """A sample with the label that people gave it. ambiguous: they may well have given another."""

    sample: Sample
    label: TaskType
    ambiguous: bool


def read_labelled(path: Path) -> Iterator[Labelled]:
    """Yield the labelled questions of a file. Raises DataError, with its place, for one that is none."""
    for spot, row in rows(path):
        try:
            if isinstance(row, DataError):
                raise row
            found = _labelled(row)
        except DataError as error:
            raise DataError(f"{path}, {spot}: {error}") from error
        if found is not None:
            yield found


def _labelled(row: Record) -> Labelled | None:
    """Return a row's question with its label; None for an image or a text, which has none."""
    if "problem" in row:
        sample = parse_record(row)
        if sample.modality is not Modality.VIDEO:
            return None
        if sample.task_type is None:
            raise DataError(
                "it has no 'task_type' to hold the router against. Add it, or leave the record out."
            )
        return Labelled(sample, sample.task_type, ambiguous=False)
    try:
        case = _Case.model_validate(row)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise DataError(
            f"{where!r}: {first_fault(error)}. A case has id, question, options, answer and label."
        ) from error
    return Labelled(parse_record(case.record()), case.truth(), bool(case.ambiguous))


def _task_type(name: str) -> TaskType:
    try:
        return TaskType(name.strip().lower())
    except ValueError as error:
        known = ", ".join(TaskType)
        raise DataError(f"the label is {name!r:.40}, but must be one of: {known}.") from error


def check(path: Path, route: Callable[[Sample], TaskType]) -> dict[str, Any]:
    """Return how far a router agrees with a file's labels.

    `reweighted` is the accuracy on questions with CRPO's shares of labels (table 8), None where the file lacks a label.
    Raises DataError for a file without a labelled question.
    """
    judged = [(one, route(one.sample)) for one in read_labelled(path)]
    clear = [(one, found) for one, found in judged if not one.ambiguous]
    if not clear:
        raise DataError(
            f"{path}: it holds no labelled question that is not ambiguous, so there is nothing to check."
        )
    counts_LL = confusion.confusion((one.label, found) for one, found in clear)
    unclear = [(one, found) for one, found in judged if one.ambiguous]
    return {
        "macro_f1": confusion.macro_f1(counts_LL),
        "kappa": kappa(counts_LL),
        "accuracy": accuracy(counts_LL),
        "reweighted": confusion.reweighted_accuracy(counts_LL, confusion.TABLE_8),
        "cases": len(clear),
        "by_label": {label.value: one._asdict() for label, one in confusion.by_label(counts_LL).items()},
        "confusion": confusion.named(counts_LL),
        "errors": [one.sample.id for one, found in clear if found is not one.label],
        "ambiguous": {
            "cases": len(unclear),
            "same": sum(found is one.label for one, found in unclear),
            "errors": [one.sample.id for one, found in unclear if found is not one.label],
        },
    }
