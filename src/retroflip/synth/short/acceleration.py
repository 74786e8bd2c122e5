"""Acceleration: does an object get faster, slower, or keep its speed, or one after the other?

The whole clip is asked about, or its quarters one after the other where there are frames enough to tell them.

The object goes straight and bounces off the frame's edges, or goes round a circle; either way the place in any single
frame is drawn evenly, and so is the distance, whatever the answer. Where speed and time are a straight line, the clip
played backwards has the opposite answer; what is its own mirror image in time (constant speed, faster and then slower)
is paired with another such course over the same path.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from retroflip.synth.animation import Actor, Animation, Floats
from retroflip.synth.cast import Cast
from retroflip.synth.episode import ANEW, Asked, Draw, Episode, Event, Kind, Pair, paired
from retroflip.synth.names import Category, Domain, Term
from retroflip.synth.objects import bouncing, by_id, circling, filmed, frames_of, positions
from retroflip.synth.short.stretches import named, number_of_stretches, told_ways
from retroflip.synth.wording import percent, phrased
from retroflip.video.transforms import Transform

FASTER, SLOWER, SAME = "it speeds up", "it slows down", "it keeps the same speed"
PEAK, DIP = "it first speeds up, then slows down", "it first slows down, then speeds up"
UP, DOWN, KEPT = 1, -1, 0
SAID = {UP: "speeds up", DOWN: "slows down", KEPT: "keeps its speed"}
Course = tuple[int, ...]
"""how the speed changes in each stretch"""


def in_words(course: Course) -> str:
    """Return the changes of speed as options name them.

    >>> in_words((1, 0, -1, 0))
    'it speeds up, keeps its speed, slows down, then keeps its speed'
    """
    *most, last = (SAID[change] for change in course)
    return f"it {', '.join(most)}, then {last}"


def played_back(course: Course) -> Course:
    """Return the changes of speed of the clip played backwards."""
    return tuple(-change for change in reversed(course))


HALVES: dict[str, Course] = {
    FASTER: (UP, UP),
    SLOWER: (DOWN, DOWN),
    SAME: (KEPT, KEPT),
    PEAK: (UP, DOWN),
    DIP: (DOWN, UP),
}
QUARTERS: dict[str, Course] = {
    in_words(course): course
    for course in (
        *((UP, KEPT, DOWN, KEPT), (KEPT, UP, KEPT, DOWN), (DOWN, KEPT, UP, KEPT), (KEPT, DOWN, KEPT, UP)),
        *((UP, DOWN, UP, KEPT), (KEPT, DOWN, UP, DOWN), (DOWN, UP, DOWN, KEPT), (KEPT, UP, DOWN, UP)),
        *((UP, DOWN, UP, DOWN), (DOWN, UP, DOWN, UP)),
    )
}
_FOURS = tuple(QUARTERS)
_SETS = {
    2: ((FASTER, SLOWER, SAME, PEAK), (FASTER, SLOWER, SAME, DIP), (FASTER, SLOWER, PEAK, DIP)),
    4: (_FOURS[:4], _FOURS[4:8], (*_FOURS[:2], *_FOURS[8:]), (*_FOURS[4:6], *_FOURS[8:])),
}
"""what is offered, by the number of stretches: what reversal makes of each option is an option too"""
RADIUS, ROOM = 0.055, 0.15
GOES = (0.7, 1.4)
"""how far, in shares of the side"""
SECONDS = (3.0, 5.0)
RATIO = ((4.5, 5.5), (4.0, 5.0), (3.5, 4.5), (3.0, 4.0), (2.5, 3.2))
"""highest speed to lowest, by difficulty"""
SAMPLES = 10
"""frames that a viewer must see of two stretches at the least, to compare the steps between them"""


def speeds(course: Course, ratio: float, frames: int) -> Floats:
    """Return the speed (T,) by frame, relative to the lowest: straight lines between 1 and `ratio`."""
    heights = np.concatenate([[0], np.cumsum(course)])
    levels = 1.0 + (ratio - 1.0) * (heights - heights.min()) / max(1, np.ptp(heights))
    speed_T: Floats = np.interp(np.linspace(0.0, 1.0, frames), np.linspace(0.0, 1.0, len(levels)), levels)
    return speed_T


def gone(course: Course, ratio: float, frames: int) -> Floats:
    """Return the share (T,) of its path that the object has gone by each frame, from 0 to 1."""
    speed_T = speeds(course, ratio, frames)
    way_T: Floats = np.concatenate([[0.0], np.cumsum((speed_T[1:] + speed_T[:-1]) / 2.0)])
    share_T: Floats = way_T / way_T[-1]
    return share_T


def _partner(answer: str, offered: Sequence[str], courses: Mapping[str, Course]) -> str:
    """Return the other answer of a pair: the clip played backwards, or the other option that is its own mirror."""
    turned = [name for name in offered if courses[name] == played_back(courses[answer])]
    if turned != [answer]:
        return turned[0]
    (other,) = (one for one in offered if one != answer and courses[one] == played_back(courses[one]))
    return other


def make(draw: Draw) -> Pair:
    """Draw a course, and its reverse or another over the same path."""
    stretches = number_of_stretches(draw.settings, 2 * draw.settings.viewed_frames // SAMPLES)
    courses = {2: HALVES, 4: QUARTERS}[stretches]
    offered, answer = draw.deal("answer", [(one, answer) for one in _SETS[stretches] for answer in one])
    partner = _partner(answer, offered, courses)
    cast = Cast.drawn(draw)
    legs = 2 * stretches
    frames = 1 + legs * max(1, frames_of(draw, *SECONDS) // legs)
    distance, ratio = draw.between(*GOES) * stretches / 2, draw.between(*draw.level(RATIO))
    text = phrased(draw, name=cast.name)
    options = draw.shuffled(offered)
    radius = draw.size(RADIUS, ROOM)
    route = draw.one_of((bouncing, circling))(draw, radius)

    def target(profile: str) -> Actor:
        return cast.moving(route(distance * gone(courses[profile], ratio, frames)).T, radius)

    first = filmed(draw, [target(answer), *cast.crossing(draw, frames, radius)])
    parameters = {"object": "o1", "stretches": stretches}
    min_fps = SAMPLES * stretches / 2 * first.fps / first.frames
    asked = cast.asked(text, options, parameters, min_fps=min_fps)
    backwards = courses[partner] == played_back(courses[answer])
    second = first.reversed() if backwards else first.recast([target(partner)])
    one = _side(asked, cast, first, answer, courses[answer])
    two = _side(asked, cast, second, partner, courses[partner])
    return paired(draw, one, two, Transform.REVERSE if backwards else ANEW)


def _told(cast: Cast, places_T2: Floats, span: tuple[int, int], gone: int, change: int | None) -> Event:
    """Return a leg of the object's way as a viewer would tell it, who sees where the object is at both ends.

    gone: how far it goes in percent of the screen. change: how that compares with the leg before, None where it is not
    compared.
    """
    here, there = ([percent(float(share)) for share in places_T2[frame]] for frame in span)
    does = f"goes about {gone} percent"
    if here != there:  # it may turn at the border and come back to where it was
        does += f", from ({here[0]}, {here[1]}) to ({there[0]}, {there[1]})"
    compared = {} if change is None else {"change": change}
    return cast.event("move", span, does, distance=gone, begin=here, reach=there, **compared)


def _side(asked: Asked, cast: Cast, clip: Animation, answer: str, course: Course) -> Episode:
    """Return one side, told in two legs for each stretch: as many whatever the answer, so that they do not tell it."""
    target = by_id(clip, "o1")
    places_T2 = np.stack([target.x_T, target.y_T], axis=1)
    legs = list(pairwise(np.linspace(0, clip.frames - 1, 2 * len(course) + 1, dtype=int).tolist()))
    way_L = np.array([_length(places_T2[start : end + 1]) for start, end in legs])
    gone = told_ways(way_L, lambda gone_L: tuple(np.sign(gone_L[1::2] - gone_L[::2])) == course).tolist()
    changes = [one for change in course for one in (None, change)]
    return asked.episode(
        clip,
        answer,
        {Transform.REVERSE} if course != played_back(course) else (),
        events=[_told(cast, places_T2, *leg) for leg in zip(legs, gone, changes, strict=True)],
        states=positions(clip, [one.id for one in clip.actors]),
        derivation=_derivation(gone, course, answer),
    )


def _length(places_T2: Floats) -> float:
    return float(np.hypot(*np.diff(places_T2, axis=0).T).sum())


def _derivation(gone: Sequence[int], course: Course, answer: str) -> list[str]:
    return [
        "Points and ways are in percent of the screen, and every way takes the same time.",
        f"One after the other, it goes about {', '.join(map(str, gone))} percent.",
        *(
            f"In the {named(number, len(course))} it {SAID[change]}."
            for number, change in enumerate(course, start=1)
        ),
        f"So the answer is: {answer}.",
    ]


KIND = Kind("acceleration", Category.SPEED, Term.SHORT, Domain.SPATIAL, (), make)
"""SynRL, 2.1.1: acceleration detection"""
