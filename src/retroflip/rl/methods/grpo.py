"""GRPO as CRPO's appendix B.3 has it: one branch, correctness plus format, group mean and group std.

`normalise: batch` takes the std over the batch instead, as REINFORCE++ and LitePPO do (CRPO, appendix F); with
`none` there is no std. `rollouts: 16` is the control "GRPO (G x 2)" of CRPO's table 2.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from retroflip.data.sample import Sample
from retroflip.rl.methods.base import Branch, Group, Rewards
from retroflip.rl.methods.configured import OneTrained, OneTrainedConfig, original, plain_rewards


class GrpoSettings(OneTrainedConfig):
    """Settings of GRPO."""

    name: Literal["grpo"] = "grpo"

    def method(self) -> "Grpo":
        """Return the method with these settings."""
        return Grpo(self)


@dataclass(frozen=True)
class Grpo(OneTrained[GrpoSettings]):
    """Group relative policy optimisation on the original video alone."""

    def video_branches(self, sample: Sample, rng: np.random.Generator) -> tuple[Branch, ...]:  # noqa: ARG002
        """Return the original branch; neither the sample nor the generator has a say in it."""
        return (original(self.settings.rollouts),)

    def video_rewards(self, group: Group) -> Rewards:
        """Return R_correct + R_format."""
        return plain_rewards(group, self.settings.format_weight)
