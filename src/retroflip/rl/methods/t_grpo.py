"""T-GRPO (Video-R1), as CRPO's appendix B.3 gives it: a bonus where the order of the frames helped.

A second group on the shuffled video is sampled and never trained. With p and p~ the shares of right rollouts on the
video and on the shuffled one, every right rollout on the video earns alpha I[p >= p~] more. Within a group that bonus
is a constant on right rollouts, so mean-and-std normalisation cancels it (appendix F); `normalise`
offers other divisors.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from pydantic import Field

from retroflip.data.sample import Sample
from retroflip.rl.methods.base import Branch, Group, Rewards
from retroflip.rl.methods.configured import OneTrained, OneTrainedConfig, original
from retroflip.rl.rewards import correctness, total, well_formedness
from retroflip.video.transforms import Transform
from retroflip.video.views import Transformed


class TGrpoSettings(OneTrainedConfig):
    """Settings of T-GRPO; the defaults are those of CRPO's appendix B.3."""

    name: Literal["t_grpo"] = "t_grpo"
    alpha: float = Field(default=0.3, ge=0, description="the temporal bonus of a right rollout")
    threshold: float = Field(
        default=1.0,
        ge=0,
        description="pay the bonus where p >= threshold p~; Video-R1's public code has 0.8",
    )

    def method(self) -> "TGrpo":
        """Return the method with these settings."""
        return TGrpo(self)


@dataclass(frozen=True)
class TGrpo(OneTrained[TGrpoSettings]):
    """GRPO with a bonus for groups that do no worse on the video than on its shuffled frames."""

    def video_branches(self, sample: Sample, rng: np.random.Generator) -> tuple[Branch, ...]:  # noqa: ARG002
        """Return the original branch and a probe of as many rollouts on the shuffled video."""
        rollouts = self.settings.rollouts
        shuffled = Branch("shuffled", Transformed(Transform.SHUFFLE), trained=False, rollouts=rollouts)
        return (original(rollouts), shuffled)

    def video_rewards(self, group: Group) -> Rewards:
        """Return R_correct + r_t + R_format on the video.

        Components: correct (both branches; the probe's mean is p~), temporal and format (original only).
        """
        ordered, shuffled = (correctness(rollouts, group.gold) for rollouts in group.rollouts)
        # Both branches have G rollouts: counts compare as the shares do, and without their rounding.
        helped = ordered.sum().item() >= self.settings.threshold * shuffled.sum().item()
        none = torch.zeros(0)
        components = {
            "correct": (ordered, shuffled),
            "temporal": (ordered * self.settings.alpha * float(helped), none),
            "format": (well_formedness(group.rollouts[0], self.settings.format_weight), none),
        }
        return Rewards(components, (total(components, branch=0), total(components, branch=1)))
