"""Counterfactual Relational Policy Optimization (CRPO, section 3, equations 1 to 6).

Two branches: the original video and its counterfactual (flipped or reversed, after the question's task type).
Answers must change across them where the question is about motion and stay where it is not. The paper leaves
open what an unparsed counterfactual answer is: here it has not changed, or garbage would be paid
(`literal_change`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from pydantic import Field

from retroflip.data.sample import Sample, TaskType
from retroflip.errors import DataError
from retroflip.rl.advantages import hybrid_normalised
from retroflip.rl.answers import Answer, same_answer
from retroflip.rl.methods.base import Branch, Configured, Group, MethodConfig, Rewards, Rollout
from retroflip.rl.rewards import correctness, indicator, well_formedness
from retroflip.video.transforms import Transform

_TRANSFORMS = {
    TaskType.SPATIAL: (Transform.FLIP,),
    TaskType.TEMPORAL: (Transform.REVERSE,),
    TaskType.SPATIOTEMPORAL: (Transform.FLIP, Transform.REVERSE),
    TaskType.STATIC: (Transform.FLIP, Transform.REVERSE),
}


class CrpoSettings(MethodConfig):
    """Settings of CRPO; the defaults are the paper's (table 7)."""

    name: Literal["crpo"] = "crpo"
    lambda_d: float = Field(
        default=0.3, ge=0, description="weight of the relation reward on dynamic questions"
    )
    lambda_s: float = Field(
        default=0.3, ge=0, description="weight of the relation reward on static questions"
    )
    w_aug: float = Field(
        default=0.5,
        ge=0,
        description="scale of the counterfactual rewards before normalisation (equation 3); at 0 the "
        "counterfactual branch is a probe that is not trained (appendix D.3)",
    )
    literal_change: bool = Field(
        default=False,
        description="count an unparsed counterfactual answer as changed, as equations 2 and 4 read",
    )

    def method(self) -> "Crpo":
        """Return the method with these settings."""
        return Crpo(self)


@dataclass(frozen=True)
class Crpo(Configured[CrpoSettings]):
    """Counterfactual Relational Policy Optimization."""

    @property
    def loss_scale(self) -> float:
        """The number of trained branches: equation 6 adds up the branches' means."""
        return 2.0 if self._counterfactual_trained else 1.0

    def branches(self, sample: Sample, rng: np.random.Generator) -> tuple[Branch, ...]:
        """Return the original and the counterfactual branch.

        Spatial questions are flipped and temporal ones reversed; for spatiotemporal and static ones `rng`
        chooses with equal probability. Raises DataError where the sample has no task type.
        """
        transforms = _TRANSFORMS[_required_task_type(sample.task_type, sample)]
        transform = transforms[int(rng.integers(len(transforms)))]
        rollouts = self.settings.rollouts
        return (
            Branch("original", Transform.IDENTITY, trained=True, rollouts=rollouts),
            Branch("counterfactual", transform, trained=self._counterfactual_trained, rollouts=rollouts),
        )

    def rewards(self, group: Group) -> Rewards:
        """Return the rewards of equations 1 to 5; components stand before `w_aug`, totals after it.

        Components: correct (original only), behave (counterfactual only), crr and format (both).
        """
        original, counterfactual = group.rollouts
        dynamic = _required_task_type(group.task_type, group.sample).dynamic
        weight = self.settings.lambda_d if dynamic else self.settings.lambda_s
        correct = correctness(original, group.gold)
        behave = self._behaves(counterfactual, group.gold, dynamic)
        relation = torch.stack(
            [self._behaves(counterfactual, rollout.answer, dynamic).mean() for rollout in original]
        )
        none = torch.zeros(0)
        components = {
            "correct": (correct, none),
            "behave": (none, behave),
            "crr": (correct * weight * relation, behave * weight * correct.mean()),
            "format": (
                well_formedness(original, self.settings.format_weight),
                well_formedness(counterfactual, self.settings.format_weight),
            ),
        }
        total_original = correct + components["crr"][0] + components["format"][0]
        total_counterfactual = behave + components["crr"][1] + components["format"][1]
        return Rewards(components, (total_original, self.settings.w_aug * total_counterfactual))

    def advantages(self, totals: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        """Return (reward - branch mean) / (std over both branches' centred rewards + 1e-4).

        At `w_aug` 0 the counterfactual's rewards are G zeros and stay among the 2G values of the std, which
        is the limit of ever smaller `w_aug`; that branch's advantages are 0.
        """
        original, counterfactual = totals
        return hybrid_normalised([original, counterfactual])

    @property
    def _counterfactual_trained(self) -> bool:
        return self.settings.w_aug > 0

    def _behaves(self, rollouts: Sequence[Rollout], reference: Answer | None, dynamic: bool) -> torch.Tensor:
        """Return, per counterfactual rollout, whether it stands to the reference as the task type asks.

        That is I[o_j != reference] for dynamic and I[o_j = reference] for static questions.
        """
        if not dynamic:
            return indicator(same_answer(rollout.answer, reference) for rollout in rollouts)
        return indicator(
            (rollout.answer is not None or self.settings.literal_change)
            and not same_answer(rollout.answer, reference)
            for rollout in rollouts
        )


def _required_task_type(task_type: TaskType | None, sample: Sample) -> TaskType:
    if task_type is None:
        kinds = ", ".join(f'"{kind.value}"' for kind in TaskType)
        raise DataError(
            f"Sample {sample.id!r} ({sample.video}) has no task type, and CRPO needs one to choose the "
            "counterfactual and to know whether the answer must change. Add the key 'task_type' to its "
            f"record with one of {kinds}, or train with the method grpo, which needs none."
        )
    return task_type
