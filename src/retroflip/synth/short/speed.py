"""Speed: objects go up and down side by side, each at a speed of its own; which one is the fastest, or the slowest?

They turn round at the same heights, all of them at least twice, and start anywhere on their way, so that places say
nothing. The answer is the object's place in the row, which a mirror turns round.
"""

from collections.abc import Sequence

import numpy as np

from retroflip.synth.animation import Actor, Animation, Floats
from retroflip.synth.common import Look, draw_looks, frames_of, moving, positions, staged
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
from retroflip.synth.physics import reflected
from retroflip.synth.short.stage import require_seen
from retroflip.video.transforms import Transform

PHRASINGS = (
    "Of the objects that go up and down, which is the {most}?",
    "Several objects go up and down. Which of them is the {most}?",
    "Which of the objects going up and down moves the {most}?",
    "Compare the speeds of the objects that go up and down: which is the {most}?",
    "Among the objects moving up and down, which one is the {most} throughout?",
)
PLACES = {
    2: ("the one on the left", "the one on the right"),
    4: ("the leftmost", "the second from the left", "the second from the right", "the rightmost"),
}
"""the objects as options name them, from left to right"""
OBJECTS = {1: 2, 2: 4, 3: 4, 4: 4, 5: 4}
RATIO = {1: 2.0, 2: 1.8, 3: 1.6, 4: 1.45, 5: 1.35}
"""of the speed asked for to the next, or the next to it, at least"""
SLOWEST, FASTEST = 2.2, 9.5
"""lengths of the lane that an object goes in the clip"""
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


def make(draw: Draw) -> Pair:
    """Draw the place of the fastest or slowest, then speeds; the second clip is the first one's mirror image."""
    settings = draw.settings
    number = OBJECTS[settings.difficulty]
    if settings.objects is not None:
        # The one in the middle of an odd row is its own mirror image.
        number = 2 if settings.objects < 4 else 4
    place = draw.deal("place", range(number))
    most = draw.deal("most", ("fastest", "slowest"))
    looks = draw_looks(draw, number + settings.distractors)
    frames = frames_of(draw, *SECONDS)
    lengths = _lengths(draw, number, place, most)
    seconds = (frames - 1) / settings.fps
    clip, order = _clip(draw, looks, lengths, frames)
    min_fps = SEEN * max(lengths) / seconds
    require_seen(clip, min_fps, settings)
    text = draw.one_of(PHRASINGS).format(most=most)
    options = tuple(draw.some_of(PLACES[number], number))

    def episode(shown: Animation, where: int) -> Episode:
        answer = PLACES[number][where]
        target = order[place]
        pace = (LANE[1] - LANE[0]) / seconds
        return Episode(
            animation=shown,
            question=Question(
                text=text,
                mode=Mode.PERCEPTION,
                options=options,
                answer=answer,
                parameters={"objects": [f"o{index + 1}" for index in range(number)], "most": most},
                changed_by=frozenset({Transform.FLIP}),
            ),
            objects=[
                look.facts(f"o{index}", role="mover" if index <= number else "distractor")
                for index, look in enumerate(looks, start=1)
            ],
            events=[
                Event(
                    "move",
                    0,
                    frames - 1,
                    f"the {looks[index].name} goes up and down, {lengths[lane]:.1f} times the height of its lane",
                    {"object": f"o{index + 1}", "speed": round(lengths[lane] * pace, 4)},
                )
                for index, lane in sorted((index, lane) for lane, index in enumerate(order))
            ],
            states=positions(shown, [f"o{index + 1}" for index in range(number)], every=0.1),
            derivation=[
                f"In the same time the {looks[target].name} goes {'furthest' if most == 'fastest' else 'least far'}, "
                f"so the {most} is {answer}."
            ],
            min_fps=min_fps,
        )

    return Pair(episode(clip, place), episode(clip.flipped(), number - 1 - place), Transform.FLIP.value)


def _lengths(draw: Draw, number: int, place: int, most: str) -> list[float]:
    """Return how far each object of the row goes, in lengths of the lane."""
    ratio = RATIO[draw.settings.difficulty]
    if most == "fastest":
        extreme = draw.between(SLOWEST * ratio * 1.2, FASTEST)
        others = [draw.between(SLOWEST, extreme / ratio) for _ in range(number - 1)]
    else:
        extreme = draw.between(SLOWEST, FASTEST / ratio / 1.2)
        others = [draw.between(extreme * ratio, FASTEST) for _ in range(number - 1)]
    return [*others[:place], extreme, *others[place:]]


def _clip(
    draw: Draw, looks: Sequence[Look], lengths: Sequence[float], frames: int
) -> tuple[Animation, list[int]]:
    """Return the clip, and from left to right which of the looks moves there."""
    number = len(lengths)
    order = [int(index) for index in draw.rng.permutation(number)]
    radius = draw.size(RADIUS, min(ROOM, ASIDE_ROOM / number))
    actors: list[Actor] = []
    for lane, (index, length) in enumerate(zip(order, lengths, strict=True)):
        x = (lane + 0.5 + draw.between(-0.12, 0.12)) / number
        y_T = _to_and_fro(draw, length, *LANE, frames)
        actors.append(moving(f"o{index + 1}", looks[index], np.full(frames, x), y_T, radius))
    for extra, look in enumerate(looks[number:], start=number + 1):
        x_T = _to_and_fro(draw, draw.between(1.0, 4.0), SMALL, 1.0 - SMALL, frames)
        actors.append(moving(f"o{extra}", look, x_T, np.full(frames, ASIDE), SMALL))
    return staged(draw, actors), order


def _to_and_fro(draw: Draw, length: float, low: float, high: float, frames: int) -> Floats:
    """Return a course of so many lengths between two ends, from anywhere on the way there or back."""
    begin = draw.between(0.0, 2.0)
    return reflected(low + (high - low) * (begin + np.linspace(0.0, length, frames)), low, high)


KIND = Kind(
    name="speed",
    category=Category.SPEED,
    term=Term.SHORT,
    domain=Domain.SPATIAL,
    forms=frozenset(),
    make=make,
)
"""SynRL, 2.1.1: speed perception"""
