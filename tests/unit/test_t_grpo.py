"""Rewards and advantages of T-GRPO, computed by hand; groups as strings (`method_groups.py`)."""

import math
from typing import Any

import numpy as np
import pytest

from method_groups import close, rewards_of, rollouts_of, sample_of, transform_of
from retroflip.rl.methods.grpo import GrpoSettings
from retroflip.rl.methods.t_grpo import TGrpo, TGrpoSettings
from retroflip.video.transforms import Transform


def t_grpo(rollouts: int = 4, **settings: Any) -> TGrpo:
    return TGrpoSettings(rollouts=rollouts, **settings).method()


def test_a_trained_branch_and_a_probe_of_the_shuffled_video() -> None:
    original, shuffled = t_grpo(8).branches(sample_of(), np.random.default_rng(0))
    assert (original.name, original.trained, original.rollouts) == ("original", True, 8)
    assert (shuffled.name, shuffled.trained, shuffled.rollouts) == ("shuffled", False, 8)
    assert [transform_of(branch.view) for branch in (original, shuffled)] == [
        Transform.IDENTITY,
        Transform.SHUFFLE,
    ]
    assert t_grpo(8).row_weight == 1 / 8
    assert t_grpo(8).scorer is None


class TestRewards:
    def test_right_rollouts_earn_the_bonus_where_order_helps(self) -> None:
        # p = 3/4, p~ = 1/4
        rewards = rewards_of(t_grpo(), rollouts_of("AABA", malformed=(1, 2)), rollouts_of("BAC-"))
        close(rewards.components["correct"][0], [1, 1, 0, 1])
        close(rewards.components["correct"][1], [0, 1, 0, 0])
        close(rewards.components["temporal"][0], [0.3, 0.3, 0, 0.3])
        close(rewards.components["format"][0], [1, 0, 0, 1])
        close(rewards.totals[0], [2.3, 1.3, 0, 2.3])
        close(rewards.totals[1], [0, 1, 0, 0])
        assert [rewards.components[name][1].numel() for name in ("temporal", "format")] == [0, 0]

    def test_equal_shares_earn_it(self) -> None:
        close(rewards_of(t_grpo(), "AABB", "BABA").totals[0], [2.3, 2.3, 1, 1])

    def test_a_better_shuffled_group_withholds_it(self) -> None:
        close(rewards_of(t_grpo(), "AABB", "AAAB").totals[0], [2, 2, 1, 1])

    def test_all_wrong_earns_nothing_although_the_shares_are_equal(self) -> None:
        close(rewards_of(t_grpo(), "BB-C", "BBBB").totals[0], [1, 1, 1, 1])

    def test_all_unparsed_earns_the_format_reward_alone(self) -> None:
        close(rewards_of(t_grpo(2), "--", "--").totals[0], [1, 1])

    @pytest.mark.parametrize(("threshold", "paid"), [(1.0, False), (0.8, True), (0.81, False), (0, True)])
    def test_the_threshold_of_the_public_code(self, threshold: float, paid: bool) -> None:
        # p = 4/5 and p~ = 5/5: exactly at 0.8
        rewards = rewards_of(t_grpo(5, threshold=threshold), "AAAAB", "AAAAA")
        close(rewards.totals[0], [2.3 if paid else 2] * 4 + [1])

    def test_alpha(self) -> None:
        close(rewards_of(t_grpo(2, alpha=1), "AB", "BB").totals[0], [3, 1])


class TestAdvantages:
    def test_group_mean_and_std_of_the_video_and_nothing_for_the_probe(self) -> None:
        method = t_grpo()
        totals = rewards_of(method, rollouts_of("AABA", malformed=(1,)), "AABB").totals
        # p = 3/4 >= 2/4. Totals 2.3, 1.3, 1, 2.3: mean 1.725; centred 0.575, -0.425, -0.725, 0.575
        # squares 0.330625 + 0.180625 + 0.525625 + 0.330625 = 1.3675 over 3
        std = math.sqrt(1.3675 / 3) + 1e-4
        ((original, shuffled),) = method.advantages([totals])
        close(original, [0.575 / std, -0.425 / std, -0.725 / std, 0.575 / std])
        assert shuffled.tolist() == [0, 0, 0, 0]

    def test_the_batchs_std_leaves_probes_out(self) -> None:
        method = t_grpo(2, normalise="batch")
        groups = [rewards_of(method, "AB", "BB").totals, rewards_of(method, "AB", "AA").totals]
        # totals 2.3 and 1, 2 and 1: centred +-0.65, +-0.5; squares 2 * 0.4225 + 2 * 0.25 = 1.345 over 3
        std = math.sqrt(1.345 / 3) + 1e-4
        first, second = method.advantages(groups)
        close(first[0], [0.65 / std, -0.65 / std])
        close(second[0], [0.5 / std, -0.5 / std])
        assert first[1].tolist() == second[1].tolist() == [0, 0]

    def test_the_bonus_cancels_but_for_the_batchs_std_or_none(self) -> None:
        """Appendix F, equation 7, for the rewards that T-GRPO really gives."""
        helped, not_helped = ("AABB", "BBBB"), ("AABB", "AAAA")
        groups = {
            normalise: [
                advantages[0]
                for advantages in t_grpo(normalise=normalise).advantages(
                    [rewards_of(t_grpo(), *group).totals for group in (helped, not_helped)]
                )
            ]
            for normalise in ("group", "batch", "none")
        }
        plain = GrpoSettings(rollouts=4).method()
        ((expected,),) = plain.advantages([rewards_of(plain, "AABB").totals])
        assert all((advantages - expected).abs().max() < 1e-4 for advantages in groups["group"])
        # 1.3 against 1, whatever they are divided by
        for normalise in ("batch", "none"):
            with_bonus, without = groups[normalise]
            close(with_bonus, [1.3 * value for value in without.tolist()])
        close(groups["none"][0], [0.65, 0.65, -0.65, -0.65])
