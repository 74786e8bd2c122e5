"""Extra objects of long videos: small shapes that wander along the frame's edge and take part in nothing."""

from collections.abc import Sequence

import numpy as np

from retroflip.synth.animation import PALETTE, Actor, actor
from retroflip.synth.common import Look
from retroflip.synth.episode import Draw

RADIUS = 0.022
_EDGE = 0.03
"""of their centres from the frame's edge"""
_STRAY = 0.25
"""how far one wanders at most"""


def draw_bystanders(draw: Draw, looks: Sequence[Look], frames: int) -> list[Actor]:
    """Return one wanderer per look, each along the top or the bottom edge, in even motion."""
    wanderers = []
    for number, look in enumerate(looks, start=1):
        start, end = draw.rng.uniform(_EDGE, 1.0 - _EDGE - _STRAY, size=2) + draw.rng.uniform(
            0.0, _STRAY, size=2
        )
        x_T = np.linspace(start, end, frames)
        y = draw.one_of((_EDGE, 1.0 - _EDGE))
        wanderers.append(
            actor(
                f"d{number}", look.shape, PALETTE[look.colour], frames=frames, x=x_T, y=y, half_width=RADIUS
            )
        )
    return wanderers
