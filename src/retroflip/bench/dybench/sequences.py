"""Two events of one recording, joined in both orders: which segments of an annotated one are taken, and how they are
named."""

import re
from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise
from typing import NamedTuple

from retroflip.bench.dybench.asking import Asked, Asker

NULL = frozenset({"sil", "background", "null class activities", "null", "action_start", "action_end"})
"""labels of what is no event, in small letters"""
_PHASE = re.compile(r"_(?:prep|core|post)$")
_SPELT = {
    "saltnpepper": "salt and pepper",
    "stirfry": "stir-fry",
    "2plate": " onto plate",
    "2": " into ",
}
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")


class Segment(NamedTuple):
    """An event: its label, and the seconds at which it begins and ends."""

    label: str
    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.end - self.start


class Limits(NamedTuple):
    """How long an event may be, in seconds."""

    least: float
    most: float


def of_frames(labels: Iterable[str], fps: float) -> list[Segment]:
    """Return the segments of one label a frame."""
    found, frame = [], 0
    for label, run in groupby(label.strip() for label in labels):
        length = sum(1 for _ in run)
        found.append(Segment(label, frame / fps, (frame + length) / fps))
        frame += length
    return found


def events(segments: Iterable[Segment]) -> list[Segment]:
    """Return what is an event: preparation, core and end of an activity are one, and what is none is left out."""
    found: list[Segment] = []
    for one in segments:
        label = _PHASE.sub("", one.label)
        if found and found[-1].label == label and found[-1].end == one.start:
            found[-1] = Segment(label, found[-1].start, one.end)
        elif label.casefold() not in NULL:
            found.append(Segment(label, one.start, one.end))
    return found


def pairs(found: Sequence[Segment], limits: Limits) -> list[tuple[Segment, Segment]]:
    """Return the pairs of events in their order that are told apart by name, with another event between them."""
    fit = [index for index, one in enumerate(found) if limits.least <= one.seconds <= limits.most]
    return [
        (found[first], found[second])
        for place, first in enumerate(fit)
        for second in fit[place + 1 :]
        if second - first > 1 and named(found[first].label) != named(found[second].label)
    ]


def in_order(segments: Sequence[Segment]) -> bool:
    """Return whether each segment is longer than nothing and ends before the next one begins."""
    return all(one.seconds > 0 for one in segments) and all(
        one.end <= other.start + 1e-9 for one, other in pairwise(segments)
    )


def named(label: str) -> str:
    """Return a label as words.

    >>> named("place_tomato_into_bowl"), named("put_egg2plate"), named("put_toppingOnTop")
    ('place tomato into bowl', 'put egg onto plate', 'put topping on top')
    """
    text = _HUMP.sub(" ", label.replace("_", " ")).lower()
    for written, meant in _SPELT.items():
        text = text.replace(written, meant)
    return " ".join(text.split())


def ask_order(asker: Asker, first: str, second: str) -> Asked:
    """Return the question in which order two events happen, the first before the second in v."""
    return asker.ask("order", (f"{first}, then {second}", f"{second}, then {first}"), 0, 1)
