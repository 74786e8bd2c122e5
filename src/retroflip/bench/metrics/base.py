"""What a metric is: a number of many answers, with its names, its better direction and how it is computed."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

from retroflip.bench.groups import Group, Pairs, group_up, pair_up
from retroflip.bench.records import AnswerRecord
from retroflip.bench.stats import Column
from retroflip.data.sample import ProblemType

Measures: TypeAlias = Mapping[str, Any]
"""what `measure` returns, as it stands in scores.json"""


class Better(StrEnum):
    """Which way a number is better."""

    HIGHER = "higher is better"
    LOWER = "lower is better"
    NEITHER = ""


@dataclass(frozen=True)
class Measure:
    """How a number is called and shown, wherever that is.

    key: its name in files. label: in the head of a table. title: alone, as above a chart. note: what it is, in a few
    words. share: whether it is in 0..1, and shown in per cent.
    """

    key: str
    label: str
    title: str
    note: str = ""
    better: Better = Better.NEITHER
    share: bool = True

    @property
    def caption(self) -> str:
        """What it is and which way it is better."""
        return "; ".join(text for text in (self.note, self.better.value) if text)


@dataclass(frozen=True)
class Answered:
    """The answers of one control, and the pairs and groups that they form; no groups where no answer names one."""

    records: Sequence[AnswerRecord]
    pairs: Pairs
    groups: Sequence[Group]

    @classmethod
    def of(cls, records: Sequence[AnswerRecord]) -> "Answered":
        """Join answers. Raises DataError as `pair_up` and `group_up` do."""
        grouped = any(record.group is not None for record in records)
        return cls(records, pair_up(records), list(group_up(records).values()) if grouped else [])

    @classmethod
    def of_part(cls, records: Sequence[AnswerRecord], whole: "Answered") -> "Answered":
        """Return a part of the joined answers, a task's. A pair or group with questions in another part too is none
        here: what is elsewhere would count as missing."""
        sides = Counter(record.pair for record in records)
        complete, incomplete = whole.pairs.complete.items(), whole.pairs.incomplete.items()
        pairs = Pairs(
            {name: pair for name, pair in complete if sides[name] == len(pair)},
            {name: side for name, side in incomplete if name in sides},
        )
        if not any(record.group is not None for record in records):
            return cls(records, pairs, [])
        cells = Counter(record.place.group for record in records if record.place is not None)
        return cls(records, pairs, [one for one in whole.groups if cells[one.name] == len(one.cells)])

    @cached_property
    def clips(self) -> list[str]:
        """The source clip of every answer."""
        return [record.source_clip for record in self.records]

    @cached_property
    def grounded(self) -> list[AnswerRecord]:
        """The answers to questions that ask for a span of time."""
        return [record for record in self.records if record.problem_type is ProblemType.GROUNDING]

    @cached_property
    def quantities(self) -> list[AnswerRecord]:
        """The answers to questions that ask for a number which may come near."""
        return [record for record in self.records if record.problem_type is ProblemType.REGRESSION]


@dataclass(frozen=True)
class Family:
    """Metrics that stand in one table, since they are over the same things.

    counts: how many of these things there are, under the keys of `Measures`; nothing where there are none to measure.
    unit, count: what is counted beside the metrics, and the key of its number. part: the key of `Measures` under which
    all this stands; None for the top. heading: of its table; "" where that is the name of what was measured.
    """

    counts: Callable[[Answered], dict[str, int]]
    unit: str
    count: str
    part: str | None = None
    heading: str = ""

    def of(self, measures: Measures) -> Measures | None:
        """Return the part of `measures` that holds these metrics; None where it has none."""
        return measures if self.part is None else measures.get(self.part)

    def counted(self, measures: Measures) -> str:
        """Return how many units were measured, as text; "" where that is not known."""
        return str((self.of(measures) or {}).get(self.count, ""))


def _count_answers(answered: Answered) -> dict[str, int]:
    records, pairs = answered.records, answered.pairs
    return {
        "n_answers": len(records),
        "n_failed": sum(record.error is not None for record in records),
        "n_pairs": len(pairs.clips),
        "n_incomplete_pairs": len(pairs.incomplete),
        "n_clips": len(set(answered.clips)),
        "truncated": sum(record.truncated for record in records),
    }


def _count_groups(answered: Answered) -> dict[str, int]:
    if not answered.groups:
        return {}
    incomplete = sum(not group.complete for group in answered.groups)
    return {"n_groups": len(answered.groups), "n_incomplete_groups": incomplete}


ANSWERS = Family(_count_answers, "pairs", "n_pairs")
"""over answers and pairs"""
GROUPS = Family(_count_groups, "groups", "n_groups", "groups", "Groups")
"""over groups of questions"""


class Rate(NamedTuple):
    """A metric as it was measured; None for what was not."""

    value: float | None
    interval: tuple[float, float] | None
    chance: float | None


@dataclass(frozen=True)
class Metric(Measure):
    """A measure of answers: the mean of a value in 0..1 over units.

    units: the value of every unit, with the source clip that its interval is clustered by. guess: what drawing one
    option uniformly for every question is expected to reach; None where that is not known. charted: whether a report
    draws it.
    """

    units: Callable[[Answered], Column] = lambda _: Column([], [])
    guess: Callable[[Answered], float | None] | None = None
    family: Family = ANSWERS
    charted: bool = False

    def read(self, measures: Measures) -> Rate:
        """Return what `measures` has of this metric; files of earlier versions may not have it."""
        part = self.family.of(measures) or {}
        low_high = part.get(f"{self.key}_ci")
        return Rate(
            part.get(self.key),
            (low_high[0], low_high[1]) if low_high else None,
            part.get("chance", {}).get(self.key),
        )


def mean(values: Sequence[float]) -> float | None:
    """Return the mean; None of nothing."""
    return sum(values) / len(values) if values else None


def guess(record: AnswerRecord) -> float:
    """Return the chance that a drawn option is right; 0 for an open question."""
    return 1 / len(record.options) if record.options else 0.0
