"""What holds for both videos of a pair that does the same operations in another order."""

import numpy as np
import numpy.typing as npt

from retroflip.synth.animation import Animation
from retroflip.synth.episode import Pair
from retroflip.synth.raster import render_rgb

SMALL = 32
"""side in pixels at which frames are compared"""
EVERY = 4
"""frames of an operation from one that is compared to the next"""


def assert_only_the_order_differs(pair: Pair) -> None:
    """The first, the middle and the last frame are the same, and so are the operations."""
    one, two = pair.first, pair.second
    assert pair.how == "operations"
    ends = [0, one.animation.frames // 2, one.animation.frames - 1]
    np.testing.assert_array_equal(drawn(one.animation, ends), drawn(two.animation, ends))
    spans = [
        [(event.start_frame, event.end_frame) for event in side.events if event.type != "reveal"]
        for side in (one, two)
    ]
    assert spans[0] == spans[1]
    assert operations(one.animation, spans[0]) == operations(two.animation, spans[1])
    rests = [end + 1 for _, end in spans[0]]
    np.testing.assert_array_equal(drawn(one.animation, rests), drawn(two.animation, rests))


def drawn(clip: Animation, frames: list[int]) -> npt.NDArray[np.uint8]:
    """The pixels of some frames."""
    return render_rgb(clip, SMALL, frames).pixels_TCHW


def operations(clip: Animation, spans: list[tuple[int, int]]) -> list[bytes]:
    """The pixels of every operation, in an order that says nothing of theirs."""
    return sorted(drawn(clip, [*range(start, end, EVERY), end]).tobytes() for start, end in spans)
