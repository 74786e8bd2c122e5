"""People who walk, in pictures: their gait shows which way time runs, and a clip and its reverse make a poor pair.

OpenCV's detector of pedestrians (histograms of oriented gradients) looks at FRAMES pictures of SECONDS in the clip's
middle. Boxes of one size that follow each other from picture to picture are one figure, and a figure that goes one way
is somebody walking. People who are small, seated, cut off or seen from above are not found. Needs the extra `people`.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from retroflip.errors import UsageError
from retroflip.video.decode import decode
from retroflip.video.frames import Pixels
from retroflip.video.window import Window

FRAMES = 8
SECONDS = 2.0
LONGER_SIDE = 800
"""pixels to which larger pictures are shrunk; the detector knows figures of some hundred pixels"""
SURE = 1.0
"""the detector's own score from which a box counts"""
SEEN = 4
"""pictures in a row that must hold a figure"""
ALIKE = 1.35
"""times as high as the one before that a box may be"""
NEAR = 0.5
"""of its height that a figure goes from a picture to the next at most"""
GONE = 0.3
"""of its height that somebody walking goes at least"""
STRAIGHT = 0.8
"""of its way that lies between its ends at least"""


class Box(NamedTuple):
    """A figure in a picture: its centre and its height, in pixels."""

    x: float
    y: float
    height: float

    def way_to(self, other: "Box") -> float:
        """How far the other is, in pixels."""
        return math.hypot(other.x - self.x, other.y - self.y)

    def may_become(self, other: "Box") -> bool:
        """Whether the other may be the same figure in the next picture."""
        larger, smaller = max(self.height, other.height), min(self.height, other.height)
        return larger <= ALIKE * smaller and self.way_to(other) <= NEAR * self.height


class Walk(NamedTuple):
    """Somebody walking. pictures: that hold them. heights: how far they go, in their own height. way: left or right."""

    pictures: int
    heights: float
    way: str


def require_people() -> None:
    """Raise UsageError where OpenCV is not there, cannot be loaded, or has no such detector, as its version 5."""
    try:
        import cv2
    except ImportError:
        cv2 = None
    if not hasattr(cv2, "HOGDescriptor"):
        raise UsageError(
            "checks.people=pictures looks for people with the pedestrian detector of OpenCV 4, which cannot be loaded. "
            "Install it with: uv pip install 'retroflip[people]', or leave it at checks.people=words."
        )


def walking(path: Path, seconds: float) -> Walk | None:
    """Return who walks farthest in a video of so many seconds; None for nobody. Raises as `decode` does."""
    start = max(0.0, (seconds - SECONDS) / 2.0)
    part = Window(start, start + SECONDS)
    return farthest(boxes(decode(path, FRAMES, window=part, max_side=LONGER_SIDE).pixels_TCHW))


def boxes(pixels_TCHW: Pixels) -> list[list[Box]]:
    """Return the upright figures in every picture."""
    import cv2  # an extra

    cv2.setNumThreads(1)
    detector = cv2.HOGDescriptor()
    detector.setSVMDetector(cv2.HOGDescriptor.getDefaultPeopleDetector())
    found = []
    for picture_CHW in pixels_TCHW:
        blue_first_HWC = np.ascontiguousarray(picture_CHW[::-1].transpose(1, 2, 0))
        places, scores = detector.detectMultiScale(
            blue_first_HWC, winStride=(8, 8), padding=(8, 8), scale=1.05
        )
        sure = [place for place, score in zip(places, np.ravel(scores), strict=True) if score >= SURE]
        found.append([Box(x + width / 2, y + height / 2, float(height)) for x, y, width, height in sure])
    return found


def farthest(boxes_T: Sequence[Sequence[Box]]) -> Walk | None:
    """Return the figure that walks farthest in its own height."""
    walks = [walk for track in _tracks(boxes_T) if (walk := _walk(track)) is not None]
    return max(walks, key=lambda walk: walk.heights, default=None)


def _tracks(boxes_T: Sequence[Sequence[Box]]) -> list[list[Box]]:
    """Return boxes that follow each other, each to the nearest one in the next picture."""
    done: list[list[Box]] = []
    open_tracks: list[list[Box]] = []
    for picture in boxes_T:
        left = list(picture)
        going_on = []
        for track in open_tracks:
            near = [box for box in left if track[-1].may_become(box)]
            if near:
                track.append(min(near, key=track[-1].way_to))
                left.remove(track[-1])
                going_on.append(track)
            else:
                done.append(track)
        open_tracks = [*going_on, *([box] for box in left)]
    return [*done, *open_tracks]


def _walk(track: Sequence[Box]) -> Walk | None:
    first, last = track[0], track[-1]
    gone, way = first.way_to(last), sum(one.way_to(other) for one, other in pairwise(track))
    if len(track) < SEEN or gone < GONE * first.height or gone < STRAIGHT * way:
        return None
    return Walk(len(track), gone / first.height, "right" if last.x > first.x else "left")
