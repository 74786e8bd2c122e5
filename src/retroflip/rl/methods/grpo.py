"""GRPO as CRPO's appendix B.3 has it: one branch, correctness plus format, group mean and group std."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from retroflip.data.sample import Sample
from retroflip.rl.advantages import group_normalised
from retroflip.rl.methods.base import Branch, Configured, Group, MethodConfig, Rewards
from retroflip.rl.rewards import correctness, well_formedness
from retroflip.video.transforms import Transform


class GrpoSettings(MethodConfig):
    """Settings of GRPO."""

    name: Literal["grpo"] = "grpo"

    def method(self) -> "Grpo":
        """Return the method with these settings."""
        return Grpo(self)


@dataclass(frozen=True)
class Grpo(Configured[GrpoSettings]):
    """Group relative policy optimisation on the original video alone."""

    @property
    def loss_scale(self) -> float:
        """1: the objective is the mean over the one branch's rollouts."""
        return 1.0

    def branches(self, sample: Sample, rng: np.random.Generator) -> tuple[Branch, ...]:  # noqa: ARG002
        """Return the original branch; neither the sample nor the generator has a say in it."""
        return (Branch("original", Transform.IDENTITY, trained=True, rollouts=self.settings.rollouts),)

    def rewards(self, group: Group) -> Rewards:
        """Return R_correct + R_format."""
        (rollouts,) = group.rollouts
        correct = correctness(rollouts, group.gold)
        formatted = well_formedness(rollouts, self.settings.format_weight)
        return Rewards({"correct": (correct,), "format": (formatted,)}, (correct + formatted,))

    def advantages(self, totals: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        """Return (reward - group mean) / (group std + 1e-4)."""
        (total,) = totals
        return (group_normalised(total),)
