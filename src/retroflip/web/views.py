"""What a model was shown of a question's videos under a control: the same frames, in the order in which it saw them."""

from pathlib import Path
from typing import NamedTuple

from retroflip.bench.records import Control
from retroflip.bench.requests import VIEWS
from retroflip.data.dataset import VideoDataset
from retroflip.data.sample import Sample
from retroflip.draws import draw
from retroflip.video.budget import PixelBudget
from retroflip.video.fit import BudgetFit
from retroflip.video.frames import Fits, Frames
from retroflip.video.transforms import apply
from retroflip.web.answered import Asked

SIDE = 320
"""pixels of a frame's side, as a page shows it"""
_SMALL = BudgetFit(PixelBudget(max_pixels=SIDE * SIDE))


class Seen(NamedTuple):
    """The frames of one video as they were shown. taken: the second of the video at which each was taken; `frames` has
    the seconds that the model was told."""

    frames: Frames
    taken: tuple[float, ...]


def seen_under(control: Control, sample: Sample, root: Path, asked: Asked) -> list[Seen]:
    """Return what was shown of each video, or image, of a question; nothing where a control shows nothing.

    The drawn views are drawn as `bench.requests` draws them. Raises MediaError and PathEscapeError as
    `VideoDataset.load_all` does.
    """
    view = VIEWS.get(control)
    if view is None:
        return []
    dataset = VideoDataset((), root, None, asked.frames, Fits(_SMALL, _SMALL), sampler=asked.sampler)
    found = []
    for frames in dataset.load_all(sample):
        seen = apply(view, frames, draw(asked.seed, sample.id, control.value))
        found.append(Seen(seen, tuple(frames.seconds[place] for place in seen.places)))
    return found
