"""Shell game: objects on a grid are hidden under covers, and the covers swap places in pairs.

What is shown is the state before the swaps or the state after them, never both. The options are what other orders of
the very same swaps lead to, so that neither the state shown nor the set of swaps seen tells the answer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby, pairwise
from typing import Any

from retroflip.synth.animation import Actor, Animation, Colour
from retroflip.synth.episode import Asked, Draw, Episode, Event, Kind, Mode, Pair, Redraw, paired
from retroflip.synth.long import orders
from retroflip.synth.long.covers import COLOURS, Covers, Swap
from retroflip.synth.long.grid import AXES, Cell, Grid, cell_words
from retroflip.synth.long.orders import Course, Offer, Query
from retroflip.synth.long.scenery import Stage
from retroflip.synth.long.timeline import Timeline, draw_timeline
from retroflip.synth.names import Category, Domain, Form, Term
from retroflip.synth.objects import Look, draw_looks
from retroflip.synth.wording import ordinal, phrased, then
from retroflip.video.transforms import Transform

Order = tuple[Swap, ...]
Places = Mapping[str, Cell]
"""of every object, by its id"""
Swaps = Course[Places, Swap]


ASKS = {
    Mode.FORWARD: ("cell", "displaced"),
    Mode.RETRODICTIVE: ("cell", "displaced"),
    Mode.HISTORICAL: ("after swap", "next swap"),
}
"""what is asked for, by mode; both together a key of the phrasings"""

OPERATIONS = (6, 6, 8, 8, 10)
OBJECTS = (3, 3, 4, 4, 5)
GRIDS: tuple[Cell, ...] = ((2, 3), (3, 3), (3, 3), (3, 3), (3, 4))
"""rows and columns by difficulty"""
LEAST_OPERATIONS = 6
COUNTED = (3, 5)
"""objects at least and at most, where they are counted"""
FLOOR: Colour = (78, 82, 92)
SEEN = 2
"""frames seen of each swap at least"""
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


def swap_words(swap: Swap) -> str:
    """Return a swap as options name it."""
    return f"({cell_words(swap[0])}) and ({cell_words(swap[1])})"


def swapped(places: Places, swap: Swap) -> dict[str, Cell]:
    """Return where the objects are after the covers of two cells have swapped."""
    one, other = swap
    return {name: {one: other, other: one}.get(cell, cell) for name, cell in places.items()}


def course_of(board: Board, order: Sequence[Swap]) -> Swaps:
    """Return where the objects are before the first swap and after each, in order of time."""
    return orders.around(board.shown, order, swapped, opening=board.opening)


def answer_to(query: Query, course: Swaps) -> Any:
    """Return the answer: a cell, a number of objects, or a swap, or None where no swap comes next."""
    match query.ask:
        case "displaced":
            return sum(course.states[0][name] != cell for name, cell in course.states[-1].items())
        case "next swap":
            one, other = (tuple(cell) for cell in query.named["swap"])
            return dict(pairwise(course.operations)).get((one, other))
        case "after swap":
            places = course.states[query.named["swaps"]]
        case _:
            places = course.states[-1 if query.mode is Mode.FORWARD else 0]
    return places[query.named["object"]]


def make(draw: Draw) -> Pair:
    """Draw a board and its swaps in two orders with different answers, or one order and its mirror image."""
    what, rank = orders.dealt_case(draw, ASKS)
    is_place = what.ask in ("cell", "after swap")
    mirror = is_place and draw.deal("how", (True, False))
    board = _board(draw, what)
    timeline = _timeline(draw, board)
    query, options, groups = _asked(draw, what, board, timeline.operations, mirror)
    (_, first), (_, second) = orders.ranked_answers(draw, groups, options, rank)
    stage, covers = _scene(draw, timeline, board, first.operations)
    lying = _lying(draw, stage, board)
    offered = [_words(option) for option in options]
    things = (look.facts(name, role="object") for name, look in board.looks.items())
    asked = stage.asked(query, query.text, offered, things, seen=SEEN, is_open=is_place)
    clip = stage.animation([*lying, *covers.actors(first.operations)])
    one = _side(asked, query, clip, stage, board, first)
    if mirror:
        seen = board.flipped(), _mirrored(board, first)
        return paired(draw, one, _side(asked, query, clip.flipped(), stage, *seen), Transform.FLIP)
    clip = stage.animation([*lying, *covers.actors(second.operations)])
    return paired(draw, one, _side(asked, query, clip, stage, board, second))


def _asked(draw: Draw, what: Query, board: Board, count: int, mirror: bool) -> Offer[Any, Swaps]:
    """Return a question about `count` swaps, with orders of the very same swaps."""
    for _ in range(_TRIES):
        swaps = _swaps(draw, what.ask, board, count)
        query = _query(draw, what, board, swaps)
        courses = (course_of(board, order) for order in _orders(draw, swaps))
        groups = orders.by_answer(courses, partial(answer_to, query))
        if options := _options(draw, query, board, sorted(groups), mirror):
            return query, options, groups
    raise Redraw("no swaps drawn have enough outcomes")


def _timeline(draw: Draw, board: Board) -> Timeline:
    """Return a course of an even number of swaps, in whose middle frame all covers rest."""
    timeline = draw_timeline(draw, draw.wanted(OPERATIONS), SEEN, LEAST_OPERATIONS)
    count = min(timeline.operations, len(_neighbours(board)))
    return replace(timeline, operations=count // 2 * 2)


def _board(draw: Draw, what: Query) -> Board:
    grid = Grid(*draw.level(GRIDS))
    count = draw.settings.objects or draw.level(OBJECTS)
    count = min(max(count, COUNTED[0]), COUNTED[1]) if what.ask == "displaced" else count
    if count > grid.rows * grid.columns - 2:
        grid = Grid(3, 4)
    looks = draw_looks(draw, count + draw.settings.distractors)
    names = [f"o{number}" for number in range(1, count + 1)]
    shown = dict(zip(names, draw.some_of(grid.cells(), count), strict=True))
    looked = dict(zip(names, looks, strict=False))
    return Board(grid, looked, shown, tuple(looks[count:]), opening=what.mode.from_start)


def _neighbours(board: Board) -> list[Swap]:
    """Return every two cells that touch, across a corner too; the upper or left one comes first."""
    cells = board.grid.cells()
    return [
        (one, other)
        for index, one in enumerate(cells)
        for other in cells[index + 1 :]
        if max(abs(one[0] - other[0]), abs(one[1] - other[1])) == 1
    ]


def _swaps(draw: Draw, ask: str, board: Board, count: int) -> list[Swap]:
    """Return swaps of neighbours.

    They are all different, but where objects are counted that have moved: there swaps of objects come more than once,
    or hardly any object would ever come home.
    """
    if ask != "displaced":
        return draw.some_of(_neighbours(board), count)
    touching = [swap for swap in _neighbours(board) if set(swap) & set(board.shown.values())]
    return [draw.one_of(touching) for _ in range(count)]


def _orders(draw: Draw, swaps: Sequence[Swap]) -> list[Order]:
    """Return orders of the swaps, as many as suffice to see what may come of them; none does the same twice running."""
    drawn = {tuple(draw.shuffled(swaps)): None for _ in range(_ORDERS_DRAWN)}
    return [order for order in drawn if all(one != other for one, other in pairwise(order))]


def _query(draw: Draw, what: Query, board: Board, swaps: Sequence[Swap]) -> Query:
    asked = what.mode, what.ask
    if what.ask == "displaced":
        return what.naming(phrased(draw, *asked))
    if what.ask == "next swap":
        after = swaps[0]
        text = f"{phrased(draw, *asked, swap=swap_words(after))} {AXES}"
        return what.naming(text, swap=[list(cell) for cell in after])
    target = draw.one_of(list(board.looks))
    named: dict[str, Any] = {"object": target}
    if what.ask == "after swap":
        named["swaps"] = int(draw.rng.integers(2, len(swaps)))
    words = phrased(draw, *asked, name=board.looks[target].name, ordinal=ordinal(named.get("swaps", 0)))
    return what.naming(f"{words} {AXES}", board.shown[target], **named)


def _options(draw: Draw, query: Query, board: Board, outcomes: Sequence[Any], mirror: bool) -> list[Any]:
    """Return the options as values, or none where the swaps have too few outcomes."""
    if query.ask == "displaced":
        return orders.a_run(draw, outcomes, 3)
    allowed = [value for value in outcomes if value != query.barred]
    if not mirror:
        return orders.some_answers(draw, allowed, 4)
    halves = [
        cell
        for cell in allowed
        if cell[1] < board.grid.mirrored(cell)[1] and board.grid.mirrored(cell) in allowed
    ]
    chosen = orders.some_answers(draw, halves, 2)
    return [cell for half in chosen for cell in (half, board.grid.mirrored(half))]


def _mirrored(board: Board, course: Swaps) -> Swaps:
    """Return the course as a mirror shows it, every swap with its upper or left cell first."""
    turned = [sorted(board.grid.mirrored(cell) for cell in swap) for swap in course.operations]
    return course_of(board.flipped(), [(one, other) for one, other in turned])


def _scene(draw: Draw, timeline: Timeline, board: Board, swaps: Sequence[Swap]) -> tuple[Stage, Covers]:
    """Return the stage and the covers for these swaps in any order."""
    colour, background = draw.one_of(COLOURS), draw.background()
    clockwise = {swap: bool(draw.rng.integers(2)) for swap in swaps}
    stage = Stage.drawn(draw, timeline, opening=board.opening, looks=board.bystanders, background=background)
    return stage, Covers(stage, board.grid, colour, clockwise)


def _lying(draw: Draw, stage: Stage, board: Board) -> list[Actor]:
    """Return the floor, and on it the objects, which lie still in the state shown and are not to be seen later."""
    grid, frames = board.grid, stage.timeline.frames
    floor = 0.46 * grid.pitch, 0.46 * grid.pitch
    actors = [
        stage.actor(f"floor {cell_words(cell)}", "square", FLOOR, grid.centre(cell), floor)
        for cell in grid.cells()
    ]
    for name in draw.shuffled(list(board.looks)):
        place, half = grid.centre(board.shown[name]), 0.27 * grid.pitch
        actors.append(board.looks[name].actor(name, frames, place, half, opacity=stage.shown_T))
    return actors


def _words(answer: Any) -> int | str:
    """Return a number, a cell or a swap as options name it."""
    if isinstance(answer, int):
        return answer
    return cell_words(answer) if isinstance(answer[0], int) else swap_words(answer)


def _side(asked: Asked, query: Query, clip: Animation, stage: Stage, board: Board, course: Swaps) -> Episode:
    answer = answer_to(query, course)
    turned = {Transform.FLIP: _mirrored(board, course), Transform.REVERSE: course.played_back}
    words = _words(answer)
    return asked.episode(
        clip,
        words,
        orders.changed_by(answer, turned, partial(answer_to, query)),
        events=_events(stage, board, course.operations),
        states=stage.timeline.states(
            {"cells": {name: list(cell) for name, cell in places.items()}} for places in course.states
        ),
        derivation=_derivation(board, course.states, query, words),
    )


def _events(stage: Stage, board: Board, order: Order) -> list[Event]:
    where = "; ".join(
        f"the {board.looks[name].name} in {cell_words(cell)}" for name, cell in board.shown.items()
    )
    swaps = (
        ("swap", f"the covers of {swap_words(swap)} swap places", {"cells": [list(cell) for cell in swap]})
        for swap in order
    )
    if stage.opening:
        return stage.told(f"the objects are shown: {where}", {}, swaps, "all cells stay covered")
    return stage.told(f"the covers open and show {where}", {}, swaps, "all cells are covered")


def _derivation(board: Board, states: Sequence[Places], query: Query, words: int | str) -> list[str]:
    if query.ask == "next swap":
        return [f"Right after the swap asked about, the answer is: {words}."]
    if query.ask == "displaced":
        followed = [_followed(name, board, states) for name in board.looks]
        return [*followed, f"So many objects changed their cell: {words}."]
    return [_followed(query.named["object"], board, states), f"So the answer is: {words}."]


def _followed(name: str, board: Board, states: Sequence[Places]) -> str:
    """Return the cells in which an object is, one after the other."""
    cells = [cell_words(cell) for cell, _ in groupby(places[name] for places in states)]
    return f"The {board.looks[name].name} {'is' if len(cells) > 1 else 'stays'} in {then(cells)}."


KIND = Kind("shell_game", Category.GRID, Term.LONG, Domain.TEMPORAL, {Form.NUMERIC, Form.OPEN}, make)
"""SynRL, 2.1.2: grid-based object tracking with visual occlusion"""
