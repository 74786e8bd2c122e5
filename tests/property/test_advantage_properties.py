"""Advantages of arbitrary rewards. Rewards are multiples of 1/8, so float32 sums of them are exact."""

import math
from random import Random

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from retroflip.rl.advantages import (
    STD_EPSILON,
    Normalise,
    centred,
    first_normalised,
    hybrid_normalised,
    joint_normalised,
    normalised,
)

REWARD = st.integers(-32, 32).map(lambda eighths: eighths / 8)
GROUP = st.lists(REWARD, min_size=2, max_size=10)
BRANCHES = st.lists(GROUP, min_size=1, max_size=4)
GROUPS = st.lists(GROUP, min_size=1, max_size=5)
NORMALISE: st.SearchStrategy[Normalise] = st.sampled_from(["group", "batch", "none"])
RIGHT = st.lists(st.booleans(), min_size=2, max_size=10).filter(lambda right: 0 < sum(right) < len(right))

CALM = settings(deadline=None)  # the first call into torch takes longer than all others

Tensors = tuple[torch.Tensor, ...]


def hybrid(branches: list[list[float]]) -> Tensors:
    return hybrid_normalised([torch.tensor(branch) for branch in branches])


def each(groups: list[list[float]], by: Normalise) -> Tensors:
    return tuple(normalised([torch.tensor(group) for group in groups], by))


def joint(branches: list[list[float]], by: Normalise = "group") -> Tensors:
    (advantages,) = joint_normalised([[torch.tensor(branch) for branch in branches]], by)
    return advantages


def assert_same(first: Tensors, second: Tensors) -> None:
    for a, b in zip(first, second, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def shuffled(branches: list[list[float]], random: Random) -> tuple[list[list[float]], list[list[int]]]:
    orders = [list(range(len(branch))) for branch in branches]
    for order in orders:
        random.shuffle(order)
    return [[branch[i] for i in order] for branch, order in zip(branches, orders, strict=True)], orders


def reordered(advantages: Tensors, orders: list[list[int]]) -> Tensors:
    return tuple(a[order] for a, order in zip(advantages, orders, strict=True))


class TestAnyNormalisation:
    @CALM
    @given(BRANCHES, NORMALISE, st.randoms(use_true_random=False))
    def test_permuting_rollouts_permutes_advantages(
        self, branches: list[list[float]], by: Normalise, random: Random
    ) -> None:
        permuted, orders = shuffled(branches, random)
        assert_same(hybrid(permuted), reordered(hybrid(branches), orders))
        assert_same(each(permuted, by), reordered(each(branches, by), orders))
        assert_same(joint(permuted, by), reordered(joint(branches, by), orders))

    @CALM
    @given(BRANCHES, NORMALISE, st.data())
    def test_a_constant_added_to_all_that_one_mean_is_over_changes_nothing(
        self, branches: list[list[float]], by: Normalise, data: st.DataObject
    ) -> None:
        shifts = [data.draw(REWARD) for _ in branches]
        shifted = [[r + shift for r in branch] for branch, shift in zip(branches, shifts, strict=True)]
        assert_same(hybrid(shifted), hybrid(branches))
        assert_same(each(shifted, by), each(branches, by))
        assert_same(joint([[r + shifts[0] for r in b] for b in branches], by), joint(branches, by))

    @CALM
    @given(
        st.lists(st.tuples(st.floats(-10, 10, width=32), st.integers(2, 16)), min_size=1, max_size=3),
        NORMALISE,
    )
    def test_equal_rewards_have_exactly_zero_advantage(
        self, branches: list[tuple[float, int]], by: Normalise
    ) -> None:
        equal = [[reward] * rollouts for reward, rollouts in branches]
        alike = [[branches[0][0]] * rollouts for _, rollouts in branches]
        for advantages in (*hybrid(equal), *each(equal, by), *joint(alike, by)):
            assert not advantages.any()

    @CALM
    @given(BRANCHES, NORMALISE)
    def test_advantages_are_finite_and_sum_to_zero_where_a_mean_was_taken_off(
        self, branches: list[list[float]], by: Normalise
    ) -> None:
        for advantages in (*hybrid(branches), *each(branches, by), torch.cat(joint(branches, by))):
            assert advantages.dtype == torch.float32
            assert advantages.isfinite().all()
            assert advantages.sum().item() == pytest.approx(0, abs=1e-3)

    @CALM
    @given(GROUPS, NORMALISE)
    def test_shapes_are_those_of_the_rewards_and_probes_get_zeros(
        self, groups: list[list[float]], by: Normalise
    ) -> None:
        pairs = [[torch.tensor(group), torch.ones(1)] for group in groups]
        for advantages, branches in zip(first_normalised(pairs, by), pairs, strict=True):
            assert [a.shape for a in advantages] == [b.shape for b in branches]
            assert not advantages[1].any()
        assert_same(tuple(first for first, _ in first_normalised(pairs, by)), each(groups, by))


class TestStandardDeviation:
    @CALM
    @given(BRANCHES)
    def test_no_advantage_is_beyond_samuelsons_bound(self, branches: list[list[float]]) -> None:
        """No value lies further from its mean than (n - 1) / sqrt(n) unbiased standard deviations."""
        total = sum(map(len, branches))
        for advantages in (*hybrid(branches), *joint(branches), *each(branches, "batch")):
            assert advantages.abs().max().item() <= (total - 1) / math.sqrt(total) + 1e-5
        for advantages in each(branches, "group"):
            n = len(advantages)
            assert advantages.abs().max().item() <= (n - 1) / math.sqrt(n) + 1e-5

    @CALM
    @given(BRANCHES, st.sampled_from([0.5, 2, 4]))
    def test_scaling_all_rewards_changes_nothing_but_for_epsilon(
        self, branches: list[list[float]], scale: float
    ) -> None:
        scaled = [[r * scale for r in branch] for branch in branches]
        # (s d) / (s std + e) is d / (std + e / s), and std is at least 1/8 over sqrt(40) where it is not 0
        for before, after in (
            (hybrid(branches), hybrid(scaled)),
            (joint(branches), joint(scaled)),
            *((each(branches, by), each(scaled, by)) for by in ("group", "batch")),
        ):
            for a, b in zip(before, after, strict=True):
                torch.testing.assert_close(a, b, rtol=1e-2, atol=1e-6)
        for a, b in zip(each(branches, "none"), each(scaled, "none"), strict=True):
            torch.testing.assert_close(a * scale, b)

    @CALM
    @given(BRANCHES)
    def test_order_of_rewards_is_kept_and_scaled_alike_in_every_branch(
        self, branches: list[list[float]]
    ) -> None:
        flat = torch.cat([centred(torch.tensor(branch)) for branch in branches])
        scale = flat.std() + STD_EPSILON
        for advantages in (hybrid(branches), each(branches, "batch")):
            torch.testing.assert_close(torch.cat(advantages).double() * scale, flat, rtol=1e-5, atol=1e-5)

    @CALM
    @given(GROUP)
    def test_of_one_group_all_are_grpos(self, group: list[float]) -> None:
        rewards = torch.tensor(group)
        expected = (rewards - rewards.mean()) / (rewards.std() + STD_EPSILON)
        for advantages in (
            hybrid([group]),
            joint([group]),
            each([group], "group"),
            each([group], "batch"),
        ):
            torch.testing.assert_close(advantages[0], expected, rtol=1e-4, atol=1e-5)

    @CALM
    @given(BRANCHES, NORMALISE)
    def test_joint_is_the_one_group_of_all_branches(self, branches: list[list[float]], by: Normalise) -> None:
        (expected,) = each([[reward for branch in branches for reward in branch]], by)
        torch.testing.assert_close(torch.cat(joint(branches, by)), expected)


class TestBonusCancellation:
    """CRPO, appendix F: the same bonus on every right rollout of a branch."""

    @CALM
    @given(RIGHT, st.integers(0, 16))
    def test_cancels_under_a_groups_own_mean_and_std(self, right: list[bool], eighths: int) -> None:
        bonus = eighths / 8
        plain = each([[float(r) for r in right]], "group")
        paid = each([[r * (1 + bonus) for r in right]], "group")
        torch.testing.assert_close(plain[0], paid[0], rtol=1e-3, atol=0)

    @CALM
    @given(RIGHT, st.integers(1, 16))
    def test_scales_what_is_not_divided(self, right: list[bool], eighths: int) -> None:
        bonus = eighths / 8
        plain = each([[float(r) for r in right]], "none")
        paid = each([[r * (1 + bonus) for r in right]], "none")
        torch.testing.assert_close(plain[0] * (1 + bonus), paid[0])

    @CALM
    @given(RIGHT, GROUP, st.integers(1, 16))
    def test_shifts_the_balance_between_crpos_branches(
        self, right: list[bool], other: list[float], eighths: int
    ) -> None:
        assume(len(set(other)) > 1)
        bonus = eighths / 8
        plain = hybrid([[float(r) for r in right], other])
        paid = hybrid([[r * (1 + bonus) for r in right], other])
        # the paid branch gains less than the bonus, and the other loses
        gained = (paid[0] / plain[0]).tolist()
        assert all(1 < ratio < 1 + bonus for ratio in gained)
        assert all(abs(b) <= abs(a) for a, b in zip(plain[1].tolist(), paid[1].tolist(), strict=True))
        assert plain[1].abs().max() > paid[1].abs().max()

    @CALM
    @given(RIGHT, RIGHT, st.integers(1, 16))
    def test_shifts_the_balance_between_questions_under_the_batchs_std(
        self, right: list[bool], other: list[bool], eighths: int
    ) -> None:
        plain = each([[float(r) for r in right], [float(r) for r in other]], "batch")
        paid = each([[r * (1 + eighths / 8) for r in right], [float(r) for r in other]], "batch")
        assert paid[0].abs().max() > plain[0].abs().max()
        assert paid[1].abs().max() < plain[1].abs().max()
