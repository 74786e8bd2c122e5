"""Which operations an answer rests on."""

from collections.abc import Iterator, Mapping
from typing import Any

from retroflip.cot.world import World


def matters(world: World, number: int) -> bool:
    """Return whether an operation moves something that is asked about, or into or out of the place asked about.

    Where a question asks about no place and no thing, everything matters.
    """
    parameters, states = world.question["parameters"], world.metadata["states"]
    place = parameters.get("place", parameters.get("folder"))
    homes = [frozenset(_homes(state)) for state in states]
    asked = homes[0 if world.question["mode"] == "retrodictive" else -1] if homes else frozenset()
    items = {item for home, item in asked if _is_asked(parameters, home, item)}
    if place is None and not items:
        return True
    event = world.metadata["events"][number]
    before = [own for state, own in zip(states, homes, strict=True) if state["ms"] < event["start_ms"]]
    after = [own for state, own in zip(states, homes, strict=True) if state["ms"] >= event["end_ms"]]
    changed = before[-1] ^ after[0] if before and after else asked
    return any(home == place or item in items for home, item in changed)


def _homes(state: Mapping[str, Any]) -> Iterator[tuple[Any, Any]]:
    """Return what is where in a state: (cell, object or tile), (container, item)."""
    for name, cell in state.get("cells", {}).items():
        yield tuple(cell), name
    for row, numbers in enumerate(state.get("rows", ()), start=1):
        yield from (((row, column), number) for column, number in enumerate(numbers, start=1) if number)
    for key in ("cups", "folders"):
        yield from ((home, item) for home, items in state.get(key, {}).items() for item in items)


def _is_asked(parameters: Mapping[str, Any], home: Any, item: Any) -> bool:
    wanted = {parameters.get("place"), parameters.get("folder"), tuple(parameters.get("cell", ()))}
    is_all = parameters.get("ask") == "displaced" or item in (
        parameters.get("object"),
        parameters.get("file"),
    )
    return is_all or home in wanted or (isinstance(home, tuple) and home[0] == parameters.get("row"))
