"""Count movements to a side again from snapshots alone: runs of them in which the object is away from its rest."""

from collections.abc import Mapping
from itertools import groupby
from typing import Any


def answer(metadata: Mapping[str, Any]) -> str:
    """Return how many runs of snapshots show the object further than half its reach to the side asked for."""
    asked = metadata["question"]["parameters"]
    courses = {
        "hop": [state["positions"][asked["object"]][0] for state in metadata["states"]],
        "tilt": [state["degrees"][asked["object"]] for state in metadata["states"]],
    }
    course = courses[asked["motion"]]
    # Angles come modulo a full turn; to lean left is to have turned less than nothing.
    away = [value - course[0] for value in course]
    if asked["motion"] == "tilt":
        away = [(value + 180.0) % 360.0 - 180.0 for value in away]
    sign = -1.0 if asked["side"] == "left" else 1.0
    limit = max(abs(value) for value in away) / 2.0
    return str(sum(is_away for is_away, _ in groupby(sign * value > limit for value in away)))
