"""Arithmetic: a ball draws a calculation, one digit or sign after the other in the same place, and leaves no trail.

The ball is filmed with a long exposure: a frame shows a piece of its stroke, as much to either side of where the ball
is, so that two frames show what it draws and none shows which way it goes.

The same digits and signs in other orders have other results, so what is drawn does not tell the answer without the
order in which it is. Forward: the result. Retrodictive: the result is shown and one number is not; which is it?
Historical: what was drawn, among expressions of the same digits and signs with the same glyph in the middle.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, permutations, repeat
from typing import Any, Self

import numpy as np

from retroflip.synth.animation import PALETTE, SHAPES, Actor, Animation, Colour
from retroflip.synth.episode import ANEW, Asked, Draw, Episode, Event, Kind, Mode, Pair, Redraw, paired
from retroflip.synth.long.orders import Groups, by_answer, changed_by, dealt_case, ranked_answers
from retroflip.synth.long.scenery import Stage
from retroflip.synth.long.strokes import DIGITS, SIGNS, Ball
from retroflip.synth.long.timeline import Timeline, draw_timeline
from retroflip.synth.names import Category, Domain, Form, Term
from retroflip.synth.objects import draw_looks
from retroflip.synth.wording import phrased
from retroflip.video.transforms import Transform

Tokens = tuple[str, ...]
"""digits and signs by turns, with "?" for a number that is not drawn"""
UNKNOWN = "?"
WORDS = {"+": "plus", "-": "minus", "*": "times", "/": "divided by"}
HIGHEST = 99
ASKS = {Mode.FORWARD: ("result",), Mode.RETRODICTIVE: ("missing",), Mode.HISTORICAL: ("order",)}
"""what is asked, as metadata have it"""
OPERANDS = (4, 4, 4, 5, 5)
LEAST_OPERANDS = 3
MOST_OPERANDS = 8
SIGNS_OF: tuple[str, ...] = ("+-", "+-*", SIGNS, SIGNS, SIGNS)
"""signs by difficulty"""
SEEN = 2
"""of a viewer's frames to each glyph"""
SLOWER = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
"""times as long as an operation elsewhere: a glyph takes as long as that, the least that shows enough of it"""
CHOICES = 4
FEWER_CHOICES = 3
"""where no digits and signs drawn have as many results"""
TEXT: Colour = (240, 240, 240)
_ARRANGEMENTS = 120
_TRIES = 300


def value(tokens: Tokens) -> int | None:
    """Return what an expression comes to; None where a division leaves a rest, or beyond 0 to 99."""
    sums, sign = 0, 1
    product = int(tokens[0])
    for operator, digit in zip(tokens[1::2], map(int, tokens[2::2]), strict=True):
        if operator == "*":
            product *= digit
        elif operator == "/":
            if digit == 0 or product % digit:
                return None
            product //= digit
        else:
            sums, sign, product = sums + sign * product, 1 if operator == "+" else -1, digit
    total = sums + sign * product
    return total if 0 <= total <= HIGHEST else None


def in_words(tokens: Tokens) -> str:
    """Return an expression as options name it."""
    return " ".join(WORDS.get(token, token) for token in tokens)


def missing(tokens: Tokens, result: int) -> int | None:
    """Return the one number in place of the question mark that leads to the result; None for several or none."""
    fitting = [number for number in map(int, DIGITS) if value(filled(tokens, number)) == result]
    return fitting[0] if len(fitting) == 1 else None


def filled(tokens: Tokens, number: object) -> Tokens:
    """Return the expression with the number in place of its question mark, if it has one."""
    return tuple(str(number) if token == UNKNOWN else token for token in tokens)


def make(draw: Draw) -> Pair:
    """Draw two orders of the same digits and signs with different answers, played backwards or drawn anew."""
    query, rank = dealt_case(draw, ASKS)
    mode, is_open = query.mode, query.mode is Mode.HISTORICAL
    how = ANEW if mode is Mode.RETRODICTIVE else draw.deal("how", (ANEW, Transform.REVERSE.value))
    timeline = _timeline(draw)
    groups, options, result = _OFFERED[mode](draw, (timeline.operations + 1) // 2, how)
    (_, first), (_, second) = ranked_answers(draw, groups, options, rank)
    scene = _Scene.drawn(draw, timeline, result)
    numbers, signs = scene.ball.colours
    ball = {"id": "ball", "shape": "circle", "colour": numbers, "colour of signs": signs, "name": "ball"}
    asked = scene.stage.asked(query, phrased(draw, mode), options, [ball], seen=SEEN, is_open=is_open)
    clip = scene.clip(first)
    one = _side(scene, asked, clip, first)
    if how == ANEW:
        return paired(draw, one, _side(scene, asked, scene.clip(second), second), how)
    return paired(draw, one, _side(scene, asked, clip.reversed(), first[::-1]), how)


def _timeline(draw: Draw) -> Timeline:
    """Return a course with a glyph for an operation. Raises Redraw where not even three numbers would be seen."""
    settings = draw.settings
    # A number of operations that is set counts the signs.
    operands = draw.wanted(OPERANDS) + (settings.operations is not None)
    wanted = 2 * min(max(operands, LEAST_OPERANDS), MOST_OPERANDS) - 1
    least = 2 * LEAST_OPERANDS - 1
    for times in SLOWER:
        low, high = (times * seconds for seconds in settings.operation_seconds)
        slowed = settings.model_copy(update={"operation_seconds": (low, high)})
        try:
            timeline = draw_timeline(replace(draw, settings=slowed), wanted, SEEN, least)
        except Redraw:
            continue
        return replace(timeline, operations=timeline.operations - 1 + timeline.operations % 2)
    raise Redraw(f"{settings.viewed_frames} frames do not show {LEAST_OPERANDS} numbers and their signs")


def _ingredients(draw: Draw, operands: int) -> tuple[list[str], list[str]]:
    """Return different digits, and signs of which long expressions have one * and one / at most."""
    drawn = [draw.one_of(draw.level(SIGNS_OF)) for _ in range(operands - 1)]
    if operands > LEAST_OPERANDS:
        seldom = [sign for sign in "*/" if sign in drawn]
        drawn = draw.some_of([*seldom, *(draw.one_of("+-") for _ in drawn[len(seldom) :])], len(drawn))
    return draw.some_of(DIGITS, operands), drawn


def _arranged(draw: Draw, digits: Sequence[str], signs: Sequence[str]) -> list[Tokens]:
    """Return the expressions of these digits and signs: all orders, or as many as suffice."""
    if len(digits) == LEAST_OPERANDS:
        pairs: Iterable[tuple[Sequence[str], Sequence[str]]] = (
            (one, other) for one in permutations(digits) for other in permutations(signs)
        )
    else:
        pairs = ((draw.shuffled(digits), draw.shuffled(signs)) for _ in range(_ARRANGEMENTS))
    return list(dict.fromkeys(_interleaved(one, other) for one, other in pairs))


def _interleaved(digits: Sequence[str], signs: Sequence[str]) -> Tokens:
    return digits[0], *chain.from_iterable(zip(signs, digits[1:], strict=True))


Offered = tuple[Groups[Any, Tokens], Sequence[Any], int | None]
"""expressions by answer, which answers are options, and the result that is shown"""


def _choices_wanted() -> Iterator[int]:
    """Yield for each try how many answers there must be to choose from: fewer after many tries."""
    return chain(repeat(CHOICES, _TRIES), repeat(FEWER_CHOICES, _TRIES))


def _results(draw: Draw, operands: int, how: str) -> Offered:
    """Return orders of the same digits and signs by their results. Backwards they must have another option for one."""
    for count in _choices_wanted():
        groups = by_answer(_arranged(draw, *_ingredients(draw, operands)), value)
        if len(groups) < count:
            continue
        options = sorted(draw.some_of(sorted(groups), CHOICES))
        if how != ANEW:
            groups = {
                result: [way for way in groups[result] if value(way[::-1]) in {*options} - {result}]
                for result in options
            }
        if all(groups[result] for result in options):
            return groups, options, None
    raise Redraw("no digits and signs drawn have enough results")


def _missing_numbers(draw: Draw, operands: int, _how: str) -> Offered:
    """Return orders of the same digits, signs and question mark by the number for which it must stand."""
    for count in _choices_wanted():
        digits, signs = _ingredients(draw, operands)
        result = value(_interleaved(digits, signs))
        if result is None:
            continue
        unknown = _arranged(draw, [UNKNOWN, *digits[1:]], signs)
        groups = by_answer(unknown, partial(missing, result=result))
        if len(groups) >= count:
            return groups, sorted(draw.some_of(sorted(groups), CHOICES)), result
    raise Redraw("no digits and signs drawn leave enough numbers open")


def _orders(draw: Draw, operands: int, _how: str) -> Offered:
    """Return the digits and the signs each in one order and in the reverse, whose middle glyph is one."""
    for _ in range(_TRIES):
        digits, signs = _ingredients(draw, operands)
        if digits != digits[::-1] and signs != signs[::-1]:
            break
    else:
        raise Redraw("the digits or signs drawn read the same both ways")
    orders = [_interleaved(one, other) for one in (digits, digits[::-1]) for other in (signs, signs[::-1])]
    groups = by_answer(draw.shuffled(orders), in_words)
    return groups, list(groups), None


_OFFERED: Mapping[Mode, Callable[[Draw, int, str], Offered]] = {
    Mode.FORWARD: _results,
    Mode.RETRODICTIVE: _missing_numbers,
    Mode.HISTORICAL: _orders,
}


@dataclass(frozen=True)
class _Scene:
    """All that both sides of a pair look like, whatever the order of the glyphs.

    result: what is shown at the end if it is a number.
    """

    stage: Stage
    result: int | None
    ball: Ball

    @classmethod
    def drawn(cls, draw: Draw, timeline: Timeline, result: int | None) -> Self:
        background, colours = draw.background(), draw.some_of(list(PALETTE), 2)
        centre_2 = np.array([draw.between(0.35, 0.65), draw.between(0.42, 0.58)])
        backwards = {glyph: bool(draw.rng.integers(2)) for glyph in DIGITS + SIGNS}
        looks = draw_looks(draw, draw.settings.distractors, [shape for shape in SHAPES if shape != "circle"])
        stage = Stage.drawn(draw, timeline, opening=False, looks=looks, background=background)
        return cls(stage, result, Ball(stage, colours, centre_2, backwards))

    def clip(self, tokens: Tokens) -> Animation:
        """Return the clip in which these glyphs are drawn."""
        return self.stage.animation([*self._texts(tokens), *self.ball.actors(tokens)])

    def _texts(self, tokens: Tokens) -> list[Actor]:
        """The question mark while it stands for a number, and the result at the end."""
        if self.result is None:
            return []
        unknown_T = self.stage.timeline.during(tokens.index(UNKNOWN))
        shown = {"?": unknown_T, f"= {self.result}": self.stage.shown_T}
        x, y = self.ball.centre_2
        return [
            self.stage.actor(
                text, "text", TEXT, (x, y), (0.2, 0.12), opacity=opacity_T, text=text, text_height=0.12
            )
            for text, opacity_T in shown.items()
        ]


def _answer(mode: Mode, tokens: Tokens, result: int | None) -> int | str | None:
    """Return the answer for that order of glyphs, None if there is none."""
    if mode is Mode.HISTORICAL:
        return in_words(tokens)
    return value(tokens) if result is None else missing(tokens, result)


def _side(scene: _Scene, asked: Asked, clip: Animation, tokens: Tokens) -> Episode:
    answer = _answer(asked.mode, tokens, scene.result)
    if answer is None:
        raise ValueError(f"{in_words(tokens)} has no answer")
    # A mirror makes no other glyphs that could be read; backwards, the strokes are the same in the other order.
    turned = {Transform.REVERSE: tokens[::-1]}
    full = filled(tokens, answer)
    place = [round(float(share), 4) for share in scene.ball.centre_2]
    return asked.episode(
        clip,
        answer,
        changed_by(answer, turned, partial(_answer, asked.mode, result=scene.result)),
        events=_events(scene, tokens),
        states=scene.stage.timeline.states(
            {"expression": list(full[:count]), "drawn_around": place} for count in range(len(tokens) + 1)
        ),
        derivation=_derivation(tokens, full, scene.result, answer),
    )


def _events(scene: _Scene, tokens: Tokens) -> list[Event]:
    notes = {UNKNOWN: "a question mark stands for a number"}
    notes |= {sign: f"the ball draws the sign {sign} ({word})" for sign, word in WORDS.items()}
    notes |= {digit: f"the ball draws the number {digit}" for digit in DIGITS}
    drawn = (
        ("unknown" if token == UNKNOWN else "glyph", notes[token], {"symbol": token}) for token in tokens
    )
    stage, before = scene.stage, "nothing is drawn yet"
    if scene.result is not None:
        return stage.told(f"the result is shown, {scene.result}", {"result": scene.result}, drawn, before)
    first = Event("blank", *stage.timeline.opening, before)
    last = Event("blank", *stage.timeline.closing, "nothing more is drawn")
    return [first, *stage.timeline.events(drawn), last]


def _derivation(tokens: Tokens, full: Tokens, result: int | None, answer: int | str) -> list[str]:
    read = f"The glyphs in their order are {' '.join(tokens)}."
    if answer == in_words(tokens):
        return [read, f"So the answer is: {answer}."]
    worked = [f"{calculation}." for calculation in _worked_out(full)]
    if result is not None:
        return [read, *worked, f"So the missing number is: {answer}."]
    return [read, *worked, f"So the answer is: {answer}."]


def _worked_out(tokens: Tokens) -> Iterator[str]:
    """Yield the expression with its products and quotients worked out, one at a time, and then what it comes to."""
    left = list(tokens)
    while {"*", "/"} & set(left):
        place = next(index for index, one in enumerate(left) if one in {"*", "/"})
        one, sign, other = left[place - 1 : place + 2]
        found = int(one) * int(other) if sign == "*" else int(one) // int(other)
        yield f"{one} {sign} {other} = {found}"
        left[place - 1 : place + 2] = [str(found)]
    yield f"{' '.join(left)} = {value(tokens)}"


KIND = Kind("arithmetic", Category.MATH, Term.LONG, Domain.TEMPORAL, {Form.NUMERIC, Form.OPEN}, make)
"""SynRL, 2.1.2: mathematical symbol operations"""
