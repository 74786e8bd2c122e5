"""Courses against sums done by hand and against a simulation in small steps."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retroflip.synth.physics import Bounce, Contact, along, excursions, reflected, rotated, shares


def test_a_point_is_thrown_back_by_both_walls() -> None:
    # From 0.25 at 0.5 a second: 0.75 after 1 s, the wall at 1 after 1.5 s, back at 0.5 after 2.5 s, 0 after 3.5 s.
    free = 0.25 + 0.5 * np.array([0.0, 1.0, 1.5, 2.5, 3.5, 4.0])
    assert np.allclose(reflected(free, 0.0, 1.0), [0.25, 0.75, 1.0, 0.5, 0.0, 0.25])


def test_walls_need_not_stand_at_the_edges() -> None:
    assert np.allclose(reflected([0.1, 0.9, -0.1, 1.7], 0.2, 0.8), [0.3, 0.7, 0.5, 0.5])


def test_walls_must_stand_apart() -> None:
    with pytest.raises(ValueError, match="under the second"):
        reflected([0.5], 1.0, 1.0)


def test_contacts_come_at_the_times_worked_out_by_hand() -> None:
    assert Bounce(0.25, 0.5, 0.0, 1.0, 0.0, 4.0).contacts() == [Contact(1.5, 1), Contact(3.5, -1)]
    assert Bounce(0.25, -0.5, 0.0, 1.0, 0.0, 3.0).contacts() == [Contact(0.5, -1), Contact(2.5, 1)]
    assert Bounce(0.25, 0.0, 0.0, 1.0, 0.0, 9.0).contacts() == []
    with pytest.raises(ValueError, match="not between the walls"):
        Bounce(1.0, 0.5, 0.0, 1.0, 0.0, 4.0).contacts()


@given(
    start=st.floats(0.1, 0.9),
    velocity=st.floats(0.05, 2.0),
    sign=st.sampled_from([-1, 1]),
    seconds=st.floats(0.5, 8.0),
)
def test_contacts_agree_with_small_steps(start: float, velocity: float, sign: int, seconds: float) -> None:
    place, pace, step, seen = start, sign * velocity, 1e-3, []
    for index in range(int(seconds / step)):
        place += pace * step
        if not 0.0 < place < 1.0:
            seen.append((index * step, 1 if place >= 1.0 else -1))
            place, pace = (2.0 - place if place >= 1.0 else -place), -pace
    exact = Bounce(start, sign * velocity, 0.0, 1.0, 0.0, seconds - 0.01).contacts()
    assert [one.end for one in exact] == [end for _, end in seen][: len(exact)]
    assert all(abs(one.seconds - when) < 5e-3 for one, (when, _) in zip(exact, seen, strict=False))
    assert np.isclose(
        reflected(start + sign * velocity * len(range(int(seconds / step))) * step, 0, 1), place, atol=1e-6
    )


def test_a_polyline_is_followed_at_constant_speed() -> None:
    # An L of lengths 3 and 1: three quarters of it are the first leg.
    places = along([(0, 0), (3, 0), (3, 1)], [0.0, 0.375, 0.75, 0.875, 1.0])
    assert np.allclose(places, [(0, 0), (1.5, 0), (3, 0), (3, 0.5), (3, 1)])


def test_a_quarter_turn_takes_right_to_down() -> None:
    assert np.allclose(rotated([(1.0, 0.0), (0.0, 1.0)], math.pi / 2), [(0.0, 1.0), (-1.0, 0.0)])


def test_excursions_rise_and_return_and_are_their_own_mirror_image() -> None:
    course = excursions(12, [(1, 5), (7, 9)])
    assert np.allclose(course, [0, 0, 0.5, 1, 0.5, 0, 0, 0, 1, 0, 0, 0])
    assert np.allclose(excursions(12, [(2, 4), (6, 10)]), course[::-1])


@given(count=st.integers(1, 6), spare=st.integers(0, 20), least=st.integers(0, 5), seed=st.integers(0, 2**16))
def test_shares_add_up(count: int, spare: int, least: int, seed: int) -> None:
    drawn = shares(np.random.default_rng(seed), count, count * least + spare, least)
    assert len(drawn) == count
    assert sum(drawn) == count * least + spare
    assert min(drawn) >= least


def test_every_way_to_share_is_as_likely() -> None:
    rng = np.random.default_rng(0)
    drawn = [tuple(shares(rng, 3, 5, 1)) for _ in range(3000)]
    ways = {way for way in itertools.product(range(1, 4), repeat=3) if sum(way) == 5}
    assert set(drawn) == ways
    assert all(400 < drawn.count(way) < 600 for way in ways)


def test_too_little_cannot_be_shared() -> None:
    with pytest.raises(ValueError, match="cannot be shared out"):
        shares(np.random.default_rng(0), 3, 5, 2)
