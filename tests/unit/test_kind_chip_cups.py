"""Chips and cups: what operations do by hand, and that both videos of a pair show the same things in another order."""

from typing import Any

import numpy as np
import pytest

from long_pairs import assert_only_the_order_differs
from retroflip.synth.checks import chip_cups as check
from retroflip.synth.episode import Mode
from retroflip.synth.long.chip_cups import KIND, Cups, Step, answer_to, done, inverse
from retroflip.synth.long.orders import Course, Query, around
from retroflip.synth.settings import SceneSettings
from temporal_pairs import pair_of


def cups(*chips: set[int]) -> Cups:
    return tuple(frozenset(one) for one in chips)


STEPS = (Step("put", 0, chip=9), Step("swap", 0, 2), Step("take", 1, chip=4), Step("pour", 2, 1))
"""9 into A; A and C change places; 4 out of B; C into B"""


def the_course() -> Course[Cups, Step]:
    return around(cups({1}, {3, 4}, {5, 6}), STEPS, done, opening=True)


def test_operations_by_hand() -> None:
    assert the_course().states == (
        cups({1}, {3, 4}, {5, 6}),
        cups({1, 9}, {3, 4}, {5, 6}),
        cups({5, 6}, {3, 4}, {1, 9}),
        cups({5, 6}, {3}, {1, 9}),
        cups({5, 6}, {1, 3, 9}, set()),
    )


def test_what_cannot_be_done_is_not() -> None:
    start = cups({1}, set(), {2, 3, 4, 5, 6, 7})
    assert done(start, Step("take", 0, chip=2)) is None
    assert done(start, Step("pour", 1, 0)) is None
    assert done(start, Step("pour", 0, 2)) is None
    assert done(start, Step("put", 2, chip=8)) is None


@pytest.mark.parametrize("step", STEPS[:3])
def test_all_but_a_pour_is_undone(step: Step) -> None:
    before = cups({1}, {3, 4}, {5, 6})
    after = done(before, step)
    assert after is not None
    assert done(after, inverse(step)) == before


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (Query(Mode.FORWARD, "sum", "end", {"place": "B"}), 13),
        (Query(Mode.FORWARD, "count", "end", {"place": "C"}), 0),
        (Query(Mode.FORWARD, "holds", "end", {"place": "B"}), (1, 3, 9)),
        (Query(Mode.RETRODICTIVE, "sum", "start", {"place": "B"}), 7),
        (Query(Mode.HISTORICAL, "count", "after", {"place": "C", "after": STEPS[2].told}), 2),
        (Query(Mode.HISTORICAL, "sum", "after", {"place": "A", "after": STEPS[0].told}), 10),
    ],
)
def test_answers_by_hand(query: Query, expected: object) -> None:
    assert answer_to(query, the_course()) == expected


def test_what_is_seen_of_operations() -> None:
    assert [step.note for step in STEPS] == [
        "chip 9 is dropped into the cup at A",
        "the cups at A and C change places",
        "chip 4 is taken out of the cup at B",
        "the cup at C is poured out into the cup at B",
    ]


OPERATIONS = [
    {"type": "put", "place": "A", "chip": 9},
    {"type": "swap", "place": "A", "other": "C"},
    {"type": "take", "place": "B", "chip": 4},
]


def forwards(**asked: Any) -> dict[str, Any]:
    pour = {"type": "pour", "place": "C", "other": "B"}
    reveal = {"type": "reveal", "cups": {"A": [1], "B": [3, 4], "C": [5, 6]}}
    return {"question": {"parameters": asked}, "events": [reveal, *OPERATIONS, pour]}


def backwards(**asked: Any) -> dict[str, Any]:
    reveal = {"type": "reveal", "cups": {"A": [5, 6], "B": [3], "C": [1, 9]}}
    return {"question": {"parameters": asked}, "events": [*OPERATIONS, reveal]}


def test_the_checker_by_hand() -> None:
    assert check.answer(forwards(ask="sum", when="end", place="B")) == "13"
    assert check.answer(forwards(ask="holds", when="end", place="B")) == "1, 3, 9"
    assert check.answer(forwards(ask="count", when="end", place="C")) == "0"
    assert check.answer(forwards(ask="sum", when="after", place="C", after=OPERATIONS[2])) == "10"
    assert check.answer(backwards(ask="holds", when="start", place="C")) == "5, 6"
    assert check.answer(backwards(ask="holds", when="start", place="B")) == "3, 4"
    assert check.answer(backwards(ask="sum", when="start", place="A")) == "1"


@pytest.mark.parametrize("turn", range(6))
def test_no_frame_but_the_order_of_frames_tells_the_sides_of_a_pair_apart(turn: int) -> None:
    assert_only_the_order_differs(
        pair_of(KIND, 3, turn, SceneSettings(difficulty=1 + turn % 5, distractors=2))
    )


@pytest.mark.parametrize("turn", range(12))
def test_nothing_is_poured_where_the_start_is_asked_for(turn: int) -> None:
    pair = pair_of(KIND, 4, turn)
    if pair.first.question.mode is Mode.RETRODICTIVE:
        assert not any(event.type == "pour" for side in pair[:2] for event in side.events)


@pytest.mark.parametrize("turn", range(6))
def test_as_many_cups_are_seen_in_every_frame_between_the_showings(turn: int) -> None:
    episode = pair_of(KIND, 5, turn).first
    bodies = [one for one in episode.animation.actors if one.id.startswith("cup ")]
    moved = [event for event in episode.events if event.type != "reveal"]
    seen_T = np.sum([one.opacity_T for one in bodies], axis=0)
    places = sum(one["name"].startswith("cup at ") for one in episode.objects)
    np.testing.assert_allclose(seen_T[moved[0].start_frame : moved[-1].end_frame + 1], places)
