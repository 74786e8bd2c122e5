"""Arms compared over seeds, and what that says about the papers' orders."""

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TypeAlias

from retroflip.bench.stats import SeedDifference, seed_difference
from retroflip.study.papers import Claim

BySeed: TypeAlias = Mapping[int, float]
"""one measure of one arm, by seed"""


class Verdict(StrEnum):
    """What the study says about an order that a paper reports."""

    AGREES = "agrees"
    DISAGREES = "disagrees"
    UNDECIDED = "cannot be told apart"
    ONE_SEED = "one seed"
    NOT_RUN = "not run"


def over_seeds(values: BySeed) -> SeedDifference | None:
    """Return the mean over seeds with its 95 % Student t interval; None without a value."""
    return difference(dict.fromkeys(values, 0.0), values)


def difference(a: BySeed, b: BySeed) -> SeedDifference | None:
    """Return b - a over the seeds that both have, paired; None where they share none."""
    seeds = sorted(a.keys() & b.keys())
    return seed_difference([a[seed] for seed in seeds], [b[seed] for seed in seeds]) if seeds else None


def judge(found: SeedDifference | None) -> Verdict:
    """Return what greater - lesser, as found here, says about the claim that it is above 0.

    Only an interval without 0 tells two arms apart; touching it does not. Nor does one without a width: that all seeds
    differ alike, by a pair of videos say, is chance and no measure of their spread.
    """
    if found is None:
        return Verdict.NOT_RUN
    if found.interval is None:
        return Verdict.ONE_SEED
    if math.isclose(found.interval.low, found.interval.high, abs_tol=1e-9):
        return Verdict.UNDECIDED
    if found.interval.low > 0:
        return Verdict.AGREES
    return Verdict.DISAGREES if found.interval.high < 0 else Verdict.UNDECIDED


def check_claim(claim: Claim, values: Mapping[str, BySeed]) -> SeedDifference | None:
    """Return greater - lesser as found here; `values` holds the claim's measure by arm."""
    return difference(values.get(claim.lesser, {}), values.get(claim.greater, {}))


def tally(verdicts: Sequence[Verdict]) -> dict[str, int]:
    """Return how many there are of each verdict."""
    return {verdict.value: verdicts.count(verdict) for verdict in Verdict}
