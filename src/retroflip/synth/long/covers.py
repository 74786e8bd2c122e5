"""Covers on the cells of a grid, which hide what lies there and swap places in pairs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from retroflip.synth.animation import Actor, Colour, Floats, Number
from retroflip.synth.long.grid import Cell, Grid, cell_words
from retroflip.synth.long.scenery import Stage, darker
from retroflip.synth.objects import eased

Swap = tuple[Cell, Cell]
COLOURS: tuple[Colour, ...] = ((150, 152, 160), (146, 118, 88), (104, 128, 150), (168, 148, 112))
COVER = 0.4
"""half a cover's side, of a cell's"""
FACE = 0.85
"""of a cover's half side: the rest is its dark rim"""
BULGE = 0.6
"""how far covers keep from the line between their cells, of half its length"""


@dataclass(frozen=True)
class Covers:
    """One cover of that colour for each cell. clockwise: which way round the two covers of a swap go."""

    stage: Stage
    grid: Grid
    colour: Colour
    clockwise: Mapping[Swap, bool]

    def actors(self, order: Sequence[Swap]) -> list[Actor]:
        """Return the covers that rest, and above them the two that swap."""
        return [*self._resting(order), *self._moving(order)]

    def _cover(self, identity: str, at: tuple[Number, Number], opacity_T: Floats) -> list[Actor]:
        """Return a cover's face on a dark rim, by which covers that pass over each other are told apart."""
        half = COVER * self.grid.pitch
        parts = {"rim": (darker(self.colour), half), "cover": (self.colour, FACE * half)}
        return [
            self.stage.actor(f"{name} {identity}", "square", colour, at, (size, size), opacity=opacity_T)
            for name, (colour, size) in parts.items()
        ]

    def _resting(self, order: Sequence[Swap]) -> list[Actor]:
        """Return one cover per cell, away while a cover leaves the cell and another comes."""
        actors = []
        for cell in self.grid.cells():
            away = [index for index, swap in enumerate(order) if cell in swap]
            actors += self._cover(cell_words(cell), self.grid.centre(cell), self.stage.at_rest_T(away))
        return actors

    def _moving(self, order: Sequence[Swap]) -> list[Actor]:
        """Return the covers that swap; each goes round the middle between the cells on its side."""
        timeline = self.stage.timeline
        place_T2 = np.full((2, timeline.frames, 2), 0.5)
        for index, swap in enumerate(order):
            start, end = timeline.span(index)
            one_2, other_2 = (np.array(self.grid.centre(cell)) for cell in swap)
            middle_2, arm_2 = (one_2 + other_2) / 2, (one_2 - other_2) / 2
            side_2 = BULGE * np.array([-arm_2[1], arm_2[0]]) * (1 if self.clockwise[swap] else -1)
            turn_T1 = np.pi * eased(end - start + 1)[:, None]
            offset_T2 = np.cos(turn_T1) * arm_2 + np.sin(turn_T1) * side_2
            place_T2[0, start : end + 1] = middle_2 + offset_T2
            place_T2[1, start : end + 1] = middle_2 - offset_T2
        opacity_T = timeline.during(*range(len(order)))
        return [
            part
            for number, (x_T, y_T) in enumerate(place_T2.transpose(0, 2, 1), start=1)
            for part in self._cover(f"in motion {number}", (x_T, y_T), opacity_T)
        ]
