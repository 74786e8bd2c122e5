r"""What sources of moments in videos share: a described moment, its span, and the question that asks for it.

The wording is VideoAuto-R1's, and asks for the span in a box: "\boxed{[start, end]}".
"""

import json
import math
from typing import Any

from retroflip.data.answers.spans import Span, spans_text
from retroflip.data.sources.base import Record, RejectedError, unboxed

_ASK = (
    "Locate the start and end timestamps of the video segment corresponding to the description: {} Please provide the "
    "start and end timestamps (in seconds, precise to one decimal places) in the format \\boxed{{[start, end]}}."
)


def moment(description: str, spans: list[Span]) -> Record:
    """Return the part of a record that asks for a moment."""
    return {
        "problem": _ASK.format(description.strip()),
        "problem_type": "temporal grounding",
        "solution": spans_text(spans),
    }


def spans_of(value: Any, duration: float | None = None) -> list[Span]:
    r"""Return spans in seconds: [s, e], a list of those, or either as text, in a box or not.

    duration: of the video, at which a span that goes on longer is cut off; one that begins before 0 (NExT-GQA has some)
    is cut off there.
    Raises RejectedError for what is no span, and for one that begins behind the video's end.
    """
    pairs = _pairs(value)
    spans = [_span(pair, duration) for pair in pairs]
    if not spans:
        raise RejectedError("span", f"its span {value!r:.60} names no time.")
    return spans


def _pairs(value: Any) -> list[Any]:
    if isinstance(value, str):
        try:
            value = json.loads(unboxed(value))
        except (ValueError, RecursionError) as error:
            raise RejectedError("span", f"its span {value!r:.60} is no pair of seconds.") from error
    if not isinstance(value, list | tuple):
        raise RejectedError("span", f"its span {value!r:.60} is no pair of seconds.")
    return list(value) if value and isinstance(value[0], list | tuple) else [value]


def _span(pair: Any, duration: float | None) -> Span:
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        raise RejectedError("span", f"its span {pair!r:.60} is no pair of seconds.")
    start, end = (_number(one) for one in pair)
    start = max(start, 0.0)
    if duration is not None:
        end = min(end, duration)
    if start >= end:
        limit = "" if duration is None else f" in a video of {duration:g} s"
        raise RejectedError("span", f"its span {list(pair)!r:.60} is none{limit}.")
    return start, end


def _number(value: Any) -> float:
    """Return a finite number. Raises RejectedError for anything else."""
    try:
        found = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        found = math.nan
    if not math.isfinite(found):
        raise RejectedError("span", f"{value!r:.40} is no number of seconds.")
    return found


def seconds(value: Any) -> float:
    """Return a number of seconds. Raises RejectedError for anything else."""
    found = _number(value)
    if found < 0:
        raise RejectedError("span", f"{value!r:.40} is no number of seconds from 0 on.")
    return found


def duration_of(row: Record) -> float | None:
    """Return the video's length, where the row says it."""
    return None if row.get("duration") is None else seconds(row["duration"])
