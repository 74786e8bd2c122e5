"""The objects of a scene: what they look like, which way they go, where they are, and the clip of them all."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np

from retroflip.synth.animation import PALETTE, SHAPES, Actor, Animation, Appearance, Floats, Number, actor
from retroflip.synth.episode import Draw, State
from retroflip.synth.physics import reflected

SNAPSHOT_SECONDS = 0.1
"""between snapshots of moving objects"""
CELL = 1.0 / 3.0
"""side of a square in which an object has room of its own"""
_CELLS = tuple((column, row) for column in range(3) for row in range(3))
_CALLED = {"tee": "T"}
"""shapes whose own names will not do"""


@dataclass(frozen=True)
class Look:
    """What an object looks like, drawn independently of the part that it plays."""

    shape: str
    colour: str

    @property
    def name(self) -> str:
        """How questions call it."""
        return f"{self.colour} {_CALLED.get(self.shape, self.shape)}"

    def facts(self, identity: str, **more: Any) -> dict[str, Any]:
        """Return the object as metadata lists it."""
        return thing(identity, self.shape, self.colour, self.name, **more)

    def actor(
        self,
        identity: str,
        frames: int,
        at: tuple[Number, Number],
        half_width: Number,
        half_height: Number | None = None,
        colour: Floats | None = None,
        **more: Unpack[Appearance],
    ) -> Actor:
        """Return the object at that place, which stays or changes, of that size; `colour` (T, 3) where it changes."""
        return actor(
            identity,
            self.shape,
            PALETTE[self.colour] if colour is None else colour,
            frames=frames,
            x=at[0],
            y=at[1],
            half_width=half_width,
            half_height=half_height,
            **more,
        )


def thing(identity: str, shape: str, colour: str, name: str, **more: Any) -> dict[str, Any]:
    """Return an object as metadata list it; `name` is how questions call it."""
    return {"id": identity, "shape": shape, "colour": colour, "name": name, **more}


def draw_looks(draw: Draw, count: int, shapes: Sequence[str] = SHAPES) -> list[Look]:
    """Return looks of which no two share a shape or a colour, as long as there are enough of them."""
    colours = draw.some_of(list(PALETTE), min(count, len(PALETTE)))
    forms = draw.some_of(list(shapes), min(count, len(shapes)))
    around = math.lcm(len(forms), len(colours)) if count else 1
    return [
        Look(forms[index % len(forms)], colours[(index + index // around) % len(colours)])
        for index in range(count)
    ]


def spots(draw: Draw, count: int, reach: float) -> list[tuple[float, float]]:
    """Return places so far apart that objects which stay within `reach` of theirs never meet, nor leave the frame."""
    slack = CELL / 2.0 - reach
    return [
        (
            (column + 0.5) * CELL + draw.between(-slack, slack),
            (row + 0.5) * CELL + draw.between(-slack, slack),
        )
        for column, row in draw.some_of(_CELLS, count)
    ]


Route = Callable[[Floats], Floats]
"""from how far an object has gone (T,) to where it is (T, 2)"""


def bouncing(draw: Draw, radius: float) -> Route:
    """Return a straight way that bounces off the frame's edges.

    The start is drawn evenly, so the place at any one moment is evenly spread, however far the object has gone: one
    frame alone says nothing of how fast it is, was, or will be.
    """
    heading = draw.angle()
    start_2 = draw.rng.uniform(radius, 1.0 - radius, size=2)
    towards_2 = np.array([math.cos(heading), math.sin(heading)])
    return lambda gone_T: reflected(start_2 + gone_T[:, None] * towards_2, radius, 1.0 - radius)


def circling(draw: Draw, radius: float, ring: tuple[float, float] = (0.16, 0.34)) -> Route:
    """Return a way round and round a circle that lies in the frame, from an evenly drawn point of it, either way."""
    size = draw.between(*ring)
    centre_2 = draw.rng.uniform(size + radius, 1.0 - size - radius, size=2)
    start, sense = draw.angle(), draw.one_of((-1.0, 1.0))

    def places(gone_T: Floats) -> Floats:
        angle_T = start + sense * gone_T / size
        return centre_2 + size * np.stack([np.cos(angle_T), np.sin(angle_T)], axis=1)

    return places


def filmed(draw: Draw, actors: Sequence[Actor]) -> Animation:
    """Return the clip of these actors, drawn in an order that says nothing, over the background of the settings."""
    order = draw.rng.permutation(len(actors))
    return Animation(
        tuple(actors[int(index)] for index in order),
        draw.background(),
        draw.settings.fps,
        len(actors[0]),
        draw.settings.noise,
        draw.noise_seed(),
    )


def frames_of(draw: Draw, low: float, high: float) -> int:
    """Return a clip's length in frames, drawn between `low` and `high` seconds before the settings' scale."""
    return max(2, round(draw.between(low, high) * draw.settings.duration_scale * draw.settings.fps))


def eased(frames: int) -> Floats:
    """Return a smooth course from 0 to 1 in `frames` steps that starts and ends at rest (its own mirror image)."""
    along = np.linspace(0.0, 1.0, frames)
    return along * along * (3.0 - 2.0 * along)


def positions(
    animation: Animation, identities: Sequence[str], every: float = SNAPSHOT_SECONDS
) -> list[State]:
    """Return where those actors are, every so many seconds and in the last frame, in shares of the side."""
    step = max(1, math.floor(every * animation.fps))
    chosen = [*range(0, animation.frames - 1, step), animation.frames - 1]
    shown = [by_id(animation, name) for name in identities]
    return [State(frame, {"positions": {one.id: _place(one, frame) for one in shown}}) for frame in chosen]


def places_and_turns(animation: Animation, identity: str) -> list[State]:
    """Return where an actor is and how many degrees it has turned, as often as `positions` does."""
    degrees_T = np.degrees(by_id(animation, identity).angle_T) % 360.0
    return [
        State(state.frame, {**state.facts, "degrees": {identity: round(float(degrees_T[state.frame]), 2)}})
        for state in positions(animation, [identity])
    ]


def by_id(animation: Animation, identity: str) -> Actor:
    """Return the actor of that id."""
    return next(one for one in animation.actors if one.id == identity)


def _place(one: Actor, frame: int) -> list[float]:
    return [round(float(one.x_T[frame]), 4), round(float(one.y_T[frame]), 4)]
