"""Direction: an object goes straight, turns once, and goes straight again; which way did it go?

Both legs are asked for in their order, as in SynRL's figure 3 ("first to the left, then to the down"). The path lies
anywhere that it fits and is short, so that no single frame's position gives a direction away. The options are what
mirroring and reversing make of the answer, so that each of them is right as often as the others.
"""

import numpy as np

from retroflip.synth.animation import Animation
from retroflip.synth.common import Look, draw_looks, frames_of, moving, positions
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
from retroflip.synth.settings import Form
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
RADIUS = 0.06
TRAVEL = (0.16, 0.24)
"""length of a leg"""
SECONDS = (3.0, 5.0)
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
    clip = _clip(draw, looks, path)
    text = draw.one_of(PHRASINGS).format(name=looks[0].name)
    orbit = {in_words(one) for one in (path, mirrored(path), played_back(path), played_back(mirrored(path)))}
    options = tuple(draw.some_of(sorted(orbit), len(orbit)))

    def episode(shown: Animation, went: tuple[str, str]) -> Episode:
        return _episode(shown, looks, went, text, options)

    second = clip.flipped() if how is Transform.FLIP else clip.reversed()
    return Pair(episode(clip, path), episode(second, other), how.value)


def _clip(draw: Draw, looks: list[Look], path: tuple[str, str]) -> Animation:
    frames = frames_of(draw, *SECONDS)
    # As many frames on both legs, and the turn in the middle, so that the clip played backwards is of the kind too.
    half = frames // 2
    along = np.concatenate([np.linspace(0.0, 1.0, frames - half), np.full(half, 1.0)])
    travel = draw.between(*TRAVEL)
    course_T2 = travel * (
        along[:, None] * np.array(STEPS[path[0]]) + (1.0 - along[::-1])[:, None] * np.array(STEPS[path[1]])
    )
    low_2, high_2 = RADIUS - course_T2.min(axis=0), 1.0 - RADIUS - course_T2.max(axis=0)
    start_2 = draw.rng.uniform(low_2, high_2)
    x_T, y_T = (start_2 + course_T2).T
    actors = [moving("o1", looks[0], x_T, y_T, RADIUS)]
    for number, look in enumerate(looks[1:], start=2):
        still_x, still_y = draw.rng.uniform(RADIUS, 1 - RADIUS, size=2)
        actors.append(moving(f"o{number}", look, np.full(frames, still_x), np.full(frames, still_y), RADIUS))
    order = draw.rng.permutation(len(actors))
    return Animation(
        tuple(actors[int(index)] for index in order),
        draw.background(),
        draw.settings.fps,
        frames,
        draw.settings.noise,
        draw.noise_seed(),
    )


def _episode(
    clip: Animation, looks: list[Look], path: tuple[str, str], text: str, options: tuple[str, ...]
) -> Episode:
    half = clip.frames // 2
    name, last = looks[0].name, clip.frames - 1
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
        objects=[
            look.facts(f"o{number}", role="target" if number == 1 else "distractor")
            for number, look in enumerate(looks, start=1)
        ],
        events=[
            Event("move", start, end, f"the {name} moves {leg}", {"object": "o1", "direction": leg})
            for leg, start, end in zip(path, (0, half), (half, last), strict=True)
        ],
        states=positions(clip, ["o1"]),
        derivation=[f"It goes {path[0]} and then {path[1]}, so the answer is: {in_words(path)}."],
        # Each leg must be seen twice at least, to know which way it goes.
        min_fps=2.0 * clip.fps / half,
    )


KIND = Kind(
    name="direction",
    category=Category.DIRECTION,
    term=Term.SHORT,
    domain=Domain.SPATIAL,
    forms=frozenset({Form.OPEN}),
    make=make,
)
"""SynRL, 2.1.1: direction identification"""
