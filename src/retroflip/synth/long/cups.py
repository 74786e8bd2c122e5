"""Cups in a row on a table: how they stand, change places and are poured out, and what hides what they hold.

A cup is another actor whenever it moves, so that which of two is drawn in front says nothing of where they have been.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from retroflip.synth.animation import Actor, Colour, Floats
from retroflip.synth.long.scenery import Stage, darker
from retroflip.synth.long.timeline import Track

GLASS: Colour = (64, 68, 78)
WOOD: Colour = (92, 74, 58)
TABLE = 0.8
CUP_Y = 0.63
CUP = (0.078, 0.135)
LIFTED = 0.3
"""how high cups are carried (y)"""
TILT = 1.9
"""how far a cup is turned to be poured out, radians"""
MOUTH = (0.06, 0.012)
EDGE = 0.006
"""a darker line around cups, which tells them apart where they overlap"""


class Move(NamedTuple):
    """A cup is poured out into another, or changes places with it; both given by their places in the row."""

    place: int
    other: int
    pours: bool

    @property
    def moved(self) -> tuple[int, ...]:
        """The places of the cups that leave theirs."""
        return (self.place,) if self.pours else (self.place, self.other)


@dataclass(frozen=True)
class CupRow:
    """names: of the places on the table, from left to right, each of which has a cup of that colour."""

    stage: Stage
    colour: Colour
    names: Sequence[str]

    def across(self, place: int) -> float:
        """Return where a place is (x)."""
        places = len(self.names)
        return 0.5 + (place - (places - 1) / 2) * min(0.27, 0.9 / places)

    def table(self) -> list[Actor]:
        """Return the table with the names of the places, and the cups while they are transparent."""
        stage, xs = self.stage, [self.across(place) for place in range(len(self.names))]
        table = stage.actor("table", "rectangle", WOOD, (0.5, TABLE + 0.035), (0.48, 0.07))
        signs = [
            stage.writing(f"sign {name}", name, (x, TABLE + 0.045), 0.04)
            for name, x in zip(self.names, xs, strict=True)
        ]
        glasses = [
            stage.actor(f"glass {place}", "rectangle", GLASS, (x, CUP_Y), CUP, opacity=stage.shown_T)
            for place, x in enumerate(xs)
        ]
        return [table, *signs, *glasses]

    def actors(self, moves: Mapping[int, Move]) -> list[Actor]:
        """Return the cups that stand, and in front of them those that operations move, by the operations' numbers."""
        stage, timeline = self.stage, self.stage.timeline
        actors = []
        for place in range(len(self.names)):
            way = Track(timeline.frames, self.across(place), CUP_Y, 0.0)
            away = [index for index, move in moves.items() if place in move.moved]
            actors += self._cup(f"{place}", way, stage.at_rest_T(away))
        for index, move in moves.items():
            there_T = stage.hidden_T * timeline.during(index)
            for place, way in zip(move.moved, self._ways(index, move), strict=True):
                actors += self._cup(f"{place} in {index}", way, there_T)
        return actors

    def _cup(self, identity: str, way: Track, opacity_T: Floats) -> list[Actor]:
        x_T, y_T, angle_T = (way.column_T(axis) for axis in range(3))
        up = CUP[1] - 2 * MOUTH[1]
        mouth = x_T + up * np.sin(angle_T), y_T - up * np.cos(angle_T)
        edge, dark = (CUP[0] + EDGE, CUP[1] + EDGE), darker(self.colour)
        parts = {
            "edge": (dark, (x_T, y_T), edge),
            "cup": (self.colour, (x_T, y_T), CUP),
            "mouth": (dark, mouth, MOUTH),
        }
        return [
            self.stage.actor(f"{name} {identity}", "rectangle", *part, angle=angle_T, opacity=opacity_T)
            for name, part in parts.items()
        ]

    def _ways(self, index: int, move: Move) -> list[Track]:
        """Return the ways of the cups that move: the first is carried, a second slides into its place."""
        frames, span = self.stage.timeline.frames, self.stage.timeline.span(index)
        home, target = self.across(move.place), self.across(move.other)
        carried = Track(frames, home, CUP_Y, 0.0)
        if move.pours:
            _pour(carried, span, home, target)
            return [carried]
        carried.along(span, [(home, LIFTED, 0.0), (target, LIFTED, 0.0), (target, CUP_Y, 0.0)])
        return [carried, Track(frames, target, CUP_Y, 0.0).ease(span, home, CUP_Y, 0.0)]


def _pour(way: Track, span: tuple[int, int], home: float, target: float) -> None:
    """Carry a cup above another, turn it over there and back, and carry it home; a pour is its own mirror image."""
    start, end = span
    quarter = max(1, (end - start) // 4)
    side = float(np.sign(target - home))
    beside = target - side * (CUP[1] - 0.02)
    way.along((start, start + quarter), [(home, LIFTED, 0.0), (beside, LIFTED, 0.0)])
    middle = (start + end) // 2
    way.ease((start + quarter, middle), beside, LIFTED, side * TILT)
    way.ease((start + end - middle, end - quarter), beside, LIFTED, 0.0)
    way.along((end - quarter, end), [(home, LIFTED, 0.0), (home, CUP_Y, 0.0)])
