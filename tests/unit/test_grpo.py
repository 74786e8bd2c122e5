"""Rewards and advantages of GRPO and Dr.GRPO, computed by hand; groups as strings (`method_groups.py`)."""

import math
from typing import Any

import numpy as np
import pytest

from method_groups import close, group_of, rewards_of, rollouts_of, sample_of, transform_of
from retroflip.data.answers import Answer
from retroflip.data.sample import ProblemType, Sample
from retroflip.rl.methods.base import Group, Rollout
from retroflip.rl.methods.configured import original
from retroflip.rl.methods.dr_grpo import DrGrpo, DrGrpoSettings
from retroflip.rl.methods.grpo import Grpo, GrpoSettings
from retroflip.video.transforms import Transform


def grpo(rollouts: int = 4, **settings: Any) -> Grpo:
    return GrpoSettings(rollouts=rollouts, **settings).method()


def dr_grpo(rollouts: int = 4, **settings: Any) -> DrGrpo:
    return DrGrpoSettings(rollouts=rollouts, **settings).method()


class TestGrpo:
    def test_rewards_and_advantages(self) -> None:
        method = grpo()
        rewards = rewards_of(method, rollouts_of("AAB-", malformed=(1, 3)))
        close(rewards.components["correct"][0], [1, 1, 0, 0])
        close(rewards.components["format"][0], [1, 0, 1, 0])
        close(rewards.totals[0], [2, 1, 1, 0])
        # mean 1; squares 1 + 0 + 0 + 1 = 2 over 3
        std = math.sqrt(2 / 3) + 1e-4
        ((advantages,),) = method.advantages([rewards.totals])
        close(advantages, [1 / std, 0, 0, -1 / std])

    @pytest.mark.parametrize("normalise", ["group", "batch", "none"])
    @pytest.mark.parametrize("answers", ["AAAA", "BBBB", "B-C-"])
    def test_all_right_and_all_wrong_teach_nothing(self, answers: str, normalise: str) -> None:
        method = grpo(normalise=normalise)
        ((advantages,),) = method.advantages([rewards_of(method, answers).totals])
        assert advantages.tolist() == [0, 0, 0, 0]

    def test_format_weight(self) -> None:
        close(rewards_of(grpo(2, format_weight=0.25), rollouts_of("AB", malformed=(1,))).totals[0], [1.25, 0])

    def test_one_trained_branch_on_the_original_video(self) -> None:
        (branch,) = grpo(rollouts=16).branches(sample_of(None), np.random.default_rng(0))
        assert (branch.name, branch.trained, branch.rollouts) == ("original", True, 16)
        assert transform_of(branch.view) is Transform.IDENTITY
        assert grpo(rollouts=16).row_weight == 1 / 16
        assert grpo().scorer is None

    def test_groups_are_normalised_apart_by_default(self) -> None:
        method = grpo(2)
        groups = [rewards_of(method, answers).totals for answers in ("AB", "AA", "BA")]
        # each 0.5 either side of its mean; squares 0.25 + 0.25 over 1
        one = 0.5 / (math.sqrt(0.5) + 1e-4)
        first, second, third = (advantages for (advantages,) in method.advantages(groups))
        close(first, [one, -one])
        close(second, [0, 0])
        close(third, [-one, one])

    def test_the_batchs_standard_deviation_is_that_of_all_centred_rewards(self) -> None:
        method = grpo(2, normalise="batch", format_weight=0.5)
        groups = [
            rewards_of(method, answers).totals
            for answers in ("AB", "AA", rollouts_of("AB", malformed=(1,)), "--")
        ]
        # centred: 0.5 and -0.5; 0 and 0; 1.5 and 0, so 0.75 and -0.75; 0 and 0
        # squares: 2 * 0.25 + 2 * 0.5625 = 1.625, over 8 values less one
        std = math.sqrt(1.625 / 7) + 1e-4
        first, second, third, fourth = (advantages for (advantages,) in method.advantages(groups))
        close(first, [0.5 / std, -0.5 / std])
        close(second, [0, 0])
        close(third, [0.75 / std, -0.75 / std])
        close(fourth, [0, 0])

    def test_a_batch_of_equal_rewards_teaches_nothing(self) -> None:
        method = grpo(2, normalise="batch")
        advantages = method.advantages([rewards_of(method, answers).totals for answers in ("AA", "BB")])
        assert [[a.tolist() for a in group] for group in advantages] == [[[0, 0]], [[0, 0]]]
        assert method.advantages([]) == []

    def test_without_a_standard_deviation_it_is_dr_grpo(self) -> None:
        groups = [rewards_of(grpo(), answers).totals for answers in ("AABB", "A---")]
        mine, theirs = grpo(normalise="none").advantages(groups), dr_grpo().advantages(groups)
        assert [a.tolist() for (a,) in mine] == [a.tolist() for (a,) in theirs]


class TestDrGrpo:
    def test_rewards_and_advantages(self) -> None:
        method = dr_grpo()
        rewards = rewards_of(method, rollouts_of("AAB-", malformed=(1, 3)))
        close(rewards.totals[0], [2, 1, 1, 0])
        ((advantages,),) = method.advantages([rewards.totals])
        close(advantages, [1, 0, 0, -1])

    def test_a_rare_right_answer_weighs_little(self) -> None:
        # STRIVE, section 3.1: mean 1.25 where GRPO divides by a std of 0.5
        method = dr_grpo()
        close(method.advantages([rewards_of(method, "ABBB").totals])[0][0], [0.75, -0.25, -0.25, -0.25])
        close(
            grpo().advantages([rewards_of(method, "ABBB").totals])[0][0],
            [0.75 / 0.5001, -0.25 / 0.5001, -0.25 / 0.5001, -0.25 / 0.5001],
        )

    def test_its_branch_and_weight_are_grpos(self) -> None:
        group, same = group_of(dr_grpo(), "AABB"), group_of(grpo(), "AABB")
        assert group.branches == same.branches
        assert dr_grpo().row_weight == grpo().row_weight == 0.25

    @pytest.mark.parametrize("answers", ["AAAA", "BBBB", "B-C-"])
    def test_all_right_and_all_wrong_teach_nothing(self, answers: str) -> None:
        method = dr_grpo()
        ((advantages,),) = method.advantages([rewards_of(method, answers).totals])
        assert advantages.tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("share", "earned"), [(0.5, [0.75, 0.5, 0.5, 0.25]), (0.25, [0.875, 0.25, 0.75, 0.125])]
)
def test_an_option_and_its_span_weigh_as_is_set(share: float, earned: list[float]) -> None:
    said = ("A <> [0, 5]", "B <> [0, 10]", "A <> [20, 30]", "B <> [0, 5]")
    sample = Sample(
        id="s", video="s.mp4", question="?", options=("x", "y"), solution="A <> [0, 10]", source_clip="s",
        problem_type=ProblemType.GROUNDED_CHOICE,
    )  # fmt: skip
    rollouts = tuple(Rollout(Answer("grounded", text), well_formed=False) for text in said)
    group = Group(sample, Answer("grounded", "A <> [0, 10]"), (original(4),), (rollouts,), (0.0, 30.0))
    rewards = GrpoSettings(rollouts=4, span_share=share).method().rewards(group)
    assert rewards.components["correct"][0].tolist() == pytest.approx(earned)
    assert rewards.totals[0].tolist() == pytest.approx(earned)
