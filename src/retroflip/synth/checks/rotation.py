"""Find full turns again from the angles in snapshots alone, each of them known modulo a full turn."""

from collections.abc import Mapping
from itertools import groupby, pairwise
from typing import Any


def answer(metadata: Mapping[str, Any]) -> str:
    """Return the option that the angles bear out, followed along the shorter way from snapshot to snapshot."""
    asked = metadata["question"]["parameters"]
    degrees = [state["degrees"][asked["object"]] for state in metadata["states"]]
    steps = [(later - earlier + 180.0) % 360.0 - 180.0 for earlier, later in pairwise(degrees)]
    runs = [(is_clockwise, sum(run)) for is_clockwise, run in groupby(steps, lambda step: step > 0.0)]
    # A snapshot from before the turn-about to after it belongs to one run or the other, which rounding mends.
    spins = [
        (round(abs(turned) / 360.0), "clockwise" if is_clockwise else "counter-clockwise")
        for is_clockwise, turned in runs
    ]
    if asked["asks"] == "sense":
        return spins[0][1]
    if asked["asks"] == "count":
        return str(sum(count for count, sense in spins if sense == asked["sense"]))
    return "first " + ", then ".join(
        f"{count} full turn{'s' * (count != 1)} {sense}" for count, sense in spins
    )
