"""Answers of long videos drawn so that nothing but the order of operations tells between the options.

The ways to do the same operations are grouped by what comes of them. The options are drawn from the groups first, and
which of them is right is dealt out evenly after that: whatever the ways have in common (the state shown, the set of
operations, the options themselves) says nothing about the answer.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TypeVar

from retroflip.synth.episode import Draw

Case = TypeVar("Case")
Way = TypeVar("Way")
Outcome = TypeVar("Outcome", bound=Hashable)


def grouped(ways: Iterable[Way], outcome: Callable[[Way], Outcome | None]) -> dict[Outcome, list[Way]]:
    """Return the ways by what comes of them, without those of which nothing does (None)."""
    groups: dict[Outcome, list[Way]] = {}
    for way in ways:
        if (result := outcome(way)) is not None:
            groups.setdefault(result, []).append(way)
    return groups


def dealt_case(draw: Draw, cases: Sequence[Case], ranks: int = 4) -> tuple[Case, int]:
    """Return what to ask and the rank of its answer among `ranks` options, all of them dealt out together."""
    case, rank = draw.deal("case", [(case, rank) for case in range(len(cases)) for rank in range(ranks)])
    return cases[case], rank


def both_ranks(draw: Draw, rank: int, count: int) -> tuple[int, int]:
    """Return the ranks of both sides' answers among `count` options; the first is `rank` where there are so many."""
    first = rank if rank < count else draw.one_of(range(count))
    return first, draw.one_of([other for other in range(count) if other != first])


def consecutive(numbers: Iterable[int], least: int, most: int = 4) -> list[list[int]]:
    """Return every run of `most` consecutive numbers among those given, or else every run of fewer, down to `least`."""
    present = set(numbers)
    for length in range(most, least - 1, -1):
        runs = [
            list(range(low, low + length))
            for low in sorted(present)
            if present >= set(range(low, low + length))
        ]
        if runs:
            return runs
    return []
