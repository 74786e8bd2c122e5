"""Fingerprints by which nearly equal videos are found: re-encoded, resized, mirrored, or played backwards.

Of each of KEPT evenly spread frames the signs of its lowest frequencies are kept (a cosine transform of its brightness,
as in pHash, without the constant term). Those of the mirrored frame are kept beside them, so that two videos can be
compared in all four ways. Brightness, contrast, size and codec change few signs; other content changes half of them.

A video with hardly any structure (black, one colour) has no signs that mean anything: it is like no other.

Shapes: T frames, K = KEPT of them, N fingerprints; a thumbnail is (SIDE, SIDE).
"""

from collections.abc import Sequence
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from retroflip.video.decode import decode
from retroflip.video.frames import Pixels
from retroflip.video.sampling import uniform_indices

KEPT = 8
"""frames of a video"""
SIDE = 32
"""of a thumbnail in pixels"""
PER_CELL = 4
LOWEST = 8
"""frequencies kept, across and down"""
NEAR = 0.1
"""share of signs that may differ between nearly equal videos; of unlike ones about half do"""
_SIGNS = LOWEST * LOWEST - 1
_FLAT = 0.25
"""grey levels under which a frequency's mean amplitude is noise"""
_LEAST = 8
"""frequencies above that, under which a frame has no structure"""

Thumbnails = npt.NDArray[np.float32]
Signs = npt.NDArray[np.uint64]


class Way(StrEnum):
    """How one video is nearly another."""

    SAME = "same"
    MIRRORED = "mirrored"
    REVERSED = "reversed"
    BOTH = "mirrored and reversed"


class Near(NamedTuple):
    """How far two videos are apart, 0 to 1, in the way in which they are nearest."""

    distance: float
    way: Way


class Fingerprint(NamedTuple):
    """signs_2K: of the frames and of their mirror images, a bit each; none for a video without structure."""

    signs_2K: tuple[tuple[int, ...], tuple[int, ...]] | None

    def text(self) -> str:
        """Return it in hexadecimal digits; "" for a video without structure."""
        return "" if self.signs_2K is None else "".join(f"{one:016x}" for row in self.signs_2K for one in row)

    @classmethod
    def read(cls, text: str) -> "Fingerprint":
        """Return what `text` gave. Raises ValueError for another text."""
        if not text:
            return cls(None)
        if len(text) != 2 * KEPT * 16:
            raise ValueError(f"a fingerprint has {2 * KEPT * 16} digits, found {len(text)}")
        signs = [int(text[start : start + 16], 16) for start in range(0, len(text), 16)]
        return cls((tuple(signs[:KEPT]), tuple(signs[KEPT:])))


def fingerprint(thumbnails_T: Thumbnails) -> Fingerprint:
    """Return the fingerprint of a video's thumbnails, brightness from 0 to 255; of a picture's, if there is one."""
    chosen_K = thumbnails_T[uniform_indices(len(thumbnails_T), KEPT)]
    basis = _basis()
    waves_K = np.einsum("uy,kyx,vx->kuv", basis, chosen_K, basis).reshape(KEPT, -1)[:, 1:]
    if (np.abs(waves_K) > _FLAT).sum() < _LEAST * KEPT:
        return Fingerprint(None)
    across = np.tile(np.arange(LOWEST), LOWEST)[1:]
    mirrored_K = np.where(across % 2 == 1, -waves_K, waves_K)
    return Fingerprint((_packed(waves_K), _packed(mirrored_K)))


def fingerprint_file(path: Path) -> Fingerprint:
    """Return the fingerprint of a video file. Raises as `decode` does."""
    pixels_KCHW = decode(path, KEPT, max_side=8 * SIDE).pixels_TCHW
    luma_KHW = np.tensordot(pixels_KCHW, np.array([0.299, 0.587, 0.114], dtype=np.float32), axes=(1, 0))
    return fingerprint(np.stack([thumbnail(picture) for picture in luma_KHW]))


def thumbnail(luma_HW: npt.NDArray[np.floating[Any]] | Pixels) -> Thumbnails:
    """Return brightness shrunk to (SIDE, SIDE): the mean of PER_CELL x PER_CELL evenly spread pixels of each cell."""
    height, width = luma_HW.shape
    picked = luma_HW.take(_places(height), axis=0).take(_places(width), axis=1).astype(np.float32)
    means = _means()
    return (means @ picked @ means.T).astype(np.float32)


@cache
def _places(length: int) -> npt.NDArray[np.intp]:
    """Return which rows, or columns, of so many are looked at; of few, some several times."""
    return ((np.arange(SIDE * PER_CELL) + 0.5) * length / (SIDE * PER_CELL)).astype(np.intp)


@cache
def _means() -> npt.NDArray[np.float32]:
    """Return the weights (SIDE, SIDE * PER_CELL) by which cells are means of their pixels."""
    return np.kron(np.eye(SIDE), np.full((1, PER_CELL), 1 / PER_CELL)).astype(np.float32)


class Known:
    """Fingerprints that others are looked up in, each under a name."""

    def __init__(self, fingerprints: Sequence[tuple[str, Fingerprint]] = ()) -> None:
        self._names: list[str] = []
        self._signs: Signs = np.zeros((0, KEPT), dtype=np.uint64)
        for name, one in fingerprints:
            self.add(name, one)

    def add(self, name: str, one: Fingerprint) -> None:
        """Keep a fingerprint; one of a video without structure is like no other, and is not kept."""
        if one.signs_2K is None:
            return
        if len(self._names) == len(self._signs):
            more = np.zeros((max(64, len(self._signs)), KEPT), dtype=np.uint64)
            self._signs = np.concatenate([self._signs, more])
        self._signs[len(self._names)] = one.signs_2K[0]
        self._names.append(name)

    def nearest(self, one: Fingerprint) -> tuple[str, Near] | None:
        """Return the name of the nearest one kept and how near it is; None where there is none to compare with."""
        if one.signs_2K is None or not self._names:
            return None
        ways, apart_WN = self._apart(one.signs_2K)
        way, index = divmod(int(apart_WN.argmin()), apart_WN.shape[1])
        return self._names[index], Near(float(apart_WN[way, index]), ways[way])

    def within(self, one: Fingerprint, distance: float) -> list[tuple[str, Near]]:
        """Return all that are no farther than a distance, each in its nearest way, the nearest first."""
        if one.signs_2K is None or not self._names:
            return []
        ways, apart_WN = self._apart(one.signs_2K)
        best_N = apart_WN.argmin(axis=0)
        least_N = apart_WN.min(axis=0)
        order = [int(index) for index in np.argsort(least_N, kind="stable") if least_N[index] <= distance]
        return [(self._names[index], Near(float(least_N[index]), ways[best_N[index]])) for index in order]

    def _apart(self, signs_2K: npt.ArrayLike) -> tuple[tuple[Way, ...], npt.NDArray[np.float64]]:
        """Return the four ways, and how far all that are kept (N) are from a video in each of them."""
        kept_NK = self._signs[: len(self._names)]
        own_2K = np.array(signs_2K, dtype=np.uint64)
        ways = (Way.SAME, Way.MIRRORED, Way.REVERSED, Way.BOTH)
        shown_WK = (own_2K[0], own_2K[1], own_2K[0][::-1], own_2K[1][::-1])
        apart_WN = np.stack([np.bitwise_count(kept_NK ^ signs_K).sum(axis=1) for signs_K in shown_WK])
        return ways, apart_WN / (KEPT * _SIGNS)


def near(one: Fingerprint, other: Fingerprint) -> Near | None:
    """Return how near two videos are; None where one of them has no structure."""
    found = Known([("", other)]).nearest(one)
    return None if found is None else found[1]


@cache
def _basis() -> npt.NDArray[np.float32]:
    """Return the lowest rows of the cosine transform (LOWEST, SIDE), each a mean's weights."""
    cells, waves = np.arange(SIDE), np.arange(LOWEST)
    return (np.cos(np.pi * np.outer(waves, cells + 0.5) / SIDE) / SIDE).astype(np.float32)


def _packed(waves_K: npt.NDArray[np.floating]) -> tuple[int, ...]:
    """Return a bit for every wave that is clearly positive, those of a frame in one number."""
    weights = np.uint64(1) << np.arange(_SIGNS, dtype=np.uint64)
    return tuple(int(one) for one in ((waves_K > 0.0) * weights).sum(axis=1, dtype=np.uint64))
