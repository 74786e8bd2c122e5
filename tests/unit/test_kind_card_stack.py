"""Card stack: what happens to piles by hand, and that both videos of a pair show the same things in another order."""

import pytest

from long_pairs import assert_only_the_order_differs
from retroflip.synth.checks import card_stack as check
from retroflip.synth.episode import Mode
from retroflip.synth.long.card_stack import KIND, Step, answer_to, done, in_time
from retroflip.synth.long.orders import Course, Query, around
from retroflip.synth.settings import SceneSettings
from temporal_pairs import on_disk, pair_of

STEPS = (Step("top", 40), Step("bottom", None), Step("bottom", 50), Step("top", None))
"""from 10, 20, 30: 40 on top, 30 out below, 50 in below, 40 out above"""
PILES: tuple[tuple[int, ...], ...] = (
    (10, 20, 30),
    (40, 10, 20, 30),
    (40, 10, 20),
    (40, 10, 20, 50),
    (10, 20, 50),
)


def the_course() -> Course[tuple[int, ...], Step]:
    return around(PILES[0], STEPS, done, opening=True)


def test_cards_go_in_and_out_at_both_ends() -> None:
    assert the_course().states == PILES


def test_a_pile_is_never_too_low_or_too_high_to_be_asked_about() -> None:
    assert done((10, 20), Step("top", None)) is None
    assert done((1, 2, 3, 4, 5, 6, 7), Step("top", 8)) is None


def test_forwards_in_time_cards_go_in_face_up_and_come_out_face_down() -> None:
    course = in_time(the_course(), from_start=True)
    assert course.states == PILES
    assert [(move.action, move.end, move.card, move.face) for move in course.operations] == [
        ("put", "top", 40, True),
        ("take", "bottom", 30, False),
        ("put", "bottom", 50, True),
        ("take", "top", 40, False),
    ]


def test_told_from_the_end_the_same_steps_are_the_video_played_backwards() -> None:
    course = in_time(the_course(), from_start=False)
    assert course.states == PILES[::-1]
    assert [(move.action, move.end, move.card, move.face) for move in course.operations] == [
        ("put", "top", 40, False),
        ("take", "bottom", 50, True),
        ("put", "bottom", 30, False),
        ("take", "top", 40, True),
    ]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (Query(Mode.FORWARD, "pile", "end"), (10, 20, 50)),
        (Query(Mode.FORWARD, "place", "end", {"number": 3}), 50),
        (Query(Mode.FORWARD, "place", "end", {"number": 4}), None),
        (Query(Mode.HISTORICAL, "count", "after", {"card": 50}), 4),
        (Query(Mode.HISTORICAL, "taken", "after", {"number": 1}), 30),
        (Query(Mode.HISTORICAL, "taken", "after", {"number": 2}), 40),
        (Query(Mode.HISTORICAL, "taken", "after", {"number": 3}), None),
        (Query(Mode.RETRODICTIVE, "pile", "start"), (10, 20, 30)),
    ],
)
def test_answers_by_hand(query: Query, expected: object) -> None:
    assert answer_to(query, in_time(the_course(), from_start=True)) == expected


def test_a_notes_card_is_named_only_where_it_is_seen() -> None:
    moves = in_time(the_course(), from_start=True).operations
    assert [move.note for move in moves] == [
        "card 40 is put on top of the pile",
        "a face-down card is taken from the bottom of the pile",
        "card 50 is put at the bottom of the pile",
        "a face-down card is taken from the top of the pile",
    ]


def metadata(asked: dict[str, object], *, backwards: bool) -> dict[str, object]:
    moves = [
        {"type": "put", "end": "top", "card": 40, "face": "down" if backwards else "up"},
        {"type": "take", "end": "bottom", "card": 30, "face": "up" if backwards else "down"},
        {"type": "take", "end": "top", "card": 40, "face": "up" if backwards else "down"},
    ]
    reveal = {"type": "reveal", "pile": [10, 20] if backwards else [10, 20, 30]}
    return {
        "question": {"parameters": asked},
        "events": [*moves, reveal] if backwards else [reveal, *moves],
    }


def test_the_checker_by_hand() -> None:
    assert check.answer(metadata({"ask": "pile", "when": "end"}, backwards=False)) == "10, 20"
    assert check.answer(metadata({"ask": "pile", "when": "start"}, backwards=True)) == "10, 20, 30"
    assert check.answer(metadata({"ask": "place", "when": "start", "number": 3}, backwards=True)) == "card 30"
    assert check.answer(metadata({"ask": "count", "when": "after", "card": 40}, backwards=False)) == "4"
    assert (
        check.answer(metadata({"ask": "taken", "when": "after", "number": 1}, backwards=False)) == "card 30"
    )


@pytest.mark.parametrize("turn", range(6))
def test_no_frame_but_the_order_of_frames_tells_the_sides_of_a_pair_apart(turn: int) -> None:
    assert_only_the_order_differs(
        pair_of(KIND, 3, turn, SceneSettings(difficulty=1 + turn % 5, distractors=2))
    )


@pytest.mark.parametrize("turn", range(12))
def test_a_hidden_card_has_no_text(turn: int) -> None:
    for side in pair_of(KIND, 4, turn)[:2]:
        faces = [one["face"] for one in on_disk(side)["events"] if one["type"] != "reveal"]
        shown = [bool(one.text) for one in side.animation.actors if one.id.startswith("move ")]
        assert shown == [face == "up" for face in faces]
