"""Draw a scene: closed-form signed distances, anti-aliased to a fraction of a pixel, NumPy only.

Shapes: T frames, H = W = size; a coverage or a distance has the shape of a window of the frame.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from retroflip.lab.scene import COLOURS, Floats, Scene, Track
from retroflip.synth.raster.shapes import farthest
from retroflip.video.frames import Frames, Pixels

_HALF_ROOT = np.sqrt(3.0) / 2.0


@dataclass(frozen=True)
class _Facets:
    """A convex polygon by the directions of its sides. `reach`: how far from the centre they lie, in radii."""

    directions: tuple[tuple[float, float], ...]
    reach: float
    length: float = 1.0
    """of a direction"""


_POLYGONS: dict[str, _Facets] = {
    "square": _Facets(((1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0)), 0.86),
    "diamond": _Facets(((1.0, 1.0), (-1.0, 1.0), (1.0, -1.0), (-1.0, -1.0)), 1.2, np.sqrt(2.0)),
    "triangle": _Facets(((0.0, 1.0), (_HALF_ROOT, -0.5), (-_HALF_ROOT, -0.5)), 0.55),
}


def _distance(shape: str, dx: Floats, dy: Floats, radius: float) -> Floats:
    """Return the signed distance to the outline, negative inside; all lengths are shares of the side."""
    if shape == "circle":
        return np.hypot(dx, dy) - radius
    facets = _POLYGONS[shape]
    across = np.array([x for x, _ in facets.directions])[:, None, None] * dx
    down = np.array([y for _, y in facets.directions])[:, None, None] * dy
    return (farthest(across, down) - facets.reach * radius) / facets.length


_REACH = 1.2
"""how far the widest shape, the diamond, reaches from its centre, in radii"""
_MARGIN = 2.0
"""pixels around an object that its anti-aliased outline may touch"""


def _coverage_HW(track: Track, frame: int, size: int, rows: slice, columns: slice) -> Floats:
    """Return which share of each pixel of the window the object covers, times its opacity."""
    centres = (np.arange(size) + 0.5) / size
    dx = np.abs(centres[None, columns] - track.x_T[frame])
    dy = centres[rows, None] - track.y_T[frame]
    gap = track.gap_T[frame]
    distance = _distance(track.shape, np.maximum(dx - gap, 0.0), dy, track.radius_T[frame])
    if gap > 0.0:
        distance = np.maximum(distance, gap - dx)
    covered: Floats = np.clip(0.5 - distance * size, 0.0, 1.0) * track.opacity_T[frame]
    return covered


def _window(track: Track, frame: int, size: int) -> tuple[slice, slice]:
    """Return rows and columns outside of which the object covers nothing: most of a frame is background."""
    across = _REACH * track.radius_T[frame]

    def around(centre: float, reach: float) -> slice:
        first, last = (centre - reach) * size - _MARGIN, (centre + reach) * size + _MARGIN
        return slice(max(0, int(first)), max(0, int(last)))

    return around(track.y_T[frame], across), around(track.x_T[frame], across + track.gap_T[frame])


def _draw(canvas_CHW: Floats, track: Track, frame: int) -> None:
    """Lay one object over the canvas."""
    size = canvas_CHW.shape[1]
    rows, columns = _window(track, frame, size)
    under_CHW = canvas_CHW[:, rows, columns]
    colour_CHW = np.asarray(COLOURS[track.colour], dtype=float)[:, None, None]
    under_CHW += _coverage_HW(track, frame, size, rows, columns) * (colour_CHW - under_CHW)


def render(scene: Scene, size: int, frames: Sequence[int] | None = None) -> Frames:
    """Draw the given frames of a scene (all by default) as uint8 RGB of shape (T, 3, size, size)."""
    chosen = range(len(scene)) if frames is None else frames
    background_CHW = np.asarray(scene.background, dtype=float)[:, None, None]
    canvas_CHW = np.empty((3, size, size))
    pixels_TCHW: Pixels = np.empty((len(chosen), 3, size, size), dtype=np.uint8)
    for pixels_CHW, frame in zip(pixels_TCHW, chosen, strict=True):
        canvas_CHW[:] = background_CHW
        for track in scene.tracks:
            _draw(canvas_CHW, track, frame)
        pixels_CHW[:] = np.rint(canvas_CHW, out=canvas_CHW)
    return Frames(pixels_TCHW, tuple(index / scene.fps for index in chosen))
