"""Which videos are there under a source's root, and how long their headers say that they are."""

import os
from collections.abc import Iterable
from pathlib import Path

from retroflip.data.root import resolve
from retroflip.errors import PathEscapeError
from retroflip.video.container import opened
from retroflip.video.decode import check_there, one_file

_ENDINGS = (".mp4", ".webm", ".avi", ".mkv", ".mov")


def first_there(root: Path, names: Iterable[str]) -> str | None:
    """Return the first of these paths that is a file under the root; None where none is, or where they leave it."""
    for name in names:
        try:
            found = resolve(root, name).is_file()
        except (PathEscapeError, OSError):  # the system refuses a name that is too long
            continue
        if found:
            return name
    return None


def videos_by_name(root: Path, folder: str = "") -> dict[str, str]:
    """Return every video file below a folder of the root, by its name without its ending; of two, the first by path."""
    found: dict[str, str] = {}
    for place, folders, files in os.walk(root / folder):
        folders.sort()
        for name in sorted(files):
            stem, ending = os.path.splitext(name)  # noqa: PTH122 - of a name, a hundred thousand times
            if ending.lower() in _ENDINGS:
                found.setdefault(stem, (Path(place) / name).relative_to(root).as_posix())
    return found


def seconds_of(video: Path) -> float | None:
    """Return how long a video is by its header, None where that does not say. Raises MediaError as `decode` does."""
    with one_file(video):
        check_there(video)
        with opened(video) as (container, stream):
            if stream.duration is not None and stream.time_base is not None:
                return float(stream.duration * stream.time_base)
            return None if container.duration is None else container.duration / 1_000_000
