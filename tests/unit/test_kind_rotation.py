"""Full turns: courses by hand, angles frame by frame, and the checker on angles modulo a full turn."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retroflip.synth.checks.rotation import answer
from retroflip.synth.settings import SceneSettings
from retroflip.synth.short.rotation import KIND, SEEN, Spin, course, in_words
from temporal_pairs import pair_of

SEEDS = st.integers(0, 2**32)
TURNS = st.integers(0, 100)


def test_a_course_by_hand() -> None:
    # One turn clockwise in a third of the way, then two back.
    spins = (Spin(1, "clockwise"), Spin(2, "counter-clockwise"))
    assert np.allclose(course(spins, 7), 2.0 * math.pi * np.array([0.0, 0.5, 1.0, 0.5, 0.0, -0.5, -1.0]))
    assert in_words(spins) == "first 1 full turn clockwise, then 2 full turns counter-clockwise"


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, turn=TURNS, difficulty=st.integers(1, 5))
def test_the_answer_is_the_angle_gone_through(seed: int, turn: int, difficulty: int) -> None:
    for side in pair_of(KIND, seed, turn, SceneSettings(difficulty=difficulty))[:2]:
        one = next(actor for actor in side.animation.actors if actor.id == "o1")
        steps = np.diff(one.angle_T) / (2.0 * math.pi)
        turned = {"clockwise": steps[steps > 0].sum(), "counter-clockwise": -steps[steps < 0].sum()}
        asked, given_answer = side.question.parameters, side.question.answer
        # The frame nearest to the turn-about may miss a little of both turns.
        if asked["asks"] == "count":
            assert turned[asked["sense"]] == pytest.approx(int(given_answer), abs=0.1)
        elif asked["asks"] == "sense":
            assert turned[given_answer] == pytest.approx(sum(turned.values()))
        else:
            first = "clockwise" if steps[0] > 0 else "counter-clockwise"
            last = "counter-clockwise" if steps[0] > 0 else "clockwise"
            spins = [Spin(round(turned[first]), first), Spin(round(turned[last]), last)]
            assert in_words(spins) == given_answer


@settings(max_examples=40, deadline=None)
@given(seed=SEEDS, turn=TURNS, difficulty=st.integers(1, 5))
def test_it_ends_as_it_began_and_is_seen_often_enough(seed: int, turn: int, difficulty: int) -> None:
    scene = SceneSettings(difficulty=difficulty)
    clip = pair_of(KIND, seed, turn, scene).first.animation
    one = next(actor for actor in clip.actors if actor.id == "o1")
    assert math.cos(one.angle_T[-1] - one.angle_T[0]) == pytest.approx(1.0)
    per_view = np.abs(np.diff(one.angle_T)).max() * (clip.frames - 1) / (scene.viewed_frames - 1)
    assert per_view <= 1.001 * 2.0 * math.pi / SEEN


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"asks": "count", "sense": "clockwise"}, "2"),
        ({"asks": "count", "sense": "counter-clockwise"}, "1"),
        ({"asks": "course"}, "first 2 full turns clockwise, then 1 full turn counter-clockwise"),
    ],
)
def test_the_checker_by_hand(asked: dict[str, str], expected: str) -> None:
    angles = [*range(50, 50 + 721, 40), *range(50 + 680, 50 + 359, -40)]
    metadata = {
        "question": {"parameters": {"object": "o1", **asked}},
        "states": [{"degrees": {"o1": angle % 360}} for angle in angles],
    }
    assert answer(metadata) == expected


def test_the_checker_knows_a_sense() -> None:
    metadata = {
        "question": {"parameters": {"object": "o1", "asks": "sense"}},
        "states": [{"degrees": {"o1": angle % 360}} for angle in range(10, -400, -50)],
    }
    assert answer(metadata) == "counter-clockwise"
