"""Find the answer of an acceleration question again from positions alone."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import hypot
from statistics import median
from typing import Any

MORE = 1.2
"""ratio of speeds from which they differ"""
AT = 0.3
"""share of a stretch, to both sides of its end, whose steps tell the speed there"""
SAID = {1: "speeds up", -1: "slows down", 0: "keeps its speed"}


def answer(metadata: Mapping[str, Any]) -> str:
    """Return the option that the object's steps bear out, by their medians in parts of the clip.

    A step across a bounce looks shorter than it was; a part has few of them, and the median passes them over.
    """
    asked = metadata["question"]["parameters"]
    shown = [(state["frame"], *state["positions"][asked["object"]]) for state in metadata["states"]]
    steps = [
        ((t0 + t1) / 2 / shown[-1][0], hypot(x1 - x0, y1 - y0) / (t1 - t0))
        for (t0, x0, y0), (t1, x1, y1) in pairwise(shown)
    ]
    return _of_the_whole(steps) if asked["stretches"] == 2 else _of_stretches(steps, asked["stretches"])


def _of_the_whole(steps: Sequence[tuple[float, float]]) -> str:
    start, middle, close = (_speed(steps, part / 3, (part + 1) / 3) for part in range(3))
    if close > MORE * start:
        return "it speeds up"
    if start > MORE * close:
        return "it slows down"
    if middle > MORE * max(start, close):
        return "it first speeds up, then slows down"
    if middle * MORE < min(start, close):
        return "it first slows down, then speeds up"
    return "it keeps the same speed"


def _of_stretches(steps: Sequence[tuple[float, float]], stretches: int) -> str:
    """Return how the speed at the end of each stretch compares with that at its beginning."""
    speeds = [_speed(steps, (end - AT) / stretches, (end + AT) / stretches) for end in range(stretches + 1)]
    half_way = (min(speeds) * max(speeds)) ** 0.5
    is_high = [speed > half_way for speed in speeds]
    *most, last = (SAID[after - before] for before, after in pairwise(is_high))
    return f"it {', '.join(most)}, then {last}"


def _speed(steps: Sequence[tuple[float, float]], low: float, high: float) -> float:
    return median(speed for moment, speed in steps if low <= moment < high)
