"""Direction: an object goes straight, turns once, and goes straight again; which way did it go?

Both legs are asked for in their order, as in SynRL's figure 3 ("first to the left, then to the down"). The options are
what mirroring and reversing make of the answer, so that each of them is right as often as the others.

A path that must fit into the frame gives itself away: what goes left starts on the right (a first frame then answers
42 % of four-way questions). So what leaves the screen at one edge comes back at the opposite one, the turn is drawn
evenly from the whole frame, and only the thin margin in which no object turns is left to guess from (under 28 %).
Other objects go on such paths of their own.
"""

import numpy as np

from retroflip.synth.animation import Animation, Floats
from retroflip.synth.common import Look, cast, draw_looks, frames_of, moving, positions, staged
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
    Term,
)
from retroflip.synth.names import Form
from retroflip.synth.short.stage import require_seen
from retroflip.video.transforms import Transform

STEPS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
OPPOSITE = {"left": "right", "right": "left", "up": "down", "down": "up"}
PHRASINGS = (
    "Which way does the {name} move?",
    "What is the movement path of the {name}?",
    "In which two directions does the {name} travel, in order?",
    "How does the {name} move across the screen?",
    "Following the {name}, which directions does it take one after the other?",
)
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
_PATHS = tuple((one, two) for one in STEPS for two in STEPS if two not in (one, OPPOSITE[one]))


def in_words(path: tuple[str, str]) -> str:
    """Return a path as options name it."""
    return f"first {path[0]}, then {path[1]}"


def mirrored(path: tuple[str, str]) -> tuple[str, str]:
    """Return the path as a mirror shows it."""
    one, two = (OPPOSITE[leg] if leg in ("left", "right") else leg for leg in path)
    return one, two


def played_back(path: tuple[str, str]) -> tuple[str, str]:
    """Return the path of the clip played backwards."""
    return OPPOSITE[path[1]], OPPOSITE[path[0]]


def make(draw: Draw) -> Pair:
    """Draw a path and the same mirrored or played backwards."""
    path = draw.deal("path", _PATHS)
    how = draw.deal("how", (Transform.FLIP, Transform.REVERSE))
    other = mirrored(path) if how is Transform.FLIP else played_back(path)
    looks = draw_looks(draw, 1 + draw.settings.distractors)
    frames = frames_of(draw, *SECONDS)
    radius = draw.size(RADIUS, ROOM)
    clip = staged(
        draw,
        [
            moving(
                f"o{number}",
                look,
                *_course(draw, frames, path if number == 1 else draw.one_of(_PATHS), radius),
                radius,
            )
            for number, look in enumerate(looks, start=1)
        ],
    )
    require_seen(clip, _min_fps(clip), draw.settings)
    text = draw.one_of(PHRASINGS).format(name=looks[0].name) + RULE
    orbit = {in_words(one) for one in (path, mirrored(path), played_back(path), played_back(mirrored(path)))}
    options = tuple(draw.some_of(sorted(orbit), len(orbit)))

    def episode(shown: Animation, went: tuple[str, str]) -> Episode:
        return _episode(shown, looks, went, text, options)

    second = clip.flipped() if how is Transform.FLIP else clip.reversed()
    return Pair(episode(clip, path), episode(second, other), how.value)


def period(radius: float) -> float:
    """Return how far it is from one place to the same place again: an object is gone before it comes back."""
    return 1.0 + 2.0 * radius


def _course(draw: Draw, frames: int, path: tuple[str, str], radius: float) -> tuple[Floats, Floats]:
    # As many frames on both legs, and the turn in the middle, so that the clip played backwards is of the kind too.
    half = frames // 2
    gone_T = np.concatenate([np.linspace(0.0, 1.0, frames - half), np.full(half, 1.0)])
    first, second = (np.array(STEPS[leg]) for leg in path)
    travel = draw.between(*TRAVEL[draw.settings.difficulty - 1])
    margin = MARGIN - HIDDEN * (radius - RADIUS)
    turn_2 = draw.rng.uniform(margin, 1.0 - margin, size=2)
    course_T2 = turn_2 + travel * ((gone_T - 1.0)[:, None] * first + (1.0 - gone_T[::-1])[:, None] * second)
    x_T, y_T = (np.mod(course_T2 + radius, period(radius)) - radius).T
    return x_T, y_T


def _episode(
    clip: Animation, looks: list[Look], path: tuple[str, str], text: str, options: tuple[str, ...]
) -> Episode:
    half = clip.frames // 2
    name, last = looks[0].name, clip.frames - 1
    moves = [
        Event("move", start, end, f"the {name} moves {leg}", {"object": "o1", "direction": leg})
        for leg, start, end in zip(path, (0, half), (half, last), strict=True)
    ]
    return Episode(
        animation=clip,
        question=Question(
            text=text,
            mode=Mode.PERCEPTION,
            options=options,
            answer=in_words(path),
            parameters={"object": "o1"},
            changed_by=frozenset({Transform.FLIP, Transform.REVERSE}),
            is_open=True,
        ),
        objects=cast(looks, 1),
        events=sorted(moves + _returns(clip, name, path), key=lambda event: event.start_frame),
        states=positions(clip, [one.id for one in clip.actors]),
        derivation=[f"It goes {path[0]} and then {path[1]}, so the answer is: {in_words(path)}."],
        min_fps=_min_fps(clip),
    )


def _min_fps(clip: Animation) -> float:
    """Each leg must be seen twice at least, to know which way it goes."""
    return 2.0 * clip.fps / (clip.frames // 2)


def _returns(clip: Animation, name: str, path: tuple[str, str]) -> list[Event]:
    """Return when the object leaves at one edge and is next seen at the opposite one."""
    (target,) = (one for one in clip.actors if one.id == "o1")
    jumped_T = (np.abs(np.diff(target.x_T)) > 0.5) | (np.abs(np.diff(target.y_T)) > 0.5)
    return [
        Event(
            "return",
            int(before),
            int(before) + 1,
            f"the {name} leaves the screen going {leg} and comes back in at the opposite edge",
            {"object": "o1", "direction": leg},
        )
        for before in np.flatnonzero(jumped_T)
        for leg in [path[0] if before < clip.frames // 2 else path[1]]
    ]


KIND = Kind(
    name="direction",
    category=Category.DIRECTION,
    term=Term.SHORT,
    domain=Domain.SPATIAL,
    forms=frozenset({Form.OPEN}),
    make=make,
)
"""SynRL, 2.1.1: direction identification"""
