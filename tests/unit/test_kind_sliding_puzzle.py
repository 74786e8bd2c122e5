"""The sliding puzzle: slides by hand, what options have in common, and what a frame shows."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from retroflip.synth.checks.sliding_puzzle import answer
from retroflip.synth.episode import Episode, Mode, Pair
from retroflip.synth.long.grid import Grid
from retroflip.synth.long.sliding_puzzle import KIND, Puzzle, Tiles, course_of, slid
from retroflip.synth.settings import SceneSettings
from retroflip.synth.ways import STEPS, played_back
from retroflip.video.transforms import Transform
from temporal_pairs import on_disk, pair_of

SMALL = Tiles({(1, 1): 1, (1, 2): 2, (2, 1): 3}, (2, 2))
PAIRS = [pair_of(KIND, 5, turn) for turn in range(48)]
SIDES = [side for pair in PAIRS for side in pair[:2]]


def asked(side: Episode) -> str:
    return str(side.question.parameters["ask"])


def shown_at(side: Episode) -> int:
    return 0 if side.events[0].type == "reveal" else -1


def test_a_tile_slides_into_the_gap_and_leaves_one() -> None:
    assert slid(SMALL, "down") == ({(1, 1): 1, (2, 2): 2, (2, 1): 3}, (1, 2))
    assert slid(SMALL, "right") == ({(1, 1): 1, (1, 2): 2, (2, 2): 3}, (2, 1))


def test_nothing_slides_from_outside_the_tray() -> None:
    with pytest.raises(KeyError):
        slid(SMALL, "up")


def test_a_round_trip_of_the_gap_turns_three_tiles_about() -> None:
    """Each tile goes one place on: after down, right, up, left, 2 and 3 and 1 have changed places in a ring."""
    course = course_of(Puzzle(Grid(2, 2), SMALL, opening=True), ("down", "right", "up", "left"))
    assert course.states[2] == ({(1, 2): 1, (2, 2): 2, (2, 1): 3}, (1, 1))
    assert course.states[-1] == ({(1, 1): 3, (1, 2): 1, (2, 1): 2}, (2, 2))


def test_undone_moves_lead_back_and_the_course_is_the_same_from_its_end() -> None:
    moves = ("down", "right", "up", "left")
    assert played_back(moves) == ("right", "down", "left", "up")
    course = course_of(Puzzle(Grid(2, 2), SMALL, opening=True), moves)
    assert course_of(Puzzle(Grid(2, 2), course.states[-1], opening=False), moves) == course


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"ask": "number", "cell": [1, 2]}, "1"),
        ({"ask": "row", "row": 1}, "3, 1"),
        ({"ask": "count", "direction": "left"}, "1"),
        ({"ask": "direction", "move": 2}, "right"),
    ],
)
def test_the_checker_is_right_by_hand(parameters: dict[str, Any], expected: str) -> None:
    gaps = [[2, 2], [1, 2], [1, 1], [2, 1], [2, 2]]
    slides = [
        {"type": "slide", "start_frame": 10 * index, "from": gaps[index], "to": gaps[index - 1]}
        for index in (3, 1, 4, 2)
    ]
    metadata = {
        "question": {"parameters": parameters},
        "events": [*slides, {"type": "reveal", "start_frame": 0}],
        "states": [{"frame": 9, "rows": [[1, 2], [3, 0]]}, {"frame": 60, "rows": [[9, 9], [9, 9]]}],
    }
    assert answer(metadata) == expected


def told_by(side: Episode, rows: np.ndarray, slides: list[Any]) -> str:
    """The answer read off the state asked for, or counted from what the slides are called."""
    parameters = side.question.parameters
    ways = [slide["direction"] for slide in slides]
    match asked(side):
        case "number":
            row, column = parameters["cell"]
            return str(rows[row - 1, column - 1])
        case "row":
            return ", ".join(map(str, rows[parameters["row"] - 1]))
        case "count":
            return str(ways.count(parameters["direction"]))
    return str(ways[parameters["move"] - 1])


def test_states_follow_from_one_another_and_hold_the_answer() -> None:
    for side in SIDES:
        slides = [event.facts for event in side.events if event.type == "slide"]
        rows = [np.array(state.facts["rows"]) for state in side.states]
        for before, after, slide in zip(rows[:-1], rows[1:], slides, strict=True):
            source, goal = (tuple(np.array(slide[end]) - 1) for end in ("from", "to"))
            assert tuple(np.array(slide["from"]) + STEPS[slide["direction"]][::-1]) == tuple(slide["to"])
            assert before[goal] == after[source] == 0
            assert before[source] == after[goal]
            assert (before != after).sum() == 2
        assert side.question.answer == told_by(
            side, rows[-1 if side.question.mode is Mode.FORWARD else 0], slides
        )


def visible(side: Episode, frame: int) -> set[tuple[float, float, str]]:
    """What a frame shows, without what tells the actors apart."""
    return {
        (round(float(one.x_T[frame]), 6), round(float(one.y_T[frame]), 6), one.text)
        for one in side.animation.actors
        if one.opacity_T[frame] > 0.0
    }


@pytest.mark.parametrize("pair", PAIRS)
def test_both_sides_look_alike_wherever_the_gap_could_tell(pair: Pair) -> None:
    frames = pair.first.animation.frames
    alike = [0, frames - 1]
    alike += [frames // 2] if pair.first.question.mode is Mode.HISTORICAL else []
    for frame in alike:
        assert visible(pair.first, frame) == visible(pair.second, frame)


def test_numbers_are_seen_at_one_end_alone() -> None:
    for side in SIDES:
        ends = (0, side.animation.frames - 1)
        seen = [{text for *_, text in visible(side, frame)} for frame in ends]
        shown = shown_at(side)
        assert seen[shown] > seen[-1 - shown] == {""}
        for frame in range(side.states[0].frame, side.states[-1].frame + 1, 7):
            assert {text for *_, text in visible(side, frame)} == {""}


def test_what_is_shown_in_the_place_asked_about_is_no_option() -> None:
    for side in SIDES:
        rows, parameters = side.states[shown_at(side)].facts["rows"], side.question.parameters
        if asked(side) == "number":
            row, column = parameters["cell"]
            assert str(rows[row - 1][column - 1]) not in side.question.options
        if asked(side) == "row":
            assert ", ".join(map(str, rows[parameters["row"] - 1])) not in side.question.options


def test_tiles_do_not_slide_back_at_once_where_the_state_is_asked_for() -> None:
    for side in SIDES:
        ways = tuple(event.facts["direction"] for event in side.events if event.type == "slide")
        if side.question.mode is not Mode.HISTORICAL:
            assert all(one != played_back((other,))[0] for one, other in pairwise(ways))


def test_what_a_reversal_and_a_mirror_change_is_known() -> None:
    for side in SIDES:
        if asked(side) == "row":
            assert side.question.changed_by == {Transform.FLIP, Transform.REVERSE}
        if asked(side) == "direction":
            assert (Transform.FLIP in side.question.changed_by) is (side.question.answer in ("left", "right"))
        if asked(side) == "count":
            ways = [event.facts["direction"] for event in side.events if event.type == "slide"]
            back = played_back((side.question.parameters["direction"],))[0]
            assert (Transform.REVERSE in side.question.changed_by) is (
                ways.count(back) != int(side.question.answer)
            )


def test_tiles_keep_apart_all_the_time() -> None:
    side = pair_of(KIND, 9, 1, SceneSettings(difficulty=5)).first
    tiles = [one for one in side.animation.actors if one.id.startswith("tile ")]
    assert len(tiles) == 15
    x_AT, y_AT = (np.stack([getattr(one, axis) for one in tiles]) for axis in ("x_T", "y_T"))
    apart_AAT = np.maximum(np.abs(x_AT[:, None] - x_AT), np.abs(y_AT[:, None] - y_AT))
    apart_AAT[np.arange(15), np.arange(15)] = 1.0
    assert apart_AAT.min() >= 2 * tiles[0].half_width_T[0] - 1e-9


def test_the_checker_does_not_read_the_state_asked_for() -> None:
    for side in SIDES:
        metadata = on_disk(side)
        kept = metadata["states"][shown_at(side)]
        wiped = [state if state is kept else state | {"rows": []} for state in metadata["states"]]
        assert answer(metadata | {"states": wiped}) == side.question.answer
