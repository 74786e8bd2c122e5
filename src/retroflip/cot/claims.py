"""Claims: what a writer says that its sentences state, as JSON, and how they are read.

A claim has some of the keys `event`, `time`, `object`, `property`, `value` and `relation`. Its words are read as
those of texts are, so "left", "leftwards" and "to the left" claim the same.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from retroflip.cot.reading import ORDINALS, Token
from retroflip.cot.stamps import Moment, Stamp, StampKind, find_stamps
from retroflip.cot.world import World

KEYS = ("object", "event", "property", "relation", "value")
"""in the order in which they make a statement: "card 12", "put", "end", "", "bottom" """
_BESIDES = {"time", "sentence", "id", "text"}
_ANSWER = re.compile(r"^(?:final |boxed |right |correct )?(?:answer|conclusion)$", re.IGNORECASE)
_PLACES = {"cell", "cells", "from", "to", "position", "place", "swap"}


class ClaimError(Exception):
    """A claim cannot be read; its text says why."""


@dataclass(frozen=True)
class Claim:
    """One claim as tokens. written: it as JSON, for messages; is_answer: it says what the answer is.

    beside: the event before or after which it is so. apart: what it says of each of several objects.
    """

    tokens: tuple[Token, ...]
    stamp: Stamp | None
    is_answer: bool
    written: str
    beside: tuple[Token, ...] = ()
    apart: tuple[tuple[Token, ...], ...] = ()


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
    told = {key: claim[key] for key in KEYS if claim.get(key) not in (None, "", [])}
    is_answer = bool(_ANSWER.match(str(told.get("property", ""))))
    if is_answer:
        del told["property"]
    if told.get("value") == "nothing":
        told["value"] = "empty"
    beside: list[Token] = []
    if (
        "event" in told
        and isinstance(told.get("value"), list)
        and told.get("relation") in ("before", "after")
    ):
        beside = [token for key in ("event", "relation") for token in _tokens(key, told[key], told, world)]
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
    stamp = _time(claim.get("time"), world.fps)
    return Claim(
        tuple(words), stamp, is_answer, str(dict(claim)), tuple(beside), tuple(tuple(one) for one in apart)
    )


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
    return [replace(token, is_loose=True) for token in words] if key == "property" else words


def _words(key: str, value: Any, told: Mapping[str, Any], world: World) -> str:
    """Return a value as a text would give it."""
    if isinstance(value, Mapping):
        return "; ".join(f"{name} {_words(key, one, told, world)}" for name, one in value.items())
    if isinstance(value, list):
        is_cell = len(value) == 2 and all(isinstance(one, int) for one in value)
        if is_cell and str(told.get("property", "cell")) in _PLACES and _has_cells(world):
            return f"row {value[0]}, column {value[1]}"
        return ", ".join(_words(key, one, told, world) for one in value)
    text = f"{value:g}" if isinstance(value, float) else str(value).replace("_", " ")
    names = {one["id"]: str(one["name"]) for one in world.metadata["objects"]}
    if key in ("object", "value") and text in names:
        return names[text]
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


def agrees(claim: Claim, stamp: Stamp, tolerance_ms: float) -> bool:
    """Return whether a claim may be what a text tells with a time: it has none, or one that meets it."""
    if claim.stamp is None:
        return True
    own = [claim.stamp.low, *([claim.stamp.high] if claim.stamp.high else [])]
    told = [stamp.low, *([stamp.high] if stamp.high else [])]
    return any(a.is_near(b.ms, tolerance_ms) or b.is_near(a.ms, tolerance_ms) for a in own for b in told)


def statements(claims: Any, world: World) -> Sequence[Claim]:
    """Return all claims of a trace. Raises ClaimError, naming the one that cannot be read."""
    found = []
    for claim in flattened(claims):
        try:
            found.append(read_claim(claim, world))
        except ClaimError as error:
            raise ClaimError(f"{dict(claim)}: {error}") from error
    return found
