"""Halves or quarters of a video, which speeds may change in, and how coarsely ways in them can be told."""

from collections.abc import Callable

from retroflip.synth.episode import Redraw
from retroflip.synth.settings import SceneSettings
from retroflip.synth.wording import ordinal

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


def coarsest_step(holds: Callable[[int], bool]) -> int:
    """Return the coarsest step in which what is told of ways `holds`. Raises Redraw where there is none."""
    for step in STEPS:
        if holds(step):
            return step
    raise Redraw
