"""Distance: two objects come together and part several times; at which time were they closest, or farthest apart?

Every approach takes as long as the others and starts and ends at the same distance, which is all that the first and the
last frame show. Any other frame shows one approach; but how close the closest comes varies more than the approaches of
a clip do, and the first of them begins at an evenly drawn moment, so one frame tells neither whether the approach is
the closest nor which it is. Played backwards, the k-th approach of n is the (n + 1 - k)-th.
"""

from collections.abc import Sequence

import numpy as np

from retroflip.synth.animation import Animation, Floats
from retroflip.synth.cast import Cast
from retroflip.synth.episode import Asked, Draw, Episode, Event, Kind, Pair, backwards, paired, unaltered
from retroflip.synth.names import Category, Domain, Form, Term
from retroflip.synth.objects import filmed, positions
from retroflip.synth.physics import excursions
from retroflip.synth.wording import cardinal, ordinal, percent, phrased
from retroflip.video.transforms import Transform

CLOSE, FAR = "closest", "farthest"
RADIUS = 0.045
APPROACHES = 4
MOST = 12
"""approaches that questions count in words"""
SECONDS = ((1.0, 1.2), (0.95, 1.15), (0.9, 1.1), (0.85, 1.05), (0.8, 1.0))
"""of an approach, by difficulty"""
MARGIN = (0.08, 0.0775, 0.075, 0.0725, 0.07)
"""in distance, between the closest (or farthest) approach and the next, by difficulty"""
SPREAD = 1.8
"""how far the others are from the closest approach, at the most, in margins"""
BASE = {CLOSE: (0.55, 0.58), FAR: (0.12, 0.13)}
"""distance before, between and after the approaches"""
EXTREME = {CLOSE: (0.12, 0.34), FAR: (0.34, 0.56)}
"""distance at the closest approach, or the farthest"""
LONGEST = max(BASE[CLOSE][1], EXTREME[FAR][1])
WAIT = 2.4
"""before the first and after the last approach together, at the most, in lengths of an approach, times the scale"""
TURN = (0.0, 0.3, 0.6, 0.9, 1.2)
"""by how many radians the line between the objects turns in the clip, at the most, by difficulty"""
SAMPLES = 5
"""frames that must be seen of each approach, at the least: what they miss of its depth is under the margin"""


def in_words(index: int) -> str:
    """Return the number of an approach, from 0, as options name it."""
    return f"the {ordinal(index + 1)} time"


def apart(base: float, reached: Sequence[float], spans: Sequence[tuple[int, int]], frames: int) -> Floats:
    """Return the distance (T,): `base`, but for each span of frames, which goes to one of the distances and back."""
    distance_T = np.full(frames, base)
    for one, span in zip(reached, spans, strict=True):
        distance_T += (one - base) * excursions(frames, [span])
    return distance_T


def make(draw: Draw) -> Pair:
    """Draw which approach is the closest, and the clip of it both ways."""
    count = _count(draw)
    right = draw.deal("approach", range(count))
    extreme = draw.deal("extreme", (CLOSE, FAR))
    offered = {right, count - 1 - right}
    for other in draw.some_of(range(count), count):
        if len(offered) < 4:
            offered |= {other, count - 1 - other}
    spans, frames = _spans(draw, count)
    reached = _reached(draw, count, right, extreme)
    distance_T = apart(draw.between(*BASE[extreme]), reached, spans, frames)
    cast = Cast.drawn(draw, 2)
    clip = _clip(draw, cast, distance_T)
    one, two = cast.names
    text = phrased(draw, extreme, one=one, two=two, count=cardinal(count))
    options = [in_words(one) for one in draw.shuffled(sorted(offered))]
    parameters = {"objects": ["o1", "o2"], "extreme": extreme}
    min_fps = SAMPLES * clip.fps / (spans[0][1] - spans[0][0])
    asked = cast.asked(text, options, parameters, min_fps=min_fps, is_open=True)
    events = _approaches(cast, extreme, spans, reached)
    first = _side(asked, cast, clip, events, right)
    second = _side(asked, cast, clip.reversed(), backwards(events, frames), count - 1 - right)
    return paired(draw, first, second, Transform.REVERSE)


def _reached(draw: Draw, count: int, right: int, extreme: str) -> list[float]:
    """Return the distances of all approaches, of which the `right` one is the extreme."""
    most = draw.between(*EXTREME[extreme])
    away = draw.level(MARGIN) * (-1.0 if extreme == FAR else 1.0)
    others = [most + away * draw.between(1.0, SPREAD) for _ in range(count)]
    return [most if index == right else one for index, one in enumerate(others)]


def _spans(draw: Draw, count: int) -> tuple[list[tuple[int, int]], int]:
    """Return the frames of every approach, and of the clip: as much waiting as the viewer's frames leave room for."""
    settings = draw.settings
    length = max(SAMPLES, draw.operation_frames(SECONDS))
    spare = max(0.0, min(WAIT * settings.operation_scale, settings.viewed_frames / SAMPLES - count - 0.05))
    wait = int(spare * length)
    begin = int(draw.rng.integers(0, wait + 1))
    starts = [begin + index * length for index in range(count)]
    return [(start, start + length) for start in starts], count * length + wait + 1


def _count(draw: Draw) -> int:
    """Return how many approaches there are: even, so that none is its own mirror image in time."""
    wanted = draw.settings.wanted(APPROACHES)
    return 2 * max(1, min(wanted, draw.settings.viewed_frames // SAMPLES, MOST) // 2)


def _clip(draw: Draw, cast: Cast, distance_T: Floats) -> Animation:
    """Put both objects on a line that slowly turns, each taking a share of the way, somewhere in the frame."""
    frames = len(distance_T)
    heading, turn = draw.angle(), draw.level(TURN)
    angle_T = heading + np.linspace(-0.5, 0.5, frames) * draw.between(-turn, turn)
    towards_T2 = np.stack([np.cos(angle_T), np.sin(angle_T)], axis=1)
    share = draw.one_of((0.0, 1.0, draw.between(0.2, 0.8)))
    one_T2 = -share * distance_T[:, None] * towards_T2
    two_T2 = (1.0 - share) * distance_T[:, None] * towards_T2
    # Room for the longest distance at every angle: where they are must not tell how far apart they come.
    reach_2T2 = np.array([share * LONGEST * towards_T2, (share - 1.0) * LONGEST * towards_T2])
    low_2, high_2 = RADIUS + reach_2T2.max(axis=(0, 1)), 1.0 - RADIUS + reach_2T2.min(axis=(0, 1))
    centre_2 = draw.rng.uniform(low_2, high_2)
    two = [cast.moving((centre_2 + way_T2).T, RADIUS, who) for who, way_T2 in enumerate((one_T2, two_T2))]
    return filmed(draw, [*two, *cast.crossing(draw, frames, RADIUS)])


def _approaches(
    cast: Cast, extreme: str, spans: Sequence[tuple[int, int]], reached: Sequence[float]
) -> list[Event]:
    one, two = cast.names
    does, reaches = ("approach each other", "down to") if extreme == CLOSE else ("move apart", "up to")
    # All approaches differ from the extreme by more than a step of what can be told by eye.
    return [
        Event(
            "approach",
            *span,
            f"the {one} and the {two} {does} and return, {reaches} about {gap} percent of the "
            "screen's width from each other",
            {"objects": ["o1", "o2"], "distance": gap},
        )
        for span, gap in zip(spans, map(percent, reached), strict=True)
    ]


def _side(asked: Asked, cast: Cast, clip: Animation, events: Sequence[Event], index: int) -> Episode:
    gaps = ", ".join(str(event.facts["distance"]) for event in events)
    return asked.episode(
        clip,
        in_words(index),
        {Transform.REVERSE},
        events=events,
        states=positions(clip, cast.ids),
        derivation=[
            f"In their order these are {gaps} percent.",
            f"They are {asked.parameters['extreme']} {in_words(index)}.",
        ],
    )


KIND = Kind("distance", Category.MOTION, Term.SHORT, Domain.SPATIAL, {Form.OPEN}, make, unaltered)
"""SynRL, 2.1.1: distance estimation between moving objects"""
