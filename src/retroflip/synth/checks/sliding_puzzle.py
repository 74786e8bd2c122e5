"""Find the answer of a sliding puzzle question again: from the cell asked for back to the state that is shown."""

from collections.abc import Mapping, Sequence
from typing import Any

Cell = tuple[int, int]


def answer(metadata: Mapping[str, Any]) -> str:
    """Return the answer that the numbers shown and the slides in the order of their frames lead to."""
    asked = metadata["question"]["parameters"]
    events = sorted(metadata["events"], key=lambda event: int(event["start_frame"]))
    slides = [(_cell(event["from"]), _cell(event["to"])) for event in events if event["type"] == "slide"]
    if asked["ask"] == "direction":
        return _direction(*slides[asked["move"] - 1])
    if asked["ask"] == "count":
        return str(sum(_direction(*slide) == asked["direction"] for slide in slides))
    opening = events[0]["type"] == "reveal"
    states = sorted(metadata["states"], key=lambda state: int(state["frame"]))
    shown: Sequence[Sequence[int]] = states[0 if opening else -1]["rows"]
    back = [(end, start) for start, end in slides[::-1]] if opening else slides
    if asked["ask"] == "number":
        cells = [_cell(asked["cell"])]
    else:
        cells = [(asked["row"], column) for column in range(1, len(shown[0]) + 1)]
    places = [_traced(cell, back) for cell in cells]
    return ", ".join(str(shown[row - 1][column - 1]) for row, column in places)


def _traced(cell: Cell, slides: Sequence[tuple[Cell, Cell]]) -> Cell:
    """Return the cell to which the slides take the tile of `cell`."""
    for start, end in slides:
        cell = end if cell == start else cell
    return cell


def _cell(value: Sequence[int]) -> Cell:
    return value[0], value[1]


def _direction(start: Cell, end: Cell) -> str:
    if start[0] == end[0]:
        return "left" if end[1] < start[1] else "right"
    return "up" if end[0] < start[0] else "down"
