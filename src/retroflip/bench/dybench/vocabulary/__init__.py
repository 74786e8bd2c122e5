"""Actions that are another action when played backwards: CRPO's appendix A.2, whole, as data, and what is like it.

A file of this folder is a domain ("human", "animal", "plant", "object") and has pairs of actions, each with distractors
of the same subject and form that are true of neither side. `find` knows an action by any of its names:

>>> found = find("picks up the red cup")
>>> found.phrase, found.other_phrase
('picking up the red cup', 'putting down the red cup')
"""

import difflib
import re
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from importlib.resources import files
from typing import Annotated, NamedTuple, Self

import yaml
from pydantic import Field, TypeAdapter, model_validator

from retroflip.bench.dybench.asking import Asked, Asker
from retroflip.bench.dybench.sureness import is_thing, say_alike
from retroflip.errors import DataError
from retroflip.recipes.schema import Section

DOMAINS = ("human", "animal", "plant", "object")
SUBJECTS = {"human": "person", "animal": "animal", "plant": "plant", "object": "object"}
"""what a domain's question is about where neither the clip's label nor the pair says it"""
_THING = "{thing}"
_MOST_SAID = 100
"""signs of a label that are repeated where it is not known"""
_DETERMINED = re.compile(
    r"(?:an?|the|his|her|its|their|my|your|our|this|that|these|those|some|any|one|two|three|four|five|six|several|many|"
    r"both|each|every|another|\d+|something|someone|somebody|everything|part|pieces?|number)\b",
    re.IGNORECASE,
)
_Texts = Annotated[tuple[str, ...], Field(strict=False)]


class Action(Section):
    """One way through time. phrase: how an option names it. forms: of its first word. also: its other names."""

    phrase: str = Field(min_length=1)
    forms: str = ""
    also: _Texts = ()

    @property
    def names(self) -> Iterator[str]:
        """Every name, "{thing}" for what is acted on."""
        for name in (self.phrase, *self.also):
            yield name
        first, _, rest = self.phrase.partition(" ")
        for name in [rest, *(one.partition(" ")[2] for one in self.also if one.startswith(f"{first} "))]:
            yield from (f"{form} {name}".strip() for form in self.forms.split())


class Entry(Section):
    """A pair of actions. subject: who acts, where a clip's label does not say."""

    forward: Action
    reversed: Action
    subject: str = ""
    distractors: _Texts = Field(min_length=2)

    @model_validator(mode="after")
    def _can_be_asked(self) -> Self:
        texts = [self.forward.phrase, self.reversed.phrase, *self.distractors]
        if len({text.casefold() for text in texts}) < len(texts):
            raise ValueError(f"two options of {texts} are the same")
        if any("{" in text.replace(_THING, "") for text in texts):
            raise ValueError(f"{texts} may hold no braces but those of {_THING}")
        if len({_THING in text for text in texts}) > 1:
            raise ValueError(f"{texts} must all act on a {_THING}, or none of them")
        return self


class Match(NamedTuple):
    """An action that a label names. thing: what it is done to, as an option names it."""

    entry: Entry
    domain: str
    is_reversed: bool
    thing: str

    def _filled(self, text: str) -> str:
        return text.replace(_THING, self.thing)

    @property
    def phrase(self) -> str:
        """How an option names the action itself."""
        return self._filled((self.entry.reversed if self.is_reversed else self.entry.forward).phrase)

    @property
    def other_phrase(self) -> str:
        """How an option names the same played backwards."""
        return self._filled((self.entry.forward if self.is_reversed else self.entry.reversed).phrase)

    @property
    def distractors(self) -> tuple[str, ...]:
        """What the clip shows neither way."""
        return tuple(self._filled(text) for text in self.entry.distractors)


def ask_action(asker: Asker, found: Match, subject: str = "") -> Asked:
    """Return the question of reversible dynamics: the action, the same backwards, and a distractor.

    subject: who acts, without an article ("dog"); the pair's or the domain's where it is not given.
    """
    who = subject or found.entry.subject or SUBJECTS[found.domain]
    about_whom = {"human": "person", "animal": "actor", "plant": "plant", "object": "plant"}[found.domain]
    what = asker.one_of(("action", about_whom), "what")
    options = (found.phrase, found.other_phrase, asker.one_of(found.distractors, "distractor"))
    return asker.ask(what, options, 0, 1, subject=who)


def find(action: str, domain: str | None = None) -> Match:
    """Return the action that a label names, among those of a domain or of all.

    The most special name wins: "opening the eyes" is not the opening of a thing. Raises DataError for a label that
    names none, or several that are as good, with what it might have meant.
    """
    if domain is not None and domain not in DOMAINS:
        raise DataError(f"{domain!r} is no domain of actions. There are: {', '.join(DOMAINS)}.")
    said = _spelt(action)
    found = [one for one in _names() if domain in (None, one.domain) and one.pattern.fullmatch(said)]
    most = max((one.special for one in found), default=0)
    best = {(one.domain, one.place, one.is_reversed): one for one in found if one.special == most}
    if len(best) != 1:
        raise DataError(_unknown(action, domain, list(best.values())))
    (name,) = best.values()
    matched = name.pattern.fullmatch(said)
    thing = matched.groupdict().get("thing") if matched else None
    if thing is not None and not is_thing(thing):
        raise DataError(
            f"The action {action[:_MOST_SAID]!r} is more than one name of the vocabulary, so what it is backwards is "
            "not sure. Write it plainly."
        )
    entry = entries(name.domain)[name.place]
    return Match(entry, name.domain, name.is_reversed, with_article(thing) if thing else "something")


def same_action(a: str, b: str) -> bool:
    """Return whether two labels name one action: in other words (`say_alike`), or by two names of the vocabulary.

    >>> same_action("shutting a drawer", "closes the drawer"), same_action("opening a drawer", "closing a drawer")
    (True, False)
    """
    if say_alike(a, b):
        return True
    one, other = _phrase_of(a), _phrase_of(b)
    return one is not None and other is not None and say_alike(one, other)


@lru_cache(maxsize=2**14)
def _phrase_of(action: str) -> str | None:
    """Return how an option names an action of the vocabulary; None for any other. Kept, since a table's actions are
    compared each with each, and a look goes through all names."""
    try:
        return find(action).phrase
    except DataError:
        return None


def with_article(thing: str) -> str:
    """Return a thing with an article, if it has no other determiner.

    >>> with_article("red cup"), with_article("a cup"), with_article("two cups")
    ('the red cup', 'a cup', 'two cups')
    """
    return thing if _DETERMINED.match(thing) else f"the {thing}"


@cache
def entries(domain: str) -> tuple[Entry, ...]:
    """Return the pairs of a domain, checked."""
    text = (files("retroflip.bench.dybench") / f"vocabulary/{domain}.yaml").read_text("utf-8")
    return TypeAdapter(tuple[Entry, ...]).validate_python(tuple(yaml.safe_load(text)))


class _Name(NamedTuple):
    """A name of an action. special: how many of its signs are said, and not left to the thing."""

    pattern: re.Pattern[str]
    special: int
    domain: str
    place: int
    is_reversed: bool
    text: str


@cache
def _names() -> tuple[_Name, ...]:
    return tuple(
        _Name(_pattern(text), len(text.replace(_THING, "").strip()), domain, place, is_reversed, text)
        for domain in DOMAINS
        for place, entry in enumerate(entries(domain))
        for is_reversed, one in ((False, entry.forward), (True, entry.reversed))
        for text in one.names
    )


def _pattern(name: str) -> re.Pattern[str]:
    """Return what matches a name. A thing at its end may be left out, one in its middle not."""
    text = re.escape(_spelt(name)).replace(re.escape(_THING), "{thing}")
    if text.endswith(r"\ {thing}"):
        return re.compile(text.removesuffix(r"\ {thing}") + r"(?:\ (?P<thing>.+))?")
    return re.compile(text.replace("{thing}", "(?P<thing>.+)"))


def _spelt(action: str) -> str:
    return " ".join(action.replace("_", " ").casefold().split()).rstrip(".")


def _unknown(action: str, domain: str | None, several: list[_Name]) -> str:
    """Return why a label is not taken, and what to write."""
    if several:
        meant = ", ".join(f"{_phrase(one)!r} ({one.domain})" for one in several)
        return f"The action {action[:_MOST_SAID]!r} may be {meant}. Write the one that is meant, and name its domain."
    phrases: Mapping[str, None] = dict.fromkeys(one.text for one in _names() if domain in (None, one.domain))
    near = difflib.get_close_matches(_spelt(action[:_MOST_SAID]), list(phrases), n=3, cutoff=0.5)
    like = f" Those most like it are: {', '.join(map(repr, near))}." if near else ""
    return f"The action {action[:_MOST_SAID]!r} is in no vocabulary{f' of {domain} actions' if domain else ''}.{like}"


def _phrase(name: _Name) -> str:
    entry = entries(name.domain)[name.place]
    return (entry.reversed if name.is_reversed else entry.forward).phrase
