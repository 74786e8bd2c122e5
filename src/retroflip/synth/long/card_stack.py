"""Card stack: numbered cards go into and come out of a closed case, at its top or its bottom.

Whatever leaves the side of the shown pile is seen; whatever leaves the pile itself is face down, so that only who has
followed every card knows it: forwards in time cards are put in face up and taken out face down, and where the end is
shown, the other way round. No frame shows how many cards the case holds.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from retroflip.synth.animation import PALETTE, Actor, Animation, Colour, Number
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
from retroflip.synth.long.orders import (
    Course,
    by_answer,
    followed,
    pinned_places,
    reordered,
    runs,
    two_ranks,
)
from retroflip.synth.long.stage import Stage
from retroflip.synth.long.timeline import Track, draw_timeline, there_and_on
from retroflip.synth.names import Form
from retroflip.synth.wording import phrased
from retroflip.video.transforms import Transform

Pile = tuple[int, ...]
"""card numbers from top to bottom"""

OPERATIONS = (6, 7, 8, 8, 9)
LEAST_OPERATIONS = 6
CHOICES = 4
SEEN = 1.75
"""frames seen of each operation at least: a card can be read for three fifths of its time"""
HEIGHTS = (3, 3, 4, 4, 4)
LOWEST, HIGHEST = 2, 7
"""cards in the pile at any time"""
NUMBERS = range(10, 100)
SETS_OF_OPERATIONS = 40
"""tried for one question"""
CASE = (0.17, 0.37)
"""half the width and the height of the case, which stands in the middle"""
CARD = (0.13, 0.045)
CARD_TEXT = 0.032
CARD_STEP = 0.11
RIM = {"top": (0.065, 0.2), "bottom": (0.935, 0.8)}
"""by end: where cards come and go outside of the case, and where they are hidden inside (y)"""
ASIDE = {"put": 1.0 + CARD[0], "take": -CARD[0]}
"""where cards come from and where they go (x)"""
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh")
ASKS = {
    Mode.FORWARD: (("pile", "end"), ("place", "end")),
    Mode.RETRODICTIVE: (("pile", "start"), ("place", "start")),
    Mode.HISTORICAL: (("count", "after"), ("taken", "after")),
}


class Step(NamedTuple):
    """An operation as told from the shown pile on. `card` goes in; what comes out (None) follows from the pile."""

    end: str
    card: int | None


@dataclass(frozen=True)
class Move:
    """An operation in order of time. `face` is whether a viewer sees the card's number."""

    action: str
    end: str
    card: int
    face: bool

    @property
    def note(self) -> str:
        """What is seen."""
        what = f"card {self.card}" if self.face else "a face-down card"
        way = "put on top of" if self.end == "top" else "put at the bottom of"
        return f"{what} is {way if self.action == 'put' else f'taken from the {self.end} of'} the pile"


@dataclass(frozen=True)
class Query:
    """What is asked: `ask` and `when` as its phrasings know them.

    number: counted from 1, which card of the pile or which of those taken. card: the card asked about.
    """

    mode: Mode
    ask: str
    when: str
    number: int = 0
    card: int = 0


Groups = dict[Pile | int, list[Course[Pile, Step]]]
"""orders of the same operations, by answer"""


def done(pile: Pile, step: Step) -> Pile | None:
    """Return the pile after a step, or None where it would be too low or too high."""
    if step.card is None:
        after = pile[1:] if step.end == "top" else pile[:-1]
    else:
        after = (step.card, *pile) if step.end == "top" else (*pile, step.card)
    return after if LOWEST <= len(after) <= HIGHEST else None


def moves_of(course: Course[Pile, Step], *, from_start: bool) -> tuple[tuple[Pile, ...], tuple[Move, ...]]:
    """Return the piles and the moves in order of time of a course told from the start, or from the end."""
    moves = []
    for before, step in zip(course.states, course.operations, strict=False):
        into = (step.card is not None) is from_start
        card = step.card if step.card is not None else before[0 if step.end == "top" else -1]
        moves.append(Move("put" if into else "take", step.end, card, step.card is not None))
    if from_start:
        return course.states, tuple(moves)
    return course.states[::-1], tuple(reversed(moves))


def answer_to(query: Query, piles: Sequence[Pile], moves: Sequence[Move]) -> Pile | int | None:
    """Return what happened, as a pile or a number, or None where there is no such card."""
    if query.ask == "count":
        return next(len(pile) for pile, move in zip(piles[1:], moves, strict=True) if move.card == query.card)
    if query.ask == "taken":
        taken = [move.card for move in moves if move.action == "take"]
        return taken[query.number - 1] if len(taken) >= query.number else None
    pile = piles[-1 if query.when == "end" else 0]
    if query.ask == "pile":
        return pile
    return pile[query.number - 1] if len(pile) >= query.number else None


def make(draw: Draw) -> Pair:
    """Draw operations and a question, four answers that their orders lead to, and two of these."""
    mode = draw.deal("mode", list(ASKS))
    ask, when = draw.deal(f"ask {mode}", ASKS[mode])
    timeline = draw_timeline(draw, OPERATIONS, SEEN, LEAST_OPERATIONS)
    query, groups = _groups(draw, timeline.operations, mode, ask, when)
    options = _options(draw, query, groups)
    ranks = two_ranks(draw, len(options))
    stage = Stage.drawn(draw, timeline, opening=mode is not Mode.RETRODICTIVE)
    scene = _Scene(stage, *draw.some_of(list(PALETTE.values()), 2))
    courses = [draw.one_of(groups[options[rank]]) for rank in ranks]
    ordinal = ORDINALS[query.number - 1] if query.number else ""
    text = phrased(draw, ask, when, card=query.card, ordinal=ordinal)
    words = tuple(_words(ask, option) for option in options)
    one, two = (_episode(scene, query, course, text, words) for course in courses)
    return Pair(one, two, "operations")


def _groups(draw: Draw, operations: int, mode: Mode, ask: str, when: str) -> tuple[Query, Groups]:
    """Return a question, and orders of the same operations by the answer, four of them at least."""
    from_start = mode is not Mode.RETRODICTIVE
    for _ in range(SETS_OF_OPERATIONS):
        course = _draw_course(draw, operations)
        query = _draw_query(draw, course, mode, ask, when)
        if query is None:
            continue
        pinned = pinned_places(operations, from_start=from_start, ends=mode is not Mode.HISTORICAL)
        groups: Groups = by_answer(
            reordered(draw, course, done, pinned), _answering(query, from_start=from_start)
        )
        if len(groups) >= CHOICES and (ask != "count" or _windows(groups)):
            return query, groups
    raise Redraw("no operations with four different answers were found")


def _windows(groups: Collection[Pile | int]) -> list[tuple[int, ...]]:
    """Return the runs of numbers that options can be."""
    return runs([number for number in groups if isinstance(number, int)], CHOICES)


def _options(draw: Draw, query: Query, groups: Collection[Pile | int]) -> Sequence[Pile | int]:
    if query.ask == "count":
        return draw.one_of(_windows(groups))
    return draw.some_of(list(groups), CHOICES)


def _answering(query: Query, *, from_start: bool) -> Callable[[Course[Pile, Step]], Pile | int | None]:
    return lambda course: answer_to(query, *moves_of(course, from_start=from_start))


def _draw_course(draw: Draw, operations: int) -> Course[Pile, Step]:
    settings = draw.settings
    height = min(max(settings.objects or HEIGHTS[settings.difficulty - 1], LOWEST), HIGHEST - 1)
    cards = draw.some_of(NUMBERS, height + operations)
    pile, steps = tuple(cards[:height]), list[Step]()
    start = pile
    for card in cards[height:]:
        into = len(pile) == LOWEST or (len(pile) < HIGHEST and bool(draw.rng.integers(2)))
        step = Step(draw.one_of(("top", "bottom")), card if into else None)
        pile = done(pile, step) or pile
        steps.append(step)
    course = followed(start, steps, done)
    if course is None:
        raise Redraw("the pile runs out of cards")
    return course


def _draw_query(draw: Draw, course: Course[Pile, Step], mode: Mode, ask: str, when: str) -> Query | None:
    if ask == "pile":
        return Query(mode, ask, when)
    if ask == "place":
        return Query(mode, ask, when, number=1 + int(draw.rng.integers(len(course.states[-1]))))
    if ask == "count":
        put = [step.card for step in course.operations if step.card is not None]
        return Query(mode, ask, when, card=draw.one_of(put)) if put else None
    taken = sum(step.card is None for step in course.operations)
    return Query(mode, ask, when, number=1 + int(draw.rng.integers(min(taken, 3)))) if taken else None


def _words(ask: str, answer: Pile | int) -> str:
    if isinstance(answer, tuple):
        return ", ".join(str(card) for card in answer)
    return str(answer) if ask == "count" else f"card {answer}"


@dataclass(frozen=True)
class _Scene:
    """The case on its stage. back: the colour of the cards' backs, lid: of the case."""

    stage: Stage
    back: Colour
    lid: Colour

    def clip(self, shown: Pile, moves: Sequence[Move]) -> Animation:
        """Return the video of the moves, with the pile shown while the case is open."""
        tray = self.stage.box("tray", (70, 72, 80), (0.5, 0.5), CASE)
        lid = self.stage.box("lid", self.lid, (0.5, 0.5), CASE, opacity=self.stage.hidden_T)
        lying = [self._lying(card, place, len(shown)) for place, card in enumerate(shown)]
        moving = [self._moving(index, move) for index, move in enumerate(moves)]
        return self.stage.animation([tray, *lying, *moving, lid])

    def _lying(self, card: int, place: int, height: int) -> Actor:
        y = 0.5 + CARD_STEP * (place - (height - 1) / 2)
        return self._card(f"pile {card}", card, (0.5, y), self.stage.shown_T)

    def _moving(self, index: int, move: Move) -> Actor:
        timeline = self.stage.timeline
        span = timeline.span(index)
        outside, inside = RIM[move.end]
        stops = [(ASIDE[move.action], outside), (0.5, outside), (0.5, inside)]
        if move.action == "take":
            stops.reverse()
        come, go = there_and_on(span)
        way = Track(timeline.frames, *stops[0]).ease(come, *stops[1]).ease(go, *stops[2])
        there = Track(timeline.frames, 0.0).set(span[0], 1.0).set(span[1] + 1, 0.0)
        at = way.column_T(0), way.column_T(1)
        return self._card(f"move {index}", move.card if move.face else None, at, there.number_T)

    def _card(self, identity: str, card: int | None, at: tuple[Number, Number], opacity: Number) -> Actor:
        return self.stage.box(
            identity,
            self.back if card is None else (244, 240, 228),
            at,
            CARD,
            opacity=opacity,
            text="" if card is None else str(card),
            text_height=CARD_TEXT,
        )


def _episode(
    scene: _Scene, query: Query, course: Course[Pile, Step], text: str, options: tuple[str, ...]
) -> Episode:
    stage, timeline = scene.stage, scene.stage.timeline
    piles, moves = moves_of(course, from_start=stage.opening)
    found = answer_to(query, piles, moves)
    if found is None:
        raise Redraw("there is no such card")
    answer = _words(query.ask, found)
    cards = sorted({card for pile in piles for card in pile})
    question = Question(
        text=text,
        mode=query.mode,
        options=options,
        answer=answer,
        parameters={
            "ask": query.ask,
            "when": query.when,
            **({"number": query.number} if query.number else {}),
            **({"card": query.card} if query.card else {}),
        },
        changed_by=_changed_by(query, found, piles, moves),
        ordered=query.ask == "count",
        numeric=float(found) if isinstance(found, int) and query.ask == "count" else None,
        unit="cards" if query.ask == "count" else "",
        is_open=query.ask != "count",
    )
    return Episode(
        animation=scene.clip(course.states[0], moves),
        question=question,
        objects=[
            *(
                {"id": f"c{card}", "shape": "rectangle", "colour": "white", "name": f"card {card}"}
                for card in cards
            ),
            *stage.distractors(),
        ],
        events=_events(stage, piles, moves),
        states=[
            State(timeline.at_rest(index), {"done": index, "pile": list(pile)})
            for index, pile in enumerate(piles)
        ],
        derivation=_derivation(query, piles, moves, answer, from_start=stage.opening),
        min_fps=timeline.min_fps(SEEN),
    )


def _changed_by(
    query: Query, found: Pile | int, piles: Sequence[Pile], moves: Sequence[Move]
) -> frozenset[Transform]:
    """Return whether the video played backwards, in which the shown pile is at the other end, has another answer."""
    if query.ask == "count":
        return frozenset()
    backwards = [
        Move("take" if move.action == "put" else "put", move.end, move.card, move.face)
        for move in reversed(moves)
    ]
    other = answer_to(query, piles[::-1], backwards)
    return frozenset() if other in (None, found) else frozenset({Transform.REVERSE})


def _events(stage: Stage, piles: Sequence[Pile], moves: Sequence[Move]) -> list[Event]:
    shown = piles[0 if stage.opening else -1]
    operations = [
        Event(
            move.action,
            *stage.timeline.span(index),
            move.note,
            {"end": move.end, "card": move.card, "face": "up" if move.face else "down"},
        )
        for index, move in enumerate(moves)
    ]
    note = f"the case is open and shows {_words('pile', shown)} from top to bottom"
    return stage.told(note, {"pile": list(shown)}, operations)


def _derivation(
    query: Query, piles: Sequence[Pile], moves: Sequence[Move], answer: str, *, from_start: bool
) -> list[str]:
    if from_start:
        told = [f"From top to bottom the pile starts as {_words('pile', piles[0])}."]
        for index, move in enumerate(moves):
            after = _words("pile", piles[index + 1])
            if move.action == "put":
                told.append(f"Card {move.card} goes to the {move.end}: {after}.")
            else:
                told.append(f"The card taken from the {move.end} is {move.card}: {after} are left.")
            if query.card == move.card and query.ask == "count":
                break
    else:
        told = [f"From top to bottom the pile ends as {_words('pile', piles[-1])}, and I work backwards."]
        for index in reversed(range(len(moves))):
            move, before = moves[index], _words("pile", piles[index])
            if move.action == "take":
                told.append(f"Before card {move.card} was taken from the {move.end}: {before}.")
            else:
                told.append(f"The card put to the {move.end} was {move.card}; before that: {before}.")
    return [*told, f"So the answer is: {answer}."]


KIND = Kind(
    name="card_stack",
    category=Category.SYMBOL,
    term=Term.LONG,
    domain=Domain.TEMPORAL,
    forms=frozenset({Form.NUMERIC, Form.OPEN}),
    make=make,
)
"""SynRL, 2.1.2: card stack"""
