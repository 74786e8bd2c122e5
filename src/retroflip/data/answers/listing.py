"""Options that a text lists as a question does, which are no answer: "Options: A. runs", "A: no, B: yes"."""

import itertools
import re
from collections.abc import Iterator

from retroflip.data.answers.folding import folded

LABEL = r"(?:option|choice|answer|caption|sentence|statement|ans)"
MARK = re.compile(r"(?<![\w'])[(\[]?([A-Z])[.):\]]\)?\s+")
_BETWEEN = re.compile(r"[\s.,;&/\u3001\uff0c\uff1b]*(?:(?:and|or)\s+)?")
_HEADED = re.compile(
    r"\W*(?:(?:here\s+are|these\s+are|let['’]s\s+(?:look\s+at|consider|analy[sz]e)|the|all|given|possible|available|answer|"
    r"multiple)\s+)*(?:options|choices|answers|candidates)\b",
    re.IGNORECASE,
)
_ITEM = re.compile(r"[(\[]?([A-Z])(?:[)\]]?[.:]|[)\]]|\s*=|\s+[-–—])")
_LETTER = re.compile(r"([A-Z])\.?$")
_COLON = re.compile(r"(?<![\w'])[(\[]?([A-Z])[)\]]?\s*[:=]")


def enumerates(lines: list[str], options: dict[str, str]) -> bool:
    """Return whether a text begins with a list of options, perhaps cut off.

    So are options under a heading that says so, several in their own words alone, a letter and its option with a comma
    at the end, and an option's letter in front of what is said of it where the next option's letter is in front of the
    next line, or any other's in the same one: "A: no, B: yes".
    """
    if _HEADED.match(lines[0]) or len({folded(line) for line in lines} & set(options.values())) > 1:
        return True
    if _ITEM.match(lines[0]) is None:
        return False
    heads = [found[1] for line in lines if (found := _ITEM.match(line) or _LETTER.match(line))]
    together = options.keys() & set(_COLON.findall(lines[0]))
    return lines[-1].endswith(",") or _follow(heads, options) or len(together) > 1


def _follow(letters: list[str], options: dict[str, str]) -> bool:
    """Return whether the second of several letters is the option behind the first."""
    order = list(options)
    return len(letters) > 1 and (letters[0], letters[1]) in itertools.pairwise(order)


def begins_list(text: str, options: dict[str, str]) -> bool:
    """Return whether a text begins with options beside each other, each behind its letter: "A. runs, C. eats"."""
    before = re.match(rf"\W*(?:{LABEL}\s+)?", text, re.IGNORECASE)
    return next(listed(text, options), len(text)) <= (before.end() if before else 0)


def listed(text: str, options: dict[str, str]) -> Iterator[int]:
    """Yield where an option stands that another one follows, with nothing between them but a comma, 'and' or 'or'."""
    marks = list(MARK.finditer(text))
    said = [
        (mark.start(), mark.end() + length, mark[1])
        for mark in (marks if len(marks) > 1 else ())
        if mark[1] in options and (length := _own_words(text[mark.end() :], options[mark[1]]))
    ]
    for one, other in itertools.pairwise(said):
        if one[2] != other[2] and _BETWEEN.fullmatch(text, one[1], other[0]) is not None:
            yield one[0]


def _own_words(text: str, option: str) -> int:
    """Return how many letters of a text are the option that it begins with, or with which it is cut off; 0 for none."""
    whole = re.match(re.escape(option) + r"(?!\w)", text, re.IGNORECASE)
    if whole is not None:
        return whole.end()
    return len(text) if len(text) <= len(option) and option.startswith(folded(text)) else 0
