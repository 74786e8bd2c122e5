"""Find the answer of a distance question again from positions alone."""

from collections.abc import Mapping
from math import dist
from typing import Any

LEAST = 0.02
_NAMES = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")
_MORE_NAMES = ("ninth", "tenth", "eleventh", "twelfth")


def answer(metadata: Mapping[str, Any]) -> str:
    """Return which of the turning points of the distance is the lowest, or the highest.

    Turning points by less than `LEAST` from where the clip began are roundings while the objects wait.
    """
    asked = metadata["question"]["parameters"]
    one, two = asked["objects"]
    sign = 1.0 if asked["extreme"] == "closest" else -1.0
    apart = [sign * dist(state["positions"][one], state["positions"][two]) for state in metadata["states"]]
    turns = [
        here
        for before, here, later in zip(apart, apart[1:], apart[2:], strict=False)
        if here < before and here <= later and here < apart[0] - LEAST
    ]
    return f"the {(*_NAMES, *_MORE_NAMES)[turns.index(min(turns))]} time"
