"""How many events are like that: in all, so far, or still to come."""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from retroflip.cot.reading import Terms, Words
from retroflip.cot.truth.answers import NOUNS
from retroflip.cot.truth.events import HOLDING, IDLE, Events, numbers_of
from retroflip.cot.truth.when import Found, When
from retroflip.cot.world import ON, VALUES, Fact

_NUMBERED = frozenset({"the", "tile", "card", "chip", "number"})
_SHARE = re.compile(r"\bof (?:the|its|all|these|those)\b")
_SHARING = frozenset(
    [
        "is",
        "are",
        "was",
        "were",
        "go",
        "goes",
        "move",
        "moves",
        "involve",
        "affect",
        "touch",
        "concern",
        "end",
        "start",
        "begin",
    ]
)
_OF_THEM = re.compile(r"\bof (?:them|these|those|which)\b")
_THINGS = re.compile(r"\b(?:objects?|things?|items?|shapes?|figures?|ones|them)\b")
_RUNNING = re.compile(r"\b(?:so far|running|brings|bringing|by now|until now)\b")


class Counts(Events):
    """Counts events."""

    def _counted(self, words: Words, when: When) -> Found:
        """Prove that so many events are like that, in all, up to the one told last, or after it."""
        words = _merged(words)
        named = [b.says for a, b in pairwise(words.tokens) if b.says & self.world.items and b.text.isdigit()
                 and a.text.lower() in _NUMBERED]  # fmt: skip
        numbers = [
            one for one in words.said if any(t.startswith(("n:", "count:")) for t in one) and one not in named
        ]
        if len(numbers) == 2 and _SHARE.search(words.text):
            return self._shared(words, numbers, when)
        if len(numbers) != 1:
            return None
        said = [one for one in words.plain if one not in numbers and not one <= {"sum", "change"}]
        is_open = not said
        is_thing = words.has("chip") or words.has("file")
        if is_thing and not is_open and all(one & self.world.containers for one in said):
            return None
        if _OF_THEM.search(words.text):
            said += [
                one
                for one in when.topic
                if one not in said and not one & VALUES and not self.world.is_item(one)
            ]
        is_held = when.container or any(token.says & self.world.containers for token in words.tokens)
        if is_held and ((is_open and is_thing) or _is_holding(words)):
            return None
        at = next(index for index, token in enumerate(words.tokens) if token.says == numbers[0])
        is_item = bool(numbers[0] & self.world.items) and words.tokens[at].text.isdigit()
        if at and words.tokens[at - 1].text.lower() in _NUMBERED and not is_open and is_item:
            return None
        if when.is_beside and not is_open:
            return None
        topic = [one for one in when.topic if not any(t.startswith(("n:", "count:")) for t in one)]
        said = said or topic
        free = replace(when, stamp=None, phase=None if when.stamp else when.phase)
        events = self._candidates(words.without("sum"), said, free) if said else []
        counts = (
            self._amounts(events, words, when)
            if events
            else {len(self._turns(said, when))}
            if said
            else set()
        )
        if is_open and not any(one & VALUES for one in when.topic):
            counts |= self._amounts([e for e in events if self._is_asked(e)], words, when)
        if events and _THINGS.search(words.text):
            counts |= {len({e.subject for e in events if e.subject})}
        if all(one & {"move"} for one in said):
            counts |= self.given
        if is_open and not topic:
            counts |= self._structure(when)
        if words.has("quantifying") and events:
            shares = {len([e for e in events if e.subject == other.subject]) for other in events}
            counts = shares if len(shares) == 1 else set()
            counts |= {len({e.subject for e in events if e.subject})} if _THINGS.search(words.text) else set()
        if next(iter(numbers[0])).partition(":")[2] not in {f"{one}" for one in counts}:
            return None
        if when.stamp is not None and not is_open and not any(self.at(e, when, words.text) for e in events):
            return None
        return [e for e in events if when.stamp and self.at(e, when, words.text)][:1]

    def _shared(self, words: Words, numbers: Sequence[Terms], when: When) -> Found:
        """Prove "two of the five hops are to the right"."""
        at = next(at for at, token in enumerate(words.tokens) if token.says == numbers[1])
        verbs = (at for at, t in enumerate(words.tokens) if at > 0 and t.text.lower() in _SHARING)
        to = next(verbs, len(words.tokens))
        kind = [one for one in Words(words.tokens[at:to]).plain if one not in numbers]
        said = [one for one in words.plain if one not in numbers]
        free = replace(when, stamp=None)
        pools = [set(numbers_of(self._candidates(words, one, free))) for one in (said, kind) if one]
        told = [next(iter(one)).partition(":")[2] for one in numbers]
        return [] if [f"{len(pool)}" for pool in pools] == told else None

    def _amounts(self, events: Sequence[Fact], words: Words, when: When) -> set[int]:
        total = len(set(numbers_of(events)))
        so_far = len(
            set(numbers_of(e for e in events if when.latest is None or e.start <= when.latest.start))
        )
        if {"more", "further", "remaining"} & set(words.text.split()):
            return {total - so_far}
        return {so_far} if _RUNNING.search(words.text) else {total, so_far}

    def _turns(self, said: Sequence[Terms], when: When) -> list[Fact]:
        """Return the states in which an object has just come to another cell."""
        names = [one for one in said if self.world.is_name(one)] or list(when.subject)
        if not names or not any("move" in one for one in said):
            return []
        own = [fact for fact in self.world.states if fact.covers(names)]
        return [b for a, b in pairwise(own) if a.terms != b.terms]

    def _structure(self, when: When) -> set[int]:
        """Return the numbers that a video has of itself: of its objects, its operations, what is asked about."""
        kinds = [self.world.kind_of(e) for e in self.world.events]
        events = {
            len(set(numbers_of(e for e in self.world.events if self.world.kind_of(e) == kind)))
            for kind in kinds
        }
        asked = [e for e in self.world.events if self._is_asked(e) and self.world.kind_of(e) not in IDLE]
        latest = self._amounts(self._like(when.latest), Words(()), when) if when.latest else set()
        latest |= self._amounts(asked, Words(()), when)
        answer = (
            {int(self.world.question["numeric"])} if self.world.question["numeric"] is not None else set()
        )
        events |= {len({e.terms & VALUES for e in self.world.events if e.subject})}
        return {*self.given, *events, *latest, *answer}

    @property
    def given(self) -> set[int]:
        """The numbers of what is there or asked about from the first."""
        targets = [one for one in self.world.metadata["objects"] if one.get("role") != "distractor"]
        lists = [value for value in self.world.question["parameters"].values() if isinstance(value, list)]
        return {len(targets), len(self.world.containers), *map(len, lists)}

    def _like(self, event: Fact) -> list[Fact]:
        """Return the events that are the same as one but for their time."""
        return [e for e in self.world.events if e.terms - ON == event.terms - ON]


def _merged(words: Words) -> Words:
    """Return words in which a choice of two values is one word that says either: "up or down"."""
    tokens = list(words.tokens)
    for at in range(len(tokens) - 2, 0, -1):
        one, two = tokens[at - 1], tokens[at + 1]
        if tokens[at].text.lower() == "or" and one.says & VALUES and two.says & VALUES:
            tokens[at - 1 : at + 2] = [replace(one, says=one.says | two.says)]
    return Words(tokens)


def _is_holding(words: Words) -> bool:
    """Return whether cards, chips, files or tiles are said to be held."""
    return bool(HOLDING.search(words.text)) and any(map(words.has, NOUNS))
