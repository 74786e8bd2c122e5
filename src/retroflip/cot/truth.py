"""Whether the table of facts bears out one statement: a stretch of a text, or a claim.

A statement is borne out by one source: an event, what a container holds, a state, a count, a rank, a comparison, a sum
or the answer. What nothing bears out is not proven, be it false or not understood.
"""

import operator
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise

from retroflip.cot.reading import PHASES, SUPERLATIVES, Terms, Words
from retroflip.cot.stamps import Moment, Stamp
from retroflip.cot.world import VALUES, Fact, Held, World

Found = list[Fact] | None
ENDING = re.compile(
    r"\b(?:until|till|ends?|ended|finish\w*|stops?|stopped|arriv\w*|complet\w*|by|done|over|before|up to"
    r"|changes? back|reverts?)\b"
)
_LASTING = re.compile(r"\b(?:still|continu\w*|midway|halfway|meanwhile|during|partway)\b")
_EARLIER = re.compile(r"\b(?:before|earlier|previously|prior|undo\w*|without)\b")
_LATER = re.compile(r"\b(?:now|so|leav\w*|giv\w*|means|after|then)\b")
_NUMBERED = frozenset({"the", "tile", "card", "chip", "number"})
HOLDING = re.compile(
    r"\b(?:hold|holds|held|holding|contain\w*|reads?"
    r"|(?:has|have|had)(?! (?:\w+ed|been|brought|taken|put|gone|come|left)\b))\b"
)
_OTHERWISE = re.compile(r"\b(?:the other way|another way|otherwise|(?:the other|another) direction)\b")
_RUNNING = re.compile(r"\b(?:so far|running|brings|bringing|by now|until now)\b")
_COPULA = frozenset(
    {"is", "was", "are", "were", "comes", "came", "happens", "occurs", "takes", "belongs", "starts"}
)
_ORDER = {"before": -1, "earlier": -1, "after": 1, "later": 1}
_SIDES = frozenset({"left", "right", "above", "below"})
_WAY_TO = frozenset({"to", "into", "onto"})
_FURNITURE = frozenset(
    {"pile", "card", "cup", "chip", "tile", "folder", "file", "row", "column", "open", "covered", "blank", "gap",
     "leave", "put", "move", "answer", "still", "type:reveal", "type:put"}
)  # fmt: skip
"""what may stand beside a list without saying more"""
_NOUNS = frozenset({"chip", "card", "file", "tile"})
_IDLE = frozenset({"blank", "reveal", "unknown"})
"""types of events that are no operation"""
_LEAVING = frozenset({"leave", "enter", "cross", "pass", "edge", "opposite", "wall"})
_PUTTING = frozenset({"put", "take", "leave"})
_WHOLE = frozenset({"rm_all", "mv_all", "exchange", "pour", "blank", "reveal"})
"""types of events that are done to all that something holds"""
_IDLE_TERMS = PHASES | {"quantifying", "further", "exactly"}
_COMPARING = frozenset({"faster", "slower", "more", "less", "grow", "shrink"})
_JOINTS = frozenset({"before", "after", "when", "once"})
_GIVING = frozenset(
    {"gives", "leaves", "puts", "yields", "gets", "makes", "restores", "means", ":", "brings", "give"}
)
_UNDOING = frozenset({"put", "take", "back", "swap", "exchange", "change", "pour", "pile", "card", "leave"})
_SIGNS = frozenset({"plus", "minus", "times", "divide"})


@dataclass(frozen=True)
class When:
    """When something is said to be so, and what is known from before it.

    phase: the start or the end of the video. latest: the event told last. subject: what "it" is. topic: what else the
    sentence speaks of. text: words around it, which tell whether a time is that of an end. numbers, result: those of
    sums. parts: the halves or thirds of the video that the sentence names. is_timeless: its sentence tells no time.
    is_beside: it stands beside a time, but needs none. claimed: contents that claims give.
    """

    stamp: Stamp | None = None
    phase: str | None = None
    latest: Fact | None = None
    subject: tuple[Terms, ...] = ()
    container: str | None = None
    topic: tuple[Terms, ...] = ()
    text: str = ""
    numbers: Terms | None = None
    result: str = ""
    parts: tuple[str, ...] = ()
    is_timeless: bool = False
    is_beside: bool = False
    claimed: tuple[Held, ...] = field(default=())


class Truth:
    """Looks statements up in the facts of a video."""

    def __init__(self, world: World, tolerance_ms: float) -> None:
        self.world, self.near = world, tolerance_ms
        question = world.question
        self.asked = world.reader.says(question["text"])
        self._doings: Terms = frozenset({"spin", "move", "trace", "change"})
        self._answer = self._contents(str(question["answer"]))
        self._wrong = [self._contents(str(one)) for one in question["options"] if one != question["answer"]]

    def _contents(self, text: str) -> list[Terms]:
        return Words(self.world.reader.tokens(text, with_times=False)).said

    def proof(self, words: Words, when: When) -> Found:
        """Return the events that bear a statement out (none where it needs none), None where nothing does."""
        if words.has("answer") and self._is_literal and self.is_answer(words):
            return []
        if words.has("denying"):
            return self._denied(words.without("denying"), when, is_over=words.has("further"))
        words = words.without("concern", *(["still"] if words.has("covered") else []))
        if all(one <= _IDLE_TERMS or any(t.startswith("part:") for t in one) for one in words.said):
            return []
        if words.has("answer"):
            is_bare = all("answer" in one for one in words.said)
            return [] if is_bare or self.is_answer(words) else None
        ways = self._decisive(words, when) or (
            self._undone, self._happening, self._held, self._filled, self._state, self._counted,
        )  # fmt: skip
        for way in ways:
            found = way(words, when)
            if found is not None or way in (self._ordered, self._compared):
                return found
        is_free = when.stamp is None and not when.is_beside
        return [] if is_free and self.is_answer(words) else None

    def _decisive(self, words: Words, when: When) -> Sequence[Callable[[Words, When], Found]]:
        """Return the one way that decides, where words call for it: a sum, a comparison, a rank, an order."""
        is_than = any(token.text.lower() == "than" for token in words.tokens)
        sizes = [f"{e.size:g}" for e in self.world.events if e.size is not None]
        if words.picked("equation:"):
            return (self._equation,)
        if len(sizes) > 1 and words.picked("n:") == sizes and len(words.said) == len(sizes):
            return (lambda *_: [],)
        if is_than and any(token.says & _COMPARING for token in words.tokens):
            return (self._compared,)
        if any(one & SUPERLATIVES for one in words.said):
            return (self._extreme,)
        if words.has("still"):
            return (self._still,)
        cells = [one for one in words.plain if any(term.startswith("cell:") for term in one)]
        is_list = any(one & self.world.containers for one in words.said) and any(
            map(self.world.is_item, words.plain)
        )
        is_list = is_list or len(cells) > 1
        if when.stamp is None and self._sides(words) and not self._is_about_content(words) and not is_list:
            return (self._ordered,)
        return ()

    # The question and its answer

    @property
    def _is_literal(self) -> bool:
        """Whether the answer is a word that says nothing of the video: after, yes."""
        return not self._answer or str(self.world.question["answer"]).lower() in ("yes", "no")

    def is_answer(self, words: Words) -> bool:
        """Return whether a stretch gives the answer, in its order, and besides it only words of the question."""
        if self._is_literal:
            options = {str(one).lower() for one in self.world.question["options"]}
            told = {token.text.lower() for token in words.tokens} & options
            is_more = any(not one & self.asked for one in words.plain) or len(
                [token for token in words.tokens if token.text.lower() in _ORDER]
            ) > len(told & set(_ORDER))
            return told == {str(self.world.question["answer"]).lower()} and not is_more
        return self._gives(words, self._answer)

    def is_otherwise(self, words: Words) -> bool:
        """Return whether words name an option that says nothing of the video (yes, after) and is not the answer."""
        options = {str(one).lower() for one in self.world.question["options"]}
        told = {token.text.lower() for token in words.tokens} & options
        return self._is_literal and bool(told) and told != {str(self.world.question["answer"]).lower()}

    def names_wrong(self, words: Words) -> bool:
        """Return whether a stretch gives an option that is not the answer."""
        return any(one and one != self._answer and self._gives(words, one) for one in self._wrong)

    def _gives(self, words: Words, option: list[Terms]) -> bool:
        known = frozenset().union(*option)
        contrary = frozenset().union(*(one for wrong in self._wrong for one in wrong)) - known
        beside = (self.asked - contrary) | {"answer", "quantifying", "further", "change", "move"} | _NOUNS
        option = [one for one in option if not one <= self._doings] or option
        given = [_number(one) for one in words.said if _number(one) & frozenset().union(*option)]
        given = [one for one in given if "answer" not in one]
        others = [one for one in words.said if not _number(one) & known and not one & beside]
        return not others and len(given) == len(option) and all(map(operator.and_, given, option))

    # Events

    def at(self, fact: Fact, when: When, text: str) -> bool:
        """Return whether a fact may be told with a time: that of its start, or of its end where words say so."""
        stamp = when.stamp
        if stamp is None:
            return True
        low, near = stamp.low, self.near
        if stamp.high is not None:
            return low.is_near(fact.start, near) and stamp.high.is_near(fact.end, near)
        return (
            low.is_near(fact.start, near)
            or (bool(ENDING.search(f"{when.text} {text}")) and low.is_near(fact.end, near))
            or (bool(_LASTING.search(text)) and fact.start <= low.ms <= fact.end)
        )

    def _candidates(self, words: Words, said: Sequence[Terms], when: When) -> list[Fact]:
        """Return the events that cover what is said, at its time, in the part named, and of what "it" is."""
        own = list(said)
        if when.stamp is None:
            own = [one for one in own if not one <= {"more", "less"}]
            if not any(map(self.world.is_name, own)):
                own += [one for one in when.subject if any(one & e.subject for e in self.world.events)]
        events = [
            e
            for e in self.world.events
            if e.covers(own) and _plays(words, e) and self.at(e, when, words.text)
        ]
        if when.stamp is None and not any(one & _LEAVING for one in own):
            events = [e for e in events if self.world.kind_of(e) != "return"]
        if when.stamp and when.stamp.high and not events:
            events = self._course(own, when.stamp)
        for part in words.picked("part:") or when.parts:
            events = [e for e in events if e.begins_in(part, self.world.duration)]
        if when.phase == "start-of-video" and when.stamp is None:
            events = [e for e in events if e.start == self.world.events[0].start]
        if when.phase == "end-of-video" and when.stamp is None:
            events = [e for e in events if e.end >= self.world.events[-1].end]
        return events

    def _course(self, said: Sequence[Terms], stamp: Stamp) -> list[Fact]:
        """Return the first of several events that are all as said and last from the one time to the other."""
        own = [e for e in self.world.events if e.covers(said)]
        begun = [e for e in own if stamp.low.is_near(e.start, self.near)]
        ended = [e for e in own if stamp.high and stamp.high.is_near(e.end, self.near)]
        following = [e for e in self.world.events if stamp.high and stamp.high.is_near(e.start, self.near)]
        return begun[:1] if begun and (ended or following) else []

    def _happening(self, words: Words, when: When) -> Found:
        """Return the event that a stretch tells."""
        plain = words.plain + [frozenset({f"count:{one}"}) for one in words.picked("count:")]
        ordinals = words.picked("ordinal:") + words.picked("nth:")
        if not plain and not (ordinals and when.stamp):
            return None
        if words.is_sequence or (
            when.stamp is None and (self._is_about_content(words) or self._is_bare(plain, when))
        ):
            return None
        firm = [one for one in plain if "enter" in one or not one & {"back", "pass"}] or plain
        events = self._ranked(words, firm, self._candidates(words, firm, when))
        is_only = when.stamp is None and words.has("exactly") and not words.picked("part:") and not ordinals
        if words.has("quantifying") or is_only:
            events = [e for e in events if self.world.kind_of(e) in _WHOLE or self._is_always(e, plain)]
        if words.has("earliest"):
            events = [e for e in events if e.start == min(o.start for o in self._alike(e))]
        operations = [e.start for e in self.world.events if self.world.kind_of(e) not in _IDLE]
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

    def _ranked(self, words: Words, said: Sequence[Terms], events: list[Fact]) -> list[Fact]:
        """Return the events with the ordinal named, among those of the phrase that it counts."""
        operations = _numbers(e for e in self.world.events if self.world.kind_of(e) not in _IDLE)
        for number in words.picked("nth:"):
            events = (
                [e for e in events if operations.index(e.number or 0) == int(number) - 1]
                if operations
                else []
            )
        phrase = [one for one in _modified(words) if not self.world.is_name(one)]
        generic = [one for one in said if not self.world.is_name(one)]
        for ordinal in words.picked("ordinal:"):
            at = int(ordinal) - 1 if int(ordinal) > 0 else int(ordinal)
            events = [
                e
                for e in events
                if any(_is_nth(e, at, pool) for pool in self._pools(e, said, generic, phrase))
            ]
        return events

    def _pools(
        self, event: Fact, said: Sequence[Terms], generic: Sequence[Terms], phrase: Sequence[Terms]
    ) -> Iterator[list[int]]:
        """Return the events among which one may be counted."""
        everything = self.world.events
        if phrase:
            yield _numbers(e for e in everything if e.covers(phrase))
            yield _numbers(e for e in everything if e.covers(phrase) and self._is_asked(e))
            return
        yield _numbers(
            e for e in everything if e.covers(generic) and self.world.kind_of(e) == self.world.kind_of(event)
        )
        yield _numbers(e for e in everything if e.covers(generic) and self._is_asked(e))
        yield _numbers(e for e in everything if self.world.kind_of(e) == self.world.kind_of(event))
        own = _numbers(e for e in everything if e.covers(said))
        if len(own) > 1:
            yield own
            yield _numbers(e for e in everything if e.terms == event.terms)

    # Numbers of events

    def _counted(self, words: Words, when: When) -> Found:
        """Prove that so many events are like that, in all, up to the one told last, or after it."""
        numbers = [one for one in words.said if any(term.startswith(("n:", "count:")) for term in one)]
        if len(numbers) != 1:
            return None
        said = [one for one in words.plain if one not in numbers and not one <= {"sum", "change"}]
        is_open = not said
        at = next(index for index, token in enumerate(words.tokens) if token.says == numbers[0])
        if at and words.tokens[at - 1].text.lower() in _NUMBERED and not is_open:
            return None
        if when.is_beside and not is_open:
            return None
        topic = [one for one in when.topic if not any(t.startswith(("n:", "count:")) for t in one)]
        said = said or topic
        told = next(iter(numbers[0])).partition(":")[2]
        free = replace(when, stamp=None)
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
        if all(one & {"move"} for one in said):
            counts |= self.given
        if is_open and not topic:
            counts |= self._structure(when)
        if words.has("quantifying") and events:
            shares = {len([e for e in events if e.subject == other.subject]) for other in events}
            counts = shares if len(shares) == 1 else set()
        if told not in {f"{one}" for one in counts}:
            return None
        if when.stamp is not None and not is_open and not any(self.at(e, when, words.text) for e in events):
            return None
        return [e for e in events if when.stamp and self.at(e, when, words.text)][:1]

    def _amounts(self, events: Sequence[Fact], words: Words, when: When) -> set[int]:
        total = len(set(_numbers(events)))
        so_far = len(set(_numbers(e for e in events if when.latest is None or e.start <= when.latest.start)))
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
            len(set(_numbers(e for e in self.world.events if self.world.kind_of(e) == kind)))
            for kind in kinds
        }
        asked = [e for e in self.world.events if self._is_asked(e) and self.world.kind_of(e) not in _IDLE]
        latest = self._amounts(self._like(when.latest), Words(()), when) if when.latest else set()
        latest |= self._amounts(asked, Words(()), when)
        answer = (
            {int(self.world.question["numeric"])} if self.world.question["numeric"] is not None else set()
        )
        return {*self.given, *events, *latest, *answer}

    @property
    def given(self) -> set[int]:
        """The numbers of what is there or asked about from the first."""
        targets = [one for one in self.world.metadata["objects"] if one.get("role") != "distractor"]
        lists = [value for value in self.world.question["parameters"].values() if isinstance(value, list)]
        return {len(targets), len(self.world.containers), *map(len, lists)}

    def _like(self, event: Fact) -> list[Fact]:
        """Return the events that are the same as one but for their time."""
        return [e for e in self.world.events if e.terms == event.terms]

    # Ranks and comparisons

    def in_order(self, series: Sequence[Words]) -> Found:
        """Prove that things happen, or stand from the left to the right, in the order of a list."""
        names = [one.plain for one in series]
        places = [
            next((at for at, o in enumerate(self.world.order_from_left) if all(n & o for n in one)), -1)
            for one in names
        ]
        if len(places) > 1 and places == sorted(set(places)) == list(range(len(self.world.order_from_left))):
            return []
        latest, found = -1.0, []
        for one in names if not self.asked & SUPERLATIVES else [[]]:
            event = next((e for e in self.world.events if one and e.covers(one) and e.start > latest), None)
            if event is None:
                return None
            latest = event.start
            found.append(event)
        return found

    def _sized(self, words: Words, when: When) -> list[Fact]:
        """Return the events that have a size and are compared: those in the half that is told or asked about."""
        part = self.world.question["parameters"].get("part")
        parts = words.picked("part:") or list(when.parts) or ([f"{part[0] + 1}/{part[1]}"] if part else [])
        sized = [e for e in self.world.events if e.size is not None]
        together = [e for e in sized if when.stamp is not None and self.at(e, when, words.text)]
        if len({e.subject for e in together}) > 1 and not parts:
            return together
        return [e for e in sized if all(e.begins_in(one, self.world.duration) for one in parts)]

    def _extreme(self, words: Words, when: When) -> Found:
        """Prove which event is the fastest or farthest, or an order from one to the other."""
        wanted = [next(iter(one & SUPERLATIVES)) for one in words.said if one & SUPERLATIVES]
        sized = self._sized(words, when)
        rest = [one for one in words.plain if not one & {"more", "less"}]
        is_most = self._is_most(wanted[0], sized)
        if len(wanted) > 1:
            names = [one for one in rest if self.world.is_name(one)]
            if not names:
                return None
            return (
                []
                if self._is_falling(
                    names, sized if is_most else [replace(e, size=-(e.size or 0)) for e in sized]
                )
                else None
            )
        sizes = [e.size or 0.0 for e in sized]
        best = [e for e in sized if e.size == (max if is_most else min)(sizes)]
        names = rest if any(map(self.world.is_name, rest)) else [*rest, *when.subject]
        ordinals = words.picked("ordinal:")
        fits = [e for e in best if self._placed(e).covers([o for o in names if not o & _COMPARED])]
        fits = [e for e in fits if when.stamp is None or self.at(e, when, words.text)]
        for ordinal in ordinals:
            at = int(ordinal) - 1 if int(ordinal) > 0 else int(ordinal)
            fits = [e for e in fits if _is_nth(e, at, _numbers(sized))]
        return fits[:1] or None

    def _is_most(self, wanted: str, sized: Sequence[Fact]) -> bool:
        """Return whether the largest size is meant; what takes longest is the slowest."""
        is_time = bool(sized) and self.world.kind_of(sized[0]) == "cross"
        return wanted in ("fastest", "closest" if is_time else "farthest")

    def _placed(self, event: Fact) -> Fact:
        """Return an event with the place that its object has in the row."""
        places = [one.terms for one in self.world.standing if event.subject and one.covers([event.subject])]
        own = next((terms for terms in places if event.subject <= terms), frozenset())
        return replace(event, terms=event.terms | own)

    def _is_falling(self, names: Sequence[Terms], sized: Sequence[Fact]) -> bool:
        """Return whether the sizes of objects fall, in the order in which they are named."""
        named = self._objects(names)
        sizes = [max((e.size or 0.0 for e in sized if e.covers(one)), default=-1.0) for one in named]
        is_each_once = all(named.count(one) == 1 for one in named)
        return len(sizes) != 1 and is_each_once and all(a >= b >= 0.0 for a, b in pairwise(sizes))

    def _objects(self, names: Sequence[Terms]) -> list[list[Terms]]:
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
        at = next(index for index, token in enumerate(words.tokens) if token.text.lower() == "than")
        wanted = {term for token in words.tokens for term in token.says} & _COMPARING
        left, right = Words(words.tokens[:at]), Words(words.tokens[at:])
        is_more = operator.gt if wanted & {"faster", "more", "grow"} else operator.lt
        figures = [[float(one) for one in side.picked("n:")] for side in (left, right)]
        sized = self._sized(words, when)
        names = [[one for one in side.plain if self.world.is_name(one)] for side in (left, right)]
        ones = [e for e in sized if e.covers(names[0] or list(when.subject))]
        others = [e for e in sized if names[1] and e.covers(names[1])]
        if ones and others:
            is_time = self.world.kind_of(ones[0]) == "cross" and not wanted & {"faster", "slower"}
            is_so = is_more(*(max(e.size or 0.0 for e in side) for side in (ones, others)))
            told = [e for e in ones if when.stamp is not None and self.at(e, when, words.text)]
            return told if is_so != is_time else None
        if all(figures):
            return [] if is_more(figures[0][-1], figures[1][0]) else None
        found = [e for e in self.world.events if e.terms & wanted and self.at(e, when, words.text)]
        opposite = {"faster", "more"} if wanted & {"slower", "less"} else {"slower", "less"}
        is_split = words.has("quantifying") and any(e.terms & opposite for e in self.world.events)
        return found if found and not names[1] and not is_split else None

    def _ordered(self, words: Words, when: When) -> Found:
        """Prove "X before Y" and "after Y, X" of two events that have no times of their own."""
        sides = self._sides(words)
        if sides is None:
            return None
        one, other, sense = sides
        doing = [said for said in one.plain if not self.world.is_name(said)]
        firsts = self._ranked(one, one.plain, self._candidates(one, one.plain, when))
        named = doing if all(map(self.world.is_name, other.plain)) else []
        seconds = self._candidates(other, other.plain + named, replace(when, subject=()))
        return [] if any((a.start - b.start) * sense > 0 for a in firsts for b in seconds) else None

    def _sides(self, words: Words) -> tuple[Words, Words, int] | None:
        """Return what is before or after what, and -1 for before."""
        found = [
            (at, _ORDER[t.text.lower()]) for at, t in enumerate(words.tokens) if t.text.lower() in _ORDER
        ]
        if len(found) != 1:
            return None
        (at, sense), tokens = found[0], words.tokens
        left, right = tokens[:at], tokens[at + 1 :]
        if not Words(left).said:
            comma = next((index for index, token in enumerate(right) if token.text == ","), None)
            left, right = (right[comma:], right[:comma]) if comma is not None else ([], [])
        one, other = Words(left), Words(right)
        return (one, other, sense) if one.plain and other.plain else None

    # Denials

    def _denied(self, words: Words, when: When, *, is_over: bool = False) -> Found:
        """Prove that something is not so: what is said of it without the denial is not borne out.

        is_over: it does not happen any more.
        """
        if words.has("concern") or any(token.text == "either" for token in words.tokens):
            return [] if self._is_spared(words, when) else None
        if is_over:
            own = [*words.plain, *(when.topic if not words.plain else ())]
            events = self._candidates(words, own, replace(when, stamp=None))
            later = [e for e in events if when.latest is None or e.start > when.latest.start]
            return None if any(self._is_asked(e) for e in later) else []
        words = words.without("quantifying")
        if not words.said:
            return []
        if _OTHERWISE.search(words.text):
            ways = {e.terms & VALUES for e in self.world.events if e.covers(words.plain)}
            return [] if len(ways) == 1 else None
        values = [one for one in words.plain if one & VALUES and not self.world.is_name(one)]
        if len(values) > 1 and {"or", "nor"} & set(words.text.split()):
            singles = [
                words.without(*frozenset().union(*(v for v in values if v is not one))) for one in values
            ]
            return [] if all(self._denied(one, when) is not None for one in singles) else None
        if words.has("answer") or self.is_answer(words):
            return (
                []
                if self.names_wrong(words) or (not words.has("answer") and not self.is_answer(words))
                else None
            )
        if any(one & {"move", "still"} for one in words.plain) and all(
            map(self.world.is_name, words.plain[:-1])
        ):
            moves = self._moves(words.plain[:-1] or list(when.subject))
            return [] if moves == words.has("still") else None
        return [] if self.proof(words, when) is None else None

    def _is_asked(self, event: Fact) -> bool:
        """Return whether an event is what the question counts."""
        facts = self.world.metadata["events"][event.number or 0]
        asked = {key: value for key, value in self.world.question["parameters"].items() if key in facts}
        return all(facts[key] == value for key, value in asked.items())

    def _is_spared(self, words: Words, when: When) -> bool:
        """Return whether the event told last leaves what is named, or what is asked about, as it was."""
        commands = [one for one in words.plain if any(term.startswith("command:") for term in one)]
        if commands:
            when = replace(when, latest=next((e for e in self.world.events if e.covers(commands)), None))
        if when.latest is None:
            return not commands
        named = [
            one
            for one in words.plain
            if one not in commands and (self.world.is_name(one) or one & self.world.containers)
        ]
        parameters = self.world.question["parameters"]
        own = {
            parameters.get("object"),
            parameters.get("file"),
            parameters.get("folder"),
            parameters.get("place"),
        }
        looks = [self.world.looks[one] for one in own if one in self.world.looks]
        looks += [frozenset({f"name:{one}"}) for one in own if one and one not in self.world.looks]
        targets = named or list(when.subject) or looks
        return not any(one & when.latest.terms for one in targets) or not self._is_moved(targets, when.latest)

    def _is_moved(self, names: Sequence[Terms], event: Fact) -> bool:
        before = [s.terms for s in self.world.states if s.covers(names) and s.end == event.start]
        after = [s.terms for s in self.world.states if s.covers(names) and s.start == event.start]
        if not before and not after:
            return self.world.kind_of(event) != "return"
        return before != after

    def _moves(self, named: Sequence[Terms]) -> bool:
        """Return whether an object does anything, or is not where it was."""
        states = self.world.metadata["states"]
        for name, looks in self.world.looks.items():
            if named and all(one & looks for one in named):
                places = [
                    state[key].get(name) for state in states for key in ("cells", "positions") if key in state
                ]
                return any(e.covers(named) and e.subject for e in self.world.events) or any(
                    one != places[0] for one in places
                )
        return True

    # What holds at a time

    def _is_then(self, start: float, end: float, words: Words, when: When) -> bool:
        """Return whether what holds from `start` to `end` may be told here."""
        phase = next(
            (one for one in ("either-end", "start-of-video", "end-of-video") if words.has(one)), when.phase
        )
        is_end = end >= self.world.duration - 1.0
        if phase:
            return {"either-end": start == 0.0 or is_end, "start-of-video": start == 0.0}.get(phase, is_end)
        stamp, latest = when.stamp, when.latest
        text = f"{when.text} {words.text}"
        if stamp is not None and not (latest and self.at(latest, when, text)):
            return start - self.near <= stamp.low.ms <= end + self.near
        asked = self.world.question["parameters"].get("when")
        if latest is None or (
            when.is_timeless and {"start": start == 0.0, "end": is_end}.get(str(asked), False)
        ):
            return True
        if _EARLIER.search(text):
            return start < latest.start <= end + self.near
        return (
            start - self.near
            <= latest.start
            <= end + (self.near if stamp and not _LATER.search(text) else -1.0)
        )

    def _held(self, words: Words, when: When) -> Found:
        """Prove what containers hold: several items are all that there are; a single one is among them."""
        groups = self._groups(words, when)
        if groups is None:
            return None
        for container, items in groups:
            held = [one for one in self.world.held if container in (None, one.container)]
            then = [
                one for one in held if one in when.claimed or self._is_then(one.start, one.end, words, when)
            ]
            if not any(
                one.has(items, is_all=words.has("quantifying") or words.has("exactly") or len(groups) > 1)
                for one in then
            ):
                return None
        return self._shown(words, when)

    def _shown(self, words: Words, when: When) -> list[Fact]:
        """Return the event that shows what is held or where, where a stretch tells its time."""
        if when.stamp is None:
            return []
        return [
            e for e in self.world.events if self.world.kind_of(e) == "reveal" and self.at(e, when, words.text)
        ]

    def _groups(self, words: Words, when: When) -> list[tuple[str | None, list[str]]] | None:
        """Return which items a stretch gives to which container; None where it says something else."""
        containers = self.world.containers
        is_event = (when.stamp is not None or when.is_beside) and not any(t.cut > 1 for t in words.tokens[:1])
        beside = {"put", "move"} if is_event else set()
        parts: list[tuple[str | None, str | None]] = []
        for token in words.tokens:
            container = next(iter(token.says & containers), None)
            item = next((term for term in token.says if term in self.world.items or token.text == "?"), None)
            item = "" if item is None and "blank" in token.says and not token.is_loose else item
            if container or item is not None:
                parts.append((container, None if container else item))
            elif token.says and not token.is_loose and not token.says & (_BESIDE_LISTS - beside):
                return None
        items = [item for _, item in parts if item is not None]
        named = {container for container, _ in parts if container}
        if (
            not items
            or ("" in items and {"into", "out", "from"} & set(words.text.split()))
            or (len(items) < 2 and len(named) < 1 and not words.has("quantifying"))
        ):
            return None
        if not named and len(items) < 2 and not when.container:
            return None
        return _assigned(parts, when.container if len(containers) > 1 else None)

    def _filled(self, words: Words, when: When) -> Found:
        """Prove that a container is empty, or how many it holds or what they come to."""
        named = [term for token in words.tokens for term in token.says if term in self.world.containers]
        if not named and when.container and (words.has("blank") or any(map(words.has, _NOUNS))):
            named = [when.container]
        numbers = [int(one) for one in words.picked("n:") + words.picked("count:") if one.isdigit()]
        own = {f"{kind}:{n}" for n in numbers for kind in ("n", "count")}
        others = [one for one in words.said if not one & (_BESIDE_LISTS | self.world.containers | own)]
        is_empty = any("blank" in one for one in words.said)
        if len(set(named)) != 1 or others or (not is_empty and len(numbers) != 1):
            return None
        held = [one for one in self.world.held if one.container == named[0]]
        then = [one.items for one in held if self._is_then(one.start, one.end, words, when)]
        if is_empty:
            return [] if any(not items for items in then) else None
        sums = [sum(int(n) for n in re.findall(r"(?<=n:)\d+", " ".join(items))) for items in then]
        sizes = sums if words.has("sum") else [len(items) for items in then]
        return [] if numbers[0] in sizes else None

    def _state(self, words: Words, when: When) -> Found:
        """Prove what is where, or looks how, at that time; and what objects are."""
        said = [one for one in words.plain if not one <= {"more", "less"}]
        ranks = [frozenset({f"ordinal:{one}"}) for one in words.picked("ordinal:")]
        if not said or words.picked("count:") or (all(map(self.world.is_item, said)) and not ranks):
            return None
        if when.stamp is None and not when.is_beside and any(map(self.world.is_item, said)):
            said = [one for one in said if not one & _PUTTING or self.world.is_name(one)] or said
        said = said + ranks
        if ranks:
            said = [one for one in said if "up" not in one]
        if when.stamp is None and any(fact.covers(said) for fact in self.world.standing):
            return []
        if not any(map(self.world.is_name, said)):
            said += self._it(when)
            if any(fact.covers(said) for fact in self.world.standing):
                return []
        if self._is_course(said, when, is_back=_EARLIER.search(words.text) is not None):
            return []
        facts = [
            f for f in self.world.states if f.covers(said) and self._is_then(f.start, f.end, words, when)
        ]
        return self._shown(words, when) if facts else None

    def _it(self, when: When) -> list[Terms]:
        """Return what "it" is where an object has a place of its own: that named last, or that asked about."""
        target = self.world.looks.get(str(self.world.question["parameters"].get("object")))
        return list(when.subject) or ([target] if target else [])

    def _is_course(self, said: Sequence[Terms], when: When, *, is_back: bool) -> bool:
        """Return whether an object is in several places named one after the other."""
        places = [one for one in said if any(term.startswith("cell:") for term in one)]
        names = [one for one in said if self.world.is_name(one)] or self._it(when)
        states = [fact for fact in self.world.states if fact.covers(names)]
        course = iter(states[::-1] if is_back else states)
        is_one = len(places) > 1 and all(a != b for a, b in pairwise(places))
        others = [
            one for one in said if one not in places and not self.world.is_name(one) and not one & _FURNITURE
        ]
        return (
            bool(names) and is_one and not others and all(any(f.covers([p]) for f in course) for p in places)
        )

    def _still(self, words: Words, when: When) -> Found:
        """Prove that an object stays where it is: all the time, or in the event told last."""
        kept = words.without("still")
        names = [one for one in kept.plain if self.world.is_name(one)]
        others = [one for one in kept.plain if not self.world.is_name(one)]
        own = names or self._it(when)
        states = [fact for fact in self.world.states if own and fact.covers(own)]
        if not any(term.startswith(("cell:", "type:change")) for fact in states for term in fact.terms):
            if not self._moves(own) and not others:
                return []
            return (
                self._happening(kept, when) or self._held(kept, when) or self._state(kept, when)
                if others
                else None
            )
        if others:
            return [] if all(fact.covers(others) for fact in states) else None
        if when.stamp is not None and ENDING.search(words.text):
            until = when.stamp.low.ms - self.near
            return None if any(e.start < until and e.covers(own) for e in self.world.events) else []
        told = [e for e in self.world.events if when.stamp and self.at(e, when, "")]
        latest = told[0] if told else when.latest
        if latest is not None:
            return None if self._is_moved(own, latest) else []
        return None if self._moves(own) else []

    def _undone(self, words: Words, when: When) -> Found:
        """Prove what is held after an event, or before it where it is undone: "putting 45 back gives 15, 18, 45"."""
        texts = [token.text.lower() for token in words.tokens]
        joint = next((text for text in texts[:2] if text in _JOINTS), "")
        at = next((at for at, text in enumerate(texts) if text in ((",", ":") if joint else _GIVING)), None)
        if when.stamp or not at:
            return None
        left = Words(words.tokens[:at])
        done = [one for one in left.plain if not one & _UNDOING]
        groups = self._groups(
            Words(words.tokens[at + 1 :]), replace(when, container=when.container or "pile")
        )
        events = self._ranked(left, left.plain, [e for e in self.world.events if e.covers(done)])
        if not left.said:
            events = [e for e in events if joint and when.latest and e.start >= when.latest.start][:2]
        is_back = joint == "before" or (not joint and self.world.question["mode"] == "retrodictive")
        for event in events if groups else []:
            ended = [one for one in self.world.held if one.start < event.start <= one.end + self.near]
            begun = [one for one in self.world.held if one.start - self.near <= event.start < one.end]
            then = ended if is_back else begun
            if all(
                any(h.container == (c or h.container) and h.has(i, is_all=True) for h in then)
                for c, i in groups or ()
            ):
                return []
        return None

    # Sums

    def _equation(self, words: Words, when: When) -> Found:
        """Prove sums: both sides are equal, and the numbers were told or are held somewhere."""
        known = self.world.items | (when.numbers or frozenset())
        for text in words.picked("equation:"):
            left, right = text.partition("=")[::2]
            terms = {f"n:{int(number)}" for number in re.findall(r"\d+", left)}
            left = left.replace("…", when.result).replace("?", str(self.world.question["answer"]))
            if any(value(left) != value(one) for one in right.split("=")) or (
                when.numbers is not None and not terms <= known
            ):
                return None
            known = known | {f"n:{int(number)}" for number in re.findall(r"\d+", right)}
        rest = Words(
            [t for t in words.tokens if not any(o == "sum" or o.startswith("equation:") for o in t.says)]
        )
        signs = [one for one in rest.said if not one <= _SIGNS]
        return self.proof(rest, when) if signs else []

    # Times

    def is_mark(self, moment: Moment, numbers: frozenset[int] | None) -> bool:
        """Return whether an event, of these if they are given, begins or ends at a time, or the video does."""
        own = [e for e in self.world.events if numbers is None or e.number in numbers]
        marks = [0.0, self.world.duration, *(ms for e in own for ms in (e.start, e.end))]
        return any(moment.is_near(ms, self.near) for ms in marks)

    def is_length(self, length: Moment, events: Sequence[Fact], *, is_gap: bool) -> bool:
        """Return whether one of these events takes so long, or so long passes between two of the video."""
        own = [e.end - e.start for e in events or self.world.events]
        if is_gap:
            marks = [0.0, self.world.duration, *(ms for e in self.world.events for ms in (e.start, e.end))]
            own += [abs(a - b) for a in marks for b in marks]
        return any(length.is_near(one, min(self.near, 150.0)) for one in own)


_COMPARED = frozenset({"approach", "part", "move", "faster", "slower", "trace", "grow", "shrink", "change"})
_BESIDE_LISTS = (
    _FURNITURE
    | SUPERLATIVES
    | {
        "quantifying",
        "exactly",
        "further",
        "back",
        "start-of-video",
        "end-of-video",
        "either-end",
        "sum",
        "expression",
    }
)


def _number(said: Terms) -> Terms:
    """Return what a word says, a count as its number."""
    return frozenset(term.replace("count:", "n:") for term in said)


def _numbers(facts: "Iterator[Fact] | Sequence[Fact]") -> list[int]:
    """Return the events' numbers, each once."""
    return list(dict.fromkeys(fact.number for fact in facts if fact.number is not None))


def _is_nth(event: Fact, at: int, pool: Sequence[int]) -> bool:
    return -len(pool) <= at < len(pool) and pool[at] == event.number


def _assigned(
    parts: Sequence[tuple[str | None, str | None]], default: str | None
) -> list[tuple[str | None, list[str]]]:
    """Return items by their containers, which stand before them or behind."""
    is_first = parts[0][0] is not None
    groups: list[tuple[str | None, list[str]]] = []
    for container, item in parts if is_first else reversed(parts):
        if container is not None:
            groups.append((container, []))
        elif groups:
            groups[-1][1].append(str(item))
        else:
            groups.append((default, [str(item)]))
    return [(container, held if is_first else held[::-1]) for container, held in groups if held]


def _modified(words: Words) -> list[Terms]:
    """Return what an ordinal counts where a verb of being ends it: "the last hit | is on the upper wall"."""
    tokens = words.tokens
    begun = next((at for at, t in enumerate(tokens) if any(o.startswith("ordinal:") for o in t.says)), None)
    ended = next((at for at, t in enumerate(tokens) if t.text.lower() in _COPULA and at > (begun or 0)), None)
    return Words(tokens[begun:ended]).plain if begun is not None and ended is not None else []


def _plays(words: Words, fact: Fact) -> bool:
    """Return whether who does it to whom, or from where to where, is told as it is."""
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


_OPERATIONS: dict[str, Callable[[Fraction, Fraction], Fraction]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv,
}  # fmt: skip


def value(text: str) -> Fraction | None:
    """Return what a sum comes to, * and / before + and -; None for anything else.

    >>> value("9 + 3 * 2")
    Fraction(15, 1)
    """
    parts = re.findall(r"\d+|[+*/-]", text.translate(str.maketrans("−×÷", "-*/")))
    if len(parts) % 2 == 0 or not all(part.isdigit() == (index % 2 == 0) for index, part in enumerate(parts)):
        return None
    for operators in ("*/", "+-"):
        index = 1
        while index < len(parts):
            if parts[index] in operators:
                left, right = Fraction(parts[index - 1]), Fraction(parts[index + 1])
                if parts[index] == "/" and not right:
                    return None
                parts[index - 1 : index + 2] = [str(_OPERATIONS[parts[index]](left, right))]
            else:
                index += 2
    return Fraction(parts[0])
