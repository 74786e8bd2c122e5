import numpy as np
import pytest

from retroflip.video.frames import Frames
from retroflip.video.transforms import Transform, apply, flip, reverse, shuffle, single_frame


def numbered(count: int = 4) -> Frames:
    """Frame t, column x holds 10 t + x; shown at 0, 1, 3, 6, 10, ... seconds."""
    pixels = (10 * np.arange(count)[:, None] + np.arange(3)).astype(np.uint8)
    seconds = tuple(float(t * (t + 1) // 2) for t in range(count))
    return Frames(np.broadcast_to(pixels[:, None, None, :], (count, 3, 2, 3)).copy(), seconds)


def rows(frames: Frames) -> list[list[int]]:
    return [[int(value) for value in row] for row in frames.pixels_TCHW[:, 0, 0]]


def test_flip_mirrors_columns_and_keeps_time() -> None:
    flipped = flip(numbered(2))
    assert rows(flipped) == [[2, 1, 0], [12, 11, 10]]
    assert flipped.seconds == (0, 1)


def test_reverse_turns_the_pauses_round() -> None:
    reversed_ = reverse(numbered(4))  # pauses 1, 2, 3 become 3, 2, 1
    assert [row[0] for row in rows(reversed_)] == [30, 20, 10, 0]
    assert reversed_.seconds == (0, 3, 5, 6)


def test_reverse_of_a_cut_that_starts_later_stays_in_its_span() -> None:
    frames = Frames(numbered(3).pixels_TCHW, (2.0, 2.5, 4.0))
    assert reverse(frames).seconds == (2.0, 3.5, 4.0)


def test_shuffle_of_two_frames_always_swaps_them() -> None:
    for seed in range(20):
        shuffled = shuffle(numbered(2), np.random.default_rng(seed))
        assert [row[0] for row in rows(shuffled)] == [10, 0]
        assert shuffled.seconds == (0, 1)


def test_shuffle_draws_every_other_order_evenly() -> None:
    rng = np.random.default_rng(0)
    orders = [tuple(row[0] for row in rows(shuffle(numbered(3), rng))) for _ in range(1000)]
    assert set(orders) == {(0, 20, 10), (10, 0, 20), (10, 20, 0), (20, 0, 10), (20, 10, 0)}
    assert all(
        140 < orders.count(order) < 260 for order in set(orders)
    )  # 200 expected, standard deviation 13


def test_shuffle_of_one_frame_ends() -> None:
    assert rows(shuffle(numbered(1), np.random.default_rng(0))) == [[0, 1, 2]]


def test_single_frame_fills_the_clip_with_one_picture() -> None:
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(50):
        still = single_frame(numbered(4), rng)
        assert still.seconds == numbered(4).seconds
        shown = {row[0] for row in rows(still)}
        assert len(shown) == 1
        seen |= shown
    assert seen == {0, 10, 20, 30}


@pytest.mark.parametrize("transform", list(Transform))
def test_apply_agrees_with_the_function_of_that_name(transform: Transform) -> None:
    rng, same_rng = np.random.default_rng(5), np.random.default_rng(5)
    expected = {
        Transform.IDENTITY: lambda: numbered(),
        Transform.FLIP: lambda: flip(numbered()),
        Transform.REVERSE: lambda: reverse(numbered()),
        Transform.SHUFFLE: lambda: shuffle(numbered(), same_rng),
        Transform.SINGLE: lambda: single_frame(numbered(), same_rng),
    }[transform]()
    result = apply(transform, numbered(), rng)
    assert rows(result) == rows(expected)
    assert result.seconds == expected.seconds
    assert result.pixels_TCHW.flags.c_contiguous


@pytest.mark.parametrize("transform", list(Transform))
def test_the_given_frames_are_left_alone(transform: Transform) -> None:
    frames = numbered()
    apply(transform, frames, np.random.default_rng(0))
    assert rows(frames) == rows(numbered())


class TestFrames:
    def test_refuses_other_pixels(self) -> None:
        with pytest.raises(ValueError, match="uint8"):
            Frames(np.zeros((2, 3, 4, 4), dtype=np.float32), (0, 1))
        with pytest.raises(ValueError, match="T, 3, H, W"):
            Frames(np.zeros((2, 4, 4, 3), dtype=np.uint8), (0, 1))

    def test_refuses_other_times(self) -> None:
        with pytest.raises(ValueError, match="time stamps"):
            Frames(np.zeros((2, 3, 4, 4), dtype=np.uint8), (0,))
        with pytest.raises(ValueError, match="decrease"):
            Frames(np.zeros((2, 3, 4, 4), dtype=np.uint8), (1, 0))


@pytest.mark.parametrize("transform", list(Transform))
def test_frames_of_a_view_say_which_they_are(transform: Transform) -> None:
    frames = numbered(5)
    seen = apply(transform, frames, np.random.default_rng(1))
    taken = frames.pixels_TCHW[list(seen.places)]
    assert np.array_equal(taken[..., ::-1] if seen.mirrored else taken, seen.pixels_TCHW)


def test_places_are_kept_through_several_views() -> None:
    seen = flip(reverse(flip(shuffle(numbered(4), np.random.default_rng(0)))))
    assert not seen.mirrored
    assert np.array_equal(numbered(4).pixels_TCHW[list(seen.places)], seen.pixels_TCHW)
