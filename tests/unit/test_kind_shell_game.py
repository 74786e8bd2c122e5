"""The shell game: swaps by hand, what options have in common, and what a frame shows."""

from collections import Counter
from itertools import permutations
from typing import Any

import numpy as np
import pytest

from retroflip.synth.checks.shell_game import answer
from retroflip.synth.episode import Episode, Mode, Pair
from retroflip.synth.long.grid import Grid, cell_words
from retroflip.synth.long.shell_game import KIND, Board, course_of, swap_words, swapped
from retroflip.synth.objects import Look
from retroflip.synth.settings import SceneSettings
from retroflip.synth.wording import ordinal
from retroflip.video.transforms import Transform
from temporal_pairs import on_disk, pair_of

LOOKS = {"o1": Look("circle", "red"), "o2": Look("star", "blue")}
SWAPS = (((1, 1), (1, 2)), ((1, 2), (2, 2)), ((1, 1), (2, 1)))
PAIRS = [pair_of(KIND, 5, turn) for turn in range(48)]
SIDES = [side for pair in PAIRS for side in pair[:2]]


def board(shown: dict[str, tuple[int, int]], *, opening: bool) -> Board:
    return Board(Grid(2, 2), LOOKS, shown, (), opening)


def asked(side: Episode) -> str:
    return str(side.question.parameters["ask"])


def swaps_of(side: Episode) -> list[tuple[Any, ...]]:
    return [
        tuple(tuple(cell) for cell in event.facts["cells"]) for event in side.events if event.type == "swap"
    ]


def test_a_swap_moves_both_objects_and_leaves_the_rest() -> None:
    places = {"o1": (1, 1), "o2": (2, 2), "o3": (1, 2)}
    assert swapped(places, ((1, 1), (2, 2))) == {"o1": (2, 2), "o2": (1, 1), "o3": (1, 2)}
    assert swapped(places, ((2, 1), (2, 3))) == places


def test_the_course_from_the_start_is_worked_out_by_hand() -> None:
    course = course_of(board({"o1": (1, 1), "o2": (2, 1)}, opening=True), SWAPS)
    assert [places["o1"] for places in course.states] == [(1, 1), (1, 2), (2, 2), (2, 2)]
    assert [places["o2"] for places in course.states] == [(2, 1), (2, 1), (2, 1), (1, 1)]


def test_the_course_from_the_end_is_the_same() -> None:
    course = course_of(board({"o1": (2, 2), "o2": (1, 1)}, opening=False), SWAPS)
    assert course == course_of(board({"o1": (1, 1), "o2": (2, 1)}, opening=True), SWAPS)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"ask": "cell", "object": "o1"}, "row 2, column 2"),
        ({"ask": "cell", "object": "o2"}, "row 1, column 1"),
        ({"ask": "displaced"}, "2"),
        ({"ask": "after swap", "object": "o1", "swaps": 1}, "row 1, column 2"),
        ({"ask": "after swap", "object": "o2", "swaps": 2}, "row 2, column 1"),
        ({"ask": "next swap", "swap": [[2, 2], [1, 2]]}, "(row 1, column 1) and (row 2, column 1)"),
    ],
)
def test_the_checker_is_right_by_hand(parameters: dict[str, Any], expected: str) -> None:
    swaps = [
        {"type": "swap", "start_frame": 10 * index, "cells": [list(cell) for cell in swap]}
        for index, swap in enumerate(SWAPS, start=1)
    ]
    metadata = {
        "question": {"parameters": parameters},
        "events": [*swaps[::-1], {"type": "reveal", "start_frame": 0}, {"type": "blank", "start_frame": 99}],
        "states": [{"frame": 9, "cells": {"o1": [1, 1], "o2": [2, 1]}}],
    }
    assert answer(metadata) == expected


def test_ordinals_read_as_they_are_spoken() -> None:
    assert [ordinal(number) for number in (1, 3, 10, 11, 12, 20, 21, 22, 23, 30)] == [
        *("first", "third", "tenth", "eleventh", "twelfth", "twentieth", "21st", "22nd", "23rd", "30th"),
    ]


@pytest.mark.parametrize("pair", [pair for pair in PAIRS if pair.how == "operations"])
def test_both_sides_do_the_same_swaps_in_other_orders_from_the_same_state(pair: Pair) -> None:
    one, other = swaps_of(pair.first), swaps_of(pair.second)
    assert one != other
    assert Counter(one) == Counter(other)
    shown = -1 if pair.first.question.mode is Mode.RETRODICTIVE else 0
    assert pair.first.states[shown].facts == pair.second.states[shown].facts


@pytest.mark.parametrize("pair", [pair for pair in PAIRS if pair.how == "flip"])
def test_a_mirrored_side_has_its_options_mirrored_among_them(pair: Pair) -> None:
    grid = Grid(3, 3)
    options = {
        cell_words(grid.mirrored(cell))
        for cell in grid.cells()
        if cell_words(cell) in pair[0].question.options
    }
    assert options == set(pair.first.question.options)


def test_every_option_is_what_some_order_of_the_swaps_seen_leads_to() -> None:
    short = SceneSettings(difficulty=1)
    for turn in range(12):
        side = pair_of(KIND, 6, turn, short).first
        metadata = on_disk(side)
        swaps = [event for event in metadata["events"] if event["type"] == "swap"]
        frames = [event["start_frame"] for event in swaps]
        found = set()
        for order in permutations(swaps):
            moved = [event | {"start_frame": frame} for event, frame in zip(order, frames, strict=True)]
            ends = [event for event in metadata["events"] if event["type"] != "swap"]
            if asked(side) == "next swap" and order[-1]["cells"] == side.question.parameters["swap"]:
                continue
            found.add(answer(metadata | {"events": ends + moved}))
        assert set(side.question.options) <= found


def test_an_object_asked_for_has_left_its_cell_and_its_cell_is_no_option() -> None:
    for side in SIDES:
        if asked(side) in ("cell", "after swap"):
            shown = -1 if side.question.mode is Mode.RETRODICTIVE else 0
            cell = side.states[shown].facts["cells"][side.question.parameters["object"]]
            assert cell_words(tuple(cell)) not in side.question.options


def test_objects_are_seen_at_one_end_alone_and_nothing_moves_in_the_middle_frame() -> None:
    for side in SIDES:
        clip = side.animation
        first, last = (0, -1) if side.question.mode is not Mode.RETRODICTIVE else (-1, 0)
        by_id = {one.id: one for one in clip.actors}
        for name in (str(one["id"]) for one in side.objects if one.get("role") == "object"):
            assert by_id[name].opacity_T[first] == 1.0
            assert by_id[name].opacity_T[last] == 0.0
            assert by_id[name].opacity_T[side.states[0].frame : side.states[-1].frame + 1].max() == 0.0
        assert all(one.opacity_T[clip.frames // 2] == 0.0 for one in clip.actors if "in motion" in one.id)


def test_the_two_covers_of_a_swap_go_from_cell_to_cell_past_each_other() -> None:
    side = next(side for side in SIDES if side.question.mode is Mode.FORWARD)
    one, two = (actor for actor in side.animation.actors if actor.id.startswith("cover in motion"))
    by_id = {actor.id: actor for actor in side.animation.actors}
    for event in side.events:
        if event.type != "swap":
            continue
        start, end = event.start_frame, event.end_frame
        cells = [by_id[f"cover {cell_words(tuple(cell))}"] for cell in event.facts["cells"]]
        for cover, (begin, finish) in ((one, cells), (two, cells[::-1])):
            assert (cover.x_T[start], cover.y_T[start]) == pytest.approx((begin.x_T[0], begin.y_T[0]))
            assert (cover.x_T[end], cover.y_T[end]) == pytest.approx((finish.x_T[0], finish.y_T[0]))
        between = np.hypot(one.x_T - two.x_T, one.y_T - two.y_T)[start : end + 1]
        assert between.min() > 0.5 * between[0]
        assert all(cell.opacity_T[start : end + 1].max() == 0.0 for cell in cells)


def test_what_a_reversal_and_a_mirror_change_is_known() -> None:
    for side in SIDES:
        if asked(side) == "displaced":
            assert side.question.changed_by == frozenset()
        if asked(side) == "cell":
            assert Transform.REVERSE in side.question.changed_by
            middle = side.question.answer.endswith("column 2")
            assert (Transform.FLIP in side.question.changed_by) is not middle


def test_the_cell_nearest_to_where_the_object_is_shown_is_no_better_guess() -> None:
    sides = [side for turn in range(120) for side in pair_of(KIND, 8, turn)[:2]]
    asks = [side for side in sides if asked(side) == "cell"]
    right = 0
    for side in asks:
        shown = -1 if side.question.mode is Mode.RETRODICTIVE else 0
        row, column = side.states[shown].facts["cells"][side.question.parameters["object"]]
        cells = {cell_words(cell): cell for cell in Grid(3, 4).cells()}
        near = min(
            side.question.options,
            key=lambda option: abs(cells[option][0] - row) + abs(cells[option][1] - column),
        )
        right += near == side.question.answer
    assert abs(right / len(asks) - 0.25) < 3.5 * (0.25 * 0.75 / len(asks)) ** 0.5


def test_swaps_are_named_by_their_cells() -> None:
    assert swap_words(((1, 2), (2, 1))) == "(row 1, column 2) and (row 2, column 1)"
