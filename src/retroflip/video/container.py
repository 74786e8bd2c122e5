"""Opening video files: what is read as a video, which of its streams is meant, and how large it may be.

A file is opened by its content and only as one of `_FORMATS`: FFmpeg would also read text as pictures, and
follow the paths and addresses in a playlist.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from retroflip.errors import DecodeError

MAX_FRAME_PIXELS = 8192 * 4320
"""of one stored picture: the largest size of digital cinema and television"""

_FORMATS = "mov,matroska,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,ivf,h264,hevc,m4v,av1,obu,gif"
_READ = "MP4, MOV, MKV, WebM, AVI, MPEG, FLV, WMV, Ogg and GIF"
_CLOCKS_SET_ANEW = ("mpegts", "mpeg")
"""formats for broadcast and discs, that may be written one behind the other"""
_OPEN_ENDED = ("mpegts", "mpeg", "mpegvideo", "flv", "asf", "ogg", "ivf", "h264", "hevc", "m4v", "av1", "obu")
"""formats that do not say how long a file is, so that a recording may have been cut anywhere"""
_LONGEST_STEP = 10.0
"""seconds; FFmpeg takes a longer step in such formats for a clock that was set anew, too"""
_READ_SECONDS = 60.0
"""for one read, which a network drive may stall"""
_NO_CLIP = Disposition.attached_pic | Disposition.timed_thumbnails
"""a song's cover, and small pictures for a player's time bar"""

_PICTURES = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG": "PNG",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"\0\0\1\0": "ICO",
}
_PICTURE_BRANDS = b"avif avis mif1 mif2 msf1 miaf heic heix heim heis hevc hevx hevm hevs".split()
"""major brands of HEIF and AVIF, single pictures and animated ones (ISO/IEC 23008-12, 10; AV1 image format, 6)"""


def picture_format(path: Path) -> str | None:
    """Return the name of the picture format that the file is in, None where it is none. Raises OSError."""
    with path.open("rb") as stream:
        head = stream.read(12)
    if head[4:8] == b"ftyp" and head[8:] in _PICTURE_BRANDS:
        return "AVIF" if head[8:11] == b"avi" else "HEIF"
    if head[:4] == b"RIFF" and head[8:] == b"WEBP":
        return "WebP"
    return next((name for start, name in _PICTURES.items() if head.startswith(start)), None)


@contextmanager
def opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open the file and choose the video stream that players show.

    Raises DecodeError where it has none or its pictures are too large, and whatever PyAV raises.
    """
    options = {
        "format_whitelist": _FORMATS,
        "protocol_whitelist": "file",
        "fflags": "-genpts",  # PyAV lets FFmpeg make up missing stamps, which then run backwards behind B-frames
        "max_pixels": str(2 * MAX_FRAME_PIXELS),  # what is between is refused below, by name
    }
    try:
        container = av.open(
            str(path.absolute()), "r", options=options, metadata_errors="replace", timeout=_READ_SECONDS
        )
    except av.ArgumentError as error:
        raise DecodeError(
            f"{path}: cannot be read as a video: its format is none of {_READ}, or its header is damaged. Convert it "
            "to MP4 (H.264)."
        ) from error
    with container:
        stream = _shown_stream(path, container)
        if stream.codec_context is None:  # PyAV's types do not know that it can be
            raise DecodeError(f"{path}: no decoder for the video's format. Convert it to MP4 (H.264).")
        check_picture_size(path, stream.codec_context.width, stream.codec_context.height)
        stream.codec_context.options = options
        stream.thread_type = "NONE"
        stream.codec_context.thread_count = 1
        yield container, stream


def _shown_stream(path: Path, container: InputContainer) -> VideoStream:
    clips = [stream for stream in container.streams.video if not stream.disposition & _NO_CLIP]
    if not clips:
        held = ", ".join(sorted({stream.type for stream in container.streams})) or "nothing"
        raise DecodeError(f"{path}: the file holds no video stream (only: {held}). Leave it out of the data.")
    best = container.streams.best(
        "video"
    )  # by FFmpeg's rule: the default one, or else the one with most to show
    chosen = [stream for stream in clips if best is not None and stream.index == best.index]
    return (chosen or sorted(clips, key=lambda stream: not stream.disposition & Disposition.default))[0]


def check_picture_size(path: Path, width: int, height: int) -> None:
    """Raise DecodeError for pictures of more than MAX_FRAME_PIXELS."""
    if width * height > MAX_FRAME_PIXELS:
        raise DecodeError(
            f"{path}: its pictures have {width} x {height} pixels, and {MAX_FRAME_PIXELS} are the limit. "
            "Store it smaller."
        )


def is_open_ended(container: InputContainer) -> bool:
    """Return whether the format does not say where a file ends."""
    return container.format.name in _OPEN_ENDED


def longest_step(container: InputContainer) -> float | None:
    """Return the seconds from one frame to the next that the format can mean, None for any."""
    return _LONGEST_STEP if container.format.name in _CLOCKS_SET_ANEW else None
