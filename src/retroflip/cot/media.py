"""A video as a generator is shown it: the file, or frames of it with their times, as data URLs."""

from pathlib import Path

from retroflip.cot.recipe import VideoSection
from retroflip.llm.media import Part, file_part, frame_parts
from retroflip.video import frame_cache
from retroflip.video.take import Take


def video_parts(path: Path, sha256: str, section: VideoSection) -> list[Part]:
    """Return the parts of a message that show a video. Raises VideoError where the file is missing or not that one."""
    if section.form == "video":
        frame_cache.try_out(path, sha256=sha256)
        return [file_part(path)]
    frames = frame_cache.load(path, Take(section.frames), sha256=sha256, max_side=section.max_side)
    return frame_parts(frames, section.quality)
