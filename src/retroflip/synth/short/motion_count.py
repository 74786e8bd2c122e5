"""Motion count: an object hops or tilts to the left and to the right, again and again; how often to one side?

The hops to both sides are as many in every clip of a difficulty, and the time spent on each side is the same: one long
hop or several short ones. So neither how much happens nor any set of frames without its order tells the count.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from retroflip.synth.animation import PALETTE, Actor, Animation, Floats, actor
from retroflip.synth.episode import Draw, Episode, Event, Kind, Mode, Pair, Question, Redraw, State
from retroflip.synth.names import Category, Domain, Form, Term
from retroflip.synth.objects import Look, cast, draw_looks, frames_of, staged
from retroflip.synth.physics import excursions, shares
from retroflip.synth.short.stage import (
    lowest_count,
    require_seen,
    spots,
    times,
    window,
)
from retroflip.synth.wording import phrased
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
NAMES = {"tee": "T"}
"""what a shape is called where its own name will not do"""
SECONDS = {1: (6.0, 7.0), 2: (5.5, 6.5), 3: (5.0, 6.0), 4: (6.0, 7.0), 5: (5.5, 6.5)}
LOWEST = {1: 1, 2: 1, 3: 1, 4: 2, 5: 2}
SMALLER = {1: 1.0, 2: 0.95, 3: 0.85, 4: 0.8, 5: 0.7}
"""of the usual reach"""
RADIUS = 0.05
ON_A_SIDE = 0.36
"""share of the clip spent on hops to the left, and as much on hops to the right"""
SEEN_AWAY, SEEN_AT_REST = 2.2, 0.9
"""viewed frames in a hop and between two, at least"""
HOP_SECONDS = 0.3


class Hop(NamedTuple):
    """A movement to a side and back: 0 left, 1 right; first and last frame."""

    side: int
    first: int
    last: int


def make(draw: Draw) -> Pair:
    """Draw a count for each side, then the hops; the second clip is the first one's mirror image."""
    settings = draw.settings
    frames = frames_of(draw, *SECONDS[settings.difficulty])
    away = round(ON_A_SIDE * frames)
    rest = frames - 2 * away
    sample = frames / settings.viewed_frames
    least = math.ceil(max(SEEN_AWAY * sample, HOP_SECONDS * settings.fps))
    between = math.ceil(SEEN_AT_REST * sample)
    lowest = lowest_count(
        draw, LOWEST, min(away // least - len(window(0)) + 1, (rest // between - len(window(0))) // 2)
    )
    counts = window(lowest)
    place = draw.deal("count", range(len(counts)))
    count, other = counts[place], counts[-1 - place]
    asked = draw.deal("side", range(len(SIDES)))
    motion = draw.deal("motion", MOTIONS)
    looks = draw_looks(draw, 1 + settings.distractors, motion.shapes)
    per_side = (count, other) if asked == 0 else (other, count)
    plans = [
        _hops(draw, one, (away, least), (rest, between))
        for one in (per_side, *(draw.one_of((per_side, (other, count))) for _ in looks[1:]))
    ]
    clip = _clip(draw, looks, plans, motion, frames)
    min_fps = max(2.0 / least, SEEN_AT_REST / between) * settings.fps
    require_seen(clip, min_fps, settings)
    name = name_of(looks[0])
    text = phrased(draw, name=name, verb=motion.verb, does=motion.does, side=SIDES[asked])
    options = tuple(str(one) for one in counts)

    def episode(shown: Animation, mirrored: bool, answer: int) -> Episode:
        hops = [hop._replace(side=hop.side ^ mirrored) for hop in plans[0]]
        return Episode(
            animation=shown,
            question=Question(
                text=text,
                mode=Mode.PERCEPTION,
                options=options,
                answer=str(answer),
                parameters={"object": "o1", "side": SIDES[asked], "motion": motion.verb},
                changed_by=frozenset({Transform.FLIP}),
                ordered=True,
                unit=f"{motion.verb}s",
            ),
            objects=[
                {**facts, "name": name_of(look)} for facts, look in zip(cast(looks, 1), looks, strict=True)
            ],
            events=[
                Event(
                    motion.verb,
                    hop.first,
                    hop.last,
                    f"the {name} {motion.does} to the {SIDES[hop.side]} and back",
                    {"object": "o1", "side": SIDES[hop.side]},
                )
                for hop in hops
            ],
            states=snapshots(shown, settings.fps),
            derivation=[
                f"It {motion.does} to the {SIDES[asked]} {times(answer)}, so the answer is: {answer}."
            ],
            min_fps=min_fps,
        )

    return Pair(episode(clip, False, count), episode(clip.flipped(), True, other), Transform.FLIP.value)


def name_of(look: Look) -> str:
    """Return how questions call an object of that look."""
    return replace(look, shape=NAMES.get(look.shape, look.shape)).name


def snapshots(clip: Animation, fps: int) -> list[State]:
    """Return where the object asked about is and how far it has turned, ten times a second and in the last frame."""
    target = next(one for one in clip.actors if one.id == "o1")
    step = max(1, fps // 10)
    return [
        State(
            frame,
            {
                "positions": {"o1": [round(float(target.x_T[frame]), 4), round(float(target.y_T[frame]), 4)]},
                "degrees": {"o1": round(math.degrees(float(target.angle_T[frame])) % 360.0, 2)},
            },
        )
        for frame in sorted({*range(0, clip.frames, step), clip.frames - 1})
    ]


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
        hops.append(Hop(int(side), first, now - 1))
    return hops


def _clip(
    draw: Draw, looks: Sequence[Look], plans: Sequence[Sequence[Hop]], motion: Motion, frames: int
) -> Animation:
    reach = motion.reach * SMALLER[draw.settings.difficulty]
    actors = []
    places = spots(draw, len(looks), RADIUS + MOTIONS[0].reach)
    for number, (look, (x, y), plan) in enumerate(zip(looks, places, plans, strict=True), start=1):
        course_T = reach * (
            excursions(frames, [(hop.first, hop.last) for hop in plan if hop.side == 1])
            - excursions(frames, [(hop.first, hop.last) for hop in plan if hop.side == 0])
        )
        actors.append(_actor(f"o{number}", look, motion, x, y, course_T))
    return staged(draw, actors)


def _actor(identity: str, look: Look, motion: Motion, x: float, y: float, course_T: Floats) -> Actor:
    turns = motion.verb == "tilt"
    return actor(
        identity,
        look.shape,
        PALETTE[look.colour],
        frames=len(course_T),
        x=x if turns else x + course_T,
        y=y,
        half_width=RADIUS * (0.6 if look.shape == "rectangle" else 1.4 if turns else 1.0),
        half_height=RADIUS * (1.6 if turns else 1.0),
        angle=course_T if turns else np.zeros(len(course_T)),
    )


KIND = Kind(
    name="motion_count",
    category=Category.MOTION,
    term=Term.SHORT,
    domain=Domain.TEMPORAL,
    forms=frozenset({Form.NUMERIC}),
    make=make,
)
"""SynRL, 2.1.1: motion counting"""
