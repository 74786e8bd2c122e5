"""Reading video files: a few evenly spread frames, upright, each with the second at which it is shown.

A file is read twice: once without decoding, to count its frames (headers lie, and WebM has no count), and
once to decode it, keeping only the frames asked for. Decoding runs in one thread: with frame threads, PyAV
has been seen to hang in data-loader workers, and they gain little. Sound is never read.

Whatever goes wrong with one file is that file's failure, a VideoError (`_one_file`). Damage often decodes without any
error (measured on H.264: ten of ten files with one changed byte), so pass the `sha256` of the file where it is
known. Time is limited between packets, and what a file may hold by its header; a decoder that hangs or crashes inside
one call needs a process of its own, which `isolated` has.
"""

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from retroflip.errors import DecodeError, HashMismatchError, MediaError, MissingVideoError, RetroflipError
from retroflip.paths import why_missing
from retroflip.video.clock import Stamp, Timeline, timeline
from retroflip.video.container import check_picture_size, longest_step, opened, picture_format
from retroflip.video.display import Display, display_of, shrunk
from retroflip.video.frames import MAX_ASPECT, Fit, Frames, Pixels
from retroflip.video.hashing import sha256_file
from retroflip.video.sampling import uniform_indices
from retroflip.video.truncation import missing_bytes

MAX_PIXELS = 2**29
"""of all frames that one call returns: 64 frames of 4K television, 1.5 GiB"""
MAX_SECONDS = 600.0
"""that one call may take; a core decodes two hours of 720p in it"""

_MAX_LOST_SHARE = 0.1
"""Share of a file's coded frames that may give no picture. A clip cut from a longer recording may begin
with frames that refer to ones before the cut, which a decoder leaves out; more than that is damage."""
_MAY_GIVE_NO_PICTURE = ("mpeg4", "vp8", "gif")
"""codecs whose packets may hold none: "as before" (N-VOP), pictures to refer to only, remarks and other extensions"""


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
) -> Frames:
    """Return `frames` evenly spread frames of the video at `path`, as RGB, T = `frames`.

    The frames are those of `uniform_indices`: a video with fewer frames than asked for repeats some of
    them, time stamps and all. They are shown as players show them: turned and mirrored as the file asks,
    with square pixels, and a recording that begins in the middle of a group of pictures from the first one
    that can be decoded. Pictures whose longer side exceeds `max_side` pixels are shrunk to it, keeping their
    proportions; `fit` makes them as large as a model sees them instead, each as soon as it is decoded.

    Raises MissingVideoError; HashMismatchError when the file's hash is not `sha256`; DecodeError when the
    file is empty, cut short, damaged so that the decoder notices, too large (MAX_FRAME_PIXELS, MAX_PIXELS),
    too slow (MAX_SECONDS) or holds no video; ValueError for a count or side under 1, and for a side beside `fit`.
    """
    if frames < 1 or (max_side is not None and max_side < 1):
        raise ValueError(f"frames and max_side must be at least 1, got {frames} and {max_side}")
    if max_side is not None and fit is not None:
        raise ValueError("max_side and fit both say how large the frames are to be")
    with _one_file(path) as deadline:
        _check_file(path, sha256)
        coded = _count_coded_frames(path, deadline)
        total = coded.frames
        for _ in ("as coded", "as decoded"):
            seen = _Pass(path, coded, deadline)
            pixels_TCHW = _chosen(seen, indices := uniform_indices(total, frames), max_side, fit)
            if (found := seen.checked_count()) == total:
                starts = seen.timeline().starts
                seconds = tuple(starts[index] for index in indices)
                return Frames(pixels_TCHW, seconds, fitted=fit is not None)
            total = found
            del pixels_TCHW  # before as much is taken again
        raise DecodeError(f"{path}: the file changed while it was read. Wait until it is fully written.")


def probe(path: Path, *, sha256: str | None = None) -> VideoInfo:
    """Return what the video at `path` holds, by decoding all of it. Raises as `decode` does."""
    with _one_file(path) as deadline:
        _check_file(path, sha256)
        seen = _Pass(path, _count_coded_frames(path, deadline), deadline)
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
        coded = _count_coded_frames(path, deadline)
        timed = _Pass(path, coded, deadline)
        for _ in timed.frames():
            pass
        timed.checked_count()
        again = _Pass(path, coded, math.inf)  # whoever takes the frames may take their time
        for frame, seconds in zip(again.frames(), timed.timeline().starts, strict=True):
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
            raise _too_slow(path) from error
        if isinstance(error, MemoryError):
            raise DecodeError(
                f"{path}: decoding it takes more memory than there is. Store it smaller."
            ) from error
        reason = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
        raise DecodeError(
            f"{path}: cannot be read as a video ({reason}). The file is damaged, cut short or no video; "
            "play it to find out, then copy it again or convert it to MP4 (H.264)."
        ) from error


def _too_slow(path: Path) -> DecodeError:
    return DecodeError(
        f"{path}: not decoded after {MAX_SECONDS:.0f} seconds. Cut the video, or store it smaller."
    )


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


@dataclass(frozen=True)
class _Coded:
    """The packets that hold frames.

    packets: how many there are. leading: how many of them come before the first key frame. early: how many come behind
    it and are shown before it, and may refer to what is not there. key_pts: when that key frame is shown, if known.
    """

    packets: int
    leading: int
    early: int
    key_pts: int | None

    @property
    def frames(self) -> int:
        """How many frames to expect; all that there are where no packet says that it is a key frame."""
        return self.packets - self.leading - (self.early if self.leading else 0) or self.packets

    @property
    def whole(self) -> int:
        """How many frames refer to nothing that is not there."""
        return self.packets - self.leading - self.early


def _count_coded_frames(path: Path, deadline: float) -> _Coded:
    packets, leading, early = 0, None, 0
    key_pts: int | None = None
    behind_key = False
    with opened(path, MAX_SECONDS) as (container, stream):
        for packet in container.demux(stream):
            if time.monotonic() > deadline:
                raise _too_slow(path)
            if not _holds_frame(packet):
                continue
            if leading is None and packet.is_keyframe:
                leading, key_pts, behind_key = packets, packet.pts, True
            elif behind_key:
                behind_key = packet.pts is not None and key_pts is not None and packet.pts < key_pts
                early += behind_key
            packets += 1
    if packets == 0:
        raise DecodeError(f"{path}: the video stream has no frames. Copy or download the file again.")
    return _Coded(packets, packets if leading is None else leading, early, key_pts)


def _begins(frame: VideoFrame, coded: _Coded) -> bool:
    """Return whether a frame of a recording that lacks its beginning can be shown: a key frame, or one behind it where
    a picture is refreshed bit by bit, which decoders hold back until it is whole."""
    if frame.pts is None or coded.key_pts is None:
        return frame.key_frame
    return frame.key_frame or frame.pts >= coded.key_pts


def _holds_frame(packet: "Packet[VideoStream]") -> bool:
    return packet.size > 0 and not packet.is_discard


@dataclass
class _Pass:
    """One decoding pass over a file, and what it saw."""

    path: Path
    coded: _Coded
    deadline: float
    codec: str = ""
    time_base: Fraction = Fraction(1)
    rate: Fraction | None = None
    longest_step: float | None = None
    display: Display = field(default_factory=lambda: Display((0, 0)))
    stamps: list[Stamp] = field(default_factory=list)
    interlaced: bool = False
    refreshed: bool = False  # it began with a picture that is no key frame

    def frames(self) -> Iterator[VideoFrame]:
        """Yield the frames in the order in which they are shown."""
        with opened(self.path, MAX_SECONDS) as (container, stream):
            self.codec = stream.codec_context.codec.canonical_name
            self.time_base = stream.time_base or self.time_base
            self.rate = stream.guessed_rate or stream.average_rate
            self.longest_step = longest_step(container)
            for frame in self._decoded(container.demux(stream)):
                if not self.stamps:
                    check_picture_size(self.path, frame.width, frame.height)
                    aspect = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio
                    self.display = display_of(self.path, frame, aspect)
                self.stamps.append(Stamp(frame.pts, frame.dts, frame.duration))
                self.interlaced = self.interlaced or frame.interlaced_frame
                yield frame

    def _decoded(self, packets: "Iterable[Packet[VideoStream]]") -> Iterator[VideoFrame]:
        """Decode the packets. Those before the first key frame refer to pictures that are not there: what a decoder
        makes of them, an error or grey, is left out."""
        fed, begun = 0, not self.coded.leading
        for packet in packets:
            if time.monotonic() > self.deadline:
                raise _too_slow(self.path)
            fed += _holds_frame(packet)
            try:
                frames = packet.decode()
            except av.FFmpegError:
                if fed > self.coded.leading:
                    raise
                continue
            for frame in frames:
                if not begun and _begins(frame, self.coded):
                    begun, self.refreshed = True, not frame.key_frame
                if begun and frame.is_corrupt:
                    raise DecodeError(
                        f"{self.path}: frame {len(self.stamps)} is damaged (reported by the decoder). "
                        "Copy or download the file again."
                    )
                if begun:
                    yield frame

    def checked_count(self) -> int:
        """Return the number of frames that decoded, unless too many are missing for the file to be whole."""
        total, coded = len(self.stamps), self.coded.whole
        if total == 0 and self.coded.leading == self.coded.packets:
            raise DecodeError(
                f"{self.path}: none of its {self.coded.packets} frames is a key frame, with which decoding can begin: "
                "the file was cut out of a longer recording. Cut it again, from a key frame on."
            )
        if self.codec in _MAY_GIVE_NO_PICTURE or self.refreshed:
            coded = min(coded, 1)
        elif self.interlaced:
            coded //= 2  # a packet may hold one of a picture's two fields
        if total < 1 or total < coded * (1 - _MAX_LOST_SHARE):
            raise DecodeError(
                f"{self.path}: only {total} of {self.coded.frames} frames decode, so the file is damaged or cut short. "
                "Copy or download it again."
            )
        if self.codec == "gif" and total == 1:
            raise DecodeError(
                f"{self.path}: the file is a still picture (GIF). As an image (data_type), store it as PNG."
            )
        return total

    def timeline(self) -> Timeline:
        """Return when the frames are shown."""
        times = timeline(self.stamps, self.time_base, self.rate, self.longest_step)
        if times is None:
            raise DecodeError(
                f"{self.path}: the video has neither time stamps nor a frame rate. Convert it to MP4."
            )
        return times


def _chosen(seen: _Pass, indices: Sequence[int], max_side: int | None, fit: Fit | None) -> Pixels:
    """Decode the whole file and return the pictures with these indices, (T, 3, H, W); those that do not come are left
    unset. No more is kept than the result and one picture."""
    places: dict[int, list[int]] = {}
    for place, index in enumerate(indices):
        places.setdefault(index, []).append(place)
    pixels_TCHW = np.empty((len(indices), 3, 0, 0), dtype=np.uint8)
    for index, frame in enumerate(seen.frames()):
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
