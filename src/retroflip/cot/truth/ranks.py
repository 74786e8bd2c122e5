"""Which event comes first, goes farthest or is faster than another."""

import operator
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby, pairwise, product

from retroflip.cot.reading import SUPERLATIVES, Terms, Token, Words, picked
from retroflip.cot.truth.answers import NOUNS, ORDER
from retroflip.cot.truth.counts import Counts
from retroflip.cot.truth.events import is_nth, numbers_of
from retroflip.cot.truth.when import Found, When
from retroflip.cot.world import Fact

COMPARING = frozenset({"faster", "slower", "more", "less", "grow", "shrink"})
_ROW = re.compile(r"\bfrom (?:the )?(left|right) to (?:the )?(?:left|right)\b")
_IT_IS = re.compile(
    r"(?:^|[,;] |\b(?:and|which|that) )(?:so )?(?:(?:it|this|that) )?(?:is|was) (?:\w+ )*the \w+est\b"
)
_IN_ORDER = re.compile(r"\bin (?:the|this|that) (?:following )?order\b")
_OTHERS = re.compile(r"\b(?:others?|rest)\b")
_GOING_ON = re.compile(
    r"\b(?:before|after|earlier|later)\b.* , (?:and|but|so) .*\b(?:is|comes|takes|lasts)\b"
)
_NTH_MOST = re.compile(r"\b(?:second|third|fourth|fifth|next)[ -](?:most|least|\w+est)\b")
_PREVIOUS = re.compile(r"\b(?:before|previous|preceding|last|earlier)\b")
_LASTING = frozenset({"hop", "tilt", "spin", "action", "change", "trace"})
"""types of events that are compared by how long they take, having no other size"""
_COMPARED = frozenset({"approach", "part", "move", "faster", "slower", "trace", "grow", "shrink", "change"})


def is_than(token: Token) -> bool:
    return token.text.lower().endswith("than") or bool(token.says & {"beating", "trailing"})


def listed(words: Words) -> list[Words]:
    """Return the items of a list that says something each."""
    cuts = [at for at, token in enumerate(words.tokens) if token.text.lower() in ("and", ",", "or")]
    parts = [Words(words.tokens[a:b]) for a, b in pairwise([0, *cuts, len(words.tokens)])]
    return [one for one in parts if one.plain]


class Ranks(Counts):
    """Compares events."""

    def in_order(self, series: Sequence[Words]) -> Found:
        """Prove that things happen, or stand from the left to the right, in the order of a list."""
        names = [one.plain for one in series]
        places = [
            next((at for at, o in enumerate(self.world.order_from_left) if all(n & o for n in one)), -1)
            for one in names
        ]
        if len(places) > 1 and places == sorted(set(places)) == list(range(len(self.world.order_from_left))):
            return []
        tops = [[e.size for e in self.of(one, self.sized(Words(()), When())) if e.size] for one in names]
        sizes = [max(own) for own in tops if own and all(map(self.world.is_name, names[0]))]
        if len(sizes) == len(names) > 1 and len({frozenset(one) for one in map(tuple, names)}) == len(names):
            return [] if sizes in (sorted(sizes), sorted(sizes)[::-1]) else None
        latest, found = -1.0, []
        for one in names if not self.asked & SUPERLATIVES else [[]]:
            event = next((e for e in self.world.events if one and e.covers(one) and e.start > latest), None)
            if event is None:
                return None
            latest = event.start
            found.append(event)
        return found

    def _listed_in_order(self, words: Words, when: When) -> Found:
        """Prove that all events of a kind are done to things in the order of a list: "taken in the order 51, 52"."""
        match = _IN_ORDER.search(words.text)
        if match is None or when.stamp is not None:
            return None
        at = words.place_of(match.start())
        items = Words(words.tokens[at:]).plain
        said = [one for one in Words(words.tokens[:at]).plain if not one <= NOUNS]
        events = [e for e in self.world.events if said and e.covers(said)]
        return (
            []
            if len(events) == len(items) > 1
            and all(e.covers([one]) for e, one in zip(events, items, strict=True))
            else None
        )

    def is_row(self, words: Words) -> bool:
        """Return whether objects that are listed from one side to the other stand so."""
        names = self.objects([one for one in words.plain if self.world.is_name(one)])
        row = self.world.order_from_left
        at = [next((at for at, o in enumerate(row) if all(n & o for n in one)), -1) for one in names]
        at = list(dict.fromkeys(at))
        way = _ROW.search(words.text)
        return not way or len(at) < len(row) or at == sorted(at, reverse=way[1] == "right")

    def sized(self, words: Words, when: When) -> list[Fact]:
        """Return the events that have a size and are compared: those in the half that is told or asked about."""
        part = self.world.question["parameters"].get("part")
        parts = words.picked("part:") or list(when.parts) or ([f"{part[0] + 1}/{part[1]}"] if part else [])
        sized = [e for e in self.world.events if e.size is not None]
        if not sized:
            sized = [
                replace(e, size=e.end - e.start)
                for e in self.world.events
                if self.world.kind_of(e) in _LASTING
            ]
        together = [e for e in sized if when.stamp is not None and self.at(e, when, words.text)]
        if len({e.subject for e in together}) > 1 and not parts:
            return together
        return [e for e in sized if all(e.begins_in(one, self.world.duration) for one in parts)]

    def _extreme(self, words: Words, when: When) -> Found:
        """Prove which event is the fastest or farthest, or an order from one to the other."""
        if _NTH_MOST.search(words.text):
            return None
        ranks = SUPERLATIVES | {"centre"}
        wanted = [next(iter(one & ranks)) for one in words.said if one & ranks]
        sized = self.sized(words, when)
        rest = [one for one in words.plain if not one & {"more", "less", "centre"}]
        is_most = self._is_most(wanted[0], sized)
        objects = self.objects([one for one in rest if self.world.is_name(one)])
        falling = [replace(e, size=(e.size or 0.0) * (1 if is_most else -1)) for e in sized]
        is_led = bool(sized) and len(wanted) == 1 and len(objects) > 1 and self._leads(words, objects[:2])
        if len(wanted) > 1 and len(objects) == len(wanted):
            return (
                [] if all(self._has_rank(o, w, sized) for o, w in zip(objects, wanted, strict=True)) else None
            )
        if is_led or len(wanted) > 1:
            names = (
                [one for own in objects for one in own]
                if is_led
                else [o for o in rest if self.world.is_name(o)]
            )
            is_so = bool(names) and self._is_falling(names, falling)
            return [] if is_so and (not is_led or self._is_head(objects, falling)) else None
        sizes = [e.size or 0.0 for e in sized]
        best = [e for e in sized if e.size == (max if is_most else min)(sizes)]
        if wanted[0] == "centre":
            best = [e for e in sized if min(sizes) < (e.size or 0.0) < max(sizes)]
        names = rest if any(map(self.world.is_name, rest)) else [*rest, *when.subject]
        ordinals = words.picked("ordinal:")
        phase = {"start-of-video": 0, "end-of-video": -1}.get(when.phase or "")
        if (
            _IT_IS.search(words.text)
            and when.stamp is None
            and when.latest
            and len({e.subject for e in sized}) == 1
        ):
            is_latest = not (ordinals or objects or words.picked("part:")) and phase is None
            best = [e for e in best if not is_latest or e.number == when.latest.number]
        fits = [e for e in best if self._placed(e).covers([o for o in names if not o & _COMPARED])]
        fits = [e for e in fits if when.stamp is None or self.at(e, when, words.text)]
        if phase is not None and when.stamp is None:
            fits = [
                e for e in fits if is_nth(e, phase, numbers_of(o for o in sized if o.subject == e.subject))
            ]
        for ordinal in ordinals:
            at = int(ordinal) - 1 if int(ordinal) > 0 else int(ordinal)
            fits = [e for e in fits if is_nth(e, at, numbers_of(sized))]
        return fits[:1] or None

    def _has_rank(self, names: Sequence[Terms], rank: str, sized: Sequence[Fact]) -> bool:
        """Return whether an object is the first, the last or in the middle by size."""
        sizes = [e.size or 0.0 for e in sized]
        own = {e.size or 0.0 for e in sized if e.covers(names)}
        if rank == "centre":
            return bool(own) and all(min(sizes) < one < max(sizes) for one in own)
        return bool(own) and (max if self._is_most(rank, sized) else min)(sizes) in own

    def _is_most(self, wanted: str, sized: Sequence[Fact]) -> bool:
        """Return whether the largest size is meant; what takes longest is the slowest."""
        is_time = bool(sized) and self.world.kind_of(sized[0]) == "cross"
        return wanted in ("fastest", "closest" if is_time else "farthest")

    def _is_head(self, objects: Sequence[Sequence[Terms]], falling: Sequence[Fact]) -> bool:
        """Return whether objects are the first of a ranking, none that is not named among them."""
        sizes = [max((e.size or 0.0 for e in falling if e.covers(own)), default=0.0) for own in objects]
        others = [e.size or 0.0 for e in falling if not any(e.covers(own) for own in objects)]
        return all(one <= sizes[-1] for one in others) and sizes[0] == max(e.size or 0.0 for e in falling)

    def _leads(self, words: Words, objects: Sequence[Sequence[Terms]]) -> bool:
        """Return whether the rank is said of the object that is named first, before the next one is named."""
        ranked = [at for at, token in enumerate(words.tokens) if token.says & SUPERLATIVES]
        second = [at for at, token in enumerate(words.tokens) if token.says in objects[1]]
        return bool(ranked and second) and ranked[0] < second[0]

    def _placed(self, event: Fact) -> Fact:
        """Return an event with the place that its object has in the row."""
        places = [one.terms for one in self.world.standing if event.subject and one.covers([event.subject])]
        own = next((terms for terms in places if event.subject <= terms), frozenset())
        return replace(event, terms=event.terms | own)

    def _is_falling(self, names: Sequence[Terms], sized: Sequence[Fact]) -> bool:
        """Return whether the sizes of objects fall, in the order in which they are named."""
        named = self.objects(names)
        sizes = [max((e.size or 0.0 for e in sized if e.covers(one)), default=-1.0) for one in named]
        is_each_once = all(named.count(one) == 1 for one in named)
        return (
            len(sizes) != 1 and is_each_once and -1.0 not in sizes and all(a >= b for a, b in pairwise(sizes))
        )

    def objects(self, names: Sequence[Terms]) -> list[list[Terms]]:
        """Return the words that name objects, those of one object together."""
        found: list[list[Terms]] = []
        for one in names:
            own = [
                looks
                for looks in self.world.looks.values()
                if found and all(n & looks for n in [*found[-1], one])
            ]
            if own and one not in found[-1]:
                found[-1].append(one)
            else:
                found.append([one])
        return found

    def _compared(self, words: Words, when: When) -> Found:
        """Prove "A is faster than B" from how fast events are."""
        at = next(index for index, token in enumerate(words.tokens) if is_than(token))
        wanted = {term for token in words.tokens for term in (*token.says, token.text.lower())} & COMPARING
        wanted = wanted or {"faster" if words.has("beating") else "slower"}
        if sum(map(is_than, words.tokens)) > 1 or any(one & SUPERLATIVES for one in words.said):
            return None
        if "bounding" in words.tokens[at].says:
            wanted = {"more" if words.tokens[at].text.lower().startswith("more") else "less"}
        left, right = Words(words.tokens[:at]), Words(words.tokens[at:])
        is_more = operator.gt if wanted & {"faster", "more", "grow"} else operator.lt
        figures = [[float(one) for one in side.picked("n:")] for side in (left, right)]
        sized = self.sized(words, when)
        names = [[one for one in side.plain if self.world.is_name(one)] for side in (left, right)]
        own = names[0] or list(when.subject)
        ones = self._nth(left, self.of(own, sized)) if own or left.picked("ordinal:") else []
        others = self._nth(right, self.of(names[1], sized))
        others = others if names[1] or right.picked("ordinal:") else []
        if ones and right.has("start-of-video"):
            others = [e for e in sized if e.subject == ones[0].subject][:1]
        if words.has("quantifying") and not names[1] and _PREVIOUS.search(right.text):
            pairs = [
                p
                for one in {e.subject for e in sized}
                for p in pairwise(e for e in sized if e.subject == one)
            ]
            return [] if pairs and all(is_more(b.size or 0.0, a.size or 0.0) for a, b in pairs) else None
        if ones and not others and _OTHERS.search(right.text):
            others = [e for e in sized if e not in ones]
            is_time = self.world.kind_of(ones[0]) == "cross" and not wanted & {"faster", "slower"}
            is_so = all(
                is_more(one.size or 0.0, e.size or 0.0) != is_time and one.size != e.size
                for e in others
                for one in ones
            )
            return [] if is_so else None
        if ones and others and words.picked("n:") and not words.has("quantifying"):
            return None
        if ones and others:
            is_time = self.world.kind_of(ones[0]) == "cross" and not wanted & {"faster", "slower"}
            tops = [[max(e.size or 0.0 for e in side if e.subject == one) for one in {e.subject for e in side}]
                    for side in (ones, others)]  # fmt: skip
            is_so = all(is_more(*(pair[::-1] if is_time else pair)) for pair in product(*tops))
            told = [e for e in ones if when.stamp is not None and self.at(e, when, words.text)]
            return told if is_so else None
        if all(figures):
            said = [one for one in words.plain if not one & (COMPARING | {"bounding"})]
            is_so = is_more(figures[0][-1], figures[1][0])
            return [] if is_so and len(said) == sum(map(len, figures)) else None
        amounts = [one for one in words.said if any(term.startswith("n:") for term in one)]
        found = [
            e
            for e in self.world.events
            if e.terms & wanted and self.at(e, when, words.text) and e.covers([*amounts, *names[0]])
        ]
        if when.stamp is None and when.latest and when.latest.size is not None and not (names[0] or amounts):
            found = [e for e in found if e.number == when.latest.number]
        opposite = {"faster", "more"} if wanted & {"slower", "less"} else {"slower", "less"}
        is_split = words.has("quantifying") and any(e.terms & opposite for e in self.world.events)
        return found if found and not names[1] and not is_split and not right.picked("ordinal:") else None

    def of(self, names: Sequence[Terms], events: Sequence[Fact]) -> list[Fact]:
        """Return the events of the objects named, all events where none is; a shape may also name a doing: cross."""
        objects = self.objects(names)
        return [
            e
            for e in events
            if not names or any(all(n & (e.subject or e.terms) for n in own) for own in objects)
        ]

    def _nth(self, words: Words, events: list[Fact]) -> list[Fact]:
        """Return those of events that have the ordinals told."""
        for ordinal in map(int, words.picked("ordinal:")):
            events = [e for e in events if is_nth(e, ordinal - (ordinal > 0), numbers_of(events))]
        return events

    def _unbeaten(self, words: Words, when: When) -> Found:
        """Prove that nothing is more than what stands behind "than": "no approach is nearer than the second"."""
        at = next(index for index, token in enumerate(words.tokens) if is_than(token))
        wanted = {term for token in words.tokens for term in token.says} & COMPARING
        right, sized = Words(words.tokens[at:]), self.sized(words, when)
        own = [e for e in sized if e.covers(right.plain)]
        own = self._nth(right, own)
        sizes = [e.size or 0.0 for e in sized]
        is_time = (
            bool(sized) and self.world.kind_of(sized[0]) == "cross" and not wanted & {"faster", "slower"}
        )
        if (ones := self._told_of(Words(words.tokens[:at]), sized)) and own:
            is_most = bool(wanted & {"faster", "more", "grow"}) != is_time
            pairs = [(a.size or 0.0, b.size or 0.0) for a, b in product(ones, own)]
            return [] if all(a <= b if is_most else a >= b for a, b in pairs) else None
        best = (max if bool(wanted & {"faster", "more", "grow"}) != is_time else min)(sizes, default=None)
        return [] if any(e.size == best for e in own) else None

    def _told_of(self, words: Words, sized: Sequence[Fact]) -> list[Fact]:
        """Return the events that are named one by one: "neither the first nor the third approach"."""
        found: list[Fact] = []
        for is_name, run in groupby(words.tokens, key=lambda token: self.world.is_name(token.says)):
            part = list(run)
            found += self.of([token.says for token in part], sized) if is_name else []
            for token in part if not is_name else ():
                found += self._nth(Words([token]), list(sized)) if picked([token.says], "ordinal:") else []
        return found

    def _ordered(self, words: Words, when: When) -> Found:
        """Prove "X before Y" and "after Y, X" of two events that have no times of their own."""
        sides = self._sides(words)
        if sides is None or _GOING_ON.search(words.text):
            return None
        one, other, sense = sides
        doing = [said for said in one.plain if not self.world.is_name(said)]
        firsts = self._ranked(one, one.plain, self._candidates(one, one.plain, when))
        named = doing if all(map(self.world.is_name, other.plain)) else []
        free = replace(when, subject=())
        whole = self._candidates(other, other.plain + named, free)
        parts = (
            [whole] if whole else [self._candidates(one, [*one.plain, *named], free) for one in listed(other)]
        )
        is_so = bool(parts) and all(
            any((a.start - b.start) * sense > 0 for a in firsts for b in seconds) for seconds in parts
        )
        return [] if is_so else None

    def _sides(self, words: Words) -> tuple[Words, Words, int] | None:
        """Return what is before or after what, and -1 for before."""
        found = [(at, ORDER[t.text.lower()]) for at, t in enumerate(words.tokens) if t.text.lower() in ORDER]
        if len(found) != 1:
            return None
        (at, sense), tokens = found[0], words.tokens
        left, right = tokens[:at], tokens[at + 1 :]
        if not Words(left).said:
            comma = next((index for index, token in enumerate(right) if token.text == ","), None)
            left, right = (right[comma:], right[:comma]) if comma is not None else ([], [])
        one, other = Words(left), Words(right)
        return (one, other, sense) if one.plain and other.plain else None
