"""How the camera moves, from what the background does between a few frames: it stands, pans, tilts, nears, recedes.

Two frames close in time are laid over each other by phase correlation (Kuglin and Hines, 1975): once as a whole, then
tile by tile, without the tiles that the object's box touches or that show nothing to hold on to. A shift, a scale and a
turn are fitted to the tiles' shifts, leaving out those that disagree; where too few agree, the camera's motion is not
known.

From pictures alone a turn of the camera cannot be told from a move to the side, nor a zoom from an approach; the
questions name both.
"""

import math
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image

from retroflip.bench.dybench.directions import Way, way_of_step
from retroflip.video.frames import Pixels

_Kind = TypeVar("_Kind", np.float64, np.bool_)

Grey = NDArray[np.float64]
"""(H, W): grey levels, the picture's width being WIDTH"""

WIDTH = 192
"""pixels to which pictures are shrunk"""
_LUMA = np.array([0.299, 0.587, 0.114])
_TILE = 32
_STEP = 16
_TEXTURE = 3.0
"""grey levels by which a tile must differ within itself (standard deviation) to be held on to"""
_AGREE = 0.75
"""pixels by which a tile may miss the fit"""
_MOST_AGREE = 0.5
"""the least share of tiles that must agree"""
_FEWEST = 6
"""tiles that must agree at least"""


class Box(NamedTuple):
    """A box in shares of the picture's width: its left upper corner, width and height."""

    x: float
    y: float
    width: float
    height: float


class Shift(NamedTuple):
    """What the background does: how far its middle moves to the right and down, in shares of the picture's width, and
    the logarithm of the factor by which it grows."""

    right: float
    down: float
    growth: float

    def times(self, factor: float) -> "Shift":
        """Return the same motion going on for another time; -1 plays it backwards."""
        return Shift(factor * self.right, factor * self.down, factor * self.growth)

    def mirrored(self) -> "Shift":
        """Return it as the mirrored clip has it."""
        return self._replace(right=-self.right)


class Move(StrEnum):
    """What the camera does, as options name it."""

    LEFT = "it pans or moves to the left"
    RIGHT = "it pans or moves to the right"
    UP = "it tilts or moves up"
    DOWN = "it tilts or moves down"
    TOWARD = "it moves forward or zooms in"
    AWAY = "it moves back or zooms out"


class CameraDoubt(StrEnum):
    """Why no move of the camera can be asked about."""

    STILL = "the camera stands still"
    MIXED = "the camera's motion is slight, unsteady or of several kinds"


_SIDEWAYS = {Way.LEFT: Move.RIGHT, Way.RIGHT: Move.LEFT, Way.UP: Move.DOWN, Way.DOWN: Move.UP}
"""the camera's move by the way in which the picture's content goes"""


class Margins(NamedTuple):
    """How far the background must move over the clip to count, in shares of the width, and how little is standing
    still; growth counts as the shift that it brings at a quarter of the width from the middle."""

    still: float = 0.02
    least: float = 0.15
    mixed: float = 0.3
    """the most that one kind of motion may have of the other"""
    cone: float = 20.0


MARGINS = Margins()


class Camera(NamedTuple):
    """What the background does over a clip, and in each of its parts, equally long, as if it went on over the whole."""

    whole: Shift
    parts: tuple[Shift, ...]

    @classmethod
    def of(cls, parts: Sequence[Shift]) -> "Camera":
        """Sum up the parts of a clip."""
        right, down, growth = np.mean(np.array(parts, dtype=np.float64), axis=0).tolist()
        return cls(Shift(right, down, growth), tuple(parts))

    def mirrored(self) -> "Camera":
        """Return it as the mirrored clip has it."""
        return Camera(self.whole.mirrored(), tuple(one.mirrored() for one in self.parts))

    def backwards(self) -> "Camera":
        """Return it as the clip played backwards has it."""
        return Camera(self.whole.times(-1.0), tuple(one.times(-1.0) for one in reversed(self.parts)))

    def is_still(self, margins: Margins = MARGINS) -> bool:
        """Return whether the camera is nowhere far from where it began."""
        gone = np.cumsum([_felt(one) for one in self.parts], axis=0) / len(self.parts)
        return bool((np.abs(gone) <= margins.still).all())

    def move(self, margins: Margins = MARGINS) -> Move | CameraDoubt:
        """Return the one move that the camera makes, or why there is none."""
        if self.is_still(margins):
            return CameraDoubt.STILL
        right, down, growth = _felt(self.whole)
        aside, along = math.hypot(right, down), abs(growth)
        if not self._is_steady():
            return CameraDoubt.MIXED
        if aside >= margins.least and along <= margins.mixed * aside:
            way = way_of_step(right, down, margins.cone)
            return _SIDEWAYS.get(way, CameraDoubt.MIXED) if way else CameraDoubt.MIXED
        if along >= margins.least and aside <= margins.mixed * along:
            return Move.TOWARD if growth > 0 else Move.AWAY
        return CameraDoubt.MIXED

    def _is_steady(self) -> bool:
        """Return whether three in four parts go the whole's way, with a quarter of its speed or more."""
        whole = np.array(_felt(self.whole))
        along = np.array([_felt(one) for one in self.parts]) @ whole / max(float(whole @ whole), 1e-12)
        return bool((along >= 0.25).mean() >= 0.75)


def _felt(shift: Shift) -> tuple[float, float, float]:
    return shift.right, shift.down, 0.25 * shift.growth


def grey(picture_CHW: Pixels) -> Grey:
    """Return a picture in grey, shrunk to WIDTH."""
    _, height, width = picture_CHW.shape
    size = (WIDTH, max(_TILE, round(height * WIDTH / width)))
    planes = [Image.fromarray(plane_HW).resize(size, Image.Resampling.BOX) for plane_HW in picture_CHW]
    return np.tensordot(_LUMA, np.stack([np.asarray(plane, dtype=np.float64) for plane in planes]), axes=1)


def part_shift(
    grey_of: Callable[[int], Grey], box_of: Callable[[int], Box], first: int, last: int
) -> Shift | None:
    """Return what the background does from one frame to a later one; None where it cannot be told.

    Where it moves so fast that the frames cannot be laid over each other, ones in the middle between them that are
    closer in time are looked at, and their motion is carried on.
    """
    apart = last - first
    while apart:
        start = first + (last - first - apart) // 2
        one, other = start, start + apart
        shift = shift_between(grey_of(one), grey_of(other), [box_of(one), box_of(other)])
        if shift is not None:
            return shift.times((last - first) / apart)
        apart //= 2
    return None


def shift_between(first: Grey, second: Grey, boxes: Sequence[Box]) -> Shift | None:
    """Return what the background does from one frame to the next; None where it cannot be told.

    boxes: what is not background, in either frame.
    """
    hidden = _hidden(first.shape, boxes)
    (coarse,), (is_clear,) = _aligned(_without(first, hidden)[None], _without(second, hidden)[None])
    if not is_clear:
        return None
    whole = coarse.round().astype(np.int64)
    corners = _corners(first.shape, whole)
    if len(corners) < _FEWEST:
        return None
    tiles = [_tiles(picture, corners + moved) for picture, moved in ((first, 0), (second, whole))]
    free = ~(_tiles(hidden, corners) | _tiles(hidden, corners + whole)).any(axis=(1, 2))
    free &= np.minimum(*(one.std(axis=(1, 2)) for one in tiles)) >= _TEXTURE
    if free.sum() < _FEWEST:
        return None
    rest, clear = _aligned(*(one[free] for one in tiles))
    places, shifts = corners[free][clear] + _TILE / 2, (rest + whole)[clear]
    return _fitted(places[:, ::-1], shifts[:, ::-1], first.shape)


def _corners(shape: tuple[int, ...], moved: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the upper left corners (N, 2), row and column, of tiles that lie in both frames."""
    ranges = [np.arange(0, side - _TILE + 1, _STEP) for side in shape]
    rows, columns = (
        starts[(starts + step >= 0) & (starts + step <= side - _TILE)]
        for starts, side, step in zip(ranges, shape, moved.tolist(), strict=True)
    )
    return np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 2)


def _tiles(picture: NDArray[_Kind], corners: NDArray[np.int64]) -> NDArray[_Kind]:
    """Return the tiles (N, TILE, TILE) of a picture at these corners."""
    return sliding_window_view(picture, (_TILE, _TILE))[corners[:, 0], corners[:, 1]]


def _hidden(shape: tuple[int, ...], boxes: Sequence[Box]) -> NDArray[np.bool_]:
    """Return (H, W): whether a box covers a pixel, or is a few pixels from it."""
    hidden, margin = np.zeros(shape, dtype=np.bool_), 4
    for box in boxes:
        left, top = max(0, math.floor(WIDTH * box.x) - margin), max(0, math.floor(WIDTH * box.y) - margin)
        right = math.ceil(WIDTH * (box.x + box.width)) + margin
        bottom = math.ceil(WIDTH * (box.y + box.height)) + margin
        hidden[top : max(bottom, 0), left : max(right, 0)] = True
    return hidden


def _without(picture: Grey, hidden: NDArray[np.bool_]) -> Grey:
    seen = picture[~hidden]
    return np.where(hidden, seen.mean() if seen.size else 0.0, picture)


def _aligned(
    ones: NDArray[np.float64], others: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return how far the content of each second picture lies down and right of the first's (N, 2), and of which of
    them one shift stands out (N,). Pictures: (N, H, W)."""
    height, width = ones.shape[1:]
    window = np.outer(np.hanning(height), np.hanning(width))
    spectra = [
        np.fft.rfft2((some - some.mean(axis=(1, 2), keepdims=True)) * window) for some in (ones, others)
    ]
    crossed = spectra[1] * np.conj(spectra[0])
    size = np.abs(crossed)
    most = size.max(axis=(1, 2), keepdims=True)
    surface = np.fft.irfft2(crossed / np.maximum(size + 1e-3 * most, 1e-30), s=(height, width))
    flat = surface.reshape(len(ones), -1)
    peaks = flat.argmax(axis=1)
    clear = (most[:, 0, 0] > 0) & (flat.max(axis=1) >= 4.0 * flat.std(axis=1))
    rows, columns = peaks // width, peaks % width
    which = np.arange(len(ones))
    down = _between(rows, height, [surface[which, (rows + step) % height, columns] for step in (-1, 0, 1)])
    right = _between(columns, width, [surface[which, rows, (columns + step) % width] for step in (-1, 0, 1)])
    return np.stack([down, right], axis=1), clear


def _between(
    places: NDArray[np.int64], size: int, line: Sequence[NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Return where peaks lie between pixels, by the parabola through them and their neighbours, as signed shifts."""
    before, at, behind = line
    curve = before - 2.0 * at + behind
    exact = places + np.where(curve < 0, 0.5 * (before - behind) / np.where(curve < 0, curve, 1.0), 0.0)
    shifts: NDArray[np.float64] = np.where(exact > size / 2, exact - size, exact)
    return shifts


def _fitted(places: NDArray[np.float64], shifts: NDArray[np.float64], shape: tuple[int, ...]) -> Shift | None:
    """Fit a shift, a growth and a turn about the picture's middle to tiles' shifts (N, 2), leaving out outliers."""
    if len(places) < _FEWEST:
        return None
    x, y = (places - np.array([shape[1] / 2, shape[0] / 2])).T
    ones, zeros = np.ones_like(x), np.zeros_like(x)
    design = np.concatenate([np.stack([ones, zeros, x, -y], 1), np.stack([zeros, ones, y, x], 1)])
    wanted, agree = np.concatenate([shifts[:, 0], shifts[:, 1]]), np.ones(len(x), dtype=np.bool_)
    start = np.median(shifts, axis=0)
    fit = np.array([start[0], start[1], 0.0, 0.0])
    for limit in (8.0, 4.0, 2.0, _AGREE, _AGREE):
        miss = (wanted - design @ fit).reshape(2, -1)
        agree = np.hypot(*miss) <= limit
        if agree.sum() < max(_FEWEST, _MOST_AGREE * len(x)):
            return None
        rows = np.tile(agree, 2)
        fit = np.linalg.lstsq(design[rows], wanted[rows], rcond=None)[0]
    if abs(fit[2]) >= 0.5:
        return None
    return Shift(float(fit[0]) / WIDTH, float(fit[1]) / WIDTH, math.log1p(float(fit[2])))
