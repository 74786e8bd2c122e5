"""Views of a video as pure functions on `Frames`: same shape, same span of time, pixels moved in space or
time.

Flip and reversal make the counterfactual branch of CRPO (section 3); shuffling is T-GRPO's probe; a single
frame and a shuffle are controls that a model which looks at motion must fail.
"""

from dataclasses import replace
from enum import StrEnum

import numpy as np

from retroflip.video.frames import Frames, Shown


class Transform(StrEnum):
    """A view of a video. Flip and reversal are involutions: applied twice they give the video back."""

    IDENTITY = "identity"
    FLIP = "flip"
    REVERSE = "reverse"
    SHUFFLE = "shuffle"
    SINGLE = "single"


def flip(frames: Frames) -> Frames:
    """Mirror every frame left to right."""
    return replace(
        frames,
        pixels_TCHW=np.ascontiguousarray(frames.pixels_TCHW[..., ::-1]),
        mirrored=not frames.mirrored,
    )


def taken(pool: Frames, shown: Shown) -> Frames:
    """Return once more what was shown of a pool of decoded frames. Raises ValueError for places that it lacks."""
    if not all(0 <= place < len(pool) for place in shown.places):
        raise ValueError(f"there are {len(pool)} frames, and {max(shown.places) + 1} or more were shown")
    frames = replace(
        pool,
        pixels_TCHW=pool.pixels_TCHW[list(shown.places)],
        seconds=tuple(sorted(pool.seconds[place] for place in shown.places)),
        places=tuple(shown.places),
    )
    return flip(frames) if shown.mirrored else frames


def reverse(frames: Frames) -> Frames:
    """Play the frames backwards while time still runs forward.

    A frame shown at t is shown at first + last - t, so a long pause between two frames stays between those
    two.
    """
    first, last = frames.seconds[0], frames.seconds[-1]
    seconds = tuple(first + (last - second) for second in reversed(frames.seconds))
    return replace(
        frames,
        pixels_TCHW=np.ascontiguousarray(frames.pixels_TCHW[::-1]),
        seconds=seconds,
        places=frames.places[::-1],
    )


def shuffle(frames: Frames, rng: np.random.Generator) -> Frames:
    """Put the frames in a random order other than the given one; the time stamps stay in place.

    The order is drawn evenly from all others (T! - 1 of them); one frame alone is returned as it is.
    """
    in_order = np.arange(len(frames))
    order = rng.permutation(len(frames))
    while len(frames) > 1 and np.array_equal(order, in_order):
        order = rng.permutation(len(frames))
    places = tuple(frames.places[place] for place in order)
    return replace(frames, pixels_TCHW=frames.pixels_TCHW[order], places=places)


def single_frame(frames: Frames, rng: np.random.Generator) -> Frames:
    """Show one frame, drawn evenly, at every time stamp.

    The clip keeps its length, so a model gets the prompt it is used to and only the motion is gone.
    """
    chosen = int(rng.integers(len(frames)))
    return replace(
        frames,
        pixels_TCHW=np.repeat(frames.pixels_TCHW[chosen : chosen + 1], len(frames), axis=0),
        places=(frames.places[chosen],) * len(frames),
    )


def apply(transform: Transform, frames: Frames, rng: np.random.Generator) -> Frames:
    """Return the view of `frames` that `transform` names; `rng` is drawn from only by the two random ones."""
    match transform:
        case Transform.IDENTITY:
            return frames
        case Transform.FLIP:
            return flip(frames)
        case Transform.REVERSE:
            return reverse(frames)
        case Transform.SHUFFLE:
            return shuffle(frames, rng)
        case Transform.SINGLE:
            return single_frame(frames, rng)
