"""Text as coverage: letters drawn large once, then averaged over each pixel wherever they lie, at any size.

Shapes: h, w a window of pixels; H rows and W columns of a large drawing. A large drawing is summed up along its rows
and columns, so that the share of a pixel that it covers is a difference of sums between the pixel's borders: exact for
any position and size, with no snapping to pixels. Letters are Pillow's own font, which has the printable ASCII
characters and a few more; pairs of letters are not kerned.
"""

import functools
from typing import NamedTuple

import numpy as np
from PIL import ImageFont

from retroflip.synth.animation import Floats
from retroflip.synth.raster.shapes import SOLID, Singles, Words

_LARGE = (32, 64, 128, 256, 512)
"""sizes of the font that letters are drawn in"""
_MISSING = "\uffff"
_SMALLEST = 0.1
"""pixels; half a line that is less high is not drawn"""


@functools.lru_cache(maxsize=len(_LARGE))
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise RuntimeError(
            "Pillow was built without FreeType, and text cannot be drawn; install Pillow's own wheel"
        )
    return font


class _Letter(NamedTuple):
    """A letter drawn large: its ink, 0 to `SOLID`, summed downwards over a line's height (rows + 1, columns)."""

    ink_HW: Singles
    left: int
    """columns from where the letter's place begins to its ink, negative if the ink begins before"""
    advance: float
    """columns from its place to the next letter's"""


@functools.lru_cache(maxsize=1024)
def _letter(letter: str, size: int) -> _Letter:
    font = _font(size)
    mask, (left, top) = font.getmask2(letter, mode="L")
    if bytes(mask) == bytes(font.getmask(_MISSING)) or (letter.isspace() and letter != " "):
        raise ValueError(f"the font has no {letter!r}; write texts in printable ASCII")
    columns, rows = mask.size
    above, below = font.getmetrics()
    ink_HW = np.zeros((1 + above + below, columns), dtype=np.float32)
    ink_HW[1 + top : 1 + top + rows] = np.array(mask, dtype=np.float32).reshape(rows, columns) * (
        SOLID / 255.0
    )
    return _Letter(np.cumsum(ink_HW, axis=0, dtype=np.float32), left, font.getlength(letter))


@functools.lru_cache(maxsize=256)
def _line_HW(text: str, size: int) -> Singles:
    """Return a line of text, summed downwards, of shape (rows + 1, columns), with some room before and after.

    Raises ValueError for a letter that the font has not.
    """
    letters = [_letter(letter, size) for letter in text]
    room = size // 4
    starts = room + np.cumsum([0.0, *(letter.advance for letter in letters)])
    line_HW = np.zeros((len(letters[0].ink_HW), round(starts[-1]) + room), dtype=np.float32)
    for letter, start in zip(letters, np.rint(starts).astype(int).tolist(), strict=False):
        first = start + letter.left
        line_HW[:, first : first + letter.ink_HW.shape[1]] += letter.ink_HW
    return line_HW


def _large(half_height: float) -> int:
    """Return the size to draw in: at least 1.5 rows to each pixel, while there is one."""
    return next((size for size in _LARGE if size >= 2.4 * half_height), _LARGE[-1])


@functools.lru_cache(maxsize=1024)
def text_width(text: str) -> float:
    """Return how wide a line of text is, as a multiple of its height."""
    line_HW = _line_HW(text, _LARGE[0])
    return float(line_HW.shape[1] / (line_HW.shape[0] - 1))


@functools.lru_cache(maxsize=64)
def text_coverage_hw(text: str, half_height: float, x: float, y: float, shape: tuple[int, int]) -> Words:
    """Return the coverage, 0 to `SOLID`, of a window of pixels by a line of text.

    x, y: the middle of the text, in pixels from the window's corner. Raises ValueError for a letter that the font has
    not.
    """
    if half_height < _SMALLEST:
        return np.zeros(shape, dtype=np.uint16)
    line_HW = _line_HW(text, _large(half_height))
    rows, columns = line_HW.shape[0] - 1, line_HW.shape[1]
    scale = rows / (2.0 * half_height)
    borders_h = np.clip((np.arange(shape[0] + 1) - y) * scale + rows / 2, 0.0, rows)
    borders_w = np.clip((np.arange(shape[1] + 1) - x) * scale + columns / 2, 0.0, columns)
    bands = _between(line_HW, borders_h)
    sums = np.zeros((shape[0], columns + 1), dtype=np.float32)
    np.cumsum(bands[1:] - bands[:-1], axis=1, out=sums[:, 1:])
    edges = _between(sums.T, borders_w).T
    covered_hw: Singles = edges[:, 1:] - edges[:, :-1]
    covered_hw *= np.float32(1.0 / (scale * scale))
    covered_hw += np.float32(0.5)
    return np.clip(covered_hw, np.float32(0.0), np.float32(SOLID), out=covered_hw).astype(np.uint16)


def _between(sums: Singles, at: Floats) -> Singles:
    """Return rows of running sums at fractional places."""
    below = np.minimum(at.astype(np.intp), len(sums) - 2)
    share = (at - below).astype(np.float32)[:, None]
    low = sums[below]
    mixed: Singles = sums[below + 1] - low
    mixed *= share
    mixed += low
    return mixed
