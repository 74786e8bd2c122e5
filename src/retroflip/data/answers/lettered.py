"""Options in running text: by a letter in a form that is no word, by their own words, and several beside each other.

'A' is an article, 'A and B', 'A: B' and 'A, or maybe B' are no answers: what is not sure is None.
"""

import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from functools import lru_cache

from retroflip.data.answers.folding import first_sentence, folded
from retroflip.data.answers.listing import LABEL, MARK
from retroflip.data.answers.strict import read_option

REACH = 2000
"""signs before and behind a place that say whether an answer stands there: text that repeats itself has many places"""
QUALITY = (
    r"(?:final|correct|right|best|selected|chosen|most\s+(?:likely|accurate|appropriate|suitable|fitting|plausible)|"
    r"suitable|likely|accurate|appropriate)"
)
_NAMED = re.compile(
    rf"(?:the\s+)?(?:(?:{QUALITY}\s+)*(?:{LABEL}|letter)\s*)?[\"'(\[<]*\b([A-Za-z])\b[\"')\]>]*\s*(.*)",
    re.DOTALL | re.IGNORECASE,
)
_BARE = re.compile(
    rf"(?:the\s+)?(?:(?:{QUALITY}\s+)*(?i:{LABEL}|letter)\s*)?(?P<open>[\"'(\[<]*)\b(?P<letter>[A-Z])\b(?![-'’])[\"')\]>]*",
)
_BEHIND_BARE = re.compile(
    r"\s*(?:$|[!;:]|\.(?!\s+[a-z])|,?\s*(?:because|since|as|given|based\s+on|due\s+to|(?:and\s+)?not|rather\s+than|instead\s+of)\b"
    r"|\s+over\s+(?:option\s+)?\(?[A-Z]\b|,?\s*(?:因为|由于)|是?正确)"
)
_SEVERAL = re.compile(r"[)\].:,;]*\s*(?:and|or|&|/|,|nor)\s*(?:the\s+)?(?:option\s+)?[(\[]?\s*([A-Z])\b(?!')")
_SECOND = re.compile(
    rf"[)\].:,;>\s]*(?:[-–—>&/]+\s*)?(?:(?i:{LABEL})\s+)?[(\[<]?\s*([A-Z])\b[)\]>]?\s*(?=[.,;:!?&/()\[\]]|$|(?:and|or)\b)"
)
"""behind a letter: another one, with nothing between them that says which is meant"""
_HEDGED = re.compile(
    r"\b(?:could|might|may|maybe|perhaps|possibly|alternatively|or|if|unless|also)\b", re.IGNORECASE
)
_ALONE = re.compile(r"(?<![\w'])[(\[]?([A-Z])\b(?!['’-])(?!\s+(?!is\b)[a-z])")
"""a capital letter that begins no words"""
_REASON = re.compile(r"\b(?:because|since|as)\b", re.IGNORECASE)
_CLAUSE = re.compile(r"[,;:.!?\n]|\b(?:so|therefore|thus|hence|but|and)\b", re.IGNORECASE)
_DENIES = re.compile(
    r"\b(?:not|no|never|neither|nor|none|nobody|nothing|wrong|incorrect|false|worst|second|third|least|hardly|unlikely|"
    r"doubt|unsure|if|when|whether|unless|else|otherwise|suppose|assuming|could|might|may|cannot)\b|n['’]t\b"
    r"|\b(?:thought|initially|at\s+first|some|many|people|one\s+(?:would|might)|example|sample)\b"
    r"|[不没非]|错误|排除|除了|如果|可能|\b(?:other|another|one|first|opposite|previous|earlier|next|alternative|less\s+\w+|less)\s*$",
    re.IGNORECASE,
)
"""in a clause before what announces an answer: it is none"""
SENTENCES = re.compile(r"(?:(?<=[.!?…])|(?<=\.\.\.))\s+|\n")
_SUPPOSED = re.compile(
    r"\W*(?:if\b(?!\s+(?:we|you|one|I)\s+(?:look|watch|consider|compare|see)\b)|unless\b|assuming\b|suppos)",
    re.IGNORECASE,
)
"""how a sentence begins that holds under a condition alone"""
_OTHERWISE = re.compile(r"\W*(?:actually|no|hmm+|or|alternatively)\b", re.IGNORECASE)
_WEIGHS = re.compile(r"\b(?:consider|compar|check|examin|look)", re.IGNORECASE)
_NOT_THAT = re.compile(
    rf"(?:(?:the|most|definitely|clearly|certainly)\s+)*(?:not|neither|either|both|anything\s+but)\s+(?:the\s+)?"
    rf"(?:(?i:{LABEL})\s+)?[\"'(\[]*([A-Z])\b(?!['’-])"
)
_ENDS_A_LETTER = re.compile(
    r"[.:,;)\]\"'!]|$|(?:because|since|as|for|due|(?:and\s+)?not|rather\s+than)\b|[-–—]|因为|由于"
)
_BEHIND_A_FIRST = re.compile(
    r"\s*,?\s*(?:(?:because|since)\b|(?:(?:and\s+)?not|rather\s+than|instead\s+of)\s+(?:option\s+)?\(?[A-Z]\b|因为|由于)|\s+[-–—]\s"
)
_OTHER_IS_NOT = re.compile(
    r",?\s*(?:and|but|while|whereas)?\s*(?:(?i:option)\s+)?\(?[A-Z]\)?\s+(?:is|are)\s+(?:not|wrong|incorrect)\b"
)
_IT_IS = re.compile(r"(?:it|this|that)(?:\s+(?:is|was)|['’]s)\s+(.+)", re.IGNORECASE | re.DOTALL)
_LETTER_BEHIND = re.compile(r"(.+?)\s*[(\[](?:(?i:option)\s+)?([A-Z])[)\]]\.?", re.DOTALL)
_SEVERAL_WORDS = re.compile(r"\s*(?:and|or|/)\b")


_CALLED_WRONG = re.compile(
    r"\W*(?:(?:(?:this|that)\s+)?(?:is|are|was|would\s+be|can\s+be)\s+)?"
    r"(?:not\s+(?:right|correct|true)|incorrect|wrong|false|(?:ruled\s+out|eliminated|excluded)\b|no\W*$|(?:this|that)\s+is\s+not"
    r"|(?:does\s+not|doesn['’]t)\s+(?:match|fit|describe|apply|align|correspond|reflect|represent|appear|seem))\b"
)


def statement(text: str, options: dict[str, str], *, cued: bool = False) -> str | None:
    """Return the option that a text begins with: by its letter in a form that is no word, or by its own words.

    cued: whether the text follows words that announce an answer, so that a bare letter may stand before a sentence.
    """
    text = text.strip().strip("\"'`")
    if cued and text == "a":
        # The article of an answer that was cut off, or the letter: nothing tells.
        return None
    if letter := read_option(text.removesuffix("."), options):
        return letter
    named = _NAMED.fullmatch(text)
    before, rest = (text[: named.start(1)], text[named.end(1) :]) if named is not None else ("", "")
    labelled = re.search(LABEL, before, re.IGNORECASE) is not None
    if named is not None and (letter := named[1].upper() if labelled else named[1]) in options:
        bracketed = before.endswith(("(", "[", "<")) and rest[:1] in (")", "]", ">")
        asked = first_sentence(rest).rstrip().endswith("?")
        if asked or names_another(rest, letter, options) or _is_called_wrong(rest, options[letter]):
            return None
        if bracketed or rest[:1] in (".", ")", ":", "!") or (labelled and _ENDS_A_LETTER.match(rest.strip())):
            return letter
        if cued and (_ENDS_A_LETTER.match(rest.strip()) or folded(rest).startswith(options[letter])):
            return letter
        if cued and rest.strip().startswith("(") and not beginning(folded(rest.strip(" (")), options):
            return letter
        own_beside = re.match(r"\s*[(,]|\s+\w", rest) and folded(rest.strip(" (),.")) == options[letter]
        if own_beside or _BEHIND_A_FIRST.match(rest):
            return letter
    return beginning(folded(text), options) if cued else _said_of_it(text, options)


def _said_of_it(text: str, options: dict[str, str]) -> str | None:
    """Return the option whose own words are all that a text says, "It is red.", or with its letter too: "red (B)"."""
    said = _IT_IS.fullmatch(text)
    if said is not None and len(said[1]) > 1:
        return read_option(said[1].removesuffix("."), options)
    behind = _LETTER_BEHIND.fullmatch(text)
    return behind[2] if behind is not None and options.get(behind[2]) == folded(behind[1]) else None


def bare(text: str, options: dict[str, str]) -> str | None:
    """Return the option whose capital letter a text begins with, and behind which the sentence ends, a reason follows,
    or the option's own words: "B.", "option (B) because ...", "B, moving right". "A man" is none, nor is "A and B".

    'I' counts in brackets alone.
    """
    text = text.strip()
    found = _BARE.match(text)
    if found is None or found["letter"] not in options or (found["letter"] == "I" and not found["open"]):
        return None
    letter, rest = found["letter"], text[found.end() :]
    if names_another(rest, letter, options):
        return None
    own = options[letter] and folded(rest.lstrip(" .:,)-–—(")).startswith(options[letter])
    return letter if own or _BEHIND_BARE.match(rest) else None


def names_another(rest: str, letter: str, options: dict[str, str]) -> bool:
    """Return whether the text behind an option's letter names another option: "and B", ": B", ", or B"."""
    if _SEVERAL.match(rest) or ((second := _SECOND.match(rest)) and _is_other(second[1], letter, options)):
        return True
    sentence = first_sentence(rest)
    others = _ALONE.findall(sentence)
    hedged = _HEDGED.search(sentence) is not None
    return hedged and any(_is_other(other, letter, options) for other in others)


def names_elsewhere(text: str, letter: str, options: dict[str, str]) -> bool:
    """Return whether another option's letter stands anywhere in a text, where it begins no words."""
    return bool(letters_in(text, options) - {letter})


def letters_in(text: str, options: dict[str, str]) -> AbstractSet[str]:
    """Return the options whose letters stand in a text, where they begin no words."""
    return options.keys() & set(_ALONE.findall(text))


def _is_called_wrong(rest: str, own: str) -> bool:
    """Return whether the text behind an option's letter and its own words calls it wrong: ") moving left is wrong"."""
    return _CALLED_WRONG.match(folded(rest.strip(" ()[]>.:,-–—")).removeprefix(own)) is not None


def goes_on_with_another(rest: str, letter: str, options: dict[str, str]) -> bool:
    """Return whether a sentence that says a letter to be right names another one too: "and so is B"."""
    said = _REASON.split(first_sentence(rest), maxsplit=1)[0]
    return names_elsewhere(_OTHER_IS_NOT.sub("", said), letter, options)


def refuses(text: str, options: dict[str, str]) -> bool:
    """Return whether a text begins with a letter that it denies or that is one of several: "not B", "A or B"."""
    text = text.strip()
    found = _NOT_THAT.match(text)
    if found is not None and found[1] in options:
        return True
    one = _BARE.match(text)
    return (
        one is not None
        and one["letter"] in options
        and names_another(text[one.end() :], one["letter"], options)
    )


def denied(line: str, start: int) -> bool:
    """Return whether the clause before a place denies or doubts what stands there."""
    return _denies_what_follows(line[max(0, start - REACH) : start])


@lru_cache(maxsize=64)
def _denies_what_follows(before: str) -> bool:
    clause = _CLAUSE.split(before)[-1]
    sentence = SENTENCES.split(before)[-1]
    return _DENIES.search(clause) is not None or _SUPPOSED.match(sentence) is not None


def taken_back(text: str, letter: str, options: dict[str, str]) -> bool:
    """Return whether a later sentence puts another option in place of one: "Actually, it is C.", "Or is it C?"."""
    return any(
        _is_other(other, letter, options)
        for sentence in SENTENCES.split(text)
        if _OTHERWISE.match(sentence)
        for other in _ALONE.findall(sentence)
    )


def _is_other(found: str, letter: str, options: dict[str, str]) -> bool:
    return found in options and found != letter


def beginning(text: str, options: dict[str, str]) -> str | None:
    """Return the one option whose words a folded text begins with; of several the longest."""
    found = [
        letter
        for letter, option in options.items()
        if option and re.match(rf"(?:the\s+)?{re.escape(option)}(?!\w)", text)
    ]
    longest = max((len(options[letter]) for letter in found), default=0)
    best = [letter for letter in found if len(options[letter]) == longest]
    return best[0] if len(best) == 1 and not _SEVERAL_WORDS.match(text[longest:]) else None


def lettered(text: str, options: dict[str, str]) -> Iterator[str | None]:
    """Yield every letter that stands before its own option's words, "the speed is C. time-lapse", None for one that is
    denied."""
    for found in MARK.finditer(text):
        letter, behind = found[1], text[found.end() : found.end() + REACH]
        if letter in options and beginning(folded(behind), {letter: options[letter]}):
            clause = _CLAUSE.split(text[max(0, found.start() - REACH) : found.start()])[-1]
            wrong = (
                _WEIGHS.search(clause)
                or denied(text, found.start())
                or _is_called_wrong(behind, options[letter])
            )
            yield None if wrong else letter
