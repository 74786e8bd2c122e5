"""Whether clauses without a time of their own are true: each must be borne out by something that is known.

What bears a clause out is an event that says nothing else, events in their order for the parts of a list, the states
beside the event that it names ("after the second swap: ..."), or the derivation and the answer, whose words it may
take in any number but not in another order. What is denied must not be so.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum

from retroflip.cot.statements import false_statement, without_statements
from retroflip.cot.truth import COMMAND, Scope, Side, Told, TrueEvent, Truth, contradiction, supports
from retroflip.cot.words import BEING, denials, normalised
from retroflip.synth.animation import PALETTE, SHAPES
from retroflip.synth.sentence import derivation_texts

PART = re.compile(r"[,;:()]|\b(?:and|then|while|but|whereas)\b")
_STOP = re.compile(r"[:;]")
_SEGMENT = re.compile(
    r"(?<! is)(?<! are)(?<!answer):|;|,?\s\b(?:so|therefore|thus|hence|because|since|which means)\b"
)
_ANSWERS = re.compile(
    r"\b(?:(?<!to )answer|correct (?:option|choice)|right (?:option|choice))\b", re.IGNORECASE
)
_LETTERS = re.compile(
    r"\b(?:answer|options?|choices?|letters?)\b(?:\s+(?:is|are|must|should|would|has|to|be|then))*[\s:(]*"
    r"[A-H]\b(?:\)|(?:\s*(?:,|and|or)\s*[A-H]\b)+)?",
)
_LOOK = re.compile(rf"\b(?:{'|'.join(PALETTE)}) (?:{'|'.join(SHAPES)})\b")
_PLAN = re.compile(
    r"^\W*(?:(?:so|now|first|next|then|okay|ok|well)\b,? )*(?:let me|let's|let us|"
    r"(?:i|we) (?:will|need|have|must|want)|i'll|we'll|"
    r"to (?:answer|decide|find|solve|count|tell|determine|see|compare|follow|work|check|know)|"
    r"the question (?:asks|is|wants)|if|whether|which|what|how|where|who|"
    r"(?:the )?(?:possible |given )?(?:options?|choices?|candidates?) (?:are|include|differ))\b",
    re.IGNORECASE,
)
"""how a clause begins that plans or asks, and so tells nothing"""
_BESIDE = re.compile(
    r"[,;:.]|\b(?:so|because|since|therefore|thus|hence)\b|\b(?:and|but) (?=(?:it|they|there|then)\b)"
)
"""what parts a plan from what is told beside it"""
_QUESTION = re.compile(
    r"^\W*(?:(?:so|now|but|and)\b,? )?(?:which|what|how|where|who|does|did|do|is|are|was|will|can)\b"
)
_EDGE = re.compile(
    r"\b(?:(?P<first>first)|(?P<last>last)) (?=(?:hits?|moves?|goes|bounces|touches|strikes|heads|travels|drifts)\b)"
    r"|\bthe (?:(?P<nth_first>first)|(?P<nth_last>last|final)) (?=(?:hit|bounce|collision|contact|move|movement|motion)"
    r"\b[^,;]{0,60}?(?:is|was|goes|happens|occurs)\b)"
)
"""what is said to be the first or the last of all its like, and not "the first hit of the left wall" """
_SEQUEL = re.compile(
    r"^(?:and )?(?:then|next|again|afterwards?|after that|later|subsequently|immediately)\b", re.I
)
_FREE_ORDER = re.compile(
    r"\b(?:(?<!one )after(?! that)|before|once|when|while|following|preceded|until|as)\b", re.IGNORECASE
)
_RUNNING = re.compile(r"\b(?:so far|already|by now|by then|until then|\d+(?:st|nd|rd|th))\b|#")
_START = re.compile(r"\bat the (?:very )?(?:start|beginning)\b|\binitially\b|\bstarts? (?:as|with|out|off)\b")
_END = re.compile(r"(?<!from )\bat the (?:very )?end\b|\bin the end\b|\bends? (?:up )?(?:as|with)\b")
_ANCHOR = re.compile(
    r"^\W*(?:right |just |immediately )?(?P<side>after|once|when|before)\b(?P<event>[^:;]+?)[:,]", re.I
)
_HALF = re.compile(r"\b(?:first|second)-half\b")
_NEXT = re.compile(r"\bnext\b")
_FIRST = re.compile(r"\bfirst\b(?!-)")
_BRIEF = 3
"""a part of a list with so few words ("left, right, right") tells another event than the part before it"""
_TELLING = frozenset((
    "direction", "sense", "pace", "size", "transfer", "facing", "gesture", "nearing", "border", "half", "extreme",
    "cell", "decimal",
))  # fmt: skip
_ACTS = ("gesture", "pace", "nearing", "size", "transfer", "border", "sense")
_NAMING = frozenset(("object", "place", "number"))
_INCIDENTAL = frozenset(("size", "extreme", "half"))
"""what is nobody's business in a video whose question and events know nothing of it"""
_LISTED = frozenset(("look", "ordinal"))
"""what an answer tells"""


class Reason(StrEnum):
    """Why a trace is refused."""

    FORM = "form"
    ANSWER = "answer"
    CONCLUSION = "conclusion"
    TIME = "time"
    CONTRADICTION = "contradiction"
    INVENTED = "invented"
    STATE = "state"
    ORDER = "order"
    UNTIMED = "untimed"
    MISSING = "missing"


class Known:
    """What bears clauses out, of one video.

    rows: single stretches of what is known, in which several things of a kind stand in one order; answers,
    answer_rows: those that tell the answer. used: the categories of what they say. is_measured: whether events tell
    what is the most.
    """

    def __init__(self, truth: Truth) -> None:
        question, derivation = truth.question, derivation_texts(truth.metadata["derivation"])
        asked = f"{question['text']} ; {question['answer']}"

        def told(text: str) -> Told:
            return truth.told(without_statements(normalised(text), truth))

        self.truth = truth
        sentences = (*derivation, *truth.ways)
        self.answer_rows = [
            told(part) for text in derivation[-1:] for part in _SEGMENT.split(normalised(text))
        ]
        self.answer_rows += [truth.told(question["answer"])]
        self.answers = [*self.answer_rows, told(asked), truth.told(asked), *map(told, derivation[-1:])]
        self.rows = [told(part) for text in sentences for part in _SEGMENT.split(normalised(text))]
        self.rows += [*self.answer_rows, told(question["text"]), *(event.told for event in truth.events)]
        self.everything = [*self.rows, *self.answers, *map(told, sentences)]
        self.is_measured = any(len(event.values["extreme"]) == 1 for event in truth.events)
        used = (one.features.values.keys() for one in self.everything)
        self.used = frozenset().union(*used)


class UntimedCheck:
    """What is wrong with a clause that has no time. around: the events of the time beside which it stands."""

    def __init__(self, known: Known, text: str, around: Sequence[TrueEvent]) -> None:
        self._known, self._truth, self._text = known, known.truth, text
        self._clause = normalised(_LETTERS.sub(" the answer ", text))
        self._around = around
        events = known.truth.events
        self._doings = frozenset().union(*(event.told.features.doings for event in events)) - BEING

    @property
    def state_fault(self) -> str | None:
        """What is wrong with the contents, lists and calculations that it tells."""
        return false_statement(self._clause, self._truth, self._scope)

    @property
    def _scope(self) -> Scope:
        """The states that it is about."""
        at_start, at_end = self._truth.edges
        if self._around:
            return self._truth.beside(self._around)
        if anchor := _ANCHOR.search(self._clause):
            side = Side.BEFORE if anchor["side"] == "before" else Side.AFTER
            if named := self._like(self._truth.told(anchor["event"])):
                return self._truth.beside(named, side)
        if bool(_START.search(self._clause)) is not bool(_END.search(self._clause)):
            return at_start if _START.search(self._clause) else at_end
        lead, mark, _ = self._clause.partition(":")
        named = self._like(self._truth.told(lead)) if mark else []
        return self._truth.beside(named) if named else self._truth.everything

    def _like(self, said: Told) -> list[TrueEvent]:
        return [event for event in self._truth.events if fits(said, event)] if self._tells(said) else []

    @property
    def fault(self) -> tuple[Reason, str] | None:
        """What else is wrong with it."""
        if stranger := self._stranger(self._truth.told(self._clause)):
            return Reason.INVENTED, stranger
        if denied := denied_truth(self._clause, self._truth, self._around or self._truth.events):
            return Reason.CONTRADICTION, denied
        if denied := None if self._around else self._denied_conclusion():
            return Reason.CONTRADICTION, f"it is so: {denied}"
        if stranger := self._unknown_anchor():
            return Reason.CONTRADICTION, f"no event is like that: {stranger}"
        plain = without_statements(self._told_clause, self._truth)
        if not self._tells(self._truth.told(plain)):
            return None
        if misplaced := next(filter(None, map(self._misplaced, PART.split(plain))), None):
            return Reason.ORDER, f"this is not the first or the last: {misplaced.strip()}"
        if _SEQUEL.search(self._text.strip()):
            return Reason.UNTIMED, "an event is told without its time"
        if self._is_borne_out(plain):
            return None
        segments = [_with_half(one, plain) for one in _SEGMENT.split(plain) if one.strip()]
        return next(filter(None, map(self._fault_of_segment, segments)), None)

    @property
    def tells(self) -> bool:
        """Whether there is something in it, besides states, that can be true or false."""
        return self._tells(self._truth.told(without_statements(self._told_clause, self._truth)))

    @property
    def _told_clause(self) -> str:
        """The clause without the parts that plan or ask."""
        if _ANSWERS.search(self._clause):
            return self._clause
        if self._clause.endswith("?") and _QUESTION.search(self._clause):
            return ""
        if not _PLAN.search(self._clause):
            return self._clause
        return " ; ".join(part for part in _BESIDE.split(self._clause) if not _PLAN.search(part))

    def _misplaced(self, part: str) -> str | None:
        """Return a part that calls an event the first or the last of its type, although none like it is that."""
        place = _EDGE.search(part)
        if place is None:
            return None
        like = self._agreeing(self._truth.told(part.replace(place[0], " ")))
        is_first = bool(place["first"] or place["nth_first"])
        return part if like and not any(self._is_at_edge(event, is_first) for event in like) else None

    def _is_at_edge(self, event: TrueEvent, is_first: bool) -> bool:
        """Return whether no event of its type, with the same objects, begins before it, or none after it."""
        kinds = [one["type"] for one in self._truth.metadata["events"]]
        alike = [
            one.start_ms
            for one in self._truth.events
            if kinds[one.number] == kinds[event.number] and one.told.objects == event.told.objects
        ]
        return event.start_ms == (min(alike) if is_first else max(alike))

    def _unknown_anchor(self) -> str | None:
        """Return the event of "after ..." that never is."""
        anchor = _ANCHOR.search(self._clause)
        if anchor is None:
            return None
        said = self._truth.told(anchor["event"])
        is_known = not self._tells(said) or self._is_borne_out(anchor["event"]) or self._agreeing(said)
        return None if is_known else anchor["event"].strip()

    def _fault_of_segment(self, segment: str) -> tuple[Reason, str] | None:
        said = self._truth.told(segment)
        if not self._tells(said) or self._is_borne_out(segment):
            return None
        if _ANSWERS.search(segment):
            return Reason.CONTRADICTION, "nothing that is known leads to that answer"
        return None if self._agreeing(said) else self._fault_in_row(segment)

    def _is_borne_out(self, text: str) -> bool:
        """Return whether what is known holds all that a text says; an answer is borne out by the answer alone."""
        said = self._truth.told(text)
        if self._known.is_measured and len({*said.order.get("extreme", ())}) == 1 and said.mentions:
            return bool(self._agreeing(said))
        is_row = any(len(values) > 1 for values in said.order.values()) and not _SEGMENT.search(text)
        if _ANSWERS.search(text):
            known = self._known.answer_rows if is_row else self._known.answers
        else:
            known = self._known.rows if is_row else self._known.everything
        return any(said.is_part_of(whole) for whole in known)

    def _agreeing(self, said: Told) -> list[TrueEvent]:
        """Return the events that are as a clause says; what it says twice of one event is not said of one."""
        told = [values for category, values in said.order.items() if category in _TELLING | _LISTED]
        if any(len(set(values)) < len(values) for values in told) or not self._is_count_right(said):
            return []
        return [event for event in self._truth.events if contradiction(said, event) is None]

    def _is_count_right(self, said: Told) -> bool:
        """Return whether a number that is no fact of an event counts the events that are as the clause says."""
        counted = said.features.numbers - frozenset().union(*(event.numbers for event in self._truth.events))
        if not counted:
            return True
        bare = replace(said, features=replace(said.features, numbers=frozenset()))
        total = sum(fits(bare, event) for event in self._truth.events)
        if _RUNNING.search(said.clause):
            return all(int(number) <= total for number in counted)
        return counted == {str(total)}

    def _fault_in_row(self, text: str) -> tuple[Reason, str] | None:
        """Every part must be like some event, and the parts in the events' order."""
        latest, latest_ms = -1, -1.0
        is_free = bool(_FREE_ORDER.search(text))
        concerned: set[str] = set()
        anchor = _ANCHOR.search(text)
        rows: list[list[int]] = []
        for part in filter(str.strip, PART.split(text)):
            said = self._truth.told(_with_half(part, text))
            if not self._tells(said):
                continue
            like = [
                event
                for event in self._agreeing(said)
                if "border" in said.order or "border" not in event.values
            ]
            if not like:
                return Reason.CONTRADICTION, "no event of the video is like that"
            opens_with_first = not rows and _FIRST.search(part) is not None
            rows.append([event.number for event in (like[:1] if opens_with_first else like)])
            concerned.update(*(event.told.objects for event in like))
            must_be_another = len(part.split()) <= _BRIEF or " then " in text
            earliest = latest + 1 if must_be_another else latest
            later = [
                event
                for event in like
                if event.number >= earliest or (event.start_ms == latest_ms and event.number != latest)
            ]
            if not later and not is_free:
                return Reason.ORDER, "these events happen in another order"
            if later:
                latest, latest_ms = later[0].number, later[0].start_ms
        if anchor and _NEXT.search(text) and not _is_run(rows):
            return Reason.ORDER, "something else comes next"
        named = self._truth.told(text)
        if concerned and (strangers := set(named.objects) - concerned):
            return Reason.CONTRADICTION, f"this does not happen to {', '.join(sorted(strangers))}"
        if len(named.mentions) > len(named.objects) == 1 < len(concerned):
            return Reason.CONTRADICTION, "one object is named twice"
        return None

    def _tells(self, said: Told) -> bool:
        """Return whether a clause says something that can be true or false."""
        told = (said.order.keys() | said.features.values.keys()) - (_INCIDENTAL - self._known.used)
        is_command = bool(COMMAND.search(said.clause)) and any(event.command for event in self._truth.events)
        is_answer = bool(_LISTED & told and _ANSWERS.search(said.clause))
        doings = said.features.doings & self._doings
        return bool(
            _TELLING & told or said.features.targets or is_command or is_answer or (doings and _NAMING & told)
        )

    def _denied_conclusion(self) -> str | None:
        """Return what the clause denies of states and conclusions although it is so."""
        for denial in denials(self._clause):
            stretch = _STOP.split(denial.before)[-1] + _STOP.split(denial.rest)[0]
            is_state = without_statements(stretch, self._truth) != stretch
            if is_state and false_statement(stretch, self._truth, self._scope) is None:
                return stretch
            said = self._truth.told(denial.what)
            is_told = self._tells(said) or (denial.is_being and said.order)
            if (
                is_told
                and not _ANSWERS.search(denial.before)
                and self._is_borne_out(denial.before + denial.what)
            ):
                return denial.what
        return None

    def _stranger(self, said: Told) -> str | None:
        """Return what the clause names that is nowhere in the metadata."""
        what = said.features
        named = [*what.values.get("colour", ()), *what.values.get("shape", ()), *what.names]
        unknown = [
            word for word in named if word not in self._truth.words and f"{word}s" not in self._truth.words
        ]
        unknown += [pair for pair in _LOOK.findall(self._clause) if pair not in self._truth.said]
        if "vanish" in what.doings and not any(map(_hides, self._truth.events)):
            unknown.append("object that disappears")
        unknown += [name for name in what.numbers if name not in self._truth.numbers]
        return f"the metadata know no {', '.join(sorted(unknown))}" if unknown else None


def _with_half(part: str, whole: str) -> str:
    """Return a part of a clause with the half of the video of which the clause speaks, where it names one."""
    halves = set(_HALF.findall(whole))
    return part if _HALF.search(part) or len(halves) != 1 else f"{halves.pop()} {part}"


def _is_run(rows: Sequence[Sequence[int]]) -> bool:
    """Return whether numbers that follow on each other can be chosen, one from each row."""
    return any(all(first + place in row for place, row in enumerate(rows)) for first in rows[0])


def _hides(event: TrueEvent) -> bool:
    """Return whether something may be said to disappear in an event."""
    told = event.told.features
    return bool(
        told.doings & {"vanish", "cover"} or event.values.keys() & {"border", "view", "transfer", "gesture"}
    )


def denied_truth(text: str, truth: Truth, events: Sequence[TrueEvent]) -> str | None:
    """Return what a clause denies ("it does not move up") although one of the events is just like that."""
    for denial in denials(_START.sub(" ", _END.sub(" ", normalised(text)))):
        said, denied = truth.told(PART.split(denial.before)[-1] + denial.what), truth.told(denial.what)
        for event in () if _ANSWERS.search(denial.before) else events:
            names_it = (denied.features.doings - BEING) & event.told.features.doings or any(
                denied.features.values.get(act, frozenset()) & event.values.get(act, frozenset())
                for act in _ACTS
            )
            says_it = denial.is_being and denied.order.keys() & (_TELLING | _NAMING)
            if (names_it or says_it) and fits(said, event):
                return f"this does happen: {event.note}"
    return None


def fits(said: Told, event: TrueEvent) -> bool:
    """Return whether a clause tells an event, and nothing that it is not."""
    return contradiction(said, event) is None and supports(said, event)
