"""Reading video files: a few evenly spread frames, upright, each with the second at which it is shown.

A file is read twice: once without decoding, to count its frames (headers lie, and WebM has no count), and
once to decode it, keeping only the frames asked for. Decoding runs in one thread: with frame threads, PyAV
has been seen to hang in data-loader workers, and they gain little. Sound is never read.

A file is opened by its content and only as one of `_FORMATS`: FFmpeg would also read text as pictures, and
follow the paths and addresses in a playlist. Damage inside a file often decodes without any error (measured
on H.264: ten of ten files with one changed byte), so pass the `sha256` of the file where it is known.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.container import InputContainer
from av.sidedata.sidedata import SideData
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from av.video.stream import VideoStream

from retroflip.errors import DecodeError, HashMismatchError, MissingVideoError
from retroflip.video.frames import MAX_ASPECT, Frames, Pixels
from retroflip.video.hashing import sha256_file
from retroflip.video.sampling import uniform_indices
from retroflip.video.truncation import missing_bytes

_FORMATS = "mov,matroska,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,ivf,h264,hevc,av1,obu,gif"

_MAX_LOST_SHARE = 0.1
"""Share of a file's coded frames that may give no picture. A clip cut from a longer recording may begin
with frames that refer to ones before the cut, which a decoder leaves out; more than that is damage."""

_EXACT = int(Interpolation.ACCURATE_RND | Interpolation.BITEXACT | Interpolation.FULL_CHR_H_INT)
"""Equal pixels on every processor; without the last flag all of them come out up to 2 of 255 too dark."""


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


@dataclass
class _Pass:
    """One decoding pass: what was seen of every frame, and the pictures (H, W, 3) of the wanted ones."""

    codec: str
    starts: list[float] = field(default_factory=list)
    end: float = 0.0
    size: tuple[int, int] = (0, 0)
    matrix: tuple[int, int, int, int] = (1, 0, 0, 1)
    pictures: dict[int, Pixels] = field(default_factory=dict)
    reformatter: VideoReformatter = field(default_factory=VideoReformatter)


def decode(path: Path, frames: int, *, sha256: str | None = None, max_side: int | None = None) -> Frames:
    """Return `frames` evenly spread frames of the video at `path`, as RGB, T = `frames`.

    The frames are those of `uniform_indices`: a video with fewer frames than asked for repeats some of
    them, time stamps and all. Rotation and mirroring that the file asks players for are applied. Pictures
    whose longer side exceeds `max_side` pixels are shrunk to it, keeping their proportions; none is
    enlarged.

    Raises MissingVideoError; HashMismatchError when the file's hash is not `sha256`; DecodeError when the
    file is empty, cut short, damaged so that the decoder notices, or holds no video; ValueError for a count
    or side under 1.
    """
    if frames < 1 or (max_side is not None and max_side < 1):
        raise ValueError(f"frames and max_side must be at least 1, got {frames} and {max_side}")
    _check_file(path, sha256)
    with _named_errors(path):
        coded = _count_coded_frames(path)
        decoded = _decode_pass(path, uniform_indices(coded, frames), max_side)
        total = _checked_count(path, coded, decoded)
        if total != coded:
            decoded = _decode_pass(path, uniform_indices(total, frames), max_side)
        return _checked_shape(path, _assemble(path, decoded, uniform_indices(total, frames)))


def _checked_shape(path: Path, frames: Frames) -> Frames:
    """Return the frames, unless they are so narrow that models' processors refuse them in the middle of a run."""
    height, width = frames.pixels_TCHW.shape[2:]
    if max(height, width) > MAX_ASPECT * min(height, width):
        raise DecodeError(
            f"{path}: its pictures are {width} x {height}, and models take no side more than {MAX_ASPECT} times the "
            "other. Cut the video to a usual shape, or leave it out."
        )
    return frames


def probe(path: Path) -> VideoInfo:
    """Return what the video at `path` holds, by decoding all of it. Raises as `decode` does."""
    _check_file(path, None)
    with _named_errors(path):
        coded = _count_coded_frames(path)
        decoded = _decode_pass(path, [], None)
        total = _checked_count(path, coded, decoded)
    width, height = decoded.size
    turned = decoded.matrix[0] == 0
    return VideoInfo(
        frames=total,
        seconds=decoded.end - decoded.starts[0],
        width=height if turned else width,
        height=width if turned else height,
        codec=decoded.codec,
        rotation=_clockwise_degrees(decoded.matrix),
    )


def _check_file(path: Path, sha256: str | None) -> None:
    """Find the faults that need no decoder."""
    with _named_errors(path):
        if not path.exists():
            raise MissingVideoError(
                f"{path}: no such video file. Check the path in the data file and the root it is relative to."
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
        if lacking := missing_bytes(path):
            raise DecodeError(
                f"{path}: the file is cut short: {lacking} bytes that its header promises are missing. "
                "Copy or download it again."
            )


@contextmanager
def _named_errors(path: Path) -> Iterator[None]:
    """Turn what FFmpeg and the file system raise into DecodeError."""
    try:
        yield
    except (av.FFmpegError, OSError) as error:
        reason = error.strerror or type(error).__name__
        raise DecodeError(
            f"{path}: cannot be read as a video ({reason}). The file is damaged, cut short or no video; "
            "play it to find out, then copy it again or convert it to MP4 (H.264)."
        ) from error


@contextmanager
def _opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open the file and choose its first video stream; a song's cover picture is not one."""
    options = {"format_whitelist": _FORMATS, "protocol_whitelist": "file"}
    with av.open(str(path.absolute()), "r", options=options, metadata_errors="replace") as container:
        for stream in container.streams.video:
            if stream.disposition & Disposition.attached_pic:
                continue
            if stream.codec_context is None:  # PyAV's types do not know that it can be
                raise DecodeError(f"{path}: no decoder for the video's format. Convert it to MP4 (H.264).")
            stream.thread_type = "NONE"
            stream.codec_context.thread_count = 1
            yield container, stream
            return
        held = ", ".join(sorted({stream.type for stream in container.streams})) or "nothing"
        raise DecodeError(f"{path}: the file holds no video stream (only: {held}). Leave it out of the data.")


def _count_coded_frames(path: Path) -> int:
    with _opened(path) as (container, stream):
        count = sum(1 for packet in container.demux(stream) if packet.size and not packet.is_discard)
    if count == 0:
        raise DecodeError(f"{path}: the video stream has no frames. Copy or download the file again.")
    return count


def _decode_pass(path: Path, wanted: Sequence[int], max_side: int | None) -> _Pass:
    """Decode the whole file, keeping the pictures whose index is in `wanted`."""
    keep = frozenset(wanted)
    with _opened(path) as (container, stream):
        decoded = _Pass(codec=stream.codec_context.codec.canonical_name)
        for index, frame in enumerate(container.decode(stream)):
            if index == 0:
                decoded.size = (frame.width, frame.height)
                decoded.matrix = _display_matrix(path, frame)
            _note_time(path, decoded, frame, stream)
            if index in keep:
                decoded.pictures[index] = _picture(frame, decoded, max_side)
    return decoded


def _note_time(path: Path, decoded: _Pass, frame: VideoFrame, stream: VideoStream) -> None:
    """Record when `frame` is shown; a stream without time stamps is timed by its frame rate."""
    if frame.is_corrupt:
        raise DecodeError(
            f"{path}: frame {len(decoded.starts)} is damaged (reported by the decoder). "
            "Copy or download the file again."
        )
    rate = stream.average_rate or stream.guessed_rate
    period = float(1 / rate) if rate else 0.0
    if frame.pts is not None and frame.time_base:
        start = float(frame.pts * frame.time_base)
    elif period:
        start = decoded.starts[-1] + period if decoded.starts else 0.0
    else:
        raise DecodeError(f"{path}: the video has neither time stamps nor a frame rate. Convert it to MP4.")
    if decoded.starts and start < decoded.starts[-1]:
        raise DecodeError(
            f"{path}: time runs backwards at frame {len(decoded.starts)} ({decoded.starts[-1]:.3f} s, then "
            f"{start:.3f} s). Convert the file to MP4 again."
        )
    decoded.starts.append(start)
    length = float(frame.duration * frame.time_base) if frame.duration and frame.time_base else period
    decoded.end = start + length


def _checked_count(path: Path, coded: int, decoded: _Pass) -> int:
    """Return the number of frames that decoded, unless too many are missing for the file to be whole."""
    total = len(decoded.starts)
    if total < 1 or total < coded * (1 - _MAX_LOST_SHARE):
        raise DecodeError(
            f"{path}: only {total} of {coded} frames decode, so the file is damaged or cut short. "
            "Copy or download it again."
        )
    return total


def _assemble(path: Path, decoded: _Pass, indices: Sequence[int]) -> Frames:
    if not decoded.pictures.keys() >= set(indices):
        raise DecodeError(f"{path}: the file changed while it was read. Wait until it is fully written.")
    pixels_THWC = np.stack([decoded.pictures[index] for index in indices])
    seconds = tuple(decoded.starts[index] - decoded.starts[0] for index in indices)
    return Frames(np.ascontiguousarray(pixels_THWC.transpose(0, 3, 1, 2)), seconds)


def _picture(frame: VideoFrame, decoded: _Pass, max_side: int | None) -> Pixels:
    """Return the frame as upright RGB (H, W, 3), in the size of the video's first frame or shrunk to
    `max_side`."""
    width, height = decoded.size
    scale = 1.0 if max_side is None else min(1.0, max_side / max(width, height))
    picture = decoded.reformatter.reformat(
        frame,
        format="rgb24",
        width=max(1, round(width * scale)),
        height=max(1, round(height * scale)),
        interpolation=_EXACT | int(Interpolation.AREA if scale < 1 else Interpolation.BICUBIC),
        threads=1,  # its thread pool costs more than small pictures do
    )
    return _upright(np.asarray(picture.to_ndarray(), dtype=np.uint8), decoded.matrix)


def _display_matrix(path: Path, frame: VideoFrame) -> tuple[int, int, int, int]:
    """Return the signs (a, b, c, d) of the display matrix: a stored pixel (x, y) is shown at (ax + cy, bx +
    dy).

    Nine 32-bit fixed-point numbers a b u, c d v, x y w (ISO/IEC 14496-12, 6.2.2); here only quarter turns
    and mirrors.
    """
    side_data = cast("Mapping[str, SideData]", frame.side_data)  # PyAV's own type names one key only
    if "DISPLAYMATRIX" not in side_data:
        return (1, 0, 0, 1)
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(side_data["DISPLAYMATRIX"]))
    sign_a, sign_b, sign_c, sign_d = (int(np.sign(value)) for value in (a, b, c, d))
    if abs(sign_a) == abs(sign_b) or (abs(sign_a), abs(sign_b)) != (abs(sign_d), abs(sign_c)):
        raise DecodeError(
            f"{path}: the file asks players to turn or skew it by other than a quarter turn. Convert it with "
            "ffmpeg, which draws the turned pictures."
        )
    return (sign_a, sign_b, sign_c, sign_d)


def _upright(picture: Pixels, matrix: tuple[int, int, int, int]) -> Pixels:
    """Move the stored pixels (H, W, 3) to where they are shown."""
    a, b, c, d = matrix
    if a == 0:
        picture = picture.transpose(1, 0, 2)
    left_to_right = a + c < 0
    top_to_bottom = b + d < 0
    return picture[:: -1 if top_to_bottom else 1, :: -1 if left_to_right else 1]


def _clockwise_degrees(matrix: tuple[int, int, int, int]) -> int:
    """Return the clockwise turn of the stored picture's top-left to top-right edge."""
    return {(1, 0): 0, (0, 1): 90, (-1, 0): 180, (0, -1): 270}[matrix[:2]]
