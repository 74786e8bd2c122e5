"""Whether the table of facts bears out what a stretch of text says.

A text is cut at its times, commas and joining words; the longest stretches that one fact, one list or one comparison
bears out are taken first. What nothing bears out is not proven, be it false or not understood.
"""

import operator
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from itertools import pairwise

from retroflip.cot.reading import Token, clauses, is_asking
from retroflip.cot.stamps import Moment, Stamp, StampKind
from retroflip.cot.world import Fact, Held, Terms, World

_SUPERLATIVE = frozenset({"fastest", "slowest", "farthest", "closest"})
_APART = ("count:", "ordinal:", "nth:", "part:", "place:", "equation:")
_FIGURES = ("count:", "part:", "place:", "equation:")
_SPECIAL = _SUPERLATIVE | {
    "denying",
    "quantifying",
    "start-of-video",
    "end-of-video",
    "either-end",
    "answer",
    "sum",
}
_PHASES = frozenset({"start-of-video", "end-of-video", "either-end", "quantifying"})
_FURNITURE = frozenset(
    {
        "pile",
        "card",
        "cup",
        "chip",
        "tile",
        "folder",
        "file",
        "open",
        "covered",
        "blank",
        "gap",
        "leave",
        "type:reveal",
    }
)
"""what may stand beside a list without saying more"""
_HOLDING = re.compile(r"\b(?:hold|holds|held|holding|contain\w*|has|have|had|reads?)\b")
ENDING = re.compile(
    r"\b(?:until|before|till|ends?|ended|finish\w*|stops?|stopped|arriv\w*|complet\w*|by|done|over)\b"
)
_ARRIVING = re.compile(r"\b(?:arriv\w*|ends?|finish\w*|stops?|complet\w*|done)\b")
_LASTING = re.compile(r"\b(?:still|continu\w*|midway|halfway|meanwhile|during|partway)\b")
_BEFORE = re.compile(r"\b(?:before|earlier|previously|had|prior|undo\w*|first held)\b")
_NEXT = re.compile(r"\b(?:then|next|afterwards|after that)\b")
_ON = re.compile(r"(?:and )?(?:then|next|afterwards|after that)\b")
_SO = frozenset({"so", "therefore", "hence", "thus"})
_SIGNS = frozenset({"plus", "minus", "times", "divide"})
_PLAN = re.compile(
    r"^(?:(?:so|now|okay|ok|first|then|and|but|here|alright|hmm) ,? ?)*"
    r"(?:let me|let's|let us|i will|i'll|i need|i have to"
    r"|i want|i should|i must|i only|i just|i am going|i'm going|i'm tracking|i am tracking|we need|we have to|we want"
    r"|we must|we only|we're asked|i'm asked|plan|to answer|to solve|to find|to determine|to work"
    r"|the question|the task|what matters|my (?:plan|task|goal|job)"
    r"|the goal|the problem|(?:only )?.* matters?(?: here)?$)\b"
)
_TALLY = re.compile(r"\b(?:count|total|tally|sum|so far|of them|of these|of those)\b")
_FURTHER = re.compile(r"\b(?:more|further|other|else|again|another)\b")
_SPARING = re.compile(
    r"\bleav\w* .*\b(?:alone|untouched|unaffected|intact|unchanged|as it is|in place)\b"
    r"|\b(?:doesn't|does not|don't|do not|not|never) .*\b(?:affect|touch|concern|involve|either)\b"
    r"|\b(?:is|stays) (?:unaffected|untouched)\b"
)
_GIVING = frozenset(
    {"gives", "leaves", "puts", "yields", "gets", "makes", "restores", "means", ":", "brings", "give"}
)
_UNDOING = frozenset({"put", "take", "back", "swap", "exchange", "change", "pour", "pile", "card", "leave"})
_RUNNING = re.compile(r"\b(?:so far|running|brings|bringing)\b")
_PLANNED = frozenset(
    {
        "denying",
        "quantifying",
        "pace",
        "answer",
        "concern",
        "sum",
        "back",
        "open",
        "start-of-video",
        "end-of-video",
    }
)
"""what plans may say besides"""
_LAW = re.compile(r"^the (?:farther|further|more|less) .*\bthe (?:faster|quicker|slower)\b")
"""what holds of all videos"""
_COPULA = frozenset({"is", "was", "are", "were", "comes", "came", "happens", "occurs", "takes"})
_ORDER = {"before": -1, "earlier": -1, "after": 1, "later": 1}
_SIDES = frozenset({"left", "right", "above", "below"})
_FROM_TO = frozenset({"from", "to", "into", "onto"})
_EDGE_MS = 250.0
_LONGEST = 600
"""tokens of a sentence"""
_WIDEST = 40
"""pieces that are proven together, where not all are"""
_STRONG = 3
"""a colon or semicolon: what is before it is proven first"""
_IDLE = frozenset({"blank", "return"})
"""types of events that decide nothing"""
_WHOLE = frozenset({"rm_all", "mv_all", "exchange", "pour"})
"""types of events that are done to all that something holds"""

Said = list[Terms]


@dataclass
class Story:
    """How far a text has come. latest: the last event told. subject: what was named last. container: likewise."""

    latest: Fact | None = None
    maybe: Sequence[Fact] = ()
    heard: str = ""
    phase: Terms = frozenset()
    subject: Said = field(default_factory=list)
    container: str | None = None
    numbers: set[str] = field(default_factory=set)
    told: list[Fact] = field(default_factory=list)
    dated: list[Fact] = field(default_factory=list)
    result: str = ""
    chain: float = -1.0
    timed: float = 0.0
    is_back: bool = False


@dataclass(frozen=True)
class Stretch:
    """Tokens between cuts, with the time that they go with."""

    tokens: Sequence[Token]
    stamp: Stamp | None

    @property
    def text(self) -> str:
        """The words, lowered."""
        return " ".join(token.text.lower() for token in self.tokens)

    @property
    def said(self) -> Said:
        """What it says."""
        return [token.says for token in self.tokens if token.says and not token.is_loose]

    @property
    def plain(self) -> Said:
        """What it says of one fact: without counts, comparisons and denials."""
        return [one for one in self.said if not any(_is_special(term) for term in one)]

    @property
    def affirmed(self) -> "Stretch":
        """The same without its denial."""
        if not self.has("denying"):
            return self
        return Stretch([token for token in self.tokens if "denying" not in token.says], self.stamp)

    @property
    def is_joint(self) -> bool:
        """Whether it has several parts that say something."""
        cuts = [0, *(index for index, token in enumerate(self.tokens) if token.cut), len(self.tokens)]
        return sum(any(token.says for token in self.tokens[a:b]) for a, b in pairwise(cuts)) > 1

    @property
    def is_sequence(self) -> bool:
        """Whether it tells one thing and then another."""
        at = next((at for at, token in enumerate(self.tokens) if _NEXT.fullmatch(token.text.lower())), None)
        return at is not None and all(
            Stretch(part, None).plain for part in (self.tokens[:at], self.tokens[at:])
        )

    def picked(self, prefix: str) -> list[str]:
        """Return the values of terms with a prefix, such as the 2 of "count:2"."""
        return [term.removeprefix(prefix) for one in self.said for term in one if term.startswith(prefix)]

    def has(self, term: str) -> bool:
        """Return whether a term is said."""
        return any(term in token.says for token in self.tokens)


_GROUPS = frozenset({"first", "next", "last", "these", "all", "other", "remaining", "following", "those"})


def _is_special(term: str) -> bool:
    return term in _SPECIAL or term.startswith(_APART)


class Prover:
    """Looks texts up in the facts of a video. more: facts that were proven before, such as claims."""

    def __init__(self, world: World, tolerance_ms: float) -> None:
        self._world, self._tolerance = world, tolerance_ms
        question = world.metadata["question"]
        targets = [one for one in world.metadata["objects"] if one.get("role") != "distractor"]
        self._asked = world.reader.says(question["text"]) | {f"n:{len(targets)}"}
        self._claimed: set[str] = set()
        self._answer = self._contents(str(question["answer"]))
        self._wrong = [self._contents(one) for one in question["options"] if one != question["answer"]]

    def _contents(self, text: str) -> Said:
        return Stretch(self._world.reader.tokens(text, with_times=False), None).said

    def unproven(self, tokens: Sequence[Token], story: Story, *, is_last: bool = False) -> str | None:
        """Return the first words of a sentence that nothing bears out, None where all is proven."""
        is_on = story.latest is not None and bool(_ON.match(Stretch(tokens[:2], None).text))
        story.chain = story.latest.start if is_on and story.latest else -1.0
        story.subject, story.heard = [], ""
        phases = {term for token in tokens for term in token.says & _PHASES} - {"quantifying"}
        story.phase = frozenset(phases) if len(phases) == 1 else frozenset()
        if len(tokens) > _LONGEST:
            return "so long a sentence"
        if self._is_question(tokens) or _LAW.search(Stretch(tokens, None).text):
            return None
        tokens = self._headless(_uncounted(tokens))
        for clause in clauses(tokens):
            stamp = next(
                (t.stamp for t in clause if t.stamp and t.stamp.kind in (StampKind.MOMENT, StampKind.RANGE)),
                None,
            )
            lengths = [t for t in clause if t.stamp and t.stamp.kind in (StampKind.LENGTH, StampKind.GAP)]
            if wrong := next((t.text for t in lengths if not self._is_length(t.stamp, stamp)), None):
                return wrong
            concluded = next((at for at in range(1, len(clause)) if _concludes(clause, at)), len(clause))
            if any(token.stamp for token in clause[concluded:]):
                concluded = len(clause)
            for part, time in ((clause[:concluded], stamp), (clause[concluded:], None)):
                words = [token for token in part if token.stamp is None]
                if part and (fault := self._fault(words, time, story, is_last)):
                    return fault
        return None

    def elsewhere(self, tokens: Sequence[Token]) -> Fact | None:
        """Return the event that a sentence tells with another time, None where there is none like it."""
        stretch = Stretch([token for token in tokens if token.stamp is None], None)
        events = (
            self._candidates(stretch, stretch.plain) if stretch.plain and any(t.stamp for t in tokens) else []
        )
        return events[0] if events else None

    def claim(
        self, tokens: Sequence[Token], stamp: Stamp | None, *, is_answer: bool, beside: Sequence[Token] = ()
    ) -> list[Fact] | None:
        """Return the facts that bear a claim out, as a whole; None where nothing does.

        beside: the event before or after which something is so.
        """
        stretch = Stretch(tokens, stamp)
        if beside:
            context = Stretch([token for token in beside if token.text not in _ORDER], stamp)
            is_before = any(token.text == "before" for token in beside)
            for event in self._candidates(context, context.plain):
                known = Story(numbers=self._claimed, latest=event, heard="before" if is_before else "")
                if self._list(stretch, known) is not None or self._state(stretch, known) is not None:
                    return [event]
        if is_answer:
            return [] if self._is_answer(stretch) else None
        return self._proof(stretch, Story(numbers=self._claimed), is_last=False)

    def free_terms(self, *, is_timed: bool) -> Terms:
        """What needs no claim: what the question's objects are called; where no time is told, question and answer."""
        named = [looks for looks in self._world.looks.values() if looks and looks <= self._asked]
        return frozenset().union(*named) if is_timed else self._asked.union(*self._answer)

    def is_free(self, tokens: Sequence[Token]) -> bool:
        """Return whether a sentence tells what is asked, or nothing but the answer, and needs no claims."""
        return (
            self._is_question(tokens)
            or bool(_LAW.search(Stretch(tokens, None).text))
            or (not any(t.stamp for t in tokens) and self._is_answer(Stretch(tokens, None)))
        )

    def decides(self, event: Fact) -> bool:
        """Return whether an event must be told: it is no distractor's, and has what a count asks for."""
        facts = self._world.metadata["events"][event.number or 0]
        question, objects = self._world.metadata["question"], self._world.metadata["objects"]
        bystanders = {one["id"] for one in objects if one.get("role") == "distractor"}
        if facts["type"] in _IDLE or facts.get("object") in bystanders:
            return False
        asked = {key: value for key, value in question["parameters"].items() if key in facts}
        if question["mode"] == "historical" and (
            asked_for := [e for e in self._world.events if e.covers(self._answer)]
        ):
            return event in asked_for
        if facts["type"] == "visit" and "side" in question["parameters"]:
            first = next(
                e for e in self._world.metadata["events"] if e["side"] == question["parameters"]["side"]
            )
            begun: int = self._world.metadata["events"].index(first)
            return begun <= (event.number or 0) <= begun + len(str(question["answer"]).split(", then "))
        if part := question["parameters"].get("part"):
            return self._is_in(event, part[0] + 1, part[1])
        is_counting = question["numeric"] is not None and self._world.metadata["term"] == "short"
        return not is_counting or all(bool(facts[key] == value) for key, value in asked.items())

    def _fault(self, words: Sequence[Token], stamp: Stamp | None, story: Story, is_last: bool) -> str | None:
        """Prove a clause in the longest stretches that can be."""
        cuts = [0, *(index for index, token in enumerate(words) if token.cut and index), len(words)]
        if stamp is not None and all(one <= _PHASES for one in Stretch(words, stamp).said):
            ended = story.latest and _ARRIVING.search(Stretch(words, stamp).text)
            if ended and story.latest and not stamp.low.is_near(story.latest.end, self._tolerance):
                return "a time at which it does not end"
            self._tell(
                [e for e in self._world.events if self._agrees(e, Stretch((), stamp))],
                Stretch((), stamp),
                story,
            )
            return None if self._is_marked(stamp) else "a time at which nothing begins"
        strength = [words[cut].cut == _STRONG if cut < len(words) else 2 for cut in cuts]
        begun, started = 0, False
        while begun < len(cuts) - 1:
            ends = [len(cuts) - 1, *range(begun + 1, min(begun + _WIDEST, len(cuts) - 1))]
            for ended in sorted(ends, key=lambda end: (-strength[end], -end)):
                stretch = Stretch(words[cuts[begun] : cuts[ended]], stamp)
                found = self._proof(stretch, story, is_last)
                if (
                    found == []
                    and stamp
                    and stretch.tokens != words
                    and not started
                    and any(map(self._is_item, stretch.said))
                ):
                    continue
                if found is not None and self._shared(stretch, words[cuts[ended] :], story):
                    started = started or bool(found)
                    self._tell(found, stretch, story)
                    begun = ended
                    break
            else:
                return " ".join(token.text for token in words[cuts[begun] : cuts[-1]]) or "nothing"
        return None

    def _tell(self, found: Sequence[Fact], stretch: Stretch, story: Story) -> None:
        story.heard += f" {stretch.text}"
        events = [fact for fact in found if fact.number is not None]
        is_new = any(event not in story.told for event in events)
        story.told += events
        story.dated += [e for e in events if stretch.stamp or e.size is not None or self._type(e) == "reveal"]
        if events:
            story.latest = events[-1]
            story.maybe = story.maybe if events[-1] in story.maybe else events
            if stretch.stamp is None:
                story.chain = events[-1].start
            else:
                story.is_back = story.is_back or (is_new and events[-1].start < story.timed - 1.0)
                story.timed = events[-1].start
        than = next((at for at, token in enumerate(stretch.tokens) if token.text.lower() == "than"), None)
        names = [one for one in Stretch(stretch.tokens[:than], None).plain if self._is_name(one)]
        story.subject = names or story.subject or [fact.subject for fact in events[:1] if fact.subject]
        containers = [term for token in stretch.tokens for term in token.says if term in self._containers]
        story.container = containers[-1] if containers else story.container

    def _shared(self, stretch: Stretch, rest: Sequence[Token], story: Story) -> bool:
        """Return whether what "A and B do" holds of A too, where a stretch is A alone."""
        if (
            not stretch.plain
            or not all(map(self._is_name, stretch.plain))
            or not rest
            or rest[0].text.lower() != "and"
        ):
            return True
        doing = [token for token in rest if not self._is_name(token.says)]
        alone = Stretch([*stretch.tokens, *doing], stretch.stamp)
        return not Stretch(doing, None).plain or self._happening(alone, story) is not None

    def _is_name(self, said: Terms) -> bool:
        return any(said & looks for looks in self._world.looks.values())

    def _is_item(self, said: Terms) -> bool:
        """Return whether it is a thing that is held and says nothing without what holds it."""
        return any(term.startswith("n:") or term == "gap" or term in self._items for term in said)

    @cached_property
    def _items(self) -> frozenset[str]:
        return frozenset(item for one in self._world.held for item in one.items)

    @property
    def _containers(self) -> set[str]:
        return {held.container for held in self._world.held}

    def _proof(self, stretch: Stretch, story: Story, is_last: bool) -> list[Fact] | None:
        """Return the facts that bear a stretch out (none where it says nothing), None where nothing does."""
        if all(one <= _PHASES for one in stretch.said) or self._is_heading(stretch):
            return []
        if _TALLY.search(stretch.text):
            found = self._tallied(stretch, story)
            if found is not None or (_RUNNING.search(stretch.text) and stretch.picked("n:")):
                return found
        if stretch.has("answer") or (is_last and self._names_wrong(stretch)):
            kept = stretch.affirmed
            is_denial = kept is not stretch and not self._is_literal
            is_so = self._names_wrong(kept) if is_denial else self._is_answer(stretch)
            return [] if is_so else None
        if stretch.picked("equation:"):
            return self._equation(stretch, story)
        if stretch.has("still") and not stretch.has("denying"):
            others = [one for one in stretch.plain if "still" not in one]
            if (
                all(map(self._is_name, others))
                and not stretch.has("covered")
                and not self._superlatives(stretch)
            ):
                return None if self._moves(others or story.subject) else []
            kept = Stretch([token for token in stretch.tokens if "still" not in token.says], stretch.stamp)
            return self._proof(kept, story, is_last)
        ways: tuple[Callable[[Stretch, Story], list[Fact] | None], ...] = (
            self._order, self._comparison, self._spared, self._undone, self._happening, self._list, self._state,
        )  # fmt: skip
        for way in ways:
            if (found := way(stretch, story)) is not None:
                return found
        return [] if stretch.stamp is None and self._is_answer(stretch) else None

    # What the question asks and what the answer is

    def _is_question(self, tokens: Sequence[Token]) -> bool:
        """Return whether a sentence tells what is asked, and no more than that."""
        stretch = Stretch(tokens, None)
        if self._is_plan(stretch):
            return True
        return (
            any(map(is_asking, tokens))
            and not any(token.stamp for token in tokens)
            and not any(token.text.lower() in _ORDER for token in tokens)
            and not any(stretch.has(term) for term in ("denying", "answer", "quantifying"))
            and ("whether" in stretch.text.split() or all(one & self._asked for one in stretch.said))
        )

    def _is_plan(self, stretch: Stretch) -> bool:
        """Return whether words tell what is going to be watched, and no way, place or number that is not asked for."""
        doings = frozenset().union(*map(self._world.doing, self._world.events), *self._world.looks.values())
        return (
            bool(_PLAN.search(stretch.text))
            and all(token.stamp is None or self._is_marked(token.stamp) for token in stretch.tokens)
            and all(
                one & (self._asked | doings | _PLANNED)
                or any(t.startswith(("ordinal:", "part:")) for t in one)
                for one in stretch.said
            )
        )

    def _is_heading(self, stretch: Stretch) -> bool:
        """Return whether words announce what a colon is followed by."""
        doings = frozenset({"move", "swap", "change"}).union(*map(self._world.doing, self._world.events))
        return (
            bool(stretch.tokens)
            and stretch.tokens[-1].text == ":"
            and all(one & doings for one in stretch.said)
            and (stretch.stamp is None)
        )

    def _headless(self, tokens: Sequence[Token]) -> Sequence[Token]:
        """Return a sentence without the heading before its colon."""
        at = next((at for at, token in enumerate(tokens) if token.text == ":"), -1)
        head = Stretch(tokens[: at + 1], None)
        return (
            tokens[at + 1 :] if self._is_heading(head) and not any(t.stamp for t in head.tokens) else tokens
        )

    def _tallied(self, stretch: Stretch, story: Story) -> list[Fact] | None:
        """Prove how many events there are like those told last: "the total is now two", "there are four of them"."""
        counts = [one for one in stretch.said if any(term.startswith(("n:", "count:")) for term in one)]
        sums = [one for one in stretch.said if one <= {"sum", "quantifying", "answer"}]
        if len(counts) != 1 or story.latest is None:
            return None
        said = [one for one in stretch.said if one not in counts and one not in sums]
        if any(self._is_item(one) or "denying" in one for one in said):
            return None
        asked = [e for e in self._world.events if self.decides(e)]
        pools = (
            [[e for e in self._world.events if e.covers(said)]]
            if said
            else [
                self._alike(story.latest),
                asked,
                [e for e in self._world.events if e.terms == story.latest.terms],
            ]
        )
        until = story.latest.start
        is_running = _RUNNING.search(stretch.text)
        numbers = {f"{len([e for e in pool if e.start <= until])}" for pool in pools if pool}
        if not is_running:
            numbers |= {f"{len(pool)}" for pool in pools if pool}
        own = {term.partition(":")[2] for term in counts[0]}
        return [] if own & numbers else None

    def _is_answer(self, stretch: Stretch) -> bool:
        """Return whether a stretch gives the answer, in its order, and besides it only words of the question."""
        answer = str(self._world.metadata["question"]["answer"])
        if self._is_literal:
            options = {str(one).lower() for one in self._world.metadata["question"]["options"]}
            words = {token.text.lower() for token in stretch.tokens}
            return words & options == {answer.lower()} and all(
                one & {"answer", "denying"} for one in stretch.said
            )
        return self._gives(stretch, self._answer)

    @property
    def _is_literal(self) -> bool:
        """Whether the answer is a word that says nothing of the video: after, yes."""
        return not self._answer or str(self._world.metadata["question"]["answer"]).lower() in ("yes", "no")

    def _gives(self, stretch: Stretch, option: Said) -> bool:
        known = frozenset().union(*option)
        contrary = frozenset().union(*(one for wrong in self._wrong for one in wrong)) - known
        beside = (self._asked - contrary) | {"answer", "quantifying"}
        given = [one for one in stretch.said if one & known and "answer" not in one]
        others = [one for one in stretch.said if not one & known and not one & beside]
        return not others and len(given) == len(option) and all(map(operator.and_, given, option))

    def _names_wrong(self, stretch: Stretch) -> bool:
        return any(
            option and option != self._answer and self._gives(stretch, option) for option in self._wrong
        )

    # Events

    def _agrees(self, fact: Fact, stretch: Stretch) -> bool:
        """Return whether a fact may be told with the time of a stretch."""
        stamp = stretch.stamp
        if stamp is None:
            return True
        near, low = self._tolerance, stamp.low
        if stamp.high is not None:
            return low.is_near(fact.start, near) and stamp.high.is_near(fact.end, near)
        return (
            low.is_near(fact.start, near)
            or (bool(ENDING.search(stretch.text)) and low.is_near(fact.end, near))
            or (bool(_LASTING.search(stretch.text)) and fact.start <= low.ms <= fact.end)
        )

    def _candidates(self, stretch: Stretch, said: Said) -> list[Fact]:
        """Return the events that cover what is said, at its time and in the half and place named."""
        events = [
            e
            for e in self._world.events
            if e.covers(said) and _plays(stretch, e) and self._agrees(e, stretch)
        ]
        for part in stretch.picked("part:"):
            events = [e for e in events if self._is_in(e, *map(int, part.split("/")))]
        for place in stretch.picked("place:"):
            looks = list(self._world.order_from_left().values())
            at = int(place) - 1 if int(place) > 0 else int(place)
            events = [e for e in events if len(looks) >= abs(int(place)) and e.subject == looks[at]]
        if stretch.has("start-of-video"):
            events = [e for e in events if e.start == self._world.events[0].start]
        if stretch.has("end-of-video"):
            events = [e for e in events if e.end >= self._world.events[-1].end]
        return events

    def _is_in(self, event: Fact, number: int, parts: int) -> bool:
        """Return whether an event begins in that one of so many equal parts of the video."""
        return int((event.start + _EDGE_MS) * parts / self._world.duration) == number - 1

    def _spared(self, stretch: Stretch, story: Story) -> list[Fact] | None:
        """Prove that an event leaves what is named, or what is asked about, where and as it is."""
        if not _SPARING.search(stretch.text):
            return None
        asked = self._world.metadata["question"]["parameters"]
        names = [one for one in stretch.said if any(term.startswith("name:") for term in one)]
        own = frozenset().union(*names) if names else frozenset({f"name:{asked.get('file')}"})
        commands = [one for one in stretch.said if any(term.startswith("command:") for term in one)]
        events = self._candidates(Stretch(stretch.tokens, stretch.stamp), commands)
        events = events if stretch.stamp or commands else [e for e in (story.latest,) if e]
        return events[:1] if any(not own & e.terms for e in events) else None

    def _undone(self, stretch: Stretch, story: Story) -> list[Fact] | None:
        """Prove what is held before an event that is undone: "putting 45 back gives 15, 18, 45"."""
        at = next((at for at, token in enumerate(stretch.tokens) if token.text.lower() in _GIVING), None)
        if stretch.stamp or at is None or self._world.metadata["question"]["mode"] != "retrodictive":
            return None
        taken = [one for one in Stretch(stretch.tokens[:at], None).plain if not one & _UNDOING]
        groups = self._groups(Stretch(stretch.tokens[at + 1 :], None), Story(container="pile"))
        ordinals = Stretch(stretch.tokens[:at], None).picked("ordinal:")
        events = [e for e in self._world.events if e.covers(taken) and self._type(e) != "reveal"]
        for event in (
            events if taken or ordinals else [e for e in self._world.events if self._type(e) != "reveal"]
        ):
            held = [one for one in self._world.held if one.start < event.start <= one.end + self._tolerance]
            if groups and all(
                any(
                    one.container == (name or one.container) and _is_held(one, items, is_all=True)
                    for one in held
                )
                for name, items in groups
            ):
                story.latest, story.maybe = event, [event]
                return []
        return None

    def _happening(self, stretch: Stretch, story: Story) -> list[Fact] | None:
        """Return the event that a stretch tells, with what is counted, denied or compared in it."""
        plain = stretch.plain
        sizes = [f"{round(e.size, 2):g}" for e in self._world.events if e.size]
        if stretch.stamp is None and len(sizes) > 1 and stretch.picked("n:") == sizes:
            return []
        if stretch.has("denying"):
            return None if self._is_about_content(stretch) else self._denied(stretch, story)
        is_ranked = bool(stretch.stamp and stretch.picked("ordinal:"))
        if (not plain and not self._superlatives(stretch) and not is_ranked) or stretch.is_sequence:
            return None
        if self._is_about_content(stretch) or (
            stretch.stamp is None and plain and all(map(self._is_item, plain))
        ):
            return None
        for count in stretch.picked("count:"):
            if not self._candidates(stretch, [*plain, frozenset({f"count:{count}"})]):
                return self._counted(stretch, plain, int(count), story)
        events = self._extreme(stretch, self._ranked(stretch, plain, self._candidates(stretch, plain)))
        if stretch.has("quantifying") and not (events and self._type(events[0]) in _WHOLE):
            events = [e for e in events if self._is_only(e, plain)]
        if stretch.stamp is None:
            if stretch.has("earliest"):
                events = [e for e in events if e.start == min(o.start for o in self._alike(e))]
            is_next = bool(_NEXT.search(stretch.text))
            events = [e for e in events if e.start > story.chain or (e.start == story.chain and not is_next)]
        if events:
            story.maybe = events
            return [self._likeliest(events, story)]
        numbers = [one for one in plain if any(term.startswith("n:") for term in one)]
        rest = [one for one in plain if one not in numbers]
        if len(numbers) == 1 and rest:
            number = next(iter(numbers[0])).removeprefix("n:")
            return self._counted(stretch, rest, int(number), story) if number.isdigit() else None
        return None

    def _is_about_content(self, stretch: Stretch) -> bool:
        """Return whether a stretch tells what a container holds, and no event."""
        is_named = any(token.says & self._containers for token in stretch.tokens)
        is_empty = stretch.has("blank") and not {"into", "out"} & set(stretch.text.split())
        return is_named and (is_empty or bool(_HOLDING.search(stretch.text)))

    def _superlatives(self, stretch: Stretch) -> list[Terms]:
        return [one & _SUPERLATIVE for one in stretch.said if one & _SUPERLATIVE]

    def _denied(self, stretch: Stretch, story: Story) -> list[Fact] | None:
        """Prove that nothing is like that, or happens, or that the last event leaves the object where it is."""
        kept = stretch.affirmed
        if not kept.plain and story.latest and _FURTHER.search(stretch.text):
            is_over = all(e.start <= story.latest.start for e in self._world.events if self.decides(e))
            return [] if is_over else None
        if not kept.plain:
            return [e for e in self._candidates(kept, []) if self._type(e) == "blank"] or None
        if any("concern" in one for one in kept.plain):
            named = [one for one in kept.plain if "concern" not in one and not self._is_target(one)]
            if named:
                return None if any(self.decides(e) for e in self._world.events if e.covers(named)) else []
            return [] if story.latest and self._is_untouched(story.latest) else None
        if any(one & {"move", "still"} for one in kept.plain) and all(map(self._is_name, kept.plain[:-1])):
            return [] if self._moves(kept.plain[:-1] or story.subject) == kept.has("still") else None
        events = self._candidates(kept, kept.plain)
        if story.latest and _FURTHER.search(stretch.text):
            events = [e for e in events if e.start > story.latest.start]
        return None if kept.is_joint or events else []

    def _is_target(self, said: Terms) -> bool:
        asked = self._world.metadata["question"]["parameters"].get("object")
        return bool(said & self._world.looks.get(str(asked), frozenset()))

    def _moves(self, named: Said) -> bool:
        """Return whether an object does anything, or is not where it was."""
        states = self._world.metadata["states"]
        for name, looks in self._world.looks.items():
            if named and all(one & looks for one in named):
                places = [
                    state[key].get(name) for state in states for key in ("cells", "positions") if key in state
                ]
                return any(e.covers(named) for e in self._world.events) or any(
                    one != places[0] for one in places
                )
        return True

    def _is_untouched(self, event: Fact) -> bool:
        """Return whether the object asked about is where it was before an event."""
        looks = self._world.looks.get(str(self._world.metadata["question"]["parameters"].get("object")))
        own = [fact for fact in self._world.states if looks and looks <= fact.terms]
        before = [fact.terms for fact in own if fact.end == event.start]
        return bool(before) and before == [fact.terms for fact in own if fact.start == event.start]

    def _counted(self, stretch: Stretch, said: Said, count: int, story: Story) -> list[Fact] | None:
        """Prove that so many events are like that, in all, up to the one told last, or after it; return those told."""
        events = self._candidates(Stretch(stretch.tokens, None), said)
        so_far = [e for e in events if story.latest is None or e.start <= story.latest.start]
        if not events and any("move" in one for one in said):
            return [] if count == self._changes([one for one in said if self._is_name(one)]) else None
        turns = [one for e in events for one in e.terms if one.startswith("n:")]
        counts = (
            {len(events) - len(so_far)}
            if {"more", "next"} & set(stretch.text.split())
            else {len(events), len(so_far)}
        )
        if not events or not (count in counts or turns == [f"n:{count}"]):
            return None
        return [e for e in events if stretch.stamp and self._agrees(e, stretch)]

    def _changes(self, named: Said) -> int:
        """Return how often an object changes its cell."""
        cells = [fact.terms for fact in self._world.states if fact.covers(named) and named]
        return sum(a != b for a, b in pairwise(cells))

    def _ranked(self, stretch: Stretch, said: Said, events: list[Fact]) -> list[Fact]:
        """Return the events with the ordinal named: among those like what is said, or those alike in all."""
        for number in stretch.picked("nth:"):
            own = [e for e in self._world.events if self._type(e) not in _IDLE | {"reveal", "unknown"}]
            events = [e for e in events if own.index(e) == int(number) - 1] if events else []
        for number in stretch.picked("ordinal:"):
            at = int(number) - 1 if int(number) > 0 else -1
            modified = _modified(stretch)
            pool = [e for e in self._world.events if e.covers(modified or said)]
            events = [
                e
                for e in events
                if (len(pool) > at and pool[at] is e)
                or (
                    not modified
                    and len(like := [o for o in pool if o.terms == e.terms]) > at
                    and like[at] is e
                )
            ]
        return events

    def _extreme(self, stretch: Stretch, events: list[Fact]) -> list[Fact]:
        for wanted in self._superlatives(stretch):
            pick = max if wanted & {"fastest", "farthest"} else min
            events = [
                e
                for e in events
                if e.size is not None and e.size == pick(p.size or 0.0 for p in self._peers(e))
            ]
        return events

    def _peers(self, event: Fact) -> list[Fact]:
        """Return what an event's size is compared with: those at the same time, or all."""
        sized = [e for e in self._world.events if e.size is not None]
        together = [e for e in sized if e.start == event.start]
        return together if len(together) > 1 else sized

    def _is_only(self, event: Fact, said: Said) -> bool:
        return all(e.covers(said) for e in self._alike(event))

    def _alike(self, event: Fact) -> list[Fact]:
        """Return the events of the same type and of the same object."""
        kind = self._type(event)
        return [e for e in self._world.events if self._type(e) == kind and e.subject == event.subject]

    def _type(self, event: Fact) -> str:
        return str(self._world.metadata["events"][event.number or 0]["type"])

    def _likeliest(self, events: Sequence[Fact], story: Story) -> Fact:
        """Return the event that is meant, where several fit: the next one that is not told yet."""
        latest = story.latest.start if story.latest else -1.0
        return min(events, key=lambda e: (e in story.told, e.start < latest, e.start))

    # Order and comparison

    def _order(self, stretch: Stretch, story: Story) -> list[Fact] | None:
        """Prove "X before Y" and "after Y, X" of two events that have no times of their own."""
        found = [
            (index, _ORDER[t.text.lower()])
            for index, t in enumerate(stretch.tokens)
            if t.text.lower() in _ORDER
        ]
        if len(found) != 1 or stretch.stamp is not None or self._is_about_content(stretch):
            return None
        (at, sense), tokens = found[0], stretch.tokens
        left, right = tokens[:at], tokens[at + 1 :]
        if not Stretch(left, None).said:
            comma = next((index for index, token in enumerate(right) if token.text == ","), None)
            if comma is None:
                return None
            left, right = right[comma:], right[:comma]
        one, other = Stretch(left, None), Stretch(right, None)
        if not one.plain or not other.plain:
            return None
        doing = [said for said in one.plain if not self._is_name(said)]
        said = one.plain if any(map(self._is_name, one.plain)) else one.plain + story.subject
        firsts = self._ranked(one, said, self._candidates(one, said))
        seconds = self._candidates(
            other, other.plain + (doing if all(map(self._is_name, other.plain)) else [])
        )
        is_so = any((a.start - b.start) * sense > 0 for a in firsts for b in seconds)
        return [] if is_so else None

    def _comparison(self, stretch: Stretch, story: Story) -> list[Fact] | None:
        """Prove "A is faster than B" from how fast events are."""
        at = next((index for index, token in enumerate(stretch.tokens) if token.text.lower() == "than"), None)
        wanted = {term for one in stretch.said for term in one} & {"faster", "slower"}
        if at is None or len(wanted) != 1:
            return None
        compared = {"faster", "slower"}
        left = Stretch([t for t in stretch.tokens[:at] if not t.says & compared], stretch.stamp)
        right = Stretch(stretch.tokens[at:], stretch.stamp)
        ones = self._candidates(left, [one for one in left.plain if self._is_name(one)] or story.subject)
        others = self._candidates(right, right.plain)
        is_more = operator.gt if wanted == {"faster"} else operator.lt
        pairs = [
            (a, b)
            for a in ones
            for b in others
            if a.size is not None and b.size is not None and a.start == b.start
        ]
        halves = {a.start for a, _ in pairs}
        latest = (
            story.latest.start if story.latest and story.latest.start in halves else min(halves, default=0.0)
        )
        same = [(a, b) for a, b in pairs if a.start == latest]
        is_so = bool(same) and all(is_more(a.size or 0.0, b.size or 0.0) for a, b in same)
        return [event for pair in same for event in pair] if is_so else None

    # States, lists and sums

    def _is_then(self, start: float, end: float, stretch: Stretch, story: Story) -> bool:
        """Return whether what holds from `start` to `end` may be told here."""
        stamp, near = stretch.stamp, self._tolerance
        if stretch.has("either-end") or "either-end" in story.phase:
            return start == 0.0 or end >= self._world.duration - 1.0
        if stretch.has("start-of-video") or "start-of-video" in story.phase:
            return start == 0.0
        if stretch.has("end-of-video") or "end-of-video" in story.phase:
            return end >= self._world.duration - 1.0
        events = story.maybe or [event for event in (story.latest,) if event]
        if stamp is not None and not any(self._agrees(event, Stretch((), stamp)) for event in events):
            return start - near <= stamp.low.ms <= end + near
        if _BEFORE.search(f"{story.heard} {stretch.text}"):
            return any(start < event.start <= end + near for event in events) or not events
        return any(start - near <= event.start <= end + near for event in events) or not events

    def _list(self, stretch: Stretch, story: Story) -> list[Fact] | None:
        """Prove what containers hold: several items are all that there are; a single one is among them."""
        groups = self._groups(stretch, story)
        if groups is None:
            return self._filled(stretch, story)
        for container, items in groups:
            held = [one for one in self._world.held if container in (None, one.container)]
            held = [one for one in held if self._is_then(one.start, one.end, stretch, story)]
            if not any(_is_held(one, items, is_all=stretch.has("quantifying")) for one in held):
                return None
        story.numbers |= {item for _, items in groups for item in items}
        return self._shown(stretch, story)

    def _filled(self, stretch: Stretch, story: Story) -> list[Fact] | None:
        """Prove that a container is empty, or how many it holds or what they come to."""
        containers = [term for token in stretch.tokens for term in token.says if term in self._containers]
        numbers = [int(one) for one in stretch.picked("n:") if one.isdigit()]
        others = [
            one
            for one in stretch.said
            if not one & (_FURNITURE | _SPECIAL | self._containers | {f"n:{n}" for n in numbers})
        ]
        is_empty = any("blank" in one for one in stretch.said)
        if len(containers) != 1 or others or (not is_empty and len(numbers) != 1):
            return None
        held = [one for one in self._world.held if one.container == containers[0]]
        then = [one.items for one in held if self._is_then(one.start, one.end, stretch, story)]
        if is_empty:
            is_so = any(not items for items in then)
        elif stretch.has("sum"):
            is_so = any(sum(int(one.removeprefix("n:")) for one in items) == numbers[0] for items in then)
        elif any(map(stretch.has, ("chip", "card", "file"))):
            is_so = any(len(items) == numbers[0] for items in then)
        else:
            return None
        return [] if then and is_so != stretch.has("denying") else None

    def _shown(self, stretch: Stretch, story: Story) -> list[Fact]:
        """Return the event that shows what is held or where, where a stretch tells its time or comes first."""
        if stretch.stamp is None and story.latest is not None:
            return []
        return [e for e in self._world.events if self._type(e) == "reveal" and self._agrees(e, stretch)]

    def _groups(self, stretch: Stretch, story: Story) -> list[tuple[str | None, list[str]]] | None:
        """Return which items a stretch gives to which container; None where it says something else."""
        containers = self._containers
        parts: list[tuple[str | None, str | None]] = []
        for token in stretch.tokens:
            if container := next(iter(token.says & containers), None):
                parts.append((container, None))
            elif item := next(
                (term for term in token.says if term in self._items or token.text == "?"), None
            ):
                parts.append((None, item))
            elif (
                token.says
                and not token.is_loose
                and not token.says & (_FURNITURE | {"quantifying"} | _SPECIAL)
            ):
                return None
        items = [item for _, item in parts if item]
        if (
            not items
            or stretch.has("denying")
            or stretch.has("blank")
            or (len(items) < 2 and len(containers) < 2)
        ):
            return None
        is_whole = bool(story.container) and stretch.has("quantifying")
        if len(items) < 2 and not is_whole and not any(container for container, _ in parts):
            return None
        is_first = parts[0][0] is not None
        groups: list[tuple[str | None, list[str]]] = []
        for container, item in parts if is_first else reversed(parts):
            if container is not None:
                groups.append((container, []))
            elif groups:
                groups[-1][1].append(str(item))
            else:
                groups.append((story.container if len(containers) > 1 else None, [str(item)]))
        return [(container, held if is_first else held[::-1]) for container, held in groups if held]

    def _state(self, stretch: Stretch, story: Story) -> list[Fact] | None:
        """Prove what is where, or looks how, at that time; and what objects are."""
        said = stretch.plain
        if (
            all(map(self._is_item, said))
            or any(stretch.picked(prefix) for prefix in _FIGURES)
            or self._superlatives(stretch)
        ):
            return None
        if ordinals := stretch.picked("ordinal:"):
            said = [*(one for one in said if "up" not in one), frozenset({f"ordinal:{ordinals[0]}"})]
        if any(fact.covers(said) for fact in self._world.standing):
            return None if stretch.has("denying") or self._is_anothers(stretch) else []
        if not all(map(self._is_name, said)):
            said = said if any(map(self._is_name, said)) else said + story.subject
        if self._is_course(said):
            return []
        stated = frozenset().union(*(fact.terms for fact in self._world.states))
        if not said or not all(one & stated for one in said):
            return None
        is_so = any(
            f.covers(said) and self._is_then(f.start, f.end, stretch, story) for f in self._world.states
        )
        if stretch.has("denying"):
            if sum(map(self._is_item, said)) > 1:
                return None
            return None if is_so else []
        return self._shown(stretch, story) if is_so else None

    def _is_course(self, said: Said) -> bool:
        """Return whether an object is in several places named one after the other."""
        places = [one for one in said if any(term.startswith("cell:") for term in one)]
        names = [one for one in said if one not in places]
        course = iter([fact for fact in self._world.states if fact.covers(names)])
        return (
            bool(names)
            and len(places) > 1
            and all(any(f.covers([place]) for f in course) for place in places)
        )

    def _is_anothers(self, stretch: Stretch) -> bool:
        """Return whether a name stands at a time at which all that happens is done by others."""
        events = [e for e in self._world.events if stretch.stamp and self._agrees(e, stretch)]
        named = [e for e in events if e.subject or any(term.startswith("name:") for term in e.terms)]
        return bool(named) and len(named) == len(events)

    def _equation(self, stretch: Stretch, story: Story) -> list[Fact] | None:
        """Prove sums: both sides are equal, and the numbers were told or are held somewhere."""
        known = self._items | story.numbers
        for text in stretch.picked("equation:"):
            left, right = text.partition("=")[::2]
            terms = {f"n:{int(number)}" for number in re.findall(r"\d+", left)}
            left = left.replace("…", story.result).replace(
                "?", str(self._world.metadata["question"]["answer"])
            )
            if any(value(left) != value(one) for one in right.split("=")) or not terms <= known:
                return None
            story.result = right.split("=")[-1].strip()
            story.numbers.add(f"n:{story.result}")
            known = known | story.numbers
        is_rest = [
            not any(one == "sum" or one.startswith("equation:") for one in token.says)
            for token in stretch.tokens
        ]
        rest = Stretch(
            [token for token, is_it in zip(stretch.tokens, is_rest, strict=True) if is_it], stretch.stamp
        )
        signs = [one for one in rest.said if not one <= _SIGNS]
        return self._proof(rest, story, is_last=False) if signs else []

    # Times

    def _is_marked(self, stamp: Stamp) -> bool:
        """Return whether something begins or ends at each end of a time, or the video does."""
        marks = [0.0, self._world.duration, *(ms for e in self._world.events for ms in (e.start, e.end))]
        return all(any(one.is_near(ms, self._tolerance) for ms in marks) for one in _ends(stamp))

    def _is_length(self, stamp: Stamp | None, at: Stamp | None) -> bool:
        """Return whether an event, at the time that is told beside, takes so long, or so long passes between two."""
        edges = [0.0, self._world.duration, *(ms for e in self._world.events for ms in (e.start, e.end))]
        events = [e for e in self._world.events if self._agrees(e, Stretch((), at))] or self._world.events
        lengths = [e.end - e.start for e in events]
        if stamp is not None and stamp.kind is StampKind.GAP:
            lengths += [abs(a - b) for a in edges for b in edges]
        return stamp is not None and any(stamp.low.is_near(one, self._tolerance) for one in lengths)


def _ends(stamp: Stamp) -> Iterator[Moment]:
    yield stamp.low
    if stamp.high is not None:
        yield stamp.high


def _is_held(held: Held, items: Sequence[str], *, is_all: bool) -> bool:
    if len(items) == 1 and not is_all:
        return items[0] in held.items
    if not held.is_ordered:
        return sorted(held.items) == sorted(items)
    return len(held.items) == len(items) and all(
        b in (a, "unknown") for a, b in zip(held.items, items, strict=True)
    )


def _uncounted(tokens: Sequence[Token]) -> Sequence[Token]:
    """Return a sentence without the number of its times: "the first three, at 1 s, 2 s and 3 s"."""
    times = sum(bool(token.stamp and token.stamp.is_moment) for token in tokens)
    if times < 2:
        return tokens
    found: list[Token] = []
    for at, token in enumerate(tokens):
        before = tokens[at - 1].text.lower() if at else ""
        is_group = (
            at + 1 < len(tokens) and f"n:{times}" in tokens[at + 1].says and token.text.lower() in _GROUPS
        )
        is_all = at + 1 < len(tokens) and token.text.lower() in ("all", "each") and bool(token.says)
        if (
            not is_group
            and not (is_all and len(found) < at)
            and not (f"n:{times}" in token.says and before in _GROUPS)
        ):
            found.append(token)
    return found


def _concludes(clause: Sequence[Token], at: int) -> bool:
    """Return whether a conclusion begins at a word: behind a comma or the like."""
    return clause[at].text.lower() in _SO and bool(clause[at - 1].cut)


def _modified(stretch: Stretch) -> Said:
    """Return what an ordinal counts where a verb of being ends it: "the last hit | is on the upper wall"."""
    begun = next(
        (at for at, token in enumerate(stretch.tokens) if any(t.startswith("ordinal:") for t in token.says)),
        None,
    )
    ended = next(
        (
            at
            for at, token in enumerate(stretch.tokens)
            if token.text.lower() in _COPULA and at > (begun or 0)
        ),
        None,
    )
    return Stretch(stretch.tokens[begun:ended], None).plain if begun is not None and ended is not None else []


def _plays(stretch: Stretch, fact: Fact) -> bool:
    """Return whether who does it to whom, or from where to where, is told as it is."""
    own, other = fact.subject - fact.other, fact.other - fact.subject
    if not own or not other:
        return True
    side = next((index for index, token in enumerate(stretch.tokens) if token.says & _SIDES), None)
    for index, token in enumerate(stretch.tokens):
        near = [one.text.lower() for one in stretch.tokens[max(0, index - 4) : index]]
        before = next((one for one in reversed(near) if one in _FROM_TO), "")
        if (token.says & own and before in ("to", "into", "onto")) or (
            token.says & other and before == "from"
        ):
            return False
    if side is None or any(term.startswith("cell:") for term in own):
        return True
    behind = [bool(token.says & other) for token in stretch.tokens[side + 1 :] if token.says & (own | other)]
    ahead = [bool(token.says & own) for token in stretch.tokens[:side] if token.says & (own | other)]
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
