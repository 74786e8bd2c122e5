"""Videos inside the page: small browser-playable files as they are, everything else as a short preview."""

import base64
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from retroflip.errors import VideoError
from retroflip.files.storage import scratch_folder
from retroflip.video import frame_cache
from retroflip.video.encode import encode
from retroflip.video.frames import Frames
from retroflip.video.take import Take
from retroflip.video.window import Window

MAX_BYTES = 400_000
"""of one clip; larger files are shown as a preview"""
PREVIEW_FRAMES = 32
PREVIEW_SIDE = 320
_BROWSER_CODECS = {".mp4": {"h264", "av1"}, ".webm": {"vp8", "vp9", "av1"}}
_MEDIA_TYPES = {".mp4": "video/mp4", ".webm": "video/webm"}


@dataclass(frozen=True)
class Clip:
    """A video as a page shows it: a data URI, or None with the reason.

    note: for the reader. frame_seconds: how long one frame is shown, for stepping through the clip.
    """

    uri: str | None
    note: str = ""
    frame_seconds: float = 0.125

    @property
    def bytes(self) -> int:
        """Characters that the clip takes in the page."""
        return len(self.uri or "")


def inline_clip(path: Path | None, window: Window | None = None) -> Clip:
    """Return `path`, or a preview of its part, as a data URI.

    A video that cannot be used gives no error here but a note saying why.
    """
    if path is None:
        return Clip(None, "The video is not stored with these answers.")
    try:
        return _inline(path, window)
    except VideoError as error:
        return Clip(None, str(error))


def _inline(path: Path, window: Window | None) -> Clip:
    suffix = path.suffix.lower()
    info = frame_cache.try_out(path).info
    if (
        window is None
        and info.codec in _BROWSER_CODECS.get(suffix, set())
        and path.stat().st_size <= MAX_BYTES
    ):
        content = _data_uri(path.read_bytes(), _MEDIA_TYPES[suffix])
        return Clip(content, frame_seconds=info.seconds / info.frames)
    frames = frame_cache.load(path, Take(PREVIEW_FRAMES, window), max_side=PREVIEW_SIDE)
    with scratch_folder() as folder:
        preview = folder / "preview.mp4"
        rate = _frame_rate(frames)
        encode(preview, frames.pixels_TCHW, rate)
        part = "" if window is None else f" from {window} of the video"
        note = f"Preview of {len(frames)} frames{part}; the original has {path.stat().st_size / 1e6:.1f} MB."
        return Clip(_data_uri(preview.read_bytes(), "video/mp4"), note, frame_seconds=float(1 / rate))


def _frame_rate(frames: Frames) -> Fraction:
    span = frames.seconds[-1] - frames.seconds[0]
    return Fraction((len(frames) - 1) / span).limit_denominator(1000) if span > 0 else Fraction(1)


def _data_uri(content: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode('ascii')}"
