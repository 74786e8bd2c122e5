"""What a clause says, as far as metadata can contradict it: colours, ways, senses, numbers, names, places, doings.

Notes of events and clauses of a text are read by the same rules, so that both come out in the same terms: "the top
wall" and "the upper wall" are both `up`, "bounces off" and "hits" the same doing.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from retroflip.cot.stamps import NUMBER_WORDS
from retroflip.synth.animation import MARKS, PALETTE, SHAPES

Values = frozenset[str]

FILE = r"\b\w+\.(?:txt|md|csv|py|log|png|json|dat|pdf)\b"
"""the name of a file"""
BEING = frozenset(("visit",))
"""no doing: "is" stands in most clauses"""
_CONTRACTED = (
    (re.compile(r"’"), "'"),
    (re.compile(r"\b(ca)n(?:'t|not)\b", re.IGNORECASE), r"\1n not"),
    (re.compile(r"\bwon't\b", re.IGNORECASE), "will not"),
    (re.compile(r"n't\b", re.IGNORECASE), " not"),
)
_COUNTED = (
    r"(?:hits?|bounces?|collisions?|contacts?|movements?|motions?|moves?|turns?|swaps?|changes?|times?)\b"
)
_REPLACED = tuple(
    (re.compile(pattern), with_)
    for pattern, with_ in (
        (r"(?<=[\d?] )\*(?= [\d?])|(?<=\d )times(?= (?:\d|\?))", " multiply "),
        (r"[*_`\"“”‘]|(?<!\w)'|'(?!\w)", " "),
        (r"\bfail(?:s|ed)? to\b", " does not "),
        (r"\b(?:nowhere|at no (?:time|point|moment))(?= [a-z])", " never "),
        (
            r"\b([a-z][^,;.:()]{0,60}) (?:nowhere|at no (?:time|point|moment))(?=\s*(?:[,;.:()]|$))",
            r" never \1 ",
        ),
        (
            r"\bthere (?:is|are|was|were) no\b(?! (?:doubt|need|question|other|second|third|further|more)\b)",
            " never ",
        ),
        (rf"\bno (?={_COUNTED})", " never "),
        (
            r"\b(?:(?:stays?|stayed|stands?|remains?|remained) (?:still|put|in place|motionless|stationary|at rest)|"
            r"(?:is|was) (?:motionless|stationary|at rest))\b",
            " never moves ",
        ),
        (r"\b(?:does not|do not|did not) move(?=\s*(?:at all\s*)?(?:[,;.:()]|$))", " never moves "),
        (r"\b(?:is|are|was|were) not empty\b", " does not holds nothing "),
        (r"\bends? (?:up )?empty\b", " at the end holds nothing "),
        (
            r"\b(?:is|was|stays|remains|becomes)(?: (?:now|still|then|left|completely|again))* empty\b",
            " holds nothing ",
        ),
        (r"\bends? (?:up )?with (?=\d+ (?:chips?|files?)\b|nothing\b|no )", " at the end holds "),
        (rf"\b(?:(?:only|just|exactly) one|(?<=there is )one) (?={_COUNTED})(?! after)", " 1 "),
        (r"\b(?:only|just|exactly) once\b|(?<!than )(?<!at )(?<!not )\bonce(?=\s*(?:[.,;)]|$))", " 1 times "),
        (r"\b(?:counter|anti)[ -]?clockwise\b", " ccw "),
        (r"\bclockwise\b", " cw "),
        (r"\bface[ -]?down\b", " facedown "),
        (r"\bface[ -]?up\b", " faceup "),
        (r"\bfrom (?:the )?left to (?:the )?right\b", " rightward "),
        (r"\bfrom (?:the )?right to (?:the )?left\b", " leftward "),
        (r"\b(?:from )?(?:the )?top to (?:the )?bottom\b", " downward "),
        (r"\b(?:from )?(?:the )?bottom to (?:the )?top\b", " upward "),
        (
            r"\b(?:speed(?:s|ing)?|pick(?:s|ing)? up speed|sped)(?: up)\b|\bpick(?:s|ing)? up speed\b",
            " faster ",
        ),
        (r"\baccelerat\w+|\bquicken\w*|\b(?:gets?|getting|becom\w+) faster\b", " faster "),
        (r"\b(?:slow(?:s|ing|ed)? down|decelerat\w+|slow(?:s|ing|ed))\b", " slower "),
        (r"\b(?:gets?|getting|becom\w+) slower\b|\bbrak(?:es|ing)\b|\bloses speed\b", " slower "),
        (
            r"\b(?:keeps?|keeping|maintain\w*|holds?|at) (?:its|the same|a constant|a steady|an even) (?:\w+ )?"
            r"(?:speed|pace)\b",
            " evenly ",
        ),
        (
            r"\b(?:constant|steady|uniform|unchanged|same|even) (?:speed|pace|velocity)\b|\bsteadily\b|\buniformly\b",
            " evenly ",
        ),
        (
            r"\bright (?=answer|option|choice|away|after|before|now|at\b|when|as\b|then|number|total|count)",
            " ",
        ),
        (
            r"\b(?:is|are|was|were|'s|has|have) left\b(?= (?:in|inside|behind|with|over|on)\b|[.,;]|$)",
            " remains ",
        ),
        (r"\bleft[ -]?over\b", " remains "),
        (
            r"\b(ends?|ended|ending|adds?|sums?|comes?|made|makes|set|looks?|lines?|lined|shows?|opens?|opened|"
            r"opening) up\b",
            r" \1 ",
        ),
        (
            r"\b(write|writing|note|noting|jot|break|breaking|comes?|boils?|track|tracking|narrow) (?:\w+ )?down\b",
            r" \1 ",
        ),
        (r"\bup to (?=\d)", " "),
        (r"\b(?:row|r)\s*(\d+)\s*(?:,|and)?\s*(?:col(?:umn)?|c)\s*(\d+)\b", r" r\1c\2 "),
        (r"\bcol(?:umn)?\s*(\d+)\s*(?:,|of|in)?\s*row\s*(\d+)\b", r" r\2c\1 "),
        (r"\b(?:a|per|each|every) second\b", " "),
        (r"\b(first|second) half\b", r" \1-half "),
        (
            r"\bthe (?:two|three|four)\b(?= (?:are|is|move|approach|come|part|objects|shapes|of them)\b)",
            " they ",
        ),
        (r"\btwice\b", " 2 times "),
        (r"\bthrice\b", " 3 times "),
        (
            r"\b(?:leav\w+|exit\w*|(?:has|have|had) left) (?:[a-z]+ ){0,3}?(?:screen|frame|view|edge|border)\b"
            r"|\bleft the (?:screen|frame|view)\b",
            " crosses-border ",
        ),
        (
            r"\bexits?\b|\bre-?enter\w*|\bwrap(?:s|ping)? around\b|\bcom(?:es|ing) back in\b",
            " crosses-border ",
        ),
        (r"\b(?:com|mov|draw)\w* (?:closer|near\w*|together)\b", " approach "),
        (r"\b(?:mov|drift|com|pull)\w* (?:apart|away from each other)\b", " parting "),
        (r"\bleast (?:far|distance)\b|\b(?:the )?(?:least|shortest) (?:way|distance)\b", " shortest "),
        (r"\b(?:the )?(?:most|greatest|longest) (?:way|distance)\b", " longest "),
        (r"(?<=\s)(?:-|−)(?=\s|$)|\bminus\b|\bsubtract\w*", " minus "),
        (r"\(times\)|\btimes sign\b|\bmultipl\w+|[×]|(?<=\s)\*(?=\s)", " multiply "),
        (r"(?<=\s)\+(?=\s|$)|\bplus\b", " plus "),
        (r"÷|\bdivided by\b|\bdivision\b|(?<=\s)/(?=\s)", " divide "),
    )
)
_FIGURES = ("line", "spiral", "zigzag", "wave", "figure-eight")
"""ways that objects go, besides those that have the name of a shape"""
_CATEGORIES: dict[str, Mapping[str, Iterable[str]]] = {
    "colour": {name: (name,) for name in (*PALETTE, "white", "black", "brown", "magenta")},
    "shape": {
        name: (name, f"{name}s") for name in (*SHAPES, *(mark for mark in MARKS if mark != "text"), *_FIGURES)
    },
    "direction": {
        "up": ("up", "upward", "upwards", "top", "topmost", "upper", "above", "ceiling", "uphill"),
        "down": ("down", "downward", "downwards", "bottom", "lower", "below", "beneath", "floor", "underneath"),
        "left": ("left", "leftward", "leftwards", "leftmost", "lefthand", "left-hand"),
        "right": ("right", "rightward", "rightwards", "rightmost", "righthand", "right-hand"),
    },
    "sense": {"cw": ("cw",), "ccw": ("ccw",)},
    "pace": {"faster": ("faster",), "slower": ("slower",), "evenly": ("evenly",)},
    "size": {
        "grow": ("grow", "grows", "growing", "grew", "bigger", "larger", "enlarges", "expands", "swells", "swell"),
        "shrink": ("shrink", "shrinks", "shrinking", "shrank", "smaller", "contracts"),
    },
    "facing": {"facedown": ("facedown",), "faceup": ("faceup",)},
    "transfer": {
        "put": ("put", "puts", "placed", "places", "added", "adds", "inserted", "dropped", "drops", "laid", "slipped"),
        "take": ("taken", "take", "takes", "removed", "removes", "drawn", "pulled", "lifted", "withdrawn"),
    },
    "operator": {name: (name,) for name in ("plus", "minus", "multiply", "divide")},
    "border": {"crossed": ("crosses-border",)},
    "half": {"first half": ("first-half",), "second half": ("second-half",)},
    "extreme": {
        "most": ("fastest", "furthest", "farthest", "largest", "longest", "biggest", "greatest", "quickest"),
        "least": ("slowest", "closest", "nearest", "shortest", "smallest"),
    },
    "nearing": {
        "approach": ("approach", "approaches", "approaching"),
        "part": ("parting", "separate", "separates", "separating", "diverge"),
    },
    "view": {"seen": ("transparent", "see-through", "uncovered"), "hidden": ("opaque", "covered", "concealed")},
    "gesture": {
        "fade": ("fade", "fades", "fading", "faded", "dims", "dimming"),
        "flash": ("flash", "flashes", "flashing", "flashed", "blinks", "blinking", "flickers"),
        "sway": ("sway", "sways", "swaying", "swayed", "wobbles", "wobbling"),
        "hop": ("hop", "hops", "hopping", "hopped", "jump", "jumps", "jumping", "jumped", "leap", "leaps", "leaping"),
        "tilt": ("tilt", "tilts", "tilting", "tilted", "lean", "leans", "leaning", "leaned"),
    },
}  # fmt: skip
_LOOKS = frozenset(("colour", "shape", "size", "gesture"))
"""categories whose changes are told in one row ("it grows, then turns red")"""
_BY_WORD = {
    word: (category, value)
    for category, values in _CATEGORIES.items()
    for value, words in values.items()
    for word in words
}
_DOINGS: dict[str, str] = {
    "hit": r"hit\w*|bounc\w+|str(?:ike|uck)\w*|colli[ds]\w+|bump\w*|rebound\w*|knock\w*|touch\w*|contact\w*",
    "move": (
        r"mov\w+|go|goes|going|went|travel\w*|head\w*|drift\w*|glid\w+|slid\w*|shift\w*|proceed\w*|runs?|advance\w*|"
        r"fl(?:y|ies|ew)"
    ),
    "become": r"turn\w*|becom\w+|became|chang\w+|transform\w*|switch\w*|morph\w*",
    "hop": r"hop\w*|jump\w*|leap\w*",
    "turn": r"turn\w*|rotat\w+|spin\w*|spun|revol\w+|twist\w*|swing\w*",
    "pour": r"pour\w*|empt(?:y|ied|ies)\w*|tip\w*",
    "swap": r"swap\w*|exchang\w+|chang\w+|switch\w*|trad\w+",
    "approach": r"approach\w*|clos\w+|near\w*|together|part|parts|parting|separat\w+|distance",
    "show": (
        r"shown?|shows|showing|reveal\w*|open\w*|visible|transparent|display\w*|list\w*|appear\w*|see|seen|initial|"
        r"start\w*|log"
    ),
    "cover": r"cover\w*|blank|hidden|conceal\w*|opaque|closed",
    "cross": r"cover\w*|cross\w*|screen\w*|speed\w*",
    "execute": r"run|runs|ran|execut\w+|command\w*|issued?",
    "trace": r"trac\w+|draws?|drawing|drew|drawn|follow\w*|path|sketch\w*|writ\w+",
    "vanish": r"disappear\w*|vanish\w*",
    "nothing": r"nothing|not yet|no more|empty|blank",
    "visit": r"is|sits|moves|stands|lies|stays|located|positioned",
}
_DOING_PATTERNS = {name: re.compile(rf"\b(?:{pattern})\b") for name, pattern in _DOINGS.items()}
_FILE = re.compile(FILE)
_CELL = re.compile(r"\br\d+c\d+\b|\b[a-h][1-8]\b")
_HOLDER = re.compile(r"\b[A-H]\b(?!')")
_DECIMAL = re.compile(r"(?<![\w.])\d+\.\d+(?![\w.]*\w)")
_NUMBER = re.compile(r"(?<![\w.])\d+(?![\w]|\.\d)")
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_NTH = "|".join(_ORDINALS)
_ORDINAL = re.compile(
    rf"\b(?:the (?:(\d+)(?:st|nd|rd|th)|({_NTH}))|({_NTH})(?= from the))\b(?!(?: (?:row|column|frame)|[- ]half))"
)
_DENIED = re.compile(
    r"\b(?:(?:does|do|did|has|have|had|can|could|will|would) not|(?P<being>is|are|was|were) not|never)\b"
    r"(?! only| just| yet)(?P<what>:?(?:[^,;.:()]|(?<=\d)\.(?=\d))*)"
)
_NO_MORE = re.compile(r"\b(?:any ?more|any longer|as yet)\b")
_NEGATED = re.compile(
    r"\b(?:not|no longer|rather than|instead of|never|neither|nor|without|ignor\w+|except|unlike|"
    r"as opposed to)\b"
    r"[^,;.:()]*"
)
_TARGET = re.compile(r"\b(?:into|onto)(?: [a-z]+){0,4}? ([A-H]|r\d+c\d+|\d+)\b")
_SOURCE = re.compile(r"\b(?:from|out of)(?: [a-z]+){0,4}? ([A-H]|r\d+c\d+)\b")
_CAPITALS = re.compile(
    r"\b[A-Z](?=[a-z'’])|\b[A-Z]{2,}\b|\b[A-H](?=[1-8]\b)"
    r"|(?:(?<=^)|(?<=[.:;,)] ))A(?= (?!(?:holds|has|contains|does|did|is|now|gets|receives|keeps|and)\b)[a-z])"
)
"""capitals that are none of a place's name: of words, of cells, and of the article"""


def uncontracted(text: str) -> str:
    """Return text with every contracted "not" written out."""
    for pattern, with_ in _CONTRACTED:
        text = pattern.sub(with_, text)
    return text


@lru_cache(maxsize=8192)
def normalised(text: str) -> str:
    """Return text as clauses are compared: one spelling for each thing said; single capitals stay (cup A)."""
    folded = _CAPITALS.sub(lambda found: found[0].lower(), uncontracted(text))
    for pattern, with_ in _REPLACED:
        folded = pattern.sub(with_, folded)
    return " ".join(folded.split())


@dataclass(frozen=True)
class Features:
    """What a normalised clause says. values: by category; doings: verbs by sense; names: files, cells and places;
    cells: those among them, in their order.

    order: what is said of each category, in its order and as often as it is said, for sentences that tell several
    things. targets, sources: places that something goes into or comes from. words: all of them, for the overlap with a
    note.
    """

    values: Mapping[str, Values]
    doings: Values
    names: Values
    cells: tuple[str, ...]
    numbers: Values
    decimals: tuple[str, ...]
    ordinals: frozenset[int]
    targets: Values
    sources: Values
    order: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    words: Values = field(default_factory=frozenset)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing that metadata could confirm."""
        return not (any(self.values.values()) or self.doings or self.names or self.numbers or self.decimals)


_STOP = frozenset((
    "a", "an", "and", "another", "are", "as", "at", "be", "by", "clip", "from", "has", "have", "her",
    "here", "his", "i", "in", "into", "is", "it", "its", "now", "object", "objects", "of", "on", "one",
    "or", "other", "so", "that", "the", "their", "them", "then", "there", "they", "this", "time", "to",
    "up", "video", "was", "we", "which", "while", "with", "you",
))  # fmt: skip


@lru_cache(maxsize=8192)
def features(clause: str) -> Features:
    """Return what a normalised clause says; what it denies ("not the left wall") is left out."""
    said = affirmed(clause)
    tokens = re.findall(r"[A-Za-z][\w'.-]*\w|[A-Za-z]", said)
    values: dict[str, set[str]] = {}
    order: dict[str, tuple[str, ...]] = {}
    for category, value in filter(None, map(_BY_WORD.get, tokens)):
        values.setdefault(category, set()).add(value)
        together = "look" if category in _LOOKS else category
        order[together] = (*order.get(together, ()), value)
    without_names = _FILE.sub(" ", said)
    counted = re.sub(r"\b(?:row|column)\s+\d+", " ", without_names)
    counted = re.sub(rf"\b({'|'.join(NUMBER_WORDS)})\b", _digits, counted)
    cells, holders = tuple(_CELL.findall(without_names)), tuple(_HOLDER.findall(without_names))
    numbers = tuple(str(int(found)) for found in _NUMBER.findall(counted))
    decimals = tuple(_DECIMAL.findall(counted))
    ordinals = tuple(_ordinal(found) for found in _ORDINAL.finditer(counted))
    listed = {
        "cell": cells,
        "place": (*_FILE.findall(said), *holders),
        "number": numbers,
        "decimal": decimals,
        "ordinal": tuple(map(str, ordinals)),
    }
    return Features(
        {category: frozenset(found) for category, found in values.items()},
        frozenset(name for name, pattern in _DOING_PATTERNS.items() if pattern.search(said)),
        frozenset([*listed["place"], *cells]),
        cells,
        frozenset(numbers),
        decimals,
        frozenset(ordinals),
        frozenset(_TARGET.findall(said)),
        frozenset(_SOURCE.findall(said)),
        order | {category: found for category, found in listed.items() if found},
        frozenset(token.lower() for token in tokens) - _STOP,
    )


def affirmed(clause: str) -> str:
    """Return a normalised clause without what it denies."""
    return _NEGATED.sub(" ", clause)


@dataclass(frozen=True)
class Denial:
    """What a clause denies.

    In "the star does not go up", `before` is "the star", and `what` is "go up". `rest` is the clause from there to its
    end, other denials included. is_being: whether "is", "are", "was" or "were" is denied; `what` begins with it then.
    """

    before: str
    what: str
    rest: str
    is_being: bool


def denials(clause: str) -> list[Denial]:
    """Return what a normalised clause denies; what is only over or yet to come ("not any more") is not denied."""
    return [
        Denial(
            clause[: found.start()],
            f"{found['being'] or ''}{found['what']}",
            f"{found['being'] or ''}{clause[found.start('what') :]}",
            bool(found["being"]),
        )
        for found in _DENIED.finditer(clause)
        if not _NO_MORE.search(found["what"])
    ]


def _digits(found: re.Match[str]) -> str:
    return found[0] if found[0] == "one" else str(NUMBER_WORDS[found[0]])


def _ordinal(found: re.Match[str]) -> int:
    return int(found[1]) if found[1] else _ORDINALS.index(found[2] or found[3]) + 1


def texts_in(value: Any) -> list[str]:
    """Return all texts and numbers in a JSON value, as texts; keys of mappings too."""
    if isinstance(value, Mapping):
        return [text for key, item in value.items() for text in (str(key), *texts_in(item))]
    if isinstance(value, list | tuple):
        return [text for item in value for text in texts_in(item)]
    return [] if value is None or isinstance(value, bool) else [str(value)]
