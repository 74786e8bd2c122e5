"""Speed: objects go up and down side by side, each at a speed of its own; which one is the fastest, or the slowest?

They turn round at the same heights, all of them at least twice, and start anywhere on their way, so that places say
nothing. The answer is the object's place in the row, which a mirror turns round.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from retroflip.synth.animation import Actor, Animation, Floats
from retroflip.synth.cast import Cast
from retroflip.synth.episode import Draw, Episode, Event, Kind, Pair, Redraw, have_own_stamps, paired
from retroflip.synth.names import Category, Domain, Term
from retroflip.synth.objects import filmed, frames_of, positions
from retroflip.synth.physics import reflected
from retroflip.synth.sentence import Sentence
from retroflip.synth.wording import phrased, series
from retroflip.video.transforms import Transform

PLACES = {
    2: ("the one on the left", "the one on the right"),
    4: ("the leftmost", "the second from the left", "the second from the right", "the rightmost"),
}
"""the objects as options name them, from left to right"""
OBJECTS = (2, 4, 4, 4, 4)
RATIO = (2.0, 1.8, 1.6, 1.45, 1.35)
"""of the speed asked for to the next, or the next to it, at least"""
SLOWEST, FASTEST = 2.2, 9.5
"""lengths of the lane that an object goes in the clip, times the scale"""
TOLD = 1
"""how many lengths are told of every object, times the scale"""
TRIES = 100
LANE = (0.1, 0.78)
"""heights between which objects turn round"""
ASIDE = 0.92
"""height at which distractors go to and fro"""
RADIUS, ROOM = 0.055, 0.1
"""of an object; its room is above the lane's upper end"""
ASIDE_ROOM = 0.36
"""of a lane's width, which objects may take up to either side"""
SMALL = 0.035
SECONDS = (5.0, 7.0)
SEEN = 2.0
"""viewed frames between two turns, at least"""


class Crossing(NamedTuple):
    """One object's way from one end of its lane to the other, from a frame to another."""

    lane: int
    way: str
    span: tuple[int, int]

    def told(self, cast: Cast, who: int, fps: int) -> Event:
        """Return it as an event of that object."""
        seconds = (self.span[1] - self.span[0]) / fps
        speed = round((LANE[1] - LANE[0]) / seconds, 2)
        does = f"takes {seconds:.1f} seconds to go all the way {self.way}"
        return cast.event("cross", self.span, does, who, direction=self.way, speed=speed)


def make(draw: Draw) -> Pair:
    """Draw the place of the fastest or slowest, then speeds; the second clip is the first one's mirror image."""
    settings = draw.settings
    number = draw.level(OBJECTS)
    if settings.objects is not None:
        # The one in the middle of an odd row is its own mirror image.
        number = 2 if settings.objects < 4 else 4
    place = draw.deal("place", range(number))
    most = draw.deal("most", ("fastest", "slowest"))
    cast = Cast.drawn(draw, number, role="mover")
    frames = frames_of(draw, *SECONDS)
    scale = max(1.0, min(settings.operation_scale, (settings.viewed_frames - 1) / SEEN / FASTEST))
    lengths = _lengths(draw, number, place, most, scale)
    seconds = (frames - 1) / settings.fps
    clip, order, begins = _clip(draw, cast, lengths, frames)
    crossings = _told(draw, lengths, begins, (frames, settings.fps), round(TOLD * scale))
    answers, movers = PLACES[number], cast.ids[:number]
    text, options = phrased(draw, most=most), draw.shuffled(answers)
    parameters = {"objects": movers, "most": most}
    asked = cast.asked(text, options, parameters, min_fps=SEEN * max(lengths) / seconds)
    names = [f"the {cast.names[who]}" for who in order]
    events = [one.told(cast, order[one.lane], settings.fps) for one in crossings]

    def side(shown: Animation, row: Sequence[str], answer: str) -> Episode:
        return asked.episode(
            shown,
            answer,
            {Transform.FLIP},
            events=events,
            states=positions(shown, movers),
            derivation=[
                f"From left to right there are {series(row)}.",
                Sentence(
                    f"By their times {names[place]} is the {most}, so the answer is: {answer}.",
                    ({"object": names[place].removeprefix("the "), "relation": most},),
                ),
            ],
        )

    one = side(clip, names, answers[place])
    return paired(draw, one, side(clip.flipped(), names[::-1], answers[-1 - place]), Transform.FLIP)


def _lengths(draw: Draw, number: int, place: int, most: str, scale: float) -> list[float]:
    """Return how far each object of the row goes, in lengths of the lane."""
    ratio = draw.level(RATIO)
    if most == "fastest":
        extreme = draw.between(SLOWEST * ratio * 1.2, FASTEST)
        others = [draw.between(SLOWEST, extreme / ratio) for _ in range(number - 1)]
    else:
        extreme = draw.between(SLOWEST, FASTEST / ratio / 1.2)
        others = [draw.between(extreme * ratio, FASTEST) for _ in range(number - 1)]
    return [scale * length for length in (*others[:place], extreme, *others[place:])]


def _told(
    draw: Draw, lengths: Sequence[float], begins: Sequence[float], clip: tuple[int, int], each: int
) -> list[Crossing]:
    """Return `each` crossings of every object in order of time, no two of which begin in the same tenth of a second.

    begins: how many lengths from the lane's upper end an object is at first; 1 to 2 on its way back. clip: its frames,
    and those a second. Raises Redraw where there are none such.
    """
    frames, fps = clip
    possible = [
        [
            Crossing(lane, "up" if end % 2 else "down", _span(end, begin, length, frames))
            for end in range(math.ceil(begin), math.floor(begin + length))
        ]
        for lane, (begin, length) in enumerate(zip(begins, lengths, strict=True))
    ]
    for _ in range(TRIES):
        chosen = [one for crossings in possible for one in draw.some_of(crossings, each)]
        if have_own_stamps([one.span[0] for one in chosen], fps):
            return sorted(chosen, key=lambda one: one.span)
    raise Redraw


def _span(end: int, begin: float, length: float, frames: int) -> tuple[int, int]:
    """Return the frames from when it has gone `end` lengths, counted from the lane's upper end, to one more."""
    first, last = (round((gone - begin) / length * (frames - 1)) for gone in (end, end + 1))
    return first, last


def _clip(
    draw: Draw, cast: Cast, lengths: Sequence[float], frames: int
) -> tuple[Animation, list[int], list[float]]:
    """Return the clip, and from left to right which of the objects moves there, and where on its way it begins."""
    number = len(lengths)
    order = [int(index) for index in draw.rng.permutation(number)]
    radius = draw.size(RADIUS, min(ROOM, ASIDE_ROOM / number))
    begins = [draw.between(0.0, 2.0) for _ in lengths]
    actors: list[Actor] = []
    for lane, (who, length) in enumerate(zip(order, lengths, strict=True)):
        x = (lane + 0.5 + draw.between(-0.12, 0.12)) / number
        y_T = _to_and_fro(begins[lane], length, *LANE, frames)
        actors.append(cast.moving((np.full(frames, x), y_T), radius, who))
    for who in cast.distractors:
        begin, length = draw.between(0.0, 2.0), draw.between(1.0, 4.0)
        x_T = _to_and_fro(begin, length, SMALL, 1.0 - SMALL, frames)
        actors.append(cast.moving((x_T, np.full(frames, ASIDE)), SMALL, who))
    return filmed(draw, actors), order, begins


def _to_and_fro(begin: float, length: float, low: float, high: float, frames: int) -> Floats:
    """Return a course of so many lengths between two ends, from a place on the way there (0 to 1) or back (1 to 2)."""
    return reflected(low + (high - low) * (begin + np.linspace(0.0, length, frames)), low, high)


KIND = Kind("speed", Category.SPEED, Term.SHORT, Domain.SPATIAL, (), make)
"""SynRL, 2.1.1: speed perception"""
