"""Videos inside the page: small browser-playable files as they are, everything else as a short preview."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from PIL import Image

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
STRIP_FRAMES = 16
"""of a strip; of more frames so many are shown, evenly chosen among them"""
STRIP_SIDE = 104
_QUALITY = 78
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


@dataclass(frozen=True)
class Strip:
    """The frames that a model was shown, one beside the other in a picture: its data URI, or None with the reason.

    seconds: at which each of them is shown. total: how many the model was shown, of which these are some.
    """

    uri: str | None
    seconds: tuple[float, ...] = ()
    total: int = 0
    note: str = ""

    @property
    def bytes(self) -> int:
        """Characters that the strip takes in the page."""
        return len(self.uri or "")


def inline_strip(path: Path | None, take: Take) -> Strip:
    """Return the frames that this take has of the video at `path`, small and side by side.

    A video that cannot be used gives no error here but a note saying why.
    """
    if path is None:
        return Strip(None)
    try:
        frames = frame_cache.load(path, take, max_side=PREVIEW_SIDE)
    except VideoError as error:
        return Strip(None, note=str(error))
    count = min(len(frames), STRIP_FRAMES)
    chosen = [round(place * (len(frames) - 1) / max(count - 1, 1)) for place in range(count)]
    pictures = [Image.fromarray(frames.pixels_TCHW[index].transpose(1, 2, 0)) for index in chosen]
    for picture in pictures:
        picture.thumbnail((STRIP_SIDE, STRIP_SIDE))
    return Strip(_side_by_side(pictures), tuple(frames.seconds[index] for index in chosen), len(frames))


def _side_by_side(pictures: Sequence[Image.Image]) -> str:
    width, height = pictures[0].size
    sheet = Image.new("RGB", (width * len(pictures), height))
    for place, picture in enumerate(pictures):
        sheet.paste(picture, (place * width, 0))
    with io.BytesIO() as stream:
        sheet.save(stream, "JPEG", quality=_QUALITY)
        return _data_uri(stream.getvalue(), "image/jpeg")


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
