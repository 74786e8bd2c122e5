"""Questions in many wordings, and numbers in words.

A kind's questions are data: `phrasings/KIND.yaml` has templates by what is asked, where "[one|other]" leaves a choice.

>>> list(wordings("[Where|In which cell] is the {name}?"))
['Where is the {name}?', 'In which cell is the {name}?']
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from itertools import product

import yaml

from retroflip.synth.episode import Draw

_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_ORDINALS = (
    *("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"),
    *("eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth"),
    *("eighteenth", "nineteenth", "twentieth"),
)

_CARDINALS = (
    *("zero", "one", "two", "three", "four", "five", "six"),
    *("seven", "eight", "nine", "ten", "eleven", "twelve"),
)


@cache
def phrasings(kind: str) -> Mapping[str, Sequence[str]]:
    """Return the templates of a kind's questions by what is asked ("question" where there is one thing to ask)."""
    found: dict[str, list[str]] = yaml.safe_load(
        (files("retroflip.synth") / f"phrasings/{kind}.yaml").read_text()
    )
    return found


def phrased(draw: Draw, *asked: str, **named: object) -> str:
    """Return a question of the kind that is drawn. asked: the words of a key of its `phrasings`."""
    return worded(draw, phrasings(draw.kind)[" ".join(asked) or "question"], **named)


def worded(draw: Draw, templates: Sequence[str], **named: object) -> str:
    """Return a question: one of the templates, in one of its wordings, with its "{names}" filled in."""
    chosen = _CHOICE.sub(lambda found: draw.one_of(found[1].split("|")), draw.one_of(templates))
    return chosen.format(**named)


def wordings(template: str) -> Iterator[str]:
    """Yield every wording of a template."""
    parts = [part.split("|") if index % 2 else [part] for index, part in enumerate(_CHOICE.split(template))]
    return ("".join(choice) for choice in product(*parts))


def ordinal(number: int) -> str:
    """Return "first" for 1, and so on; from 21 on in digits, up to 30 (the most operations there are)."""
    if number <= len(_ORDINALS):
        return _ORDINALS[number - 1]
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th") if number > 20 else "th"
    return f"{number}{ending}"


def percent(share: float, step: int = 5) -> int:
    """Return a share of the frame's side as a viewer can tell it by eye: to `step` percent.

    >>> percent(0.324), percent(0.324, 2)
    (30, 32)
    """
    return step * round(100 * share / step)


def holding(contents: Mapping[str, Sequence[object]]) -> str:
    """Return what containers hold, by their names.

    >>> holding({"A": [3, 1], "B": []})
    'A holds 3, 1; B holds nothing'
    """
    return "; ".join(
        f"{name} holds {', '.join(map(str, held)) or 'nothing'}" for name, held in contents.items()
    )


def times(count: int) -> str:
    """Return how often, in words.

    >>> times(1), times(3)
    ('1 time', '3 times')
    """
    return f"{count} time" if count == 1 else f"{count} times"


def series(parts: Sequence[str]) -> str:
    """Return parts of a sentence one after the other.

    >>> series(["the red one", "the blue one", "the pink one"])
    'the red one, the blue one and the pink one'
    """
    *most, last = parts
    return f"{', '.join(most)} and {last}"


def then(parts: Iterable[str]) -> str:
    """Return what comes one after the other, as options name it.

    >>> then(["left", "up", "right"])
    'left, then up, then right'
    """
    return ", then ".join(parts)


def cardinal(number: int) -> str:
    """Return a number from 0 to 12 in words."""
    return _CARDINALS[number]
