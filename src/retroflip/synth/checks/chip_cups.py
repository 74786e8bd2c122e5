"""Find the answer of a chips question again by following where each chip is, one by one."""

from collections.abc import Mapping
from typing import Any


def answer(metadata: Mapping[str, Any]) -> str:
    """Return the option that the operations bear out."""
    asked = metadata["question"]["parameters"]
    events = list(metadata["events"])
    backwards = events[-1]["type"] == "reveal"
    if backwards:
        events.reverse()
    where = {chip: place for place, chips in events[0]["cups"].items() for chip in chips}
    for event in events[1:]:
        kind, place, other = event["type"], event["place"], event.get("other")
        if kind == "swap":
            turned = {place: other, other: place}
            where = {chip: turned.get(cup, cup) for chip, cup in where.items()}
        elif kind == "pour":
            where = {chip: other if cup == place else cup for chip, cup in where.items()}
        elif (kind == "put") is not backwards:
            where[event["chip"]] = place
        else:
            del where[event["chip"]]
        if "after" in asked and all(event.get(name) == value for name, value in asked["after"].items()):
            break
    held = sorted(chip for chip, cup in where.items() if cup == asked["place"])
    if asked["ask"] == "holds":
        return ", ".join(map(str, held))
    return str(sum(held) if asked["ask"] == "sum" else len(held))
