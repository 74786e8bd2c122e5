import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retroflip.video.frames import Frames
from retroflip.video.sampling import uniform_indices
from retroflip.video.transforms import flip, reverse, shuffle, single_frame

counts = st.integers(min_value=1, max_value=2000)


@st.composite
def clips(draw: st.DrawFn) -> Frames:
    count, height, width = (draw(st.integers(1, top)) for top in (9, 5, 5))
    pixels = np.random.default_rng(draw(st.integers(0, 99))).integers(256, size=(count, 3, height, width))
    times = draw(st.lists(st.floats(0, 1e4), min_size=count, max_size=count))
    return Frames(pixels.astype(np.uint8), tuple(sorted(times)))


@given(total=counts, count=counts)
def test_indices_are_the_rounded_linspace(total: int, count: int) -> None:
    indices = uniform_indices(total, count)
    assert len(indices) == count
    assert indices == sorted(indices)
    if count > 1:
        exact = np.linspace(0, total - 1, count)
        assert (indices[0], indices[-1]) == (0, total - 1)
        assert np.abs(np.array(indices) - exact).max() <= 0.5 + 1e-9


@given(total=counts, count=counts)
def test_a_reversed_file_samples_the_mirror_image(total: int, count: int) -> None:
    indices = uniform_indices(total, count)
    mirrored = [total - 1 - index for index in reversed(indices)]
    middle = (
        {count // 2} if count % 2 and total % 2 == 0 else set()
    )  # it has no mirror: total / 2 is no frame
    assert all(a == b for k, (a, b) in enumerate(zip(indices, mirrored, strict=True)) if k not in middle)


@given(total=counts, data=st.data())
def test_indices_differ_while_there_are_enough_frames(total: int, data: st.DataObject) -> None:
    indices = uniform_indices(total, data.draw(st.integers(1, total)))
    assert len(set(indices)) == len(indices)


@given(frames=clips())
def test_a_flip_twice_is_the_identity(frames: Frames) -> None:
    twice = flip(flip(frames))
    assert np.array_equal(twice.pixels_TCHW, frames.pixels_TCHW)
    assert twice.seconds == frames.seconds


@given(frames=clips())
def test_a_reversal_twice_is_the_identity(frames: Frames) -> None:
    twice = reverse(reverse(frames))
    assert np.array_equal(twice.pixels_TCHW, frames.pixels_TCHW)
    assert twice.seconds == pytest.approx(frames.seconds, abs=1e-9)


@given(frames=clips())
def test_flip_and_reversal_commute(frames: Frames) -> None:
    assert np.array_equal(flip(reverse(frames)).pixels_TCHW, reverse(flip(frames)).pixels_TCHW)


@given(frames=clips(), seed=st.integers(0, 99))
def test_random_views_show_only_frames_of_the_clip(frames: Frames, seed: int) -> None:
    originals = sorted(picture.tobytes() for picture in frames.pixels_TCHW)
    shuffled = shuffle(frames, np.random.default_rng(seed))
    assert sorted(picture.tobytes() for picture in shuffled.pixels_TCHW) == originals
    still = single_frame(frames, np.random.default_rng(seed))
    assert {picture.tobytes() for picture in still.pixels_TCHW} <= set(originals)
    assert shuffled.seconds == still.seconds == frames.seconds
