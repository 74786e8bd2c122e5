"""Chips and cups: numbered chips are dropped into cups and taken out, cups are poured out and change places.

Places on the table are lettered, and questions are about the cup that stands at a place. What a cup holds is seen only
while the cups are transparent. A pour cannot be undone (nobody can tell whose chips were whose), so that there are none
where the start is asked for.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from retroflip.synth.animation import PALETTE, Actor, Animation, Colour, Floats, Number, actor
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
    State,
    Term,
)
from retroflip.synth.long.orders import Course, by_answer, followed, pinned_places, reordered, two_ranks
from retroflip.synth.long.stage import Stage
from retroflip.synth.long.timeline import Track, draw_timeline, there_and_on
from retroflip.synth.names import Form
from retroflip.synth.wording import phrased
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

TABLE = 0.8
CUP_Y = 0.63
CUP = (0.078, 0.135)
LIFTED = 0.3
"""how high cups are carried (y)"""
TILT = 1.9
"""how far a cup is turned to be poured out, radians"""
CHIP = 0.037
CHIP_TEXT = 0.026
DROP = (-CHIP, 0.4, CUP_Y)
"""heights of a chip's way: outside of the frame, above the cup, inside it (y)"""
ASLANT = 0.05
"""chips come in from the left of their cup and leave to its right"""
MOUTH = (0.06, 0.012)
EDGE = 0.006
"""a darker line around cups, which tells them apart where they overlap"""


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


@dataclass(frozen=True)
class Query:
    """What is asked of the cup at `place`. ask, when: a key of the phrasings. after: the step of a "right after"."""

    mode: Mode
    ask: str
    when: str
    place: int
    after: Step | None = None


def done(cups: Cups, step: Step) -> Cups | None:
    """Return what cups hold after a step, or None where it cannot be done."""
    after = list(cups)
    one = cups[step.place]
    if step.action == "put":
        after[step.place] = one | {step.chip}
    elif step.action == "take":
        if step.chip not in one:
            return None
        after[step.place] = one - {step.chip}
    elif step.action == "swap":
        after[step.place], after[step.other] = cups[step.other], one
    else:
        if not one:
            return None
        after[step.place], after[step.other] = frozenset(), one | cups[step.other]
    return tuple(after) if all(len(cup) <= MOST_CHIPS for cup in after) else None


def inverse(step: Step) -> Step:
    """Return what undoes a step (no pour)."""
    return step._replace(action={"put": "take", "take": "put", "swap": "swap"}[step.action])


def answer_to(query: Query, course: Course[Cups, Step]) -> Result:
    """Return what the cup asked about holds: a number, or the chips in ascending order; `course` runs with time."""
    moment = {"start": 0, "end": -1, "after": -1}[query.when]
    if query.after is not None:
        moment = course.operations.index(query.after) + 1
    chips = course.states[moment][query.place]
    if query.ask == "holds":
        return tuple(sorted(chips))
    return sum(chips) if query.ask == "sum" else len(chips)


def make(draw: Draw) -> Pair:
    """Draw operations and a question, four answers that their orders lead to, and two of these."""
    mode = draw.deal("mode", list(ASKS))
    ask, when = draw.deal(f"ask {mode}", ASKS[mode])
    timeline = draw_timeline(draw, OPERATIONS, SEEN, LEAST_OPERATIONS)
    query, options, groups = _found(draw, timeline.operations, mode, ask, when)
    stage = Stage.drawn(draw, timeline, opening=mode is not Mode.RETRODICTIVE)
    scene = _Scene(stage, PALETTE[draw.one_of(list(PALETTE))])
    what = "" if query.after is None else query.after.note
    text = phrased(draw, ask, when, place=LETTERS[query.place], what=what)
    words = tuple(_words(option) for option in options)
    courses = [draw.one_of(groups[options[rank]]) for rank in two_ranks(draw, CHOICES)]
    one, two = (_episode(scene, query, course, text, words) for course in courses)
    return Pair(one, two, "operations")


Groups = dict[Result, list[Course[Cups, Step]]]
"""courses in order of time, by answer"""


def _found(
    draw: Draw, operations: int, mode: Mode, ask: str, when: str
) -> tuple[Query, Sequence[Result], Groups]:
    """Return a question, four answers to it, and orders of the same operations by the answer."""
    from_start = mode is not Mode.RETRODICTIVE
    for _ in range(SETS_OF_OPERATIONS):
        course = _draw_course(draw, operations, pours=from_start)
        query, asked = _draw_query(draw, course, mode, ask, when)
        pinned = pinned_places(operations, from_start=from_start, ends=mode is not Mode.HISTORICAL) | asked
        orders = reordered(draw, course, done, pinned)
        in_time = orders if from_start else (one.mirrored(inverse) for one in orders)
        groups: Groups = by_answer(in_time, _answering(query))
        options = _options(draw, groups)
        if options is not None:
            return query, options, groups
    raise Redraw("no operations with four different answers were found")


def _answering(query: Query) -> Callable[[Course[Cups, Step]], Result]:
    return lambda course: answer_to(query, course)


def _options(draw: Draw, answers: Collection[Result]) -> Sequence[Result] | None:
    """Return four answers of one form, numbers in ascending order, or None."""
    numbers = [answer for answer in answers if isinstance(answer, int)]
    if numbers:
        return sorted(draw.some_of(numbers, CHOICES)) if len(numbers) >= CHOICES else None
    lists = [answer for answer in answers if isinstance(answer, tuple)]
    by_length = {
        length: [one for one in lists if len(one) == length] for length in {len(one) for one in lists}
    }
    enough = [length for length, alike in sorted(by_length.items()) if length and len(alike) >= CHOICES]
    return draw.some_of(by_length[draw.one_of(enough)], CHOICES) if enough else None


def _draw_course(draw: Draw, operations: int, *, pours: bool) -> Course[Cups, Step]:
    settings = draw.settings
    places = min(max(settings.objects or PLACES[settings.difficulty - 1], 3), len(LETTERS))
    chips = draw.some_of(VALUES, len(VALUES))
    cups: Cups = tuple(
        frozenset(chips.pop() for _ in range(int(draw.rng.integers(1, 4)))) for _ in range(places)
    )
    start, steps = cups, list[Step]()
    actions = ("put", "take", "swap", "pour") if pours else ("put", "take", "swap", "swap")
    while len(steps) < operations:
        step = _draw_step(draw, cups, draw.one_of(actions), chips)
        after = None if step is None else done(cups, step)
        # The same pair of cups twice in a row would undo itself.
        if step is None or after is None or (steps and steps[-1] == step):
            continue
        if step.action == "put":
            chips.pop()
        cups = after
        steps.append(step)
    course = followed(start, steps, done)
    if course is None:
        raise Redraw("the operations cannot be done")
    return course


def _draw_step(draw: Draw, cups: Cups, action: str, chips: Sequence[int]) -> Step | None:
    place, other = draw.some_of(range(len(cups)), 2)
    if action == "put":
        return Step(action, place, chip=chips[-1]) if chips else None
    if action == "take":
        return Step(action, place, chip=draw.one_of(sorted(cups[place]))) if len(cups[place]) > 1 else None
    return Step(action, place, other)


def _draw_query(
    draw: Draw, course: Course[Cups, Step], mode: Mode, ask: str, when: str
) -> tuple[Query, set[int]]:
    """Return a question, and the place of the operation that it names."""
    place = int(draw.rng.integers(len(course.states[0])))
    if when != "after":
        return Query(mode, ask, when, place), set()
    named = [
        index for index, step in enumerate(course.operations) if index >= 3 and step.action in ("put", "take")
    ]
    if not named:
        raise Redraw("no chip is moved late enough")
    index = draw.one_of(named)
    return Query(mode, ask, when, place, course.operations[index]), {index}


def _words(answer: Result) -> str:
    return ", ".join(str(chip) for chip in answer) if isinstance(answer, tuple) else str(answer)


@dataclass(frozen=True)
class _Scene:
    """The table on its stage, and the colour of the cups."""

    stage: Stage
    colour: Colour

    def clip(self, shown: Cups, steps: Sequence[Step]) -> Animation:
        """Return the video of the steps, with what cups hold shown while they are transparent."""
        stage, places = self.stage, len(shown)
        table = stage.box("table", (92, 74, 58), (0.5, TABLE + 0.035), (0.48, 0.07))
        signs = [
            stage.writing(f"sign {letter}", letter, (_across(place, places), TABLE + 0.045), 0.04)
            for place, letter in enumerate(LETTERS[:places])
        ]
        glasses = [
            stage.box(
                f"glass {place}", (64, 68, 78), (_across(place, places), CUP_Y), CUP, opacity=stage.shown_T
            )
            for place in range(places)
        ]
        lying = [
            self._lying(chip, _across(place, places), index)
            for place, chips in enumerate(shown)
            for index, chip in enumerate(sorted(chips))
        ]
        moving = [
            self._moving(index, step, places)
            for index, step in enumerate(steps)
            if step.action in ("put", "take")
        ]
        return stage.animation([table, *signs, *glasses, *lying, *moving, *self._cups(steps, places)])

    def _lying(self, chip: int, x: float, index: int) -> Actor:
        at = x + (index % 2 - 0.5) * 0.074, CUP_Y + CUP[1] - 0.045 - 0.08 * (index // 2)
        return self._chip(f"chip {chip}", chip, Track(self.stage.timeline.frames, *at), self.stage.shown_T)

    def _moving(self, index: int, step: Step, places: int) -> Actor:
        timeline, x = self.stage.timeline, _across(step.place, places)
        span = timeline.span(index)
        side = -ASLANT if step.action == "put" else ASLANT
        stops = [(x + 2 * side, DROP[0]), (x + side, DROP[1]), (x, DROP[2])]
        if step.action == "take":
            stops.reverse()
        come, go = there_and_on(span)
        way = Track(timeline.frames, *stops[0]).ease(come, *stops[1]).ease(go, *stops[2])
        there = Track(timeline.frames, 0.0).set(span[0], 1.0).set(span[1] + 1, 0.0)
        return self._chip(f"move {index}", step.chip, way, there.number_T)

    def _chip(self, identity: str, chip: int, way: Track, opacity: Number) -> Actor:
        return actor(
            identity,
            "circle",
            (244, 240, 228),
            frames=self.stage.timeline.frames,
            x=way.column_T(0),
            y=way.column_T(1),
            half_width=CHIP,
            opacity=opacity,
            text=str(chip),
            text_colour=(24, 24, 30),
            text_height=CHIP_TEXT,
        )

    def _cups(self, steps: Sequence[Step], places: int) -> list[Actor]:
        """Return the cups that stand, and for every operation those that it moves, in front of them.

        A cup is another actor whenever it moves, so that which of two is drawn in front says nothing of where they
        have been.
        """
        timeline = self.stage.timeline
        standing = [Track(timeline.frames, 1.0) for _ in range(places)]
        moving = []
        for index, step in enumerate(steps):
            if step.other < 0:
                continue
            span = timeline.span(index)
            away = (step.place, step.other) if step.action == "swap" else (step.place,)
            for place in away:
                standing[place].set(span[0], 0.0).set(span[1] + 1, 1.0)
            there_T = Track(timeline.frames, 0.0).set(span[0], 1.0).set(span[1] + 1, 0.0).number_T
            ends = _across(step.place, places), _across(step.other, places)
            for place, way in zip(away, _ways(step.action, timeline.frames, span, *ends), strict=True):
                moving += self._cup(f"{place} in {index}", way, there_T)
        rows = [
            self._cup(f"{place}", Track(timeline.frames, _across(place, places), CUP_Y, 0.0), there.number_T)
            for place, there in enumerate(standing)
        ]
        return [*(part for row in rows for part in row), *moving]

    def _cup(self, identity: str, way: Track, there_T: Floats) -> list[Actor]:
        x_T, y_T, angle_T = (way.column_T(axis) for axis in range(3))
        shade = tuple(round(0.55 * part) for part in self.colour)
        dark = shade[0], shade[1], shade[2]
        up = CUP[1] - 2 * MOUTH[1]
        mouth = x_T + up * np.sin(angle_T), y_T - up * np.cos(angle_T)
        edge = CUP[0] + EDGE, CUP[1] + EDGE
        opacity_T = there_T * self.stage.hidden_T
        return [
            self.stage.box(f"edge {identity}", dark, (x_T, y_T), edge, angle=angle_T, opacity=opacity_T),
            self.stage.box(f"cup {identity}", self.colour, (x_T, y_T), CUP, angle=angle_T, opacity=opacity_T),
            self.stage.box(f"mouth {identity}", dark, mouth, MOUTH, angle=angle_T, opacity=opacity_T),
        ]


def _ways(action: str, frames: int, span: tuple[int, int], home: float, target: float) -> list[Track]:
    """Return the ways of the cups that an operation moves: the first is carried, a second slides into its place."""
    carried = Track(frames, home, CUP_Y, 0.0)
    if action == "pour":
        _pour(carried, span, home, target)
        return [carried]
    carried.along(span, [(home, LIFTED, 0.0), (target, LIFTED, 0.0), (target, CUP_Y, 0.0)])
    return [carried, Track(frames, target, CUP_Y, 0.0).ease(span, home, CUP_Y, 0.0)]


def _across(place: int, places: int) -> float:
    return 0.5 + (place - (places - 1) / 2) * min(0.27, 0.9 / places)


def _pour(way: Track, span: tuple[int, int], home: float, target: float) -> None:
    """Carry a cup above another, turn it over there and back, and carry it home; a pour is its own mirror image."""
    start, end = span
    quarter = max(1, (end - start) // 4)
    side = float(np.sign(target - home))
    beside = target - side * (CUP[1] - 0.02)
    way.along((start, start + quarter), [(home, LIFTED, 0.0), (beside, LIFTED, 0.0)])
    middle = (start + end) // 2
    way.ease((start + quarter, middle), beside, LIFTED, side * TILT)
    way.ease((start + end - middle, end - quarter), beside, LIFTED, 0.0)
    way.along((end - quarter, end), [(home, LIFTED, 0.0), (home, CUP_Y, 0.0)])


def _episode(
    scene: _Scene, query: Query, course: Course[Cups, Step], text: str, options: tuple[str, ...]
) -> Episode:
    stage, timeline = scene.stage, scene.stage.timeline
    found = answer_to(query, course)
    shown = course.states[0 if stage.opening else -1]
    chips = sorted({chip for cups in course.states for cup in cups for chip in cup})
    is_number = isinstance(found, int)
    question = Question(
        text=text,
        mode=query.mode,
        options=options,
        answer=_words(found),
        parameters=_parameters(query),
        changed_by=_changed_by(query, course),
        ordered=is_number,
        numeric=float(found) if isinstance(found, int) else None,
        unit="chips" if query.ask == "count" else "",
        is_open=not is_number,
    )
    return Episode(
        animation=scene.clip(shown, course.operations),
        question=question,
        objects=[
            *(
                {"id": f"cup {letter}", "shape": "rectangle", "colour": "", "name": f"cup at {letter}"}
                for letter in LETTERS[: len(shown)]
            ),
            *(
                {"id": f"chip {chip}", "shape": "circle", "colour": "white", "name": f"chip {chip}"}
                for chip in chips
            ),
            *stage.distractors(),
        ],
        events=stage.told(
            f"the cups are transparent: {_told(shown)}",
            {"cups": _facts(shown)},
            [
                Event(step.action, *timeline.span(index), step.note, _step_facts(step))
                for index, step in enumerate(course.operations)
            ],
        ),
        states=[
            State(timeline.at_rest(index), {"done": index, "cups": _facts(cups)})
            for index, cups in enumerate(course.states)
        ],
        derivation=_derivation(query, course, _words(found), from_start=stage.opening),
        min_fps=timeline.min_fps(SEEN),
    )


def _parameters(query: Query) -> dict[str, Any]:
    asked = {"ask": query.ask, "when": query.when, "place": LETTERS[query.place]}
    after = {} if query.after is None else {"after": {"type": query.after.action, **_step_facts(query.after)}}
    return asked | after


def _changed_by(query: Query, course: Course[Cups, Step]) -> frozenset[Transform]:
    """Return whether the video played backwards, which shows the same cups at its other end, has another answer."""
    if query.when == "after":
        return frozenset()
    start, end = (
        answer_to(Query(query.mode, query.ask, when, query.place), course) for when in ("start", "end")
    )
    return frozenset() if start == end else frozenset({Transform.REVERSE})


def _facts(cups: Cups) -> dict[str, list[int]]:
    return {letter: sorted(chips) for letter, chips in zip(LETTERS, cups, strict=False)}


def _step_facts(step: Step) -> dict[str, str | int]:
    facts: dict[str, str | int] = {"place": LETTERS[step.place]}
    return facts | ({"chip": step.chip} if step.other < 0 else {"other": LETTERS[step.other]})


def _told(cups: Cups) -> str:
    return "; ".join(
        f"{letter} holds {_words(tuple(sorted(chips))) or 'nothing'}"
        for letter, chips in zip(LETTERS, cups, strict=False)
    )


def _derivation(query: Query, course: Course[Cups, Step], answer: str, *, from_start: bool) -> list[str]:
    last = len(course.operations) if query.after is None else course.operations.index(query.after) + 1
    if from_start:
        told = [f"At the start, {_told(course.states[0])}."]
        for step, cups in zip(course.operations[:last], course.states[1:], strict=False):
            told.append(f"When {step.note}: {_told(cups)}.")
    else:
        told = [f"At the end, {_told(course.states[-1])}, and I work backwards."]
        for step, cups in reversed(list(zip(course.operations, course.states, strict=False))):
            told.append(f"Before {step.note}: {_told(cups)}.")
    return [*told, f"So for the cup at {LETTERS[query.place]} the answer is: {answer}."]


KIND = Kind(
    name="chip_cups",
    category=Category.CONTAINERS,
    term=Term.LONG,
    domain=Domain.TEMPORAL,
    forms=frozenset({Form.NUMERIC, Form.OPEN}),
    make=make,
)
"""SynRL, 2.1.2: chip containers"""
