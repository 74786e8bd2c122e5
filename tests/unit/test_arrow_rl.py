"""Rewards and advantages of ArrowRL, computed by hand; groups as strings (`method_groups.py`)."""

import math
from typing import Any

import numpy as np
import pytest

from method_groups import close, group_of, rewards_of, rollouts_of, sample_of, transform_of
from retroflip.data.answers import Answer
from retroflip.data.sample import ProblemType
from retroflip.rl.methods.arrow_rl import ArrowRl, ArrowRlSettings
from retroflip.rl.methods.base import Group, Rollout
from retroflip.rl.methods.grpo import GrpoSettings
from retroflip.video.transforms import Transform


def arrow_rl(rollouts: int = 4, **settings: Any) -> ArrowRl:
    return ArrowRlSettings(rollouts=rollouts, **settings).method()


def test_a_trained_branch_and_one_response_on_the_reversed_video() -> None:
    original, reverse = arrow_rl(8).branches(sample_of(), np.random.default_rng(0))
    assert (original.name, original.trained, original.rollouts) == ("original", True, 8)
    assert (reverse.name, reverse.trained, reverse.rollouts) == ("reversed", False, 1)
    assert [transform_of(branch.view) for branch in (original, reverse)] == [
        Transform.IDENTITY,
        Transform.REVERSE,
    ]
    assert arrow_rl(8).row_weight == 1 / 8
    assert arrow_rl(8).scorer is None


class TestRewards:
    def test_a_right_answer_on_the_reversed_video_pays_those_who_differ(self) -> None:
        # alpha_i = 0.25; B and C differ from A, the unparsed one is not paid for it
        rewards = rewards_of(arrow_rl(), rollouts_of("ABC-", malformed=(1,)), "A")
        close(rewards.components["correct"][0], [1, 0, 0, 0])
        close(rewards.components["correct"][1], [1])
        close(rewards.components["reverse"][0], [0, 0.25, 0.25, 0])
        close(rewards.components["format"][0], [1, 0, 1, 1])
        close(rewards.totals[0], [2, 0.25, 1.25, 1])
        close(rewards.totals[1], [1])
        assert [rewards.components[name][1].numel() for name in ("reverse", "format")] == [0, 0]

    @pytest.mark.parametrize("reference", ["B", "C", "-"])
    def test_any_other_answer_on_the_reversed_video_turns_it_off(self, reference: str) -> None:
        rewards = rewards_of(arrow_rl(), "ABC-", reference)
        close(rewards.components["reverse"][0], [0, 0, 0, 0])
        close(rewards.totals[0], [2, 1, 1, 1])
        close(rewards.totals[1], [0])

    @pytest.mark.parametrize(
        ("reference", "reverse"),
        # D is neither right nor the reversed video's answer, so it is paid like A, which is right.
        [("A", [0, 0, 0, 0]), ("B", [0.25, 0, 0, 0.25]), ("C", [0.25, 0.25, 0, 0.25]), ("-", [0, 0, 0, 0])],
    )
    def test_the_other_reading_pays_where_the_reversed_answer_differs(
        self, reference: str, reverse: list[float]
    ) -> None:
        rewards = rewards_of(arrow_rl(sensitive_where="differs"), "AB-D", reference)
        close(rewards.components["reverse"][0], reverse)
        close(rewards.components["correct"][1], [float(reference == "A")])

    def test_unparsed_differs_in_the_literal_reading(self) -> None:
        rewards = rewards_of(arrow_rl(literal_change=True), "ABC-", "A")
        close(rewards.components["reverse"][0], [0, 0.25, 0.25, 0.25])

    def test_without_the_format_reward_it_is_the_papers_formula(self) -> None:
        rewards = rewards_of(arrow_rl(3, format_weight=0), rollouts_of("AAB", malformed=(0,)), "A")
        close(rewards.totals[0], [1, 1, 0.25])

    def test_alpha(self) -> None:
        close(rewards_of(arrow_rl(2, alpha=0.5), "AB", "A").totals[0], [2, 1.5])

    def test_numbers_are_compared_as_numbers(self) -> None:
        sample = sample_of().model_copy(
            update={"problem_type": ProblemType.NUMERICAL, "options": (), "solution": "0.5"}
        )
        values = ("1/2", "2", "0.50", None)
        method = arrow_rl()
        group = Group(
            sample,
            Answer("number", "0.5"),
            method.branches(sample, np.random.default_rng(0)),
            (
                tuple(Rollout(None if v is None else Answer("number", v), well_formed=True) for v in values),
                (Rollout(Answer("number", r"\frac{1}{2}"), well_formed=True),),
            ),
        )
        close(method.rewards(group).totals[0], [2, 1.25, 2, 1])


class TestAdvantages:
    def test_group_mean_and_std_of_the_video_and_nothing_for_the_probe(self) -> None:
        method = arrow_rl()
        # 2, 1.25, 1.25, 1: mean 1.375; centred 0.625, -0.125, -0.125, -0.375
        # squares 0.390625 + 2 * 0.015625 + 0.140625 = 0.5625 over 3
        std = math.sqrt(0.5625 / 3) + 1e-4
        ((original, reverse),) = method.advantages([rewards_of(method, "ABC-", "A").totals])
        close(original, [0.625 / std, -0.125 / std, -0.125 / std, -0.375 / std])
        assert reverse.tolist() == [0]

    @pytest.mark.parametrize("answers", ["AAAA", "BBCB", "----"])
    def test_all_right_all_wrong_and_all_unparsed_teach_nothing(self, answers: str) -> None:
        method = arrow_rl()
        ((original, _),) = method.advantages([rewards_of(method, answers, "A").totals])
        assert original.tolist() == [0, 0, 0, 0]

    def test_the_reverse_reward_cancels_but_for_the_batchs_std_or_none(self) -> None:
        """Appendix F: 1 and 0.25 instead of 1 and 0 is the same after mean and std."""
        plain = GrpoSettings(rollouts=4).method()
        ((expected,),) = plain.advantages([rewards_of(plain, "AABC").totals])
        totals = [rewards_of(arrow_rl(), "AABC", reference).totals for reference in "AB"]
        for advantages, _ in arrow_rl().advantages(totals):
            assert (advantages - expected).abs().max() < 1e-4
        for normalise in ("batch", "none"):
            (paid, _), (unpaid, _) = arrow_rl(normalise=normalise).advantages(totals)
            close(paid, [0.75 * value for value in unpaid.tolist()])

    def test_an_unparsed_rollout_is_told_from_a_wrong_one(self) -> None:
        # literally both would earn 0.25, and nothing would come of it
        method = arrow_rl(2)
        ((apart, _),) = method.advantages([rewards_of(method, "B-", "A").totals])
        assert apart[0] > 0 > apart[1]
        literal = arrow_rl(2, literal_change=True)
        ((alike, _),) = literal.advantages([rewards_of(literal, "B-", "A").totals])
        assert alike.tolist() == [0, 0]


def test_the_group_must_hold_one_response_on_the_reversed_video() -> None:
    with pytest.raises(ValueError, match=r"\[4, 1\] rollouts, got \[4, 4\]"):
        group_of(arrow_rl(), "AABB", "AABB")
