"""How a branch sees a video: which frames of the decoded pool it is shown, and what is done to them."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from retroflip.video.frames import Frames
from retroflip.video.sampling import uniform_indices
from retroflip.video.transforms import Transform, apply


class View(Protocol):
    """A way to see a video."""

    @property
    def label(self) -> str:
        """Its name in records of rollouts."""

    @property
    def needs_scores(self) -> bool:
        """Whether it chooses frames by their scores."""

    def apply(
        self, pool: Frames, count: int, rng: np.random.Generator, scores: npt.NDArray[np.float64] | None
    ) -> Frames:
        """Return at most `count` of the pool's frames, as they are to be shown."""


@dataclass(frozen=True)
class Transformed:
    """Evenly spread frames, under one transform."""

    transform: Transform

    @property
    def label(self) -> str:
        """The transform's name."""
        return self.transform.value

    @property
    def needs_scores(self) -> bool:
        """No: frames are evenly spread."""
        return False

    def apply(
        self,
        pool: Frames,
        count: int,
        rng: np.random.Generator,
        scores: npt.NDArray[np.float64] | None,  # noqa: ARG002 - the protocol's
    ) -> Frames:
        """Return `count` frames of the pool, spread evenly, transformed."""
        indices = uniform_indices(len(pool), min(count, len(pool)))
        chosen = Frames(pool.pixels_TCHW[indices], tuple(pool.seconds[index] for index in indices))
        return apply(self.transform, chosen, rng)
