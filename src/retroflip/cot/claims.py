"""Which words of a text go with which of its times.

A sentence tells its times before what happens ("At 00:02, it turns left"), behind it ("it turns left at 00:02") or in
the middle; what goes with a time ends where what goes with the next one begins.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from retroflip.cot.stamps import Stamp, StampKind, find_stamps

_SENTENCE_END = re.compile(r"(?:(?<=[.!])|(?<=[\w\"”)]\?))[\s\"”)]+(?=[\"“(\[*A-Z\d])|\n+")
_CUT = re.compile(r"[,;]|\b(?:and|then|while|but|before|whereas|until)\b")
_BULLET = re.compile(
    r"^\s*(?:[-*•]+|\(?\d{1,2}[.)](?=\s)|\(?[a-z]\)|(?:step|event|move|operation)\s+\d+\s*[:.])\s*", re.I
)
_EMPTY = re.compile(
    r"\b(?:at|from|around|about|approximately|roughly|near|by|on|the|mark|then|next|and|in|of|video|clip|starting|"
    r"beginning|just|until|till|to|after|first|second|third|finally|later|now|so|time|timestamp|between|exactly|"
    r"again|also|lastly|precisely|into|again|through|during|again|event|step|i|see|note|notice|observe|that|as|we|can|"
    r"right|moment|point|this|is|when|seconds?|s)\b|[\W_]|\d",
    re.IGNORECASE,
)  # fmt: skip


@dataclass(frozen=True)
class Claim:
    """A stretch of text with the one time that it goes with, or none. `text` is without the time itself.

    sentence: the number of its sentence. lengths: lengths and distances of time told in it.
    """

    text: str
    sentence: int
    stamp: Stamp | None
    lengths: tuple[Stamp, ...] = ()
    quote: str = ""


def sentences(text: str) -> list[str]:
    """Return the sentences and lines of a text, without the numbers and dashes of lists."""
    parts = (_BULLET.sub("", part).strip() for part in _SENTENCE_END.split(text))
    joined: list[str] = []
    for part in filter(None, parts):
        if joined and not _says_something(joined[-1]):
            part = f"{joined.pop()} {part}"
        joined.append(_BULLET.sub("", part))
    return joined


def find_claims(text: str, fps: float) -> list[Claim]:
    """Return what a text says, in its order, each stretch with the time that it goes with."""
    return [
        claim
        for number, sentence in enumerate(sentences(text))
        for claim in _claims_of(sentence, number, fps)
    ]


def _claims_of(sentence: str, number: int, fps: float) -> list[Claim]:
    stamps = find_stamps(sentence, fps)
    anchors = [stamp for stamp in stamps if stamp.kind in (StampKind.MOMENT, StampKind.RANGE)]
    if not anchors:
        return [Claim(_without(sentence, stamps, 0, len(sentence)), number, None, tuple(stamps), sentence)]
    cuts = _cuts(sentence, anchors)
    claims = []
    for stamp, start, end in zip(anchors, cuts, [*cuts[1:], len(sentence)], strict=True):
        inside = [one for one in stamps if start <= one.start < end]
        lengths = tuple(one for one in inside if one not in anchors)
        claims.append(
            Claim(_without(sentence, inside, start, end), number, stamp, lengths, sentence[start:end].strip())
        )
    return claims


def _cuts(sentence: str, anchors: Sequence[Stamp]) -> list[int]:
    """Return where the stretch of each time begins."""
    first, last = anchors[0], anchors[-1]
    if not _says_something(sentence[: first.start]):
        starts = [_preposition_before(sentence, one) for one in anchors]
        return [0, *starts[1:]]
    if not _says_something(sentence[last.end :]):
        return [0, *(_after_mark(sentence, one) for one in anchors[:-1])]
    cuts = [0]
    for one, two in pairwise(anchors):
        between = [one.end + cut.start() for cut in _CUT.finditer(sentence[one.end : two.start])]
        cuts.append(between[-1] if between else one.end)
    return cuts


def _preposition_before(sentence: str, stamp: Stamp) -> int:
    """Return where "and at [" or "from about (" before a time begins."""
    found = re.search(
        r"(?:[\s\[(]*\b(?:and|then|at|from|around|about|by|near|on|between|the|next|finally|step)\b|[\s\[(]|\b\d+[.)])*$",
        sentence[: stamp.start],
        re.IGNORECASE,
    )
    return found.start() if found else stamp.start


def _after_mark(sentence: str, stamp: Stamp) -> int:
    """Return where "mark)" behind a time ends."""
    found = re.match(r"(?:\s*(?:mark|into the (?:video|clip)|in)\b)?[\])]?", sentence[stamp.end :])
    return stamp.end + (found.end() if found else 0)


def _says_something(text: str) -> bool:
    return bool(_EMPTY.sub("", text))


def _without(sentence: str, stamps: Sequence[Stamp], start: int, end: int) -> str:
    """Return a stretch of a sentence with blanks where its times stood."""
    parts, position = [], start
    for stamp in stamps:
        parts.append(sentence[position : stamp.start])
        position = stamp.end
    parts.append(sentence[position:end])
    joined = " ".join(parts)
    joined = re.sub(r"[\[(]\s*(?:-|–|at|from|around|about)?\s*[\])]", " ", joined)
    joined = re.sub(r"\b(?:-?mark|into the (?:video|clip)|seconds in)\b", " ", joined)
    joined = re.sub(
        r"^\W*(?:at|from|around|about|in|by|between|in)?\s+[,;:]", " ", joined, flags=re.IGNORECASE
    )
    return joined.strip(" ,;:-–—[]()")
