"""Relative position: one object visits the four sides of another, over and over; in which order?

The order of the four sides is repeated from an evenly drawn start, so a single frame shows a side and nothing of the
order. From side to side it goes across the other object's middle, so that no frame in between tells which sides follow
each other, and every side is shown for the same time, so that a set of frames without their order tells nothing either.
Played backwards, the sides come in the opposite order.
"""

import math
from collections.abc import Sequence
from itertools import permutations

import numpy as np

from retroflip.synth.animation import Animation, Floats
from retroflip.synth.cast import Cast
from retroflip.synth.episode import Asked, Draw, Episode, Kind, Pair, paired
from retroflip.synth.names import Category, Domain, Term
from retroflip.synth.objects import filmed, positions
from retroflip.synth.physics import reflected
from retroflip.synth.wording import phrased, then
from retroflip.video.transforms import Transform

LEFT, RIGHT = "to the left of", "to the right of"
SIDES = {LEFT: (-1.0, 0.0), RIGHT: (1.0, 0.0), "above": (0.0, -1.0), "below": (0.0, 1.0)}
MIRRORED = {LEFT: RIGHT, RIGHT: LEFT}
RADIUS, SMALL = 0.065, 0.045
"""of the object that is visited, and of the one that visits"""
REACH = (0.16, 0.21)
"""how far from each other they are when one is at a side of the other"""
SECONDS = ((0.75, 0.9), (0.7, 0.85), (0.65, 0.8), (0.6, 0.75), (0.55, 0.7))
"""at each side, the way there and back included, by difficulty"""
DRIFT = ((0.0, 0.0), (0.0, 0.1), (0.1, 0.3), (0.2, 0.5), (0.3, 0.7))
"""how far both go together meanwhile"""
ROUNDS = 2
STAYS = 0.4
"""share of the time at a side during which it rests there"""
SAMPLES = 2
"""frames that must be seen of each side, at the least: one of them then is of its rest there, or just beside it"""


def in_words(sides: Sequence[str]) -> str:
    """Return sides as options name them: "above it, then below it", of the object that is visited."""
    return then(f"{side} it" for side in sides)


def after(visits: Sequence[str], side: str) -> tuple[str, ...]:
    """Return the three sides that follow the first visit of `side`."""
    first = list(visits).index(side)
    return tuple(visits[first + 1 : first + len(SIDES)])


def mirrored(visits: Sequence[str]) -> list[str]:
    """Return the visits as a mirror shows them."""
    return [MIRRORED.get(side, side) for side in visits]


def offset(visits: Sequence[str], stay: int, reach: float) -> Floats:
    """Return where the visitor is from the visited (T, 2): from rest at one side over the middle to the next.

    stay: frames from the middle of one visit to the middle of the next.
    """
    frames = stay * (len(visits) - 1) + 1
    moment_T = np.arange(frames) / stay
    visit_T = np.floor(moment_T + 0.5).astype(int)
    away_T = np.abs(moment_T - visit_T)
    leaving_T = np.clip((away_T - STAYS / 2.0) / (0.5 - STAYS / 2.0), 0.0, 1.0)
    towards_T2 = np.array([SIDES[visits[visit]] for visit in visit_T])
    places_T2: Floats = reach * np.cos(0.5 * math.pi * leaving_T)[:, None] * towards_T2
    return places_T2


def make(draw: Draw) -> Pair:
    """Draw an order of the sides, and the clip of it both ways."""
    side = draw.deal("side", tuple(SIDES))
    others = tuple(one for one in SIDES if one != side)
    pairs = [order for order in permutations(others) if order < order[::-1]]
    left_out = draw.deal("left out", range(len(pairs)))
    offered = [order for index, pair in enumerate(pairs) if index != left_out for order in (pair, pair[::-1])]
    right = draw.deal("order", offered)
    cycle, start = (side, *right), int(draw.rng.integers(len(SIDES)))
    visits = [cycle[(start + index) % len(SIDES)] for index in range(len(SIDES) * _rounds(draw) + 1)]
    cast = Cast.drawn(draw, 2)
    clip = _clip(draw, cast, visits)
    one, two = cast.names
    text = phrased(draw, one=one, two=two, side=side)
    options = [in_words(order) for order in draw.shuffled(offered)]
    parameters = {"object": "o1", "reference": "o2", "side": side}
    asked = cast.asked(
        text, options, parameters, min_fps=SAMPLES * (len(visits) - 1) * clip.fps / clip.frames
    )
    sides = _side(asked, cast, clip, visits), _side(asked, cast, clip.reversed(), visits[::-1])
    return paired(draw, *sides, Transform.REVERSE)


def _rounds(draw: Draw) -> int:
    settings = draw.settings
    wanted = settings.operations / len(SIDES) if settings.operations else ROUNDS * settings.operation_scale
    return max(ROUNDS, min(round(wanted), settings.viewed_frames // (SAMPLES * len(SIDES))))


def _clip(draw: Draw, cast: Cast, visits: list[str]) -> Animation:
    stay = max(SAMPLES, draw.operation_frames(SECONDS))
    reach, heading = draw.between(*REACH), draw.angle()
    offset_T2 = offset(visits, stay, reach)
    frames = len(offset_T2)
    gone_T = np.linspace(0.0, draw.between(*draw.level(DRIFT)), frames)
    margin = reach + SMALL
    start_2 = draw.rng.uniform(margin, 1.0 - margin, size=2)
    free_T2 = start_2 + gone_T[:, None] * np.array([math.cos(heading), math.sin(heading)])
    visited_T2 = reflected(free_T2, margin, 1.0 - margin)
    visitor, visited = cast.moving((visited_T2 + offset_T2).T, SMALL), cast.moving(visited_T2.T, RADIUS, 1)
    return filmed(draw, [visitor, visited, *cast.crossing(draw, frames, SMALL)])


def _side(asked: Asked, cast: Cast, clip: Animation, visits: list[str]) -> Episode:
    one, two = cast.names
    side = asked.parameters["side"]
    right = after(visits, side)
    turned = {Transform.REVERSE: visits[::-1], Transform.FLIP: mirrored(visits)}
    stay, last = (clip.frames - 1) // (len(visits) - 1), clip.frames - 1
    rest = math.floor(stay * STAYS / 2.0)
    middles = [index * stay for index in range(len(visits))]
    spans = [(max(0, middle - rest), min(last, middle + rest)) for middle in middles]
    return asked.episode(
        clip,
        in_words(right),
        (how for how, other in turned.items() if after(other, side) != right),
        events=[
            cast.event("visit", span, f"is {visited} the {two}", reference="o2", side=visited)
            for visited, span in zip(visits, spans, strict=True)
        ],
        states=positions(clip, cast.ids),
        derivation=[
            f"Seen from the {two}, the {one} is first {side} it, then {in_words(right)}.",
            f"After it has first been {side} the {two}, it is next {in_words(right)}.",
        ],
    )


KIND = Kind("relative_position", Category.DIRECTION, Term.SHORT, Domain.SPATIAL, (), make)
"""SynRL, 2.1.1: relative position tracking"""
