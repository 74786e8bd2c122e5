"""What the model was shown on a branch: its frames made again from the data, by their numbers in the rollouts."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from retroflip.data.dataset import VideoDataset
from retroflip.errors import DataError, first_fault
from retroflip.recipes.schema import DataSection
from retroflip.train.datasets import dataset_of
from retroflip.train.datasets.mixed import mixture_of
from retroflip.video.frames import Frames, Shown
from retroflip.video.transforms import taken
from retroflip.web.places import Folders


class ShownBranch(NamedTuple):
    """What a branch was asked, and the frames of each video that it was shown."""

    question: str
    videos: list[Frames]


def shown_frames(recipe: Mapping[str, Any], row: Mapping[str, Any], folders: Folders) -> ShownBranch:
    """Return what a rollout's branch was asked and shown, frames as large as they are stored.

    Raises DataError where the data is not in the folders that were given, or has changed, or the row is of a version
    that did not note them.
    """
    if "frames" not in row:
        raise DataError("This run is of a version that did not note which frames were shown.")
    dataset = _dataset(recipe.get("data", {}), folders)
    sample = next((one for one in dataset.samples if one.id == row["sample"]), None)
    if sample is None:
        raise DataError(f"The run's data has no sample {str(row['sample'])!r:.80} any more.")
    videos = [
        frames
        for medium, frames in zip(sample.shown, dataset.load_all(sample), strict=True)
        if not medium.is_image
    ]
    taken = [_taken(frames, one) for frames, one in zip(videos, row["frames"], strict=True)]
    return ShownBranch(sample.question, taken)


def _dataset(section: Mapping[str, Any], folders: Folders) -> VideoDataset:
    try:
        data = DataSection.model_validate(section)
    except ValidationError as error:
        raise DataError(f"run.json holds no data section that is known ({first_fault(error)}).") from error
    mixture = mixture_of(section)
    parts = mixture.parts if mixture else ()
    places = [data.records_file, *(Path(one.records) for one in parts)]
    places += [Path(root) for root in (data.root, *(one.root for one in parts)) if root]
    if not all(folders.holds(place) for place in places):
        raise DataError(
            f"The run's videos are not in the folders given. Add {data.records_file.parent} to retroflip view."
        )
    stamp = data.records_file.stat()
    return _opened(data.model_dump_json(), stamp.st_size, stamp.st_mtime_ns)


@lru_cache(4)
def _opened(section: str, *_: int) -> VideoDataset:
    """Return the data; a file that changed is opened again."""
    return dataset_of(DataSection.model_validate_json(section), fits=None).dataset


def _taken(pool: Frames, shown: Mapping[str, Any]) -> Frames:
    try:
        return taken(pool, Shown(tuple(shown["places"]), (), bool(shown["mirrored"])))
    except ValueError as error:
        raise DataError(
            f"The video has fewer frames than the run was shown ({error}): it has changed."
        ) from error
