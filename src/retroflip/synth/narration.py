"""Reasoning written from a video's metadata, without any model: what happens when, and what follows from it.

Every sentence about a time stands in the metadata's events, and the conclusion in its derivation, so a trace is as
exact as the ground truth. Styles differ in how they tell the time and join events, as people's accounts do.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

Event = Mapping[str, Any]
Metadata = Mapping[str, Any]

_OPENINGS = (
    "Let me go through the video from the start.",
    "I follow what happens, one thing after the other.",
    "I watch the whole clip and note each event with its time.",
    "First I list what can be seen and when.",
    "To answer this I need to see what happens, and in which order.",
    "I go through the clip moment by moment.",
)
_NOTHING = "Nothing stands out at a single moment, so I compare the whole course."
_JOINS = ("", "Then, ", "Next, ", "After that, ")


def clock(milliseconds: int) -> str:
    """Return a time as "00:02.5": minutes and seconds, to the tenth.

    >>> clock(62480)
    '01:02.5'
    """
    minutes, tenths = divmod(round(milliseconds / 100), 600)
    return f"{minutes:02d}:{tenths // 10:02d}.{tenths % 10}"


def whole_clock(milliseconds: int) -> str:
    """Return a time as a player shows it, "00:02": whole seconds, cut off.

    >>> whole_clock(62980)
    '01:02'
    """
    minutes, seconds = divmod(milliseconds // 1000, 60)
    return f"{minutes:02d}:{seconds:02d}"


def _at(event: Event) -> str:
    return f"At {clock(event['start_ms'])}, {event['note']}."


def _player(event: Event) -> str:
    return f"At {whole_clock(event['start_ms'])}, {event['note']}."


def _between(event: Event) -> str:
    if event["end_ms"] == event["start_ms"]:
        return _at(event)
    return f"From {clock(event['start_ms'])} to {clock(event['end_ms'])}, {event['note']}."


def _after_seconds(event: Event) -> str:
    return f"{event['start_ms'] / 1000:.1f} seconds in, {event['note']}."


def _behind(event: Event) -> str:
    return f"{_begun(event['note'])} ({event['start_ms'] / 1000:.1f} s)."


def _joined(events: Sequence[Event]) -> str:
    told = []
    for number, event in enumerate(events):
        join = _JOINS[number % len(_JOINS)] if number else "First, "
        told.append(_begun(f"{join}at {clock(event['start_ms'])}, {event['note']}."))
    return " ".join(told)


def _numbered(events: Sequence[Event]) -> str:
    return "\n".join(
        f"{number}. [{clock(e['start_ms'])}] {e['note']}" for number, e in enumerate(events, start=1)
    )


def _brief(events: Sequence[Event]) -> str:
    return ", ".join(f"{event['start_ms'] / 1000:.1f}s {event['note']}" for event in events) + "."


def _begun(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _sentences(say: Callable[[Event], str]) -> Callable[[Sequence[Event]], str]:
    return lambda events: " ".join(say(event) for event in events)


STYLES: dict[str, Callable[[Sequence[Event]], str]] = {
    "at": _sentences(_at),
    "player": _sentences(_player),
    "between": _sentences(_between),
    "after": _sentences(_after_seconds),
    "behind": _sentences(_behind),
    "joined": _joined,
    "list": _numbered,
    "brief": _brief,
}
"""how events are told, by name; "brief" is the shortest and opens without a word"""


def narrate(metadata: Metadata, rng: np.random.Generator, style: str | None = None) -> str:
    """Return a response with its reasoning, "<think>...</think>", and the boxed answer in the words of its option.

    style: one of STYLES, drawn by `rng` where it is None. A numeric question is answered with its number.
    """
    name = style or sorted(STYLES)[int(rng.integers(len(STYLES)))]
    events = metadata["events"]
    told = STYLES[name](events) if events else _NOTHING
    opening = "" if name == "brief" else _OPENINGS[int(rng.integers(len(_OPENINGS)))]
    parts = [part for part in (opening, told, " ".join(metadata["derivation"])) if part]
    separator = "\n" if name == "list" else " "
    question = metadata["question"]
    answer = f"{question['numeric']:g}" if metadata["form"] == "numeric" else question["answer"]
    return f"<think>{separator.join(parts)}</think>\n\\boxed{{{answer}}}"
