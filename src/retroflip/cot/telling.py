"""A text against what is true and what is claimed: sentence by sentence, piece by piece.

A sentence is cut at its times, commas and joining words. The longest runs of pieces that one source bears out
(`retroflip.cot.truth`) are taken first; an event told with a time must be one that a claim names. English is not
parsed.
"""

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from retroflip.cot.reading import PHASES, SUPERLATIVES, Terms, Token, Words, clauses, is_asking
from retroflip.cot.stamps import Stamp, StampKind
from retroflip.cot.truth.answers import NOUNS
from retroflip.cot.truth.events import ENDING, HOLDING, is_nth, numbers_of
from retroflip.cot.truth.needs import matters
from retroflip.cot.truth.proof import APART, PACED, REACHED, Truth
from retroflip.cot.truth.ranks import COMPARING
from retroflip.cot.truth.when import When
from retroflip.cot.truth.whole import Whole
from retroflip.cot.world import ON, VALUES, Fact, Held

_LONGEST = 600
"""tokens of a sentence"""
_WIDEST = 40
"""pieces that are looked up together"""
_MOST_ENDS = 100
"""ends of one sentence that are tried part by part, before it is refused"""
_STRONG = 3
"""a colon or semicolon: what is before it is looked up first"""
_PLAN = re.compile(
    r"^(?:(?:so|now|okay|ok|first|then|and|but|here|alright|hmm|wait|to begin|for this|the task is|my plan is"
    r"|step one is)"
    r" ,? ?)*(?:let me|let's|let us|i \w+|i'll|i'm|we \w+|we're asked|plan|to|the question|the task|what matters|what i"
    r"|my (?:plan|task|goal|job)|everything i|all i|the goal|the problem|.*\bask(?:ed|s) (?:for|about)\b"
    r"|looking at|watching|tracking|following|(?:only )?.* (?:matters?|counts?)(?: here)?$)\b"
)
_FACT = re.compile(
    r"(?:,|;|\b(?:and|but|so|because|since)) (?:,? ?)(?:that|this|it|they|there|which) (?:is|are|was|were)\b"
)
"""what goes on with a statement behind a plan"""
_PERCEIVED = re.compile(
    r"^(?:\w+ )?(?:i|we) (?:see|saw|notic\w+|observ\w+|found|find|know|knew|spot\w*|hear\w*)\b"
)
"""what is no plan, but tells what happens"""
_ITS = re.compile(r"\b(?:it|its)\b")
_UNDOING = re.compile(r"^(?:\w+ )?undo\w*\b")
_STARTS = re.compile(r"\b(?:starts?|started|begins?|began)\b")
_STARTS_AT = re.compile(
    r"\b(?:starts?|started|begins?|began) (?:out )?(?:below|above|over|under|beneath|in)\b"
)
_WHETHER = re.compile(
    r"^(?:let me|let's|to answer|i (?:need|want)|we (?:need|want))\b[^:;.]*\b(?:if|whether)\b"
)
_LAW = re.compile(
    r"^(?:, )?(?:(?:so|and|since|because) )?(?:the|a|an)? ?"
    r"(?:farther|further|more|less|longer|shorter|larger|greater|higher|smaller)\b"
    r".*\b(?:means?|implies|the (?:faster|quicker|slower))\b"
    r"|^(?:, )?(?:so )?(?:whoever|whichever|the one that|what) (?:\w+ )?(?:farther|further|longer|faster|more)\b"
    r".*\bis (?:the )?(?:faster|quicker|slower)$"
    r"|^(?:, )?(?:(?:so|and|since|because|as|here) )?(?:multiplications?|divisions?|multiplying|dividing)"
    r"(?: (?:and|or) (?:divisions?|multiplications?))? (?:comes?|goes?|is done|are done|has priority|binds?)"
    r"(?: (?:first|stronger|before (?:additions?|subtractions?)(?: (?:and|or) (?:additions?|subtractions?))?))*$"
)
"""what holds of all videos"""
_PLANNED = PHASES | frozenset(
    {"quantifying", "pace", "concern", "sum", "back", "open", "change", "move", "faster", "slower", "still", "more",
     "less", "further", "centre", "otherwise", "same", "exactly", "candidate",
     "equally-long"}
)  # fmt: skip
"""what plans may say besides"""
_BETWEEN = frozenset({"to", "with", "and", "into", "for"})
_WITH_WHICH = frozenset({"at", "in", "of", "by", "from", "on", "to", "after"})
_GROUPS = frozenset(
    {"first", "next", "last", "these", "all", "other", "remaining", "following", "those", "the"}
)
_ARRIVING = re.compile(r"\b(?:arriv\w*|ends?|finish\w*|stops?|complet\w*|done)\b")
_BESIDE = frozenset({"than", "before", "after"})
_ON = re.compile(r"(?:, |and )*(?:then|next|afterwards|after that)\b")
_ANY_MORE = re.compile(r"\b(?:any ?more|else|further|again|new|my|these|those|neither|matters?)\b")
_AGAIN_SO = re.compile(r"\b(?:is|was|has|shows?) .*\bagain\b|\bback to\b")
_SOME_EARLIER = re.compile(r"\b(?:an|some) earlier \w+ had\b")
_ABOUT = re.compile(
    r"\b(?:question|task|puzzle) (?:\w+ )?(?:asks?|wants|concerns)\b|\bquestion (?:\w+ )?is (?:only )?(?:about|for)\b"
    r"|\basked (?:only )?(?:for|about)\b|\bonly .*(?:counts?|matters?)\b(?! \w+ (?:\w+ )?(?:up|down|to)\b)"
    r"|\b(?:i|we) (?:only|just) (?:want|need|count|care|look|have to)\b"
)
"""what a question is about, told beside something else"""
_EQUALLY_OFTEN = re.compile(r"\bas (?:often|many)(?: \w+)? as\b")
"""what only claims say so that it can be looked up"""
_BY_TIME = re.compile(r"(?:longer|shorter|more|less|faster|quicker|slower)(?: than)?\b")
_RELATING = re.compile(
    r"\bas (?:often|many|much|far|long|fast) (?:\w+ )?as\b(?! the \w+ (?:is|are)\b)"
    r"|\bthan\b|\bbetween\b|\bbefore\b|\bafter\b(?! that\b)"
)
"""what says how things compare or follow each other, and is not vague"""
_VAGUE = frozenset(
    {"denying", "further", "quantifying", "exactly", "blank", "concern", "more", "less", "earliest", "back"}
)
_AGAIN = _VAGUE - {"blank", "denying"} | {"enter", "same", "move"}
_OPEN = re.compile(
    r"\b(?:transparent|see through|listed|uncovered|is open|are shown|show their numbers|covers (?:\w+ )?open)\b"
)
_SINGLE = SUPERLATIVES | {"denying", "answer", "further", "exactly"}
"""what several events cannot share"""
_OPENING = frozenset({"while", "when", "as", "since", "because", "although", "though", "whereas"})
_FOLLOWING = frozenset(
    {"so", "because", "since", "making", "leaving", "giving", "therefore", "thus", "hence"}
)
_ASKING = ("which ", "who ", "what ", "how ", "where ")
_JOINTS = frozenset({",", ";", "so", "and", "but", "then"})
_JOINING = _FOLLOWING | {";", ":", "and", "but", "while", "whereas", "as"}
_SPARING = re.compile(
    r"(?:(?:do|does|did|is|are|was|were|has|have|had|can|could) not|\w+n't|never"
    r"|(?:neither|none)(?: of (?:which|them|these|those))?|no longer) (?:\w+ )?"
    r"(?:concern\w*|affect\w*|involve\w*|touch\w*|matter\w*|change\w*|move\w*|disturb\w*|influence\w*)\b"
    r"|(?:leaves?|left|leaving|keeps?) .*\b(?:alone|untouched|unchanged|unaffected|where|in (?:its )?place|as)\b"
    r"|(?:changes?|moves?|does|do|affects?|shifts?) (?:nothing|no \w+|only (?:empty )?\w+ without"
    r"|(?:only )?(?:(?:two|the) )?empty \w+)"
    r"|plays? no (?:role|part)|(?:makes?|made) no difference|(?:has|have|had) no (?:effect|influence|bearing)"
    r"|(?:is|are|was|were) (?:irrelevant|not relevant|of no)"
)
"""what says that an operation leaves something as it is"""
_CHAINED = re.compile(r"(?:, |and )*(?:followed by|ahead of)\b")
"""what goes on with a ranking, and says nothing without its beginning"""
_HELPING = frozenset({"is", "are", "was", "were", "must", "can", "has", "may"})
_SO = frozenset({"so", "therefore", "hence", "thus"})


@dataclass
class Story:
    """How far a text has come.

    latest: the event told last. chain: that of the same sentence. subject, container: what was named last.
    dated: events told with times. known: how many of them before the sentence. said: by which words the last one was.
    told: events told with times or without. sums: numbers of the sentence's sums. spared: what was said to leave things
    as they are.
    """

    latest: Fact | None = None
    subject: tuple[Terms, ...] = ()
    nearest: tuple[Terms, ...] = ()
    run: tuple[Token, ...] = ()
    container: str | None = None
    phase: str | None = None
    numbers: frozenset[str] = frozenset()
    result: str = ""
    topic: tuple[Terms, ...] = ()
    dated: list[int] = field(default_factory=list)
    told: frozenset[int] = frozenset()
    known: int = 0
    chain: Fact | None = None
    parts: tuple[str, ...] = ()
    said: tuple[Terms, ...] = ()
    spared: list[int] = field(default_factory=list)
    sums: frozenset[str] = frozenset()
    is_timeless: bool = False
    is_undoing: bool = False
    is_back: bool = False

    @property
    def key(self) -> Hashable:
        """What tells it from other stories."""
        own = (one for name, one in vars(self).items() if name not in ("run", "nearest"))
        return tuple(tuple(one) if isinstance(one, list) else one for one in own)


@dataclass(frozen=True)
class Licence:
    """What claims allow a text to tell.

    numbers: the events that they name, None for all. held: the contents that they give.
    """

    numbers: frozenset[int] | None = None
    held: tuple[Held, ...] = ()


class Teller:
    """Follows a text through its sentences."""

    def __init__(self, truth: Truth, licence: Licence) -> None:
        self._truth, self._world, self.licence = truth, truth.world, licence
        self.story = Story()
        self._whole = Whole(truth)
        doings = [
            term for e in self._world.events for term in e.terms if term not in VALUES and ":" not in term
        ]
        looks: Terms = frozenset().union(*self._world.looks.values())
        self._doings = frozenset(doings) | {"move", "swap", "change"}
        self._planned = truth.asked | looks | _PLANNED | self._doings

    def fault(self, tokens: Sequence[Token], *, is_last: bool) -> str | None:
        """Return the first words of a sentence that nothing bears out, None where all of it is borne out."""
        words, story = Words(tokens), self.story
        story.is_back, story.subject = False, ()
        story.known = 0 if _ON.match(words.text) else len(story.dated)
        story.chain = story.latest if _ON.match(words.text) else None
        if len(tokens) > _LONGEST or _repeats(tokens, self._world.containers):
            return words.text[:80]
        if (stranger := self._truth.stranger(tokens)) and not words.has("denying"):
            return stranger
        if _EQUALLY_OFTEN.search(words.text):
            return words.text
        phases = {term for token in tokens for term in token.says & PHASES}
        story.phase = phases.pop() if len(phases) == 1 else None
        story.topic = tuple(words.plain)
        story.sums = frozenset(
            f"n:{one}" for text in words.picked("equation:") for one in re.findall(r"\d+", text)
        )
        story.parts = tuple(words.picked("part:"))[:1]
        story.is_undoing = bool(_UNDOING.search(words.text))
        story.is_timeless = not any(token.stamp for token in tokens)
        if self._is_plan(words) or _LAW.search(words.text):
            return words.text if self._is_refuted(tokens) else None
        if is_last and not words.has("denying") and self._truth.is_misordered(words):
            return words.text
        if is_last and not words.has("denying") and self._truth.names_wrong(words):
            return words.text
        if words.has("answer") and self._truth.is_otherwise(words):
            return words.text
        if not self._truth.is_row(words):
            return words.text
        told = self._headless(tokens)
        head, times = Words(tokens[: len(tokens) - len(told)]), _times(told)
        if _OPEN.search(head.text) and times and not any(self._is_open(one, words.text) for one in times):
            return words.text
        fault = self._told(told)
        return words.text if fault is None and self._is_refuted(tokens) else fault

    def _is_refuted(self, tokens: Sequence[Token]) -> bool:
        """Return whether a sentence is false as a whole, its pieces being true."""
        return self._whole.is_refuted(tokens, self.story.dated, self._when(None, ""))

    def _told(self, tokens: Sequence[Token]) -> str | None:
        """Look a sentence up in one, or part by part; return its first words that nothing bears out."""
        begun = self.kept()
        fault = self._clauses(_uncounted(tokens))
        if fault is None:
            return None
        self.story = begun
        if self._is_spared(tokens):
            return None
        self.story = replace(begun, dated=list(begun.dated), spared=list(begun.spared))
        joints = [at for at, token in enumerate(tokens) if at and token.text.lower() in _JOINING]
        if any(self._is_beside_plan(tokens, at) for at in joints):
            return None
        return None if _times(tokens) and self._is_told_apart(tokens) else fault

    def _is_beside_plan(self, tokens: Sequence[Token], at: int) -> bool:
        """Return whether one side of a joint is a plan, and the other is true: "but I will follow the star"."""
        sides = tokens[:at], tokens[at + 1 :]
        for plan, told in (sides, sides[::-1]):
            begun = self.kept()
            words = Words(_unjoined(plan))
            is_plan = bool(_PLAN.search(words.text)) or words.text.startswith(_ASKING)
            if (
                is_plan
                and not any(map(self._world.is_item, words.said))
                and self._is_plan(words)
                and (self._is_plan(Words(told)) or self._clauses(told) is None)
            ):
                return True
            self.story = begun
        return False

    def kept(self) -> Story:
        """Return how far the text has come, to go back to."""
        return replace(self.story, dated=list(self.story.dated), spared=list(self.story.spared))

    def _clauses(self, tokens: Sequence[Token]) -> str | None:
        """Look up the stretches of a sentence, each with its time, and times in a row without words."""
        self.story.said = ()
        row: list[tuple[Stamp, tuple[Terms, ...]]] = []
        for clause in clauses(tokens):
            before, times = self.story.said, _times(clause)
            if fault := self._clause(clause):
                return fault
            if times and all(token.says <= _AGAIN for token in clause):
                row.append((times[0], before))
                self.story.dated += self._alike(times[0], before, tokens)
            else:
                if not all(self._is_alike(stamp, (one, self.story.said), tokens) for stamp, one in row):
                    return Words(clause).text
                row = []
        return next(
            (Words(tokens).text for stamp, one in row if not self._is_alike(stamp, (one,), tokens)), None
        )

    def _is_alike(self, stamp: Stamp, told: Sequence[tuple[Terms, ...]], tokens: Sequence[Token]) -> bool:
        """Return whether an event at a time without words of its own is as what is told beside it."""
        events = [e for e in self._world.events if self._truth.at(e, When(stamp), Words(tokens).text)]
        told = [tuple(one for one in own if not one & ON) for own in told]
        return not any(told) or any(e.covers(one) for one in told if one for e in events)

    def _alike(self, stamp: Stamp, told: Sequence[Terms], tokens: Sequence[Token]) -> list[int]:
        """Return the event at a time without words of its own that is as what is told beside it."""
        text, own = Words(tokens).text, [one for one in told if not one & ON]
        events = [e for e in self._world.events if self._truth.at(e, When(stamp), text) and e.covers(own)]
        return [e.number for e in events[:1] if e.number is not None]

    def _is_told_apart(self, tokens: Sequence[Token], refuted: set[Hashable] | None = None) -> bool:
        """Return whether a sentence is true part by part: each with its own times, or with several at once.

        refuted: the ends of the sentence that are not, with how far the text had come. Most ways to part what is
        before them come to the same, and there are two or three times as many for each joint.
        """
        refuted = set() if refuted is None else refuted
        begun = self.kept()
        reached = (len(tokens), begun.key)
        if reached in refuted or len(refuted) > _MOST_ENDS:
            return False
        ends = [*_joints(tokens), len(tokens)]
        for end in reversed(ends):
            part, rest = tokens[:end], tokens[end:]
            is_told = bool(Words([token for token in part if not token.stamp]).said)
            for is_true in (self._is_each_told, self._is_spread) if is_told else ():
                if is_true(part) and (not rest or self._is_told_apart(rest, refuted)):
                    return True
                self.story = replace(begun, dated=list(begun.dated), spared=list(begun.spared))
        refuted.add(reached)
        return False

    def _is_each_told(self, tokens: Sequence[Token]) -> bool:
        return self._clauses(_uncounted(tokens)) is None

    def _is_spared(self, tokens: Sequence[Token]) -> bool:
        """Return whether operations, told with their times or last, leave something as it is, as is said of them."""
        texts = [token.text.lower() for token in tokens]
        at = next((at for at in range(1, len(texts)) if _SPARING.match(" ".join(texts[at:]))), 0)
        held = self._world.containers
        left = tokens[:at]
        right = Words([replace(one, is_loose=one.is_loose and not one.says & held) for one in tokens[at:]])
        known = len(self.story.dated)
        times, is_bare = _times(left), not Words(left).said
        near = Words(tokens[at : at + 4]).plain
        is_valued = any(one & VALUES and not self._world.is_name(one) for one in near)
        if (
            not at
            or is_valued
            or not (is_bare or (times and (self._clauses(left) is None or self._is_spread(left))))
        ):
            return False
        numbers = self.story.dated[known:] if times else [e.number for e in (self.story.latest,) if e]
        if times and is_bare:
            numbers = [
                e.number for one in times for e in self._world.events if self._truth.at(e, When(one), "")
            ]
        events = [next(e for e in self._world.events if e.number == one) for one in numbers]
        self.story.spared += [one for one in numbers if one is not None]
        return bool(events) and all(self._leaves(e, right) for e in events)

    def _leaves(self, event: Fact, words: Words) -> bool:
        """Return whether an event leaves as it is what words name, or else what is asked about."""
        names = [one for one in words.plain if self._world.is_name(one) or one & self._world.containers]
        names += [
            one for one in words.plain if any(term.startswith(("command:", "cell:", "n:")) for term in one)
        ]
        if not names and event.number is not None and not matters(self._world, event.number):
            return True
        return self._truth.spares(words, replace(self._when(None, ""), latest=event))

    def _is_spread(self, tokens: Sequence[Token]) -> bool:
        """Return whether words hold of the events at several times: each of all of them, or one after the other.

        "Chips 2 and 11 fall into C at 3.6 s and 4.3 s"; how many times there are may be told.
        """
        stamps = _times(tokens)
        words = Words([token for token in tokens if not token.stamp])
        is_single = any(map(words.has, _SINGLE)) or _is_of_things(words)
        is_single = is_single or any(t.text.lower() in _BESIDE for t in words.tokens)
        if (
            len(stamps) < 2
            or is_single
            or not words.plain
            or any(t.stamp and not t.stamp.is_moment for t in tokens)
        ):
            return False
        texts = [Words(tokens[max(0, at - 3) : at]).text for at, token in enumerate(tokens) if token.stamp]
        pools = [
            list(map(self._truth.ranked, self._then(one, text)))
            for one, text in zip(stamps, texts, strict=True)
        ]
        if any(len(a) == len(b) == 1 and a[0].number == b[0].number for a, b in pairwise(pools)):
            return False
        amount = {f"{kind}:{len(stamps)}" for kind in ("n", "count")}
        own: list[tuple[int, Terms]] = []
        passed = 0
        for token in tokens:
            passed += token.stamp is not None
            narrowed = [[e for e in pool if token.says & e.terms] for pool in pools]
            is_amount = token.says & amount and not token.says & self._world.items
            if not token.says or token.is_loose or is_amount or token.says <= _VAGUE:
                continue
            if all(narrowed):
                pools = narrowed
            else:
                own.append((passed, token.says))
        if not all(pools) or not _is_shared_out(own, pools):
            return False
        for pool, stamp in zip(pools, stamps, strict=True):
            self._tell(pool, Words([]), stamp)
        self.story.subject = (
            tuple(one for one in words.plain if self._world.is_name(one)) or self.story.subject
        )
        return True

    def _is_plan(self, words: Words) -> bool:
        """Return whether a sentence tells what is asked or what is going to be watched, and no more than that."""
        if _WHETHER.search(words.text):
            return True
        if any(token.stamp for token in words.tokens) or any(map(words.has, ("denying", "answer"))):
            return False
        if _FACT.search(words.text):
            return False
        is_plan = (
            bool(_PLAN.search(words.text) and not _PERCEIVED.search(words.text))
            or any(map(is_asking, words.tokens[:2]))
            or words.text.endswith("?")
        )
        known = self._planned if is_plan else self._truth.asked
        is_ranked = any(one & SUPERLATIVES for one in words.said)
        if (is_ranked or REACHED.search(words.text)) and not is_plan:
            return False
        figures = ("ordinal:", "part:", "nth:") if is_plan and not is_ranked else ()
        values = frozenset() if is_plan else VALUES - self._world.looks.get(self._target, frozenset())
        counts = {f"n:{one}" for one in self._truth.given} if is_plan else set()
        return all(
            (
                one & known
                if is_plan
                else (one <= known or (self._world.is_name(one) and not one & self._world.containers))
                and not one & values
            )
            or one & counts
            or (figures and any(t.startswith(figures) for t in one))
            for one in words.said
        ) and not (
            not is_plan
            and any(term.startswith(("n:", "count:", "ordinal:")) for one in words.said for term in one)
        )

    def _is_asked(self, run: Words) -> bool:
        """Return whether what a run says that the question is about is in the question, or is not, if it says so."""
        ways = [one for one in run.said if one & VALUES and not self._world.is_name(one)]
        is_known = all(
            one & self._planned
            or any(term.startswith(("n:", "ordinal:")) for term in one & self._truth.asked)
            for one in run.said
            if one not in ways and not one <= _VAGUE
        )
        is_denied = run.has("denying")
        return is_known and all(bool(one & self._truth.asked) != is_denied for one in ways)

    def _headless(self, tokens: Sequence[Token]) -> Sequence[Token]:
        """Return a sentence without the words that announce what a colon is followed by."""
        at = next((at for at, token in enumerate(tokens) if token.text == ":"), -1)
        head = Words(tokens[: at + 1])
        is_head = not any(token.stamp for token in head.tokens) and all(
            one & (self._doings | PHASES) or one & {f"n:{number}" for number in self._truth.given}
            for one in head.said
        )
        return tokens[at + 1 :] if is_head else tokens

    @property
    def _target(self) -> str:
        return str(self._world.question["parameters"].get("object"))

    def _clause(self, clause: Sequence[Token]) -> str | None:
        """Look up the stretch of a sentence that goes with one time."""
        before = [] if clause and clause[0].says else list(self.story.subject)
        moments = [token for token in clause if token.stamp and token.stamp.is_moment]
        stamp = moments[0].stamp if moments else None
        words = [token for token in clause if token.stamp is None]
        if stamp is not None and not self._may_stand(stamp, Words(words)):
            return moments[0].text
        concluded = next((at for at in range(1, len(words)) if _concludes(words, at)), len(words))
        for part, time in ((words[:concluded], stamp), (words[concluded:], None)):
            if part and (fault := self._pieces(part, time)):
                return fault
        begun = 0
        for at, token in enumerate(clause):
            if token.stamp and not token.stamp.is_moment:
                behind = Words(clause[at + 1 : at + 3]).text
                if _BY_TIME.match(behind):
                    return token.text
                is_pause = self._truth.is_nothing(Words(clause)) and self._truth.is_pause(
                    token.stamp.low, self.story.latest
                )
                if not is_pause and not self._is_length(
                    token.stamp, stamp, Words(clause[begun:at]).plain, before
                ):
                    return token.text
                if token.stamp.kind is StampKind.GAP and not self._is_gap(token.stamp, behind):
                    return token.text
                begun = at
        return None

    def _then(self, stamp: Stamp, text: str) -> list[Fact]:
        """Return the events that may be told with a time."""
        numbers = self.licence.numbers
        return [
            e
            for e in self._world.events
            if self._truth.at(e, When(stamp), text) and (numbers is None or e.number in numbers)
        ]

    def _may_stand(self, stamp: Stamp, words: Words) -> bool:
        """Return whether words may be told with a time: something is then, and what is open is opened then."""
        is_shown = not _OPEN.search(words.text) or self._is_open(stamp, words.text)
        return is_shown and self._is_licensed(stamp) and self._is_its_end(stamp, words)

    def _is_open(self, stamp: Stamp, text: str) -> bool:
        """Return whether covers are open then."""
        reveals = [e for e in self._world.events if self._world.kind_of(e) == "reveal"]
        return any(self._truth.at(e, When(stamp), text) for e in reveals)

    def _is_its_end(self, stamp: Stamp, words: Words) -> bool:
        """Return whether a time at which nothing but an end is told is the end of the event told last."""
        if words.said or not _ARRIVING.search(words.text) or self.story.latest is None:
            return True
        return stamp.low.is_near(self.story.latest.end, self._truth.near)

    def _is_licensed(self, stamp: Stamp) -> bool:
        """Return whether something that is claimed begins or ends at each end of a time."""
        numbers = self.licence.numbers
        if numbers is not None:
            free = [e.number for e in self._world.events if self._world.kind_of(e) in ("blank", "reveal")]
            numbers = numbers.union(n for n in free if n is not None)
        low = self._truth.is_mark(stamp.low, numbers)
        return low and (stamp.high is None or self._truth.is_mark(stamp.high, None))

    def _is_length(
        self, length: Stamp | None, stamp: Stamp | None, words: Sequence[Terms], before: Sequence[Terms]
    ) -> bool:
        """Return whether what is told before a length, at its time or last takes so long."""
        told = [e for e in self._world.events if stamp and self._truth.at(e, When(stamp), "")]
        named = [one for one in words if self._world.is_name(one)]
        named = named or [one for one in before if self._world.is_name(one)]
        own = (
            [e for e in self._world.events if named and e.covers(named)]
            or told
            or [e for e in self._world.events if self.story.subject and e.covers(self.story.subject)]
        )
        return length is not None and self._truth.is_length(
            length.low, own, is_gap=length.kind is StampKind.GAP
        )

    def _is_gap(self, gap: Stamp, behind: str) -> bool:
        """Return whether so long passes between an event told before and the one told last, to the side told."""
        told = [e for one in self.story.dated for e in self._world.events if e.number == one]
        latest = self.story.latest
        if latest is None or len(told) < 2 or behind.split()[:1] not in (["later"], ["earlier"]):
            return True
        sign = 1 if behind.startswith("later") else -1
        told = told if " than" in behind else [e for e in told if e.number != latest.number][-1:]
        steps = [sign * (latest.start - begun) for e in told for begun in (e.start, e.end)]
        return any(gap.low.is_near(one, self._truth.near) for one in steps)

    def _may_cut(self, words: Sequence[Token], at: int) -> bool:
        """Return whether words may be cut at a token: not within a list of things that are held."""
        near = [token for token in words[at : at + 3] if token.text.lower() not in (",", "and")][:1]
        is_list = all(
            any(map(self._world.items.__contains__, token.says)) for token in (words[at - 1], *near)
        )
        if is_list and near and "put" not in Words(words[at:]).text:
            return False
        return bool(_is_cut(words[at - 1], words[at])) or self._is_held(words[at:])

    def _is_held(self, words: Sequence[Token]) -> bool:
        """Return whether what a container holds is told from here on: "with logo.txt | logs has five files"."""
        is_container = bool(words[0].says & self._world.containers)
        return is_container and len(words) > 1 and words[1].text.lower() in ("has", "holds", "contains")

    def _pieces(self, words: Sequence[Token], stamp: Stamp | None) -> str | None:
        """Prove words in the longest runs of pieces that can be."""
        cuts = [
            0,
            *(at for at in range(1, len(words)) if self._may_cut(words, at)),
            len(words),
        ]
        strength = [words[cut].cut == _STRONG if cut < len(words) else 2 for cut in cuts]
        if words[0].text.lower() in _OPENING and "," in (texts := [token.text for token in words]):
            strength = [
                1 if cut == texts.index(",") else one for cut, one in zip(cuts, strength, strict=True)
            ]
        begun, text, source = 0, Words(words).text, ""
        while begun < len(cuts) - 1:
            is_refuted = False
            ends = [len(cuts) - 1, *range(begun + 1, min(begun + _WIDEST, len(cuts) - 1))]
            for ended in sorted(ends, key=lambda end: (-strength[end], -end)):
                run = Words(words[cuts[begun] : cuts[ended]])
                inner = pairwise(run.tokens[:-1])
                if (
                    run.has("denying")
                    and not run.has("answer")
                    and any(_is_cut(a, b) and b.text.lower() != "where" for a, b in inner)
                ):
                    continue
                if _mixes(run) or (begun and _CHAINED.match(run.text)):
                    continue
                is_of_then = self._truth.is_told_of(run, self._when(stamp, text))
                found = self._run(run, stamp, text, source) if is_of_then or not is_refuted else None
                is_refuted = is_refuted or (is_of_then and found is None)
                if found is not None:
                    source = self._tell(found, run, stamp) or source
                    begun = ended
                    break
            else:
                return " ".join(token.text for token in words[cuts[begun] : cuts[-1]]) or "nothing"
        return None

    def _run(self, run: Words, stamp: Stamp | None, text: str, source: str) -> list[Fact] | None:
        """Return what bears a run out; figures alone go on with a list of events, and with nothing else."""
        said = [one for one in run.said if not one <= PHASES]
        if not said and not APART.search(run.text):
            return None if self._truth.is_loud(run, self._when(stamp, text)) else []
        when = self._when(stamp, text)
        if (asking := _ABOUT.search(run.text)) and not run.has("answer"):
            is_all = not Words(run.tokens[: run.place_of(asking.start())]).said or asking.end() == len(
                run.text
            )
            if is_all and (not run.has("denying") or any(one & VALUES for one in run.said)):
                return [] if self._is_asked(run) else None
        is_bare = bool(said) and all(self._world.is_item(one) for one in said)
        if is_bare and all(one <= self.story.sums for one in said):
            return []
        if stamp is None and is_bare and source == "events" and len(said) == 1:
            later = [
                e
                for e in self._world.events
                if e.covers(said) and (not self.story.latest or e.start >= self.story.latest.start)
            ]
            if later:
                return later[:1]
        if stamp is None and _LAW.search(run.text):
            return []
        if any(token.text.lower() in ("which", "who") for token in run.tokens[:2]):
            when = replace(when, subject=self.story.nearest or when.subject)
        if _STARTS.search(run.text) and (stamp is None or _STARTS_AT.search(run.text)):
            when = replace(when, stamp=None, phase=when.phase or "start-of-video")
        is_headless = bool(source) and bool(self._head(run))
        found = None if is_headless else self._truth.proof(run, when)
        if found is None and (elided := self._elided(run, is_further=bool(source))):
            found = self._truth.proof(elided, when)
        if found is None and stamp is not None:
            found = self._placed(run, when)
        if (
            found is None
            and stamp is None
            and _ITS.search(run.text)
            and self.story.nearest not in ((), when.subject)
        ):
            found = self._truth.proof(run, replace(when, subject=self.story.nearest))
        is_of_then = self._truth.is_told_of(run, when)
        if found is None and stamp is not None and not run.has("denying") and not is_of_then:
            found = self._follows(run, when)
        if found is None and self._is_vague(run, stamp):
            found = []
        if found == [] and stamp is not None and run.plain and not self._may_hold(run, when, source):
            return None
        if found and stamp is not None and self.licence.numbers is not None:
            shown = [e for e in found if self._world.kind_of(e) in ("reveal", "blank")]
            found = [e for e in found if e.number in self.licence.numbers or e in shown] or None
        is_ranked = any(one & SUPERLATIVES for one in run.said)
        is_ranked = is_ranked or "count" in run.text
        return self._in_order(found, run) if found and stamp is None and not is_ranked else found

    def _elided(self, run: Words, *, is_further: bool) -> Words | None:
        """Return a run with what it leaves out and what was said just before it; None where nothing is left out.

        "The star does not"; in one sentence: "and | ten points wider than the first", "the lower wall | only once".
        """
        before = Words(self.story.run)
        names = [one for one in run.said if self._world.is_name(one)]
        if names and before.tokens and len(run.said) == len(names) + 1 and run.has("denying"):
            rest = [token for token in before.tokens if not self._world.is_name(token.says)]
            return Words([*run.tokens, *rest]) if Words(rest).text.strip(" ,") else None
        if head := self._head(run) if is_further else ():
            return Words([*head, *run.tokens])
        is_count = bool(run.picked("count:")) and not any(map(_is_comparing, run.tokens))
        if not is_further or not is_count or before.has("denying"):
            return None
        values = VALUES if any(one & VALUES for one in run.plain) else frozenset()
        rest = [token for token in before.tokens if not (_is_amount(token) or token.says & values)]
        return Words([*rest, *run.tokens])

    def _head(self, run: Words) -> Sequence[Token]:
        """Return the beginning of the comparison that a run goes on with, naming nothing before its "than"."""
        than = next((at for at, token in enumerate(run.tokens) if token.text.lower().endswith("than")), 0)
        told = next((at for at, token in enumerate(self.story.run) if _is_amount(token)), 0)
        left = [token for token in run.tokens[:than] if token.says and not token.is_loose]
        is_bare = bool(left) and all(map(_is_amount, left))
        return self.story.run[:told] if is_bare and any(map(_is_comparing, self.story.run)) else ()

    def _placed(self, run: Words, when: When) -> list[Fact] | None:
        """Prove what an event does that is named by its place in the order and its time: "the third swap at 4.4 s"."""
        ordinals = [int(one) for one in run.picked("ordinal:") + run.picked("nth:")]
        core = Words([t for t in run.tokens if not any(o.startswith(("ordinal:", "nth:")) for o in t.says)])
        if len(ordinals) != 1 or not core.said:
            return None
        spot = next(
            at for at, t in enumerate(run.tokens) if any(o.startswith(("ordinal:", "nth:")) for o in t.says)
        )
        near = run.tokens[spot + 1 : spot + 2] if run.picked("ordinal:") else run.tokens[spot - 1 : spot]
        if not any(token.says & self._doings - VALUES for token in near):
            return None
        at = ordinals[0] - (ordinals[0] > 0)
        own = [e for e in self._world.events if self._truth.at(e, When(when.stamp), "")]
        kinds = {self._world.kind_of(e) for e in own}
        pools = [
            numbers_of(e for e in self._world.events if self._world.kind_of(e) == kind) for kind in kinds
        ]
        is_so = any(is_nth(e, at, pool) for e in own for pool in pools)
        return self._truth.proof(core, when) if is_so else None

    def _in_order(self, found: list[Fact], run: Words) -> list[Fact] | None:
        """Return the events that may be told behind those of the same sentence: none that is over before them."""
        chain = self.story.chain
        if chain is None:
            return found
        if _ON.match(run.text):
            return [e for e in found if e.start > chain.start] or None
        return [e for e in found if e.end > chain.start or e.number == chain.number] or None

    def _follows(self, run: Words, when: When) -> list[Fact] | None:
        """Prove what is told beside an event with its time and holds without that time: a count, a rank, a state."""
        free = replace(when, stamp=None, latest=self.story.latest or self._first(when.stamp), is_beside=True)
        found = self._truth.proof(run, free)
        return [] if found == [] else None

    def _is_vague(self, run: Words, stamp: Stamp | None) -> bool:
        """Return whether words tell no value, name or number, and no doing that the video does not have."""
        if (
            any(one & SUPERLATIVES for one in run.said)
            or any(t.text.lower() in _BESIDE for t in run.tokens[1:-1])
            or (run.has("denying") and not _ANY_MORE.search(run.text))
            or PACED.search(run.text)
            or _RELATING.search(run.text)
            or _SOME_EARLIER.search(run.text)
            or self._truth.is_nothing(run)
            or (run.has("blank") and any(token.says & self._world.containers for token in run.tokens))
        ):
            return False
        if _is_of_things(run) or (stamp is not None and run.has("blank")):
            return False
        said = [one for one in run.said if not one <= _VAGUE and "blank" not in one]
        doings = self._doings if stamp is None else frozenset({"move", "change"})
        return all(one & doings and not one & VALUES and not self._world.is_name(one) for one in said)

    def _may_hold(self, run: Words, when: When, source: str) -> bool:
        """Return whether a state may stand beside a time: not as its first words, nor as a name alone."""
        is_item = any(map(self._world.is_item, run.plain))
        if all(self._world.is_name(one) or one & self._world.containers for one in run.plain) and not is_item:
            is_so = run.has("still") or bool(_AGAIN_SO.search(run.text))
            return (
                run.has("denying")
                or (run.has("still") and bool(ENDING.search(run.text)))
                or (is_so and when.stamp is not None and self._truth.looks_so(run, when.stamp))
            )
        is_first = not source and not run.has("denying") and is_item
        return not is_first or self._first(when.stamp) is None

    def _first(self, stamp: Stamp | None) -> Fact | None:
        own = [e for e in self._world.events if stamp and self._truth.at(e, When(stamp), "")]
        return own[0] if own else None

    def _when(self, stamp: Stamp | None, text: str) -> When:
        story = self.story
        ending = text if ENDING.search(text) else ""
        ending += " undo" if story.is_undoing else ""
        return When(
            stamp, story.phase, story.latest, story.subject, story.container, story.topic, ending, story.numbers,
            story.result, story.parts, story.is_timeless, claimed=self.licence.held,
        )  # fmt: skip

    def _tell(self, found: Sequence[Fact], run: Words, stamp: Stamp | None) -> str:
        """Note what a run has told, and return by what it was borne out."""
        story = self.story
        if found:
            event = found[0]
            story.told |= {one.number for one in found if one.number is not None}
            if stamp is not None or self._world.kind_of(event) == "reveal" or run.picked("ordinal:"):
                begun = [
                    e.start
                    for e in self._world.events
                    if e.number in story.dated[0 if e.subject else story.known :]
                    and e.subject == event.subject
                ]
                is_new = event.number not in story.dated
                is_ending = stamp is not None and not stamp.low.is_near(event.start, self._truth.near)
                is_back = (event.end if is_ending else event.start) < max(begun, default=0.0) - 1.0
                story.is_back = story.is_back or (is_new and stamp is not None and is_back)
                story.dated += [one.number for one in found if one.number is not None]
            story.latest = event
            story.chain = event if stamp is None else story.chain
            story.said = (
                tuple(one for one in run.plain if not any(t.startswith("n:") for t in one)) or story.said
            )
        than = next((at for at, token in enumerate(run.tokens) if at and _is_comparing(token)), None)
        names = [one for one in Words(run.tokens[:than]).plain if self._world.is_name(one)]
        story.run = tuple(run.tokens)
        objects = self._truth.objects([one for one in run.plain if self._world.is_name(one)])
        story.nearest = tuple(objects[-1]) if objects else story.nearest
        story.subject = tuple(names) or story.subject or self._doer(found)
        held = [term for token in run.tokens for term in token.says if term in self._world.containers]
        story.container = held[-1] if held else story.container
        story.numbers |= {term for one in run.said for term in one if term.startswith("n:")}
        for text in run.picked("equation:"):
            story.result = text.split("=")[-1].strip()
            story.numbers |= {f"n:{story.result.removeprefix('-')}"}
        return "events" if found else "state" if run.plain else ""

    def _doer(self, found: Sequence[Fact]) -> tuple[Terms, ...]:
        """Return what an event is done by, where that is an object."""
        events = [self._world.metadata["events"][e.number or 0] for e in found[:1]]
        return tuple(found[0].subject for event in events if "object" in event)

    def elsewhere(self, tokens: Sequence[Token]) -> int | None:
        """Return the event that a sentence tells with another time, None where there is none like it."""
        words = Words([token for token in tokens if token.stamp is None])
        fits = [e for e in self._world.events if words.plain and e.covers(words.plain)]
        return fits[0].number if fits and any(token.stamp for token in tokens) else None

    def decides(self, number: int) -> bool:
        """Return whether an event must be told: it is an operation, no distractor's, and has what a count asks for."""
        world, event = self._world, self._world.metadata["events"][number]
        question, objects = world.question, world.metadata["objects"]
        bystanders = {one["id"] for one in objects if one.get("role") == "distractor"}
        if event["type"] in ("blank", "return", "reveal") or event.get("object") in bystanders:
            return False
        asked = {key: value for key, value in question["parameters"].items() if key in event}
        if question["mode"] == "historical" and world.metadata["term"] == "long":
            return False
        if event["type"] == "visit" and "side" in question["parameters"]:
            sides = [one.get("side") for one in world.metadata["events"]]
            begun = sides.index(question["parameters"]["side"])
            return begun <= number <= begun + len(str(question["answer"]).split(", then "))
        if part := question["parameters"].get("part"):
            own = next(e for e in world.events if e.number == number)
            return own.begins_in(f"{part[0] + 1}/{part[1]}", world.duration)
        is_counting = question["numeric"] is not None and world.metadata["term"] == "short"
        return not is_counting or all(bool(event[key] == value) for key, value in asked.items())


def _is_amount(token: Token) -> bool:
    """Return whether a word is a number, or compares."""
    is_number = any(one.startswith(("n:", "count:")) for one in token.says)
    return is_number or bool({*token.says, token.text.lower()} & {*COMPARING, "bounding"})


def _is_comparing(token: Token) -> bool:
    """Return whether what stands behind a word is what something is compared with."""
    last = token.text.lower().split()[-1]
    return last in _BESIDE or last == "as"


def _times(tokens: Sequence[Token]) -> list[Stamp]:
    return [token.stamp for token in tokens if token.stamp and token.stamp.is_moment]


def _unjoined(tokens: Sequence[Token]) -> Sequence[Token]:
    """Return words without the joining words that they begin or end with."""
    own = [at for at, token in enumerate(tokens) if token.text.lower() not in _JOINTS]
    return tokens[own[0] : own[-1] + 1] if own else ()


def _joints(tokens: Sequence[Token]) -> list[int]:
    """Return where a part of a sentence may end: before one with a time of its own, or what follows from it."""
    return [
        at
        for at, token in enumerate(tokens)
        if at
        and not (token.text == "and" and _are_named(tokens[at - 1 : at + 2 : 2]))
        and (
            (
                token.text.lower() in _JOINING
                and any(one.stamp for one in tokens[at:])
                and not _times(tokens[:at])
            )
            or (token.text.lower() in _JOINING and (token.text == ";" or _has_time(tokens[at:])))
            or (token.text.lower() in _FOLLOWING and (token.text.lower() != "so" or _concludes(tokens, at)))
        )
    ]


def _is_of_things(words: Words) -> bool:
    """Return whether more or fewer things are said to be held."""
    return (words.has("more") or words.has("less")) and any(map(words.has, NOUNS))


def _are_named(tokens: Sequence[Token]) -> bool:
    """Return whether two words are names, as of cups."""
    return len(tokens) == 2 and all(
        one.says and all(t.startswith("name:") for t in one.says) for one in tokens
    )


def _has_time(tokens: Sequence[Token]) -> bool:
    """Return whether there is a time before the next joint, and what is told with it."""
    end = next((at for at, token in enumerate(tokens) if at and token.text.lower() in _JOINING), len(tokens))
    return bool(_times(tokens[:end])) and any(not token.says <= _VAGUE for token in tokens[:end])


def _is_shared_out(own: Sequence[tuple[int, Terms]], pools: Sequence[Sequence[Fact]]) -> bool:
    """Return whether words that do not hold at all of several times hold at one each, in their order.

    own: behind how many of the times each word stands, and what it says. Between times they belong to those before
    them, or all to those behind them.
    """
    last = len(pools)

    def hold(at: Sequence[int]) -> bool:
        shares = [
            [said for one, (_, said) in zip(at, own, strict=True) if one == index] for index in range(last)
        ]
        is_each = all(0 <= one < last for one in at) and (not at or all(shares))
        return is_each and all(
            any(e.covers(one) for e in pool) for one, pool in zip(shares, pools, strict=True)
        )

    if any(0 < passed < last for passed, _ in own):
        return any(hold([passed - back for passed, _ in own]) for back in (0, 1))
    at = [0]
    for _, said in own:
        at += [next((i for i in range(at[-1], last) if any(said & e.terms for e in pools[i])), last)]
    return hold(at[1:])


def _concludes(words: Sequence[Token], at: int) -> bool:
    """Return whether a conclusion begins at a word, and no "so does chip 25"."""
    after = words[at + 1].text.lower() if at + 1 < len(words) else ""
    before = words[at - 1].text.lower() if at else ""
    if before in _HELPING:
        return False
    return words[at].text.lower() in _SO and after not in ("do", "does", "did", "is", "are", "was", "were")


def _repeats(tokens: Sequence[Token], containers: Terms) -> bool:
    """Return whether something is said to go from a place to the same place."""
    at = [
        index
        for index, token in enumerate(tokens)
        if any(t.startswith(("cell:", "row:", "column:")) or t in containers for t in token.says)
        and not token.is_loose
    ]
    return any(
        tokens[a].says == tokens[b].says
        and {t.text.lower() for t in tokens[a + 1 : b]} & _BETWEEN
        and all(not t.says or t.is_loose for t in tokens[a + 1 : b])
        and not any(t.stamp for t in tokens[a + 1 : b])
        for a, b in pairwise(at)
    )


def _is_cut(before: Token, token: Token) -> int:
    """Return how willingly words are cut before a token: not in "at which"."""
    is_within = token.text.lower() == "which" and before.text.lower() in _WITH_WHICH
    is_factor = any(one.startswith("count:") for one in before.says) and token.text.lower() in ("as", "that")
    is_factor = is_factor or (token.text.lower().startswith("as ") and before.text != ",")
    is_inserted = token.text.lower() in _SO and before.text.lower() in _HELPING
    return 0 if is_within or is_inserted or is_factor else token.cut


def _uncounted(tokens: Sequence[Token]) -> Sequence[Token]:
    """Return a sentence without the number of its times: "the first three, at 1 s, 2 s and 3 s, all ..."."""
    times = sum(bool(token.stamp and token.stamp.is_moment) for token in tokens)
    if times < 2:
        return tokens
    found: list[Token] = []
    for at, token in enumerate(tokens):
        is_group = (
            at + 1 < len(tokens) and f"n:{times}" in tokens[at + 1].says and token.text.lower() in _GROUPS
        )
        is_number = f"n:{times}" in token.says and at and tokens[at - 1].text.lower() in _GROUPS
        is_number = is_number or f"count:{times}" in token.says
        if not (is_group or is_number or "quantifying" in token.says):
            found.append(token)
    return found


def _mixes(run: Words) -> bool:
    """Return whether a run tells an event and then, behind a "which", what something holds."""
    cuts = [at for at, token in enumerate(run.tokens) if at and token.text.lower() == "which"]
    parts = [(Words(run.tokens[:at]), Words(run.tokens[at:])) for at in cuts]
    return any(one.plain and HOLDING.search(two.text) and not HOLDING.search(one.text) for one, two in parts)
