"""Which frames of a video are asked for."""

from pathlib import Path
from typing import NamedTuple

from retroflip.errors import DecodeError
from retroflip.video.samplers import UNIFORM, Clip, Sampler
from retroflip.video.window import Window


class Plan(NamedTuple):
    """The numbers of the frames that a take has of one video, in their order; or why it has none."""

    indices: tuple[int, ...] = ()
    fault: str = ""


class Take(NamedTuple):
    """The frames that a sampler chooses of a video, or of its part `window`; `frames` are how many, or the most."""

    frames: int
    window: Window | None = None
    sampler: Sampler = UNIFORM

    def plan(self, path: Path, clip: Clip) -> Plan:
        """Return which frames it has of the video at `path`, which `clip` describes but for the window."""
        try:
            if self.window is not None:
                self.window.check(path, clip.end)
            return Plan(tuple(self.sampler.indices(clip._replace(window=self.window), self.frames)))
        except DecodeError as error:
            return Plan(fault=str(error))
        except ValueError as error:
            return Plan(
                fault=f"{path}: {error}. Leave the video out, or choose another sampler or number of frames."
            )
