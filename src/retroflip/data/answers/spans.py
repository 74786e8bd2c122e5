r"""Spans of time in answers: 'from 0:05 to 0:12', '[5.0, 12.0]', '5s - 12s', '10% to 20%'.

A span is two times, in seconds from the video's beginning, the earlier one first whatever their order. Shares of the
video are read where its length is known. Of a text with other numbers beside them the span is sure
where just two of them are joined as a range is, and else there is none.
"""

import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias

Span: TypeAlias = tuple[float, float]
"""start and end in seconds"""

_CLOCK = r"(?:(?P<hours{0}>\d{{1,2}}):)?(?P<minutes{0}>\d{{1,3}}):(?P<seconds{0}>\d{{2}}(?:[.,]\d+)?)"
_TIME = re.compile(
    rf"(?<![\w.]){_CLOCK.format('')}(?![\w:])"
    r"|(?<![\w.:])(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>%|(?:s|secs?|seconds?|m|mins?|minutes?)\b)?(?![\w:]|\.\d)",
    re.IGNORECASE,
)

_PARTS = re.compile(
    r"(?<![\w.:])(\d+)\s*(?:m|mins?|minutes?)\s*(?:and\s+)?(\d{1,2}(?:\.\d+)?)\s*(?:s|secs?|seconds?)\b",
    re.IGNORECASE,
)
"""'1 min 5 s', '1m5s'"""
_ORDINAL = re.compile(r"(?<=\d)(?:st|nd|rd|th)(?=\s+seconds?\b)", re.IGNORECASE)
_HAN = {"分钟": " min ", "分": " min ", "秒钟": " s ", "秒": " s ", "到": " to ", "至": " to "}
_CHINESE = re.compile("|".join(_HAN))
_ANY_HAN = re.compile("[\u3400-\u9fff]")
_FRAMES = re.compile(r"\bframes?\b", re.IGNORECASE)
_RANGE = re.compile(r"\s*(?:-+>?|[–—~]|to|until|till)\s*", re.IGNORECASE)


def read_span(text: str, duration: float | None = None) -> Span | None:
    """Return the span that a text names, in seconds: its two times, or of several numbers the only two that are joined
    as a range is ("2 men leave, 24.3 - 30.4 s"). None where neither is so, and where it counts frames.

    duration: seconds of the video, without which shares ('10 %') are not read.
    """
    text = _usual(text)
    if _FRAMES.search(text):
        return None
    found = list(_TIME.finditer(text))
    if len(found) > 2:
        found = _joined(text, found)
    if len(found) != 2:
        return None
    # "0.5 to 1.5 minutes": a unit behind the second stands for both.
    units = [(match["unit"] or "").lower() for match in found]
    first, second = _seconds(found[0], units[0] or units[1], duration), _seconds(found[1], units[1], duration)
    return None if first is None or second is None else (min(first, second), max(first, second))


def _usual(text: str) -> str:
    """Return a text with times in minutes and seconds as clocks, '1 min 5 s' as '1:05', and Chinese words for times in
    English."""
    if _ANY_HAN.search(text):
        said = _CHINESE.sub(lambda word: _HAN[word[0]], unicodedata.normalize("NFKC", text))
        text = _ANY_HAN.sub(" ", said)
    text = _ORDINAL.sub("", text)
    return _PARTS.sub(lambda time: f"{time[1]}:{float(time[2]):06.3f}", text)


def _joined(text: str, found: Sequence[re.Match[str]]) -> list[re.Match[str]]:
    """Return the only two times with nothing but a range's mark between them; nothing where there are more or none."""
    ranges = [(one, two) for one, two in pairwise(found) if _RANGE.fullmatch(text, one.end(), two.start())]
    return list(ranges[0]) if len(ranges) == 1 else []


def read_spans(text: str, duration: float | None = None) -> list[Span]:
    """Return the spans of a text that has semicolons between them; none where one of them cannot be read."""
    spans = [read_span(part, duration) for part in text.split(";")]
    return [span for span in spans if span is not None] if None not in spans else []


def in_seconds(text: str, duration: float) -> str:
    """Return a text with the ranges that it tells in shares of a video of this length as seconds; a share that stands
    alone ('90 % sure') stays.

    >>> in_seconds("from 20% to 45% of the video", 50.0), in_seconds("20-45 %", 50.0)
    ('from 10 s to 22.5 s of the video', '10 s-22.5 s')
    """
    found = list(_TIME.finditer(text))
    told = {time.start(): time for pair in pairwise(found) if _are_shares(text, *pair) for time in pair}
    for start, time in sorted(told.items(), reverse=True):
        seconds = float(time["number"]) / 100.0 * duration
        text = f"{text[:start]}{seconds:.10g} s{text[time.end() :]}"
    return text


def _are_shares(text: str, first: re.Match[str], second: re.Match[str]) -> bool:
    """Return whether two times that follow each other are shares: '20% ... 45%', '20 to 45%'."""
    if second["unit"] != "%" or first["number"] is None:
        return False
    between = text[first.end() : second.start()]
    joined = first["unit"] is None and (_RANGE.fullmatch(between) or between.strip() == "and")
    shares = first["unit"] == "%" or joined
    return bool(shares) and all(float(one["number"]) <= 100.0 for one in (first, second))


def spans_text(spans: Sequence[Span]) -> str:
    """Return spans as an answer's value, to the microsecond. `read_spans` gives them back.

    >>> spans_text([(5.0, 12.25), (20.0, 21.0)])
    '[5, 12.25]; [20, 21]'
    """
    return "; ".join(f"[{_told(start)}, {_told(end)}]" for start, end in spans)


def _told(seconds: float) -> str:
    """Return seconds without an exponent, whose parts would be read as times of their own."""
    return f"{seconds:.6f}".rstrip("0").rstrip(".")


def iou(a: Span, b: Span) -> float:
    """Return the intersection of two spans over their union, in 0..1; 1 for two equal points in time."""
    if a == b:
        return 1.0
    both = min(a[1], b[1]) - max(a[0], b[0])
    union = max(a[1], b[1]) - min(a[0], b[0])
    return max(both, 0.0) / union


def best_iou(span: Span, golds: Sequence[Span]) -> float:
    """Return the largest IoU with any of several gold spans. Raises ValueError without one."""
    return max(iou(span, gold) for gold in golds)


def iop(span: Span, gold: Span) -> float:
    """Return which share of a span lies in a gold one, in 0..1; of a point in time, 1 where it lies in it."""
    both = min(span[1], gold[1]) - max(span[0], gold[0])
    if span[1] == span[0]:
        return float(both >= 0.0)
    return max(both, 0.0) / (span[1] - span[0])


def best_iop(span: Span, golds: Sequence[Span]) -> float:
    """Return the largest share of a span that lies in any of several gold ones. Raises ValueError without one."""
    return max(iop(span, gold) for gold in golds)


def mirrored(span: Span, shown: Span) -> Span:
    """Return where a span lies in the video played backwards.

    shown: first and last second of the frames that are shown. A frame shown at t is then shown at first + last - t
    (`video.transforms.reverse`), and so [s, e] becomes [first + last - e, first + last - s]: [T - e, T - s] where the
    first frame is at 0 and T at the last. What lies outside of the frames is cut off, as there is no time before 0.

    >>> mirrored((2.0, 5.0), (0.0, 10.0))
    (5.0, 8.0)
    """
    first, last = shown
    start, end = (min(max(first + last - second, first), last) for second in reversed(span))
    return start, end


def timestamp_iou(a: Span, b: Span, seconds: float) -> float:
    """Return the IoU of two spans, less for ends that lie apart (Time-R1's tIoU).

    IoU (1 - |start - start'| / T) (1 - |end - end'| / T) with T the `seconds` that the video lasts, at least those that
    the spans reach to, so that it never falls below 0; the IoU alone where that is 0.
    """
    whole = max(seconds, a[1], b[1])
    if whole <= 0:
        return iou(a, b)
    return iou(a, b) * (1 - abs(a[0] - b[0]) / whole) * (1 - abs(a[1] - b[1]) / whole)


def _seconds(found: re.Match[str], unit: str, duration: float | None) -> float | None:
    if found["minutes"] is not None:
        hours, minutes = int(found["hours"] or 0), int(found["minutes"])
        return 3600.0 * hours + 60.0 * minutes + float(found["seconds"].replace(",", "."))
    number = float(found["number"])
    if unit == "%":
        return None if duration is None else number / 100.0 * duration
    return 60.0 * number if unit.startswith("m") else number
