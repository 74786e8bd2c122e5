"""Which events, and what that is held, the words of a claim mean."""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from retroflip.cot.claims import Told, phrase
from retroflip.cot.reading import Terms, Words, picked
from retroflip.cot.stamps import NUMBER_WORDS, Stamp
from retroflip.cot.truth.events import IDLE
from retroflip.cot.truth.proof import SIGNS, Truth
from retroflip.cot.truth.when import When
from retroflip.cot.world import VALUES, Fact, Held
from retroflip.synth.animation import SHAPES

EARLY_MS = 100.0
"""how far a time may be from that at which something is no longer held, or held now"""
_GLYPHS = re.compile(r"glyph (?:(?P<number>numbers?|digits?)|signs?|operators?)")
_FIGURE = re.compile(rf"trace (?:an? )?({'|'.join((*SHAPES, 'line', 'zigzag'))})")
_ATTRIBUTE = re.compile(r"\b(?:colou?r|shape|size)\b")
_COMPARED = re.compile(r"(?<!\S)than(?!\S)|\bas$")
_PLACES = ("ordinal:", "nth:")


class Choice:
    """Chooses events and contents of one video by the keys of claims."""

    def __init__(self, truth: Truth) -> None:
        self.truth, self.world, self.near = truth, truth.world, truth.near

    @cached_property
    def events(self) -> list[Fact]:
        """The events, each once."""
        found: dict[int | None, Fact] = {}
        for one in self.world.events:
            known = found.setdefault(one.number, one)
            ways = VALUES - known.terms if "type:return" in known.terms else frozenset()
            found[one.number] = replace(known, terms=known.terms | (one.terms - ways))
        return list(found.values())

    def said(self, key: str, value: Any, told: Told) -> list[Terms]:
        """Return what a value says; the type of an event is meant where there is one of that name."""
        types = {event["type"] for event in self.world.metadata["events"]}
        tokens = phrase(key, value, told, self.world)
        firm = [token for token in tokens if not token.is_loose or (token.text in types and key == "event")]
        firm = firm if any(token.says for token in firm) else tokens
        return [
            frozenset({f"type:{token.text}"}) if token.text in types and key == "event" else token.says
            for token in firm
            if token.says or token.text in types
        ]

    def chosen(self, key: str, value: Any, told: Told, like: Sequence[Terms] = ()) -> list[Fact]:
        """Return the events that a phrase means: "third approach", "hit left wall", an object's, "the first"."""
        if key == "event" and value == "command":
            return [e for e in self.events if "command" in self.world.metadata["events"][e.number or 0]]
        if key == "event" and (sort := _GLYPHS.fullmatch(str(value))):
            glyphs = [e for e in self.events if self.world.kind_of(e) == "glyph"]
            return [e for e in glyphs if bool(e.terms & SIGNS) != bool(sort["number"])]
        if key == "event" and (figure := _FIGURE.fullmatch(str(value))):
            return [
                e
                for e in self.events
                if self.world.metadata["events"][e.number or 0].get("figure") == figure[1]
            ]
        said = self.said(key, value, told)
        ranks = [int(one) for prefix in _PLACES for one in picked(said, prefix)]
        rest = _unplaced(said) or _unplaced(like)
        if not rest and not ranks:
            return []
        own = [e for e in self.events if e.covers(rest) and self.is_operation(e, rest)]
        if key == "event":
            doers = self.said("object", told["object"], told) if isinstance(told.get("object"), str) else []
            own = [e for e in own if self._is_of_attribute(e, str(value))]
            doing = [e for e in own if e.covers(doers)]
            own = doing if doing and all(nth(doing, rank) for rank in ranks) else own
        if rest and all(map(self.world.is_name, rest)):
            compared = {e.number for e in self.truth.sized(Words(()), When())}
            own = [e for e in own if e.number in compared] or own
        for rank in ranks:
            own = nth(own, rank)
        return own

    def _is_of_attribute(self, event: Fact, text: str) -> bool:
        """Return whether a change is of the attribute named, if one is: "change colour"."""
        named = _ATTRIBUTE.search(text)
        own = self.world.metadata["events"][event.number or 0].get("attribute")
        return named is None or own in (None, named[0].replace("color", "colour"))

    def named(self, told: Told) -> list[list[Fact]]:
        """Return the events that a claim is about, and those that it compares them with."""
        is_compared = "object" in told and _COMPARED.search(str(told.get("relation", "")))
        if "event" not in told and not is_compared:
            return []
        left = self.of(told)
        others = [one for one in as_list(told.get("value", [])) if isinstance(one, str)]
        key = "event" if "event" in told else "object"
        like = self.said(key, as_list(told[key])[0], told)
        return [left, *(self.chosen(key, one, told, like) for one in others)]

    def described(self, event: Fact) -> Terms:
        """Return what may be said of an event, its place among those of its kind included."""
        whole = next(e for e in self.events if e.number == event.number)
        return self.truth.ranked(whole).terms

    def places(self, events: Sequence[Fact]) -> dict[str, Terms]:
        """Return which place one event has among those of its kind that share a value with it, by the value."""
        own = next(e for e in self.events if e.number == events[0].number)
        pools = {
            value: [
                e.number
                for e in self.events
                if value in e.terms and self.world.kind_of(e) == self.world.kind_of(own)
            ]
            for value in own.terms & VALUES
        }
        return {
            value: frozenset(
                {f"ordinal:{pool.index(own.number) + 1}", f"ordinal:{pool.index(own.number) - len(pool)}"}
            )
            for value, pool in pools.items()
        }

    def totals(self, event: Fact) -> Terms:
        """Return how many events there are of one's kind, and in all."""
        kind = self.world.kind_of(event)
        pools = (
            [e for e in self.events if self.world.kind_of(e) == kind],
            [e for e in self.events if self.is_operation(e, [])],
        )
        return frozenset(f"n:{len(pool)}" for pool in pools)

    def is_operation(self, event: Fact, said: Sequence[Terms]) -> bool:
        """Return whether an event is none that only shows, or is named by its type."""
        kind = self.world.kind_of(event)
        return kind not in IDLE or any(f"type:{kind}" in one for one in said)

    def of(self, told: Told) -> list[Fact]:
        """Return the events that a claim's event and object mean."""
        own = [self.said("object", one, told) for one in as_list(told.get("object", []))]
        events = self.chosen("event", told["event"], told) if "event" in told else self.events
        events = [e for e in events if "event" in told or self.is_operation(e, [])]
        return [e for e in events if all(e.covers(one) for one in own)]

    def then(self, told: Told, stamp: Stamp | None) -> list[Fact]:
        """Return the events that a claim names at its time; none where it has no time."""
        return [e for e in self.of(told) if stamp is not None and self.truth.at(e, When(stamp), "")]

    def held(self, name: Any, told: Told, stamp: Stamp | None, relation: str) -> list[Held]:
        """Return what a container holds at a time: two things where an operation begins then."""
        said = [term for one in self.said("object", name, told) for term in one]
        own = [one for one in self.world.held if one.container in said]
        if stamp is not None:
            return [one for one in own if one.start - EARLY_MS <= stamp.low.ms <= one.end + EARLY_MS]
        return own[:1] if "start" in relation else own[-1:]


def nth(events: Sequence[Fact], rank: int) -> list[Fact]:
    """Return the first (1), the last (-1), ... of events, if there is one."""
    at = rank - (rank > 0)
    return [events[at]] if -len(events) <= at < len(events) else []


def as_list(value: Any) -> list[Any]:
    """Return a value as a list."""
    return value if isinstance(value, list) else [value]


def number_of(text: str) -> float | None:
    """Return a number in figures or words, None for what is none."""
    text = text.strip().lower()
    if text in NUMBER_WORDS:
        return float(NUMBER_WORDS[text])
    return float(text) if re.fullmatch(r"\d+(?:\.\d+)?", text) else None


def _unplaced(said: Sequence[Terms]) -> list[Terms]:
    """Return what is said but for ordinals."""
    return [one for one in said if not any(term.startswith(_PLACES) for term in one)]
