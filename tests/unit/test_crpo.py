"""Rewards and advantages of CRPO and its ablations, computed by hand; groups as strings (`method_groups.py`).

Where nothing else is said, settings are the paper's: lambda 0.3 and w_aug 0.5.
"""

import math
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from method_groups import close, rewards_of, rollouts_of, sample_of, transform_of
from retroflip.data.answers import Answer
from retroflip.data.answers.answer import AnswerKind
from retroflip.data.sample import ProblemType, TaskType
from retroflip.errors import DataError
from retroflip.rl.methods.base import Branch, Group, Rewards, Rollout
from retroflip.rl.methods.counterfactual import moved
from retroflip.rl.methods.crpo import Crpo, CrpoSettings
from retroflip.rl.methods.grpo import GrpoSettings
from retroflip.rl.rewards import agreement, change, correctness
from retroflip.video.transforms import Transform
from retroflip.video.views import Transformed


def crpo(rollouts: int = 4, **settings: Any) -> Crpo:
    return CrpoSettings(rollouts=rollouts, **settings).method()


def crpo_rewards(
    task_type: TaskType, original: str | tuple[Rollout, ...], counterfactual: str, **settings: Any
) -> Rewards:
    return rewards_of(crpo(len(original), **settings), original, counterfactual, task_type=task_type)


def branches_of(task_type: TaskType, **settings: Any) -> tuple[Branch, ...]:
    return crpo(**settings).branches(sample_of(task_type), np.random.default_rng(0))


class TestRewards:
    def test_static(self) -> None:
        rewards = crpo_rewards(TaskType.STATIC, rollouts_of("AAB-", malformed=(3,)), "ABA-")
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

    @pytest.mark.parametrize("behave", [True, False])
    def test_totals_are_the_weighted_sums_of_their_components(self, behave: bool) -> None:
        rewards = crpo_rewards(TaskType.SPATIAL, "AB-C", "BAC-", w_aug=0.7, lambda_d=0.4, behave=behave)
        for branch, weight in enumerate((1.0, 0.7)):
            terms = [tensors[branch] for tensors in rewards.components.values() if tensors[branch].numel()]
            close(rewards.totals[branch], (weight * torch.stack(terms).sum(0)).tolist())


@pytest.mark.parametrize(
    ("kind", "gold", "near", "share"),
    [("quantity", "4", "3", 0.5), ("transcript", "a b c d", "a b c x", 0.75)],
)
def test_what_earns_by_degrees_agrees_and_changes_by_degrees(
    kind: AnswerKind, gold: str, near: str, share: float
) -> None:
    """A rounding error is no change of mind."""
    reference = Answer(kind, gold)
    rollouts = [Rollout(Answer(kind, text), well_formed=True) for text in (gold, near)]
    close(correctness(rollouts, reference), [1, share])
    close(agreement(rollouts, reference), [1, share])
    close(change(rollouts, reference, literal=False), [0, 1 - share])


class TestSpans:
    """Spans of a video that lasts 10 seconds; the event is at [2, 5], and would be at [5, 8] backwards."""

    @staticmethod
    def rewards(task_type: TaskType, original: str, counterfactual: str) -> Rewards:
        sample = sample_of(task_type).model_copy(
            update={"problem_type": ProblemType.GROUNDING, "options": (), "solution": "[2, 5]"}
        )
        rollouts = [
            tuple(
                Rollout(None if text == "-" else Answer("span", text), well_formed=True)
                for text in texts.split(";")
            )
            for texts in (original, counterfactual)
        ]
        method = crpo(len(rollouts[0]))
        transform = Transform.FLIP if task_type is TaskType.SPATIAL else Transform.REVERSE
        branches = tuple(
            Branch(name, Transformed(how), trained=True, rollouts=len(rollouts[0]))
            for name, how in (("original", Transform.IDENTITY), ("counterfactual", transform))
        )
        return method.rewards(Group(sample, Answer("span", "[2, 5]"), branches, tuple(rollouts), (0.0, 10.0)))

    def test_static_events_lie_elsewhere_backwards(self) -> None:
        rewards = self.rewards(TaskType.STATIC, "[2, 5];[0, 5]", "[5, 8];-")
        close(rewards.components["correct"][0], [1, 0.6])
        close(rewards.components["behave"][1], [1, 0])
        # the mean over j of IoU(o_j, o_i mirrored): [5, 8] gives 1/2, [5, 10] gives 0.6/2
        close(rewards.components["crr"][0], [0.3 * 0.5, 0.6 * 0.3 * 0.3])
        close(rewards.components["crr"][1], [0.3 * 0.8, 0])

    def test_time_sensitive_events_are_not_there_backwards(self) -> None:
        rewards = self.rewards(TaskType.TEMPORAL, "[2, 5];[0, 5]", "[5, 8];[1, 2]")
        close(rewards.components["behave"][1], [0, 1])
        close(rewards.components["crr"][0], [0.3 * 0.5, 0.6 * 0.3 * (0.4 + 1) / 2])

    def test_a_mirror_leaves_the_span(self) -> None:
        rewards = self.rewards(TaskType.SPATIAL, "[2, 5];[0, 5]", "[2, 5];[5, 8]")
        close(rewards.components["behave"][1], [0, 1])

    def test_an_option_must_change_wherever_it_is_shown(self) -> None:
        changed = change(
            [Rollout(Answer("grounded", text), well_formed=True) for text in ("A <> [7, 9]", "B <> [2, 5]")],
            Answer("grounded", "A <> [2, 5]"),
            literal=False,
        )
        close(changed, [0, 1])
        kept = agreement(
            [Rollout(Answer("grounded", "A <> [0, 5]"), well_formed=True)], Answer("grounded", "A <> [2, 5]")
        )
        close(kept, [0.8])

    def test_a_span_needs_the_seconds_that_were_shown(self) -> None:
        assert moved(Answer("option", "A"), Transform.REVERSE, None) == Answer("option", "A")
        assert moved(Answer("grounded", "A <> [2, 5]; [8, 9]"), Transform.REVERSE, (0, 10)) == Answer(
            "grounded", "A <> [5, 8]; [1, 2]"
        )
        with pytest.raises(ValueError, match="needs the seconds"):
            moved(Answer("span", "[2, 5]"), Transform.REVERSE, None)


class TestAdvantages:
    def test_branch_means_and_one_std(self) -> None:
        rewards = crpo_rewards(TaskType.SPATIAL, "AAAB", "BBAB")
        ((original, counterfactual),) = crpo().advantages([rewards.totals])
        # totals 2.225 x3 and 1: mean 1.91875, so 0.30625 x3 and -0.91875
        # totals 1.1125 x2, 0.5, 1.1125: mean 0.959375, so 0.153125 x3 and -0.459375
        # squares: 3 * 0.09378906 + 0.84410156 + 3 * 0.02344727 + 0.21102539 = 1.40683594, over 2G - 1 = 7
        std = math.sqrt(1.40683594 / 7) + 1e-4
        close(original, [0.30625 / std, 0.30625 / std, 0.30625 / std, -0.91875 / std])
        close(counterfactual, [0.153125 / std, 0.153125 / std, -0.459375 / std, 0.153125 / std])

    def test_groups_are_normalised_apart(self) -> None:
        totals = [
            crpo_rewards(TaskType.SPATIAL, *pair).totals for pair in (("AAAB", "BBAB"), ("AABB", "ABAB"))
        ]
        together = crpo().advantages(totals)
        for group, advantages in zip(totals, together, strict=True):
            ((original, counterfactual),) = crpo().advantages([group])
            assert advantages[0].equal(original)
            assert advantages[1].equal(counterfactual)

    def test_all_right_originals_still_learn_from_the_counterfactual_branch(self) -> None:
        # figure 5 (b): behaviour differs although every original rollout earns the same
        rewards = crpo_rewards(TaskType.TEMPORAL, "AA", "AB")
        ((original, counterfactual),) = crpo(2).advantages([rewards.totals])
        assert original.tolist() == [0, 0]
        # totals 0.5 * 1 and 0.5 * 2.3: 0.325 either side of the mean; squares 2 * 0.105625 over 3
        std = math.sqrt(0.21125 / 3) + 1e-4
        close(counterfactual, [-0.325 / std, 0.325 / std])

    @pytest.mark.parametrize(("original", "counterfactual"), [("AAA", "BBC"), ("BBB", "AAA"), ("---", "---")])
    def test_equal_rewards_in_each_branch_teach_nothing(self, original: str, counterfactual: str) -> None:
        totals = crpo_rewards(TaskType.SPATIAL, original, counterfactual).totals
        (advantages,) = crpo(3).advantages([totals])
        assert [advantage.tolist() for advantage in advantages] == [[0, 0, 0], [0, 0, 0]]

    def test_all_wrong_originals_earn_no_relation_reward(self) -> None:
        rewards = crpo_rewards(TaskType.SPATIAL, "BB", "AB")
        close(rewards.totals[0], [1, 1])
        close(rewards.totals[1], [0.5 * 1, 0.5 * 2])

    def test_a_bonus_on_right_rollouts_does_not_cancel(self) -> None:
        """Appendix F.2: the other branch keeps the standard deviation from growing as much as the rewards."""
        plain, with_bonus = torch.tensor([1.0, 1.0, 0.0, 0.0]), torch.tensor([1.3, 1.3, 0.0, 0.0])
        counterfactual = torch.tensor([0.5, 0.5, 0.5, 0.0])  # centred: 0.125 x3, -0.375; squares 0.1875
        before, after = crpo().advantages([(plain, counterfactual), (with_bonus, counterfactual)])
        std, std_with_bonus = math.sqrt((4 * 0.25 + 0.1875) / 7), math.sqrt((4 * 0.4225 + 0.1875) / 7)
        close(before[0][:1], [0.5 / (std + 1e-4)])  # 1.2137
        close(after[0][:1], [0.65 / (std_with_bonus + 1e-4)])  # 1.2548
        close(after[1][:1], [0.125 / (std_with_bonus + 1e-4)])  # 0.2413, without the bonus 0.3034
        assert after[0][0] - before[0][0] > 0.04
        assert before[1][0] - after[1][0] > 0.06


class TestAblations:
    """Table 2: each takes one element away."""

    @pytest.mark.parametrize(
        ("task_type", "settings", "expected"),
        [
            (TaskType.SPATIAL, {"flip": False}, None),
            (TaskType.TEMPORAL, {"flip": False}, Transform.REVERSE),
            (TaskType.SPATIOTEMPORAL, {"flip": False}, Transform.REVERSE),
            (TaskType.STATIC, {"flip": False}, Transform.REVERSE),
            (TaskType.SPATIAL, {"reverse": False}, Transform.FLIP),
            (TaskType.TEMPORAL, {"reverse": False}, None),
            (TaskType.SPATIOTEMPORAL, {"reverse": False}, Transform.FLIP),
            (TaskType.STATIC, {"reverse": False}, Transform.FLIP),
        ],
    )
    def test_without_a_transform_questions_take_the_other_or_none(
        self, task_type: TaskType, settings: dict[str, bool], expected: Transform | None
    ) -> None:
        for seed in range(20):
            branches = crpo(**settings).branches(sample_of(task_type), np.random.default_rng(seed))
            assert [transform_of(b.view) for b in branches[1:]] == ([] if expected is None else [expected])
            assert all(branch.trained and branch.rollouts == 4 for branch in branches)

    def test_a_question_without_a_counterfactual_is_grpos(self) -> None:
        method, grpo = crpo(flip=False), GrpoSettings(rollouts=4).method()
        rollouts = rollouts_of("AAB-", malformed=(1, 3))
        rewards = rewards_of(method, rollouts, task_type=TaskType.SPATIAL)
        expected = rewards_of(grpo, rollouts)
        assert rewards.components.keys() == expected.components.keys()
        close(rewards.totals[0], [2, 1, 1, 0])
        ((advantages,),) = method.advantages([rewards.totals])
        std = math.sqrt(2 / 3) + 1e-4
        close(advantages, [1 / std, 0, 0, -1 / std])

    def test_rollouts_weigh_the_same_however_many_branches_there_are(self) -> None:
        # equation 6 adds up branch means, so each is 1/G
        for settings in ({}, {"flip": False}, {"w_aug": 0}):
            assert crpo(8, **settings).row_weight == 1 / 8

    def test_without_both_transforms_it_is_refused(self) -> None:
        with pytest.raises(ValidationError, match=r"no video would have a counterfactual.*grpo"):
            CrpoSettings(flip=False, reverse=False)

    def test_without_the_relation_reward(self) -> None:
        rewards = crpo_rewards(TaskType.SPATIAL, "AAAB", "BBAB", lambda_d=0, lambda_s=0)
        close(rewards.totals[0], [2, 2, 2, 1])
        close(rewards.totals[1], [1, 1, 0.5, 1])

    def test_without_the_behavioural_reward_it_still_gates_the_relation_reward(self) -> None:
        rewards = crpo_rewards(TaskType.SPATIAL, "AAAB", "BBAB", behave=False)
        assert [tensor.numel() for tensor in rewards.components["behave"]] == [0, 0]
        close(rewards.totals[0], [2.225, 2.225, 2.225, 1])
        # equation 5 as before, equation 3 without its first term
        close(rewards.components["crr"][1], [0.225, 0.225, 0, 0.225])
        close(rewards.totals[1], [0.5 * 1.225, 0.5 * 1.225, 0.5 * 1, 0.5 * 1.225])
        ((_, counterfactual),) = crpo(behave=False).advantages([rewards.totals])
        # original as in TestAdvantages; here 0.6125 x3 and 0.5: mean 0.584375, so 0.028125 x3 and -0.084375
        # squares: 3 * 0.09378906 + 0.84410156 + 3 * 0.00079102 + 0.00711914 = 1.13496094 over 7
        std = math.sqrt(1.13496094 / 7) + 1e-4
        close(counterfactual, [0.028125 / std, 0.028125 / std, -0.084375 / std, 0.028125 / std])

    def test_without_the_counterfactual_branch_it_only_probes(self) -> None:
        method = crpo(2, w_aug=0)
        rewards = crpo_rewards(TaskType.SPATIAL, "AB", "BA", w_aug=0)
        close(rewards.components["behave"][1], [1, 0])
        close(rewards.components["crr"][1], [0.15, 0])
        close(rewards.totals[1], [0, 0])
        ((original, counterfactual),) = method.advantages([rewards.totals])
        # totals 2.15 and 1: 0.575 either side; squares 2 * 0.330625 over 2G - 1 = 3
        std = math.sqrt(0.66125 / 3) + 1e-4
        close(original, [0.575 / std, -0.575 / std])
        assert counterfactual.tolist() == [0, 0]
        assert [branch.trained for branch in branches_of(TaskType.SPATIAL, w_aug=0)] == [True, False]

    def test_without_the_null_option(self) -> None:
        assert not crpo(null_option=False).null_option
        assert crpo().null_option


class TestBranches:
    def transforms(self, task_type: TaskType, draws: int = 400) -> list[Transform]:
        rng = np.random.default_rng(7)
        branches = [crpo().branches(sample_of(task_type), rng) for _ in range(draws)]
        assert all(transform_of(original.view) is Transform.IDENTITY for original, _ in branches)
        return [transform_of(counterfactual.view) for _, counterfactual in branches]

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

    def test_both_are_trained(self) -> None:
        assert [(b.name, b.trained, b.rollouts) for b in branches_of(TaskType.STATIC, rollouts=8)] == [
            ("original", True, 8),
            ("counterfactual", True, 8),
        ]

    def test_a_sample_without_a_task_type_is_refused_with_the_fix(self) -> None:
        with pytest.raises(DataError, match=r"'s1' \(clips/s1\.mp4\).*'task_type'.*\"spatial\".*grpo"):
            crpo().branches(sample_of(None), np.random.default_rng(0))
