"""What a reasoning concludes, and whether that is the answer."""

import re

from retroflip.cot.claims import sentences
from retroflip.cot.stamps import find_stamps
from retroflip.cot.truth import Truth, is_inside
from retroflip.cot.words import features, normalised, uncontracted
from retroflip.data.sample import ProblemType, Sample

_ANSWER = re.compile(
    r"\b(?:answer|correct option|right option|correct choice|right choice)\b\s*(?:is|are|was|must be|should be|"
    r"would be|has to be|can be|comes to|:|=)+\s*:?\s*(?:option\s+|choice\s+)?(.+)",
    re.IGNORECASE | re.DOTALL,
)
_OPTION = re.compile(
    r"\b(?:choose|pick|select|matches|it is|it's|is)\s+(?:option|choice)\s+\(?([A-H])\b", re.IGNORECASE
)
_LETTER = re.compile(r"\(?([A-H])\)?(?:[.):]|\s*$|\s*[,;])")
_CONCLUDES = re.compile(
    r"^(?:so|thus|therefore|hence|in total|altogether|overall|in conclusion|i conclude|finally|"
    r"(?:that|this|which) (?:makes|gives|means))\b",
    re.IGNORECASE,
)
_DENIAL = re.compile(r"^\W*(?:not|never)\b", re.IGNORECASE)
_CAN_NOT_BE = re.compile(r"\b(?:can|could|must|should|would|will|does) not be\b", re.IGNORECASE)
_FINAL = re.compile(r"(?:=|\b(?:is|be|gives|makes|to|say))\s*:?\s*((?:minus )?-?\d+|yes|no)\W*$")
_PLAIN = re.compile(r"^(?:so|thus|therefore|hence|i conclude|that gives)\b[\s,:]*(-?\d+|yes|no)\b")
_TOKEN = re.compile(r"[A-Za-z][\w'.-]*\w|[A-Za-z]|\d+(?:\.\d+)?")
_TRIVIAL = {"yes", "no"}
_FILLERS = frozenset(
    [
        "a",
        "an",
        "the",
        "it",
        "its",
        "is",
        "of",
        "to",
        "in",
        "and",
        "then",
        "first",
        "from",
        "at",
        "on",
        "be",
        "not",
    ]
)


def wrong_conclusion(reasoning: str, truth: Truth, sample: Sample) -> str | None:
    """Return the words with which a reasoning concludes another answer than the right one, None where it does not."""
    right = truth.question["answer"]
    options = [option for option in truth.question["options"] if option != right]
    parts = sentences(reasoning)
    for part in parts:
        for text, letter in _answers(part, sample):
            if _DENIAL.search(text):
                if letter == sample.solution or right in _picked(text, [right, *options]):
                    return part
                continue
            if letter is not None and letter != sample.solution:
                return part
            picked = _picked(text, [right, *options])
            if letter is None and picked and right not in picked:
                return part
    is_denial = bool(parts) and any(_DENIAL.search(text) for text, _ in _answers(parts[-1], sample))
    if parts and not is_denial and not find_stamps(parts[-1], truth.fps):
        last = parts[-1]
        final = _FINAL.search(normalised(last)) or _PLAIN.search(last.lower())
        offered = {normalised(option) for option in options}
        is_number = right.lstrip("-").isdigit() and final is not None and "=" not in final[0]
        if final and final[1] != normalised(right) and (final[1] in offered or is_number):
            return last
        named = [
            one
            for one in [right, *options]
            if one not in _TRIVIAL and (_CONCLUDES.search(last) or len(one) > 3)
        ]
        picked = _picked(last, named)
        if picked and right not in picked and right not in _TRIVIAL:
            return last
    return None


def _answers(sentence: str, sample: Sample) -> list[tuple[str, str | None]]:
    """Return what a sentence says the answer is, each with its letter where it gives one."""
    sentence = _CAN_NOT_BE.sub("is not", uncontracted(sentence))
    found: list[tuple[str, str | None]] = []
    is_choice = sample.problem_type is ProblemType.MULTIPLE_CHOICE
    for match in _ANSWER.finditer(sentence):
        text = match[1].strip().strip("*_\"'“”")
        letter = _LETTER.match(_DENIAL.sub("", text).strip()) if is_choice else None
        found.append((text, letter[1] if letter else None))
    if is_choice:
        found += [("", match[1].upper()) for match in _OPTION.finditer(sentence)]
    return found


def _picked(text: str, options: list[str]) -> set[str]:
    """Return the options that a text names: what they say stands in it in that order, and in no longer option."""
    there = _terms(text)
    named = [option for option in options if _terms(option) and is_inside(_terms(option), there)]
    return {
        option
        for option in named
        if not any(
            option != other
            and len(_terms(option)) < len(_terms(other))
            and is_inside(_terms(option), _terms(other))
            for other in named
        )
    }


def _terms(text: str) -> list[str]:
    """Return what a text says in order: ways, colours, numbers, and the words that have no such meaning."""
    terms = []
    for token in _TOKEN.findall(normalised(text)):
        said = features(token)
        meant = [value for values in said.values.values() for value in values] or sorted(said.numbers)
        terms += meant or ([] if token.lower() in _FILLERS else [token.lower()])
    return terms
