"""The same operations in several orders: what stays in place, what the answers are, which two of them a pair has."""

from collections import Counter

import numpy as np

from retroflip.synth.episode import Draw
from retroflip.synth.long.orders import Course, by_answer, followed, pinned_places, reordered, runs, two_ranks
from retroflip.synth.settings import SceneSettings


def drawn(turn: int = 0) -> Draw:
    return Draw(0, "none", turn, SceneSettings(), np.random.default_rng(turn))


def shrunk(state: int, operation: int) -> int | None:
    """Subtract, but not below nothing: then the order matters to what can be done."""
    return state - operation if state >= operation else None


def doubled_or_more(state: int, operation: int) -> int:
    """Double for 0, else add: then the order matters to what comes out."""
    return 2 * state if operation == 0 else state + operation


def test_a_course_is_followed_until_something_cannot_be_done() -> None:
    course = followed(5, (2, 3), shrunk)
    assert course == Course((5, 3, 0), (2, 3))
    assert followed(5, (2, 4), shrunk) is None


def test_a_course_is_told_from_its_other_end() -> None:
    assert Course((5, 3, 0), (2, 3)).mirrored(lambda one: -one) == Course((0, 3, 5), (-3, -2))


def test_orders_are_of_the_same_operations_and_leave_pinned_ones_where_they_are() -> None:
    course = followed(1, (0, 1, 2, 0, 3), doubled_or_more)
    assert course is not None
    orders = list(reordered(drawn(), course, doubled_or_more, {1, 4}))
    assert orders[0] == course
    assert all(Counter(one.operations) == Counter(course.operations) for one in orders)
    assert {(one.operations[1], one.operations[4]) for one in orders} == {(1, 3)}
    assert len({one.operations for one in orders}) == 3
    assert all(one == followed(1, one.operations, doubled_or_more) for one in orders)


def test_courses_are_put_together_by_their_answer() -> None:
    one, two, three = Course((1, 4), (3,)), Course((2, 4), (2,)), Course((1, 2), (1,))
    assert by_answer([one, two, three], lambda course: course.states[-1]) == {4: [one, two], 2: [three]}
    assert by_answer([one, three], lambda course: None if course is three else 0) == {0: [one]}


def test_runs_of_consecutive_numbers() -> None:
    assert runs([7, 1, 2, 3, 4, 9], 3) == [(1, 2, 3), (2, 3, 4)]
    assert runs([1, 3], 2) == []


def test_every_two_options_are_dealt_out_equally_often() -> None:
    dealt = Counter(two_ranks(drawn(turn), 4) for turn in range(24))
    assert len(dealt) == 12
    assert set(dealt.values()) == {2}
    assert all(one != two for one, two in dealt)


def test_the_middle_of_the_clip_is_pinned_whichever_end_is_shown() -> None:
    # in order of time, the place 3 of 6 and of 7
    assert pinned_places(6, from_start=True, ends=False) == {3}
    assert pinned_places(6, from_start=False, ends=False) == {2}
    assert pinned_places(7, from_start=False, ends=False) == {3}
    assert pinned_places(7, from_start=True, ends=True) == {3, 6}
