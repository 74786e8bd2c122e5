"""What a text says of a clip, said of the clip mirrored left to right or played backwards.

Both maps work on short texts such as the options of a question, and give the text in one spelling (`spelt`). Each
undoes itself. They know words and not the world: a text that reads the same mapped may yet be true of one clip alone,
and one that nothing here knows stays as it is. So an answer is known only where the image of the right option is
*another* option, and the question itself names no side (under a mirror) and no moment, way or step (under reversal).

Reversal maps a sequence of motions (a, b) to (-b, -a), "from x to y" to "from y to x", and "a before b" to "b, then a"
with each of both reversed; so "left, then right" is reversed what it was.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

_END = r"(?:left|right|up|down|top|bottom)"
_RESPELT = {
    r"clock": {
        r"(?:anti|counter)[- ]?clock[- ]?wise": "counterclockwise",
        r"clock[- ]wise": "clockwise",
    },
    r"cw": {r"ccw": "counterclockwise", r"cw": "clockwise"},
    r"wards": {r"(left|right|up|down|for|back|in|out|to|side)wards": r"\1ward"},
    r"speed": {r"speeds? up": "accelerates", r"speeding up": "accelerating"},
    r"slow": {r"slows? down": "decelerates", r"slowing down": "decelerating"},
    rf"(?:left|right|up|down|top|bottom|upper|lower)(?:-to-|[- ]| to (?:the )?){_END}": {
        r"(left|right|up|down)[- ](left|right|up|down)": r"\1-\2",
        r"(top|bottom|upper|lower)[- ](left|right)": r"\1-\2",
        rf"({_END})-to-({_END})": r"\1 to \2",
        r"(?<!from )(left|right|top|bottom) to (?:the )?(left|right|top|bottom)": r"from \1 to \2",
    },
    r"away": {r"away from": "away"},
    r"the (?:camera|viewer)": {r"(toward|away) the (?:camera|viewer)": r"\1"},
}
"""what is spelt otherwise, in this order, by a sign that is in each such text and sooner looked for"""
_MAY_BE_RESPELT = re.compile("clock|cw|wards|speed|slow|away|toward|left|right|up|down|top|bottom")
_SPELT_AS = [
    (re.compile(sign), [(re.compile(rf"\b{pattern}\b"), spelling) for pattern, spelling in patterns.items()])
    for sign, patterns in _RESPELT.items()
]
_REMEMBERED = 256
"""texts whose spelling, images and steps are: both maps and several rules read those of a question"""
_SIDES = (
    ("left", "right"), ("leftward", "rightward"), ("leftmost", "rightmost"), ("lefthand", "righthand"),
    ("leftside", "rightside"), ("clockwise", "counterclockwise"), ("east", "west"), ("northeast", "northwest"),
    ("southeast", "southwest"), ("eastward", "westward"), ("←", "→"), ("↖", "↗"), ("↙", "↘"), ("↰", "↱"), ("↶", "↷"),
    ("↺", "↻"), ("⟲", "⟳"),
)  # fmt: skip
_SHAPES = (
    ("b", "d"), ("p", "q"), ("<", ">"), ("(", ")"), ("[", "]"), ("{", "}"), ("/", "\\"), ("«", "»"), ("‹", "›"),
    ("≤", "≥"), ("≪", "≫"), ("⊂", "⊃"), ("⊏", "⊐"), ("⟨", "⟩"), ("╱", "╲"), ("◐", "◑"), ("◣", "◢"), ("◤", "◥"),
    ("└", "┘"), ("┌", "┐"), ("├", "┤"), ("⊢", "⊣"), ("☾", "☽"), ("🌒", "🌘"), ("🌓", "🌗"), ("🌔", "🌖"),
    ("<<", ">>"), ("<-", "->"),
    ("backslash", "forward slash"), ("less-than sign", "greater-than sign"),
)  # fmt: skip
"""the mirror's own, where they are the whole text"""
_ARROWS = str.maketrans(
    dict.fromkeys("⇐⇦⬅⟵◀◁◄👈☚☜", "←") | dict.fromkeys("⇒⇨➡⟶▶▷►👉☛☞➜➔", "→") | {"\ufe0f": None}
)
"""arrows that say what others do"""
_WAYS = (
    ("left", "right"), ("leftward", "rightward"), ("up", "down"), ("upward", "downward"), ("upstairs", "downstairs"),
    ("uphill", "downhill"), ("forward", "backward"), ("inward", "outward"), ("into", "out of"), ("onto", "off"),
    ("toward", "away"), ("clockwise", "counterclockwise"), ("north", "south"), ("east", "west"),
    ("northeast", "southwest"), ("northwest", "southeast"), ("up-left", "down-right"), ("up-right", "down-left"),
    ("left-up", "right-down"), ("left-down", "right-up"), ("←", "→"), ("↑", "↓"), ("↖", "↘"), ("↗", "↙"), ("↺", "↻"),
    ("↶", "↷"), ("⟲", "⟳"), ("faster", "slower"), ("bigger", "smaller"), ("larger", "tinier"), ("brighter", "darker"),
    ("higher", "deeper"), ("louder", "quieter"), ("taller", "shorter"), ("wider", "narrower"), ("thicker", "thinner"),
    ("warmer", "colder"), ("closer", "farther"), ("nearer", "further"), ("fuller", "emptier"),
    ("before", "after"), ("earlier", "later"), ("beginning", "end"),
    ("acceleration", "deceleration"), ("expansion", "contraction"), ("growth", "shrinkage"), ("rise", "fall"),
)  # fmt: skip
_VERBS = (
    ("open opens opening opened", "close closes closing closed"),
    ("enter enters entering entered", "exit exits exiting exited"),
    ("appear appears appearing appeared", "disappear disappears disappearing disappeared"),
    ("approach approaches approaching approached", "recede recedes receding receded"),
    ("accelerate accelerates accelerating accelerated", "decelerate decelerates decelerating decelerated"),
    ("grow grows growing grew", "shrink shrinks shrinking shrank"),
    ("expand expands expanding expanded", "contract contracts contracting contracted"),
    ("inflate inflates inflating inflated", "deflate deflates deflating deflated"),
    ("rises rising rose", "falls falling fell"),
    ("ascend ascends ascending ascended", "descend descends descending descended"),
    ("raise raises raising raised", "lower lowers lowering lowered"),
    ("push pushes pushing pushed", "pull pulls pulling pulled"),
    ("increase increases increasing increased", "decrease decreases decreasing decreased"),
    ("brighten brightens brightening brightened", "darken darkens darkening darkened"),
    ("tighten tightens tightening tightened", "loosen loosens loosening loosened"),
    ("attach attaches attaching attached", "detach detaches detaching detached"),
    ("connect connects connecting connected", "disconnect disconnects disconnecting disconnected"),
    ("assemble assembles assembling assembled", "disassemble disassembles disassembling disassembled"),
    ("separate separates separating separated", "join joins joining joined"),
    ("merge merges merging merged", "split splits splitting"),
    ("fill fills filling filled", "empty empties emptying emptied"),
    ("freeze freezes freezing froze", "melt melts melting melted"),
    ("stand stands standing stood", "sit sits sitting sat"),
    ("start starts starting started", "stop stops stopping stopped"),
    ("advance advances advancing advanced", "retreat retreats retreating retreated"),
    ("fasten fastens fastening fastened", "unfasten unfastens unfastening unfastened"),
    ("bloom blooms blooming bloomed", "furl furls furling furled"),
    ("insert inserts inserting inserted", "remove removes removing removed"),
)
_UNDOING = "fold tie zip wrap lock cover load pack roll button stack veil"
"""verbs that "un" undoes"""
_DOUBLED = {"zip", "wrap"}
_PHRASES = (
    ("pick picks picking picked", "up", "put puts putting", "down"),
    ("put puts putting", "on", "take takes taking took", "off"),
    ("turn turns turning turned", "on", "turn turns turning turned", "off"),
    ("switch switches switching switched", "on", "switch switches switching switched", "off"),
    ("fade fades fading faded", "in", "fade fades fading faded", "out"),
    ("zoom zooms zooming zoomed", "in", "zoom zooms zooming zoomed", "out"),
    ("get gets getting got", "in", "get gets getting got", "out"),
    ("plug plugs plugging plugged", "in", "unplug unplugs unplugging unplugged", ""),
    ("hang hangs hanging hung", "up", "take takes taking took", "down"),
    ("lean leans leaning leaned", "forward", "lean leans leaning leaned", "back"),
)
"""with the verbs above, those of CRPO's appendix A.2 that have one inverse"""
_WENT_AWAY = re.compile(
    r"\b(?:is|are|was|were|has|have|had|he|she|they|it|who|man|woman|person|dog|boy|girl)\s+left"
    r"(?=\W*$|\s+(?:the|a|an|his|her|their|it|over|behind|out|alone|early|for|on|in)\b)"
    r"|\bleft\s+(?:behind|over|alone|early|home)\b|\bleftovers?\b"
)
_IMMEDIATE = re.compile(
    r"\bright\s+(?:away|now|after|before|here|there|at|answer|order|amount|angles?|one|thing|place|time|triangle|size)\b"
    r"|\b(?:all|is|are|was|just|not|quite)\s+right\b(?!\s+(?:of|hand|side))"
)
_PLACE = re.compile(
    r"\b(?:(?:on|at|in|near|from|of|under|over|behind|beside|by)\s+(?:the|his|her|its|their)\s+)(?:far\s+)?"
    r"(?:left|right|top|bottom|upper|lower)\b|\b(?:left|right|upper|lower|top|bottom)[- ]"
    r"(?:hand|foot|leg|arm|eye|ear|knee|shoulder|side|half|corner|edge|wall|lane|door|part|third|end)s?\b"
    r"|\b(?:left|right) of\b|\b(?:top|bottom|upper|lower)-(?:left|right)\b|\b(?:left|right)(?:most|hand|side)\b"
)
"""where something is, which reversal leaves as it is"""
_ROLLS_ALONG = re.compile(
    r"\broll(?:s|ing|ed)?\b(?! (?:up|out|the|an?|it|this|that|his|her|its|their|some)\b)"
)
"""what a ball does, which no unrolling undoes; a carpet is rolled up, or out"""
_THEN = re.compile(
    r"\s*(?:(?:,|;)?\s*(?:\band\s+)?\b(?:then|after that|afterwards|next|finally|followed by)\b,?"
    r"|->|=>|⇒|;|,(?:\s*and\b)?)\s*"
)
_JOINT = re.compile(r"[,;⇒>]|then|after|before|next|finally|followed")
"""in every text of several steps"""
_FIRST = re.compile(r"^(?:at\s+)?first(?:ly)?\b,?\s+(?=\S)")
_WHO_FIRST = re.compile(r"^(?:it|he|she|they) (?:first )?(?=\S)")
"""who takes a step, which says nothing of it"""
_TO_A_WAY = frozenset(("to", "toward", "the"))
_ONCE_MORE = re.compile(
    r"^(?:an?|one|another)\s+(?=\S)|\s+(?:again|once more)$"
    r"|\b(?:back|another|one|again)\s+(?=(?:to|toward|left|right|up|down)\b)"
)
"""what a step says of the one before it: "then another to the left", "and back up again" """
_FROM_TO = re.compile(r"(?P<before>.*?)\bfrom\s+(?P<start>\S.*?)\s+(?P<joint>to|into)\s+(?P<end>\S.*)")
_BEFORE = re.compile(r"(?P<first>\S.*?)\s+(?P<word>before|after)\s+(?P<second>\S.*)")
_SAME = re.compile(
    r"\bback and forth\b|\bbetween\b|\bat the same time\b|\bboth\b|\bto and fro\b|\bup and down\b|\bside to side\b|"
    r"\bsimultaneous(?:ly)?\b"
)
"""what is the same both ways, whatever words stand in it"""
_ALTERNATIVES = r"\b({words})(\s*(?:,\s*)?\bor\s+(?:from\s+|to\s+the\s+|to\s+|the\s+)?|\s*/\s*)({words})\b"
_MOMENTS = re.compile(
    r"\b(?:where|first|last|second|third|next|then|before|after|when|while|until|during|starts?|started|ends?|ended|"
    r"begins?|beginning|finally|initially|final|initial|eventually|later|earlier|previous|once|as soon as|sequence|"
    r"order|now|still|already|again|at the moment|at what time|why|causes?|caused|result|happens?|\d+(?::\d\d)+|"
    r"\d+(?:\.\d+)?\s*(?:s|sec|seconds?|minutes?))\b"
)


_OF_THE_WHOLE = re.compile(
    r"^(?:so,? )?what (?:happens|happened)(?: to (?:the |this )?[\w-]+(?: [\w-]+)?)?"
    r"(?: (?:in|during) (?:the|this) (?:video|clip))?$"
    r"|^(?:in )?(?:which|what)(?: is the)?(?: correct| right)? (?:order|sequence)\b"
)
"""a question about all that is shown, which is asked of the other clip in the same words"""


class TextMap(StrEnum):
    """A map of texts, by what is done to the clip."""

    MIRROR = "mirror"
    REVERSE = "reverse"


@lru_cache(maxsize=_REMEMBERED)
def spelt(text: str) -> str:
    """Return a text in the one spelling in which texts are compared: "Moves to the Left." is "moves to the left"."""
    if not text.isascii():
        text = text.replace("’", "'").translate(_ARROWS)
    text = " ".join(text.casefold().split()).rstrip(".!")
    return _respelt(text) if _MAY_BE_RESPELT.search(text) else text


def _respelt(text: str) -> str:
    for sign, patterns in _SPELT_AS:
        if sign.search(text):
            for pattern, spelling in patterns:
                text = pattern.sub(spelling, text)
    return text


@lru_cache(maxsize=_REMEMBERED)
def mirror(text: str) -> str | None:
    """Return what a text says of the mirrored clip; None where "left" or "right" in it may be no side.

    >>> mirror("Counter-clockwise, from the left"), mirror("He left the room")
    ('clockwise, from the right', None)
    """
    text = spelt(text)
    if _is_no_side(text):
        return None
    return _OTHER_SHAPE.get(text) or _swapped(text, _MIRRORED)


@lru_cache(maxsize=_REMEMBERED)
def reverse(text: str) -> str | None:
    """Return what a text says of the clip played backwards; None where "left" or "right" in it may be no way.

    >>> reverse("first left, then up"), reverse("from a lump to a bowl"), reverse("picks up the cup")
    ('down, then right', 'from a bowl to a lump', 'puts down the cup')
    """
    text = spelt(text)
    if _is_no_side(text):
        return None
    if _SAME.search(text):
        return text
    return _reversed_sequence(text)


MAPS: dict[TextMap, Callable[[str], str | None]] = {TextMap.MIRROR: mirror, TextMap.REVERSE: reverse}


def names_what_changes(question: str, text_map: TextMap) -> bool:
    """Return whether a question itself speaks of what the map changes, so that it asks another thing of the other clip.

    Alternatives that it only lists ("left or right") do not count.

    >>> names_what_changes("Does it go left or right?", TextMap.MIRROR)
    False
    >>> names_what_changes("Where does the left car go?", TextMap.MIRROR)
    True
    """
    text = spelt(question).rstrip("?")
    table = _MIRRORED if text_map is TextMap.MIRROR else _REVERSED
    if " or " in text or "/" in text:
        text = _LISTED[text_map].sub(" ", text)
    if _is_no_side(text):
        return True
    if text_map is TextMap.MIRROR:
        return table.may_change(text) and table.pattern.search(text) is not None
    text = _OF_THE_WHOLE.sub(" ", text)
    if _MOMENTS.search(text):
        return True
    return (
        table.may_change(text)
        and table.pattern.search(_ROLLS_ALONG.sub(" ", _PLACE.sub(" ", text))) is not None
    )


def other_option(options: Sequence[str], right: int, text_map: TextMap) -> int | None:
    """Return the option that says of the other clip what the right one says of this; None where none or two do.

    >>> other_option(["left", "right", "up"], 0, TextMap.MIRROR), other_option(["up", "left"], 0, TextMap.MIRROR)
    (1, None)
    """
    image = MAPS[text_map](options[right])
    if image is None:
        return None
    said = _said(image)
    same = [index for index, option in enumerate(options) if _said(option) == said]
    return same[0] if len(same) == 1 and same[0] != right else None


def say_the_same(one: str, other: str) -> bool:
    """Return whether two texts differ in nothing but spelling and what joins their steps.

    >>> say_the_same("first left, then up", "Left then up.")
    True
    """
    return _said(one) == _said(other)


def _is_no_side(text: str) -> bool:
    """Return whether "left" or "right" in a text may be no side and no way."""
    return ("left" in text and _WENT_AWAY.search(text) is not None) or (
        "right" in text and _IMMEDIATE.search(text) is not None
    )


def is_shape(text: str) -> bool:
    """Return whether a text in one spelling is a shape whose mirror image is another: "b", "<", "(".

    >>> is_shape("<"), is_shape("o")
    (True, False)
    """
    return text in _OTHER_SHAPE


@lru_cache(maxsize=_REMEMBERED)
def steps(text: str) -> tuple[str, ...]:
    """Return what a text says happens one after the other, in that order; the text alone where it tells one thing.

    >>> steps("first left, then up"), steps("the fall after the kiss")
    (('left', 'up'), ('the kiss', 'the fall'))
    """
    text = spelt(text)
    if not _JOINT.search(text):
        return (_FIRST.sub("", text) if "first" in text else text,) if text else ()
    before = _BEFORE.fullmatch(text)
    if before and not _THEN.search(text):
        told = before["first"], before["second"]
        return told if before["word"] == "before" else told[::-1]
    return tuple(step for step in _THEN.split(_FIRST.sub("", text)) if step)


@lru_cache(maxsize=_REMEMBERED)
def _said(text: str) -> tuple[str, ...]:
    """Return the steps of a text as they are compared: without who takes them, or a verb that only one of them has.

    "It first moves left, then right" is then "left, then right".
    """
    told = steps(text)
    if len(told) < 2:
        return told
    told = tuple(_ONCE_MORE.sub("", _WHO_FIRST.sub("", step)) for step in told)
    verbs = [_before_way(step) for step in told]
    if None in verbs or len(set(filter(None, verbs))) != 1 or verbs.count("") != len(told) - 1:
        return told
    return tuple(step.removeprefix(verb or "").strip() for step, verb in zip(told, verbs, strict=True))


def _before_way(step: str) -> str | None:
    """Return what stands before the way that a step ends with ("moves" in "moves to the left"); None without a way."""
    words = step.split()
    if not words or words[-1] not in _REVERSED.images:
        return None
    words.pop()
    while words and words[-1] in _TO_A_WAY:
        words.pop()
    return " ".join(words)


def _reversed_sequence(text: str) -> str:
    told = steps(text)
    return (
        ", then ".join(_reversed_step(step) for step in reversed(told))
        if len(told) > 1
        else _reversed_step(text)
    )


def _reversed_step(text: str) -> str:
    found = _FROM_TO.fullmatch(text)
    if found:
        return f"{found['before']}from {found['end']} {found['joint']} {found['start']}"
    return _swapped(text, _REVERSED, _PLACE)


def _both(pairs: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    for one, other in pairs:
        yield from ((one, other), (other, one))


def _inverses() -> Iterable[tuple[str, str]]:
    """Yield every pair of words or phrases that are each other's reversal."""
    yield from _WAYS
    for one, other in _VERBS:
        yield from _paired(one, other)
    for verb in _UNDOING.split():
        stem = f"{verb}{verb[-1]}" if verb in _DOUBLED else verb.removesuffix("e")
        forms = [verb, f"{verb}s", "tying" if verb == "tie" else f"{stem}ing"]
        yield from ((form, f"un{form}") for form in forms)
    for one, particle, other, opposite in _PHRASES:
        for first, second in _paired(one, other):
            yield f"{first} {particle}", f"{second} {opposite}".strip()


def _paired(one: str, other: str) -> Iterable[tuple[str, str]]:
    return zip(one.split(), other.split(), strict=False)


class _Table(NamedTuple):
    """Words and what each becomes. heads: the first words of all; a text without one of them is its own image."""

    pattern: re.Pattern[str]
    images: dict[str, str]
    heads: frozenset[str]

    def may_change(self, text: str) -> bool:
        """Return whether the pattern can match, sooner than by trying its hundreds of words everywhere."""
        return not self.heads.isdisjoint(_HEAD.findall(text))


_HEAD = re.compile(r"\w+|[^\w\s]")


def _table(pairs: Iterable[tuple[str, str]], last: tuple[str, str] | None = None) -> _Table:
    """Return a pattern of all words, longer ones first, and what each becomes.

    last: two more words that are meant only where they end a text: "zooms in", but not "in the box".
    """
    images = dict(_both(pairs))
    words = _alternatives(images)
    ends = "|" + "|".join(rf"{word}\Z" for word in last) if last else ""
    images |= dict(_both([last] if last else []))
    heads = frozenset(_HEAD.findall(word)[0] for word in images)
    return _Table(re.compile(rf"(?<!\w)(?:(?:{words})(?!\w){ends})"), images, heads)


def _alternatives(words: Iterable[str]) -> str:
    """Return a pattern of words, longer ones first, parted by their first sign: so only few are tried at any place."""
    groups: dict[str, list[str]] = {}
    for word in sorted(words, key=len, reverse=True):
        groups.setdefault(word[0], []).append(re.escape(word[1:]))
    return "|".join(f"{re.escape(first)}(?:{'|'.join(rest)})" for first, rest in groups.items())


def _swapped(text: str, table: _Table, kept: re.Pattern[str] | None = None) -> str:
    """Return the text with every word of the table replaced, but for what `kept` finds."""
    if not table.may_change(text):
        return text
    stays = [match.span() for match in kept.finditer(text)] if kept else []

    def image(match: re.Match[str]) -> str:
        inside = any(start <= match.start() < end for start, end in stays)
        return match[0] if inside else table.images[match[0]]

    return table.pattern.sub(image, text)


_MIRRORED = _table(_SIDES)
_REVERSED = _table(_inverses(), ("in", "out"))
_OTHER_SHAPE = dict(_both(_SHAPES))
_LISTED = {
    TextMap.MIRROR: re.compile(_ALTERNATIVES.format(words=_MIRRORED.pattern.pattern)),
    TextMap.REVERSE: re.compile(_ALTERNATIVES.format(words=_REVERSED.pattern.pattern)),
}
