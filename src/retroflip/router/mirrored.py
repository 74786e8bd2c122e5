"""Would the answer change if the world were mirrored left to right? The flip test (CRPO, section 3).

The mirror map on the right answer comes first: where its image is another option, that is certain. Then the question,
which may name a side itself. "Left" and "right" are sides only where a word before or behind them says so.
"""

import re
from collections.abc import Iterator, Sequence

from retroflip.data.text_maps import TextMap, is_shape, mirror, other_option, steps
from retroflip.router.reading import IN_A_ROW, Asked, Verdict, words_of
from retroflip.router.vocabulary import (
    ADVERBIAL,
    BEFORE_SIDES,
    BEHIND_SIDES,
    COMPASS,
    DIAGONALS,
    NO_SIDES,
    OF_A_SIDE,
    SHAPES,
    SIDES,
    forms,
    has,
    listed,
)

_BARE = frozenset(("left", "right"))
_DOUBTFUL = _BARE | DIAGONALS
_BEFORE_REMAINS = listed("who is are was were")
"""words before "left" with which it went away or remains"""
_BOTH_SIDES = re.compile(
    r"\b(?:left|right)\s*(?:hand|side|foot|arm|eye|leg)?s?\s*(?:and|&|as well as)\s+(?:(?:from|to)\s+)?"
    r"(?:(?:the|his|her|its|their)\s+)?(?:left|right)\b(?!\s*(?:then|,))|\bside to side\b"
)
"""what is the same in a mirror: "left and right", but not "left and then right" """
_TURNING = forms("turn steer veer swerve bear pan bend:bent swing:swung curve keep:kept")
_SAME_OF_BOTH = re.compile(r"\b(?:same|equal|identical|alike|symmetric\w*|as \w+ as|differ\w*)\b")
_ORDINAL = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh")
_COUNTED_FROM = re.compile(r"\b(?:from|to|on|starting from)\s+(?:the\s+|your\s+)?(?:far\s+)?(?:left|right)\b")
_ONE_SIDE = (
    r"(?:(?:from|to|on|at|in|with|of|by|the|his|her|its|their|my|your|one|top|bottom|upper|lower|turn|turning|side)\s+)*"
    r"(?:counter)?(?:left|right|clockwise)(?:most|ward|[- ]handed)?"
)
_CHOICE = re.compile(
    rf"\b{_ONE_SIDE}(?:\s+(?:hand|foot|side|arm|one|half|leg|eye|lane|door))?"
    rf"(?:\s*(?:,\s*)?\bor\s+|\s*/\s*|,\s*)(?:(?!then\b|and\b)\w+\s+)?{_ONE_SIDE}\b"
)
"""alternatives that a question only lists"""
_BODY = listed("hand hands foot feet arm leg eye ear knee shoulder wrist handed")
_WAYS = listed("direction way map compass arrow heading wind")

_NO_SIDE = Verdict(False, "no side is asked for", 0.95)


def sides(words: Sequence[str]) -> Iterator[int]:
    """Yield the places of words that name a side.

    >>> list(sides(words_of("he left the room on the left")))
    [6]
    """
    for place, word in enumerate(words):
        if word in SIDES and (word not in _DOUBTFUL or _is_side(words, place)):
            yield place


def _is_diagonal(words: Sequence[str], place: int) -> bool:
    """Return whether "up-right" is a way: in "stands up right away" and "what is left up there" it is none."""
    first, _, last = words[place].partition("-")
    if first in _BARE:
        return not has(words[max(0, place - 1) : place], _BEFORE_REMAINS)
    return not has(words[place + 1 : place + 2], NO_SIDES[last] | ADVERBIAL[last])


def _is_side(words: Sequence[str], place: int) -> bool:
    """Return whether "left" or "right" is a side, and not gone, correct or immediately."""
    if words[place] in DIAGONALS:
        return _is_diagonal(words, place)
    behind = words[place + 1] if place + 1 < len(words) else ""
    before = words[place - 1] if place else ""
    word = words[place]
    if before.endswith("'s") and not (behind == "to" and word == "right"):
        return behind not in NO_SIDES[word]
    if behind in ADVERBIAL[word] and (before in OF_A_SIDE or before in _TURNING):
        return True
    if behind in ADVERBIAL[word] and before not in BEFORE_SIDES:
        return False
    if words[place : place + 3] == ["right", "of", "way"] or words[:3] == ["what", "is", "left"]:
        return False
    if behind in NO_SIDES[word] or (word == "left" and before in ("who", "is", "are") and behind != "of"):
        return False
    if word == "right" and words[place + 2 : place + 3] == ["for"] and behind not in BEHIND_SIDES:
        return False
    if behind in BEHIND_SIDES and not (behind in ("to", "and") and before not in BEFORE_SIDES and place):
        return True
    return before in BEFORE_SIDES or (not place and len(words) <= 3) or before in SIDES


def flip_test(asked: Asked, *, body_sides: bool = True, middle: bool = False) -> Verdict:
    """Return whether mirroring changes the answer. body_sides, middle: see `Conventions`."""
    told = _told(asked)
    if told is not None and (body_sides or not _is_of_body(asked)):
        return told
    named = _named(asked, middle=middle)
    if named is not None and (body_sides or not _is_of_body(asked)):
        return named
    return _NO_SIDE


def _is_of_body(asked: Asked) -> bool:
    return has(asked.words, _BODY) or has(asked.answer_words, _BODY)


def _told(asked: Asked) -> Verdict | None:
    """Return what the right answer tells by itself; None where it names no side."""
    text, words = asked.answer_text, asked.answer_words
    if asked.quotes:
        return None
    if is_shape(text) and (text not in "bdpq" or has(asked.words, SHAPES)):
        return _changes(asked, "a shape whose mirror image is another")
    if not (has(words, SIDES) or (has(words, COMPASS) and has([*asked.words, *words], _WAYS))):
        return None
    if _BOTH_SIDES.search(text) or text.startswith("between"):
        return Verdict(False, "the answer is its own mirror image", 0.97)
    if not (any(True for _ in sides(words)) or has(words, COMPASS) or _is_contrasted(asked)):
        return None
    return _changes(asked, "the answer names a side")


def _is_contrasted(asked: Asked) -> bool:
    """Return whether the answer says "left" where another option says "right", or the other way round."""
    own = _BARE.intersection(asked.answer_words)
    others = _BARE.intersection(word for option in asked.options for word in words_of(option.casefold()))
    return len(own) == 1 and len(others) == 2


def _changes(asked: Asked, rule: str) -> Verdict:
    """Return that the answer changes, and to what where its image is another option and the question names no side."""
    other = None if asked.gold is None else other_option(asked.options, asked.gold, TextMap.MIRROR)
    if other is None:
        return Verdict(True, rule, 0.95 if mirror(asked.answer) is not None else 0.8)
    if _question_sides(asked):
        return Verdict(True, f"{rule}, as the question does", 0.9)
    return Verdict(True, "the answer's mirror image is another option", 0.99, other)


def _question_sides(asked: Asked) -> list[str]:
    """Return the sides that the question itself names; alternatives that it only lists do not count."""
    if not has(asked.words, SIDES):
        return []
    words = asked.words
    if " or " in asked.text or "," in asked.text or "/" in asked.text:
        words = words_of(_CHOICE.sub(" ", asked.text))
    return [words[place] for place in sides(words)]


def _named(asked: Asked, *, middle: bool) -> Verdict | None:
    """Return what follows from a side in the question; None where it names none."""
    named = _question_sides(asked)
    if not named:
        return None
    row = steps(asked.answer) if {"left", "right"} <= set(named) and IN_A_ROW.search(asked.text) else ()
    if len(row) > 1:
        return _of_row(asked, row)
    if {"left", "right"} <= set(named) and _SAME_OF_BOTH.search(asked.text):
        return Verdict(False, "both sides are compared as equals", 0.9)
    if _BOTH_SIDES.search(asked.text):
        return Verdict(False, "both sides are meant", 0.85)
    if not middle and _COUNTED_FROM.search(asked.text) and _is_middle(asked):
        return Verdict(False, "the middle one is the middle one from either side", 0.85)
    return Verdict(True, "the question names a side", 0.9 if asked.claim is not False else 0.6)


def _of_row(asked: Asked, row: Sequence[str]) -> Verdict:
    """Return what becomes of an answer that names what stands in a row, from one side to the other."""
    if row == row[::-1]:
        return Verdict(False, "the row is the same from either side", 0.9)
    others = [index for index, option in enumerate(asked.options) if steps(option) == row[::-1]]
    if len(others) == 1:
        return Verdict(True, "the row, read from the other side, is another option", 0.99, others[0])
    return Verdict(True, "the question names a side", 0.9)


def _is_middle(asked: Asked) -> bool:
    """Return whether the answer is the middle of an odd number of places counted in the options."""
    places = [option.casefold().strip(" .") for option in asked.options]
    counted = sorted(_ORDINAL.index(place) for place in places if place in _ORDINAL)
    known = len(counted) == len(places) and counted == list(range(len(places))) and len(places) % 2 == 1
    return known and asked.answer_text == _ORDINAL[len(places) // 2]
