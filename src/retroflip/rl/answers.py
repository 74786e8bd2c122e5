r"""Reading the answer out of a response, and deciding when two answers are the same.

Every reward and every metric compares *parsed* answers, never raw text. An answer that cannot be read
with certainty is `None` (unparsed): it is counted on its own and never turned into a letter. The rules:

1. Only the text after the last `</think>` counts; a reasoning block that was opened and never closed hides
   all that follows it.
2. The last `\boxed{...}` there, with balanced braces, is the answer. If its braces never close (a truncated
   response) there is no answer. Where no `\boxed` stands at all, the last `<answer>...</answer>` (the form
   of Video-R1's records) is read instead. Nothing else is: running text is never searched for letters.
3. Multiple choice: a stand-alone capital letter of an option ("A", "(A)", "A.", "A)"), a letter followed by
   that same option's text ("A. left"), or an option's text that no other option shares.
   Numerical: a flat arithmetic expression (see `_EXPRESSION`). Free-form: any text that is not blank.

Appendix B.1 of CRPO gives the comparison: `math-verify` for numbers, and text case-folded and stripped of
white space for everything else; here a full stop at its end is dropped as well.
"""

import logging
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from retroflip.data.prompts import option_letter
from retroflip.data.sample import ProblemType, Sample
from retroflip.errors import DataError

_BOX = re.compile(r"\\boxed\s*\{")
_ANSWER_TAG = re.compile(r"<answer>((?:(?!<answer>).)*?)</answer>", re.DOTALL)
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_TEXT_COMMAND = re.compile(r"\\(?:text|textbf|textrm|textit|mathrm|mathbf)\s*\{([^{}]*)\}")
_ESCAPED = re.compile(r"\\([ %$&_#])")
_LETTERED = re.compile(r"(?:\(([A-Z])\)[.:]?|([A-Z])(?:[.:)]|$))\s*(.*)")

_THOUSANDS = re.compile(r"(?<![\d.])\d{1,3}(?:,\d{3})+(?![\d,])", re.ASCII)
_DIGITS = r"(?:\d{1,15}(?:\.\d{1,15})?|\.\d{1,15})"
_ARGUMENT = rf"\s*\{{\s*-?\s*{_DIGITS}\s*\}}"
_ATOM = (
    rf"(?:{_DIGITS}|\\[dt]?frac{_ARGUMENT}{_ARGUMENT}|\\sqrt{_ARGUMENT}|\\pi)"
    r"(?:\s*\^\s*(?:\d|\{\s*-?\d{1,2}\s*\}))?"
)
_OPERATOR = r"(?:\s*(?:[-+*/]|\\times|\\cdot|\\div)\s*|\s*(?=\\))"
_EXPRESSION = re.compile(rf"[-+]?\s*{_ATOM}(?:{_OPERATOR}{_ATOM}){{0,7}}\s*%?", re.ASCII)
"""What may reach `math-verify`: up to eight numbers, fractions, roots or pi, joined by operators, each with
an exponent of at most two digits. No brackets, words, units or nesting: `math-verify` reads "3 4" as 7 and
"3 million" as 3, and nested brackets or powers can keep it busy for ever. Its own time limits use signals,
which fail outside the main thread, so it is the input that is limited."""


@dataclass(frozen=True)
class Answer:
    """A parsed answer; compare two with `same_answer`, not with `==` (which knows no arithmetic).

    kind: how it is compared. value: the option's letter, the cleaned expression, or the normalised text.
    """

    kind: Literal["option", "number", "text"]
    value: str


class _Box(NamedTuple):
    content: str
    end: int


def parse_answer(response: str, sample: Sample) -> Answer | None:
    """Return the answer that a response gives, or None where it gives none that can be read with certainty.

    `sample` must be the one that the prompt was made from: with the null option appended where the prompt
    had it, so that its letter and its text are known.
    """
    content = _answer_text(response)
    return None if content is None else _read(content, sample)


def gold_answer(sample: Sample) -> Answer:
    """Return the sample's own answer, in the form that `parse_answer` gives.

    Raises DataError where the solution is no answer to its own question: not an option's letter, not a
    number for a numerical problem, or blank.
    """
    if sample.problem_type is ProblemType.MULTIPLE_CHOICE:
        if sample.solution in _letters(sample):
            return Answer("option", sample.solution)
        letters = ", ".join(_letters(sample)) or "none: the sample has no options"
        fix = f"give the letter of one of its options ({letters})"
    else:
        answer = _read(sample.solution, sample)
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


def same_answer(a: Answer | None, b: Answer | None) -> bool:
    """Return whether two answers agree. An unparsed answer agrees with nothing, not even with another one.

    Numbers are compared by `math-verify`, which takes 50% for both 0.5 and 50 and compares six decimals.
    """
    if a is None or b is None or a.kind != b.kind:
        return False
    return a.value == b.value or (a.kind == "number" and _equal_numbers(a.value, b.value))


def is_well_formed(response: str) -> bool:
    r"""Return whether a response is one `<think>` block followed by a single `\boxed{}` (CRPO, appendix B.1).

    Strict: neither the reasoning nor the box may be blank, only white space may stand around and between
    them, and neither tag nor `\boxed` may occur a second time, in the reasoning either. The response must
    hold the opening `<think>` (put it back where a chat template ends in it) and no end-of-turn token.
    """
    if any(response.count(part) != 1 for part in ("<think>", "</think>", r"\boxed")):
        return False
    head, _, tail = response.partition("</think>")
    opening, _, reasoning = head.partition("<think>")
    tail = tail.strip()
    start = _BOX.match(tail)
    box = _box_at(tail, start.end()) if start else None
    if box is None or box.end != len(tail):
        return False
    return not opening.strip() and bool(reasoning.strip()) and bool(box.content.strip())


def _answer_text(response: str) -> str | None:
    """Return what stands in the last box (or answer tag) after the reasoning."""
    after = response.rpartition("</think>")[2].partition("<think>")[0]
    starts = [match.end() for match in _BOX.finditer(after)]
    if starts:
        box = _box_at(after, starts[-1])
        return None if box is None else box.content
    tagged = _ANSWER_TAG.findall(after)
    return tagged[-1] if tagged else None


def _box_at(text: str, start: int) -> _Box | None:
    """Return the box whose content begins at `start`, or None where its brace never closes."""
    depth = 1
    for brace in _BRACE.finditer(text, start):
        depth += {"{": 1, "}": -1}.get(brace[0], 0)
        if depth == 0:
            return _Box(text[start : brace.start()], brace.end())
    return None


def _read(content: str, sample: Sample) -> Answer | None:
    """Return the content of a box as an answer of the sample's type."""
    if sample.problem_type is ProblemType.MULTIPLE_CHOICE:
        letter = _read_option(_plain(content), sample)
        return None if letter is None else Answer("option", letter)
    if sample.problem_type is ProblemType.NUMERICAL:
        expression = _read_number(content)
        return None if expression is None else Answer("number", expression)
    text = _folded(content)
    return Answer("text", text) if text else None


def _read_option(text: str, sample: Sample) -> str | None:
    by_letter = dict(zip(_letters(sample), map(_folded, sample.options), strict=True))
    lettered = _LETTERED.fullmatch(text)
    if lettered is not None:
        letter = lettered[1] or lettered[2]
        if letter in by_letter and (not lettered[3] or _folded(lettered[3]) == by_letter[letter]):
            return letter
    matches = [letter for letter, option in by_letter.items() if option and option == _folded(text)]
    return matches[0] if len(matches) == 1 else None


def _read_number(content: str) -> str | None:
    """Return the content as an expression that stands for one finite real number."""
    text = (
        _plain(content.replace(r"\$", "").replace("$", "")).replace("\N{MINUS SIGN}", "-").removesuffix(".")
    )
    text = _THOUSANDS.sub(lambda match: match[0].replace(",", ""), text)
    if _EXPRESSION.fullmatch(text) is None:
        return None
    values = [value.doit() for value in _math(text)]
    return text if values and all(value.is_real and value.is_finite for value in values) else None


def _letters(sample: Sample) -> list[str]:
    return [option_letter(index) for index in range(len(sample.options))]


def _plain(text: str) -> str:
    r"""Return text without LaTeX text commands (`\text{left}` is `left`), escapes and spare white space."""
    found = 1
    while found:
        text, found = _TEXT_COMMAND.subn(r"\1", text)
    return " ".join(_ESCAPED.sub(r"\1", text).split())


def _folded(text: str) -> str:
    """Return text as it is compared: plain, case-folded, without the full stop at its end."""
    return _plain(text).casefold().removesuffix(".").rstrip()


# Imported on first use: it takes two seconds and only numerical problems need it.
@lru_cache(maxsize=4096)
def _math(expression: str) -> tuple[Any, ...]:
    from math_verify import LatexExtractionConfig, parse

    # It warns once that time limits are off; `_EXPRESSION` stands in for them.
    logging.getLogger("math_verify").setLevel(logging.ERROR)
    boxed = rf"\boxed{{{expression}}}"
    return tuple(parse(boxed, [LatexExtractionConfig()], fallback_mode="no_fallback", parsing_timeout=None))


@lru_cache(maxsize=4096)
def _equal_numbers(a: str, b: str) -> bool:
    from math_verify import verify

    return bool(verify(list(_math(a)), list(_math(b)), timeout_seconds=None))
