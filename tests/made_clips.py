"""Small clips made by hand, and a folder of them with a table, as a source of DyBench."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from retroflip.video.encode import encode
from retroflip.video.frames import Pixels

HEADER = ("path", "action", "start", "end", "domain", "licence", "url")


def moving(seed: int, *, frames: int = 24, height: int = 72, width: int = 96, speed: int = 2) -> Pixels:
    """Return a bright bar that moves right over a background of its own, (T, 3, H, W)."""
    rng = np.random.default_rng(seed)
    coarse_CHW = (rng.random((3, height // 8 + 1, width // 8 + 1)) * 160).astype(np.uint8)
    background_CHW = coarse_CHW.repeat(8, axis=1).repeat(8, axis=2)[:, :height, :width]
    pixels_TCHW = np.stack([background_CHW] * frames)
    for index in range(frames):
        left = 4 + speed * index
        pixels_TCHW[index, :, 20:50, left : left + 18] = np.array([230, 200, 40])[:, None, None]
    return pixels_TCHW


def write_folder(folder: Path, rows: Sequence[Sequence[str]], **clips: Pixels) -> Path:
    """Write clips as NAME.mp4, 12 frames a second, and clips.csv with these rows (path, action, start, ...)."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, pixels_TCHW in clips.items():
        encode(folder / f"{name}.mp4", pixels_TCHW, 12)
    with (folder / "clips.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(HEADER)
        for row in rows:
            writer.writerow([*row, *[""] * (len(HEADER) - len(row))])
    return folder
