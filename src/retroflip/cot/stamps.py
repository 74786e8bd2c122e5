"""The times that a text tells: 00:02, 00:02.5, 2.1s, "2.1 seconds", "the two-second mark", frame 65, and ranges.

Times mean moments of the video, except lengths ("for 2 seconds") and distances ("1.3 seconds later"), which are told
apart by the words around them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

_SMALL = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
)
NUMBER_WORDS = {word: value for value, word in enumerate(_SMALL)}
_WORD = "|".join(_SMALL)
_CLOCK = r"\d{1,2}:[0-5]\d(?:[.,]\d{1,3})?(?!\d|:\d)"
_SECONDS = r"(?:s|secs?|seconds?)(?![\w])"
_PLAIN = rf"(?:\d+(?:\.\d+)?|(?:{_WORD})\b)"
_ONE = r"(?:one|half a) second (?=longer|shorter|later|earlier|after|before|more|less|quicker|faster|slower)"
_HALF = rf"(?:{_WORD}) and a half seconds\b"
_TIMED = (
    rf"(?:\d+(?:\.\d+)?(?:\s*|-){_SECONDS}|(?:{_WORD})(?:-seconds?|\s+seconds)\b"
    rf"|{_HALF}|{_ONE}|\d+\s*(?:ms|milliseconds)\b)"
)
_NAMED = r"(?:t\s*=\s*|(?<=at |in |by )second\s+)\d+(?:\.\d+)?(?:\s*s\b)?(?![\w:])"
_MOMENT = rf"(?:{_CLOCK}|{_TIMED}|{_NAMED}|\bframes?\s+\d+\b)"
_JOIN = (
    r"\s*(?:-|–|—|to|until|till|through|and)\s*"
    r"(?:(?:about|around|roughly|approximately|nearly|some|just|frame)\s+)?"
)
_STAMP = re.compile(
    rf"(?<![\w.:])(?:(?P<low>{_MOMENT}|(?<![\d,] ){_PLAIN}(?={_JOIN}{_TIMED})){_JOIN}(?P<high>{_MOMENT})"
    rf"|(?P<point>{_MOMENT}))",
    re.IGNORECASE,
)
_BETWEEN = re.compile(r"\bbetween\s+\S*$", re.IGNORECASE)
_LENGTH_BEFORE = re.compile(
    r"\b(?:for|lasts?|lasted|lasting|takes?|took|taking|needs?|needed|needing|requires?|spends?"
    r"|spending|within|with|over|every|another|spanning|in|after (?:only|just|merely))\s+"
    r"(?:(?:about|around|roughly|some|just|only|merely|exactly|nearly|almost|a full|a total of|a mere"
    r"|the (?:next|first|last)) )*$",
    re.IGNORECASE,
)
_LENGTH_APART = re.compile(
    r"\b(?:lasts?|lasted|takes?|took|needs?|needed)\b[^.;:]{0,30}, (?:about|roughly|around|some|nearly|almost) $",
    re.IGNORECASE,
)
_LENGTH_AFTER = re.compile(r"^,? (?:is|was|are) (?:the|by far the) \w+est\b", re.IGNORECASE)
_GAP_AFTER = re.compile(r"^\s*(?:later|earlier|afterwards|apart|long\b|before\b|after\b)", re.IGNORECASE)


class StampKind(StrEnum):
    """What a time says."""

    MOMENT = "moment"
    RANGE = "range"
    LENGTH = "length"
    GAP = "gap"


@dataclass(frozen=True)
class Moment:
    """A time as it was written. unit_ms: the smallest step that its writing knows.

    A clock without decimals cuts off ("00:02" is said of anything before 00:03), so events may come later than it says.
    """

    ms: float
    unit_ms: float
    cuts_off: bool

    def is_near(self, ms: float, tolerance_ms: float) -> bool:
        """Return whether something at `ms` may be told with this time."""
        rounding = self.unit_ms / 2
        behind = self.unit_ms - 1 if self.cuts_off else rounding
        return self.ms - max(tolerance_ms, rounding) <= ms <= self.ms + max(tolerance_ms, behind)

    def distance(self, ms: float) -> float:
        """Return how far off it is of `ms`, nothing within its rounding."""
        before, behind = (0.0, self.unit_ms) if self.cuts_off else (self.unit_ms / 2, self.unit_ms / 2)
        return max(0.0, self.ms - before - ms, ms - self.ms - behind)


@dataclass(frozen=True)
class Stamp:
    """One time, or range of times, and where it stands in the text (from `start` up to `end`)."""

    kind: StampKind
    start: int
    end: int
    low: Moment
    high: Moment | None = None

    @property
    def is_moment(self) -> bool:
        """Whether it says when, not how long."""
        return self.kind in (StampKind.MOMENT, StampKind.RANGE)


def find_stamps(text: str, fps: float) -> list[Stamp]:
    """Return the times of a text in its order. fps: what frame numbers are counted in."""
    found = _spanned(list(_found(text, fps)), text)
    if any(one.kind is StampKind.LENGTH for one in found):
        short = [(match.span("at"), _moment(f"{match['at']} s", fps)) for match in _SHORT.finditer(text)]
        found += [
            Stamp(StampKind.LENGTH, *span, low)
            for span, low in short
            if all(span[0] != one.start for one in found)
        ]
    return sorted(found, key=lambda one: one.start)


_BEGINS = re.compile(
    r"\b(?:begins?|began|beginning|starts?|started|starting)(?: at)?(?: (?:about|around|roughly))? $", re.I
)
_ENDS = re.compile(
    r",? (?:and |but )?(?:it )?(?:(?:is|was) )?(?:ends?|ended|ending|stops?|stopped|finish\w*|over|done|complete)"
    r" (?:at|by)(?: (?:about|around|roughly))? ",
    re.I,
)


def _spanned(found: list[Stamp], text: str) -> list[Stamp]:
    """Return times in which two are one: "begins at 1.9 s and ends at 2.7 s"."""
    for at, (one, two) in enumerate(pairwise(found)):
        is_span = one.kind is two.kind is StampKind.MOMENT and _BEGINS.search(text[: one.start])
        if is_span and _ENDS.fullmatch(text[one.end : two.start]):
            joined = Stamp(StampKind.RANGE, one.start, two.end, one.low, two.low)
            return [*found[:at], joined, *_spanned(found[at + 2 :], text)]
    return found


_SHORT = re.compile(
    r"\b(?:in|takes?|took|needs?|with) (?:only |just |about |merely )?(?P<at>\d+\.\d+)(?=[.,;)]|\s*$| and\b)"
)
"""a length without its unit"""


def _found(text: str, fps: float) -> Iterator[Stamp]:
    for match in _STAMP.finditer(text):
        if match["point"]:
            yield Stamp(_kind_of(text, match), *match.span(), _moment(match["point"], fps))
            continue
        joined = text[match.end("low") : match.start("high")].strip().lower()
        low, high = _moment(match["low"], fps), _moment(match["high"], fps)
        if joined.startswith("and") and not _BETWEEN.search(text[: match.start()]):
            yield Stamp(StampKind.MOMENT, *match.span("low"), low)
            yield Stamp(StampKind.MOMENT, *match.span("high"), high)
        else:
            yield Stamp(StampKind.RANGE, *match.span(), low, high)


def _kind_of(text: str, match: re.Match[str]) -> StampKind:
    if ":" not in match[0]:
        if any(one.search(text[: match.start()]) for one in (_LENGTH_BEFORE, _LENGTH_APART)):
            return StampKind.LENGTH
        if (
            re.match(r" each\b", text[match.end() :])
            or (_LENGTH_AFTER.search(text[match.end() :]) and not text[: match.start()].endswith("at "))
            or text[: match.start()].endswith(" s) ")
        ):
            return StampKind.LENGTH
        if _GAP_AFTER.search(text[match.end() :]):
            return StampKind.GAP
    return StampKind.MOMENT


def _moment(text: str, fps: float) -> Moment:
    written = text.strip().lower()
    if ":" in written:
        minutes, _, seconds = written.partition(":")
        whole, _, decimals = seconds.replace(",", ".").partition(".")
        ms = 60_000 * int(minutes) + 1000 * int(whole) + 1000 * float(f"0.{decimals or 0}")
        return Moment(ms, 1000 / 10 ** len(decimals), not decimals)
    if written.startswith("frame"):
        return Moment(1000 * int(written.split()[-1]) / fps, 1000 / fps, False)
    found = re.search(rf"\d+(?:\.\d+)?|{_WORD}", written)
    number = found[0] if found else "0"
    if number in NUMBER_WORDS:
        half = 500.0 if "a half" in written or "half a" in written else 0.0
        return Moment(1000.0 * NUMBER_WORDS[number] + half, 500.0 if half else 1000.0, False)
    scale = 1.0 if re.search(r"ms|milli", written) else 1000.0
    decimals = number.partition(".")[2]
    return Moment(scale * float(number), scale / 10 ** len(decimals), False)
