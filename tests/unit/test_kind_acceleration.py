"""Acceleration: constant acceleration by its formula, courses over the same path, the checker on made-up steps."""

import numpy as np
import pytest

from retroflip.synth.checks import acceleration as check
from retroflip.synth.episode import Episode
from retroflip.synth.settings import SceneSettings
from retroflip.synth.short.acceleration import (
    DIP,
    FASTER,
    HALVES,
    KIND,
    PEAK,
    QUARTERS,
    SAME,
    SLOWER,
    gone,
    played_back,
)
from retroflip.video.transforms import Transform
from temporal_pairs import pair_of

PROFILES = (FASTER, SLOWER, SAME, PEAK, DIP)
COURSES = HALVES | QUARTERS


def test_distance_under_constant_acceleration_is_half_a_t_squared() -> None:
    """Speed 1 + 2 t over t in 0..1: t + t squared gone, of 2 in all."""
    time_T = np.linspace(0.0, 1.0, 61)
    np.testing.assert_allclose(gone((1, 1), 3.0, 61), (time_T + time_T**2) / 2.0, atol=1e-12)
    np.testing.assert_allclose(gone((0, 0), 3.0, 61), time_T, atol=1e-12)


def test_faster_then_slower_has_gone_half_in_the_middle_and_a_quarter_by_hand() -> None:
    """Speed 1 + 4 t up to t = 1/2: t + 2 t squared gone of 2 in all; at a quarter 3/8 of 2."""
    way_T = gone((1, -1), 3.0, 61)
    assert way_T[30] == pytest.approx(0.5)
    assert way_T[15] == pytest.approx(0.375 / 2.0)
    np.testing.assert_allclose(way_T, 1.0 - way_T[::-1], atol=1e-12)


@pytest.mark.parametrize("course", COURSES.values())
def test_played_backwards_each_course_is_the_one_it_is_said_to_be(course: tuple[int, ...]) -> None:
    back = played_back(course)
    np.testing.assert_allclose(1.0 - gone(course, 3.3, 49)[::-1], gone(back, 3.3, 49), atol=1e-12)
    assert back in COURSES.values()


def test_faster_in_the_first_of_four_quarters_has_gone_so_far_by_hand() -> None:
    """Speed 1 to 3, 3, 3 to 1, 1: ways of 2, 3, 2 and 1 of 8 in all."""
    np.testing.assert_allclose(gone((1, 0, -1, 0), 3.0, 41)[::10] * 8, [0, 2, 5, 7, 8])


@pytest.mark.parametrize("profile", COURSES)
@pytest.mark.parametrize("ratio", [2.5, 5.5])
def test_the_checker_reads_steps_and_passes_over_a_bounce(profile: str, ratio: float) -> None:
    course = COURSES[profile]
    places = 0.8 * gone(course, ratio, 31 if len(course) == 2 else 61)
    folded = np.where(places < 0.5, places, 1.0 - places)
    states = [{"frame": index, "positions": {"o1": [float(x), 0.3]}} for index, x in enumerate(folded)]
    asked = {"object": "o1", "stretches": len(course)}
    assert check.answer({"question": {"parameters": asked}, "states": states}) == profile


def place(side: Episode, frame: int) -> tuple[float, float]:
    (target,) = (one for one in side.animation.actors if one.id == "o1")
    return float(target.x_T[frame]), float(target.y_T[frame])


@pytest.mark.parametrize("turn", range(24))
def test_both_sides_share_their_ends_and_backwards_clips_change_what_they_should(turn: int) -> None:
    pair = pair_of(KIND, 4, turn)
    ends = {place(pair.first, 0), place(pair.first, -1)}
    assert ends == {place(pair.second, 0), place(pair.second, -1)}
    for side in pair[:2]:
        expected = {Transform.REVERSE} if side.question.answer in (FASTER, SLOWER) else set()
        assert side.question.changed_by == expected
    assert (pair.how == "reverse") is (pair.first.question.answer in (FASTER, SLOWER))


def test_as_many_events_are_told_whatever_the_answer() -> None:
    assert {len(pair_of(KIND, 4, turn).first.events) for turn in range(12)} == {4}


def test_a_viewer_of_more_frames_is_asked_of_quarters() -> None:
    scene = SceneSettings(duration_scale=2.0, operation_scale=2.0, viewed_frames=64)
    for turn in range(16):
        pair = pair_of(KIND, 4, turn, scene)
        assert len(pair.first.events) == 8
        assert set(pair.first.question.options) <= set(QUARTERS)
        turned = played_back(QUARTERS[pair.first.question.answer]) == QUARTERS[pair.second.question.answer]
        assert (pair.how == "reverse") is turned


def test_each_option_is_right_as_often_as_the_others_of_its_set() -> None:
    answers = [pair_of(KIND, 4, turn).first.question.answer for turn in range(12)]
    assert {one: answers.count(one) for one in PROFILES} == {FASTER: 3, SLOWER: 3, SAME: 2, PEAK: 2, DIP: 2}


@pytest.mark.parametrize("frame", [0, "middle", -1])
def test_the_place_in_one_frame_does_not_depend_on_the_answer(frame: int | str) -> None:
    """How far from the centre of the screen: the same, up to chance, for those that keep and those that change."""
    far: dict[str, list[float]] = {}
    for turn in range(480):
        side = pair_of(KIND, 9, turn).first
        x, y = place(side, side.animation.frames // 2 if frame == "middle" else int(frame))
        far.setdefault(side.question.answer, []).append(max(abs(x - 0.5), abs(y - 0.5)))
    means = np.array([np.mean(values) for values in far.values()])
    errors = np.array([np.std(values) / np.sqrt(len(values)) for values in far.values()])
    assert (np.abs(means - means.mean()) < 3.5 * errors).all()
