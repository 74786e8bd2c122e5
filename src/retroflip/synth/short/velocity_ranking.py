"""Velocity ranking: objects go to and fro in lanes; which is the order of their speeds?

Each object bounces in a lane of its own from an evenly drawn place of it, so that no single frame tells how fast any of
them is. Either the speeds hold throughout (the other side deals them out anew), or all change at half time, or at every
quarter, and one stretch is asked for (the other side is the clip played backwards).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from retroflip.synth.animation import Actor, Animation, Floats
from retroflip.synth.cast import Cast
from retroflip.synth.episode import ANEW, Asked, Draw, Episode, Event, Kind, Pair, paired
from retroflip.synth.names import Category, Domain, Term
from retroflip.synth.objects import filmed, frames_of, positions
from retroflip.synth.physics import reflected
from retroflip.synth.short.stretches import Percent, named, number_of_stretches, told_ways
from retroflip.synth.wording import phrased, series
from retroflip.video.transforms import Transform

ENDS = {False: "from fastest to slowest", True: "from slowest to fastest"}
OBJECTS = (3, 3, 3, 4, 4)
RADIUS = 0.06
RATIO = (1.7, 1.6, 1.5, 1.45, 1.4)
"""of neighbouring speeds, by difficulty"""
LEAST_RATIO = 1.3
SPREAD = 5.0
"""of the fastest speed to the slowest, at the most, where neighbours stay `LEAST_RATIO` apart"""
SLOWEST = (0.24, 0.32)
"""how far the slowest object goes in a stretch, in shares of the side"""
SECONDS = {False: (3.0, 5.0), True: (4.0, 6.0)}
"""without and with a change of speeds"""
STRAYS_GO = (0.25, 0.75)
"""how far a distractor goes in a stretch"""
STEP = 0.2
"""the longest way, in shares of the side, that an object may go between two frames seen"""
SAMPLES = 6
"""frames that must be seen of a stretch, at the least"""
APART_SECONDS = 0.12
"""from the beginning of an object's way, as it is told, to that of the next object's"""

Ranking = tuple[int, ...]
"""objects by number, the fastest first"""


@dataclass(frozen=True)
class _Ranked:
    """What is ranked: the stretch that is asked for, from 0, of so many (None where the speeds hold), and by name."""

    part: int | None
    stretches: int
    is_rising: bool
    names: Sequence[str]

    def words(self, ranking: Ranking) -> str:
        """Return a ranking as options name it."""
        return ", ".join(self.names[one] for one in (reversed(ranking) if self.is_rising else ranking))


@dataclass(frozen=True)
class _Lanes:
    """Where the objects go to and fro: their lanes, first places and the ways they set out, and the objects' size."""

    across_N: Floats
    start_N: Floats
    sense_N: Floats
    is_upright: bool
    radius: float

    def actors(self, cast: Cast, ways_NS: Floats, frames: int) -> list[Actor]:
        """Return the objects on their ways, if that is how far they go in each of S stretches."""
        made = []
        ends_S = np.linspace(0.0, 1.0, ways_NS.shape[1] + 1)
        for who, ways_S in enumerate(ways_NS):
            gone_S = np.concatenate([[0.0], np.cumsum(ways_S)])
            gone_T = np.interp(np.linspace(0.0, 1.0, frames), ends_S, gone_S)
            free_T = self.start_N[who] + self.sense_N[who] * gone_T
            along_T = reflected(free_T, self.radius, 1.0 - self.radius)
            across_T = np.full(frames, self.across_N[who])
            way_2T = (across_T, along_T) if self.is_upright else (along_T, across_T)
            made.append(cast.moving(way_2T, self.radius, who))
        return made


def orders(draw: Draw, count: int) -> list[Ranking]:
    """Return four rankings of `count` objects to choose from, none closer to the others than the rest.

    Of four objects and more, the four differ by two swaps of neighbours, made or not.
    """
    start = tuple(draw.shuffled(range(count)))
    if count < 4:
        drawn = {start: None}
        while len(drawn) < 4:
            drawn[tuple(draw.shuffled(range(count)))] = None
        return list(drawn)
    first = int(draw.rng.integers(0, count - 3))
    second = int(draw.rng.integers(first + 2, count - 1))
    return [_swapped(start, places) for places in ((), (first,), (second,), (first, second))]


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
    stretches = number_of_stretches(settings, settings.viewed_frames // SAMPLES)
    part = draw.deal("part", [one for number in range(stretches) for one in (None, number)])
    count = max(3, settings.objects or draw.level(OBJECTS))
    cast = Cast.drawn(draw, count)
    offered = orders(draw, count)
    right, other = draw.some_of(offered, 2)
    ranked = _Ranked(part, stretches, draw.deal("ends", (False, True)), cast.names)
    listed = series([f"the {name}" for name in draw.shuffled(cast.names)])
    text = phrased(draw, names=listed, when=when(part, stretches), ends=ENDS[ranked.is_rising])
    options = [ranked.words(one) for one in draw.shuffled(offered)]
    frames = 1 + stretches * max(1, frames_of(draw, *SECONDS[part is not None]) // stretches)
    ratio = max(LEAST_RATIO, min(draw.level(RATIO), SPREAD ** (1.0 / (count - 1))))
    slowest = draw.between(*SLOWEST)
    strays = [stretches * [draw.between(*STRAYS_GO)] for _ in cast.distractors]
    lanes = _lanes(draw, len(cast.looks))

    def ways(rankings: Sequence[Ranking]) -> Floats:
        by_stretch = [distances(one, slowest, ratio) for one in rankings]
        return np.array([*zip(*by_stretch, strict=True), *strays], dtype=float)

    ways_NS = ways(_rankings(draw, part, stretches, (right, other), offered))
    first = filmed(draw, lanes.actors(cast, ways_NS, frames))
    samples = max(SAMPLES, float(ways_NS.max()) / STEP)
    parameters = {
        "objects": cast.ids[:count],
        "part": [0, 1] if part is None else [part, stretches],
        "slowest_first": ranked.is_rising,
    }
    asked = cast.asked(text, options, parameters, min_fps=stretches * samples * first.fps / first.frames)
    one = _side(asked, cast, ranked, first, right, ways_NS)
    if part is not None:
        two = _side(asked, cast, ranked, first.reversed(), other, ways_NS[:, ::-1])
        return paired(draw, one, two, Transform.REVERSE)
    ways_NS = ways(stretches * [other])
    second = first.recast(lanes.actors(cast, ways_NS, frames))
    return paired(draw, one, _side(asked, cast, ranked, second, other, ways_NS), ANEW)


def _rankings(
    draw: Draw, part: int | None, stretches: int, answers: tuple[Ranking, Ranking], offered: Sequence[Ranking]
) -> list[Ranking]:
    """Return the ranking in every stretch: that asked for, the other where reversal brings it there, any elsewhere."""
    right, other = answers
    if part is None:
        return stretches * [right]
    fixed = {part: right, stretches - 1 - part: other}
    return [fixed.get(index) or draw.one_of(offered) for index in range(stretches)]


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


def when(part: int | None, stretches: int) -> str:
    """Return which stretch is meant, as it ends a clause.

    >>> when(2, 4), when(None, 4)
    (' in the third quarter of the video', '')
    """
    return "" if part is None else f" in the {named(part + 1, stretches)} of the video"


def _side(
    asked: Asked, cast: Cast, ranked: _Ranked, clip: Animation, ranking: Ranking, ways_NS: Floats
) -> Episode:
    events = _events(cast, clip, ways_NS[: cast.targets])
    return asked.episode(
        clip,
        ranked.words(ranking),
        {Transform.REVERSE} if ranked.part is not None else (),
        events=events,
        states=positions(clip, cast.ids),
        derivation=[
            "Ways are in percent of the screen, and every way takes the same time.",
            _compared(ranked, events),
            f"So the order {ENDS[ranked.is_rising]} is: {ranked.words(ranking)}.",
        ],
    )


def _windows(clip: Animation, count: int, stretches: int) -> list[list[tuple[int, int]]]:
    """Return, for each stretch, a span of frames for each object: as long as the others, each a little later."""
    length = (clip.frames - 1) // stretches
    apart = max(1, min(math.ceil(APART_SECONDS * clip.fps), length // (2 * count)))
    shown = length - (count - 1) * apart
    starts = [[stretch * length + index * apart for index in range(count)] for stretch in range(stretches)]
    return [[(start, start + shown) for start in row] for row in starts]


def _differ(gone_NS: Percent) -> bool:
    """Return whether no two objects go as far in the same stretch."""
    return all(len(set(gone_N)) == len(gone_N) for gone_N in gone_NS.T.tolist())


def _events(cast: Cast, clip: Animation, ways_NS: Floats) -> list[Event]:
    stretches = ways_NS.shape[1]
    windows_SN = _windows(clip, len(ways_NS), stretches)
    start, end = windows_SN[0][0]
    gone_NS = told_ways(ways_NS * ((end - start) * stretches / (clip.frames - 1)), _differ).tolist()
    return [
        cast.event("move", span, f"goes about {gone} percent", who, distance=gone)
        for stretch, spans in enumerate(windows_SN)
        for who, span in enumerate(spans)
        for gone in [gone_NS[who][stretch]]
    ]


def _compared(ranked: _Ranked, events: Sequence[Event]) -> str:
    """Return how far the objects go in the stretch asked for, or in the first one."""
    count = len(ranked.names)
    told = series([event.note for event in events[(ranked.part or 0) * count :][:count]])
    where = when(ranked.part, ranked.stretches).strip()
    sentence = f"{where}{', ' if where else ''}{told}."
    return sentence[:1].upper() + sentence[1:]


KIND = Kind("velocity_ranking", Category.SPEED, Term.SHORT, Domain.SPATIAL, (), make)
"""SynRL, 2.1.1: velocity comparison, as a ranking"""
