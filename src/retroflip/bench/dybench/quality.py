"""What can be told of a pair without a person: that it moves, that both sides hold the same, what raters shall look at.

Refusals rest on what is certain enough: a clip in which nothing changes, sides whose common content differs, a clip
that is nearly another one. Flags are guesses for the rater, with a word on how sure each is; none of them refuses
anything.

Shapes: T frames, thumbnails (T, SIDE, SIDE) of brightness from 0 to 255.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from retroflip.bench.dybench.base import Axis, Candidate, Footage
from retroflip.bench.dybench.people import Walk, walking
from retroflip.video.decode import decode
from retroflip.video.fingerprint import SIDE, Thumbnails, thumbnail
from retroflip.video.frames import Pixels

MOVING_CELLS = 8
"""of SIDE x SIDE cells that must change for a clip to move"""
TEXT_SIDE = 320
"""pixels to which frames are shrunk in a look for text"""
TEXT_FRAMES = 8
TEXT_EDGES = 14
"""strong edges of either kind in a row of pixels that letters have"""
TEXT_ROWS = 5
"""such rows one under the other"""
_EDGE = 70
_TICK = 4.0
"""grey levels by which a clock's cell changes"""
_PEOPLE = re.compile(
    r"\b(?:walk|run|jog|danc|climb|person|people|man|woman|men|women|boy|girl|child|someone|he|she)(?:s|ning|king|ing)?\b",
    re.IGNORECASE,
)


class Flag(NamedTuple):
    """What a rater shall look at, and how sure it is that it is there."""

    flag: str
    sure: str
    why: str


class Watched:
    """Keeps a thumbnail of every frame that passes on its way to the encoder."""

    def __init__(self, footage: Footage) -> None:
        self.footage = footage
        self._seen: list[Thumbnails] = []

    def frames(self) -> Iterator[Pixels]:
        """Yield the frames."""
        height, width = self.footage.size
        for planes in self.footage.frames:
            self._seen.append(thumbnail(planes[:height, :width]))
            yield planes

    @property
    def thumbnails_T(self) -> Thumbnails:
        """The thumbnails of the frames that passed."""
        return np.stack(self._seen)


def motion(thumbnails_T: Thumbnails) -> float:
    """Return by how many grey levels the picture changes: the range over time of the MOVING_CELLS-th liveliest cell."""
    ranges = np.sort(np.ptp(thumbnails_T, axis=0), axis=None)
    return float(ranges[-MOVING_CELLS])


def apart(first: Path, second: Path, axis: Axis, frames: int) -> float | None:
    """Return the mean difference of what both written sides must have in common, in grey levels; None for given clips.

    Both files are decoded: a mirrored side is mirrored back, a reversed one played backwards. Of sides whose parts
    stand in another order, the mean picture and the pixels' spread are compared. Raises as `decode` does.
    """
    if axis is Axis.GIVEN:
        return None
    one_T, other_T = (_decoded(path, frames) for path in (first, second))
    match axis:
        case Axis.FLIP:
            other_T = other_T[:, :, ::-1]
        case Axis.REVERSAL:
            other_T = other_T[::-1]
        case Axis.ORDER:
            one_T, other_T = (np.stack([side.mean(axis=0), side.std(axis=0)]) for side in (one_T, other_T))
    return float(np.abs(one_T - other_T).mean())


def _decoded(path: Path, frames: int) -> Thumbnails:
    pixels_TCHW = decode(path, frames, max_side=2 * SIDE).pixels_TCHW
    luma_THW = np.tensordot(pixels_TCHW, np.array([0.299, 0.587, 0.114], dtype=np.float32), axes=(1, 0))
    return np.stack([thumbnail(picture) for picture in luma_THW])


def flags(
    candidate: Candidate, path: Path, thumbnails_T: Thumbnails, fps: float, *, looks: bool = False
) -> list[Flag]:
    """Return what a rater shall look at. path: the written first side. looks: whether people are looked for in pictures
    of a clip that is reversed, and not by words alone."""
    in_pictures = looks and candidate.axis is Axis.REVERSAL
    walk = walking(path, len(thumbnails_T) / fps) if in_pictures else None
    people = _people(candidate, in_pictures=in_pictures) if walk is None else _walking(walk)
    found = [_text(path), _clock(thumbnails_T, fps), people]
    return [flag for flag in found if flag is not None]


def _text(path: Path) -> Flag | None:
    """Tell text that stands at the same rows in most of a few frames: subtitles, captions, a channel's name."""
    pixels_TCHW = decode(path, TEXT_FRAMES, max_side=TEXT_SIDE).pixels_TCHW
    rows_TH = np.stack([_lettered_rows(picture.mean(axis=0)) for picture in pixels_TCHW])
    steady_H = rows_TH.mean(axis=0) >= 0.5
    longest, place = _longest_run(steady_H)
    if longest < TEXT_ROWS:
        return None
    third = ("top", "middle", "bottom")[min(2, 3 * place // len(steady_H))]
    return Flag("text", "low", f"rows with many sharp edges at the {third}; a fence or blinds look the same")


def _lettered_rows(grey_HW: npt.NDArray[np.floating]) -> npt.NDArray[np.bool_]:
    """Return which rows have as many strong edges, up and down in turn, as letters have."""
    steps = np.diff(grey_HW, axis=1)
    up, down = (steps > _EDGE).sum(axis=1), (steps < -_EDGE).sum(axis=1)
    rows: npt.NDArray[np.bool_] = np.minimum(up, down) >= TEXT_EDGES // 2
    return rows


def _longest_run(true_H: Sequence[bool] | npt.NDArray[np.bool_]) -> tuple[int, int]:
    """Return the length and the middle of the longest run."""
    best, place, run = 0, 0, 0
    for index, one in enumerate(true_H):
        run = run + 1 if one else 0
        if run > best:
            best, place = run, index - run // 2
    return best, place


def _clock(thumbnails_T: Thumbnails, fps: float) -> Flag | None:
    """Tell a spot that changes once a second, four times in a row at least, and stands still in between."""
    changes = np.abs(np.diff(thumbnails_T, axis=0)) > _TICK
    often = changes.sum(axis=0)
    seconds = len(thumbnails_T) / fps
    if seconds < 4:
        return None
    rows, columns = np.nonzero((often >= 4) & (often <= seconds + 1))
    ticking = 0
    for row, column in zip(rows, columns, strict=True):
        gaps = np.diff(np.flatnonzero(changes[:, row, column])) / fps
        ticking += bool(np.all(np.abs(gaps - 1.0) <= 1.5 / fps))
    if not ticking:
        return None
    return Flag(
        "clock", "medium", f"{ticking} of {SIDE * SIDE} cells change once a second and not in between"
    )


def _walking(walk: Walk) -> Flag:
    """Tell somebody whose gait shows which way time runs."""
    return Flag(
        "people",
        "medium",
        f"an upright figure walks {walk.way}, {walk.heights:.1f} of its height in {walk.pictures} pictures",
    )


def _people(candidate: Candidate, *, in_pictures: bool) -> Flag | None:
    """Tell people by words alone. in_pictures: whether nobody was seen to walk."""
    words = " ".join((candidate.question, *candidate.options, *candidate.labels.values()))
    if candidate.domain != "human" and not _PEOPLE.search(words):
        return None
    seen = "nobody was seen to walk in its pictures" if in_pictures else "no picture was looked at"
    return Flag("people", "low", f"by the words of its question or its domain; {seen}")
