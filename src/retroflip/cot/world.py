"""What is true of a video, as one table of facts that texts and claims are looked up in.

A fact says several things that hold together from one time to another: an event, an object's look or place, what a cup
or a row holds. Kinds add nothing of their own: events, objects and states are read by what metadata they have.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from retroflip.cot.reading import OPERATORS, Reader
from retroflip.synth.animation import PALETTE, SHAPES
from retroflip.synth.narration import COMMON

Metadata = Mapping[str, Any]
Terms = frozenset[str]
_BY_TYPE: dict[str, str] = {
    "return": "leave enter back edge opposite wall",
    "move": "move",
    "speed": "move",
    "visit": "move",
    "cross": "move",
    "hit": "hit wall edge",
    "spin": "spin move",
    "hop": "hop move back",
    "tilt": "tilt move back",
    "trace": "trace move",
    "action": "move",
    "change": "change",
    "put": "put",
    "take": "take",
    "swap": "swap move",
    "pour": "pour put take",
    "reveal": "open change",
    "blank": "blank covered change",
    "unknown": "unknown draw",
    "glyph": "draw",
    "slide": "slide move tile gap",
    "exchange": "exchange swap move put run",
    "mv_all": "move put run",
    "mv": "move put run",
    "cp": "copy put run",
    "rm": "delete take run",
    "rm_all": "delete take run",
    "touch": "create put run",
    "mkdir": "create run",
    "rmdir": "delete run",
}
"""what an event of a type says besides its note"""
_VALUES = {
    ("change", 1): "faster", ("change", -1): "slower", ("change", 0): "steady", ("face", "down"): "facedown",
    ("face", "up"): "faceup", ("sense", 1): "clockwise", ("sense", -1): "counterclockwise", ("wall", "upper"): "up",
    ("wall", "lower"): "down", ("end", "top"): "up", ("end", "bottom"): "down", ("value", "large"): "grow",
    ("value", "small"): "shrink",
}  # fmt: skip
_VALUE_WORDS = """left right up down above below clockwise counterclockwise faster slower steady grow shrink line zigzag
plus minus times divide facedown faceup"""
VALUES = frozenset(_VALUE_WORDS.split()).union(PALETTE, SHAPES)
"""what properties are said to be, and no doing is"""
_COURSES = frozenset({"type:move", "type:spin", "type:trace", "type:speed"})
_ACROSS = {"left": "right", "right": "left", "up": "down", "down": "up"}
_AXES = {"vertical": {"up", "down"}, "horizontal": {"left", "right"}}


@dataclass(frozen=True)
class Fact:
    """Things that hold together from `start` to `end` (ms). number: of an event, by its place in the metadata.

    subject, other: who does it and to whom, where that matters. size: how fast or how far.
    """

    terms: Terms
    start: float
    end: float
    number: int | None = None
    subject: Terms = frozenset()
    other: Terms = frozenset()
    size: float | None = None

    def covers(self, said: Sequence[Terms]) -> bool:
        """Return whether it says all of that."""
        return all(one & self.terms for one in said)


@dataclass(frozen=True)
class Held:
    """What a container (a cup, a row, the pile) holds from one time to another, in its order."""

    container: str
    items: tuple[str, ...]
    is_ordered: bool
    start: float
    end: float


@dataclass
class World:
    """The facts of a video."""

    metadata: Metadata
    reader: Reader = field(init=False)

    def __post_init__(self) -> None:
        """Make the reader that knows this video's names."""
        plain = Reader((), self.fps)
        own = {
            word
            for one in self.metadata["objects"]
            for word in str(one["name"]).split()
            if one["shape"] == "text" or str(one["id"]) == f"cup {word}" or plain.tokens(word)[0].is_unknown
        }
        self.reader = Reader(own, self.fps)

    @property
    def fps(self) -> float:
        """Frames a second."""
        return float(self.metadata["video"]["fps"])

    @property
    def duration(self) -> float:
        """How long it is, in ms."""
        return float(self.metadata["video"]["duration_ms"])

    @cached_property
    def looks(self) -> dict[str, Terms]:
        """What each object may be called, by its id."""
        return {one["id"]: self.reader.says(f"{one['name']}") for one in self.metadata["objects"]}

    @cached_property
    def events(self) -> list[Fact]:
        """The events, in the order of the metadata."""
        facts = [self._event(number, event) for number, event in enumerate(self.metadata["events"])]
        return [
            replace(fact, terms=fact.terms | {"change"}) if _is_turned(facts[:at], fact) else fact
            for at, fact in enumerate(facts)
        ]

    def _event(self, number: int, event: Mapping[str, Any]) -> Fact:
        facts = {key: value for key, value in event.items() if key not in COMMON}
        terms = {f"type:{event['type']}", *_BY_TYPE.get(event["type"], "").split()}
        if event["type"] != "reveal" or "result" in event:
            terms |= self.reader.says(event["note"])
        for key, value in facts.items():
            terms |= self._said(key, value)
        if "command" in event:
            terms |= self.reader.says(" ".join(re.split(r"[\s/*]+", event["command"])[1:]))
        if event["type"] == "return":
            terms.add(_ACROSS[event["direction"]])
        terms |= {axis for axis, ways in _AXES.items() if terms & ways}
        subject = frozenset().union(*(self.looks.get(str(one), frozenset()) for one in _ids(event)))
        other = (
            self._said("cell", event["to"])
            if "to" in event
            else self.looks.get(str(event.get("reference")), frozenset())
        )
        if "from" in event:
            subject = self._said("cell", event["from"])
        if event["type"] == "pour":
            subject, other = frozenset({f"name:{event['place']}"}), frozenset({f"name:{event['other']}"})
        if event["type"] in ("mv", "cp", "mv_all"):
            source, target = event["command"].split()[1:]
            subject, other = (
                frozenset({f"name:{source.split('/')[0]}"}),
                frozenset({f"name:{target.rstrip('/')}"}),
            )
            terms |= subject | other
        terms |= self._shifted(event)
        size = next((float(facts[key]) for key in ("speed", "distance") if key in facts), None)
        if event["type"] == "cross":
            size = 1000.0 / (event["end_ms"] - event["start_ms"])
        return Fact(frozenset(terms), event["start_ms"], event["end_ms"], number, subject, other, size)

    def _shifted(self, event: Mapping[str, Any]) -> Terms:
        """Return what a slide or a command shifts: tile 3, bill.txt."""
        states = self.metadata["states"]
        before = [state for state in states if state["ms"] < event["start_ms"]][-1:]
        after = [state for state in states if state["ms"] >= event["end_ms"]][:1]
        if "from" in event:
            row, column = event["from"]
            return frozenset(f"n:{state['rows'][row - 1][column - 1]}" for state in before)
        if event["type"] not in ("mv", "mv_all", "exchange", "rm", "rm_all", "cp"):
            return frozenset()
        homes = [
            {(held, item) for held, items, _ in _containers(one) for item in items}
            for one in (*before, *after)
        ]
        return frozenset(item for _, item in homes[0] ^ homes[-1]) if homes else frozenset()

    def _said(self, key: str, value: Any) -> Terms:
        """Return what a fact of the metadata says."""
        if isinstance(value, (str, int)) and (key, value) in _VALUES:
            return frozenset({_VALUES[key, value]})
        if key in ("objects", "object", "reference"):
            ids = value if isinstance(value, list) else [value]
            return frozenset().union(*(self.looks.get(str(one), frozenset()) for one in ids))
        if key in ("from", "to", "cell") or (key == "cells" and isinstance(value, list)):
            cells = value if value and isinstance(value[0], list) else [value]
            return frozenset(f"cell:{row},{column}" for row, column in cells)
        if isinstance(value, (bool, dict, list)):
            return frozenset()
        if isinstance(value, (int, float)):
            return frozenset({f"n:{value:g}"})
        return (
            self.reader.says(str(value))
            if key != "place" and key != "other"
            else frozenset({f"name:{value}"})
        )

    @cached_property
    def spans(self) -> list[tuple[float, float]]:
        """From when to when each state holds: for states after operations, from one operation's begin to the next's."""
        states = self.metadata["states"]
        if not states or "positions" in states[0] or "looks" in states[0]:
            starts = [float(state["ms"]) for state in states]
        else:
            begun = [event["start_ms"] for event in self.metadata["events"]]
            starts = [max([ms for ms in begun if ms < state["ms"]], default=0.0) for state in states]
            starts[:1] = [0.0]
        return list(zip(starts, [*starts[1:], self.duration], strict=True))

    @cached_property
    def held(self) -> list[Held]:
        """What every container holds in every state."""
        return [
            Held(name, items, is_ordered, start, end)
            for state, (start, end) in zip(self.metadata["states"], self.spans, strict=True)
            for name, items, is_ordered in _containers(state)
        ]

    @cached_property
    def states(self) -> list[Fact]:
        """What is where, what looks how and what holds what, from when to when."""
        return [
            Fact(frozenset(terms), start, end)
            for state, (start, end) in zip(self.metadata["states"], self.spans, strict=True)
            for terms in self._stated(state)
        ]

    def _stated(self, state: Mapping[str, Any]) -> Iterator[set[str]]:
        for name, cell in state.get("cells", {}).items():
            yield {*self.looks[name], f"cell:{cell[0]},{cell[1]}", "covered", "open"}
        for name, look in state.get("looks", {}).items():
            yield {
                *self.looks[name],
                *(term for value in look.values() for term in self.reader.says(value)),
                "change",
            }
        for row, numbers in enumerate(state.get("rows", []), start=1):
            for column, number in enumerate(numbers, start=1):
                what = f"n:{number}" if number else "gap"
                yield {"tile", what, f"cell:{row},{column}", f"row:{row}"}
        for container, items, _ in _containers(state):
            for place, item in enumerate(items):
                ends = [
                    term
                    for term, at in (("up", 0), ("down", len(items) - 1))
                    if at == place and container == "pile"
                ]
                yield {
                    container,
                    item,
                    "cup",
                    "chip",
                    "card",
                    "folder",
                    "file",
                    *ends,
                    f"ordinal:{place + 1}",
                }

    @cached_property
    def standing(self) -> list[Fact]:
        """What is true all the time: what objects are."""
        return [
            Fact(
                self.looks[one["id"]] | self.reader.says(f"{one['colour']} {one['shape']}"),
                0.0,
                self.duration,
            )
            for one in self.metadata["objects"]
        ]

    def doing(self, fact: Fact) -> Terms:
        """Return what is done in an event, whatever its ways, looks and numbers."""
        return frozenset(term for term in fact.terms if term not in VALUES and ":" not in term)

    def order_from_left(self) -> dict[str, Terms]:
        """Return the terms of each object by its id, from the left to the right where they begin."""
        first = self.metadata["states"][0].get("positions", {}) if self.metadata["states"] else {}
        return {
            name: self.looks[name]
            for name in sorted(first, key=lambda one: first[one][0])
            if name in self.looks
        }


def _is_turned(earlier: Sequence[Fact], fact: Fact) -> bool:
    """Return whether an object goes on otherwise than in its event before: another way, sense or figure."""
    own = [one for one in earlier if one.subject == fact.subject and _COURSES & one.terms & fact.terms]
    return bool(own) and own[-1].terms & VALUES != fact.terms & VALUES


def _ids(event: Mapping[str, Any]) -> list[str]:
    return [event["object"]] if "object" in event else list(event.get("objects", []))


def _containers(state: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...], bool]]:
    """Return what each container of a state holds: its name, the items, and whether their order matters."""
    if "pile" in state:
        yield "pile", tuple(f"n:{card}" for card in state["pile"]), True
    for place, chips in state.get("cups", {}).items():
        yield f"name:{place}", tuple(f"n:{chip}" for chip in chips), False
    for folder, names in state.get("folders", {}).items():
        yield f"name:{folder}", tuple(f"name:{name}" for name in names), False
    for number, row in enumerate(state.get("rows", []), start=1):
        yield f"row:{number}", tuple(f"n:{one}" if one else "gap" for one in row), True
    if "expression" in state:
        yield "expression", tuple(OPERATORS.get(one, f"n:{one}") for one in state["expression"]), True
