"""What a sentence says as a whole, where each of its pieces may be true: groups of events, ranks, orders, contents.

Each check refutes: what it does not understand, it lets pass.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from retroflip.cot.reading import SUPERLATIVES, Token, Words
from retroflip.cot.truth.answers import ORDER
from retroflip.cot.truth.events import IDLE, is_nth, numbers_of
from retroflip.cot.truth.needs import matters
from retroflip.cot.truth.proof import Truth
from retroflip.cot.truth.when import When
from retroflip.cot.world import Fact

_GROUP = re.compile(
    r"\b(?P<who>neither|none|both|each|all|these|one)(?: of (?:the|these|them|those|which))?(?: \w+)?"
    r" (?P<how>leaves?|left|touch(?:es|ed)?|involves?|involved|moves?|moved|concerns?|concerned|affects?|affected)"
    r" (?P<what>.+)$"
)
_THIS_MOVES = re.compile(r"\b(?:and|which|that) (?P<how>moves|involves) (?P<what>it|its cell|our \w+)$")
_OWN = re.compile(r"^(?:it|its (?:cell|cover)|our (?:tile|object|file|number))\b(?: alone| again)*$")
_ALONE = re.compile(r"\b(?:alone|untouched|unchanged|unaffected|as it (?:is|was))\b")
_PLACED = re.compile(
    r"^(?:so |then |now |and )*(?:it|our tile|our number) (?:now |still )?(?:is|stays|remains|lies|sits) .*row \d"
)
_LONGER = re.compile(r"\b(?:takes|needs|lasts) (?:far |much |a lot |considerably )?(?P<how>longer|shorter)$")


class Whole:
    """Refutes sentences whose pieces are true, but not what they make together."""

    def __init__(self, truth: Truth) -> None:
        self._truth, self._world = truth, truth.world

    def is_refuted(self, tokens: Sequence[Token], told: Sequence[int], when: When) -> bool:
        """Return whether a sentence is false. told: the events told with times so far, in the order of the text."""
        words = Words([t for t in tokens if t.text not in (".", "!")])
        if self._is_of_others(words, told, when):
            return True
        return not any(token.stamp for token in tokens) and (
            self._is_misranked(words)
            or self._is_misordered(words, when)
            or self._is_misplaced(words, told)
            or self._is_misjudged(words)
        )

    def _is_of_others(self, words: Words, told: Sequence[int], when: When) -> bool:
        """Return whether "both", "neither" or "these" are said to do to something what not all of them do."""
        single = _THIS_MOVES.search(words.text)
        match = single or _GROUP.search(words.text)
        events = [next(e for e in self._world.events if e.number == n) for n in dict.fromkeys(reversed(told))]
        events = events[: 1 if single else 2]
        if not match or len(events) < (1 if single else 2):
            return False
        what = Words([t for t in words.tokens if t.stamp is None][-len(match["what"].split()) :])
        who = "each" if single else match["who"]
        is_own = bool(_OWN.match(match["what"]))
        named = [one for one in what.plain if self._world.is_name(one) or one & self._world.containers]
        if not is_own and not named:
            return False
        left = [self._is_left(e, what, when, is_own=is_own) for e in events]
        is_of_each = who in ("both", "each", "all", "these")
        if match["how"].startswith(("leave", "left")):
            return bool(_ALONE.search(match["what"])) and is_of_each and not all(left)
        if who == "one":
            return is_own and all(left)
        return any(left) if is_of_each else not all(left)

    def _is_left(self, event: Fact, what: Words, when: When, *, is_own: bool) -> bool:
        """Return whether an event leaves something as it is: what is named, or what is asked about."""
        if not is_own:
            return self._truth.spares(what, replace(when, latest=event))
        return event.number is not None and not matters(self._world, event.number)

    def _is_misranked(self, words: Words) -> bool:
        """Return whether the first by size is said to be another one: "the smallest is 20, in the second approach"."""
        ranks = [at for at, t in enumerate(words.tokens) if t.says & SUPERLATIVES]
        ordinals = [
            at for at, t in enumerate(words.tokens) if any(one.startswith("ordinal:") for one in t.says)
        ]
        sized = [e for e in self._world.events if e.size is not None]
        is_plain = not words.has("denying") and not any(t.text.lower().endswith("than") for t in words.tokens)
        if len(ranks) != 1 or len(ordinals) != 1 or not is_plain or ordinals[0] < ranks[0] + 2:
            return False
        if len({e.subject for e in sized}) != 1 or words.picked("part:"):
            return False
        at = int(words.picked("ordinal:")[0])
        own = [e for e in sized if is_nth(e, at - (at > 0), numbers_of(sized))]
        when = When(subject=(own[0].subject,) if own else ())
        best = self._truth.proof(Words([words.tokens[ranks[0]]]), when)
        return bool(own and best) and own[0].size not in {e.size for e in best or ()}

    def _is_misordered(self, words: Words, when: When) -> bool:
        """Return whether the second of "before X and after Y" is not so."""
        found = [at for at, t in enumerate(words.tokens) if t.text.lower() in ORDER]
        if len(found) != 2 or words.has("denying"):
            return False
        left, right = words.tokens[: found[0]], words.tokens[found[1] :]
        sides = [Words(one).plain for one in (left, right)]
        is_of_events = all(one and any(e.covers(one) for e in self._world.events) for one in sides)
        is_joined = words.tokens[found[1] - 1].text.lower() in ("and", "but")
        return is_of_events and is_joined and self._truth.proof(Words([*left, *right]), when) is None

    def _is_misplaced(self, words: Words, told: Sequence[int]) -> bool:
        """Return whether the tile that is asked about is said to be where it is not, after the slide told last."""
        parameters, states = self._world.question["parameters"], self._world.metadata["states"]
        cells = [term for t in words.tokens for term in t.says if term.startswith("cell:")]
        is_asked = parameters.get("ask") == "number" and "rows" in (states[0] if states else ())
        is_placed = len(cells) == 1 and _PLACED.match(words.text) and not words.has("denying")
        if not told or not is_asked or not is_placed:
            return False
        event = self._world.metadata["events"][told[-1]]
        is_forward = told[0] < told[-1] or told[-1] <= min(self._operations, default=0)
        then = [one["rows"] for one in states if (one["ms"] >= event["end_ms"]) == is_forward]
        if not then:
            return False
        row, column = map(int, cells[0].removeprefix("cell:").split(","))
        number = then[0 if is_forward else -1][row - 1][column - 1]
        ends = {f"cell:{','.join(map(str, event.get(key) or ()))}" for key in ("to", "cell")}
        is_own = f"{number}" == f"{self._world.question['answer']}"
        return not is_own and (cells[0] not in ends or not is_forward)

    @property
    def _operations(self) -> list[int]:
        """The numbers of what is done."""
        return numbers_of(e for e in self._world.events if self._world.kind_of(e) not in IDLE)

    def _is_misjudged(self, words: Words) -> bool:
        """Return whether something is said to take longer, or shorter, that nothing else is longer or shorter than."""
        match = _LONGER.search(words.text)
        names = [one for one in words.plain if self._world.is_name(one)]
        own = [e.end - e.start for e in self._world.events if names and e.covers(names)]
        others = [e.end - e.start for e in self._world.events if names and not e.covers(names)]
        if not match or not own or not others:
            return False
        sign = 1.0 if match["how"] == "longer" else -1.0
        return not any(sign * (max(own) - one) > self._truth.near for one in others)
