"""Find the figures of a path again from positions alone: by the area they enclose and the length of their outline."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

Place = tuple[float, float]
ROUNDNESS = {"circle": 1.0, "square": math.pi / 4.0, "triangle": math.pi * math.sqrt(3.0) / 9.0}
"""4 pi area / length^2, which does not depend on the size"""
SPREAD = 0.2
"""standard deviation across over that along, from which a course there and back is no line: 0.25 for the zigzag"""


def answer(metadata: Mapping[str, Any]) -> str:
    """Return the option that the snapshots of the object's position bear out."""
    asked = metadata["question"]["parameters"]
    last = metadata["states"][-1]["frame"]
    each = last / asked["figures"]
    course = [(state["frame"], tuple(state["positions"][asked["object"]])) for state in metadata["states"]]
    start = course[0][1]
    words = []
    for index in range(asked["figures"]):
        inside = [place for frame, place in course if index * each < frame < (index + 1) * each]
        words.append(_figure([start, *inside, start]))
    return "first " + ", then ".join(words)


def _figure(places: Sequence[Place]) -> str:
    length = sum(math.dist(one, two) for one, two in pairwise(places))
    # The shoelace formula; with y pointing down a positive area is a clockwise turn.
    area = sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in pairwise(places)) / 2.0
    roundness = 4.0 * math.pi * abs(area) / length**2
    if roundness < 0.3:
        return "a zigzag and back" if _width(places) > SPREAD else "a line and back"
    shape = min(ROUNDNESS, key=lambda one: abs(ROUNDNESS[one] - roundness))
    return f"a {shape} {'clockwise' if area > 0 else 'counter-clockwise'}"


def _width(places: Sequence[Place]) -> float:
    """Return how wide the places are across their longest direction, as a share of their length along it."""
    mean_x = sum(x for x, _ in places) / len(places)
    mean_y = sum(y for _, y in places) / len(places)
    xx = sum((x - mean_x) ** 2 for x, _ in places)
    yy = sum((y - mean_y) ** 2 for _, y in places)
    xy = sum((x - mean_x) * (y - mean_y) for x, y in places)
    middle, half = (xx + yy) / 2.0, math.hypot((xx - yy) / 2.0, xy)
    return math.sqrt(max(0.0, middle - half) / (middle + half))
