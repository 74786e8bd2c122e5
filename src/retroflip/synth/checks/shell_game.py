"""Find the answer of a shell game question again: from the cell back to the object, over the swaps listed."""

from collections.abc import Mapping
from typing import Any


def answer(metadata: Mapping[str, Any]) -> str:
    """Return the answer that the state shown and the swaps in the order of their frames lead to."""
    asked = metadata["question"]["parameters"]
    events = sorted(metadata["events"], key=lambda event: int(event["start_frame"]))
    swaps = [[tuple(cell) for cell in event["cells"]] for event in events if event["type"] == "swap"]
    if asked["ask"] == "next swap":
        before = sorted(tuple(cell) for cell in asked["swap"])
        position = [sorted(swap) for swap in swaps].index(before) + 1
        return " and ".join(f"({_words(cell)})" for cell in swaps[position])
    opening = events[0]["type"] == "reveal"
    states = sorted(metadata["states"], key=lambda state: int(state["frame"]))
    shown = {tuple(cell): name for name, cell in states[0 if opening else -1]["cells"].items()}
    way = swaps if opening else swaps[::-1]
    if asked["ask"] == "displaced":
        now = {cell: shown.get(_origin(cell, way)) for cell in _cells(shown, swaps)}
        return str(sum(name is not None and shown.get(cell) != name for cell, name in now.items()))
    done = way[: asked["swaps"]] if "swaps" in asked else way
    places = [cell for cell in _cells(shown, swaps) if shown.get(_origin(cell, done)) == asked["object"]]
    return _words(places[0])


def _origin(cell: tuple[Any, ...], swaps: list[list[tuple[Any, ...]]]) -> tuple[Any, ...]:
    """Return the cell from which the swaps bring its cover to `cell`."""
    for one, other in reversed(swaps):
        cell = other if cell == one else one if cell == other else cell
    return cell


def _cells(shown: Mapping[tuple[Any, ...], str], swaps: list[list[tuple[Any, ...]]]) -> list[tuple[Any, ...]]:
    return sorted({*shown, *(cell for swap in swaps for cell in swap)})


def _words(cell: tuple[Any, ...]) -> str:
    return f"row {cell[0]}, column {cell[1]}"
