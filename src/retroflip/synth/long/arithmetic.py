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
from typing import Any

import numpy as np

from retroflip.synth.animation import PALETTE, SHAPES, Actor, Animation, actor
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
    fits_view,
)
from retroflip.synth.long.orders import both_ranks, by_answer, dealt_case
from retroflip.synth.long.stage import lying
from retroflip.synth.long.strokes import DIGITS, SIGNS, along
from retroflip.synth.long.timeline import Timeline, draw_timeline, shown_in
from retroflip.synth.names import Form
from retroflip.synth.objects import draw_looks
from retroflip.synth.wording import phrased
from retroflip.video.transforms import Transform

Tokens = tuple[str, ...]
"""digits and signs by turns, with "?" for a number that is not drawn"""
UNKNOWN = "?"
WORDS = {"+": "plus", "-": "minus", "*": "times", "/": "divided by"}
HIGHEST = 99
MODES = (Mode.FORWARD, Mode.RETRODICTIVE, Mode.HISTORICAL)
OPERANDS = (4, 4, 4, 5, 5)
LEAST_OPERANDS = 3
MOST_OPERANDS = 8
SIGNS_OF: tuple[str, ...] = ("+-", "+-*", SIGNS, SIGNS, SIGNS)
"""signs by difficulty"""
SEEN = 2
"""of a viewer's frames to each glyph"""
EXPOSED = 0.3
"""of a stroke that a frame shows, to either side of where the ball is"""
SLOWER = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
"""times as long as an operation elsewhere: a glyph takes as long as that, the least that shows enough of it"""
CHOICES = 4
FEWER_CHOICES = 3
"""where no digits and signs drawn have as many results"""
BALL_RADIUS = 0.032
TRACES = 16
"""of the ball in a frame besides itself, half of them to either side"""
FAINT = 0.55
"""opacity of each"""
GLYPH = 0.36
"""of the side: a unit of the strokes"""
_ARRANGEMENTS = 120
_TRIES = 300


@dataclass(frozen=True)
class Chosen:
    """Both sides' expressions, and what they are asked among. `result` is shown if it is a number."""

    first: Tokens
    second: Tokens
    how: str
    options: tuple[str, ...]
    result: int | None = None


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


def missing(tokens: Tokens, result: int) -> str | None:
    """Return the one digit in place of the question mark that leads to the result; None for several or none."""
    fitting = [digit for digit in DIGITS if value(filled(tokens, digit)) == result]
    return fitting[0] if len(fitting) == 1 else None


def filled(tokens: Tokens, digit: str) -> Tokens:
    """Return the expression with the digit in place of its question mark."""
    return tuple(digit if token == UNKNOWN else token for token in tokens)


def make(draw: Draw) -> Pair:
    """Draw two orders of the same digits and signs with different answers, played backwards or drawn anew."""
    mode, rank = dealt_case(draw, MODES)
    how = (
        "operations"
        if mode is Mode.RETRODICTIVE
        else draw.deal("how", ("operations", Transform.REVERSE.value))
    )
    timeline = _timeline(draw)
    operands = (timeline.operations + 1) // 2
    chosen = _CHOOSERS[mode](draw, operands, rank, how)
    scene = _Scene(draw, timeline, chosen.result)
    text = phrased(draw, mode)
    clip = scene.clip(chosen.first)
    if not fits_view(clip, timeline.min_fps(SEEN), draw.settings):
        raise Redraw("the frames that a viewer is shown lie too far apart for so many glyphs")
    first = _episode(scene, clip, mode, text, chosen.first, chosen)
    other = clip.reversed() if chosen.how == Transform.REVERSE.value else scene.clip(chosen.second)
    return Pair(first, _episode(scene, other, mode, text, chosen.second, chosen), chosen.how)


def _timeline(draw: Draw) -> Timeline:
    """Return a course with a glyph for an operation. Raises Redraw where not even three numbers would be seen."""
    settings = draw.settings
    if settings.operations is not None:
        operands = settings.operations + 1
    else:
        operands = round(OPERANDS[settings.difficulty - 1] * settings.operation_scale)
    wanted = 2 * min(max(operands, LEAST_OPERANDS), MOST_OPERANDS) - 1
    least = 2 * LEAST_OPERANDS - 1
    for times in SLOWER:
        low, high = (times * seconds for seconds in settings.operation_seconds)
        slowed = settings.model_copy(update={"operations": wanted, "operation_seconds": (low, high)})
        try:
            timeline = draw_timeline(replace(draw, settings=slowed), (), SEEN, least)
        except Redraw:
            continue
        return replace(timeline, operations=timeline.operations - 1 + timeline.operations % 2)
    raise Redraw(f"{settings.viewed_frames} frames do not show {LEAST_OPERANDS} numbers and their signs")


def _ingredients(draw: Draw, operands: int) -> tuple[list[str], list[str]]:
    """Return different digits, and signs of which long expressions have one * and one / at most."""
    signs = SIGNS_OF[draw.settings.difficulty - 1]
    drawn = [draw.one_of(signs) for _ in range(operands - 1)]
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
        pairs = (
            (draw.some_of(digits, len(digits)), draw.some_of(signs, len(signs))) for _ in range(_ARRANGEMENTS)
        )
    return list(dict.fromkeys(_interleaved(one, other) for one, other in pairs))


def _interleaved(digits: Sequence[str], signs: Sequence[str]) -> Tokens:
    tokens = [digits[0]]
    for sign, digit in zip(signs, digits[1:], strict=True):
        tokens += [sign, digit]
    return tuple(tokens)


def _choose_result(draw: Draw, operands: int, rank: int, how: str) -> Chosen:
    for count in _choices_wanted():
        groups = by_answer(_arranged(draw, *_ingredients(draw, operands)), value)
        if len(groups) < count:
            continue
        options = sorted(draw.some_of(sorted(groups), CHOICES))
        if how == Transform.REVERSE.value:
            groups = {
                result: [
                    tokens
                    for tokens in groups[result]
                    if (back := value(tokens[::-1])) in options and back != result
                ]
                for result in options
            }
        if all(groups[result] for result in options):
            break
    else:
        raise Redraw("no digits and signs drawn have enough results")
    first, second = (draw.one_of(groups[options[one]]) for one in both_ranks(draw, rank, len(options)))
    second = first[::-1] if how == Transform.REVERSE.value else second
    return Chosen(first, second, how, tuple(map(str, options)))


def _choices_wanted() -> Iterator[int]:
    """Yield for each try how many answers there must be to choose from: fewer after many tries."""
    return chain(repeat(CHOICES, _TRIES), repeat(FEWER_CHOICES, _TRIES))


def _choose_missing(draw: Draw, operands: int, rank: int, how: str) -> Chosen:
    for count in _choices_wanted():
        digits, signs = _ingredients(draw, operands)
        result = value(_interleaved(digits, signs))
        if result is None:
            continue

        unknown = _arranged(draw, [UNKNOWN, *digits[1:]], signs)
        groups = by_answer(unknown, partial(missing, result=result))
        if len(groups) >= count:
            break
    else:
        raise Redraw("no digits and signs drawn leave enough numbers open")
    options = sorted(draw.some_of(sorted(groups), CHOICES))
    first, second = (draw.one_of(groups[options[one]]) for one in both_ranks(draw, rank, len(options)))
    return Chosen(first, second, how, tuple(options), result)


def _choose_order(draw: Draw, operands: int, rank: int, how: str) -> Chosen:
    """The options are the digits and the signs each in one order and in the reverse, whose middle glyph is one."""
    for _ in range(_TRIES):
        digits, signs = _ingredients(draw, operands)
        if digits != digits[::-1] and signs != signs[::-1]:
            break
    else:
        raise Redraw("the digits or signs drawn read the same both ways")
    orders = [_interleaved(one, other) for one in (digits, digits[::-1]) for other in (signs, signs[::-1])]
    orders = draw.some_of(orders, len(orders))
    one, other = both_ranks(draw, rank, len(orders))
    second = orders[one][::-1] if how == Transform.REVERSE.value else orders[other]
    return Chosen(orders[one], second, how, tuple(map(in_words, orders)))


_CHOOSERS: Mapping[Mode, Callable[[Draw, int, int, str], Chosen]] = {
    Mode.FORWARD: _choose_result,
    Mode.RETRODICTIVE: _choose_missing,
    Mode.HISTORICAL: _choose_order,
}


class _Scene:
    """All that both sides of a pair look like, whatever the order of the glyphs."""

    def __init__(self, draw: Draw, timeline: Timeline, result: int | None) -> None:
        self._draw, self.timeline, self.result = draw, timeline, result
        self._background = draw.background()
        self._colours = draw.some_of(list(PALETTE), 2)
        self._centre_2 = np.array([draw.between(0.35, 0.65), draw.between(0.42, 0.58)])
        self._backwards = {glyph: bool(draw.rng.integers(2)) for glyph in DIGITS + SIGNS}
        looks = draw_looks(draw, draw.settings.distractors, [shape for shape in SHAPES if shape != "circle"])
        self._bystanders = lying(draw, looks, timeline.frames)
        numbers, signs = self._colours
        self.objects: list[dict[str, Any]] = [
            {"id": "ball", "shape": "circle", "colour": numbers, "colour of signs": signs, "name": "ball"}
        ] + [look.facts(one.id, role="distractor") for one, look in zip(self._bystanders, looks, strict=True)]

    @property
    def place(self) -> list[float]:
        """Where the middle of every glyph lies, in shares of the side."""
        return [round(float(share), 4) for share in self._centre_2]

    def clip(self, tokens: Tokens) -> Animation:
        """Return the clip in which these glyphs are drawn."""
        settings = self._draw.settings
        return Animation(
            (*self._bystanders, *self._texts(tokens), *self._ball(tokens)),
            self._background,
            settings.fps,
            self.timeline.frames,
            settings.noise,
            self._draw.noise_seed(),
        )

    def _ball(self, tokens: Tokens) -> list[Actor]:
        """The ball above its traces: where it is shortly before and after a frame's moment."""
        shifts = np.linspace(-EXPOSED, EXPOSED, TRACES + 1)
        traces = [
            self._seen(f"trace {shift:+.2f}", tokens, float(shift), FAINT) for shift in shifts if shift != 0.0
        ]
        return [*traces, self._seen("ball", tokens, 0.0, 1.0)]

    def _seen(self, identity: str, tokens: Tokens, shift: float, opacity: float) -> Actor:
        """The ball where it is when `shift` of the stroke further on."""
        frames = self.timeline.frames
        place_T2, opacity_T = np.tile(self._centre_2, (frames, 1)), np.zeros(frames)
        colour_T3 = np.zeros((frames, 3))
        for index, token in enumerate(tokens):
            if token == UNKNOWN:
                continue
            start, end = self.timeline.span(index)
            share_T = np.clip(np.linspace(0.0, 1.0, end - start + 1) + shift, 0.0, 1.0)
            stroke_T2 = along(token, share_T, backwards=self._backwards[token])
            place_T2[start : end + 1] = self._centre_2 + GLYPH * stroke_T2
            opacity_T[start : end + 1] = opacity
            colour_T3[start : end + 1] = PALETTE[self._colours[index % 2]]
        return actor(
            identity,
            "circle",
            colour_T3,
            frames=frames,
            x=place_T2[:, 0],
            y=place_T2[:, 1],
            half_width=BALL_RADIUS,
            opacity=opacity_T,
        )

    def _texts(self, tokens: Tokens) -> list[Actor]:
        """The question mark while it stands for a number, and the result at the end."""
        if self.result is None:
            return []
        opacity_T = np.zeros(self.timeline.frames)
        start, end = self.timeline.span(tokens.index(UNKNOWN))
        opacity_T[start : end + 1] = 1.0
        shown = {"?": opacity_T, f"= {self.result}": shown_in(self.timeline, opening=False)}
        x, y = self._centre_2
        return [
            actor(
                name,
                "text",
                (240, 240, 240),
                frames=self.timeline.frames,
                x=x,
                y=y,
                half_width=0.2,
                half_height=0.12,
                opacity=course_T,
                text=name,
                text_height=0.12,
            )
            for name, course_T in shown.items()
        ]


def _answer(mode: Mode, tokens: Tokens, chosen: Chosen) -> str | None:
    """Return the answer for that order of glyphs, None if there is none."""
    if mode is Mode.HISTORICAL:
        return in_words(tokens)
    if chosen.result is not None:
        return missing(tokens, chosen.result)
    result = value(tokens)
    return None if result is None else str(result)


def _episode(
    scene: _Scene, clip: Animation, mode: Mode, text: str, tokens: Tokens, chosen: Chosen
) -> Episode:
    answer = _answer(mode, tokens, chosen)
    if answer is None:
        raise ValueError(f"{in_words(tokens)} has no answer")
    is_number = mode is not Mode.HISTORICAL
    # A mirror makes no other glyphs that could be read; backwards, the strokes are the same in the other order.
    changed = _answer(mode, tokens[::-1], chosen) not in (None, answer)
    full = filled(tokens, answer)
    return Episode(
        animation=clip,
        question=Question(
            text=text,
            mode=mode,
            options=chosen.options,
            answer=answer,
            parameters={
                "ask": "order" if not is_number else "missing" if scene.result is not None else "result"
            },
            changed_by=frozenset({Transform.REVERSE}) if changed else frozenset(),
            ordered=is_number,
            numeric=float(answer) if is_number else None,
            is_open=not is_number,
        ),
        objects=scene.objects,
        events=_events(scene, tokens),
        states=[
            State(
                scene.timeline.at_rest(count), {"expression": list(full[:count]), "drawn_around": scene.place}
            )
            for count in range(len(tokens) + 1)
        ],
        derivation=_derivation(tokens, full, scene.result, answer),
        min_fps=scene.timeline.min_fps(SEEN),
    )


def _events(scene: _Scene, tokens: Tokens) -> list[Event]:
    timeline = scene.timeline
    drawn = []
    for index, token in enumerate(tokens):
        if token == UNKNOWN:
            note = "a question mark stands for a number"
        elif token in WORDS:
            note = f"the ball draws the sign {token} ({WORDS[token]})"
        else:
            note = f"the ball draws the number {token}"
        kind = "unknown" if token == UNKNOWN else "glyph"
        drawn.append(Event(kind, *timeline.span(index), note, {"symbol": token}))
    blank = "nothing is drawn yet"
    if scene.result is None:
        closing = Event("blank", *timeline.closing, "nothing more is drawn")
    else:
        closing = Event(
            "reveal",
            *timeline.closing,
            f"the result is shown, {scene.result}",
            {"result": scene.result},
        )
    return [Event("blank", *timeline.opening, blank), *drawn, closing]


def _derivation(tokens: Tokens, full: Tokens, result: int | None, answer: str) -> list[str]:
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


KIND = Kind(
    name="arithmetic",
    category=Category.MATH,
    term=Term.LONG,
    domain=Domain.TEMPORAL,
    forms=frozenset({Form.NUMERIC, Form.OPEN}),
    make=make,
)
"""SynRL, 2.1.2: mathematical symbol operations"""
