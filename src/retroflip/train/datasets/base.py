"""What a source of data is: something that a file can name, and that becomes a data set."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from retroflip.data.dataset import VideoDataset
from retroflip.data.sample import Sample
from retroflip.recipes.schema import DataSection
from retroflip.video.frames import Fits

Choice: TypeAlias = Callable[[Sequence[Sample]], Sequence[Sample]]
"""which of the samples read are used"""


class NamedData(NamedTuple):
    """A data set before its videos were looked at, how many records of each kind are left out, and a word on that."""

    dataset: VideoDataset
    skipped: dict[str, int]
    note: str


@dataclass(frozen=True)
class Source:
    """One source of data: whether a file that begins so is of it, and how it is opened.

    open: takes what is asked for, how large the model sees it (None: as it is stored), and which records are used
    (None: those that are asked for).
    """

    name: str
    recognises: Callable[[bytes], bool]
    open: Callable[[DataSection, Fits | None, Choice | None], NamedData]
