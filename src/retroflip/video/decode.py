"""Reading video files: a few evenly spread frames, upright, each with the second at which it is shown.

A file is read twice: once without decoding, to count its frames, and once to decode it, keeping only the frames
asked for (`passes`, on top of `container`, `display` and `clock`).

Whatever goes wrong with one file is that file's failure, a VideoError (`one_file`). Damage often decodes without any
error (measured on H.264: ten of ten files with one changed byte), so pass the `sha256` of the file where it is
known. Time is limited between packets, and what a file may hold by its header; a decoder that hangs or crashes inside
one call needs a process of its own, which `isolated` has.
"""

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from av.video.frame import VideoFrame

from retroflip.errors import (
    DecodeError,
    DecodeLimitError,
    HashMismatchError,
    MediaError,
    MissingVideoError,
    RetroflipError,
)
from retroflip.files.names import why_missing
from retroflip.video.clock import Timeline
from retroflip.video.container import picture_format
from retroflip.video.display import shrunk
from retroflip.video.frames import MAX_ASPECT, Fit, Frames, Pixels
from retroflip.video.hashing import sha256_file
from retroflip.video.passes import Coded, Pass, count_coded_frames
from retroflip.video.samplers import UNIFORM, Clip, Sampler
from retroflip.video.take import Plan, Take
from retroflip.video.truncation import missing_bytes
from retroflip.video.window import Window

MAX_PIXELS = 2**29
"""of all frames that one call returns: 64 frames of 4K television, 1.5 GiB"""
_CHANGED = "the file changed while it was read. Wait until it is fully written."
MAX_SECONDS = 600.0
"""that one call may take; a core decodes two hours of 720p in it"""


@dataclass(frozen=True)
class VideoInfo:
    """What a video file holds.

    frames: frames that decode. seconds: from the start of the first frame to the end of the last. width,
    height: in pixels, as displayed. codec: FFmpeg's name of the format ("h264"). rotation: degrees,
    clockwise, by which the stored pictures are turned for display: 0, 90, 180 or 270. cut: whether the file ends in the
    middle of a picture, which is left out.
    """

    frames: int
    seconds: float
    width: int
    height: int
    codec: str
    rotation: int
    cut: bool = False


def decode(
    path: Path,
    frames: int,
    *,
    sha256: str | None = None,
    max_side: int | None = None,
    fit: Fit | None = None,
    window: Window | None = None,
    sampler: Sampler = UNIFORM,
) -> Frames:
    """Return `frames` evenly spread frames of the video at `path`, or of its part `window`, as RGB, T = `frames`.

    The frames are those of `uniform_indices`: a video with fewer frames than asked for repeats some of them, time
    stamps and all. Another sampler chooses others, and maybe fewer. They are shown as players show them: turned and
    mirrored as the file asks, with square pixels, and a recording that begins in the middle of a group of pictures from
    the first one that can be decoded. Pictures whose longer side exceeds `max_side` pixels are shrunk to it, keeping
    their proportions; `fit` makes them as large as a model sees them instead, each as soon as it is decoded. Frames of
    a part keep the seconds that they have in the whole video.

    Raises MissingVideoError; HashMismatchError when the file's hash is not `sha256`; DecodeError when the file is
    empty, cut short, damaged so that the decoder notices, too large (MAX_FRAME_PIXELS, MAX_PIXELS), too slow
    (MAX_SECONDS) or holds no video, or when it has no such part, or no frames for the sampler; ValueError for a count
    or side under 1, and for a side beside `fit`.
    """
    if frames < 1 or (max_side is not None and max_side < 1):
        raise ValueError(f"frames and max_side must be at least 1, got {frames} and {max_side}")
    if max_side is not None and fit is not None:
        raise ValueError("max_side and fit both say how large the frames are to be")
    take = Take(frames, window, sampler)
    gathering = Gathering(path, max_side, fit)
    seen = read(path, [take], gathering, sha256=sha256, max_side=max_side, stored=fit is not None)
    (taken,) = seen.taken
    if taken.fault:
        raise DecodeError(taken.fault)
    return gathering.frames(0, taken.seconds)


def probe(path: Path, *, sha256: str | None = None) -> VideoInfo:
    """Return what the video at `path` holds, by decoding all of it. Raises as `decode` does."""
    return read(path, [], None, sha256=sha256).info


class Receiver(Protocol):
    """Takes the pictures of a video as they are decoded."""

    def begin(self, shown: tuple[int, int], plans: Sequence[Sequence[int]]) -> None:
        """Hear in which width and height the video is shown, and which frames make each take.

        Called before the first picture, and again where the file turns out to have other frames than was expected: then
        all pictures come anew.
        """

    def picture(self, index: int, picture_HWC: Pixels) -> None:
        """Take the frame of this number, once for all takes that it is in."""


class Taken(NamedTuple):
    """When the frames of a take are shown; or why the video has none for it."""

    seconds: tuple[float, ...]
    fault: str


class Read(NamedTuple):
    """What one reading of a file found."""

    info: VideoInfo
    taken: list[Taken]


def read(
    path: Path,
    takes: Sequence[Take],
    receiver: Receiver | None,
    *,
    sha256: str | None = None,
    max_side: int | None = None,
    stored: bool = False,
) -> Read:
    """Decode all of the video at `path` once, and hand over the frames of several takes.

    Pictures come as they are shown, shrunk to `max_side`, or with `stored` in the pixels that they are stored in. Which
    frames are wanted is known before decoding from the packets' times; where these were wrong, the file is decoded once
    more. Raises as `decode` does, but for takes for which the video has no frames.
    """
    with one_file(path) as deadline:
        _check_file(path, sha256)
        coded = count_coded_frames(path, deadline)
        expected = coded.expected or Timeline(tuple(map(float, range(coded.frames))), math.inf)
        plans = _plans(path, takes, expected, coded)
        seen = Pass(path, coded, deadline)
        _hand_over(seen, seen.frames(), plans, receiver, max_side=max_side, stored=stored)
        total, times = seen.checked_count(), seen.timeline()
        right = _plans(path, takes, times, coded)
        if right != plans:
            again = Pass(path, coded, deadline)
            needed = 1 + max((index for plan in right for index in plan.indices), default=0)
            frames = islice(again.frames(), needed)
            _hand_over(again, frames, right, receiver, max_side=max_side, stored=stored)
            if len(again.stamps) < needed:
                raise DecodeError(f"{path}: {_CHANGED}")
    width, height = seen.display.size
    turned = seen.display.clockwise_degrees
    info = VideoInfo(total, times.end, width, height, seen.codec, turned, seen.cut)
    return Read(
        info, [Taken(tuple(times.starts[index] for index in plan.indices), plan.fault) for plan in right]
    )


def _plans(path: Path, takes: Sequence[Take], times: Timeline, coded: Coded) -> list[Plan]:
    seconds = times.end - times.starts[0] if times.end < math.inf else 0.0
    rate = coded.rate or (Fraction(len(times.starts)) / Fraction(seconds) if seconds > 0 else Fraction(1))
    clip = Clip(times.starts, times.end, rate)
    return [take.plan(path, clip) for take in takes]


def _hand_over(
    seen: Pass,
    frames: Iterable[VideoFrame],
    plans: Sequence[Plan],
    receiver: Receiver | None,
    *,
    max_side: int | None,
    stored: bool,
) -> None:
    """Decode these frames, from the file's first on, and give `receiver` those that are planned."""
    wanted = {index for plan in plans for index in plan.indices}
    for index, frame in enumerate(frames):
        if index == 0 and receiver is not None:
            receiver.begin(seen.display.size, [plan.indices for plan in plans])
        if index in wanted or (
            index == 0 and not wanted
        ):  # a format that no picture can be made of fails here
            picture_HWC = (
                seen.display.stored_picture(frame) if stored else seen.display.picture(frame, max_side)
            )
            if receiver is not None and wanted:
                receiver.picture(index, picture_HWC)


class Gathering:
    """Makes frames of the pictures of one video; no more is kept than these and one picture.

    most_bytes: of all takes together, beyond which takes are passed over, as are those of pictures too large to be
    taken; None where that is an error.
    """

    def __init__(
        self, path: Path, max_side: int | None = None, fit: Fit | None = None, most_bytes: int | None = None
    ) -> None:
        self.path = path
        self.max_side = max_side
        self.fit = fit
        self.most_bytes = most_bytes
        self._pixels: list[Pixels | None] = []
        self._places: dict[int, list[tuple[int, list[int]]]] = {}
        self._size = (0, 0)

    def begin(self, shown: tuple[int, int], plans: Sequence[Sequence[int]]) -> None:
        """Make room for each take, as `Receiver` says. Raises DecodeError as `size_taken` does."""
        self._pixels, self._places = [None] * len(plans), {}
        left = math.inf if self.most_bytes is None else self.most_bytes
        for take, plan in enumerate(plans):
            if not plan:
                continue
            try:
                width, height = size_taken(self.path, len(plan), shown, max_side=self.max_side, fit=self.fit)
            except DecodeError:
                if self.most_bytes is None:
                    raise
                continue
            self._size = (height, width)
            left -= len(plan) * 3 * height * width
            if left >= 0:
                self._pixels[take] = np.empty((len(plan), 3, height, width), dtype=np.uint8)
                self._place(take, plan)

    def _place(self, take: int, plan: Sequence[int]) -> None:
        places: dict[int, list[int]] = {}
        for place, index in enumerate(plan):
            places.setdefault(index, []).append(place)
        for index, several in places.items():
            self._places.setdefault(index, []).append((take, several))

    def picture(self, index: int, picture_HWC: Pixels) -> None:
        """Put a picture where it belongs in each take, as large as the frames are to be."""
        wanted = self._places.get(index)
        if not wanted:
            return
        if self.fit is not None:
            picture_HWC = self.fit.resize(picture_HWC, self._size)
        picture_CHW = picture_HWC.transpose(2, 0, 1)
        for take, places in wanted:
            pixels_TCHW = self._pixels[take]
            if pixels_TCHW is not None:
                pixels_TCHW[places] = picture_CHW

    def has(self, take: int) -> bool:
        """Return whether a take was not passed over."""
        return take < len(self._pixels) and self._pixels[take] is not None

    def frames(self, take: int, seconds: tuple[float, ...]) -> Frames:
        """Return the frames of a take that was not passed over, which are shown at these seconds."""
        pixels_TCHW = self._pixels[take]
        if pixels_TCHW is None:
            raise ValueError(f"take {take} was passed over")
        return Frames(pixels_TCHW, seconds, fitted=self.fit is not None)


def all_frames(
    path: Path, start: float = 0.0, end: float = math.inf, *, max_side: int | None = None
) -> Iterator[tuple[Pixels, float]]:
    """Yield every frame that begins at second `start` or later and before `end`: its pixels (3, H, W) and its second
    in the whole video. Raises as `decode` does, before the first frame where the file is at fault."""
    with one_file(path) as deadline:
        _check_file(path, None)
        coded = count_coded_frames(path, deadline)
        starts = _timed(Pass(path, coded, deadline)).starts
        again = Pass(path, coded, math.inf)  # whoever takes the frames may take their time
        for frame, seconds in zip(again.frames(), starts, strict=True):
            if start <= seconds < end:
                yield again.display.picture(frame, max_side).transpose(2, 0, 1), seconds


def size_taken(
    path: Path, frames: int, shown: tuple[int, int], *, max_side: int | None = None, fit: Fit | None = None
) -> tuple[int, int]:
    """Return the width and height in which `decode` returns so many frames of a video that is shown in `shown`.

    Raises DecodeError where they are more than MAX_PIXELS in all, or so narrow that no model takes them.
    """
    width, height = shrunk(shown, max_side)
    if max(height, width) > MAX_ASPECT * min(height, width):
        raise DecodeError(
            f"{path}: its pictures are {width} x {height}, and models take no side more than {MAX_ASPECT} times the "
            "other. Cut the video to a usual shape, or leave it out."
        )
    if fit is not None:
        try:
            height, width = fit.size(height, width)
        except MediaError as error:
            raise DecodeError(f"{path}: {error}") from error
    if frames * width * height > MAX_PIXELS:
        raise DecodeError(
            f"{path}: {frames} frames of {width} x {height} pixels are more than {MAX_PIXELS} pixels, the limit. Ask "
            "for fewer or smaller frames."
        )
    return width, height


@contextmanager
def one_file(path: Path) -> Iterator[float]:
    """The boundary around one file: whatever is raised about it is its VideoError. Gives the time at which to stop.

    The one broad `except` of this project stands here, because what PyAV raises is no closed list: besides its own
    errors ValueError for side data that it does not know, UnicodeDecodeError for names, MemoryError. None of them may
    end a run over thousands of files.
    """
    deadline = time.monotonic() + MAX_SECONDS
    try:
        yield deadline
    except RetroflipError:
        raise
    except Exception as error:
        if time.monotonic() > deadline:
            raise DecodeLimitError(
                f"{path}: not decoded after {MAX_SECONDS:.0f} seconds. Cut the video, or store it smaller."
            ) from error
        if isinstance(error, MemoryError):
            raise DecodeLimitError(
                f"{path}: decoding it takes more memory than there is. Store it smaller."
            ) from error
        reason = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
        raise DecodeError(
            f"{path}: cannot be read as a video ({reason}). The file is damaged, cut short or no video; "
            "play it to find out, then copy it again or convert it to MP4 (H.264)."
        ) from error


def check_there(path: Path) -> None:
    """Raise MissingVideoError where no file is at `path`, and DecodeError where an empty one or none is."""
    if not path.exists():
        raise MissingVideoError(
            f"{path}: no such video file. Check the path in the data file and the root it is relative to."
            f"{why_missing(path)}"
        )
    if not path.is_file():
        raise DecodeError(f"{path}: not a file, so it holds no video. Give the path of a video file.")
    if path.stat().st_size == 0:
        raise DecodeError(f"{path}: the file is empty (0 bytes). Copy or download it again.")


def hash_mismatch(path: Path, found: str, wanted: str) -> HashMismatchError:
    """Return the error of a file that has another SHA-256 than its manifest says."""
    return HashMismatchError(
        f"{path}: the file's SHA-256 is {found}, the manifest says {wanted}. The file was changed "
        "or damaged after the manifest was written; restore it, or write the manifest again if the "
        "change was meant."
    )


def _check_file(path: Path, sha256: str | None) -> None:
    """Find the faults that need no decoder."""
    check_there(path)
    if sha256 is not None and (found := sha256_file(path)) != sha256.lower():
        raise hash_mismatch(path, found, sha256)
    if picture := picture_format(path):
        raise DecodeError(
            f"{path}: the file is a picture ({picture}), still or animated, which is not read as a video. Convert an "
            "animation to MP4; a still is an image (data_type) as PNG, JPEG or WebP."
        )
    if lacking := missing_bytes(path):
        raise DecodeError(
            f"{path}: the file is cut short: {lacking} bytes that its header promises are missing. "
            "Copy or download it again."
        )


def _timed(seen: Pass) -> Timeline:
    """Decode the whole file and return when its frames are shown."""
    for _ in seen.frames():
        pass
    seen.checked_count()
    return seen.timeline()
