"""What a source of DyBench yields: candidates for counterfactual pairs, and what it refuses, with the reason.

A source is one file in `sources/` with one `SOURCE`, and a line in their registry. It reads annotations as published
under a root; it opens media only where the question itself depends on them. The builder decodes, cuts, transforms and
writes both sides.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

from retroflip.errors import DataError, RetroflipError
from retroflip.video.frames import Pixels

QUALITY = "quality.jsonl"
"""of a built benchmark: what the checks found out of every pair, and what its raters shall look at"""
ALSO_IN = "also_in"
"""the label that says which other data sets hold a pair's clip"""


class Axis(StrEnum):
    """What makes v' of v."""

    FLIP = "flip"
    """mirrored left to right"""
    REVERSAL = "reversal"
    """played backwards"""
    ORDER = "order"
    """its parts joined in the other order"""
    GIVEN = "given"
    """v' is a clip of its own, which the source names"""


class SubTask(StrEnum):
    """CRPO's three sub-tasks, and ours beside them."""

    REVERSIBLE = "reversible_dynamics"
    DIRECTION = "moving_direction"
    """4 ways"""
    DIRECTION_8 = "moving_direction_8"
    CAMERA = "camera_motion"
    """pan, approach and recede of the camera itself"""
    SEQUENCE = "event_sequence"
    OTHER = "other"
    """pairs that others made, about something else: which action a clip shows, how fast something is"""
    SYNTHETIC = "synthetic"


class Clip(NamedTuple):
    """A video file, or a folder of frames with its rate, under the source's root; start and end in seconds of it."""

    path: str
    start: float | None = None
    end: float | None = None
    fps: float | None = None
    """frames a second of a folder of frames; None for a video file"""


@dataclass(frozen=True)
class Candidate:
    """A pair that can be made.

    id: unique in its source, and the same on every machine. parts: v, one after the other. other: the parts of v' where
    the axis is GIVEN. options: without letters, equal for both sides. gold, other_gold: indices into options; they
    differ. source_clip: the recording, by which statistics are clustered. labels: what the pairs can be filtered by; of
    each "action" one pair is taken before a second one.
    """

    id: str
    sub_task: SubTask
    axis: Axis
    parts: tuple[Clip, ...]
    question: str
    options: tuple[str, ...]
    gold: int
    other_gold: int
    source_clip: str
    licence: str
    domain: str = ""
    """human, animal, plant, object, synthetic ... (CRPO, table 3)"""
    other: tuple[Clip, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Drawing:
    """A pair that is drawn and not filmed: what it asks is known once it is drawn. plan: what `Source.draw` is told."""

    id: str
    sub_task: SubTask
    plan: Any


class Footage(NamedTuple):
    """A side as it is to be written. frames: I420, each (3 H / 2, W), whose memory may be used again for the next one.

    size: height and width, even.
    """

    frames: Iterator[Pixels]
    fps: Fraction
    size: tuple[int, int]


class Drawn(NamedTuple):
    """A pair that was drawn: what it asks, and both sides. Its candidate has no parts."""

    candidate: Candidate
    sides: tuple[Footage, Footage]


class UnfitError(RetroflipError):
    """No pair can be made of a candidate. reason: the same for all of its kind; detail: what concerns this one."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class AbsentError(DataError):
    """What a source is asked for is not under its root, such as a split: it counts as missing, as a folder does."""


class Refused(NamedTuple):
    """What no pair is made of, and why: a short reason, the same for all of its kind, and what concerns this one."""

    id: str
    reason: str
    detail: str = ""


class Need(NamedTuple):
    """A file or folder that a source's root must hold, and what it is; "*" and "**" stand for any name, any folders.

    also: other places where it may lie instead.
    """

    path: str
    what: str
    also: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        """Its places, and what it is."""
        return f"{' or '.join((self.path, *self.also))} ({self.what})"

    def is_met(self, root: Path) -> bool:
        """Return whether it is there, in one of its places."""
        return any(
            next(root.glob(place), None) is not None if "*" in place else (root / place).exists()
            for place in (self.path, *self.also)
        )


Answers = Iterator["Candidate | Drawing | Refused"]


class Part(NamedTuple):
    """Some of what a source is asked, which another process can answer. id: by which it is named where it cannot.

    make: yields what a source yields, of this part alone; it can be pickled.
    """

    id: str
    make: Callable[[], Answers]


@dataclass(frozen=True)
class Source:
    """Where candidates come from.

    needs: what the root must hold. candidates: of a root and the recipe's settings for this source, in an order that is
    the same on every machine; raises DataError where an annotation file cannot be read at all, and AbsentError where
    it is not there. parts: the same in parts, for a source that opens media, so that several processes look at them.
    draw: makes a pair of a drawing's plan, in a worker; for sources that yield drawings.
    """

    name: str
    title: str
    home: str
    licence: str
    needs: tuple[Need, ...]
    candidates: Callable[[Path, Mapping[str, Any]], Answers]
    draw: Callable[[Any], Drawn] | None = None
    parts: Callable[[Path, Mapping[str, Any]], Sequence[Part]] | None = None


def all_of(
    parts: Callable[[Path, Mapping[str, Any]], Sequence[Part]],
) -> Callable[[Path, Mapping[str, Any]], Answers]:
    """Return what yields the answers of all parts, one after the other."""
    return lambda root, values: (one for part in parts(root, values) for one in part.make())
