"""Card stack: numbered cards go into and come out of a closed case, at its top or its bottom.

A viewer sees the number of a card that joins the pile as it is shown, and the back alone of one that leaves it, so only
who has followed every card knows that one. Forwards in time cards are put in face up and taken out face down; where the
end is shown, it is the other way round. No frame shows how many cards the case holds.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

from retroflip.synth.animation import PALETTE, Actor, Animation, Appearance, Colour, Number
from retroflip.synth.episode import Asked, Draw, Episode, Kind, Mode, Pair, Redraw, listed, paired
from retroflip.synth.long import orders
from retroflip.synth.long.orders import Course, Groups, Offer, Query
from retroflip.synth.long.scenery import DARK, Stage
from retroflip.synth.long.timeline import draw_timeline
from retroflip.synth.names import Category, Domain, Form, Term
from retroflip.synth.objects import thing
from retroflip.synth.wording import ordinal, phrased
from retroflip.video.transforms import Transform

Pile = tuple[int, ...]
"""card numbers from top to bottom"""
Answer = Pile | int

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
FACE: Colour = (244, 240, 228)
RIM = {"top": (0.065, 0.2), "bottom": (0.935, 0.8)}
"""by end: where cards come and go outside of the case, and where they are hidden inside (y)"""
ASIDE = {"put": 1.0 + CARD[0], "take": -CARD[0]}
"""where cards come from and where they go (x)"""
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

    @property
    def facts(self) -> dict[str, str | int]:
        """The same for programs."""
        return {"end": self.end, "card": self.card, "face": "up" if self.face else "down"}

    def undone(self) -> "Move":
        """Return the move of the video played backwards."""
        return replace(self, action="take" if self.action == "put" else "put")


def done(pile: Pile, step: Step) -> Pile | None:
    """Return the pile after a step, or None where it would be too low or too high."""
    if step.card is None:
        after = pile[1:] if step.end == "top" else pile[:-1]
    else:
        after = (step.card, *pile) if step.end == "top" else (*pile, step.card)
    return after if LOWEST <= len(after) <= HIGHEST else None


Moves = Course[Pile, Move]


def in_time(course: Course[Pile, Step], *, from_start: bool) -> Moves:
    """Return the piles and the moves in order of time of a course told from the start, or from the end."""
    moves = []
    for before, step in zip(course.states, course.operations, strict=False):
        card = step.card if step.card is not None else before[0 if step.end == "top" else -1]
        moves.append(Move("take" if step.card is None else "put", step.end, card, step.card is not None))
    told = Course(course.states, tuple(moves))
    return told if from_start else told.mirrored(Move.undone)


def answer_to(query: Query, course: Moves) -> Answer | None:
    """Return what happened, as a pile or a number, or None where there is no such card."""
    if query.ask == "count":
        return next(len(pile) for move, pile in course.steps if move.card == query.named["card"])
    if query.ask == "taken":
        cards: Sequence[int] = [move.card for move in course.operations if move.action == "take"]
    else:
        cards = course.states[-1 if query.when == "end" else 0]
    if query.ask == "pile":
        return tuple(cards)
    return cards[query.named["number"] - 1] if len(cards) >= query.named["number"] else None


def make(draw: Draw) -> Pair:
    """Draw operations and a question, four answers that their orders lead to, and two of these."""
    what = orders.dealt_ask(draw, ASKS)
    timeline = draw_timeline(draw, draw.wanted(OPERATIONS), SEEN, LEAST_OPERATIONS)
    query, options, groups = _asked(draw, timeline.operations, what)
    stage = Stage.drawn(draw, timeline, opening=what.mode.from_start)
    scene = _Scene(stage, *draw.some_of(list(PALETTE.values()), 2))
    courses = orders.two_answered(draw, groups, options)
    cards = sorted({card for pile in courses[0][1].states for card in pile})
    things = [thing(f"c{card}", "rectangle", "white", f"card {card}") for card in cards]
    text = phrased(draw, query.ask, query.when, ordinal=ordinal(query.named.get("number", 0)), **query.named)
    offered = [_words(query.ask, option) for option in options]
    asked = stage.asked(query, text, offered, things, seen=SEEN, is_open=query.ask != "count")
    one, two = (_side(scene, asked, query, course, answer) for answer, course in courses)
    return paired(draw, one, two)


def _asked(draw: Draw, operations: int, what: Query) -> Offer[Answer, Moves]:
    """Return a question with four answers, to which orders of the same operations lead."""
    for _ in range(SETS_OF_OPERATIONS):
        course = _draw_course(draw, operations)
        query = _draw_query(draw, course, what)
        if query is None:
            continue
        others = orders.in_other_orders(draw, course, done, what.mode)
        told = (in_time(one, from_start=what.mode.from_start) for one in others)
        groups: Groups[Answer, Moves] = orders.by_answer(told, partial(answer_to, query))
        if options := _options(draw, what.ask, groups):
            return query, options, groups
    raise Redraw("no operations with four different answers were found")


def _options(draw: Draw, ask: str, answers: Collection[Answer]) -> Sequence[Answer]:
    """Return four of the answers, numbers of cards in a row, or none if there are too few."""
    if ask == "count":
        return orders.a_run(draw, [number for number in answers if isinstance(number, int)], CHOICES)
    return draw.some_of(list(answers), CHOICES) if len(answers) >= CHOICES else []


def _draw_course(draw: Draw, operations: int) -> Course[Pile, Step]:
    height = min(max(draw.settings.objects or draw.level(HEIGHTS), LOWEST), HIGHEST - 1)
    cards = draw.some_of(NUMBERS, height + operations)

    def draw_step(pile: Pile, before: Sequence[Step]) -> Step:
        into = len(pile) == LOWEST or (len(pile) < HIGHEST and bool(draw.rng.integers(2)))
        return Step(draw.one_of(("top", "bottom")), cards[height + len(before)] if into else None)

    return orders.draw_course(tuple(cards[:height]), operations, draw_step, done, attempts=1)


def _draw_query(draw: Draw, course: Course[Pile, Step], what: Query) -> Query | None:
    if what.ask == "pile":
        return what
    put = [step.card for step in course.operations if step.card is not None]
    if what.ask == "count":
        return what.naming(card=draw.one_of(put)) if put else None
    taken = len(course.operations) - len(put)
    count = len(course.states[-1]) if what.ask == "place" else min(taken, 3)
    return what.naming(number=1 + int(draw.rng.integers(count))) if count else None


def _words(ask: str, answer: Answer) -> Answer | str:
    """Return a pile, a number of cards, or a card as options name it."""
    return answer if ask in ("pile", "count") else f"card {answer}"


@dataclass(frozen=True)
class _Scene:
    """The case on its stage. back: the colour of the cards' backs, lid: of the case."""

    stage: Stage
    back: Colour
    lid: Colour

    def clip(self, shown: Pile, moves: Sequence[Move]) -> Animation:
        """Return the video of the moves, with the pile shown while the case is open."""
        stage, middle = self.stage, (0.5, 0.5)
        tray = stage.actor("tray", "rectangle", (70, 72, 80), middle, CASE)
        lid = stage.actor("lid", "rectangle", self.lid, middle, CASE, opacity=stage.hidden_T)
        lying = [
            self._card(
                f"pile {card}", card, (0.5, 0.5 + CARD_STEP * (place - (len(shown) - 1) / 2)), stage.shown_T
            )
            for place, card in enumerate(shown)
        ]
        moving = [self._moving(index, move) for index, move in enumerate(moves)]
        return stage.animation([tray, *lying, *moving, lid])

    def _moving(self, index: int, move: Move) -> Actor:
        outside, inside = RIM[move.end]
        stops = [(ASIDE[move.action], outside), (0.5, outside), (0.5, inside)]
        way = self.stage.timeline.passing(index, stops if move.action == "put" else stops[::-1])
        opacity_T = self.stage.timeline.during(index)
        return self._card(f"move {index}", move.card if move.face else None, way.point_T, opacity_T)

    def _card(self, identity: str, card: int | None, at: tuple[Number, Number], opacity: Number) -> Actor:
        colour, text = (self.back, "") if card is None else (FACE, str(card))
        look = Appearance(opacity=opacity, text=text, text_colour=DARK, text_height=CARD_TEXT)
        return self.stage.actor(identity, "rectangle", colour, at, CARD, **look)


def _side(scene: _Scene, asked: Asked, query: Query, course: Moves, answer: Answer) -> Episode:
    stage, moves, words = scene.stage, course.operations, _words(query.ask, answer)
    shown = stage.shown_of(course.states)
    # The video played backwards shows the same pile at its other end.
    backwards = {} if query.ask == "count" else {Transform.REVERSE: course.mirrored(Move.undone)}
    note = f"the case is open and shows {listed(shown)} from top to bottom"
    worked_out = _forwards(query, course) if stage.opening else _backwards(course)
    return asked.episode(
        scene.clip(shown, moves),
        words,
        orders.changed_by(answer, backwards, partial(answer_to, query)),
        events=stage.told(
            note, {"pile": list(shown)}, ((move.action, move.note, move.facts) for move in moves)
        ),
        states=stage.timeline.followed("pile", map(list, course.states)),
        derivation=[*worked_out, f"So the answer is: {listed(words)}."],
    )


def _forwards(query: Query, course: Moves) -> list[str]:
    told = [f"From top to bottom the pile starts as {listed(course.states[0])}."]
    for move, pile in course.steps:
        after = listed(pile)
        told.append(
            f"Card {move.card} goes to the {move.end}: {after}."
            if move.action == "put"
            else f"The card taken from the {move.end} is {move.card}: {after} are left."
        )
        if move.card == query.named.get("card"):
            break
    return told


def _backwards(course: Moves) -> list[str]:
    told = [f"From top to bottom the pile ends as {listed(course.states[-1])}, and I work backwards."]
    for move, pile in reversed(list(zip(course.operations, course.states, strict=False))):
        before = listed(pile)
        told.append(
            f"Before card {move.card} was taken from the {move.end}: {before}."
            if move.action == "take"
            else f"The card put to the {move.end} was {move.card}; before that: {before}."
        )
    return told


KIND = Kind("card_stack", Category.SYMBOL, Term.LONG, Domain.TEMPORAL, {Form.NUMERIC, Form.OPEN}, make)
"""SynRL, 2.1.2: card stack"""
