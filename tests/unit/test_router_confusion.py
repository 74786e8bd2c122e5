"""Agreement of two labellings: numbers by hand, and Wilson's interval of the paper's 188 of 200."""

import pytest

from retroflip.data.agreement import accuracy, kappa
from retroflip.data.sample import TaskType
from retroflip.router.confusion import (
    by_label,
    confusion,
    interval,
    macro_f1,
    named,
    reweighted_accuracy,
)

SPATIAL, TEMPORAL, BOTH, STATIC = TaskType


def test_by_hand() -> None:
    counts = confusion([(TEMPORAL, TEMPORAL), (TEMPORAL, TEMPORAL), (TEMPORAL, SPATIAL), (SPATIAL, SPATIAL)])
    assert accuracy(counts) == 3 / 4
    # By chance: 3/4 of 2/4 for temporal and 1/4 of 2/4 for spatial.
    assert kappa(counts) == pytest.approx((3 / 4 - 1 / 2) / (1 - 1 / 2))
    assert tuple(by_label(counts)[TEMPORAL]) == pytest.approx((1, 2 / 3, 4 / 5, 3))
    assert tuple(by_label(counts)[SPATIAL]) == pytest.approx((1 / 2, 1, 2 / 3, 1))
    assert macro_f1(counts) == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert named(counts)["temporal"] == {"temporal": 2, "spatial": 1, "spatiotemporal": 0, "static": 0}
    assert reweighted_accuracy(counts, {TEMPORAL: 3, SPATIAL: 1}) == pytest.approx((3 * 2 / 3 + 1) / 4)
    assert reweighted_accuracy(counts, {STATIC: 1, SPATIAL: 1}) is None


def test_cohens_own_example_of_three_categories() -> None:
    # Cohen (1960), table 1 as shares of 200: observed 0.70, by chance 0.41, kappa 0.492.
    shares = {
        (0, 0): 88,
        (0, 1): 14,
        (0, 2): 18,
        (1, 0): 10,
        (1, 1): 40,
        (1, 2): 10,
        (2, 0): 2,
        (2, 1): 6,
        (2, 2): 12,
    }
    pairs = [(TEMPORAL, SPATIAL, BOTH)[i] for i in range(3)]
    counts = confusion((pairs[a], pairs[b]) for (a, b), n in shares.items() for _ in range(n))
    assert kappa(counts) == pytest.approx((0.70 - 0.41) / (1 - 0.41), abs=1e-9)


def test_nothing_and_one_label_alone() -> None:
    none, alone = confusion([]), confusion([(STATIC, STATIC)] * 3)
    assert (accuracy(none), kappa(none), macro_f1(none)) == (0, 0, 0)
    assert interval(none, kappa) == (0, 1)
    assert (accuracy(alone), kappa(alone), macro_f1(alone)) == (1, 1, 1)
    assert kappa(confusion([(STATIC, TEMPORAL)] * 2)) == 0


def test_intervals_hold_the_value_and_narrow_with_more_questions() -> None:
    few = confusion([(TEMPORAL, TEMPORAL)] * 15 + [(STATIC, STATIC)] * 4 + [(STATIC, TEMPORAL)])
    low, high = interval(few, accuracy)
    assert low < accuracy(few) < high
    narrow = interval(few * 100, accuracy)
    assert narrow[1] - narrow[0] < (high - low) / 5
