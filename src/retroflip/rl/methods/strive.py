"""STRIVE (section 3) and ST-GRPO (section 4), one method under two names: M variants of a video, one joint group.

Every variant gets G rollouts, all are trained, and a reward is compared with all M x G of them (STRIVE, equation 3;
ST-GRPO, equation 4). `normalise: none` leaves the standard deviation out, which is ST-Dr.GRPO (ST-GRPO, table 3; its
loss is `train.loss_type: dr_grpo`). With one deterministic variant it is GRPO.

The papers name the probabilities of temporal and of spatial augmentation and give no value (ST-GRPO, section 4):
one half is ours. STRIVE's main result does not name its strategy and scorer; its tables 2 to 5 share the numbers of
importance-based sampling with spatial augmentation, scored by LLaVA-OneVision-0.5B.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, field_validator, model_validator

from retroflip.data.sample import Sample
from retroflip.rl.advantages import Normalise, joint_normalised
from retroflip.rl.methods.base import Branch, Group, MethodConfig, Rewards, Totals
from retroflip.rl.methods.configured import Configured, plain_rewards
from retroflip.rl.methods.scorer import ScorerSettings
from retroflip.video.views import Important, Spatial, Stochastic, Strided, View

Segments = Annotated[int, Field(ge=1)]
Probability = Annotated[float, Field(ge=0, le=1)]


class StriveSettings(MethodConfig):
    """Settings of STRIVE; the defaults are the paper's (section 4.1), or ours where it gives none."""

    name: Literal["strive"] = "strive"
    rollouts: int = Field(default=4, ge=1, description="rollouts per variant, G")
    variants: int = Field(default=2, ge=1, description="variants of each video, M")
    normalise: Normalise = Field(
        default="group",
        description="standard deviation that centred rewards are divided by: that of all M x G of a question, the "
        "batch's, or none (ST-Dr.GRPO)",
    )
    strategy: Literal["deterministic", "stochastic", "importance", "importance_spatial"] = Field(
        default="importance_spatial",
        description="how a variant chooses its frames: every M-th from its own offset; random crops, strides and "
        "spatial changes; by their scores, without or with spatial changes",
    )
    tau: float = Field(
        default=0.4,
        gt=0,
        description="temperature of sampling frames by their scores (STRIVE, equation 4); 1 is ST-GRPO's equation 5, "
        "and the weights that STRIVE takes from gradients",
    )
    segments: Segments | tuple[Segments, Segments] | None = Field(
        default=None,
        description="segments of a video, of each of which one frame is sampled by its score, K: a number, "
        "[least, most] to draw it for every variant (ST-GRPO: [2, 6]), or null for one per frame shown (STRIVE)",
    )
    top: bool = Field(
        default=False,
        description="take each segment's frame of the highest score instead of sampling (ST-GRPO, table 5)",
    )
    temporal_probability: Probability = Field(
        default=0.5, description="probability of a random crop and stride; stochastic strategy"
    )
    spatial_probability: Probability = Field(
        default=0.5,
        description="probability of spatial changes to a variant; stochastic and importance_spatial strategies",
    )
    scorer: ScorerSettings = Field(
        default=ScorerSettings(),
        description="what scores frames; importance and importance_spatial strategies",
    )

    @field_validator("segments")
    @classmethod
    def _in_order(cls, segments: int | tuple[int, int] | None) -> int | tuple[int, int] | None:
        if isinstance(segments, tuple) and segments[0] > segments[1]:
            raise ValueError(f"segments is {list(segments)}: write the smaller number first")
        return segments

    @model_validator(mode="after")
    def _gradients_are_weights(self) -> "StriveSettings":
        if self.scorer.name == "gradient" and self.strategy.startswith("importance") and self.tau != 1:
            raise ValueError(
                f"tau is {self.tau}, and the gradient scorer's scores are the logarithms of the weights that frames "
                "are sampled with (STRIVE, section 4.2): set tau to 1"
            )
        return self

    @property
    def group_size(self) -> int:
        """All rollouts of a question: M variants times G rollouts."""
        return self.variants * self.rollouts

    def smallest_pool(self, frames: int) -> int:
        """Return M times the frames where each variant takes its own, and more than one to each segment's draw."""
        if self.variants == 1:
            return frames
        if self.strategy == "deterministic":
            return self.variants * frames
        if self.strategy == "stochastic":
            return frames
        most = max(self.segments) if isinstance(self.segments, tuple) else self.segments or frames
        return min(most, frames) + 1

    def method(self) -> "Strive":
        """Return the method with these settings."""
        return Strive(self)


@dataclass(frozen=True)
class Strive(Configured[StriveSettings]):
    """One group over the rollouts of several variants of a video."""

    @property
    def scorer(self) -> ScorerSettings | None:
        """What scores frames, where the strategy goes by scores."""
        return self.settings.scorer if self.settings.strategy.startswith("importance") else None

    def video_branches(self, sample: Sample, rng: np.random.Generator) -> tuple[Branch, ...]:  # noqa: ARG002
        """Return M trained branches, named variant1 to variantM."""
        return tuple(
            Branch(f"variant{index + 1}", self._view(index), trained=True, rollouts=self.settings.rollouts)
            for index in range(self.settings.variants)
        )

    def video_rewards(self, group: Group) -> Rewards:
        """Return R_correct + R_format on every variant (STRIVE, section 4.1)."""
        return plain_rewards(group, self.settings.format_weight)

    def advantages(self, groups: Sequence[Totals]) -> list[Totals]:
        """Return (reward - mean) / (std + 1e-4), both over all M x G rollouts of a question (equation 3)."""
        return joint_normalised(groups, self.settings.normalise)

    def _view(self, index: int) -> View:
        settings = self.settings
        match settings.strategy:
            case "deterministic":
                return Strided(offset=index, stride=settings.variants)
            case "stochastic":
                return Stochastic(settings.temporal_probability, settings.spatial_probability)
            case "importance":
                return Important(settings.segments, settings.tau, settings.top)
            case "importance_spatial":
                return Important(
                    settings.segments, settings.tau, settings.top, Spatial(), settings.spatial_probability
                )
