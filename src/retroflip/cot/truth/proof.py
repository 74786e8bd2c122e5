"""Whether the table of facts bears out one statement: a stretch of a text, or a claim.

A statement is borne out by one source: an event, what a container holds, a state, a count, a rank, a comparison, a sum
or the answer. What nothing bears out is not proven, be it false or not understood. Each source is a module here, whose
class knows those below it: answers, events, counts, ranks, contents.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from retroflip.cot.reading import PHASES, SUPERLATIVES, Terms, Words, picked
from retroflip.cot.stamps import Moment, Stamp
from retroflip.cot.truth.events import IDLE
from retroflip.cot.truth.forms import Forms
from retroflip.cot.truth.ranks import COMPARING
from retroflip.cot.truth.sums import value
from retroflip.cot.truth.when import Found, When
from retroflip.cot.world import ON, VALUES, Fact

APART = re.compile(
    r"\b(?:twice|thrice|double|half|third|quarter|(?:three|four|five|\d+) times)"
    r" (?:as|that of|(?:of )?(?:the|its) (?:time|distance|length|way|speed|size|width|duration)\b)"
    r"|\b(?:\d+(?: percent| points?)?|\w+ (?:percent|points?))"
    r" (?:more|less|further|farther|longer|shorter|nearer|closer|fewer|greater|smaller|wider|narrower) than\b"
    r"|^(?!.*\b(?:same|each other|once|soon)\b).*"
    r"\bas (?:long|far|fast|quick|quickly|wide|high|much|slow|close|near) as\b"
)
"""by how much, or how many times"""
_KEPT = re.compile(
    r"\b(?:colou?r|shape|form|size|sense|direction|way|figure)s? (?:\w+ )?"
    r"(?:never changes?|(?:does|do|did) not change|(?:doesn|don|didn)'t change"
    r"|(?:stays?|remains?|is|are) (?:always )?(?:the )?(?:same|constant|unchanged"
    r"|as(?! (?:long|far|fast|wide|slow|close|near)\b)))\b"
)
_OFTEN = re.compile(
    r"\b(?:more|less) often\b|\b(?:once|twice|times) (?:more|less|fewer) than\b"
    r"|\b(?:more|fewer) (?!\w+ly\b)\w+(?: \w+){1,5} than\b"
    r"|\b(?:more|fewer) (?!\w+ly\b)\w+s than\b"
)
PACED = re.compile(
    r"^(?!.*\bthan\b).*(?:\b(?:speeds?|pace|velocity)\b.*\b(?:chang\w+|same|constant|unchanged|differ\w*)\b"
    r"|\b(?:chang\w+|keeps?(?! \w+ing\b)|maintains?)\b.*\b(?:speeds?|pace|velocity)\b)"
)
_UNTIL = re.compile(r"\b(?:until|till|up to)\b|^(?:, |and |but )*before\b")
_AGAIN = re.compile(r"\b(?:again|any ?more|afterwards)\b")
_RESTORED = re.compile(
    r"\b(?:is|are|was|were|looks?|turns?|becomes?|gets?) (?:\w+ )?\w+ (?:again|once more)\b"
)
_NOTHING = re.compile(
    r"\bnothing (?:\w+ )?(?:happens?|changes?|moves?|occurs?|follows?)\b"
    r"|\bno (?:\w+ )?(?:change|movement|motion|event)\b"
)
_AFTER = re.compile(r"\b(?:after|since|from)\b")
_EVER = re.compile(r"\b(?:any ?more|ever|again|rest|end)\b")
REACHED = re.compile(r"\b(?:as|so) (?:far|fast|quick|quickly|long|wide|high|much) as\b(?! (?:about )?\d)")
"""what is compared with something"""
_HELD = re.compile(r"\b(?:holds?|held|contain(?:s|ed)?)\b")
_AGAINST = re.compile(r"\b(?:against|versus|vs)\b")
_HOME = re.compile(
    r"\bwhere (?:it|they) (?:started|start|was|were|began|had been)\b"
    r"|\b(?:its|their) (?:old|original|first|starting|own|former) (?:place|cell|position|spot)s?\b"
    r"|\b(?:new|different|another|other) (?:place|cell|position|spot)s?\b"
)
_AMONG = re.compile(
    r"^(?:,|and| )*between\b.* (?:there (?:is|was|are)|stands?|comes?|lies?) "
    r"|\b(?:comes?|came|lies?|is|happens?|falls?|takes place) (?:in )?between\b"
)
_IDLE_TERMS = PHASES | {"quantifying", "further", "exactly"}
_NOTHINGS = frozenset(
    {"denying", "further", "change", "move", "swap", "exchange", "draw", "put", "quantifying", "spin"}
)
"""what "nothing changes" says"""
SIGNS = frozenset({"plus", "minus", "times", "divide"})


class Truth(Forms):
    """Looks statements up in the facts of a video."""

    def proof(self, words: Words, when: When) -> Found:
        """Return the events that bear a statement out (none where it needs none), None where nothing does."""
        if words.has("answer") and self._is_literal and self.is_answer(words):
            return []
        if words.has("eliminated") and not words.has("denying") and words.plain:
            return [] if self.names_wrong(words.without("eliminated")) else None
        if PACED.search(words.text) and any(e.size is not None for e in self.world.events):
            return self._paced(words, when)
        if self.is_nothing(words) and not when.phase:
            return None if self.is_loud(words, when) else []
        if words.has("denying") and not _KEPT.search(words.text) and not _HOME.search(words.text):
            is_over = words.has("further") or bool(when.stamp and _AGAIN.search(words.text))
            if "nor" in words.text.split() and (singles := self._singles(words.without("denying"))):
                return (
                    []
                    if all(self._denied(one, when, is_over=is_over) is not None for one in singles)
                    else None
                )
            return self._denied(words.without("denying"), when, is_over=is_over)
        if len(words.said) > 1:
            words = words.without("pace")
        words = words.without("concern", *(["still"] if words.has("covered") else []))
        if not self._has_centre:
            words = words.without("centre")
        is_idle = all(one <= _IDLE_TERMS or any(t.startswith("part:") for t in one) for one in words.said)
        if is_idle and not APART.search(words.text):
            return []
        if words.has("answer"):
            is_bare = all("answer" in one for one in words.said)
            return [] if is_bare or self.is_answer(words) else None
        is_told, found = self._undone(words, when)
        if is_told:
            return found
        if (found := self._listed_in_order(words, when)) is not None:
            return found
        ways = self._decisive(words, when) or (
            self._happening, self._held, self._filled, self._state, self._counted,
        )  # fmt: skip
        for way in ways:
            if way == self._happening and when.is_exact:
                continue
            found = way(words, when)
            if found is not None or way in (self._ordered, self._compared):
                return found
        is_free = when.stamp is None and not (when.is_beside or when.is_exact)
        return [] if is_free and self.is_answer(words) else None

    def _decisive(self, words: Words, when: When) -> Sequence[Callable[[Words, When], Found]]:
        """Return the one way that decides, where words call for it: a sum, a comparison, a rank, an order."""
        sizes = [f"{e.size:g}" for e in self.world.events if e.size is not None]
        if _KEPT.search(words.text):
            return (self._kept,)
        if _HOME.search(words.text) and any("cells" in state for state in self.world.metadata["states"]):
            return (self._homed,)
        if _OFTEN.search(words.text):
            return (self._often,)
        if _AMONG.search(words.text) and when.stamp is None and any(e.subject for e in self.world.events):
            return (self._between,)
        is_than = any(token.text.lower().endswith("than") for token in words.tokens)
        if APART.search(words.text):
            return (self._apart,)
        if words.has("equally-much") and not is_than:
            return (self._equally_much,)
        if words.has("equally-long"):
            return (self._equally_long,) if not is_than else (lambda *_: None,)
        if _RESTORED.search(words.text) and any("looks" in state for state in self.world.metadata["states"]):
            return (self._restored,)
        if self.is_of_glyphs(words):
            return (self._glyphs, self._happening)
        if self.is_beside(words):
            return (self._beside,)
        if (
            len(words.said) > 1
            and all(any(t.startswith("n:") for t in one) for one in words.said)
            and _AGAINST.search(words.text)
        ):
            return (self._against,)
        if words.picked("equation:"):
            return (self._equation,)
        if _HELD.search(words.text) and sum(map(self.world.is_item, words.plain)) > 1:
            return (self._held, self._filled, self._state)
        if len(sizes) > 1 and words.picked("n:") == sizes and len(words.said) == len(sizes):
            return (lambda *_: [],)
        if (is_than or words.has("beating") or words.has("trailing")) and any(
            token.says & (COMPARING | {"bounding", "beating", "trailing"})
            or token.text.lower() in ("more", "less")
            for token in words.tokens
        ):
            return (self._compared,)
        if any(one & SUPERLATIVES for one in words.said) or (sizes and words.has("centre")):
            return (self._extreme,)
        if words.has("still"):
            return (
                ()
                if when.stamp is None and self._is_constant(words.without("still").plain)
                else (self._still,)
            )
        cells = [one for one in words.plain if any(term.startswith("cell:") for term in one)]
        is_list = any(one & self.world.containers for one in words.said) and any(
            map(self.world.is_item, words.plain)
        )
        is_list = is_list or len(cells) > 1 or sum(map(self.world.is_item, words.plain)) > 2
        if when.stamp is None and self._sides(words) and not self._is_about_content(words) and not is_list:
            return (self._ordered,)
        return ()

    @property
    def _has_centre(self) -> bool:
        """Whether something may be in the middle: of a pile, or of speeds."""
        return "pile" in self.world.containers or any(e.size is not None for e in self.world.events)

    def _not_yet(self, words: Words, until: Stamp, latest: Fact | None) -> Found:
        """Prove that nothing of what is said begins before a time; of a doing alone, since what was told last."""
        begun = -1.0 if latest is None or any(one & VALUES for one in words.plain) else latest.start
        own = self._candidates(words, words.plain, When())
        return None if any(begun < e.start < until.low.ms - self.near for e in own) else []

    def is_loud(self, words: Words, when: When) -> bool:
        """Return whether something goes on while nothing is said to.

        From one time to another, until a time (from the event told last), or behind that event: for a while, or on.
        """
        begun = when.latest.end if when.latest else 0.0
        low, high = begun, begun + 2 * self.near
        if when.stamp is not None:
            at = when.stamp.low.ms
            low, high = (at, self.world.duration) if _AFTER.search(words.text) else (at, at)
            if when.stamp.high is not None:
                high = when.stamp.high.ms
            elif _UNTIL.search(words.text):
                low, high = (begun if begun < at else 0.0), at
        elif words.has("further") or _EVER.search(words.text):
            high = self.world.duration
        events = [e for e in self.world.events if self.world.kind_of(e) not in IDLE]
        return bool(_NOTHING.search(words.text) and (when.stamp or when.latest) and not when.phase) and any(
            e.start < high - self.near and e.end > low + self.near for e in events
        )

    def looks_so(self, words: Words, stamp: Stamp) -> bool:
        """Return whether something begins to be as said at a time, or is so from one time to another."""
        own = [fact for fact in self.world.states if fact.covers(words.plain)]
        if stamp.high is None:
            return any(stamp.low.is_near(fact.start, self.near) for fact in own)
        low, high = stamp.low.ms + self.near, stamp.high.ms - self.near
        return any(fact.start <= low and high <= fact.end for fact in own)

    def is_nothing(self, words: Words) -> bool:
        """Return whether a stretch says that nothing happens or changes, and no more."""
        return bool(_NOTHING.search(words.text)) and all(one <= _NOTHINGS for one in words.said)

    def is_pause(self, length: Moment, latest: Fact | None) -> bool:
        """Return whether so long passes from an event to the next one."""
        starts = [e.start for e in self.world.events if latest and e.start > latest.start]
        return latest is not None and bool(starts) and length.is_near(min(starts) - latest.end, self.near)

    def _denied(self, words: Words, when: When, *, is_over: bool = False) -> Found:
        """Prove that something is not so: what is said of it without the denial is not borne out.

        is_over: it does not happen any more.
        """
        words = _undoubled(words)
        if (touched := self._touched(words)) is not None:
            return [] if self.spares(touched, when) else None
        if when.stamp is not None and _UNTIL.search(words.text) and words.plain:
            return self._not_yet(words, when.stamp, when.latest)
        if is_over:
            own = [*words.plain, *(when.topic if not words.plain else ())]
            events = self._candidates(words, own, replace(when, stamp=None))
            latest = (
                when.stamp.low.ms + self.near if when.stamp else when.latest.start if when.latest else -1.0
            )
            later = [e for e in events if e.start > latest]
            return None if any(self._is_asked(e) for e in later) else []
        if any(token.text == "than" for token in words.tokens) and any(
            t.says & COMPARING for t in words.tokens
        ):
            return self._unbeaten(words, when)
        if REACHED.search(words.text):
            return self._short_of(words, when)
        words = words.without("quantifying")
        if not words.said and when.stamp is not None and _UNTIL.search(words.text):
            begun = [e for e in self.world.events if e.start < when.stamp.low.ms - self.near]
            return None if any(self.world.kind_of(e) not in IDLE for e in begun) else []
        if not words.said:
            return None if self.is_loud(words, when) else []
        if words.has("reversal") and (rest := words.without("reversal")).said:
            turns = [replace(token, is_loose=False) for token in words.tokens if "reversal" in token.says]
            turned = self.proof(Words(turns), when)
            is_bare = all(map(self.world.is_name, rest.said))
            return None if turned is not None else [] if is_bare else self.proof(rest, when)
        if "or" in words.text.split() and (singles := self._singles(words)):
            return [] if all(self._denied(one, when) is not None for one in singles) else None
        if words.has("answer") or self.is_answer(words):
            return (
                []
                if self.names_wrong(words) or (not words.has("answer") and not self.is_answer(words))
                else None
            )
        if (
            words.plain
            and all(one & {"swap", "concern", "slide"} for one in words.plain)
            and when.stamp is None
        ):
            return None if self._is_touched(when) else []
        doings = [one for one in words.plain if not self.world.is_name(one)]
        if len(doings) == 1 and doings[0] & {"move", "still"}:
            moves = self._moves([one for one in words.plain if one not in doings] or list(when.subject))
            return [] if moves == words.has("still") else None
        known = words.without(*self._foreign(words))
        is_so = self.proof(words, when) is None and (not known.plain or self.proof(known, when) is None)
        return [] if is_so else None

    def _touched(self, words: Words) -> Words | None:
        """Return words that say what is touched or changed by an operation, None for others."""
        if words.has("hit") and not any("hit" in e.terms for e in self.world.events):
            return words.without("hit")
        is_changed = words.has("change") and any(one & self.world.containers for one in words.plain)
        is_told = is_changed or words.has("concern") or any(token.text == "either" for token in words.tokens)
        return words if is_told else None

    def _singles(self, words: Words) -> list[Words]:
        """Return words once with each of several ways, none where they have less than two: "neither left nor right"."""
        values = [one for one in words.plain if one & VALUES and not self.world.is_name(one)]
        others = [frozenset().union(*(v for v in values if v is not one)) for one in values]
        return [words.without(*rest) for rest in others] if len(values) > 1 else []

    def _foreign(self, words: Words) -> Terms:
        """Return the doings among words that nothing in this video does: what is "not drawn" may be done otherwise."""
        facts = [*self.world.events, *self.world.states]
        known: Terms = frozenset().union(*(fact.terms for fact in facts))
        doings = [
            one for one in words.plain if not one & (VALUES | ON | known) and not self.world.is_name(one)
        ]
        return frozenset().union(*doings)

    def spares(self, words: Words, when: When) -> bool:
        """Return whether the event told last leaves what is named, or what is asked about, as it was."""
        commands = [one for one in words.plain if any(term.startswith("command:") for term in one)]
        if commands:
            when = replace(when, latest=next((e for e in self.world.events if e.covers(commands)), None))
        now = [e for e in self.world.events if when.stamp and self.at(e, when, "")]
        if commands and when.stamp and when.latest not in now:
            return False
        when = replace(when, latest=now[0]) if now and not commands else when
        if when.latest is None:
            return not commands
        named = [
            one
            for one in words.plain
            if one not in commands and (self.world.is_name(one) or one & self.world.containers)
        ]
        parameters = self.world.question["parameters"]
        own = {
            parameters.get("object"),
            parameters.get("file"),
            parameters.get("folder"),
            parameters.get("place"),
        }
        looks = [self.world.looks[one] for one in own if one in self.world.looks]
        looks += [frozenset({f"name:{one}"}) for one in own if one and one not in self.world.looks]
        targets = named or list(when.subject) or looks or list(self.world.looks.values())
        return not any(one & when.latest.terms for one in targets) or not self._is_moved(targets, when.latest)

    def _equation(self, words: Words, when: When) -> Found:
        """Prove sums: both sides are equal, and the numbers were told or are held somewhere."""
        known = self.world.items | (when.numbers or frozenset())
        for text in words.picked("equation:"):
            left, right = text.partition("=")[::2]
            terms = {f"n:{int(number)}" for number in re.findall(r"\d+", left)}
            left = left.replace("…", when.result).replace("?", str(self.world.question["answer"]))
            if any(value(left) != value(one) for one in right.split("=")) or (
                when.numbers is not None and not terms <= known
            ):
                return None
            known = known | {f"n:{int(number)}" for number in re.findall(r"\d+", right)}
        rest = Words(
            [t for t in words.tokens if not any(o == "sum" or o.startswith("equation:") for o in t.says)]
        )
        signs = [one for one in rest.said if not one <= SIGNS]
        return self.proof(rest, when) if signs else []

    def is_mark(self, moment: Moment, numbers: frozenset[int] | None) -> bool:
        """Return whether an event, of these if they are given, begins or ends at a time, or the video does."""
        own = [e for e in self.world.events if numbers is None or e.number in numbers]
        marks = [0.0, self.world.duration, *(ms for e in own for ms in (e.start, e.end))]
        return any(moment.is_near(ms, self.near) for ms in marks)

    def is_length(self, length: Moment, events: Sequence[Fact], *, is_gap: bool) -> bool:
        """Return whether one of these events takes so long, or so long passes between two of the video."""
        own = [e.end - e.start for e in events or self.world.events]
        if is_gap:
            marks = [0.0, self.world.duration, *(ms for e in self.world.events for ms in (e.start, e.end))]
            own += [abs(a - b) for a in marks for b in marks]
        return any(length.is_near(one, min(self.near, 150.0)) for one in own)


def _undoubled(words: Words) -> Words:
    """Return what is denied without words that add nothing: "either" at its end, and the swap that moves nothing."""
    tokens = list(words.tokens)
    if tokens and tokens[-1].text == "either" and any(one & VALUES for one in words.plain):
        tokens.pop()
    if any(one & {"move", "hit", "change"} and "swap" not in one for one in words.plain):
        tokens = [
            t for t in tokens if "swap" not in t.says and not (words.has("swap") and picked([t.says], "n:"))
        ]
    return Words(tokens)
