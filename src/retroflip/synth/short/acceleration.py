"""Acceleration: does an object get faster, slower, or keep its speed, or one after the other?

The object goes straight and bounces off the frame's edges, or goes round a circle; either way the place in any single
frame is drawn evenly, and so is the distance, whatever the answer. Where speed and time are a straight line, the clip
played backwards has the opposite answer; what is its own mirror image in time (constant speed, faster and then slower)
is paired with another such course over the same path.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from retroflip.synth.animation import Actor, Animation, Floats
from retroflip.synth.common import (
    Look,
    bouncing,
    bystanders,
    cast,
    circling,
    draw_looks,
    frames_of,
    moving,
    positions,
    staged,
)
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
from retroflip.video.transforms import Transform

FASTER, SLOWER, SAME = "it speeds up", "it slows down", "it keeps the same speed"
PEAK, DIP = "it first speeds up, then slows down", "it first slows down, then speeds up"
_SETS = ((FASTER, SLOWER, SAME, PEAK), (FASTER, SLOWER, SAME, DIP), (FASTER, SLOWER, PEAK, DIP))
_DEALT = tuple((one, answer) for one in _SETS for answer in one)
"""what is offered, and what is right: each option as often as the others of its set"""
PHRASINGS = (
    "How does the speed of the {name} change?",
    "Does the {name} get faster, slower or neither?",
    "What happens to the speed of the {name} during the video?",
    "Which of these describes how fast the {name} moves over time?",
    "Watch the speed of the {name}. What do you notice?",
)
RADIUS, ROOM = 0.055, 0.15
GOES = (0.7, 1.4)
"""how far, in shares of the side"""
SECONDS = (3.0, 5.0)
RATIO = ((4.5, 5.5), (4.0, 5.0), (3.5, 4.5), (3.0, 4.0), (2.5, 3.2))
"""highest speed to lowest, by difficulty"""
SAMPLES = 10
"""frames that a viewer must see at the least, to compare the steps between them"""
SNAPSHOTS = 0.1
"""seconds between those in the metadata"""
_LEVELS = {FASTER: (0, 1), SLOWER: (1, 0), PEAK: (0, 1, 0), DIP: (1, 0, 1), SAME: (0, 0)}
_HALVES = {FASTER: (1, 1), SLOWER: (-1, -1), PEAK: (1, -1), DIP: (-1, 1), SAME: (0, 0)}
_BACKWARDS = {FASTER: SLOWER, SLOWER: FASTER}
_CHANGES = {-1: "slows down", 0: "keeps its speed", 1: "speeds up"}


def speeds(answer: str, ratio: float, frames: int) -> Floats:
    """Return the speed (T,) by frame, relative to the lowest: straight lines between 1 and `ratio`."""
    levels = 1.0 + (ratio - 1.0) * np.array(_LEVELS[answer], dtype=float)
    return np.interp(np.linspace(0.0, 1.0, frames), np.linspace(0.0, 1.0, len(levels)), levels)


def gone(answer: str, ratio: float, frames: int) -> Floats:
    """Return the share (T,) of its path that the object has gone by each frame, from 0 to 1."""
    speed_T = speeds(answer, ratio, frames)
    way_T: Floats = np.concatenate([[0.0], np.cumsum((speed_T[1:] + speed_T[:-1]) / 2.0)])
    share_T: Floats = way_T / way_T[-1]
    return share_T


def _partner(answer: str, options: Sequence[str]) -> str:
    """Return the other answer of a pair: the clip played backwards, or the other option that is its own mirror."""
    if answer in _BACKWARDS:
        return _BACKWARDS[answer]
    (other,) = (one for one in options if one not in _BACKWARDS and one != answer)
    return other


def make(draw: Draw) -> Pair:
    """Draw a course, and its reverse or another over the same path."""
    offered, answer = draw.deal("answer", _DEALT)
    partner = _partner(answer, offered)
    looks = draw_looks(draw, 1 + draw.settings.distractors)
    frames, distance = frames_of(draw, *SECONDS), draw.between(*GOES)
    ratio = draw.between(*RATIO[draw.settings.difficulty - 1])
    text = draw.one_of(PHRASINGS).format(name=looks[0].name)
    options = tuple(draw.some_of(offered, len(offered)))
    radius = draw.size(RADIUS, ROOM)
    route = draw.one_of((bouncing, circling))(draw, radius)

    def target(profile: str) -> Actor:
        x_T, y_T = route(distance * gone(profile, ratio, frames)).T
        return moving("o1", looks[0], x_T, y_T, radius)

    first = staged(draw, [target(answer), *bystanders(draw, looks[1:], 2, frames, radius)])
    if not fits_view(first, _min_fps(first), draw.settings):
        raise Redraw
    if answer in _BACKWARDS:
        second, how = first.reversed(), Transform.REVERSE.value
    else:
        anew = target(partner)
        actors = tuple(anew if one.id == anew.id else one for one in first.actors)
        second, how = replace(first, actors=actors), "operations"

    def episode(clip: Animation, right: str) -> Episode:
        return _episode(clip, looks, right, text, options)

    return Pair(episode(first, answer), episode(second, partner), how)


def _min_fps(clip: Animation) -> float:
    return SAMPLES * clip.fps / clip.frames


def _episode(clip: Animation, looks: list[Look], answer: str, text: str, options: tuple[str, ...]) -> Episode:
    name, last = looks[0].name, clip.frames - 1
    middle = round(last / 2)
    # Both halves of every clip are told, so that the number of events says nothing of the answer.
    phases = [
        Event("speed", start, end, f"the {name} {_CHANGES[change]}", {"object": "o1", "change": change})
        for change, start, end in zip(_HALVES[answer], (0, middle), (middle, last), strict=True)
    ]
    return Episode(
        animation=clip,
        question=Question(
            text=text,
            mode=Mode.PERCEPTION,
            options=options,
            answer=answer,
            parameters={"object": "o1"},
            changed_by=frozenset({Transform.REVERSE} if answer in _BACKWARDS else ()),
        ),
        objects=cast(looks, 1),
        events=phases,
        states=positions(clip, [one.id for one in clip.actors], SNAPSHOTS),
        derivation=[
            f"Compare how far the {name} goes in equal times at the start, in the middle and at the end.",
            f"By that, {answer}.",
        ],
        min_fps=_min_fps(clip),
    )


KIND = Kind(
    name="acceleration",
    category=Category.SPEED,
    term=Term.SHORT,
    domain=Domain.SPATIAL,
    forms=frozenset(),
    make=make,
)
"""SynRL, 2.1.1: acceleration detection"""
