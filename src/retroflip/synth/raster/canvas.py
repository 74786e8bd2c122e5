"""Planes to draw on: RGB as a model sees it, or Y, U and V as the encoder takes them.

Shapes: T frames, H rows, W columns, C channels; K windows of h by w pixels. Mixing two colours is linear and BT.601 is
affine, so that mixing in Y, U and V is mixing in RGB and converting; U and V, which have half the rows and columns,
take the mean coverage of the four pixels that share them.
"""

import functools
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Self, TypeVar

import numpy as np
import numpy.typing as npt

from retroflip.synth.animation import Colour, Floats
from retroflip.synth.raster.shapes import SOLID, Unsigned, halved
from retroflip.video.frames import Pixels

Integers = npt.NDArray[np.intp]
_SHIFT = SOLID.bit_length() - 1
Values = TypeVar("Values", Floats, Unsigned, Integers)
_HALF = np.uint16(SOLID // 2)


@dataclass(frozen=True, eq=False)
class Space:
    """How colours are written: an affine map from RGB of 0 to 255."""

    from_rgb_C3: Floats
    offset_C: Floats

    def colours_KC(self, rgb_K3: Floats) -> Unsigned:
        """Return colours as planes hold them."""
        return _colour(self, *rgb_K3[0].tolist()) if len(rgb_K3) == 1 else self.converted(rgb_K3)

    def converted(self, rgb_K3: Floats) -> Unsigned:
        """Return colours, each worked out."""
        return np.rint(rgb_K3 @ self.from_rgb_C3.T + self.offset_C).astype(np.uint16)


@functools.lru_cache(maxsize=1024)
def _colour(space: Space, red: float, green: float, blue: float) -> Unsigned:
    return space.converted(np.array([[red, green, blue]], dtype=float))


RGB = Space(np.eye(3), np.zeros(3))
LUMA = Space(np.array([[65.481, 128.553, 24.966]]) / 255.0, np.array([16.0]))
CHROMA = Space(np.array([[-37.797, -74.203, 112.0], [112.0, -93.786, -18.214]]) / 255.0, np.full(2, 128.0))
"""ITU-R BT.601, 16 to 235 and 16 to 240 (what `retroflip.video.encode` says its files hold)"""


@dataclass(frozen=True)
class Plane:
    """Channels of equal size. `step`: how many pixels of the picture share one of the plane's, along each axis."""

    pixels_TCHW: Pixels
    step: int
    space: Space

    def part(self, frames: slice) -> Self:
        """Return the plane of some of the frames."""
        return replace(self, pixels_TCHW=self.pixels_TCHW[frames])

    def copy(self) -> Self:
        """Return a plane with its own pixels."""
        return replace(self, pixels_TCHW=self.pixels_TCHW.copy())


Canvas = tuple[Plane, ...]


def rgb_canvas(pixels_TCHW: Pixels) -> Canvas:
    """Return the planes of RGB frames."""
    return (Plane(pixels_TCHW, 1, RGB),)


def i420_canvas(planes_THW: Pixels) -> Canvas:
    """Return the planes of I420 frames, (T, 3 * size / 2, size): Y, then U, then V, one after the other."""
    frames, _, size = planes_THW.shape
    half = size // 2
    return (
        Plane(planes_THW[:, None, :size], 1, LUMA),
        Plane(planes_THW[:, size:].reshape(frames, 2, half, half), 2, CHROMA),
    )


def lay(
    canvas: Canvas,
    frames: Sequence[int],
    corners_K2: Integers,
    coverage_Khw: Unsigned,
    rgb_K3: Floats,
    ground: Colour | None = None,
) -> None:
    """Lay a colour over windows of frames, as much of it as the coverage (0 to `SOLID`) says.

    corners_K2: row and column where each window starts, even, inside the picture or not. corners, coverage, rgb: one
    for each of the frames, or one for all. ground: what the windows show now, if that is one known colour, which spares
    reading it.
    """
    side = canvas[0].pixels_TCHW.shape[2:]
    shape = coverage_Khw.shape[1:]
    last_row, last_column = side[0] - shape[0], side[1] - shape[1]
    if all(0 <= row <= last_row and 0 <= column <= last_column for row, column in corners_K2.tolist()):
        _lay_inside(canvas, frames, corners_K2, coverage_Khw, rgb_K3, ground)
        return
    starts_K2 = np.maximum(-corners_K2, 0)
    ends_K2 = np.minimum(np.subtract(side, corners_K2), shape)
    for index, frame in enumerate(frames):
        here = slice(index, index + 1)
        (top, left), (bottom, right) = some(starts_K2, here)[0], some(ends_K2, here)[0]
        if top < bottom and left < right:
            corners_12 = np.maximum(some(corners_K2, here), 0)
            covered_1hw = some(coverage_Khw, here)[:, top:bottom, left:right]
            _lay_inside(canvas, [frame], corners_12, covered_1hw, some(rgb_K3, here), ground)


def _lay_inside(
    canvas: Canvas,
    frames: Sequence[int],
    corners_K2: Integers,
    coverage_Khw: Unsigned,
    rgb_K3: Floats,
    ground: Colour | None,
) -> None:
    """Lay a colour over windows of even corners that lie wholly in the picture."""
    for plane in canvas:
        covered_K1hw = (coverage_Khw if plane.step == 1 else halved(coverage_Khw))[:, None]
        colour_KC11 = plane.space.colours_KC(rgb_K3)[:, :, None, None]
        windows = _windows(plane, frames, corners_K2 // plane.step, covered_K1hw.shape[2:])
        if ground is None:
            painted_KChw = covered_K1hw * colour_KC11
            painted_KChw += _HALF
            _mix(windows, SOLID - covered_K1hw, painted_KChw)
        else:
            ground_1C11 = plane.space.colours_KC(np.array([ground], dtype=float))[:, :, None, None]
            # What is negative is less than none in 16 bits, and the sum is right again.
            painted_KChw = covered_K1hw * (colour_KC11 - ground_1C11)
            painted_KChw += ground_1C11 * np.uint16(SOLID) + _HALF
            painted_KChw >>= _SHIFT
            for under_Chw, painted_Chw in zip(windows, _each(painted_KChw), strict=False):
                under_Chw[:] = painted_Chw


def _windows(
    plane: Plane, frames: Sequence[int], corners_K2: Integers, shape: tuple[int, ...]
) -> Iterator[Pixels]:
    """Yield the pixels of windows, which can be written to."""
    pixels_TCHW, (height, width) = plane.pixels_TCHW, shape
    corners = corners_K2.tolist() * (len(frames) if len(corners_K2) == 1 else 1)
    for frame, (row, column) in zip(frames, corners, strict=True):
        yield pixels_TCHW[frame, :, row : row + height, column : column + width]


def _mix(windows: Iterable[Pixels], kept_K1hw: Unsigned, painted_KChw: Unsigned) -> None:
    """Keep a share of what is there and add what is painted."""
    for under_Chw, kept_1hw, painted_Chw in zip(windows, _each(kept_K1hw), _each(painted_KChw), strict=False):
        mixed_Chw = under_Chw.astype(np.uint16)
        mixed_Chw *= kept_1hw
        mixed_Chw += painted_Chw
        mixed_Chw >>= _SHIFT
        under_Chw[:] = mixed_Chw


def _each(values: Unsigned) -> Iterable[Unsigned]:
    """Return the values, or one again and again."""
    return itertools.repeat(values[0]) if len(values) == 1 else values


def some(values_K: Values, few: slice) -> Values:
    """Return the values of few frames, of which there may be one for all."""
    return values_K if len(values_K) == 1 else values_K[few]
