"""Counterfactual Relational Policy Optimization (CRPO, section 3, equations 1 to 6).

Two branches: the original video and its counterfactual (flipped or reversed, after the question's task type).
Answers must change across them where the question is about motion and stay where it is not. The paper leaves
open what an unparsed counterfactual answer is: here it has not changed, or garbage would be paid
(`literal_change`).

Spans of time are answers like others here, with an IoU for every indicator (ours: the paper trains none), and with the
reference where it lies in the reversed video. On time-sensitive events that rewards what ArrowGEV does (`arrowgev.py`),
and trains the reversed branch as well.

The ablations of its table 2 are settings: `flip: false`, `reverse: false`, `lambda_d: 0` with `lambda_s: 0`
(without R_CRR), `behave: false`, `w_aug: 0` (without the counterfactual branch) and `null_option: false`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from pydantic import Field, model_validator

from retroflip.data.answers import Answer
from retroflip.data.sample import Sample
from retroflip.rl.advantages import hybrid_normalised
from retroflip.rl.methods.base import Branch, Group, MethodConfig, Rewards, Rollout, Totals
from retroflip.rl.methods.configured import Configured, original, plain_rewards
from retroflip.rl.methods.counterfactual import Counterfactuals, moved, required_task_type
from retroflip.rl.rewards import agreement, change, correctness, total, well_formedness
from retroflip.video.views import Transformed, transform_of


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
    behave: bool = Field(
        default=True,
        description="reward the counterfactual branch for behaving as expected (equation 4); without it that still "
        "decides who earns the relation reward (equation 5)",
    )
    flip: bool = Field(default=True, description="mirror videos; without it, spatial questions are GRPO's")
    reverse: bool = Field(
        default=True, description="reverse videos; without it, temporal questions are GRPO's"
    )
    literal_change: bool = Field(
        default=False,
        description="count an unparsed counterfactual answer as changed, as equations 2 and 4 read",
    )

    @model_validator(mode="after")
    def _some_counterfactual(self) -> "CrpoSettings":
        if not (self.flip or self.reverse):
            raise ValueError(
                "flip and reverse are both false, and no video would have a counterfactual: set one of them to true, "
                "or name the method grpo"
            )
        return self

    @property
    def counterfactuals(self) -> Counterfactuals:
        """What questions are asked about besides their own videos."""
        return Counterfactuals(self.flip, self.reverse, self.null_option)

    def method(self) -> "Crpo":
        """Return the method with these settings."""
        return Crpo(self)


@dataclass(frozen=True)
class Crpo(Configured[CrpoSettings]):
    """Counterfactual Relational Policy Optimization.

    Equation 6 adds up the branches' means, so a rollout weighs 1/G however many branches its question has.
    """

    def video_branches(self, sample: Sample, rng: np.random.Generator) -> tuple[Branch, ...]:
        """Return the original and the counterfactual branch.

        Spatial questions are flipped and temporal ones reversed; for spatiotemporal and static ones `rng` chooses with
        equal probability. Where an ablation leaves none of a question's transformations, no counterfactual has a known
        relation to the answer: such a question has its original branch alone, with GRPO's rewards. Raises DataError
        where the sample has no task type.
        """
        first, transform = original(self.settings.rollouts), self.settings.counterfactuals.choose(sample, rng)
        if transform is None:
            return (first,)
        trained, rollouts = self.settings.w_aug > 0, self.settings.rollouts
        return (first, Branch("counterfactual", Transformed(transform), trained=trained, rollouts=rollouts))

    def video_rewards(self, group: Group) -> Rewards:
        """Return the rewards of equations 1 to 5; components stand before `w_aug`, totals after it.

        Components: correct (original only), behave (counterfactual only), crr and format (both).
        """
        if len(group.branches) == 1:
            return plain_rewards(group, self.settings.format_weight)
        factual, counterfactual = group.rollouts
        dynamic, transform = required_task_type(group.sample).dynamic, transform_of(group.branches[1].view)
        weight = self.settings.lambda_d if dynamic else self.settings.lambda_s
        correct = correctness(factual, group.gold)  # I[o_i = o*]
        # What o* and each o_i would be of the transformed video if nothing but a span's place had changed.
        gold = moved(group.gold, transform, group.between)
        answers = [moved(rollout.answer, transform, group.between) for rollout in factual]
        behaves = self._behaves(counterfactual, gold, dynamic)  # equation 4
        relation = torch.stack(  # the mean over j of equation 2, for each o_i
            [self._behaves(counterfactual, answer, dynamic).mean() for answer in answers]
        )
        none = torch.zeros(0)
        components = {
            "correct": (correct, none),
            "behave": (none, behaves if self.settings.behave else none),
            "crr": (
                correct * weight * relation,  # equation 2
                behaves * weight * correct.mean(),  # equation 5
            ),
            "format": (
                well_formedness(factual, self.settings.format_weight),
                well_formedness(counterfactual, self.settings.format_weight),
            ),
        }
        totals = (
            total(components, branch=0),  # equation 1
            self.settings.w_aug * total(components, branch=1),  # equation 3
        )
        return Rewards(components, totals)

    def advantages(self, groups: Sequence[Totals]) -> list[Totals]:
        """Return (reward - branch mean) / (std over both branches' centred rewards + 1e-4).

        At `w_aug` 0 the counterfactual's rewards are G zeros and stay among the 2G values of the std, which
        is the limit of ever smaller `w_aug`; that branch's advantages are 0.
        """
        return [hybrid_normalised(totals) for totals in groups]

    def _behaves(self, rollouts: Sequence[Rollout], reference: Answer | None, dynamic: bool) -> torch.Tensor:
        """Return, per counterfactual rollout, whether it stands to the reference as the task type asks.

        That is I[o_j != reference] for dynamic and I[o_j = reference] for static questions, and of spans their IoU
        with the reference or one minus it.
        """
        if dynamic:
            return change(rollouts, reference, literal=self.settings.literal_change)
        return agreement(rollouts, reference)
