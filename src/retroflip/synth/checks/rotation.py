"""Find full turns again from the angles in snapshots alone, each of them known modulo a full turn."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any


def answer(metadata: Mapping[str, Any]) -> str:
    """Return the option that the angles bear out, added up along the shorter way between snapshots."""
    asked = metadata["question"]["parameters"]
    degrees = [state["degrees"][asked["object"]] for state in metadata["states"]]
    steps = [(later - earlier + 180.0) % 360.0 - 180.0 for earlier, later in pairwise(degrees)]
    turned = {
        "clockwise": sum(step for step in steps if step > 0.0) / 360.0,
        "counter-clockwise": -sum(step for step in steps if step < 0.0) / 360.0,
    }
    if asked["asks"] == "count":
        return str(round(turned[asked["sense"]]))
    sense = max(turned, key=lambda one: turned[one])
    count = round(turned[sense])
    return f"{count} full turn{'s' if count != 1 else ''} {sense}"
