"""Long videos: which frames belong to which operation, and how things go from place to place."""

import numpy as np
import pytest

from retroflip.synth.episode import Draw, Redraw
from retroflip.synth.long.timeline import (
    Timeline,
    Track,
    draw_timeline,
    shown_in,
    there_and_on,
)
from retroflip.synth.settings import SceneSettings
from retroflip.video.sampling import uniform_indices


def drawn(seed: int = 0, **settings: object) -> Draw:
    return Draw(seed, "none", 0, SceneSettings(**settings), np.random.default_rng(seed))  # type: ignore[arg-type]


def test_spans_by_hand() -> None:
    course = Timeline(fps=10, reveal=20, operation=6, pause=2, operations=3)
    assert course.frames == 20 + 2 + 6 + 2 + 6 + 2 + 6 + 2 + 20
    assert course.opening == (0, 19)
    assert [course.span(index) for index in range(3)] == [(22, 27), (30, 35), (38, 43)]
    assert course.closing == (46, 65)
    assert [course.at_rest(index) for index in range(4)] == [21, 29, 37, 45]
    assert course.min_fps(2) == pytest.approx(20 / 6)


def test_the_course_is_its_own_mirror_image_in_time() -> None:
    course = Timeline(fps=10, reveal=20, operation=6, pause=2, operations=3)
    last = course.frames - 1
    assert course.closing == (last - course.opening[1], last - course.opening[0])
    for index in range(3):
        start, end = course.span(index)
        assert course.span(2 - index) == (last - end, last - start)


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("seen", [1, 1.5, 2])
@pytest.mark.parametrize("difficulty", [1, 5])
def test_a_viewer_sees_every_operation_often_enough(scale: float, seen: float, difficulty: int) -> None:
    for seed in range(20):
        draw = drawn(seed, difficulty=difficulty, duration_scale=scale, operation_scale=scale)
        course = draw_timeline(draw, draw.wanted((2, 3, 4, 6, 14)), seen)
        frames = np.array(uniform_indices(course.frames, 32))
        for index in range(course.operations):
            start, end = course.span(index)
            assert np.count_nonzero((start <= frames) & (frames <= end)) >= int(seen)
        assert 0.5 * 30 <= course.operation <= 1.0 * 30


def test_a_fixed_number_of_operations_is_taken_where_a_viewer_can_follow() -> None:
    assert drawn(operations=5).wanted((2, 2, 2, 2, 2)) == 5
    assert drawn(operation_scale=2.0).wanted((2, 2, 2, 2, 2)) == 4
    assert draw_timeline(drawn(), 5).operations == 5
    assert draw_timeline(drawn(), 30).operations == 10
    assert draw_timeline(drawn(), 2, least=5).operations == 5
    with pytest.raises(Redraw):
        draw_timeline(drawn(viewed_frames=4), 2)
    with pytest.raises(Redraw):
        draw_timeline(drawn(), 2, least=11)


def test_a_track_rests_before_and_after_it_eases() -> None:
    track = Track(8, 1.0, 5.0).ease((2, 4), 3.0, 5.0)
    assert track.column_T(0).tolist() == [1, 1, 1, 2, 3, 3, 3, 3]
    assert track.column_T(1).tolist() == [5.0] * 8
    assert Track(4, 0.0).ease((1, 2), 7.0).number_T.tolist() == [0, 0, 7, 7]


def test_a_track_goes_by_its_stops_at_one_eased_pace() -> None:
    track = Track(5, 0.0, 0.0).along((0, 4), [(0.0, 1.0), (3.0, 1.0)])
    # of a way of 4: 0, 0.625 (all down), 2 (1 down, 1 across), 3.375, 4
    np.testing.assert_allclose(track.column_T(1), [0, 0.625, 1, 1, 1])
    np.testing.assert_allclose(track.column_T(0), [0, 0, 1, 2.375, 3])


def test_a_track_that_goes_nowhere_stays() -> None:
    assert Track(4, 2.0).ease((0, 3), 2.0).number_T.tolist() == [2.0] * 4


def test_only_one_of_the_two_states_is_ever_seen() -> None:
    course = Timeline(fps=10, reveal=20, operation=6, pause=2, operations=3)
    first_T, last_T = shown_in(course, opening=True), shown_in(course, opening=False)
    assert first_T[0] == 1.0
    assert not first_T[course.opening[1] :].any()
    np.testing.assert_array_equal(last_T, first_T[::-1])
    assert not (first_T * last_T).any()


def test_what_stops_to_be_read_comes_and_goes_in_mirrored_spans() -> None:
    assert there_and_on((10, 30)) == ((10, 17), (23, 30))
    assert there_and_on((0, 2)) == ((0, 1), (1, 2))


def test_operations_are_events_and_rests_are_states() -> None:
    course = Timeline(fps=10, reveal=20, operation=6, pause=2, operations=2)
    (one, two) = course.events([("put", "it goes in", {"card": 3}), ("take", "it comes out", {})])
    assert (one.type, one.start_frame, one.end_frame, one.note, one.facts) == (
        "put",
        22,
        27,
        "it goes in",
        {"card": 3},
    )
    assert (two.start_frame, two.end_frame) == (30, 35)
    assert [state.frame for state in course.states([{}, {}, {}])] == [21, 29, 37]
    assert np.flatnonzero(course.during(1)).tolist() == list(range(30, 36))


def test_what_passes_by_rests_at_its_middle_stop() -> None:
    course = Timeline(fps=10, reveal=20, operation=21, pause=2, operations=1)
    x_T, y_T = course.passing(0, [(0.0, 1.0), (0.5, 1.0), (0.5, 0.0)]).point_T
    start, end = course.span(0)
    (_, come), (go, _) = there_and_on((start, end))
    assert (x_T[start], y_T[start], x_T[end], y_T[end]) == (0.0, 1.0, 0.5, 0.0)
    assert set(x_T[come : go + 1]) == {0.5}
    assert set(y_T[come : go + 1]) == {1.0}
