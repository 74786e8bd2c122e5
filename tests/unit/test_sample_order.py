"""The order of a run: whole epochs, each step's rows where the trainer looks for them, and the same after a resume."""

from itertools import islice
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retroflip.errors import DataError
from retroflip.train.sample_order import RunOrder, epoch_of


class Shape(NamedTuple):
    """The sizes of a run."""

    samples: int
    samples_per_step: int
    steps: int
    repeats: int
    passes: int
    seed: int


@st.composite
def shapes(draw: st.DrawFn) -> Shape:
    samples = draw(st.integers(1, 20))
    small = st.integers(1, 4)
    per_step = draw(st.integers(1, samples))
    return Shape(
        samples, per_step, draw(st.integers(1, 30)), draw(small), draw(small), draw(st.integers(0, 99))
    )


def order_of(shape: Shape) -> RunOrder:
    """Return the order of a run of this shape."""
    return RunOrder(**shape._asdict())


@given(shapes())
def test_an_epoch_shows_every_sample_once_but_for_those_that_fill_no_step(shape: Shape) -> None:
    order = order_of(shape)
    steps = shape.samples // shape.samples_per_step
    for epoch in range(3):
        numbers = range(epoch * steps, (epoch + 1) * steps)
        shown = [index for step in numbers for index in order.step_indices(step)]
        assert len(shown) == len(set(shown)) == shape.samples - shape.samples % shape.samples_per_step
        assert set(shown) <= set(range(shape.samples))
        assert {epoch_of(step, shape.samples, shape.samples_per_step) for step in numbers} == {epoch}


@given(shapes())
def test_rows_stand_in_blocks_of_rollouts_and_blocks_are_repeated_for_every_pass(shape: Shape) -> None:
    order = order_of(shape)
    expected = [
        index
        for step in range(shape.steps)
        for _ in range(shape.passes)
        for index in order.step_indices(step)
        for _ in range(shape.repeats)
    ]
    assert list(order) == expected
    assert len(order) == len(expected)


@given(shapes(), st.data())
def test_a_resumed_run_goes_on_with_the_tail(shape: Shape, data: st.DataObject) -> None:
    """The trainer skips what was seen; another process, with another number of steps, must see the same rows there."""
    done = data.draw(st.integers(0, shape.steps))
    block = shape.samples_per_step * shape.repeats * shape.passes
    whole = list(order_of(shape))
    resumed = islice(order_of(shape._replace(steps=shape.steps + 5)), done * block, shape.steps * block)
    assert list(resumed) == whole[done * block :]


def test_seeds_and_epochs_differ() -> None:
    shape = Shape(samples=50, samples_per_step=50, steps=2, repeats=1, passes=1, seed=0)
    first, second = order_of(shape).step_indices(0), order_of(shape).step_indices(1)
    other = order_of(shape._replace(seed=1)).step_indices(0)
    assert sorted(first) == sorted(second) == sorted(other) == list(range(50))
    assert first != second
    assert first != other
    assert first != list(range(50))


def test_a_hand_counted_run() -> None:
    """5 samples, 2 a step: 2 steps an epoch, one sample left out of each."""
    shape = Shape(samples=5, samples_per_step=2, steps=3, repeats=2, passes=2, seed=7)
    (a, b), (c, d), (e, f) = (order_of(shape).step_indices(step) for step in range(3))
    assert len({a, b, c, d}) == 4
    assert list(order_of(shape)) == [
        *(a, a, b, b, a, a, b, b),
        *(c, c, d, d, c, c, d, d),
        *(e, e, f, f, e, e, f, f),
    ]  # fmt: skip


def test_data_that_fill_no_step_are_refused() -> None:
    with pytest.raises(DataError, match=r"3 usable samples, and one step takes 4.*train\.samples_per_step"):
        order_of(Shape(samples=3, samples_per_step=4, steps=1, repeats=1, passes=1, seed=0))


def test_an_epoch_may_have_an_order_of_its_own() -> None:
    def backwards(seed: int, epoch: int) -> npt.NDArray[np.int64]:
        return np.arange(5)[::-1] + 10 * epoch + 100 * seed

    order = RunOrder(samples=5, samples_per_step=2, steps=4, repeats=1, passes=1, seed=1, order=backwards)
    assert [order.step_indices(step) for step in (0, 1, 2, 1)] == [
        [104, 103],
        [102, 101],
        [114, 113],
        [102, 101],
    ]


def test_a_sample_that_comes_again_in_an_epoch_is_visited_again() -> None:
    def twice(seed: int, epoch: int) -> npt.NDArray[np.int64]:
        return np.array([0, 1, 0, 0]) + seed + epoch

    order = RunOrder(samples=4, samples_per_step=2, steps=4, repeats=1, passes=1, seed=1, order=twice)
    assert [order.visits(step) for step in range(4)] == [[0, 0], [1, 2], [0, 0], [1, 2]]
