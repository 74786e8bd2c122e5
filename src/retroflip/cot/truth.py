"""A video's metadata in the terms in which texts are checked against it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

from retroflip.cot.words import Features, features, normalised, texts_in

Metadata = Mapping[str, Any]
_SYMMETRIC = re.compile(r"\band\b")
_COMMANDS = re.compile(r"\b(?:cp|mv|rm|touch|mkdir|rmdir)\b (?=[\w*-]+[/*.]|--|[a-z]+ [a-z])")

_BEING = frozenset(("visit",))
"""no doing: "is" stands in most clauses"""
_COUNTS = re.compile(r"\b(?:so far|total|in all|count\w*|times|makes|already|hits|moves)\b|#")


@dataclass(frozen=True)
class Told:
    """What a clause says: its features, and the objects it names, in their order."""

    clause: str
    features: Features
    objects: tuple[str, ...]


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
        ordered = tuple(dict.fromkeys(identity for _, identity in sorted(places)))
        return Told(" ".join(normalised(text).split()), features(clause), ordered)

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

    @cached_property
    def asked(self) -> Told:
        """What the question and its options name."""
        return self.told(" ; ".join([self.question["text"], *self.question["options"]]))

    @cached_property
    def derivation(self) -> list[str]:
        """The sentences of the derivation, normalised."""
        return [normalised(one) for one in self.metadata["derivation"]]

    @cached_property
    def numbers(self) -> frozenset[str]:
        """Every whole number that the metadata name, and the counts that its events can come to."""
        texts = [
            *texts_in([self.metadata[key] for key in ("events", "states", "objects")]),
            self.question["text"],
        ]
        texts += [*self.question["options"], *self.metadata["derivation"]]
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
        texts += [*self.question["options"], *self.metadata["derivation"]]
        texts += [*texts_in(self.metadata["objects"]), *texts_in(self.metadata["states"])]
        texts += texts_in(self.metadata["events"])
        return normalised(" ; ".join(texts))

    @cached_property
    def words(self) -> frozenset[str]:
        """Every normalised word that events, objects, question, options and derivation hold."""
        return frozenset(re.findall(r"[\w.-]*\w", self.said))

    def lists(self, around: Iterable[TrueEvent] = ()) -> list[list[str]]:
        """Return the lists of things that states and events hold; around: only of the states beside these events."""
        found = [*_lists_in(self._scope(tuple(around)))]
        found += [_items(option) for option in self.question["options"]]
        return [one for one in found if len(one) > 1]

    def holdings(self, around: Iterable[TrueEvent] = ()) -> dict[str, set[tuple[str, ...]]]:
        """Return what each place or object held (sorted, as texts), in all states or in those beside the events."""
        held: dict[str, set[tuple[str, ...]]] = {}
        named = {one["id"]: one["name"] for one in self.metadata["objects"]}
        for mapping in _mappings_in(self._scope(tuple(around))):
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

    def _scope(self, around: tuple[TrueEvent, ...]) -> list[Any]:
        states = self.metadata["states"]
        events = self.metadata["events"]
        if not around:
            return [*states, *events]
        chosen = [events[event.number] for event in around]
        for event in around:
            before = [state for state in states if state["ms"] <= event.start_ms]
            behind = [state for state in states if state["ms"] >= event.end_ms]
            chosen += before[-1:] + (behind[:1] or states[-1:])
        return chosen


_COMMON = {"type", "start_ms", "end_ms", "start_frame", "end_frame", "note"}


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
        if key not in ("start_ms", "end_ms", "start_frame", "end_frame"):
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
        if wrong := values - event.values.get(category, frozenset()):
            return f"{category} {', '.join(sorted(wrong))}"
    true_objects = event.told.objects
    if set(said.objects) - set(true_objects):
        return "another object"
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
    if event.command and _COMMANDS.search(said.clause) and event.command not in said.clause:
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
    if what.doings - _BEING and true.doings - _BEING:
        return False
    return bool(what.names & event.names or what.words & true.words)
