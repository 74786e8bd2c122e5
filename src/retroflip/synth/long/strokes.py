"""Digits and signs as strokes of one ball that is never lifted.

A glyph is a polyline around the origin, x to the right and y down, within 0.52 of the origin across and 0.82 along. The
shapes are told apart by four places evenly spread over the stroke, wherever the first of them lies and whichever way
the ball goes (`tests/unit/test_kind_arithmetic.py`).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from retroflip.synth.animation import PALETTE, Actor, Floats
from retroflip.synth.long.scenery import Stage
from retroflip.synth.physics import along

Points = list[tuple[float, float]]
DIGITS = "0123456789"
SIGNS = "+-*/"
_STEP = math.radians(8.0)
"""between corners of a bow"""
GLYPH = 0.36
"""of the side: a unit of the strokes"""
BALL_RADIUS = 0.032
EXPOSED = 0.3
"""of a stroke that a frame shows, to either side of where the ball is"""
TRACES = 16
"""of the ball in a frame besides itself, half of them to either side"""
FAINT = 0.55
"""opacity of each"""


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


def stroke(glyph: str, share_T: Floats, *, backwards: bool = False) -> Floats:
    """Return places (T, 2) on a glyph's stroke at these shares of its length, 0 its beginning and 1 its end."""
    return along(STROKES[glyph][:: -1 if backwards else 1], share_T)


@dataclass(frozen=True)
class Ball:
    """A ball that draws a glyph in every operation, all around the same place, filmed with a long exposure.

    colours: of glyphs by turns. backwards: whether it goes over a glyph's stroke from its end.
    """

    stage: Stage
    colours: Sequence[str]
    centre_2: Floats
    backwards: Mapping[str, bool]

    def actors(self, glyphs: Sequence[str]) -> list[Actor]:
        """Return the ball above its traces: where it is shortly before and after a frame's moment.

        What is no glyph is not drawn.
        """
        shifts = [float(shift) for shift in np.linspace(-EXPOSED, EXPOSED, TRACES + 1) if shift != 0.0]
        traces = [self._seen(f"trace {shift:+.2f}", glyphs, shift, FAINT) for shift in shifts]
        return [*traces, self._seen("ball", glyphs, 0.0, 1.0)]

    def _seen(self, identity: str, glyphs: Sequence[str], shift: float, opacity: float) -> Actor:
        """Return the ball where it is when `shift` of the stroke further on."""
        timeline = self.stage.timeline
        drawn = [index for index, glyph in enumerate(glyphs) if glyph in STROKES]
        place_T2, colour_T3 = np.tile(self.centre_2, (timeline.frames, 1)), np.zeros((timeline.frames, 3))
        for index in drawn:
            start, end = timeline.span(index)
            share_T = np.clip(np.linspace(0.0, 1.0, end - start + 1) + shift, 0.0, 1.0)
            stroke_T2 = stroke(glyphs[index], share_T, backwards=self.backwards[glyphs[index]])
            place_T2[start : end + 1] = self.centre_2 + GLYPH * stroke_T2
            colour_T3[start : end + 1] = PALETTE[self.colours[index % len(self.colours)]]
        at, half = (place_T2[:, 0], place_T2[:, 1]), (BALL_RADIUS, BALL_RADIUS)
        opacity_T = opacity * timeline.during(*drawn)
        return self.stage.actor(identity, "circle", colour_T3, at, half, opacity=opacity_T)
