"""Claims: what a writer says that its sentences state, as JSON, and how they are read.

A claim has some of the keys `event`, `time`, `object`, `property`, `value` and `relation`; properties of an event may
be keys of their own. Its words are read as those of texts are, so "left", "leftwards" and "to the left" claim the same.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from retroflip.cot.reading import OPERATORS, ORDINALS, PHASES, Token, Words
from retroflip.cot.stamps import Moment, Stamp, StampKind, find_stamps
from retroflip.cot.world import VALUES, World

KEYS = ("object", "event", "property", "relation", "value")
"""in the order in which they make a statement: "card 12", "put", "end", "", "bottom" """
PROPERTIES = (
    "direction", "distance", "wall", "side", "sense", "figure", "end", "place", "symbol", "cells", "from", "to",
    "command", "card", "chip", "cell", "duration", "face",
)  # fmt: skip
"""of events, which may be keys of their own"""
_BESIDES = {"time", "sentence", "id", "text"}
_ANSWER = re.compile(r"^(?:final |boxed |right |correct )?(?:answer|conclusion)$", re.IGNORECASE)
_OPTIONS = re.compile(r"options?", re.IGNORECASE)
_LENGTH = re.compile(
    r"duration|length|how long|lasts|time taken|takes|travel time|^time$|seconds", re.IGNORECASE
)
_GAP = re.compile(r"^\d+(?:\.\d+)? ?(?:s|seconds?) ")
_SERIES = re.compile(r"order|sequence|ranking|distances|sizes", re.IGNORECASE)
_SENSES = {"1": "clockwise", "-1": "counter-clockwise"}
_PLACES = {"cell", "cells", "from", "to", "position", "place", "swap"}


Told = Mapping[str, Any]
"""what a claim says, by its keys but the time"""


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
    told: Told = field(default_factory=dict)

    @property
    def is_timed(self) -> bool:
        """Whether it is about an event at a time."""
        return self.stamp is not None and "event" in self.told


def flattened(claims: Any) -> Iterator[Mapping[str, Any]]:
    """Return single claims from a list of them, a list for each sentence, or {"claims": [...]} for each.

    Raises ClaimError for anything else.
    """
    if isinstance(claims, Mapping):
        if isinstance(claims.get("claims"), list):
            yield from flattened(claims["claims"])
        else:
            yield from _at_each_time(claims)
    elif isinstance(claims, list):
        for one in claims:
            yield from flattened(one)
    elif claims is not None:
        raise ClaimError(
            f"{claims!r} is no claim: an object with some of {', '.join((*KEYS, 'time'))} is one"
        )


def _at_each_time(claim: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Return a claim for each of three or more times; two are from when to when."""
    times = claim.get("time")
    several = (
        [{**claim, "time": one} for one in times] if isinstance(times, list) and len(times) > 2 else [claim]
    )
    for one in several:
        yield from _of_each_property(one)


def _of_each_property(claim: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Return a claim for each property of an event that stands as a key of its own: {"sense": "clockwise"}."""
    several = {key: claim[key] for key in claim if key in PROPERTIES}
    bare = {key: value for key, value in claim.items() if key not in several}
    if not several or "property" in bare or "value" in bare:
        yield bare
    told = {key: value for key, value in bare.items() if key not in ("property", "value")}
    yield from ({**told, "property": key, "value": value} for key, value in several.items())


def read_claim(claim: Told, world: World) -> Claim:
    """Return a claim in tokens. Raises ClaimError for keys, times and words that are none."""
    if unknown := set(claim) - set(KEYS) - _BESIDES:
        known = ", ".join((*KEYS, "time"))
        raise ClaimError(f"it has the key {sorted(unknown)[0]!r}; known are {known} and properties of events")
    told = _told(claim)
    own = dict(told)
    is_answer = bool(_ANSWER.match(str(told.get("property", ""))))
    if _OPTIONS.fullmatch(str(told.get("property", ""))):
        return Claim((), None, is_answer=False, written=str(dict(claim)), told=own)
    if is_answer:
        told = {"value": _option(str(told.get("value", "")), world.question["options"])}
    length = None
    if _LENGTH.search(str(told.get("property", ""))):
        length = _seconds(told.pop("value", None), world.fps)
    beside: list[Token] = []
    is_held = isinstance(told.get("value"), list) or told.get("value") == "empty"
    is_beside = is_held and told.get("relation") in ("before", "after")
    if is_beside and ("event" in told or claim.get("time") is not None):
        beside = [
            token
            for key in ("event", "relation")
            if key in told
            for token in phrase(key, told.pop(key), told, world)
        ]
    words = [token for key, value in told.items() for token in phrase(key, value, told, world)]
    several = next((key for key in ("event", "object") if isinstance(told.get(key), list)), "object")
    apart = [
        [token for key, value in {**told, several: one}.items() for token in phrase(key, value, told, world)]
        for one in (told[several] if isinstance(told.get(several), list) else [])
    ]
    for token in words:
        if token.is_unknown:
            raise ClaimError(f"{token.text!r} is no word that the check knows")
    series: list[Words] = []
    if _SERIES.search(str(told.get("property", ""))) and isinstance(told.get("value"), list):
        series = [Words(phrase("value", one, told, world)) for one in told["value"]]
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
        told={} if is_answer else own,
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


def phrase(key: str, value: Any, told: Told, world: World) -> list[Token]:
    """Return what the value of a key says, as the tokens of a text."""
    types = {event["type"] for event in world.metadata["events"]}
    if key == "event" and isinstance(value, str) and value in types:
        return [Token(str(value), frozenset({f"type:{value}"}))]
    if isinstance(value, bool):
        return [] if value else world.reader.tokens("not")
    is_event = key == "event" or (key == "value" and "relation" in told)
    if is_event and (glyph := re.fullmatch(r"glyph (\S+)", str(value))):
        if glyph[1] in ("?", "unknown"):
            return phrase("event", "unknown", told, world)
        symbol = [replace(token, is_loose=False) for token in phrase("value", glyph[1], {}, world)]
        return [*phrase("event", "glyph", told, world), *symbol]
    if key == "value" and told.get("property") == "face":
        value = f"face {value}"
    words = world.reader.tokens(_words(key, value, told, world), with_times=False)
    if key in ("object", "value"):
        words = [replace(one, is_loose=False) if one.says & world.containers else one for one in words]
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
    text = _GAP.sub("", text) if key == "relation" else text
    names = {one["id"]: str(one["name"]) for one in world.metadata["objects"]}
    if key in ("object", "value") and text in names:
        return names[text]
    first, _, rest = text.partition(" ")
    is_event = key in ("event", "property") or (
        rest and ("relation" in told or told.get("property") == "ranking")
    )
    if first.lower() in ORDINALS and is_event:
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
