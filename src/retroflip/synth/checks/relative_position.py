"""Find the answer of a relative position question again from positions alone."""

from collections.abc import Mapping
from itertools import groupby
from math import hypot
from typing import Any


def answer(metadata: Mapping[str, Any]) -> str:
    """Return the sides on which the object is found after the one asked for, where it is well away from the other."""
    asked = metadata["question"]["parameters"]
    away = []
    for state in metadata["states"]:
        (x1, y1), (x0, y0) = (state["positions"][asked[one]] for one in ("object", "reference"))
        away.append((x1 - x0, y1 - y0))
    least = 0.6 * max(hypot(*one) for one in away)
    seen = [_side(*one) for one in away if hypot(*one) > least]
    visits = [side for side, _ in groupby(seen)]
    first = visits.index(asked["side"])
    return ", then ".join(f"{side} it" for side in visits[first + 1 : first + 4])


def _side(across: float, down: float) -> str:
    if abs(across) > abs(down):
        return "to the right of" if across > 0 else "to the left of"
    return "below" if down > 0 else "above"
