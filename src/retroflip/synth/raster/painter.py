"""Actors on a canvas, a few frames at once: what does not change between them is drawn once.

Shapes: T frames of the animation, A actors, K the frames in which an actor is drawn; h, w a window of pixels.
"""

import functools
import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from retroflip.synth.animation import Actor, Animation, Colour, Floats
from retroflip.synth.raster.backdrop import Grain, lay_background
from retroflip.synth.raster.canvas import Canvas, Integers, lay, some
from retroflip.synth.raster.glyphs import text_coverage_hw, text_width
from retroflip.synth.raster.shapes import (
    MARGIN,
    SOLID,
    Placement,
    Unsigned,
    Way,
    coverage_Khw,
    extents_K,
    way_to_draw,
)

Flags = npt.NDArray[np.bool_]
_AT_ONCE = 1 << 18
"""pixels of an actor's windows drawn at once: what stays in a core's cache"""
_COMPARED = 1 << 20
"""pairs of actors, times frames, that are looked at for one lying on another: looking at more would take too long"""
_GRID = 4096.0
"""positions to a pixel"""
_INVISIBLE = 0.5 / SOLID
_ENDLESS = 2**31
"""a picture's size where windows need not end"""
_TEXT = Way(is_circular=False, is_cut=False, is_whole=False, is_fine=False)


class Painter:
    """Draws frames of one animation, `size` pixels wide and high."""

    def __init__(self, animation: Animation, size: int) -> None:
        self.animation = animation
        self.size = size
        opacity_AT = np.array([one.opacity_T for one in animation.actors]).reshape(-1, animation.frames)
        self._visible_AT = opacity_AT > _INVISIBLE
        self._ways: dict[int, Way] = {}
        self._background: Canvas = ()
        self._grain = Grain(animation.noise, animation.noise_seed, size) if animation.noise > 0 else None

    def paint(self, canvas: Canvas, frames: Integers) -> None:
        """Draw those frames of the animation into the canvas's, one after the other."""
        still, moving = _apart(self._parts(frames), len(frames))
        first = tuple(plane.part(slice(0, 1)) for plane in canvas)
        self._lay_background(first)
        for part in still:
            part.draw(first, np.zeros(1, dtype=np.intp), _Ground.unknown(part.seen_K[:1]))
        for plane in canvas:
            plane.pixels_TCHW[1:] = plane.pixels_TCHW[0]
        ground = self.animation.background
        is_clear_AT = _is_clear_AT([*still, *moving], len(frames))[len(still) :]
        is_clear_AT &= ground.pattern == "plain"
        for part, is_clear_T in zip(moving, is_clear_AT, strict=True):
            part.draw(canvas, part.seen_K, _Ground(is_clear_T[part.seen_K], ground.colour))
        if self._grain is not None:
            self._grain.lay(canvas, frames.tolist())

    def _parts(self, frames: Integers) -> "list[_Part]":
        """Return what is to be drawn in those frames, in its order."""
        visible_AK = self._visible_AT[:, frames]
        counts_A = visible_AK.sum(axis=1)
        shown, actors = np.flatnonzero(counts_A).tolist(), self.animation.actors
        lines = {
            index: int(visible_AK[index].argmax())
            for index in shown
            if counts_A[index] == 1 and actors[index].shape == "text"
        }
        heights = {index: float(actors[index].half_height_T[frames[at]]) for index, at in lines.items()}
        parts = []
        for run in _runs(shown, lines, heights):
            if len(run) > 1:
                seen_K = np.array([lines[index] for index in run])
                texts = [actors[index] for index in run]
                parts.append(_Part.of_texts(texts, seen_K, frames, self.size))
            else:
                seen_K = np.flatnonzero(visible_AK[run[0]])
                parts.append(_Part.of(actors[run[0]], self._way(run[0]), seen_K, frames, self.size))
        return parts

    def _lay_background(self, canvas: Canvas) -> None:
        """Lay the background, which is worked out once for canvases of the same planes."""
        if [plane.space for plane in canvas] != [plane.space for plane in self._background]:
            lay_background(canvas, self.animation.background, self.size)
            self._background = tuple(plane.copy() for plane in canvas)
            return
        for plane, known in zip(canvas, self._background, strict=True):
            plane.pixels_TCHW[:] = known.pixels_TCHW

    def _way(self, index: int) -> Way:
        """Return the way to draw an actor's shape in all frames."""
        if index not in self._ways:
            one = self.animation.actors[index]
            if one.shape == "text":
                return _TEXT
            widths_T, heights_T = one.half_width_T * self.size, one.half_height_T * self.size
            place = Placement(one.x_T, one.y_T, widths_T, heights_T, one.angle_T)
            self._ways[index] = way_to_draw(one.shape, place, self.size)
        return self._ways[index]


@dataclass(frozen=True)
class _Part:
    """An actor in the frames of a canvas that show it: K of them, or 1 if all look the same. Lengths are pixels.

    Or lines of text that are seen in one frame each, one actor for each of the K frames, which are drawn as one is.
    """

    actor: Actor
    """or the first of them"""
    way: Way
    texts: tuple[str, ...]
    """what it says in each frame, or in all"""
    seen_K: Integers
    """which of the canvas's frames show the actor"""
    place: Placement
    opacity_K: Floats
    rgb_K3: Floats
    text_height_K: Floats
    size: int

    @classmethod
    def of(cls, actor: Actor, way: Way, seen_K: Integers, frames: Integers, size: int) -> "_Part":
        """Read off what the actor looks like in those frames, as pixels."""
        chosen = frames[seen_K]
        heights_T = actor.half_height_T if actor.shape == "text" else actor.text_height_T
        if heights_T is None and actor.text:
            raise ValueError(f"{actor.id} says {actor.text!r} and has no text_height_T")
        courses = (actor.x_T, actor.y_T, actor.half_width_T, actor.half_height_T, heights_T)
        looks_FK = np.zeros((10, len(chosen)))
        for row_K, course_T in zip(looks_FK, courses, strict=False):
            if course_T is not None:
                row_K[:] = course_T[chosen]
        looks_FK[5], looks_FK[6] = actor.angle_T[chosen], actor.opacity_T[chosen]
        looks_FK[7:] = actor.colour_T3[chosen].T
        if (looks_FK == looks_FK[:, :1]).all():
            looks_FK = looks_FK[:, :1]
        return cls._looking(looks_FK, actor, way, (actor.text,), seen_K, size)

    @classmethod
    def of_texts(cls, actors: Sequence[Actor], seen_K: Integers, frames: Integers, size: int) -> "_Part":
        """Read off what lines of text look like in the one frame that shows each."""
        looks_KF = []
        for one, frame in zip(actors, frames[seen_K].tolist(), strict=True):
            courses_T = (
                one.x_T,
                one.y_T,
                one.half_width_T,
                one.half_height_T,
                one.half_height_T,
                one.angle_T,
                one.opacity_T,
            )
            looks_KF.append([*(course_T[frame] for course_T in courses_T), *one.colour_T3[frame]])
        texts = tuple(one.text for one in actors)
        return cls._looking(np.array(looks_KF, dtype=float).T, actors[0], _TEXT, texts, seen_K, size)

    @classmethod
    def _looking(
        cls, looks_FK: Floats, actor: Actor, way: Way, texts: tuple[str, ...], seen_K: Integers, size: int
    ) -> "_Part":
        """Return what is placed, sized, turned, faded and coloured so, in shares of the picture."""
        looks_FK[:5] *= size
        looks_FK[:2] = np.rint(looks_FK[:2] * _GRID) / _GRID
        x_K, y_K, wide_K, high_K, text_K, angle_K, opacity_K = looks_FK[:7]
        place = Placement(x_K, y_K, wide_K, high_K, angle_K)
        return cls(actor, way, texts, seen_K, place, np.minimum(opacity_K, 1.0), looks_FK[7:].T, text_K, size)

    @property
    def is_still(self) -> bool:
        """Whether the actor looks the same in all frames that show it."""
        return len(self.place) == 1

    @functools.cached_property
    def shape_window(self) -> "_Window":
        """Where the actor's own shape is drawn."""
        across_K, down_K = extents_K(self.actor.shape, self.place)
        return _Window.around(self.place, down_K, across_K, self.size)

    @functools.cached_property
    def text_window(self) -> "_Window":
        """Where its text is."""
        heights_K = self.text_height_K
        widest = max(text_width(text) for text in self.texts)
        return _Window.around(self.place, heights_K, heights_K * widest, _ENDLESS)

    @functools.cached_property
    def boxes_4K(self) -> Integers:
        """Top, left, bottom and right of all that the actor touches in each frame."""
        if self.actor.shape == "text":
            return self.text_window.bounds_4K
        bounds_4K = self.shape_window.bounds_4K
        if self.actor.text:
            more_4K = self.text_window.bounds_4K
            np.minimum(bounds_4K[:2], more_4K[:2], out=bounds_4K[:2])
            np.maximum(bounds_4K[2:], more_4K[2:], out=bounds_4K[2:])
        return bounds_4K

    @functools.cached_property
    def box(self) -> tuple[int, int, int, int]:
        """Top, left, bottom and right of all that the actor touches in these frames."""
        top, left = self.boxes_4K[:2].min(axis=1).tolist()
        bottom, right = self.boxes_4K[2:].max(axis=1).tolist()
        return top, left, bottom, right

    def touches(self, other: "_Part") -> bool:
        """Return whether the boxes of the two overlap."""
        (top, left, bottom, right), (top_2, left_2, bottom_2, right_2) = self.box, other.box
        return left < right_2 and left_2 < right and top < bottom_2 and top_2 < bottom

    def draw(self, canvas: Canvas, frames_K: Integers, on: "_Ground") -> None:
        """Lay the actor over those frames of the canvas."""
        if self.actor.shape == "text":
            self._draw_text(canvas, frames_K, self.rgb_K3, on)
            return
        self._draw_shape(canvas, frames_K, on)
        if self.actor.text:
            rgb_13 = np.array([self.actor.text_colour], dtype=float)
            self._draw_text(canvas, frames_K, rgb_13, _Ground.unknown(frames_K))

    def _draw_shape(self, canvas: Canvas, frames_K: Integers, on: "_Ground") -> None:
        window = self.shape_window
        step = max(1, _AT_ONCE // (window.width * window.height))
        for start in range(0, len(self.place), step):
            few = slice(start, start + step)
            place, corners_K2 = self.place[few], window.corners_K2[few]
            dy_Kh = (corners_K2[:, 0] + 0.5 - place.y_K)[:, None] + np.arange(window.height)
            dx_Kw = (corners_K2[:, 1] + 0.5 - place.x_K)[:, None] + np.arange(window.width)
            covered_Khw = coverage_Khw(self.actor.shape, place, self.way, dx_Kw, dy_Kh)
            shown = slice(None) if self.is_still else few
            self._lay(canvas, frames_K, shown, corners_K2, covered_Khw, self.rgb_K3, on)

    def _draw_text(self, canvas: Canvas, frames_K: Integers, rgb_K3: Floats, on: "_Ground") -> None:
        window = self.text_window
        shape = window.height, window.width
        covered = [
            text_coverage_hw(text, *places, shape)
            for text, *places in zip(
                self.texts if len(self.texts) > 1 else itertools.repeat(self.texts[0], len(self.place)),
                self.text_height_K.tolist(),
                (self.place.x_K - window.corners_K2[:, 1]).tolist(),
                (self.place.y_K - window.corners_K2[:, 0]).tolist(),
                strict=True,
            )
        ]
        covered_Khw = covered[0][None] if len(covered) == 1 else np.stack(covered)
        self._lay(canvas, frames_K, slice(None), window.corners_K2, covered_Khw, rgb_K3, on)

    def _lay(
        self,
        canvas: Canvas,
        frames_K: Integers,
        few: slice,
        corners_K2: Integers,
        covered_Khw: Unsigned,
        rgb_K3: Floats,
        on: "_Ground",
    ) -> None:
        """Lay a colour over few of the frames: the coverage and its corners are theirs, or one for all."""
        opacity_K = self.opacity_K[few]
        if opacity_K.min() < 1.0:
            faded_Khw = covered_Khw * opacity_K.astype(np.float32)[:, None, None]
            covered_Khw = np.rint(faded_Khw, out=faded_Khw).astype(np.uint16)
        rgb_K3, frames_K = some(rgb_K3, few), frames_K[few]
        for run, ground in on.runs(few):
            places = frames_K[run].tolist()
            windows = some(corners_K2, run), some(covered_Khw, run)
            lay(canvas, places, *windows, some(rgb_K3, run), ground)


class _Window(NamedTuple):
    """Windows around centres, of equal length, that hold what is drawn."""

    corners_K2: Integers
    height: int
    width: int

    @classmethod
    def around(cls, place: Placement, down_K: Floats, across_K: Floats, size: int) -> "_Window":
        """Return windows that hold a shape of those half extents, in a picture of `size` pixels."""
        height, width = _length(down_K, size), _length(across_K, size)
        return cls(_corners(place, height, width, size), height, width)

    @property
    def bounds_4K(self) -> Integers:
        """Top, left, bottom and right."""
        row_K, column_K = self.corners_K2.T
        return np.array([row_K, column_K, row_K + self.height, column_K + self.width])


class _Ground(NamedTuple):
    """What an actor is laid over in K frames."""

    is_clear_K: Flags
    """whether nothing but the background, which is of one colour, lies beneath"""
    colour: Colour

    @classmethod
    def unknown(cls, frames_K: Integers) -> "_Ground":
        """Anything may lie beneath."""
        return cls(np.zeros(len(frames_K), dtype=bool), (0, 0, 0))

    def runs(self, few: slice) -> Iterator[tuple[slice, Colour | None]]:
        """Yield the runs of frames with the like beneath, as places among the few, and its colour if it is known."""
        is_clear_K = self.is_clear_K[few]
        if is_clear_K.all():
            yield slice(0, len(is_clear_K)), self.colour
            return
        borders = [0, *(np.flatnonzero(is_clear_K[1:] != is_clear_K[:-1]) + 1).tolist(), len(is_clear_K)]
        for start, end in itertools.pairwise(borders):
            yield slice(start, end), self.colour if is_clear_K[start] else None


def _runs(shown: Sequence[int], lines: dict[int, int], heights: dict[int, float]) -> Iterator[list[int]]:
    """Yield the actors that are drawn together: lines of text in a row, as high, each in a frame of its own.

    lines: the one frame that shows a line. heights: theirs.
    """
    run: list[int] = []
    taken: set[int] = set()
    for index in shown:
        joins = run and index in lines and lines[index] not in taken and heights[index] == heights.get(run[0])
        if run and not joins:
            yield run
            run, taken = [], set()
        run.append(index)
        if index in lines:
            taken.add(lines[index])
    if run:
        yield run


def _is_clear_AT(parts: Sequence[_Part], frames: int) -> Flags:
    """Return in which frames none of the parts before it touches a part's windows."""
    if len(parts) * len(parts) * frames > _COMPARED:
        return np.zeros((len(parts), frames), dtype=bool)
    top_AT, left_AT, bottom_AT, right_AT = boxes_4AT = np.zeros((4, len(parts), frames), dtype=np.intp)
    for index, part in enumerate(parts):
        boxes_4AT[:, index, part.seen_K] = part.boxes_4K
    meets_AAT = (top_AT[:, None] < bottom_AT) & (left_AT[:, None] < right_AT)
    meets_AAT &= meets_AAT.transpose(1, 0, 2)
    before_AA = np.tri(len(parts), k=-1, dtype=bool)
    clear_AT: Flags = ~(meets_AAT & before_AA[:, :, None]).any(axis=1)
    return clear_AT


def _apart(parts: list[_Part], frames: int) -> tuple[list[_Part], list[_Part]]:
    """Return what may be drawn once for all frames, and what must be drawn frame by frame, each in its order.

    The former looks the same in all of them, and none of the latter that it must lie over touches it.
    """
    still: list[_Part] = []
    moving: list[_Part] = []
    for part in parts:
        stands = part.is_still and len(part.seen_K) == frames
        if stands and not any(part.touches(below) for below in moving):
            still.append(part)
        else:
            moving.append(part)
    return still, moving


def _length(extent_K: Floats, size: int) -> int:
    """Return the length of windows, even, that hold a shape of those half extents wherever they start."""
    return min(2 * math.ceil(float(extent_K.max()) + MARGIN) + 2, size + size % 2)


def _corners(place: Placement, height: int, width: int, size: int) -> Integers:
    """Return the row and column (K, 2) where windows around the centres start.

    Those are even, or those of the picture if the window fills it.
    """
    corners_K2 = np.zeros((len(place), 2), dtype=np.intp)
    for axis, (centre_K, length) in enumerate(((place.y_K, height), (place.x_K, width))):
        if length < size:
            corners_K2[:, axis] = 2.0 * np.floor((centre_K - length / 2 + 1.0) / 2)
    return corners_K2
