"""What a true claim lets a text say, and what a text must say to be read by it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from retroflip.cot.claims import Claim, phrase
from retroflip.cot.reading import ORDINALS, PHASES, SUPERLATIVES, Terms, Token
from retroflip.cot.truth.relations import Relations
from retroflip.cot.world import VALUES, Fact

WEIGHED = frozenset({"more", "less", "faster", "slower", "steady", "same", *SUPERLATIVES})
"""what compares"""
LETTERS = "ABCDEFGH"
_RANKS = frozenset({"earliest", "quantifying", "exactly", "same", "reversal", *SUPERLATIVES, *PHASES})
_IDLE = frozenset(
    {
        "further",
        "still",
        "change",
        "move",
        "draw",
        "put",
        "take",
        "hit",
        "swap",
        "exchange",
        "run",
        "quantifying",
    }
)
_SPARED = frozenset(
    {"leave", "take", "put", "move", "still", "concern", "exactly", "blank", "swap", "change", "back"}
)
_HOLDING = frozenset(
    {"back", "put", "move", "leave", "enter", "swap", "exchange", "slide", "further", "still", "exactly"}
)
_DIRECTED = re.compile(r"\b(?:than|as|before|after|between|left|right|above|below)\b")
"""relations that are not the same the other way round"""
_FEWER = re.compile(r"less|fewer|under|below|no more|at most")


@dataclass(frozen=True)
class Stated:
    """A true claim, or several alike, as what a part of a text may say.

    said: its words. beside: what else holds of all events that it names. loose: words that say no more than it. needed:
    what a part must say. named: what it is about, which a text leaves out where it was just told. sides: what stands
    before and behind its relation alone. listed: a list in its order. events: those that it names. others: those that
    it compares them with. home: whether a cell at the end is that at the start. nths: which events
    these are among those with a value: the first hit on the left wall. letter: of the right option. is_falling: whether
    a ranking begins with the largest. count: how many claims these are. crossed_with: with how many things each of
    several is compared.
    """

    claim: Claim
    said: Terms
    beside: Terms = frozenset()
    loose: Terms = frozenset()
    needed: tuple[Terms, ...] = ()
    named: tuple[Terms, ...] = ()
    sides: tuple[Terms, Terms] = (frozenset(), frozenset())
    listed: tuple[Terms, ...] = ()
    events: tuple[Fact, ...] = ()
    others: tuple[Fact, ...] = ()
    home: bool | None = None
    nths: Mapping[str, Terms] = field(default_factory=dict)
    letter: str = ""
    is_falling: bool | None = None
    count: int = 1
    crossed_with: int = 0

    @property
    def terms(self) -> Terms:
        """All that a text may say of what it is about."""
        return self.said.union(self.beside, self.loose, *self.nths.values(), *self.listed)

    @property
    def numbers(self) -> frozenset[int | None]:
        """The events that it names."""
        return frozenset(e.number for e in self.events)

    @property
    def likeness(self) -> tuple[str, ...]:
        """What claims have in common that a text may tell at once."""
        told = self.claim.told
        value = told.get("value") if self.home is None else self.home
        return str(told.get("property")), str(value), str(told.get("relation"))

    @property
    def is_count(self) -> bool:
        """Whether it says how many there are."""
        return self.claim.told.get("property") == "count"

    @property
    def is_holding(self) -> bool:
        """Whether it says what something holds."""
        return self.claim.told.get("property") == "holds"

    @property
    def is_of_next(self) -> bool:
        """Whether it compares an event with the one before it of the same object."""
        own, other = ({e.number or 0 for e in side} for side in (self.events, self.others))
        subjects = {e.subject for e in (*self.events, *self.others)}
        return len(own) == len(other) == len(subjects) == 1 and min(own) > min(other)

    @property
    def letters(self) -> frozenset[str]:
        """The letters of the options that it is about, or of the answer."""
        if self.claim.is_answer:
            return frozenset({self.letter})
        is_about = str(self.claim.told.get("property", "")).lower() in ("option", "options")
        return (
            frozenset(re.findall(r"\b[A-H]\b", str(self.claim.told.get("value"))))
            if is_about
            else frozenset()
        )

    @property
    def is_denied(self) -> bool:
        """Whether it says that something is not so."""
        is_none = self.is_count and str(self.claim.told.get("value")) == "0"
        return is_none or is_idle(self.claim) or "denying" in self.said

    @property
    def gaps(self) -> list[float]:
        """How many ms its relation tells: "2.4 seconds after"."""
        found = re.findall(r"(\d+(?:\.\d+)?) ?(?:s|seconds?)\b", str(self.claim.told.get("relation", "")))
        return [1000.0 * float(one) for one in found]


def is_idle(claim: Claim) -> bool:
    """Return whether a claim says that nothing, or nothing of a kind, happens in a stretch of the video."""
    is_denied = claim.told.get("relation") == "not" or bool(
        re.match("nothing|no ", str(claim.told.get("event", "")))
    )
    return is_denied and claim.stamp is not None and claim.stamp.high is not None


def is_firm(token: Token) -> bool:
    """Return whether a word must be licensed: all but those that may say nothing, if they do not rank or count."""
    if token.stamp is not None or token.is_unknown:
        return True
    is_figure = any(one in _RANKS or one.startswith(("ordinal:", "nth:", "count:")) for one in token.says)
    return bool(token.says) and (not token.is_loose or is_figure) and token.text.lower() != "even"


def meant(token: Token) -> Terms:
    """Return what a word says, counts and places as numbers of one kind each, bounds by their side."""
    text = token.text.lower()
    if "bounding" in token.says or text.split()[0] in ("more", "less", "fewer"):
        return frozenset({"less" if _FEWER.match(text) else "more"})
    is_way = bool(token.says & {"up", "down"})
    return counted(token.says - {"more", "less", "faster", "slower"} if is_way else token.says)


def counted(said: Terms) -> Terms:
    """Return terms with counts and places as numbers of one kind each."""
    return frozenset(one.replace("count:", "n:").replace("nth:", "ordinal:") for one in said)


def alike(several: Sequence[Stated]) -> Stated:
    """Return claims that say the same of several things or times as one."""
    one = several[0]
    return replace(
        one,
        said=frozenset().union(*(other.said for other in several)),
        beside=frozenset.intersection(*(other.beside for other in several)),
        loose=one.loose
        | {f"n:{len(several)}", "quantifying"}
        | ({f"count:{len(several)}"} if one.claim.is_timed else set()),
        needed=tuple(said for said in one.needed if all(said in other.needed for other in several)),
        named=(),
        listed=tuple(said for other in several for said in other.named),
        events=tuple(e for other in several for e in other.events),
        is_falling=None,
        count=len(several),
    )


def crossed(several: Sequence[Stated]) -> Stated | None:
    """Return claims that relate each of some things to each of others as one, None where any pair is left out."""
    one = several[0]
    pairs = [(_about(other), str(other.claim.told.get("value"))) for other in several]
    ones, others = (list(dict.fromkeys(side)) for side in zip(*pairs, strict=True))
    is_directed = all(left or right for left, right in (other.sides for other in several))
    if (
        not is_directed
        or {(a, b) for a in ones for b in others} != set(pairs)
        or len(set(pairs)) < len(pairs)
    ):
        return None
    common = [need for need in one.needed if all(need in other.needed for other in several)]
    other_needs = [need for other in several for need in other.needed if need not in common]
    lefts, rights = (frozenset().union(*(other.sides[at] for other in several)) for at in (0, 1))
    return replace(
        one,
        said=frozenset().union(*(other.said for other in several)),
        beside=frozenset.intersection(*(other.beside for other in several)),
        loose=one.loose.union({f"n:{len(ones)}", f"n:{len(others)}", "quantifying"}),
        needed=tuple(dict.fromkeys([*common, *other_needs])),
        named=tuple(dict.fromkeys(need for other in several for need in other.named)),
        crossed_with=len(others),
        sides=(lefts - rights, rights - lefts),
        events=tuple(dict.fromkeys(e for other in several for e in other.events)),
        others=tuple(dict.fromkeys(e for other in several for e in other.others)),
    )


def _about(one: Stated) -> str:
    return f"{one.claim.told.get('event')} {one.claim.told.get('object')}"


class Statements:
    """Reads claims as what texts may say."""

    def __init__(self, relations: Relations) -> None:
        self._world, self._relations = relations.world, relations
        self._names: Terms = frozenset().union(*relations.world.looks.values())

    def of(self, claim: Claim, facts: Sequence[Fact]) -> Stated:
        """Return what a claim states. facts: the events that bear it out."""
        told, said = claim.told, self._by_key(claim)
        sides = [list(facts)] if facts else self._relations.named(told)
        common = [frozenset.intersection(*map(self._relations.described, own)) for own in sides if own]
        totals = [
            frozenset.intersection(*map(self._relations.totals, own))
            for own in sides
            if own and not self._is_valued(own)
        ]
        beside = counted(frozenset().union(*common)) - WEIGHED
        often = re.match(r"(?:.* )?(?P<more>more|less|fewer|rarer) ", str(told.get("relation", "")))
        weighed = [frozenset({"more" if often["more"] == "more" else "less"})] if often else []
        weighed += [one for one in said["relation"] if one & WEIGHED or any(map(_is_figure, one))]
        is_count = told.get("property") == "count"
        is_free = (claim.is_timed and not is_count) or is_idle(claim) or claim.length is not None
        named = self._needs(self._unnamed(said["event"]), is_event=True) + self._needs(said["object"])
        is_directed = told.get("property") not in ("holds", "cell") and bool(
            _DIRECTED.search(str(told.get("relation", "")))
        )
        is_series = (isinstance(told.get("value"), list) and told.get("relation") != "between") or told.get(
            "property"
        ) == "expression"
        left, right = (
            frozenset().union(*(one for key in keys for one in said[key]))
            for keys in (("object", "event"), ("value",))
        )
        return Stated(
            claim,
            said=frozenset().union(*map(meant, claim.tokens), *self._summed(told), *self._doings(told)),
            beside=beside if claim.is_timed else frozenset(one for one in beside if not one.startswith("n:")),
            loose=self._loose(claim, sides).union(*(totals if told.get("relation") != "not" else ())),
            needed=(*weighed, *([] if is_free else self._valued(told))),
            named=tuple(self._placed(named, sides[:1])),
            sides=(left - right, right - left) if is_directed else (frozenset(), frozenset()),
            listed=tuple(said["value"]) if is_series else (),
            events=tuple(facts or (sides[0] if sides else ())),
            others=tuple(e for own in sides[1:] for e in own),
            home=self._is_home(told),
            nths=self._relations.places(sides[0])
            if claim.is_timed and sides and len({e.number for e in sides[0]}) == 1
            else {},
            letter=self._letter,
            is_falling=self._relations.is_falling(told),
        )

    def _doings(self, told: Mapping[str, Any]) -> list[Terms]:
        """Return the words for what never happens to something."""
        own = (
            self._relations.of({"event": told["event"]})
            if told.get("relation") == "not" and "event" in told
            else []
        )
        return [frozenset.intersection(*(e.terms for e in own)) - VALUES - self._names] if own else []

    def _summed(self, told: Mapping[str, Any]) -> list[Terms]:
        """Return the numbers of a sum."""
        is_sum = str(told.get("property", "")) == "sum"
        return (
            [frozenset({f"n:{int(one)}"}) for one in re.findall(r"\d+", str(told.get("value", "")))]
            if is_sum
            else []
        )

    def _is_home(self, told: Mapping[str, Any]) -> bool | None:
        """Return whether something is in its first cell at the end, None for claims of other things."""
        if told.get("property") != "cell" or told.get("relation") != "at the end" or not self._world.states:
            return None
        said = [one for key in ("object", "value") for one in self._firm(key, told.get(key, ""), told)]
        return any(one.covers(said) and one.start == 0.0 for one in self._world.states)

    def _by_key(self, claim: Claim) -> dict[str, list[Terms]]:
        """Return what must be told of each key of a claim."""
        told = claim.told
        return {
            key: self._firm(key, told[key], told) if key in told else []
            for key in ("event", "object", "relation", "value")
        }

    def _firm(self, key: str, value: Any, told: Mapping[str, Any]) -> list[Terms]:
        return [
            meant(token)
            for token in phrase(key, value, told, self._world)
            if token.says and (is_firm(token) or (key == "value" and "gap" in token.says))
        ]

    def _valued(self, told: Mapping[str, Any]) -> list[Terms]:
        """Return what of a claim's value, or of each item of a list, a text must say."""
        value = told.get("value", [])
        is_cell = isinstance(value, list) and len(value) == 2 and all(isinstance(one, int) for one in value)
        items = value if isinstance(value, list) and not is_cell else [value]
        named = self._relations.named(told)[1:]
        sides = named if len(named) == len(items) else [[] for _ in items]
        shared = frozenset().union(*self._firm("event", told.get("event", ""), told)) & VALUES
        return [
            one
            for item, side in zip(items, sides, strict=True)
            for one in self._placed(self._needs(self._unnamed(self._firm("value", item, told))), [side])
            if not one <= shared and one != {"n:0"}
        ]

    def _is_valued(self, events: Sequence[Fact]) -> bool:
        """Return whether events are told by numbers, which their number could be taken for."""
        is_item = any(e.terms & self._world.items for e in events)
        return is_item or any(self._world.kind_of(e) == "glyph" for e in events)

    def _unnamed(self, said: Sequence[Terms]) -> Sequence[Terms]:
        """Return what is said of an event without whose it is, where no other of its kind is there: "the flash"."""
        doing = [one for one in said if not one & self._names and not any(map(_is_figure, one))]
        numbers = {e.number for e in self._world.events if doing and e.covers(doing)}
        return doing if len(numbers) == 1 and not any(one & VALUES for one in doing) else said

    def _needs(self, said: Sequence[Terms], *, is_event: bool = False) -> list[Terms]:
        """Return what of a phrase a text must say: its numbers and ways, one word of a name, or else one word."""
        names = self._names
        firm = [one for one in said if any(map(_is_figure, one)) or (one & VALUES and not one & names)]
        name: Terms = frozenset().union(*(one for one in said if one & names))
        rest: Terms = frozenset().union(*said) if not firm and not name and not is_event else frozenset()
        return [one for one in (*firm, name, rest) if one]

    def _placed(self, needs: Sequence[Terms], sides: Sequence[Sequence[Fact]]) -> list[Terms]:
        """Return needs in which a place among events may be told in each way: the fourth is the last of four."""
        own = [e for side in sides for e in side]
        places = (
            [one for one in counted(self._relations.described(own[0])) if one.startswith("ordinal:")]
            if len({e.number for e in own}) == 1
            else []
        )
        return [
            one | frozenset(places) if any(term.startswith("ordinal:") for term in one) else one
            for one in needs
        ]

    def _loose(self, claim: Claim, sides: Sequence[Sequence[Fact]]) -> Terms:
        """Return words that say no more than a claim of its kind: that nothing more happens, that a card is back."""
        told, relation = claim.told, str(claim.told.get("relation", ""))
        if str(told.get("property", "")) in ("expression", "sum"):
            return frozenset({"draw", "take", "expression", "sum", "answer", "line"}) | self._names
        if is_idle(claim):
            common = [frozenset.intersection(*(e.terms for e in side)) - VALUES for side in sides if side]
            return _IDLE.union(self._names, *common)
        own: set[str] = set()
        part = self._world.question["parameters"].get("part")
        if part and ("relation" in told or told.get("property") == "ranking"):
            own.add(f"part:{part[0] + 1}/{part[1]}")
        if (rank := re.fullmatch(r"not (?:the )?(\w+)", relation)) and rank[1] in ORDINALS:
            own.add(f"ordinal:{ORDINALS[rank[1]]}")
        if relation == "not":
            return (
                _SPARED
                if claim.is_timed and "object" in told
                else frozenset({"quantifying", "further", "exactly"})
            )
        if any(one & SUPERLATIVES for one in self._by_key(claim)["relation"]):
            return frozenset({"quantifying", "still", *own})
        if relation.endswith(" as") or relation in ("equal", "same"):
            own |= {"equally-long", "equally-much", "same", "quantifying"}
        if isinstance(told.get("value"), list) and told.get("property") == "order":
            own |= PHASES | {"ordinal:1", "ordinal:-1", "earliest"}
        if told.get("property") == "count" and "object" in told and "event" in told:
            return frozenset({"move", "concern", "exactly"})
        if told.get("property") == "count":
            own.add("exactly")
        if claim.is_timed and any(
            {"swap", "exchange", "slide", "mv"} & e.terms for side in sides for e in side
        ):
            return frozenset({"take", "put", "move", "leave", "enter"}) | own
        if claim.is_timed and any(
            {"type:put", "type:take", "type:pour"} & e.terms for side in sides for e in side
        ):
            own |= {"move", "change"}
        if claim.is_timed and self._world.question["mode"] == "retrodictive":
            own |= {"back", "further"}
        if claim.is_timed and any("type:change" in e.terms for side in sides for e in side):
            own.add("still")
        own |= self._spanned(claim, [e for side in sides for e in side])
        if re.search(r"\b(?:than|as)$", relation):
            own |= {"start-of-video", "exactly"}
        if str(told.get("object", told.get("property"))) == "pile":
            own |= {"up", "down"}
        is_state = "event" not in told and told.get("property") in ("holds", "cell", "count")
        if told.get("property") == "cell" and relation == "at the end":
            own |= {"earliest", "ordinal:1", "same", "otherwise"}
        return _HOLDING | own if is_state else frozenset(own)

    def _spanned(self, claim: Claim, events: Sequence[Fact]) -> Terms:
        """Return in which part of the video a claim's event is, and that its time is at the start or the end."""
        length = self._world.duration
        if claim.is_timed and events:
            at = min((events[0].start + self._relations.near) / length, 0.999)
            return frozenset(f"part:{int(at * parts) + 1}/{parts}" for parts in (2, 3))
        own = [e for e in self._relations.events if self._relations.is_operation(e, [])]
        low = claim.stamp.low.ms if claim.stamp else None
        if low is None or not own or "event" in claim.told:
            return frozenset()
        phases = {"start-of-video": low < own[0].start - 100.0, "end-of-video": low >= own[-1].start}
        return frozenset(phase for phase, is_so in phases.items() if is_so)

    @property
    def _letter(self) -> str:
        """The letter of the right option, "" where there are none."""
        options = [str(one) for one in self._world.question["options"]]
        answer = str(self._world.question["answer"])
        return LETTERS[options.index(answer)] if answer in options else ""


def _is_figure(term: str) -> bool:
    return term.startswith(("n:", "count:", "ordinal:", "nth:"))
