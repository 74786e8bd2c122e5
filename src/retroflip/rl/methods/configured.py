"""What methods have in common: what they read off their settings, and how samples without a video are trained.

CRPO, appendix B.1: "Text and image samples are trained with standard single-branch GRPO". They get as many trained
rollouts as a mean is taken over in the method's other groups, so that one weight holds for all rollouts of a step.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import numpy as np
from pydantic import Field

from retroflip.data.sample import Modality, Sample
from retroflip.rl.advantages import Normalise, first_normalised
from retroflip.rl.methods.base import Branch, Group, MethodConfig, Rewards, Totals
from retroflip.rl.methods.scorer import ScorerSettings
from retroflip.rl.rewards import correctness, total, well_formedness
from retroflip.video.transforms import Transform
from retroflip.video.views import Transformed

SettingsT = TypeVar("SettingsT", bound=MethodConfig)


class OneTrainedConfig(MethodConfig):
    """Settings of the methods that train the original branch alone."""

    normalise: Normalise = Field(
        default="group",
        description="standard deviation that centred rewards are divided by: the group's, the batch's, or none",
    )


OneTrainedT = TypeVar("OneTrainedT", bound=OneTrainedConfig)


@dataclass(frozen=True)
class Configured(ABC, Generic[SettingsT]):
    """A method with its settings. Implementations say what happens to videos."""

    settings: SettingsT

    @property
    def name(self) -> str:
        """Its name in recipes and reports."""
        return self.settings.name

    @property
    def null_option(self) -> bool:
        """Whether "None of the above" is appended to multiple-choice questions (CRPO, section 3, Null Option)."""
        return self.settings.null_option

    @property
    def row_weight(self) -> float:
        """1 over the rollouts that a mean is taken over: a branch's objective is its rollouts' mean."""
        return 1.0 / self.settings.group_size

    @property
    def scorer(self) -> ScorerSettings | None:
        """No frame scores."""
        return None

    def branches(self, sample: Sample, rng: np.random.Generator) -> tuple[Branch, ...]:
        """Return a video's branches, or the one branch of a sample without a video."""
        if sample.modality is Modality.VIDEO:
            return self.video_branches(sample, rng)
        return (original(self.settings.group_size),)

    def rewards(self, group: Group) -> Rewards:
        """Return a video's rewards, or R_correct + R_format where there is no video."""
        group = replace(group, gold=replace(group.gold, span_share=self.settings.span_share))
        if group.sample.modality is Modality.VIDEO:
            return self.video_rewards(group)
        return plain_rewards(group, self.settings.format_weight)

    @abstractmethod
    def advantages(self, groups: Sequence[Totals]) -> list[Totals]:
        """Return the advantages of all groups of a step; those of a single branch as GRPO has them."""

    @abstractmethod
    def video_branches(self, sample: Sample, rng: np.random.Generator) -> tuple[Branch, ...]:
        """Return the branches of a sample with a video."""

    @abstractmethod
    def video_rewards(self, group: Group) -> Rewards:
        """Return the rewards of a group whose sample has a video."""


@dataclass(frozen=True)
class OneTrained(Configured[OneTrainedT]):
    """A method that trains the first of its branches, the original, and none of the others."""

    def advantages(self, groups: Sequence[Totals]) -> list[Totals]:
        """Return (reward - group mean) / (std + 1e-4) on the original, the std as `normalise` says; 0 on probes."""
        return first_normalised(groups, self.settings.normalise)


def original(rollouts: int) -> Branch:
    """Return the trained branch on the sample as it is."""
    return Branch("original", Transformed(Transform.IDENTITY), trained=True, rollouts=rollouts)


def plain_rewards(group: Group, format_weight: float) -> Rewards:
    """Return R_correct + R_format for every rollout of every branch (CRPO, appendix B.1)."""
    correct = tuple(correctness(rollouts, group.gold) for rollouts in group.rollouts)
    formatted = tuple(well_formedness(rollouts, format_weight) for rollouts in group.rollouts)
    components = {"correct": correct, "format": formatted}
    return Rewards(components, tuple(total(components, branch) for branch in range(len(correct))))
