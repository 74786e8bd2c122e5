"""When each frame is shown, from all that container and decoder say about it.

The order of the frames is the decoder's. Their times are the best that is known, in this order:

1. The presentation stamps, where every frame has one.
2. The decoding stamps, where some frames lack the former (AVI stores none, MPEG program streams only some) or where
   presentation stamps run backwards and decoding stamps do not.
3. The lengths of the frames, or the frame rate, where there are no stamps (a raw .h264 file).

Where a clock restarts, as in transport streams that were written one behind the other, time goes on with the next
frame. All numbers here are ticks of the stream's time base.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, pairwise
from statistics import median_low


@dataclass(frozen=True)
class Stamp:
    """What is known of one frame's time: presentation and decoding stamp, None where unknown, and its length, 0 where
    unknown."""

    pts: int | None
    dts: int | None
    duration: int


@dataclass(frozen=True)
class Timeline:
    """When each frame starts, in seconds, not decreasing, the first one at 0; and when the last one ends."""

    starts: tuple[float, ...]
    end: float


def timeline(
    stamps: Sequence[Stamp], time_base: Fraction, rate: Fraction | None, longest_step: float | None = None
) -> Timeline | None:
    """Return when the frames are shown; None where neither stamps nor lengths nor a rate tell.

    stamps: of the frames, in the decoder's order. time_base: seconds per tick. rate: frames per second by the header.
    longest_step: seconds from one frame to the next beyond which the clock is taken to have been set anew; by default
    any step forward is real time.
    """
    pts = [stamp.pts for stamp in stamps]
    dts = [stamp.dts for stamp in stamps]
    last = stamps[-1].duration
    known: Sequence[float | None]  # one stamp per frame, where there is one
    if _tells(pts) and None not in pts and (_runs_on(pts) or not (_tells(dts) and _runs_on(dts))):
        known = pts
    elif _tells(dts) and _count(dts) >= _count(pts):
        known, last = _evened(dts), 0
    elif _tells(pts):
        known = pts
    else:
        return _by_rate(stamps, time_base, rate)
    period = _period(known) or last or (float(1 / (rate * time_base)) if rate else 0)
    limit = None if longest_step is None else float(longest_step / time_base)
    return _in_seconds(accumulate(_lengths(known, period, limit, last or period), initial=0), time_base)


def _count(values: Sequence[int | None]) -> int:
    return sum(value is not None for value in values)


def _tells(values: Sequence[int | None]) -> bool:
    """Return whether the stamps tell frames apart: a lone frame needs one, more frames two different ones."""
    return len({value for value in values if value is not None}) > (len(values) > 1)


def _runs_on(values: Sequence[int | None]) -> bool:
    return all(a <= b for a, b in pairwise(value for value in values if value is not None))


def _steps(values: Sequence[float | None]) -> list[tuple[float, int]]:
    """Return the ticks between each two stamps that are known, and how many frames lie between them."""
    known = [(index, value) for index, value in enumerate(values) if value is not None]
    return [(b - a, j - i) for (i, a), (j, b) in pairwise(known)]


def _period(values: Sequence[float | None]) -> float:
    """Return the usual length of a frame, 0 where nothing shows it."""
    lengths = [step / frames for step, frames in _steps(values) if step > 0]
    return median_low(lengths) if lengths else 0


def _evened(dts: Sequence[int | None]) -> list[float | None]:
    """Return decoding stamps at an even rate, if they are never more than one frame off it.

    A decoder that holds one picture back stamps it with the packet behind it, so one frame is all they are exact to:
    packed B-frames (XviD) skip a stamp where the first picture is held back, and lose no time.
    """
    period = _period(dts)
    first = next(value - index * period for index, value in enumerate(dts) if value is not None)
    even = [first + index * period for index in range(len(dts))]
    near = all(abs(b - a) <= 1.001 * period for a, b in zip(dts, even, strict=True) if a is not None)
    return list(even if near else dts)


def _lengths(values: Sequence[float | None], period: float, limit: float | None, last: float) -> list[float]:
    """Return how long each frame is shown: until the next one's stamp. Steps back (a clock that restarts) and over the
    limit take as long as the frames between usually do, and frames without a stamp lie evenly between those with one.
    """
    lengths = [period] * next(index for index, value in enumerate(values) if value is not None)
    for step, frames in _steps(values):
        usual = step >= 0 and (limit is None or step <= limit)
        lengths += [step / frames if usual else period] * frames
    lengths += [period] * (len(values) - 1 - len(lengths))
    return [*lengths, last]


def _by_rate(stamps: Sequence[Stamp], time_base: Fraction, rate: Fraction | None) -> Timeline | None:
    if all(stamp.duration > 0 for stamp in stamps):
        return _in_seconds(accumulate((stamp.duration for stamp in stamps), initial=0), time_base)
    return _in_seconds(range(len(stamps) + 1), 1 / rate) if rate else None


def _in_seconds(ticks: Iterable[float], time_base: Fraction) -> Timeline:
    """Return the times of the starts and, last, the end that `ticks` gives."""
    *starts, end = (tick * time_base.numerator / time_base.denominator for tick in ticks)
    return Timeline(tuple(starts), end)
