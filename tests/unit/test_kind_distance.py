"""Distance: excursions by hand, margins as a viewer of few frames sees them, and frames that tell nothing."""

import math

import numpy as np
import pytest

from retroflip.synth.checks import distance as check
from retroflip.synth.episode import Episode
from retroflip.synth.settings import SceneSettings
from retroflip.synth.short.distance import KIND, apart
from retroflip.synth.wording import ordinal
from retroflip.video.sampling import uniform_indices
from temporal_pairs import pair_of


def distances(episode: Episode) -> np.ndarray:
    by_id = {one.id: one for one in episode.animation.actors}
    one, two = by_id["o1"], by_id["o2"]
    return np.hypot(one.x_T - two.x_T, one.y_T - two.y_T)


def test_the_distance_goes_to_each_depth_and_back_by_hand() -> None:
    """The squared sine: all of the way half way through, half of it at a quarter."""
    distance_T = apart(0.5, [0.1, 0.3], [(0, 8), (8, 16)], 17)
    assert len(distance_T) == 17
    np.testing.assert_allclose(distance_T[[0, 8, 16]], 0.5, atol=1e-12)
    np.testing.assert_allclose(distance_T[[4, 12]], [0.1, 0.3], atol=1e-12)
    np.testing.assert_allclose(distance_T[[2, 6, 10, 14]], [0.3, 0.3, 0.4, 0.4], atol=1e-12)


@pytest.mark.parametrize("turn", range(32))
@pytest.mark.parametrize("difficulty", [1, 5])
def test_the_frames_that_a_viewer_sees_decide_the_question(turn: int, difficulty: int) -> None:
    """At the least rate there is, the extreme of each stretch of the distances seen still names the answer."""
    pair = pair_of(KIND, 3, turn, SceneSettings(difficulty=difficulty))
    for side in pair[:2]:
        clip = side.animation
        viewed = math.ceil(side.min_fps * clip.frames / clip.fps)
        sign = 1.0 if side.question.parameters["extreme"] == "closest" else -1.0
        distance_T = sign * distances(side)
        frames = uniform_indices(clip.frames, viewed)
        depths = [
            min(distance_T[frame] for frame in frames if event.start_frame <= frame <= event.end_frame)
            for event in side.events
        ]
        assert side.question.answer == f"the {ordinal(int(np.argmin(depths)) + 1)} time"


@pytest.mark.parametrize("turn", range(16))
def test_the_first_and_the_last_frame_show_the_same_distance(turn: int) -> None:
    distance_T = distances(pair_of(KIND, 5, turn).first)
    assert distance_T[-1] == pytest.approx(distance_T[0])


def test_one_approach_alone_does_not_tell_whether_it_is_the_closest() -> None:
    """Were closest approaches closer than all others, some threshold would always be right."""
    depths, extreme = [], []
    for turn in range(400):
        side = pair_of(KIND, 17, turn).first
        if side.question.parameters["extreme"] == "closest":
            depths.append(float(side.events[0].facts["distance"]))
            extreme.append(side.question.answer == "the first time")
    best = max(float(np.mean((np.array(depths) < limit) == extreme)) for limit in np.linspace(0.1, 0.5, 81))
    assert best < 0.93


@pytest.mark.parametrize(
    ("operations", "viewed", "expected"), [(2, 32, 2), (5, 32, 4), (12, 32, 6), (12, 64, 12)]
)
def test_there_is_an_even_number_of_approaches_that_the_viewer_can_tell(
    operations: int, viewed: int, expected: int
) -> None:
    side = pair_of(KIND, 2, 0, SceneSettings(operations=operations, viewed_frames=viewed)).first
    assert len(side.events) == expected
    assert len(side.question.options) == min(4, expected)


def test_objects_stay_in_the_frame_and_never_touch() -> None:
    for turn in range(40):
        side = pair_of(KIND, 6, turn, SceneSettings(difficulty=5)).first
        for actor in side.animation.actors:
            assert actor.x_T.min() > 0.04
            assert actor.x_T.max() < 0.96
            assert actor.y_T.min() > 0.04
            assert actor.y_T.max() < 0.96
        assert distances(side).min() > 0.12


@pytest.mark.parametrize(
    ("extreme", "expected"), [("closest", "the second time"), ("farthest", "the third time")]
)
def test_the_checker_counts_turning_points(extreme: str, expected: str) -> None:
    gaps = [5, 2, 4, 1, 6, 3, 5, 8, 7] if extreme == "closest" else [1, 5, 2, 4, 3, 9, 8, 8.5, 0]
    metadata = {
        "question": {"parameters": {"objects": ["a", "b"], "extreme": extreme}},
        "states": [{"positions": {"a": [0.0, 0.0], "b": [0.0, gap]}} for gap in gaps],
    }
    assert check.answer(metadata) == expected


def test_objects_that_approach_come_down_to_a_distance_and_those_that_part_go_up_to_one() -> None:
    told = set()
    for turn in range(8):
        side = pair_of(KIND, 3, turn).first
        extreme = side.question.parameters["extreme"]
        told.add(extreme)
        words = ("approach each other", "down to") if extreme == "closest" else ("move apart", "up to")
        assert all(all(word in event.note for word in words) for event in side.events)
    assert told == {"closest", "farthest"}
