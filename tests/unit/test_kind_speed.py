"""Speeds in a row: margins, what places tell, and the checker against a sum over all frames."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retroflip.synth.checks.speed import answer
from retroflip.synth.episode import Episode
from retroflip.synth.settings import SceneSettings
from retroflip.synth.short.speed import KIND, LANE, PLACES, RATIO, SLOWEST
from temporal_pairs import pair_of


def distances(episode: Episode) -> dict[str, tuple[float, float]]:
    """Where each mover is across, and how far it goes over all frames, in lengths of the lane."""
    movers = set(episode.question.parameters["objects"])
    return {
        one.id: (float(one.x_T[0]), float(np.abs(np.diff(one.y_T)).sum()) / (LANE[1] - LANE[0]))
        for one in episode.animation.actors
        if one.id in movers
    }


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), turn=st.integers(0, 50), difficulty=st.integers(1, 5))
def test_the_answer_goes_furthest_or_least_far_by_a_clear_margin(
    seed: int, turn: int, difficulty: int
) -> None:
    for side in pair_of(KIND, seed, turn, SceneSettings(difficulty=difficulty))[:2]:
        gone = distances(side)
        row = sorted(gone, key=lambda one: gone[one][0])
        ranked = sorted(gone, key=lambda one: gone[one][1])
        extreme, after = ranked[-1], ranked[-2]
        if side.question.parameters["most"] == "slowest":
            after, extreme = ranked[1], ranked[0]
        ratio = gone[extreme][1] / gone[after][1]
        # Turning between two frames hides up to a step at each turn.
        assert max(ratio, 1.0 / ratio) > 0.95 * RATIO[difficulty - 1]
        assert side.question.answer == PLACES[len(row)][row.index(extreme)]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), turn=st.integers(0, 50))
def test_all_movers_cover_the_same_lane_and_turn_twice(seed: int, turn: int) -> None:
    side = pair_of(KIND, seed, turn).first
    movers = [one for one in side.animation.actors if one.id in side.question.parameters["objects"]]
    for one in movers:
        step = np.abs(np.diff(one.y_T)).max()
        assert one.y_T.min() == pytest.approx(LANE[0], abs=step)
        assert one.y_T.max() == pytest.approx(LANE[1], abs=step)
        assert np.ptp(one.x_T) == 0.0
    assert min(gone for _, gone in distances(side).values()) > 0.9 * SLOWEST


def test_odd_rows_are_made_even() -> None:
    assert len(pair_of(KIND, 1, 0, SceneSettings(objects=3)).first.question.options) == 2
    assert len(pair_of(KIND, 1, 0, SceneSettings(objects=7)).first.question.options) == 4


@pytest.mark.parametrize(
    ("most", "expected"), [("fastest", "the one on the right"), ("slowest", "the one on the left")]
)
def test_the_checker_by_hand(most: str, expected: str) -> None:
    # o1 stands on the right and goes 0.2 a snapshot, through a turn that hides some; o2 goes 0.1.
    heights = {"o1": [0.2, 0.4, 0.6, 0.7, 0.5], "o2": [0.7, 0.6, 0.5, 0.4, 0.3]}
    metadata = {
        "question": {"parameters": {"objects": ["o1", "o2"], "most": most}},
        "states": [
            {
                "frame": 3 * index,
                "positions": {"o1": [0.8, heights["o1"][index]], "o2": [0.1, heights["o2"][index]]},
            }
            for index in range(5)
        ],
    }
    assert answer(metadata) == expected
