"""Rotation: a T or an arrow turns on its spot; which way, and how many full turns?

Either it turns one way throughout, and its sense is asked for; or it turns one way first and then the other, and the
whole course is asked for, or the turns of one sense. It makes full turns only and starts at any angle, so that it ends
as it began. Turns to both sides add up to the same number in every clip of a difficulty. Both a mirror and reversal
turn the senses round; the options are closed under both.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from retroflip.synth.animation import Animation, Floats
from retroflip.synth.cast import Cast
from retroflip.synth.episode import TURNS, Asked, Draw, Episode, Kind, Pair, paired
from retroflip.synth.names import Category, Domain, Form, Term
from retroflip.synth.objects import Look, filmed, frames_of, places_and_turns, spots
from retroflip.synth.sentence import Sentence
from retroflip.synth.short.counts import lowest_count, window
from retroflip.synth.wording import phrased, then, times
from retroflip.video.transforms import Transform

SENSES = ("clockwise", "counter-clockwise")
SIGN = {"clockwise": 1, "counter-clockwise": -1}
OPPOSITE = {"clockwise": "counter-clockwise", "counter-clockwise": "clockwise"}
SHAPES = ("tee", "arrow")
SECONDS = ((5.5, 6.5), (5.0, 6.0), (5.0, 6.0), (5.0, 6.5), (4.5, 6.0))
LOWEST = (1, 1, 1, 2, 2)
RADII = (0.105, 0.1, 0.095, 0.09, 0.08)
ROOM = 0.11
FURTHEST = 1.5
"""a T's corners, as a multiple of half its width, from the point it turns about"""
SEEN = 4.0
"""viewed frames in a full turn, at least"""
TURN_SECONDS = 0.5
"""for a full turn, at least"""


class Spin(NamedTuple):
    """So many full turns in a sense."""

    turns: int
    sense: str

    @property
    def words(self) -> str:
        """How options name it."""
        return f"{self.turns} full turn{'' if self.turns == 1 else 's'} {self.sense}"

    @property
    def turned_round(self) -> "Spin":
        """The same in the other sense."""
        return Spin(self.turns, OPPOSITE[self.sense])


class Question(NamedTuple):
    """What is asked of spins one after the other."""

    spins: tuple[Spin, ...]
    text: str
    options: Sequence[object]
    parameters: Mapping[str, str]


def make(draw: Draw) -> Pair:
    """Draw turns and the same mirrored or played backwards."""
    settings = draw.settings
    frames = frames_of(draw, *draw.level(SECONDS))
    most = min((settings.viewed_frames - 1) / SEEN, frames / settings.fps / TURN_SECONDS)
    lowest = lowest_count(draw, LOWEST, int((most - 3.0) / 2.0))
    colours = [look.colour for look in Cast.drawn(draw, shapes=SHAPES).looks]
    cast = Cast([Look(draw.one_of(SHAPES), colour) for colour in colours])
    ask = draw.deal("ask", (_ask_sense, _ask_course, _ask_count))
    spins, text, options, parameters = ask(draw, cast.name, window(lowest))
    how = draw.deal("how", TURNS)
    clip = _clip(draw, cast, spins, frames)
    min_fps = SEEN * sum(spin.turns for spin in spins) * settings.fps / (frames - 1)
    asked = cast.asked(text, options, parameters, min_fps=min_fps, is_open=parameters["asks"] == "sense")
    turned = tuple(spin.turned_round for spin in spins)
    one = _side(asked, cast, clip, spins)
    others = turned if how is Transform.FLIP else turned[::-1]
    return paired(draw, one, _side(asked, cast, clip.turned(how), others), how)


def in_words(spins: Sequence[Spin]) -> str:
    """Return spins one after the other as options name them."""
    return f"first {then(spin.words for spin in spins)}"


def _answer(spins: Sequence[Spin], parameters: Mapping[str, str]) -> str | int:
    if parameters["asks"] == "count":
        return sum(spin.turns for spin in spins if spin.sense == parameters["sense"])
    return in_words(spins) if parameters["asks"] == "course" else spins[0].sense


def _ask_sense(draw: Draw, name: str, counts: Sequence[int]) -> Question:
    """Ask which way it turns throughout; how far says nothing."""
    sense = draw.deal("one sense", SENSES)
    return Question(
        spins=(Spin(draw.one_of(counts), sense),),
        text=phrased(draw, "sense", name=name),
        options=draw.shuffled(SENSES),
        parameters={"object": "o1", "asks": "sense"},
    )


def _ask_course(draw: Draw, name: str, counts: Sequence[int]) -> Question:
    """Ask for turns one way and then the other; the options are these mirrored, played backwards, and both."""
    place = draw.one_of(range(len(counts)))
    pairs = ((counts[place], counts[-1 - place]), (counts[-1 - place], counts[place]))
    orbit = [(Spin(one, sense), Spin(two, OPPOSITE[sense])) for one, two in pairs for sense in SENSES]
    return Question(
        spins=orbit[draw.deal("course", range(len(orbit)))],
        text=phrased(draw, "course", name=name),
        options=draw.shuffled([in_words(one) for one in orbit]),
        parameters={"object": "o1", "asks": "course"},
    )


def _ask_count(draw: Draw, name: str, counts: Sequence[int]) -> Question:
    """Ask for the turns of one sense, before or after those of the other. All clips have as many turns in all."""
    place = draw.deal("count", range(len(counts)))
    sense = draw.deal("sense", SENSES)
    spins = [Spin(counts[place], sense), Spin(counts[-1 - place], OPPOSITE[sense])]
    return Question(
        spins=tuple(draw.shuffled(spins)),
        text=phrased(draw, "count", name=name, sense=sense),
        options=counts,
        parameters={"object": "o1", "asks": "count", "sense": sense},
    )


def _clip(draw: Draw, cast: Cast, spins: Sequence[Spin], frames: int) -> Animation:
    radius = draw.size(draw.level(RADII), ROOM)
    actors = []
    places = spots(draw, len(cast.looks), FURTHEST * radius)
    for (identity, look), place in zip(cast.each(), places, strict=True):
        # A distractor turns about as much, some way of its own.
        own = spins if identity == "o1" else [Spin(draw.one_of((1, 2, 3)), draw.one_of(SENSES))]
        angle_T = draw.angle() + course(own, frames)
        actors.append(look.actor(identity, frames, place, radius, angle=angle_T))
    return filmed(draw, actors)


def course(spins: Sequence[Spin], frames: int) -> Floats:
    """Return the angle turned, in radians: these spins one after the other at the same pace, from 0."""
    turns = np.cumsum([0] + [spin.turns for spin in spins])
    angles = np.cumsum([0] + [spin.turns * SIGN[spin.sense] for spin in spins])
    turned_T: Floats = np.interp(np.linspace(0.0, turns[-1], frames), turns, angles)
    return 2.0 * np.pi * turned_T


def _side(asked: Asked, cast: Cast, clip: Animation, spins: Sequence[Spin]) -> Episode:
    answer = _answer(spins, asked.parameters)
    senses = [spin.sense for spin in spins for _ in range(spin.turns)]
    begins = [round(done * (clip.frames - 1) / len(senses)) for done in range(len(senses) + 1)]
    claims = [
        {"event": "spin", "relation": spin.sense, "property": "count", "value": spin.turns} for spin in spins
    ]
    told = f"In all, it turns {then(f'{times(spin.turns)} {spin.sense}' for spin in spins)}."
    return asked.episode(
        clip,
        answer,
        TURNS,
        events=[
            cast.event("spin", span, f"turns once all the way round {sense}", sense=sense)
            for sense, span in zip(senses, pairwise(begins), strict=True)
        ],
        states=places_and_turns(clip, "o1"),
        derivation=[Sentence(told, tuple(claims)), f"So the answer is: {answer}."],
    )


KIND = Kind("rotation", Category.MOTION, Term.SHORT, Domain.SPATIAL, {Form.NUMERIC, Form.OPEN}, make)
"""SynRL, 2.1.1: rotation perception"""
