"""Draw a scene: closed-form signed distances, anti-aliased to a fraction of a pixel, NumPy only.

Shapes: T frames, H = W = size.
"""

from collections.abc import Callable, Sequence

import numpy as np

from retroflip.synth.scene import COLOURS, Floats, Scene, Track
from retroflip.video.frames import Frames, Pixels

Distance = Callable[[Floats, Floats, Floats], Floats]
"""(dx, dy, radius) in shares of the side -> signed distance to the outline, negative inside."""


def _circle(dx: Floats, dy: Floats, radius: Floats) -> Floats:
    return np.hypot(dx, dy) - radius


def _square(dx: Floats, dy: Floats, radius: Floats) -> Floats:
    return np.maximum(np.abs(dx), np.abs(dy)) - 0.86 * radius


def _diamond(dx: Floats, dy: Floats, radius: Floats) -> Floats:
    return (np.abs(dx) + np.abs(dy) - 1.2 * radius) / np.sqrt(2.0)


def _triangle(dx: Floats, dy: Floats, radius: Floats) -> Floats:
    half = np.sqrt(3.0) / 2.0
    return np.maximum(dy, half * np.abs(dx) - 0.5 * dy) - 0.55 * radius


_DISTANCES: dict[str, Distance] = {
    "circle": _circle,
    "square": _square,
    "diamond": _diamond,
    "triangle": _triangle,
}


def _coverage_THW(track: Track, frames: Sequence[int], size: int) -> Floats:
    """Return which share of each pixel the object covers, times its opacity."""
    index = np.asarray(frames)

    def at(values_T: Floats) -> Floats:
        return values_T[index][:, None, None]

    centres = (np.arange(size) + 0.5) / size
    dx = np.abs(centres[None, None, :] - at(track.x_T))
    dy = centres[None, :, None] - at(track.y_T)
    gap = at(track.gap_T)
    distance = _DISTANCES[track.shape](np.maximum(dx - gap, 0.0), dy, at(track.radius_T))
    distance = np.where(gap > 0.0, np.maximum(distance, gap - dx), distance)
    return np.clip(0.5 - distance * size, 0.0, 1.0) * at(track.opacity_T)


def render(scene: Scene, size: int, frames: Sequence[int] | None = None) -> Frames:
    """Draw the given frames of a scene (all by default) as uint8 RGB of shape (T, 3, size, size)."""
    chosen = range(len(scene)) if frames is None else frames
    image_TCHW = np.empty((len(chosen), 3, size, size))
    image_TCHW[:] = np.asarray(scene.background, dtype=float)[None, :, None, None]
    for track in scene.tracks:
        cover = _coverage_THW(track, chosen, size)[:, None]
        colour = np.asarray(COLOURS[track.colour], dtype=float)[None, :, None, None]
        image_TCHW += cover * (colour - image_TCHW)
    pixels: Pixels = np.rint(image_TCHW).astype(np.uint8)
    return Frames(pixels, tuple(index / scene.fps for index in chosen))
