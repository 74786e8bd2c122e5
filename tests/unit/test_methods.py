"""What holds for every method: settings, samples without a video, the group, agreement with TRL, metrics.

Each method's own rewards and advantages are in a test file of its name.
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

from method_groups import close, group_of, rewards_of, rollouts_of, sample_of, transform_of
from retroflip.data.sample import Modality, TaskType
from retroflip.rl.advantages import STD_EPSILON, centred, normalised
from retroflip.rl.methods.arrow_rl import ArrowRlSettings
from retroflip.rl.methods.base import Group, Method
from retroflip.rl.methods.crpo import CrpoSettings
from retroflip.rl.methods.dr_grpo import DrGrpoSettings
from retroflip.rl.methods.grpo import GrpoSettings
from retroflip.rl.methods.registry import METHODS, AnySettings, MethodSettings, build
from retroflip.rl.methods.scorer import ScorerSettings
from retroflip.rl.methods.strive import StriveSettings
from retroflip.rl.methods.t_grpo import TGrpoSettings
from retroflip.rl.metrics import group_metrics
from retroflip.video.transforms import Transform


def built(name: str, **settings: Any) -> Method:
    return build(METHODS[name](**settings))


class TestSettings:
    def test_a_group_of_one_is_refused_with_the_reason(self) -> None:
        for settings in METHODS.values():
            alone = {"rollouts": 1, **({"variants": 1} if settings is StriveSettings else {})}
            with pytest.raises(ValidationError, match=r"group of 1 has zero advantage.*set rollouts >= 2"):
                settings.model_validate(alone)
            with pytest.raises(ValidationError, match="rollouts"):
                settings(rollouts=0)

    @pytest.mark.parametrize(
        ("name", "wrong"),
        [
            ("crpo", {"lambda_d": -1}),
            ("crpo", {"lambda_s": -0.1}),
            ("crpo", {"w_aug": -1}),
            ("crpo", {"w_aug": math.nan}),
            ("crpo", {"lambda": 0.3}),
            ("grpo", {"normalise": "row"}),
            ("grpo", {"format_weight": -1}),
            ("dr_grpo", {"normalise": "none"}),
            ("t_grpo", {"alpha": -0.1}),
            ("t_grpo", {"threshold": -0.1}),
            ("arrow_rl", {"alpha": math.inf}),
        ],
    )
    def test_wrong_values_and_unknown_keys_are_refused(self, name: str, wrong: dict[str, Any]) -> None:
        with pytest.raises(ValidationError, match=next(iter(wrong))):
            METHODS[name].model_validate(wrong)

    def test_a_recipe_chooses_by_name(self) -> None:
        adapter: TypeAdapter[AnySettings] = TypeAdapter(MethodSettings)
        settings = adapter.validate_python({"name": "crpo", "rollouts": 8, "w_aug": 0.7})
        assert settings == CrpoSettings(rollouts=8, w_aug=0.7)
        with pytest.raises(ValidationError, match="w_aug"):
            adapter.validate_python({"name": "grpo", "w_aug": 0.7})
        with pytest.raises(ValidationError, match="'grpo', 'dr_grpo'"):
            adapter.validate_python({"name": "gpro"})

    @pytest.mark.parametrize("name", METHODS)
    def test_settings_survive_json_and_name_their_method(self, name: str) -> None:
        adapter: TypeAdapter[AnySettings] = TypeAdapter(MethodSettings)
        settings = METHODS[name](null_option=False)
        assert adapter.validate_json(adapter.dump_json(settings)) == settings
        method = build(settings)
        assert (method.name, method.null_option) == (name, False)
        assert build(METHODS[name]()).null_option

    def test_the_methods_are_the_papers(self) -> None:
        papers = {"grpo", "dr_grpo", "t_grpo", "arrow_rl", "arrowgev", "crpo", "strive"}
        assert papers <= METHODS.keys()

    def test_defaults_are_the_papers(self) -> None:
        shared = {"rollouts": 8, "format_weight": 1.0, "null_option": True, "span_share": 0.5}
        assert GrpoSettings().model_dump() == {"name": "grpo", **shared, "normalise": "group"}
        assert DrGrpoSettings().model_dump() == {"name": "dr_grpo", **shared}
        assert TGrpoSettings().model_dump() == {
            "name": "t_grpo",
            **shared,
            "normalise": "group",
            "alpha": 0.3,
            "threshold": 1.0,
        }
        assert ArrowRlSettings().model_dump() == {
            "name": "arrow_rl",
            **shared,
            "normalise": "group",
            "alpha": 0.25,
            "sensitive_where": "equal",
            "literal_change": False,
        }
        assert CrpoSettings().model_dump() == {
            "name": "crpo",
            **shared,
            "lambda_d": 0.3,
            "lambda_s": 0.3,
            "w_aug": 0.5,
            "behave": True,
            "flip": True,
            "reverse": True,
            "literal_change": False,
        }

    @pytest.mark.parametrize("name", ["policy", "gradient"])
    def test_a_scorer_that_is_the_policy_has_no_checkpoint_of_its_own(self, name: str) -> None:
        with pytest.raises(ValidationError, match=rf"the scorer {name} uses the model that is trained"):
            ScorerSettings.model_validate({"name": name, "path": "some/checkpoint"})
        assert ScorerSettings.model_validate({"name": name}).path is None


class TestWithoutAVideo:
    """Appendix B.1: text and image samples are trained with single-branch GRPO, by every method."""

    @pytest.mark.parametrize("name", METHODS)
    @pytest.mark.parametrize("modality", [Modality.IMAGE, Modality.TEXT])
    def test_one_branch_of_as_many_rollouts_as_a_mean_is_taken_over(
        self, name: str, modality: Modality
    ) -> None:
        method = built(name, rollouts=4)
        (branch,) = method.branches(sample_of(None, modality), np.random.default_rng(0))
        assert (branch.name, branch.trained) == ("original", True)
        assert transform_of(branch.view) is Transform.IDENTITY
        assert branch.rollouts == (8 if name == "strive" else 4)
        # a sample's objective is the mean over its branch
        assert method.row_weight * branch.rollouts == 1

    @pytest.mark.parametrize("name", METHODS)
    def test_rewards_and_advantages_are_grpos(self, name: str) -> None:
        method = built(name, rollouts=2 if name == "strive" else 4)
        rewards = rewards_of(method, rollouts_of("AAB-", malformed=(1, 3)), modality=Modality.TEXT)
        close(rewards.components["correct"][0], [1, 1, 0, 0])
        close(rewards.components["format"][0], [1, 0, 1, 0])
        close(rewards.totals[0], [2, 1, 1, 0])
        ((advantages,),) = method.advantages([rewards.totals])
        std = 1 if name == "dr_grpo" else math.sqrt(2 / 3) + 1e-4
        close(advantages, [1 / std, 0, 0, -1 / std])

    def test_text_and_video_in_one_step(self) -> None:
        method = built("crpo", rollouts=2)
        groups = [
            group_of(method, "AB", "BA", task_type=TaskType.SPATIAL),
            group_of(method, "AB", modality=Modality.TEXT),
        ]
        rewards = [method.rewards(group) for group in groups]
        advantages = method.advantages([reward.totals for reward in rewards])
        assert [len(branches) for branches in advantages] == [2, 1]
        one = 0.5 / (math.sqrt(0.5) + 1e-4)
        close(advantages[1][0], [one, -one])
        metrics = group_metrics(groups, rewards, advantages)
        # the counterfactual's means are over the group that has one
        assert metrics["unparsed/counterfactual"] == 0
        assert metrics["same_answer/counterfactual"] == 0.5
        assert metrics["reward/original/correct"] == metrics["reward/correct"] == 0.5
        assert metrics["zero_advantage"] == metrics["zero_advantage/counterfactual"] == 0
        # 2.15, 1, 0.5 * 2.15, 0.5 * 1: mean 1.18125, deviations 0.96875, -0.18125, -0.10625, -0.68125
        # squares 0.93847656 + 0.03285156 + 0.01128906 + 0.46410156 = 1.44671875 over 3; the text's 2 and 1: sqrt(0.5)
        assert metrics["reward_std"] == pytest.approx((math.sqrt(1.44671875 / 3) + math.sqrt(0.5)) / 2)

    def test_a_batchs_standard_deviation_is_over_both(self) -> None:
        method = built("t_grpo", rollouts=2, normalise="batch")
        groups = [
            rewards_of(method, "AB", "BB").totals,
            rewards_of(method, "AB", modality=Modality.TEXT).totals,
        ]
        # 2.3 and 1, 2 and 1: centred +-0.65, +-0.5; squares 2 * 0.4225 + 2 * 0.25 = 1.345 over 3
        std = math.sqrt(1.345 / 3) + 1e-4
        video, text = method.advantages(groups)
        close(video[0], [0.65 / std, -0.65 / std])
        close(text[0], [0.5 / std, -0.5 / std])


def test_a_group_must_hold_the_rollouts_its_branches_ask_for() -> None:
    with pytest.raises(ValueError, match=r"\[4\] rollouts, got \[3\]"):
        group_of(built("grpo", rollouts=4), "AAA")
    with pytest.raises(ValueError, match=r"\[4, 4\] rollouts, got \[4\]"):
        group_of(built("crpo", rollouts=4), "AAAA", task_type=TaskType.STATIC)
    with pytest.raises(ValueError, match=r"\[\] rollouts, got \[\]"):
        Group(sample_of(), group_of(built("grpo", rollouts=2), "AB").gold, (), ())


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
    deviations = rewards - rewards.nanmean(dim=1, keepdim=True)
    expected = deviations / (nanstd(rewards, dim=1)[:, None] + STD_EPSILON)
    torch.testing.assert_close(
        torch.stack(normalised(list(rewards), "group")), expected, rtol=1e-5, atol=1e-6
    )
    torch.testing.assert_close(
        torch.stack(normalised(list(rewards), "none")), deviations, rtol=1e-5, atol=1e-6
    )


class TestMetrics:
    def test_two_trained_branches(self) -> None:
        method = built("crpo", rollouts=2)
        groups = [
            group_of(method, "AB", "BA", task_type=TaskType.SPATIAL),
            group_of(method, rollouts_of("AA", malformed=(0, 1)), "B-", task_type=TaskType.SPATIAL),
            group_of(method, "--", "AA", task_type=TaskType.STATIC),
        ]
        rewards = [method.rewards(group) for group in groups]
        advantages = method.advantages([reward.totals for reward in rewards])
        metrics = group_metrics(groups, rewards, advantages)
        assert metrics == pytest.approx(
            {
                "reward/correct": 3 / 6,
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
                # 2.15, 1, 1.075, 0.5: squares about 1.18125 sum to 1.44671875
                # 1.15, 1.15, 1.15, 0.5: about 0.9875, 3 * 0.02640625 + 0.23765625 = 0.316875
                # 1, 1, 1, 1: none
                "reward_std": (math.sqrt(1.44671875 / 3) + math.sqrt(0.316875 / 3)) / 3,
                "zero_advantage": 1 / 3,
                "zero_advantage/original": 2 / 3,
                "zero_advantage/counterfactual": 1 / 3,
                "unparsed": 3 / 12,
                "unparsed/original": 2 / 6,
                "unparsed/counterfactual": 1 / 6,
                "same_answer/counterfactual": (2 + 0 + 0) / 12,
                # by task type: `test_task_types.py`
                **{name: value for name, value in metrics.items() if name.startswith("task_type/")},
            }
        )

    def test_of_probes_only_answers_and_rewards_count(self) -> None:
        method = built("crpo", rollouts=2, w_aug=0)
        group = group_of(method, "A-", "BB", task_type=TaskType.SPATIAL)
        rewards = method.rewards(group)
        metrics = group_metrics([group], [rewards], method.advantages([rewards.totals]))
        assert metrics["zero_advantage"] == 0
        assert "zero_advantage/counterfactual" not in metrics
        assert metrics["unparsed"] == 0.5
        # 2.3 and 1: the probe's zeros are not trained on
        assert metrics["reward_std"] == metrics["reward_std/original"] == pytest.approx(1.3 / math.sqrt(2))

    def test_a_probe_of_one_rollout_has_no_spread(self) -> None:
        method = built("arrow_rl", rollouts=2)
        group = group_of(method, "AA", "A")
        rewards = method.rewards(group)
        metrics = group_metrics([group], [rewards], method.advantages([rewards.totals]))
        assert metrics["zero_advantage"] == metrics["zero_advantage/original"] == 1
        assert "reward_std/reversed" not in metrics
        assert metrics["reward/reversed/correct"] == metrics["same_answer/reversed"] == 1

    def test_unequal_sequences_are_refused(self) -> None:
        with pytest.raises(ValueError, match="zip"):
            group_metrics([group_of(built("grpo", rollouts=4), "AAAA")], [], [])
        assert group_metrics([], [], []) == {}
