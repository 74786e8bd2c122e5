"""Properties that intervals and tests must have for every input."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retroflip.bench.stats import cluster_interval, mcnemar, paired_interval, t_quantile

UNITS = st.lists(st.tuples(st.booleans(), st.sampled_from("abcdefgh")), min_size=1, max_size=40)
OUTCOMES = st.lists(st.tuples(st.booleans(), st.booleans()), max_size=60)


def interval(units: list[tuple[bool, str]]) -> tuple[float, float]:
    found = cluster_interval([float(hit) for hit, _ in units], [name for _, name in units], resamples=200)
    assert found is not None
    return found


@given(UNITS)
def test_an_interval_stays_in_the_range_of_a_rate(units: list[tuple[bool, str]]) -> None:
    low, high = interval(units)
    assert 0 <= low <= high <= 1


@given(UNITS, st.randoms(use_true_random=False))
def test_the_order_of_answers_does_not_matter(units: list[tuple[bool, str]], random: object) -> None:
    shuffled = list(units)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert interval(shuffled) == interval(units)


@given(UNITS, st.integers(2, 4))
def test_more_of_the_same_from_the_same_clips_narrows_nothing(
    units: list[tuple[bool, str]], copies: int
) -> None:
    assert interval(units * copies) == pytest.approx(interval(units))


@given(UNITS)
def test_right_and_wrong_swap_mirrors_the_interval(units: list[tuple[bool, str]]) -> None:
    low, high = interval(units)
    mirrored = interval([(not hit, name) for hit, name in units])
    assert mirrored == pytest.approx((1 - high, 1 - low))


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.sampled_from("abcd")), min_size=1, max_size=30))
def test_swapping_the_models_negates_the_difference(units: list[tuple[bool, bool, str]]) -> None:
    a, b, clips = ([unit[i] for unit in units] for i in range(3))
    forward, backward = paired_interval(a, b, clips), paired_interval(b, a, clips)  # type: ignore[arg-type]
    assert forward is not None
    assert backward is not None
    assert -1 <= forward.low <= forward.high <= 1
    assert (backward.low, backward.high) == pytest.approx((-forward.high, -forward.low))


@given(OUTCOMES)
def test_mcnemar_is_symmetric_and_a_probability(outcomes: list[tuple[bool, bool]]) -> None:
    a, b = [x for x, _ in outcomes], [y for _, y in outcomes]
    forward, backward = mcnemar(a, b), mcnemar(b, a)
    assert 0 < forward.p <= 1
    assert forward.p == backward.p
    assert (forward.only_a, forward.only_b) == (backward.only_b, backward.only_a)


@given(OUTCOMES, st.lists(st.booleans(), max_size=20))
def test_mcnemar_ignores_pairs_on_which_both_agree(
    outcomes: list[tuple[bool, bool]], agreed: list[bool]
) -> None:
    more = outcomes + [(both, both) for both in agreed]
    assert mcnemar(*_columns(more)) == mcnemar(*_columns(outcomes))


@given(st.integers(1, 200))
def test_t_quantiles_fall_towards_the_normal_one(freedom: int) -> None:
    assert t_quantile(0.975, freedom) > t_quantile(0.975, freedom + 1) > 1.959963


@given(st.floats(0.51, 0.999))
def test_t_quantiles_with_one_degree_of_freedom_are_cauchys(probability: float) -> None:
    assert t_quantile(probability, 1) == pytest.approx(math.tan(math.pi * (probability - 0.5)), rel=1e-9)


def _columns(outcomes: list[tuple[bool, bool]]) -> tuple[list[bool], list[bool]]:
    return [x for x, _ in outcomes], [y for _, y in outcomes]
