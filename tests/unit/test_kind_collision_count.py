"""Hits of a wall against sums done by hand and against a count frame by frame."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retroflip.synth.checks.collision_count import answer
from retroflip.synth.episode import Episode
from retroflip.synth.physics import Bounce
from retroflip.synth.settings import PRESETS, SceneSettings
from retroflip.synth.short.collision_count import APART_SECONDS, KIND, WALL, bounce, most_hits
from retroflip.video.sampling import uniform_indices
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
    # The walls are 0.8 apart for the centre. Off after 1 s, it goes 0.2 to the left in 0.5 s, then crosses in 2 s each,
    # and stops after 5 s, having gone 0.2 to the right of the left wall.
    course = Bounce(start=0.3, velocity=-0.4, low=0.1, high=0.9, begin=1.0, seconds=5.0)
    hits = [(round(hit.seconds, 9), hit.end) for hit in course.contacts()]
    assert hits == [(1.5, -1), (3.5, 1), (5.5, -1)]
    moments = np.array([0.0, 1.0, 1.5, 2.5, 3.5, 4.0, 6.0, 7.0])
    assert np.allclose(course.at(moments), [0.3, 0.3, 0.1, 0.5, 0.9, 0.7, 0.3, 0.3])


@given(seed=st.integers(0, 2**32), first=st.sampled_from([-1, 1]), hits=st.integers(3, 13))
def test_a_bounce_hits_as_often_as_wanted_and_the_right_wall_first(seed: int, first: int, hits: int) -> None:
    course = bounce(np.random.default_rng(seed), first, hits, 0.05, 6.0)
    found = course.contacts()
    assert course.begin >= -1e-9
    assert course.begin + course.seconds <= 6.0 + 1e-9
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


@pytest.mark.parametrize("hits", [3, 5, 7, 9])
@pytest.mark.parametrize("first", [-1, 1])
def test_no_place_at_first_in_the_middle_or_at_last_tells_the_wall_hit_first(hits: int, first: int) -> None:
    rng = np.random.default_rng(hits)
    drawn = [bounce(rng, first, hits, 0.05, 6.0) for _ in range(2000)]
    places = np.array([course.at(np.array([0.0, 3.0, 6.0])) for course in drawn])
    assert np.allclose(places.mean(axis=0), 0.5, atol=0.025)
    # Evenly spread in the middle: as often in each quarter between the walls.
    counts, _ = np.histogram(places[:, 1], bins=4, range=(0.1, 0.9))
    assert np.allclose(counts, 500, atol=80)


@pytest.mark.parametrize(("wall", "expected"), [("left", "2"), ("right", "1")])
def test_the_checker_by_hand(wall: str, expected: str) -> None:
    across = [0.5, 0.3, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 0.9, 0.7, 0.5, 0.3, 0.2, 0.4]
    metadata = {
        "question": {"parameters": {"object": "o1", "wall": wall}},
        "states": [{"frame": index, "positions": {"o1": [x, 0.5]}} for index, x in enumerate(across)],
    }
    assert answer(metadata) == expected


@pytest.mark.parametrize("turn", range(8))
def test_the_second_round_has_more_hits_and_every_way_between_two_is_seen(turn: int) -> None:
    totals = []
    for name in sorted(PRESETS):
        scene = SceneSettings.model_validate(PRESETS[name])
        side = pair_of(KIND, 6, turn, scene).first
        totals.append(len(side.events))
        shown = np.array(uniform_indices(side.animation.frames, scene.viewed_frames))
        across = [event.start_frame for event in side.events if event.facts["wall"] in ("left", "right")]
        assert all(((one <= shown) & (shown <= two)).any() for one, two in pairwise(across))
        assert (shown <= across[0]).any()
        assert (shown >= across[-1]).any()
    # Windows from 3 and from 4 take turns.
    assert totals in ([10, 18], [10, 22])


def test_as_many_hits_as_the_clip_and_its_viewer_have_room_for() -> None:
    # Windows from 1 and from 2 have up to 7.16 and 9.16 crossings, in 0.57 of the clip.
    assert most_hits(32, 14.0) == 2
    assert most_hits(31, 14.0) == 1  # 17.1 frames: 1.87 for each of 9.16 crossings
    assert most_hits(24, 14.0) == 0  # 13.1 frames: 1.83 for each of 7.16 crossings
    # 0.436 s a crossing: 68 % of the time is free of hits of the other walls, and (0.68)^5 of 400 tries are 58.
    assert most_hits(64, 7.0) == 2
    assert most_hits(64, 2.0) == 0  # 0.159 s a crossing: (0.12)^3 of 400 tries are 0.7
