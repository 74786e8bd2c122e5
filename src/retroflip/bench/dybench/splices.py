"""Where a video is spliced: the frames at which its content changes at once, by luma or by features of pictures.

A cut stands out twice: the two frames are far apart, and much farther than those around them are, so that neither a
slow dissolve nor fast motion counts. What two clips of one scene have in common can still hide a cut, and a flash look
like two: a video is taken only where one is found, and nothing else that is half as clear.
"""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from retroflip.video.frames import Pixels

Rows = NDArray[np.float64]
"""(T, D): what each frame is told by"""

MAX_SIDE = 224
"""pixels of the longer side in which frames are looked at"""
_BINS = 16
_AROUND = 8
"""frames on either side that a cut must stand out from"""
_AT_ONCE = 32


class Detector(NamedTuple):
    """What tells frames apart. rows: of pictures (T, 3, H, W). least: how far apart those of a cut are at least."""

    rows: Callable[[Pixels], Rows]
    apart: Callable[[Rows], NDArray[np.float64]]
    least: float


class Seen(NamedTuple):
    """A video as a detector sees it. seconds: of its frames. rows: of its frames."""

    seconds: tuple[float, ...]
    rows: Rows


def seen(frames: Iterable[tuple[Pixels, float]], rows: Callable[[Pixels], Rows]) -> Seen:
    """Return what a detector sees of frames (3, H, W) with their seconds; a few of them are in memory at a time."""
    iterator = iter(frames)
    seconds: list[float] = []
    parts: list[Rows] = []
    while chunk := list(islice(iterator, _AT_ONCE)):
        seconds += [second for _, second in chunk]
        parts.append(rows(np.stack([pixels_CHW for pixels_CHW, _ in chunk])))
    return Seen(tuple(seconds), np.concatenate(parts) if parts else np.empty((0, 0)))


def luma_rows(pixels_TCHW: Pixels) -> Rows:
    """Return histograms of luma in each quarter of the pictures, (T, 4 * 16), which sum to 1."""
    frames, _, height, width = pixels_TCHW.shape
    luma_THW = np.tensordot(pixels_TCHW, np.array([0.299, 0.587, 0.114], dtype=np.float32), axes=(1, 0))
    bins_THW = np.minimum(luma_THW / (256 / _BINS), _BINS - 1).astype(np.int64)
    quarter_HW = 2 * (np.arange(height) >= height / 2)[:, None] + (np.arange(width) >= width / 2)[None]
    cells = 4 * _BINS
    index_THW = cells * np.arange(frames)[:, None, None] + _BINS * quarter_HW + bins_THW
    counts = np.bincount(index_THW.reshape(-1), minlength=cells * frames).reshape(frames, cells)
    histograms: Rows = counts / (height * width)
    return histograms


def luma_apart(rows: Rows) -> NDArray[np.float64]:
    """Return the share of pixels that lie in another bin from one frame to the next, (T - 1,), in 0..1."""
    found: NDArray[np.float64] = np.abs(np.diff(rows, axis=0)).sum(axis=1) / 2
    return found


def features_apart(rows: Rows) -> NDArray[np.float64]:
    """Return one minus the cosine of each frame's features and the next one's, (T - 1,), in 0..2."""
    units = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    found: NDArray[np.float64] = 1.0 - (units[1:] * units[:-1]).sum(axis=1)
    return found


LUMA = Detector(luma_rows, luma_apart, 0.2)
FEATURES_LEAST = 0.3
"""as `Detector.least`, for features"""


def cuts(apart: NDArray[np.float64], least: float, times: float) -> list[int]:
    """Return the frames before which the video is cut.

    apart: (T - 1,). least: the smallest distance of a cut. times: how much larger it is than the median of the
    distances within eight frames on both sides.
    """
    return [
        index + 1 for index in range(len(apart)) if apart[index] >= least and _stands_out(apart, index, times)
    ]


def _stands_out(apart: NDArray[np.float64], index: int, times: float) -> bool:
    around = np.concatenate([apart[max(0, index - _AROUND) : index], apart[index + 1 : index + 1 + _AROUND]])
    return around.size == 0 or bool(apart[index] >= times * float(np.median(around)))


def only_cut(apart: NDArray[np.float64], least: float, times: float) -> int | None:
    """Return the frame before which the video is cut; None where that is nowhere, or where another place is half as
    clear. Arguments as `cuts` takes them."""
    found = cuts(apart, least / 2, times)
    return found[0] if len(found) == 1 and apart[found[0] - 1] >= least else None


def parts_at(seconds: tuple[float, ...], cut: int) -> float:
    """Return the second that parts the frames before a cut from those behind it."""
    return (seconds[cut - 1] + seconds[cut]) / 2
