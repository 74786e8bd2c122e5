"""What holds of every track, camera and box: the same transformation twice is none, once it gives the opposite way."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from retroflip.bench.dybench.camera import Camera, Move, Shift
from retroflip.bench.dybench.directions import (
    EIGHT,
    FOUR,
    Doubt,
    Track,
    Way,
    flipped,
    reversed_track,
    way_of,
    way_of_step,
)
from retroflip.bench.dybench.sources.got10k import flipped_boxes, reversed_boxes

FLIPPED = {
    Way.LEFT: Way.RIGHT,
    Way.RIGHT: Way.LEFT,
    Way.UP: Way.UP,
    Way.DOWN: Way.DOWN,
    Way.UP_LEFT: Way.UP_RIGHT,
    Way.UP_RIGHT: Way.UP_LEFT,
    Way.DOWN_LEFT: Way.DOWN_RIGHT,
    Way.DOWN_RIGHT: Way.DOWN_LEFT,
}
REVERSED = {way: EIGHT[(index + 4) % 8] for index, way in enumerate(EIGHT)}

places = st.floats(0.0, 1.0, allow_nan=False, width=32)
tracks = st.lists(st.tuples(places, places), min_size=2, max_size=40).map(lambda found: np.array(found))
shifts = st.builds(Shift, *[st.floats(-2.0, 2.0, allow_nan=False)] * 3)
cameras = st.lists(shifts, min_size=1, max_size=9).map(Camera.of)


@st.composite
def straight(draw: st.DrawFn) -> Track:
    """A track that goes one way, with a little trembling."""
    angle, length = draw(st.floats(0, 2 * math.pi)), draw(st.floats(0.05, 0.6))
    share = np.linspace(0, 1, draw(st.integers(4, 40)))[:, None]
    tremble = np.random.default_rng(draw(st.integers(0, 9))).normal(0, 0.002, (len(share), 2))
    track: Track = 0.5 + length * share * np.array([math.cos(angle), math.sin(angle)]) + tremble
    return track


@given(st.one_of(tracks, straight()))
def test_the_other_side_has_the_opposite_way(track: Track) -> None:
    way = way_of(track)
    mirror, backwards = way_of(flipped(track)), way_of(reversed_track(track))
    if isinstance(way, Doubt):
        assert isinstance(mirror, Doubt)
    else:
        assert mirror is FLIPPED[way]
        assert backwards in (REVERSED[way], Doubt.WINDING)


@given(straight())
def test_a_straight_track_is_the_same_backwards(track: Track) -> None:
    way = way_of(track)
    assert way_of(reversed_track(track)) == (way if isinstance(way, Doubt) else REVERSED[way])


@given(tracks)
def test_twice_is_none(track: Track) -> None:
    assert np.allclose(flipped(flipped(track)), track)
    assert np.array_equal(reversed_track(reversed_track(track)), track)
    assert np.array_equal(flipped(reversed_track(track)), reversed_track(flipped(track)))


@given(st.lists(st.tuples(*[st.integers(0, 640)] * 4), min_size=1, max_size=9))
def test_boxes_twice_is_none(found: list[tuple[int, int, int, int]]) -> None:
    boxes: NDArray[np.float64] = np.array(found, dtype=np.float64)
    assert np.array_equal(flipped_boxes(flipped_boxes(boxes, 640), 640), boxes)
    assert np.array_equal(reversed_boxes(reversed_boxes(boxes)), boxes)
    centres = boxes[:, 0] + boxes[:, 2] / 2
    mirrored = flipped_boxes(boxes, 640)
    assert np.allclose(mirrored[:, 0] + mirrored[:, 2] / 2, 640 - centres)


@given(cameras)
def test_a_camera_backwards_or_mirrored(camera: Camera) -> None:
    assert np.allclose(camera.backwards().backwards().parts, camera.parts)
    assert np.allclose(camera.mirrored().mirrored().parts, camera.parts)
    move = camera.move()
    if isinstance(move, Move):
        opposite = dict(
            zip(Move, [Move.RIGHT, Move.LEFT, Move.DOWN, Move.UP, Move.AWAY, Move.TOWARD], strict=True)
        )
        assert camera.backwards().move() is opposite[move]
        assert camera.mirrored().move() is (opposite[move] if move in (Move.LEFT, Move.RIGHT) else move)


@pytest.mark.parametrize(
    ("right", "down", "way"),
    [
        (1, 0, Way.RIGHT),
        (-1, 0, Way.LEFT),
        (0, -1, Way.UP),
        (0, 1, Way.DOWN),
        (1, 1, Way.DOWN_RIGHT),
        (-1, -1, Way.UP_LEFT),
        (1, 0.36, Way.RIGHT),  # 19.8 degrees
        (1, 0.37, None),  # 20.3 degrees
        (1, 0.46, None),  # 24.7 degrees
        (1, 0.47, Way.DOWN_RIGHT),  # 25.2 degrees
    ],
)
def test_cones(right: float, down: float, way: Way | None) -> None:
    assert way_of_step(right, down, 20.0) is way


def test_four_of_eight() -> None:
    assert FOUR == (Way.RIGHT, Way.DOWN, Way.LEFT, Way.UP)
    assert len(EIGHT) == 8
