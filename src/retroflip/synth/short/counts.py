"""Counts as answers: which four in a row a question offers."""

import math
from collections.abc import Sequence

from retroflip.synth.episode import Draw, Redraw

WINDOW = 4
"""how many counts in a row a question offers"""


def lowest_count(draw: Draw, by_difficulty: Sequence[int], most: int) -> int:
    """Return the lowest count of a window whose mean is that of the difficulty times the scale; at most `most`.

    Where that lies half way between two windows, they take turns. settings.operations, where set, is the highest count
    of the window instead. Raises Redraw where `most` is under 1: nobody could count that much in the frames viewed.
    """
    if most < 1:
        raise Redraw
    settings, middle = draw.settings, (WINDOW - 1) / 2
    wanted = (draw.level(by_difficulty) + middle) * settings.operation_scale - middle
    if settings.operations is not None:
        wanted = settings.operations - WINDOW + 1
    if wanted % 1 == 0.5:
        wanted = draw.deal("window", (math.floor(wanted), math.ceil(wanted)))
    return max(1, min(round(wanted), most))


def window(lowest: int) -> range:
    """Return the counts that a question offers."""
    return range(lowest, lowest + WINDOW)
