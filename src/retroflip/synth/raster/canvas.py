"""Planes to draw on: RGB as a model sees it, or Y, U and V as the encoder takes them.

Shapes: T frames, H rows, W columns, C channels; K windows of h by w pixels. Mixing two colours is linear and BT.601 is
affine, so that mixing in Y, U and V is mixing in RGB and converting; U and V, which have half the rows and columns,
take the mean coverage of the four pixels that share them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retroflip.synth.animation import Floats
from retroflip.synth.raster.shapes import SOLID
from retroflip.video.frames import Pixels

Words = npt.NDArray[np.uint16]
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

    corners_K2: row and column where each window starts, even, inside the picture or not. coverage, rgb: K of them, or
    one for all.
    """
    for plane in canvas:
        covered_Khw = coverage_Khw if plane.step == 1 else _halved(coverage_Khw)
        kept_Khw = SOLID - covered_Khw
        colours_KC11 = plane.colours_KC(rgb_K3)[:, :, None, None]
        painted_KChw = covered_Khw[:, None] * colours_KC11
        painted_KChw += np.uint16(SOLID // 2)
        for index, (frame, (row, column)) in enumerate(
            zip(frames, (corners_K2 // plane.step).tolist(), strict=True)
        ):
            target_CHW = plane.pixels_TCHW[frame]
            (down, rows), (across, columns) = (
                _overlap(start, length, limit)
                for start, length, limit in zip(
                    (row, column), covered_Khw.shape[1:], target_CHW.shape[1:], strict=True
                )
            )
            under_Chw = target_CHW[:, rows, columns]
            mixed_Chw = under_Chw * kept_Khw[index % len(kept_Khw), down, across]
            mixed_Chw += painted_KChw[index % len(painted_KChw), :, down, across]
            mixed_Chw >>= 8
            under_Chw[:] = mixed_Chw


def _halved(coverage_Khw: Words) -> Words:
    """Return the mean over squares of two by two pixels."""
    sums: Words = coverage_Khw[:, ::2, ::2] + coverage_Khw[:, 1::2, ::2]
    sums += coverage_Khw[:, ::2, 1::2]
    sums += coverage_Khw[:, 1::2, 1::2]
    sums += np.uint16(2)
    sums >>= 2
    return sums


def _overlap(start: int, length: int, limit: int) -> tuple[slice, slice]:
    """Return which part of a window lies inside the picture, and where in the picture that is."""
    first, last = max(start, 0), max(0, min(start + length, limit))
    first = min(first, last)
    return slice(first - start, last - start), slice(first, last)
