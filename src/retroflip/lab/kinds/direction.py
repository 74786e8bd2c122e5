"""Moving direction: one object moves straight; where does it go? (DyBench's second sub-task)"""

import numpy as np

from retroflip.lab.clip import Clip
from retroflip.lab.kinds.common import Rng, cue_colours, draw_background, draw_length, draw_look, shuffled
from retroflip.lab.scene import Scene, Track
from retroflip.video.transforms import Transform

TASK = "moving_direction"
STEPS: dict[str, tuple[int, int]] = {
    "left": (-1, 0),
    "right": (1, 0),
    "up": (0, -1),
    "down": (0, 1),
    "up-left": (-1, -1),
    "up-right": (1, -1),
    "down-left": (-1, 1),
    "down-right": (1, 1),
}
"""unit step of each direction on the screen, y pointing down"""
FOUR = ("left", "right", "up", "down")
EIGHT = tuple(STEPS)
_NAMES = {step: name for name, step in STEPS.items()}
CHANGES = {
    Transform.FLIP: {name: _NAMES[-dx, dy] for name, (dx, dy) in STEPS.items()},
    Transform.REVERSE: {name: _NAMES[-dx, -dy] for name, (dx, dy) in STEPS.items()},
}
CELLS = 8


def square_of(scene: Scene, frame: int) -> str:
    """Return the chess-board square of the first object's centre: a to h from the left, 1 to 8 from the bottom."""
    track = scene.tracks[0]
    column = min(int(track.x_T[frame] * CELLS), CELLS - 1)
    row = min(int((1.0 - track.y_T[frame]) * CELLS), CELLS - 1)
    return f"{'abcdefgh'[column]}{row + 1}"


def make(rng: Rng, directions: tuple[str, ...] = FOUR, *, strength: float = 1.0) -> Clip:
    """Draw a clip: the path's middle lies anywhere it fits, so no frame's position alone tells the direction.

    strength: share of the usual way that the object goes.
    """
    answer = str(rng.choice(directions))
    step_x, step_y = STEPS[answer]
    frames, fps = draw_length(rng)
    shape, colour = draw_look(rng)
    radius = rng.uniform(0.11, 0.16)
    travel = strength * rng.uniform(0.34, 0.6)
    reach_x, reach_y = abs(step_x) * travel / 2 + radius, abs(step_y) * travel / 2 + radius
    middle_x, middle_y = rng.uniform(reach_x, 1 - reach_x), rng.uniform(reach_y, 1 - reach_y)
    along = (np.linspace(0.0, 1.0, frames) - 0.5) * travel
    still = Track.still(shape, colour, 0.0, 0.0, radius, frames)
    track = Track(
        shape,
        colour,
        middle_x + along * step_x,
        middle_y + along * step_y,
        still.radius_T,
        still.opacity_T,
        still.gap_T,
    )
    return Clip(
        scene=Scene((track,), draw_background(rng), fps),
        task=TASK,
        question=f"In which direction does the {shape} move?",
        options=shuffled(rng, directions),
        answer=answer,
        conclusion="so it moves {}",
        changes=CHANGES,
        cue_colour_of=cue_colours(directions),
        reading=square_of,
    )
