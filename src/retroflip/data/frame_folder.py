"""Folders of frames: images that are a video, in the natural order of their names, at a rate that the record states.

The first one is shown at second 0, whatever number it has in its name (GOT-10k and MVBench's TVQA count from 1).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np

from retroflip.errors import DecodeError, MissingVideoError
from retroflip.files.names import why_missing
from retroflip.video.decode import MAX_PIXELS
from retroflip.video.frames import Frames
from retroflip.video.samplers import Clip
from retroflip.video.take import Take

_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
_NUMBER = re.compile(r"(\d+)")
_MOST_FRAMES = 10**6


def is_frame(name: str) -> bool:
    """Whether a file of a folder is one of its frames, by its name."""
    return Path(name).suffix.lower() in _SUFFIXES and not name.startswith(".")


@dataclass(frozen=True)
class FrameFolder:
    """The frames of a folder, in their order. fps: how many are shown a second."""

    path: Path
    names: tuple[str, ...]
    fps: float

    @classmethod
    def of(cls, path: Path, fps: float) -> "FrameFolder":
        """List a folder. Raises MissingVideoError, and DecodeError where frames are missing or it holds none."""
        if not path.exists():
            raise MissingVideoError(
                f"{path}: no such folder of frames. Check the path in the data file and the root it is relative to."
                f"{why_missing(path)}"
            )
        if not path.is_dir():
            raise DecodeError(
                f"{path}: not a folder, so it holds no frames. A file is named by 'video' or 'path'."
            )
        try:
            names = [one.name for one in path.iterdir() if is_frame(one.name)]
        except OSError as error:
            raise DecodeError(f"{path}: cannot be read ({error.strerror}). Check who may read it.") from error
        if not names:
            raise DecodeError(
                f"{path}: the folder holds no frames: none of its files is a JPEG, PNG or WebP."
            )
        if len(names) > _MOST_FRAMES:
            raise DecodeError(
                f"{path}: the folder holds {len(names)} frames, and {_MOST_FRAMES} are the limit."
            )
        names.sort(key=_naturally)
        _check_numbers(path, names)
        return cls(path, tuple(names), fps)

    @property
    def clip(self) -> Clip:
        """The frames as samplers know them."""
        rate = Fraction(self.fps).limit_denominator(1001)
        starts = [float(index / rate) for index in range(len(self.names))]
        return Clip(starts, float(len(self.names) / rate), rate)

    def frames(self, take: Take, read: Callable[[str], Frames]) -> Frames:
        """Return the frames that a take has of the folder. read: gives the image of a name.

        Raises DecodeError where it has none, and for frames of several sizes; and what `read` raises.
        """
        clip = self.clip
        plan = take.plan(self.path, clip)
        if plan.fault:
            raise DecodeError(plan.fault)
        pictures = {index: read(self.names[index]) for index in dict.fromkeys(plan.indices)}
        self._check_sizes(list(pictures.values()), len(plan.indices))
        pixels_TCHW = np.concatenate([pictures[index].pixels_TCHW for index in plan.indices])
        fitted = next(iter(pictures.values())).fitted
        return Frames(pixels_TCHW, tuple(clip.starts[index] for index in plan.indices), fitted=fitted)

    def _check_sizes(self, pictures: Sequence[Frames], shown: int) -> None:
        sizes = sorted({one.pixels_TCHW.shape[2:] for one in pictures})
        if len(sizes) > 1:
            named = " and ".join(f"{width} x {height}" for height, width in sizes[:2])
            raise DecodeError(
                f"{self.path}: its frames have several sizes ({named}), so they are not one video's."
            )
        if shown * sizes[0][0] * sizes[0][1] > MAX_PIXELS:
            raise DecodeError(
                f"{self.path}: {shown} frames of {sizes[0][1]} x {sizes[0][0]} pixels are more than {MAX_PIXELS} "
                "pixels, the limit. Ask for fewer or smaller frames."
            )


def _naturally(name: str) -> tuple[list[tuple[int, str]], str]:
    """Return what puts "frame10" behind "frame9"."""
    parts = _NUMBER.split(name)
    return [(int(part), "") if index % 2 else (-1, part) for index, part in enumerate(parts)], name


def _check_numbers(path: Path, names: Sequence[str]) -> None:
    """Raise DecodeError where names that are numbered alike lack a number: times would be told wrong behind it."""
    split = [_NUMBER.split(Path(name).stem) for name in names]
    if any(len(parts) < 3 or parts[:-2] != split[0][:-2] or parts[-1] != split[0][-1] for parts in split):
        return
    numbers = [int(parts[-2]) for parts in split]
    if numbers[0] > 1:
        raise DecodeError(
            f"{path}: its first frame is {names[0]}, so those before it are missing. Restore them, or number the "
            "frames from 1 on."
        )
    for (before, number), behind in zip(pairwise(numbers), names[1:], strict=True):
        if number != before + 1:
            raise DecodeError(
                f"{path}: behind frame {before} comes {behind}: a frame is missing, or there twice. Restore the folder."
            )
