"""Sliding puzzle: number tiles turn blank, slide one by one into the gap, and show their numbers at one end.

The gap is always to be seen, so all options stem from moves that begin with the gap in the same place and end with it
in the same place. In questions about the moves themselves it is also in the same place halfway.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

from retroflip.synth.animation import Actor, Animation, Colour
from retroflip.synth.episode import Asked, Draw, Episode, Event, Kind, Mode, Pair, Redraw, listed, paired
from retroflip.synth.long import orders
from retroflip.synth.long.grid import AXES, Cell, Grid, cell_words
from retroflip.synth.long.orders import Course, Offer, Query
from retroflip.synth.long.scenery import Stage
from retroflip.synth.long.timeline import Track, draw_timeline
from retroflip.synth.names import Category, Domain, Form, Term
from retroflip.synth.objects import thing
from retroflip.synth.sentence import Sentence
from retroflip.synth.ways import OPPOSITE, STEPS, Path, mirrored, played_back
from retroflip.synth.wording import ordinal, phrased
from retroflip.video.transforms import Transform

Numbers = Mapping[Cell, int]
"""of all tiles, by their cells; the gap is the cell that is missing"""


class Tiles(NamedTuple):
    """What the tiles in the tray say, and the cell without one."""

    numbers: Numbers
    gap: Cell


Slides = Course[Tiles, str]
ASKS = {
    Mode.FORWARD: ("number", "row"),
    Mode.RETRODICTIVE: ("number", "row"),
    Mode.HISTORICAL: ("count", "direction"),
}
"""what is asked for, by mode; both together a key of the phrasings"""
OPERATIONS = (6, 8, 8, 8, 10)
LEAST_OPERATIONS = 6
GRIDS: tuple[Cell, ...] = ((3, 3), (3, 3), (3, 3), (3, 4), (4, 4))
"""rows and columns by difficulty"""
TILES: tuple[Colour, ...] = ((64, 96, 150), (130, 84, 60), (70, 112, 84), (106, 82, 132), (92, 96, 108))
TRAY: Colour = (196, 190, 176)
WHITE: Colour = (255, 255, 255)
SEEN = 2
"""frames seen of each move at least"""
_WALKS = 700
_TRIES = 30


@dataclass(frozen=True)
class Puzzle:
    """The tray and what its tiles say in the state that is shown: before the moves where `opening`, else after them."""

    grid: Grid
    shown: Tiles
    opening: bool

    def flipped(self) -> "Puzzle":
        """Return the puzzle as a mirror shows it."""
        numbers = {self.grid.mirrored(cell): number for cell, number in self.shown.numbers.items()}
        return replace(self, shown=Tiles(numbers, self.grid.mirrored(self.shown.gap)))


def source(gap: Cell, direction: str) -> Cell:
    """Return the cell whose tile slides that way into the gap; it is the next gap."""
    right, down = STEPS[direction]
    return gap[0] - down, gap[1] - right


def slid(tiles: Tiles, direction: str) -> Tiles:
    """Return the tiles after one has slid that way into the gap. Raises KeyError if none can."""
    after, left = dict(tiles.numbers), source(tiles.gap, direction)
    after[tiles.gap] = after.pop(left)
    return Tiles(after, left)


def course_of(puzzle: Puzzle, moves: Sequence[str]) -> Slides:
    """Return the tiles before the first move and after each, in order of time."""
    return orders.around(puzzle.shown, moves, slid, OPPOSITE.__getitem__, opening=puzzle.opening)


def gaps_of(course: Slides) -> list[Cell]:
    """Return where the gap is before the first move and after each."""
    return [tiles.gap for tiles in course.states]


def answer_to(query: Query, course: Slides) -> Any:
    """Return the answer: numbers, or the name of a direction; None for the gap, or a row that has it."""
    if query.ask == "count":
        return course.operations.count(query.named["direction"])
    if query.ask == "direction":
        return course.operations[query.named["move"] - 1]
    numbers = course.states[-1 if query.mode is Mode.FORWARD else 0].numbers
    if query.ask == "number":
        return numbers.get(tuple(query.named["cell"]))
    return _row(numbers, query.named["row"])


def make(draw: Draw) -> Pair:
    """Draw a puzzle and two courses of moves with the gap in the same places and different answers."""
    what, rank = orders.dealt_case(draw, ASKS)
    timeline = draw_timeline(draw, draw.wanted(OPERATIONS), SEEN, LEAST_OPERATIONS)
    timeline = replace(timeline, operations=timeline.operations // 2 * 2)
    puzzle = _puzzle(draw, what.mode)
    query, options, groups = _asked(draw, what, puzzle, timeline.operations)
    colour, background = draw.one_of(TILES), draw.background()
    stage = Stage.drawn(draw, timeline, opening=puzzle.opening, background=background)
    tiles = [
        thing(f"number {number}", "square", "grey", f"tile with the number {number}", role="tile")
        for number in sorted(puzzle.shown.numbers.values())
    ]
    is_open = query.ask in ("row", "direction")
    asked = stage.asked(query, query.text, options, tiles, seen=SEEN, is_open=is_open)
    one, two = (
        _side(stage, colour, asked, query, puzzle, course)
        for _, course in orders.ranked_answers(draw, groups, options, rank)
    )
    return paired(draw, one, two)


def _puzzle(draw: Draw, mode: Mode) -> Puzzle:
    grid = Grid(*draw.level(GRIDS), span=0.8)
    gap, *cells = draw.some_of(grid.cells(), grid.rows * grid.columns)
    opening = mode is Mode.FORWARD or (mode is Mode.HISTORICAL and bool(draw.rng.integers(2)))
    return Puzzle(grid, Tiles({cell: number for number, cell in enumerate(cells, start=1)}, gap), opening)


def _asked(draw: Draw, what: Query, puzzle: Puzzle, count: int) -> Offer[Any, Slides]:
    """Return a question about `count` moves, with courses that look alike where the numbers are not shown."""
    historical = what.mode is Mode.HISTORICAL
    courses = [course_of(puzzle, moves) for moves in _walks(draw, puzzle, count, back=historical)]
    alike = orders.by_answer(courses, partial(_seen_gaps, opening=puzzle.opening, halfway=historical))
    for _ in range(_TRIES):
        seen = draw.one_of(sorted(alike))
        query = _query(draw, what, puzzle, seen, count)
        groups = orders.by_answer(alike[seen], partial(answer_to, query))
        if options := _options(draw, query, sorted(groups)):
            return query, options, groups
    raise Redraw("no moves drawn have enough outcomes")


def _walks(draw: Draw, puzzle: Puzzle, count: int, *, back: bool) -> list[Path]:
    """Return different courses of moves; `back`: a tile may slide back at once."""
    cells = set(puzzle.grid.cells())
    found: dict[Path, None] = {}
    for _ in range(_WALKS):
        gap = puzzle.shown.gap
        moves: list[str] = []
        for turn in draw.rng.random(count):
            ways = [
                way
                for way in STEPS
                if source(gap, way) in cells and (back or not moves or way != OPPOSITE[moves[-1]])
            ]
            moves.append(ways[int(turn * len(ways))])
            gap = source(gap, moves[-1])
        found[tuple(moves) if puzzle.opening else played_back(moves)] = None
    return list(found)


def _seen_gaps(course: Slides, *, opening: bool, halfway: bool) -> tuple[Cell, ...]:
    """Return where the gap is at the end of the clip that does not show the numbers, and after half the moves."""
    gaps = gaps_of(course)
    end = gaps[-1 if opening else 0]
    return (end, gaps[len(gaps) // 2]) if halfway else (end,)


def _query(draw: Draw, what: Query, puzzle: Puzzle, seen: Sequence[Cell], count: int) -> Query:
    asked = what.mode, what.ask
    if what.ask == "count":
        way = draw.one_of(list(STEPS))
        return what.naming(phrased(draw, *asked, direction=way), direction=way)
    if what.ask == "direction":
        move = 1 + int(draw.rng.integers(count))
        return what.naming(phrased(draw, *asked, ordinal=ordinal(move)), move=move)
    shown, gaps = puzzle.shown.numbers, (puzzle.shown.gap, seen[0])
    if what.ask == "number":
        cell = draw.one_of([one for one in puzzle.grid.cells() if one not in gaps])
        text = f"{phrased(draw, *asked, cell=cell_words(cell))} {AXES}"
        return what.naming(text, shown[cell], cell=list(cell))
    row = draw.one_of([row for row in range(1, puzzle.grid.rows + 1) if row not in (gaps[0][0], gaps[1][0])])
    text = f"{phrased(draw, *asked, row=row)} Rows are counted from the top."
    return what.naming(text, _row(shown, row), row=row)


def _row(numbers: Numbers, row: int) -> tuple[int, ...] | None:
    """Return what a row reads, or None if the gap is in it."""
    tiles = tuple(numbers[cell] for cell in sorted(numbers) if cell[0] == row)
    others = {cell[1] for cell in numbers}
    return tiles if len(tiles) == len(others) else None


def _options(draw: Draw, query: Query, outcomes: Sequence[Any]) -> list[Any]:
    """Return the options as values, or none where the moves have too few outcomes."""
    if query.ask == "count":
        return orders.a_run(draw, outcomes, 4, 3)
    return orders.some_answers(draw, [value for value in outcomes if value != query.barred], 4)


def _clip(stage: Stage, colour: Colour, puzzle: Puzzle, course: Slides) -> Animation:
    """Return the clip in which the tiles slide that way, with what they say over them in the state shown."""
    grid = puzzle.grid
    rim = 0.1 * grid.pitch
    half = grid.columns * grid.pitch / 2 + rim, grid.rows * grid.pitch / 2 + rim
    numbers = [
        stage.writing(
            f"number {number}", str(number), grid.centre(cell), 0.3 * grid.pitch, stage.shown_T, WHITE
        )
        for cell, number in puzzle.shown.numbers.items()
    ]
    tray = stage.actor("tray", "rectangle", TRAY, (0.5, 0.5), half)
    return stage.animation([tray, *_tiles(stage, colour, grid, course), *numbers])


def _tiles(stage: Stage, colour: Colour, grid: Grid, course: Slides) -> list[Actor]:
    """Return the tiles without what they say, named by the cells in which they begin."""
    timeline = stage.timeline
    tracks = {cell: Track(timeline.frames, *grid.centre(cell)) for cell in course.states[0].numbers}
    begun = {cell: cell for cell in tracks}
    for index, (gap, left) in enumerate(pairwise(gaps_of(course))):
        begun[gap] = begun.pop(left)
        tracks[begun[gap]].ease(timeline.span(index), *grid.centre(gap))
    half = 0.46 * grid.pitch
    return [
        stage.actor(f"tile {cell_words(cell)}", "square", colour, way.point_T, (half, half))
        for cell, way in tracks.items()
    ]


def _side(
    stage: Stage, colour: Colour, asked: Asked, query: Query, puzzle: Puzzle, course: Slides
) -> Episode:
    answer = answer_to(query, course)
    turned = {
        Transform.FLIP: course_of(puzzle.flipped(), mirrored(course.operations)),
        Transform.REVERSE: course.mirrored(OPPOSITE.__getitem__),
    }
    return asked.episode(
        _clip(stage, colour, puzzle, course),
        answer,
        orders.changed_by(answer, turned, partial(answer_to, query)),
        events=_events(stage, puzzle, course),
        states=stage.timeline.states({"rows": _rows(puzzle.grid, tiles)} for tiles in course.states),
        derivation=[*_derivation(query, puzzle, course), f"So the answer is: {listed(answer)}."],
    )


def _rows(grid: Grid, tiles: Tiles) -> list[list[int]]:
    """Return what the rows read from the top, 0 for the gap."""
    return [
        [tiles.numbers.get((row, column), 0) for column in range(1, grid.columns + 1)]
        for row in range(1, grid.rows + 1)
    ]


def _in_words(grid: Grid, tiles: Tiles) -> str:
    """Return what the rows read as a sentence has it."""
    rows = (", ".join(str(number or "gap") for number in row) for row in _rows(grid, tiles))
    return "; ".join(f"row {index}: {row}" for index, row in enumerate(rows, start=1))


def _events(stage: Stage, puzzle: Puzzle, course: Slides) -> list[Event]:
    slides = (
        (
            "slide",
            f"the tile in {cell_words(left)} slides {way} into {cell_words(gap)}",
            {"from": list(left), "to": list(gap), "direction": way},
        )
        for way, (gap, left) in zip(course.operations, pairwise(gaps_of(course)), strict=True)
    )
    shown = f"the tiles show their numbers ({_in_words(puzzle.grid, puzzle.shown)})"
    return stage.told(shown, {}, slides, "the tiles are blank")


def _derivation(query: Query, puzzle: Puzzle, course: Slides) -> Sequence[str | Sentence]:
    if query.mode is Mode.HISTORICAL:
        order = {"event": "slide", "property": "order", "value": list(course.operations)}
        return [Sentence(f"In order, the tiles slide {', '.join(course.operations)}.", (order,))]
    moves = [f"the {ordinal(number)} move," for number in range(1, len(course.states))]
    told = [_in_words(puzzle.grid, tiles) for tiles in course.states]
    return orders.retold(told, moves, from_start=puzzle.opening)


KIND = Kind("sliding_puzzle", Category.GRID, Term.LONG, Domain.TEMPORAL, {Form.NUMERIC, Form.OPEN}, make)
"""SynRL, 2.1.2: retrodictive identity inference"""
