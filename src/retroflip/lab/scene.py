"""What a synthetic clip shows, frame by frame, before any pixel is drawn.

Shapes: T frames. Every ground truth is read off these arrays, and both transformations act on them exactly as they
act on pixels, so a counterfactual clip knows its own truth too.
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (226, 58, 52),
    "green": (60, 188, 84),
    "blue": (58, 112, 236),
    "yellow": (240, 208, 48),
}
SHAPES = ("circle", "square", "triangle", "diamond")


@dataclass(frozen=True)
class Track:
    """One object through the clip. Lengths are shares of the frame's side, the origin is the top left corner."""

    shape: str
    colour: str
    x_T: Floats
    y_T: Floats
    radius_T: Floats
    opacity_T: Floats
    """0 invisible, 1 solid"""
    gap_T: Floats
    """half the distance by which the object's left and right halves have moved apart"""

    @classmethod
    def still(cls, shape: str, colour: str, x: float, y: float, radius: float, frames: int) -> Self:
        """Return an object that stays where and as it is for `frames` frames."""

        def constant(value: float) -> Floats:
            return np.full(frames, value)

        return cls(shape, colour, constant(x), constant(y), constant(radius), constant(1.0), constant(0.0))

    def reversed(self) -> Self:
        """Return the track played backwards."""
        return replace(
            self,
            x_T=self.x_T[::-1],
            y_T=self.y_T[::-1],
            radius_T=self.radius_T[::-1],
            opacity_T=self.opacity_T[::-1],
            gap_T=self.gap_T[::-1],
        )

    def flipped(self) -> Self:
        """Return the track mirrored left to right (every shape is its own mirror image)."""
        return replace(self, x_T=1.0 - self.x_T)


@dataclass(frozen=True)
class Scene:
    """A clip: objects drawn in order over a plain background, `fps` frames a second.

    `phases` names what is going on in each frame where a kind needs it (event order), else it is empty.
    """

    tracks: tuple[Track, ...]
    background: tuple[int, int, int]
    fps: int
    phases: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.tracks[0].x_T)

    def reversed(self) -> Self:
        """Return the scene played backwards."""
        tracks = tuple(track.reversed() for track in self.tracks)
        return replace(self, tracks=tracks, phases=self.phases[::-1])

    def flipped(self) -> Self:
        """Return the scene mirrored left to right."""
        return replace(self, tracks=tuple(track.flipped() for track in self.tracks))
