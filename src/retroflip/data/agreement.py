"""How far raters agree, beyond what the shares of their labels alone would make agree.

Letters: L labels, U units (what is labelled), R resamples. A confusion_LL counts units by one rater's label (rows) and
the other's (columns); a counts_UL says how many raters gave each label to each unit.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from retroflip.data.intervals import RESAMPLES

_TAILS = (0.025, 0.975)

Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Alpha(NamedTuple):
    """Krippendorff's alpha with its 95 % interval, and how many units have the two labels that it takes."""

    value: float | None
    low: float | None
    high: float | None
    units: int


def accuracy(counts_LL: Counts) -> float:
    """Return the share of questions with the same label twice; 0 of none."""
    return float(np.trace(counts_LL) / max(1, counts_LL.sum()))


def kappa(counts_LL: Counts) -> float:
    """Return Cohen's kappa (1960): (p_o - p_e) / (1 - p_e), with p_e what the two labels' shares alone make agree.

    Where each labelling has one label only, the same, nothing can disagree: 1.
    """
    total = counts_LL.sum()
    if not total:
        return 0.0
    by_chance = float((counts_LL.sum(axis=0) * counts_LL.sum(axis=1)).sum() / total**2)
    return 1.0 if by_chance == 1 else (accuracy(counts_LL) - by_chance) / (1 - by_chance)


def fleiss_kappa(counts_UL: Counts) -> float | None:
    """Return Fleiss' kappa (1971) of units that have equally many labels each, two or more; None for others.

    Where all labels are the same one, nothing can disagree: 1.
    """
    raters = counts_UL.sum(axis=1)
    if not len(raters) or raters[0] < 2 or (raters != raters[0]).any():
        return None
    total = int(raters[0])
    agreed_U = (counts_UL * (counts_UL - 1)).sum(axis=1) / (total * (total - 1))
    shares_L = counts_UL.sum(axis=0) / counts_UL.sum()
    by_chance = float((shares_L**2).sum())
    return 1.0 if by_chance == 1 else float((agreed_U.mean() - by_chance) / (1 - by_chance))


def krippendorff_alpha(counts_UL: Counts, clusters_U: npt.ArrayLike, seed: int = 0) -> Alpha:
    """Return Krippendorff's alpha for labels without an order (2011), which takes units with any number of labels.

    Units with one label say nothing of agreement and are left out. clusters_U: the recording of each unit; the interval
    draws whole recordings. None where no unit has two labels; 1 where all labels are the same one.
    """
    kept = counts_UL.sum(axis=1) >= 2
    counts_UL, clusters = counts_UL[kept], np.asarray(clusters_U)[kept]
    if not len(counts_UL):
        return Alpha(None, None, None, 0)
    raters_U = counts_UL.sum(axis=1)
    apart_U = (raters_U**2 - (counts_UL**2).sum(axis=1)) / (raters_U - 1)
    _, index_U = np.unique(clusters, return_inverse=True)
    drawn_RC = np.random.default_rng(seed).multinomial(
        index_U.max() + 1, np.full(index_U.max() + 1, 1 / (index_U.max() + 1)), size=RESAMPLES
    )
    value = _alphas(np.ones((1, len(apart_U))), counts_UL, apart_U)[0]
    values_R = _alphas(drawn_RC[:, index_U].astype(np.float64), counts_UL, apart_U)
    low, high = np.quantile(values_R, _TAILS)
    return Alpha(float(value), float(low), float(high), len(counts_UL))


def _alphas(weights_RU: Floats, counts_UL: Counts, apart_U: Floats) -> Floats:
    """Return alpha with each unit counted so often, a value a row."""
    totals_RL = weights_RU @ counts_UL
    total_R = totals_RL.sum(axis=1)
    observed_R = weights_RU @ apart_U / total_R
    expected_R = (total_R**2 - (totals_RL**2).sum(axis=1)) / (total_R * np.maximum(total_R - 1, 1))
    alphas: Floats = np.where(expected_R > 0, 1 - observed_R / np.where(expected_R > 0, expected_R, 1), 1.0)
    return alphas
