"""What several short kinds share: places that keep apart, windows of counts, what a viewer must be shown."""

import math
from collections.abc import Mapping

from retroflip.synth.animation import Animation
from retroflip.synth.episode import Draw, Redraw, fits_view
from retroflip.synth.settings import SceneSettings

CELL = 1.0 / 3.0
"""side of a square in which an object has room of its own"""
_CELLS = tuple((column, row) for column in range(3) for row in range(3))
WINDOW = 4
"""how many counts in a row a question offers"""


def spots(draw: Draw, count: int, reach: float) -> list[tuple[float, float]]:
    """Return places so far apart that objects which stay within `reach` of theirs never meet, nor leave the frame."""
    slack = CELL / 2.0 - reach
    return [
        (
            (column + 0.5) * CELL + draw.between(-slack, slack),
            (row + 0.5) * CELL + draw.between(-slack, slack),
        )
        for column, row in draw.some_of(_CELLS, count)
    ]


def lowest_count(draw: Draw, by_difficulty: Mapping[int, int], most: int) -> int:
    """Return the lowest count of a window whose mean is that of the difficulty times the scale; at most `most`.

    Where that lies half way between two windows, they take turns. settings.operations, where set, is the highest count
    of the window instead. Raises Redraw where `most` is under 1: nobody could count that much in the frames viewed.
    """
    if most < 1:
        raise Redraw
    settings, middle = draw.settings, (WINDOW - 1) / 2
    wanted = (by_difficulty[settings.difficulty] + middle) * settings.operation_scale - middle
    if settings.operations is not None:
        wanted = settings.operations - WINDOW + 1
    if wanted % 1 == 0.5:
        wanted = draw.deal("window", (math.floor(wanted), math.ceil(wanted)))
    return max(1, min(round(wanted), most))


def window(lowest: int) -> range:
    """Return the counts that a question offers."""
    return range(lowest, lowest + WINDOW)


def times(count: int) -> str:
    """Return how often, in words.

    >>> times(1), times(3)
    ('1 time', '3 times')
    """
    return f"{count} time" if count == 1 else f"{count} times"


def require_seen(clip: Animation, min_fps: float, settings: SceneSettings) -> None:
    """Raise Redraw unless the frames that a viewer is shown decide the question."""
    if not fits_view(clip, min_fps, settings):
        raise Redraw
