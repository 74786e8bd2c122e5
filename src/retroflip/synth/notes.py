"""Reasoning short and dense enough for a small model: notes of what is seen and when, then the answer.

A small model learns to see by writing where things are at each time stamp that it is given ("0.4s g6"): many tokens of
a trace then depend on the frames, few on how sentences go. `direction`, `speed` and `attribute_change` have such notes;
a stamp is the mean second of two viewed frames. Of `shell_game` and `sliding_puzzle` the operations are noted, of all
other kinds the events, each at the second in which it begins. Narrated traces (`retroflip.synth.narration`) tell events
in sentences, three times as long. The notes say what the metadata says; the words are those of `retroflip-tiny`.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from retroflip.video.sampling import uniform_indices

GROUP = 2
"""frames that share a time stamp"""
CELLS = 8
"""cells on a side of the grid in which places are told: columns a to h, rows 1 to 8"""

Metadata = Mapping[str, Any]
Stamped = Sequence[tuple[float, Mapping[str, Any]]]
"""the states at the time stamps, with the stamps in seconds"""


def stamped_notes(metadata: Metadata, frames: int) -> str:
    """Return a response with a kind's notes, and the boxed answer.

    frames: how many evenly spread frames are viewed, whose time stamps notes at stamps have. A kind without notes of
    its own has its events told, each at the second in which it begins.
    """
    told = NOTES.get(metadata["kind"], _events)(metadata, _stamped(metadata, frames))
    answer = metadata["question"]["answer"]
    return f"<think>{', '.join([*told, f'so it is {answer}'])}</think>\n\\boxed{{{answer}}}"


def _stamped(metadata: Metadata, frames: int) -> Stamped:
    """Return, for every group of frames viewed, its mean second and the last state that began by then."""
    video, states = metadata["video"], metadata["states"]
    viewed = uniform_indices(video["frames"], frames)
    groups = [viewed[start : start + GROUP] for start in range(0, len(viewed), GROUP)]
    seconds = [sum(group) / len(group) / video["fps"] for group in groups]
    began = [state["ms"] / 1000 for state in states]
    return [(second, states[max(0, bisect_right(began, second + 1e-6) - 1)]) for second in seconds]


def cell(x: float, y: float) -> str:
    """Return the cell of a place given in shares of the frame.

    >>> cell(0.0, 0.99), cell(0.5, 0.2)
    ('a8', 'e2')
    """
    column, row = (min(CELLS - 1, max(0, int(CELLS * share))) for share in (x, y))
    return f"{'abcdefgh'[column]}{row + 1}"


def _places(metadata: Metadata, stamped: Stamped) -> list[str]:
    """What the object is that the question is about, and where it is."""
    target = metadata["question"]["parameters"]["object"]
    (look,) = (one for one in metadata["objects"] if one["id"] == target)
    places = [f"{second:.1f}s {cell(*state['positions'][target])}" for second, state in stamped]
    return [f"it is a {look['colour']} {look['shape']}", *places]


def _rows(metadata: Metadata, stamped: Stamped) -> list[str]:
    """The rows in which the objects are, from the left to the right."""
    movers = metadata["question"]["parameters"]["objects"]
    order = sorted(movers, key=lambda name: stamped[0][1]["positions"][name][0])
    return [
        f"{second:.1f}s {' '.join(cell(*state['positions'][name]) for name in order)}"
        for second, state in stamped
    ]


def _looks(metadata: Metadata, stamped: Stamped) -> list[str]:
    """What the object looks like, in the respect asked for."""
    parameters = metadata["question"]["parameters"]
    theme = parameters["theme"]
    attributes = ("colour", "shape", "size") if theme == "mixed" else (theme,)
    return [
        f"{second:.1f}s {' '.join(state['looks'][parameters['object']][name] for name in attributes)}"
        for second, state in stamped
    ]


def _events(metadata: Metadata, _: Stamped) -> list[str]:
    """What happens, and when."""
    return [
        f"{event['start_ms'] / 1000:.1f}s {event['note'].removeprefix('the ')}"
        for event in metadata["events"]
    ]


def _swaps(metadata: Metadata, _: Stamped) -> list[str]:
    """Which cells swap, and where the object asked for is after that: in the order of knowing it."""
    target = metadata["question"]["parameters"].get("object")
    swaps = [event for event in metadata["events"] if event["type"] == "swap"]
    told = [
        f"{event['start_ms'] / 1000:.1f}s {' '.join(_grid_cell(one) for one in event['cells'])}"
        for event in swaps
    ]
    if target is None:
        return told
    course = [_grid_cell(state["cells"][target]) for state in metadata["states"]]
    if metadata["question"]["mode"] == "retrodictive":
        return [*told, *reversed(course)]
    return [course[0], *(f"{swap} {after}" for swap, after in zip(told, course[1:], strict=True))]


def _slides(metadata: Metadata, _: Stamped) -> list[str]:
    """The numbers where they are known, and which tile slides where, from the start or back from the end."""
    rows = [state["rows"] for state in metadata["states"]]
    slides = [event for event in metadata["events"] if event["type"] == "slide"]
    moves = [f"{event['start_ms'] / 1000:.1f}s {event['direction']}" for event in slides]
    known = rows[-1] if metadata["question"]["mode"] == "retrodictive" else rows[0]
    told = " ".join(str(number) for row in known for number in row)
    return [*moves, told] if metadata["question"]["mode"] == "retrodictive" else [told, *moves]


def _grid_cell(place: Sequence[int]) -> str:
    row, column = place
    return f"{'abcdefgh'[column - 1]}{row}"


NOTES: dict[str, Callable[[Metadata, Stamped], list[str]]] = {
    "direction": _places,
    "speed": _rows,
    "attribute_change": _looks,
    "shell_game": _swaps,
    "sliding_puzzle": _slides,
}
"""what is noted of kinds in which more can be seen than single events; of all others, `_events`"""
