"""A clip's frames on the disk, as the encoder takes them: a clip can be turned around that does not fit into memory.

Frames that stand longer than others are repeated, since a video of even rate has no other way to hold them.
"""

import statistics
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np

from retroflip.errors import DecodeError
from retroflip.video.encode import flip_i420, to_i420
from retroflip.video.frames import Pixels

MAX_SPOOLED = 16 * 2**30
"""bytes that the frames of one clip may take"""


class Spooled(NamedTuple):
    """A clip's frames on the disk: I420 planes (T, 3 H / 2, W), T with repetitions in `order`."""

    planes: Pixels
    order: list[int]
    fps: Fraction

    @property
    def size(self) -> tuple[int, int]:
        """Height and width, both even."""
        return self.planes.shape[1] * 2 // 3, self.planes.shape[2]

    def frames(self, *, backwards: bool = False) -> Iterator[Pixels]:
        """Yield the frames as they are, or from the last to the first."""
        for index in reversed(self.order) if backwards else self.order:
            yield self.planes[index]

    def is_same(self, other: Iterable[Pixels]) -> bool:
        """Return whether other frames, as many as these, are the same pictures in the same order."""
        return all(np.array_equal(one, two) for one, two in zip(self.frames(), other, strict=True))

    def mirrored(self) -> Iterator[Pixels]:
        """Yield the frames mirrored left to right."""
        yield from map(flip_i420, self.frames())


def spooled(source: Path, frames: Iterable[tuple[Pixels, float]], spool: Path) -> Spooled:
    """Write a clip's frames, each with its second, to the file `spool`.

    source: what they come from, for errors. Raises DecodeError for one frame alone and for frames that are too many,
    and what `frames` raises.
    """
    seconds: list[float] = []
    shape = (0, 0)
    with spool.open("wb") as stream:
        for planes in to_i420(_timed(frames, seconds)):
            shape = planes.shape
            stream.write(planes.tobytes())
            if stream.tell() > MAX_SPOOLED:
                raise DecodeError(
                    f"{source}: its frames take more than {MAX_SPOOLED} bytes, the limit for pairs. Cut it into clips."
                )
    if len(seconds) < 2:
        raise DecodeError(f"{source}: it is a single frame, in which nothing moves. Leave it out.")
    gaps = np.diff(seconds)
    period = statistics.median([float(gap) for gap in gaps if gap > 0] or [1.0])
    held = [max(1, round(float(gap) / period)) for gap in gaps]
    order = [index for index, count in enumerate([*held, 1]) for _ in range(count)]
    planes_T = np.memmap(spool, dtype=np.uint8, mode="r", shape=(len(seconds), *shape))
    return Spooled(planes_T, order, Fraction(1 / period).limit_denominator(1001))


def _timed(frames: Iterable[tuple[Pixels, float]], seconds: list[float]) -> Iterator[Pixels]:
    """Yield the pixels, and put down the seconds."""
    for pixels_CHW, second in frames:
        seconds.append(second)
        yield pixels_CHW
