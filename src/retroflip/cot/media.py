"""A video as a generator is shown it: the file, or frames of it with their times."""

from pathlib import Path

from retroflip.cot.recipe import VideoSection
from retroflip.inference.base import Medium
from retroflip.video import frame_cache
from retroflip.video.take import Take


def shown_video(path: Path, sha256: str, section: VideoSection) -> Medium:
    """Return what shows a video. Raises VideoError where the file is missing or not that one."""
    if section.form == "video":
        frame_cache.try_out(path, sha256=sha256)
        return Medium(file=path)
    return Medium(frame_cache.load(path, Take(section.frames), sha256=sha256, max_side=section.max_side))
