r"""Whether a reasoning trace is true: every time, event, state and conclusion in it against the video's metadata.

The check reads English by rules and asks no model, so fluent text that is wrong does not pass:

1. The form is `<think>...</think>` and one `\boxed{}` with the right answer and nothing else (`rl.answers` reads it).
2. A clause with a time tells an event that begins then (or ends then, where it says so), within a tolerance, and
   contradicts it in no colour, way, number, name, place or doing. A time without such an event is a fault.
3. Clauses without a time may repeat what is true at any time. Lists and contents ("A holds 6, 10") are those of a
   state, beside an event's time those of the states around it.
4. Events are told in the order in which they happen, and the share of them that is asked for is told.
5. Whatever the text concludes is the answer.

Where English leaves it open the rules decide against the text: a trace can be written again.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from retroflip.cot.claims import Claim, find_claims
from retroflip.cot.conclusion import wrong_conclusion
from retroflip.cot.stamps import Stamp, StampKind
from retroflip.cot.statements import false_statement
from retroflip.cot.truth import Metadata, Told, TrueEvent, Truth, contradiction, supports
from retroflip.cot.untimed import PART, Known, Reason, UntimedCheck, denied_truth, fits
from retroflip.cot.words import affirmed, features, normalised
from retroflip.data.answers import gold_answer, is_well_formed, parse_answer, same_answer
from retroflip.data.sample import Sample
from retroflip.synth.sentence import derivation_texts

_ENDS = re.compile(
    r"\b(?:until|till|ends?|ended|ending|finish\w*|stops?|stopped|complet\w+|reach\w*|by|done|over|settles?|has been)\b"
)
_LASTS = re.compile(r"\b(?:still|continu\w+|midway|halfway|meanwhile|in the middle of|partway)\b")
_COMMENT = re.compile(
    r"[,;:(]\s*(?=(?:and |but )?(?:which|so|mean\w*|making|makes|leaving|leaves|now|having|after|before|until|because|"
    r"since|thus|therefore|giving|bringing|this|that|where|whose|the \w+ (?:is|are) now))"
)
_CLIP_EDGE = re.compile(
    r"\b(?:video|clip|recording|footage|scene)\b(?: (?:is|now|itself|then|just))*"
    r" (?:starts?|begins?|opens?|ends?|over|stops?)\b"
)
_BACK = re.compile(
    r"\b(?:earlier|before|previously|recall\w*|going back|back to|recap\w*|in summary|to sum|overall|looking back|"
    r"as noted)\b|^(?:so|therefore|thus|hence)\b",
    re.IGNORECASE,
)
_BACKWARDS = re.compile(r"\b(?:backwards?|in reverse)\b", re.IGNORECASE)
_SAME_MS = 1.0
_LONGEST = 20_000
"""characters of a trace; models that go round in circles write more"""
_UNUSABLE = re.compile(r"\d{16}|\.\d{10}|<\|[a-z_]+\|>")
"""what records refuse to hold, and numbers that no video has"""


class VerifierSettings(BaseModel):
    """How strict the check is.

    tolerance_ms: how far a time may lie from its event; a time written in coarser steps gets its rounding besides.
    told_share: least share of the events, those of distractors apart, that a trace must tell with their times.
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
    trace: str, metadata: Metadata, sample: Sample, settings: VerifierSettings | None = None
) -> Report:
    """Return whether a trace of `sample` is true of its video's metadata."""
    rules = settings or VerifierSettings()
    if not is_well_formed(trace):
        detail = "write <think>reasoning</think> and then \\boxed{answer}, each once, and nothing else"
        return Report((Problem(Reason.FORM, "", detail),), 0.0)
    if len(trace) > _LONGEST or _UNUSABLE.search(trace):
        detail = (
            f"write less than {_LONGEST} characters, no special token, and no number of more than 15 digits"
        )
        return Report((Problem(Reason.FORM, "", detail),), 0.0)
    truth = Truth(metadata)
    problems = []
    if not same_answer(parse_answer(trace, sample), gold_answer(sample)):
        box = trace.rpartition("</think>")[2].strip()
        problems.append(Problem(Reason.ANSWER, box, f"the right answer is {sample.solution}"))
    reasoning = trace.partition("<think>")[2].rpartition("</think>")[0].strip()
    if fault := wrong_conclusion(reasoning, truth, sample):
        problems.append(
            Problem(Reason.CONCLUSION, fault, f"the right answer is {metadata['question']['answer']}")
        )
    reader = _Reader(truth, rules, _told_freely(reasoning, metadata))
    problems += reader.problems()
    return Report(tuple(problems), reader.told_share)


def _told_freely(reasoning: str, metadata: Metadata) -> str:
    """Return the reasoning without the sentences of the derivation that it repeats word for word."""
    for sentence in derivation_texts(metadata["derivation"]):
        reasoning = re.sub(rf"{re.escape(sentence)}(?=\s|$)", "\n", reasoning)
    return reasoning


class _Reader:
    """One pass over a reasoning."""

    def __init__(self, truth: Truth, rules: VerifierSettings, text: str) -> None:
        self._truth, self._known, self._rules = truth, Known(truth), rules
        self._claims = find_claims(text, truth.fps)
        self._is_backwards = truth.question["mode"] == "retrodictive" and bool(
            _BACKWARDS.search(affirmed(normalised(text)))
        )
        self._told: set[int] = set()
        self._latest = -1.0

    @property
    def told_share(self) -> float:
        """Share of the required events that were told."""
        required = [event for event in self._truth.events if event.is_required]
        if not required:
            return 1.0
        return sum(event.number in self._told for event in required) / len(required)

    def problems(self) -> list[Problem]:
        """Return every fault, in the order of the text, then what is missing."""
        found: list[Problem] = []
        for claim in self._claims:
            if claim.stamp is None:
                found += self._without_time(claim.text, claim.quote, ())
                found += self._wrong_lengths(claim, self._truth.events)
                continue
            matched, faults = self._with_time(claim, claim.stamp)
            found += faults
            if not matched:
                continue
            begins = min(event.start_ms for event in matched)
            if _BACK.search(claim.quote) or self._is_backwards:
                self._latest = begins
            elif begins < self._latest - _SAME_MS:
                found.append(Problem(Reason.ORDER, claim.quote, "this happens before what is told before it"))
            self._latest = max(self._latest, begins)
        return [*found, *self._missing()]

    def _missing(self) -> Iterator[Problem]:
        if self.told_share < self._rules.told_share:
            for event in self._truth.events:
                if event.is_required and event.number not in self._told:
                    yield Problem(Reason.MISSING, "", f"not told: {_described(event)}")

    def _with_time(self, claim: Claim, stamp: Stamp) -> tuple[list[TrueEvent], list[Problem]]:
        """Return the events that a clause with a time tells, and its faults."""
        text, *comments = _COMMENT.split(claim.text)
        candidates = self._at(stamp, text)
        matched = self._matched(claim.text, candidates, stamp)
        if matched:
            comments = []
        else:
            matched = self._matched(text, candidates, stamp) or self._matched_in_parts(
                text, candidates, stamp
            )
        if not self._is_spanned(matched, stamp):
            matched = []
        if not matched:
            edge = _CLIP_EDGE.search(text.lower()) if self._is_edge(stamp) else None
            beside = f"{text[: edge.start()]} {text[edge.end() :]}" if edge else text
            if edge is None or UntimedCheck(self._known, beside, ()).tells:
                return [], [self._fault(claim, text, candidates)]
            return [], [
                fault for one in (beside, *comments) for fault in self._without_time(one, claim.quote, ())
            ]
        self._told |= {event.number for event in matched}
        faults = [fault for one in comments for fault in self._without_time(one, claim.quote, matched)]
        if state := false_statement(normalised(claim.text), self._truth, self._truth.beside(matched)):
            faults.append(Problem(Reason.STATE, claim.quote, state))
        if denied := denied_truth(text, self._truth, candidates):
            faults.append(Problem(Reason.CONTRADICTION, claim.quote, denied))
        return matched, [*faults, *self._wrong_lengths(claim, matched)]

    def _at(self, stamp: Stamp, text: str) -> list[TrueEvent]:
        """Return the events that may be told with a time."""
        tolerance, events = self._rules.tolerance_ms, self._truth.events
        if stamp.high is not None:
            high = stamp.high
            begun = [event for event in events if stamp.low.is_near(event.start_ms, tolerance)]
            ended = [event for event in events if high.is_near(event.end_ms, tolerance)]
            both = [event for event in begun if event in ended]
            if both or not begun or not ended:
                return both
            first, last = begun[0].start_ms, ended[-1].end_ms
            return [event for event in events if first <= event.start_ms and event.end_ms <= last]
        lowered = text.lower()
        found = [event for event in events if stamp.low.is_near(event.start_ms, tolerance)]
        if _ENDS.search(lowered):
            found += [event for event in events if stamp.low.is_near(event.end_ms, tolerance)]
        if _LASTS.search(lowered):
            found += [event for event in events if event.start_ms <= stamp.low.ms <= event.end_ms]
        return sorted(set(found), key=lambda event: event.number)

    def _matched(self, text: str, candidates: Sequence[TrueEvent], stamp: Stamp) -> list[TrueEvent]:
        """Return the event that a whole clause tells, of those that it fits."""
        said = self._truth.told(text)
        fitting = [event for event in candidates if fits(said, event)]
        chosen = self._likeliest(fitting, said, stamp)
        return chosen if self._is_spanned(chosen, stamp) else fitting

    def _likeliest(self, events: Sequence[TrueEvent], said: Told, stamp: Stamp) -> list[TrueEvent]:
        """Return the event that is meant, where a clause fits several: in its words, not told yet, next, nearest."""

        def rank(event: TrueEvent) -> tuple[bool, bool, bool, float, int]:
            is_quoted = event.told.clause in said.clause
            is_back = event.start_ms < self._latest - _SAME_MS
            distance = min(stamp.low.distance(event.start_ms), stamp.low.distance(event.end_ms))
            return not is_quoted, event.number in self._told, is_back, distance, event.number

        return sorted(events, key=rank)[:1]

    def _is_spanned(self, matched: Sequence[TrueEvent], stamp: Stamp) -> bool:
        """Return whether a range of times begins with one of the events and ends with one."""
        tolerance = self._rules.tolerance_ms
        return stamp.high is None or (
            any(stamp.low.is_near(event.start_ms, tolerance) for event in matched)
            and any(stamp.high.is_near(event.end_ms, tolerance) for event in matched)
        )

    def _matched_in_parts(self, text: str, candidates: Sequence[TrueEvent], stamp: Stamp) -> list[TrueEvent]:
        """Return the events that the parts of a clause tell, none where a part fits no event of that time."""
        matched: list[TrueEvent] = []
        for said in map(self._truth.told, _doings_of(text)):
            agreeing = [event for event in candidates if contradiction(said, event) is None]
            if not agreeing:
                return []
            matched += self._likeliest([event for event in agreeing if supports(said, event)], said, stamp)
        together = list(dict.fromkeys(matched))
        if len(together) == 1 and contradiction(self._truth.told(text), together[0]) is not None:
            return []
        return together

    def _fault(self, claim: Claim, text: str, candidates: Sequence[TrueEvent]) -> Problem:
        said = self._truth.told(text)
        elsewhere = [event for event in self._truth.events if fits(said, event)]
        if elsewhere and not said.features.is_empty:
            return Problem(Reason.TIME, claim.quote, f"nothing like it then; {_described(elsewhere[0])}")
        agreeing = [event for event in candidates if contradiction(said, event) is None]
        if agreeing:
            return Problem(Reason.INVENTED, claim.quote, f"what happens then: {_described(agreeing[0])}")
        if candidates:
            wrong = contradiction(said, candidates[0])
            return Problem(
                Reason.CONTRADICTION, claim.quote, f"{wrong} does not agree with: {_described(candidates[0])}"
            )
        return Problem(Reason.INVENTED, claim.quote, "no event begins at that time, and none is like it")

    def _is_edge(self, stamp: Stamp) -> bool:
        tolerance = self._rules.tolerance_ms
        return any(stamp.low.is_near(edge, tolerance) for edge in (0.0, self._truth.duration_ms))

    def _wrong_lengths(self, claim: Claim, matched: Sequence[TrueEvent]) -> Iterator[Problem]:
        for length in claim.lengths:
            if length.kind is StampKind.LENGTH:
                true = [event.end_ms - event.start_ms for event in matched]
            else:
                edges = [edge for event in self._truth.events for edge in (event.start_ms, event.end_ms)]
                true = [abs(one - other) for one in edges for other in edges]
            if not any(length.low.is_near(one, self._rules.tolerance_ms) for one in true):
                yield Problem(Reason.TIME, claim.quote, "no event and no pause takes that long")

    def _without_time(self, text: str, quote: str, around: Sequence[TrueEvent]) -> list[Problem]:
        """Return the faults of a clause that tells no time of its own."""
        check = UntimedCheck(self._known, text, around)
        if fault := check.state_fault:
            return [Problem(Reason.STATE, quote, fault)]
        return [Problem(reason, quote, detail) for reason, detail in filter(None, [check.fault])]


def _doings_of(text: str) -> list[str]:
    """Return the parts of a clause; what names something without telling of it goes with the part behind it."""
    parts, names = [], ""
    for part in filter(str.strip, PART.split(normalised(text))):
        names = f"{names} {part}"
        if features(names).doings or features(names).values:
            parts.append(names)
            names = ""
    return [*parts, names] if names else parts


def _described(event: TrueEvent) -> str:
    """Return an event with its times, for a writer."""
    if event.start_ms == event.end_ms:
        return f"at {event.start_ms / 1000:.1f} s, {event.note}"
    return f"from {event.start_ms / 1000:.1f} s to {event.end_ms / 1000:.1f} s, {event.note}"
