"""Courses of moving objects in closed form: reflections between walls, polylines at constant speed, excursions.

Shapes: T frames or moments, P points. Lengths are shares of the frame's side, times are seconds, y points down.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from retroflip.synth.animation import Floats


@dataclass(frozen=True)
class Contact:
    """A moment at which an object touches a wall; `end` is -1 for the wall at `low`, 1 for the one at `high`."""

    seconds: float
    end: int


def reflected(course: npt.ArrayLike, low: float, high: float) -> Floats:
    """Return where a point is that would follow `course` if walls at `low` and `high` did not throw it back.

    Without friction or gravity a reflection changes nothing but the sign of the velocity, so the real course is the
    free one folded at the walls. Raises ValueError unless low < high.
    """
    if not low < high:
        raise ValueError(f"the walls stand at {low} and {high}: the first must be under the second")
    span = high - low
    along = np.mod(np.asarray(course, dtype=float) - low, 2.0 * span)
    return low + span - np.abs(along - span)


class Bounce(NamedTuple):
    """A motion to and fro between two walls.

    start: where the point is at first, strictly between the walls at `low` and `high`. velocity: a second, of either
    sign. begin, seconds: when it begins to move, and for how long.
    """

    start: float
    velocity: float
    low: float
    high: float
    begin: float
    seconds: float

    @property
    def crossing(self) -> float:
        """Seconds from wall to wall."""
        return (self.high - self.low) / abs(self.velocity)

    def at(self, seconds_T: Floats) -> Floats:
        """Return where it is at those times."""
        moved_T = np.clip(seconds_T - self.begin, 0.0, self.seconds)
        return reflected(self.start + self.velocity * moved_T, self.low, self.high)

    def contacts(self) -> list[Contact]:
        """Return its touches of the walls, in their order and exact."""
        if not self.low < self.start < self.high:
            raise ValueError(
                f"the point starts at {self.start}, which is not between the walls at {self.low} and {self.high}"
            )
        if self.velocity == 0.0:
            return []
        end = 1 if self.velocity > 0 else -1
        moment = ((self.high if end > 0 else self.low) - self.start) / self.velocity
        found = []
        while moment < self.seconds:
            found.append(Contact(self.begin + moment, end))
            moment, end = moment + self.crossing, -end
        return found


def along(points_PD: npt.ArrayLike, share_T: npt.ArrayLike, steps: Floats | None = None) -> Floats:
    """Return places (T, D) on the polyline through points of D dimensions, at these shares (0 to 1) of its length.

    steps: from each point to the next, where they are measured already.
    """
    points_PD = np.asarray(points_PD, dtype=float)
    steps = np.linalg.norm(np.diff(points_PD, axis=0), axis=1) if steps is None else steps
    lengths_P = np.concatenate([[0.0], np.cumsum(steps)])
    where_T = np.asarray(share_T, dtype=float) * lengths_P[-1]
    return np.stack([np.interp(where_T, lengths_P, course_P) for course_P in points_PD.T], axis=1)


def rotated(places_T2: npt.ArrayLike, angle: float) -> Floats:
    """Return the places turned about the origin by `angle` radians, clockwise as seen on the screen."""
    cosine, sine = math.cos(angle), math.sin(angle)
    x_T, y_T = np.asarray(places_T2, dtype=float).T
    return np.stack([cosine * x_T - sine * y_T, sine * x_T + cosine * y_T], axis=1)


def excursions(frames: int, spans: Sequence[tuple[int, int]]) -> Floats:
    """Return a course (T,) that is 0 but for a smooth rise to 1 and return in each span of frames, both ends at rest.

    The course within a span is the squared sine, stretched to the span: how much of its time is spent at which height
    does not depend on its length, so a frame of a long excursion looks like one of several short ones.
    """
    course_T = np.zeros(frames)
    for first, last in spans:
        course_T[first : last + 1] = np.sin(np.pi * np.linspace(0.0, 1.0, last - first + 1)) ** 2
    return course_T


def shares(rng: np.random.Generator, count: int, total: int, least: int) -> list[int]:
    """Return `count` whole numbers of at least `least` that sum to `total`, drawn evenly among those that do.

    Raises ValueError where there are none.
    """
    spare = total - count * least
    if count < 1 or spare < 0:
        raise ValueError(f"{total} cannot be shared out among {count} with at least {least} each")
    cuts = np.sort(rng.choice(spare + count - 1, size=count - 1, replace=False))
    edges = np.concatenate([[-1], cuts, [spare + count - 1]])
    return [least + int(gap) - 1 for gap in np.diff(edges)]
