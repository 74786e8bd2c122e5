"""Trajectory shape: an object runs along two or three figures, each from one place and back; which ones, and how?

All figures begin and end at the same place, each on a side of its own, and take as long. Mirroring turns their senses
round, reversing their senses and their order: the four options. All four show the same set of places, and begin
and end at the same one, so that only the order in which the places are passed tells them apart.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from retroflip.synth.animation import Animation, Floats
from retroflip.synth.episode import TURNS, Asked, Draw, Episode, Event, Kind, Pair, Redraw, paired
from retroflip.synth.names import Category, Domain, Term
from retroflip.synth.objects import Look, bystanders, cast, draw_looks, filmed, moving, positions
from retroflip.synth.physics import along, rotated
from retroflip.synth.settings import SceneSettings
from retroflip.synth.wording import phrased
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
    return "first " + ", then ".join(figure.words for figure in path)


def mirrored(path: Path) -> Path:
    """Return the path as a mirror shows it."""
    return tuple(Figure(figure.shape, -figure.sense) for figure in path)


def played_back(path: Path) -> Path:
    """Return the path of the clip played backwards."""
    return mirrored(path[::-1])


def number_of_figures(settings: SceneSettings) -> int:
    """Return how many figures a viewer of that many frames can tell one after the other."""
    wanted = round(FIGURES[settings.difficulty - 1] * settings.operation_scale)
    most = min(len(OUTLINES), int((settings.viewed_frames - 1) / 9.0))
    return max(2, min(settings.operations or wanted, most))


def make(draw: Draw) -> Pair:
    """Draw figures and the same mirrored or played backwards."""
    settings = draw.settings
    count = number_of_figures(settings)
    # A zigzag needs more of the viewer's frames than there are for each of many figures.
    room = (settings.viewed_frames - 1) / count
    usable = [shape for shape in OUTLINES if SEEN[shape] <= room]
    if len(usable) < count or not set(usable) & set(ROUND):
        raise Redraw("the frames that a viewer is shown do not tell figures that have a sense")
    shapes = draw.some_of(usable, count)
    while not any(shape in ROUND for shape in shapes):
        shapes = draw.some_of(usable, count)
    drawn = tuple(Figure(shape, draw.one_of((-1, 1)) if shape in ROUND else 0) for shape in shapes)
    orbit = (drawn, mirrored(drawn), played_back(drawn), played_back(mirrored(drawn)))
    path = orbit[draw.deal("path", range(len(orbit)))]
    how = draw.deal("how", TURNS)
    other = mirrored(path) if how is Transform.FLIP else played_back(path)
    looks = draw_looks(draw, 1 + settings.distractors)
    each = round(draw.between(*draw.level(SECONDS)) * settings.pace * settings.fps)
    clip = _clip(draw, looks, path, each)
    asked = Asked(
        text=phrased(draw, name=looks[0].name),
        options=[in_words(one) for one in draw.some_of(orbit, len(orbit))],
        parameters={"object": "o1", "figures": count},
        objects=cast(looks, 1),
        min_fps=max(SEEN[figure.shape] for figure in path) * settings.fps / each,
    )
    one = _side(asked, clip, looks[0].name, path, each)
    return paired(draw, one, _side(asked, clip.turned(how), looks[0].name, other, each), how)


def _side(asked: Asked, clip: Animation, name: str, path: Path, each: int) -> Episode:
    return asked.episode(
        clip,
        in_words(path),
        TURNS,
        events=[
            Event(
                "trace",
                index * each,
                (index + 1) * each,
                f"the {name} goes along {figure.words}",
                {"object": "o1", "figure": figure.shape, "sense": figure.sense},
            )
            for index, figure in enumerate(path)
        ],
        states=positions(clip, ["o1"], every=0.05),
        derivation=[f"Put in order, the figures give the answer: {in_words(path)}."],
    )


def _clip(draw: Draw, looks: Sequence[Look], path: Path, each: int) -> Animation:
    reach = draw.level(REACH)
    # Evenly spread directions, so that figures hardly meet; turned by any angle, so that none is typical of an order.
    turned = draw.between(0.0, 2.0 * math.pi)
    share_T = np.linspace(0.0, 1.0, each + 1)
    parts = [np.zeros((1, 2))]
    for index, figure in enumerate(path):
        outline = OUTLINES[figure.shape] * reach * (1.0, -1.0 if figure.sense < 0 else 1.0)
        parts.append(rotated(along(outline, share_T)[1:], turned + 2.0 * math.pi * index / len(path)))
    low = RADIUS + 1.2 * reach
    start_2 = draw.rng.uniform(low, 1.0 - low, size=2)
    x_T, y_T = (start_2 + np.concatenate(parts)).T
    others = bystanders(draw, looks[1:], 2, len(x_T), RADIUS)
    return filmed(draw, [moving("o1", looks[0], x_T, y_T, RADIUS), *others])


KIND = Kind("trajectory_shape", Category.MOTION, Term.SHORT, Domain.SPATIAL, frozenset(), make)
"""SynRL, 2.1.1: trajectory shape recognition"""
