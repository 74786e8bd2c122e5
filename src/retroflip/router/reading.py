"""A question as the rules read it: its text, its words, and what its right answer says."""

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from retroflip.data.text_maps import spelt
from retroflip.router.vocabulary import MOTION, QUOTING, UNDONE, has, listed

MOST_READ = 2000
"""characters of a text that are read: within them a question says what it asks"""
_WORD = re.compile(r"[^\W\d_]+(?:[-'][^\W\d_]+)*|\d+(?:[.:]\d+)*|[←→↑↓↖↗↘↙↰↱↶↷↺↻⟲⟳]")
_ASCII_WORD = re.compile(r"[A-Za-z]+(?:[-'][A-Za-z]+)*|[0-9]+(?:[.:][0-9]+)*")
"""the same of texts that are ASCII, in half the time"""
_DIGIT = re.compile(r"\d")
_SECONDS = r"\d+(?:[.:]\d+)*\s*(?:s|secs?|seconds?|min|minutes?)?"
_WINDOW = re.compile(
    rf"\b(?:from|between|during|within|in)\s+(?:the\s+)?(?:(?:second|minute|time)s?\s+)?{_SECONDS}\s*"
    rf"(?:to|and|-|–|until)\s*{_SECONDS}(?:\s+(?:of|in) the (?:video|clip))?[.,:]?"
)
IN_A_ROW = re.compile(
    r"\bfrom (?:the )?(?:(left|right|top|bottom|front|back|near|far)\w* to (?:the )?(?!\1)\w+|top down|bottom up"
    r"|(?:left|right|front|back) (?:on|onward|across))"
)
"""how a row is read"""
_ENGLISH = (
    listed(
        "the what which who whom whose where when why how does did are were have this that these those there from with "
        "it its they their he she his you your and or after before while during describe choose select count identify "
        "someone somebody anyone anybody person people woman boy girl child children number many"
    )
    | UNDONE
    | MOTION
)
"""words of which an English question has one; those that other languages write too ("is", "was", "of") are left out"""
_WITH_A_DOING = listed("a an on by out up down off over")
"""words beside which one in "-ing" is English: "a man juggling" """
_TOO_FEW = 4
"""words fewer than which are English unless they say otherwise"""
_FOREIGN = listed(
    "das der den ist sind wer wie wo wohin woher warum wann wieviele welche wat waar dit deze que qui quoi quel quelle "
    "combien fait est sont les dans cosa dove quando quanti quale chi como donde cuando cuantos cual quien hace onde "
    "quantos qual quem vad hvad hvor hvem"
)
"""words of short questions in other languages"""
_CLAIMS = {"yes": True, "true": True, "no": False, "false": False}


def words_of(text: str) -> list[str]:
    """Return the words of a text in one spelling, with numbers and arrows.

    >>> words_of("the left-hand cup, at 0:12")
    ['the', 'left-hand', 'cup', 'at', '0:12']
    """
    return (_ASCII_WORD if text.isascii() else _WORD).findall(text)


def is_english(text: str) -> bool:
    """Return whether a text may be English: not in other letters, and with an English word, unless it is very short.

    >>> is_english("Where does it roll?"), is_english("Wohin rollt der rote Ball?"), is_english("球往哪边滚?")
    (True, False, False)
    """
    text = text[:MOST_READ]
    letters = [] if text.isascii() else [sign for sign in text if sign.isalpha()]
    if 2 * sum("LATIN" in unicodedata.name(sign, "") for sign in letters) < len(letters):
        return False
    words = words_of(spelt(text))
    is_doing = has(words, _WITH_A_DOING) and any(word.endswith("ing") for word in words)
    if is_doing or has(words, _ENGLISH):
        return True
    return len(words) < _TOO_FEW and text.isascii() and not has(words, _FOREIGN)


class Verdict(NamedTuple):
    """One of the two tests: whether the answer changes, by which rule, and how sure that is (0 to 1).

    answer: which option is right of the other clip, where that is known.
    """

    changes: bool
    rule: str
    confidence: float
    answer: int | None = None


class Asked:
    """A question, its options and one right answer.

    text, words: the question in one spelling, without the part of the video that it names (`has_window`). answer_text,
    answer_words: the right answer. gold: which option it is, None for an answer without options. claim: whether what
    the question says is right, None where the answer is more than a yes or no. quotes: whether the answer is a text
    that somebody says or wrote.
    """

    __slots__ = (
        *("question", "options", "answer", "gold"),
        *("has_window", "text", "words", "answer_text", "answer_words", "claim", "quotes"),
    )

    def __init__(self, question: str, options: Sequence[str], answer: str, gold: int | None = None) -> None:
        self.question, self.options, self.answer, self.gold = question, options, answer[:MOST_READ], gold
        text = spelt(question[:MOST_READ])
        self.has_window = _DIGIT.search(text) is not None and _WINDOW.search(text) is not None
        self.text = _WINDOW.sub(" ", text).strip() if self.has_window else text
        self.words = words_of(self.text)
        self.answer_text = spelt(self.answer)
        self.answer_words = words_of(self.answer_text)
        self.claim = _CLAIMS.get(self.answer_text)
        self.quotes = has(self.words, QUOTING) and "describ" not in self.text
