"""Hits of a wall against sums done by hand and against a count frame by frame."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retroflip.synth.checks.collision_count import answer
from retroflip.synth.episode import Episode
from retroflip.synth.settings import SceneSettings
from retroflip.synth.short.collision_count import APART_SECONDS, KIND, WALL, Bounce, bounce
from temporal_pairs import pair_of

DIFFICULTIES = st.integers(1, 5)


def touches(episode: Episode, wall: str) -> int:
    """Count frames in which the object is nearest to the wall of all frames about it, and all but touches it."""
    one = next(actor for actor in episode.animation.actors if actor.id == "o1")
    gap_T = one.x_T - one.half_width_T - WALL if wall == "left" else 1.0 - WALL - one.x_T - one.half_width_T
    assert gap_T.min() > -1e-9
    step = np.abs(np.diff(gap_T)).max()
    nearest = (gap_T[1:-1] < gap_T[:-2]) & (gap_T[1:-1] <= gap_T[2:])
    return int((nearest & (gap_T[1:-1] <= step)).sum())


def test_a_bounce_by_hand() -> None:
    # The walls are 0.8 apart for the centre; from 0.3 to the left it takes 0.2 / 0.4 s, then 2 s for each crossing.
    course = Bounce(start=0.3, velocity=-0.4, low=0.1, high=0.9)
    assert [(round(hit.seconds, 9), hit.end) for hit in course.contacts(5.0)] == [
        (0.5, -1),
        (2.5, 1),
        (4.5, -1),
    ]
    assert np.allclose(course.at(np.array([0.0, 0.5, 1.5, 2.5, 3.0])), [0.3, 0.1, 0.5, 0.9, 0.7])


@given(seed=st.integers(0, 2**32), first=st.sampled_from([-1, 1]), hits=st.integers(1, 13))
def test_a_bounce_hits_as_often_as_wanted_and_the_right_wall_first(seed: int, first: int, hits: int) -> None:
    course = bounce(np.random.default_rng(seed), first, hits, 0.05, 6.0)
    found = course.contacts(6.0)
    assert [hit.end for hit in found] == [first * (-1) ** index for index in range(hits)]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), turn=st.integers(0, 50), difficulty=DIFFICULTIES)
def test_the_answer_is_what_the_frames_show(seed: int, turn: int, difficulty: int) -> None:
    pair = pair_of(KIND, seed, turn, SceneSettings(difficulty=difficulty))
    for side in pair[:2]:
        wall = side.question.parameters["wall"]
        assert str(touches(side, wall)) == side.question.answer
    other = {"left": "right", "right": "left"}[pair.first.question.parameters["wall"]]
    assert str(touches(pair.first, other)) == pair.second.question.answer


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), turn=st.integers(0, 50), difficulty=DIFFICULTIES)
def test_hits_in_all_say_nothing_and_none_is_in_a_corner(seed: int, turn: int, difficulty: int) -> None:
    side = pair_of(KIND, seed, turn, SceneSettings(difficulty=difficulty)).first
    walls = Counter(event.facts["wall"] for event in side.events)
    assert sorted(str(count) for count in walls.values()) == sorted(side.question.options)
    frames = {event.start_frame: event.facts["wall"] for event in side.events}
    assert len(frames) == len(side.events)
    across = [frame for frame, wall in frames.items() if wall in ("left", "right")]
    down = [frame for frame, wall in frames.items() if wall in ("upper", "lower")]
    least = APART_SECONDS * side.animation.fps - 1.0
    assert min(abs(one - two) for one in across for two in down) >= least


def test_where_it_starts_does_not_tell_where_it_goes() -> None:
    rng = np.random.default_rng(0)
    for first in (-1, 1):
        starts = [bounce(rng, first, 3, 0.05, 6.0).start for _ in range(2000)]
        assert np.mean(starts) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(("wall", "expected"), [("left", "2"), ("right", "1")])
def test_the_checker_by_hand(wall: str, expected: str) -> None:
    across = [0.5, 0.3, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 0.9, 0.7, 0.5, 0.3, 0.2, 0.4]
    metadata = {
        "question": {"parameters": {"object": "o1", "wall": wall}},
        "states": [{"frame": index, "positions": {"o1": [x, 0.5]}} for index, x in enumerate(across)],
    }
    assert answer(metadata) == expected
