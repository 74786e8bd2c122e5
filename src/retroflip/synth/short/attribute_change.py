"""Attribute change: an object's colour, shape or size changes and changes back, several times; in which order?

The object looks the same at the start, in the middle and at the end, and every order shows the same frames. The four
options are an order, the same backwards, and both with some of the changes exchanged for each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from retroflip.synth.animation import PALETTE, SHAPES, Actor, Animation, Floats
from retroflip.synth.cast import Cast
from retroflip.synth.episode import Asked, Draw, Episode, Event, Kind, Pair, State, paired, unaltered
from retroflip.synth.names import Category, Domain, Form, Term
from retroflip.synth.objects import Look, eased, filmed, spots
from retroflip.synth.settings import SceneSettings
from retroflip.synth.wording import phrased, then
from retroflip.video.transforms import Transform

THEMES = ("colour", "shape", "mixed")
NUMBER = (3, 3, 4, 4, 5)
SLOT_SECONDS = ((1.5, 1.8), (1.3, 1.6), (1.2, 1.5), (1.0, 1.3), (0.9, 1.1))
"""for a change, its way back and the rest on both sides"""
RADIUS, ROOM = 0.09, 0.11
GROWN, SHRUNK = 1.5, 0.55
REST = 0.2
"""share of a slot at rest, before a change and again after it"""
SEEN = 4.6
"""viewed frames in a slot, at least: two of them see the change complete or nearly so, one the rest after it"""


@dataclass(frozen=True)
class Change:
    """What the object is for a while: another colour or shape by name, or a size ("large", "small")."""

    attribute: str
    value: str

    @property
    def note(self) -> str:
        """What a viewer would say of it."""
        if self.attribute == "size":
            return "grows" if self.value == "large" else "shrinks"
        return f"turns {self.value}" if self.attribute == "colour" else f"becomes a {self.value}"


def in_words(theme: str, order: Sequence[Change]) -> str:
    """Return an order as options name it."""
    if theme == "mixed":
        return f"it {then(change.note for change in order)}"
    return then(change.value for change in order)


def four_orders(draw: Draw, changes: Sequence[Change]) -> list[tuple[Change, ...]]:
    """Return an order, its reverse, and both with changes exchanged for each other in pairs: no two alike.

    Each of the four gives the other three by the same rule, so none of them stands out.
    """
    order = tuple(changes)
    while True:
        mixed = draw.shuffled(order)
        partner = {change: change for change in order}
        for one, two in zip(mixed[0::2], mixed[1::2], strict=False):
            partner |= {one: two, two: one}
        exchanged = tuple(partner[change] for change in order)
        if exchanged != order[::-1]:
            return [order, order[::-1], exchanged, exchanged[::-1]]


def numbers(settings: SceneSettings) -> tuple[int, int]:
    """Return how many changes a viewer of that many frames can tell one after the other, and in how many slots.

    Slots are an even number, so that the middle of the clip is always at rest; some stay empty.
    """
    usual, seen = NUMBER[settings.difficulty - 1], int((settings.viewed_frames - 1) / SEEN) // 2 * 2
    most = min(len(PALETTE) - 1, len(SHAPES) - 1, seen) // 2 * 2
    number = max(3, min(settings.wanted(usual), most))
    wanted = 0 if settings.operations else 2 * round((usual + usual % 2) * settings.operation_scale / 2)
    return number, max(number + number % 2, min(wanted, seen))


Timed = Sequence[tuple[Change, int]]
"""changes with the frames at which their slots begin"""


def make(draw: Draw) -> Pair:
    """Draw an order of changes; the second clip is played backwards."""
    theme = draw.deal("theme", THEMES)
    number, slots = numbers(draw.settings)
    cast = Cast.drawn(draw)
    orders = four_orders(draw, draw_changes(draw, theme, number, cast.looks[0]))
    order = orders[draw.deal("order", range(len(orders)))]
    slot = draw.operation_frames(SLOT_SECONDS)
    used: list[int] = sorted(draw.some_of(range(slots), number))
    frames = slots * slot + 1
    forwards = [(change, index * slot) for change, index in zip(order, used, strict=True)]
    backwards = [(change, frames - 1 - slot - start) for change, start in reversed(forwards)]
    clip = _clip(draw, cast, forwards, slot, frames)
    text = phrased(draw, theme, name=cast.name)
    options = [in_words(theme, one) for one in draw.shuffled(orders)]
    parameters = {"object": "o1", "theme": theme}
    is_open, min_fps = theme != "mixed", SEEN * clip.fps / slot
    asked = cast.asked(text, options, parameters, min_fps=min_fps, is_open=is_open)
    one = _side(asked, cast, clip, forwards, slot)
    return paired(draw, one, _side(asked, cast, clip.reversed(), backwards, slot), Transform.REVERSE)


def _side(asked: Asked, cast: Cast, clip: Animation, timed: Timed, slot: int) -> Episode:
    answer = in_words(asked.parameters["theme"], [change for change, _ in timed])
    return asked.episode(
        clip,
        answer,
        {Transform.REVERSE},
        events=[_event(cast, change, start, slot) for change, start in timed],
        states=_states(cast.looks[0], timed, slot, clip.frames),
        derivation=[f"In order, the answer is: {answer}."],
    )


def draw_changes(draw: Draw, theme: str, number: int, look: Look) -> list[Change]:
    """Draw different changes of that theme that an object of that look can go through."""
    colours = [Change("colour", one) for one in draw.shuffled(list(PALETTE)) if one != look.colour]
    shapes = [Change("shape", one) for one in draw.shuffled(SHAPES) if one != look.shape]
    if theme != "mixed":
        return (colours if theme == "colour" else shapes)[:number]
    sizes = [Change("size", one) for one in draw.some_of(("large", "small"), 2)]
    few = min(len(sizes), number // 3)
    many = number - few
    chosen = [*sizes[:few], *colours[: (many + 1) // 2], *shapes[: many // 2]]
    return draw.some_of(chosen, number)


def _there_and_back(slot: int, frames: int, start: int) -> Floats:
    """Return how far a change has gone, 0 to 1, in each frame: there, a while, and back within its slot."""
    rest, ramp = round(REST * slot), max(2, round(0.12 * slot))
    course_T = np.zeros(frames)
    first, last = start + rest, start + slot - rest
    course_T[first : last + 1] = 1.0
    course_T[first : first + ramp] = eased(ramp + 1)[:-1]
    course_T[last - ramp + 1 : last + 1] = eased(ramp + 1)[:-1][::-1]
    return course_T


def _clip(draw: Draw, cast: Cast, timed: Timed, slot: int, frames: int) -> Animation:
    radius = draw.size(RADIUS, ROOM)
    target, *others = spots(draw, len(cast.looks), radius * GROWN)
    actors = _changing(cast.looks[0], target, radius, timed, slot, frames)
    for who, place in zip(cast.distractors, others, strict=True):
        actors.append(cast.looks[who].actor(cast.ids[who], frames, place, radius))
    return filmed(draw, actors)


def _changing(
    look: Look, place: tuple[float, float], radius: float, timed: Timed, slot: int, frames: int
) -> list[Actor]:
    """Return the object, and the shapes that it takes on, each shown in the object's place for a while."""
    colour_T3 = np.tile(np.array(PALETTE[look.colour], dtype=float), (frames, 1))
    radius_T, opacity_T = np.full(frames, radius), np.ones(frames)
    others = []
    for change, start in timed:
        course_T = _there_and_back(slot, frames, start)
        if change.attribute == "colour":
            colour_T3 += course_T[:, None] * (np.array(PALETTE[change.value]) - PALETTE[look.colour])
        elif change.attribute == "size":
            radius_T += course_T * radius * ((GROWN if change.value == "large" else SHRUNK) - 1.0)
        else:
            opacity_T -= course_T
            other = Look(change.value, look.colour)
            others.append(other.actor(f"o1 as a {change.value}", frames, place, radius, opacity=course_T))
    return [look.actor("o1", frames, place, radius_T, colour=colour_T3, opacity=opacity_T), *others]


def _event(cast: Cast, change: Change, start: int, slot: int) -> Event:
    rest = round(REST * slot)
    span = start + rest, start + slot - rest
    does = f"{change.note} and changes back"
    return cast.event("change", span, does, attribute=change.attribute, value=change.value)


def _states(look: Look, timed: Timed, slot: int, frames: int) -> list[State]:
    """Return the object's looks at the ends and in the middle of every slot."""
    at_rest = {"colour": look.colour, "shape": look.shape, "size": "medium"}
    changed = {start + slot // 2: {change.attribute: change.value} for change, start in timed}
    chosen = sorted([*range(0, frames, slot), *range(slot // 2, frames, slot)])
    return [State(frame, {"looks": {"o1": at_rest | changed.get(frame, {})}}) for frame in chosen]


KIND = Kind("attribute_change", Category.MOTION, Term.SHORT, Domain.TEMPORAL, {Form.OPEN}, make, unaltered)
"""SynRL, 2.1.1: attribute change detection"""
