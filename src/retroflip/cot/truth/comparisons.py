"""Claims that compare: what is faster, twice as far, 10 percent closer, more often or as long as something else."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

from retroflip.cot.claims import ClaimError, Told
from retroflip.cot.reading import picked
from retroflip.cot.stamps import NUMBER_WORDS, Stamp
from retroflip.cot.truth.choice import Choice, as_list, number_of
from retroflip.cot.truth.forms import FACTORS
from retroflip.cot.world import Fact

EQUAL_MS = 150.0
_EQUAL_SHARE, _EQUAL_RATIO = 2.5, 0.15
"""how far lengths, percents and ratios that are called so may be off"""
_FACTORS = {"": 1.0} | {
    f"a {name}" if name in ("third", "quarter") else name: factor for name, factor in FACTORS.items()
}
_MORE = "faster|farther|further|wider|bigger|larger|greater|longer|more|higher|quicker"
_LESS = "slower|closer|nearer|narrower|smaller|shorter|less|fewer|lower"
_THAN = re.compile(rf"(?P<much>.*?)\b(?:(?P<more>{_MORE})|{_LESS})\b(?: often| time| much)? than")
_AS = re.compile(r"(?P<much>.*?)\bas \w+ as")
_BOUND = re.compile(r"(?:(?P<less>less than|under|not even)|more than|over) (?=\S)")
_EQUAL = re.compile(r"(?:equal(?:ly \w+)?(?: to)?|(?:the )?same(?: \w+)?(?: as)?|as \w+ as each other)")
_NUMBERED = re.compile(
    r"(?:(?P<number>\d+|" + "|".join(NUMBER_WORDS) + r") )?(?:more|fewer|less)(?: times)? than"
)
_ONCE = re.compile(r"\bonce(?= (?:more|less))")
_LONG = re.compile(r"\b(?:long|longer|shorter|time)\b")
COUNT = re.compile(r"counts?|number(?: of (?:times|\w+))?|times|how often")
AMOUNT = re.compile(
    rf"(?P<number>\d+(?:\.\d+)?|{'|'.join(NUMBER_WORDS)}) ?(?P<unit>s|seconds?|percent|points?|times|%|)\b"
)


@dataclass(frozen=True)
class Verdict:
    """Whether a claim is so, and the events that it names."""

    is_so: bool
    events: Sequence[Fact] = ()


class _Much(NamedTuple):
    """By how much (in percent, ms or things), or how many times; is_time: what is compared are lengths of time.

    bound: whether it is more (1) or less (-1) than so many times, or just that (0).
    """

    amount: float | None
    factor: float | None
    is_time: bool
    bound: int = 0

    def holds(self, one: float, other: float, sign: float, near: float) -> bool:
        """Return whether one thing is so much more (or less, by the sign) than another; `near` as much is equal."""
        if self.factor is not None:
            if self.factor == 1.0:
                return abs(one - other) <= near
            ratio = one / other / self.factor if other else 0.0
            return self.bound * (ratio - 1.0) > 0 if self.bound else abs(ratio - 1.0) <= _EQUAL_RATIO
        if self.amount is not None:
            return abs(sign * (one - other) - self.amount) <= near
        return sign * (one - other) > near / 2


class Comparisons(Choice):
    """Judges claims that compare."""

    def _more(self, told: Told, relation: str, stamp: Stamp | None) -> Verdict | None:
        """Judge "faster than", "twice as far as", "more often than", "10 percent closer than"."""
        relation = _ONCE.sub("1", relation)
        match = _THAN.fullmatch(relation) or _AS.fullmatch(relation)
        if match is None or "value" not in told:
            return None
        is_as = match.re is _AS
        sign = 1.0 if is_as or match["more"] else -1.0
        much = _much(match["much"], relation, is_as=is_as)
        left, right, near = self._amounts(told, relation, stamp, is_time=much.is_time)
        is_so = all(much.holds(one, other, sign, near) for one, other in product(left, right))
        return Verdict(is_so, self.then(told, stamp))

    def _amounts(
        self, told: Told, relation: str, stamp: Stamp | None, *, is_time: bool
    ) -> tuple[list[float], list[float], float]:
        """Return what is compared with what, and how far off equal ones are: contents, counts, lengths or sizes."""
        key = "event" if "event" in told else "object"
        ones, others = as_list(told.get(key)), as_list(told["value"])
        held = [self.held(one, told, stamp, relation) for one in (*ones, *others)]
        if all(held):
            sizes = [float(len(own[-1].items)) for own in held]
            return [sum(sizes[: len(ones)])], [sum(sizes[len(ones) :])], 0.0
        is_count = "often" in relation or bool(COUNT.fullmatch(str(told.get("property", "")).lower()))
        if is_count and all(number_of(str(one)) is not None for one in others):
            count = len(held[0][0].items) if held[0] else len(self.of(told))
            return [float(count)], [number_of(str(one)) or 0.0 for one in others], 0.0
        like = self.said(key, ones[0], told)
        left = [self.chosen(key, one, told) for one in ones]
        left = [[e for e in side if key == "object" or e in self.of({**told, "event": one})]
                for side, one in zip(left, ones, strict=True)]  # fmt: skip
        right = [self.chosen(key, one, told, like) for one in others]
        if key == "object" and stamp is not None:
            left, right = ([self._within(one, told, stamp) for one in side] for side in (ones, others))
        if not all((*left, *right)):
            raise ClaimError(f"{told.get(key)!r} and {told['value']!r} cannot be compared")
        numbered = _NUMBERED.fullmatch(relation) if key == "event" else None
        is_plural = any(len({e.number for e in side}) > 1 for side in (*left, *right))
        if is_count or (numbered and (numbered["number"] or is_plural)):
            return [float(len(one)) for one in left], [float(len(one)) for one in right], 0.0
        measure, near = self._measure(
            [e for side in (*left, *right) for e in side], is_time=is_time, is_equal=relation.endswith(" as")
        )
        return [measure(e) for side in left for e in side], [measure(e) for side in right for e in side], near

    def _within(self, name: Any, told: Told, stamp: Stamp) -> list[Fact]:
        """Return the events of an object that begin at a time, or from one time to another."""
        high = stamp.high.ms if stamp.high else stamp.low.ms
        own = [e for e in self.events if e.covers(self.said("object", name, told)) and e.size is not None]
        return [e for e in own if stamp.low.ms - self.near <= e.start <= high + self.near] or own

    def _measure(
        self, events: Sequence[Fact], *, is_time: bool, is_equal: bool
    ) -> tuple[Callable[[Fact], float], float]:
        """Return how events are measured, and how far off equal ones are: by how long they take, or by size."""
        lengths = [length(e) for e in events]
        is_length = is_time and (is_equal or max(lengths) - min(lengths) > EQUAL_MS)
        if is_length or not all(e.size for e in events):
            return length, EQUAL_MS
        return size_of, min(_EQUAL_SHARE, 0.05 * max(e.size or 0.0 for e in events))

    def _equal(self, told: Told, relation: str, _: Stamp | None) -> Verdict | None:
        """Judge that several events or objects are equally far, fast or long."""
        if not _EQUAL.fullmatch(relation):
            return None
        key = "event" if "event" in told else "object"
        names = [*as_list(told.get(key)), *as_list(told.get("value", []))]
        like = self.said(key, names[0], told) if names else []
        sides = [self.chosen(key, one, told, like) for one in names]
        if not sides or not all(sides) or not isinstance(told.get(key), list):
            return None
        events = [e for side in sides for e in side]
        is_time = bool(re.search("duration|time|long", f"{told.get('property', '')} {relation}"))
        measure, near = self._measure(events, is_time=is_time, is_equal=True)
        values = [measure(e) for e in events]
        return Verdict(len(values) > 1 and max(values) - min(values) <= near, events)

    def _sizes(self, told: Told) -> list[float]:
        """Return how far, fast or long each of a list is; nothing where one is named twice or is not compared."""
        key = (
            "event"
            if any(picked(self.said("event", one, told), "ordinal:") for one in told["value"])
            else "object"
        )
        sized = [[e.size or length(e) for e in self.chosen(key, one, told)] for one in told["value"]]
        is_each = all(sized) and len({*map(str, told["value"])}) == len(sized)
        return [max(own) for own in sized] if is_each else []

    def is_falling(self, told: Told) -> bool | None:
        """Return whether a ranking begins with the fastest, farthest or longest; None for what is none."""
        is_ranking = "ranking" in str(told.get("property", "")) and isinstance(told.get("value"), list)
        sizes = self._sizes(told) if is_ranking else []
        return sizes[0] > sizes[-1] if sizes else None


def _much(text: str, relation: str, *, is_as: bool) -> _Much:
    """Return what stands before a comparative. Raises ClaimError for what is no amount."""
    bound = _BOUND.match(text)
    told = text[bound.end() if bound else 0 :].strip()
    amount = AMOUNT.fullmatch(told)
    number = number_of(amount["number"]) if amount else None
    factor = number if amount and (amount["unit"] == "times" or is_as) else _FACTORS.get(told)
    if factor is None and number is None:
        raise ClaimError(f"{told!r} is no amount; write such as '10 percent' or 'twice'")
    is_time = bool(amount and amount["unit"].startswith("s")) or bool(_LONG.search(relation))
    if factor is not None and (is_as or factor != 1.0):
        return _Much(None, factor, is_time, 0 if bound is None else -1 if bound["less"] else 1)
    return _Much(number * (1000.0 if is_time else 1.0) if number is not None else None, None, is_time)


def length(event: Fact) -> float:
    """Return how long an event takes, in ms."""
    return event.end - event.start


def size_of(event: Fact) -> float:
    """Return how far or fast an event is."""
    return event.size or 0.0
