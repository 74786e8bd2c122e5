"""Direction: an object goes straight, turns, and goes straight again; which way did it go?

All legs are asked for in their order, as in SynRL's figure 3 ("first to the left, then to the down"). The options are
what mirroring and reversing make of the answer, so that each of them is right as often as the others.

A path that must fit into the frame gives itself away: what goes left starts on the right (a first frame then answers
42 % of four-way questions). So what leaves the screen at one edge comes back at the opposite one, the turn is drawn
evenly from the whole frame, and only the thin margin in which no object turns is left to guess from (under 28 %).
Other objects go on such paths of their own.
"""

from collections.abc import Mapping
from functools import cache
from itertools import pairwise, product
from typing import Any

import numpy as np

from retroflip.synth.animation import Animation, Floats
from retroflip.synth.cast import Cast
from retroflip.synth.episode import TURNS, Asked, Draw, Episode, Event, Kind, Pair, Redraw, paired
from retroflip.synth.names import Category, Domain, Form, Term
from retroflip.synth.objects import by_id, filmed, frames_of, positions
from retroflip.synth.settings import SceneSettings
from retroflip.synth.ways import OPPOSITE, STEPS, Path, mirrored, played_back
from retroflip.synth.wording import phrased, then
from retroflip.video.transforms import Transform

RULE = " (An object that leaves the screen at one edge comes back in at the opposite edge.)"
RADIUS, ROOM = 0.045, 0.16
TRAVEL = ((0.32, 0.40), (0.28, 0.36), (0.24, 0.32), (0.20, 0.28), (0.16, 0.24))
"""length of a leg, by difficulty"""
SECONDS = (3.0, 5.0)
MARGIN = 0.005
"""how far from the frame's edge an object of usual size turns at the least, so that half of it is seen"""
HIDDEN = 0.6
"""by which share of what its radius is above the usual a larger one may turn further out, where as much of it is seen
and no place is less likely for it"""
LEGS = 2
MOST_LEGS = 6
SEEN = 2
"""viewed frames on each leg, at the least, to know which way it goes"""
TRIES = 100


def in_words(path: Path) -> str:
    """Return a path as options name it."""
    return f"first {then(path)}"


def orbit(path: Path) -> list[Path]:
    """Return the paths that mirrors and reversal make of a path, and the path itself."""
    return list(dict.fromkeys((path, mirrored(path), played_back(path), played_back(mirrored(path)))))


@cache
def paths(legs: int) -> tuple[Path, ...]:
    """Return the paths of so many legs, each at a right angle to the next, of which mirrors and reversal make four."""
    turning = (
        path
        for path in product(STEPS, repeat=legs)
        if all(two not in (one, OPPOSITE[one]) for one, two in pairwise(path))
    )
    return tuple(path for path in turning if len(orbit(path)) == 4)


def number_of_legs(settings: SceneSettings) -> int:
    """Return how many legs a viewer of that many frames can tell."""
    return max(LEGS, min(settings.wanted(LEGS), MOST_LEGS, (settings.viewed_frames - 1) // SEEN))


def make(draw: Draw) -> Pair:
    """Draw a path and the same mirrored or played backwards."""
    possible = paths(number_of_legs(draw.settings))
    path = draw.deal("path", possible)
    how = draw.deal("how", TURNS)
    other = mirrored(path) if how is Transform.FLIP else played_back(path)
    cast = Cast.drawn(draw)
    leg = max(1, round(frames_of(draw, *SECONDS) / len(path)))
    radius = draw.size(RADIUS, ROOM)
    actors = [cast.moving(_course(draw, leg, path, radius), radius)]
    for who in cast.distractors:
        actors.append(cast.moving(_course(draw, leg, draw.one_of(possible), radius), radius, who))
    clip = filmed(draw, actors)
    text = phrased(draw, name=cast.name) + RULE
    options = draw.some_of(sorted(map(in_words, orbit(path))), 4)
    asked = cast.asked(text, options, {"object": "o1"}, min_fps=SEEN * clip.fps / leg, is_open=True)
    sides = _side(asked, cast, clip, path, leg), _side(asked, cast, clip.turned(how), other, leg)
    return paired(draw, *sides, how, own_stamps=True)


def period(radius: float) -> float:
    """Return how far it is from one place to the same place again: an object is gone before it comes back."""
    return 1.0 + 2.0 * radius


def _course(draw: Draw, leg: int, path: Path, radius: float) -> Floats:
    """Return a course (2, T) of as many frames on every leg. Raises Redraw where a turn would always be out of sight.

    The turn in the middle is drawn evenly, and then again while another one is out of sight.
    """
    travel = draw.between(*draw.level(TRAVEL))
    margin = MARGIN - HIDDEN * (radius - RADIUS)
    corners_P2 = travel * np.cumsum([(0, 0), *(STEPS[one] for one in path)], axis=0)
    for _ in range(TRIES):
        turn_2 = draw.rng.uniform(margin, 1.0 - margin, size=2)
        free_P2 = turn_2 + corners_P2 - corners_P2[len(path) // 2]
        turns_P2 = np.mod(free_P2[1:-1] + radius, period(radius)) - radius
        if ((turns_P2 >= margin) & (turns_P2 <= 1.0 - margin)).all():
            break
    else:
        raise Redraw
    moments = np.arange(leg * len(path) + 1)
    free_2T = np.stack([np.interp(moments, moments[::leg], free_P) for free_P in free_P2.T])
    course_2T: Floats = np.mod(free_2T + radius, period(radius)) - radius
    return course_2T


def _side(asked: Asked, cast: Cast, clip: Animation, path: Path, leg: int) -> Episode:
    moves = [
        cast.event("move", (index * leg, (index + 1) * leg), f"moves {way}", direction=way)
        for index, way in enumerate(path)
    ]
    return asked.episode(
        clip,
        in_words(path),
        TURNS,
        events=sorted(moves + _returns(cast, clip, path, leg), key=lambda event: event.start_frame),
        states=positions(clip, [one.id for one in clip.actors], every=0.2),
        derivation=[f"In order it goes {', '.join(path)}, so the answer is: {in_words(path)}."],
    )


def _move_changed_by(event: Mapping[str, Any]) -> frozenset[Transform] | None:
    """Return what turns a move into another one: a reversal, and a mirror where it is sideways."""
    if event["type"] != "move":
        return None
    sideways = event["direction"] in ("left", "right")
    return frozenset({Transform.REVERSE, *([Transform.FLIP] if sideways else [])})


def _returns(cast: Cast, clip: Animation, path: Path, leg: int) -> list[Event]:
    """Return when the object leaves at one edge and is next seen at the opposite one."""
    target = by_id(clip, "o1")
    jumped_T = (np.abs(np.diff(target.x_T)) > 0.5) | (np.abs(np.diff(target.y_T)) > 0.5)
    return [
        cast.event(
            "return",
            (before, before + 1),
            f"leaves the screen going {way} and comes back in at the opposite edge",
            direction=way,
        )
        for before in np.flatnonzero(jumped_T).tolist()
        for way in [path[before // leg]]
    ]


KIND = Kind("direction", Category.DIRECTION, Term.SHORT, Domain.SPATIAL, {Form.OPEN}, make, _move_changed_by)
"""SynRL, 2.1.1: direction identification"""
