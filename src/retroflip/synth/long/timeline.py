"""The course of a long video: a state is shown or hidden, operations one by one, and hidden or shown again.

All scenarios share it (SynRL, 2.1.2): an opening and a closing of as many seconds, of which one shows the state and the
other does not; between them operations of the same length with the same easing, and pauses of the same length around
them. It is its own mirror image in time, so that a clip played backwards is a clip of the kind too. Which operation it
is, or which state, changes neither a length nor an easing.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from retroflip.synth.animation import Floats
from retroflip.synth.episode import Draw, Event, Redraw, State
from retroflip.synth.objects import eased
from retroflip.synth.physics import along
from retroflip.synth.settings import SceneSettings

PAUSE_SECONDS = 0.15
"""of rest before, between and after operations"""
FADE_SECONDS = 0.3
"""in which something shown comes or goes"""
MOVING_SHARE = 0.35
"""of an operation: how long something comes in that stops to be read, and how long it goes on"""


@dataclass(frozen=True)
class Timeline:
    """Which frames belong to what. All counts are frames, all spans hold their first and their last frame.

    reveal: of the opening and of the closing each. operation: of one operation. pause: before the first operation,
    between two, and after the last.
    """

    fps: int
    reveal: int
    operation: int
    pause: int
    operations: int

    @property
    def frames(self) -> int:
        """The clip's length."""
        return 2 * self.reveal + self.operations * self.operation + (self.operations + 1) * self.pause

    @property
    def opening(self) -> tuple[int, int]:
        """The first and the last frame before the first pause."""
        return 0, self.reveal - 1

    @property
    def closing(self) -> tuple[int, int]:
        """The first and the last frame after the last pause."""
        return self.frames - self.reveal, self.frames - 1

    @property
    def fade(self) -> int:
        """How many steps something takes to come or to go: a quarter of the opening at most."""
        return max(1, min(round(FADE_SECONDS * self.fps), self.reveal // 4))

    def span(self, index: int) -> tuple[int, int]:
        """Return the first and the last frame of an operation, counted from 0."""
        start = self.reveal + self.pause + index * (self.operation + self.pause)
        return start, start + self.operation - 1

    def at_rest(self, index: int) -> int:
        """Return a frame before the operation of that index in which all rests (index `operations`: after the last)."""
        return self.span(index)[0] - 1

    def during(self, *indices: int) -> Floats:
        """Return 1 for every frame of those operations, and 0 for all others."""
        during_T = np.zeros(self.frames)
        for start, end in map(self.span, indices):
            during_T[start : end + 1] = 1.0
        return during_T

    def passing(self, index: int, stops: Sequence[Sequence[float]]) -> "Track":
        """Return a way from the first of three stops to the second, where it can be read, and on to the third."""
        come, go = there_and_on(self.span(index))
        return Track(self.frames, *stops[0]).ease(come, *stops[1]).ease(go, *stops[2])

    def events(self, operations: Iterable[tuple[str, str, Mapping[str, Any]]]) -> list[Event]:
        """Return the operations as events, each given by its type, its note and its facts."""
        return [Event(one[0], *self.span(index), *one[1:]) for index, one in enumerate(operations)]

    def states(self, facts: Iterable[Mapping[str, Any]]) -> list[State]:
        """Return what is true before the first operation and after each."""
        return [State(self.at_rest(index), one) for index, one in enumerate(facts)]

    def followed(self, name: str, values: Iterable[object]) -> list[State]:
        """Return the values that something has before the first operation and after each, and how many are done."""
        return self.states({"done": index, name: value} for index, value in enumerate(values))

    def min_fps(self, seen: float) -> float:
        """Return the fewest evenly spread frames a second of which `seen` fall into every operation."""
        return seen * self.fps / self.operation


def draw_timeline(draw: Draw, wanted: int, seen: float = 2.0, least: int = 2) -> Timeline:
    """Return a course with as many operations as are wanted and a viewer can follow.

    seen: how many of the viewer's frames must fall into each operation (2: a movement has to be seen going on; 1.5:
    whatever shows what it is lasts for two thirds of it). Operations are made longer, as far as settings allow, and
    then fewer, until that holds. least: the fewest operations that a question can be made of, whatever is wanted.
    Raises Redraw, without a draw, where a viewer cannot follow as many.
    """
    settings = draw.settings
    count = operations_seen(settings, wanted, seen, least)
    low, high = _lengths(settings)
    length = int(draw.rng.integers(max(low, int(_shortest(settings, count, seen))), high + 1))
    reveal, pause = _rests(settings)
    return Timeline(settings.fps, reveal, length, pause, count)


def operations_seen(settings: SceneSettings, wanted: int, seen: float, least: int) -> int:
    """Return how many operations a viewer can follow, as many as are wanted at the most.

    seen, least: as in `draw_timeline`. Raises Redraw where that is under `least`.
    """
    for count in range(max(least, wanted), least - 1, -1):
        if _shortest(settings, count, seen) <= _lengths(settings)[1]:
            return count
    raise Redraw(f"{settings.viewed_frames} frames do not show {least} operations")


def _rests(settings: SceneSettings) -> tuple[int, int]:
    """Return the frames of the opening, or of the closing, and of a pause."""
    reveal = round(settings.reveal_seconds * settings.duration_scale * settings.fps)
    return max(4, reveal), max(1, round(PAUSE_SECONDS * (settings.fps * settings.pace)))


def _lengths(settings: SceneSettings) -> tuple[int, int]:
    """Return how many frames settings let an operation take, at the least and at the most."""
    low, high = (
        max(3, round(seconds * (settings.fps * settings.pace))) for seconds in settings.operation_seconds
    )
    return low, high


def _shortest(settings: SceneSettings, count: int, seen: float) -> float:
    """Return how many frames an operation must take so that `seen` of the viewer's fall into each (no number: inf).

    The viewer's frames lie (frames - 1) / (viewed - 1) apart.
    """
    reveal, pause = _rests(settings)
    spare = settings.viewed_frames - 1 - seen * count
    return math.ceil(seen * (2 * reveal + (count + 1) * pause - 1) / spare) if spare > 0 else math.inf


def there_and_on(span: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the spans of coming somewhere and of going on, with a rest between them in which things can be read."""
    start, end = span
    part = max(1, round(MOVING_SHARE * (end - start)))
    return (start, start + part), (end - part, end)


class Track:
    """A number or a point over a clip's frames, that rests and eases. Later calls overwrite later frames."""

    def __init__(self, frames: int, *value: float) -> None:
        self._values_TD = np.tile(np.asarray(value, dtype=float), (frames, 1))

    def ease(self, span: tuple[int, int], *to: float) -> Self:
        """Go smoothly from where it is at the span's first frame to `to` at its last, and stay."""
        return self.along(span, [to])

    def along(self, span: tuple[int, int], stops: Sequence[Sequence[float]]) -> Self:
        """Go smoothly through `stops` to the last of them, straight from one to the next, slow at both ends alone."""
        start, end = span
        points_PD = np.vstack([self._values_TD[start], *(np.asarray(stop, dtype=float) for stop in stops)])
        self._values_TD[start : end + 1] = along(points_PD, eased(end - start + 1))
        self._values_TD[end:] = points_PD[-1]
        return self

    @property
    def number_T(self) -> Floats:
        """The course of a track of numbers."""
        return self.column_T(0)

    @property
    def point_T(self) -> tuple[Floats, Floats]:
        """The course of a track of points, as x and y."""
        return self.column_T(0), self.column_T(1)

    def column_T(self, axis: int) -> Floats:
        """The course along one axis (of a point: 0 is x, 1 is y)."""
        course_T: npt.NDArray[np.float64] = self._values_TD[:, axis].copy()
        return course_T


def shown_in(timeline: Timeline, *, opening: bool) -> Floats:
    """Return the opacity of what is to be seen in the opening alone, or in the closing alone.

    What the opening shows is gone before the first operation, and what the closing shows comes after the last: either
    fades within its phase.
    """
    course = Track(timeline.frames, 1.0)
    last = timeline.opening[1]
    course.ease((last - timeline.fade, last), 0.0)
    return course.number_T if opening else course.number_T[::-1]
