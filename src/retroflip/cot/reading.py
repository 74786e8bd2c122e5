"""English as tokens: which word says what of a video (lexicon.yaml), which are times, and where clauses may be cut.

There is no grammar here. A word is connecting (it says nothing), says one of several things, or is unknown.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from itertools import pairwise
from typing import Self

import yaml

from retroflip.cot.stamps import NUMBER_WORDS, Stamp, StampKind, find_stamps
from retroflip.synth.animation import PALETTE, SHAPES
from retroflip.synth.wording import ordinal

ORDINALS = {ordinal(number): number for number in range(1, 31)} | {"last": -1, "final": -1}
_PARTS = {"half": 2, "third": 3, "quarter": 4}
_EXACT = ("denying", "quantifying", "exactly")
"""lists whose words have no other forms: "note" is no form of "not" """
_COUNTS = {"once": 1, "twice": 2, "thrice": 3}
_CUTS = {",": 1, "and": 1, "then": 1, ";": 3, ":": 3, "(": 2, ")": 2, "—": 3, "–": 3, "which": 2, "while": 2, "but": 2,
         "so": 2, "where": 2, "whereas": 2, "because": 2, "since": 2, "when": 2, "as": 2, "who": 2, "making": 2,
         "leaving": 2, "with": 1, "that": 1, "therefore": 2, "thus": 2, "hence": 2, "giving": 2, "make": 2,
         "makes": 2}  # fmt: skip
"""where a sentence may be cut, and how willingly"""
_SENTENCE_END = re.compile(
    r"(?<=[.!])\s+(?=[a-z]\w*\.txt\b|(?:mv|rm|cp|touch|mkdir|rmdir) [\w-]+)|"
    r"(?:(?<=[.!])|(?<=[\w\"”)]\?))[\s\"”)]+(?=[\"“(\[*A-Z\d])|\n+"
)
_ABBREVIATED = re.compile(r"\b(?:i\.e|e\.g|vs|approx|ca|etc)\.(?=,? [a-z\d(])", re.IGNORECASE)
_BULLET = re.compile(
    r"^\s*(?:[-*•]+|\(?\d{1,2}[.)](?=\s)|(?:step|event|move|operation)\s+\d+\s*[:.])\s*", re.I
)
_PRECEDENCE = re.compile(
    r"\bwith \* and / before \+ and -"
    r"|\b(?:(?:the|a|any) )?(?:multiplications?|products?|divisions?|times(?: signs?)?|\*|×)"
    r"(?: (?:and|or) (?:the )?divisions?)?"
    r" (?:(?:always|has to|have to|must|needs to|should|is to|gets?|is|are|be) )*"
    r"(?:comes?|goes?|done|carried out|worked out|taken|computed|calculated|evaluated|binds?|first)"
    r"(?: (?:first|before (?:any|the|all|every)? ?(?:additions?|subtractions?|sums?|plus|minus)"
    r"(?: (?:and|or) (?:the )?(?:additions?|subtractions?|minus))?|more tightly|tighter))?(?=[,.;:]|$| (?:so|and)\b)",
    re.IGNORECASE,
)
"""what holds of all expressions"""
_ASIDE = re.compile(
    rf"{_PRECEDENCE.pattern}|^In between,? |^(?:So,? |And )?from there,? (?=it )"
    r"|^(?:So,? |And |Thus,? )?in the end,? (?!.*\b(?:holds?|has|have|reads?|ends? up|at|in|on|back|empty|left with"
    r"|where|same)\b)|, (?:by the way|of course|however|in fact|though|therefore|too|in turn"
    r"|as it happens|again|as said|then|as expected|for its part),",
    re.IGNORECASE,
)
"""that and words between commas that say nothing"""
_NUMBER = "|".join(NUMBER_WORDS)
_SIGNS = {"plus": "+", "minus": "-", "times": "*", "multiplied": "*", "divided": "/", "adding": "+", "taking": "-",
          "subtracting": "-"}  # fmt: skip
_SUM = re.compile(
    rf"(?:\b(?P<left>\d+|{_NUMBER}) (?P<sign>plus|minus|times|multiplied by|divided by)"
    rf"|\b(?P<doing>adding|taking away|subtracting)) (?:the )?(?P<right>\d+|{_NUMBER}),?"
    rf" (?:is|equals|makes|gives|leaves|yields|comes to|=) (?P<result>\d+|{_NUMBER})\b",
    re.IGNORECASE,
)
_NO_FARTHER = re.compile(
    r"\b(?:no|not) (?:farther|further|more|closer|nearer|less|higher|lower) than (?=(?:about |roughly |some )?\d)"
)
_ELIDED = re.compile(
    r"\b(?:first|second|last) (?P<part>half|third|quarter)\b.*\bin the (?:first|second|last)\b(?! \w)",
    re.IGNORECASE,
)
"""the second of "in the first half and in the second\""""
_REACHING = re.compile(
    r"\breach(?:es|ed)? (?=(?:(?:about|only|just|roughly|some|around) )*\d+ ?(?:percent|%))"
)
_FOR_THE_FIRST = re.compile(rf"\b[Ff]or the first (?=(?:\d+(?:\.\d+)?|{_NUMBER}) s(?:econds?)?\b)")
_RIGHT_SO = re.compile(r"(?<=clockwise )is right(?=[.,;]|$| and\b| but\b)")
"""what is right, and not on the right"""
_OF_ALL = re.compile(r" of all (?=(?:is|was|comes|are|were) )")
_LEFT_IT = re.compile(
    r"(?<!to the )(?<!on the )\bleft (?=(?:the (?:top|bottom|pile|stack|cup)|[A-C]|there|its)\b)"
)
"""what went away, and no side"""
_ON_TOP = re.compile(r"\b(go|goes|went|going) on top(?! of)\b")
"""no going on"""
_LEAVING = re.compile(
    r"\b(?:[Tt]hat|[Tt]his|which) leaves (?=the (?:middle|last|first|only|slow|fast)\w* "
    r"|(?:just |only )?(?:one|two|three|four|five|six) (?:to|on|at|of) )"
)
_NUMBER_NOUNS = """swap step move operation slide hit bounce turn command event change hop tilt lean approach approaches
parting leg legs stretch stretches visit contact jump glyph symbol exchange rotation spin episode"""
_NUMBERED = frozenset(_NUMBER_NOUNS.split())
"""what is numbered in its order: "Swap 2" """
_CELL = re.compile(
    r"\(?\b[Rr]ow (\d)(?:,? (?:and )?| / )column(?:s (\d) and|) (\d)\b\)?"
    r"|\(?\b[Cc]olumn (\d),? (?:and )?(?:of )?row (\d)\b\)?"
)
_LINES = re.compile(
    r"\b(?:the )?(top|upper|middle|centre|center|bottom|lower|lowest|left|leftmost|right|rightmost)"
    r" (row|column)\b(?! \d(?!, (?:\d|gap)))",
    re.IGNORECASE,
)
_TOKEN = re.compile(
    r"(?P<command>\b(?:mv (?:--exchange )?|cp )[\w./*-]+ [\w/-]+(?=[\s,;:.)]|$)"
    r"|(?<!\bnot )(?<!\bnever )(?<!n't )\b(?:rm|touch|mkdir|rmdir) "
    r"(?!(?:commands?|at|in|on|of|is|was|that|from|row|column|the|any|no|it|them|both)\b)"
    r"[\w-]+(?:/[\w.*-]*\w\*?|/\*)?)"
    r"|(?P<pair>\((?P<x>\d+), ?(?P<y>\d+)\))"
    r"|(?P<equation>(?:(?<=\s)-|^-)?[\d(?…][\d\s+\-−*/×÷().?]*=\s*-?\d+(?:\s*=\s*\d+)*)"
    r"|(?P<line>\b(?P<axis>[Rr]ow|[Cc]olumn) (?P<at>\d)\b)|(?P<path>\b[\w-]+/[\w-]+\.\w+|\b[\w-]+\.txt\b)"
    r"|(?P<number>(?<![\w.])-?\d+(?:\.\d+)?(?![\w]))|(?P<operator>[+*/×÷−]|(?<=\s)-(?=[\s,]|$)|(?:^|(?<=\s))\?)"
    r"|(?P<word>\d+(?:st|nd|rd|th)\b|[A-Za-z]+(?:['’][A-Za-z]+)?)|(?P<cut>[,;:()—–])|(?P<strange>[^\s.!?%=\"“”\[\]|\\$'’-])"
)  # fmt: skip
OPERATORS = {"+": "plus", "-": "minus", "−": "minus", "*": "times", "×": "times", "/": "divide", "÷": "divide",
             "?": "unknown"}  # fmt: skip
Terms = frozenset[str]
NEXT = re.compile(r"(?:then|next|afterwards|after that)", re.IGNORECASE)
SUPERLATIVES = frozenset({"fastest", "slowest", "farthest", "closest"})
PHASES = frozenset({"start-of-video", "end-of-video", "either-end"})
_APART = ("count:", "ordinal:", "nth:", "part:", "equation:")
_SPECIAL = (
    SUPERLATIVES
    | PHASES
    | frozenset(
        ["denying", "quantifying", "answer", "sum", "earliest", "still", "concern", "further", "exactly"]
    )
)


@dataclass(frozen=True)
class Token:
    """A word, a phrase, a number or a time. says: what it may say; nothing, where it connects.

    is_loose: it may also say nothing. cut: how willingly a sentence is cut before it, 0 for not.
    """

    text: str
    says: frozenset[str] = frozenset()
    is_loose: bool = False
    is_unknown: bool = False
    cut: int = 0
    stamp: Stamp | None = None


@dataclass(frozen=True)
class Words:
    """A stretch of a text: what it says, word by word."""

    tokens: Sequence[Token]

    @property
    def text(self) -> str:
        """The words, lowered."""
        return " ".join(token.text.lower() for token in self.tokens)

    @cached_property
    def said(self) -> list[Terms]:
        """What it says."""
        return [token.says for token in self.tokens if token.says and not token.is_loose]

    @cached_property
    def plain(self) -> list[Terms]:
        """What it says of one fact: without counts, comparisons and denials."""
        return [one for one in self.said if not any(t in _SPECIAL or t.startswith(_APART) for t in one)]

    @property
    def is_sequence(self) -> bool:
        """Whether it tells one thing and then another."""
        at = next((at for at, token in enumerate(self.tokens) if NEXT.fullmatch(token.text)), None)
        return at is not None and bool(Words(self.tokens[:at]).plain) and bool(Words(self.tokens[at:]).plain)

    def place_of(self, start: int) -> int:
        """Return how many words stand before a character of the text."""
        return next(
            (at for at in range(len(self.tokens)) if len(Words(self.tokens[:at]).text) >= start),
            len(self.tokens),
        )

    def picked(self, prefix: str) -> list[str]:
        """Return the values of terms with a prefix, such as the 2 of "count:2"."""
        return picked(self.said, prefix)

    def has(self, term: str) -> bool:
        """Return whether a term is said."""
        return any(term in token.says for token in self.tokens)

    def without(self, *terms: str) -> "Words":
        """Return what is left without the words that say one of these."""
        return Words([token for token in self.tokens if not token.says & set(terms)])


def picked(said: Sequence[Terms], prefix: str) -> list[str]:
    """Return the values of terms with a prefix."""
    return [term.removeprefix(prefix) for one in said for term in one if term.startswith(prefix)]


@cache
def _lexicon() -> tuple[dict[tuple[str, ...], frozenset[str]], dict[str, frozenset[str]]]:
    """Return what stems (of phrases: several) say, and the words of the named lists."""
    lists: dict[str, str] = yaml.safe_load((files("retroflip.cot") / "lexicon.yaml").read_text())
    says: dict[tuple[str, ...], set[str]] = {}
    for concept, words in lists.items():
        for word in words.split():
            if concept not in _EXACT:
                says.setdefault(tuple(stem(part) for part in word.split("-")), set()).add(concept)
    for look in (*PALETTE, *SHAPES):
        says.setdefault((stem(look),), set()).add(look)
    named = {
        name: frozenset(map(str if name in _EXACT else stem, words.split())) for name, words in lists.items()
    }
    return {stems: frozenset(concepts) for stems, concepts in says.items()}, named


@cache
def stem(word: str) -> str:
    """Return what a word's forms share.

    >>> [stem(word) for word in ("hitting", "moves", "crosses", "red")]
    ['hit', 'mov', 'cros', 'red']
    """
    word = re.sub(r"['’]s$", "", word.lower())
    if word in ("backwards", "forwards"):
        return word
    for ending in ("wards", "ing", "ied", "ies", "ed", "es", "ly", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            word = word.removesuffix(ending) + ("y" if ending in ("ied", "ies") else "")
            break
    return re.sub(r"([b-df-hj-np-tv-z])\1$", r"\1", word)


def sentences(text: str) -> list[str]:
    """Return the sentences and lines of a text, without the numbers and dashes of lists."""
    found: list[str] = []
    text = _ABBREVIATED.sub(lambda match: match[0].replace(".", ""), text)
    for part in filter(None, map(str.strip, _SENTENCE_END.split(text))):
        is_numbered = bool(found) and re.fullmatch(r"\(?\d{1,2}[.)]", found[-1]) is not None
        found.append(_BULLET.sub("", f"{found.pop()} {part}" if is_numbered else part))
    return [part for part in found if part]


def _sums(text: str) -> str:
    """Return a text in which sums in words are sums in figures.

    >>> _sums("Then 0 times 3 is 0, and adding 2 gives five.")
    'Then 0 * 3 = 0, and … + 2 = 5.'
    """

    text = _NO_FARTHER.sub("", text)
    text = _REACHING.sub("comes to ", text)
    text = _FOR_THE_FIRST.sub("until ", text)
    text = _RIGHT_SO.sub("is correct", text)
    text = _OF_ALL.sub(" ", text)
    text = _LEAVING.sub("", text)
    text = _LEFT_IT.sub("leaves ", text)
    text = _ON_TOP.sub(r"\1 to the top", text)
    text = re.sub(
        r"(?<=[\d?]) (?:must be|has to be|should be|needs to be|comes to) (?=\d+\b(?!\.\d| s\b))",
        " = ",
        text,
    )

    text = re.sub(
        r"(\d+(?: ?[-+*/×÷−] ?\d+)+) (?:is|are|equals|makes|gives) (?=\d+\b(?!\.\d| s\b))", r"\1 = ", text
    )

    def figures(match: re.Match[str]) -> str:
        left, sign, right, result = (
            match["left"] or "…",
            match["sign"] or match["doing"],
            match["right"],
            match["result"],
        )
        numbers = [str(NUMBER_WORDS.get(one.lower(), one)) for one in (left, right, result)]
        return f"{numbers[0]} {_SIGNS[sign.lower().split()[0]]} {numbers[1]} = {numbers[2]}"

    return _SUM.sub(figures, text)


def _without(aside: re.Match[str]) -> str:
    """Return what is left of an aside: a comma where it parts two numbers."""
    around = aside.string[: aside.start()][-1:] + aside.string[aside.end() :].lstrip()[:1]
    return ", " if around.isdigit() and len(around) == 2 else " "


Taken = tuple[int, list[Token]]
"""how many words a rule takes, and the tokens that it makes of them"""


class Reader:
    """Reads texts about one video. names: words that name things (A, home, bill.txt). size: rows, columns."""

    def __init__(self, names: Iterable[str], fps: float, size: tuple[int, int] = (0, 0)) -> None:
        self._names, self._fps, self._size = frozenset(names), fps, size

    def tokens(self, text: str, *, with_times: bool = True) -> list[Token]:
        """Return the tokens of a sentence."""
        text = _ELIDED.sub(lambda match: f"{match[0]} {match['part']}", text)
        text = _sums(_ASIDE.sub(_without, text.replace("’", "'").replace("**", "")))
        stamps = find_stamps(text, self._fps) if with_times else []
        found: list[Token] = []
        position = 0
        for stamp in stamps:
            found += self._words(text[position : stamp.start])
            found.append(Token(text[stamp.start : stamp.end], stamp=stamp))
            position = stamp.end
        return [*found, *self._words(text[position:])]

    def says(self, text: str) -> frozenset[str]:
        """Return all that a text without times may say."""
        return frozenset(one for token in self.tokens(text, with_times=False) for one in token.says)

    def _words(self, text: str) -> list[Token]:
        text = re.sub(r"\b[Ff]inal (?=(?:row|column) \d)", "", text)
        text = re.sub(
            rf"\b(row|column) ({_NUMBER})\b", lambda m: f"{m[1]} {NUMBER_WORDS[m[2]]}", text, flags=re.I
        )
        text = re.sub(
            rf"\b({'|'.join(ORDINALS)}) (row|column)\b(?! \d)", lambda m: f"{m[2]} {ORDINALS[m[1]]}", text
        )
        text = _LINES.sub(self._line, text) if self._size[0] else text
        found: list[Token] = []
        position = 0
        for match in _CELL.finditer(text):
            found += self._plain(text[position : match.start()])
            row, one, two, column, other = match.groups()
            places = [(row, one), (row, two)] if row else [(other, column)]
            found += [Token(match[0], frozenset({f"cell:{r},{c}"})) for r, c in places if c]
            position = match.end()
        return [*found, *self._plain(text[position:])]

    def _line(self, match: re.Match[str]) -> str:
        """Return the number of a row or column that is named by its place: the bottom row is row 3 of three."""
        place, line = match[1].lower(), match[2].lower()
        count = self._size[line == "column"]
        number = {"middle": (count + 1) // 2, "centre": (count + 1) // 2, "center": (count + 1) // 2}.get(
            place, 1
        )
        return f"{line} {count if place in ('bottom', 'lower', 'lowest', 'right', 'rightmost') else number}"

    def _plain(self, text: str) -> list[Token]:
        matches = list(_TOKEN.finditer(text))
        found: list[Token] = []
        index = 0
        while index < len(matches):
            used, tokens = self._next(matches, index)
            found += tokens
            index += used
        return found

    def _next(self, matches: Sequence[re.Match[str]], index: int) -> Taken:
        """Return how many matches the next token takes, and the token."""
        match = matches[index]
        text = match[0]
        if match["command"] and not self._is_command(text):
            return 1, [token for part in text.split() for token in self._plain(part)]
        if match["command"]:
            return 1, [Token(text, frozenset({f"command:{text.rstrip('/')}"}))]
        if match["equation"]:
            return 1, [Token(text, frozenset({f"equation:{text}"}))]
        if match["pair"]:
            place = f"{match['x']},{match['y']}"
            return 1, [Token(text, frozenset({f"point:{place}", f"cell:{place}"}))]
        if match["line"]:
            return 1, [Token(text, frozenset({f"{match['axis'].lower()}:{match['at']}"}))]
        if match["path"]:
            return 1, [Token(part, frozenset({f"name:{part}"})) for part in text.split("/")]
        if match["operator"]:
            return 1, [Token(text, frozenset({OPERATORS[text]}))]
        if match["cut"]:
            return 1, [Token(text, cut=_CUTS[text])]
        if match["strange"]:
            return 1, [Token(text, is_unknown=True)]
        return self._worded(matches, index)

    def _is_command(self, text: str) -> bool:
        """Return whether a command is meant, and no wall that something touches: it names a file or a folder."""
        target = text.split()[-1]
        return len(target) > 1 and (
            "/" in target or "." in target or target in self._names or text.startswith("m")
        )

    def _worded(self, matches: Sequence[re.Match[str]], index: int) -> Taken:
        """Return what the first rule that fits takes of the words from here on."""
        spot = _Spot.of(matches, index)
        for rule in (_numbered, _phrase, _exact, self._number, self._name, _count, self._rank, _connected):
            found = rule(spot)
            if found is not None:
                return found
        return 1, [Token(spot.word, is_unknown=spot.lowered not in ORDINALS)]

    def _number(self, spot: "_Spot") -> Taken | None:
        """Take a number; before "times" it counts, unless a product is meant, and "one" may be a pronoun."""
        value = NUMBER_WORDS.get(spot.lowered, spot.lowered if spot.is_number else None)
        if spot.lowered == "single" and spot.before == "a":
            value = 1
        if value is None:
            return None
        number, then = f"{float(value):g}", spot.words[2] if len(spot.words) > 2 else ""
        is_product = then.isdigit() or then in NUMBER_WORDS or then in ("sign", "signs", "symbol")
        if spot.after in ("time", "times") and "." not in spot.word and not is_product:
            return 2, [Token(f"{spot.word} {spot.after}", frozenset({f"count:{number}"}))]
        if spot.after == "more" and then in ("time", "times"):
            return 3, [Token(f"{spot.word} more {then}", frozenset({f"count:{number}"}))]
        is_noun = spot.before in ("only", "exactly") or self._says_something(spot.after)
        is_pronoun = spot.lowered == "one" and not is_noun
        return 1, [Token(spot.word, frozenset({f"n:{number}"}), is_loose=is_pronoun)]

    def _name(self, spot: "_Spot") -> Taken | None:
        """Take a name of the video's own, written large or small; "A" may be an article."""
        word = spot.lowered if spot.lowered in self._names else spot.word
        if word not in self._names or (word == "A" and self._is_article(spot)):
            return None
        is_place = spot.before in _BEFORE_PLACES and spot.after not in ("out", "back", "backwards", "through")
        is_place = is_place or spot.after in _BEHIND_HOLDERS
        is_loose = word.islower() and not is_place and stem(word) in _lexicon()[1]["connecting"]
        return 1, [Token(word, frozenset({f"name:{word}"}), is_loose)]

    def _rank(self, spot: "_Spot") -> Taken | None:
        """Take a part of the video ("the first half"), an ordinal, or "first" before what happens."""
        part = {"opening": "first", "closing": "last"}.get(spot.lowered, spot.lowered)
        if part in ORDINALS and spot.after in _PARTS:
            parts = _PARTS[spot.after]
            return 2, [Token(spot.word, frozenset({f"part:{ORDINALS[part] % (parts + 1)}/{parts}"}))]
        if spot.lowered in ORDINALS and (
            spot.before in ("the", "its", "for", "very")
            or (spot.before == "a" != spot.after and spot.lowered != "second")
            or spot.after in ("time", "one", "from")
            or (
                spot.before in ("rank", "ranks", "ranked", ",", "and", "then")
                and len(spot.words) > 1
                and not spot.after
            )
            or (spot.before == "and" and self._says_something(spot.after.removesuffix("s")))
            or (spot.before in _BEFORE_RANKS and spot.after in _BEHIND_RANKS)
        ):
            return 1, [Token(spot.word, frozenset({f"ordinal:{ORDINALS[spot.lowered]}"}))]
        if spot.lowered == "first" and self._says_something(spot.after.removesuffix("s")):
            return 1, [Token(spot.word, frozenset({"earliest"}), is_loose=True)]
        return None

    def _says_something(self, word: str) -> bool:
        """Return whether a word is likely a noun that says something: "one hit", but not "one slides"."""
        says, named = _lexicon()
        return (
            bool(word)
            and (not word.endswith("s") or word in ("minus", "plus", "cross"))
            and (stem(word),) in says
            and stem(word) not in named["connecting"]
        )

    def _is_article(self, spot: "_Spot") -> bool:
        after, then = spot.after, spot.words[2] if len(spot.words) > 2 else ""
        if after.isdigit() and not spot.before:
            return then.isalpha() and then not in ("and", "or")
        says, _ = _lexicon()
        concepts = says.get((stem(after),), frozenset()) if after else frozenset()
        return bool(concepts & {"chip", "cup", "swap", "card"})


@dataclass(frozen=True)
class _Spot:
    """A word where it stands. words: seven from it on at most, "" for what is no word. before: what precedes it."""

    words: Sequence[str]
    before: str
    is_number: bool

    @classmethod
    def of(cls, matches: Sequence[re.Match[str]], index: int) -> Self:
        words = [one["word"] or one["number"] or "" for one in matches[index : index + 7]]
        before = matches[index - 1][0].lower() if index else ""
        return cls(words, before, bool(matches[index]["number"]))

    @property
    def word(self) -> str:
        return self.words[0]

    @property
    def lowered(self) -> str:
        return self.words[0].lower()

    @property
    def after(self) -> str:
        """The next word, lowered."""
        return self.words[1].lower() if len(self.words) > 1 else ""


def _numbered(spot: _Spot) -> Taken | None:
    """Take "Swap 2" for the second swap, but not "turn 2 times"."""
    is_numbered = spot.after.isdigit() or spot.after in NUMBER_WORDS
    is_times = len(spot.words) > 2 and spot.words[2].lower() in ("time", "times")
    if spot.lowered not in _NUMBERED or not is_numbered or is_times:
        return None
    nouns = _lexicon()[0].get((stem(spot.word),), frozenset()) - _SILENT
    number = NUMBER_WORDS.get(spot.after, spot.after)
    return 2, [Token(spot.word, nouns, is_loose=True), Token(spot.after, frozenset({f"nth:{number}"}))]


def _phrase(spot: _Spot) -> Taken | None:
    """Take the longest phrase of the lexicon that begins here."""
    says, _ = _lexicon()
    is_noun = spot.lowered == "right" and spot.before in ("the", "its") and spot.after in _BEHIND_SIDES
    for length in range(min(len(spot.words), 6), 1, -1) if not is_noun else ():
        phrase = tuple(stem(part) for part in spot.words[:length])
        is_rank = (
            spot.lowered in ORDINALS and spot.before in ("the", "its") and says.get(phrase, set()) <= _SILENT
        )
        if all(phrase) and phrase in says and not is_rank:
            return length, [_token(" ".join(spot.words[:length]), says[phrase], spot.lowered)]
    return None


def _exact(spot: _Spot) -> Taken | None:
    """Take a word of the lists without other forms; "only" before a number says nothing of its own."""
    is_count = spot.after in NUMBER_WORDS or spot.after in _COUNTS or spot.after.isdigit()
    is_count = is_count or len(spot.words) == 1
    if spot.lowered in ("only", "just", "merely") and (is_count or spot.after in _ONLY_VERBS):
        return 1, [Token(spot.word)]
    if spot.lowered == "without" and spot.after.endswith("ing"):
        return 1, [Token(spot.word, frozenset({"denying"}))]
    for exact in _EXACT:
        if spot.lowered in _lexicon()[1][exact]:
            return 1, [Token(spot.word, frozenset({exact}), is_loose=exact == "exactly")]
    return None


def _count(spot: _Spot) -> Taken | None:
    """Take "twice" for a count; "once" may also mean "as soon as" or "at the same time"."""
    is_when = spot.before == "at" or spot.after in ("it", "the", "more", "again", "that", "a")
    if spot.lowered == "once" and is_when:
        return 1, [Token(spot.word)]
    if spot.lowered in _COUNTS:
        return 1, [Token(spot.word, frozenset({f"count:{_COUNTS[spot.lowered]}"}))]
    return None


def _connected(spot: _Spot) -> Taken | None:
    """Take a word of the lexicon, or one that connects; the "with" of "in contact with" says nothing."""
    if spot.lowered == "with" and spot.before in _BEFORE_WITH:
        return 1, [Token(spot.word)]
    if spot.lowered == "times" and spot.before in ("a", "the"):
        return 1, [Token(spot.word, frozenset({"times"}))]
    says, lists = _lexicon()
    stemmed = stem(spot.word)
    if stemmed in lists["connecting"] or (stemmed,) in says:
        return 1, [_token(spot.word, says.get((stemmed,), frozenset()), spot.lowered)]
    return None


_ONLY_VERBS = frozenset(
    {"reach", "reaches", "get", "gets", "cover", "covers", "travel", "travels", "comes", "come", "goes"}
)
_BEFORE_PLACES = frozenset({"to", "into", "in", "from"})
_BEHIND_HOLDERS = frozenset(
    {"is", "was", "are", "were", "holds", "held", "has", "had", "contains", "lists", "stays", "becomes"}
)
_BEFORE_RANKS = frozenset({"is", "was", "comes", "came"})
_BEHIND_RANKS = frozenset({"", "and", "at", "in", "of", "to", "while", "but"})
_BEHIND_SIDES = frozenset(
    {"at", "in", "on", "from", "around", "near", "when", "as", "then", "after", "before"}
)
_BEFORE_WITH = frozenset({"is", "was", "were", "contact", "contacts", "swapped", "swap"})
_RELATIVE = frozenset({"that", "which", "who", "with", "as", "where"})
_NEGATED = {"no-more": frozenset({"denying", "further"}), "no-longer": frozenset({"denying"})}
_SILENT = frozenset({"connecting", "asking", "idle"})


def _token(text: str, concepts: frozenset[str], lowered: str) -> Token:
    """Return a word of the lexicon."""
    if "idle" in concepts:
        return Token(text, cut=_CUTS.get(lowered, 0))
    said = _NEGATED.get(next(iter(concepts)), concepts - _SILENT)
    is_loose = bool(said) and "connecting" in concepts and lowered != "reverses"
    return Token(text, said, is_loose, cut=_CUTS.get(lowered, 0))


def is_asking(token: Token) -> bool:
    """Return whether a word tells of a plan or a question."""
    return stem(token.text) in _lexicon()[1]["asking"]


def clauses(tokens: Sequence[Token]) -> Iterator[Sequence[Token]]:
    """Return the stretches of a sentence that go with one time each; a sentence with none or one is a single clause."""
    times = [index for index, token in enumerate(tokens) if _is_anchor(token)]
    if len(times) < 2:
        yield tokens
        return
    cuts = [0, *_starts(tokens, times), len(tokens)]
    for start, end in pairwise(cuts):
        yield tokens[start:end]


def _is_anchor(token: Token) -> bool:
    return token.stamp is not None and token.stamp.kind in (StampKind.MOMENT, StampKind.RANGE)


def _starts(tokens: Sequence[Token], times: Sequence[int]) -> Iterator[int]:
    """Return where the stretch of each time but the first begins: times stand before or behind what they tell."""
    is_before = not any(token.says for token in tokens[: times[0]])
    is_behind = not is_before and not any(token.says for token in tokens[times[-1] + 1 :])
    for one, two in pairwise(times):
        between = [index for index in range(one + 1, two + 1) if tokens[index].cut]
        if is_behind:
            yield one + 1
        elif is_before and not between:
            yield two
        else:
            joined = [at for at in between if tokens[at].text == "and" and tokens[at - 1].cut]
            own = joined or [at for at in between if tokens[at].text.lower() not in _RELATIVE] or between
            yield own[-1] if own else one + 1
