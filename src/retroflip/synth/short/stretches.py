"""Halves or quarters of a video, which speeds may change in, and how coarsely ways in them can be told."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from retroflip.synth.animation import Floats
from retroflip.synth.episode import Redraw
from retroflip.synth.settings import SceneSettings
from retroflip.synth.wording import ordinal

Percent = npt.NDArray[np.int64]
STEPS = (5, 2, 1)
"""in percent of the screen, which ways may be told in"""
CALLED = {2: "half", 4: "quarter"}


def number_of_stretches(settings: SceneSettings, most: int) -> int:
    """Return in how many stretches speeds may differ: quarters if a viewer can tell as many (`most`), else halves."""
    wanted = settings.operations or round(2 * settings.operation_scale)
    return 4 if min(wanted, most) >= 4 else 2


def named(number: int, stretches: int) -> str:
    """Return what a stretch is called, counted from 1.

    >>> named(3, 4)
    'third quarter'
    """
    return f"{ordinal(number)} {CALLED[stretches]}"


def told_ways(ways: Floats, holds: Callable[[Percent], bool]) -> Percent:
    """Return ways in percent of the screen, as coarsely as what is to be seen of them still `holds`.

    Raises Redraw where it never does.
    """
    for step in STEPS:
        told = step * np.round(100.0 * ways / step).astype(int)
        if holds(told):
            return told
    raise Redraw
