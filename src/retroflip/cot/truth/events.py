"""Which events bear a stretch of a text out, and which of them an ordinal means."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from retroflip.cot.reading import Terms, Words
from retroflip.cot.stamps import Stamp
from retroflip.cot.truth.answers import NOUNS, Answers
from retroflip.cot.truth.when import Found, When
from retroflip.cot.world import ON, VALUES, Fact
from retroflip.synth.animation import SHAPES

ENDING = re.compile(
    r"\b(?:until|till|ends?|ended|ending|finish\w*|stops?|stopped|arriv\w*|complet\w*|by|done|over|before|up to"
    r"|(?:changes?|goes|gets|turns?) back|reverts?|returns?|(?:is|are|was) back)\b"
)
_READ_FROM = re.compile(r"\b(?:read|listed|written|counted|counting|named|given) from\b")
_OF_THEM = re.compile(r"\bof (?:them|these|those)\b|\ba \w+ one\b|\ba \w+(?: at)?$")
_NTH_TIME = re.compile(r"\bfor (?:the|a) \w+ time\b")
_LASTING = re.compile(r"\b(?:still|continu\w*|midway|halfway|meanwhile|during|partway)\b")
SHRINKING = re.compile(r"^(?!.*\b(?:grow|swell|large|big|inflat|expand)).*\b(?:shr[aiu]nk|contract|smaller)")
"""what something that swells does in the end"""
HOLDING = re.compile(
    r"\b(?:hold|holds|held|holding|contain\w*|reads?|(?:is|was|are|were|lies|lay|sits|sat) in"
    r"|(?:has|have|had)(?! (?:\w+ed|been|brought|taken|put|gone|come|left)\b))\b"
)
_COPULA = frozenset(
    {"is", "was", "are", "were", "comes", "came", "happens", "occurs", "takes", "belongs", "starts"}
)
_SIDES = frozenset({"left", "right", "above", "below"})
_WAY_TO = frozenset({"to", "into", "onto"})
IDLE = frozenset({"blank", "reveal", "unknown"})
"""types of events that are no operation"""
_LEAVING = frozenset({"leave", "enter", "cross", "pass", "edge", "opposite", "wall"})
_WHOLE = frozenset({"rm_all", "mv_all", "exchange", "pour", "blank", "reveal"})
"""types of events that are done to all that something holds"""


class Events(Answers):
    """Looks up events."""

    def at(self, fact: Fact, when: When, text: str) -> bool:
        """Return whether a fact may be told with a time: that of its start, or of its end where words say so."""
        stamp = when.stamp
        if stamp is None:
            return True
        low, near = stamp.low, self.near
        if "swell" in fact.terms and SHRINKING.search(text):
            return low.is_near(fact.end, near)
        if stamp.high is not None:
            return low.is_near(fact.start, near) and stamp.high.is_near(fact.end, near)
        return (
            low.is_near(fact.start, near)
            or (bool(ENDING.search(f"{when.text} {text}")) and low.is_near(fact.end, near))
            or (bool(_LASTING.search(text)) and fact.start <= low.ms <= fact.end)
        )

    def _candidates(self, words: Words, said: Sequence[Terms], when: When) -> list[Fact]:
        """Return the events that cover what is said, at its time, in the part named, and of what "it" is."""
        own = [one for one in said if "same" not in one]
        if when.stamp is None:
            own = [one for one in own if not one <= {"more", "less"}]
            if not any(map(self.world.is_name, own)):
                own += [one for one in when.subject if any(one & e.subject for e in self.world.events)]
        is_at = any(map(self.world.is_name, own)) and any(t.startswith("cell:") for one in own for t in one)
        events = [
            e
            for e in self.world.events
            if e.covers(own)
            and not (is_at and "type:swap" in e.terms)
            and plays(words, e)
            and self.at(e, when, words.text)
        ]
        if when.stamp is not None and not any(map(self.world.is_name, own)):
            is_its = any(self.at(e, when, words.text) and e.covers(when.subject) for e in self.world.events)
            events = [e for e in events if not is_its or e.covers(when.subject)]
        if words.has("same"):
            events = [
                e
                for e in events
                if "same" in e.terms
                or (when.latest and e.number != when.latest.number and self.is_like(e, when.latest))
            ]
        if when.stamp is None and not any(one & _LEAVING for one in own):
            events = [e for e in events if self.world.kind_of(e) != "return"]
        if when.stamp and when.stamp.high and not events:
            events = [e for e in self._course(own, when.stamp) if plays(words, e)]
        for part in words.picked("part:") or when.parts:
            events = [e for e in events if e.begins_in(part, self.world.duration)]
        if when.phase == "start-of-video" and when.stamp is None:
            events = [e for e in events if e.start == self.world.events[0].start]
        if when.phase == "end-of-video" and when.stamp is None:
            events = [e for e in events if e.end >= self.world.events[-1].end]
        return events

    def is_like(self, event: Fact, other: Fact) -> bool:
        """Return whether an event is as another but for who does it and when."""
        if "type:slide" in event.terms & other.terms:
            return event.terms & VALUES == other.terms & VALUES
        beside = ON | self.world.items
        return event.terms - event.subject - beside == other.terms - other.subject - beside

    def _course(self, said: Sequence[Terms], stamp: Stamp) -> list[Fact]:
        """Return the first of several events that are all as said and last from the one time to the other."""
        own = [e for e in self.world.events if e.covers(said)]
        begun = [e for e in own if stamp.low.is_near(e.start, self.near)]
        ended = [e for e in own if stamp.high and stamp.high.is_near(e.end, self.near)]
        following = [e for e in self.world.events if stamp.high and stamp.high.is_near(e.start, self.near)]
        return begun[:1] if begun and (ended or following) else []

    def _happening(self, words: Words, when: When) -> Found:
        """Return the event that a stretch tells."""
        plain = [one for one in words.plain if when.stamp is None or one != {"n:1"}] or words.plain
        plain += [frozenset({f"count:{one}"}) for one in words.picked("count:")]
        ordinals = words.picked("ordinal:") + words.picked("nth:")
        if not plain and not (ordinals and when.stamp):
            return None
        is_amount = any(one <= {"more", "less"} for one in plain) and all(
            one <= {"more", "less"} or one & NOUNS for one in plain
        )
        if (is_amount and when.stamp is None) or _READ_FROM.search(words.text):
            return None
        if words.is_sequence or (
            when.stamp is None
            and (self._is_about_content(words) or (not ordinals and self._is_bare(plain, when)))
        ):
            return None
        firm = [one for one in plain if "enter" in one or not one & {"back", "pass"}] or plain
        events = self._ranked(words, firm, self._candidates(words, firm, when))
        is_only = when.stamp is None and words.has("exactly") and not words.picked("part:") and not ordinals
        if words.has("quantifying") or is_only:
            events = [e for e in events if self.world.kind_of(e) in _WHOLE or self._is_always(e, plain)]
        if words.has("earliest"):
            events = [e for e in events if e.start == min(o.start for o in self._alike(e))]
        operations = [e.start for e in self.world.events if self.world.kind_of(e) not in IDLE]
        is_over = when.latest is None or when.latest.start >= max(operations, default=0.0)
        latest = when.latest.start if when.latest and not is_over else -1.0
        return sorted(events, key=lambda e: (e.start < latest, e.start)) or None

    def _is_bare(self, plain: Sequence[Terms], when: When) -> bool:
        """Return whether words are items, names or the one place of an object, which say nothing of an event."""
        cells = [one for one in plain if any(term.startswith("cell:") for term in one)]
        is_place = (
            len(cells) == 1 and bool(self._it(when)) and all(one in cells or one & {"move"} for one in plain)
        )
        return is_place or all(map(self.world.is_item, plain)) or all(map(self.world.is_name, plain))

    def _it(self, when: When) -> list[Terms]:
        """Return what "it" is where an object has a place of its own: that named last, or that asked about."""
        target = self.world.looks.get(str(self.world.question["parameters"].get("object")))
        return list(when.subject) or ([target] if target else [])

    def _alike(self, event: Fact) -> list[Fact]:
        kind = self.world.kind_of(event)
        return [e for e in self.world.events if self.world.kind_of(e) == kind and e.subject == event.subject]

    def _is_always(self, event: Fact, said: Sequence[Terms]) -> bool:
        """Return whether all events of its kind and object are as said."""
        numbers = {e.number for e in self._alike(event)}
        return numbers == {e.number for e in self._alike(event) if e.covers(said)}

    def _is_about_content(self, words: Words) -> bool:
        """Return whether a stretch tells what a container holds, and no event."""
        is_empty = words.has("blank") and not {"into", "out"} & set(words.text.split())
        holds = HOLDING.search(words.text)
        return any(token.says & self.world.containers for token in words.tokens) and (is_empty or bool(holds))

    def ranked(self, event: Fact) -> Fact:
        """Return an event with its place among those of its kind as a term."""
        pool = numbers_of(e for e in self.world.events if self.world.kind_of(e) == self.world.kind_of(event))
        at = pool.index(event.number) if event.number in pool else 0
        return replace(
            event, terms=event.terms | {f"ordinal:{at + 1}", f"nth:{at + 1}", f"ordinal:{at - len(pool)}"}
        )

    def _ranked(self, words: Words, said: Sequence[Terms], events: list[Fact]) -> list[Fact]:
        """Return the events with the ordinal named, among those of the phrase that it counts."""
        operations = numbers_of(e for e in self.world.events if self.world.kind_of(e) not in IDLE)
        for number in words.picked("nth:"):
            events = [e for e in events if is_nth(e, int(number) - 1, operations)]
        phrase = [one for one in _modified(words) if not self.world.is_name(one)]
        is_time = bool(_NTH_TIME.search(words.text)) and any(one & VALUES for one in said)
        is_bare = _is_predicate(words) and not phrase and not is_time
        generic = [one for one in said if not self.world.is_name(one)]
        is_of_them = bool(_OF_THEM.search(words.text))
        of_all = numbers_of(o for o in self.world.events if o.covers(generic))

        def has_rank(event: Fact, at: int) -> bool:
            if is_of_them and is_nth(event, at, numbers_of(o for o in self.world.events if is_as(o, event))):
                return True
            if is_time and not is_nth(event, at, of_all):
                return False
            pools = self._pools(event, said, generic, phrase, is_bare=is_bare)
            return any(is_nth(event, at, pool) for pool in pools)

        for ordinal in words.picked("ordinal:"):
            at = int(ordinal) - 1 if int(ordinal) > 0 else int(ordinal)
            events = [e for e in events if has_rank(e, at)]
        return events

    def _pools(
        self,
        event: Fact,
        said: Sequence[Terms],
        generic: Sequence[Terms],
        phrase: Sequence[Terms],
        *,
        is_bare: bool,
    ) -> Iterator[list[int]]:
        """Return the events among which one may be counted."""
        everything = self.world.events
        if is_bare:
            yield numbers_of(e for e in everything if self.world.kind_of(e) == self.world.kind_of(event))
            return
        if phrase:
            yield numbers_of(e for e in everything if e.covers(phrase))
            yield numbers_of(e for e in everything if e.covers(phrase) and self._is_asked(e))
            return
        yield numbers_of(
            e for e in everything if e.covers(generic) and self.world.kind_of(e) == self.world.kind_of(event)
        )
        yield numbers_of(e for e in everything if e.covers(generic) and self._is_asked(e))
        yield numbers_of(e for e in everything if self.world.kind_of(e) == self.world.kind_of(event))
        own = numbers_of(e for e in everything if e.covers(said))
        if len(own) > 1:
            yield own
        if event.size is not None and len({e.subject for e in everything}) > 1:
            yield numbers_of(
                e
                for e in everything
                if e.subject == event.subject and self.world.kind_of(e) == self.world.kind_of(event)
            )

    def _is_asked(self, event: Fact) -> bool:
        """Return whether an event is what the question counts."""
        facts = self.world.metadata["events"][event.number or 0]
        asked = {key: value for key, value in self.world.question["parameters"].items() if key in facts}
        return all(facts[key] == value for key, value in asked.items())


def numbers_of(facts: "Iterator[Fact] | Sequence[Fact]") -> list[int]:
    """Return the events' numbers, each once."""
    return list(dict.fromkeys(fact.number for fact in facts if fact.number is not None))


def is_nth(event: Fact, at: int, pool: Sequence[int]) -> bool:
    return -len(pool) <= at < len(pool) and pool[at] == event.number


def is_as(one: Fact, other: Fact) -> bool:
    """Return whether an event is as another but for its time."""
    return one.terms - ON == other.terms - ON


def _modified(words: Words) -> list[Terms]:
    """Return what an ordinal counts where a verb of being ends it: "the last hit | is on the upper wall"."""
    tokens = words.tokens
    begun = next((at for at, t in enumerate(tokens) if any(o.startswith("ordinal:") for o in t.says)), None)
    ended = next((at for at, t in enumerate(tokens) if t.text.lower() in _COPULA and at > (begun or 0)), None)
    return Words(tokens[begun:ended]).plain if begun is not None and ended is not None else []


def _is_predicate(words: Words) -> bool:
    """Return whether an ordinal and what it is said of are on two sides of a verb: "the hop comes first"."""
    tokens = words.tokens
    verb = next((at for at, t in enumerate(tokens) if t.text.lower() in _COPULA), None)
    at = next((at for at, t in enumerate(tokens) if any(o.startswith("ordinal:") for o in t.says)), None)
    if verb is None or at is None:
        return False
    return bool(Words(tokens[:verb] if at > verb else tokens[verb:]).plain) and not (
        at > verb and Words(tokens[at + 1 :]).plain
    )


def plays(words: Words, fact: Fact) -> bool:
    """Return whether who does it to whom, or from where to where, is told as it is."""
    if "type:trace" in fact.terms:
        after = [
            two.says & frozenset(SHAPES)
            for one, two in pairwise(words.tokens)
            if one.text.lower() in ("a", "an")
        ]
        return all(one & fact.other for one in after if one)
    own, other = fact.subject - fact.other, fact.other - fact.subject
    if not own or not other:
        return True
    tokens = words.tokens
    side = next((index for index, token in enumerate(tokens) if token.says & _SIDES), None)
    way = ""
    for token in tokens:
        text = token.text.lower()
        way = text if text in _WAY_TO or text == "from" else way
        if (token.says & own and way in _WAY_TO) or (token.says & other and way == "from"):
            return False
        way = "" if token.says & (own | other) else way
    if side is None or any(term.startswith("cell:") for term in own):
        return True
    tokens = [token for token in tokens if not token.text.endswith("'s")]
    side = next(index for index, token in enumerate(tokens) if token.says & _SIDES)
    behind = [bool(token.says & other) for token in tokens[side + 1 :] if token.says & (own | other)]
    ahead = [bool(token.says & own) for token in tokens[:side] if token.says & (own | other)]
    return (not behind or behind[0]) and (not ahead or ahead[-1])
