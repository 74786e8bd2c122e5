"""What a parsed answer is, when two are the same, what one earns, and which one a sample's own solution is."""

import re
from dataclasses import dataclass, field
from typing import Literal, assert_never

from retroflip.data.answers.folding import folded
from retroflip.data.answers.grounded import divided, grounded_text, parts_of
from retroflip.data.answers.mathematics import equal_math, read_math
from retroflip.data.answers.nearness import mean_relative_accuracy, word_accuracy
from retroflip.data.answers.numbers import equal_numbers, number_value, read_number
from retroflip.data.answers.spans import best_iou, read_spans, spans_text
from retroflip.data.sample import ProblemType, Sample
from retroflip.errors import DataError

AnswerKind = Literal[
    "option", "options", "number", "quantity", "math", "text", "transcript", "span", "grounded"
]
_SELECTED = re.compile(r"\(?([A-Z])\)?(?:\s*(?:,|;|/|&|and)\s*(?:and\s+)?|\s+|$)")

_BY_DEGREES = ("span", "grounded", "quantity", "transcript")
"""kinds of which one that is nearly right earns something"""


@dataclass(frozen=True)
class Answer:
    """A parsed answer; compare two with `same_answer`, not with `==` (which knows no arithmetic).

    kind: how it is compared. value: the option's letter, several in their order ("A, C"), the cleaned expression, the
    span or spans in seconds ("[5, 12]"), both ("A <> [5, 12]"), or the normalised text. span_share: of the credit
    where both are asked for, what the span's IoU is.
    """

    kind: AnswerKind
    value: str
    span_share: float = field(default=0.5, compare=False)


def same_answer(a: Answer | None, b: Answer | None) -> bool:
    """Return whether two answers agree. An unparsed answer agrees with nothing, not even with another one.

    CRPO's appendix B.1 gives the comparison: `math-verify` for numbers, and text case-folded and stripped of white
    space for everything else; here a full stop at its end is dropped as well.
    """
    if a is None or b is None or a.kind != b.kind:
        return False
    if a.value == b.value:
        return True
    if a.kind in ("number", "quantity"):
        return equal_numbers(a.value, b.value)
    return a.kind == "math" and equal_math(a.value, b.value)


def credit(answer: Answer | None, gold: Answer) -> float:
    """Return what an answer earns where `gold` is right, in 0..1: the one registry of rewards and scores.

    1 for the same answer and 0 for any other, but for regression (mean relative accuracy, VSI-Bench), OCR (one minus
    the word error rate, Video-R1) and temporal grounding (the best IoU with a gold span). An option with its span earns
    a share for the option and a share of the span's IoU: half each by default, half of VideoAuto-R1's sum. An unparsed
    answer earns 0.
    """
    if answer is None or answer.kind != gold.kind:
        return 0.0
    match gold.kind:
        case "option" | "options" | "number" | "math" | "text":
            return float(same_answer(answer, gold))
        case "quantity":
            return mean_relative_accuracy(number_value(answer.value), number_value(gold.value))
        case "transcript":
            return word_accuracy(answer.value, gold.value)
        case "span":
            (span,) = read_spans(answer.value)
            return best_iou(span, read_spans(gold.value))
        case "grounded":
            given, right = parts_of(answer.value), parts_of(gold.value)
            overlap = best_iou(given.spans[0], right.spans) if given.spans and right.spans else 0.0
            share = gold.span_share
            return (1.0 - share) * float(given.letter == right.letter) + share * overlap
        case _:
            assert_never(gold.kind)


def gold_answer(sample: Sample) -> Answer:
    """Return the sample's own answer, in the form that responses are read in.

    Raises DataError where the solution is no answer to its own question: not an option's letter, not a
    number for a numerical problem, no span of time, or blank.
    """
    if sample.problem_type is ProblemType.GROUNDING:
        golds = read_spans(sample.solution)
        if golds:
            return Answer("span", spans_text(golds))
    elif sample.problem_type is ProblemType.GROUNDED_CHOICE:
        right = parts_of(sample.solution)
        if right.spans and right.letter in letters(sample):
            return Answer("grounded", grounded_text(right.letter, spans_text(right.spans)))
    elif (answer := of_type(sample.solution, sample)) is not None:
        return answer
    raise DataError(
        f"Sample {sample.id!r}: the solution {sample.solution!r} is no answer to a "
        f"{sample.problem_type.value} problem, so no response could ever be right. Mend the record's "
        f"'solution': {_fix(sample)}."
    )


def answers_alike(sample: Sample, other: str) -> bool:
    """Return whether a solution for the counterfactual clip, `other`, is the sample's own answer.

    Raises DataError, as `gold_answer` does, where either is no answer to the question.
    """
    return same_answer(gold_answer(sample), gold_answer(sample.model_copy(update={"solution": other})))


def _fix(sample: Sample) -> str:
    offered = ", ".join(letters(sample)) or "none: the sample has no options"
    match sample.problem_type:
        case ProblemType.MULTIPLE_CHOICE:
            return f"give the letter of one of its options ({offered})"
        case ProblemType.MULTI_SELECT:
            return f"give the letters of the right options ({offered}), as in 'A, C'"
        case ProblemType.NUMERICAL | ProblemType.REGRESSION:
            return "give a plain number or set problem_type to 'free-form'"
        case ProblemType.MATH:
            return "give an expression that math-verify reads, or set problem_type to 'free-form'"
        case ProblemType.GROUNDING:
            return "give a span in seconds, '[5.0, 12.0]', or several with a semicolon between them"
        case ProblemType.GROUNDED_CHOICE:
            return (
                f"give the letter of one of its options ({offered}) and a span in seconds, 'A <> [5.0, 12.0]'"
            )
        case ProblemType.FREE_FORM | ProblemType.OCR:
            return "give the answer's text"
        case _:
            assert_never(sample.problem_type)


def letters(sample: Sample) -> list[str]:
    """Return the letters of the sample's options, in their order."""
    return list(sample.lettered)


def option_texts(sample: Sample) -> dict[str, str]:
    """Return the options as they are compared, by their letters."""
    return {letter: folded(option) for letter, option in sample.lettered.items()}


def of_type(content: str, sample: Sample) -> Answer | None:
    """Return a text that is an answer and nothing else, as an answer of the sample's type; None where it is none.

    Of multiple choice this takes a bare letter alone: `strict.read_option` knows its other forms.
    """
    match sample.problem_type:
        case ProblemType.MULTIPLE_CHOICE:
            return _some("option", content if content in letters(sample) else None)
        case ProblemType.MULTI_SELECT:
            return _some("options", read_selection(content, letters(sample)))
        case ProblemType.NUMERICAL:
            return _some("number", read_number(content))
        case ProblemType.REGRESSION:
            return _some("quantity", read_number(content))
        case ProblemType.MATH:
            return _some("math", read_math(content))
        case ProblemType.FREE_FORM:
            return _some("text", folded(content))
        case ProblemType.OCR:
            return _some("transcript", folded(content))
        case ProblemType.GROUNDING:
            spans = read_spans(content)
            return _some("span", spans_text(spans) if len(spans) == 1 else None)
        case ProblemType.GROUNDED_CHOICE:
            letter, span = divided(content)
            return grounded(letter if letter in letters(sample) else None, span)
        case _:
            assert_never(sample.problem_type)


def grounded(letter: str | None, span: str) -> Answer | None:
    """Return the answer of an option and the text behind it, from which a span that is not sure is left out; None
    without an option."""
    if letter is None:
        return None
    return Answer("grounded", grounded_text(letter, span if len(read_spans(span)) == 1 else ""))


def option_of(answer: Answer | None) -> Answer | None:
    """Return an answer without the span that it may have beside its option."""
    if answer is None or answer.kind != "grounded":
        return answer
    return Answer("option", parts_of(answer.value).letter)


def likeness(a: Answer | None, b: Answer | None) -> float:
    """Return how far two answers agree, in 0..1.

    It is what `credit` has where nearness earns (the IoU of two spans, an option with its span, a quantity, a
    transcript), so that what is nearly right is nearly unchanged too; for all others 0 or 1 (`same_answer`).
    """
    if a is not None and b is not None and a.kind == b.kind and a.kind in _BY_DEGREES:
        return credit(a, b)
    return float(same_answer(a, b))


def read_selection(text: str, offered: list[str]) -> str | None:
    """Return the letters that a text lists, in alphabetical order: "C and A" is "A, C". None for anything else.

    A letter twice, or one that no option has, is no selection that is sure.
    """
    rest = text.strip().removesuffix(".")
    found: list[str] = []
    while rest:
        letter = _SELECTED.match(rest)
        if letter is None:
            # "AC" without anything between.
            if not found and re.fullmatch(r"[A-Z]+", rest):
                found, rest = list(rest), ""
                break
            return None
        found.append(letter[1])
        rest = rest[letter.end() :]
    if not found or len(set(found)) < len(found) or not set(found) <= set(offered):
        return None
    return ", ".join(sorted(found))


def _some(kind: AnswerKind, value: str | None) -> Answer | None:
    return Answer(kind, value) if value else None
