"""Trajectory shape: an object runs along two or three figures, each from one place and back; which ones, and how?

All figures begin and end at the same place, each on a side of its own, and take as long. Mirroring turns their senses
round, reversing their senses and their order: the four options. All four show the same set of places, and begin
and end at the same one, so that only the order in which the places are passed tells them apart.
"""

import math
from typing import NamedTuple

import numpy as np

from retroflip.synth.animation import Animation, Floats
from retroflip.synth.cast import Cast
from retroflip.synth.episode import TURNS, Asked, Draw, Episode, Kind, Pair, Redraw, paired
from retroflip.synth.names import Category, Domain, Term
from retroflip.synth.objects import filmed, positions
from retroflip.synth.physics import along, rotated
from retroflip.synth.settings import SceneSettings
from retroflip.synth.wording import phrased, then
from retroflip.video.transforms import Transform

ROUND = ("circle", "square", "triangle")
"""figures with a sense"""
STRAIGHT = {"line": "a line and back", "zigzag": "a zigzag and back"}
"""figures without one, as options name them"""
_ROOT = math.sqrt(3.0)
_TURN = np.linspace(0.0, 2.0 * np.pi, 129)
OUTLINES: dict[str, Floats] = {
    "circle": np.stack([0.5 - 0.5 * np.cos(_TURN), -0.5 * np.sin(_TURN)], axis=1),
    "square": np.array([(0.0, 0.0), (0.5, -0.5), (1.0, 0.0), (0.5, 0.5), (0.0, 0.0)]),
    "triangle": np.array([(0.0, 0.0), (1.0, -1.0 / _ROOT), (1.0, 1.0 / _ROOT), (0.0, 0.0)]),
    "line": np.array([(0.0, 0.0), (1.0, 0.0), (0.0, 0.0)]),
    "zigzag": np.array(
        [(0.0, 0.0), (1 / 3, -0.3), (2 / 3, 0.3), (1.0, 0.0), (2 / 3, 0.3), (1 / 3, -0.3), (0.0, 0.0)]
    ),
}
"""figures from the origin to the right and back, clockwise as seen on the screen (y points down), of reach 1"""
SEEN = {"circle": 8.0, "square": 8.0, "triangle": 6.0, "line": 4.0, "zigzag": 14.0}
"""viewed frames that tell a figure: two on each straight stretch"""
RADIUS = 0.05
REACH = (0.3, 0.28, 0.27, 0.25, 0.22)
FIGURES = (2, 2, 2, 3, 3)
SECONDS = ((2.6, 3.0), (2.4, 2.8), (2.0, 2.5), (1.8, 2.2), (1.6, 2.0))
"""for a figure"""


class Figure(NamedTuple):
    """A figure and its sense: 1 clockwise, -1 counter-clockwise, 0 for one without."""

    shape: str
    sense: int

    @property
    def words(self) -> str:
        """How options name it."""
        if not self.sense:
            return STRAIGHT[self.shape]
        return f"a {self.shape} {'clockwise' if self.sense > 0 else 'counter-clockwise'}"


Path = tuple[Figure, ...]


def in_words(path: Path) -> str:
    """Return a path as options name it."""
    return f"first {then(figure.words for figure in path)}"


def mirrored(path: Path) -> Path:
    """Return the path as a mirror shows it."""
    return tuple(Figure(figure.shape, -figure.sense) for figure in path)


def played_back(path: Path) -> Path:
    """Return the path of the clip played backwards."""
    return mirrored(path[::-1])


def number_of_figures(settings: SceneSettings) -> int:
    """Return how many figures a viewer of that many frames can tell one after the other."""
    most = min(len(OUTLINES), int((settings.viewed_frames - 1) / 9.0))
    return max(2, min(settings.wanted(FIGURES[settings.difficulty - 1]), most))


def draw_path(draw: Draw) -> Path:
    """Draw figures, of which one at least has a sense. Raises Redraw where viewed frames do not tell such figures."""
    count = number_of_figures(draw.settings)
    # A zigzag needs more of the viewer's frames than there are for each of many figures.
    room = (draw.settings.viewed_frames - 1) / count
    usable = [shape for shape in OUTLINES if SEEN[shape] <= room]
    if len(usable) < count or not set(usable) & set(ROUND):
        raise Redraw("the frames that a viewer is shown do not tell figures that have a sense")
    shapes = draw.some_of(usable, count)
    while not any(shape in ROUND for shape in shapes):
        shapes = draw.some_of(usable, count)
    return tuple(Figure(shape, draw.one_of((-1, 1)) if shape in ROUND else 0) for shape in shapes)


def make(draw: Draw) -> Pair:
    """Draw figures and the same mirrored or played backwards."""
    drawn = draw_path(draw)
    orbit = (drawn, mirrored(drawn), played_back(drawn), played_back(mirrored(drawn)))
    path = orbit[draw.deal("path", range(len(orbit)))]
    how = draw.deal("how", TURNS)
    other = mirrored(path) if how is Transform.FLIP else played_back(path)
    cast = Cast.drawn(draw)
    each = draw.operation_frames(SECONDS)
    clip = _clip(draw, cast, path, each)
    text = phrased(draw, name=cast.name)
    options = [in_words(one) for one in draw.shuffled(orbit)]
    min_fps = max(SEEN[figure.shape] for figure in path) * clip.fps / each
    asked = cast.asked(text, options, {"object": "o1", "figures": len(path)}, min_fps=min_fps)
    one = _side(asked, cast, clip, path, each)
    return paired(draw, one, _side(asked, cast, clip.turned(how), other, each), how)


def _side(asked: Asked, cast: Cast, clip: Animation, path: Path, each: int) -> Episode:
    spans = [(index * each, (index + 1) * each) for index in range(len(path))]
    events = [
        cast.event("trace", span, f"goes along {one.words}", figure=one.shape, sense=one.sense)
        for one, span in zip(path, spans, strict=True)
    ]
    return asked.episode(
        clip,
        in_words(path),
        TURNS,
        events=events,
        states=positions(clip, ["o1"], every=0.05),
        derivation=[f"Put in order, the figures give the answer: {in_words(path)}."],
    )


def _clip(draw: Draw, cast: Cast, path: Path, each: int) -> Animation:
    reach = draw.level(REACH)
    # Evenly spread directions, so that figures hardly meet; turned by any angle, so that none is typical of an order.
    turned = draw.angle()
    share_T = np.linspace(0.0, 1.0, each + 1)
    parts = [np.zeros((1, 2))]
    for index, figure in enumerate(path):
        outline = OUTLINES[figure.shape] * reach * (1.0, -1.0 if figure.sense < 0 else 1.0)
        places_T2 = along(outline, share_T, np.hypot(*np.diff(outline, axis=0).T))
        parts.append(rotated(places_T2[1:], turned + 2.0 * math.pi * index / len(path)))
    low = RADIUS + 1.2 * reach
    start_2 = draw.rng.uniform(low, 1.0 - low, size=2)
    target = cast.moving((start_2 + np.concatenate(parts)).T, RADIUS)
    return filmed(draw, [target, *cast.crossing(draw, len(target), RADIUS)])


KIND = Kind("trajectory_shape", Category.MOTION, Term.SHORT, Domain.SPATIAL, (), make)
"""SynRL, 2.1.1: trajectory shape recognition"""
