"""Videos and images as parts of a chat message: the file, or frames of it with their times, as data URLs."""

import base64
import io
import mimetypes
from pathlib import Path
from typing import Any

from PIL import Image

from retroflip.video.frames import Frames

Part = dict[str, Any]
JPEG_QUALITY = 90


def text_part(text: str) -> Part:
    """Return words."""
    return {"type": "text", "text": text}


def frame_parts(frames: Frames, quality: int = JPEG_QUALITY) -> list[Part]:
    """Return a video's frames, each behind its time."""
    parts: list[Part] = []
    for number, seconds in enumerate(frames.seconds):
        parts.append(text_part(f"Frame at {seconds:.1f} s:"))
        parts.append(picture_part(frames, number, quality))
    return parts


def picture_part(frames: Frames, number: int = 0, quality: int = JPEG_QUALITY) -> Part:
    """Return one frame without its time, as an image is shown."""
    stream = io.BytesIO()
    picture = Image.fromarray(frames.pixels_TCHW[number].transpose(1, 2, 0))
    picture.save(stream, "JPEG", quality=quality)
    return {"type": "image_url", "image_url": {"url": _url("image/jpeg", stream.getvalue())}}


def file_part(path: Path, *, is_image: bool = False) -> Part:
    """Return a whole file, of the type that its name says."""
    kind = "image" if is_image else "video"
    guessed, _ = mimetypes.guess_type(path.name)
    of_kind = guessed if guessed and guessed.startswith(kind) else f"{kind}/{'jpeg' if is_image else 'mp4'}"
    return {"type": f"{kind}_url", f"{kind}_url": {"url": _url(of_kind, path.read_bytes())}}


def _url(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
