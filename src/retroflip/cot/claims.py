"""Claims: what a writer says that its sentences state, as JSON, and how they are read.

A claim has some of the keys `event`, `time`, `object`, `property`, `value` and `relation`. Its words are read as
those of texts are, so "left", "leftwards" and "to the left" claim the same.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from retroflip.cot.reading import OPERATORS, ORDINALS, PHASES, Token, Words
from retroflip.cot.stamps import Moment, Stamp, StampKind, find_stamps
from retroflip.cot.truth.proof import Truth
from retroflip.cot.truth.when import When
from retroflip.cot.world import VALUES, Fact, Held, World

KEYS = ("object", "event", "property", "relation", "value")
"""in the order in which they make a statement: "card 12", "put", "end", "", "bottom" """
_BESIDES = {"time", "sentence", "id", "text"}
_ANSWER = re.compile(r"^(?:final |boxed |right |correct )?(?:answer|conclusion)$", re.IGNORECASE)
_LENGTH = re.compile(
    r"duration|length|how long|lasts|time taken|takes|travel time|^time$|seconds", re.IGNORECASE
)
_SERIES = re.compile(r"order|sequence|ranking|distances|sizes", re.IGNORECASE)
_SENSES = {"1": "clockwise", "-1": "counter-clockwise"}
_PLACES = {"cell", "cells", "from", "to", "position", "place", "swap"}


class ClaimError(Exception):
    """A claim cannot be read; its text says why."""


@dataclass(frozen=True)
class Claim:
    """One claim as tokens. written: it as JSON, for messages; is_answer: it says what the answer is.

    apart: what it says of each of several objects. beside: the event before or
    after which it is so. phase: the start or the end of the video.
    """

    tokens: tuple[Token, ...]
    stamp: Stamp | None
    is_answer: bool
    written: str
    apart: tuple[tuple[Token, ...], ...] = ()
    beside: tuple[Token, ...] = ()
    length: Moment | None = None
    series: tuple[Words, ...] = ()
    phase: str | None = None


def flattened(claims: Any) -> Iterator[Mapping[str, Any]]:
    """Return single claims from a list of them, a list for each sentence, or {"claims": [...]} for each.

    Raises ClaimError for anything else.
    """
    if isinstance(claims, Mapping):
        if isinstance(claims.get("claims"), list):
            yield from flattened(claims["claims"])
        else:
            yield claims
    elif isinstance(claims, list):
        for one in claims:
            yield from flattened(one)
    elif claims is not None:
        raise ClaimError(
            f"{claims!r} is no claim: an object with some of {', '.join((*KEYS, 'time'))} is one"
        )


def read_claim(claim: Mapping[str, Any], world: World) -> Claim:
    """Return a claim in tokens. Raises ClaimError for keys, times and words that are none."""
    if unknown := set(claim) - set(KEYS) - _BESIDES:
        raise ClaimError(f"it has the key {sorted(unknown)[0]!r}; known are {', '.join((*KEYS, 'time'))}")
    told = _told(claim)
    is_answer = bool(_ANSWER.match(str(told.get("property", ""))))
    if is_answer:
        told = {"value": _option(str(told.get("value", "")), world.question["options"])}
    length = None
    if _LENGTH.search(str(told.get("property", ""))):
        length = _seconds(told.pop("value", None), world.fps)
    beside: list[Token] = []
    is_beside = isinstance(told.get("value"), list) and told.get("relation") in ("before", "after")
    if is_beside and ("event" in told or claim.get("time") is not None):
        beside = [
            token
            for key in ("event", "relation")
            if key in told
            for token in _tokens(key, told.pop(key), told, world)
        ]
    words = [token for key, value in told.items() for token in _tokens(key, value, told, world)]
    objects = told["object"] if isinstance(told.get("object"), list) else []
    apart = [
        [
            token
            for key, value in {**told, "object": one}.items()
            for token in _tokens(key, value, told, world)
        ]
        for one in objects
    ]
    for token in words:
        if token.is_unknown:
            raise ClaimError(f"{token.text!r} is no word that the check knows")
    series: list[Words] = []
    if _SERIES.search(str(told.get("property", ""))) and isinstance(told.get("value"), list):
        series = [Words(_tokens("value", one, told, world)) for one in told["value"]]
    stamp = _time(claim.get("time"), world.fps)
    phases = [term for token in words for term in token.says & PHASES]
    return Claim(
        tuple(words),
        stamp,
        is_answer,
        str(dict(claim)),
        apart=tuple(tuple(one) for one in apart),
        beside=tuple(beside),
        length=length,
        series=tuple(series),
        phase=phases[0] if phases else None,
    )


def _told(claim: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a claim says, in the order of a statement; an empty value is said of what can be empty."""
    told = {key: claim[key] for key in KEYS if claim.get(key) not in (None, "", [], {})}
    if "value" in claim and (
        claim["value"] in ([], {}, "") or str(claim["value"]).lower() in ("none", "nothing")
    ):
        told["value"] = "empty"
    if told.get("property") == "sense" and str(told.get("value")) in _SENSES:
        told["value"] = _SENSES[str(told["value"])]
    if told.get("event") == "glyph" and told.get("value") in ("?", "unknown", "question mark"):
        told["event"] = "unknown"
    if str(told.get("relation", "")).startswith("of "):
        told["value"], told["relation"] = told.get("value", ""), told.pop("relation")
    is_ranked = re.search(r"est$", str(told.get("relation", told.get("event", ""))))
    if is_ranked and isinstance(told.get("value"), int) and told["value"] in ORDINALS.values():
        told["value"] = next(word for word, number in ORDINALS.items() if number == told["value"])
    return told


def _option(value: str, options: Sequence[str]) -> str:
    """Return an answer in the words of its option where it is a letter, or a letter before these words."""
    letter = re.fullmatch(r"\(?([A-H])\)?[.:)]?(?: .*)?", value)
    index = ord(letter[1]) - ord("A") if letter else len(options)
    own = options[index] if index < len(options) else value
    return own if letter and value.strip("()ABCDEFGH.: ") in ("", own) else value


def _tokens(key: str, value: Any, told: Mapping[str, Any], world: World) -> list[Token]:
    types = {event["type"] for event in world.metadata["events"]}
    if key == "event" and value in types:
        return [Token(str(value), frozenset({f"type:{value}"}))]
    if isinstance(value, bool):
        return [] if value else world.reader.tokens("not")
    if key == "value" and told.get("property") == "face":
        value = f"face {value}"
    words = world.reader.tokens(_words(key, value, told, world), with_times=False)
    # A property names what is told; what is said of it is the value.
    is_loose = key == "property" and not isinstance(told.get("value"), bool)
    return [replace(token, is_loose=not _tells(token)) for token in words] if is_loose else words


def _tells(token: Token) -> bool:
    """Return whether a property's word tells more than what is told: "first direction", "top card"."""
    return any(
        term in VALUES - {"times"} or term.startswith(("ordinal:", "nth:", "part:", "place:"))
        for term in token.says
    )


def _words(key: str, value: Any, told: Mapping[str, Any], world: World) -> str:
    """Return a value as a text would give it."""
    if isinstance(value, Mapping):
        return "; ".join(f"{name} {_words(key, one, told, world)}" for name, one in value.items())
    if isinstance(value, list):
        is_cell = len(value) == 2 and all(isinstance(one, int) for one in value)
        if is_cell and str(told.get("property", "cell")) in _PLACES and _has_cells(world):
            return f"row {value[0]}, column {value[1]}"
        if value and all(isinstance(one, list) for one in value) and "row:1" in world.containers:
            rows = (", ".join(str(one or "gap") for one in row) for row in value)
            return "; ".join(f"row {number} {row}" for number, row in enumerate(rows, start=1))
        if "row:1" in world.containers and len(value) > 2:
            value = [one or "gap" for one in value]
        if is_cell and not world.items:
            return f"({value[0]}, {value[1]})"
        return ", ".join(_words(key, one, told, world) for one in value)
    text = f"{value:g}" if isinstance(value, float) else str(value).replace("_", " ")
    names = {one["id"]: str(one["name"]) for one in world.metadata["objects"]}
    if key in ("object", "value") and text in names:
        return names[text]
    if key in ("event", "property") and text.split()[0].lower() in ORDINALS:
        return f"the {text}"
    if text in OPERATORS:
        return {"unknown": "question mark"}.get(OPERATORS[text], OPERATORS[text])
    if text.lower() in ORDINALS:
        return f"the {text} time"
    if (
        key == "value"
        and str(told.get("property", "")).lower() in ("count", "number of times")
        and text.isdigit()
    ):
        return f"{text} times"
    return text


def _has_cells(world: World) -> bool:
    return any(term.startswith("cell:") for fact in (*world.events, *world.states) for term in fact.terms)


def _seconds(told: Any, fps: float) -> Moment | None:
    stamp = _time(told, fps)
    return stamp.low if stamp else None


def _time(told: Any, fps: float) -> Stamp | None:
    """Return a time in seconds (2.5), as text ("00:02.5", "2.5 s") or from one to another ([2.1, 4.2])."""
    if isinstance(told, Mapping):
        told = [told.get("start"), told.get("end")]
    if isinstance(told, list) and len(told) == 2:
        low, high = (_time(one, fps) for one in told)
        if low is not None and high is not None:
            return Stamp(StampKind.RANGE, 0, 0, low.low, high.low)
    if isinstance(told, list) and len(told) == 1:
        return _time(told[0], fps)
    if told is None or told in ("", []):
        return None
    text = str(told).strip()
    if re.fullmatch(r"\d+(?:\.\d+)?", text):
        decimals = max(1, len(text.partition(".")[2]))
        return Stamp(StampKind.MOMENT, 0, 0, Moment(1000 * float(text), 1000 / 10**decimals, False))
    stamps = find_stamps(
        text if re.search(r"\d\s*s|:", text) else re.sub(r"(\d)(?!.*\d)", r"\1 s", text), fps
    )
    if len(stamps) != 1:
        raise ClaimError(f"its time {told!r} is none; write seconds, such as 2.5")
    return stamps[0]


def borne_out(claim: Claim, truth: Truth) -> list[Fact] | None:
    """Return the events that bear a claim out, as a whole or of each of its objects; None where nothing does."""
    when = When(claim.stamp, claim.phase)
    if claim.is_answer:
        return [] if truth.is_answer(Words(claim.tokens)) else None
    if claim.length is not None:
        own = [e for e in truth.world.events if e.covers(Words(claim.tokens).plain) and truth.at(e, when, "")]
        fits = [e for e in own if claim.length.is_near(e.end - e.start, 100.0)]
        return fits or None
    if claim.beside:
        context = Words([token for token in claim.beside if token.text not in ("before", "after")])
        events = [e for e in truth.world.events if e.covers(context.plain) and truth.at(e, when, "")]
        told = Words(claim.tokens)
        return (
            []
            if any(truth.proof(told, When(latest=e, text=claim.beside[-1].text)) == [] for e in events)
            else None
        )
    found = truth.proof(Words(claim.tokens), when)
    if found is None and claim.series:
        found = truth.in_order(claim.series)
    if found is not None or not claim.apart:
        return found
    each = [truth.proof(Words(one), when) for one in claim.apart]
    proven = [one for one in each if one is not None]
    return [fact for one in proven for fact in one] if len(proven) == len(each) else None


def contents(claim: Claim, truth: Truth) -> Iterator[Held]:
    """Return the contents that a true claim gives: those of the containers it names, at its time."""
    named = {term for token in claim.tokens for term in token.says} & truth.world.containers
    items = {term for token in claim.tokens for term in token.says} & truth.world.items
    for held in truth.world.held:
        if (held.container in named or not named) and items and set(held.items) == items:
            yield held


def statements(claims: Any, world: World) -> Sequence[Claim]:
    """Return all claims of a trace. Raises ClaimError, naming the one that cannot be read."""
    found = []
    for claim in flattened(claims):
        try:
            found.append(read_claim(claim, world))
        except ClaimError as error:
            raise ClaimError(f"{dict(claim)}: {error}") from error
    return found
