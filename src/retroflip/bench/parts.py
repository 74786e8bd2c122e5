"""The parts that a score is broken down by: sub-tasks, sources, and whatever labels the questions carry."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from retroflip.bench.records import AnswerRecord

SOURCE = "source"
MOST = 24
"""parts that a label may make; one with more tells questions apart, and no parts"""

Parts = dict[str, dict[str, list[AnswerRecord]]]
"""answers by the value of a label, by the label's name"""


def parts_of(records: Sequence[AnswerRecord]) -> Parts:
    """Return the answers by source and by each label, values in the order of their names.

    Left out is a label that has one value or very many, and one of which the two sides of a pair have different ones:
    it would take pairs apart. The axis of a pair (DyBench) is a part even where there is only one.
    """
    names = dict.fromkeys(name for record in records for name in record.labels)
    found = ((name, _by(records, name)) for name in (SOURCE, *names))
    return {
        name: dict(sorted(parts.items()))
        for name, parts in found
        if (len(parts) > 1 or (parts and name in (SOURCE, "axis")))
        and len(parts) <= MOST
        and _keeps_pairs(parts)
    }


def _by(records: Sequence[AnswerRecord], name: str) -> dict[str, list[AnswerRecord]]:
    parts: dict[str, list[AnswerRecord]] = defaultdict(list)
    for record in records:
        if value := record.source if name == SOURCE else record.labels.get(name):
            parts[value].append(record)
    return parts


def _keeps_pairs(parts: dict[str, list[AnswerRecord]]) -> bool:
    """Return whether no pair or group has questions in two parts."""
    placed = [(place, value) for value, records in parts.items() for place in _places(records)]
    return len({place for place, _ in placed}) == len(set(placed))


def _places(records: Sequence[AnswerRecord]) -> Iterator[str]:
    return (record.place.group for record in records if record.place is not None)
