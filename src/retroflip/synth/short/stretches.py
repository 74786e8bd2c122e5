"""Halves or quarters of a video, which speeds may change in."""

from retroflip.synth.settings import SceneSettings
from retroflip.synth.wording import ordinal

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
