"""Draws and courses that several kinds of temporal video share."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from retroflip.synth.animation import PALETTE, SHAPES, Actor, Animation, Floats, actor
from retroflip.synth.episode import Draw, State

SNAPSHOT_SECONDS = 0.2
"""between snapshots of moving objects"""


@dataclass(frozen=True)
class Look:
    """What an object looks like, drawn independently of the part that it plays."""

    shape: str
    colour: str

    @property
    def name(self) -> str:
        """How questions call it."""
        return f"{self.colour} {self.shape}"

    def facts(self, identity: str, **more: Any) -> dict[str, Any]:
        """Return the object as metadata lists it."""
        return {"id": identity, "shape": self.shape, "colour": self.colour, "name": self.name, **more}


def draw_looks(draw: Draw, count: int, shapes: Sequence[str] = SHAPES) -> list[Look]:
    """Return looks of which no two share a shape or a colour, as long as there are enough of them."""
    colours = draw.some_of(list(PALETTE), min(count, len(PALETTE)))
    forms = draw.some_of(list(shapes), min(count, len(shapes)))
    return [Look(forms[index % len(forms)], colours[index % len(colours)]) for index in range(count)]


def moving(identity: str, look: Look, x_T: Floats, y_T: Floats, radius: float) -> Actor:
    """Return an object of that look on that course."""
    return actor(identity, look.shape, PALETTE[look.colour], frames=len(x_T), x=x_T, y=y_T, half_width=radius)


def frames_of(draw: Draw, low: float, high: float) -> int:
    """Return a clip's length in frames, drawn between `low` and `high` seconds before the settings' scale."""
    return max(2, round(draw.between(low, high) * draw.settings.duration_scale * draw.settings.fps))


def eased(frames: int) -> Floats:
    """Return a smooth course from 0 to 1 in `frames` steps that starts and ends at rest (its own mirror image)."""
    along = np.linspace(0.0, 1.0, frames)
    return along * along * (3.0 - 2.0 * along)


def positions(
    animation: Animation, identities: Sequence[str], every: float = SNAPSHOT_SECONDS
) -> list[State]:
    """Return where those actors are, every so many seconds and in the last frame, in shares of the side."""
    step = max(1, math.floor(every * animation.fps))
    chosen = [*range(0, animation.frames - 1, step), animation.frames - 1]
    by_id = {one.id: one for one in animation.actors}
    return [
        State(
            frame,
            {
                "positions": {
                    name: [round(float(by_id[name].x_T[frame]), 4), round(float(by_id[name].y_T[frame]), 4)]
                    for name in identities
                }
            },
        )
        for frame in chosen
    ]
