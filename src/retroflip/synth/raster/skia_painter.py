"""Large shapes drawn by Skia, a C++ library, in place of NumPy; all else stays as it is.

Shapes: K drawings of an actor, C channels, P corners of an outline. Every plane is a grey picture of Skia's, so that
nothing is converted. U and V are one picture of two channels, drawn at half the scale, so that a pixel of theirs is
covered as its four pixels are, and parted at last.

Skia moves the corners of an outline up or down to quarters of a pixel: a level side would be off by up to an eighth.
So sides are divided, each part of another length, and level ones slanted by half a pixel in all, which leaves the
middle of the area where it is: the parts are off by as much upwards as downwards. What is drawn is within a few
hundredths of a pixel of the place that NumPy's is at, and not mirrored to the last bit where the animation is.

Its time goes with a shape's outline, NumPy's with the area: a square that turns takes both as long at a half width of
about 50 pixels, and Skia a third as long at 130. So NumPy draws the small ones here as well, and who draws a shape is
settled once for a clip.
"""

import functools
import math
from typing import cast

import numpy as np

from retroflip.errors import UsageError
from retroflip.synth.animation import Actor, Animation, Floats
from retroflip.synth.raster.canvas import Canvas, Integers, Plane
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
_PAIR = 2
"""channels of a plane that holds U and V"""
_GOLDEN = (np.sqrt(5.0) - 1.0) / 2.0
_SLANT = 0.25
"""pixels up and down"""
_STEEPEST = 1.0 / 64.0
"""pixels to a pixel; the slant of small shapes"""
_BOXES = ("square", "rectangle")
_LARGE = {
    "circle": 90.0,
    "ring": 160.0,
    "square": 50.0,
    "rectangle": 50.0,
    "tee": 50.0,
    "arrow": 55.0,
    "cross": 80.0,
}
"""pixels of half a side from where on Skia is the faster; of others, and of what is round and not as wide as high"""
_LARGE_OTHER = 70.0
_LARGE_ELLIPSE = 30.0
_BOX = skia.Rect(-1, -1, 1, 1)


class SkiaPainter(Painter):
    """Draws frames of one animation, its large shapes with Skia."""

    def __init__(self, animation: Animation, size: int) -> None:
        super().__init__(animation, size)
        self._large = {index for index, one in enumerate(animation.actors) if _is_large(one, size)}
        self._pairs_THW2: Pixels = np.empty((0, 0, 0, _PAIR), dtype=np.uint8)

    def paint(self, canvas: Canvas, frames: Integers) -> None:
        """Draw those frames of the animation into the canvas's, one after the other."""
        if not self._large:
            super().paint(canvas, frames)
            return
        sheets = tuple(self._sheet(plane) for plane in canvas)
        super().paint(sheets, frames)
        for plane, sheet in zip(canvas, sheets, strict=True):
            if sheet.is_paired:
                sheet.part_into(plane.pixels_TCHW)

    def _drawn_as(self, index: int) -> type[_Part]:
        return _SkiaPart if index in self._large else _Part

    def _sheet(self, plane: Plane) -> "_Sheet":
        """Return a plane to draw on, the same one again if it is not the canvas's own."""
        frames, channels, height, width = plane.pixels_TCHW.shape
        if channels != _PAIR:
            return _Sheet(plane.pixels_TCHW, plane.step, plane.space)
        if len(self._pairs_THW2) < frames or self._pairs_THW2.shape[1:3] != (height, width):
            self._pairs_THW2 = np.empty((frames, height, width, _PAIR), dtype=np.uint8)
        return _Sheet(self._pairs_THW2[:frames].transpose(0, 3, 1, 2), plane.step, plane.space)


class _Sheet(Plane):
    """A plane that Skia draws on; U and V lie side by side in its pixels, and are drawn at once."""

    @property
    def is_paired(self) -> bool:
        """Whether a pixel's two channels lie side by side."""
        channels: int = self.pixels_TCHW.shape[1]
        return channels == _PAIR

    @functools.cached_property
    def pictures_TP(self) -> "list[list[skia.Canvas]]":
        """What draws on each frame: on both channels of a pair, or on one each."""
        if self.is_paired:
            return [[_picture(pixels_CHW.transpose(1, 2, 0))] for pixels_CHW in self.pixels_TCHW]
        return [[_picture(pixels_HW) for pixels_HW in pixels_CHW] for pixels_CHW in self.pixels_TCHW]

    def paints_KP(self, rgb_K3: Floats, opacity_K: list[float]) -> "list[list[skia.Paint]]":
        """Return what to draw with on each of a frame's pictures."""
        colours_KC = self.space.colours_KC(rgb_K3).tolist()
        if self.is_paired:
            return [[_paint(*pair, opacity)] for pair, opacity in zip(colours_KC, opacity_K, strict=True)]
        return [
            [_paint(value, value, opacity) for value in colours_C]
            for colours_C, opacity in zip(colours_KC, opacity_K, strict=True)
        ]

    def part_into(self, pixels_TCHW: Pixels) -> None:
        """Write the channels of pairs into planes of their own."""
        pairs_THW = self.pixels_TCHW.transpose(0, 2, 3, 1).view("<u2")[..., 0]
        second_HW = np.empty(pairs_THW.shape[1:], dtype=pairs_THW.dtype)
        for pairs_HW, planes_CHW in zip(pairs_THW, pixels_TCHW, strict=True):
            np.copyto(planes_CHW[0], pairs_HW, casting="unsafe")
            np.right_shift(pairs_HW, 8, out=second_HW)
            np.copyto(planes_CHW[1], second_HW, casting="unsafe")


class _SkiaPart(_Part):
    """An actor whose shape Skia draws."""

    def _draw_shape(self, canvas: Canvas, frames_K: Integers, on: _Ground) -> None:  # noqa: ARG002
        path, _ = (None, 0.0) if self._is_level_box else _outline(self.actor.shape)
        last = len(self.place) - 1
        for sheet in cast("tuple[_Sheet, ...]", canvas):
            matrices = [skia.Matrix.MakeAll(*row, 0, 0, 1) for row in self._matrices_K6(sheet.step).tolist()]
            paints_KP = sheet.paints_KP(self.rgb_K3, self.opacity_K.tolist())
            for index, frame in enumerate(frames_K.tolist()):
                own = min(index, last)
                for picture, paint in zip(sheet.pictures_TP[frame], paints_KP[own], strict=True):
                    picture.setMatrix(matrices[own])
                    if path is None:
                        picture.drawRect(_BOX, paint)
                    else:
                        picture.drawPath(path, paint)

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


def _is_large(one: Actor, size: int) -> bool:
    """Return whether a shape is large enough for Skia, by its mean area before it is turned."""
    if one.shape == "text":
        return False
    area = np.mean(np.maximum(one.half_width_T, 0.0) * np.maximum(one.half_height_T, 0.0))
    is_wide_as_high = bool((one.half_width_T == one.half_height_T).all())
    return size * math.sqrt(area) >= large_from(one.shape, is_wide_as_high)


def large_from(shape: str, is_wide_as_high: bool) -> float:
    """Return from which half of a mean side on, in pixels, Skia draws a shape. is_wide_as_high: in every frame."""
    return _LARGE_ELLIPSE if shape in ROUND and not is_wide_as_high else _LARGE.get(shape, _LARGE_OTHER)


def _halves(place: Placement) -> tuple[Floats, Floats]:
    return place.half_width_K, place.half_height_K


def _picture(pixels: Pixels) -> "skia.Canvas":
    """Return what draws on pixels of one channel (H, W), or of two (H, W, 2)."""
    height, width = pixels.shape[:2]
    return skia.Surface.MakeRasterDirect(
        _layout(height, width, pixels.ndim), pixels, pixels.strides[0]
    ).getCanvas()


@functools.lru_cache(maxsize=64)
def _layout(height: int, width: int, axes: int) -> "skia.ImageInfo":
    kind = skia.kGray_8_ColorType if axes == 2 else skia.kR8G8_unorm_ColorType
    return skia.ImageInfo.Make(width, height, kind, skia.kOpaque_AlphaType)


@functools.lru_cache(maxsize=4096)
def _paint(first: int, second: int, opacity: float) -> "skia.Paint":
    return skia.Paint(
        AntiAlias=True, Color4f=skia.Color4f(first / 255.0, second / 255.0, first / 255.0, opacity)
    )


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
