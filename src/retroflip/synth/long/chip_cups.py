"""Chips and cups: numbered chips are dropped into cups and taken out, cups are poured out and change places.

Places on the table are lettered, and questions are about the cup that stands at a place. What a cup holds is seen only
while the cups are transparent. A pour cannot be undone (nobody can tell whose chips were whose), so that there are none
where the start is asked for.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

from retroflip.synth.animation import PALETTE, Actor, Animation, Appearance, Colour, Number
from retroflip.synth.episode import Asked, Draw, Episode, Kind, Mode, Pair, Redraw, listed, paired
from retroflip.synth.long import orders
from retroflip.synth.long.cups import CUP, CUP_Y, CupRow, Move
from retroflip.synth.long.orders import Course, Groups, Offer, Query
from retroflip.synth.long.scenery import DARK, Stage
from retroflip.synth.long.timeline import draw_timeline
from retroflip.synth.names import Category, Domain, Form, Term
from retroflip.synth.objects import thing
from retroflip.synth.wording import holding, phrased
from retroflip.video.transforms import Transform

Chips = frozenset[int]
Cups = tuple[Chips, ...]
"""what the cup at each place holds"""
Result = int | tuple[int, ...]

OPERATIONS = (6, 7, 8, 8, 9)
LEAST_OPERATIONS = 6
SEEN = 2.0
CHOICES = 4
PLACES = (3, 3, 4, 4, 5)
MOST_CHIPS = 6
"""in a cup"""
VALUES = range(1, 30)
SETS_OF_OPERATIONS = 60
"""tried for one question"""
ATTEMPTS = 100
"""draws of one operation, until there is one that can be done"""
LETTERS = "ABCDE"
NOTES = {
    "put": "chip {chip} is dropped into the cup at {place}",
    "take": "chip {chip} is taken out of the cup at {place}",
    "pour": "the cup at {place} is poured out into the cup at {other}",
    "swap": "the cups at {place} and {other} change places",
}
ASKS = {
    Mode.FORWARD: (("sum", "end"), ("count", "end"), ("holds", "end")),
    Mode.RETRODICTIVE: (("sum", "start"), ("count", "start"), ("holds", "start")),
    Mode.HISTORICAL: (("sum", "after"), ("count", "after")),
}

FACE: Colour = (244, 240, 228)
CHIP = 0.037
CHIP_TEXT = 0.026
DROP = (-CHIP, 0.4, CUP_Y)
"""heights of a chip's way: outside of the frame, above the cup, inside it (y)"""
ASLANT = 0.05
"""chips come in from the left of their cup and leave to its right"""


class Step(NamedTuple):
    """What is done, by the number of places. `other` is the second cup's place, `chip` what goes in or out."""

    action: str
    place: int
    other: int = -1
    chip: int = 0

    @property
    def note(self) -> str:
        """What is seen."""
        other = LETTERS[self.other] if self.other >= 0 else ""
        return NOTES[self.action].format(place=LETTERS[self.place], other=other, chip=self.chip)

    @property
    def facts(self) -> dict[str, str | int]:
        """The same for programs."""
        other = {"chip": self.chip} if self.other < 0 else {"other": LETTERS[self.other]}
        return {"place": LETTERS[self.place], **other}

    @property
    def told(self) -> dict[str, str | int]:
        """The same with what is done."""
        return {"type": self.action, **self.facts}


def done(cups: Cups, step: Step) -> Cups | None:
    """Return what cups hold after a step, or None where it cannot be done."""
    one, other, chip = cups[step.place], cups[step.other], {step.chip}
    if (step.action == "take" and not chip <= one) or (step.action == "pour" and not one):
        return None
    changed: dict[int, Chips] = {
        "put": {step.place: one | chip},
        "take": {step.place: one - chip},
        "swap": {step.place: other, step.other: one},
        "pour": {step.place: frozenset(), step.other: one | other},
    }[step.action]
    after = tuple(changed.get(place, cup) for place, cup in enumerate(cups))
    return after if all(len(cup) <= MOST_CHIPS for cup in after) else None


def inverse(step: Step) -> Step:
    """Return what undoes a step (no pour)."""
    return step._replace(action={"put": "take", "take": "put", "swap": "swap"}[step.action])


Turns = Course[Cups, Step]


def moment_of(query: Query, course: Turns) -> int:
    """Return after how many operations of the course the cup is asked about."""
    if query.when == "after":
        return [step.told for step in course.operations].index(query.named["after"]) + 1
    return 0 if query.when == "start" else len(course.operations)


def answer_to(query: Query, course: Turns) -> Result:
    """Return what the cup asked about holds: a number, or the chips in ascending order; `course` runs with time."""
    chips = course.states[moment_of(query, course)][LETTERS.index(query.named["place"])]
    if query.ask == "holds":
        return tuple(sorted(chips))
    return sum(chips) if query.ask == "sum" else len(chips)


def make(draw: Draw) -> Pair:
    """Draw operations and a question, four answers that their orders lead to, and two of these."""
    what = orders.dealt_ask(draw, ASKS)
    timeline = draw_timeline(draw, draw.wanted(OPERATIONS), SEEN, LEAST_OPERATIONS)
    query, options, groups = _asked(draw, timeline.operations, what)
    stage = Stage.drawn(draw, timeline, opening=what.mode.from_start)
    colour = PALETTE[draw.one_of(list(PALETTE))]
    text = phrased(draw, query.ask, query.when, **_in_words(query))
    courses = orders.two_answered(draw, groups, options)
    things = _things(courses[0][1].states)
    asked = stage.asked(query, text, options, things, seen=SEEN, is_open=query.ask == "holds")
    one, two = (_side(stage, colour, asked, query, course, answer) for answer, course in courses)
    return paired(draw, one, two)


def _asked(draw: Draw, operations: int, what: Query) -> Offer[Result, Turns]:
    """Return a question with four answers, to which orders of the same operations lead."""
    for _ in range(SETS_OF_OPERATIONS):
        course = _draw_course(draw, operations, pours=what.mode.from_start)
        query = _draw_query(draw, course, what)
        named = [moment_of(query, course) - 1] if query.when == "after" else []
        told = orders.in_other_orders(draw, course, done, what.mode, named)
        in_time = told if what.mode.from_start else (one.mirrored(inverse) for one in told)
        groups: Groups[Result, Turns] = orders.by_answer(in_time, partial(answer_to, query))
        if options := orders.of_one_form(draw, groups, CHOICES):
            return query, options, groups
    raise Redraw("no operations with four different answers were found")


def _draw_course(draw: Draw, operations: int, *, pours: bool) -> Turns:
    places = min(max(draw.settings.objects or draw.level(PLACES), 3), len(LETTERS))
    chips = draw.shuffled(VALUES)
    cups: Cups = tuple(
        frozenset(chips.pop() for _ in range(int(draw.rng.integers(1, 4)))) for _ in range(places)
    )
    actions = ("put", "take", "swap", "pour") if pours else ("put", "take", "swap", "swap")

    def draw_step(cups: Cups, before: Sequence[Step]) -> Step | None:
        unused = chips[: len(chips) - sum(step.action == "put" for step in before)]
        step = _draw_step(draw, cups, draw.one_of(actions), unused)
        # The same pair of cups twice in a row would undo itself.
        return None if before and before[-1] == step else step

    return orders.draw_course(cups, operations, draw_step, done, ATTEMPTS)


def _draw_step(draw: Draw, cups: Cups, action: str, unused: Sequence[int]) -> Step | None:
    place, other = draw.some_of(range(len(cups)), 2)
    if action == "put":
        return Step(action, place, chip=unused[-1]) if unused else None
    if action == "take":
        return Step(action, place, chip=draw.one_of(sorted(cups[place]))) if len(cups[place]) > 1 else None
    return Step(action, place, other)


def _draw_query(draw: Draw, course: Turns, what: Query) -> Query:
    place = LETTERS[int(draw.rng.integers(len(course.states[0])))]
    if what.when != "after":
        return what.naming(place=place)
    late = [step for step in course.operations[3:] if step.chip]
    if not late:
        raise Redraw("no chip is moved late enough")
    return what.naming(place=place, after=draw.one_of(late).told)


def _in_words(query: Query) -> dict[str, str]:
    """Return what a question names, as its words have it."""
    after = query.named.get("after")
    return {"place": query.named["place"], "what": NOTES[after["type"]].format(**after) if after else ""}


def _clip(stage: Stage, colour: Colour, shown: Cups, steps: Sequence[Step]) -> Animation:
    """Return the video of the steps, with what cups of that colour hold shown while they are transparent."""
    cups = CupRow(stage, colour, LETTERS[: len(shown)])
    lying = [
        _lying(stage, chip, cups.across(place), index)
        for place, chips in enumerate(shown)
        for index, chip in enumerate(sorted(chips))
    ]
    moving = [
        _moving(stage, index, step, cups.across(step.place)) for index, step in enumerate(steps) if step.chip
    ]
    moves = {
        index: Move(step.place, step.other, step.action == "pour")
        for index, step in enumerate(steps)
        if not step.chip
    }
    return stage.animation([*cups.table(), *lying, *moving, *cups.actors(moves)])


def _lying(stage: Stage, chip: int, x: float, index: int) -> Actor:
    at = x + (index % 2 - 0.5) * 0.074, CUP_Y + CUP[1] - 0.045 - 0.08 * (index // 2)
    return _chip(stage, f"chip {chip}", chip, at, stage.shown_T)


def _moving(stage: Stage, index: int, step: Step, x: float) -> Actor:
    side = -ASLANT if step.action == "put" else ASLANT
    stops = [(x + 2 * side, DROP[0]), (x + side, DROP[1]), (x, DROP[2])]
    way = stage.timeline.passing(index, stops if step.action == "put" else stops[::-1])
    return _chip(stage, f"move {index}", step.chip, way.point_T, stage.timeline.during(index))


def _chip(stage: Stage, identity: str, chip: int, at: tuple[Number, Number], opacity: Number) -> Actor:
    look = Appearance(opacity=opacity, text=str(chip), text_colour=DARK, text_height=CHIP_TEXT)
    return stage.actor(identity, "circle", FACE, at, (CHIP, CHIP), **look)


def _side(stage: Stage, colour: Colour, asked: Asked, query: Query, course: Turns, answer: Result) -> Episode:
    shown = stage.shown_of(course.states)
    operations = ((step.action, step.note, step.facts) for step in course.operations)
    note = f"the cups are transparent: {holding(_facts(shown))}"
    backwards = {} if query.when == "after" else {Transform.REVERSE: course.played_back}
    return asked.episode(
        _clip(stage, colour, shown, course.operations),
        answer,
        orders.changed_by(answer, backwards, partial(answer_to, query)),
        events=stage.told(note, {"cups": _facts(shown)}, operations),
        states=stage.timeline.followed("cups", map(_facts, course.states)),
        derivation=[
            *_derivation(query, course),
            f"So for the cup at {query.named['place']} the answer is: {listed(answer)}.",
        ],
    )


def _things(states: Sequence[Cups]) -> list[dict[str, Any]]:
    cups = [
        thing(f"cup {letter}", "rectangle", "", f"cup at {letter}") for letter in LETTERS[: len(states[0])]
    ]
    chips = sorted({chip for cups in states for cup in cups for chip in cup})
    return cups + [thing(f"chip {chip}", "circle", "white", f"chip {chip}") for chip in chips]


def _facts(cups: Cups) -> dict[str, list[int]]:
    return {letter: sorted(chips) for letter, chips in zip(LETTERS, cups, strict=False)}


def _derivation(query: Query, course: Turns) -> list[str]:
    notes = [f"{step.note}:" for step in course.operations]
    if query.when == "after":
        notes = notes[: moment_of(query, course)]
    held = [holding(_facts(cups)) for cups in course.states]
    return orders.retold(held, notes, from_start=query.mode.from_start, after="When")


KIND = Kind("chip_cups", Category.CONTAINERS, Term.LONG, Domain.TEMPORAL, {Form.NUMERIC, Form.OPEN}, make)
"""SynRL, 2.1.2: chip containers"""
