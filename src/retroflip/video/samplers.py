"""Samplers: which frames of a video, or of its part, a model is shown. A new one is a function and a line in SAMPLERS.

`uniform` is ours, and so is `fps`. The others give the numbers of the frames that public tools show, so that what they
scored can be asked again. They were written after the code of VLMEvalKit 0.2rc1 (`save_video_frames` of
video_base.py), lmms-eval 0.7.2 (`load_video_stream` of load_video.py, its way for MP4), qwen-vl-utils 0.0.14
(`smart_nframes` and `calculate_video_frame_range` of vision_process.py) and MVBench's notebook (`get_index`). To a
tool that knows no parts of videos, a part is a video.
"""

import difflib
import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple, TypeAlias

import numpy as np

from retroflip.video.sampling import uniform_indices
from retroflip.video.window import Window


class Clip(NamedTuple):
    """A video, as samplers know it, and the part of it that is asked for.

    starts: when each of its frames begins, in seconds. end: when the last one ends. rate: its frames per second on
    average, as its header has them.
    """

    starts: Sequence[float]
    end: float
    rate: Fraction
    window: Window | None = None

    @property
    def part(self) -> range:
        """The frames that are asked for."""
        return range(len(self.starts)) if self.window is None else self.window.indices(self.starts)


class Sampler(NamedTuple):
    """A sampler by its name, with the frames per second that it is asked for, if it is."""

    name: str = "uniform"
    fps: float | None = None

    def __str__(self) -> str:
        name = "uniform, rounded linspace" if self.name == "uniform" else self.name
        return name if self.fps is None else f"{name}, {self.fps:g} fps"

    def indices(self, clip: Clip, frames: int) -> list[int]:
        """Return the numbers, in the whole video, of the frames shown, in their order.

        frames: how many at most, or just so many; each sampler says which. Raises ValueError where it shows none.
        """
        return SAMPLERS[self.name](clip, frames, self.fps)

    def check(self) -> None:
        """Raise ValueError for a name that there is not, for frames per second where the sampler takes none, and for
        none where it needs them."""
        if self.name not in SAMPLERS:
            near = difflib.get_close_matches(self.name.lower(), SAMPLERS, n=1, cutoff=0.4)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise ValueError(
                f"there is no sampler {self.name!r}{hint}: set sampler to one of {', '.join(SAMPLERS)}"
            )
        if self.name == "fps" and self.fps is None:
            raise ValueError(
                "the sampler fps needs to know how many frames a second: set fps, to 2 for example"
            )
        if self.name in ("uniform", "mvbench") and self.fps is not None:
            raise ValueError(
                f"the sampler {self.name} shows a number of frames: leave fps out, or set sampler to fps"
            )


def uniform(clip: Clip, frames: int, fps: float | None) -> list[int]:  # noqa: ARG001 - a sampler's signature
    """Show so many frames, evenly spread from the first to the last (`uniform_indices`)."""
    return _of(clip, uniform_indices(len(clip.part), frames))


def by_rate(clip: Clip, frames: int, fps: float | None) -> list[int]:
    """Show what is on screen at the beginning and every 1/fps seconds behind it, by the frames' own times.

    Where that is more than `frames`, so many are spread evenly.
    """
    window = clip.window or Window()
    first, end = max(window.start, clip.starts[0]), min(window.end, clip.end)
    count = max(1, math.ceil((end - first) * _given(fps) - 1e-6))
    if count > frames:
        return uniform(clip, frames, None)
    part = clip.part
    shown = (bisect_right(clip.starts, first + number / _given(fps) + 1e-6) - 1 for number in range(count))
    return [min(max(index, part[0]), part[-1]) for index in shown]


def vlmevalkit(clip: Clip, frames: int, fps: float | None) -> list[int]:
    """Show the frames n k / (frames + 1), k from 1 on, cut to whole numbers, of n; with fps, as many as there are
    seconds times fps, every rate / fps-th from 0 on, without a limit."""
    total = len(clip.part)
    if fps is None:
        step = total / (frames + 1)
        return _of(clip, [int(number * step) for number in range(1, frames + 1)])
    rate = float(clip.rate)
    return _of(clip, [int(number * (rate / fps)) for number in range(int(total / rate * fps))])


def lmms_eval(clip: Clip, frames: int, fps: float | None) -> list[int]:
    """Show a linspace from the first frame to the last, cut to whole numbers, of no more frames than there are; with
    fps, of no more than seconds times fps, but one."""
    total = len(clip.part)
    count = min(total, frames)
    if fps is not None:
        count = min(count, max(1, int(total / clip.rate * fps)))
    return _of(clip, np.linspace(0, total - 1, count, dtype=int).tolist())


def mvbench(clip: Clip, frames: int, fps: float | None) -> list[int]:
    """Show the frames first + size / 2 + k size, k from 0 on, of which k size is rounded and the sum cut to a whole
    number; size: of one of `frames` equal stretches from the first frame to the last, which a part has by the average
    rate.

    Raises ValueError for frames per second.
    """
    if fps is not None:
        raise ValueError("the sampler mvbench shows a number of frames: leave fps out, or set sampler to fps")
    rate, total = float(clip.rate), len(clip.starts)
    window = clip.window or Window()
    first = max(0, round(window.start * rate))
    last = total - 1 if window.end == math.inf else min(round(window.end * rate), total - 1)
    size = (last - first) / frames
    places = [int(first + size / 2 + np.round(size * number)) for number in range(frames)]
    return [min(max(place, 0), total - 1) for place in places]


def qwen_vl_utils(clip: Clip, frames: int, fps: float | None) -> list[int]:
    """Show a linspace in float32, rounded, of an even number of frames: `frames`, or with fps as many as
    there are seconds times fps, at least 4 and at most `frames`. Frames are told by the average rate, not their times.

    Raises ValueError where the video has fewer frames than 2, or than `frames` without fps.
    """
    rate = float(clip.rate)
    first, last = _range_of(clip.window, len(clip.starts), rate)
    total = last - first + 1
    if fps is None:
        count = round(frames / 2) * 2
    else:
        wanted = max(total / rate * fps, 4)
        count = math.floor(min(wanted, frames // 2 * 2, total) / 2) * 2
    if not 2 <= count <= total:
        raise ValueError(f"qwen-vl-utils shows 2 to {total} frames of this video, and {count} are asked for")
    return _float32_linspace(first, last, count)


def _range_of(window: Window | None, total: int, rate: float) -> tuple[int, int]:
    """Return the first and last frame of a part by the average rate."""
    if window is None:
        return 0, total - 1
    seconds = total / rate
    first = math.ceil(min(window.start, seconds) * rate)
    last = (
        total - 1 if window.end == math.inf else min(math.floor(min(window.end, seconds) * rate), total - 1)
    )
    if first >= last:
        raise ValueError(f"qwen-vl-utils finds no two frames in the part {window}")
    return first, last


def _float32_linspace(first: int, last: int, count: int) -> list[int]:
    """Return `torch.linspace(first, last, count).round().long()`, which counts from both ends, in float32.

    Of an even number of frames none lies half between two, but some as near to it as 1 / (2 count): where `last` times
    `count` is above two million, what torch gives for those differs by one between processors, and so may this.
    """
    places = np.arange(count, dtype=np.float32)
    low, high = np.float32(first), np.float32(last)
    step = (high - low) / np.float32(count - 1)
    values = np.where(
        places < count // 2, low + step * places, high - step * (np.float32(count - 1) - places)
    )
    return [int(value) for value in np.round(values)]


def _of(clip: Clip, places: Sequence[int]) -> list[int]:
    """Return the numbers in the whole video of places in the part. Raises ValueError for none."""
    if not places:
        raise ValueError("the sampler shows no frame of so short a video")
    part = clip.part
    return [part[place] for place in places]


def _given(fps: float | None) -> float:
    if fps is None:
        raise ValueError("the sampler fps needs a number of frames a second")
    return fps


Choice: TypeAlias = Callable[[Clip, int, float | None], list[int]]

SAMPLERS: Mapping[str, Choice] = {
    "uniform": uniform,
    "fps": by_rate,
    "vlmevalkit": vlmevalkit,
    "lmms-eval": lmms_eval,
    "qwen-vl-utils": qwen_vl_utils,
    "mvbench": mvbench,
}
"""by the names that recipes, options and answers have"""

UNIFORM = Sampler()
