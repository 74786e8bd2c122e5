"""Advantages of arbitrary rewards. Rewards are multiples of 1/8, so float32 sums of them are exact."""

import math
from random import Random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from retroflip.rl.advantages import centred, group_normalised, hybrid_normalised

REWARD = st.integers(-32, 32).map(lambda eighths: eighths / 8)
GROUP = st.lists(REWARD, min_size=2, max_size=10)
BRANCHES = st.lists(GROUP, min_size=1, max_size=4)

CALM = settings(deadline=None)  # the first call into torch takes longer than all others

Tensors = tuple[torch.Tensor, ...]


def normalised(branches: list[list[float]]) -> Tensors:
    return hybrid_normalised([torch.tensor(branch) for branch in branches])


def assert_same(first: Tensors, second: Tensors) -> None:
    for a, b in zip(first, second, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


@CALM
@given(BRANCHES, st.randoms(use_true_random=False))
def test_permuting_rollouts_permutes_advantages(branches: list[list[float]], random: Random) -> None:
    orders = [list(range(len(branch))) for branch in branches]
    for order in orders:
        random.shuffle(order)
    permuted = [[branch[i] for i in order] for branch, order in zip(branches, orders, strict=True)]
    expected = tuple(a[order] for a, order in zip(normalised(branches), orders, strict=True))
    assert_same(normalised(permuted), expected)


@CALM
@given(BRANCHES, st.data())
def test_a_constant_added_to_a_whole_branch_changes_nothing(
    branches: list[list[float]], data: st.DataObject
) -> None:
    shifts = [data.draw(REWARD) for _ in branches]
    shifted = [[r + shift for r in branch] for branch, shift in zip(branches, shifts, strict=True)]
    assert_same(normalised(shifted), normalised(branches))


@CALM
@given(st.lists(st.tuples(st.floats(-10, 10, width=32), st.integers(2, 16)), min_size=1, max_size=3))
def test_equal_rewards_have_exactly_zero_advantage(branches: list[tuple[float, int]]) -> None:
    for advantages in normalised([[reward] * rollouts for reward, rollouts in branches]):
        assert not advantages.any()


@CALM
@given(BRANCHES)
def test_advantages_are_finite_bounded_and_centred_per_branch(branches: list[list[float]]) -> None:
    total = sum(map(len, branches))
    for advantages in normalised(branches):
        assert advantages.dtype == torch.float32
        assert advantages.sum().item() == pytest.approx(0, abs=1e-4)
        # no value lies further from its mean than (n - 1) / sqrt(n) unbiased standard deviations (Samuelson)
        assert advantages.abs().max().item() <= (total - 1) / math.sqrt(total) + 1e-5


@CALM
@given(BRANCHES)
def test_order_of_rewards_is_kept_and_scaled_alike_in_every_branch(branches: list[list[float]]) -> None:
    advantages = normalised(branches)
    flat_rewards = torch.cat([centred(torch.tensor(branch)) for branch in branches])
    scale = flat_rewards.std() + 1e-4
    torch.testing.assert_close(torch.cat(advantages).double() * scale, flat_rewards, rtol=1e-5, atol=1e-5)


@CALM
@given(GROUP)
def test_hybrid_normalisation_of_one_branch_is_grpos(group: list[float]) -> None:
    rewards = torch.tensor(group)
    expected = (rewards - rewards.mean()) / (rewards.std() + 1e-4)
    torch.testing.assert_close(group_normalised(rewards), expected, rtol=1e-4, atol=1e-5)
    assert_same(hybrid_normalised([rewards]), (group_normalised(rewards),))
