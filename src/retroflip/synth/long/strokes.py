"""Digits and signs as strokes of one ball that is never lifted.

A glyph is a polyline around the origin, x to the right and y down, within 0.52 of the origin across and 0.82 along. The
shapes are told apart by four places evenly spread over the stroke, wherever the first of them lies and whichever way
the ball goes (`tests/unit/test_kind_arithmetic.py`).
"""

import math

import numpy as np

from retroflip.synth.animation import Floats

Points = list[tuple[float, float]]
DIGITS = "0123456789"
SIGNS = "+-*/"
_STEP = math.radians(8.0)
"""between corners of a bow"""


def _bow(x: float, y: float, across: float, along: float, start: float, end: float) -> Points:
    """Return a part of an ellipse from one angle to another, in degrees from the right, clockwise as seen."""
    first, last = math.radians(start), math.radians(end)
    angles = np.linspace(first, last, max(2, round(abs(last - first) / _STEP) + 1))
    return [(x + across * math.cos(angle), y + along * math.sin(angle)) for angle in angles]


_SIX: Points = [(0.3, -0.8), (-0.1, -0.5), (-0.4, -0.05), *_bow(0.0, 0.35, 0.48, 0.45, -160, -520)]
STROKES: dict[str, Points] = {
    "0": _bow(0.0, 0.0, 0.5, 0.8, -90, 270),
    "1": [(-0.3, -0.45), (0.1, -0.8), (0.1, 0.8)],
    "2": [*_bow(0.0, -0.35, 0.48, 0.45, -180, 20), (-0.5, 0.8), (0.5, 0.8)],
    "3": [*_bow(-0.05, -0.4, 0.5, 0.4, -160, 90), *_bow(-0.05, 0.4, 0.5, 0.4, -90, 160)],
    "4": [(0.25, 0.8), (0.25, -0.8), (-0.5, 0.3), (0.5, 0.3)],
    "5": [(0.45, -0.8), (-0.4, -0.8), (-0.4, -0.15), *_bow(-0.05, 0.3, 0.52, 0.5, -130, 150)],
    "6": _SIX,
    "7": [(-0.5, -0.8), (0.5, -0.8), (-0.15, 0.8)],
    "8": [*_bow(0.0, -0.4, 0.4, 0.4, 90, -270), *_bow(0.0, 0.4, 0.48, 0.4, -90, 270)],
    "9": [(-x, -y) for x, y in _SIX],
    "+": [(-0.5, 0.0), (0.5, 0.0), (0.0, 0.0), (0.0, -0.5), (0.0, 0.5)],
    "-": [(-0.5, 0.0), (0.5, 0.0)],
    "*": [(-0.45, -0.45), (0.45, 0.45), (0.0, 0.0), (0.45, -0.45), (-0.45, 0.45)],
    "/": [(0.35, -0.8), (-0.35, 0.8)],
}


def along(glyph: str, share_T: Floats, *, backwards: bool = False) -> Floats:
    """Return places (T, 2) on a glyph's stroke at these shares of its length, 0 its beginning and 1 its end."""
    corners_P2 = np.array(STROKES[glyph][::-1] if backwards else STROKES[glyph])
    lengths_P = np.concatenate(([0.0], np.cumsum(np.linalg.norm(np.diff(corners_P2, axis=0), axis=1))))
    way_T = share_T * lengths_P[-1]
    return np.stack([np.interp(way_T, lengths_P, corners_P2[:, axis]) for axis in (0, 1)], axis=1)
