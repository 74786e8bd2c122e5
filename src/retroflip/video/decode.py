"""Reading video files: a few evenly spread frames, upright, each with the second at which it is shown.

A file is read twice: once without decoding, to count its frames, and once to decode it, keeping only the frames
asked for (`passes`, on top of `container`, `display` and `clock`).

Whatever goes wrong with one file is that file's failure, a VideoError (`_one_file`). Damage often decodes without any
error (measured on H.264: ten of ten files with one changed byte), so pass the `sha256` of the file where it is
known. Time is limited between packets, and what a file may hold by its header; a decoder that hangs or crashes inside
one call needs a process of its own, which `isolated` has.
"""

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from av.video.frame import VideoFrame

from retroflip.errors import DecodeError, HashMismatchError, MediaError, MissingVideoError, RetroflipError
from retroflip.files.names import why_missing
from retroflip.video.clock import Timeline
from retroflip.video.container import picture_format
from retroflip.video.display import shrunk
from retroflip.video.frames import MAX_ASPECT, Fit, Frames, Pixels
from retroflip.video.hashing import sha256_file
from retroflip.video.passes import Pass, count_coded_frames
from retroflip.video.sampling import uniform_indices
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
    clockwise, by which the stored pictures are turned for display: 0, 90, 180 or 270.
    """

    frames: int
    seconds: float
    width: int
    height: int
    codec: str
    rotation: int


def decode(
    path: Path,
    frames: int,
    *,
    sha256: str | None = None,
    max_side: int | None = None,
    fit: Fit | None = None,
    window: Window | None = None,
) -> Frames:
    """Return `frames` evenly spread frames of the video at `path`, or of its part `window`, as RGB, T = `frames`.

    The frames are those of `uniform_indices`: a video with fewer frames than asked for repeats some of
    them, time stamps and all. They are shown as players show them: turned and mirrored as the file asks,
    with square pixels, and a recording that begins in the middle of a group of pictures from the first one
    that can be decoded. Pictures whose longer side exceeds `max_side` pixels are shrunk to it, keeping their
    proportions; `fit` makes them as large as a model sees them instead, each as soon as it is decoded. Frames of a
    part keep the seconds that they have in the whole video, which is decoded once more to know them.

    Raises MissingVideoError; HashMismatchError when the file's hash is not `sha256`; DecodeError when the
    file is empty, cut short, damaged so that the decoder notices, too large (MAX_FRAME_PIXELS, MAX_PIXELS),
    too slow (MAX_SECONDS) or holds no video, or when it has no such part; ValueError for a count or side under 1, and
    for a side beside `fit`.
    """
    if frames < 1 or (max_side is not None and max_side < 1):
        raise ValueError(f"frames and max_side must be at least 1, got {frames} and {max_side}")
    if max_side is not None and fit is not None:
        raise ValueError("max_side and fit both say how large the frames are to be")
    with _one_file(path) as deadline:
        _check_file(path, sha256)
        coded = count_coded_frames(path, deadline)
        if window is not None:
            return _decoded_part(Pass(path, coded, deadline), window, frames, max_side, fit)
        total = coded.frames
        for _ in ("as coded", "as decoded"):
            seen = Pass(path, coded, deadline)
            indices = uniform_indices(total, frames)
            pixels_TCHW = _chosen(seen, seen.frames(), indices, max_side, fit)
            if (found := seen.checked_count()) == total:
                starts = seen.timeline().starts
                seconds = tuple(starts[index] for index in indices)
                return Frames(pixels_TCHW, seconds, fitted=fit is not None)
            total = found
            del pixels_TCHW  # before as much is taken again
        raise DecodeError(f"{path}: {_CHANGED}")


def probe(path: Path, *, sha256: str | None = None) -> VideoInfo:
    """Return what the video at `path` holds, by decoding all of it. Raises as `decode` does."""
    with _one_file(path) as deadline:
        _check_file(path, sha256)
        seen = Pass(path, count_coded_frames(path, deadline), deadline)
        for index, frame in enumerate(seen.frames()):
            if index == 0:
                seen.display.picture(frame, None)  # a format that no picture can be made of fails here
        total, end = seen.checked_count(), seen.timeline().end
    width, height = seen.display.size
    return VideoInfo(total, end, width, height, seen.codec, seen.display.clockwise_degrees)


def all_frames(
    path: Path, start: float = 0.0, end: float = math.inf, *, max_side: int | None = None
) -> Iterator[tuple[Pixels, float]]:
    """Yield every frame that begins at second `start` or later and before `end`: its pixels (3, H, W) and its second
    in the whole video. Raises as `decode` does, before the first frame where the file is at fault."""
    with _one_file(path) as deadline:
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
def _one_file(path: Path) -> Iterator[float]:
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
            raise DecodeError(
                f"{path}: not decoded after {MAX_SECONDS:.0f} seconds. Cut the video, or store it smaller."
            ) from error
        if isinstance(error, MemoryError):
            raise DecodeError(
                f"{path}: decoding it takes more memory than there is. Store it smaller."
            ) from error
        reason = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
        raise DecodeError(
            f"{path}: cannot be read as a video ({reason}). The file is damaged, cut short or no video; "
            "play it to find out, then copy it again or convert it to MP4 (H.264)."
        ) from error


def _check_file(path: Path, sha256: str | None) -> None:
    """Find the faults that need no decoder."""
    if not path.exists():
        raise MissingVideoError(
            f"{path}: no such video file. Check the path in the data file and the root it is relative to."
            f"{why_missing(path)}"
        )
    if not path.is_file():
        raise DecodeError(f"{path}: not a file, so it holds no video. Give the path of a video file.")
    if path.stat().st_size == 0:
        raise DecodeError(f"{path}: the file is empty (0 bytes). Copy or download it again.")
    if sha256 is not None and (found := sha256_file(path)) != sha256.lower():
        raise HashMismatchError(
            f"{path}: the file's SHA-256 is {found}, the manifest says {sha256}. The file was changed "
            "or damaged after the manifest was written; restore it, or write the manifest again if the "
            "change was meant."
        )
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


def _decoded_part(timed: Pass, window: Window, count: int, max_side: int | None, fit: Fit | None) -> Frames:
    """Return `count` evenly spread frames of a part, in a second pass that ends with the last of them."""
    times = _timed(timed)
    window.check(timed.path, times.end)
    part = window.indices(times.starts)
    indices = [part[place] for place in uniform_indices(len(part), count)]
    seen = Pass(timed.path, timed.coded, timed.deadline)
    pixels_TCHW = _chosen(seen, islice(seen.frames(), indices[-1] + 1), indices, max_side, fit)
    if len(seen.stamps) <= indices[-1]:
        raise DecodeError(f"{timed.path}: {_CHANGED}")
    return Frames(pixels_TCHW, tuple(times.starts[index] for index in indices), fitted=fit is not None)


def _chosen(
    seen: Pass, frames: Iterable[VideoFrame], indices: Sequence[int], max_side: int | None, fit: Fit | None
) -> Pixels:
    """Decode these frames, from the file's first on, and return the pictures with these indices, (T, 3, H, W); those
    that do not come are left unset. No more is kept than the result and one picture."""
    places: dict[int, list[int]] = {}
    for place, index in enumerate(indices):
        places.setdefault(index, []).append(place)
    pixels_TCHW = np.empty((len(indices), 3, 0, 0), dtype=np.uint8)
    for index, frame in enumerate(frames):
        if index == 0:
            shown = seen.display.size
            width, height = size_taken(seen.path, len(indices), shown, max_side=max_side, fit=fit)
            pixels_TCHW = np.empty((len(indices), 3, height, width), dtype=np.uint8)
        if index in places:
            if fit is None:
                picture_HWC = seen.display.picture(frame, max_side)
            else:
                picture_HWC = fit.resize(seen.display.stored_picture(frame), (height, width))
            first, *others = places[index]
            pixels_TCHW[first] = picture_HWC.transpose(2, 0, 1)
            pixels_TCHW[others] = pixels_TCHW[first]
    return pixels_TCHW
