"""A part of a video: the only frames that are looked at, with the seconds that they have in the whole."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from retroflip.errors import DecodeError

OVERRUN = 1.0
"""seconds by which a part may end behind its video: data sets round durations up, and files lose their last frames"""


class Window(NamedTuple):
    """The part from second `start` up to, and without, second `end`, both counted from the video's first frame."""

    start: float = 0.0
    end: float = math.inf

    def __str__(self) -> str:
        return f"{self.start:g} to {'its end' if self.end == math.inf else f'{self.end:g} s'}"

    def check(self, path: Path, seconds: float) -> None:
        """Raise DecodeError unless the part lies in the video at `path`, which ends at second `seconds`."""
        if not 0 <= self.start < self.end:
            raise DecodeError(
                f"{path}: the part {self} is none: it must begin at 0 or later and end behind its beginning. Correct "
                "'start' and 'end'."
            )
        if self.start >= seconds or seconds + OVERRUN < self.end < math.inf:
            raise DecodeError(
                f"{path}: the part {self} lies behind the end of the video, which has {seconds:.2f} seconds. Correct "
                "'start' and 'end', which are in seconds, or the path."
            )

    def indices(self, starts: Sequence[float]) -> range:
        """Return which of the frames that begin at the seconds `starts` (rising) lie in the part.

        A frame lies in it if it begins there; where none does, the one that is on screen at `start` stands for it.
        """
        first, behind = bisect_left(starts, self.start), bisect_left(starts, self.end)
        if first < behind:
            return range(first, behind)
        shown = max(bisect_right(starts, self.start) - 1, 0)
        return range(shown, shown + 1)


def part(start: float | None, end: float | None) -> Window | None:
    """Return the part between these seconds, from the video's beginning or to its end where one is None; None for the
    whole."""
    if start is None and end is None:
        return None
    return Window(0.0 if start is None else start, math.inf if end is None else end)
