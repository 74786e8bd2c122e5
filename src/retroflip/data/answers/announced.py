"""Where a text announces its answer, and which option it announces.

Three kinds of places, by what may stand behind them:

- `CUE`: words that nothing but an answer follows, "the correct answer is ...", "Answer: ..."; an option's words may;
- `_HINT`: words that other things follow too, "it is ...", "therefore, ...", "the best is ..."; a capital letter alone
  may, with the sentence's end, a reason or its own option's words behind it;
- `_AFFIRMED`: a letter that is said to be right, "B is correct", "Option B best describes ...".

A place whose clause denies, doubts or asks ("I don't think the answer is B", "the wrong answer is B", "if B is
correct") announces nothing.
"""

import re
from collections.abc import Iterator
from functools import cache, partial
from typing import NamedTuple

from retroflip.data.answers.folding import first_sentence
from retroflip.data.answers.lettered import (
    QUALITY,
    REACH,
    bare,
    denied,
    goes_on_with_another,
    refuses,
    statement,
)
from retroflip.data.answers.listing import LABEL, begins_list

_LINK = (
    r"(?:\s+(?:is|are|was|would\s+be|should\s+be|must\s+be|has\s+to\s+be|(?:appears|seems)\s+to\s+be)\b"
    r"|\s*(?:[=-]>|→|[=:]))"
)
_OF_WHAT = r"(?:\s*,?\s+(?:to|for|that|which|among|of|here|in|from|based|given|according)\b[^.:\n]{0,80}?,?)?"
_ADVERB = (
    r"(?:\s*(?:indeed|therefore|thus|clearly|definitely|likely|probably|simply|most\s+likely|most\s+probably|"
    r"as\s+follows)\b)?"
)
_FITTING = rf"(?:{QUALITY}\s+)+(?:match|fit|description|letter|one|prediction)"
CUE = re.compile(
    rf"(?:\b(?:(?:{QUALITY}[\s_]+)*{LABEL}|{_FITTING})\b[\]*]*{_OF_WHAT}{_LINK}{_ADVERB}"
    r"|^(?:prediction|output|response|solution|conclusion|result)\s*:)\s*:?\s*",
    re.IGNORECASE,
)
_HINT = re.compile(
    r"(?:(?<![\w'])(?:"
    rf"the\s+(?:{QUALITY}\s+)*{QUALITY}{_LINK}"
    r"|(?:it|this|that|which)(?:\s+(?:is|would\s+be|must\s+be|should\s+be|(?:seems|appears)\s+to\s+be)|['’]s)"
    r"|(?:I|we)(?:['’]d|['’]ll|\s+would|\s+will)?\s+(?:choose|pick|select|go\s+(?:with|for)|opt\s+for|answer|say)"
    r"|I['’]m\s+going\s+with|I\s+(?:think|believe|guess)(?:\s+that)?"
    r"|(?:corresponds?|corresponding)\s+to|match(?:es|ing)|aligns?\s+with|(?:is\s+)?consistent\s+with"
    rf"|{LABEL}\s*[-–—]|\[(?:final\s+)?answer\]"
    r")|^(?:yes|definitely|clearly|probably|likely|choos(?:e|ing)|select(?:ing)?|pick(?:ing)?|going\s+with|therefore|thus|so|hence|consequently|sure|okay|ok|in\s+conclusion|(?:based\s+on|according\s+to|given)\s[^,.\n]{1,80})\b"
    r"|(?<=[.!?;,]\s)(?:therefore|thus|so|hence|consequently)\b"
    r"|(?:(?:正确|最佳|最终|最合适)的?)?(?:答案|选项|^回?答(?=\s*[:：]))\]?(?:应该|应当)?[是为选]?|(?<![不没非])选择?)\s*[,:：!]?\s*",
    re.IGNORECASE,
)
_SUBJECT = rf"(?<![\w'-])(?P<named>(?i:{LABEL})\s*)?(?P<open>[(\[\"']?)(?P<letter>[A-Z])[)\]\"']?[.:]?"
_AFFIRMED = re.compile(
    rf"{_SUBJECT}\s+(?:"
    rf"(?:is|seems|appears\s+to\s+be|must\s+be)\s+(?:also\s+)?(?:(?:the\s+)?(?:{QUALITY}\s*)+(?:{LABEL}|one|match|fit|description)?"
    rf"|(?:the|my)\s+{LABEL}|true)"
    r"(?=\s*(?:$|[.,;!]|(?:and|or|because|since|as)\b|based|to\s+the\s+question|here\b|for\s+(?:the|this)))"
    r"|(?:best|most\s+accurately|most\s+closely|accurately|correctly)\s+"
    r"(?:describes|matches|represents|depicts|reflects|captures|explains|summarizes|answers|fits)\b)"
)
_BEFORE_A_SUBJECT = re.compile(
    r"(?:^|[.,;:!?\n]|\b(?:so|therefore|thus|hence|that|think|believe|and|but|conclude)\b)\s*(?:the\s+)?[*\"']*$",
    re.IGNORECASE,
)
_ONE_OF_SEVERAL = re.compile(r"\b[A-Z]\b[)\]\"']?\s*(?:and|or|nor|/|&|,)\s*(?:the\s+)?[(\[]?$")
_HEADING = re.compile(rf"(?:(?:{QUALITY}|my)\s+)*(?:answer|option|choice)\s*[:.]?", re.IGNORECASE)


class Announced(NamedTuple):
    """letters: the options that are announced. doubted: whether one is denied, or one of several."""

    letters: frozenset[str]
    doubted: bool


def announced(lines: list[str], options: dict[str, str]) -> Announced:
    """Return what the lines of a text announce: by the surest kind of place that there is.

    Other places count only where none of them denies or doubts: "if it moves it is B, otherwise it is A" says neither.
    """
    sure = list(_by_cues(lines, options))
    found = sure if any(sure) else [*sure, *_by_hints(lines, options)]
    letters = frozenset(one for one in found if one)
    doubted = None in found
    return Announced(letters if any(sure) or not doubted else frozenset(), doubted)


def _by_cues(lines: list[str], options: dict[str, str]) -> Iterator[str | None]:
    """Yield the option behind each cue, None for one that is denied or that is one of several."""
    named = cache(partial(_cued, options=options))
    for number, line in enumerate(lines):
        following = " ".join(lines[number + 1 : number + 2])
        if _HEADING.fullmatch(line) and (letter := _cued(following, options)):
            yield letter
        for cue in CUE.finditer(line):
            rest = line[cue.end() : cue.end() + REACH] or following
            if (letter := named(rest)) or refuses(rest, options):
                yield (
                    None
                    if denied(line, cue.start()) or _is_first_of_several(rest, following, options)
                    else letter
                )


def _by_hints(lines: list[str], options: dict[str, str]) -> Iterator[str | None]:
    """Yield the same of hints and of letters that are said to be right."""
    named, refused = cache(partial(bare, options=options)), cache(partial(refuses, options=options))
    for number, line in enumerate(lines):
        for hint in _HINT.finditer(line):
            rest = line[hint.end() : hint.end() + REACH] or " ".join(lines[number + 1 : number + 2])
            if (letter := named(rest)) or refused(rest):
                yield None if denied(line, hint.start()) else letter
        for said in _AFFIRMED.finditer(line):
            before = line[max(0, said.start() - REACH) : said.start()]
            if said["letter"] in options and (said["named"] or _BEFORE_A_SUBJECT.search(before)):
                alone = not _ONE_OF_SEVERAL.search(before) and not goes_on_with_another(
                    line[said.end() : said.end() + REACH], said["letter"], options
                )
                yield said["letter"] if alone and not denied(line, said.start()) else None


def _is_first_of_several(rest: str, following: str, options: dict[str, str]) -> bool:
    """Return whether two letters stand on lines of their own, "The answer is A", "B"."""
    one, other = (text.strip().rstrip(".") for text in (rest, following))
    return one != other and {one, other} <= options.keys()


def _cued(rest: str, options: dict[str, str]) -> str | None:
    """Return the option that a text behind words that announce one names; of options in a list none."""
    if begins_list(rest, options):
        return None
    return statement(first_sentence(rest), options, cued=True) or statement(rest, options, cued=True)
