"""Rewards and advantages of GRPO and CRPO, computed by hand.

Groups are written as strings: one character per rollout, the letter it answered or "-" for unparsed. The gold
answer is A, B is the other option and C the null option. Where nothing else is said, CRPO has the paper's
settings: lambda 0.3 and w_aug 0.5.
"""

import ast
import math
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from retroflip.data.sample import ProblemType, Sample, TaskType
from retroflip.errors import DataError
from retroflip.rl.advantages import STD_EPSILON, centred, group_normalised
from retroflip.rl.answers import Answer
from retroflip.rl.methods.base import Group, Method, Rewards, Rollout
from retroflip.rl.methods.crpo import Crpo, CrpoSettings
from retroflip.rl.methods.grpo import Grpo, GrpoSettings
from retroflip.rl.methods.registry import METHODS, AnySettings, MethodSettings, build
from retroflip.rl.metrics import group_metrics
from retroflip.video.transforms import Transform


def sample_of(task_type: TaskType | None) -> Sample:
    return Sample(
        id="s1",
        video="clips/s1.mp4",
        question="Which way does it move?",
        options=("left", "right"),
        solution="A",
        problem_type=ProblemType.MULTIPLE_CHOICE,
        task_type=task_type,
        source_clip="c1",
    )


def rollouts_of(answers: str, malformed: tuple[int, ...] = ()) -> tuple[Rollout, ...]:
    return tuple(
        Rollout(None if letter == "-" else Answer("option", letter), well_formed=index not in malformed)
        for index, letter in enumerate(answers)
    )


def group_of(method: Method, task_type: TaskType | None, *rollouts: tuple[Rollout, ...]) -> Group:
    sample = sample_of(task_type)
    branches = method.branches(sample, np.random.default_rng(0))
    return Group(sample, Answer("option", "A"), task_type, branches, rollouts)


def grpo(rollouts: int = 4, **settings: Any) -> Grpo:
    return GrpoSettings(rollouts=rollouts, **settings).method()


def crpo(rollouts: int = 4, **settings: Any) -> Crpo:
    return CrpoSettings(rollouts=rollouts, **settings).method()


def crpo_rewards(task_type: TaskType, original: str, counterfactual: str, **settings: Any) -> Rewards:
    method = crpo(len(original), **settings)
    return method.rewards(group_of(method, task_type, rollouts_of(original), rollouts_of(counterfactual)))


def close(tensor: torch.Tensor, expected: list[float]) -> None:
    assert tensor.dtype == torch.float32
    assert tensor.tolist() == pytest.approx(expected, abs=1e-5)


class TestGrpo:
    def test_rewards_and_advantages(self) -> None:
        method = grpo()
        rewards = method.rewards(group_of(method, None, rollouts_of("AAB-", malformed=(1, 3))))
        close(rewards.components["correct"][0], [1, 1, 0, 0])
        close(rewards.components["format"][0], [1, 0, 1, 0])
        close(rewards.totals[0], [2, 1, 1, 0])
        # mean 1; squares 1 + 0 + 0 + 1 = 2 over 3
        std = math.sqrt(2 / 3) + 1e-4
        (advantages,) = method.advantages(rewards.totals)
        close(advantages, [1 / std, 0, 0, -1 / std])

    @pytest.mark.parametrize("answers", ["AAAA", "BBBB", "B-C-"])
    def test_all_right_and_all_wrong_teach_nothing(self, answers: str) -> None:
        method = grpo()
        rewards = method.rewards(group_of(method, None, rollouts_of(answers)))
        (advantages,) = method.advantages(rewards.totals)
        assert advantages.tolist() == [0, 0, 0, 0]

    def test_format_weight(self) -> None:
        method = grpo(rollouts=2, format_weight=0.25)
        rewards = method.rewards(group_of(method, None, rollouts_of("AB", malformed=(1,))))
        close(rewards.totals[0], [1.25, 0])

    def test_one_trained_branch_on_the_original_video(self) -> None:
        (branch,) = grpo(rollouts=16).branches(sample_of(None), np.random.default_rng(0))
        assert (branch.transform, branch.trained, branch.rollouts) == (Transform.IDENTITY, True, 16)
        assert grpo().loss_scale == 1.0


class TestCrpoRewards:
    def test_static(self) -> None:
        method = crpo()
        group = group_of(method, TaskType.STATIC, rollouts_of("AAB-", malformed=(3,)), rollouts_of("ABA-"))
        rewards = method.rewards(group)
        # equation 2: of the counterfactual rollouts, A twice in four agree with a right original one
        close(rewards.components["crr"][0], [0.3 * 2 / 4, 0.3 * 2 / 4, 0, 0])
        # equation 1
        close(rewards.totals[0], [1 + 0.15 + 1, 1 + 0.15 + 1, 0 + 0 + 1, 0])
        # equation 4, and equation 5 with two of four original rollouts right
        close(rewards.components["behave"][1], [1, 0, 1, 0])
        close(rewards.components["crr"][1], [0.15, 0, 0.15, 0])
        # equation 3
        close(rewards.totals[1], [0.5 * 2.15, 0.5 * 1, 0.5 * 2.15, 0.5 * 1])

    @pytest.mark.parametrize("task_type", [TaskType.SPATIAL, TaskType.TEMPORAL, TaskType.SPATIOTEMPORAL])
    def test_dynamic(self, task_type: TaskType) -> None:
        rewards = crpo_rewards(task_type, "AAAB", "BBAB")
        # three of four counterfactual answers differ from a right original one
        close(rewards.components["crr"][0], [0.225, 0.225, 0.225, 0])
        close(rewards.totals[0], [2.225, 2.225, 2.225, 1])
        # ... and from the gold answer; three of four original ones are right
        close(rewards.components["behave"][1], [1, 1, 0, 1])
        close(rewards.components["crr"][1], [0.225, 0.225, 0, 0.225])
        close(rewards.totals[1], [0.5 * 2.225, 0.5 * 2.225, 0.5 * 1, 0.5 * 2.225])

    def test_null_option_is_a_change_on_dynamic_questions(self) -> None:
        rewards = crpo_rewards(TaskType.SPATIAL, "AC", "CA")
        close(rewards.totals[0], [1 + 0.3 / 2 + 1, 1])
        close(rewards.totals[1], [0.5 * (1 + 0.3 / 2 + 1), 0.5 * 1])

    def test_null_option_is_wrong_on_static_questions(self) -> None:
        rewards = crpo_rewards(TaskType.STATIC, "AC", "CA")
        close(rewards.totals[0], [1 + 0.3 / 2 + 1, 1])
        close(rewards.totals[1], [0.5 * 1, 0.5 * (1 + 0.3 / 2 + 1)])

    def test_unparsed_has_not_changed(self) -> None:
        rewards = crpo_rewards(TaskType.TEMPORAL, "AA", "-B")
        close(rewards.components["behave"][1], [0, 1])
        close(rewards.components["crr"][0], [0.15, 0.15])
        close(rewards.components["crr"][1], [0, 0.3])

    def test_unparsed_has_changed_in_the_literal_reading(self) -> None:
        rewards = crpo_rewards(TaskType.TEMPORAL, "A-", "-B", literal_change=True)
        close(rewards.components["correct"][0], [1, 0])
        close(rewards.components["behave"][1], [1, 1])
        close(rewards.components["crr"][0], [0.3, 0])
        close(rewards.components["crr"][1], [0.15, 0.15])

    def test_literal_reading_leaves_static_questions_as_they_are(self) -> None:
        rewards = crpo_rewards(TaskType.STATIC, "A-", "-A", literal_change=True)
        close(rewards.components["behave"][1], [0, 1])
        close(rewards.components["crr"][0], [0.15, 0])

    def test_all_unparsed_earns_the_format_reward_alone(self) -> None:
        rewards = crpo_rewards(TaskType.SPATIAL, "--", "--")
        close(rewards.totals[0], [1, 1])
        close(rewards.totals[1], [0.5, 0.5])

    def test_dynamic_and_static_weights(self) -> None:
        close(crpo_rewards(TaskType.SPATIAL, "AA", "BB", lambda_d=0.1, lambda_s=9).totals[0], [2.1, 2.1])
        close(crpo_rewards(TaskType.STATIC, "AA", "AA", lambda_d=9, lambda_s=0.2).totals[1], [1.1, 1.1])

    def test_both_relation_rewards_have_the_same_mean(self) -> None:
        # appendix D.1: each is lambda p q; here p = 3/4 and q = 2/4
        rewards = crpo_rewards(TaskType.TEMPORAL, "AABA", "ABCA")
        original, counterfactual = rewards.components["crr"]
        assert original.mean().item() == pytest.approx(0.3 * 0.75 * 0.5)
        assert counterfactual.mean().item() == pytest.approx(0.3 * 0.75 * 0.5)

    def test_totals_are_the_weighted_sums_of_their_components(self) -> None:
        rewards = crpo_rewards(TaskType.SPATIAL, "AB-C", "BAC-", w_aug=0.7, lambda_d=0.4)
        for branch, weight in enumerate((1.0, 0.7)):
            terms = [tensors[branch] for tensors in rewards.components.values() if tensors[branch].numel()]
            close(rewards.totals[branch], (weight * torch.stack(terms).sum(0)).tolist())


class TestCrpoAdvantages:
    def test_branch_means_and_one_std(self) -> None:
        method = crpo()
        rewards = crpo_rewards(TaskType.SPATIAL, "AAAB", "BBAB")
        original, counterfactual = method.advantages(rewards.totals)
        # totals 2.225 x3 and 1: mean 1.91875, so 0.30625 x3 and -0.91875
        # totals 1.1125 x2, 0.5, 1.1125: mean 0.959375, so 0.153125 x3 and -0.459375
        # squares: 3 * 0.09378906 + 0.84410156 + 3 * 0.02344727 + 0.21102539 = 1.40683594, over 2G - 1 = 7
        std = math.sqrt(1.40683594 / 7) + 1e-4
        close(original, [0.30625 / std, 0.30625 / std, 0.30625 / std, -0.91875 / std])
        close(counterfactual, [0.153125 / std, 0.153125 / std, -0.459375 / std, 0.153125 / std])

    def test_all_right_originals_still_learn_from_the_counterfactual_branch(self) -> None:
        # figure 5 (b): behaviour differs although every original rollout earns the same
        rewards = crpo_rewards(TaskType.TEMPORAL, "AA", "AB")
        original, counterfactual = crpo(2).advantages(rewards.totals)
        assert original.tolist() == [0, 0]
        # totals 0.5 * 1 and 0.5 * 2.3: 0.325 either side of the mean; squares 2 * 0.105625 over 3
        std = math.sqrt(0.21125 / 3) + 1e-4
        close(counterfactual, [-0.325 / std, 0.325 / std])

    @pytest.mark.parametrize(("original", "counterfactual"), [("AAA", "BBC"), ("BBB", "AAA"), ("---", "---")])
    def test_equal_rewards_in_each_branch_teach_nothing(self, original: str, counterfactual: str) -> None:
        advantages = crpo(3).advantages(crpo_rewards(TaskType.SPATIAL, original, counterfactual).totals)
        assert [advantage.tolist() for advantage in advantages] == [[0, 0, 0], [0, 0, 0]]

    def test_all_wrong_originals_earn_no_relation_reward(self) -> None:
        rewards = crpo_rewards(TaskType.SPATIAL, "BB", "AB")
        close(rewards.totals[0], [1, 1])
        close(rewards.totals[1], [0.5 * 1, 0.5 * 2])

    def test_w_aug_zero_only_probes(self) -> None:
        method = crpo(2, w_aug=0)
        rewards = crpo_rewards(TaskType.SPATIAL, "AB", "BA", w_aug=0)
        close(rewards.components["behave"][1], [1, 0])
        close(rewards.components["crr"][1], [0.15, 0])
        close(rewards.totals[1], [0, 0])
        original, counterfactual = method.advantages(rewards.totals)
        # totals 2.15 and 1: 0.575 either side; squares 2 * 0.330625 over 2G - 1 = 3
        std = math.sqrt(0.66125 / 3) + 1e-4
        close(original, [0.575 / std, -0.575 / std])
        assert counterfactual.tolist() == [0, 0]
        branches = method.branches(sample_of(TaskType.SPATIAL), np.random.default_rng(0))
        assert [branch.trained for branch in branches] == [True, False]
        assert (method.loss_scale, crpo().loss_scale) == (1.0, 2.0)


class TestBonusCancellation:
    """Appendix F: the same bonus on every right rollout."""

    PLAIN = torch.tensor([1.0, 1.0, 0.0, 0.0])
    WITH_BONUS = torch.tensor([1.3, 1.3, 0.0, 0.0])

    def test_cancels_in_grpo(self) -> None:
        # equation 7: +-0.5 over sqrt(1/3) against +-0.65 over 1.3 sqrt(1/3): equal but for the epsilon
        plain, with_bonus = group_normalised(self.PLAIN), group_normalised(self.WITH_BONUS)
        close(plain, [0.5 / (math.sqrt(1 / 3) + 1e-4) * sign for sign in (1, 1, -1, -1)])
        assert (plain - with_bonus).abs().max() < 1e-4

    def test_does_not_cancel_in_crpo(self) -> None:
        counterfactual = torch.tensor([0.5, 0.5, 0.5, 0.0])  # centred: 0.125 x3, -0.375; squares 0.1875
        plain = crpo().advantages((self.PLAIN, counterfactual))
        with_bonus = crpo().advantages((self.WITH_BONUS, counterfactual))
        std, std_with_bonus = math.sqrt((4 * 0.25 + 0.1875) / 7), math.sqrt((4 * 0.4225 + 0.1875) / 7)
        close(plain[0][:1], [0.5 / (std + 1e-4)])  # 1.2137
        close(with_bonus[0][:1], [0.65 / (std_with_bonus + 1e-4)])  # 1.2548
        close(with_bonus[1][:1], [0.125 / (std_with_bonus + 1e-4)])  # 0.2413, without the bonus 0.3034
        assert with_bonus[0][0] - plain[0][0] > 0.04
        assert plain[1][0] - with_bonus[1][0] > 0.06


class TestCrpoBranches:
    def transforms(self, task_type: TaskType, draws: int = 400) -> list[Transform]:
        rng = np.random.default_rng(7)
        branches = [crpo().branches(sample_of(task_type), rng) for _ in range(draws)]
        assert all(original.transform is Transform.IDENTITY for original, _ in branches)
        return [counterfactual.transform for _, counterfactual in branches]

    def test_spatial_is_flipped_and_temporal_is_reversed(self) -> None:
        assert set(self.transforms(TaskType.SPATIAL)) == {Transform.FLIP}
        assert set(self.transforms(TaskType.TEMPORAL)) == {Transform.REVERSE}

    @pytest.mark.parametrize("task_type", [TaskType.SPATIOTEMPORAL, TaskType.STATIC])
    def test_the_others_get_either_with_equal_probability(self, task_type: TaskType) -> None:
        drawn = self.transforms(task_type)
        assert set(drawn) == {Transform.FLIP, Transform.REVERSE}
        assert 160 < drawn.count(Transform.FLIP) < 240  # 200 expected, standard deviation 10

    def test_equal_generators_draw_the_same(self) -> None:
        assert self.transforms(TaskType.STATIC, 20) == self.transforms(TaskType.STATIC, 20)

    def test_a_sample_without_a_task_type_is_refused_with_the_fix(self) -> None:
        with pytest.raises(DataError, match=r"'s1' \(clips/s1\.mp4\).*'task_type'.*\"spatial\".*grpo"):
            crpo().branches(sample_of(None), np.random.default_rng(0))


class TestSettings:
    def test_a_group_of_one_is_refused_with_the_reason(self) -> None:
        for settings in METHODS.values():
            with pytest.raises(ValidationError, match=r"group of 1 has zero advantage.*set rollouts >= 2"):
                settings(rollouts=1)

    @pytest.mark.parametrize(
        "wrong", [{"lambda_d": -1}, {"lambda_s": -0.1}, {"w_aug": -1}, {"w_aug": math.nan}, {"lambda": 0.3}]
    )
    def test_wrong_values_and_unknown_keys_are_refused(self, wrong: dict[str, float]) -> None:
        with pytest.raises(ValidationError):
            CrpoSettings.model_validate(wrong)

    def test_a_recipe_chooses_by_name(self) -> None:
        adapter: TypeAdapter[AnySettings] = TypeAdapter(MethodSettings)
        settings = adapter.validate_python({"name": "crpo", "rollouts": 8, "w_aug": 0.7})
        assert settings == CrpoSettings(rollouts=8, w_aug=0.7)
        assert adapter.validate_json(adapter.dump_json(settings)) == settings
        with pytest.raises(ValidationError, match="w_aug"):
            adapter.validate_python({"name": "grpo", "w_aug": 0.7})
        with pytest.raises(ValidationError, match="'grpo', 'crpo'"):
            adapter.validate_python({"name": "gpro"})

    def test_build_returns_the_named_method(self) -> None:
        assert set(METHODS) == {"grpo", "crpo"}
        for name, settings in METHODS.items():
            assert build(settings()).name == name
        assert build(GrpoSettings()).null_option
        assert not build(CrpoSettings(null_option=False)).null_option

    def test_defaults_are_the_papers(self) -> None:
        assert CrpoSettings().model_dump() == {
            "name": "crpo",
            "rollouts": 8,
            "format_weight": 1.0,
            "null_option": True,
            "lambda_d": 0.3,
            "lambda_s": 0.3,
            "w_aug": 0.5,
            "literal_change": False,
        }


def test_a_group_must_hold_the_rollouts_its_branches_ask_for() -> None:
    with pytest.raises(ValueError, match=r"\[4\] rollouts, got \[3\]"):
        group_of(grpo(), None, rollouts_of("AAA"))
    with pytest.raises(ValueError, match=r"\[4, 4\] rollouts, got \[4\]"):
        group_of(crpo(), TaskType.STATIC, rollouts_of("AAAA"))


def test_a_single_reward_cannot_be_normalised() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        centred(torch.ones(1))


def trl_function(path: Path, name: str) -> Any:
    """Return a function of TRL compiled alone: importing TRL takes 15 seconds."""
    tree = ast.parse(path.read_text())
    tree.body = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name]
    scope: dict[str, Any] = {"torch": torch}
    exec(compile(tree, str(path), "exec"), scope)  # noqa: S102 - the installed TRL's own source
    return scope[name]


def test_group_advantages_agree_with_trl() -> None:
    spec = find_spec("trl")
    assert spec is not None
    assert spec.origin is not None
    trainer = Path(spec.origin).parent / "trainer"
    nanstd = trl_function(trainer / "utils.py", "nanstd")
    for line in (
        "mean_grouped_rewards = torch.nanmean(rewards.view(-1, num_generations), dim=1)",
        "std_rewards = nanstd(rewards.view(-1, num_generations), dim=1)",
        "advantages = rewards - mean_grouped_rewards",
        "advantages = advantages / (std_rewards + 1e-4)",
    ):
        assert line in (trainer / "grpo_trainer.py").read_text()
    rewards = torch.rand(50, 8, generator=torch.Generator().manual_seed(0)) * 3
    expected = (rewards - rewards.nanmean(dim=1, keepdim=True)) / (
        nanstd(rewards, dim=1)[:, None] + STD_EPSILON
    )
    for row, expected_row in zip(rewards, expected, strict=True):
        assert torch.allclose(group_normalised(row), expected_row, rtol=1e-5, atol=1e-6)


def test_group_metrics() -> None:
    method = crpo(2)
    groups = [
        group_of(method, TaskType.SPATIAL, rollouts_of("AB"), rollouts_of("BA")),
        group_of(method, TaskType.SPATIAL, rollouts_of("AA", malformed=(0, 1)), rollouts_of("B-")),
        group_of(method, TaskType.STATIC, rollouts_of("--"), rollouts_of("AA")),
    ]
    rewards = [method.rewards(group) for group in groups]
    advantages = [method.advantages(reward.totals) for reward in rewards]
    metrics = group_metrics(groups, rewards, advantages)
    assert metrics == pytest.approx(
        {
            "reward/original/correct": 3 / 6,
            "reward/original/crr": (0.15 + 0.15 + 0.15) / 6,
            "reward/original/format": 4 / 6,
            "reward/original/total": (2.15 + 1 + 1.15 + 1.15 + 1 + 1) / 6,
            "reward/counterfactual/behave": 4 / 6,
            "reward/counterfactual/crr": (0.15 + 0.3) / 6,
            "reward/counterfactual/format": 6 / 6,
            "reward/counterfactual/total": 0.5 * (2.15 + 1 + 2.3 + 1 + 2 + 2) / 6,
            # the std of two values is their distance over sqrt(2)
            "reward_std/original": 1.15 / math.sqrt(2) / 3,
            "reward_std/counterfactual": 0.5 * (1.15 + 1.3) / math.sqrt(2) / 3,
            "zero_advantage": 1 / 3,
            "zero_advantage/original": 2 / 3,
            "zero_advantage/counterfactual": 1 / 3,
            "unparsed/original": 2 / 6,
            "unparsed/counterfactual": 1 / 6,
            "same_answer/counterfactual": (2 + 0 + 0) / 12,
        }
    )


def test_group_metrics_of_a_probe_count_trained_branches_alone() -> None:
    method = crpo(2, w_aug=0)
    group = group_of(method, TaskType.SPATIAL, rollouts_of("AB"), rollouts_of("BB"))
    rewards = method.rewards(group)
    metrics = group_metrics([group], [rewards], [method.advantages(rewards.totals)])
    assert metrics["zero_advantage"] == 0
    assert metrics["zero_advantage/counterfactual"] == 1


def test_group_metrics_refuses_unequal_sequences() -> None:
    with pytest.raises(ValueError, match="zip"):
        group_metrics([group_of(grpo(), None, rollouts_of("AAAA"))], [], [])
    assert group_metrics([], [], []) == {}
