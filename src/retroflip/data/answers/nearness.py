"""Rewards and scores that grow with how near an answer comes."""

from collections.abc import Sequence

BOUNDS = tuple(percent / 100 for percent in range(50, 0, -5))
"""relative errors 0.50, 0.45, ..., 0.05: one minus VSI-Bench's thresholds"""


def mean_relative_accuracy(answer: float, gold: float) -> float:
    """Return the share of bounds that the relative error |answer - gold| / |gold| is under (VSI-Bench's MRA).

    Strictly less, as in its paper and in Video-R1's reward; its public code takes ties too. For a gold of 0 only 0
    itself is near.
    """
    if gold == 0.0:
        return float(answer == 0.0)
    error = abs(answer - gold) / abs(gold)
    return sum(error < bound for bound in BOUNDS) / len(BOUNDS)


def word_accuracy(answer: str, gold: str) -> float:
    """Return one minus the word error rate, at least 0 (Video-R1's reward for OCR)."""
    words, right = answer.split(), gold.split()
    return max(0.0, 1.0 - _edits(words, right) / max(len(right), 1))


def _edits(a: Sequence[str], b: Sequence[str]) -> int:
    """Return the least number of words to insert, delete or replace (Levenshtein)."""
    row = list(range(len(b) + 1))
    for i, word in enumerate(a, start=1):
        above, row[0] = row[0], i
        for j, other in enumerate(b, start=1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (word != other))
    return row[-1]
