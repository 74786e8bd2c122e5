"""Intervals and tests for paired benchmarks, on numpy alone.

Answers about clips cut from one recording are not independent, so every bootstrap here draws whole source
clips.
How often each clip is drawn in each resample depends on nothing but how many clips there are, so it is drawn once
(`drawn`) and every measure is a column of one product with it (`cluster_intervals`).
Letters: U units (answers or pairs), C clusters (source clips), R resamples, K measures, D lists of cluster
sizes that differ.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from retroflip.data.intervals import LEVEL, RESAMPLES, Z_LEVEL, Interval

Z_POWER = NormalDist().inv_cdf(0.8)
_CHUNK = 256
_KEPT = 2**25
"""counts that are kept to be used again: one byte each, for up to 8 numbers of clips"""
_T_LIMIT = 1e9
"""beyond any 95 % quantile (12.7 at one degree of freedom); the upper end of the bisection"""

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.unsignedinteger]


class McNemar(NamedTuple):
    """Exact McNemar test: how many pairs only one of the two got right, and the two-sided p-value."""

    only_a: int
    only_b: int
    p: float


class SeedDifference(NamedTuple):
    """Mean difference of two methods over seeds with its Student t interval."""

    mean: float
    interval: Interval | None
    n: int


class Column(NamedTuple):
    """A measure: its value for every unit (U), the cluster of each (U names), and what bounds one value."""

    values: Sequence[float]
    clusters: Sequence[str]
    low: float = 0.0
    high: float = 1.0


def cluster_intervals(
    columns: Sequence[Column], *, seed: int = 0, resamples: int = RESAMPLES
) -> list[Interval | None]:
    """Return the 95 % percentile interval of the mean of every column, drawing whole clusters.

    No values: None, there is nothing to bound. When every cluster has the same mean (also: when there is one cluster),
    no resample can differ and the bootstrap would claim certainty. Then the exact bound holds instead: after n equal
    clusters, a share of unlike ones above u = 1 - 0.025^(1/n) is rejected at 2.5 %, so the mean may be off by at most u
    times its distance to `low` and `high`. For 0 of n this is the Clopper-Pearson interval.

    Raises ValueError when a column has not as many values as cluster names.
    """
    found: list[Interval | None] = [None] * len(columns)
    open_by_C: dict[int, list[tuple[int, Floats, Floats]]] = defaultdict(list)
    named: dict[tuple[str, ...], _Clusters] = {}
    for place, column in enumerate(columns):
        if len(column.values) != len(column.clusters):
            raise ValueError(
                f"{len(column.values)} values need as many cluster names, got {len(column.clusters)}"
            )
        if not column.values:
            continue
        names = tuple(column.clusters)
        if (clusters := named.get(names)) is None:
            clusters = named[names] = _Clusters.of(names)
        sums_C = clusters.sums(column.values)
        means_C = sums_C / clusters.sizes_C
        if np.ptp(means_C) < 1e-12:
            found[place] = _uniform_interval(float(means_C[0]), len(means_C), column.low, column.high)
        else:
            open_by_C[len(sums_C)].append((place, sums_C, clusters.sizes_C))
    for columns_of_C in open_by_C.values():
        places, sums, sizes = zip(*columns_of_C, strict=True)
        means_RK = _resampled_means(np.stack(sums, axis=1), sizes, seed, resamples)
        tail = (1 - LEVEL) / 2
        bounds_2K = np.quantile(means_RK, [tail, 1 - tail], axis=0)
        for place, (low, high) in zip(places, bounds_2K.T.tolist(), strict=True):
            found[place] = Interval(low, high)
    return found


def cluster_interval(
    values: Sequence[float],
    clusters: Sequence[str],
    *,
    low: float = 0.0,
    high: float = 1.0,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Interval | None:
    """Return the interval of one measure, as `cluster_intervals` does."""
    (interval,) = cluster_intervals([Column(values, clusters, low, high)], seed=seed, resamples=resamples)
    return interval


def paired_interval(
    a: Sequence[float],
    b: Sequence[float],
    clusters: Sequence[str],
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Interval | None:
    """Return the 95 % interval of mean(b) - mean(a), both over the same units (U) with values in 0..1.

    The two are drawn together, so what makes a clip hard for both cancels. Raises ValueError when the lengths
    differ.
    """
    differences = [y - x for x, y in zip(a, b, strict=True)]
    return cluster_interval(differences, clusters, low=-1.0, high=1.0, seed=seed, resamples=resamples)


def mcnemar(a: Sequence[bool], b: Sequence[bool]) -> McNemar:
    """Compare two answerers over the same pairs by McNemar's exact two-sided test (binomial, p = 1/2).

    Only pairs that exactly one of them got right count; with none of those p is 1. It takes pairs as
    independent, so read it beside the clustered interval. Raises ValueError on unequal lengths.
    """
    outcomes = list(zip(a, b, strict=True))
    only_a = sum(x and not y for x, y in outcomes)
    only_b = sum(y and not x for x, y in outcomes)
    n = only_a + only_b
    tail = sum(math.comb(n, k) for k in range(min(only_a, only_b) + 1))
    # Python divides whole numbers of any size correctly rounded; 2.0 ** n would overflow from n = 1024 on.
    return McNemar(only_a, only_b, min(1.0, 2 * tail / 2**n))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for their number (Holm 1979), in the order given: rejecting those under 5 % is wrong
    about any of them at most once in twenty families."""
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=lambda one: p_values[one])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def detectable(interval: Interval) -> float:
    """Return the smallest difference that a comparison as exact as this one finds four times in five.

    interval: of the difference that was measured, 95 %. Its width stands for the standard error, clusters included: a
    difference of (1.960 + 0.842) standard errors is told from 0 at 5 %, two-sided, with a power of 80 %.
    """
    error = (interval.high - interval.low) / (2 * Z_LEVEL)
    return (Z_LEVEL + Z_POWER) * error


def seed_difference(a: Sequence[float], b: Sequence[float]) -> SeedDifference:
    """Return the mean of b - a over seeds and its 95 % Student t interval (None with fewer than two seeds).

    a, b: one score per seed, in the same order. Raises ValueError on unequal lengths or no seeds.
    """
    differences = np.array([y - x for x, y in zip(a, b, strict=True)], dtype=np.float64)
    if not len(differences):
        raise ValueError("a difference over seeds needs at least one seed")
    mean, n = float(differences.mean()), len(differences)
    if n < 2:
        return SeedDifference(mean, None, n)
    half = t_quantile(1 - (1 - LEVEL) / 2, n - 1) * float(differences.std(ddof=1)) / math.sqrt(n)
    return SeedDifference(mean, Interval(mean - half, mean + half), n)


def t_quantile(probability: float, freedom: int) -> float:
    """Return Student's t quantile for `probability` in (0.5, 1) and whole degrees of freedom >= 1.

    Bisection of the closed form of the distribution (Abramowitz and Stegun, 26.7.3 and 26.7.4).
    Raises ValueError outside those ranges.
    """
    if not 0.5 < probability < 1 or freedom < 1:
        raise ValueError(f"no t quantile for probability {probability} and {freedom} degrees of freedom")
    low, high = 0.0, _T_LIMIT
    while high - low > 1e-12 * max(1.0, high):
        middle = (low + high) / 2
        if not low < middle < high:
            break
        low, high = (middle, high) if _t_inside(middle, freedom) < 2 * probability - 1 else (low, middle)
    return (low + high) / 2


def _t_inside(t: float, freedom: int) -> float:
    """Return the probability that |T| <= t."""
    theta = math.atan2(t, math.sqrt(freedom))
    cosine, odd = math.cos(theta), freedom % 2
    term = cosine if odd else 1.0
    total = term if freedom > 1 else 0.0
    for k in range(3 if odd else 2, freedom - 1, 2):
        term *= (k - 1) / k * cosine**2
        total += term
    return 2 / math.pi * (theta + math.sin(theta) * total) if odd else math.sin(theta) * total


class _Clusters(NamedTuple):
    """Which cluster each unit belongs to, in the order of their names, and how many units each has."""

    index_U: npt.NDArray[np.intp]
    sizes_C: Floats

    @classmethod
    def of(cls, names: Sequence[str]) -> "_Clusters":
        """Return the clusters that the units name."""
        place = {name: index for index, name in enumerate(sorted(set(names)))}
        index_U = np.fromiter((place[name] for name in names), dtype=np.intp, count=len(names))
        return cls(index_U, np.bincount(index_U).astype(np.float64))

    def sums(self, values: Sequence[float]) -> Floats:
        """Return each cluster's sum of the units' values."""
        return np.bincount(self.index_U, weights=np.asarray(values)).astype(np.float64)


def _uniform_interval(mean: float, clusters: int, low: float, high: float) -> Interval:
    unlike = 1 - ((1 - LEVEL) / 2) ** (1 / clusters)
    return Interval(mean - unlike * (mean - low), mean + unlike * (high - mean))


def _resampled_means(sums_CK: Floats, sizes: Sequence[Floats], seed: int, resamples: int) -> Floats:
    """Return the means of every resample, (R, K). sizes: of the clusters (C), for every column."""
    clusters = len(sums_CK)
    small = clusters * resamples <= _KEPT
    chunks = drawn(clusters, resamples, seed) if small else _draws(clusters, resamples, seed)
    # Sizes are whole numbers, whose sums are exact in any order, and the same for most columns.
    unlike: dict[bytes, int] = {}
    column_K = [unlike.setdefault(sizes_C.tobytes(), len(unlike)) for sizes_C in sizes]
    sizes_CD = np.stack([np.frombuffer(one) for one in unlike], axis=1)
    means: list[Floats] = []
    for kept_RC in chunks:
        counts_RC = kept_RC.astype(np.float64)
        means.append((counts_RC @ sums_CK) / (counts_RC @ sizes_CD)[:, column_K])
    return np.concatenate(means)


@lru_cache(maxsize=8)
def drawn(clusters: int, resamples: int, seed: int) -> tuple[Counts, ...]:
    """Return how often each cluster is drawn in each resample, chunks of shape (R, C)."""
    return tuple(_draws(clusters, resamples, seed))


def _draws(clusters: int, resamples: int, seed: int) -> Iterator[Counts]:
    # In chunks: counts of 2,000 resamples over 100,000 clips would take 1.6 GB at once.
    rng = np.random.default_rng(seed)
    for start in range(0, resamples, _CHUNK):
        drawn_RC = rng.integers(clusters, size=(min(_CHUNK, resamples - start), clusters), dtype=np.uint32)
        places_RC = drawn_RC + clusters * np.arange(len(drawn_RC))[:, None]
        counts_RC = np.bincount(places_RC.ravel(), minlength=drawn_RC.size).reshape(drawn_RC.shape)
        yield counts_RC.astype(np.min_scalar_type(counts_RC.max()))
