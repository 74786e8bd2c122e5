"""Planes to draw on: RGB as a model sees it, or Y, U and V as the encoder takes them.

Shapes: T frames, H rows, W columns, C channels; K windows of h by w pixels. Mixing two colours is linear and BT.601 is
affine, so that mixing in Y, U and V is mixing in RGB and converting; U and V, which have half the rows and columns,
take the mean coverage of the four pixels that share them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from retroflip.synth.animation import Colour, Floats
from retroflip.synth.raster.shapes import SOLID, Words
from retroflip.video.frames import Pixels

Integers = npt.NDArray[np.intp]
_SHIFT = SOLID.bit_length() - 1
_HALF = np.uint16(SOLID // 2)

_LUMA = np.array([[65.481, 128.553, 24.966]]) / 255.0
_CHROMA = np.array([[-37.797, -74.203, 112.0], [112.0, -93.786, -18.214]]) / 255.0
"""ITU-R BT.601, 16 to 235 and 16 to 240 (what `retroflip.video.encode` says its files hold)"""


@dataclass(frozen=True)
class Plane:
    """Channels of equal size. `step`: how many pixels of the picture share one of the plane's, along each axis."""

    pixels_TCHW: Pixels
    step: int
    from_rgb_C3: Floats
    offset_C: Floats

    def colours_KC(self, rgb_K3: Floats) -> Words:
        """Return colours as the plane holds them."""
        return np.rint(rgb_K3 @ self.from_rgb_C3.T + self.offset_C).astype(np.uint16)

    def part(self, frames: slice) -> Self:
        """Return the plane of some of the frames."""
        return replace(self, pixels_TCHW=self.pixels_TCHW[frames])


Canvas = tuple[Plane, ...]


def rgb_canvas(pixels_TCHW: Pixels) -> Canvas:
    """Return the planes of RGB frames."""
    return (Plane(pixels_TCHW, 1, np.eye(3), np.zeros(3)),)


def i420_canvas(planes_THW: Pixels) -> Canvas:
    """Return the planes of I420 frames, (T, 3 * size / 2, size): Y, then U, then V, one after the other."""
    frames, _, size = planes_THW.shape
    half = size // 2
    return (
        Plane(planes_THW[:, None, :size], 1, _LUMA, np.array([16.0])),
        Plane(planes_THW[:, size:].reshape(frames, 2, half, half), 2, _CHROMA, np.full(2, 128.0)),
    )


def lay(
    canvas: Canvas,
    frames: Sequence[int],
    corners_K2: Integers,
    coverage_Khw: Words,
    rgb_K3: Floats,
    ground: Colour | None = None,
) -> None:
    """Lay a colour over windows of frames, as much of it as the coverage (0 to `SOLID`) says.

    corners_K2: row and column where each window starts, even, inside the picture or not. corners, coverage, rgb: one
    for each of the frames, or one for all. ground: what the windows show now, if that is one known colour, which spares
    reading it.
    """
    for plane in canvas:
        covered_K1hw = (coverage_Khw if plane.step == 1 else _halved(coverage_Khw))[:, None]
        colour_KC11 = plane.colours_KC(rgb_K3)[:, :, None, None]
        windows = list(_windows(plane, frames, corners_K2 // plane.step, covered_K1hw.shape[2:]))
        if ground is None:
            painted_KChw = covered_K1hw * colour_KC11
            painted_KChw += _HALF
            _mix(windows, SOLID - covered_K1hw, painted_KChw)
        else:
            ground_1C11 = plane.colours_KC(np.array([ground], dtype=float))[:, :, None, None]
            # What is negative is less than none in 16 bits, and the sum is right again.
            painted_KChw = covered_K1hw * (colour_KC11 - ground_1C11)
            painted_KChw += ground_1C11 * np.uint16(SOLID) + _HALF
            painted_KChw >>= _SHIFT
            for under_Chw, index, inside in windows:
                under_Chw[:] = painted_KChw[(min(index, len(painted_KChw) - 1), *inside)]


Window = tuple[Pixels, int, tuple[slice, slice, slice]]
"""the part of a window inside the picture, as a view of its pixels; which window; and where the part lies in it"""


def _windows(
    plane: Plane, frames: Sequence[int], corners_K2: Integers, shape: tuple[int, ...]
) -> Iterator[Window]:
    """Yield the windows that lie at least partly in the picture."""
    height, width = plane.pixels_TCHW.shape[2:]
    corners = corners_K2.tolist()
    for index, frame in enumerate(frames):
        row, column = corners[min(index, len(corners) - 1)]
        top, left = max(-row, 0), max(-column, 0)
        bottom, right = min(height - row, shape[0]), min(width - column, shape[1])
        if top < bottom and left < right:
            under_Chw = plane.pixels_TCHW[frame, :, row + top : row + bottom, column + left : column + right]
            yield under_Chw, index, (slice(None), slice(top, bottom), slice(left, right))


def _mix(windows: Iterable[Window], kept_K1hw: Words, painted_KChw: Words) -> None:
    """Keep a share of what is there and add what is painted."""
    last_kept, last_painted = len(kept_K1hw) - 1, len(painted_KChw) - 1
    for under_Chw, index, inside in windows:
        mixed_Chw = under_Chw.astype(np.uint16)
        mixed_Chw *= kept_K1hw[(min(index, last_kept), *inside)]
        mixed_Chw += painted_KChw[(min(index, last_painted), *inside)]
        mixed_Chw >>= _SHIFT
        under_Chw[:] = mixed_Chw


def _halved(coverage_Khw: Words) -> Words:
    """Return the mean over squares of two by two pixels."""
    pairs = coverage_Khw[:, ::2] + coverage_Khw[:, 1::2]
    sums: Words = pairs[:, :, ::2] + pairs[:, :, 1::2]
    sums += np.uint16(2)
    sums >>= 2
    return sums
