"""Which frames of a video are asked for."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from retroflip.errors import DecodeError
from retroflip.video.clock import Timeline
from retroflip.video.sampling import uniform_indices
from retroflip.video.window import Window


class Take(NamedTuple):
    """So many evenly spread frames of a video, or of its part `window`."""

    frames: int
    window: Window | None = None

    def indices(self, path: Path, times: Timeline) -> list[int]:
        """Return the frames' numbers in the video at `path`, whose frames are shown at these times.

        Raises DecodeError where the video has no such part.
        """
        if self.window is None:
            part = range(len(times.starts))
        else:
            self.window.check(path, times.end)
            part = self.window.indices(times.starts)
        return [part[place] for place in uniform_indices(len(part), self.frames)]


def planned(path: Path, takes: Sequence[Take], times: Timeline) -> list[list[int]]:
    """Return the frames of several takes, none for one whose part the video does not have."""
    plans = []
    for take in takes:
        try:
            plans.append(take.indices(path, times))
        except DecodeError:
            plans.append([])
    return plans
