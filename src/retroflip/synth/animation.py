"""What a temporal video shows, frame by frame, before any pixel is drawn: flat actors over a background.

Shapes: T frames. Lengths are shares of the frame's side, the origin is the top left corner, y points down, angles are
radians and turn clockwise as seen on the screen. Drawing (`retroflip.synth.raster`) reads nothing but this.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self, TypedDict

import numpy as np
import numpy.typing as npt

from retroflip.video.transforms import Transform

Floats = npt.NDArray[np.float64]
Number = float | npt.ArrayLike
Colour = tuple[int, int, int]

PALETTE: dict[str, Colour] = {
    "red": (222, 58, 52),
    "green": (52, 168, 83),
    "blue": (58, 112, 236),
    "yellow": (240, 208, 48),
    "purple": (148, 78, 200),
    "orange": (242, 138, 32),
    "cyan": (56, 196, 210),
    "pink": (240, 130, 178),
}
"""the colours that questions name, RGB"""

SHAPES = ("circle", "square", "triangle", "diamond", "pentagon", "hexagon", "star", "cross")
"""the shapes that questions name; each has the centre of its area at the actor's position"""

MARKS = ("tee", "arrow", "rectangle", "ring", "text")
"""shapes that scenes use besides: a letter T and an arrow show how far they have turned, the rest are furniture"""

BACKGROUNDS = ("plain", "gradient", "checks", "speckle")


@dataclass(frozen=True)
class Actor:
    """One thing on the screen. Every array has one entry per frame.

    half_width_T, half_height_T: half the extent of the shape before it is turned. A circle of half width r has radius
    r; other shapes touch the box of these half extents. For a text, half_height is half the line's height (ascender
    to descender) and half_width is ignored.
    colour_T3: RGB, 0 to 255. opacity_T: 0 invisible, 1 solid.
    text: what is written in the middle of the actor, in `text_colour`, and moves and fades with it (but never turns);
    for the shape "text" it is all there is, and written in the actor's own colour. It is drawn by `text_height_T`, half
    a line's height.
    """

    id: str
    shape: str
    colour_T3: Floats
    x_T: Floats
    y_T: Floats
    half_width_T: Floats
    half_height_T: Floats
    angle_T: Floats
    opacity_T: Floats
    text: str = ""
    text_colour: Colour = (255, 255, 255)
    text_height_T: Floats | None = None

    def __len__(self) -> int:
        return len(self.x_T)

    def reversed(self) -> Self:
        """Return the actor played backwards."""
        return replace(
            self,
            colour_T3=self.colour_T3[::-1],
            x_T=self.x_T[::-1],
            y_T=self.y_T[::-1],
            half_width_T=self.half_width_T[::-1],
            half_height_T=self.half_height_T[::-1],
            angle_T=self.angle_T[::-1],
            opacity_T=self.opacity_T[::-1],
            text_height_T=None if self.text_height_T is None else self.text_height_T[::-1],
        )

    def flipped(self) -> Self:
        """Return the actor mirrored left to right; what it says stays readable."""
        return replace(self, x_T=1.0 - self.x_T, angle_T=-self.angle_T)


class Appearance(TypedDict, total=False):
    """What may be said of an actor besides its shape, colour, place and size."""

    angle: Number
    opacity: Number
    text: str
    text_colour: Colour
    text_height: float


def actor(
    identity: str,
    shape: str,
    colour: Colour | npt.ArrayLike,
    *,
    frames: int,
    x: Number,
    y: Number,
    half_width: Number,
    half_height: Number | None = None,
    angle: Number = 0.0,
    opacity: Number = 1.0,
    text: str = "",
    text_colour: Colour = (255, 255, 255),
    text_height: Number | None = None,
) -> Actor:
    """Return an actor from numbers that stay and arrays that change; `half_height` is `half_width` unless given.

    colour: (3,) or (T, 3). Raises ValueError for an unknown shape or an array of another length.
    """
    if shape not in SHAPES and shape not in MARKS:
        raise ValueError(f"{shape!r} is no shape; there are {', '.join(SHAPES + MARKS)}")

    def over_time(value: Number) -> Floats:
        return np.broadcast_to(np.asarray(value, dtype=float), (frames,))

    return Actor(
        id=identity,
        shape=shape,
        colour_T3=np.broadcast_to(np.asarray(colour, dtype=float), (frames, 3)),
        x_T=over_time(x),
        y_T=over_time(y),
        half_width_T=over_time(half_width),
        half_height_T=over_time(half_width if half_height is None else half_height),
        angle_T=over_time(angle),
        opacity_T=over_time(opacity),
        text=text,
        text_colour=text_colour,
        text_height_T=None if text_height is None else over_time(text_height),
    )


@dataclass(frozen=True)
class Background:
    """What lies behind everything. `seed` places a speckle's grains."""

    pattern: str = "plain"
    colour: Colour = (30, 32, 36)
    second: Colour = (48, 50, 56)
    """the other end of a gradient, every other square of the checks, a speckle's grains"""
    seed: int = 0


@dataclass(frozen=True)
class Animation:
    """A clip: actors drawn in their order over a background, `fps` frames a second.

    noise: standard deviation of the grain laid over every frame, in steps of 0 to 255, drawn from `noise_seed` and the
    frame's index.
    """

    actors: tuple[Actor, ...]
    background: Background
    fps: int
    frames: int
    noise: float = 0.0
    noise_seed: int = 0

    def __post_init__(self) -> None:
        if wrong := [one.id for one in self.actors if len(one) != self.frames]:
            raise ValueError(f"the animation has {self.frames} frames, and {', '.join(wrong)} another number")

    def __len__(self) -> int:
        return self.frames

    def milliseconds(self, frame: int) -> int:
        """Return when a frame is shown, to the nearest millisecond."""
        return round(1000 * frame / self.fps)

    def reversed(self) -> Self:
        """Return the clip played backwards (its grain apart, which belongs to the camera)."""
        return replace(self, actors=tuple(one.reversed() for one in self.actors))

    def flipped(self) -> Self:
        """Return the clip mirrored left to right (its background apart)."""
        return replace(self, actors=tuple(one.flipped() for one in self.actors))

    def recast(self, actors: Sequence[Actor]) -> Self:
        """Return the clip with these actors in the places of those of the same ids."""
        anew = {one.id: one for one in actors}
        return replace(self, actors=tuple(anew.get(one.id, one) for one in self.actors))

    def turned(self, how: Transform) -> Self:
        """Return the clip mirrored or played backwards. Raises KeyError for other transformations."""
        return {Transform.FLIP: self.flipped, Transform.REVERSE: self.reversed}[how]()
