"""Motion count: an object hops or tilts to the left and to the right, again and again; how often to one side?

The hops to both sides are as many in every clip of a difficulty, and the time spent on each side is the same: one long
hop or several short ones. So neither how much happens nor any set of frames without its order tells the count.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from retroflip.synth.animation import Actor, Animation, Floats
from retroflip.synth.cast import Cast
from retroflip.synth.episode import Asked, Draw, Episode, Kind, Pair, Redraw, paired
from retroflip.synth.names import Category, Domain, Form, Term
from retroflip.synth.objects import Look, filmed, frames_of, places_and_turns, spots
from retroflip.synth.physics import excursions, shares
from retroflip.synth.short.counts import lowest_count, window
from retroflip.synth.wording import phrased, times
from retroflip.video.transforms import Transform

SIDES = ("left", "right")


class Motion(NamedTuple):
    """What an object does: the verb's base form and its third person, shapes that show it, and how far it goes."""

    verb: str
    does: str
    shapes: tuple[str, ...]
    reach: float
    """a share of the side, or radians"""


MOTIONS = (
    Motion("hop", "hops", ("circle", "square", "diamond", "star", "pentagon", "hexagon"), 0.1),
    Motion("tilt", "tilts", ("tee", "triangle", "rectangle"), 0.7),
)
SECONDS = ((6.0, 7.0), (5.5, 6.5), (5.0, 6.0), (6.0, 7.0), (5.5, 6.5))
LOWEST = (1, 1, 1, 2, 2)
SMALLER = (1.0, 0.95, 0.85, 0.8, 0.7)
"""of the usual reach"""
RADIUS = 0.05
ON_A_SIDE = 0.36
"""share of the clip spent on hops to the left, and as much on hops to the right"""
SEEN_AWAY, SEEN_AT_REST = 2.2, 0.9
"""viewed frames in a hop and between two, at least"""
HOP_SECONDS = 0.3


class Hop(NamedTuple):
    """A movement to a side and back: 0 left, 1 right; its first and its last frame."""

    side: int
    span: tuple[int, int]


def make(draw: Draw) -> Pair:
    """Draw a count for each side, then the hops; the second clip is the first one's mirror image."""
    settings = draw.settings
    frames = frames_of(draw, *draw.level(SECONDS))
    away = round(ON_A_SIDE * frames)
    rest = frames - 2 * away
    sample = frames / settings.viewed_frames
    least = math.ceil(max(SEEN_AWAY * sample, HOP_SECONDS * settings.fps))
    between = math.ceil(SEEN_AT_REST * sample)
    more = len(window(0))
    counts = window(lowest_count(draw, LOWEST, min(away // least - more + 1, (rest // between - more) // 2)))
    place = draw.deal("count", range(len(counts)))
    count, other = counts[place], counts[-1 - place]
    side = draw.deal("side", range(len(SIDES)))
    motion = draw.deal("motion", MOTIONS)
    cast = Cast.drawn(draw, shapes=motion.shapes)
    per_side = (count, other) if side == 0 else (other, count)
    plans = [
        _hops(draw, one, (away, least), (rest, between))
        for one in (per_side, *(draw.one_of((per_side, (other, count))) for _ in cast.distractors))
    ]
    clip = _clip(draw, cast, plans, motion, frames)
    text = phrased(draw, name=cast.name, verb=motion.verb, does=motion.does, side=SIDES[side])
    parameters = {"object": "o1", "side": SIDES[side], "motion": motion.verb}
    min_fps = max(2.0 / least, SEEN_AT_REST / between) * settings.fps
    asked = cast.asked(text, counts, parameters, min_fps=min_fps)
    mirrored = [hop._replace(side=1 - hop.side) for hop in plans[0]]
    one = _side(asked, cast, clip, motion, plans[0], count)
    return paired(draw, one, _side(asked, cast, clip.flipped(), motion, mirrored, other), Transform.FLIP)


def _side(
    asked: Asked, cast: Cast, clip: Animation, motion: Motion, hops: Sequence[Hop], answer: int
) -> Episode:
    return asked.episode(
        clip,
        answer,
        {Transform.FLIP},
        events=[
            cast.event(motion.verb, hop.span, f"{motion.does} to the {side} and back", side=side)
            for hop in hops
            for side in [SIDES[hop.side]]
        ],
        states=places_and_turns(clip, "o1"),
        derivation=[
            f"It {motion.does} to the {asked.parameters['side']} {times(answer)}, so the answer is: {answer}."
        ],
    )


def _hops(draw: Draw, per_side: tuple[int, int], away: tuple[int, int], rest: tuple[int, int]) -> list[Hop]:
    """Draw hops in any order: all those to a side take `away` frames, those of rest between them `rest` in all.

    away, rest: the total, and the least for one hop and for one rest. Raises Redraw where they do not fit.
    """
    try:
        lengths = [shares(draw.rng, count, *away) for count in per_side]
        pauses = shares(draw.rng, sum(per_side) + 1, *rest)
    except ValueError:
        raise Redraw from None
    sides = draw.rng.permutation([0] * per_side[0] + [1] * per_side[1])
    hops, now = [], 0
    for side, pause in zip(sides, pauses, strict=False):
        first = now + pause
        now = first + lengths[int(side)].pop()
        hops.append(Hop(int(side), (first, now - 1)))
    return hops


def _clip(draw: Draw, cast: Cast, plans: Sequence[Sequence[Hop]], motion: Motion, frames: int) -> Animation:
    reach = motion.reach * draw.level(SMALLER)
    actors = []
    places = spots(draw, len(cast.looks), RADIUS + MOTIONS[0].reach)
    for (identity, look), (x, y), plan in zip(cast.each(), places, plans, strict=True):
        left_T, right_T = (
            excursions(frames, [hop.span for hop in plan if hop.side == side]) for side in range(len(SIDES))
        )
        actors.append(_actor(identity, look, motion, x, y, reach * (right_T - left_T)))
    return filmed(draw, actors)


def _actor(identity: str, look: Look, motion: Motion, x: float, y: float, course_T: Floats) -> Actor:
    turns = motion.verb == "tilt"
    return look.actor(
        identity,
        len(course_T),
        (x, y) if turns else (x + course_T, y),
        RADIUS * (0.6 if look.shape == "rectangle" else 1.4 if turns else 1.0),
        RADIUS * (1.6 if turns else 1.0),
        angle=course_T if turns else 0.0,
    )


KIND = Kind("motion_count", Category.MOTION, Term.SHORT, Domain.TEMPORAL, {Form.NUMERIC}, make)
"""SynRL, 2.1.1: motion counting"""
