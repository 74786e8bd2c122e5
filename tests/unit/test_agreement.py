"""How far raters agree: numbers by hand, and the published examples of the measures."""

import numpy as np
import pytest

from retroflip.data.agreement import fleiss_kappa, kappa, krippendorff_alpha


def test_cohens_kappa_by_hand() -> None:
    # 20 + 15 of 50 alike; by chance 25/50 * 30/50 + 25/50 * 20/50 = 0.5.
    assert kappa(np.array([[20, 5], [10, 15]])) == pytest.approx(0.4)


def test_fleiss_kappa_of_his_own_example() -> None:
    counts = [
        [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ]  # fmt: skip
    assert fleiss_kappa(np.array(counts)) == pytest.approx(0.210, abs=5e-4)


def test_fleiss_kappa_needs_equally_many_labels() -> None:
    assert fleiss_kappa(np.array([[2, 0], [1, 0]])) is None
    assert fleiss_kappa(np.array([[1, 0], [0, 1]])) is None
    assert fleiss_kappa(np.zeros((0, 2), dtype=int)) is None
    assert fleiss_kappa(np.array([[3, 0], [3, 0]])) == 1.0


def test_alpha_of_krippendorffs_own_example() -> None:
    # Krippendorff (2011), C: four observers, twelve units, nominal, with missing labels: 0.743.
    rows = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
        [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
    ]
    counts = np.array(
        [[[row[unit] for row in rows].count(label) for label in range(1, 6)] for unit in range(12)]
    )
    alpha = krippendorff_alpha(counts, list(range(12)))
    assert alpha.value == pytest.approx(0.743, abs=5e-4)
    assert alpha.units == 11
    assert alpha.low is not None
    assert alpha.high is not None
    assert alpha.low < 0.743 < alpha.high


def test_alpha_of_extremes() -> None:
    assert krippendorff_alpha(np.array([[2, 0], [0, 2]]), ["a", "b"]).value == 1.0
    assert krippendorff_alpha(np.array([[2, 0], [2, 0]]), ["a", "b"]).value == 1.0
    assert krippendorff_alpha(np.array([[1, 0], [0, 1]]), ["a", "b"]).value is None
    # Two units, always unlike: observed 1, expected 2/3.
    assert krippendorff_alpha(np.array([[1, 1], [1, 1]]), ["a", "b"]).value == pytest.approx(-0.5)


def test_the_interval_draws_whole_recordings() -> None:
    counts = np.array([[2, 0], [1, 1]] * 40)
    alone = krippendorff_alpha(counts, list(range(80)))
    together = krippendorff_alpha(counts, [unit // 8 for unit in range(80)])
    assert alone.value == together.value
    assert alone.low is not None
    assert together.low is not None
    assert alone.low < together.low  # every recording here is alike, so that drawing them changes nothing
