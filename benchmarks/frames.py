"""What frames cost: decoded anew, and from the cache, side by side for each video.

    python benchmarks/frames.py [VIDEO ...] [--frames 32] [--repeats 3] [--json]

Without videos one is drawn: 10 s of 640 x 360 at 30 frames a second. Frames are as large as a model sees them under
CRPO's budget (table 7). `first_read_s` is what a process pays for the first look at an entry, whose hash it checks;
`read_s` what it pays later. Every time is the best of the repeats, with all pixels added up; `ratio` is decoding over
the first read. Frames that differ from the decoded ones end it with an error.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from retroflip.models.budget import fits_of, set_budget
from retroflip.models.loading import load_processor
from retroflip.video.budget import PixelBudget
from retroflip.video.decode import decode
from retroflip.video.encode import encode
from retroflip.video.frame_cache import FrameCache, size_key
from retroflip.video.frames import Fit, Frames
from retroflip.video.take import Take

BUDGET = PixelBudget(16 * 32 * 32, 768 * 32 * 32, 2048 * 32 * 32)


def drawn(path: Path) -> Path:
    """Write a video of a square that moves before a speckled ground."""
    ground_CHW = (
        np.random.default_rng(0).integers(0, 255, (3, 45, 80), dtype=np.uint8).repeat(8, 1).repeat(8, 2)
    )
    pixels_TCHW = np.repeat(ground_CHW[None], 300, axis=0)
    for time_, picture_CHW in enumerate(pixels_TCHW):
        picture_CHW[:, 150:210, time_ : time_ + 60] = 255
    encode(path, pixels_TCHW, 30)
    return path


def best(work: Callable[[], Frames], repeats: int) -> tuple[float, Frames]:
    """Return the least seconds that `work` takes, with every pixel looked at, and what it returns."""
    seconds, frames = [], None
    for _ in range(repeats):
        begun = time.perf_counter()
        frames = work()
        frames.pixels_TCHW.sum()
        seconds.append(time.perf_counter() - begun)
    if frames is None:
        raise ValueError("nothing was measured")
    return min(seconds), frames


def measure(video: Path, frames: int, fit: Fit, repeats: int, folder: Path) -> dict[str, Any]:
    """Return the seconds of one video's frames."""
    take, size = Take(frames), size_key(None, fit)

    def read(cache: FrameCache) -> Frames:
        found = cache.get(cache.identify(video, None), take, size)
        if found is None:
            raise ValueError(f"{video} is not in the cache")
        return found

    decoded_s, decoded = best(lambda: decode(video, frames, fit=fit), repeats)
    kept = FrameCache(folder, 2**40)
    kept.put(video, kept.identify(video, None), take, size, decoded)
    read(kept)
    read_s, again = best(lambda: read(kept), repeats)
    first_read_s, first = best(lambda: read(FrameCache(folder, 2**40)), repeats)
    same = all(np.array_equal(decoded.pixels_TCHW, one.pixels_TCHW) for one in (again, first))
    if not same:
        raise ValueError(f"{video}: the cache has other frames than the decoder")
    return {
        "video": video.name,
        "size": list(decoded.pixels_TCHW.shape[2:]),
        "decode_s": decoded_s,
        "first_read_s": first_read_s,
        "read_s": read_s,
        "ratio": decoded_s / first_read_s,
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("videos", nargs="*", type=Path)
    parser.add_argument("--frames", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    processor = load_processor("retroflip-tiny")
    set_budget(processor, BUDGET, given.frames)
    fit = fits_of(processor, given.frames).video
    with tempfile.TemporaryDirectory() as folder:
        videos = given.videos or [drawn(Path(folder) / "drawn.mp4")]
        found = [measure(video, given.frames, fit, given.repeats, Path(folder) / "cache") for video in videos]
    result = {"frames": given.frames, "ratio": min(row["ratio"] for row in found), "videos": found}
    table = "\n".join("  ".join(f"{name} {_told(value)}" for name, value in row.items()) for row in found)
    print(json.dumps(result) if given.json else table)  # noqa: T201 - its result


def _told(value: object) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
