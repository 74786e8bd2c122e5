"""Reversible dynamics: grows or shrinks, opens or closes, appears or disappears (DyBench's first sub-task)."""

from dataclasses import replace

import numpy as np

from retroflip.lab.clip import Clip
from retroflip.lab.kinds.common import Rng, cue_colours, draw_background, draw_length, draw_look, shuffled
from retroflip.lab.scene import Floats, Scene, Track
from retroflip.video.transforms import Transform

TASK = "reversible_dynamics"
PAIRS = (("grows", "shrinks"), ("opens", "closes"), ("appears", "disappears"))
CHANGES = {
    Transform.REVERSE: {
        before: after for forward, back in PAIRS for before, after in ((forward, back), (back, forward))
    }
}


def size_of(scene: Scene, frame: int) -> str:
    """Return the first object's size in tenths of the frame's half side."""
    return f"size {round(scene.tracks[0].radius_T[frame] * 20)}"


def gap_of(scene: Scene, frame: int) -> str:
    """Return how far the first object's halves are apart, in twentieths of the frame's half side."""
    return f"gap {round(scene.tracks[0].gap_T[frame] * 40)}"


def brightness_of(scene: Scene, frame: int) -> str:
    """Return how solid the first object is, 0 to 9."""
    return f"light {round(scene.tracks[0].opacity_T[frame] * 9)}"


def _changing(track: Track, forward: str, course_T: Floats) -> Track:
    """Return the object going through the forward change as `course_T` runs from 0 to 1."""
    if forward == "grows":
        return replace(track, radius_T=0.1 + 0.2 * course_T)
    if forward == "opens":
        return replace(track, gap_T=0.2 * course_T)
    return replace(track, opacity_T=course_T)


READINGS = {"grows": size_of, "opens": gap_of, "appears": brightness_of}


def make(rng: Rng, *, strength: float = 1.0) -> Clip:
    """Draw a clip; both ends of the change are jittered so that the first frame alone says little about the rest.

    strength: share of the usual change that the object goes through.
    """
    forward, back = PAIRS[int(rng.integers(len(PAIRS)))]
    distractor_pair = PAIRS[int(rng.choice([i for i, pair in enumerate(PAIRS) if pair[0] != forward]))]
    frames, fps = draw_length(rng)
    shape, colour = draw_look(rng)
    low, high = rng.uniform(0.0, 0.25), rng.uniform(0.75, 1.0)
    x, y = rng.uniform(0.36, 0.64, size=2)
    track = Track.still(shape, colour, x, y, rng.uniform(0.15, 0.2), frames)
    backwards = bool(rng.integers(2))
    middle, reach = (low + high) / 2.0, strength * (high - low) / 2.0
    course_T = np.linspace(middle - reach, middle + reach, frames)
    track = _changing(track, forward, course_T[::-1] if backwards else course_T)
    return Clip(
        scene=Scene((track,), draw_background(rng), fps),
        task=TASK,
        question=f"What happens to the {shape}?",
        options=shuffled(rng, (forward, back, str(rng.choice(distractor_pair)))),
        answer=back if backwards else forward,
        conclusion="so it {}",
        changes=CHANGES,
        cue_colour_of=cue_colours((forward, back)),
        reading=READINGS[forward],
    )
