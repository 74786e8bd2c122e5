"""Dr.GRPO: GRPO without the standard deviation (ST-GRPO, section 3; STRIVE, section 3.1).

Its other half, dividing a response's loss by a constant instead of its length, is the loss's: recipes state
`train.loss_type: dr_grpo`, with which TRL divides by `train.max_completion_length`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from retroflip.data.sample import Sample
from retroflip.rl.advantages import first_normalised
from retroflip.rl.methods.base import Branch, Group, MethodConfig, Rewards, Totals
from retroflip.rl.methods.configured import Configured, original, plain_rewards


class DrGrpoSettings(MethodConfig):
    """Settings of Dr.GRPO."""

    name: Literal["dr_grpo"] = "dr_grpo"

    def method(self) -> "DrGrpo":
        """Return the method with these settings."""
        return DrGrpo(self)


@dataclass(frozen=True)
class DrGrpo(Configured[DrGrpoSettings]):
    """GRPO "done right": neither the group's spread nor a response's length scales an advantage."""

    def video_branches(self, sample: Sample, rng: np.random.Generator) -> tuple[Branch, ...]:  # noqa: ARG002
        """Return the original branch."""
        return (original(self.settings.rollouts),)

    def video_rewards(self, group: Group) -> Rewards:
        """Return R_correct + R_format."""
        return plain_rewards(group, self.settings.format_weight)

    def advantages(self, groups: Sequence[Totals]) -> list[Totals]:
        """Return reward - group mean."""
        return first_normalised(groups, "none")
