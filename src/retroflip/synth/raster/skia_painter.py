"""Shapes drawn by Skia, a C++ library, in place of NumPy; backgrounds, texts and grain stay as they are.

Shapes: K drawings of an actor, C channels, P corners of an outline. Every plane is a grey picture of Skia's, that of U
and V drawn at half the scale, so that nothing is converted and a pixel of theirs is covered as its four pixels are.

Skia moves the corners of an outline up or down to quarters of a pixel: a level side would be off by up to an eighth.
So sides are divided, each part of another length, and level ones slanted by half a pixel in all, which leaves the
middle of the area where it is: the parts are off by as much upwards as downwards. What is drawn is within a few
hundredths of a pixel of the place that NumPy's is at, and not mirrored to the last bit where the animation is.

Its time goes with a shape's outline and the number of shapes, NumPy's with the area: of five shapes in 448 x 448
pixels, Skia is the faster from a radius of about 80 pixels on, and half as fast at 36.
"""

import functools

import numpy as np

from retroflip.errors import UsageError
from retroflip.synth.animation import Animation, Floats
from retroflip.synth.raster.canvas import Canvas, Integers
from retroflip.synth.raster.painter import Painter, _Ground, _Part
from retroflip.synth.raster.shapes import POLYGONS, RING_HOLE, ROUND, Placement, Points
from retroflip.video.frames import Pixels

try:
    import skia
except ModuleNotFoundError as error:
    raise UsageError(
        "The renderer skia needs skia-python, which is not installed. Install it with: uv pip install 'retroflip[skia]'"
    ) from error
except ImportError as error:
    raise UsageError(
        f"skia-python is installed, but cannot be loaded ({error}). It needs the system's EGL and OpenGL libraries, "
        "even where nothing is shown: on Debian or Ubuntu, apt-get install libegl1 libgl1. Or draw with the renderer "
        "numpy, which needs neither."
    ) from error

_PARTS = 8
"""of each side of an outline"""
_ROUND_SIDES = 96
_GOLDEN = (np.sqrt(5.0) - 1.0) / 2.0
_SLANT = 0.25
"""pixels up and down"""
_STEEPEST = 1.0 / 64.0
"""pixels to a pixel; the slant of small shapes"""
_BOXES = ("square", "rectangle")
_BOX = skia.Rect(-1, -1, 1, 1)


class SkiaPainter(Painter):
    """Draws frames of one animation with Skia."""

    def __init__(self, animation: Animation, size: int) -> None:
        super().__init__(animation, size, drawn_as=_SkiaPart)


class _SkiaPart(_Part):
    """An actor whose shape Skia draws."""

    def _draw_shape(self, canvas: Canvas, frames_K: Integers, on: _Ground) -> None:  # noqa: ARG002
        path, _ = (None, 0.0) if self._is_level_box else _outline(self.actor.shape)
        opacity_K = self.opacity_K.tolist()
        last = len(self.place) - 1
        for plane in canvas:
            matrices = [skia.Matrix.MakeAll(*row, 0, 0, 1) for row in self._matrices_K6(plane.step).tolist()]
            colours_KC = plane.space.colours_KC(self.rgb_K3).tolist()
            for index, frame in enumerate(frames_K.tolist()):
                own = min(index, last)
                for channel, value in enumerate(colours_KC[own]):
                    surface = _surface(plane.pixels_TCHW[frame, channel])
                    picture = surface.getCanvas()
                    picture.setMatrix(matrices[own])
                    if path is None:
                        picture.drawRect(_BOX, _paint(value, opacity_K[own]))
                    else:
                        picture.drawPath(path, _paint(value, opacity_K[own]))

    @property
    def _is_level_box(self) -> bool:
        """Whether it is drawn as a rectangle, which Skia places to 1/256 pixel."""
        return self.actor.shape in _BOXES and not self.place.angle_K.any()

    def _matrices_K6(self, step: int) -> Floats:
        """Return what takes the unit shape to a plane of which a pixel is `step` pixels wide: the first two rows."""
        wide_K, high_K = (np.maximum(half_K, 0.0) / step for half_K in _halves(self.place))
        cos_K, sin_K = self.place.turn_K
        x_K, y_K = self.place.x_K / step, self.place.y_K / step
        across_x_K, across_y_K, down_x_K, down_y_K = (
            wide_K * cos_K,
            wide_K * sin_K,
            -high_K * sin_K,
            high_K * cos_K,
        )
        if self.actor.shape not in ROUND and not self._is_level_box:
            slant_K = np.minimum(_SLANT / np.maximum(np.maximum(wide_K, high_K), 1.0), _STEEPEST)
            _, middle = _outline(self.actor.shape)
            y_K = y_K - slant_K * down_x_K * middle
            across_y_K, down_y_K = across_y_K + slant_K * across_x_K, down_y_K + slant_K * down_x_K
        return np.stack([across_x_K, down_x_K, x_K, across_y_K, down_y_K, y_K], axis=1)


def _halves(place: Placement) -> tuple[Floats, Floats]:
    return place.half_width_K, place.half_height_K


def _surface(pixels_HW: Pixels) -> "skia.Surface":
    """Return what draws into a plane of one channel."""
    height, width = pixels_HW.shape
    return skia.Surface.MakeRasterDirect(_grey(height, width), pixels_HW, width)


@functools.lru_cache(maxsize=64)
def _grey(height: int, width: int) -> "skia.ImageInfo":
    return skia.ImageInfo.Make(width, height, skia.kGray_8_ColorType, skia.kOpaque_AlphaType)


@functools.lru_cache(maxsize=4096)
def _paint(value: int, opacity: float) -> "skia.Paint":
    grey = value / 255.0
    return skia.Paint(AntiAlias=True, Color4f=skia.Color4f(grey, grey, grey, opacity))


@functools.cache
def _outline(shape: str) -> tuple["skia.Path", float]:
    """Return the outline of a shape in the box from -1 to 1, and how far below 0 the middle of its area lies."""
    if shape in ROUND:
        holes = [_round_P2(-RING_HOLE)] if shape == "ring" else []
        return _path([_round_P2(1.0), *holes]), 0.0
    union = skia.Simplify(_path(list(POLYGONS[shape].pieces)))
    corners_P2 = np.array([(point.x(), point.y()) for point in union.getPoints(union.countPoints())])
    return _path([_divided(corners_P2)]), _middle(corners_P2)


def _path(contours: list[Points]) -> "skia.Path":
    path = skia.Path()
    for corners_P2 in contours:
        path.addPoly([skia.Point(x, y) for x, y in corners_P2.tolist()], True)
    return path


def _round_P2(radius: float) -> Points:
    """Return a polygon of the circle's area; one of negative radius goes round the other way."""
    turns_P = 2.0 * np.pi * np.arange(_ROUND_SIDES) / _ROUND_SIDES
    reach = abs(radius) * np.sqrt(2.0 * np.pi / _ROUND_SIDES / np.sin(2.0 * np.pi / _ROUND_SIDES))
    corners_P2: Points = reach * np.stack([np.sign(radius) * np.sin(turns_P), -np.cos(turns_P)], axis=1)
    return corners_P2


def _divided(corners_P2: Points) -> Points:
    """Return the outline with more corners along its sides, at distances that no grid has."""
    inner = np.arange(1, _PARTS)
    at = np.concatenate([[0.0], (inner + inner * _GOLDEN % 1.0 - 0.5) / _PARTS])[:, None]
    next_P2 = np.roll(corners_P2, -1, axis=0)
    return (corners_P2[:, None] + at * (next_P2 - corners_P2)[:, None]).reshape(-1, 2)


def _middle(corners_P2: Points) -> float:
    """Return the y of the middle of an outline's area."""
    x_P, y_P = corners_P2.T
    next_x_P, next_y_P = np.roll(x_P, -1), np.roll(y_P, -1)
    crossed_P = x_P * next_y_P - next_x_P * y_P
    return float(((y_P + next_y_P) * crossed_P).sum() / (3.0 * crossed_P.sum()))
