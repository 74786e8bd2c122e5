"""Reasoning written from a video's metadata, without any model: what happens when, and what follows from it.

Every sentence about a time stands in the metadata's events, and the conclusion in its derivation, so a trace is as
exact as the ground truth. Styles differ in how they tell the time and join events, as people's accounts do.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from retroflip.synth.sentence import Sentence

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
_TOLD = (
    *("direction", "wall", "side", "action", "figure", "turns"),
    *("end", "card", "chip", "cells", "from", "to", "symbol"),
)
"""facts that an event's sentence may tell, or its derivation"""
COMMON = {"type", "start_ms", "end_ms", "start_frame", "end_frame", "note"}
"""what every event has"""
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


STYLES = {
    "at": "At {start}, {note}.",
    "player": "At {whole}, {note}.",
    "between": "From {start} to {end}, {note}.",
    "after": "{seconds:.1f} seconds in, {note}.",
    "behind": "{note} ({seconds:.1f} s).",
    "joined": "{join}at {start}, {note}.",
    "list": "{number}. [{start}] {note}",
    "brief": "{seconds:.1f}s {note}",
}
"""how events are told, by name; "brief" is the shortest and opens without a word"""


def in_style(style: str, number: int, event: Event) -> str:
    """Return the sentence that tells an event in one of STYLES; `number` counts them from 0."""
    if style == "between" and event["end_ms"] == event["start_ms"]:
        style = "at"
    sentence = STYLES[style].format(
        note=event["note"],
        number=number + 1,
        join=_JOINS[number % len(_JOINS)] if number else "First, ",
        start=clock(event["start_ms"]),
        end=clock(event["end_ms"]),
        whole=whole_clock(event["start_ms"]),
        seconds=event["start_ms"] / 1000,
    )
    return sentence[:1].upper() + sentence[1:]


@dataclass(frozen=True)
class Trace:
    """A response whose reasoning is known sentence by sentence. separator: what stands between sentences."""

    sentences: tuple[Sentence, ...]
    answer: str
    separator: str = " "

    @property
    def text(self) -> str:
        """The response, "<think>...</think>" and the boxed answer."""
        told = self.separator.join(sentence.text for sentence in self.sentences)
        return f"<think>{told}</think>\n\\boxed{{{self.answer}}}"

    @property
    def claims(self) -> list[list[dict[str, Any]]]:
        """The claims of each sentence, as JSON."""
        return [sentence.as_json()["claims"] for sentence in self.sentences]


def narrated(metadata: Metadata, rng: np.random.Generator, style: str | None = None) -> Trace:
    """Return reasoning with its claims, and the boxed answer in the words of its option.

    style: one of STYLES, drawn by `rng` where it is None. A numeric question is answered with its number.
    """
    name = style or sorted(STYLES)[int(rng.integers(len(STYLES)))]
    if name == "player" and not _differ_in_whole_seconds(metadata["events"]):
        name = "at"
    told = _told(metadata, name) or [Sentence(_NOTHING)]
    opening = [] if name == "brief" else [Sentence(_OPENINGS[int(rng.integers(len(_OPENINGS)))])]
    derived = _derived(metadata)
    question = metadata["question"]
    answer = f"{question['numeric']:g}" if metadata["form"] == "numeric" else question["answer"]
    return Trace((*opening, *told, *derived), answer, "\n" if name == "list" else " ")


def _derived(metadata: Metadata) -> list[Sentence]:
    """Return the derivation: its first bare sentence claims what containers hold, its last one the answer."""
    told = [Sentence.of(one) for one in metadata["derivation"]]
    bare = [sentence for sentence in told if not sentence.claims]
    stated = [claim for state in metadata["states"] for claim in state_claims(state, metadata, state["ms"])]
    answer = {"property": "answer", "value": metadata["question"]["answer"]}
    return [
        Sentence(one.text, (*one.claims, answer))
        if one is told[-1]
        else Sentence(one.text, tuple(stated) if one is bare[0] else ())
        if one in bare
        else one
        for one in told
    ]


def state_claims(state: Mapping[str, Any], metadata: Metadata, milliseconds: int) -> Iterator[dict[str, Any]]:
    """Return what every container holds, and in which cell every object is, told at a time."""
    names = {one["id"]: one["name"] for one in metadata["objects"]}
    held = {**state.get("cups", {}), **state.get("folders", {})}
    if "pile" in state:
        held["pile"] = state["pile"]
    for row, numbers in enumerate(state.get("rows", []), start=1):
        held[f"row {row}"] = [number or "gap" for number in numbers]
    at = {"time": milliseconds / 1000}
    for container, items in held.items():
        yield {"object": container, "property": "holds", "value": items or "nothing", **at}
    for name, cell in state.get("cells", {}).items():
        yield {"object": names[name], "property": "cell", "value": cell, **at}


def _differ_in_whole_seconds(events: Sequence[Event]) -> bool:
    """Return whether no two events would share a stamp of whole seconds."""
    return len({whole_clock(event["start_ms"]) for event in events}) == len(events)


def narrate(metadata: Metadata, rng: np.random.Generator, style: str | None = None) -> str:
    """Return the text of `narrated`."""
    return narrated(metadata, rng, style).text


def _told(metadata: Metadata, style: str) -> list[Sentence]:
    """Return the events as sentences; in the brief style all of them are one."""
    told = [
        Sentence(in_style(style, number, event), tuple(event_claims(event, metadata)))
        for number, event in enumerate(metadata["events"])
    ]
    if style != "brief" or not told:
        return told
    together = tuple(claim for sentence in told for claim in sentence.claims)
    return [Sentence(", ".join(sentence.text for sentence in told) + ".", together)]


def event_claims(event: Event, metadata: Metadata) -> list[dict[str, Any]]:
    """Return what an event's sentence claims: that it happens, in words, its facts, and what it shows."""
    about = {"event": event["note"], "time": event["start_ms"] / 1000}
    if event["type"] == "reveal":
        state = metadata["states"][-1 if event["start_ms"] else 0]
        shown = list(state_claims(state, metadata, event["start_ms"]))
        return [{**about, "event": event["type"] if shown else event["note"]}, *shown]
    facts = [
        {**about, "event": event["type"], "property": key, "value": event[key]}
        for key in _TOLD
        if key in event
    ]
    return [about, *facts]
