"""Actors on a canvas, a few frames at once: what does not change between them is drawn once.

Shapes: T frames of the animation, A actors, K the frames in which an actor is drawn; h, w a window of pixels.
"""

import functools
from dataclasses import dataclass

import numpy as np

from retroflip.synth.animation import Actor, Animation, Floats
from retroflip.synth.raster.backdrop import Grain, lay_background
from retroflip.synth.raster.canvas import Canvas, Integers, lay
from retroflip.synth.raster.glyphs import text_coverage_hw, text_width
from retroflip.synth.raster.shapes import (
    MARGIN,
    SOLID,
    Placement,
    Way,
    Words,
    coverage_Khw,
    extents_K,
    way_to_draw,
)

_AT_ONCE = 1 << 17
"""pixels of an actor's windows drawn at once: what stays in a core's cache"""
_GRID = 4096.0
"""positions to a pixel"""
_INVISIBLE = 0.5 / SOLID
_ENDLESS = 2**31
"""a picture's size where windows need not end"""
_TEXT = Way(is_circular=False, is_cut=False, is_whole=False)


class Painter:
    """Draws frames of one animation, `size` pixels wide and high."""

    def __init__(self, animation: Animation, size: int) -> None:
        self.animation = animation
        self.size = size
        opacity_AT = np.array([one.opacity_T for one in animation.actors]).reshape(-1, animation.frames)
        self._visible_AT = opacity_AT > _INVISIBLE
        self._ways: dict[int, Way] = {}
        self._grain = Grain(animation.noise, animation.noise_seed, size) if animation.noise > 0 else None

    def paint(self, canvas: Canvas, frames: Integers) -> None:
        """Draw those frames of the animation into the canvas's, one after the other."""
        visible_AK = self._visible_AT[:, frames]
        parts = [
            _Part.of(
                self.animation.actors[index],
                self._way(index),
                np.flatnonzero(visible_AK[index]),
                frames,
                self.size,
            )
            for index in np.flatnonzero(visible_AK.any(axis=1)).tolist()
        ]
        still, moving = _apart(parts, len(frames))
        first = tuple(plane.part(slice(0, 1)) for plane in canvas)
        lay_background(first, self.animation.background, self.size)
        for part in still:
            part.draw(first, np.zeros(1, dtype=np.intp))
        for plane in canvas:
            plane.pixels_TCHW[1:] = plane.pixels_TCHW[0]
        for part in moving:
            part.draw(canvas, part.seen_K)
        if self._grain is not None:
            self._grain.lay(canvas, frames.tolist())

    def _way(self, index: int) -> Way:
        """Return the way to draw an actor's shape in all frames."""
        if index not in self._ways:
            one = self.animation.actors[index]
            widths_T, heights_T = one.half_width_T * self.size, one.half_height_T * self.size
            place = Placement(one.x_T, one.y_T, widths_T, heights_T, one.angle_T)
            self._ways[index] = _TEXT if one.shape == "text" else way_to_draw(one.shape, place, self.size)
        return self._ways[index]


@dataclass(frozen=True)
class _Part:
    """An actor in the frames of a canvas that show it: K of them, or 1 if all look the same. Lengths are pixels."""

    actor: Actor
    way: Way
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
        looks_FK[:5] *= size
        looks_FK[5], looks_FK[6] = actor.angle_T[chosen], actor.opacity_T[chosen]
        looks_FK[7:] = actor.colour_T3[chosen].T
        looks_FK[:2] = np.rint(looks_FK[:2] * _GRID) / _GRID
        if (looks_FK == looks_FK[:, :1]).all():
            looks_FK = looks_FK[:, :1]
        x_K, y_K, wide_K, high_K, text_K, angle_K, opacity_K = looks_FK[:7]
        place = Placement(x_K, y_K, wide_K, high_K, angle_K)
        return cls(actor, way, seen_K, place, np.minimum(opacity_K, 1.0), looks_FK[7:].T, text_K, size)

    @property
    def is_still(self) -> bool:
        """Whether the actor looks the same in all frames that show it."""
        return len(self.place) == 1

    @functools.cached_property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of all that the actor may touch in these frames."""
        reach = np.hypot(self.place.half_width_K, self.place.half_height_K).max()
        if self.actor.text:
            height = self.text_height_K.max()
            reach = max(reach, height * text_width(self.actor.text) + height)
        x_K, y_K, reach = self.place.x_K, self.place.y_K, reach + 2 * MARGIN
        return x_K.min() - reach, y_K.min() - reach, x_K.max() + reach, y_K.max() + reach

    def touches(self, other: "_Part") -> bool:
        """Return whether the boxes of the two overlap."""
        (left, top, right, bottom), (left_2, top_2, right_2, bottom_2) = self.box, other.box
        return left < right_2 and left_2 < right and top < bottom_2 and top_2 < bottom

    def draw(self, canvas: Canvas, frames_K: Integers) -> None:
        """Lay the actor over those frames of the canvas."""
        if self.actor.shape != "text":
            self._draw_shape(canvas, frames_K)
        if self.actor.text:
            own = self.actor.shape == "text"
            rgb_K3 = self.rgb_K3 if own else np.array([self.actor.text_colour], dtype=float)
            self._draw_text(canvas, frames_K, rgb_K3)

    def _draw_shape(self, canvas: Canvas, frames_K: Integers) -> None:
        across_K, down_K = extents_K(self.actor.shape, self.place)
        height, width = _window(down_K, self.size), _window(across_K, self.size)
        step = max(1, _AT_ONCE // (width * height))
        for start in range(0, len(self.place), step):
            few = slice(start, start + step)
            place = self.place[few]
            corners_K2 = _corners(place, height, width, self.size)
            dy_Kh = (corners_K2[:, 0] + 0.5 - place.y_K)[:, None] + np.arange(height)
            dx_Kw = (corners_K2[:, 1] + 0.5 - place.x_K)[:, None] + np.arange(width)
            covered_Khw = coverage_Khw(self.actor.shape, place, self.way, dx_Kw, dy_Kh)
            self._lay(
                canvas,
                frames_K if self.is_still else frames_K[few],
                corners_K2,
                covered_Khw,
                few,
                self.rgb_K3,
            )

    def _draw_text(self, canvas: Canvas, frames_K: Integers, rgb_K3: Floats) -> None:
        heights_K = self.text_height_K
        half_width_K = heights_K * text_width(self.actor.text)
        height, width = _window(heights_K, _ENDLESS), _window(half_width_K, _ENDLESS)
        shape = height, width
        corners_K2 = _corners(self.place, height, width, _ENDLESS)
        covered_Khw = np.stack(
            [
                text_coverage_hw(self.actor.text, *places, shape)
                for places in zip(
                    heights_K.tolist(),
                    (self.place.x_K - corners_K2[:, 1]).tolist(),
                    (self.place.y_K - corners_K2[:, 0]).tolist(),
                    strict=True,
                )
            ]
        )
        self._lay(canvas, frames_K, corners_K2, covered_Khw, slice(None), rgb_K3)

    def _lay(
        self,
        canvas: Canvas,
        frames_K: Integers,
        corners_K2: Integers,
        covered_Khw: Words,
        few: slice,
        rgb_K3: Floats,
    ) -> None:
        opacity_K = self.opacity_K[few]
        if opacity_K.min() < 1.0:
            faded_Khw = covered_Khw * opacity_K.astype(np.float32)[:, None, None]
            covered_Khw = np.rint(faded_Khw, out=faded_Khw).astype(np.uint16)
        if len(corners_K2) < len(frames_K):
            corners_K2 = np.repeat(corners_K2, len(frames_K), axis=0)
        lay(canvas, frames_K.tolist(), corners_K2, covered_Khw, rgb_K3 if len(rgb_K3) == 1 else rgb_K3[few])


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


def _window(extent_K: Floats, size: int) -> int:
    """Return the length of windows, even, that hold a shape of those half extents wherever they start."""
    return min(2 * int(np.ceil(extent_K.max() + MARGIN)) + 2, size + size % 2)


def _corners(place: Placement, height: int, width: int, size: int) -> Integers:
    """Return the row and column (K, 2) where windows around the centres start.

    Those are even, or those of the picture if the window fills it.
    """
    corners_K2 = np.zeros((len(place), 2), dtype=np.intp)
    for axis, (centre_K, length) in enumerate(((place.y_K, height), (place.x_K, width))):
        if length < size:
            corners_K2[:, axis] = 2.0 * np.floor((centre_K - length / 2 + 1.0) / 2)
    return corners_K2
