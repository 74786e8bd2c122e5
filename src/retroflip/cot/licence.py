"""What claims allow a text to say: a sentence is parted among true claims, each of which says all of its part.

No fact is looked up here. A part may hold no time, number, name, way, doing, rank, comparison or denial that its claim
has not, and must hold what the claim is there for; no claim stands for two parts, and lists and comparisons keep the
order of their claim. So a sentence whose words nobody foresaw is read by what its writer claims that it says.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate, combinations, groupby, pairwise

from retroflip.cot.reading import PHASES, SUPERLATIVES, Terms, Token, Words
from retroflip.cot.stamps import NUMBER_WORDS, Moment, Stamp, StampKind
from retroflip.cot.stated import LETTERS, WEIGHED, Stated, alike, counted, crossed, is_firm, is_idle, meant
from retroflip.cot.truth.answers import NOUNS
from retroflip.cot.truth.choice import number_of
from retroflip.cot.truth.events import ENDING, HOLDING, IDLE, SHRINKING, plays
from retroflip.cot.truth.forms import FACTORS
from retroflip.cot.truth.proof import Truth
from retroflip.cot.truth.when import When
from retroflip.cot.world import VALUES, Fact

_JOINING = frozenset({"before", "after", "earlier", "later", "than"})
_THAN = ("as", "than")
_FOLLOWING = frozenset({"then", "next", "afterwards", "thereafter"})
_KEEPING = re.compile(r"\b(?:leaves?|leaving|left|without|irrelevant|empty|unchanged|stays?|alone)\b")
"""what spares something by its name"""
_SPARING = re.compile(rf"{_KEEPING.pattern}|\bonly\b")
"""what spares something: by its name, or by naming all that is not spared"""
_DENYING = re.compile(
    r"\b(?:not(?! (?:until|only|\w+ until)\b)|never|no|none|nothing|neither|nor|cannot|nowhere)\b|n't\b"
)
_IS_NTH = re.compile(r"\b(?:comes?|came|is|was|are) (?:the )?(?:first|last|second|third|fourth|fifth)\b")
_BEFORE_IT = re.compile(
    r"\b(?:becom\w+|became|gets? \w+er|got \w+er|at first|than before|as before|just before|the one before)\b"
)
_PRONOUN = re.compile(r"\b(?:it|them|that|this)\b")
_EQUALLY = re.compile(r"\bas \w+ (?:\w+ )?as\b|\bequal|\bsame\b|\bjust as\b|\balike\b")
_IT = re.compile(r"\b(?:it|its|this|that|they)\b")
_OTHERS = re.compile(
    r"\b(?:the other (?P<number>two|three|four)|the (?P<between>two|three|four) (?:others|(?:in )?between)"
    r"|(?:both|all) (?:the )?others|any (?:of the )?others?)\b"
)
_THESE = re.compile(r"\b(?:both|these|they|the two|all)\b")
_HOME = re.compile(r"\b(?:first|old|own|original|same|started|began)\b")
_AWAY = re.compile(r"\b(?:other|another|different|new)\b")
_LATER = re.compile(r"\b(?:later|after|more|further|again|any ?more|other|else|another)\b")
_ZERO = re.compile(r"\b(?:0|zero)\b")
_MATTERLESS = re.compile(
    r"\b(?:(?:it|this|that|which|they) )?(?:(?:do|does|did) not (?:matter|count)|(?:is|are) not asked (?:about|for)"
    r"|plays? no (?:part|role)|makes? no difference)(?: here| any more| at all)*\b"
)
_IN_PART = re.compile(
    r"\b(?:still|among|includ\w+|also|too|as well|one of|part|again|only|back|(?:is|was|been) in)\b"
)
"""what tells a part of what something holds"""
_DANGLING = re.compile(r"\b(?:into|than|from|between)(?: the| a| cup)*$")
"""what the next words belong to"""
_FRONTED = re.compile(r"(?:(?:so|and|but) ,? ?)?(?P<joint>before|after|undoing|with)\b")
"""what a sentence begins with that tells its time first, and then what was so"""
_STATES = ("holds", "cell", "count")
_STATED = re.compile(
    r"\b(?:is|was|are|were|becomes?|became|stays?|gets?|got) (?:(?:now|then|still|also|again|therefore) )*"
    r"(?:empty|vacant|bare|in(?! row| column))\b|\b(?:holds?|held|contain\w*)\b"
)
"""what tells how something is, and not what happens"""
_STAYING = re.compile(r"\b(?:stays?|stayed|remains?|remained|keeps?|kept)\b.*\b(?:until|till)\b")
_IN_CELL = re.compile(r"\b(?:is|was|are|were|ends?|comes?|goes|lands?) (?:\w+ )?(?:in|at) (?:row|column) \d")
_OPENING = frozenset({"against", "only", "it"})
_GIVING = frozenset({"gives", "leaves", "makes", "shows"})
_BOUND = re.compile(r"is|are|was|were|be|being|been|gets?|not|never|\w+n't")
"""what the next word belongs to: a verb of being, a denial"""
_LAW = re.compile(r"\b(?:means?|implies|whoever|whichever)\b")
_WEIGHING = frozenset({"more", "less", "faster", "slower"})
_FACTOR = re.compile(
    rf"\b(half|twice|double|thrice|third|quarter|(?:\d+|{'|'.join(NUMBER_WORDS)}) times)"
    r" (?:as|that of|of (?=the|its))\b"
)
"""how many times as much something is"""
_LIKENESS = re.compile(r"\b(?:just|exactly|equally) as (?:many|much|often)\b")
_ENDS_OF_RANKS = SUPERLATIVES | {"ordinal:1", "ordinal:-1", "earliest"}
_FIGURES = ("n:", "ordinal:", "name:", "cell:", "row:")
_THINGS = NOUNS | {"pile", "cup", "folder", "row", "wall", "gap"}
_MOST_PAIRS = 12
"""claims that are looked at for comparisons of several things with several others"""
_MOST = 4000
"""ways to part a sentence that are tried"""


class Licensing:
    """Reads sentences by claims."""

    def __init__(self, stated: Sequence[Stated], truth: Truth) -> None:
        groups = [list(own) for _, own in groupby(enumerate(stated), key=lambda one: one[1].likeness)]
        several = [
            (frozenset(at for at, _ in own), alike([one for _, one in own])) for own in groups if len(own) > 1
        ]
        related = [list(own) for _, own in groupby(enumerate(stated), key=lambda one: one[1].likeness[::2])]
        pairs = [
            own[a:b]
            for own in related
            if len(own) <= _MOST_PAIRS
            for a in range(len(own))
            for b in range(a + 2, len(own) + 1)
        ]
        joint = [(frozenset(at for at, _ in own), crossed([one for _, one in own])) for own in pairs]
        several += [(members, one) for members, one in joint if one]
        self._own = stated
        self._stated = [(frozenset({at}), one) for at, one in enumerate(stated)] + several
        timed = [one for one in stated if one.claim.is_timed]
        self._truth, self._near = truth, truth.near
        self._timed = frozenset({f"n:{len(timed)}"}) - truth.world.items
        self._names: Terms = frozenset().union(*truth.world.looks.values())
        subjects = {e.subject for e in truth.world.events if e.subject}
        self._is_single = len(subjects) < 2
        only: Terms = frozenset().union(*subjects) if len(subjects) == 1 else frozenset()
        self._only = only & self._names
        options = truth.world.question["options"]
        self._offered = frozenset(
            term for one in options for term in counted(truth.world.reader.says(str(one)))
        )
        self._tries, self._text, self._lead = 0, "", ""
        self._just_told: list[Terms] = []
        self._lead_stamp: Stamp | None = None
        self._latest: frozenset[int | None] = frozenset()

    def licensed(self, tokens: Sequence[Token], latest: Fact | None = None) -> list[Fact] | None:
        """Return the events of the claims that say all of a sentence, None where they do not.

        latest: the event told last, which "it" may be.
        """
        tokens = _relevant(_unranked(tokens))
        self._tries, self._text = 0, Words(tokens).text
        self._latest = frozenset({latest.number}) if latest else frozenset()
        if self._unlike(self._own, Words(tokens), is_exact=True) is not None:
            return None
        used = self._parted(tokens, 0, ())
        return None if used is None else [e for at in used for e in self._stated[at][1].events]

    def foreign(self, tokens: Sequence[Token]) -> str | None:
        """Return words of a true sentence that no claim of it says, None where there are none.

        They are a number, name, way, time or place in an order that no claim has, or deny, compare or measure
        otherwise.
        Nothing is asked of what a sentence says of options, and of the answer.
        """
        own = [one for _, one in self._stated]
        is_free = all(one.claim.is_answer for one in own)
        if is_free or any(one.letters and not one.claim.is_answer for one in own):
            return None
        tokens, known = _unranked(tokens), self._known(own)
        letters = frozenset().union(*(one.letters for one in own))
        for token in tokens:
            said = meant(token)
            is_told = token.text in letters or not is_firm(token) or bool(said & known)
            if not is_told and any(one in VALUES or one.startswith(_FIGURES) for one in said):
                return token.text
        return self._unlike(own, Words(tokens))

    def _known(self, own: Sequence[Stated]) -> Terms:
        """Return what a sentence may tell beside its claims: what is asked, and how many things there are."""
        asked = self._truth.asked
        if any(one.events for one in own):
            asked = frozenset(one for one in asked if one not in VALUES and not one.startswith("name:"))
        if any("type:return" in e.terms for one in own for e in one.events):
            asked |= {"left", "right", "up", "down", "above", "below"}
        is_count = any(one.is_count for one in own)
        counts = [len(one.events) for one in own]
        counts += () if is_count else (*range(len(own) + 1), *self._truth.given)
        stamps = [one.claim.stamp for one in own if one.claim.stamp and not one.events]
        asked = asked.union(*(self._beside(one.low.ms) for one in stamps))
        at_once = [e for one in stamps for e in self._truth.world.events if self._truth.at(e, When(one), "")]
        return asked.union(
            WEIGHED,
            {f"n:{count}" for count in counts},
            *(one.terms for one in own),
            *(counted(e.terms) for e in at_once),
        )

    def _beside(self, ms: float) -> Terms:
        """Return the places among all operations of the one before a time and of the next one."""
        own = {e.number: e for e in self._truth.world.events if self._truth.world.kind_of(e) not in IDLE}
        begun = sum(e.start <= ms for e in own.values())
        return frozenset(f"ordinal:{at}" for at in (begun, begun + 1, begun - len(own) - 1, begun - len(own)))

    def _unlike(self, own: Sequence[Stated], words: Words, *, is_exact: bool = False) -> str | None:
        """Return the words by which a sentence denies, compares, lists or measures otherwise than its claims."""
        is_denying = bool(_DENYING.search(words.text))
        is_sparing = is_denying or bool(_SPARING.search(words.text)) or bool(_ZERO.search(words.text))
        told = [meant(token) for token in words.tokens if token.says]
        is_named = not self._is_single and not _IT.search(words.text)
        for one in own if not is_sparing or is_denying else ():
            needed = (*one.needed, *one.named) if is_named else one.needed
            is_told = is_sparing and all(any(need & said for said in told) for need in needed)
            if one.is_denied and not is_told:
                return words.text
        if (likeness := _likeness(own, words, is_exact=is_exact)) is not None:
            return likeness
        if _is_half_told(own, told, words.text) or _is_other_rank(own, told):
            return words.text
        if not is_denying and _is_turned(own, words, told):
            return words.text
        is_weighed = is_denying or bool(_LAW.search(words.text)) or any(one.terms & _WEIGHING for one in own)
        for token in words.tokens:
            if token.stamp is not None and (
                self._is_other_gap(token.stamp, own) or self._is_other_time(token.stamp, own)
            ):
                return token.text
            if is_firm(token) and not token.stamp and meant(token) & _WEIGHING and not is_weighed:
                return token.text
        return None

    def exchanged(self, tokens: Sequence[Token]) -> str | None:
        """Return a sentence that tells of one thing or time what its claims say of another, None where it does not."""
        for one, other in combinations(self._own, 2):
            if one.numbers & other.numbers or not _is_of_kind(one, other):
                continue
            key, other_key = (
                self._place(tokens, *pair, is_key=True) for pair in ((one, other), (other, one))
            )
            told, other_told = self._place(tokens, one, other), self._place(tokens, other, one)
            if key is None or other_key is None or told is None or other_told is None:
                continue
            is_off = abs(told - key) > abs(told - other_key) and abs(other_told - other_key) > abs(
                other_told - key
            )
            if is_off and (key < other_key) != (told < other_told):
                return Words(tokens).text
        return None

    def _place(
        self, tokens: Sequence[Token], one: Stated, other: Stated, *, is_key: bool = False
    ) -> int | None:
        """Return where the only word stands that a claim has and another has not: of its key, or else of its value."""
        key = frozenset().union(*one.named) - frozenset().union(*other.named)
        if is_key and one.claim.is_timed:
            near = [(self._off(t.stamp, one), at) for at, t in enumerate(tokens) if t.stamp]
            near = [(off, at) for off, at in near if off < self._off(tokens[at].stamp, other)]
            found = [at for off, at in near if off == min(near)[0] and off <= self._near]
        else:
            terms = key if is_key else _telling(one) - other.said - other.beside - key
            found = [at for at, t in enumerate(tokens) if not t.stamp and is_firm(t) and meant(t) & terms]
        return found[0] if len(found) == 1 else None

    def _off(self, stamp: Stamp | None, one: Stated) -> float:
        """Return how far a time is from that of a claim's events, in ms."""
        return min(stamp.low.distance(e.start) for e in one.events) if stamp else float("inf")

    def _is_other_gap(self, stamp: Stamp, own: Sequence[Stated]) -> bool:
        """Return whether a length is none of those that claims tell, where they tell what passes between events."""
        is_length = stamp.kind in (StampKind.GAP, StampKind.LENGTH)
        return is_length and any(one.gaps for one in own) and not _is_long(stamp, own)

    def _is_other_time(self, stamp: Stamp, own: Sequence[Stated]) -> bool:
        """Return whether a time is none of those that claims tell or of the events that they name."""
        events = [e for one in own if not is_idle(one.claim) for e in (*one.events, *one.others)]
        times = [ms for e in events for ms in (e.start, e.end)]
        told = [one.claim.stamp for one in own if one.claim.stamp]
        times += [moment.ms for one in told for moment in (one.low, one.high) if moment]
        is_other = bool(times) and stamp.kind is StampKind.MOMENT and not self._is_any(stamp.low, times)
        return is_other and not _is_long(stamp, own)

    def _parted(self, tokens: Sequence[Token], begun: int, used: tuple[int, ...]) -> tuple[int, ...] | None:
        """Return the claims among which the rest of a sentence can be parted."""
        if not any(map(is_firm, tokens[begun:])):
            return used
        taken: frozenset[int] = frozenset().union(*(self._stated[at][0] for at in used))
        before = self._stated[used[-1]][1] if used else None
        for at, (members, one) in enumerate(self._stated):
            for end in self._ends(tokens, begun, one, before) if not members & taken else ():
                self._tries += 1
                if self._tries > _MOST:
                    return None
                if (rest := self._parted(tokens, end, (*used, at))) is not None:
                    return rest
        return None

    def _ends(self, tokens: Sequence[Token], begun: int, one: Stated, before: Stated | None) -> list[int]:
        """Return where a part from `begun` on may end of which a claim says all, the longest first."""
        ends: list[int] = []
        self._just_told = [meant(token) for token in tokens[max(0, begun - 8) : begun]]
        self._lead = tokens[begun - 1].text.lower() if begun else ""
        self._lead_stamp = next(
            (token.stamp for token in tokens[max(0, begun - 2) : begun] if token.stamp), None
        )
        for end in range(begun + 1, len(tokens) + 1):
            part = tokens[begun:end]
            if not self._has(one, tokens[end - 1], part):
                break
            is_edge = end == len(tokens) or (
                self._is_edge(tokens[end - 1], tokens[end]) and not _DANGLING.search(Words(part).text)
            )
            if is_edge and any(map(is_firm, part)) and self._is_as_claimed(one, part, before):
                ends.insert(0, end)
        return ends

    def _is_edge(self, last: Token, token: Token) -> bool:
        """Return whether a part may begin with a word: where a clause, a doing or a number of things begins."""
        text, said = token.text.lower(), meant(token)
        is_told = any(one in VALUES or one in self._names or one.startswith(_FIGURES) for one in said)
        is_doing = (
            is_firm(token) and token.stamp is None and not is_told and not _BOUND.fullmatch(last.text.lower())
        )
        if last.stamp and _FRONTED.match(self._text):
            return True
        is_opened = text in NUMBER_WORDS or text.split()[0] in _OPENING or last.text.lower() in _GIVING
        return bool(token.cut) or is_opened or is_doing

    def _has(self, one: Stated, token: Token, part: Sequence[Token]) -> bool:
        """Return whether a claim has a word, or its time."""
        if token.text in one.letters or not is_firm(token):
            return True
        if token.stamp is not None:
            return self._is_then(one, token.stamp, Words(part).text)
        said = meant(token)
        if one.letters:
            is_told = one.claim.is_answer or not (said & self._offered)
            return (
                not token.is_unknown
                and is_told
                and (one.claim.is_answer or token.text.lower() not in _JOINING)
            )
        if one.is_falling is not None and said & _ENDS_OF_RANKS and not said & one.said:
            return _begins(part, is_falling=one.is_falling)
        if "take" in said and re.search(r"\bback\b", self._text) and "back" in one.loose:
            return True
        if said & self._only and not one.named:
            return True
        is_denied = is_idle(one.claim) or bool(_DENYING.search(Words(part).text))
        beside = frozenset() if is_denied else one.beside.union(*one.nths.values())
        is_counted = one.claim.is_timed and not is_idle(one.claim) and not one.is_count
        loose = one.loose | self._timed if is_counted else one.loose
        return bool(said & (one.said | beside)) or bool(token.says & loose) or "denying" in said

    def _is_then(self, one: Stated, stamp: Stamp, text: str) -> bool:
        """Return whether a time is that of a claim or of one event that it names, or how long this takes."""
        own, told = one.claim.stamp, one.claim.length
        if is_idle(one.claim) and stamp.kind is StampKind.MOMENT and own and own.high:
            return self._is_any(stamp.low, [own.low.ms, own.high.ms])
        if any(stamp.low.is_near(ms, 100.0) for ms in [*one.gaps, *([told.ms] if told else [])]):
            return True
        if one.gaps and not stamp.is_moment:
            return False
        if _is_over(one, text):
            return self._is_any(stamp.low, [e.end for e in one.events])
        if stamp.kind is StampKind.LENGTH and is_idle(one.claim) and own and own.high:
            return own.low.ms <= self._near and stamp.low.is_near(own.high.ms, self._near)
        if stamp.kind is StampKind.LENGTH:
            return any(stamp.low.is_near(e.end - e.start, 150.0) for e in one.events)
        if stamp.kind is StampKind.GAP:
            return False
        events = one.others if re.search(r"\b(?:than|as \w+ as)\b", text) and one.others else one.events
        starts = [e.start for e in events] + ([own.low.ms] if own else [])
        ends = [e.end for e in events] + ([own.high.ms] if own and own.high else [])
        if stamp.high is not None:
            return self._is_any(stamp.low, starts) and self._is_any(stamp.high, ends)
        return self._is_any(stamp.low, starts) or (
            bool(ENDING.search(text)) and self._is_any(stamp.low, ends)
        )

    def _is_any(self, moment: Moment, times: Sequence[float]) -> bool:
        return any(moment.is_near(ms, self._near) for ms in times)

    def _is_as_claimed(self, one: Stated, part: Sequence[Token], before: Stated | None) -> bool:
        """Return whether a part says what its claim must, denies as it does, and keeps the order that matters."""
        words = Words(part)
        if one.claim.is_answer:
            colon = next((at + 1 for at, token in enumerate(part) if token.text == ":"), 0)
            bare = Words(
                [t for t in part[colon:] if t.text not in LETTERS or any("name:" in s for s in t.says)]
            )
            bare = bare.without("answer", "leave")
            return self._truth.is_answer(bare) or not bare.said
        if one.letters:
            return _is_of_options(part, one.letters)
        if "event" in one.claim.told and _STATED.search(words.text):
            return False
        if _is_over(one, words.text) and any(
            t.stamp and not self._is_then(one, t.stamp, words.text) for t in part
        ):
            return False
        if any("swap" in e.terms for e in one.events) and _IN_CELL.search(words.text):
            return False
        told = [meant(token) for token in part if token.says]
        is_timed = any(t.stamp and self._is_any(t.stamp.low, [e.start for e in one.others]) for t in part)
        is_known = is_timed or (one.is_of_next and bool(_BEFORE_IT.search(self._text)))
        needed = [own for own in one.needed if not (is_known and _is_place(own))]
        if (rest := _OTHERS.search(words.text)) and one.crossed_with:
            number = NUMBER_WORDS.get(rest["number"] or rest["between"] or "")
            needed = [own for own in needed if own & WEIGHED or number not in (None, one.crossed_with)]
        if (
            before
            and _PRONOUN.search(words.text)
            and before.claim.told.get("value") == one.claim.told.get("value")
        ):
            needed = [own for own in needed if own & WEIGHED]
        is_open = "than" in str(one.claim.told.get("relation", "")) and not re.search(r"\bthan\b", words.text)
        given = [*told, *self._just_told] if is_open else told
        if str(one.claim.told.get("relation", "")).startswith("as ") and not _EQUALLY.search(words.text):
            return False
        is_said = all(
            any(own & said for said in (told if own & WEIGHED else given)) for own in needed
        ) or _is_homed(one, words)
        return (
            is_said
            and not (one.home is False and _HOME.search(words.text) and not _DENYING.search(words.text))
            and _is_held_by(one, part)
            and _is_poured(one, words.text)
            and (
                one.claim.told.get("relation") != "between"
                or any((said | _types(said)) & one.sides[0] for said in told)
            )
            and all(plays(words, e) and _is_of_return(told, e) for e in one.events)
            and self._is_named(one, told, words, before)
            and self._is_placed(one, told, words, before)
            and self._is_denied(one, words, before)
            and _is_spared(one, part)
            and self._is_joined(one, words, before)
            and _is_in_order(one, [meant(t) for t in part if _is_listed(t)])
        )

    def _is_named(self, one: Stated, told: Sequence[Terms], words: Words, before: Stated | None) -> bool:
        """Return whether a part names what its claim is about, or need not: it was just told, or its time is."""
        is_count = one.is_count
        is_told = before is not None and not is_count and bool(one.numbers) and one.numbers <= before.numbers
        if is_told or any(t.stamp for t in words.tokens):
            return True
        is_it = before is None and bool(_IT.search(words.text))
        is_known = self._is_single or is_it or (before is not None and before.named == one.named)
        named = [own for own in one.named if not (is_known and own & self._names)]
        named = named if before is None or before.named != one.named else []
        if is_count and "event" in one.claim.told:
            own = frozenset(term for term in one.said if not term.startswith("n:")) | (one.beside - _THINGS)
            is_same = before is not None and before.claim.told.get("event") == one.claim.told["event"]
            if not is_same and not any(own & said or _types(said) & own for said in told):
                return False
        if one.is_of_next and _BEFORE_IT.search(self._text):
            named = [own for own in named if not _is_place(own)]
        if re.match(r"\W*(?:which|who|that)\b", words.text) or (
            one.crossed_with and _THESE.search(words.text)
        ):
            told = [*told, *self._just_told]
        return all(any(own & said for said in told) for own in named)

    def _is_placed(self, one: Stated, told: Sequence[Terms], words: Words, before: Stated | None) -> bool:
        """Return whether a part tells when its event is: its time, its place among others, or just before."""
        times = [token for token in words.tokens if token.stamp]
        if (one.gaps or one.claim.length) and not times:
            return False
        places = [term for said in told for term in said if term.startswith("ordinal:")]
        own = one.said | one.beside | one.loose
        for place in places if one.is_falling is None else ():
            if place not in own and not any(
                value in said
                for said in told
                for value, at in one.nths.items()
                if place in at and not _IS_NTH.search(words.text)
            ):
                return False
        if not one.claim.is_timed:
            return True
        is_told = bool(one.numbers) and one.numbers <= (before.numbers if before else self._latest)
        is_told = is_told or (
            before is not None and is_idle(one.claim) and before.claim.stamp == one.claim.stamp
        )
        lead = self._lead_stamp
        is_told = is_told or bool(lead and self._is_any(lead.low, [e.start for e in one.events]))
        return len(times) >= one.count or bool(places) or is_told or self._is_later(one, words)

    def _is_later(self, one: Stated, words: Words) -> bool:
        """Return whether words without a time say that something happens no more, as it does not."""
        own = one.claim.stamp
        is_to_end = (
            own is not None and own.high is not None and own.high.ms >= self._truth.world.events[-1].start
        )
        return is_idle(one.claim) and is_to_end and bool(_LATER.search(words.text))

    def _is_denied(self, one: Stated, words: Words, before: Stated | None) -> bool:
        """Return whether a part denies where its claim does; that something is left alone is a denial too."""
        is_denied = bool(_DENYING.search(words.text if is_idle(one.claim) else _unphrased(words)))
        is_denied = is_denied or bool(
            before
            and before.is_denied
            and (self._lead in ("or", "nor") or re.match(r"\W*(?:or|nor)\b", words.text))
        )
        told = [meant(token) for token in words.tokens if token.says]
        is_named = any(any(need & said for said in told) for need in one.named)
        form = _KEEPING if is_named else _SPARING
        is_spared = "value" not in one.claim.told and bool(form.search(words.text))
        return is_denied == one.is_denied or (one.is_denied and is_spared)

    def _is_joined(self, one: Stated, words: Words, before: Stated | None) -> bool:
        """Return whether "before", "after" and "then" are what the claim says, or stand beside a time."""
        if _FOLLOWING.intersection(words.text.split()) and not _follows(one, before):
            return False
        relation = str(one.claim.told.get("relation", ""))
        joining = _joining(words.tokens)
        fronted = _FRONTED.match(words.text)
        if fronted and before is None and one.claim.is_timed and len(words.text) < len(self._text):
            joining.discard(fronted["joint"])
        lead = _FRONTED.match(self._text)
        if (
            lead
            and before is not None
            and before.claim.is_timed
            and one.claim.told.get("property") in _STATES
        ):
            is_before = lead["joint"] in ("before", "undoing")
            return is_before == (relation == "before") or lead["joint"] == "with"
        return (
            one.claim.told.get("relation") == "not"
            or is_idle(one.claim)
            or all(re.search(rf"\b{word}\b", relation) for word in joining)
        )


def _is_telling(term: str) -> bool:
    return term in VALUES or term in WEIGHED or term.startswith(_FIGURES)


def _is_turned(own: Sequence[Stated], words: Words, told: Sequence[Terms]) -> bool:
    """Return whether things are compared the other way round than claims do: with what was before, or with others."""
    claimed = {one for side in own for one in _directions(side.said)}
    said = {one for side in told for one in _directions(side)}
    if _BEFORE_IT.search(words.text):
        return bool(claimed) and not said <= claimed
    compared = [one for one in own if all(one.sides) and list(_directions(one.said))]
    texts = [token.text.lower() for token in words.tokens]
    if len(compared) != 1 or texts.count("than") != 1 or said != claimed:
        return False
    ends = [at for at, text in enumerate(texts) if text in (",", ";", ":", "so", "for")]
    begun = max((at for at in ends if at < texts.index("than")), default=0)
    ended = min((at for at in ends if at > texts.index("than")), default=len(texts))
    return not _is_in_order(compared[0], [meant(token) for token in words.tokens[begun:ended] if token.says])


def _directions(said: Terms) -> Iterator[bool]:
    """Return whether words compare as more, as less, or not at all."""
    yield from (True for _ in said & {"more", "faster"})
    yield from (False for _ in said & {"less", "slower"})


def _is_over(one: Stated, text: str) -> bool:
    """Return whether words are about the end of what a claim tells: it shrinks back, or stays as it is until then."""
    is_reverted = any("grow" in e.terms for e in one.events) and SHRINKING.search(text)
    return bool(is_reverted or (one.events and _STAYING.search(text)))


def _telling(one: Stated) -> Terms:
    """Return what a claim tells of an event, or by which it compares."""
    return frozenset(filter(_is_telling, one.said)) if one.claim.is_timed else one.said & WEIGHED


def _is_of_kind(one: Stated, other: Stated) -> bool:
    """Return whether two claims tell the same of different things or times."""
    if one.claim.is_timed or other.claim.is_timed:
        both = one.claim.is_timed and other.claim.is_timed and bool(one.events) and bool(other.events)
        return both and not (one.is_denied or other.is_denied)
    return bool(one.said & WEIGHED) and bool(other.said & WEIGHED)


def _is_long(stamp: Stamp, own: Sequence[Stated]) -> bool:
    """Return whether claims tell a length, or name an event that takes so long."""
    lengths = [ms for one in own for ms in one.gaps]
    lengths += [e.end - e.start for one in own for e in (*one.events, *one.others)]
    lengths += [one.claim.length.ms for one in own if one.claim.length]
    return any(stamp.low.is_near(ms, 150.0) for ms in lengths)


def _is_half_told(own: Sequence[Stated], told: Sequence[Terms], text: str) -> bool:
    """Return whether some of what something holds is told, and some is left out, and nothing holds just that.

    Nothing is asked where claims say what it holds at several times.
    """
    holding = [side for side in own if side.is_holding and side.count == 1]
    holders = {str(side.claim.told.get("object")) for side in holding}
    if _IN_PART.search(text) or len(holders) < len(holding):
        return False
    listed = [[one for one in side.listed if "gap" not in one] for side in holding]
    known = [[item for item in items if any(item & said for said in told)] for items in listed]
    whole = [items for items, found in zip(listed, known, strict=True) if found == items]
    half = [found for items, found in zip(listed, known, strict=True) if found and found != items]
    return any(not any(all(one in items for one in found) for items in whole) for found in half)


def _is_other_rank(own: Sequence[Stated], told: Sequence[Terms]) -> bool:
    """Return whether something is said to be the most in a way in which no claim says so."""
    ranks = [
        one.terms & SUPERLATIVES for one in own if re.search(r"est$", str(one.claim.told.get("relation", "")))
    ]
    said = [one & SUPERLATIVES for one in told if one & SUPERLATIVES]
    return bool(ranks) and not all(any(one & rank for rank in ranks) for one in said)


def _likeness(own: Sequence[Stated], words: Words, *, is_exact: bool) -> str | None:
    """Return words by which two things are as much, or half as much, where no claim says so."""
    relations = " ".join(str(one.claim.told.get("relation", "")) for one in own)
    told, claimed = ({_factor(one) for one in _FACTOR.findall(text)} for text in (words.text, relations))
    turned = frozenset() if is_exact else frozenset(1.0 / one for one in claimed)
    if not told <= claimed | turned or (claimed and not told and _EQUALLY.search(words.text)):
        return words.text
    alike = _LIKENESS.search(words.text)
    return alike[0] if alike and not re.search(r"\bas\b|same|equal", relations) else None


def _factor(word: str) -> float:
    """Return how many times "twice" or "three times" is."""
    number = number_of(word.removesuffix(" times"))
    return FACTORS[word] if number is None else number


def _relevant(tokens: Sequence[Token]) -> Sequence[Token]:
    """Return tokens without those that say only that something does not matter."""
    texts = [token.text.lower() for token in tokens]
    ends = list(accumulate(len(one) + 1 for one in texts))
    match = _MATTERLESS.search(" ".join(texts))
    if match is None:
        return tokens
    return [one for one, end in zip(tokens, ends, strict=True) if not match.start() < end - 1 <= match.end()]


def _unphrased(words: Words) -> str:
    """Return words without phrases that say nothing: "do not matter"."""
    return " ".join(one.text.lower() for one in words.tokens if one.says or " " not in one.text)


def _is_of_return(told: Sequence[Terms], event: Fact) -> bool:
    """Return whether something that leaves the screen is said to come back in at the opposite edge, if at all."""
    has_entered = any("enter" in said for said in told)
    return "type:return" not in event.terms or not has_entered or any("opposite" in said for said in told)


def _joining(tokens: Sequence[Token]) -> set[str]:
    """Return the words for how events follow each other, but for those beside a time: "1.2 s later", "after that"."""
    found = set()
    for at, token in enumerate(tokens):
        near = tokens[max(0, at - 1) : at + 3]
        is_beside = any(one.stamp for one in near) or any(
            one.text.lower() in ("that", "this", "start") for one in near[1:]
        )
        is_compared = (
            at > 0 and token.text.lower() == "before" and tokens[at - 1].text.lower().split()[-1] in _THAN
        )
        if token.text.lower() in _JOINING and not (is_beside or is_compared):
            found.add({"later": "after", "earlier": "before"}.get(token.text.lower(), token.text.lower()))
    return found - {"than"} if {"later than", "earlier than"} & _pairs(tokens) else found


def _pairs(tokens: Sequence[Token]) -> set[str]:
    return {f"{one.text} {two.text}".lower() for one, two in pairwise(tokens)}


def _is_spared(one: Stated, part: Sequence[Token]) -> bool:
    """Return whether what an operation spares stands apart from what it is done to: A and B | do not move | C."""
    if "object" not in one.claim.told or one.claim.told.get("relation") != "not" or not one.claim.is_timed:
        return True
    own = frozenset().union(*one.named)
    others = frozenset(term for term in one.beside - own if term.startswith("name:"))
    texts = [token.text.lower() for token in part]
    at = next((at for at, text in enumerate(texts) if _DENYING.search(text) or _SPARING.search(text)), None)
    if not others or at is None:
        return True
    sides = [frozenset().union(*(token.says for token in side)) for side in (part[:at], part[at:])]
    return all(not (side & own and side & others) for side in sides) and not all(
        side & others for side in sides
    )


def _is_poured(one: Stated, text: str) -> bool:
    """Return whether it is poured out of and into what a claim says, where a part says so."""
    source, target = str(one.claim.told.get("object", "")), str(one.claim.told.get("value", ""))
    if one.claim.told.get("event") != "pour" or not (source and target):
        return True
    told = re.findall(r"\b(into|out of|from) (?:the )?(?:cup )?(?:at )?([a-h])\b", text)
    return all(name == (target if way == "into" else source).lower()[-1:] for way, name in told)


def _is_held_by(one: Stated, part: Sequence[Token]) -> bool:
    """Return whether what holds things is told before "holds" and them: "A held 5" is not of B behind it."""
    if not one.is_holding or not HOLDING.search(Words(part).text):
        return True
    said = [meant(token) for token in part if token.says]
    items = [at for at, own in enumerate(said) if any(own & item for item in one.listed)]
    names = [at for at, own in enumerate(said) if any(own & name for name in one.named)]
    return not items or not names or names[0] < items[0]


def _is_homed(one: Stated, words: Words) -> bool:
    """Return whether a part says of a cell that it is the first one again, or another, as it is."""
    return one.home is not None and bool((_HOME if one.home else _AWAY).search(words.text))


def _unranked(tokens: Sequence[Token]) -> list[Token]:
    """Return tokens in which "the first 2.6 seconds" has no place among others, and "Only then" counts nothing."""
    found = [
        Token(one.text) if at == 0 and one.text in ("Only", "Once") else one for at, one in enumerate(tokens)
    ]
    pairs = zip(found, [*found[1:], Token("")], strict=True)
    return [
        Token(one.text)
        if "ordinal:1" in one.says and after.stamp
        else replace(one, says=frozenset({"n:1", "more"}))
        if (one.text.lower(), after.text) == ("once more", "than")
        else one
        for one, after in pairs
    ]


def _types(said: Terms) -> Terms:
    """Return the types of events that words may be: what is put is a `put`."""
    return frozenset(f"type:{one}" for one in said)


def _is_place(said: Terms) -> bool:
    return any(term.startswith("ordinal:") for term in said)


def _is_of_options(part: Sequence[Token], letters: Terms) -> bool:
    """Return whether a part is about these options, and begins with them."""
    first = next((at for at, token in enumerate(part) if token.text in letters), 0)
    if _JOINING.intersection(Words(part).text.split()):
        return False
    is_begun = not any(is_firm(token) and "candidate" not in token.says for token in part[:first])
    return is_begun and {token.text for token in part if token.text in LETTERS} == letters


def _follows(one: Stated, before: Stated | None) -> bool:
    """Return whether what a claim names begins after what the part before it tells; "then" says so."""
    if before is None or not before.events or not one.events or is_idle(before.claim):
        return one.claim.stamp is not None or bool(one.listed)
    return min(e.start for e in one.events) > min(e.start for e in before.events)


def _begins(part: Sequence[Token], *, is_falling: bool) -> bool:
    """Return whether a ranking is told from its right end: "from the closest to the widest", "the star comes first"."""
    first = next(meant(token) for token in part if meant(token) & _ENDS_OF_RANKS)
    return bool(first & {"fastest", "farthest", "ordinal:1", "earliest"}) == is_falling


def _is_listed(token: Token) -> bool:
    return "gap" in token.says or bool(token.says and is_firm(token) and not token.says & PHASES)


def _is_in_order(one: Stated, told: Sequence[Terms]) -> bool:
    """Return whether what stands before a relation, and the items of a list, keep their order."""
    left, right = ([at for at, said in enumerate(told) if said & side] for side in one.sides)
    if left and right and left[0] > right[0]:
        return False
    latest = 0
    for said in told:
        places = [at for at, own in enumerate(one.listed) if own & said]
        if places and places[-1] < latest:
            return False
        latest = next((at for at in places if at >= latest), latest)
    return True
