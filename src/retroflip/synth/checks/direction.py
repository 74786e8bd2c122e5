"""Find the answer of a direction question again from positions alone."""

from collections.abc import Mapping
from itertools import groupby, pairwise
from typing import Any


def answer(metadata: Mapping[str, Any]) -> str:
    """Return the option that the snapshots of the object's position bear out.

    A step across a turn is taken for the longer of its two ways.
    """
    target = metadata["question"]["parameters"]["object"]
    places = [state["positions"][target] for state in metadata["states"]]
    steps = []
    for (x0, y0), (x1, y1) in pairwise(places):
        across, down = x1 - x0, y1 - y0
        if max(abs(across), abs(down)) > 0.5:  # out at one edge, in at the other
            continue
        sideways = "left" if across < 0 else "right"
        steps.append(sideways if abs(across) > abs(down) else "up" if down < 0 else "down")
    return "first " + ", then ".join(leg for leg, _ in groupby(steps))
