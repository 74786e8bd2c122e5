"""The same operations in several orders: what stays in place, what the answers are, which two of them a pair has."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

from retroflip.synth.episode import Draw, Mode, Redraw
from retroflip.synth.long.orders import (
    Course,
    Query,
    a_run,
    around,
    by_answer,
    changed_by,
    dealt_ask,
    dealt_case,
    draw_course,
    of_one_form,
    pinned_places,
    ranked_answers,
    reordered,
    retold,
    runs,
    some_answers,
    two_answered,
)
from retroflip.synth.settings import SceneSettings
from retroflip.video.transforms import Transform


def drawn(turn: int = 0) -> Draw:
    return Draw(0, "none", turn, SceneSettings(), np.random.default_rng(turn))


def shrunk(state: int, operation: int) -> int | None:
    """Subtract, but not below nothing: then the order matters to what can be done."""
    return state - operation if state >= operation else None


def doubled_or_more(state: int, operation: int) -> int:
    """Double for 0, else add: then the order matters to what comes out."""
    return 2 * state if operation == 0 else state + operation


def test_a_course_is_followed_until_something_cannot_be_done() -> None:
    course = around(5, (2, 3), shrunk, opening=True)
    assert course == Course((5, 3, 0), (2, 3))
    with pytest.raises(ValueError, match="4 cannot be done"):
        around(5, (2, 4), shrunk, opening=True)


def test_a_course_is_told_from_its_other_end() -> None:
    assert Course((5, 3, 0), (2, 3)).mirrored(lambda one: -one) == Course((0, 3, 5), (-3, -2))


def test_orders_are_of_the_same_operations_and_leave_pinned_ones_where_they_are() -> None:
    course = around(1, (0, 1, 2, 0, 3), doubled_or_more, opening=True)
    orders = list(reordered(drawn(), course, doubled_or_more, {1, 4}))
    assert orders[0] == course
    assert all(Counter(one.operations) == Counter(course.operations) for one in orders)
    assert {(one.operations[1], one.operations[4]) for one in orders} == {(1, 3)}
    assert len({one.operations for one in orders}) == 3
    assert all(one == around(1, one.operations, doubled_or_more, opening=True) for one in orders)


def test_courses_are_put_together_by_their_answer() -> None:
    one, two, three = Course((1, 4), (3,)), Course((2, 4), (2,)), Course((1, 2), (1,))
    assert by_answer([one, two, three], lambda course: course.states[-1]) == {4: [one, two], 2: [three]}
    assert by_answer([one, three], lambda course: None if course is three else 0) == {0: [one]}


def test_runs_of_consecutive_numbers() -> None:
    assert runs([7, 1, 2, 3, 4, 9], 3) == [(1, 2, 3), (2, 3, 4)]
    assert runs([1, 3], 2) == []


def test_a_run_is_as_long_as_the_first_length_that_there_is() -> None:
    numbers = [7, 1, 2, 3, 4, 9]
    assert {tuple(a_run(drawn(turn), numbers, 3)) for turn in range(12)} == {(1, 2, 3), (2, 3, 4)}
    assert a_run(drawn(), numbers, 5, 4, 3) == [1, 2, 3, 4]
    assert a_run(drawn(), numbers, 5) == []


def test_numbers_to_choose_from_come_in_order_and_others_in_any() -> None:
    assert all(some_answers(drawn(turn), [3, 1, 2], 3) == [1, 2, 3] for turn in range(12))
    assert {tuple(some_answers(drawn(turn), "ab", 2)) for turn in range(12)} == {("a", "b"), ("b", "a")}
    assert some_answers(drawn(), [3, 1], 3) == []


def test_questions_are_dealt_out_equally_often_with_the_ranks_of_their_answers() -> None:
    asks = {Mode.FORWARD: ("row", "number"), Mode.HISTORICAL: ("count",)}
    cases = Counter(
        (query.mode, query.ask, rank) for query, rank in (dealt_case(drawn(turn), asks) for turn in range(24))
    )
    assert cases == {(mode, ask, rank): 2 for mode in asks for ask in asks[mode] for rank in range(4)}
    timed = {Mode.FORWARD: (("sum", "end"), ("count", "end")), Mode.HISTORICAL: (("sum", "after"),)}
    assert Counter(dealt_ask(drawn(turn), timed).when for turn in range(24)) == {"end": 12, "after": 12}


def test_every_two_options_are_dealt_out_equally_often() -> None:
    groups = {answer: [answer] for answer in "abcd"}
    pairs = ([answer for answer, _ in two_answered(drawn(turn), groups, "abcd")] for turn in range(24))
    dealt = Counter(tuple(pair) for pair in pairs)
    assert len(dealt) == 12
    assert set(dealt.values()) == {2}
    assert all(one != two for one, two in dealt)


def test_the_middle_of_the_clip_is_pinned_whichever_end_is_shown() -> None:
    # in order of time, the place 3 of 6 and of 7
    assert pinned_places(6, from_start=True, ends=False) == {3}
    assert pinned_places(6, from_start=False, ends=False) == {2}
    assert pinned_places(7, from_start=False, ends=False) == {3}
    assert pinned_places(7, from_start=True, ends=True) == {3, 6}


def test_options_are_all_numbers_or_all_lists_of_one_length() -> None:
    answers: list[object] = [(1, 2), 5, (), (3,), 7, (4, 1), 6, ()]
    for turn in range(12):
        found = of_one_form(drawn(turn), answers, 2)
        assert found is not None
        assert set(found) <= {5, 6, 7} or set(found) == {(1, 2), (4, 1)}
    assert set(of_one_form(drawn(), answers, 3) or ()) == {5, 6, 7}
    assert of_one_form(drawn(), answers, 4) == []


def test_both_sides_have_answers_of_their_own_with_courses_that_lead_to_them() -> None:
    groups = {"a": [1], "b": [2, 22], "c": [3], "d": [4]}
    for turn in range(12):
        for sides in (
            two_answered(drawn(turn), groups, "abcd"),
            ranked_answers(drawn(turn), groups, "abcd", 1),
        ):
            assert len({answer for answer, _ in sides}) == 2
            assert all(course in groups[answer] for answer, course in sides)
        assert sides[0][0] == "b"
    assert {ranked_answers(drawn(turn), groups, "abc", 3)[0][0] for turn in range(24)} == {"a", "b", "c"}


def test_states_are_worked_out_from_the_end_that_is_shown() -> None:
    words = ["one", "two", "three"], ["A:", "B:"]
    assert retold(*words, from_start=True) == ["At the start, one.", "After A: two.", "After B: three."]
    assert retold(*words, from_start=True, after="When")[1:] == ["When A: two.", "When B: three."]
    assert retold(*words, from_start=False) == [
        "At the end, three, and I work backwards.",
        "Before B: two.",
        "Before A: one.",
    ]


def test_metadata_name_what_is_asked_for_alone() -> None:
    query = Query(Mode.FORWARD, "count", "end", {"place": "A"})
    assert query.parameters == {"ask": "count", "when": "end", "place": "A"}
    named = Query(Mode.FORWARD, "number").naming("Which number?", 3, cell=[1, 2])
    assert (named.parameters, named.text, named.barred) == (
        {"ask": "number", "cell": [1, 2]},
        "Which number?",
        3,
    )


def test_what_changes_an_answer_is_found_by_asking_again() -> None:
    assert changed_by(6, {Transform.FLIP: "6", Transform.REVERSE: "5"}, int) == {Transform.REVERSE}
    assert changed_by(6, {Transform.REVERSE: "5"}, lambda _: None) == set()


def test_operations_around_the_state_shown_are_told_in_order_of_time() -> None:
    forwards = around(5, (2, 3), int.__add__, int.__neg__, opening=True)
    assert forwards == Course((5, 7, 10), (2, 3))
    assert around(10, (2, 3), int.__add__, int.__neg__, opening=False) == forwards


def test_operations_are_drawn_again_until_enough_can_be_done() -> None:
    """Of 5 only 4 and then 1 can be taken; 2 is too much between them, and None is no operation."""
    seen = []
    drawn = iter([4, 2, None, 1, 0])

    def draw_step(state: int, before: Sequence[int]) -> int | None:
        seen.append((state, *before))
        return next(drawn)

    assert draw_course(5, 2, draw_step, shrunk, attempts=2) == Course((5, 1, 0), (4, 1))
    assert seen == [(5,), (1, 4), (1, 4), (1, 4)]
    with pytest.raises(Redraw, match="no 3 operations"):
        draw_course(0, 3, lambda _state, _before: 1, shrunk, attempts=2)
