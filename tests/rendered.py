"""A data set of rendered clips in memory, for tests of training that are not about files."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from retroflip.data.dataset import VideoDataset
from retroflip.data.sample import Modality, Sample
from retroflip.lab.clip import Clip
from retroflip.lab.kinds import KINDS
from retroflip.lab.render import render
from retroflip.lab.samples import sample_of
from retroflip.video.frames import Frames
from retroflip.video.sampling import uniform_indices


@dataclass(frozen=True)
class RenderedDataset(VideoDataset):
    """Samples whose frames are drawn, not decoded; `loads` counts how often each was asked for."""

    pictures: dict[str, Frames] = field(default_factory=dict)
    loads: list[str] = field(default_factory=list)

    def load_all(self, sample: Sample) -> tuple[Frames, ...]:
        """Return the sample's frames; none for a text."""
        self.loads.append(sample.id)
        return (self.pictures[sample.id],) if sample.id in self.pictures else ()


def rendered(clips: Sequence[Clip], frames: int = 8, size: int = 64) -> RenderedDataset:
    """Return the clips as a data set."""
    names = [f"clip-{index}" for index in range(len(clips))]
    samples = [
        sample_of(clip, identity=name, video=name, source_clip=name)
        for clip, name in zip(clips, names, strict=True)
    ]
    pictures = {
        name: render(clip.scene, size, uniform_indices(len(clip.scene), frames))
        for name, clip in zip(names, clips, strict=True)
    }
    return RenderedDataset(samples=samples, root=Path(), frames=frames, pictures=pictures)


def drawn(kind: str, count: int, seed: int = 0) -> list[Clip]:
    """Return `count` clips of a kind."""
    rng = np.random.default_rng(seed)
    return [KINDS[kind](rng) for _ in range(count)]


def of_all_kinds(clips: Sequence[Clip]) -> RenderedDataset:
    """Return the clips as a data set in which the second is a text and the third the picture of its first frame."""
    videos = rendered(clips)
    kinds = [Modality.VIDEO, Modality.TEXT, Modality.IMAGE, *[Modality.VIDEO] * (len(clips) - 3)]
    samples = [
        sample.model_copy(
            update={"modality": kind, "task_type": sample.task_type if kind is Modality.VIDEO else None}
        )
        for sample, kind in zip(videos.samples, kinds, strict=True)
    ]
    pictures = {name: frames for name, frames in videos.pictures.items() if name != "clip-1"}
    film = pictures["clip-2"]
    pictures["clip-2"] = Frames(film.pixels_TCHW[:1], film.seconds[:1])
    return replace(videos, samples=samples, pictures=pictures)
