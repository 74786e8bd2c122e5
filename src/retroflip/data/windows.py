"""The part of a video that a record asks about, under any of the keys by which data sets say so."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from retroflip.errors import DataError

_KEYS = (
    ("start", "end"),
    ("start_time", "end_time"),
    ("time_start", "time_end"),
    ("start_sec", "end_sec"),
    ("video_start", "video_end"),
    ("clip_start", "clip_end"),
)
"""in seconds: retroflip's own, then those of MVBench and TVBench, STI-Bench, Time-R1 and qwen-vl-utils"""
_FRAMES = ("start_frame", "end_frame")
WINDOW_KEYS = frozenset({*_FRAMES, *(key for keys in _KEYS for key in keys)})
"""all keys that name a part of a video, or would in frames"""


class Bounds(NamedTuple):
    """Where a part begins and ends, in seconds of the whole video; None where it has no such end of its own."""

    start: float | None = None
    end: float | None = None

    def __bool__(self) -> bool:
        return self != Bounds()


def read_bounds(record: Mapping[str, Any]) -> Bounds:
    """Return the part that a record names, no bounds where it names none.

    Raises DataError for bounds that are no seconds or bound nothing, for two different parts, and for frame numbers,
    which say nothing without the rate that they were counted at.
    """
    if WINDOW_KEYS.isdisjoint(record):
        return Bounds()
    if frames := [key for key in _FRAMES if record.get(key) is not None]:
        raise DataError(
            f"{' and '.join(map(repr, frames))} would say in frames which part of the video the question is about. "
            "Write 'start' and 'end' in seconds."
        )
    found = {keys: Bounds(*(_seconds(record, key) for key in keys)) for keys in _KEYS}
    named = {keys: bounds for keys, bounds in found.items() if bounds}
    if len(set(named.values())) > 1:
        (one, first), (other, second), *_ = named.items()
        raise DataError(
            f"{one[0]!r}, {one[1]!r} name the part {_told(first)} and {other[0]!r}, {other[1]!r} {_told(second)}. Keep "
            "those of the part that is to be shown."
        )
    bounds = next(iter(named.values()), Bounds())
    if bounds.end is not None and bounds.end <= (bounds.start or 0.0):
        raise DataError(
            f"the part of the video {_told(bounds)} is none: it must end behind its beginning, in seconds. Correct it."
        )
    return bounds


def _told(bounds: Bounds) -> str:
    return " to ".join("..." if second is None else f"{second:g} s" for second in bounds)


def _seconds(record: Mapping[str, Any], key: str) -> float | None:
    value = record.get(key)
    if value is None:
        return None
    try:
        seconds = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise DataError(f"{key!r} is {value!r:.40}, but must be a number of seconds from 0 on.")
    return seconds
