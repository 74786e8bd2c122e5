"""Temporal videos that are drawn when they are needed: questions without end, and no file or codec in between.

A recipe whose `data.records` is a YAML file of a data set's settings (`CorpusSettings`: kinds, per_task, seed, split,
scene, ...) trains on these. Every question is a function of the settings and its number, as in a data set on disk, so a
resumed run sees the same ones, and `per_task` may be as large as one likes.
"""

import re
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import Self, overload

import numpy as np

from retroflip.data.dataset import MadeDataset
from retroflip.data.sample import Sample
from retroflip.errors import DataError, UsageError
from retroflip.recipes import reading
from retroflip.recipes.shipped import merged, read_layers
from retroflip.synth.corpus import (
    ATTEMPTS,
    TURNS_TRIED,
    CorpusSettings,
    Job,
    can_be_drawn,
    described,
    sample_from,
)
from retroflip.synth.episode import Episode
from retroflip.synth.raster import render_rgb
from retroflip.synth.remedies import least_frames, remedy
from retroflip.video.frames import Fits, Frames
from retroflip.video.samplers import UNIFORM, Sampler
from retroflip.video.sampling import uniform_indices

_SETTINGS = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:\s*(?:#|---|%YAML)[^\n]*\n)*\s*(?:\{\s*)?[A-Za-z_]\w*\s*:(?:\s|$)"
)
KEPT = 64
"""draws that are remembered: a question is asked for several times within a step"""


def are_settings(head: bytes) -> bool:
    """Return whether a file that begins so holds settings: YAML, whose keys stand without the quotes of JSON's."""
    return _SETTINGS.match(head) is not None


def read_settings(path: Path) -> CorpusSettings:
    """Return the settings in a YAML file. Raises RecipeError for one that is missing or wrong."""
    layers = read_layers(path)
    return reading.validate(CorpusSettings, merged(layers), reading.Origin(path, (), layers), {})


@dataclass(frozen=True)
class DrawnSamples(Sequence[Sample]):
    """All questions of a data set in its order (turn after turn, kind after kind), each drawn when it is asked for."""

    settings: CorpusSettings
    kinds: tuple[str, ...]
    limit: int | None = None

    def __len__(self) -> int:
        total = self.settings.per_task * len(self.kinds) * self._sides
        return total if self.limit is None else min(total, self.limit)

    @overload
    def __getitem__(self, index: int) -> Sample: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Sample]: ...

    def __getitem__(self, index: int | slice) -> Sample | Sequence[Sample]:
        """Draw a question, or several."""
        if isinstance(index, slice):
            return [self[one] for one in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(f"there is no question {index} among {len(self)}")
        number, side = divmod(index % len(self), self._sides)
        turn, kind = divmod(number, len(self.kinds))
        return _drawn(Job(self.settings, self.kinds[kind], turn))[side][1]

    @property
    def _sides(self) -> int:
        return 2 if self.settings.paired else 1


@dataclass(frozen=True)
class DrawnDataset(MadeDataset):
    """Questions whose frames are rendered, not decoded. settings: as stated, before frames limit what is drawn."""

    samples: DrawnSamples
    settings: CorpusSettings = field(kw_only=True)

    @classmethod
    def of(
        cls,
        settings: CorpusSettings,
        limit: int | None,
        fits: Fits | None,
        *,
        root: Path,
        frames: int,
        pool: int | None,
    ) -> Self:
        """Return the data set of these settings.

        limit: how many questions there are at the most, from the first on; None for all. fits: they are drawn as large
        as it says that a model sees them, by default in the scenes' size. root, frames, pool: as in VideoDataset; no
        question is drawn that `frames` evenly spread frames cannot decide.

        Raises UsageError for kinds that do not exist.
        """
        kinds = tuple(kind.name for kind in settings.kinds_chosen())
        # Every question must be decidable from the frames that the model will be shown, not from more.
        shown = settings.scene.model_copy(update={"viewed_frames": min(settings.scene.viewed_frames, frames)})
        samples = DrawnSamples(settings.model_copy(update={"scene": shown}), kinds, limit)
        return cls(samples, root, frames=frames, fits=fits, pool=pool, settings=settings)

    @property
    def examples(self) -> Sequence[Sample]:
        """Return one question of each kind."""
        sides = 2 if self.samples.settings.paired else 1
        return self.samples[: len(self.samples.kinds) * sides]

    def seen(self, frames: int, fits: Fits | None, sampler: Sampler = UNIFORM) -> Self:
        """Return the questions that so many frames decide, which may be other ones. Raises UsageError for a sampler."""
        if sampler != UNIFORM:
            raise UsageError(
                f"The sampler {sampler.name} chooses among the frames of files, and videos that are drawn have as "
                "many as are shown: leave it out."
            )
        return type(self).of(
            self.settings, self.samples.limit, fits, root=self.root, frames=frames, pool=self.pool
        )

    def require(self, max_failed_share: float) -> None:  # noqa: ARG002
        """Raise DataError for kinds that cannot be drawn."""
        require_drawable(self.samples.settings, self.samples.kinds, self.settings.scene.viewed_frames)

    def others(self, asked: AbstractSet[str], count: int, rng: np.random.Generator) -> list[Sample]:
        """Return up to `count` questions that are not among those asked, and draw no more of them than needed."""
        # Of so many different questions, all but len(asked) have not been asked.
        places = rng.choice(len(self), min(len(self), count + len(asked)), replace=False)
        found = (self.samples[int(place)] for place in places)
        return list(islice((sample for sample in found if sample.id not in asked), count))

    def load_all(self, sample: Sample) -> tuple[Frames, ...]:
        """Return the pool of frames of a question's video, rendered. Raises KeyError for a question of other data."""
        settings = self.samples.settings
        if sample.task not in self.samples.kinds:
            raise KeyError(sample.id)
        try:
            turn = int(sample.id.removeprefix(f"{sample.task}-").partition("-")[0])
        except ValueError as error:
            raise KeyError(sample.id) from error
        drawn = {one.id: episode for episode, one in _drawn(Job(settings, sample.task, turn))}
        animation = drawn[sample.id].animation
        size = settings.scene.size
        if self.fits is not None:
            size, _ = self.fits.video.size(size, size)  # a square stays one
        shown = uniform_indices(animation.frames, self.pool_frames)
        frames = render_rgb(animation, size, shown)
        return (replace(frames, fitted=self.fits is not None),)


def require_drawable(settings: CorpusSettings, kinds: Sequence[str], viewed_frames: int) -> None:
    """Raise DataError that names every kind of which one of the first questions cannot be drawn.

    A question is drawn a few times at first, and if that fails, as often as a run would try it. viewed_frames: what the
    scene would have if data.frames did not limit it.
    """
    scene, turns = settings.scene, range(min(TURNS_TRIED, settings.per_task))
    jobs = [Job(settings, kind, turn) for kind in kinds for turn in turns]
    doubtful = [job for job in jobs if not can_be_drawn([job], scene)]
    failing = [job for job in doubtful if not can_be_drawn([job], scene, ATTEMPTS)]
    if not failing:
        return
    names, works = ", ".join(dict.fromkeys(job.kind for job in failing)), partial(can_be_drawn, failing)
    if frames := least_frames(scene, viewed_frames, works):
        raise DataError(
            f"With data.frames={scene.viewed_frames} a model is shown too few frames of a video to decide a question "
            f"of these kinds: {names}. Set data.frames={frames}, or leave the kinds out."
        )
    raise DataError(
        f"No video of these kinds could be drawn with these settings: {names}. {remedy(scene, works)}"
    )


@lru_cache(maxsize=KEPT)
def _drawn(job: Job) -> tuple[tuple[Episode, Sample], ...]:
    return tuple((episode, sample_from(metadata)) for episode, metadata in described(job))
