"""Card stack: numbered cards go into and come out of a closed case, at its top or its bottom.

A viewer sees the number of a card that joins the pile as it is shown, and the back alone of one that leaves it, so only
who has followed every card knows that one. Forwards in time cards are put in face up and taken out face down; where the
end is shown, it is the other way round. No frame shows how many cards the case holds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from retroflip.synth.animation import PALETTE, Actor, Animation, Colour, Number
from retroflip.synth.episode import ANEW, Asked, Draw, Episode, Kind, Mode, Pair, Redraw, paired
from retroflip.synth.long import orders
from retroflip.synth.long.orders import Ask, Course
from retroflip.synth.long.stage import Stage
from retroflip.synth.long.timeline import draw_timeline
from retroflip.synth.names import Category, Domain, Form, Term
from retroflip.synth.objects import thing
from retroflip.synth.wording import listed, ordinal, phrased
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
    def backwards(self) -> "Move":
        """The move of the video played backwards."""
        return Move("take" if self.action == "put" else "put", self.end, self.card, self.face)


@dataclass(frozen=True)
class Query:
    """What is asked. ask, when: a key of the phrasings.

    number: counted from 1, which card of the pile or which of those taken. card: the card asked about.
    """

    mode: Mode
    ask: str
    when: str
    number: int = 0
    card: int = 0


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
    what = orders.dealt_ask(draw, ASKS)
    mode, ask, when = what
    timeline = draw_timeline(draw, draw.wanted(OPERATIONS), SEEN, LEAST_OPERATIONS)
    query, options, groups = _asked(draw, timeline.operations, what)
    stage = Stage.drawn(draw, timeline, opening=mode.from_start)
    scene = _Scene(stage, *draw.some_of(list(PALETTE.values()), 2))
    courses = orders.two_answered(draw, groups, options)
    cards = sorted({card for pile in courses[0][1].states for card in pile})
    things = [thing(f"c{card}", "rectangle", "white", f"card {card}") for card in cards]
    asked = Asked(
        text=phrased(draw, ask, when, card=query.card, ordinal=ordinal(query.number)),
        options=[_words(ask, option) for option in options],
        parameters=orders.parameters(ask, when, number=query.number, card=query.card),
        objects=stage.objects(things),
        min_fps=timeline.min_fps(SEEN),
        mode=mode,
        ordered=ask == "count",
        unit="cards" if ask == "count" else "",
        is_open=ask != "count",
    )
    one, two = (_side(scene, asked, query, course, answer) for answer, course in courses)
    return paired(draw, one, two, ANEW)


Groups = dict[Pile | int, list[Course[Pile, Step]]]
"""orders of the same operations, by answer"""


def _asked(draw: Draw, operations: int, what: Ask) -> tuple[Query, Sequence[Pile | int], Groups]:
    """Return a question, four answers to it, and orders of the same operations by the answer."""
    for _ in range(SETS_OF_OPERATIONS):
        course = _draw_course(draw, operations)
        query = _draw_query(draw, course, what)
        if query is None:
            continue

        def answer(order: Course[Pile, Step], query: Query = query) -> Pile | int | None:
            return answer_to(query, *moves_of(order, from_start=what.mode.from_start))

        groups: Groups = orders.by_answer(orders.in_other_orders(draw, course, done, what.mode), answer)
        options = _options(draw, what.ask, groups)
        if options is not None:
            return query, options, groups
    raise Redraw("no operations with four different answers were found")


def _options(draw: Draw, ask: str, groups: Groups) -> Sequence[Pile | int] | None:
    """Return four of the answers, numbers of cards in a row, or None if there are too few."""
    if ask == "count":
        windows = orders.runs([number for number in groups if isinstance(number, int)], CHOICES)
        return draw.one_of(windows) if windows else None
    return draw.some_of(list(groups), CHOICES) if len(groups) >= CHOICES else None


def _draw_course(draw: Draw, operations: int) -> Course[Pile, Step]:
    height = min(max(draw.settings.objects or draw.level(HEIGHTS), LOWEST), HIGHEST - 1)
    cards = draw.some_of(NUMBERS, height + operations)
    pile, steps = tuple(cards[:height]), list[Step]()
    start = pile
    for card in cards[height:]:
        into = len(pile) == LOWEST or (len(pile) < HIGHEST and bool(draw.rng.integers(2)))
        step = Step(draw.one_of(("top", "bottom")), card if into else None)
        pile = done(pile, step) or pile
        steps.append(step)
    course = orders.followed(start, steps, done)
    if course is None:
        raise Redraw("the pile runs out of cards")
    return course


def _draw_query(draw: Draw, course: Course[Pile, Step], what: Ask) -> Query | None:
    if what.ask == "pile":
        return Query(*what)
    if what.ask == "place":
        return Query(*what, number=1 + int(draw.rng.integers(len(course.states[-1]))))
    if what.ask == "count":
        put = [step.card for step in course.operations if step.card is not None]
        return Query(*what, card=draw.one_of(put)) if put else None
    taken = sum(step.card is None for step in course.operations)
    return Query(*what, number=1 + int(draw.rng.integers(min(taken, 3)))) if taken else None


def _words(ask: str, answer: Pile | int) -> str:
    return listed(answer) if ask in ("pile", "count") else f"card {answer}"


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
        return self.stage.label(identity, "rectangle", colour, at, CARD, text, CARD_TEXT, opacity)


def _side(
    scene: _Scene, asked: Asked, query: Query, course: Course[Pile, Step], answer: Pile | int
) -> Episode:
    stage, timeline = scene.stage, scene.stage.timeline
    piles, moves = moves_of(course, from_start=stage.opening)
    shown, words = course.states[0], _words(query.ask, answer)
    # The video played backwards shows the same pile at its other end.
    backwards = answer_to(query, piles[::-1], [move.backwards for move in reversed(moves)])
    changed = query.ask != "count" and backwards not in (None, answer)
    operations = timeline.events(
        (move.action, move.note, {"end": move.end, "card": move.card, "face": "up" if move.face else "down"})
        for move in moves
    )
    note = f"the case is open and shows {listed(shown)} from top to bottom"
    return asked.episode(
        scene.clip(shown, moves),
        words,
        {Transform.REVERSE} if changed else (),
        events=stage.told(note, {"pile": list(shown)}, operations),
        states=timeline.states({"done": index, "pile": list(pile)} for index, pile in enumerate(piles)),
        derivation=[
            *(_forwards(query, piles, moves) if stage.opening else _backwards(piles, moves)),
            f"So the answer is: {words}.",
        ],
    )


def _forwards(query: Query, piles: Sequence[Pile], moves: Sequence[Move]) -> list[str]:
    told = [f"From top to bottom the pile starts as {listed(piles[0])}."]
    for move, pile in zip(moves, piles[1:], strict=True):
        after = listed(pile)
        told.append(
            f"Card {move.card} goes to the {move.end}: {after}."
            if move.action == "put"
            else f"The card taken from the {move.end} is {move.card}: {after} are left."
        )
        if query.ask == "count" and query.card == move.card:
            break
    return told


def _backwards(piles: Sequence[Pile], moves: Sequence[Move]) -> list[str]:
    told = [f"From top to bottom the pile ends as {listed(piles[-1])}, and I work backwards."]
    for move, pile in reversed(list(zip(moves, piles, strict=False))):
        before = listed(pile)
        told.append(
            f"Before card {move.card} was taken from the {move.end}: {before}."
            if move.action == "take"
            else f"The card put to the {move.end} was {move.card}; before that: {before}."
        )
    return told


KIND = Kind(
    "card_stack", Category.SYMBOL, Term.LONG, Domain.TEMPORAL, frozenset({Form.NUMERIC, Form.OPEN}), make
)
"""SynRL, 2.1.2: card stack"""
