import math
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retroflip.video.frames import Frames
from retroflip.video.transforms import Transform
from retroflip.video.views import Important, Scores, Spatial, Stochastic, Strided, Transformed, View

counts = st.integers(1, 20)
seeds = st.integers(0, 2**32 - 1)
probabilities = st.sampled_from([0.0, 0.5, 1.0])
segment_numbers = st.one_of(
    st.none(),
    st.integers(1, 25),
    st.tuples(st.integers(1, 6), st.integers(0, 6)).map(lambda pair: (pair[0], sum(pair))),
)


@st.composite
def pools(draw: st.DrawFn) -> Frames:
    """Frames that all differ, at times that all differ."""
    count, height, width = draw(st.integers(1, 20)), draw(st.integers(1, 5)), draw(st.integers(1, 5))
    pixels = np.random.default_rng(draw(st.integers(0, 99))).integers(256, size=(count, 3, height, width))
    pixels[:, 0, 0, 0] = np.arange(count)
    times = draw(st.lists(st.floats(0, 1e4), min_size=count, max_size=count, unique=True))
    return Frames(pixels.astype(np.uint8), tuple(sorted(times)), fitted=draw(st.booleans()))


def spatials() -> st.SearchStrategy[Spatial]:
    return st.builds(
        Spatial,
        jitter=st.floats(0, 1),
        degrees=st.floats(0, 180),
        translation=st.floats(0, 1),
        scale=st.floats(0.5, 2).map(lambda scale: (scale, scale)),
    )


@st.composite
def choosing_views(draw: st.DrawFn) -> View:
    """Views that choose frames and leave pixels and order alone."""
    views: list[View] = [
        Transformed(Transform.IDENTITY),
        Strided(0, draw(st.integers(1, 25))),
        Stochastic(draw(probabilities), 0.0),
        Important(draw(segment_numbers), draw(st.floats(1e-3, 1e3)), top=draw(st.booleans())),
    ]
    return draw(st.sampled_from(views))


@st.composite
def changing_views(draw: st.DrawFn) -> View:
    """Views that may change pixels and order too."""
    spatial = draw(spatials())
    views: list[View] = [
        Transformed(draw(st.sampled_from(Transform))),
        Stochastic(draw(probabilities), draw(probabilities), spatial=spatial),
        Important(draw(segment_numbers), spatial=spatial, spatial_probability=draw(probabilities)),
    ]
    return draw(st.sampled_from(views))


def scores_of(pool: Frames, seed: int) -> Scores:
    return np.random.default_rng(seed).normal(size=len(pool))


def places(frames: Frames, pool: Frames) -> list[int]:
    """Return which of the pool's frames these are; each must be one of them, shown when it is shown there."""
    indices = [pool.seconds.index(second) for second in frames.seconds]
    assert np.array_equal(frames.pixels_TCHW, pool.pixels_TCHW[indices])
    return indices


@given(view=choosing_views(), pool=pools(), count=counts, seed=seeds)
def test_views_show_frames_of_the_pool_once_in_order_at_their_seconds(
    view: View, pool: Frames, count: int, seed: int
) -> None:
    shown = places(view.apply(pool, count, np.random.default_rng(seed), scores_of(pool, seed)), pool)
    assert 1 <= len(shown) <= count
    assert all(first < second for first, second in pairwise(shown))


@given(view=st.one_of(choosing_views(), changing_views()), pool=pools(), count=counts, seed=seeds)
def test_views_are_functions_of_their_generator_and_keep_type_and_size(
    view: View, pool: Frames, count: int, seed: int
) -> None:
    before, scores = pool.pixels_TCHW.copy(), scores_of(pool, seed)
    first, second = (view.apply(pool, count, np.random.default_rng(seed), scores) for _ in range(2))
    assert first.pixels_TCHW.dtype == np.uint8
    assert first.pixels_TCHW.shape == (len(first), *pool.pixels_TCHW.shape[1:])
    assert len(first) <= min(count, len(pool))
    assert np.array_equal(first.pixels_TCHW, second.pixels_TCHW)
    assert first.seconds == second.seconds
    assert first.fitted == pool.fitted
    assert np.array_equal(pool.pixels_TCHW, before)


@given(pool=pools(), spatial=spatials(), seed=seeds)
def test_spatial_changes_keep_time_and_are_the_same_for_equal_frames(
    pool: Frames, spatial: Spatial, seed: int
) -> None:
    still = Frames(np.repeat(pool.pixels_TCHW[:1], len(pool), axis=0), pool.seconds)
    changed = spatial.apply(still, np.random.default_rng(seed))
    assert changed.seconds == pool.seconds
    assert (changed.pixels_TCHW == changed.pixels_TCHW[:1]).all()


@given(pool=pools(), data=st.data())
def test_strided_variants_together_show_the_pool_exactly_once(pool: Frames, data: st.DataObject) -> None:
    variants = data.draw(st.integers(1, len(pool)))
    rng = np.random.default_rng(0)
    shown = [
        index
        for offset in range(variants)
        for index in places(Strided(offset, variants).apply(pool, len(pool), rng, None), pool)
    ]
    assert sorted(shown) == list(range(len(pool)))


@given(pool=pools(), seed=seeds)
def test_a_stochastic_part_is_at_one_stride_and_leaves_two_frames(pool: Frames, seed: int) -> None:
    view = Stochastic(1.0, 0.0)
    shown = places(view.apply(pool, len(pool), np.random.default_rng(seed), None), pool)
    assert len(shown) >= min(2, len(pool))
    assert {second - first for first, second in pairwise(shown)} <= {1, 2, 3}
    assert shown[-1] - shown[0] + 1 <= max(0.9 * len(pool) + 1e-9, min(2, len(pool)))


@given(pool=pools(), segments=st.integers(1, 20), count=counts, seed=seeds)
def test_important_frames_are_one_of_each_equal_segment(
    pool: Frames, segments: int, count: int, seed: int
) -> None:
    number = min(segments, count, len(pool))
    scores = scores_of(pool, seed)
    shown = places(Important(segments).apply(pool, count, np.random.default_rng(seed), scores), pool)
    sizes = [len(pool) // number + (k < len(pool) % number) for k in range(number)]
    segment_of = np.repeat(np.arange(number), sizes)
    assert [int(segment_of[index]) for index in shown] == list(range(number))


@given(pool=pools(), segments=segment_numbers, count=counts, seed=seeds)
def test_a_temperature_near_zero_takes_the_highest_score(
    pool: Frames, segments: int | tuple[int, int] | None, count: int, seed: int
) -> None:
    """The number of segments comes first from the generator, so both have the same."""
    scores = scores_of(pool, seed)
    cold = Important(segments, 1e-9).apply(pool, count, np.random.default_rng(seed), scores)
    top = Important(segments, top=True).apply(pool, count, np.random.default_rng(seed), scores)
    assert cold.seconds == top.seconds


@pytest.mark.parametrize("temperature", [0.1, 0.4, 1.0])
@pytest.mark.parametrize("scores", [[0.1, 0.3, 0.2, 0.25], [-1.0, 0.5, 0.0, 1.0], [0.0, 0.0, 0.0, 0.0]])
def test_frames_are_drawn_as_often_as_equation_4_says(scores: Sequence[float], temperature: float) -> None:
    """Pearson's statistic over four frames: above 21.1 in one case of ten thousand (three degrees of freedom)."""
    draws, rng = 3000, np.random.default_rng(0)
    pool = Frames(np.zeros((4, 3, 1, 1), dtype=np.uint8), (0.0, 1.0, 2.0, 3.0))
    view = Important(1, temperature)
    seen = Counter(int(view.apply(pool, 1, rng, np.array(scores)).seconds[0]) for _ in range(draws))
    weights = [math.exp(score / temperature) for score in scores]
    expected = [draws * weight / sum(weights) for weight in weights]
    frequent = [index for index in range(4) if expected[index] >= 5]
    assert sum((seen[index] - expected[index]) ** 2 / expected[index] for index in frequent) < 21.1
    assert sum(seen[index] for index in range(4) if index not in frequent) < 30
