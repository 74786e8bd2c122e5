"""The names by which a sample's recordings are known, and what of them can be compared with those of other data.

A name says which recording a file is of, how it was made from it ("_reverse"), or only that it is the third file of a
folder. A number behind a name is therefore taken for a part of a recording only where something says so: it is a span
("_10_20"), the form is that of a data set that is known, or what is before the number is itself the name of a recording
of the other side. "video_1" and "video_1001" share nothing.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from pathlib import PurePosixPath
from typing import NamedTuple

from retroflip.data.sample import Sample

_DATA_SETS: Mapping[str, str] = {
    "CLEVRER": r"clevrer",
    "Something-Something v2": r"something-?something|ssv2|20bn",
    "Charades": r"charades|(?<![a-z])star(?![a-z])",
    "Perception Test": r"perception-?test|(?<![a-z])perception/videos",
    "NExT-QA": r"next-?g?qa",
    "ActivityNet": r"activity-?net|(?<![a-z])anet(?![a-z])|(?<![a-z0-9])v_[\w-]{11}(?![\w-])",
    "QVHighlights": r"qv-?highlights|(?<![a-z])qvh(?![a-z])",
    "GOT-10k": r"got-?10k",
    "Breakfast": r"breakfast",
    "50Salads": r"50-?salads",
    "MHBench": r"mh-?bench",
    "VidHalluc": r"vid-?halluc",
    "TempCompass": r"temp-?compass",
    "TVBench": r"tv-?bench",
    "MVBench": r"mv-?bench",
    "STI-Bench": r"sti-?bench",
    "MMR-V": r"mmr-?v",
    "Vinoground": r"vinoground",
    "Kinetics": r"kinetics",
    "FunQA": r"funqa",
    "Moments in Time": r"moments-?in-?time",
    "NTU RGB+D": r"ntu-?rgb",
    "Ego4D": r"ego-?4d",
    "EPIC-KITCHENS": r"epic-?kitchens",
    "COIN": r"(?<![a-z])coin(?![a-z])",
    "YouCook2": r"youcook-?2",
    "ScanNet": r"scan-?net",
    "ARKitScenes": r"arkit-?scenes",
}
"""data sets by what their names look like in a record's source and in its paths, in small letters with "-" for "_" and
blanks"""
_ENDING = re.compile(r"\.(?=\w*[a-z])[a-z0-9]{2,4}$", re.IGNORECASE)
_MARKS = re.compile(r"(?:[-_](?:reversed?|rev|flip(?:ped)?|mirror(?:ed)?|original))+$", re.IGNORECASE)
_SPAN = re.compile(r"(.+?)(?<![-_](?:19|20)\d\d)_(\d{1,6}(?:\.\d+)?)_(\d{1,6}(?:\.\d+)?)")
"""a recording and the part of it in seconds or frames (Kinetics, QVHighlights); not a date"""
_PARTS_OF_DATA_SETS = (
    re.compile(r"(?:v_|ytb_)?(?P<a>(?=[\w-]*[a-z])(?=[\w-]*[A-Z])(?=[\w-]*\d)[\w-]{11})_(?:clip_)?\d+"),
    re.compile(r"(?P<a>v_[\w-]{11})_(?:clip_)?\d+"),
    re.compile(r"(?P<a>\d{7,})_(?:(?P<b>\d{7,})|concat)_\d"),
)
"""parts of a video of YouTube (VidHalluc and others), and what TempCompass puts together from one or two recordings"""
_NUMBERED = re.compile(r"(.+?)[-_](?:(?:clip|concat|part)[-_])?\d+", re.IGNORECASE)
_COMMON = re.compile(
    r"(?:(?:video|vid|clip|movie|film|mov|mvi|scene|shot|part|segment|seq|sequence|recording|cam|camera|sample|example"
    r"|image|img|picture|frame|file|input|output|data|train|test|val|demo|untitled|original|reverse|mirror|flipp?"
    r"|forward|backward)(?:s|d|ed)?[-_. ]*)+\d{0,4}"
)
_COUNTED = frozenset({"CLEVRER", "Perception Test", "Something-Something v2"})
"""data sets that number their videos without folders that count anew"""
_DRAWN = "retroflip/"
"""how the sources of synthetic videos begin"""
_LEAST, _LEAST_DIGITS = 4, 6
"""characters of a name that tells a recording, and digits of one that is a number"""


class Names(NamedTuple):
    """By what the recordings of a sample are known.

    paths: the source clip and the files, whole. own: their names without folders, endings and marks, and those of the
    recordings that they are surely parts of. wholes: what is before a number, which is a recording only if another
    record says so. untold: a name, where none of them is long and rare enough to be compared. drawn: whether the video
    is a synthetic one: every such corpus numbers its videos anew, so that names tell nothing.
    """

    paths: frozenset[str]
    own: frozenset[str]
    wholes: frozenset[str]
    untold: str = ""
    drawn: bool = False


def names_of(sample: Sample) -> Names:
    """Return the names of a sample's recordings, none for a text.

    A name of fewer than four characters, a number of fewer than six digits and one such as "video" or "clip_0001" tell
    no recording, but for a number in a data set that numbers all its videos ("Something-Something v2: 417").
    """
    shown = [medium.path for medium in sample.shown]
    if not shown:
        return Names(frozenset(), frozenset(), frozenset())
    if sample.source.startswith(_DRAWN):
        return Names(frozenset(), frozenset(), frozenset(), drawn=True)
    named = filter(None, (sample.source_clip, *shown))
    paths = {str(PurePosixPath(unicodedata.normalize("NFC", name))) for name in named}
    own: set[str] = set()
    wholes: set[str] = set()
    for path in paths:
        stem = _ENDING.sub("", path.rpartition("/")[2])
        plain = _MARKS.sub("", stem)
        sets = known_data_sets(sample.source, path) & _COUNTED
        told = {name for one in (plain, *_recordings_of(plain)) for name in _compared(one, sets)}
        own |= {*told, stem.lower()} if plain.lower() in told else told
        if numbered := _NUMBERED.fullmatch(plain):
            wholes.update(_compared(numbered[1], ()))
    untold = "" if own else _ENDING.sub("", shown[0].rpartition("/")[2])
    return Names(frozenset(paths), frozenset(own), frozenset(wholes - own), untold)


def _recordings_of(stem: str) -> Iterator[str]:
    """Yield the recordings that a name itself says it is made of."""
    span = _SPAN.fullmatch(stem)
    if span and float(span[2]) < float(span[3]):
        yield span[1]
    for form in _PARTS_OF_DATA_SETS:
        if found := form.fullmatch(stem):
            yield from filter(None, found.groups())


def _compared(name: str, counted: Collection[str]) -> Iterator[str]:
    """Yield a name as it is compared: alone where it tells a recording, and otherwise within data sets that number."""
    lower = name.lower()
    least = _LEAST_DIGITS if lower.isdecimal() else _LEAST
    if len(lower) >= least and not _COMMON.fullmatch(lower):
        yield lower
    elif lower[-1:].isdecimal():
        yield from (f"{one}: {lower}" for one in counted)


def known_data_sets(*texts: str) -> set[str]:
    """Return which of the data sets in a list are named in these texts."""
    raw = " ".join(texts).lower()
    dashed = re.sub(r"[_\s]+", "-", raw)
    return {name for name, form in _DATA_SETS.items() if re.search(form, dashed) or re.search(form, raw)}


def data_sets(sample: Sample) -> set[str]:
    """Return the data sets that a sample is of: by name of those in a list, found in its source and its paths; and its
    source as it is written."""
    known = known_data_sets(sample.source, *(medium.path for medium in sample.shown))
    own = {sample.source.strip()} if sample.source.strip() and not known else set()
    return known | own
