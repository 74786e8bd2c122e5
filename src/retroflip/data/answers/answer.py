"""What a parsed answer is, when two are the same, and which one a sample's own solution is."""

from dataclasses import dataclass
from typing import Literal

from retroflip.data.answers.numbers import equal_numbers, read_number
from retroflip.data.answers.words import folded
from retroflip.data.prompts import option_letter
from retroflip.data.sample import ProblemType, Sample
from retroflip.errors import DataError


@dataclass(frozen=True)
class Answer:
    """A parsed answer; compare two with `same_answer`, not with `==` (which knows no arithmetic).

    kind: how it is compared. value: the option's letter, the cleaned expression, or the normalised text.
    """

    kind: Literal["option", "number", "text"]
    value: str


def same_answer(a: Answer | None, b: Answer | None) -> bool:
    """Return whether two answers agree. An unparsed answer agrees with nothing, not even with another one.

    CRPO's appendix B.1 gives the comparison: `math-verify` for numbers, and text case-folded and stripped of white
    space for everything else; here a full stop at its end is dropped as well.
    """
    if a is None or b is None or a.kind != b.kind:
        return False
    return a.value == b.value or (a.kind == "number" and equal_numbers(a.value, b.value))


def gold_answer(sample: Sample) -> Answer:
    """Return the sample's own answer, in the form that responses are read in.

    Raises DataError where the solution is no answer to its own question: not an option's letter, not a
    number for a numerical problem, or blank.
    """
    if sample.problem_type is ProblemType.MULTIPLE_CHOICE:
        if sample.solution in letters(sample):
            return Answer("option", sample.solution)
        offered = ", ".join(letters(sample)) or "none: the sample has no options"
        fix = f"give the letter of one of its options ({offered})"
    else:
        answer = open_answer(sample.solution, sample)
        if answer is not None:
            return answer
        numerical = sample.problem_type is ProblemType.NUMERICAL
        fix = (
            "give a plain number or set problem_type to 'free-form'"
            if numerical
            else "give the answer's text"
        )
    raise DataError(
        f"Sample {sample.id!r}: the solution {sample.solution!r} is no answer to a "
        f"{sample.problem_type.value} problem, so no response could ever be right. Mend the record's "
        f"'solution': {fix}."
    )


def letters(sample: Sample) -> list[str]:
    """Return the letters of the sample's options, in their order."""
    return [option_letter(index) for index in range(len(sample.options))]


def option_texts(sample: Sample) -> dict[str, str]:
    """Return the options as they are compared, by their letters."""
    return dict(zip(letters(sample), map(folded, sample.options), strict=True))


def open_answer(content: str, sample: Sample) -> Answer | None:
    """Return text that answers a question without options as an answer of the sample's type."""
    if sample.problem_type is ProblemType.NUMERICAL:
        expression = read_number(content)
        return None if expression is None else Answer("number", expression)
    text = folded(content)
    return Answer("text", text) if text else None
