"""Sliding puzzle: number tiles turn blank, slide one by one into the gap, and show their numbers at one end.

The gap is always to be seen, so all options stem from moves that begin with the gap in the same place and end with it
in the same place. In questions about the moves themselves it is also in the same place halfway.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from itertools import pairwise
from typing import Any

from retroflip.synth.animation import Actor, Animation, Colour
from retroflip.synth.episode import ANEW, Asked, Draw, Episode, Event, Kind, Mode, Pair, Redraw, paired
from retroflip.synth.long import orders
from retroflip.synth.long.grid import AXES, Cell, Grid, cell_words
from retroflip.synth.long.orders import by_answer, dealt_case, ranked_answers, retold, runs
from retroflip.synth.long.stage import Stage
from retroflip.synth.long.timeline import Track, draw_timeline
from retroflip.synth.names import Category, Domain, Form, Term
from retroflip.synth.objects import thing
from retroflip.synth.wording import listed, ordinal, phrased
from retroflip.video.transforms import Transform

Moves = tuple[str, ...]
"""the way in which each tile slides, by name"""
Numbers = Mapping[Cell, int]
"""of all tiles, by their cells; the gap is the cell that is missing"""
STEPS: dict[str, Cell] = {"left": (0, -1), "right": (0, 1), "up": (-1, 0), "down": (1, 0)}
OPPOSITE = {"left": "right", "right": "left", "up": "down", "down": "up"}
SIDEWAYS = ("left", "right")


class Ask(StrEnum):
    """What is asked for, besides the mode."""

    NUMBER = "number"
    ROW = "row"
    COUNT = "count"
    DIRECTION = "direction"


CASES = (
    (Mode.FORWARD, Ask.NUMBER),
    (Mode.FORWARD, Ask.ROW),
    (Mode.RETRODICTIVE, Ask.NUMBER),
    (Mode.RETRODICTIVE, Ask.ROW),
    (Mode.HISTORICAL, Ask.COUNT),
    (Mode.HISTORICAL, Ask.DIRECTION),
)
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
    shown: Numbers
    opening: bool

    @property
    def gap(self) -> Cell:
        """The cell without a tile in the state that is shown."""
        return next(cell for cell in self.grid.cells() if cell not in self.shown)

    def flipped(self) -> "Puzzle":
        """Return the puzzle as a mirror shows it."""
        return replace(self, shown={self.grid.mirrored(cell): number for cell, number in self.shown.items()})


Query = orders.Query[Puzzle, str]


def source(gap: Cell, direction: str) -> Cell:
    """Return the cell whose tile slides that way into the gap; it is the next gap."""
    down, right = STEPS[direction]
    return gap[0] - down, gap[1] - right


def slid(numbers: Numbers, gap: Cell, direction: str) -> tuple[dict[Cell, int], Cell]:
    """Return the tiles and the gap after a tile has slid that way into the gap. Raises KeyError if none can."""
    after = dict(numbers)
    after[gap] = after.pop(source(gap, direction))
    return after, source(gap, direction)


def undone(moves: Sequence[str]) -> Moves:
    """Return the moves that take the tiles back."""
    return tuple(OPPOSITE[way] for way in reversed(moves))


def history(puzzle: Puzzle, moves: Sequence[str]) -> list[Numbers]:
    """Return the tiles before the first move and after each."""
    course, gap = [puzzle.shown], puzzle.gap
    for way in moves if puzzle.opening else undone(moves):
        tiles, gap = slid(course[-1], gap, way)
        course.append(tiles)
    return course if puzzle.opening else course[::-1]


def gaps_of(puzzle: Puzzle, moves: Sequence[str]) -> list[Cell]:
    """Return where the gap is before the first move and after each."""
    gaps = [puzzle.gap]
    for way in moves if puzzle.opening else undone(moves):
        gaps.append(source(gaps[-1], way))
    return gaps if puzzle.opening else gaps[::-1]


def make(draw: Draw) -> Pair:
    """Draw a puzzle and two courses of moves with the gap in the same places and different answers."""
    (mode, ask), rank = dealt_case(draw, CASES)
    timeline = draw_timeline(draw, draw.wanted(OPERATIONS), SEEN, LEAST_OPERATIONS)
    timeline = replace(timeline, operations=timeline.operations // 2 * 2)
    puzzle = _puzzle(draw, mode)
    query, groups, options = _asked(draw, mode, ask, puzzle, timeline.operations)
    colour, background = draw.one_of(TILES), draw.background()
    stage = Stage.drawn(draw, timeline, opening=puzzle.opening, background=background)
    tiles = [
        thing(f"number {number}", "square", "grey", f"tile with the number {number}", role="tile")
        for number in sorted(puzzle.shown.values())
    ]
    asked = Asked(
        text=query.text,
        options=[listed(option) for option in options],
        parameters=query.parameters,
        objects=stage.objects(tiles),
        min_fps=timeline.min_fps(SEEN),
        mode=mode,
        ordered=ask in (Ask.NUMBER, Ask.COUNT),
        unit="moves" if ask is Ask.COUNT else "",
        is_open=ask in (Ask.ROW, Ask.DIRECTION),
    )
    one, two = (
        _side(stage, colour, asked, query, puzzle, moves)
        for _, moves in ranked_answers(draw, groups, options, rank)
    )
    return paired(draw, one, two, ANEW)


def _puzzle(draw: Draw, mode: Mode) -> Puzzle:
    grid = Grid(*draw.level(GRIDS), span=0.8)
    cells = draw.some_of(grid.cells(), grid.rows * grid.columns)
    opening = mode is Mode.FORWARD or (mode is Mode.HISTORICAL and bool(draw.rng.integers(2)))
    return Puzzle(grid, {cell: number for number, cell in enumerate(cells[1:], start=1)}, opening)


def _asked(
    draw: Draw, mode: Mode, ask: Ask, puzzle: Puzzle, count: int
) -> tuple[Query, dict[Any, list[Moves]], list[Any]]:
    """Return a question about `count` moves, the moves by what comes of them, and the options as values."""
    historical = mode is Mode.HISTORICAL
    walks = _walks(draw, puzzle, count, back=historical)
    alike = by_answer(walks, partial(_seen_gaps, puzzle, halfway=historical))
    for _ in range(_TRIES):
        seen = draw.one_of(sorted(alike))
        query = _query(draw, mode, ask, puzzle, seen, count)
        groups = by_answer(alike[seen], partial(query.outcome, puzzle))
        if options := _options(draw, query, sorted(groups)):
            return query, groups, options
    raise Redraw("no moves drawn have enough outcomes")


def _walks(draw: Draw, puzzle: Puzzle, count: int, *, back: bool) -> list[Moves]:
    """Return different courses of moves; `back`: a tile may slide back at once."""
    cells = set(puzzle.grid.cells())
    found: dict[Moves, None] = {}
    for _ in range(_WALKS):
        gap = puzzle.gap
        moves: list[str] = []
        for turn in draw.rng.random(count):
            ways = [
                way
                for way in STEPS
                if source(gap, way) in cells and (back or not moves or way != OPPOSITE[moves[-1]])
            ]
            moves.append(ways[int(turn * len(ways))])
            gap = source(gap, moves[-1])
        found[tuple(moves) if puzzle.opening else undone(tuple(moves))] = None
    return list(found)


def _seen_gaps(puzzle: Puzzle, moves: Moves, *, halfway: bool) -> tuple[Cell, ...]:
    """Return where the gap is at the end of the clip that does not show the numbers, and after half the moves."""
    gaps = gaps_of(puzzle, moves)
    end = gaps[-1 if puzzle.opening else 0]
    return (end, gaps[len(moves) // 2]) if halfway else (end,)


def _query(draw: Draw, mode: Mode, ask: Ask, puzzle: Puzzle, seen: Sequence[Cell], count: int) -> Query:
    if ask is Ask.COUNT:
        way = draw.one_of(list(STEPS))
        text, parameters = phrased(draw, mode, ask, direction=way), {"ask": ask.value, "direction": way}
        return Query(mode, ask, text, parameters, lambda _, moves: moves.count(way))
    if ask is Ask.DIRECTION:
        index = int(draw.rng.integers(count))
        text = phrased(draw, mode, ask, ordinal=ordinal(index + 1))
        return Query(mode, ask, text, {"ask": ask.value, "move": index + 1}, lambda _, moves: moves[index])
    moment, gaps = -1 if mode is Mode.FORWARD else 0, (puzzle.gap, seen[0])
    if ask is Ask.NUMBER:
        cell = draw.one_of([one for one in puzzle.grid.cells() if one not in gaps])
        return Query(
            mode,
            ask,
            f"{phrased(draw, mode, ask, cell=cell_words(cell))} {AXES}",
            {"ask": ask.value, "cell": list(cell)},
            lambda on, moves: history(on, moves)[moment].get(cell),
            puzzle.shown[cell],
        )
    row = draw.one_of([row for row in range(1, puzzle.grid.rows + 1) if row not in (gaps[0][0], gaps[1][0])])
    return Query(
        mode,
        ask,
        f"{phrased(draw, mode, ask, row=row)} Rows are counted from the top.",
        {"ask": ask.value, "row": row},
        lambda on, moves: _row(history(on, moves)[moment], row),
        _row(puzzle.shown, row),
    )


def _row(numbers: Numbers, row: int) -> tuple[int, ...] | None:
    """Return what a row reads, or None if the gap is in it."""
    tiles = tuple(numbers[cell] for cell in sorted(numbers) if cell[0] == row)
    others = {cell[1] for cell in numbers}
    return tiles if len(tiles) == len(others) else None


def _options(draw: Draw, query: Query, outcomes: Sequence[Any]) -> list[Any]:
    """Return the options as values, or none where the moves have too few outcomes."""
    if query.ask is Ask.COUNT:
        windows = runs(outcomes, 4) or runs(outcomes, 3)
        return list(draw.one_of(windows)) if windows else []
    allowed = [value for value in outcomes if value != query.barred]
    chosen = draw.some_of(allowed, 4) if len(allowed) > 3 else []
    return sorted(chosen) if query.ask is Ask.NUMBER else chosen


def _clip(stage: Stage, colour: Colour, puzzle: Puzzle, moves: Moves) -> Animation:
    """Return the clip in which the tiles slide that way, with what they say over them in the state shown."""
    grid = puzzle.grid
    rim = 0.1 * grid.pitch
    half = grid.columns * grid.pitch / 2 + rim, grid.rows * grid.pitch / 2 + rim
    numbers = [
        stage.writing(
            f"number {number}", str(number), grid.centre(cell), 0.3 * grid.pitch, stage.shown_T, WHITE
        )
        for cell, number in puzzle.shown.items()
    ]
    tray = stage.actor("tray", "rectangle", TRAY, (0.5, 0.5), half)
    return stage.animation([tray, *_tiles(stage, colour, puzzle, moves), *numbers])


def _tiles(stage: Stage, colour: Colour, puzzle: Puzzle, moves: Moves) -> list[Actor]:
    """Return the tiles without what they say, named by the cells in which they begin."""
    grid, timeline = puzzle.grid, stage.timeline
    tracks = {cell: Track(timeline.frames, *grid.centre(cell)) for cell in history(puzzle, moves)[0]}
    begun = {cell: cell for cell in tracks}
    for index, (gap, left) in enumerate(pairwise(gaps_of(puzzle, moves))):
        begun[gap] = begun.pop(left)
        tracks[begun[gap]].ease(timeline.span(index), *grid.centre(gap))
    half = 0.46 * grid.pitch
    return [
        stage.actor(f"tile {cell_words(cell)}", "square", colour, way.point_T, (half, half))
        for cell, way in tracks.items()
    ]


def _side(stage: Stage, colour: Colour, asked: Asked, query: Query, puzzle: Puzzle, moves: Moves) -> Episode:
    answer = query.outcome(puzzle, moves)
    mirrored = tuple(OPPOSITE[way] if way in SIDEWAYS else way for way in moves)
    turned = {
        Transform.FLIP: (puzzle.flipped(), mirrored),
        Transform.REVERSE: (replace(puzzle, opening=not puzzle.opening), undone(moves)),
    }
    course = history(puzzle, moves)
    return asked.episode(
        _clip(stage, colour, puzzle, moves),
        listed(answer),
        query.changed_by(answer, turned),
        events=_events(stage, puzzle, moves),
        states=stage.timeline.states({"rows": _rows(puzzle.grid, numbers)} for numbers in course),
        derivation=[*_derivation(query, puzzle, moves, course), f"So the answer is: {listed(answer)}."],
    )


def _rows(grid: Grid, numbers: Numbers) -> list[list[int]]:
    """Return what the rows read from the top, 0 for the gap."""
    return [
        [numbers.get((row, column), 0) for column in range(1, grid.columns + 1)]
        for row in range(1, grid.rows + 1)
    ]


def _in_words(grid: Grid, numbers: Numbers) -> str:
    """Return what the rows read as a sentence has it."""
    rows = (", ".join(str(number or "gap") for number in row) for row in _rows(grid, numbers))
    return "; ".join(f"row {index}: {row}" for index, row in enumerate(rows, start=1))


def _events(stage: Stage, puzzle: Puzzle, moves: Moves) -> list[Event]:
    slides = stage.timeline.events(
        (
            "slide",
            f"the tile in {cell_words(left)} slides {way} into {cell_words(gap)}",
            {"from": list(left), "to": list(gap), "direction": way},
        )
        for way, (gap, left) in zip(moves, pairwise(gaps_of(puzzle, moves)), strict=True)
    )
    shown = f"the tiles show their numbers ({_in_words(puzzle.grid, puzzle.shown)})"
    return stage.told(shown, {}, slides, "the tiles are blank")


def _derivation(query: Query, puzzle: Puzzle, moves: Moves, course: Sequence[Numbers]) -> list[str]:
    if query.mode is Mode.HISTORICAL:
        return [f"In order, the tiles slide {', '.join(moves)}."]
    names = [ordinal(number) for number in range(1, len(moves) + 1)]
    return retold(
        [_in_words(puzzle.grid, numbers) for numbers in course],
        [f"After the {name} move," for name in names],
        [f"Before the {name} move," for name in names],
        from_start=puzzle.opening,
    )


KIND = Kind(
    "sliding_puzzle", Category.GRID, Term.LONG, Domain.TEMPORAL, frozenset({Form.NUMERIC, Form.OPEN}), make
)
"""SynRL, 2.1.2: retrodictive identity inference"""
