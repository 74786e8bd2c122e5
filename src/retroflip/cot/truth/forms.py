"""Statements that compare several facts: what lasts equally long, what differs by how much, which options are out."""

import re
from collections.abc import Sequence
from itertools import pairwise

from retroflip.cot.reading import Terms, Words
from retroflip.cot.truth.answers import SHAPES_ALL
from retroflip.cot.truth.contents import Contents
from retroflip.cot.truth.events import numbers_of
from retroflip.cot.truth.ranks import COMPARING, listed
from retroflip.cot.truth.when import Found, When
from retroflip.cot.world import VALUES, Fact
from retroflip.synth.animation import SHAPES

_EQUAL_MS = 150.0
"""how far lengths may be apart that are called the same"""
_DIFFERENCE = 3.0
"""how far a difference told may be off, in percent of the screen"""
_ATTRIBUTES = {"colour": "colour", "color": "colour", "shape": "shape", "form": "shape", "size": "size"}
_GLYPHS = {
    "number": "number", "numbers": "number", "digit": "number", "digits": "number", "sign": "sign", "signs": "sign",
    "operator": "sign", "operators": "sign",
}  # fmt: skip
_BEING = frozenset({"is", "was", "are", "there", "stands", "stand", "comes", "come", "lies", "lie"})
_SIDE = re.compile(r"\b(?:left|right) of\b|\b(?:to|on) its (?:left|right)\b")
_TURNS = frozenset({"clockwise", "counterclockwise"})
_WAYS = _TURNS | {"left", "right", "up", "down"}
_COURSES = {
    "sense": _TURNS,
    "direction": _WAYS,
    "way": _WAYS,
    "figure": frozenset(SHAPES) | {"line", "zigzag"},
}
"""what may be kept from event to event"""
FACTORS = {
    "twice": 2.0,
    "thrice": 3.0,
    "double": 2.0,
    "triple": 3.0,
    "half": 0.5,
    "third": 1 / 3,
    "quarter": 0.25,
}
_FACTOR = re.compile(
    r"\b(?:(?:a|one) (?=third|quarter))?(twice|thrice|double|triple|half|(?<=a )third|(?<=one )third|(?<=a )quarter)\b"
)
_OF_WHICH = frozenset({"that", "time", "distance", "length", "way", "speed", "size", "width", "duration"})
_TIME = re.compile(r"\b(?:as long as|half as long|times? of|the time|durations?|longer|shorter)\b")
"""what compares how long things take"""
_SPEED = re.compile(r"\b(?:fast|quick|quickly|speed)\b")
_COMPARISONS = re.compile(r"\bas \w+ as\b|(?<!more )(?<!less )\bthan\b")
_WAY = re.compile(r"\b(?:ways?|distances?|paths?|partings?|approach\w*|far)\b")
_CHANGING = re.compile(r"\b(?:chang\w+|differ\w*|var(?:y|ies))\b")
_JUST_NOW = re.compile(
    r"\b(?:(?:has|have)(?: not|n't)? changed|is (?:still |again )?(?:the same|unchanged)|then|now|again)\b"
)


class Forms(Contents):
    """Looks up what is said of several facts at once."""

    def _equally_long(self, words: Words, when: When) -> Found:
        """Prove that the events named, or all that are asked about, take the same time."""
        said = [one for one in words.plain if not any(term.startswith("n:") for term in one)]
        said = [one for one in said if "equally-long" not in one]
        own = [e for e in self.world.events if e.covers(said)] or self.sized(words, when)
        kinds = {self.world.kind_of(e) for e in own} - {"return"}
        told = [self.world.metadata["events"][one] for one in numbers_of(own)]
        lengths = [one["end_ms"] - one["start_ms"] for one in told if one["type"] in kinds]
        numbers = words.picked("n:")
        amounts = {f"{len(lengths)}", f"{len({e.subject for e in own})}"}
        is_so = len(kinds) == 1 and max(lengths) - min(lengths) <= _EQUAL_MS
        return [] if is_so and all(one in amounts for one in numbers) else None

    def _equally_much(self, words: Words, when: When) -> Found:
        """Prove that the events named, or all that are asked about, are equally far, wide or fast."""
        sized = self.sized(words, When())
        names = [one for one in words.plain if self.world.is_name(one)]
        own = [e for e in sized if not names or any(e.covers(one) for one in self.objects(names))]
        ordinals = [int(one) for one in words.picked("ordinal:") + words.picked("nth:")]
        numbers = words.picked("n:")
        if numbers and len(ordinals) == 1 and numbers[0].isdigit():
            count = int(numbers[0])
            own = {1: own[:count], -1: own[-count:]}.get(ordinals[0], [])
        elif ordinals:
            own = [own[at - (at > 0)] for at in ordinals if -len(own) <= at - (at > 0) < len(own)]
        elif when.stamp is not None:
            return None
        return [] if len(own) > 1 and len({e.size for e in own}) == 1 else None

    def _apart(self, words: Words, when: When) -> Found:
        """Prove by how much or how many times something is more than what was before it, or than another."""
        texts = [token.text.lower() for token in words.tokens]
        joints = [
            at
            for at, text in enumerate(texts)
            if text.split()[-1] in ("as", "than") or (text == "of" and texts[at - 1] in _OF_WHICH)
        ]
        at = joints[-1] if joints else None
        numbers = [float(one) for one in words.picked("n:")]
        share = _FACTOR.search(words.text)
        factor = FACTORS[share[1]] if share else None
        times = [float(one) for one in words.picked("count:")]
        if words.has("quantifying") and len(numbers) == 1:
            sized = self.sized(words, When())
            steps = [
                abs((b.size or 0.0) - (a.size or 0.0)) for a, b in pairwise(sized) if a.subject == b.subject
            ]
            return [] if steps and all(abs(one - numbers[0]) <= _DIFFERENCE for one in steps) else None
        if len(_COMPARISONS.findall(words.text)) > 1:
            return None
        ones, others = self._sides_of(words, when, len(words.tokens) if at is None else at)
        is_time = not numbers and self._is_time(words, [*ones, *others])
        own, sizes = (
            {e.end - e.start if is_time else e.size or 0.0 for e in side} for side in (ones, others)
        )
        near = _EQUAL_MS if is_time else min(_DIFFERENCE, 0.05 * max(own, default=0.0))
        if not own or not sizes or max(own) - min(own) > near / 2:
            return None
        wanted = {term for token in words.tokens for term in token.says} & COMPARING
        if len(numbers) == 1 and not times and not factor:
            sign = -1.0 if wanted & {"less", "slower"} or "less" in words.text else 1.0
            return (
                [] if all(abs(sign * (max(own) - one) - numbers[0]) <= _DIFFERENCE for one in sizes) else None
            )
        factor = factor or (times[0] if len(times) == 1 else None)
        if not all(sizes) or (times and not factor):
            return None
        ratios = [max(own) / one for one in sizes]
        if re.search(r"\bmore than\b|\bover\b", words.text):
            return [] if factor and min(ratios) > factor else None
        if re.search(r"\bless than\b|\bunder\b", words.text):
            return [] if factor and max(ratios) < factor else None
        if factor is None:
            return [] if all(abs(max(own) - one) <= near for one in sizes) else None
        return [] if all(abs(one / factor - 1.0) <= 0.15 for one in ratios) else None

    def _is_time(self, words: Words, events: Sequence[Fact]) -> bool:
        """Return whether events are compared by how long they take: as words say, or since they have no other size."""
        kinds = {self.world.kind_of(e) for e in events}
        is_pace = kinds == {"cross"} and not (words.has("faster") or _SPEED.search(words.text))
        is_way = kinds == {"approach"} or bool(_WAY.search(words.text))
        return is_pace or not all(e.size for e in events) or (bool(_TIME.search(words.text)) and not is_way)

    def _paced(self, words: Words, when: When) -> Found:
        """Prove whether objects change their speed: at the time told, in the event told last, or ever."""
        names = [one for one in words.plain if self.world.is_name(one)] or list(when.subject)
        own = self.of(names, [e for e in self.world.events if e.size is not None])
        changes = bool(_CHANGING.search(words.text)) != words.has("denying")
        told = [e for e in own if when.stamp and self.at(e, when, words.text)]
        if not told and _JUST_NOW.search(words.text):
            told = [e for e in own if when.latest and e.number == when.latest.number]
        courses = [[e for e in own if e.subject == one] for one in dict.fromkeys(e.subject for e in own)]
        if told:
            courses = [
                [e for e in told[0:1] + own if e.subject == told[0].subject and e.start <= told[0].start][-2:]
            ]
        steps = [len({e.size for e in course}) > 1 for course in courses if len(course) > 1]
        return told[:1] if steps and all(one == changes for one in steps) else None

    def _restored(self, words: Words, when: When) -> Found:
        """Prove "it is cyan again": a change is over then, and what is told is how its object looked at first."""
        first = self.world.metadata["states"][0]["looks"]
        told = [one for one in words.plain if not one & {"change", "back"} and not one <= {"further"}]
        latest = when.latest.number if when.latest else None
        is_then = when.stamp is None or bool(re.search(r"\b(?:then|later|afterwards)\b", words.text))
        changes = [e for e in self.world.events if self.world.kind_of(e) == "change"]
        ended = [
            e
            for e in changes
            if (e.number == latest if is_then else when.stamp and when.stamp.low.is_near(e.end, self.near))
        ]
        looks = [
            frozenset(term for value in first[name].values() for term in self.world.reader.says(value))
            for name, own in self.world.looks.items()
            if name in first and any(e.subject == own for e in ended)
        ]
        return ended[:1] or None if told and any(all(one & look for one in told) for look in looks) else None

    def _short_of(self, words: Words, when: When) -> Found:
        """Prove that something does not go as far, or take as long, as what is named: it does less."""
        at = max(at for at, token in enumerate(words.tokens) if token.text.lower().split()[-1] == "as")
        ones, others = self._sides_of(words, when, at)
        is_time = self._is_time(words, [*ones, *others])
        own, sizes = (
            [e.end - e.start if is_time else e.size or 0.0 for e in side] for side in (ones, others)
        )
        return [] if own and sizes and max(own) < min(sizes) else None

    def is_of_glyphs(self, words: Words) -> bool:
        """Return whether a stretch tells how many numbers or signs are drawn, or which of them comes when."""
        has_glyphs = any(self.world.kind_of(e) == "glyph" for e in self.world.events)
        numbers = words.picked("n:") + words.picked("ordinal:")
        return has_glyphs and bool(numbers) and any(t.text.lower() in _GLYPHS for t in words.tokens)

    def _glyphs(self, words: Words, when: When) -> Found:
        """Prove "four numbers and three signs" or "the first number is 6"."""
        glyphs = [
            (e, str(self.world.metadata["events"][e.number or 0].get("symbol", "")))
            for e in self.world.events
        ]
        kinds = [(t, _GLYPHS[t.text.lower()]) for t in words.tokens if t.text.lower() in _GLYPHS]
        if len(kinds) != 1 or when.stamp is not None:
            return None
        pool = [e for e, symbol in glyphs if symbol and symbol.isdigit() == (kinds[0][1] == "number")]
        ordinals, numbers = [int(one) for one in words.picked("ordinal:")], words.picked("n:")
        said = [one for one in words.plain if not one & {"draw", "change", "ball", "move"}]
        if ordinals:
            own = [pool[at - (at > 0)] for at in ordinals[:1] if -len(pool) <= at - (at > 0) < len(pool)]
            return [] if said and own and own[0].covers(said) else None
        return [] if numbers == [f"{len(pool)}"] and len(said) == 1 else None

    def is_beside(self, words: Words) -> bool:
        """Return whether a stretch tells on which side of one object others are that stand in a row."""
        names = self.objects([one for one in words.plain if self.world.is_name(one)])
        sides = [one for one in words.said if one & {"left", "right"} and len(one & {"left", "right"}) == 1]
        others = [one for one in words.said if one not in sides and not self.world.is_name(one)]
        is_row = not any(self.world.kind_of(e) == "visit" for e in self.world.events)
        return (
            bool(is_row and self.world.order_from_left and _SIDE.search(words.text) and names)
            and len(sides) == 1
            and not others
        )

    def _beside(self, words: Words, when: When) -> Found:
        """Prove "A and B are to the left of C" of objects in a row; "it" is what the sentence or question is about."""
        at = next(at for at, token in enumerate(words.tokens) if token.says & {"left", "right"})
        left, right = (Words(part) for part in (words.tokens[:at], words.tokens[at + 1 :]))
        sides = [
            self.objects([one for one in part.plain if self.world.is_name(one)]) for part in (left, right)
        ]
        ones = sides[0] or [list(when.subject)]
        others = sides[1] or [self._it(when)]
        row = self.world.order_from_left
        places = [
            [next((at for at, o in enumerate(row) if own and all(n & o for n in own)), None) for own in side]
            for side in (ones, others)
        ]
        if None in places[0] or None in places[1] or not all(places):
            return None
        is_left = any("left" in token.says for token in words.tokens)
        is_so = all(
            (a < b) == is_left and a != b
            for a in places[0]
            for b in places[1]
            if a is not None and b is not None
        )
        return [] if is_so else None

    def _against(self, words: Words, when: When) -> Found:
        """Prove "two against three" of how many events have each of the values that the sentence names before it."""
        values = [one for one in when.topic if one & VALUES and not self.world.is_name(one)]
        counts = [f"{len({*numbers_of(e for e in self.world.events if e.covers([one]))})}" for one in values]
        return [] if len(counts) > 1 and words.picked("n:") == counts else None

    def _often(self, words: Words, _: When) -> Found:
        """Prove that something happens more often than another thing, or by how many times."""
        at = _place_of("than", words)
        numbers = words.picked("n:") + words.picked("count:")
        sides = [
            [
                one
                for one in Words(side).plain
                if not (one & COMPARING and not one & _WAYS) and not any(t.startswith("n:") for t in one)
            ]
            for side in (words.tokens[:at], words.tokens[at:] if at else ())
        ]
        shared = [one for one in sides[0] if not any(term in VALUES for term in one)]
        sides[1] += [one for one in shared if one not in sides[1]]
        pools = [self._candidates(words, one, When()) for one in sides]
        if at is None:
            if numbers:
                return None
            pools[1] = [e for e in self._candidates(words, shared, When()) if self._is_asked(e)]
        left, right = (len({*numbers_of(pool)}) for pool in pools)
        is_less = bool(re.search(r"\b(?:less|fewer|rarer)\b", words.text))
        difference = right - left if is_less else left - right
        return [] if difference > 0 and (not numbers or f"{difference}" in numbers) else None

    def _between(self, words: Words, when: When) -> Found:
        """Prove that an event, or a value of the answer, lies between two others."""
        at = _place_of("between", words)
        if at is None:
            return None
        own, beside = Words(words.tokens[:at]), Words(words.tokens[at:])
        if not own.plain:
            verb = next((at for at, t in enumerate(words.tokens) if t.text.lower() in _BEING), at)
            own, beside = Words(words.tokens[verb:]), Words(words.tokens[at:verb])
        ones = self._candidates(own, own.plain or list(when.topic[:1]), When())
        sides = [self._candidates(one, one.plain, When()) for one in listed(beside)]
        others = [e.start for e in self.world.events if e.number not in numbers_of(ones)]
        if len(sides) == 1 and beside.has("further"):
            return [] if ones and others and min(others) < ones[0].start < max(others) else None
        if len(sides) == 1:
            sides = [sides[0][:1], sides[0][1:]]
        if len(sides) != 2 or not ones or not all(sides):
            return None
        low, high = sorted(side[0].start for side in sides)
        return [] if any(low < e.start < high for e in ones) else None

    def _kept(self, words: Words, _: When) -> Found:
        """Prove that an object's colour, shape or size is the same in every state."""
        if way := next((t.text.lower() for t in words.tokens if t.text.lower() in _COURSES), None):
            ways = [
                e.terms & _COURSES[way] for e in self.world.events if e.subject and e.terms & _COURSES[way]
            ]
            return [] if ways and len(set(ways)) == 1 else None
        told = [_ATTRIBUTES[t.text.lower()] for t in words.tokens if t.text.lower() in _ATTRIBUTES]
        looks = [look for state in self.world.metadata["states"] for look in state.get("looks", {}).values()]
        others = [
            one
            for one in words.plain
            if not one & {"change", "still", "steady", "move"} and not self.world.is_name(one)
        ]
        is_so = bool(told) and all(len({look[key] for look in looks}) == 1 for key in told)
        return [] if looks and is_so and not others else None

    def _homed(self, words: Words, when: When) -> Found:
        """Prove that objects are, or are not, in the cells where they were at first; or how many are not at the end."""
        cells = [(one["ms"], one["cells"]) for one in self.world.metadata["states"]]
        latest = when.latest.start if when.latest else self.world.duration
        ends = latest if when.stamp or re.search(r"\bback\b", words.text) else self.world.duration
        then = next((own for ms, own in cells if ms > ends), cells[-1][1])
        names = [one for one in words.plain if self.world.is_name(one)] or list(when.subject)
        moved = [name for name, cell in then.items() if cell != cells[0][1][name]]
        own = [name for name, looks in self.world.looks.items() if names and all(n & looks for n in names)]
        is_away = words.has("denying") != bool(
            re.search(r"\b(?:new|different|another|other) \w+\b", words.text)
        )
        if not names and words.has("denying"):
            own = list(then)
        numbers = words.picked("n:")
        if numbers == [f"{len(then)}"] and not is_away:
            own, numbers = list(then), []
        if numbers:
            return [] if is_away and numbers == [f"{len(moved)}"] else None
        return [] if own and all((one in moved) == is_away for one in own) else None

    def _sides_of(self, words: Words, when: When, at: int) -> tuple[list[Fact], list[Fact]]:
        """Return the event that is compared, and those that it is compared with."""
        sized = self.sized(words, When())
        left, right = Words(words.tokens[:at]), Words(words.tokens[at:])
        said = [
            one
            for one in left.plain
            if not one & (COMPARING | {"bounding", "equally-long"}) and not self.world.is_item(one)
        ]
        names = [one for one in said if self.world.is_name(one)] or list(when.subject)
        is_told = bool(names or left.picked("ordinal:") or said)
        own = [e for e in self.of(names, sized) if is_told and e.covers(said)]
        own = self._nth(left, [e for e in own if when.stamp and self.at(e, when, "")] or own)
        latest = [e for e in sized if when.latest and e.number == when.latest.number]
        if not is_told or (len(own) > 1 and latest and latest[0] in own):
            own = latest
        others = [one for one in right.plain if self.world.is_name(one)]
        others = others or [
            one for one in right.plain if any(one & e.terms & (VALUES | SHAPES_ALL) for e in sized)
        ]
        if right.picked("ordinal:"):
            return own, self._nth(
                right, self.of([one for one in others or names if self.world.is_name(one)], sized)
            )
        if others:
            named = [one for one in others if self.world.is_name(one)]
            return own, self.of(named, sized) if named else [e for e in sized if e.covers(others)]
        if "runner up" in right.text and sized:
            sizes = sorted({e.size or 0.0 for e in sized})
            return [e for e in sized if e.size == sizes[-1]][:1], [
                e for e in sized if e.size == sizes[-2:][0]
            ]
        if re.search(r"\b(?:any|every|all|each)\b", right.text):
            return own, [e for e in sized if e not in own]
        if right.has("start-of-video"):
            return own, [e for e in sized if own and e.subject == own[0].subject][:1]
        earlier = [e for e in sized if own and e.subject == own[0].subject and e.start < own[0].start]
        return own, earlier[-1:]

    def _is_constant(self, said: Sequence[Terms]) -> bool:
        """Return whether an object looks as said in every state."""
        looks = [fact for fact in self.world.states if "type:change" in fact.terms]
        return bool(looks) and bool(said) and all(fact.covers(said) for fact in looks)


def _place_of(text: str, words: Words) -> int | None:
    """Return where a word stands by itself; None where it is only a part of others, as in "more than"."""
    return next((at for at, token in enumerate(words.tokens) if token.text.lower() == text), None)
