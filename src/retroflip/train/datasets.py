"""What a recipe's `data.records` may name: a file of records, or settings of videos that are drawn when needed.

`dataset_of` is the one door. Which of them a file is, is told by how it begins.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from retroflip.data.dataset import VideoDataset
from retroflip.data.manifest import manifest_beside
from retroflip.data.records import read_records
from retroflip.data.sample import Sample
from retroflip.data.sources import beginning
from retroflip.errors import UsageError
from retroflip.recipes.schema import DataSection
from retroflip.synth.drawn import DrawnDataset, are_settings, read_settings
from retroflip.video.frames import Fits
from retroflip.video.samplers import UNIFORM

Choice: TypeAlias = Callable[[Sequence[Sample]], Sequence[Sample]]
"""which of the samples read are used"""


class NamedData(NamedTuple):
    """A data set before its videos were looked at, how many records of each kind are left out, and a word on that."""

    dataset: VideoDataset
    skipped: dict[str, int]
    note: str


@dataclass(frozen=True)
class Kind:
    """One kind of data: whether a file that begins so is of it, and how it is opened."""

    recognises: Callable[[bytes], bool]
    open: Callable[[DataSection, Fits, Choice | None], NamedData]


def dataset_of(section: DataSection, fits: Fits, choose: Choice | None = None) -> NamedData:
    """Return the data that a recipe names.

    fits: how large the model sees it. choose: which of the records read are used, by default what the section asks for.
    """
    head = beginning(section.records_file)
    kind = next(kind for kind in KINDS if kind.recognises(head))
    return kind.open(section, fits, choose)


def _drawn(section: DataSection, fits: Fits, _: Choice | None) -> NamedData:
    if section.labels:
        raise UsageError(
            f"data.labels cannot choose among videos that are drawn: name kinds or labels in {section.records}."
        )
    if section.columns:
        raise UsageError(
            f"data.columns maps nothing of videos that are drawn by {section.records}: leave it out."
        )
    if section.sampling != UNIFORM:
        raise UsageError(
            f"data.sampler chooses among the frames of files, and {section.records} draws so many frames of a video as "
            "are shown: leave it out."
        )
    drawn = DrawnDataset.of(
        read_settings(section.records_file),
        section.limit,
        fits,
        root=section.root_folder,
        frames=section.frames,
        pool=section.pool,
    )
    return NamedData(drawn, {}, "")


def _recorded(section: DataSection, fits: Fits, choose: Choice | None) -> NamedData:
    read = read_records(section.records_file, section.modalities, section.columns)
    dataset = VideoDataset(
        samples=(choose or section.chosen)(read.samples),
        root=section.root_folder,
        manifest=manifest_beside(section.root_folder),
        frames=section.frames,
        pool=section.pool,
        fits=fits,
        sampler=section.sampling,
    )
    return NamedData(dataset, read.skipped, read.note)


KINDS = (Kind(are_settings, _drawn), Kind(lambda _: True, _recorded))
"""the first one that recognises a file opens it"""
