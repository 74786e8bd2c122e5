"""How far two labellings agree: accuracy, F1 and Cohen's kappa, and how far chance may have moved them.

Letters: L labels, R resamples. A confusion_LL counts questions by the first labelling (rows) and the second (columns).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import numpy as np

from retroflip.data.agreement import Counts
from retroflip.data.intervals import RESAMPLES
from retroflip.data.sample import TaskType

LABELS = (TaskType.TEMPORAL, TaskType.SPATIAL, TaskType.SPATIOTEMPORAL, TaskType.STATIC)
"""in the order of CRPO's table 8"""
TABLE_8 = {
    TaskType.TEMPORAL: 15_582,
    TaskType.SPATIAL: 491,
    TaskType.SPATIOTEMPORAL: 868,
    TaskType.STATIC: 4_224,
}
"""the labels of CRPO's training videos"""
_TAILS = (0.025, 0.975)


class ByLabel(NamedTuple):
    """How one label was found. support: how many questions have it."""

    precision: float
    recall: float
    f1: float
    support: int


def confusion(pairs: Iterable[tuple[TaskType, TaskType]]) -> Counts:
    """Return how often each first label met each second one (L, L), in the order of LABELS."""
    place = {label: index for index, label in enumerate(LABELS)}
    counts_LL = np.zeros((len(LABELS), len(LABELS)), dtype=np.int64)
    for one, other in pairs:
        counts_LL[place[one], place[other]] += 1
    return counts_LL


def named(counts_LL: Counts) -> dict[str, dict[str, int]]:
    """Return a confusion by the labels' names: {first: {second: count}}."""
    return {
        one.value: {other.value: int(counts_LL[row, column]) for column, other in enumerate(LABELS)}
        for row, one in enumerate(LABELS)
    }


def by_label(counts_LL: Counts) -> dict[TaskType, ByLabel]:
    """Return precision, recall and F1 of every label that occurs; the first labelling is the truth."""
    found = {}
    for index, label in enumerate(LABELS):
        right, given, true = counts_LL[index, index], counts_LL[:, index].sum(), counts_LL[index].sum()
        if given or true:
            precision, recall = float(right / max(1, given)), float(right / max(1, true))
            found[label] = ByLabel(precision, recall, float(2 * right / (given + true)), int(true))
    return found


def macro_f1(counts_LL: Counts) -> float:
    """Return the mean F1 of the labels that occur; 0 where none does."""
    found = by_label(counts_LL)
    return sum(one.f1 for one in found.values()) / max(1, len(found))


def reweighted_accuracy(counts_LL: Counts, shares: Mapping[TaskType, float]) -> float | None:
    """Return the accuracy on questions whose true labels had these shares; None where a label has no question here."""
    found = by_label(counts_LL)
    wanted = {label: share for label, share in shares.items() if share}
    if any(label not in found or not found[label].support for label in wanted):
        return None
    return sum(share * found[label].recall for label, share in wanted.items()) / sum(wanted.values())


def interval(counts_LL: Counts, measure: Callable[[Counts], float], seed: int = 0) -> tuple[float, float]:
    """Return the 95 % percentile interval of a measure, drawing questions anew with replacement.

    How often each cell is drawn is multinomial, so no question is looked at again.
    """
    total = int(counts_LL.sum())
    if not total:
        return (0.0, 1.0)
    draws_RC = np.random.default_rng(seed).multinomial(total, counts_LL.ravel() / total, size=RESAMPLES)
    values_R = [measure(draw_C.reshape(counts_LL.shape)) for draw_C in draws_RC]
    low, high = np.quantile(values_R, _TAILS)
    return (float(low), float(high))
