"""Planes to draw on: RGB as a model sees it, or Y, U and V as the encoder takes them.

Shapes: T frames, H rows, W columns, C channels; K windows of h by w pixels. Mixing two colours is linear and BT.601 is
affine, so that mixing in Y, U and V is mixing in RGB and converting; U and V, which have half the rows and columns,
take the mean coverage of the four pixels that share them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from retroflip.synth.animation import Floats
from retroflip.synth.raster.shapes import SOLID, Words
from retroflip.video.frames import Pixels

Integers = npt.NDArray[np.intp]

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
    canvas: Canvas, frames: Sequence[int], corners_K2: Integers, coverage_Khw: Words, rgb_K3: Floats
) -> None:
    """Lay a colour over windows of frames, as much of it as the coverage (0 to `SOLID`) says.

    corners_K2: row and column where each window starts, even, inside the picture or not. coverage, rgb: one for each of
    the frames, or one for all.
    """
    for plane in canvas:
        covered_Khw = coverage_Khw if plane.step == 1 else _halved(coverage_Khw)
        kept_Khw = SOLID - covered_Khw
        painted_KChw = covered_Khw[:, None] * plane.colours_KC(rgb_K3)[:, :, None, None]
        painted_KChw += np.uint16(SOLID // 2)
        _mix(plane.pixels_TCHW, frames, corners_K2 // plane.step, kept_Khw, painted_KChw)


def _mix(
    pixels_TCHW: Pixels, frames: Sequence[int], corners_K2: Integers, kept_Khw: Words, painted_KChw: Words
) -> None:
    """Keep a share of what is there and add what is painted, in the part of each window inside the picture."""
    starts_K2 = np.maximum(-corners_K2, 0)
    ends_K2 = np.minimum(pixels_TCHW.shape[2:] - corners_K2, kept_Khw.shape[1:])
    last_kept, last_painted = len(kept_Khw) - 1, len(painted_KChw) - 1
    bounds = np.concatenate([corners_K2, starts_K2, ends_K2], axis=1).tolist()
    for index, (frame, (row, column, top, left, bottom, right)) in enumerate(
        zip(frames, bounds, strict=True)
    ):
        if top >= bottom or left >= right:
            continue
        under_Chw = pixels_TCHW[frame, :, row + top : row + bottom, column + left : column + right]
        mixed_Chw = under_Chw * kept_Khw[min(index, last_kept), top:bottom, left:right]
        mixed_Chw += painted_KChw[min(index, last_painted), :, top:bottom, left:right]
        mixed_Chw >>= 8
        under_Chw[:] = mixed_Chw


def _halved(coverage_Khw: Words) -> Words:
    """Return the mean over squares of two by two pixels."""
    pairs = coverage_Khw[:, ::2] + coverage_Khw[:, 1::2]
    sums: Words = pairs[:, :, ::2] + pairs[:, :, 1::2]
    sums += np.uint16(2)
    sums >>= 2
    return sums
