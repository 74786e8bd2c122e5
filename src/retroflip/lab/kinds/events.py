"""Event sequence: an object does one thing, then another; in which order? (DyBench's third sub-task)

Each event is the same forwards and backwards (a jump comes down as it went up), so that playing the clip backwards
swaps the two events and changes nothing else.
"""

from dataclasses import replace

import numpy as np

from retroflip.lab.clip import Clip
from retroflip.lab.kinds.common import Rng, cue_colours, draw_background, draw_length, draw_look, shuffled
from retroflip.lab.scene import Floats, Scene, Track
from retroflip.video.transforms import Transform

TASK = "event_sequence"
EVENTS = ("jumps", "swells", "blinks")


def phase_of(scene: Scene, frame: int) -> str:
    """Return what the object is doing at that frame."""
    return scene.phases[frame]


def _acting(track: Track, event: str, pulse_T: Floats) -> Track:
    """Return the object doing `event` where `pulse_T` rises from 0 to 1 and falls again."""
    if event == "jumps":
        return replace(track, y_T=track.y_T - 0.34 * pulse_T)
    if event == "swells":
        return replace(track, radius_T=track.radius_T * (1.0 + 0.9 * pulse_T))
    return replace(track, opacity_T=track.opacity_T - 0.9 * pulse_T)


def make(rng: Rng, *, strength: float = 1.0) -> Clip:
    """Draw a clip of two different events, one in each half. strength: share of an event's usual size."""
    first, second = (EVENTS[int(index)] for index in rng.permutation(len(EVENTS))[:2])
    frames, fps = draw_length(rng)
    frames += frames % 2
    shape, colour = draw_look(rng)
    track = Track.still(
        shape, colour, rng.uniform(0.3, 0.7), rng.uniform(0.6, 0.7), rng.uniform(0.12, 0.15), frames
    )
    half = frames // 2
    wave = np.sin(np.pi * (np.arange(half) + 0.5) / half)
    # The same backwards to the last bit: a pixel half-way between two values would round differently otherwise.
    pulse = strength * (wave + wave[::-1]) / 2.0
    rest = np.zeros(half)
    track = _acting(track, first, np.concatenate([pulse, rest]))
    track = _acting(track, second, np.concatenate([rest, pulse]))
    orders = sorted([f"{first} then {second}", f"{second} then {first}"])
    answer = f"{first} then {second}"
    return Clip(
        scene=Scene((track,), draw_background(rng), fps, phases=(first,) * half + (second,) * half),
        task=TASK,
        question=f"In which order does the {shape} do two things?",
        options=shuffled(rng, orders),
        answer=answer,
        conclusion="so it {}",
        changes={Transform.REVERSE: {orders[0]: orders[1], orders[1]: orders[0]}},
        cue_colour_of=cue_colours(orders),
        reading=phase_of,
    )
