"""Intervals of shares: how far a share of some is from that of all of its kind."""

import math
from statistics import NormalDist
from typing import NamedTuple

LEVEL = 0.95
RESAMPLES = 2000
"""that a bootstrap draws where nobody says otherwise"""
Z_LEVEL = NormalDist().inv_cdf(1 - (1 - LEVEL) / 2)


class Interval(NamedTuple):
    """A closed interval."""

    low: float
    high: float


def wilson(successes: int, n: int) -> Interval | None:
    """Return Wilson's 95 % interval of a share (Wilson 1927), which takes all n as independent; None for n = 0.

    Raises ValueError unless 0 <= successes <= n.

    >>> [round(bound, 3) for bound in wilson(188, 200)]
    [0.898, 0.965]
    """
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} of {n} is no share")
    if n == 0:
        return None
    share, square = successes / n, Z_LEVEL**2
    middle = (share + square / (2 * n)) / (1 + square / n)
    half = Z_LEVEL / (1 + square / n) * math.sqrt(share * (1 - share) / n + square / (4 * n**2))
    low = 0.0 if successes == 0 else middle - half
    return Interval(low, 1.0 if successes == n else middle + half)
