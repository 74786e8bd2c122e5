"""Find the fastest or slowest object again from positions alone."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

WORDS = {
    2: ["the one on the left", "the one on the right"],
    4: ["the leftmost", "the second from the left", "the second from the right", "the rightmost"],
}


def answer(metadata: Mapping[str, Any]) -> str:
    """Return the place in the row of the object whose pace, away from turns, is the highest or the lowest."""
    asked = metadata["question"]["parameters"]
    states = metadata["states"]

    def pace(one: str) -> float:
        # A snapshot on either side of a turn shows less than the pace, never more.
        heights = [(state["frame"], float(state["positions"][one][1])) for state in states]
        paces = [abs(y1 - y0) / (frame1 - frame0) for (frame0, y0), (frame1, y1) in pairwise(heights)]
        return float(max(paces))

    extreme = sorted(asked["objects"], key=pace)[-1 if asked["most"] == "fastest" else 0]
    row = sorted(asked["objects"], key=lambda one: states[0]["positions"][one][0])
    return WORDS[len(row)][row.index(extreme)]
