"""What a text says of the options of its question: which begin with what, which are out, which is left.

Options are named by their letters ("B and D begin with above"), by what they hold ("every option with a 5"), by how
many they are ("two of the four options") or as what was just told ("so it is out"). What is said of them is computed
from their words and from which of them is right; whatever else a sentence says is left for the table of facts.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

from retroflip.cot.reading import ORDINALS, Terms, Words
from retroflip.cot.stamps import NUMBER_WORDS
from retroflip.cot.world import World

_NOUN = r"(?:options?|choices?|alternatives?|candidates?)"
_VERB = (
    r"(?:begins?|starts?|opens?|ends?|finish(?:es)?|closes?|has|have|had|says?|names?|gives?|lists?|puts?"
    r"|claims?|wants?"
    r"|contains?|mentions?|includes?|shows?|lacks?|omits?|miss(?:es)?|leaves?|forgets?|is|are|was|were|can"
    r"|cannot|could"
    r"|must|would|does|do|fits?|match(?:es)?|remains?|drops?|falls?|fails?|goes|go|swaps?|reads?|reverses?|places?"
    r"|\w+n't|wrongly|rightly|each|comes?|follows?|turns?|runs?|moves?|exchanges?|alone|both|all|also|only|therefore|tells?|means?)\b"
)
_LETTER = r"\(?[A-H]\)?"
_MARK = re.compile(
    rf"(?:\b(?i:the )?(?P<noun>(?i:{_NOUN}|answers?(?= [A-H]\b))) )?(?<![\w'§])"
    rf"(?P<list>{_LETTER}(?:(?:, and |, or |, | and | or | nor |/|, but not )(?=\(?[A-H]\b){_LETTER})*)(?![\w'/]|\.\w)"
)
_WITHIN = re.compile(r"(?:^|[,;] |\b(?:and|but|so|while) )in $", re.IGNORECASE)
_ONLY_MARK = re.compile(
    rf"^,? ?{_VERB}|^\s*(?:[.,;:)—]|$)|^ (?:as|because|since|so|out|instead|alone)\b", re.IGNORECASE
)
_JOINT = re.compile(
    r"([,;:—–]\s+(?:(?:and|but|or) )?(?:(?:so|because|since|as|while|whereas|hence|thus|therefore) )?"
    r"|\s+(?:so|because|since|while|whereas|but|and|as) )"
)
_HINT = re.compile(
    rf"§|\b{_NOUN}\b|\b(?:out|wrong|excluded|eliminated|impossible|others?|rest)\b", re.IGNORECASE
)
_LEAD = re.compile(
    r"^(?:(?:so|then|and|but|or|therefore|thus|hence|also|again|here|accordingly|consequently|as a result|now|finally"
    r"|clearly|likewise|that means|this means|which means|means|meaning|it follows that|of course|i see that|because"
    r"|since|as|that leaves us with the fact that)\b,?(?: that\b)?\s*)+(?=\S)",
    re.IGNORECASE,
)
_ADVERBS = re.compile(
    r"\b(?:therefore|thus|also|already|both|all|clearly|exactly|definitely|hence|simply|again|instead|then|either"
    r"|each|immediately|straight away|right away|of course|however|now|just|even|wrongly|rightly|correctly)(?! of\b"
    r"| way\b) ?"
    r"|,? ?\b(?:as well|too|instead|either|already)$"
)
_WRONG = (
    r"(?:out|wrong|false|incorrect|excluded|ruled out|eliminated|impossible|discarded|dropped|rejected|gone|off"
    r"|crossed out|struck out|off the table|out of the question|no longer possible|not (?:the )?(?:right|correct"
    r"|possible|true|answer|case|what (?:happens|i see|i saw|happened|is seen|the video shows|is shown)))"
)
_OUT = re.compile(
    rf"(?:(?:is|are|was|were|can|could|must|may|has|have|be|been|to) )*{_WRONG}"
    r"|(?:cannot|can't|can not|could not|couldn't|must not|won't|will not) (?:be (?:right|correct|true|so|it"
    r"|the (?:right )?answer)|fit|hold|work|be)"
    r"|(?:does|do|did|is|are|was|were)(?: not|n't) (?:fit|match|work|hold|agree|apply|right|correct|possible"
    r"|true|happen"
    r"|the (?:right )?answer|the case|what (?:happens|i see|i saw|happened)|so)"
    r"|(?:drops?|falls?) (?:out|away)|fails?|(?:can |must )?go|(?:never|no longer) (?:happens?|happened|fits?)"
)
_RIGHT = re.compile(
    r"(?:(?:is|are|was|must|has to|can|to) )*(?:be )?(?:right|correct|true|the (?:right |correct "
    r"|only )*(?:answer|one|option)"
    r"(?: that fits)?|it|so|what (?:happens|i see|i saw|happened))|fits?(?: best)?|match(?:es)?|works?|holds?|agrees?"
)
_LEFT = re.compile(
    r"(?:(?:is|are|can|could) )*(?:the only one )?(?:left|remaining|remains?|stays?|left over|possible)"
)
_REVERSED = re.compile(
    r"(?:(?:has|have|gives?|puts?|tells?|names?|is|are|lists?|says?) )?(?:(?:the|its|this|that|same|right|two"
    r"|both|it|them"
    r"|things|order|sequence|events|steps|everything|parts|halves"
    r"|exact) )*(?:in )?(?:the )?(?:wrong way (?:round|around)|other"
    r" way (?:round|around)|reversed?|backwards?|swapped|reverse order|wrong order|opposite order|opposite"
    r"|reverse)(?: of (?:it|that|this))?"
    r"|(?:reverses?|swaps?|mix(?:es)? up) (?:the order|it|them|the two|both)"
)
_TURNED = re.compile(
    r"(?:has|have|gives?|puts?|tells?|names?|lists?|says?|shows?) (?P<x>.+?),? (?:in )?(?:the )?"
    r"(?:(?:wrong|other) way (?:round|around)|(?:wrong|opposite|reverse) order|reversed|swapped|exchanged|upside down)"
    r"|(?:swaps?|reverses?|exchanges?|mix(?:es)? up) (?P<y>.+)"
)
"""what an option has in another order than the right one"""
_SOME = re.compile(r"(?:the |its )*(?P<end>first|last) (?P<many>two|three|four)\b.*")
_OTHERWISE = re.compile(
    r"(?:has|have|gives?|names?|tells?|says?) the wrong (?:\w+ )?(?:sense|number|colour|shape|size|order|ranking"
    r"|direction|way|side|wall|cell|row|column|card|chip|tile|object|figure|count|length|pair|one|expression|sign)s?"
)
_HALF = re.compile(
    r"(?:is|are|tells?|has|have|gives?|names?|covers?|says?|holds?|shows?)(?: only| just)? (?:one |the (?:first"
    r"|second|last) )?"
    r"(?:half|part|one part)(?: (?:of (?:the story|it|this|that|what happens|the answer|the order|the truth)"
    r"|right|true"
    r"|the story))?|(?:is|are) (?:incomplete|too short|not complete|not the whole story)"
)
_SIZE = re.compile(r"(?:is|are|would be)? ?too (?P<way>small|few|low|little|large|big|many|high|much)")
_PLACE = r"(?:first|second|third|fourth|last|at the (?:start|end|beginning)|in the middle|in between)"
_HAS = (
    r"(?:has|have|had|says?|names?|gives?|lists?|puts?|places?|claims?|wants?|contains?|mentions?|includes?|shows?"
    r"|reads?|means)"
)
_CONTENT = tuple(
    (kind, re.compile(form))
    for kind, form in (
        (
            "place",
            rf"{_HAS} (?P<x>.+?) (?:as |in )?(?:the |its )?(?P<place>{_PLACE})(?: place| position| one)?",
        ),
        ("begin", r"(?:begin|start|open)(?:s|ning|ing)? (?:(?:with|in|at|from|by|as|on) )?(?P<x>.+)"),
        ("end", r"(?:end|finish|close|stop)(?:s|es|ing)? (?:(?:with|in|on|at|by|as) )?(?P<x>.+)"),
        (
            "lack",
            r"(?:lacks?|omits?|miss(?:es|ing)?|leaves? out|leaving out|forgets?|skips?|without) (?P<x>.+)",
        ),
        ("lack", rf"{_HAS} (?:no|neither|not) (?P<x>.+)"),
        (
            "lack",
            r"(?:does|do)(?: not|n't) (?:have|say|name|give|list|mention|contain|include|show) (?P<x>.+)",
        ),
        ("unbegun", r"(?:does|do)(?: not|n't) (?:begin|start|open) with (?P<x>.+)"),
        ("unended", r"(?:does|do)(?: not|n't) (?:end|finish|close) with (?P<x>.+)"),
        ("order", rf"{_HAS} (?P<x>.+?) (?P<order>before|ahead of|after|behind) (?P<y>.+)"),
        ("other", rf"{_HAS} (?P<x>.+?)(?:, not| instead of| rather than| and not) (?P<y>.+)"),
        (
            "have",
            rf"(?:{_HAS}|is|are|would be|with|containing|naming|go(?:es)?|turns?|runs?|moves?) (?P<x>.+)",
        ),
    )
)
_SUBJECT = (
    rf"(?:§(?P<letters>[A-H]+)§|(?:(?P<many>\w+) of )?(?:(?P<which>\w+) ){{0,4}}?(?P<other>other |remaining )?"
    rf"(?:(?P<number>one|two|three|four|five) )?"
    rf"(?P<noun>{_NOUN}|(?<=other )(?:one|two|three)|others|rest)"
    r"(?: (?:(?:that|which|who) )?(?P<filter>(?:with|without|beginning|starting|ending|naming|containing"
    r"|begins?|starts?"
    r"|ends?|has|have|names?|says?|contains?|leaves? out|lacks?)\b.+?))?)"
)
_STATED = re.compile(
    rf"(?P<lead>(?:only|neither|both|either|all of|not) )?{_SUBJECT}(?P<apposition>, [^,]+,| \([^)]+\),?)?"
    rf" (?P<lone>alone )?(?P<predicate>{_VERB}.*)",
    re.IGNORECASE,
)
_PRONOUN = re.compile(
    r"(?P<pronoun>(?P<content>which|that|this)|it|they|(?:these|those)(?: (?:two|three))?|all three"
    r"|all of (?:them|these|those)|both(?: of them)?)? ?"
    r"(?P<predicate>.+)",
    re.IGNORECASE,
)
_OBJECT = re.compile(
    r"(?:(?:that|this|it|which|these|those|they|i|we|there|what|one|you) )?(?:(?:the|my|right|correct|final"
    r"|matching|only|best"
    r"|possible|answer|conclusion|option|one|choice|solution|letter|left|remaining|that|remains|fits"
    r"|which) )*(?:(?:can|must|may|will"
    r"|would|now|only|therefore|thus|has to|could|should|clearly|then) )*"
    r"(?:(?P<out>rules?|ruling|exclud\w+|eliminat\w+|contradicts?|drops?|discards?|rejects?|cross(?:es)?|strikes?"
    r"|speaks? against|is not|isn't|cannot be|can't be|not)(?: out)?"
    r"|(?P<left>leav\w+|left|keeps?|remains?|left with)(?: me| us)?(?: with)?"
    r"|(?P<right>is|are|was|be|matches|match|fits|fit|means|gives|makes|points to|choose|pick|take|select"
    r"|go with|confirms"
    r"|agrees with|corresponds to|supports|is given by|is called|fits with|matches with"
    r"|answer)):? (?P<only>only |just )?"
    rf"{_SUBJECT}(?: (?:out|alone|only|over|behind|as the answer|as the only one))?"
    r"(?P<nots>(?:,? (?:and |but )?not §[A-H]+§)*)(?P<apposition>(?:[,:.]| \(| —| -) ?.+)?",
    re.IGNORECASE,
)
_LISTED = re.compile(
    rf"(?:which|that|this|it|they|these|those|both) (?:is|are|was|were)(?P<not> not|n't)?(?: both| one)?"
    rf" (?:among|in|of|part of) the (?:\w+ )?{_NOUN}(?: given)?"
)
_AMONG = re.compile(
    rf"(?:of|among|from) (?:the|these|those|all) (?:\w+ )?{_NOUN}, (?P<events>.+)", re.IGNORECASE
)
_SEQUENCED = re.compile(
    r"§(?P<x>[A-H]+)§ (?:(?:comes?|is run|are run|was run|runs?|is|are|happens?|goes|follows?) )?(?:only )?"
    r"(?:(?P<side>before|after|earlier than|later than) §(?P<y>[A-H]+)§"
    r"|(?:the )?(?P<rank>first|second|third|fourth|last)(?: one)?(?: of (?:them|these|all|the (?:two|three|four)))?)"
)
_PLACED = re.compile(
    r"in §(?P<letters>[A-H]+)§,? (?:the )?(?P<place>first|second|third|fourth|last)(?: \w+)? "
    r"(?:is|are|would be) (?P<x>.+)",
    re.IGNORECASE,
)
_RANKED = re.compile(
    r"(?P<x>.+?) (?:is|comes|was|came|runs|ran)(?: run)? (?:the )?(?P<rank>first|second|third|fourth|last"
    r"|earliest|latest)"
    r"(?: to (?:be run|come|happen)| one)?(?:,? and |, |$)"
)
_RANKS = {**ORDINALS, "earliest": 1, "latest": -1, "at the start": 1, "at the beginning": 1, "at the end": -1}

_CLAUSE = re.compile(
    r"\b(?:so|which|because|since|but|while|whereas|they|thus|therefore|hence|is|are|was|were|has|have)\b",
    re.IGNORECASE,
)
"""what a statement of its own begins with"""
_THESE = re.compile(r"(?:(?:one|any|either|some) of )?(?:these|those|them)(?: \w+)?")
_ANOTHER = re.compile(r"(?:another|a different|a wrong|the wrong) \w+")
_ONLY_ONE = re.compile(
    r"^(?:is|are) the only (?:ones?|two|options?) (?:(?:that|which|to) |(?=with))", re.IGNORECASE
)

_LONGEST = 200
"""characters of a statement of options"""
_WIDEST = 8
"""clauses of one"""

Judge = Callable[[int], bool | None]
Parts = list[list[Terms]]
"""what the parts of a list say, word by word"""


@dataclass
class _Told:
    """What was said last. ones: of which options; is_so: what they hold, where that was said."""

    ones: frozenset[int] = frozenset()
    is_so: Judge | None = None


@dataclass
class Options:
    """The options of a question, and what sentences say of them. Names of the video (cup A) are no letters."""

    world: World
    _told: _Told = field(init=False, default_factory=_Told)
    _before: str = field(init=False, default="")

    @cached_property
    def _texts(self) -> list[str]:
        return [str(one) for one in self.world.question["options"]]

    @cached_property
    def _right(self) -> int:
        return self._texts.index(str(self.world.question["answer"]))

    @cached_property
    def _parts(self) -> "list[Parts]":
        """What each option holds, part by part."""
        return [self._parted(one) for one in self._texts]

    @cached_property
    def _asked(self) -> Terms:
        return self.world.reader.says(self.world.question["text"])

    @cached_property
    def _vocabulary(self) -> Terms:
        return frozenset(term for one in self._texts for term in _widened(self.world.reader.says(one)))

    @cached_property
    def _wrong(self) -> int:
        return len(self._texts) - 1

    def read(self, sentence: str) -> tuple[list[str], str | None]:
        """Return what a sentence says besides, and the words by which it says something wrong of the options."""
        self._told = _Told()
        if (contrast := self._contrast.search(sentence)) is not None:
            if contrast["other"] == self._texts[self._right]:
                return [], contrast[0]
            sentence = f"{sentence[: contrast.start()]}."
        text = _MARK.sub(self._marked, self._values_out.sub(self._lettered, sentence))
        if not _HINT.search(text):
            return [sentence], None
        pieces = _JOINT.split(text.rstrip(". "))
        segments, joints = pieces[::2], [*pieces[1::2], ""]
        rest: list[list[str]] = [[]]
        begun = 0
        while begun < len(segments):
            self._before = "".join(rest[-1][:-1])
            verdicts = [
                (end, self._verdict("".join(pieces[2 * begun : 2 * end - 1])))
                for end in range(min(len(segments), begun + _WIDEST), begun, -1)
            ]
            proven = next(
                (end if verdict else None for end, verdict in verdicts if verdict is not None), None
            )
            if proven is not None:
                begun = proven
                rest.append([])
                continue
            if any(verdict is False for _, verdict in verdicts) or "§" in segments[begun]:
                return [], segments[begun].replace("§", "")
            rest[-1] += [segments[begun], joints[begun]]
            begun += 1
        told = ["".join(one[:-1]).strip() for one in rest if one]
        if len(rest) == 1:
            return [sentence], None
        return [one for one in told if not re.fullmatch(r"(?:\w+)?", _LEAD.sub("", one))], None

    @cached_property
    def _any_text(self) -> str:
        return "|".join(re.escape(one) for one in sorted(self._texts, key=len, reverse=True))

    @cached_property
    def _contrast(self) -> re.Pattern[str]:
        """ ", not 2" behind an answer."""
        return re.compile(rf"(?<=\w), (?:and )?not (?P<other>{self._any_text})\.?$")

    @cached_property
    def _values_out(self) -> re.Pattern[str]:
        """ "44 and 47" in "so 44 and 47 are out": options by their texts."""
        one = rf"\b(?:{self._any_text})"
        return re.compile(
            rf"(?:(?<=so )|(?<=, )|^){one}(?:(?:, and |, | and | or ){one})*(?=,? (?:{_OUT.pattern})\W*$)"
        )

    def _lettered(self, match: re.Match[str]) -> str:
        found = re.findall(rf"\b(?:{self._any_text})", match[0])
        return f"§{''.join(chr(ord('A') + self._texts.index(one)) for one in found)}§"

    def _marked(self, match: re.Match[str]) -> str:
        """Return letters of options between marks; what names things of the video or is an article stays."""
        letters = re.findall(r"[A-H]\b", match["list"])
        behind = match.string[match.end() :]
        is_name = any(self.world.reader.says(one) for one in letters)
        is_known = all(ord(one) - ord("A") < len(self._texts) for one in letters)
        is_alone = not match["noun"] and len(letters) == 1 and not _ONLY_MARK.search(behind)
        is_alone = is_alone and not _WITHIN.search(match.string[: match.start()])
        if len(set(letters)) < len(letters):
            return re.sub(_LETTER, lambda one: f"§{one[0]}§", match[0])
        if (is_name and not match["noun"]) or not is_known or is_alone:
            return match[0]
        if "but not" in match["list"]:
            return f"§{letters[0]}§, not §{''.join(letters[1:])}§"
        return f"§{''.join(letters)}§"

    def _verdict(self, text: str) -> bool | None:
        """Return whether a clause about options is true, None where it is none or not understood."""
        if len(text) > _LONGEST:
            return None
        bare = _LEAD.sub("", text.strip().rstrip(".,;:")).strip()
        for way in (
            self._listed,
            self._sequenced,
            self._within,
            self._stated,
            self._pointed,
            self._pronoun,
            self._ranked,
        ):
            verdict = way(bare)
            if verdict is not None:
                return verdict
        return None

    def _listed(self, text: str) -> bool | None:
        """Judge "which are not among the options" of what was told before."""
        match = _LISTED.fullmatch(text)
        return bool(self._named()) != bool(match["not"]) if match else None

    def _stated(self, text: str) -> bool | None:
        """Judge "B and D begin with above", "only C has X", "two of the options end with Y"."""
        match = _STATED.fullmatch(text)
        ones = self._subject(match) if match else None
        is_only = bool(match and (match["lone"] or _ONLY_ONE.search(match["predicate"])))
        judge = self._predicate(_ONLY_ONE.sub("", match["predicate"])) if match else None
        if not match or ones is None or judge is None:
            return None
        told = [judge(one) for one in range(len(self._texts))]
        if None in told:
            return None
        if beside := (match["apposition"] or "").strip(" ,()"):
            is_told = self._predicate(beside) or (lambda one: self._has(beside, one))
            if not all(map(is_told, ones)):
                return False
        fits = frozenset(one for one, is_so in enumerate(told) if is_so)
        lead = (match["lead"] or match["which"] or match["many"] or "").strip().lower()
        count = None if match["letters"] or match["other"] else _number(match)
        is_all = lead in (
            "no",
            "none",
            "neither",
            "every",
            "each",
            "any",
            "all",
            "both",
            "these",
            "those",
            "only",
        )
        if not (match["letters"] or match["filter"] or match["other"] or is_all or count is not None):
            return None
        self._told = _Told(ones, judge)
        if lead in ("no", "none", "neither"):
            return not fits & ones
        if count is not None:
            is_out = _OUT.fullmatch(_bare(match["predicate"])) is not None
            return len(fits & ones) == count or (is_out and count <= self._wrong)
        if _LEFT.fullmatch(_bare(match["predicate"])):
            return self._right in ones and (lead != "only" or ones == fits)
        if lead == "only" or is_only:
            return fits == ones
        return bool(ones) and ones <= fits

    def _pointed(self, text: str) -> bool | None:
        """Judge "that is D, not C", "so D", "this rules out A and B", "which leaves two options"."""
        match = _OBJECT.fullmatch(f"is {text}" if text.startswith("§") else text)
        ones = self._subject(match) if match else None
        if not match or ones is None:
            return None
        nots = {ord(one) - ord("A") for group in re.findall("§([A-H]+)§", match["nots"]) for one in group}
        holds = (match["apposition"] or "").strip(" ,:.()—-")
        judge = self._predicate(holds) or (lambda one: self._has(holds, one))
        about = nots if nots and holds.startswith("which") else ones
        told = [judge(one) for one in about] if holds else []
        if None in told:
            return None
        self._told = _Told(frozenset(nots or ones))
        return all(told) and self._right not in nots and self._is_pointed(match, ones)

    def _is_pointed(self, match: re.Match[str], ones: frozenset[int]) -> bool:
        number = _number(match)
        is_free = not (match["letters"] or match["filter"] or match["other"])
        if is_free and number is not None:
            return 0 < number <= (self._wrong if match["out"] else len(self._texts))
        if match["out"]:
            return bool(ones) and self._right not in ones
        return ones == {self._right} or bool(match["left"] and not match["only"] and self._right in ones)

    def _pronoun(self, text: str) -> bool | None:
        """Judge "so they are out" and "which is wrong" of the options told last, or of those that were told of."""
        match = _PRONOUN.fullmatch(text)
        judge = self._predicate(match["predicate"]) if match else None
        if not match or judge is None or not (match["pronoun"] or self._told.ones):
            return None
        if not self._told.ones and _OUT.fullmatch(_bare(match["predicate"])):
            self._told = _Told(self._named())
        if not self._told.ones:
            return None
        is_verdict = any(form.fullmatch(_bare(match["predicate"])) for form in (_OUT, _RIGHT))
        if match["content"] and is_verdict and self._told.is_so:
            is_right = self._told.is_so(self._right)
            return is_right == (judge(self._right) is True) and all(map(judge, self._told.ones))
        told = [judge(one) for one in self._told.ones]
        is_open = (match["pronoun"] or "").lower() == "it" and not is_verdict
        return None if None in told or (is_open and not all(told)) else all(told)

    def _ranked(self, text: str) -> bool | None:
        """Judge "of the four options, X is the third": in the order in which they happen."""
        match = _AMONG.fullmatch(text)
        if not match:
            return None
        row = self._row
        told = list(_RANKED.finditer(match["events"]))
        if not told or told[-1].end() < len(match["events"]):
            return None
        for one in told:
            rank = _RANKS[one["rank"]]
            at = rank - (rank > 0)
            if not -len(row) <= at < len(row) or not self._has(one["x"], row[at][1]):
                return False
        return True

    @cached_property
    def _row(self) -> list[tuple[float, int]]:
        """When the options that are events begin, and which they are, in their order."""
        begun = [min((e.start for e in self.world.events if e.covers(self._said(one) or [frozenset()])), default=None)
                 for one in self._texts]  # fmt: skip
        return sorted((ms, at) for at, ms in enumerate(begun) if ms is not None)

    def _sequenced(self, text: str) -> bool | None:
        """Judge "A comes before B" and "D is the last of them" of options that are events."""
        match = _SEQUENCED.fullmatch(text)
        row = [at for _, at in self._row]
        if not match or len(row) < len(self._texts):
            return None
        own, others = ([ord(one) - ord("A") for one in match[key] or ""] for key in ("x", "y"))
        if match["rank"]:
            rank = _RANKS[match["rank"]]
            return len(own) == 1 and row[rank - (rank > 0)] == own[0]
        is_before = match["side"] in ("before", "earlier than")
        self._told = _Told(frozenset(own))
        return all((row.index(a) < row.index(b)) == is_before for a in own for b in others)

    def _within(self, text: str) -> bool | None:
        """Judge "in C the second direction is right"."""
        match = _PLACED.fullmatch(text)
        judge = self._content("place", match.groupdict()) if match else None
        if not match or judge is None:
            return None
        self._told = _Told(frozenset(ord(one) - ord("A") for one in match["letters"]))
        return all(map(judge, self._told.ones))

    def _named(self) -> frozenset[int]:
        """Return the options that were told whole before: the swap of A and B."""
        words = self._told_before
        ones = [
            one
            for one, parts in enumerate(self._parts)
            if all(any(w == own for w in words) for part in parts for own in part)
        ]
        return frozenset(ones)

    def _subject(self, match: re.Match[str]) -> frozenset[int] | None:
        """Return the options that are spoken of, None where the words name none."""
        everything = frozenset(range(len(self._texts)))
        if match["letters"]:
            return frozenset(ord(one) - ord("A") for one in match["letters"])
        if match["filter"]:
            judge = self._predicate(match["filter"])
            told = [judge(one) for one in everything] if judge else [None]
            return None if None in told else frozenset(one for one in everything if told[one])
        if match["other"] or match["noun"].lower() in ("others", "rest"):
            left = everything - (self._told.ones or {self._right})
            number = NUMBER_WORDS.get(
                match["noun"].lower(), NUMBER_WORDS.get((match["number"] or "").lower())
            )
            return left if number in (None, len(left)) else None
        return everything

    def _predicate(self, text: str) -> Judge | None:
        """Return what tells of an option whether something is so of it; None where that is not understood."""
        bare = _bare(re.sub(r"^(?:which|that|who) ", "", text))
        if _OUT.fullmatch(bare):
            return lambda one: one != self._right
        if _RIGHT.fullmatch(bare):
            return lambda one: one == self._right
        if _LEFT.fullmatch(bare):
            return lambda one: one == self._right
        if _REVERSED.fullmatch(bare):
            return lambda one: one != self._right and _is_permuted(self._parts[one], self._parts[self._right])
        if _OTHERWISE.fullmatch(bare):
            return lambda one: one != self._right
        if (turned := _TURNED.fullmatch(bare)) and (judge := self._turned(turned["x"] or turned["y"])):
            return judge
        if _HALF.fullmatch(bare):
            return lambda one: _is_part(self._parts[one], self._parts[self._right])
        if size := _SIZE.fullmatch(bare):
            is_less = size["way"] in ("small", "few", "low", "little")
            return lambda one: self._differs(one, is_less=is_less)
        for kind, form in _CONTENT:
            match = form.fullmatch(bare)
            if match and (judge := self._content(kind, match.groupdict())):
                return judge
        return None

    def _turned(self, text: str) -> Judge | None:
        """Return what tells whether an option has some of its parts in another order than the right one."""
        right = self._parts[self._right]
        if some := _SOME.fullmatch(text):
            many = NUMBER_WORDS[some["many"]]
            near = slice(-many, None) if some["end"] == "last" else slice(0, many)
            return lambda one: _is_permuted(self._parts[one][near], right[near])
        told = [part for part in self._parted(text) if any(said & self._vocabulary for said in part)]
        if not told:
            return lambda one: one != self._right
        if len(told) < 2:
            return None
        places = [_place([part], _single(right)) for part in told]

        def judge(one: int) -> bool:
            own = [_place([part], _single(self._parts[one])) for part in told]
            known = [(a, b) for a, b in zip(own, places, strict=True) if a is not None and b is not None]
            return len(known) == len(own) and all((a < b) != (c < d) for (a, c), (b, d) in pairwise(known))

        return judge

    def _content(self, kind: str, told: dict[str, str | None]) -> Judge | None:
        """Return what tells whether an option holds something, first, last, before something else or not at all."""
        if kind in ("begin", "end", "have") and " or " in (told["x"] or ""):
            ways = [self._content(kind, {**told, "x": one}) for one in (told["x"] or "").split(" or ")]
            return None if None in ways else lambda one: any(way(one) for way in ways if way)
        if _THESE.fullmatch(told["x"] or ""):
            values = self._told_before
            return lambda one: any(_place([[said]], self._parts[one]) is not None for said in values)
        if kind in ("begin", "end") and _ANOTHER.fullmatch(told["x"] or ""):
            at = 0 if kind == "begin" else -1
            return lambda one: self._parts[one][at] != self._parts[self._right][at]
        x, y = self._parted(told["x"] or ""), self._parted(told.get("y") or "")
        if not all(x) or not x or (told.get("y") and not all(y)):
            return None
        rank = _RANKS.get(told.get("place") or "", 0)

        def judge(one: int) -> bool:
            own = self._parts[one]
            if kind in ("begin", "end") and len(own) == len(x) == 1:
                near = own[0][: len(x[0])] if kind == "begin" else own[0][-len(x[0]) :]
                return len(near) == len(x[0]) and all(a & b for a, b in zip(x[0], near, strict=True))
            is_in = _place(x, own)
            if kind in ("begin", "unbegun"):
                return (_place(x, own[: len(x)]) is not None) == (kind == "begin")
            if kind in ("end", "unended"):
                return (_place(x, own[-len(x) :]) is not None) == (kind == "end")
            if kind == "lack":
                return is_in is None
            if kind == "other":
                return is_in is not None and _place(y, own) is None
            if kind == "order":
                other = _place(y, own)
                is_before = told["order"] in ("before", "ahead of")
                return (
                    is_in is not None
                    and other is not None
                    and (is_in < other) == is_before
                    and is_in != other
                )
            if kind == "place":
                at = rank - (rank > 0) if rank else len(own) // 2
                return -len(own) <= at < len(own) and _place(x, [own[at]]) is not None
            return is_in is not None

        return judge

    def _has(self, text: str, one: int) -> bool | None:
        """Return whether an option holds what words say; None where they say nothing that any option has."""
        x = self._parted(text)
        return None if not x or not all(x) else _place(x, self._parts[one]) is not None

    def _differs(self, one: int, *, is_less: bool) -> bool | None:
        own, right = self._texts[one], self._texts[self._right]
        if not (own.isdigit() and right.isdigit()):
            return None
        return int(own) < int(right) if is_less else int(own) > int(right)

    def _said(self, text: str) -> list[Terms]:
        """Return what words say, counts as numbers, and of a cell also its row and column; [] with unknown words."""
        tokens = self.world.reader.tokens(text, with_times=False)
        if any(token.is_unknown for token in tokens) or Words(tokens).has("denying") or _CLAUSE.search(text):
            return []
        said = [
            frozenset(_widened(one)) for one in Words(tokens).said if not one <= {"quantifying", "exactly"}
        ]
        return [one for one in said if one & self._vocabulary or not one & self._asked]

    @property
    def _told_before(self) -> list[Terms]:
        """What the sentence told before this, in words that options have."""
        said = [frozenset(_widened(one)) for one in Words(self.world.reader.tokens(self._before)).said]
        return [one for one in said if one & self._vocabulary]

    def _parted(self, text: str) -> Parts:
        """Return what the parts of a list say, without what the question asks and no option tells."""
        parts = re.split(r",? then |,? followed by |, (?:and )?(?!column)| and (?!back\b|column)", text)
        return [self._said(one) for one in parts if one.strip()]


def _widened(said: Terms) -> Iterator[str]:
    for term in said:
        yield term.replace("count:", "n:")
        if term.startswith("cell:"):
            row, column = term.removeprefix("cell:").split(",")
            yield from (f"row:{row}", f"column:{column}")


def _bare(text: str) -> str:
    return re.sub(r" {2,}", " ", _ADVERBS.sub("", text.lower())).strip(" ,.")


def _number(match: re.Match[str]) -> int | None:
    return NUMBER_WORDS.get((match["many"] or match["number"] or "").lower())


def _single(parts: Parts) -> Parts:
    """Return the parts of a list, or the words of the only one: of an expression."""
    return [[said] for said in parts[0]] if len(parts) == 1 else parts


def _place(told: Parts, own: Parts) -> int | None:
    """Return where in an option the first of some parts stands; None where they do not all, in this order."""
    places, begun = [], 0
    for part in told:
        fits = (at for at in range(begun, len(own)) if all(any(one & o for o in own[at]) for one in part))
        begun = next(fits, -1) + 1
        if not begun:
            return None
        places.append(begun - 1)
    return places[0] if places else None


def _is_permuted(one: Parts, other: Parts) -> bool:
    """Return whether two options hold the same parts in another order."""
    return one != other and sorted(map(_key, one)) == sorted(map(_key, other))


def _key(part: Sequence[Terms]) -> list[list[str]]:
    return sorted(sorted(one - {"earliest"}) for one in part if one != {"earliest"})


def _is_part(one: Parts, other: Parts) -> bool:
    """Return whether an option holds some of what another does, and nothing else."""
    return len(one) < len(other) and all(_place([part], other) is not None for part in one)
