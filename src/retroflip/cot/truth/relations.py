"""Claims that relate facts: what is more than what, comes before what, is the third of its kind, happens how often.

They are computed from the table of facts, key by key. What a claim's words mean is looked up as it is in texts, but how
they belong together is told by its keys: "first hit" with the wall "right" is about the first of all hits.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

from retroflip.cot.claims import ClaimError, Told, phrase
from retroflip.cot.reading import ORDINALS, Terms, Words, picked
from retroflip.cot.stamps import Stamp
from retroflip.cot.truth.choice import EARLY_MS, as_list, nth, number_of
from retroflip.cot.truth.comparisons import AMOUNT, COUNT, EQUAL_MS, Comparisons, Verdict, length
from retroflip.cot.truth.when import When
from retroflip.cot.world import VALUES, Fact

_ORDERED = re.compile(r"(?P<gap>.*?)\b(?P<side>before|after|earlier than|later than)")
_RANKS = {**ORDINALS, "earliest": 1, "latest": -1}
_RANK = re.compile(rf"(?:the )?(?P<rank>{'|'.join(_RANKS)})(?: (?:one|time|event))?")
_MOST = re.compile(
    r"(?P<most>fastest|farthest|widest|longest|largest)|slowest|closest|nearest|narrowest|shortest|smallest"
)
_NOTHING = re.compile(r"nothing|none|no (?:\w+ )?(?:events?|changes?|movements?|motion)")
_THEMES = ("colour", "shape", "size")
_MOVING = frozenset({"swap", "slide", "pour", "exchange"})
"""types of operations, of which an object's own are those that move it"""
_HANDLING = frozenset({"put", "take", "pour"})
_SERIES = re.compile(r"order|sequence|series|path|ranking")
_RIGHT_AFTER = ("", "right", "immediately", "directly")
_HEDGE = re.compile(
    r"\b(?:about|almost|nearly|roughly|around|exactly|just|only|some|much|a bit|slightly|clearly)\b ?"
)


class Relations(Comparisons):
    """Judges claims that relate facts of one video."""

    def judged(self, told: Told, stamp: Stamp | None) -> Verdict | None:
        """Return whether a claim, `told` at the time `stamp`, is so; None where it relates nothing.

        Raises ClaimError for comparisons of what cannot be compared, and for options without letters.
        """
        relation = _HEDGE.sub("", str(told.get("relation", "")).strip().lower())
        is_ranked = relation == "not" and _RANK.fullmatch(str(told.get("value", "")).lower())
        if relation.startswith("not ") or is_ranked:
            own = relation.removeprefix("not").strip() or str(told["value"]).lower()
            rest = {key: one for key, one in told.items() if key != "value" or not is_ranked}
            turned = self.judged({**rest, "relation": own}, stamp)
            return Verdict(not turned.is_so) if turned else None
        ways = (self._poured, self._swapped, self._options, self._idle, self._spared, self._absent, self._more,
                self._equal, self._ordered, self._between, self._in_row, self._series, self._lasting, self._placed,
                self._ranked, self._most, self._nth, self._counted)  # fmt: skip
        if isinstance(told.get("event"), list) and not relation:
            each = [self.judged({**told, "event": one}, stamp) for one in told["event"]]
            known = [one for one in each if one is not None]
            events = [e for one in known for e in one.events]
            return Verdict(all(one.is_so for one in known), events) if len(known) == len(each) else None
        return next((found for way in ways if (found := way(told, relation, stamp)) is not None), None)

    def _poured(self, told: Told, relation: str, stamp: Stamp | None) -> Verdict | None:
        """Judge what is poured out into what."""
        said = [self.said(key, told.get(key, ""), told) for key in ("object", "value")]
        own = [e for e in self.of({"event": told.get("event", "")}) if self.world.kind_of(e) == "pour"]
        if not own or relation or not all(len(one) == 1 and one[0] & self.world.containers for one in said):
            return None
        found = [e for e in own if said[0][0] & e.subject and said[1][0] & e.other]
        found = [e for e in found if stamp is None or self.truth.at(e, When(stamp), "")]
        return Verdict(bool(found), found)

    def _swapped(self, told: Told, relation: str, stamp: Stamp | None) -> Verdict | None:
        """Judge which cells change places, and where something then is, of a swap that moves what is named."""
        cells = told.get("property") in ("cells", "cell") and "object" in told
        own = (
            [e for e in self.of(told) if self.world.kind_of(e) == "swap"] if "event" in told and cells else []
        )
        if not own or relation or "value" not in told:
            return None
        own = [e for e in own if stamp is None or self.truth.at(e, When(stamp), "")]
        where = self.said("value", told["value"], told)
        if told["property"] == "cells":
            own = [e for e in own if e.covers(where)]
        else:
            names = self.said("object", told["object"], told)
            then = {one.start for one in self.world.states if one.covers([*names, *where])}
            own = [e for e in own if e.start in then]
        return Verdict(bool(own), own)

    def _options(self, told: Told, relation: str, _: Stamp | None) -> Verdict | None:
        """Judge which options are out, or which one is right."""
        if str(told.get("property", "")).lower() not in ("option", "options"):
            return None
        value, options = told.get("value", ""), [str(one) for one in self.world.question["options"]]
        letters = value if isinstance(value, list) else re.split(r"[\s,]+(?:and )?", str(value))
        if not all(re.fullmatch(r"\(?[A-H]\)?", str(one)) for one in letters):
            raise ClaimError(f"{value!r} names no options; write their letters, such as ['A', 'D']")
        places = ["ABCDEFGH".index(str(one).strip("()")) for one in letters]
        right = options.index(str(self.world.question["answer"])) if options else -1
        is_out = [place < len(options) and place != right for place in places]
        return Verdict(
            all(is_out) if relation in ("not", "out", "wrong", "eliminated") else places == [right]
        )

    def _idle(self, told: Told, relation: str, stamp: Stamp | None) -> Verdict | None:
        """Judge that nothing, or nothing of a kind, goes on from one time to another."""
        is_nothing = bool(_NOTHING.fullmatch(str(told.get("event", "")).lower()))
        if stamp is None or stamp.high is None or not (is_nothing or ("event" in told and relation == "not")):
            return None
        said = [one for key, value in told.items() if key != "relation" and not (is_nothing and key == "event")
                for one in self.said(key, value, told)]  # fmt: skip
        own = [e for e in self.events if e.covers(said) and self.is_operation(e, said)]
        low, high = stamp.low.ms + self.near, stamp.high.ms - self.near
        return Verdict(not any(e.start < high and e.end > low for e in own))

    def _spared(self, told: Told, relation: str, stamp: Stamp | None) -> Verdict | None:
        """Judge that an operation at a time leaves something as it is."""
        if relation != "not" or set(told) != {"event", "object", "relation"} or (stamp and stamp.high):
            return None
        said = self.said("event", told["event"], told)
        if stamp is None and not (
            picked(said, "ordinal:") and {self.world.kind_of(e) for e in self.events} & _MOVING
        ):
            return None
        free = {"event": told["event"]}
        events = [e for e in self.chosen("event", told["event"], free) if self.truth.at(e, When(stamp), "")]
        words = Words(
            [replace(one, is_loose=False) for one in phrase("object", told["object"], told, self.world)]
        )
        is_so = all(self.truth.spares(words, When(latest=one)) for one in events)
        return Verdict(is_so, events) if events else None

    def _absent(self, told: Told, relation: str, stamp: Stamp | None) -> Verdict | None:
        """Judge that no event of a kind is as told."""
        if (
            relation != "not"
            or stamp is not None
            or "event" not in told
            or isinstance(told.get("object"), list)
        ):
            return None
        said = self.said("value", told["value"], told) if "value" in told else []
        types = {event["type"] for event in self.world.metadata["events"]}
        if str(told["event"]) in _HANDLING - types:
            return Verdict(is_so=True)
        own = self.of(told)
        themes = {event["attribute"] for event in self.world.metadata["events"] if "attribute" in event}
        if "value" not in told and themes and (theme := str(told.get("property"))) in _THEMES:
            return Verdict(theme not in themes)
        if not own or ("value" in told and not said):
            doing = [one for one in self.said("event", told["event"], told) if not one & VALUES]
            is_known = (
                any(e.covers(doing) for e in self.events) if doing and "value" not in told else bool(said)
            )
            return Verdict(is_so=True) if is_known else None
        return Verdict(not any(e.covers(said) for e in own))

    def _ordered(self, told: Told, relation: str, stamp: Stamp | None) -> Verdict | None:
        """Judge that one event comes before or after another, and by how much."""
        match = _ORDERED.fullmatch(relation)
        if match is None or "property" in told or not isinstance(told.get("value"), str):
            return None
        ones = [e for e in self.of(told) if stamp is None or self.truth.at(e, When(stamp), "")]
        others = self.chosen("event", told["value"], told)
        if not ones or not others or not {"event", "object"} & told.keys():
            return None
        sign = 1.0 if match["side"].startswith(("after", "later")) else -1.0
        pairs = [(a, b) for a, b in product(ones, others) if sign * (a.start - b.start) > 0]
        if match["side"] == "before" and stamp is None:
            first = min(b.start for b in others)
            pairs = (
                [(a, b) for a, b in pairs if b.start == first] if min(a.start for a in ones) < first else []
            )
        gap = AMOUNT.fullmatch(match["gap"].strip())
        if gap is not None:
            wanted = 1000.0 * (number_of(gap["number"]) or 0.0)
            pairs = [(a, b) for a, b in pairs if any(
                abs(sign * (a.start - ms) - wanted) <= self.near for ms in (b.start, b.end))]  # fmt: skip
        elif match["gap"].strip() not in _RIGHT_AFTER:
            return None
        return Verdict(bool(pairs), [a for a, _ in pairs])

    def _between(self, told: Told, relation: str, _: Stamp | None) -> Verdict | None:
        """Judge that an event comes between two others."""
        if relation not in ("between", "in between") or len(as_list(told.get("value", []))) != 2:
            return None
        ones = self.of(told)
        left, right = ([e.start for e in self.chosen("event", one, told)] for one in told["value"])
        is_so = any(min(a, b) < e.start < max(a, b) for e, a, b in product(ones, left, right))
        return Verdict(is_so, ones) if ones and left and right else None

    def _in_row(self, told: Told, relation: str, _: Stamp | None) -> Verdict | None:
        """Judge which objects stand beside each other, from the left or from the right."""
        row, value = self.world.order_from_left, told.get("value")
        if (
            relation not in ("from left to right", "from right to left")
            or not isinstance(value, list)
            or not row
        ):
            return None
        names = [self.said("object", one, told) for one in value]
        places = [next((at for at, o in enumerate(row) if all(n & o for n in one)), -1) for one in names]
        is_falling = relation == "from right to left"
        return Verdict(-1 not in places and places == sorted(set(places), reverse=is_falling))

    def _series(self, told: Told, relation: str, stamp: Stamp | None) -> Verdict | None:
        """Judge that events follow each other in the order of a list, none of their kind or object between them."""
        value, name = told.get("value"), str(told.get("property", "")).lower()
        is_series = bool(_SERIES.search(name)) or (
            not name and "event" in told and stamp is None and not relation
        )
        if (
            not isinstance(value, list)
            or len(value) < 2
            or not is_series
            or any(isinstance(one, list) for one in value)
        ):
            return None
        items = [self.said("value" if "event" in told else "event", one, told) for one in value]
        if "ranking" in name and all(picked(one, "ordinal:") for one in items):
            sizes = self._sizes(told)
            return Verdict(bool(sizes) and sizes in (sorted(sizes), sorted(sizes)[::-1]))
        if not all(items) or self.held(told.get("object", ""), told, None, "") or (
            "event" not in told
            and all(self.world.is_name(one) for item in value for one in self.said("object", item, told))
        ):  # fmt: skip
            return None
        own = self.of(told) if {"event", "object"} & told.keys() else self.events
        pool = [e for e in own if any(map(e.covers, items))]
        return Verdict(any(_follows(pool[at:], items) for at in range(len(pool))), pool) if pool else None

    def _lasting(self, told: Told, relation: str, stamp: Stamp | None) -> Verdict | None:
        """Judge how long the event with an ordinal takes."""
        value = AMOUNT.fullmatch(str(told.get("value", "")))
        if (
            "duration" not in str(told.get("property", ""))
            or value is None
            or "event" not in told
            or relation
        ):
            return None
        own = self.then(told, stamp) if stamp else self.of(told)
        wanted = 1000.0 * (number_of(value["number"]) or 0.0)
        return Verdict(any(abs(length(e) - wanted) <= EQUAL_MS for e in own), own) if own else None

    def _placed(self, told: Told, relation: str, stamp: Stamp | None) -> Verdict | None:
        """Judge in which cell something was before an operation."""
        if relation != "before" or told.get("property") != "cell" or stamp is None or "event" in told:
            return None
        said = [
            *self.said("object", told.get("object", ""), told),
            *self.said("value", told.get("value"), told),
        ]
        then = [e for e in self.events if self.truth.at(e, When(stamp), "") and self.is_operation(e, [])]
        own = [one for one in self.world.states if one.covers(said)]
        is_so = any(one.start < e.start <= one.end + EARLY_MS for e in then for one in own)
        return Verdict(is_so) if then else None

    def _ranked(self, told: Told, relation: str, stamp: Stamp | None) -> Verdict | None:
        """Judge that an event is the first, third or last: of those called so at a time, or else of all of its kind."""
        rank = _RANK.fullmatch(relation)
        if rank is None or "event" not in told:
            return None
        beside = [one for key in ("object", "value") for one in self.said(key, told.get(key, ""), told)]
        own = [e for e in self.chosen("event", told["event"], told) if e.covers(beside)]
        if stamp is not None:
            found = nth(own, _RANKS[rank["rank"]])
            return Verdict(any(self.truth.at(e, When(stamp), "") for e in found), found) if own else None
        kinds = {self.world.kind_of(e) for e in own}
        pool = [e for e in self.events if self.world.kind_of(e) in kinds or self._is_command(e, own)]
        found = nth(pool, _RANKS[rank["rank"]])
        return Verdict(any(e in own for e in found), found) if own else None

    def _is_command(self, event: Fact, own: Sequence[Fact]) -> bool:
        """Return whether an event is a command, as those are that a claim names: they are of one kind."""
        return all("command" in self.world.metadata["events"][e.number or 0] for e in (event, *own))

    def _most(self, told: Told, relation: str, _: Stamp | None) -> Verdict | None:
        """Judge that an event is the second closest, third longest, ... of all."""
        place, most = _RANK.fullmatch(str(told.get("value", "")).lower()), _MOST.fullmatch(relation)
        if not (place and most and picked(self.said("event", told.get("event", ""), told), "ordinal:")):
            return None
        sizes = sorted(
            {e.size or 0.0 for e in self.truth.sized(Words(()), When())}, reverse=bool(most["most"])
        )
        own, at = self.chosen("event", told["event"], told), _RANKS[place["rank"]]
        return Verdict(0 < at <= len(sizes) and any(e.size == sizes[at - 1] for e in own), own)

    def _nth(self, told: Told, relation: str, stamp: Stamp | None) -> Verdict | None:
        """Judge what the first, third or last event is."""
        said = self.said("event", told.get("event", ""), told)
        is_told = "value" in told or (stamp is not None and relation == "")
        is_nth = bool(picked(said, "ordinal:") + picked(said, "nth:")) and len(said) > 1
        if not (is_nth and is_told) or relation not in ("", "not"):
            return None
        beside = [one for key in ("object", "value") for one in self.said(key, told.get(key, ""), told)]
        of_object = self.chosen("event", told["event"], told)
        of_all = self.chosen("event", told["event"], {"event": told["event"]})
        is_item = any(
            set(one) & self.world.items for one in self.said("object", told.get("object", ""), told)
        )
        for own in (of_object, of_all) if is_item else (of_object,):
            is_so = all(
                e.covers(beside) and (stamp is None or self.truth.at(e, When(stamp), "")) for e in own
            )
            if own and is_so != (relation == "not"):
                return Verdict(is_so=True, events=own)
        return Verdict(is_so=False)

    def _counted(self, told: Told, relation: str, stamp: Stamp | None) -> Verdict | None:
        """Judge how many events there are, in all or until a time, or how much something holds."""
        count = number_of(str(told.get("value", "")).removesuffix(" times"))
        if not COUNT.fullmatch(str(told.get("property", "")).lower()) or count is None:
            return None
        if "event" not in told and (own := self.held(told.get("object", ""), told, stamp, relation)):
            return Verdict(any(len(one.items) == count for one in own))
        events = self.of(told) if "event" in told and relation in ("", "in all", "in total") else []
        if stamp is not None:
            high = stamp.high.ms if stamp.high else stamp.low.ms
            low = stamp.low.ms if stamp.high else 0.0
            around = [e for e in events if low - self.near <= e.start <= high + self.near]
            inside = [e for e in events if low <= e.start <= high]
            return Verdict(len(inside) <= count <= len(around), inside) if events else None
        return Verdict(len(events) == count, events) if events else None


def _follows(pool: Sequence[Fact], items: Sequence[Sequence[Terms]]) -> bool:
    """Return whether events begin with those of a list, each item told by one event or by several in a row."""
    if not items:
        return True
    if not pool or not pool[0].covers(items[0]):
        return False
    return _follows(pool[1:], items[1:]) or _follows(pool[1:], items)
