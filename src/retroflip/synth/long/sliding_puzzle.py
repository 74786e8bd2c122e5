"""Sliding puzzle: number tiles turn blank, slide one by one into the gap, and show their numbers at one end.

The gap is always to be seen, so all options stem from moves that begin with the gap in the same place and end with it
in the same place. In questions about the moves themselves it is also in the same place halfway.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Any

from retroflip.synth.animation import Actor, Animation, Colour, actor
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
from retroflip.synth.long.timeline import Timeline, Track, draw_timeline, shown_in
from retroflip.synth.names import Form
from retroflip.synth.objects import draw_looks
from retroflip.synth.wording import ordinal, phrased
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


@dataclass(frozen=True)
class Query:
    """A question and, for any moves, its answer as a value (None: it cannot be asked of them).

    barred: what is shown where the question asks for the other end of the clip; never an option.
    """

    mode: Mode
    ask: Ask
    text: str
    parameters: Mapping[str, Any]
    outcome: Callable[[Puzzle, Moves], Any]
    barred: Any = None


def slid(numbers: Numbers, gap: Cell, direction: str) -> tuple[dict[Cell, int], Cell]:
    """Return the tiles and the gap after a tile has slid that way into the gap. Raises KeyError if none can."""
    down, right = STEPS[direction]
    source = (gap[0] - down, gap[1] - right)
    after = dict(numbers)
    after[gap] = after.pop(source)
    return after, source


def undone(moves: Moves) -> Moves:
    """Return the moves that take the tiles back."""
    return tuple(OPPOSITE[way] for way in reversed(moves))


def history(puzzle: Puzzle, moves: Moves) -> list[Numbers]:
    """Return the tiles before the first move and after each."""
    course, gap = [puzzle.shown], puzzle.gap
    for way in moves if puzzle.opening else undone(moves):
        tiles, gap = slid(course[-1], gap, way)
        course.append(tiles)
    return course if puzzle.opening else course[::-1]


def make(draw: Draw) -> Pair:
    """Draw a puzzle and two courses of moves with the gap in the same places and different answers."""
    (mode, ask), rank = dealt_case(draw, CASES)
    timeline = draw_timeline(draw, OPERATIONS, least=LEAST_OPERATIONS)
    timeline = replace(timeline, operations=timeline.operations // 2 * 2)
    puzzle = _puzzle(draw, mode)
    query, groups, options = _asked(draw, mode, ask, puzzle, timeline.operations)
    scene = _Scene(draw, timeline, puzzle)
    words = tuple(_words(option) for option in options)
    sides = []
    for chosen in both_ranks(draw, rank, len(options)):
        moves = draw.one_of(groups[options[chosen]])
        clip = scene.clip(moves)
        if not fits_view(clip, timeline.min_fps(2), draw.settings):
            raise Redraw("the frames that a viewer is shown lie too far apart for so many moves")
        sides.append(_episode(scene, clip, moves, query, words))
    return Pair(sides[0], sides[1], "operations")


def _puzzle(draw: Draw, mode: Mode) -> Puzzle:
    grid = Grid(*GRIDS[draw.settings.difficulty - 1], span=0.8)
    cells = draw.some_of(grid.cells(), grid.rows * grid.columns)
    opening = mode is Mode.FORWARD or (mode is Mode.HISTORICAL and bool(draw.rng.integers(2)))
    return Puzzle(grid, {cell: number for number, cell in enumerate(cells[1:], start=1)}, opening)


def _asked(
    draw: Draw, mode: Mode, ask: Ask, puzzle: Puzzle, count: int
) -> tuple[Query, dict[Any, list[Moves]], list[Any]]:
    """Return a question about `count` moves, the moves by what comes of them, and the options as values."""
    historical = mode is Mode.HISTORICAL
    walks = _walks(draw, puzzle, count, back=historical)
    alike = by_answer(walks, partial(_gaps, puzzle, halfway=historical))
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
                (way, source)
                for way, (down, right) in STEPS.items()
                if (source := (gap[0] - down, gap[1] - right)) in cells
                and (back or not moves or way != OPPOSITE[moves[-1]])
            ]
            way, gap = ways[int(turn * len(ways))]
            moves.append(way)
        found[tuple(moves) if puzzle.opening else undone(tuple(moves))] = None
    return list(found)


def _gaps(puzzle: Puzzle, moves: Moves, *, halfway: bool) -> tuple[Cell, ...]:
    """Return where the gap is at the end of the clip that does not show the numbers, and after half the moves."""
    way = moves if puzzle.opening else undone(moves)
    gaps = [puzzle.gap]
    for down, right in (STEPS[move] for move in way):
        gaps.append((gaps[-1][0] - down, gaps[-1][1] - right))
    return (gaps[-1], gaps[len(moves) // 2]) if halfway else (gaps[-1],)


def _query(draw: Draw, mode: Mode, ask: Ask, puzzle: Puzzle, seen: Sequence[Cell], count: int) -> Query:
    if ask is Ask.COUNT:
        way = draw.one_of(list(STEPS))
        parameters: dict[str, Any] = {"ask": ask.value, "direction": way}
        return Query(
            mode, ask, phrased(draw, mode, ask, direction=way), parameters, lambda _, moves: moves.count(way)
        )
    if ask is Ask.DIRECTION:
        index = int(draw.rng.integers(count))
        text = phrased(draw, mode, ask, ordinal=ordinal(index + 1))
        return Query(mode, ask, text, {"ask": ask.value, "move": index + 1}, lambda _, moves: moves[index])
    moment = -1 if mode is Mode.FORWARD else 0
    gaps = (puzzle.gap, seen[0])
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
    full = [row for row in range(1, puzzle.grid.rows + 1) if row not in (gaps[0][0], gaps[1][0])]
    row = draw.one_of(full)
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


class _Scene:
    """All that both sides of a pair look like, whatever the moves."""

    def __init__(self, draw: Draw, timeline: Timeline, puzzle: Puzzle) -> None:
        self._draw, self.timeline, self.puzzle = draw, timeline, puzzle
        self._colour = draw.one_of(TILES)
        self._background = draw.background()
        looks = draw_looks(draw, draw.settings.distractors)
        self._bystanders = lying(draw, looks, timeline.frames)
        self.objects = [
            {
                "id": f"number {number}",
                "shape": "square",
                "colour": "grey",
                "name": f"tile with the number {number}",
                "role": "tile",
            }
            for number in sorted(puzzle.shown.values())
        ] + [look.facts(one.id, role="distractor") for one, look in zip(self._bystanders, looks, strict=True)]

    def clip(self, moves: Moves) -> Animation:
        """Return the clip in which the tiles slide that way."""
        settings = self._draw.settings
        return Animation(
            (*self._bystanders, self._tray(), *self._tiles(moves), *self._numbers()),
            self._background,
            settings.fps,
            self.timeline.frames,
            settings.noise,
            self._draw.noise_seed(),
        )

    def _tray(self) -> Actor:
        grid = self.puzzle.grid
        rim = 0.1 * grid.pitch
        return actor(
            "tray",
            "rectangle",
            TRAY,
            frames=self.timeline.frames,
            x=0.5,
            y=0.5,
            half_width=grid.columns * grid.pitch / 2 + rim,
            half_height=grid.rows * grid.pitch / 2 + rim,
        )

    def _tiles(self, moves: Moves) -> list[Actor]:
        """The tiles without what they say, named by the cells in which they begin."""
        grid, frames = self.puzzle.grid, self.timeline.frames
        before = history(self.puzzle, moves)[0]
        gap = next(cell for cell in grid.cells() if cell not in before)
        tracks = {cell: Track(frames, *grid.centre(cell)) for cell in before}
        names = {cell: cell for cell in before}
        for index, way in enumerate(moves):
            down, right = STEPS[way]
            source = (gap[0] - down, gap[1] - right)
            names[gap] = names.pop(source)
            tracks[names[gap]].ease(self.timeline.span(index), *grid.centre(gap))
            gap = source
        return [
            actor(
                f"tile {cell_words(cell)}",
                "square",
                self._colour,
                frames=frames,
                x=track.column_T(0),
                y=track.column_T(1),
                half_width=0.46 * grid.pitch,
            )
            for cell, track in tracks.items()
        ]

    def _numbers(self) -> list[Actor]:
        """What the tiles say lies over them as they rest in the state shown."""
        grid = self.puzzle.grid
        opacity_T = shown_in(self.timeline, opening=self.puzzle.opening)
        actors = []
        for cell, number in self.puzzle.shown.items():
            x, y = grid.centre(cell)
            actors.append(
                actor(
                    f"number {number}",
                    "text",
                    (255, 255, 255),
                    frames=self.timeline.frames,
                    x=x,
                    y=y,
                    half_width=0.3 * grid.pitch,
                    half_height=0.3 * grid.pitch,
                    opacity=opacity_T,
                    text=str(number),
                    text_height=0.3 * grid.pitch,
                )
            )
        return actors


def _words(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _changes(puzzle: Puzzle, moves: Moves, query: Query) -> frozenset[Transform]:
    value = query.outcome(puzzle, moves)
    mirrored = tuple(OPPOSITE[way] if way in SIDEWAYS else way for way in moves)
    seen = {
        Transform.FLIP: query.outcome(puzzle.flipped(), mirrored),
        Transform.REVERSE: query.outcome(replace(puzzle, opening=not puzzle.opening), undone(moves)),
    }
    return frozenset(change for change, other in seen.items() if other not in (None, value))


def _episode(scene: _Scene, clip: Animation, moves: Moves, query: Query, options: tuple[str, ...]) -> Episode:
    puzzle, timeline = scene.puzzle, scene.timeline
    words = _words(query.outcome(puzzle, moves))
    course = history(puzzle, moves)
    is_number = query.ask in (Ask.NUMBER, Ask.COUNT)
    return Episode(
        animation=clip,
        question=Question(
            text=query.text,
            mode=query.mode,
            options=options,
            answer=words,
            parameters=query.parameters,
            changed_by=_changes(puzzle, moves, query),
            ordered=is_number,
            numeric=float(words) if is_number else None,
            unit="moves" if query.ask is Ask.COUNT else "",
            is_open=not is_number,
        ),
        objects=scene.objects,
        events=_events(timeline, puzzle, moves),
        states=[
            State(timeline.at_rest(index), {"rows": _rows(puzzle.grid, numbers)})
            for index, numbers in enumerate(course)
        ],
        derivation=_derivation(puzzle, moves, course, query, words),
        min_fps=timeline.min_fps(2),
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


def _events(timeline: Timeline, puzzle: Puzzle, moves: Moves) -> list[Event]:
    shown = f"the tiles show their numbers ({_in_words(puzzle.grid, puzzle.shown)})"
    names = ("reveal", "blank") if puzzle.opening else ("blank", "reveal")
    notes = {"reveal": shown, "blank": "the tiles are blank"}
    gap = next(cell for cell in puzzle.grid.cells() if cell not in history(puzzle, moves)[0])
    slides = []
    for index, way in enumerate(moves):
        down, right = STEPS[way]
        source = (gap[0] - down, gap[1] - right)
        slides.append(
            Event(
                "slide",
                *timeline.span(index),
                f"the tile in {cell_words(source)} slides {way} into {cell_words(gap)}",
                {"from": list(source), "to": list(gap), "direction": way},
            )
        )
        gap = source
    return [
        Event(names[0], *timeline.opening, notes[names[0]]),
        *slides,
        Event(names[1], *timeline.closing, notes[names[1]]),
    ]


def _derivation(
    puzzle: Puzzle, moves: Moves, course: Sequence[Numbers], query: Query, words: str
) -> list[str]:
    if query.mode is Mode.HISTORICAL:
        return [f"In order, the tiles slide {', '.join(moves)}.", f"So the answer is: {words}."]
    boards = [_in_words(puzzle.grid, numbers) for numbers in course]
    if puzzle.opening:
        told = [f"At the start, {boards[0]}."]
        told += [
            f"After the {ordinal(number)} move, {board}." for number, board in enumerate(boards[1:], start=1)
        ]
    else:
        told = [f"At the end, {boards[-1]}, and I work backwards."]
        told += [
            f"Before the {ordinal(number)} move, {boards[number - 1]}." for number in range(len(moves), 0, -1)
        ]
    return [*told, f"So the answer is: {words}."]


KIND = Kind(
    name="sliding_puzzle",
    category=Category.GRID,
    term=Term.LONG,
    domain=Domain.TEMPORAL,
    forms=frozenset({Form.NUMERIC, Form.OPEN}),
    make=make,
)
"""SynRL, 2.1.2: retrodictive identity inference"""
