"""Whether an action's name is plain enough for a rule to say what it is backwards, and whether two names say the same.

What a rule says of "closing in on the goal", "wakes up" or "opening and closing a door" would be a wrong gold.
"""

import difflib
import re
from functools import lru_cache

from retroflip.data.text_maps import spelt
from retroflip.router.vocabulary import BEFORE_NOUNS, MOTION, PATH, forms

PARTICLES = frozenset(PATH | {"in", "on", "over", "under", "through", "around", "across", "at", "with", "by"})
"""words that make another verb of the one before them, or begin a phrase about a place"""
_NO_PLAIN_DOING = re.compile(
    r"\bnot\b|n't\b|\bnever\b|\bwithout\b|\b(?:try|tries|trying|attempt\w*|fail\w*|pretend\w*|about|almost|nearly)\b"
    r"|\b(?:and|then|or|with)\b|\btak(?:es?|ing|en) off$|\btook off$"
)
"""denials, tries, several doings, what something is done with, and a start that is no undressing"""
_GOES = MOTION - forms(
    "set:set get:got turn switch draw:drew,drawn tear:tore,torn light:lit blow:blew,blown burn fade "
    "lead:led pop tip squeeze"
)
"""verbs that a particle leaves what they are"""
_BOTH = forms("pick put:put take:took,taken")
"""verbs that are exchanged together with their particle"""
_SUBJECT = re.compile(r".*\b(?:is|are|was|were) (?=\w+ing\b)")
_ENDINGS = ("ing", "es", "ed", "s")


def is_thing(text: str) -> bool:
    """Return whether a text can be what is acted on: neither a particle of the verb before it, nor another doing.

    >>> is_thing("the red cup"), is_thing("in on the goal"), is_thing("a cup and puts it down")
    (True, False, False)
    """
    first = text.partition(" ")[0]
    return first not in PARTICLES and _NO_PLAIN_DOING.search(text) is None


def is_plain_reverse(action: str, backwards: str) -> bool:
    """Return whether `backwards`, in which inverse words are exchanged, is surely `action` played backwards.

    >>> is_plain_reverse("goes up the stairs", "goes down the stairs"), is_plain_reverse("wakes up", "wakes down")
    (True, False)
    """
    one, other = (spelt(text).split() for text in (action, backwards))
    if _NO_PLAIN_DOING.search(" ".join(one)):
        return False
    changed = [
        place
        for tag, begin, end, _, _ in difflib.SequenceMatcher(None, one, other, autojunk=False).get_opcodes()
        if tag != "equal"
        for place in range(begin, max(end, begin + 1))
        if place < len(one)
    ]
    return all(_is_plain(one, place, changed) for place in changed)


def _is_plain(words: list[str], place: int, changed: list[int]) -> bool:
    """Return whether an exchanged word stands where it means what the table of inverse words takes it to mean."""
    word, before = words[place], words[place - 1] if place else ""
    if before in BEFORE_NOUNS:
        return False  # "the exit"
    if word in PARTICLES:
        return before in _GOES or (place - 1 in changed and before in _BOTH)
    behind = words[place + 1] if place + 1 < len(words) else ""
    return behind not in PARTICLES or word in _BOTH or word in _GOES


def say_alike(a: str, b: str) -> bool:
    """Return whether two actions are one in other words: another form of the verb, an article, a subject before it.

    >>> say_alike("a person is walking up the stairs", "walks up stairs"), say_alike("opens it", "closes it")
    (True, False)
    """
    one, other = sorted((_stems(a), _stems(b)), key=len)
    return bool(one) and other[len(other) - len(one) :] == one


@lru_cache(maxsize=2**14)
def _stems(text: str) -> tuple[str, ...]:
    words = _SUBJECT.sub("", spelt(text)).split()
    return tuple(_stem(word) for word in words if word not in ("a", "an", "the"))


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) > len(ending) + 1:
            word = word.removesuffix(ending)
            break
    return (word[:-1] if word[-2:-1] == word[-1:] else word).removesuffix("e")
