"""From a candidate to both sides of its pair: cut first, then transformed, all frames and not a sample of them.

Both sides are made of the same decoded frames, except where a source names a second clip (`Axis.GIVEN`); then they must
agree in size and rate, and the longer one is cut to the shorter.
"""

import hashlib
import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import chain, islice
from pathlib import Path

import numpy as np
from PIL import Image

from retroflip.bench.dybench.base import Axis, Candidate, Clip, Footage, UnfitError
from retroflip.bench.dybench.recipe import ClipSection
from retroflip.data.frame_folder import FrameFolder
from retroflip.data.image import read_image
from retroflip.data.root import resolve
from retroflip.errors import MissingVideoError
from retroflip.files.names import why_missing
from retroflip.video.decode import all_frames
from retroflip.video.display import shrunk
from retroflip.video.frames import Pixels
from retroflip.video.hashing import sha256_file
from retroflip.video.spool import Spooled, spooled

RATES_APART = 0.02
"""share by which the rates of two clips that are shown as one may differ"""
LENGTHS_APART = 0.1
"""share by which the lengths of two given clips may differ; the longer one is cut"""


def filmed(candidate: Candidate, root: Path, clips: ClipSection, folder: Path) -> tuple[Footage, Footage]:
    """Return both sides of a pair. folder: an empty one, for decoded frames, which must outlast the footage.

    Raises UnfitError, MediaError for media that cannot be read, and PathEscapeError.
    """
    parts = [_part(root, clip, clips, folder / f"v{index}") for index, clip in enumerate(candidate.parts)]
    first = _joined(parts, clips)
    if candidate.axis is Axis.GIVEN:
        others = [
            _part(root, clip, clips, folder / f"w{index}") for index, clip in enumerate(candidate.other)
        ]
        return _alike(first, _joined(others, clips), parts, others)
    match candidate.axis:
        case Axis.FLIP:
            frames = chain.from_iterable(part.mirrored() for part in parts)
        case Axis.REVERSAL:
            frames = chain.from_iterable(part.frames(backwards=True) for part in reversed(parts))
        case Axis.ORDER:
            if len(parts) < 2:
                raise UnfitError("it has one part, which has no order")
            frames = chain.from_iterable(part.frames() for part in reversed(parts))
    return first, Footage(iter(frames), first.fps, first.size)


def media_hashes(candidate: Candidate, root: Path) -> dict[str, str]:
    """Return the SHA-256 of every file that a pair is made of; that of a folder is of its frames' names and hashes."""
    paths = dict.fromkeys(clip.path for clip in (*candidate.parts, *candidate.other))
    return {path: _hash_of(resolve(root, path)) for path in paths}


def _hash_of(path: Path) -> str:
    if path.is_dir():
        names = FrameFolder.of(path, 1.0).names
        listed = "".join(f"{name}\0{sha256_file(path / name)}\n" for name in names)
        return hashlib.sha256(listed.encode()).hexdigest()
    if not path.is_file():
        raise MissingVideoError(f"{path}: no such video file.{why_missing(path)}")
    return sha256_file(path)


def _part(root: Path, clip: Clip, clips: ClipSection, spool: Path) -> Spooled:
    path = resolve(root, clip.path)
    start, end = clip.start or 0.0, math.inf if clip.end is None else clip.end
    if not 0 <= start < end:
        raise UnfitError("its part ends before it begins", f"{clip.path}: {start:g} to {end:g} s")
    if clips.max_seconds < end - start < math.inf:
        raise UnfitError("longer than clips.max_seconds", f"{end - start:.1f} s of {clip.path}")
    frames = (
        all_frames(path, start, end, max_side=clips.max_side)
        if clip.fps is None
        else _folder_frames(path, clip.fps, start, end, clips.max_side)
    )
    return spooled(path, _limited(frames, clips.max_seconds, clip), spool)


def _limited(
    frames: Iterator[tuple[Pixels, float]], most: float, clip: Clip
) -> Iterator[tuple[Pixels, float]]:
    """Yield frames. Raises UnfitError where they last too long, and where there is none."""
    first: float | None = None
    for pixels_CHW, second in frames:
        first = second if first is None else first
        if second - first > most:
            raise UnfitError("longer than clips.max_seconds", f"{clip.path} goes on behind {second:.1f} s")
        yield pixels_CHW, second
    if first is None:
        raise UnfitError("its part lies behind the end of its video", f"{clip.path} from {clip.start} s")


def _folder_frames(
    path: Path, fps: float, start: float, end: float, max_side: int | None
) -> Iterator[tuple[Pixels, float]]:
    folder = FrameFolder.of(path, fps)
    size: tuple[int, ...] | None = None
    for name, second in zip(folder.names, folder.clip.starts, strict=True):
        if not start <= second < end:
            continue
        (picture_CHW,) = read_image(path / name).pixels_TCHW
        if size is not None and picture_CHW.shape != size:
            raise UnfitError("its frames have several sizes", f"{path.name}/{name}")
        size = picture_CHW.shape
        yield _shrunk(picture_CHW, max_side), second


def _shrunk(picture_CHW: Pixels, max_side: int | None) -> Pixels:
    height, width = picture_CHW.shape[1:]
    wanted = shrunk((width, height), max_side)
    if wanted == (width, height):
        return picture_CHW
    image = Image.fromarray(picture_CHW.transpose(1, 2, 0)).resize(wanted, Image.Resampling.BICUBIC)
    return np.asarray(image, dtype=np.uint8).transpose(2, 0, 1)


def _joined(parts: Sequence[Spooled], clips: ClipSection) -> Footage:
    """Return the parts one behind the other. Raises UnfitError where they do not fit together, or are too long."""
    if not parts:
        raise UnfitError("it names no clip")
    first = parts[0]
    if any(part.size != first.size for part in parts):
        raise UnfitError("its parts have several sizes")
    if any(abs(part.fps / first.fps - 1) > RATES_APART for part in parts):
        raise UnfitError("its parts have several rates", ", ".join(f"{float(part.fps):g}" for part in parts))
    seconds = sum(len(part.order) for part in parts) / first.fps
    if seconds > clips.max_seconds:
        raise UnfitError("longer than clips.max_seconds", f"{float(seconds):.1f} s")
    if seconds < clips.min_seconds:
        raise UnfitError("shorter than clips.min_seconds", f"{float(seconds):.2f} s")
    return Footage(chain.from_iterable(part.frames() for part in parts), Fraction(first.fps), first.size)


def _alike(
    first: Footage, second: Footage, parts: Sequence[Spooled], others: Sequence[Spooled]
) -> tuple[Footage, Footage]:
    """Return two given clips in the same size, rate and length. Raises UnfitError where they are too unlike for it."""
    if first.size != second.size:
        raise UnfitError("the two given clips have several sizes", f"{first.size} and {second.size}")
    if abs(second.fps / first.fps - 1) > RATES_APART:
        raise UnfitError("the two given clips have several rates", f"{first.fps} and {second.fps}")
    lengths = [sum(len(part.order) for part in side) for side in (parts, others)]
    if max(lengths) - min(lengths) > LENGTHS_APART * max(lengths):
        raise UnfitError("the two given clips have several lengths", f"{lengths[0]} and {lengths[1]} frames")
    return tuple(  # type: ignore[return-value]
        Footage(islice(side.frames, min(lengths)), first.fps, first.size) for side in (first, second)
    )
