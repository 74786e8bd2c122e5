"""Figures of a path: their senses, what mirrors and reversal make of them, and what their places alone tell."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retroflip.synth.animation import Floats
from retroflip.synth.checks.trajectory_shape import answer
from retroflip.synth.episode import Draw, Episode, Redraw
from retroflip.synth.physics import along, rotated
from retroflip.synth.settings import SceneSettings
from retroflip.synth.short.trajectory_shape import (
    KIND,
    OUTLINES,
    ROUND,
    Figure,
    in_words,
    mirrored,
    number_of_figures,
    played_back,
)
from temporal_pairs import pair_of

PATH = (Figure("circle", 1), Figure("line", 0))


def places(episode: Episode) -> Floats:
    one = next(actor for actor in episode.animation.actors if actor.id == "o1")
    return np.stack([one.x_T, one.y_T], axis=1)


def test_a_path_in_words_mirrored_and_played_back() -> None:
    assert in_words(PATH) == "first a circle clockwise, then a line and back"
    assert in_words(mirrored(PATH)) == "first a circle counter-clockwise, then a line and back"
    assert in_words(played_back(PATH)) == "first a line and back, then a circle counter-clockwise"


@pytest.mark.parametrize("shape", OUTLINES)
def test_outlines_start_and_end_at_one_place_and_reach_as_far(shape: str) -> None:
    outline = OUTLINES[shape]
    assert np.allclose(outline[[0, -1]], 0.0)
    assert outline[:, 0].min() == pytest.approx(0.0)
    assert outline[:, 0].max() == pytest.approx(1.0)
    # What is above the axis is also below it: the sense does not show in the set of places.
    assert np.allclose(np.sort(outline[:, 1]), np.sort(-outline[:, 1]))


@pytest.mark.parametrize("shape", ROUND)
def test_round_figures_are_drawn_clockwise(shape: str) -> None:
    # Where y points down, something right of the path's heading lies clockwise: the centre is always on that side.
    path = along(OUTLINES[shape], np.linspace(0.0, 1.0, 50))
    middle = path[:-1].mean(axis=0)
    heading, inward = np.diff(path, axis=0), middle - path[:-1]
    assert (heading[:, 0] * inward[:, 1] - heading[:, 1] * inward[:, 0] > -1e-9).all()


@pytest.mark.parametrize("angle", [0.0, 1.0, 2.5, 4.0])
@pytest.mark.parametrize("shape", OUTLINES)
@pytest.mark.parametrize("sense", [1, -1])
def test_the_checker_knows_every_figure_whichever_way_it_lies(shape: str, sense: int, angle: float) -> None:
    outline = OUTLINES[shape] * (0.2, 0.2 * sense)
    course = 0.5 + rotated(along(outline, np.linspace(0.0, 1.0, 40)), angle)
    rest = 0.5 + rotated(along(OUTLINES["line"] * 0.2, np.linspace(0.0, 1.0, 40)), -angle)
    metadata = {
        "question": {"parameters": {"object": "o1", "figures": 2}},
        "states": [
            {"frame": frame, "positions": {"o1": [float(x), float(y)]}}
            for frame, (x, y) in enumerate(np.concatenate([course, rest[1:]]))
        ],
    }
    words = Figure(shape, sense if shape in ROUND else 0).words
    assert answer(metadata) == f"first {words}, then a line and back"


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), turn=st.integers(0, 50), difficulty=st.integers(1, 5))
def test_all_figures_begin_and_end_at_one_place_and_take_as_long(
    seed: int, turn: int, difficulty: int
) -> None:
    side = pair_of(KIND, seed, turn, SceneSettings(difficulty=difficulty)).first
    course = places(side)
    assert len({event.end_frame - event.start_frame for event in side.events}) == 1
    for event in side.events:
        assert np.allclose(course[[event.start_frame, event.end_frame]], course[0])
    assert course.min() > 0.0
    assert course.max() < 1.0


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), turn=st.integers(0, 50))
def test_the_pace_is_even_and_the_sense_that_of_the_angle_gone_through(seed: int, turn: int) -> None:
    side = pair_of(KIND, seed, turn).second
    course = places(side)
    for event in side.events:
        part = course[event.start_frame : event.end_frame + 1]
        around = part - (part.max(axis=0) + part.min(axis=0)) / 2.0
        angles = np.unwrap(np.arctan2(around[:, 1], around[:, 0]))
        if event.facts["sense"]:
            assert angles[-1] - angles[0] == pytest.approx(event.facts["sense"] * 2.0 * math.pi, abs=0.3)
        steps = np.hypot(*np.diff(part, axis=0).T)
        assert np.median(steps) == pytest.approx(steps.max(), rel=0.01)


def test_no_more_figures_than_the_viewer_can_tell() -> None:
    assert number_of_figures(SceneSettings(difficulty=1)) == 2
    assert number_of_figures(SceneSettings(difficulty=5)) == 3
    assert number_of_figures(SceneSettings(difficulty=5, operation_scale=2.0)) == 3
    assert number_of_figures(SceneSettings(difficulty=5, operation_scale=2.0, viewed_frames=128)) == 5


@pytest.mark.parametrize("viewed", [4, 8, 12])
def test_no_figure_is_drawn_that_the_viewer_cannot_tell(viewed: int) -> None:
    with pytest.raises(Redraw):
        KIND.make(
            Draw(0, "trajectory_shape", 0, SceneSettings(viewed_frames=viewed), np.random.default_rng(0))
        )
