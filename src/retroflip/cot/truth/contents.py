"""What containers hold and where objects are at a time, and what an event does to both."""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from retroflip.cot.reading import SUPERLATIVES, Terms, Token, Words
from retroflip.cot.truth.answers import NOUNS
from retroflip.cot.truth.events import ENDING
from retroflip.cot.truth.ranks import Ranks
from retroflip.cot.truth.when import Found, When
from retroflip.cot.world import Fact

_EARLIER = re.compile(r"\b(?:before|by then|earlier|previously|prior|undo\w*|without)\b")
_NOW = re.compile(r"\b(?:now|from then on)\b")
_LATER = re.compile(
    r"\b(?:now|so|leav\w*|giv\w*|means|after|then|which (?:takes?|brings?|puts?|moves?|sends?|carries)|ends? up"
    r"|lands?)\b"
)
_FURNITURE = frozenset(
    {"pile", "card", "cup", "chip", "tile", "folder", "file", "row", "column", "open", "covered", "blank", "gap",
     "leave", "put", "move", "answer", "still", "type:reveal", "type:put"}
)  # fmt: skip
"""what may stand beside a list without saying more"""
_BESIDE_LISTS = (
    _FURNITURE
    | SUPERLATIVES
    | {
        "quantifying",
        "exactly",
        "further",
        "back",
        "start-of-video",
        "end-of-video",
        "either-end",
        "sum",
        "expression",
    }
)
_AMOUNT = re.compile(r"\b(?:there (?:are|is)|makes?|that is|left|remain\w*)\b")
"""what tells how many there are then"""
_EMPTY = re.compile(r"\b(?:empty|vacant|free)\b")
_OVER_MS = 60.0
"""how long before the next operation the time of a claim must lie that tells what is so until then"""
_PUTTING = frozenset({"put", "take", "leave"})
_ALWAYS = re.compile(r"\b(?:never|always|all the time|throughout|at all|whole)\b")
_JOINTS = frozenset({"before", "after", "when", "once", "with", "undoing"})
_HELD_BY = frozenset(
    {"is", "was", "are", "were", "has", "had", "holds", "held", "reads", "read", "contains", "contained"}
)
_DOINGS = frozenset({"put", "take", "swap", "exchange", "pour"})
_ENDS = _DOINGS | {"up", "down"}
_GIVING = frozenset(
    {"gives", "leaves", "puts", "yields", "gets", "makes", "restores", "means", ":", "brings", "give"}
)
_UNDOING = frozenset(
    {"put", "take", "back", "swap", "exchange", "change", "pour", "pile", "card", "leave", "move", "slide"}
)


class Contents(Ranks):
    """Looks up what is where, or in what."""

    def _is_moved(self, names: Sequence[Terms], event: Fact) -> bool:
        before = [s.terms for s in self.world.states if s.covers(names) and s.end == event.start]
        after = [s.terms for s in self.world.states if s.covers(names) and s.start == event.start]
        if not before and not after:
            return self.world.kind_of(event) != "return" and event.covers(names)
        return before != after

    def _moves(self, named: Sequence[Terms]) -> bool:
        """Return whether an object does anything, or is not where it was."""
        states = self.world.metadata["states"]
        for name, looks in self.world.looks.items():
            if named and all(one & looks for one in named):
                places = [
                    state[key].get(name) for state in states for key in ("cells", "positions") if key in state
                ]
                doers = [e.subject for e in self.world.events]
                return any(one and all(n & one for n in named) for one in doers) or any(
                    one != places[0] for one in places
                )
        return True

    def _is_touched(self, when: When) -> bool:
        """Return whether an operation has a cell that the sentence names, or else moves the object that it is about."""
        cells = [one for one in when.topic if any(term.startswith("cell:") for term in one)]
        if cells:
            return any(e.covers([one]) for e in self.world.events for one in cells)
        return self._moves(list(when.subject))

    def _is_then(self, start: float, end: float, words: Words, when: When) -> bool:
        """Return whether what holds from `start` to `end` may be told here."""
        phase = next(
            (one for one in ("either-end", "start-of-video", "end-of-video") if words.has(one)), when.phase
        )
        is_end = end >= self.world.duration - 1.0
        if phase:
            return {"either-end": start == 0.0 or is_end, "start-of-video": start == 0.0}.get(phase, is_end)
        stamp, latest = when.stamp, when.latest
        text = f"{when.text} {words.text}"
        if stamp is not None and not (latest and self.at(latest, when, text)):
            late = -_OVER_MS if when.is_behind and not is_end else self.near
            return start - self.near <= stamp.low.ms <= end + late
        asked = self.world.question["parameters"].get("when")
        if latest is None or (
            when.is_timeless
            and not _NOW.search(text)
            and {"start": start == 0.0, "end": is_end}.get(str(asked), False)
        ):
            return True
        if _EARLIER.search(text):
            return start < latest.start <= end + self.near
        is_backwards = self.world.question["mode"] == "retrodictive" and not _NOW.search(text)
        if is_backwards and start < latest.start <= end + self.near:
            return True
        return (
            start - self.near
            <= latest.start
            <= end + (self.near if stamp and not _LATER.search(text) else -1.0)
        )

    def _held(self, words: Words, when: When) -> Found:
        """Prove what containers hold: several items are all that there are; a single one is among them."""
        groups = self._groups(words, when)
        if groups is None:
            return None
        for container, items in groups:
            held = [one for one in self.world.held if container in (None, one.container)]
            then = [
                one
                for one in held
                if (one in when.claimed and not when.phase) or self._is_then(one.start, one.end, words, when)
            ]
            if not any(
                one.has(items, is_all=words.has("quantifying") or words.has("exactly") or len(groups) > 1)
                for one in then
            ):
                return None
        return self._shown(words, when)

    def _shown(self, words: Words, when: When) -> list[Fact]:
        """Return the event that shows what is held or where, where a stretch tells its time."""
        if when.stamp is None:
            return []
        return [
            e for e in self.world.events if self.world.kind_of(e) == "reveal" and self.at(e, when, words.text)
        ]

    def _groups(self, words: Words, when: When) -> list[tuple[str | None, list[str]]] | None:
        """Return which items a stretch gives to which container; None where it says something else."""
        containers = self.world.containers
        is_event = (when.stamp is not None or when.is_beside) and not any(t.cut > 1 for t in words.tokens[:1])
        beside = {"put", "move"} if is_event else set()
        parts: list[tuple[str | None, str | None]] = []
        is_told = False
        for token in words.tokens:
            container = next(iter(token.says & containers), None)
            item = next((term for term in token.says if term in self.world.items or token.text == "?"), None)
            item = "" if item is None and "blank" in token.says and not token.is_loose else item
            if container or item is not None:
                parts.append((container, None if container else item))
            elif (
                not (token.is_loose or token.says & _BESIDE_LISTS or self._is_end(token, words))
                and token.says
            ):
                return None
            is_told = is_told or bool(token.says & beside and not token.is_loose and not (container or item))
        items = [item for _, item in parts if item is not None]
        named = {container for container, _ in parts if container}
        if (
            (is_told and len(items) < 2)
            or not items
            or ("" in items and {"into", "out", "from"} & set(words.text.split()))
            or (len(items) < 2 and len(named) < 1 and not words.has("quantifying"))
        ):
            return None
        if not named and len(items) < 2 and not when.container:
            return None
        return _assigned(parts, when.container if len(containers) > 1 else None)

    def _is_end(self, token: Token, words: Words) -> bool:
        """Return whether a word says that the first card of a list is on top, or the last one at the bottom."""
        at = next(at for at, one in enumerate(words.tokens) if one is token)
        items = [index for index, one in enumerate(words.tokens) if one.says & self.world.items]
        passed = sum(index < at for index in items)
        is_from = any(one.text.lower() == "from" for one in words.tokens[max(0, at - 2) : at])
        is_top = "up" in token.says and (passed <= 1 or is_from)
        is_bottom = "down" in token.says and passed >= len(items) - 1 and not is_from
        return "pile" in self.world.containers and len(items) > 1 and (is_top or is_bottom)

    def _filled(self, words: Words, when: When) -> Found:
        """Prove that a container is empty, or how many it holds or what they come to."""
        named = [term for token in words.tokens for term in token.says if term in self.world.containers]
        if not named and when.container and (words.has("blank") or any(map(words.has, NOUNS))):
            named = [when.container]
        if not named and _AMOUNT.search(words.text):
            named = [when.container] if when.container else ["pile"] * ("pile" in self.world.containers)
        told = words.picked("n:") + words.picked("count:")
        numbers = [int(one) for one in told if one.isdigit()]
        own = {f"{kind}:{n}" for n in numbers for kind in ("n", "count")}
        others = [one for one in words.said if not one & (_BESIDE_LISTS | self.world.containers | own)]
        is_empty = any("blank" in one for one in words.said)
        if len(set(named)) != 1 or others or (not is_empty and len(numbers) != 1):
            return None
        held = [one for one in self.world.held if one.container == named[0]]
        then = [one.items for one in held if self._is_then(one.start, one.end, words, when)]
        if is_empty:
            return [] if any(not items for items in then) else None
        sums = [sum(int(n) for n in re.findall(r"(?<=n:)\d+", " ".join(items))) for items in then]
        sizes = sums if words.has("sum") else [len(items) for items in then]
        return [] if numbers[0] in sizes else None

    def _state(self, words: Words, when: When) -> Found:
        """Prove what is where, or looks how, at that time; and what objects are."""
        said = [one for one in words.plain if not one <= {"more", "less"}]
        is_board = "row:1" in self.world.containers
        if is_board and any("gap" in token.says and token.is_loose for token in words.tokens):
            said.append(frozenset({"gap"}))
        if is_board and _EMPTY.search(words.text):
            said = [frozenset({"gap"}) if "blank" in one else one for one in said if not one & _PUTTING]
        ranks = [frozenset({f"ordinal:{one}"}) for one in words.picked("ordinal:")]
        if not said or words.picked("count:") or (all(map(self.world.is_item, said)) and not ranks):
            return None
        if when.stamp is None and not when.is_beside and any(map(self.world.is_item, said)):
            said = [one for one in said if not one & _PUTTING or self.world.is_name(one)] or said
        said = said + ranks
        if ranks:
            said = [one for one in said if "up" not in one]
        if when.stamp is None and any(fact.covers(said) for fact in self.world.standing):
            return []
        if not any(map(self.world.is_name, said)):
            said += self._it(when)
            if any(fact.covers(said) for fact in self.world.standing):
                return []
        if self._is_course(said, when, is_back=_EARLIER.search(words.text) is not None):
            return []
        facts = [
            f for f in self.world.states if f.covers(said) and self._is_then(f.start, f.end, words, when)
        ]
        if when.stamp is not None and _is_arrival(words):
            facts = [f for f in facts if when.stamp.low.is_near(f.start, self.near)]
        return self._shown(words, when) if facts else None

    def _is_course(self, said: Sequence[Terms], when: When, *, is_back: bool) -> bool:
        """Return whether an object is in several places named one after the other."""
        places = [one for one in said if any(term.startswith("cell:") for term in one)]
        names = [one for one in said if self.world.is_name(one)] or self._it(when)
        states = [fact for fact in self.world.states if fact.covers(names)]
        course = iter(states[::-1] if is_back else states)
        is_one = len(places) > 1 and all(a != b for a, b in pairwise(places))
        others = [
            one for one in said if one not in places and not self.world.is_name(one) and not one & _FURNITURE
        ]
        return (
            bool(names) and is_one and not others and all(any(f.covers([p]) for f in course) for p in places)
        )

    def _undone(self, words: Words, when: When) -> tuple[bool, Found]:
        """Prove what is held, or where, before or after events: "putting 45 back gives 15, 18, 45", "after that: ..."."

        Returns whether it is understood, and what bears it out.
        """
        parts = self._parted(words, is_timed=when.stamp is not None)
        if parts is None or (not parts[0] and when.stamp is not None):
            return False, None
        joint, left, right = parts
        is_undoing = not joint or joint == "with"
        is_back = joint in ("before", "with", "undoing") or (
            not joint and self.world.question["mode"] == "retrodictive"
        )
        anchors = self._anchors(left, when, is_free=is_undoing or joint == "undoing")
        if not left.said and when.stamp is None:
            later = [e for e in self.world.events if when.latest and e.start >= when.latest.start]
            anchors = [[e] for e in (self.world.events if joint == "once" else later[:2]) if joint]
        if is_back and len(anchors) > 1 and left.said:
            anchors = [[min((e for own in anchors for e in own), key=lambda e: e.start)]]
        elif len(anchors) > 1 and left.said:
            anchors = [[max((e for own in anchors for e in own), key=lambda e: e.start)]]
        is_so = [(e, self._is_next(right, when, e, is_back=is_back)) for own in anchors for e in own]
        fits = [event for event, one in is_so if one]
        is_firm = joint in ("before", "after", "once", "with") and words.tokens[0] in left.tokens
        is_firm = is_firm and (when.stamp is not None or any(map(self.world.is_item, left.said)))
        is_firm = is_firm or (joint == "undoing" and when.stamp is not None)
        held = [one for one in left.said if self.world.is_item(one)]
        is_lost = (
            not anchors and len(held) == 1 and when.stamp is None and bool(right.plain or right.picked("n:"))
        )
        is_event = when.stamp is not None or (joint in ("after", "once") and not is_back)
        is_told = bool(fits) or (is_firm and (is_lost or any(one is not None for _, one in is_so)))
        return is_told, ((fits[:1] if is_event else []) if fits else None)

    def _parted(self, words: Words, *, is_timed: bool) -> tuple[str, Words, Words] | None:
        """Return the joint of a stretch, the events before or after which it tells of, and what it tells of then."""
        texts = [token.text.lower() for token in words.tokens]
        begun = next((at for at, text in enumerate(texts) if text in _JOINTS), -1)
        joint = texts[begun] if begun >= 0 else ""
        if begun > 2:
            left, right = Words(words.tokens[begun + 1 :]), Words(words.tokens[:begun])
            is_clause = bool(_HELD_BY.intersection(texts[:begun])) and bool(left.plain)
            return (joint, left, right) if is_clause and joint not in ("with", "undoing") else None
        ends = (",", ":") if joint not in ("", "undoing") else _GIVING
        at = next((at for at, text in enumerate(texts) if text in ends and at > max(begun, 0)), 0)
        if joint not in ("", "undoing"):
            at = self._holder(words, begun, at, is_timed=is_timed)
        is_none = not at or (joint == "with" and not words.has("back"))
        return None if is_none else (joint, Words(words.tokens[:at]), Words(words.tokens[at:]))

    def _holder(self, words: Words, begun: int, comma: int, *, is_timed: bool) -> int:
        """Return where it is first told what is held: at "it was", "the pile was", or else behind the comma."""
        texts = [token.text.lower() for token in words.tokens]
        heads = (at for at in range(begun + (2 if is_timed else 3), len(texts)) if texts[at] in _HELD_BY)
        verb = next((at for at in heads if self._is_holder(words, begun, at)), 0)
        is_list = any(map(self.world.is_item, Words(words.tokens[comma + 1 : comma + 2]).said))
        return verb - 1 if verb and (not comma or verb <= comma or is_list) else comma

    def is_told_of(self, words: Words, when: When) -> bool:
        """Return whether a stretch tells what is held before or after an event that it names, be it so or not."""
        return self._undone(words, when)[0]

    def _is_holder(self, words: Words, begun: int, verb: int) -> bool:
        """Return whether a verb begins to tell of what is held: behind "it" or a container, or behind a bare joint."""
        token = words.tokens[verb - 1]
        is_bare = not Words(words.tokens[begun : verb - 1]).plain
        held = self.world.containers | (self.world.items if is_bare and verb - begun < 4 else frozenset())
        is_done = any(one.says & _DOINGS for one in words.tokens[verb + 1 : verb + 3])
        return token.text.lower() in ("it", "there", "they") or (bool(token.says & held) and not is_done)

    def _anchors(self, left: Words, when: When, *, is_free: bool) -> list[list[Fact]]:
        """Return the events that a stretch names, for each of the things that it names; none where one is in none.

        is_free: it may call an event by what undoes it.
        """
        own = [e for e in self.world.events if self.at(e, replace(when, text=""), "")]
        items = [
            at
            for at, token in enumerate(left.tokens)
            if self.world.is_item(token.says) and not token.is_loose
        ]
        cuts = [
            0,
            *(items[1:] if len(items) > 1 and self.world.containers == {"pile"} else ()),
            len(left.tokens),
        ]
        parts = [Words(left.tokens[a:b]).plain for a, b in pairwise(cuts)]
        shared = [] if is_free else [one for one in parts[-1] if one & _ENDS and not self.world.is_item(one)]
        found = []
        for part in parts:
            said = [*part, *(shared if not any(one & _ENDS for one in part) else [])]
            done = [one for one in said if not one & (_UNDOING if is_free else _UNDOING - _DOINGS)]
            fits = [e for e in own if e.covers(done)]
            if is_free and left.has("back"):
                fits = [e for e in fits if "take" in e.terms] or fits
            found.append(
                self._ranked(left, left.plain, fits) if done or when.stamp or left.picked("ordinal:") else []
            )
        return found if all(found) else []

    def _is_next(self, right: Words, when: When, event: Fact, *, is_back: bool) -> bool | None:
        """Return whether containers hold so much or so many, or things are there, next to an event; None if unread."""

        def is_then(start: float, end: float) -> bool:
            return (
                (start < event.start <= end + self.near)
                if is_back
                else (start - self.near <= event.start < end)
            )

        held = [one for one in self.world.held if is_then(one.start, one.end)]
        numbers = right.picked("n:")
        if (
            len(numbers) == 1
            and numbers[0].isdigit()
            and any(map(right.has, NOUNS))
            and f"n:{numbers[0]}" not in (self.world.items)
        ):
            named = [term for token in right.tokens for term in token.says if term in self.world.containers]
            own = named[0] if named else when.container or "pile"
            return any(len(one.items) == int(numbers[0]) for one in held if one.container == own)
        groups = self._groups(right, replace(when, container=when.container or "pile", stamp=None))
        if groups and all(len(items) > 1 or "pile" not in self.world.containers for _, items in groups):
            return all(
                any(h.container == (c or h.container) and h.has(i, is_all=h.is_ordered) for h in held)
                for c, i in groups
            )
        said = [one for one in right.plain if not one & {"put", "take", "leave", "back", "move", "still"}]
        is_placed = len(said) > 1 and any(map(self.world.is_item, said)) and len(right.picked("n:")) < 2
        return (
            any(f.covers(said) for f in self.world.states if is_then(f.start, f.end)) if is_placed else None
        )

    def _still(self, words: Words, when: When) -> Found:
        """Prove that an object stays where it is: all the time, or in the event told last."""
        kept = words.without("still")
        names = [one for one in kept.plain if self.world.is_name(one)]
        others = [one for one in kept.plain if not self.world.is_name(one)]
        own = names or self._it(when)
        states = [fact for fact in self.world.states if own and fact.covers(own)]
        if when.stamp and when.latest and not kept.plain and ENDING.search(words.text):
            return [when.latest] if when.stamp.low.is_near(when.latest.end, self.near) else None
        told = [e for e in self.world.events if when.stamp and self.at(e, when, "")]
        latest = told[0] if told else when.latest
        if latest and any(one & self.world.containers for one in kept.plain):
            spans = [
                replace(when, stamp=None, latest=replace(latest, start=latest.start - late))
                for late in (0.0, 1.0)
            ]
            ways = (self._filled,) if kept.has("blank") else (self._held, self._filled)
            return [] if all(any(way(kept, one) is not None for way in ways) for one in spans) else None
        if not any(term.startswith(("cell:", "type:change")) for fact in states for term in fact.terms):
            if latest and names and not others and not _ALWAYS.search(words.text):
                return None if any(latest.covers(one) for one in self.objects(names)) else []
            if not self._moves(own) and not others:
                return []
            return (
                self._happening(kept, when) or self._held(kept, when) or self._state(kept, when)
                if others
                else None
            )
        if others:
            return [] if all(fact.covers(others) for fact in states) else None
        if when.stamp is not None and ENDING.search(words.text):
            until = when.stamp.low.ms - self.near
            return None if any(e.start < until and e.covers(own) for e in self.world.events) else []
        if latest is not None:
            return None if any(self._is_moved(one, latest) for one in self.objects(own)) else []
        return None if self._moves(own) else []


def _is_arrival(words: Words) -> bool:
    """Return whether something comes to a cell: "to row 2, column 1"."""
    return any(
        one.text.lower() in ("to", "into") and any(term.startswith("cell:") for term in two.says)
        for one, two in pairwise(words.tokens)
    )


def _assigned(
    parts: Sequence[tuple[str | None, str | None]], default: str | None
) -> list[tuple[str | None, list[str]]]:
    """Return items by their containers, which stand before them or behind."""
    is_first = parts[0][0] is not None
    groups: list[tuple[str | None, list[str]]] = []
    for container, item in parts if is_first else reversed(parts):
        if container is not None:
            groups.append((container, []))
        elif groups:
            groups[-1][1].append(str(item))
        else:
            groups.append((default, [str(item)]))
    return [(container, held if is_first else held[::-1]) for container, held in groups if held]
