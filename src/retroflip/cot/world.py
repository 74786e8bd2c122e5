"""What is true of a video, as one table of facts that texts and claims are looked up in.

A fact says several things that hold together from one time to another: an event, an object's look or place, what a cup
or a row holds. Kinds add nothing of their own: events, objects and states are read by what metadata they have.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

from retroflip.cot.reading import OPERATORS, Reader, Terms
from retroflip.synth.animation import PALETTE, SHAPES
from retroflip.synth.narration import COMMON

Metadata = Mapping[str, Any]
_BY_TYPE: dict[str, str] = {
    "move": "move",
    "speed": "move",
    "visit": "move back pass",
    "cross": "move cross pass",
    "hit": "hit wall edge move back",
    "spin": "spin move",
    "hop": "hop move back",
    "tilt": "tilt move back",
    "trace": "trace move draw",
    "action": "move back",
    "approach": "approach part move back leave gap grow shrink",
    "change": "change back",
    "put": "put enter",
    "take": "take",
    "swap": "swap move",
    "pour": "pour put take",
    "reveal": "open change",
    "blank": "blank covered change",
    "unknown": "unknown draw ball",
    "glyph": "draw",
    "slide": "slide move tile gap leave",
    "exchange": "exchange swap move put run",
    "mv_all": "move put run",
    "mv": "move put take enter run",
    "cp": "copy put enter run",
    "rm": "delete take run",
    "rm_all": "delete take run",
    "touch": "create put run",
    "mkdir": "create run blank",
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
_WAYS = frozenset({"left", "right", "up", "down", "clockwise", "counterclockwise"})
_FIGURES = {
    "triangle": "n:3 corner straight", "square": "n:4 corner straight", "circle": "", "zigzag": "corner",
    "line": "straight",
}  # fmt: skip
"""what may be said of the figure that an object traces"""
_COURSES = frozenset({"type:move", "type:spin", "type:trace", "type:speed"})
ON = frozenset({"same", "change", "reversal", "otherwise", "back"})
"""how an event goes on from those before it"""
_KINDS = frozenset(f"type:{kind}" for kind in _BY_TYPE)
_ACROSS = {"left": "right", "right": "left", "up": "down", "down": "up"}
_SAME_WAY = {"up": "above", "down": "below"}
_AXES = {"vertical": {"up", "down"}, "horizontal": {"left", "right"}}
_MOVING = ("mv", "mv_all", "cp")
_SHIFTING = (*_MOVING, "exchange", "rm", "rm_all")


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

    def begins_in(self, part: str, duration: float) -> bool:
        """Return whether it begins in a part of the video: "2/3" is the second third."""
        number, parts = map(int, part.split("/"))
        return int((self.start + 250.0) * parts / duration) == number - 1


@dataclass(frozen=True)
class Held:
    """What a container (a cup, a row, the pile) holds from one time to another, in its order."""

    container: str
    items: tuple[str, ...]
    is_ordered: bool
    start: float
    end: float

    def has(self, items: Sequence[str], *, is_all: bool) -> bool:
        """Return whether these are its items: all of them where they are several, or `is_all`."""
        if not any(items):
            return not self.items
        if len(items) == 1 and not is_all:
            return items[0] in self.items
        if not self.is_ordered:
            return sorted(self.items) == sorted(items)
        return len(self.items) == len(items) and all(
            b in (a, "unknown") for a, b in zip(self.items, items, strict=True)
        )


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
        rows = [one["rows"] for one in self.metadata["states"] if "rows" in one]
        self.reader = Reader(own, self.fps, (len(rows[0]), len(rows[0][0])) if rows else (0, 0))

    @property
    def question(self) -> Mapping[str, Any]:
        """The question with its answer and parameters."""
        return dict(self.metadata["question"])

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
        """The events, in the order of the metadata; what is told apart in one of them is several facts."""
        facts = [self._event(number, event) for number, event in enumerate(self.metadata["events"])]
        facts = [
            replace(fact, terms=fact.terms | _besides(facts[:at], fact)) for at, fact in enumerate(facts)
        ]
        paired = [*_paired(facts)]
        return [
            one
            for fact in facts
            for one in (*self._parts(fact), *(p for p in paired if p.number == fact.number))
        ]

    def kind_of(self, fact: Fact) -> str:
        """Return the type of an event."""
        return str(self.metadata["events"][fact.number or 0]["type"])

    def _event(self, number: int, event: Mapping[str, Any]) -> Fact:
        facts = {key: value for key, value in event.items() if key not in COMMON}
        terms = {f"type:{event['type']}", *_BY_TYPE.get(event["type"], "").split()}
        if event["type"] != "reveal" or "result" in event:
            terms |= self.reader.says(event["note"])
        for key, value in facts.items():
            terms |= self._said(key, value)
        if event["type"] == "action" and "jump" in terms:
            terms.add("up")
        terms |= set(_FIGURES.get(str(facts.get("figure")), "").split())
        if "swell" in terms:
            terms |= {"grow", "shrink"}
        if event["type"] == "slide":
            terms.add(
                {"left": "from-right", "right": "from-left", "up": "from-below", "down": "from-above"}[
                    event["direction"]
                ]
            )
        if "command" in event:
            terms |= self.reader.says(" ".join(re.split(r"[\s/*]+", event["command"])[1:]))
        terms |= {_SAME_WAY[term] for term in terms & _SAME_WAY.keys()} if event["type"] != "visit" else set()
        terms |= {axis for axis, ways in _AXES.items() if terms & ways}
        terms |= self._shifted(event)
        if "to" in event and self.metadata["states"] and "rows" in self.metadata["states"][0]:
            rows = self.metadata["states"][0]["rows"]
            row, column = event["to"]
            terms |= _corner(row, column, len(rows), len(rows[0]))
        before = [state for state in self.metadata["states"] if state["ms"] < event["start_ms"]][-1:]
        if any(
            not held
            for state in before
            for name, held, _ in _containers(state)
            if name == f"name:{event.get('place')}"
        ):
            terms.add("blank")
        if event["type"] in ("swap", "exchange") and "n:2" not in self.items:
            terms.add("n:2")
        subject, other = self._roles(event)
        size = next((float(facts[key]) for key in ("speed", "distance") if key in facts), None)
        if event["type"] == "cross":
            size = 1000.0 / (event["end_ms"] - event["start_ms"])
        return Fact(
            frozenset(terms | subject | other),
            event["start_ms"],
            event["end_ms"],
            number,
            subject,
            other,
            size,
        )

    def _roles(self, event: Mapping[str, Any]) -> tuple[Terms, Terms]:
        """Return who does it and to whom, or from where and to where."""
        if "from" in event and "to" in event:
            return self._said("cell", event["from"]), self._said("cell", event["to"])
        if event["type"] == "pour":
            return frozenset({f"name:{event['place']}"}), frozenset({f"name:{event['other']}"})
        if event["type"] in _MOVING:
            source, target = event["command"].split()[1:]
            return frozenset({f"name:{source.split('/')[0]}"}), frozenset({f"name:{target.rstrip('/')}"})
        if "figure" in event:
            return self.looks[event["object"]], self.reader.says(event["figure"])
        ids = [event["object"]] if "object" in event else list(event.get("objects", []))
        subject: Terms = frozenset().union(*(self.looks.get(str(one), frozenset()) for one in ids))
        return subject, self.looks.get(str(event.get("reference")), frozenset())

    def _parts(self, fact: Fact) -> Iterator[Fact]:
        """Return the facts of one event: that something leaves, and that it comes in at the other side."""
        event = self.metadata["events"][fact.number or 0]
        if event["type"] != "return":
            yield fact
            return
        way, across = event["direction"], _ACROSS[event["direction"]]
        yield replace(
            fact,
            terms=fact.subject
            | {"type:return", "leave", "edge", "wall", "move", "cross", way, _SAME_WAY.get(way, way)},
        )
        back = {"enter", "back", "edge", "wall", "opposite", across, _SAME_WAY.get(across, across)}
        yield replace(fact, terms=fact.subject | back)
        yield replace(fact, terms=fact.subject | {"back", "opposite", "leave", "move", "pass", way})

    def _shifted(self, event: Mapping[str, Any]) -> Terms:
        """Return what a slide or a command shifts: tile 3, bill.txt."""
        states = self.metadata["states"]
        before = [state for state in states if state["ms"] < event["start_ms"]][-1:]
        after = [state for state in states if state["ms"] >= event["end_ms"]][:1]
        if event["type"] == "swap" and "cells" in event:
            own = [
                name for state in before for name, cell in state["cells"].items() if cell in event["cells"]
            ]
            return frozenset().union(*(self.looks[name] for name in own))
        if "from" in event:
            row, column = event["from"]
            return frozenset(f"n:{state['rows'][row - 1][column - 1]}" for state in before)
        if event["type"] not in _SHIFTING:
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
            return frozenset(one for row, column in cells for one in _cell(row, column))
        if key in ("begin", "reach"):
            return frozenset({f"point:{value[0]},{value[1]}"})
        if isinstance(value, (bool, dict, list)):
            return frozenset()
        if isinstance(value, (int, float)):
            return frozenset({f"n:{value:g}"})
        return frozenset({f"name:{value}"}) if key in ("place", "other") else self.reader.says(str(value))

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
    def containers(self) -> frozenset[str]:
        """What holds something."""
        return frozenset(held.container for held in self.held)

    @cached_property
    def items(self) -> frozenset[str]:
        """What is held by something."""
        return frozenset(item for one in self.held for item in one.items)

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
            yield {*self.looks[name], *_cell(*cell), "covered", "open", "move", "swap", "put", "take"}
        for name, look in state.get("looks", {}).items():
            values = {term for value in look.values() for term in self.reader.says(value)}
            yield {*self.looks[name], *values, "change", "type:change"}
        for row, numbers in enumerate(state.get("rows", []), start=1):
            for column, number in enumerate(numbers, start=1):
                yield {
                    "tile",
                    f"n:{number}" if number else "gap",
                    *_cell(row, column),
                    *_corner(row, column, len(state["rows"]), len(numbers)),
                    "move",
                    "slide",
                    "blank",
                }
        for container, items, _ in _containers(state):
            ends = dict.fromkeys(range(1, len(items) - 1), "centre") | {0: "up", len(items) - 1: "down"}
            ends = ends if container == "pile" else {}
            for place, item in enumerate(items):
                kinds = {"cup", "chip", "card", "folder", "file"}
                own = (
                    {f"ordinal:{place + 1}", f"ordinal:{place - len(items)}"}
                    if container == "pile"
                    else set()
                )
                yield {container, item, *kinds, *own} | ({ends[place]} if place in ends else set())
                if len(items) == 1:
                    yield {container, item, *kinds, "up", "down"} if container == "pile" else set(kinds)

    @cached_property
    def standing(self) -> list[Fact]:
        """What is true all the time: what objects are, and which place they have in a row from the left."""
        first = self.metadata["states"][0].get("positions", {}) if self.metadata["states"] else {}
        moving = [one["id"] for one in self.metadata["objects"] if one.get("role") != "distractor"]
        order = sorted((one for one in first if one in moving), key=lambda one: first[one][0])
        places = {name: {f"place:{at + 1}", f"place:{at - len(order)}"} for at, name in enumerate(order)}
        return [
            Fact(
                self.looks[one["id"]]
                | self.reader.says(f"{one['colour']} {one['shape']}")
                | places.get(one["id"], set()),
                0.0,
                self.duration,
            )
            for one in self.metadata["objects"]
        ]

    @cached_property
    def order_from_left(self) -> list[Terms]:
        """What objects in a row are called, from the left to the right."""
        placed = {
            place: one.terms for one in self.standing for place in one.terms if place.startswith("place:")
        }
        return [placed[f"place:{at}"] for at in range(1, 1 + len(placed) // 2)]

    def is_name(self, said: Terms) -> bool:
        """Return whether a word names an object, or belongs to its name."""
        return any(said & looks for looks in self.looks.values())

    def is_item(self, said: Terms) -> bool:
        """Return whether it is a thing that is held and says nothing without what holds it."""
        return "blank" not in said and any(
            term.startswith("n:") or term == "gap" or term in self.items for term in said
        )


def _cell(row: int, column: int) -> tuple[str, ...]:
    return f"cell:{row},{column}", f"row:{row}", f"column:{column}"


def _corner(row: int, column: int, rows: int, columns: int) -> Terms:
    """Return what a cell at a corner of a board is called besides its row and column."""
    ends = {1: "up", rows: "down"}.get(row), {1: "left", columns: "right"}.get(column)
    return frozenset({f"corner:{ends[0]}-{ends[1]}"} if all(ends) else ())


def _besides(earlier: Sequence[Fact], fact: Fact) -> Terms:
    """Return how an event goes on: as its object did before, or otherwise: another way, sense, figure or size."""
    own = [one for one in earlier if one.subject == fact.subject]
    alike = [one for one in own if _KINDS & one.terms & fact.terms or not _KINDS & fact.terms]
    if not alike:
        return frozenset()
    is_same = alike[-1].terms & VALUES == fact.terms & VALUES and alike[-1].size == fact.size
    is_turned = bool(_COURSES & fact.terms) and alike[-1].terms & VALUES != fact.terms & VALUES
    is_other = any(one.terms & VALUES != fact.terms & VALUES for one in alike)
    is_back = "swap" in fact.terms and any(_places(one) == _places(fact) for one in alike)
    told = {
        "same": is_same,
        "change": is_turned,
        "reversal": is_turned and alike[-1].terms & _WAYS != fact.terms & _WAYS,
        "otherwise": is_other,
        "back": is_back,
    }
    return frozenset(term for term, is_so in told.items() if is_so)


def _places(fact: Fact) -> Terms:
    return frozenset(term for term in fact.terms if term.startswith(("name:", "cell:")))


def _paired(facts: Sequence[Fact]) -> Iterator[Fact]:
    """Return how each event with a size compares with the same object's before it: from then on, and over both."""
    for subject in dict.fromkeys(fact.subject for fact in facts if fact.size is not None):
        own = [fact for fact in facts if fact.subject == subject and fact.size is not None]
        for one, two in pairwise(own):
            is_more = (two.size or 0.0) - (one.size or 0.0)
            terms = {"faster", "more"} if is_more > 0 else {"slower", "less"} if is_more < 0 else {"steady"}
            yield replace(two, terms=two.terms | terms, size=None)
            terms |= subject | {"move", "change"}
            yield replace(two, terms=frozenset(terms), start=one.start, number=one.number, size=None)


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
