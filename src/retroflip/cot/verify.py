r"""Whether a reasoning trace is true: its claims, its sentences and its answer against the video's metadata.

No model is asked, and English is not parsed. Everything is looked up in one table of facts (`retroflip.cot.world`):

1. The form is `<think>...</think>` and one `\boxed{}` with the right answer and nothing else (`rl.answers` reads it).
2. Every claim is true.
3. Every stretch of every sentence is borne out by one fact, list, count, comparison or sum (`retroflip.cot.proof`), at
   the time told; a word that says neither something known nor connects is a fault.
4. Where there are claims, a sentence may say nothing that none of them says, nor a time that none of them has.
5. Events are told in their order, those that decide are all told, and whatever is concluded is the answer.

What is not understood is refused: a trace can be written again.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from retroflip.cot.claims import Claim, ClaimError, agrees, statements
from retroflip.cot.proof import ENDING, Prover, Story
from retroflip.cot.reading import Token, clauses, sentences
from retroflip.cot.stamps import Stamp
from retroflip.cot.world import Fact, Metadata, World
from retroflip.data.answers import gold_answer, is_well_formed, parse_answer, same_answer
from retroflip.data.sample import Sample

_LETTER = re.compile(
    r"((?:\b(?:option|choice)\s|\banswer(?: option)? (?:is|was|be|must be|can't be|cannot be|isn't|is not|:)*:? ?"
    r"(?:option |choice )?))"
    r"\(?([A-H])\)?(?=[.,;:!]|\s*$)(?:\. .*$)?"
)
_LONGEST = 20_000
"""characters of a trace; models that go round in circles write more"""
_UNUSABLE = re.compile(r"\d{16}|\.\d{10}|<\|[a-z_]+\|>")
"""what records refuse to hold, and numbers that no video has"""
_BACK = re.compile(
    r"\b(?:before|earlier|previous|previously|back|backwards?|reverse|undo\w*)\b", re.IGNORECASE
)


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
        self._prover = Prover(world, rules.tolerance_ms)
        self._story = Story()
        self._licences: list[tuple[Claim, Sequence[Fact], frozenset[str]]] = []

    @property
    def told_share(self) -> float:
        """Share of the events that decide that were told."""
        required = self._required()
        return sum(map(self._is_told, required)) / len(required) if required else 1.0

    def _is_told(self, event: Fact) -> bool:
        return any(event.number == told.number for told in self._story.dated)

    def problems(self, reasoning: str, claims: Any) -> list[Problem]:
        """Return every fault: of claims, of sentences in their order, and what is missing."""
        found: list[Problem] = []
        if claims is not None:
            found += self._claimed(claims)
        self._is_backwards = self._world.metadata["question"]["mode"] == "retrodictive" and bool(
            _BACK.search(reasoning)
        )
        told = sentences(reasoning)
        for number, sentence in enumerate(told, start=1):
            found += self._sentence(sentence, is_licensed=claims is not None, is_last=number == len(told))
        return [*found, *self._missing()]

    def _claimed(self, claims: Any) -> Iterator[Problem]:
        try:
            stated = statements(claims, self._world)
        except ClaimError as error:
            yield Problem(Reason.CLAIM, "", str(error))
            return
        for claim in stated:
            proof = self._proven(claim)
            if proof is None:
                yield Problem(Reason.CLAIM, claim.written, "it is not so in the video")
                continue
            own = frozenset().union(*(token.says for token in claim.tokens))
            own |= {
                f"name:{word}"
                for term in own
                if term.startswith("command:")
                for word in re.split(r"[\s/]", term)
            }
            self._licences.append((claim, proof, own.union(*(fact.terms for fact in proof))))

    def _proven(self, claim: Claim) -> Sequence[Fact] | None:
        """Return the facts that bear a claim out, of all its objects at once or of each."""
        is_answer, stamp = claim.is_answer, claim.stamp
        whole = self._prover.claim(claim.tokens, stamp, is_answer=is_answer)
        if whole is None and claim.beside:
            beside = {id(token) for token in claim.beside}
            texts = [token.text for token in claim.beside]
            rest = [t for t in claim.tokens if id(t) not in beside and t.text not in texts]
            whole = self._prover.claim(rest, stamp, is_answer=is_answer, beside=claim.beside)
        if whole is None and claim.apart:
            each = [self._prover.claim(one, stamp, is_answer=is_answer) for one in claim.apart]
            proven = [one for one in each if one is not None]
            whole = [fact for one in proven for fact in one] if len(proven) == len(each) else None
        return whole

    def _sentence(self, sentence: str, *, is_licensed: bool, is_last: bool) -> Iterator[Problem]:
        tokens = self._world.reader.tokens(self._without_letter(sentence))
        if unknown := next((token.text for token in tokens if token.is_unknown), None):
            yield Problem(Reason.UNKNOWN, sentence, f"{unknown!r} is no word that the check knows")
            return
        self._story.is_back = False
        if fault := self._prover.unproven(tokens, self._story, is_last=is_last):
            other = self._prover.elsewhere(tokens)
            instead = f"; {described(self._world, other)}" if other else ""
            yield Problem(Reason.UNPROVEN, sentence, f"{fault!r} is not borne out by the video{instead}")
            return
        if self._story.is_back and not (_BACK.search(sentence) or self._is_backwards):
            yield Problem(Reason.ORDER, sentence, "this happens before what is told before it")
        if is_licensed and (word := self._unlicensed(tokens)):
            yield Problem(Reason.UNLICENSED, sentence, f"no claim says {word!r}")

    def _without_letter(self, sentence: str) -> str:
        """Return a sentence in which the letter of an option is that option's words."""
        options = self._world.metadata["question"]["options"]

        def worded(match: re.Match[str]) -> str:
            index = ord(match[2]) - ord("A")
            return f"{match[1]}{options[index]}" if index < len(options) else match[0]

        return _LETTER.sub(worded, sentence) if self._sample.options else sentence

    def _unlicensed(self, tokens: Sequence[Token]) -> str | None:
        """Return a word or time that no claim says, None where there is none."""
        if self._prover.is_free(tokens):
            return None
        for clause in clauses(tokens):
            stamps = [token.stamp for token in clause if token.stamp]
            moments = [one for one in stamps if one.is_moment]
            stamp = next(iter(moments or stamps), None)
            granting = [
                one for one in self._licences if stamp is None or self._is_at(one[0], one[1], stamp, clause)
            ]
            if stamp is not None and not any(claim.stamp for claim, _, _ in granting):
                return next(token.text for token in clause if token.stamp)
            terms = self._prover.free_terms(is_timed=stamp is not None).union(
                *(terms for _, _, terms in granting)
            )
            granted = frozenset(map(_number, terms))
            for token in clause if not any("denying" in one.says for one in clause) else ():
                if (
                    token.says
                    and not token.is_loose
                    and not any(map(_bare, token.says))
                    and not {_number(one) for one in token.says} & granted
                ):
                    return token.text
        return None

    def _is_at(self, claim: Claim, proof: Sequence[Fact], stamp: Stamp, clause: Sequence[Token]) -> bool:
        """Return whether a claim may be what is told with a time: it has it, or its event is said to end then."""
        near = self._rules.tolerance_ms
        is_end = (
            bool(claim.stamp) and ENDING.search(" ".join(token.text.lower() for token in clause)) is not None
        )
        return agrees(claim, stamp, near) or (
            is_end and any(stamp.low.is_near(fact.end, near) for fact in proof)
        )

    def _required(self) -> list[Fact]:
        return [e for e in self._world.events if self._prover.decides(e)]

    def _missing(self) -> Iterator[Problem]:
        if self.told_share < self._rules.told_share:
            for event in self._required():
                if not self._is_told(event):
                    yield Problem(Reason.MISSING, "", f"not told: {described(self._world, event)}")


def described(world: World, event: Fact) -> str:
    """Return an event with its times, for a writer."""
    note = world.metadata["events"][event.number or 0]["note"]
    if event.start == event.end:
        return f"at {event.start / 1000:.1f} s, {note}"
    return f"from {event.start / 1000:.1f} s to {event.end / 1000:.1f} s, {note}"


def _bare(term: str) -> bool:
    """Return whether a term needs no claim: it follows from others, and its truth is looked up."""
    return ":" in term or term in _FOLLOWING


_FOLLOWING = frozenset(
    {
        "denying",
        "quantifying",
        "start-of-video",
        "end-of-video",
        "either-end",
        "answer",
        "concern",
        "still",
        "back",
        "blank",
        "gap",
        "sum",
        "change",
        "vertical",
        "horizontal",
        "fastest",
        "slowest",
        "farthest",
        "closest",
        "earliest",
    }
)
"""what follows from what is claimed: contents, places and counts are looked up as well"""


def _number(term: str) -> str:
    """Return a term as claims are compared: a count is a number, and sums have no blanks."""
    return term.replace("count:", "n:").replace(" ", "")
