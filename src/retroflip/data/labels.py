r"""The letters that data sets write before their options: "A. left", "(a) left", "A、左", "1) left", "② left".

A prompt writes its own letter before every option, so those of the data are taken off, whatever their style, and kept:
a solution may name them. They count as letters only where the options carry one each, in order and from the first on,
or with gaps ("A. left", "C. up", "D. down"), which the prompt then has too;
"A.D." and "B.C.", "1.5" and "2.5", "A-frame" and "B-frame" carry none.
"""

import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise, takewhile
from typing import NamedTuple

from retroflip.errors import DataError

_ROMAN = ["i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii"]
_SCRIPTS = (
    *("АБВГДЕЖЗ", "абвгдежз", "ΑΒΓΔΕΖ", "αβγδεζ"),
    *("甲乙丙丁戊己庚辛", "一二三四五六七八九十", "アイウエオ", "가나다라마바사아"),
)
"""how lists are lettered in other scripts"""
_SEQUENCES = (
    [chr(ord("A") + index) for index in range(26)],
    [chr(ord("a") + index) for index in range(26)],
    [str(number) for number in range(1, 27)],
    [str(number) for number in range(26)],
    _ROMAN,
    [number.upper() for number in _ROMAN],
    *map(list, _SCRIPTS),
)
_LETTER = f"[A-Za-zＡ-Ｚａ-ｚ]|[0-9０-９]{{1,2}}|[IVX]{{2,4}}|[ivx]{{2,4}}|[{''.join(_SCRIPTS)}]"
_LABELLED = re.compile(
    rf"""\s* (?:(?i:option|choice|answer)\s+)? (?P<bold>\*\*)?
    (?: [(\[【（［<{{「] \s* (?P<inside>{_LETTER}) \s* [)\]】）］>}}」] [.:：]?
      | (?P<closed>{_LETTER}) \s* (?P<mark>[.):\]、．：）|])
      | (?P<dashed>{_LETTER}) (?: \s+[-–—]\s* | [-–—]\s+ | \t )
      | (?P<circled>[①-⑳Ⓐ-ⓩ])
    ) (?:\*\*)? (?P<text>.*)""",
    re.DOTALL | re.VERBOSE,
)
_PREFIX = re.compile(r"\s*(?:option|choice)\s+(?=\S{1,4}$)", re.IGNORECASE)
_ABBREVIATED = re.compile(r"[^\W\d_]\.")
_LISTED = re.compile(r"[A-Za-z](?:、[A-Za-z])*|\d+(?:、\d+)*")
_CLOCK = re.compile(r"[\d:.\s]+")
_ALONE = re.compile(rf"(?:{_LETTER})")
_OTHER = re.compile(r"(?<!\w)(?:[B-HJ-Zb-hj-z]|\d)(?!\w)|\A\W*\w?\W*\Z")
"""a letter or digit alone in a text, or nothing else"""
_OWN_LETTER = r"\W*(?:option\W+)?{letter}(?![\w'’])(?!\.[^\W\d_]\.)\W*\w"


class Labelled(NamedTuple):
    """A text in two: its letter (or number), and the rest."""

    label: str
    text: str


class Options(NamedTuple):
    """Options without their letters, and these as they were written; no letters where the options carry none.

    letters: those under which the options are asked, where some are left out.
    """

    texts: tuple[str, ...]
    labels: tuple[str, ...] = ()
    letters: tuple[str, ...] = ()


def split_label(text: str) -> Labelled | None:
    """Return the letter before a text, and the text; None where it begins with nothing that could be one.

    >>> split_label("(a) left")
    Labelled(label='a', text='left')
    """
    found = _LABELLED.match(text)
    if found is None:
        return None
    bold, inside, closed, mark, dashed, circled, rest = found.groups()
    label = inside or closed or dashed or circled
    label = label if label.isascii() else unicodedata.normalize("NFKC", label)
    is_other = (
        _is_number(label, mark or ("-" if dashed else ""), rest)
        or (mark == "." and _ABBREVIATED.match(rest))
        or (mark == "、" and _LISTED.fullmatch(rest.strip()) and label.isalpha() == rest.strip()[0].isalpha())
    )
    if bold and rest.count("**") == 1:
        rest = rest.rstrip().removesuffix("**")
    return None if is_other else Labelled(label, rest.strip())


def read_options(texts: Sequence[str]) -> Options:
    """Take the letters off options that carry one each. Raises DataError where these are not in order, or one stands
    twice."""
    found = [split_label(text) for text in texts]
    parts = [part for part in found if part is not None]
    if not parts or len(parts) < len(texts):
        return _without_the_first_letters(texts, found)
    labels = [part.label for part in parts]
    if all(not part.text for part in parts) and labels[0].isdecimal():
        return Options(tuple(texts))
    if any(labels == sequence[: len(labels)] for sequence in _SEQUENCES):
        return Options(tuple(part.text for part in parts), tuple(labels))
    if (letters := _with_gaps(labels)) and all(part.text for part in parts):
        return Options(tuple(part.text for part in parts), tuple(labels), letters)
    if any(sorted(labels) == sorted(sequence[: len(labels)]) for sequence in _SEQUENCES):
        raise DataError(
            f"the options' letters are {', '.join(labels)}. Put the options in the order of their letters."
        )
    if _letters_repeat(parts):
        raise DataError(
            f"the options' letters are {', '.join(labels)}. Give each option a letter of its own, or none; "
            "write initials out as names."
        )
    return Options(tuple(texts))


def _without_the_first_letters(texts: Sequence[str], found: Sequence[Labelled | None]) -> Options:
    """Take the letters off the first two options or more where the others carry none, as one that was added behind
    them ("None of the above")."""
    parts = [part for part in takewhile(bool, found) if part is not None]
    others = tuple(texts[len(parts) :])
    labels = [part.label for part in parts]
    lettered = len(parts) > 1 and not any(found[len(parts) :]) and all(part.text for part in parts)
    if not lettered or not any(labels == sequence[: len(labels)] for sequence in _SEQUENCES):
        return Options(tuple(texts))
    return Options((*(part.text for part in parts), *others), tuple(labels))


def _letters_repeat(parts: Sequence[Labelled]) -> bool:
    """Return whether options have letters of which one stands twice: "A. left", "A. right".

    In "(a)(c)(b)", "(a)(b)(c)" and "A: 1, B: 2", "A: 2, B: 1" they are part of the texts, which go on with others.
    """
    found = {part.label for part in parts}
    from_the_first_on = any(found < set(sequence[: len(parts)]) for sequence in _SEQUENCES)
    return (
        len(found) < len(parts) and from_the_first_on and not any(_OTHER.search(part.text) for part in parts)
    )


def _with_gaps(labels: Sequence[str]) -> tuple[str, ...]:
    """Return the letters in capitals where they rise and at most every second one is left out; () otherwise.

    More gaps are initials: "A. Lincoln", "J. Smith".
    """
    if not all(len(label) == 1 and label.isascii() and label.isalpha() for label in labels):
        return ()
    if not (all(label.isupper() for label in labels) or all(label.islower() for label in labels)):
        return ()
    letters = tuple(label.upper() for label in labels)
    rising = len(letters) > 1 and all(a < b for a, b in pairwise(letters))
    return letters if rising and ord(letters[-1]) - ord("A") < 2 * len(letters) else ()


def letters_remain(options: Sequence[str]) -> bool:
    """Return whether options seem to carry letters in a style that is not known, so that a prompt would show two.

    >>> letters_remain(["A | left", "B | right"]), letters_remain(["A.D.", "B.C."])
    (True, False)
    """
    own = [
        re.match(_OWN_LETTER.format(letter=letter), option, re.IGNORECASE) is not None
        for letter, option in zip(_SEQUENCES[0], options, strict=False)
    ]
    return len(own) > 1 and all(own)


def index_of(answer: str, options: Options) -> int | None:
    """Return which option an answer means: by its letter in the data or in the prompt, by its text, or by both.

    None where it names none, or could name two: where the data numbers its options, "2" may be a number and a text. A
    capital alone is a letter, as data sets write them, also where it is another option's text.
    """
    same = [index for index, option in enumerate(options.texts) if option == answer]
    if answer not in options.texts:
        answer = _PREFIX.sub("", answer)
    labelled = split_label(answer)
    label, text = labelled if labelled else (answer, "")
    named = _named(label, options) if labelled or _ALONE.fullmatch(answer) else None
    if named is not None and text in ("", options.texts[named]):
        by_capital = label.isalpha() and label.isupper()
        return named if by_capital or same in ([], [named]) else None
    return same[0] if len(same) == 1 else None


def _is_number(label: str, mark: str, rest: str) -> bool:
    """Return whether a label is the first part of a number: 1.5, 1:30, 1 - 2."""
    if not label.isdecimal() or not mark:
        return False
    if mark in ":：":
        return _CLOCK.fullmatch(rest) is not None
    return mark in ".．-" and (rest.lstrip() if mark == "-" else rest)[:1].isdecimal()


def _named(label: str, options: Options) -> int | None:
    """Return the option of a letter, in either case, or of a number that the data writes."""
    letters = list(options.letters) or _SEQUENCES[0][: len(options.texts)]
    for known in (options.labels, [own.upper() for own in options.labels], letters):
        if label in known:
            return known.index(label)
        if label.upper() in known:
            return known.index(label.upper())
    return None
