"""Distance: two objects come together and part several times; at which time were they closest, or farthest apart?

Every approach takes as long as the others and starts and ends at the same distance, so the first, the middle and the
last frame show that distance alone, and any other frame one approach of several. How far they came is drawn apart from
the order in which they did. Played backwards, the k-th approach of n is the (n + 1 - k)-th.
"""

import math

import numpy as np

from retroflip.synth.animation import Animation, Floats
from retroflip.synth.common import Look, bystanders, cast, draw_looks, moving, positions, staged
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
from retroflip.synth.physics import excursions
from retroflip.synth.settings import Form
from retroflip.video.transforms import Transform

CLOSE, FAR = "closest", "farthest"
PHRASINGS = {
    CLOSE: (
        "The {one} and the {two} come together {count} times. At which of these times are they closest to each other?",
        "Of the {count} times that the {one} and the {two} approach each other, when is the gap between them smallest?",
        "The {one} and the {two} approach and part {count} times. Which approach brings them nearest?",
        "In which of their {count} approaches is the distance between the {one} and the {two} the shortest?",
        "The distance between the {one} and the {two} shrinks and grows again {count} times. When is it smallest?",
    ),
    FAR: (
        "The {one} and the {two} move apart {count} times. At which of these times are they farthest from each other?",
        "Of the {count} times that the {one} and the {two} part, when is the gap between them largest?",
        "The {one} and the {two} part and come back {count} times. Which time takes them farthest apart?",
        "In which of their {count} partings is the distance between the {one} and the {two} the longest?",
        "The distance between the {one} and the {two} grows and shrinks again {count} times. When is it largest?",
    ),
}
CARDINALS = (
    *("zero", "one", "two", "three", "four", "five", "six"),
    *("seven", "eight", "nine", "ten", "eleven", "twelve"),
)
ORDINALS = (
    *("first", "second", "third", "fourth", "fifth", "sixth"),
    *("seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth"),
)
RADIUS = 0.045
APPROACHES = 4
SECONDS = ((1.2, 1.5), (1.1, 1.4), (1.0, 1.3), (0.95, 1.2), (0.9, 1.1))
"""of an approach, by difficulty"""
MARGIN = (0.11, 0.10, 0.09, 0.08, 0.07)
"""in distance, between the closest (or farthest) approach and the next, by difficulty"""
SPREAD = 2.0
"""how far the others are from the closest approach, at the most, in margins"""
BASE = {CLOSE: (0.50, 0.56), FAR: (0.13, 0.17)}
"""distance before, between and after the approaches"""
EXTREME = {CLOSE: (0.13, 0.18), FAR: (0.50, 0.56)}
"""distance at the closest approach, or the farthest"""
TURN = (0.0, 0.3, 0.6, 0.9, 1.2)
"""by how many radians the line between the objects turns in the clip, at the most, by difficulty"""
SAMPLES = 5
"""frames that must be seen of each approach, at the least: what they miss of its depth is under the margin"""
SNAPSHOTS = 0.1
"""seconds between those in the metadata"""


def in_words(index: int) -> str:
    """Return the number of an approach, from 0, as options name it."""
    return f"the {ORDINALS[index]} time"


def apart(base: float, reached: list[float], frames: int) -> Floats:
    """Return the distance (T,): from `base` to each of the distances and back, in so many frames each, and one more."""
    distance_T = np.full(frames * len(reached) + 1, base)
    for index, one in enumerate(reached):
        span = (index * frames, (index + 1) * frames)
        distance_T += (one - base) * excursions(len(distance_T), [span])
    return distance_T


def make(draw: Draw) -> Pair:
    """Draw which approach is the closest, and the clip of it both ways."""
    settings = draw.settings
    count = _count(draw)
    right = draw.deal("approach", range(count))
    extreme = draw.deal("extreme", (CLOSE, FAR))
    offered = {right, count - 1 - right}
    for other in draw.some_of(range(count), count):
        if len(offered) < 4:
            offered |= {other, count - 1 - other}
    level = settings.difficulty - 1
    frames = max(SAMPLES, round(draw.between(*SECONDS[level]) * settings.duration_scale * settings.fps))
    away = -1.0 if extreme == FAR else 1.0
    reached = [away * MARGIN[level] * draw.between(1.0, SPREAD) for _ in range(count)]
    reached[right] = 0.0
    most = draw.between(*EXTREME[extreme])
    distance_T = apart(draw.between(*BASE[extreme]), [most + one for one in reached], frames)
    looks = draw_looks(draw, 2 + settings.distractors)
    clip = _clip(draw, looks, distance_T)
    if not fits_view(clip, _min_fps(clip, count), settings):
        raise Redraw
    text = draw.one_of(PHRASINGS[extreme]).format(
        one=looks[0].name, two=looks[1].name, count=CARDINALS[count]
    )
    options = tuple(in_words(one) for one in draw.some_of(sorted(offered), len(offered)))

    def episode(shown: Animation, seen: list[float], index: int) -> Episode:
        question = Question(
            text=text,
            mode=Mode.PERCEPTION,
            options=options,
            answer=in_words(index),
            parameters={"objects": ["o1", "o2"], "extreme": extreme},
            changed_by=frozenset({Transform.REVERSE}),
            is_open=True,
        )
        return _episode(shown, looks, [most + one for one in seen], question)

    first = episode(clip, reached, right)
    return Pair(first, episode(clip.reversed(), reached[::-1], count - 1 - right), Transform.REVERSE.value)


def _count(draw: Draw) -> int:
    """Return how many approaches there are: even, so that none is its own mirror image in time."""
    settings = draw.settings
    wanted = settings.operations or round(APPROACHES * settings.operation_scale)
    return 2 * max(1, min(wanted, settings.viewed_frames // SAMPLES, len(ORDINALS)) // 2)


def _clip(draw: Draw, looks: list[Look], distance_T: Floats) -> Animation:
    """Put both objects on a line that slowly turns, each taking a share of the way, somewhere in the frame."""
    frames = len(distance_T)
    heading, turn = draw.between(0.0, 2.0 * math.pi), TURN[draw.settings.difficulty - 1]
    angle_T = heading + np.linspace(-0.5, 0.5, frames) * draw.between(-turn, turn)
    towards_T2 = np.stack([np.cos(angle_T), np.sin(angle_T)], axis=1)
    share = draw.one_of((0.0, 1.0, draw.between(0.2, 0.8)))
    one_T2 = -share * distance_T[:, None] * towards_T2
    two_T2 = (1.0 - share) * distance_T[:, None] * towards_T2
    # Room for the longest distance at every angle, whenever it is reached.
    reach = max(0.56, float(distance_T.max()))
    low_2 = RADIUS + np.max([share * reach * towards_T2, (share - 1.0) * reach * towards_T2], axis=(0, 1))
    high_2 = (
        1.0 - RADIUS - np.max([-share * reach * towards_T2, (1.0 - share) * reach * towards_T2], axis=(0, 1))
    )
    centre_2 = draw.rng.uniform(low_2, high_2)
    return staged(
        draw,
        [
            moving("o1", looks[0], *_columns(centre_2 + one_T2), RADIUS),
            moving("o2", looks[1], *_columns(centre_2 + two_T2), RADIUS),
            *bystanders(draw, looks[2:], 3, frames, RADIUS),
        ],
    )


def _columns(places_T2: Floats) -> tuple[Floats, Floats]:
    return places_T2[:, 0], places_T2[:, 1]


def _min_fps(clip: Animation, count: int) -> float:
    return SAMPLES * count * clip.fps / clip.frames


def _episode(clip: Animation, looks: list[Look], reached: list[float], question: Question) -> Episode:
    names = f"the {looks[0].name} and the {looks[1].name}"
    does = "approach each other" if question.parameters["extreme"] == CLOSE else "move apart"
    stretch = (clip.frames - 1) // len(reached)
    told = [round(one, 3) for one in reached]
    return Episode(
        animation=clip,
        question=question,
        objects=cast(looks, 2),
        events=[
            Event(
                "approach",
                index * stretch,
                (index + 1) * stretch,
                f"{names} {does} and return, up to {one:.2f} of the screen's width from each other",
                {"objects": ["o1", "o2"], "distance": one},
            )
            for index, one in enumerate(told)
        ],
        states=positions(clip, [f"o{number}" for number in range(1, len(looks) + 1)], SNAPSHOTS),
        derivation=[
            f"Time after time, their distance reaches {', '.join(f'{one:.2f}' for one in told)} of the screen's width.",
            f"They are {question.parameters['extreme']} {question.answer}.",
        ],
        min_fps=_min_fps(clip, len(reached)),
    )


KIND = Kind(
    name="distance",
    category=Category.MOTION,
    term=Term.SHORT,
    domain=Domain.SPATIAL,
    forms=frozenset({Form.OPEN}),
    make=make,
)
"""SynRL, 2.1.1: distance estimation between moving objects"""
