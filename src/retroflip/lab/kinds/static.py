"""Static questions: colour, shape and count. No transformation changes their answers."""

import numpy as np

from retroflip.lab.clip import Clip
from retroflip.lab.kinds.common import Rng, draw_background, draw_length, draw_look, shuffled
from retroflip.lab.scene import COLOURS, SHAPES, Scene, Track

TASK = "static"
COUNTS = ("1", "2", "3", "4")
_PLACES = ((0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75))


def _objects(rng: Rng, count: int, frames: int) -> tuple[Track, ...]:
    """Return objects drifting a little, each in its own quarter of the frame."""
    tracks = []
    for place in rng.permutation(len(_PLACES))[:count]:
        shape, colour = draw_look(rng)
        x, y = _PLACES[int(place)]
        drift = np.linspace(-0.5, 0.5, frames)
        still = Track.still(shape, colour, x, y, rng.uniform(0.11, 0.15), frames)
        shift_x, shift_y = rng.uniform(-0.16, 0.16, size=2)
        moved = (still.x_T + shift_x * drift, still.y_T + shift_y * drift)
        tracks.append(Track(shape, colour, *moved, still.radius_T, still.opacity_T, still.gap_T))
    return tuple(tracks)


def make(rng: Rng) -> Clip:
    """Draw a clip that asks for the colour or the shape of a single object, or for the number of objects."""
    about = str(rng.choice(["colour", "shape", "count"]))
    frames, fps = draw_length(rng)
    count = int(rng.integers(1, len(COUNTS) + 1)) if about == "count" else 1
    tracks = _objects(rng, count, frames)
    question, options, answer, conclusion = {
        "colour": ("Which colour is the object?", tuple(COLOURS), tracks[0].colour, ""),
        "shape": ("Which shape is the object?", SHAPES, tracks[0].shape, ""),
        "count": ("How many objects are there?", COUNTS, str(count), "there are {}"),
    }[about]
    return Clip(
        scene=Scene(tracks, draw_background(rng), fps),
        task=TASK,
        question=question,
        options=shuffled(rng, options),
        answer=answer,
        conclusion=conclusion,
        subject=about != "count",
    )
