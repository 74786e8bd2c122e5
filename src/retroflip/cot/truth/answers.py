"""What a question asks, and which words give its answer or a wrong one."""

import operator
import re
from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise

from retroflip.cot.reading import Terms, Token, Words
from retroflip.cot.world import World
from retroflip.synth.animation import PALETTE, SHAPES

SHAPES_ALL = frozenset(SHAPES)
ORDER = {"before": -1, "earlier": -1, "after": 1, "later": 1}
NOUNS = frozenset({"chip", "card", "file", "tile"})


class Answers:
    """The question about a video and its answer."""

    def __init__(self, world: World, tolerance_ms: float) -> None:
        self.world, self.near = world, tolerance_ms
        question = world.question
        self.asked = world.reader.says(question["text"])
        self._doings: Terms = frozenset({"spin", "move", "trace", "change"})
        self._answer = self._contents(str(question["answer"]))
        self._wrong = [self._contents(str(one)) for one in question["options"] if one != question["answer"]]

    def _contents(self, text: str) -> list[Terms]:
        return Words(self.world.reader.tokens(text, with_times=False)).said

    @property
    def _is_literal(self) -> bool:
        """Whether the answer is a word that says nothing of the video: after, yes."""
        return not self._answer or str(self.world.question["answer"]).lower() in ("yes", "no")

    def is_answer(self, words: Words) -> bool:
        """Return whether a stretch gives the answer, in its order, and besides it only words of the question."""
        if self._is_literal:
            options = {str(one).lower() for one in self.world.question["options"]}
            told = {token.text.lower() for token in words.tokens} & options
            is_more = any(not one & self.asked for one in words.plain) or len(
                [token for token in words.tokens if token.text.lower() in ORDER]
            ) > len(told & set(ORDER))
            return told == {str(self.world.question["answer"]).lower()} and not is_more
        return self._gives(words, self._answer)

    def is_otherwise(self, words: Words) -> bool:
        """Return whether words name an option that says nothing of the video (yes, after) and is not the answer."""
        options = {str(one).lower() for one in self.world.question["options"]}
        told = {token.text.lower() for token in words.tokens} & options
        return self._is_literal and bool(told) and told != {str(self.world.question["answer"]).lower()}

    def is_misordered(self, words: Words) -> bool:
        """Return whether as many values of the options as the answer has are given, and not those of the answer."""
        values = (
            frozenset().union(*self._answer, *(one for wrong in self._wrong for one in wrong)) - self.asked
        )
        given = [one for one in words.plain if one & values]
        own = [one for one in self._answer if one & values]
        parts = re.split(r", (?:then )?", str(self.world.question["answer"]))
        return (
            len(own) == len(parts) > 2 and len(given) == len(own) and not all(map(operator.and_, given, own))
        )

    def stranger(self, tokens: Sequence[Token]) -> str | None:
        """Return a colour and shape that no object has, ever; None where there is none such."""
        for one, two in pairwise(tokens):
            if two.says & SHAPES_ALL and not two.is_loose and not two.says & self._shapes:
                return two.text
            if one.says & PALETTE.keys() and two.says & SHAPES_ALL and not self._is_look(one.says, two.says):
                return f"{one.text} {two.text}"
        return None

    @cached_property
    def _shapes(self) -> Terms:
        """All words that may be told in this video."""
        facts = [*self.world.looks.values(), *(f.terms for f in (*self.world.states, *self.world.events))]
        return frozenset().union(self.asked, *facts, *self._options())

    def _is_look(self, *said: Terms) -> bool:
        looks = [*self.world.looks.values(), *(fact.terms for fact in self.world.states), *self._options()]
        return any(all(one & look for one in said) for look in looks)

    def _options(self) -> list[Terms]:
        return [self.world.reader.says(str(one)) for one in self.world.question["options"]]

    def names_wrong(self, words: Words) -> bool:
        """Return whether a stretch gives an option that is not the answer."""
        return any(one and one != self._answer and self._gives(words, one) for one in self._wrong)

    def _gives(self, words: Words, option: list[Terms]) -> bool:
        known = frozenset().union(*option)
        contrary = frozenset().union(*(one for wrong in self._wrong for one in wrong)) - known
        beside = (
            (self.asked - contrary)
            | {"answer", "quantifying", "further", "change", "move", "unknown"}
            | NOUNS
        )
        option = [one for one in option if not one <= self._doings] or option
        beside = beside | ({f"n:{len(option)}"} - known)
        given = [_number(one) for one in words.said if _number(one) & frozenset().union(*option)]
        given = [one for one in given if "answer" not in one]
        others = [one for one in words.said if not _number(one) & known and not one & beside]
        return not others and len(given) == len(option) and all(map(operator.and_, given, option))


def _number(said: Terms) -> Terms:
    """Return what a word says, a count as its number."""
    return frozenset(term.replace("count:", "n:") for term in said)
