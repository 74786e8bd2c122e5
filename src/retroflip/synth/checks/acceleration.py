"""Find the answer of an acceleration question again from positions alone."""

from collections.abc import Mapping
from itertools import pairwise
from math import hypot
from statistics import median
from typing import Any

MORE = 1.2
"""ratio of speeds from which they differ"""


def answer(metadata: Mapping[str, Any]) -> str:
    """Return the option that the object's steps bear out, by their medians in each third of the clip.

    A step across a bounce looks shorter than it was; a third has few of them, and the median passes them over.
    """
    target = metadata["question"]["parameters"]["object"]
    shown = [(state["frame"], *state["positions"][target]) for state in metadata["states"]]
    end = shown[-1][0]
    thirds: list[list[float]] = [[], [], []]
    for (t0, x0, y0), (t1, x1, y1) in pairwise(shown):
        thirds[min(2, int(3 * (t0 + t1) / 2 / end))].append(hypot(x1 - x0, y1 - y0) / (t1 - t0))
    start, middle, close = (median(third) for third in thirds)
    if close > MORE * start:
        return "it speeds up"
    if start > MORE * close:
        return "it slows down"
    if middle > MORE * max(start, close):
        return "it first speeds up, then slows down"
    if middle * MORE < min(start, close):
        return "it first slows down, then speeds up"
    return "it keeps the same speed"
