"""A video's metadata in the terms in which texts are checked against it."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import groupby, pairwise
from typing import Any

from retroflip.cot.words import BEING, Features, features, normalised, texts_in
from retroflip.synth.sentence import derivation_texts

Metadata = Mapping[str, Any]
Scope = Sequence[Mapping[str, Any]]
"""the states and events that a statement may be about"""
COMMAND = re.compile(
    r"\b(?:cp|mv|rm|touch|mkdir|rmdir)\b (?=[\w*-]+[/*.]|--|[a-z]+ [a-z])|\b(?:mkdir|rmdir) (?=[a-z])"
)


_LEAST_SHARED = 3
"""one word of so many must be the note's, where nothing else tells what a clause is about"""
_REFERS = re.compile(r"\b(?:of|above|below|under|beneath|over|seen from|relative to)(?: the)?\s*$")
_COUNTS = re.compile(
    r"\b(?:so far|total|in all|count\w*|times|that makes|already|hits|moves)\b|#|"
    r"\b1 (?:hit|bounce|collision|contact|move|turn|swap)\b"
)
_LOOSE = frozenset(("nearing", "view"))
"""categories of which a clause may tell more than the event itself ("approach each other and separate again")"""


@dataclass(frozen=True)
class Told:
    """What a clause says: its features, and the objects it names in their order, as often as it names them.

    references: those among them from which a place is told ("above the star").
    """

    clause: str
    features: Features
    mentions: tuple[str, ...]
    references: frozenset[str] = frozenset()

    @property
    def objects(self) -> tuple[str, ...]:
        """The objects it names, each once."""
        return tuple(dict.fromkeys(self.mentions))

    @property
    def order(self) -> Mapping[str, tuple[str, ...]]:
        """What it says of each category, objects too, in its order."""
        return {**self.features.order, "object": self.mentions} if self.mentions else self.features.order

    def is_part_of(self, whole: "Told") -> bool:
        """Return whether all it says stands in another text, in the same order within each category.

        Of three things and more none in between may be left out, numbers and places apart.
        """
        if whole.references and not self.references <= whole.references:
            return False
        for category, said in self.order.items():
            true = whole.order.get(category, ())
            is_like = is_close if category == "decimal" else _is_same
            is_row = len(said) > 2 and category not in ("number", "place")
            rows = [true[start : start + len(said)] for start in range(len(true))] if is_row else [true]
            if not any(is_inside(said, row, is_like) for row in rows):
                return False
        return True


@dataclass(frozen=True, eq=False)
class TrueEvent:
    """One event. indices: which one it is ("the third"), counted among all and among those that share a fact."""

    number: int
    start_ms: float
    end_ms: float
    note: str
    told: Told
    values: Mapping[str, frozenset[str]]
    names: frozenset[str]
    numbers: frozenset[str]
    decimals: tuple[str, ...]
    indices: frozenset[int]
    command: str | None
    is_required: bool


class Side(StrEnum):
    """Which of the states beside an event are meant."""

    BEFORE = "before"
    AFTER = "after"
    BOTH = "both"


class Truth:
    """What is true of one video."""

    def __init__(self, metadata: Metadata) -> None:
        self.metadata = metadata
        self.fps = float(metadata["video"]["fps"])
        self.duration_ms = float(metadata["video"]["duration_ms"])
        self.question: Mapping[str, Any] = metadata["question"]
        self._objects = [one for one in metadata["objects"] if one.get("colour") and one.get("shape")]
        self._names = _name_patterns(self._objects)

    def told(self, text: str) -> Told:
        """Return what a clause says. Names of objects are taken out first, so that "turns red" is read apart."""
        clause = normalised(text)
        places: list[tuple[int, str]] = []
        for pattern, identity in self._names:
            places += [(found.start(), identity) for found in pattern.finditer(clause)]
            clause = pattern.sub(lambda found: " " * len(found[0]), clause)
        placed = sorted(places)
        references = frozenset(identity for start, identity in placed if _REFERS.search(clause[:start]))
        return Told(normalised(text), features(clause), tuple(identity for _, identity in placed), references)

    @cached_property
    def events(self) -> list[TrueEvent]:
        """The events in the metadata's order."""
        return [self._event(number, event) for number, event in enumerate(self.metadata["events"])]

    def _event(self, number: int, event: Mapping[str, Any]) -> TrueEvent:
        told = self.told(event["note"])
        facts = {key: value for key, value in event.items() if key not in _COMMON}
        scalars = {key: value for key, value in facts.items() if isinstance(value, str | int | float)}
        named = [f"{key} {value}" for key, value in scalars.items() if not re.fullmatch(r"o\d+", str(value))]
        more = features(normalised(" ; ".join(named)))
        values = {
            category: told.features.values.get(category, frozenset()) | more.values.get(category, frozenset())
            for category in {*told.features.values, *more.values}
        }
        values["half"] = frozenset(self._halves(event))
        values["extreme"] = frozenset(self._extremes(event))
        concerned = {str(facts.get("object"))} | set(texts_in(facts.get("objects", [])))
        bystanders = {one["id"] for one in self.metadata["objects"] if one.get("role") == "distractor"}
        return TrueEvent(
            number,
            float(event["start_ms"]),
            float(event["end_ms"]),
            event["note"],
            told,
            values,
            told.features.names | more.names,
            told.features.numbers | more.numbers,
            (*told.features.decimals, *more.decimals),
            frozenset(_indices(self.metadata["events"], number)),
            normalised(str(facts["command"])) if "command" in facts else None,
            not concerned & bystanders,
        )

    def _halves(self, event: Mapping[str, Any]) -> Iterator[str]:
        """Yield the halves of the video that an event reaches into, by more than a twentieth of the video."""
        middle, margin = self.duration_ms / 2, self.duration_ms / 20
        if event["start_ms"] <= middle - margin:
            yield "first half"
        if event["end_ms"] >= middle + margin:
            yield "second half"

    def _extremes(self, event: Mapping[str, Any]) -> Iterator[str]:
        """Yield whether a measure of an event is the most or the least among those beside it, or else of all."""
        events = [one for one in self.metadata["events"] if one["type"] == event["type"]]
        beside = [one for one in events if one["start_ms"] == event["start_ms"]]
        for key, value in event.items():
            if isinstance(value, float):
                known = [one[key] for one in (beside if len(beside) > 1 else events)]
                yield from (["most"] if value == max(known) else []) + (
                    ["least"] if value == min(known) else []
                )
        if not any(isinstance(value, float) for value in event.values()):
            yield from ("most", "least")

    @cached_property
    def ways(self) -> list[str]:
        """What could be said of how objects that lie in cells get about, there and back."""
        ways = ((one["name"], self.path(normalised(one["name"]))) for one in self._objects)
        return [f"{name} {' '.join(row)}" for name, way in ways for row in (way, way[::-1])]

    @cached_property
    def numbers(self) -> frozenset[str]:
        """Every whole number that the metadata name, and the counts that its events can come to."""
        texts = [
            *texts_in([self.metadata[key] for key in ("events", "states", "objects")]),
            self.question["text"],
        ]
        texts += [*self.question["options"], *derivation_texts(self.metadata["derivation"])]
        named = {str(int(found)) for text in texts for found in re.findall(r"(?<![\d.])\d+(?![.]?\d)", text)}
        return frozenset(named | {str(count) for count in range(len(self.metadata["events"]) + 1)})

    @cached_property
    def decimals(self) -> dict[str, tuple[str, ...]]:
        """The numbers with decimals that events tell of one object alone, by its id."""
        found: dict[str, tuple[str, ...]] = {}
        for event in self.events:
            if len(event.told.objects) == 1:
                (identity,) = event.told.objects
                found[identity] = (*found.get(identity, ()), *event.decimals)
        return {identity: decimals for identity, decimals in found.items() if decimals}

    def mentions(self, text: str) -> list[tuple[str, str]]:
        """Return the ids of the objects that a text names, each with the words up to the next one."""
        clause = normalised(text)
        places = {
            found.start(): identity for pattern, identity in self._names for found in pattern.finditer(clause)
        }
        return [(places[start], clause[start:end]) for start, end in pairwise([*sorted(places), len(clause)])]

    @cached_property
    def said(self) -> str:
        """All texts of the metadata, normalised."""
        texts = [*(event["note"] for event in self.metadata["events"]), self.question["text"]]
        texts += [*self.question["options"], *derivation_texts(self.metadata["derivation"])]
        texts += [*texts_in(self.metadata["objects"]), *texts_in(self.metadata["states"])]
        texts += texts_in(self.metadata["events"])
        return normalised(" ; ".join(texts))

    @cached_property
    def words(self) -> frozenset[str]:
        """Every normalised word that events, objects, question, options and derivation hold."""
        return frozenset(re.findall(r"[\w.-]*\w", self.said))

    def lists(self, scope: Scope) -> list[list[str]]:
        """Return the lists of things that these states and events hold, among all also those that events make up."""
        found = [*_lists_in(list(scope)), *(self._series() if scope is self.everything else ())]
        return [one for one in found if len(one) > 1]

    def _series(self) -> Iterator[list[str]]:
        """Yield the numbers that events of one type tell one after the other, as the cards taken out."""
        told = {
            (event["type"], key) for event in self.metadata["events"] for key in event if key not in _COMMON
        }
        for kind, key in sorted(told):
            yield [
                str(event[key]) for event in self.metadata["events"] if event["type"] == kind and key in event
            ]

    @cached_property
    def offered(self) -> list[list[str]]:
        """The lists among the options."""
        return [_items(option) for option in self.question["options"]]

    def holdings(self, scope: Scope) -> dict[str, set[tuple[str, ...]]]:
        """Return what each place or object held (sorted, as texts) in these states."""
        held: dict[str, set[tuple[str, ...]]] = {}
        named = {one["id"]: one["name"] for one in self.metadata["objects"]}
        for mapping in _mappings_in(list(scope)):
            rows = mapping.get("rows", [])
            for number, row in enumerate(rows, start=1):
                held.setdefault(f"row {number}", set()).add(
                    tuple("gap" if one == 0 else str(one) for one in row)
                )
            for holder, content in mapping.items():
                if not isinstance(content, list) or any(isinstance(one, float | list) for one in content):
                    continue
                items = tuple(sorted(str(one) for one in content))
                if holder in named and len(content) == 2 and all(isinstance(one, int) for one in content):
                    items = (f"r{content[0]}c{content[1]}",)
                held.setdefault(normalised(str(named.get(holder, holder))), set()).add(items)
        return held

    @cached_property
    def everything(self) -> Scope:
        """All states and events."""
        return (*self.metadata["states"], *self.metadata["events"])

    @property
    def edges(self) -> tuple[Scope, Scope]:
        """The states at the start and at the end."""
        states = self.metadata["states"]
        return states[:1], states[-1:]

    def beside(self, events: Iterable[TrueEvent], side: Side = Side.BOTH) -> Scope:
        """Return the states right before and right behind events, and for both sides the events themselves."""
        states = self.metadata["states"]
        chosen: list[Mapping[str, Any]] = []
        for event in events:
            before = [state for state in states if state["ms"] <= event.start_ms][-1:] or states[:1]
            behind = [state for state in states if state["ms"] >= event.end_ms][:1] or states[-1:]
            chosen += before if side is not Side.AFTER else []
            chosen += behind if side is not Side.BEFORE else []
            chosen += [self.metadata["events"][event.number]] if side is Side.BOTH else []
        return tuple(chosen)

    def path(self, name: str) -> list[str]:
        """Return the cells in which an object lies one after the other, as "r1c2"."""
        held = [self.holdings((state,)).get(name, set()) for state in self.metadata["states"]]
        cells = [content[0] for one in held for content in one if len(content) == 1]
        return [cell for cell, _ in groupby(cells)]


_COMMON = {"type", "start_ms", "end_ms", "start_frame", "end_frame", "note"}


def _is_same(one: str, others: Sequence[str]) -> bool:
    return one in others


def is_inside(
    part: Sequence[str], whole: Sequence[str], is_like: Callable[[str, Sequence[str]], bool] = _is_same
) -> bool:
    """Return whether `part` stands in `whole` in this order, others between them allowed."""
    rest = iter(whole)
    return all(any(is_like(one, (other,)) for other in rest) for one in part)


def _name_patterns(objects: Iterable[Mapping[str, Any]]) -> list[tuple[re.Pattern[str], str]]:
    """Return what names each object: "red square", and "the square" or "the red one" where only one is meant."""
    listed = list(objects)
    full = [(rf"\b{re.escape(normalised(one['name']))}\b", one["id"]) for one in listed]
    brief = []
    for key, ending in (("shape", ""), ("colour", r"\s+(?:one|object|shape|figure|piece)")):
        counts = [one[key] for one in listed]
        for one in listed:
            if counts.count(one[key]) == 1 and one[key]:
                brief.append((rf"\bthe {re.escape(one[key])}\b{ending}", one["id"]))
    return [(re.compile(pattern), identity) for pattern, identity in [*full, *brief]]


def _indices(events: list[Mapping[str, Any]], number: int) -> Iterator[int]:
    """Yield which one an event is, counted among all of its type and among those that share one of its facts."""
    this = events[number]
    before = [event for event in events[: number + 1] if event["type"] == this["type"]]
    yield len(before)
    yield number + 1
    for key in this:
        if key not in _COMMON and not isinstance(this[key], float):
            yield sum(event.get(key) == this[key] for event in before)


def _mappings_in(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        yield value
        for item in value.values():
            yield from _mappings_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from _mappings_in(item)


def _lists_in(value: Any) -> Iterator[list[str]]:
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _lists_in(item)
    elif isinstance(value, list):
        if all(isinstance(item, str | int) for item in value):
            yield [str(item).lower() for item in value]
        for item in value:
            yield from _lists_in(item)


def _items(text: str) -> list[str]:
    return re.findall(r"[\w.-]*\w", normalised(text))


def contradiction(said: Told, event: TrueEvent) -> str | None:
    """Return in which respect a clause says other than an event, None where it does not."""
    what = said.features
    for category, values in what.values.items():
        true = event.values.get(category, frozenset())
        if (wrong := values - true) and not (category in _LOOSE and values & true):
            return f"{category} {', '.join(sorted(wrong))}"
    true_objects = event.told.objects
    if set(said.objects) - set(true_objects):
        return "another object"
    if len(said.mentions) > len(said.objects) == 1 < len(true_objects):
        return "one object twice"
    if event.told.references and not said.references <= event.told.references:
        return "from where it is told"
    places = said.order.get("place", ())
    if len(places) > len(set(places)) == 1 < len(event.told.features.names):
        return "one place twice"
    if len(said.objects) > 1 and what.values.get("direction") and said.objects != true_objects:
        return "objects the other way round"
    if wrong := what.names - event.names:
        return f"place or name {', '.join(sorted(wrong))}"
    if _are_other_cells(what.cells, event):
        return "from which cell to which"
    indices = {str(index) for index in event.indices}
    counted = indices if _COUNTS.search(said.clause) else set()
    if wrong := what.numbers - event.numbers - counted:
        return f"number {', '.join(sorted(wrong))}"
    if not what.ordinals <= event.indices:
        return "which one in a row it is"
    if any(not is_close(one, event.decimals) for one in what.decimals):
        return "a measure"
    targets = event.told.features.targets
    if what.targets and targets and what.targets != targets:
        return "where it goes"
    if event.command and COMMAND.search(said.clause) and event.command not in said.clause:
        return "the command"
    return None


def _are_other_cells(cells: tuple[str, ...], event: TrueEvent) -> bool:
    """Return whether two cells are not those of an event between two, in its order where it has a direction."""
    true = event.told.features.cells
    if len(true) != 2 or len(cells) < 2:
        return False
    return cells != true if event.values.get("direction") else sorted(cells) != sorted(true)


def is_close(number: str, known: Iterable[str]) -> bool:
    """Return whether a number with decimals is one of those known, rounded as it is written or less."""
    rounding = 0.501 * 10.0 ** -len(number.partition(".")[2])
    return any(abs(float(number) - float(one)) <= rounding for one in known)


def supports(said: Told, event: TrueEvent) -> bool:
    """Return whether a clause tells of the event more than whom it happens to."""
    what, true = said.features, event.told.features
    if what.doings & true.doings:
        return True
    if any(values & event.values.get(category, frozenset()) for category, values in what.values.items()):
        return True
    if what.numbers & event.numbers or what.decimals:
        return True
    if what.doings - BEING and true.doings - BEING:
        return False
    shared = what.words & true.words
    return bool(what.names & event.names) or len(shared) * _LEAST_SHARED >= len(what.words) > 0
