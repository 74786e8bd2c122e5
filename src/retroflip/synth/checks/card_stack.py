"""Find the answer of a card question again: lay the shown pile down, and do or undo what is seen."""

from collections import deque
from collections.abc import Mapping
from typing import Any


def answer(metadata: Mapping[str, Any]) -> str:
    """Return the option that the operations bear out. Faces that a viewer does not see are not looked at."""
    asked = metadata["question"]["parameters"]
    events = [dict(event) for event in metadata["events"]]
    backwards = events[-1]["type"] == "reveal"
    if backwards:
        events.reverse()
    pile: deque[int] = deque(events[0]["pile"])
    gone: list[int] = []
    for event in events[1:]:
        at_top = event["end"] == "top"
        if event["face"] == "up":
            (pile.appendleft if at_top else pile.append)(event["card"])
        else:
            gone.append(pile.popleft() if at_top else pile.pop())
        if asked["ask"] == "count" and event["face"] == "up" and event["card"] == asked["card"]:
            return str(len(pile))
    if asked["ask"] == "taken":
        return f"card {gone[asked['number'] - 1]}"
    if asked["ask"] == "place":
        return f"card {pile[asked['number'] - 1]}"
    return ", ".join(map(str, pile))
