r"""The reading of training: the answer is what stands in `\boxed{}` behind the reasoning, and nothing else.

1. Only the text after the last `</think>` counts; a reasoning block that was opened and never closed hides
   all that follows it.
2. The last `\boxed{...}` there, with balanced braces, is the answer. If its braces never close (a truncated
   response) there is no answer. Where no `\boxed` stands at all, the last `<answer>...</answer>` (the form
   of Video-R1's records), or what GLM-4V puts between `<|begin_of_box|>` and `<|end_of_box|>`, is read instead.
   Nothing else is: running text is never searched for letters.
3. Multiple choice: a stand-alone letter of an option ("A", "(a)", "A.", "A)"), a letter followed by that same
   option's text ("A. left"), or an option's text that no other option shares; case does not matter (CRPO,
   appendix B.1). With a span, "A <> [5, 12]", the same before the sign. Numerical: a flat arithmetic expression
   (`numbers.py`). Free-form: any text that is not blank.
"""

import re
from typing import NamedTuple

from retroflip.data.answers.answer import Answer, grounded, of_type, option_texts
from retroflip.data.answers.folding import folded, plain
from retroflip.data.answers.grounded import divided
from retroflip.data.sample import ProblemType, Sample

_BOX = re.compile(r"\\boxed\s*\{")
_TAGGED = (
    re.compile(r"<answer>((?:(?!<answer>).)*?)</answer>", re.DOTALL),
    re.compile(r"<\|begin_of_box\|>((?:(?!<\|begin_of_box\|>).)*?)<\|end_of_box\|>", re.DOTALL),
)
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_LETTERED = re.compile(r"(?:\(([A-Z])\)[.:]?|([A-Z])(?:[.:)]|$))\s*(.*)")


class _Box(NamedTuple):
    content: str
    end: int


def parse_answer(response: str, sample: Sample) -> Answer | None:
    """Return the answer that a response gives, or None where it gives none that can be read with certainty.

    `sample` must be the one that the prompt was made from: with the null option appended where the prompt
    had it, so that its letter and its text are known.
    """
    content = boxed_text(behind_reasoning(response))
    if content is None:
        return None
    if sample.problem_type is ProblemType.GROUNDED_CHOICE:
        option, span = divided(content)
        return grounded(read_option(plain(option), option_texts(sample)), span)
    if sample.problem_type is not ProblemType.MULTIPLE_CHOICE:
        return of_type(content, sample)
    letter = read_option(plain(content), option_texts(sample))
    return None if letter is None else Answer("option", letter)


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


def behind_reasoning(response: str) -> str:
    """Return what a response says after its reasoning."""
    return response.rpartition("</think>")[2].partition("<think>")[0]


def is_marked(text: str) -> bool:
    """Return whether an answer is marked in a text, whole or cut off: by a box or by answer tags."""
    return _BOX.search(text) is not None or any(tag.search(text) for tag in _TAGGED)


def boxed_text(text: str) -> str | None:
    """Return what stands in the last box of a text or, without one, between its last answer tags."""
    starts = [match.end() for match in _BOX.finditer(text)]
    if starts:
        box = _box_at(text, starts[-1])
        return None if box is None else box.content
    for tag in _TAGGED:
        if found := tag.findall(text):
            return str(found[-1])
    return None


def read_option(text: str, by_letter: dict[str, str]) -> str | None:
    """Return the letter of the option that a plain text names by its letter, its text, or both.

    by_letter: the options as they are compared. A capital letter in range wins over an option that spells it, and that
    over a small letter.
    """
    said = folded(text)
    matches = [letter for letter, option in by_letter.items() if option and option == said]
    return (
        _read_lettered(text, by_letter)
        or (matches[0] if len(matches) == 1 else None)
        or (None if matches else _read_lettered(text[:2].upper() + text[2:], by_letter))
    )


def _read_lettered(text: str, by_letter: dict[str, str]) -> str | None:
    lettered = _LETTERED.fullmatch(text)
    if lettered is None:
        return None
    letter = lettered[1] or lettered[2]
    known = letter in by_letter and (not lettered[3] or folded(lettered[3]) == by_letter[letter])
    return letter if known else None


def _box_at(text: str, start: int) -> _Box | None:
    """Return the box whose content begins at `start`, or None where its brace never closes."""
    depth = 1
    for brace in _BRACE.finditer(text, start):
        depth += {"{": 1, "}": -1}.get(brace[0], 0)
        if depth == 0:
            return _Box(text[start : brace.start()], brace.end())
    return None
