"""Text as coverage: letters drawn large once, then averaged over each pixel wherever they lie, at any size.

Shapes: h, w a window of pixels; H rows and W columns of a large drawing. A large drawing is summed up along its rows
and columns, so that the share of a pixel that it covers is a difference of sums between the pixel's borders: exact for
any size, and for places 1/256 pixel apart, so that words and letters can be kept and used again.
Letters are Pillow's own font, which has the printable ASCII characters and a few more; pairs of letters are not kerned.
"""

import functools
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from PIL import ImageFont

from retroflip.synth.animation import Floats
from retroflip.synth.raster.shapes import SOLID, Singles, Unsigned

_LARGE = (32, 64, 128, 256, 512)
"""sizes of the font that letters are drawn in"""
_MISSING = "\uffff"
_SMALLEST = 0.1
"""pixels; half a line that is less high is not drawn"""
_PHASES = 256
"""places in a pixel where a letter may begin, so that what it covers may be used again"""
_KEPT = 32.0
"""pixels; letters of a line whose half is higher are drawn anew each time: to keep them all would take too much room"""


@functools.lru_cache(maxsize=len(_LARGE))
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise RuntimeError(
            "Pillow was built without FreeType, and text cannot be drawn; install Pillow's own wheel"
        )
    return font


@dataclass(frozen=True, eq=False)
class _Letter:
    """A letter drawn large: its ink, 0 to `SOLID`, summed downwards over a line's height (rows + 1, columns)."""

    ink_HW: Singles
    left: int
    """columns from where the letter's place begins to its ink, negative if the ink begins before"""
    advance: float
    """columns from its place to the next letter's"""

    @property
    def rows(self) -> int:
        """Rows of a line."""
        return len(self.ink_HW) - 1

    @property
    def is_blank(self) -> bool:
        """Whether it has no ink, as a space."""
        return self.ink_HW.size == 0


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


class _Line(NamedTuple):
    """Where the words of a line go, in columns of their large drawings."""

    words: tuple[tuple[str, int], ...]
    """each with the column where the ink of its first letter begins"""
    rows: int
    columns: int
    """of the whole line, with some room before and after"""


@functools.lru_cache(maxsize=256)
def _line(text: str, size: int) -> _Line:
    """Return the layout of a line of text. Raises ValueError for a letter that the font has not."""
    room = size // 4
    words, word, first, place = [], "", 0, float(room)
    for character in text:
        letter = _letter(character, size)
        if letter.is_blank:
            words.append((word, first))
            word = ""
        else:
            first = first if word else round(place) + letter.left
            word += character
        place += letter.advance
    words.append((word, first))
    rows = _letter(text[0], size).rows
    return _Line(tuple(one for one in words if one[0]), rows, round(place) + room)


def _large(half_height: float) -> int:
    """Return the size to draw in: at least 1.5 rows to each pixel, while there is one."""
    return next((size for size in _LARGE if size >= 2.4 * half_height), _LARGE[-1])


@functools.lru_cache(maxsize=1024)
def text_width(text: str) -> float:
    """Return how wide a line of text is, as a multiple of its height."""
    line = _line(text, _LARGE[0])
    return line.columns / line.rows


@functools.lru_cache(maxsize=64)
def text_coverage_hw(text: str, half_height: float, x: float, y: float, shape: tuple[int, int]) -> Unsigned:
    """Return the coverage, 0 to `SOLID`, of a window of pixels by a line of text.

    x, y: the middle of the text, in pixels from the window's corner. Raises ValueError for a letter that the font has
    not.
    """
    covered_hw = np.zeros(shape, dtype=np.uint16)
    if half_height < _SMALLEST:
        return covered_hw
    size = _large(half_height)
    line = _line(text, size)
    pixels = 2.0 * half_height / line.rows
    left = x - line.columns / 2 * pixels
    row, row_phase = _divided(y - half_height)
    draw = _word if half_height < _KEPT else _word.__wrapped__
    for word, start in line.words:
        column, phase = _divided(left + start * pixels)
        word_hw = draw(word, size, half_height, phase, row_phase)
        _add(covered_hw[row : row + len(word_hw)], word_hw, column)
    return np.minimum(covered_hw, SOLID, out=covered_hw)


@functools.lru_cache(maxsize=512)
def _word(word: str, size: int, half_height: float, phase: int, row_phase: int) -> Unsigned:
    """Return the coverage by a word whose ink begins in the first pixel, and whose line does."""
    letters = [_letter(letter, size) for letter in word]
    pixels = 2.0 * half_height / letters[0].rows
    draw = _mask if half_height < _KEPT else _mask.__wrapped__
    place, masks = -float(letters[0].left), []
    for letter in letters:
        column, letter_phase = _divided(phase / _PHASES + (round(place) + letter.left) * pixels)
        masks.append((draw(letter, half_height, letter_phase, row_phase), column))
        place += letter.advance
    width = max(column + mask_hw.shape[1] for mask_hw, column in masks)
    word_hw = np.zeros((len(masks[0][0]), width), dtype=np.uint16)
    for mask_hw, column in masks:
        _add(word_hw, mask_hw, column)
    return word_hw


def _add(onto_hw: Unsigned, mask_hw: Unsigned, column: int) -> None:
    """Add a mask where its first column is one of the window's, as far as it lies inside."""
    first, last = max(column, 0), min(column + mask_hw.shape[1], onto_hw.shape[1])
    if first < last:
        onto_hw[:, first:last] += mask_hw[:, first - column : last - column]


def _divided(at: float) -> tuple[int, int]:
    """Return whole pixels and the rest in steps of 1 / `_PHASES`."""
    steps = round(at * _PHASES)
    return steps // _PHASES, steps % _PHASES


@functools.lru_cache(maxsize=2048)
def _mask(letter: _Letter, half_height: float, phase: int, row_phase: int) -> Unsigned:
    """Return how much of each pixel a letter covers whose ink begins in the first one, and whose line does."""
    rows, columns = letter.rows, letter.ink_HW.shape[1]
    scale = rows / (2.0 * half_height)
    height, width = (int(np.ceil(length / scale)) + 1 for length in (rows, columns))
    borders_h = np.clip((np.arange(height + 1) - row_phase / _PHASES) * scale, 0.0, rows)
    borders_w = np.clip((np.arange(width + 1) - phase / _PHASES) * scale, 0.0, columns)
    bands = _between(letter.ink_HW, borders_h)
    sums = np.zeros((height, columns + 1), dtype=np.float32)
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
