"""Collision count: an object bounces about in a room; how often does it hit the wall on one side?

Left and right take turns, so an odd number of hits in all makes the two counts differ by one, and a mirror swaps them:
counts are asked for in pairs, 1 and 2 or 3 and 4. Floor and ceiling get the other pair, so that the hits in all are as
many in every clip of a difficulty.

The object is at rest at first and at last, near the middle, whichever wall it hits first. When it sets off is drawn so
that its place in the middle of the clip is evenly spread: with an odd number of hits, a motion as long as the clip
would always be near the wall opposite to the first one then.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import count as count_from

import numpy as np

from retroflip.synth.animation import Actor, Animation, actor
from retroflip.synth.cast import Cast
from retroflip.synth.episode import Asked, Draw, Episode, Kind, Pair, Redraw, have_own_stamps, paired
from retroflip.synth.names import Category, Domain, Form, Term
from retroflip.synth.objects import filmed, frames_of, positions
from retroflip.synth.physics import Bounce
from retroflip.synth.short.counts import lowest_count, window
from retroflip.synth.wording import phrased, times
from retroflip.video.transforms import Transform

OPPOSITE = {"left": "right", "right": "left"}
SHAPES = ("circle", "square", "diamond")
"""whose extent to every side is their half width"""
WALL = 0.05
"""thickness of the walls, which stand at the frame's edges"""
WALL_COLOUR = (150, 154, 162)
SECONDS = ((7.0, 8.0), (7.0, 8.0), (6.5, 8.0), (6.5, 7.5), (6.0, 7.0))
LOWEST = (1, 1, 1, 2, 2)
RADII = (0.075, 0.07, 0.065, 0.06, 0.05)
ROOM = 0.12
MOVING = 0.57
"""share of the clip in which the object moves"""
FREE = 0.42
"""share of a crossing that lies before the first hit and after the last, at least"""
FREE_DOWN = 0.15
"""the same for floor and ceiling, of which no count is asked"""
STRAYS = (0.15, 0.5)
"""speeds of distractors, each way"""
SEEN = 1.9
"""viewed frames of a crossing, at least: so many show each way, and the turn between two of them"""
APART_SECONDS = 0.07
"""between a hit of one wall and of the next: less is a corner"""
TRIES = 400
FOUND = 20.0
"""how many of so many tries must be expected to have no hit near a corner"""


def bounce(
    rng: np.random.Generator, first: int, hits: int, radius: float, seconds: float, free: float = FREE
) -> Bounce:
    """Draw a motion of three hits or more in a clip of so many seconds, the first of the wall at that end (-1 or 1).

    The shares of a crossing before the first hit and after the last are drawn from an interval about one half, so that
    neither the first place nor the last tells the end. The way gone by the middle of the clip is drawn evenly from a
    whole number of crossings to both sides of the middle hit, so that the place then does not tell it either.
    """
    before, after = rng.uniform(free, 1.0 - free, size=2)
    low, high = WALL + radius, 1.0 - WALL - radius
    start = high - before * (high - low) if first > 0 else low + before * (high - low)
    crossings = hits - 1 + before + after
    moving = MOVING * seconds
    middle = before + (hits - 1) / 2.0
    # As many as let the motion begin after the clip and end before it.
    slack = crossings * (1.0 - MOVING) / (2.0 * MOVING) - abs(middle - crossings / 2.0)
    middle += rng.uniform(-1.0, 1.0) * int(slack)
    begin = seconds / 2.0 - middle / crossings * moving
    return Bounce(start, first * (high - low) * crossings / moving, low, high, begin, moving)


def most_hits(viewed_frames: int, seconds: float) -> int:
    """Return the lowest count of the highest window that a clip of so many seconds has room for (0: of none)."""

    def has_room(lowest: int) -> bool:
        crossings = 2 * lowest + 4 + 2.0 * (1.0 - FREE)
        crossing = MOVING * seconds / crossings
        # A hit of the one walls misses those of the others with so much of their time: as if both came by chance.
        free = max(0.0, 1.0 - 2.0 * APART_SECONDS / crossing) ** (2 * lowest + 1)
        return free * TRIES >= FOUND and MOVING * (viewed_frames - 1) >= SEEN * crossings

    return next(lowest for lowest in count_from(0) if not has_room(lowest + 1))


def make(draw: Draw) -> Pair:
    """Draw a count and its neighbour, then a course that hits one side so often and the other as often."""
    settings = draw.settings
    frames = frames_of(draw, *draw.level(SECONDS))
    seconds = (frames - 1) / settings.fps
    counts = window(lowest_count(draw, LOWEST, most_hits(settings.viewed_frames, seconds)))
    place = draw.deal("count", range(len(counts)))
    count, other = counts[place], counts[place ^ 1]
    side = draw.deal("side", tuple(OPPOSITE))
    cast = Cast.drawn(draw, shapes=SHAPES)
    first = side if count > other else OPPOSITE[side]
    radius = draw.size(draw.level(RADII), ROOM)
    hits = count + other, sum(counts) - count - other
    course = _course(draw, 1 if first == "right" else -1, hits, radius, seconds)
    clip = _clip(draw, cast, course, radius, frames)
    text = phrased(draw, name=cast.name, side=side)
    asked = cast.asked(text, counts, {"object": "o1", "wall": side}, min_fps=SEEN / course[0].crossing)
    one = _side(asked, cast, clip, course, tuple(OPPOSITE), count)
    two = _side(asked, cast, clip.flipped(), course, tuple(OPPOSITE.values()), other)
    return paired(draw, one, two, Transform.FLIP)


def _course(
    draw: Draw, first: int, hits: tuple[int, int], radius: float, seconds: float
) -> tuple[Bounce, Bounce]:
    """Draw a motion across and one down without a hit near a corner; raises Redraw where none is found.

    first: the end that the motion across hits first. hits: of each of the two.
    """
    for _ in range(TRIES):
        across = bounce(draw.rng, first, hits[0], radius, seconds)
        down = bounce(draw.rng, draw.one_of((-1, 1)), hits[1], radius, seconds, FREE_DOWN)
        down = down._replace(begin=across.begin)
        gaps = [abs(one.seconds - two.seconds) for one in across.contacts() for two in down.contacts()]
        frames = [round(hit.seconds * draw.settings.fps) for hit in (*across.contacts(), *down.contacts())]
        if min(gaps) >= APART_SECONDS and have_own_stamps(frames, draw.settings.fps):
            return across, down
    raise Redraw


def _clip(draw: Draw, cast: Cast, course: tuple[Bounce, Bounce], radius: float, frames: int) -> Animation:
    seconds_T = np.arange(frames) / draw.settings.fps
    seconds = float(seconds_T[-1])
    courses = [course]
    low, high = WALL + radius, 1.0 - WALL - radius
    for _ in cast.distractors:
        across, down = (
            Bounce(
                draw.between(low, high), draw.between(*STRAYS) * draw.one_of((-1, 1)), low, high, 0.0, seconds
            )
            for _ in range(2)
        )
        courses.append((across, down))
    actors = [
        cast.moving([motion.at(seconds_T) for motion in motions], radius, who)
        for who, motions in enumerate(courses)
    ]
    clip = filmed(draw, actors)
    return replace(clip, actors=(*_room(frames), *clip.actors))


def _room(frames: int) -> list[Actor]:
    half = WALL / 2.0
    places = {
        "left wall": (half, 0.5, half, 0.5),
        "right wall": (1.0 - half, 0.5, half, 0.5),
        "upper wall": (0.5, half, 0.5, half),
        "lower wall": (0.5, 1.0 - half, 0.5, half),
    }
    return [
        actor(name, "rectangle", WALL_COLOUR, frames=frames, x=x, y=y, half_width=width, half_height=height)
        for name, (x, y, width, height) in places.items()
    ]


def _side(
    asked: Asked,
    cast: Cast,
    clip: Animation,
    course: tuple[Bounce, Bounce],
    sides: Sequence[str],
    answer: int,
) -> Episode:
    """Return one side of the pair. sides: the walls at the low and at the high end of the motion across."""
    hits = [
        (round(hit.seconds * clip.fps), ends[hit.end > 0])
        for motion, ends in zip(course, (sides, ("upper", "lower")), strict=True)
        for hit in motion.contacts()
    ]
    side = asked.parameters["wall"]
    return asked.episode(
        clip,
        answer,
        {Transform.FLIP},
        events=[
            cast.event("hit", (frame, frame), f"hits the {wall} wall", wall=wall)
            for frame, wall in sorted(hits)
        ],
        states=positions(clip, ["o1"]),
        derivation=[f"The {side} wall is hit {times(answer)}.", f"So the answer is: {answer}."],
    )


KIND = Kind("collision_count", Category.MOTION, Term.SHORT, Domain.SPATIAL, {Form.NUMERIC}, make)
"""SynRL, 2.1.1: collision event counting"""
