"""Velocity ranking: objects go to and fro in lanes; which is the order of their speeds?

Each object bounces in a lane of its own from an evenly drawn place of it, so that no single frame tells how fast any of
them is. Either the speeds hold throughout (the other side deals them out anew), or all change at half time and one half
is asked for (the other side is the clip played backwards).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from retroflip.synth.animation import Actor, Animation, Floats
from retroflip.synth.common import Look, cast, draw_looks, frames_of, moving, positions, staged
from retroflip.synth.episode import (
    Category,
    Domain,
    Draw,
    Episode,
    Event,
    Kind,
    Mode,
    Pair,
    Question,
    Redraw,
    Term,
    fits_view,
)
from retroflip.synth.physics import reflected
from retroflip.video.transforms import Transform

PHRASINGS = (
    "Rank {names} by speed{when}, {ends}.",
    "What is the order of {names} by speed{when}, {ends}?",
    "How do {names} rank by how fast they move{when}, {ends}?",
    "Compare the speeds of {names}{when}. Which order is right, {ends}?",
    "Which of these orders sorts {names} by speed{when}, {ends}?",
)
ENDS = {False: "from fastest to slowest", True: "from slowest to fastest"}
WHEN = {"": "", "first": " in the first half of the video", "second": " in the second half of the video"}
OBJECTS = (3, 3, 3, 4, 4)
RADIUS = 0.06
RATIO = (1.7, 1.6, 1.5, 1.45, 1.4)
"""of neighbouring speeds, by difficulty"""
LEAST_RATIO = 1.3
SPREAD = 5.0
"""of the fastest speed to the slowest, at the most, where neighbours stay `LEAST_RATIO` apart"""
SLOWEST = (0.24, 0.32)
"""how far the slowest object goes in half a clip, in shares of the side"""
SECONDS = {"": (3.0, 5.0), "first": (4.0, 6.0), "second": (4.0, 6.0)}
STRAYS_GO = (0.25, 0.75)
"""how far a distractor goes in half a clip"""
STEP = 0.2
"""the longest way, in shares of the side, that an object may go between two frames seen"""
SAMPLES = 6
"""frames that must be seen of half a clip, at the least"""
SNAPSHOTS = 0.1
"""seconds between those in the metadata"""

Ranking = tuple[int, ...]
"""objects by number, the fastest first"""


@dataclass(frozen=True)
class _Asked:
    """half: which is asked for ("" where the speeds hold); names: of the objects ranked, by number."""

    text: str
    half: str
    is_rising: bool
    names: tuple[str, ...]
    options: tuple[str, ...]

    def words(self, ranking: Ranking) -> str:
        return in_words(ranking, self.names, self.is_rising)


@dataclass(frozen=True)
class _Lanes:
    """Where the objects go to and fro: their lanes, first places and the ways they set out, and the objects' size."""

    across_N: Floats
    start_N: Floats
    sense_N: Floats
    is_upright: bool
    radius: float

    def actors(self, looks: Sequence[Look], halves_N2: Floats, frames: int) -> list[Actor]:
        """Return the objects on their ways, if that is how far they go in each half."""
        made = []
        for index, look in enumerate(looks):
            early, late = halves_N2[index]
            gone_T = np.interp(np.linspace(0.0, 1.0, frames), (0.0, 0.5, 1.0), (0.0, early, early + late))
            free_T = self.start_N[index] + self.sense_N[index] * gone_T
            along_T = reflected(free_T, self.radius, 1.0 - self.radius)
            across_T = np.full(frames, self.across_N[index])
            x_T, y_T = (across_T, along_T) if self.is_upright else (along_T, across_T)
            made.append(moving(f"o{index + 1}", look, x_T, y_T, self.radius))
        return made


def in_words(ranking: Ranking, names: Sequence[str], is_rising: bool) -> str:
    """Return a ranking as options name it."""
    return ", ".join(names[one] for one in (reversed(ranking) if is_rising else ranking))


def orders(draw: Draw, count: int) -> list[Ranking]:
    """Return four rankings of `count` objects to choose from, none closer to the others than the rest.

    Of four objects and more, the four differ by two swaps of neighbours, made or not.
    """
    start = _permutation(draw, count)
    if count < 4:
        drawn = {start: None}
        while len(drawn) < min(4, math.factorial(count)):
            drawn[_permutation(draw, count)] = None
        return list(drawn)
    first = int(draw.rng.integers(0, count - 3))
    second = int(draw.rng.integers(first + 2, count - 1))
    return [_swapped(start, places) for places in ((), (first,), (second,), (first, second))]


def _permutation(draw: Draw, count: int) -> Ranking:
    return tuple(int(one) for one in draw.rng.permutation(count))


def _swapped(ranking: Ranking, places: Sequence[int]) -> Ranking:
    changed = list(ranking)
    for place in places:
        changed[place], changed[place + 1] = changed[place + 1], changed[place]
    return tuple(changed)


def distances(ranking: Ranking, slowest: float, ratio: float) -> list[float]:
    """Return how far each object goes, by number, if each goes `ratio` times as far as the next slower one."""
    return [slowest * ratio ** (len(ranking) - 1 - ranking.index(one)) for one in range(len(ranking))]


def make(draw: Draw) -> Pair:
    """Draw two rankings, the answers of both sides, and a clip for each."""
    settings = draw.settings
    half = draw.deal("half", ("", "first", "", "second"))
    count = max(3, settings.objects or OBJECTS[settings.difficulty - 1])
    looks = draw_looks(draw, count + settings.distractors)
    offered = orders(draw, count)
    right, other = draw.some_of(offered, 2)
    asked = _asked(draw, half, [look.name for look in looks[:count]], offered)
    frames = 1 + 2 * (frames_of(draw, *SECONDS[half]) // 2)
    ratio = max(LEAST_RATIO, min(RATIO[settings.difficulty - 1], SPREAD ** (1.0 / (count - 1))))
    slowest = draw.between(*SLOWEST)
    strays = [2 * [draw.between(*STRAYS_GO)] for _ in looks[count:]]
    lanes = _lanes(draw, len(looks))

    def halves(early: Ranking, late: Ranking) -> Floats:
        ways = zip(distances(early, slowest, ratio), distances(late, slowest, ratio), strict=True)
        return np.array([*ways, *strays], dtype=float)

    shown = {"": (right, right), "first": (right, other), "second": (other, right)}[half]
    ways_N2 = halves(*shown)
    first = staged(draw, lanes.actors(looks, ways_N2, frames))
    samples = max(SAMPLES, float(ways_N2.max()) / STEP)
    if not fits_view(first, _min_fps(first, samples), settings):
        raise Redraw
    one = _episode(first, looks, asked, right, ways_N2, samples)
    if half:
        two = _episode(first.reversed(), looks, asked, other, ways_N2[:, ::-1], samples)
        return Pair(one, two, Transform.REVERSE.value)
    ways_N2 = halves(other, other)
    anew = {actor.id: actor for actor in lanes.actors(looks, ways_N2, frames)}
    second = replace(first, actors=tuple(anew[actor.id] for actor in first.actors))
    return Pair(one, _episode(second, looks, asked, other, ways_N2, samples), "operations")


def _lanes(draw: Draw, count: int) -> _Lanes:
    room = 0.38 / count
    radius = draw.size(min(RADIUS, room), room)
    return _Lanes(
        across_N=(draw.rng.permutation(count) + 0.5) / count,
        start_N=draw.rng.uniform(radius, 1.0 - radius, size=count),
        sense_N=draw.rng.choice([-1.0, 1.0], size=count),
        is_upright=draw.one_of((False, True)),
        radius=radius,
    )


def _asked(draw: Draw, half: str, names: list[str], offered: list[Ranking]) -> _Asked:
    is_rising = draw.deal("ends", (False, True))
    *most, last = (f"the {name}" for name in draw.some_of(names, len(names)))
    text = draw.one_of(PHRASINGS).format(
        names=f"{', '.join(most)} and {last}", when=WHEN[half], ends=ENDS[is_rising]
    )
    options = tuple(in_words(one, names, is_rising) for one in draw.some_of(offered, len(offered)))
    return _Asked(text, half, is_rising, tuple(names), options)


def _min_fps(clip: Animation, samples: float) -> float:
    return 2.0 * samples * clip.fps / clip.frames


def _episode(
    clip: Animation, looks: list[Look], asked: _Asked, ranking: Ranking, ways_N2: Floats, samples: float
) -> Episode:
    middle, last = clip.frames // 2, clip.frames - 1
    speeds_N2 = np.round(ways_N2 * clip.fps / middle, 4)
    stretches = [(0, 0, middle), (1, middle, last)] if asked.half else [(0, 0, last)]
    column = 1 if asked.half == "second" else 0
    spoken = [
        f"{look.name} {speeds_N2[index, column]:.2f}" for index, look in enumerate(looks[: len(ranking)])
    ]
    return Episode(
        animation=clip,
        question=Question(
            text=asked.text,
            mode=Mode.PERCEPTION,
            options=asked.options,
            answer=asked.words(ranking),
            parameters={
                "objects": [f"o{index + 1}" for index in range(len(ranking))],
                "half": asked.half or "whole",
                "slowest_first": asked.is_rising,
            },
            changed_by=frozenset({Transform.REVERSE} if asked.half else ()),
        ),
        objects=cast(looks, len(ranking)),
        events=[
            Event(
                "move",
                start,
                end,
                f"the {look.name} covers {speeds_N2[index, stretch]:.2f} of the screen a second",
                {"object": f"o{index + 1}", "speed": float(speeds_N2[index, stretch])},
            )
            for stretch, start, end in stretches
            for index, look in enumerate(looks)
        ],
        states=positions(clip, [f"o{index + 1}" for index in range(len(looks))], SNAPSHOTS),
        derivation=[
            f"The speeds{WHEN[asked.half]}, in screens a second: {', '.join(spoken)}.",
            f"So the order {ENDS[asked.is_rising]} is: {asked.words(ranking)}.",
        ],
        min_fps=_min_fps(clip, samples),
    )


KIND = Kind(
    name="velocity_ranking",
    category=Category.SPEED,
    term=Term.SHORT,
    domain=Domain.SPATIAL,
    forms=frozenset(),
    make=make,
)
"""SynRL, 2.1.1: velocity comparison, as a ranking"""
