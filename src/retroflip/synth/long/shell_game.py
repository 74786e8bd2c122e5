"""Shell game: objects on a grid are hidden under covers, and the covers swap places in pairs.

What is shown is the state before the swaps or the state after them, never both. The options are what other orders of
the very same swaps lead to, so that neither the state shown nor the set of swaps seen tells the answer.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from itertools import groupby, pairwise
from typing import Any

import numpy as np

from retroflip.synth.animation import PALETTE, Actor, Animation, Colour, Floats, actor
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
from retroflip.synth.long.grid import AXES, Cell, Grid, cell_words
from retroflip.synth.long.orders import both_ranks, by_answer, dealt_case, runs
from retroflip.synth.long.stage import lying
from retroflip.synth.long.timeline import Timeline, draw_timeline, hidden_outside, shown_in
from retroflip.synth.names import Form
from retroflip.synth.objects import Look, draw_looks, eased
from retroflip.synth.wording import ordinal, phrased
from retroflip.video.transforms import Transform

Swap = tuple[Cell, Cell]
Order = tuple[Swap, ...]
Places = Mapping[str, Cell]
"""of every object, by its id"""


class Ask(StrEnum):
    """What is asked for, besides the mode."""

    CELL = "cell"
    DISPLACED = "displaced"
    AFTER_SWAP = "after swap"
    NEXT_SWAP = "next swap"


CASES = (
    (Mode.FORWARD, Ask.CELL),
    (Mode.FORWARD, Ask.DISPLACED),
    (Mode.RETRODICTIVE, Ask.CELL),
    (Mode.RETRODICTIVE, Ask.DISPLACED),
    (Mode.HISTORICAL, Ask.AFTER_SWAP),
    (Mode.HISTORICAL, Ask.NEXT_SWAP),
)

OPERATIONS = (6, 6, 8, 8, 10)
OBJECTS = (3, 3, 4, 4, 5)
GRIDS: tuple[Cell, ...] = ((2, 3), (3, 3), (3, 3), (3, 3), (3, 4))
"""rows and columns by difficulty"""
LEAST_OPERATIONS = 6
COUNTED = (3, 5)
"""objects at least and at most, where they are counted"""
COVERS: tuple[Colour, ...] = ((150, 152, 160), (146, 118, 88), (104, 128, 150), (168, 148, 112))
FLOOR: Colour = (78, 82, 92)
COVER = 0.4
"""half a cover's side, of a cell's"""
FACE = 0.85
"""of a cover's half side: the rest is its dark rim"""
BULGE = 0.6
"""how far covers keep from the line between their cells, of half its length"""
_ORDERS_DRAWN = 160
_TRIES = 60


@dataclass(frozen=True)
class Board:
    """The grid, and the objects in the state that is shown: before the swaps where `opening`, else after them."""

    grid: Grid
    looks: Mapping[str, Look]
    shown: Places
    bystanders: tuple[Look, ...]
    opening: bool

    def flipped(self) -> "Board":
        """Return the board as a mirror shows it."""
        return replace(self, shown={name: self.grid.mirrored(cell) for name, cell in self.shown.items()})


@dataclass(frozen=True)
class Query:
    """A question and, for any order of the swaps, its answer as a value (None: it cannot be asked of that order)."""

    mode: Mode
    ask: Ask
    text: str
    parameters: Mapping[str, Any]
    outcome: Callable[[Board, Order], Any]
    barred: Cell | None = None
    """the cell in which the object asked for is shown: it is never an option, so the object must have moved"""


def swap_words(swap: Swap) -> str:
    """Return a swap as options name it."""
    return f"({cell_words(swap[0])}) and ({cell_words(swap[1])})"


def swapped(places: Places, swap: Swap) -> dict[str, Cell]:
    """Return where the objects are after the covers of two cells have swapped."""
    one, other = swap
    return {name: {one: other, other: one}.get(cell, cell) for name, cell in places.items()}


def history(board: Board, order: Order) -> list[Places]:
    """Return where the objects are before the first swap and after each."""
    course = [board.shown]
    for swap in order if board.opening else reversed(order):
        course.append(swapped(course[-1], swap))
    return course if board.opening else course[::-1]


def make(draw: Draw) -> Pair:
    """Draw a board and its swaps in two orders with different answers, or one order and its mirror image."""
    (mode, ask), rank = dealt_case(draw, CASES)
    mirror = ask in (Ask.CELL, Ask.AFTER_SWAP) and draw.deal("how", (True, False))
    board = _board(draw, mode, ask)
    timeline = _timeline(draw, board)
    query, groups, options = _asked(draw, mode, ask, board, timeline.operations, mirror)
    ranks = both_ranks(draw, rank, len(options))
    first, second = (draw.one_of(groups[options[rank]]) for rank in ranks)
    scene = _Scene(draw, timeline, board, first)
    clip = scene.clip(first)
    if not fits_view(clip, timeline.min_fps(2), draw.settings):
        raise Redraw("the frames that a viewer is shown lie too far apart for so many swaps")
    words = tuple(_words(ask, option) for option in options)
    one = _episode(scene, clip, timeline, (board, first, query), words)
    if mirror:
        told = (board.flipped(), _mirrored_order(board, first), query)
        return Pair(one, _episode(scene, clip.flipped(), timeline, told, words), Transform.FLIP.value)
    told = (board, second, query)
    return Pair(one, _episode(scene, scene.clip(second), timeline, told, words), "operations")


def _asked(
    draw: Draw, mode: Mode, ask: Ask, board: Board, count: int, mirror: bool
) -> tuple[Query, dict[Any, list[Order]], list[Any]]:
    """Return a question about `count` swaps, their orders by what comes of them, and the options as values."""
    for _ in range(_TRIES):
        swaps = _swaps(draw, ask, board, count)
        query = _query(draw, mode, ask, board, swaps)
        groups = by_answer(_orders(draw, swaps), partial(query.outcome, board))
        if options := _options(draw, query, board, sorted(groups), mirror):
            return query, groups, options
    raise Redraw("no swaps drawn have enough outcomes")


def _timeline(draw: Draw, board: Board) -> Timeline:
    """Return a course of an even number of swaps, in whose middle frame all covers rest."""
    timeline = draw_timeline(draw, OPERATIONS, least=LEAST_OPERATIONS)
    count = min(timeline.operations, len(_neighbours(board)))
    return replace(timeline, operations=count // 2 * 2)


def _board(draw: Draw, mode: Mode, ask: Ask) -> Board:
    settings = draw.settings
    grid = Grid(*GRIDS[settings.difficulty - 1])
    count = settings.objects or OBJECTS[settings.difficulty - 1]
    count = min(max(count, COUNTED[0]), COUNTED[1]) if ask is Ask.DISPLACED else count
    if count > grid.rows * grid.columns - 2:
        grid = Grid(3, 4)
    looks = draw_looks(draw, count + settings.distractors)
    cells = draw.some_of(grid.cells(), count)
    names = [f"o{number}" for number in range(1, count + 1)]
    return Board(
        grid,
        dict(zip(names, looks[:count], strict=True)),
        dict(zip(names, cells, strict=True)),
        tuple(looks[count:]),
        opening=mode is not Mode.RETRODICTIVE,
    )


def _neighbours(board: Board) -> list[Swap]:
    """Return every two cells that touch, across a corner too; the upper or left one comes first."""
    cells = board.grid.cells()
    return [
        (one, other)
        for index, one in enumerate(cells)
        for other in cells[index + 1 :]
        if max(abs(one[0] - other[0]), abs(one[1] - other[1])) == 1
    ]


def _swaps(draw: Draw, ask: Ask, board: Board, count: int) -> list[Swap]:
    """Return swaps of neighbours.

    They are all different, but where objects are counted that have moved: there swaps of objects come more than once,
    or hardly any object would ever come home.
    """
    if ask is not Ask.DISPLACED:
        return draw.some_of(_neighbours(board), count)
    touching = [swap for swap in _neighbours(board) if set(swap) & set(board.shown.values())]
    return [draw.one_of(touching) for _ in range(count)]


def _orders(draw: Draw, swaps: Sequence[Swap]) -> list[Order]:
    """Return orders of the swaps, as many as suffice to see what may come of them; none does the same twice running."""
    drawn = {tuple(draw.some_of(swaps, len(swaps))): None for _ in range(_ORDERS_DRAWN)}
    return [order for order in drawn if all(one != other for one, other in pairwise(order))]


def _query(draw: Draw, mode: Mode, ask: Ask, board: Board, swaps: Sequence[Swap]) -> Query:
    if ask is Ask.DISPLACED:
        return Query(mode, ask, phrased(draw, mode, ask), {"ask": ask.value}, _displaced)
    if ask is Ask.NEXT_SWAP:
        after = swaps[0]
        text = f"{phrased(draw, mode, ask, swap=swap_words(after))} {AXES}"
        parameters: dict[str, Any] = {"ask": ask.value, "swap": [list(cell) for cell in after]}
        return Query(mode, ask, text, parameters, lambda _, order: _following(order, after))
    target = draw.one_of(list(board.looks))
    name = board.looks[target].name
    parameters = {"ask": ask.value, "object": target}
    if ask is Ask.CELL:
        moment = -1 if mode is Mode.FORWARD else 0
        text = f"{phrased(draw, mode, ask, name=name)} {AXES}"
    else:
        moment = int(draw.rng.integers(2, len(swaps)))
        text = f"{phrased(draw, mode, ask, name=name, ordinal=ordinal(moment))} {AXES}"
        parameters["swaps"] = moment

    def found(on: Board, order: Order) -> Cell:
        return history(on, order)[moment][target]

    return Query(mode, ask, text, parameters, found, board.shown[target])


def _displaced(board: Board, order: Order) -> int:
    course = history(board, order)
    return sum(course[0][name] != cell for name, cell in course[-1].items())


def _following(order: Order, after: Swap) -> Swap | None:
    return dict(pairwise(order)).get(after)


def _options(draw: Draw, query: Query, board: Board, outcomes: Sequence[Any], mirror: bool) -> list[Any]:
    """Return the options as values, or none where the swaps have too few outcomes."""
    if query.ask is Ask.DISPLACED:
        windows = runs(outcomes, 3)
        return list(draw.one_of(windows)) if windows else []
    allowed = [value for value in outcomes if value != query.barred]
    if not mirror:
        return draw.some_of(allowed, 4) if len(allowed) > 3 else []
    halves = [
        cell
        for cell in allowed
        if cell[1] < board.grid.mirrored(cell)[1] and board.grid.mirrored(cell) in allowed
    ]
    chosen = draw.some_of(halves, 2) if len(halves) > 1 else []
    return [cell for half in chosen for cell in (half, board.grid.mirrored(half))]


def _mirrored_order(board: Board, order: Order) -> Order:
    """Return the swaps as a mirror shows them, each with its upper or left cell first."""
    turned = [sorted(board.grid.mirrored(cell) for cell in swap) for swap in order]
    return tuple((one, other) for one, other in turned)


class _Scene:
    """All that both sides of a pair look like, whatever the order of the swaps."""

    def __init__(self, draw: Draw, timeline: Timeline, board: Board, swaps: Sequence[Swap]) -> None:
        self._draw, self._timeline, self._board = draw, timeline, board
        self._cover = draw.one_of(COVERS)
        self._background = draw.background()
        self._clockwise = {swap: bool(draw.rng.integers(2)) for swap in swaps}
        self.bystanders = lying(draw, board.bystanders, timeline.frames)
        self.objects = [look.facts(name, role="object") for name, look in board.looks.items()] + [
            look.facts(one.id, role="distractor")
            for one, look in zip(self.bystanders, board.bystanders, strict=True)
        ]
        self._layers = list(draw.some_of(list(board.looks), len(board.looks)))

    def clip(self, order: Order) -> Animation:
        """Return the clip in which the swaps are done in that order."""
        timeline, settings = self._timeline, self._draw.settings
        return Animation(
            (
                *self.bystanders,
                *self._floor(),
                *self._shown_objects(),
                *self._resting(order),
                *self._moving(order),
            ),
            self._background,
            settings.fps,
            timeline.frames,
            settings.noise,
            self._draw.noise_seed(),
        )

    def _floor(self) -> list[Actor]:
        grid, frames = self._board.grid, self._timeline.frames
        half = 0.46 * grid.pitch
        places = ((cell, *grid.centre(cell)) for cell in grid.cells())
        return [
            actor(f"floor {cell_words(cell)}", "square", FLOOR, frames=frames, x=x, y=y, half_width=half)
            for cell, x, y in places
        ]

    def _shown_objects(self) -> list[Actor]:
        """The objects lie still in the state shown; in the rest of the clip they are not to be seen."""
        opacity_T = shown_in(self._timeline, opening=self._board.opening)
        actors = []
        for name in self._layers:
            look = self._board.looks[name]
            x, y = self._board.grid.centre(self._board.shown[name])
            actors.append(
                actor(
                    name,
                    look.shape,
                    PALETTE[look.colour],
                    frames=self._timeline.frames,
                    x=x,
                    y=y,
                    half_width=0.27 * self._board.grid.pitch,
                    opacity=opacity_T,
                )
            )
        return actors

    def _covers(self, identity: str, x: float | Floats, y: float | Floats, opacity_T: Floats) -> list[Actor]:
        """One cover: its face on a dark rim, by which covers that pass over each other are told apart."""
        rim = tuple(round(0.55 * level) for level in self._cover)
        half = COVER * self._board.grid.pitch
        return [
            actor(
                f"{part} {identity}",
                "square",
                colour,
                frames=self._timeline.frames,
                x=x,
                y=y,
                half_width=width,
                opacity=opacity_T,
            )
            for part, colour, width in (("rim", rim, half), ("cover", self._cover, FACE * half))
        ]

    def _resting(self, order: Order) -> list[Actor]:
        """One cover per cell, away while a cover leaves the cell and another comes."""
        actors = []
        for cell in self._board.grid.cells():
            opacity_T = hidden_outside(self._timeline, opening=self._board.opening).copy()
            for index, swap in enumerate(order):
                start, end = self._timeline.span(index)
                if cell in swap:
                    opacity_T[start : end + 1] = 0.0
            actors += self._covers(cell_words(cell), *self._board.grid.centre(cell), opacity_T)
        return actors

    def _moving(self, order: Order) -> list[Actor]:
        """The two covers that swap, above all others; each goes round the middle between the cells on its side."""
        frames = self._timeline.frames
        place_T2 = np.full((2, frames, 2), 0.5)
        opacity_T = np.zeros(frames)
        for index, swap in enumerate(order):
            start, end = self._timeline.span(index)
            one_2, other_2 = (np.array(self._board.grid.centre(cell)) for cell in swap)
            middle_2, arm_2 = (one_2 + other_2) / 2, (one_2 - other_2) / 2
            side_2 = BULGE * np.array([-arm_2[1], arm_2[0]]) * (1 if self._clockwise[swap] else -1)
            turn_T1 = np.pi * eased(end - start + 1)[:, None]
            offset_T2 = np.cos(turn_T1) * arm_2 + np.sin(turn_T1) * side_2
            place_T2[0, start : end + 1] = middle_2 + offset_T2
            place_T2[1, start : end + 1] = middle_2 - offset_T2
            opacity_T[start : end + 1] = 1.0
        return [
            part
            for number, course_T2 in enumerate(place_T2, start=1)
            for part in self._covers(f"in motion {number}", course_T2[:, 0], course_T2[:, 1], opacity_T)
        ]


def _words(ask: Ask, value: Any) -> str:
    if ask is Ask.DISPLACED:
        return str(value)
    return swap_words(value) if ask is Ask.NEXT_SWAP else cell_words(value)


def _changes(board: Board, order: Order, query: Query) -> frozenset[Transform]:
    value = query.outcome(board, order)
    seen = {
        Transform.FLIP: query.outcome(board.flipped(), _mirrored_order(board, order)),
        Transform.REVERSE: query.outcome(replace(board, opening=not board.opening), order[::-1]),
    }
    return frozenset(change for change, other in seen.items() if other not in (None, value))


def _episode(
    scene: _Scene,
    clip: Animation,
    timeline: Timeline,
    told: tuple[Board, Order, Query],
    options: tuple[str, ...],
) -> Episode:
    board, order, query = told
    value = query.outcome(board, order)
    words = _words(query.ask, value)
    course = history(board, order)
    counted = query.ask is Ask.DISPLACED
    return Episode(
        animation=clip,
        question=Question(
            text=query.text,
            mode=query.mode,
            options=options,
            answer=words,
            parameters=query.parameters,
            changed_by=_changes(board, order, query),
            ordered=counted,
            numeric=float(words) if counted else None,
            unit="objects" if counted else "",
            is_open=query.ask in (Ask.CELL, Ask.AFTER_SWAP),
        ),
        objects=scene.objects,
        events=_events(timeline, board, order),
        states=[
            State(timeline.at_rest(index), {"cells": {name: list(cell) for name, cell in places.items()}})
            for index, places in enumerate(course)
        ],
        derivation=_derivation(board, course, query, words),
        min_fps=timeline.min_fps(2),
    )


def _events(timeline: Timeline, board: Board, order: Order) -> list[Event]:
    where = "; ".join(
        f"the {board.looks[name].name} in {cell_words(cell)}" for name, cell in board.shown.items()
    )
    opening, closing = (
        (f"the objects are shown: {where}", "all cells stay covered")
        if board.opening
        else ("all cells are covered", f"the covers open and show {where}")
    )
    swaps = [
        Event(
            "swap",
            *timeline.span(index),
            f"the covers of {swap_words(swap)} swap places",
            {"cells": [list(cell) for cell in swap]},
        )
        for index, swap in enumerate(order)
    ]
    return [
        Event("reveal" if board.opening else "blank", *timeline.opening, opening),
        *swaps,
        Event("blank" if board.opening else "reveal", *timeline.closing, closing),
    ]


def _derivation(board: Board, course: Sequence[Places], query: Query, words: str) -> list[str]:
    if query.ask is Ask.NEXT_SWAP:
        return [f"Right after the swap asked about, the answer is: {words}."]
    if query.ask is Ask.DISPLACED:
        followed = [_followed(name, board, course) for name in board.looks]
        return [*followed, f"So many objects changed their cell: {words}."]
    return [_followed(query.parameters["object"], board, course), f"So the answer is: {words}."]


def _followed(name: str, board: Board, course: Sequence[Places]) -> str:
    """Return the cells in which an object is, one after the other."""
    first, *others = (cell for cell, _ in groupby(places[name] for places in course))
    if not others:
        return f"The {board.looks[name].name} stays in {cell_words(first)}."
    return f"The {board.looks[name].name} is in {', then '.join(map(cell_words, (first, *others)))}."


KIND = Kind(
    name="shell_game",
    category=Category.GRID,
    term=Term.LONG,
    domain=Domain.TEMPORAL,
    forms=frozenset({Form.NUMERIC, Form.OPEN}),
    make=make,
)
"""SynRL, 2.1.2: grid-based object tracking with visual occlusion"""
