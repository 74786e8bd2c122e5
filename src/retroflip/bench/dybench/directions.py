"""Which way something moves on the picture, from the places of its centre: one of four ways, one of eight, or none.

A track is (T, 2): x to the right and y downward, in shares of the picture's width, so that both axes have one scale. A
way is said only where the track leaves no doubt: long enough, straight enough, within a cone around the way's axis, and
going that way in each third of its time. Whatever is done to the clip is done to the track, and the way found again; no
word is swapped for another.
"""

import math
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Track = NDArray[np.float64]
"""(T, 2): x, y"""


class Way(StrEnum):
    """The eight ways, clockwise from the right."""

    RIGHT = "right"
    DOWN_RIGHT = "down-right"
    DOWN = "down"
    DOWN_LEFT = "down-left"
    LEFT = "left"
    UP_LEFT = "up-left"
    UP = "up"
    UP_RIGHT = "up-right"

    @property
    def is_diagonal(self) -> bool:
        """Whether it lies between two of the four ways."""
        return "-" in self


EIGHT = tuple(Way)
FOUR = tuple(way for way in Way if not way.is_diagonal)


class Margins(NamedTuple):
    """How far a track must be from all doubt.

    path: its least length from end to end, in shares of the picture's width. cone: degrees on either side of a way's
    axis. straight: the least share that the distance between its ends has of the path between.
    """

    path: float = 0.15
    cone: float = 20.0
    straight: float = 0.8


class Doubt(StrEnum):
    """Why no way can be said."""

    SHORT = "the object hardly moves"
    WINDING = "the object's path is not straight"
    BETWEEN = "the object's direction lies between two ways"


def flipped(track: Track) -> Track:
    """Return the track of the mirrored clip."""
    return np.stack([1.0 - track[:, 0], track[:, 1]], axis=1)


def reversed_track(track: Track) -> Track:
    """Return the track of the clip played backwards."""
    return track[::-1]


MARGINS = Margins()


def way_of(track: Track, margins: Margins = MARGINS) -> Way | Doubt:
    """Return the way of a track of two places or more, or why there is none.

    >>> way_of(np.array([[0.2, 0.5], [0.4, 0.51], [0.6, 0.5], [0.8, 0.5]]))
    <Way.RIGHT: 'right'>
    """
    step = track[-1] - track[0]
    length = float(np.hypot(*step))
    if length < margins.path:
        return Doubt.SHORT
    if length < margins.straight * _path(track) or not _goes_on(track, step / length):
        return Doubt.WINDING
    return way_of_step(float(step[0]), float(step[1]), margins.cone) or Doubt.BETWEEN


def way_of_step(right: float, down: float, cone: float) -> Way | None:
    """Return the way of a step that is not zero, None where it lies in no cone (of so many degrees to either side)."""
    degrees = math.degrees(math.atan2(down, right)) % 360.0
    nearest = round(degrees / 45.0)
    return EIGHT[nearest % 8] if abs(degrees - 45.0 * nearest) <= cone else None


def _path(track: Track) -> float:
    """Return the length of a track, over a dozen places of it: what a box trembles from frame to frame is no way."""
    shown = track[np.linspace(0, len(track) - 1, min(len(track), 12)).round().astype(int)]
    return float(np.hypot(*np.diff(shown, axis=0).T).sum())


def _goes_on(track: Track, heading: Track) -> bool:
    """Return whether each third of the time has a tenth of the way or more."""
    along = (track @ heading)[np.linspace(0, len(track) - 1, 4).round().astype(int)]
    return len(track) < 4 or bool((np.diff(along) >= 0.1 * (along[-1] - along[0])).all())
