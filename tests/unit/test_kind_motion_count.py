"""Hops to a side: counts against the frames, and what sets of frames without their order say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retroflip.synth.animation import Floats
from retroflip.synth.checks.motion_count import answer
from retroflip.synth.episode import Draw, Episode, Redraw
from retroflip.synth.settings import SceneSettings
from retroflip.synth.short.counts import lowest_count, window
from retroflip.synth.short.motion_count import KIND, ON_A_SIDE
from retroflip.synth.wording import times
from temporal_pairs import pair_of

TURNS = st.integers(0, 60)
SEEDS = st.integers(0, 2**32)


def course(episode: Episode) -> Floats:
    """How far the object is to the right of its rest, or tilted to the right."""
    one = next(actor for actor in episode.animation.actors if actor.id == "o1")
    return one.angle_T if episode.question.parameters["motion"] == "tilt" else one.x_T - one.x_T[0]


def peaks(values_T: Floats) -> int:
    """Count the highest points above rest; a top of two frames is one."""
    inner = values_T[1:-1]
    return int(((inner > values_T[:-2] + 1e-12) & (inner >= values_T[2:] - 1e-12) & (inner > 1e-6)).sum())


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, turn=TURNS, difficulty=st.integers(1, 5))
def test_the_answer_is_the_number_of_peaks_to_that_side(seed: int, turn: int, difficulty: int) -> None:
    for side in pair_of(KIND, seed, turn, SceneSettings(difficulty=difficulty))[:2]:
        sign = 1.0 if side.question.parameters["side"] == "right" else -1.0
        assert str(peaks(sign * course(side))) == side.question.answer


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, turn=TURNS, difficulty=st.integers(1, 5))
def test_both_sides_take_as_long_and_hops_in_all_are_as_many(seed: int, turn: int, difficulty: int) -> None:
    side = pair_of(KIND, seed, turn, SceneSettings(difficulty=difficulty)).first
    spent = {"left": 0, "right": 0}
    for event in side.events:
        spent[event.facts["side"]] += event.end_frame - event.start_frame + 1
    assert spent["left"] == spent["right"] == round(ON_A_SIDE * side.animation.frames)
    assert len(side.events) == 2 * int(side.question.options[0]) + 3
    assert course(side)[[0, -1]] == pytest.approx(0.0)


def test_how_far_away_it_is_how_long_does_not_depend_on_the_count() -> None:
    quarters: dict[str, list[float]] = {}
    for turn in range(60):
        side = pair_of(KIND, 7, turn).first
        sign = 1.0 if side.question.parameters["side"] == "right" else -1.0
        away = sign * course(side)
        share = float((away > 0.75 * away.max()).mean())
        quarters.setdefault(side.question.answer, []).append(share)
    # A squared sine is above three quarters of its height a third of the time.
    assert len(quarters) == 4
    assert all(np.mean(shares) == pytest.approx(ON_A_SIDE / 3.0, abs=0.02) for shares in quarters.values())


def test_the_checker_by_hand() -> None:
    away = [0.0, 0.1, 0.0, -0.1, -0.1, 0.0, 0.02, 0.1, 0.04, 0.0]
    hops = [{"positions": {"o1": [0.5 + one, 0.5]}, "degrees": {"o1": 0.0}} for one in away]
    tilts = [{"positions": {"o1": [0.5, 0.5]}, "degrees": {"o1": (400 * one) % 360}} for one in away]
    for motion, states in (("hop", hops), ("tilt", tilts)):
        for side, expected in (("left", "1"), ("right", "2")):
            asked = {"object": "o1", "side": side, "motion": motion}
            assert answer({"question": {"parameters": asked}, "states": states}) == expected


def test_windows_of_counts() -> None:
    table = (1, 1, 2, 2, 3)

    def lowest(most: int = 9, turn: int = 0, **scene: float) -> int:
        settings = SceneSettings.model_validate(scene)
        return lowest_count(Draw(5, "none", turn, settings, np.random.default_rng(0)), table, most)

    assert list(window(lowest(difficulty=3))) == [2, 3, 4, 5]
    # 3 to 6 are 4.5 on average, twice that lies between 7 to 10 and 8 to 11.
    assert {lowest(turn=turn, difficulty=5, operation_scale=2.0) for turn in (0, 1)} == {7, 8}
    assert lowest(most=4, difficulty=5, operation_scale=2.0) == 4
    assert lowest(operations=7) == 4
    assert lowest(operations=2) == 1
    with pytest.raises(Redraw):
        lowest(most=0)
    assert (times(1), times(2)) == ("1 time", "2 times")
