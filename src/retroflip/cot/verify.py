r"""Whether a reasoning trace is true: its claims, its sentences and its answer against the video's metadata.

No model is asked, and English is not parsed. Everything is looked up in one table of facts (`retroflip.cot.world`):

1. The form is `<think>...</think>` and one `\boxed{}` with the right answer and nothing else (`data.answers` reads it).
2. Every claim is true (`retroflip.cot.claims`).
3. Every stretch of every sentence is borne out by one source at the time told (`retroflip.cot.truth`); a word that
   neither says something known nor is one of the harmless ones is a fault.
4. Where there are claims, a sentence tells no event with a time that no claim names (`retroflip.cot.telling`), and
   agrees with those of its own; what the table does not bear out may be read by them (`retroflip.cot.licence`).
5. Events are told in their order, those that decide are all told or claimed, half of them at least by the text itself,
   and whatever is concluded is the answer.

What is not understood is refused: a trace can be written again.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from retroflip.cot.claims import Claim, ClaimError, flattened, read_claim
from retroflip.cot.licence import Licensing
from retroflip.cot.reading import Token, Words, sentences
from retroflip.cot.stated import Stated, Statements
from retroflip.cot.telling import Licence, Teller
from retroflip.cot.truth.claims import borne_out, contents
from retroflip.cot.truth.needs import matters
from retroflip.cot.truth.options import Options
from retroflip.cot.truth.proof import Truth
from retroflip.cot.truth.relations import Relations
from retroflip.cot.truth.when import When
from retroflip.cot.world import Fact, Held, Metadata, World
from retroflip.data.answers import gold_answer, is_well_formed, parse_answer, same_answer
from retroflip.data.sample import Sample

_LONGEST = 20_000
"""characters of a trace; models that go round in circles write more"""
_UNUSABLE = re.compile(r"\d{16}|\.\d{10}|<\|[a-z_]+\|>")
"""what records refuse to hold, and numbers that no video has"""
_BACK = re.compile(
    r"\b(?:before|after|earlier|previous|previously|back|backwards?|revers\w*|rewind\w*|undo\w*|without)\b",
    re.IGNORECASE,
)

_MOST_JOINTS = 10
_JOINTS = frozenset({",", ";", ":", "and", "but", "so", "while", "whereas"})
"""what one statement of a sentence may be joined to another by"""
_ASKING = re.compile(
    r"(?:(?:so|and|but|now|then|wait|hmm|okay|ok),? )*"
    r"(?:is|are|was|were|does|do|did|has|have|which|what|where|who|how)\b[^,;:]*\?",
    re.IGNORECASE,
)
"""what states nothing: a question without a time"""
_AFTER_FIRST = re.compile(
    r"(?:(?:so|then|thus|and),? )?(?:after|from|since) the first (?:time|visit)(?: it is)?(?: to| on)?(?: the)? "
    r"(?P<side>above|below|left|right)\b(?: side)?(?: on)?,? "
    r"(?=(?:the|its|their) (?:order|sides|sequence|course|way)\b)",
    re.IGNORECASE,
)
_OPENED = re.compile(r"(?:(?:so|and|but) )?(?:before|after|until|undoing|with|when|while|as|since)\b")
"""what the rest of a sentence depends on"""
_SUBJECT = re.compile(r"\b(?:it|none|no|the|that|this|which|they|each)\b")
_NOT = re.compile(r"\b(?:not|never|no)\b|n't\b", re.IGNORECASE)


class Reason(StrEnum):
    """Why a trace is refused."""

    FORM = "form"
    ANSWER = "answer"
    CLAIM = "claim"
    UNKNOWN = "unknown word"
    UNPROVEN = "unproven"
    UNLICENSED = "unlicensed"
    ORDER = "order"
    MISSING = "missing"


class VerifierSettings(BaseModel):
    """How strict the check is.

    tolerance_ms: how far a time may lie from its event; a time written in coarser steps gets its rounding besides.
    told_share: least share of the events that decide that a trace must tell with their times.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tolerance_ms: float = Field(default=250.0, ge=0.0, le=5000.0, description="how far a time may be off")
    told_share: float = Field(default=1.0, ge=0.0, le=1.0, description="least share of the events to be told")


@dataclass(frozen=True)
class Problem:
    """One fault. quote: the words at fault ("" for what is missing); detail: what is true instead."""

    reason: Reason
    quote: str
    detail: str

    @property
    def sentence(self) -> str:
        """The fault as a writer can act on it."""
        quoted = f' in "{self.quote}"' if self.quote else ""
        return f"{self.reason.value}{quoted}: {self.detail}"


@dataclass(frozen=True)
class Report:
    """What the check found. told_share: share of the required events that are told with their times."""

    problems: tuple[Problem, ...]
    told_share: float

    @property
    def is_true(self) -> bool:
        """Whether there is no fault."""
        return not self.problems

    @property
    def reasons(self) -> list[str]:
        """The reasons, each once, in the order of the faults."""
        return list(dict.fromkeys(problem.reason.value for problem in self.problems))


def verify(
    trace: str,
    metadata: Metadata,
    sample: Sample,
    settings: VerifierSettings | None = None,
    claims: Any = None,
) -> Report:
    """Return whether a trace of `sample` is true of its video's metadata.

    claims: what its writer says that it states, None where nobody did; the text alone is then looked up.
    """
    rules = settings or VerifierSettings()
    if not is_well_formed(trace):
        detail = "write <think>reasoning</think> and then \\boxed{answer}, each once, and nothing else"
        return Report((Problem(Reason.FORM, "", detail),), 0.0)
    if len(trace) > _LONGEST or _UNUSABLE.search(trace):
        detail = (
            f"write less than {_LONGEST} characters, no special token, and no number of more than 15 digits"
        )
        return Report((Problem(Reason.FORM, "", detail),), 0.0)
    problems = []
    if not same_answer(parse_answer(trace, sample), gold_answer(sample)):
        box = trace.rpartition("</think>")[2].strip()
        problems.append(Problem(Reason.ANSWER, box, f"the right answer is {sample.solution}"))
    reasoning = trace.partition("<think>")[2].rpartition("</think>")[0].strip()
    check = _Check(World(metadata), sample, rules)
    problems += check.problems(reasoning, claims)
    return Report(tuple(problems), check.told_share)


class _Check:
    """One pass over a reasoning and its claims."""

    def __init__(self, world: World, sample: Sample, rules: VerifierSettings) -> None:
        self._world, self._sample, self._rules = world, sample, rules
        self._truth, self._options = Truth(world, rules.tolerance_ms), Options(world)
        self._stated: list[list[Stated]] = []
        self._relations = Relations(self._truth)
        self._licensing = Licensing((), self._truth)
        self._latest: Fact | None = None
        self._sentences: list[str] = []
        self._teller = self._free = Teller(self._truth, Licence())

    @property
    def told_share(self) -> float:
        """Share of the events that decide that were told with their times."""
        required = self._required()
        return sum(map(self._is_told, required)) / len(required) if required else 1.0

    def _is_told(self, number: int) -> bool:
        """Return whether a text tells an event with its time, or a claim names it."""
        return number in self._free.story.dated or number in (self._teller.licence.numbers or ())

    def problems(self, reasoning: str, claims: Any) -> list[Problem]:
        """Return every fault: of claims, of sentences in their order, and what is missing."""
        found: list[Problem] = []
        if claims is not None:
            licence, found = self._licence(claims)
            self._teller = Teller(self._truth, licence)
        told = self._sentences = sentences(reasoning)
        is_backwards = self._world.question["mode"] == "retrodictive" and any(
            _BACK.search(one) and not _NOT.search(one) for one in told
        )
        is_nested = bool(claims) and all(map(_is_of_sentence, claims))
        is_aligned = is_nested and len(self._stated) == len(told)
        for number, sentence in enumerate(told):
            is_last = number == len(told) - 1
            self._licensing = Licensing(self._stated[number] if is_aligned else (), self._truth)
            self._latest = self._free.story.latest
            faults = self._faults(sentence, is_last=is_last, is_backwards=is_backwards)
            if faults and (rest := self._unled(sentence)) != sentence:
                faults = self._faults(rest, is_last=is_last, is_backwards=is_backwards)
            found += faults
        found += self._missing()
        if found and is_nested and not is_aligned:
            counts = f"{len(self._stated)} lists of claims and {len(told)} sentences"
            found[-1] = replace(found[-1], detail=f"{found[-1].detail}; with {counts} all are read as one")
        return found

    def _faults(self, sentence: str, *, is_last: bool, is_backwards: bool) -> list[Problem]:
        """Return the faults of a sentence, however it is read."""
        faults = list(self._sentence(sentence, is_last=is_last, is_backwards=is_backwards))
        if not faults:
            return list(self._foreign(sentence))
        is_claimed = self._is_licensed(sentence, is_last=is_last) or self._is_mixed(sentence, is_last=is_last)
        return list(self._exchanged(sentence)) if is_claimed else faults

    def _unled(self, sentence: str) -> str:
        """Return a sentence without the side behind which the question asks for those that follow."""
        match = _AFTER_FIRST.match(sentence)
        asked = str(self._world.question["parameters"].get("side")).split()
        return sentence[match.end() :] if match and match["side"].lower() in asked else sentence

    def _events_at(self, sentence: str) -> set[int]:
        """Return the events at the times of a sentence."""
        stamps = [token.stamp for token in self._world.reader.tokens(sentence) if token.stamp]
        events = [e for one in stamps for e in self._world.events if self._truth.at(e, When(one), "")]
        return {e.number for e in events if e.number is not None}

    def _licence(self, claims: Any) -> tuple[Licence, list[Problem]]:
        """Return what true claims allow a text to tell, and the claims that are not true or cannot be read."""
        facts: list[Fact] = []
        held: list[Held] = []
        wrong: list[Problem] = []
        statements = Statements(self._relations)
        for several in claims if isinstance(claims, list) else [claims]:
            self._stated.append([])
            for claim, found in self._judged(several, wrong):
                facts += found
                held += contents(claim, self._truth) if not found else ()
                self._stated[-1].append(statements.of(claim, found))
        return Licence(
            frozenset(fact.number for fact in facts if fact.number is not None), tuple(held)
        ), wrong

    def _judged(self, claims: Any, wrong: list[Problem]) -> Iterator[tuple[Claim, list[Fact]]]:
        """Return true claims with the events that bear them out; those that are not true or not read go to `wrong`."""
        try:
            several = list(flattened(claims))
        except ClaimError as error:
            wrong.append(Problem(Reason.CLAIM, "", str(error)))
            return
        times = {str(told.get("time")) for told in several if "event" in told}
        for told in several:
            try:
                claim = read_claim(told, self._world)
                is_behind = "event" not in told and str(told.get("time")) in times
                found = borne_out(claim, self._relations, is_behind=is_behind)
            except ClaimError as error:
                wrong.append(Problem(Reason.CLAIM, str(dict(told)), str(error)))
                continue
            if found is None:
                wrong.append(Problem(Reason.CLAIM, claim.written, "it is not so in the video"))
            else:
                yield claim, found

    def _sentence(self, sentence: str, *, is_last: bool, is_backwards: bool) -> Iterator[Problem]:
        """Return the faults of a sentence: of what it says of options, and of what it says besides."""
        told, wrong = self._options.read(sentence) if self._sample.options else ([sentence], None)
        if wrong:
            yield Problem(Reason.UNPROVEN, sentence, f"{wrong!r} is not so of the options")
        for at, one in enumerate(told, start=1):
            faults = list(self._told(one, is_last=is_last and at == len(told), is_backwards=is_backwards))
            is_whole = told == [sentence] or not faults
            yield from faults if is_whole or not self._is_licensed(one, is_last=is_last) else ()

    def _told(self, sentence: str, *, is_last: bool, is_backwards: bool) -> Iterator[Problem]:
        tokens = self._world.reader.tokens(sentence)
        if unknown := next((token.text for token in tokens if token.is_unknown), None):
            yield Problem(Reason.UNKNOWN, sentence, f"{unknown!r} is no word that the check knows")
            return
        if _ASKING.fullmatch(sentence) and not any(token.stamp for token in tokens):
            return
        untrue = self._free.fault(tokens, is_last=is_last)
        unlicensed = self._teller.fault(tokens, is_last=is_last) if self._teller is not self._free else None
        if untrue:
            other = self._free.elsewhere(tokens)
            instead = f"; {described(self._world.metadata, other)}" if other is not None else ""
            yield Problem(Reason.UNPROVEN, sentence, f"{untrue!r} is not borne out by the video{instead}")
        elif unlicensed:
            yield Problem(Reason.UNLICENSED, sentence, f"no claim says {unlicensed!r}")
        elif self._free.story.is_back and not (_BACK.search(sentence) or is_backwards):
            yield Problem(Reason.ORDER, sentence, "this happens before what is told before it")

    def _foreign(self, sentence: str) -> Iterator[Problem]:
        """Return what a sentence tells that none of its claims says, where it has claims of its own."""
        told = self._licensing.foreign(self._world.reader.tokens(sentence))
        if told is not None:
            yield Problem(Reason.UNLICENSED, sentence, f"none of its claims says {told!r}")
        else:
            yield from self._exchanged(sentence)

    def _exchanged(self, sentence: str) -> Iterator[Problem]:
        """Return what a sentence tells of one thing or time that its claims say of another."""
        if self._licensing.exchanged(self._world.reader.tokens(sentence)):
            yield Problem(
                Reason.UNLICENSED, sentence, "its claims say of one thing or time what it tells of another"
            )

    def _is_licensed(self, sentence: str, *, is_last: bool) -> bool:
        """Return whether claims say all of a sentence, and it gives no wrong answer besides."""
        tokens = self._world.reader.tokens(sentence)
        words = Words(tokens)
        is_wrong = self._truth.is_misordered(words) or self._truth.names_wrong(words)
        if self._truth.is_otherwise(words) or (is_last and is_wrong and not words.has("denying")):
            return False
        events = self._licensing.licensed(tokens, self._latest)
        self._note(events or ())
        return events is not None

    def _note(self, events: Sequence[Fact]) -> None:
        """Keep that these events were told."""
        self._free.story.dated += [e.number for e in events if e.number is not None]

    def _is_mixed(self, sentence: str, *, is_last: bool) -> bool:
        """Return whether claims say all of one side of a joint, and the table bears out the other."""
        tokens = self._world.reader.tokens(sentence)
        joints = [at for at, token in enumerate(tokens) if token.text.lower() in _JOINTS]
        return len(joints) <= _MOST_JOINTS and any(
            self._is_mixed_at(tokens, at, is_last=is_last) for at in joints
        )

    def _is_mixed_at(self, tokens: Sequence[Token], at: int, *, is_last: bool) -> bool:
        behind = next((to for to in range(at, len(tokens)) if tokens[to].text.lower() not in _JOINTS), at)
        left, right = tokens[:at], tokens[behind:]
        if not (Words(left).said and Words(right).said):
            return False
        if any(_OPENED.match(Words(side).text) for side in (left, right)) and not self._licensing.licensed(
            right
        ):
            return False
        compared, than, _ = Words(right).text.partition(" than ")
        is_elided = bool(than) and not _SUBJECT.search(compared)
        sides = ((left, right, is_last),) if not is_elided else ()
        for claimed, told, is_end in (*sides, (right, left, False)):
            events = self._licensing.licensed(claimed)
            if events is None:
                continue
            story = self._free.kept()
            if claimed is left and events:
                self._free.story.latest = events[-1]
            if self._free.fault(told, is_last=is_end) is None and not self._licensing.foreign(told):
                self._note(events)
                return True
            self._free.story = story
        return False

    def _required(self) -> list[int]:
        """Return the events that must be told; who tells most of what does not matter must tell all of it."""
        own = [one for one in range(len(self._world.metadata["events"])) if self._teller.decides(one)]
        beside = [one for one in own if not matters(self._world, one)]
        dated = [
            one for one in beside if one in self._free.story.dated and one not in self._free.story.spared
        ]
        is_full = 2 * len(dated) > len(beside)
        required = own if is_full else [one for one in own if one not in beside]
        return [one for one in required if not self._is_repeated(one)]

    def _is_repeated(self, number: int) -> bool:
        """Return whether objects are ranked, and as much is told of its object as an event tells."""
        events = {e.number: e for e in self._world.events if e.size is not None}
        event = events.get(number)
        if event is None or len({e.subject for e in events.values()}) < 2 or self._is_told(number):
            return False
        alike = [e for e in events.values() if e.subject == event.subject and e.size == event.size]
        return any(e.number is not None and self._is_told(e.number) for e in alike)

    @property
    def _is_hollow(self) -> bool:
        """Whether claims stand for a text that itself tells no event, or less than half of those that decide."""
        if self._teller is self._free:
            return False
        marked = set[int]().union(*map(self._events_at, self._sentences))
        told = {*self._free.story.dated, *self._free.story.told, *marked}
        required = self._required()
        is_silent = not told and bool(self._world.events)
        return is_silent or 2 * len(told.intersection(required)) < len(required)

    def _missing(self) -> Iterator[Problem]:
        if self._is_hollow:
            yield Problem(
                Reason.MISSING, "", "the text itself tells less than half of the events that decide"
            )
        if self.told_share < self._rules.told_share:
            for number in self._required():
                if not self._is_told(number):
                    yield Problem(Reason.MISSING, "", f"not told: {described(self._world.metadata, number)}")


def _is_of_sentence(claims: Any) -> bool:
    """Return whether claims are those of one sentence: a list, or {"claims": [...]}."""
    return isinstance(claims, list) or (isinstance(claims, Mapping) and "claims" in claims)


def described(metadata: Metadata, number: int) -> str:
    """Return an event with its times, for a writer."""
    event = metadata["events"][number]
    begun, ended = event["start_ms"] / 1000, event["end_ms"] / 1000
    when = f"at {begun:.1f} s" if begun == ended else f"from {begun:.1f} s to {ended:.1f} s"
    return f"{when}, {event['note']}"
