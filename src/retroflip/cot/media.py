"""A video as a generator is shown it: the file, or frames of it with their times, as data URLs."""

import base64
import io
from pathlib import Path
from typing import Any

from PIL import Image

from retroflip.cot.recipe import VideoSection
from retroflip.video import frame_cache
from retroflip.video.take import Take

Part = dict[str, Any]


def video_parts(path: Path, sha256: str, section: VideoSection) -> list[Part]:
    """Return the parts of a message that show a video. Raises VideoError where the file is missing or not that one."""
    if section.form == "video":
        frame_cache.try_out(path, sha256=sha256)
        return [{"type": "video_url", "video_url": {"url": _url("video/mp4", path.read_bytes())}}]
    frames = frame_cache.load(path, Take(section.frames), sha256=sha256, max_side=section.max_side)
    parts: list[Part] = []
    for pixels_CHW, seconds in zip(frames.pixels_TCHW, frames.seconds, strict=True):
        stream = io.BytesIO()
        Image.fromarray(pixels_CHW.transpose(1, 2, 0)).save(stream, "JPEG", quality=section.quality)
        parts.append({"type": "text", "text": f"Frame at {seconds:.1f} s:"})
        parts.append({"type": "image_url", "image_url": {"url": _url("image/jpeg", stream.getvalue())}})
    return parts


def _url(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
