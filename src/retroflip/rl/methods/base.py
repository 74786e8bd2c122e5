"""What a method is: which branches a sample gets, how a group is rewarded, how rewards become advantages.

A method is pure: it sees answers, never text or videos, and chooses at random only with the generator that it
is given. The trainer knows this module and no method by name. Dimensions: G rollouts of one branch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, field_validator

from retroflip.data.sample import Sample, TaskType
from retroflip.rl.answers import Answer
from retroflip.video.transforms import Transform


@dataclass(frozen=True)
class Branch:
    """One variant of a sample's video and the rollouts sampled on it.

    trained: whether its rollouts enter the loss; those of a probe only serve rewards and diagnostics.
    """

    name: str
    transform: Transform
    trained: bool
    rollouts: int


@dataclass(frozen=True)
class Rollout:
    """What a method sees of one response. `answer` is None where it could not be parsed."""

    answer: Answer | None
    well_formed: bool


@dataclass(frozen=True)
class Group:
    """All branches of one sample with their rollouts, in the order of `branches`.

    Raises ValueError where the rollouts do not have the number that their branch asks for.
    """

    sample: Sample
    gold: Answer
    task_type: TaskType | None
    branches: tuple[Branch, ...]
    rollouts: tuple[tuple[Rollout, ...], ...]

    def __post_init__(self) -> None:
        wanted = [branch.rollouts for branch in self.branches]
        given = [len(rollouts) for rollouts in self.rollouts]
        if not wanted or wanted != given:
            raise ValueError(f"sample {self.sample.id!r}: branches ask for {wanted} rollouts, got {given}")


@dataclass(frozen=True)
class Rewards:
    """The rewards of a group; all tensors are float32.

    components: each term of the method's reward equations, weighted as it stands there, one tensor of shape
        (G,) per branch, or (0,) where the equations have no such term for that branch.
    totals: one tensor of shape (G,) per branch: the sum of its components, times the branch's weight if it
        has one.
    """

    components: Mapping[str, tuple[torch.Tensor, ...]]
    totals: tuple[torch.Tensor, ...]


class Method(Protocol):
    """One reinforcement-learning method. Implementations are immutable and hold their settings only."""

    @property
    def name(self) -> str:
        """Its name in recipes and reports."""

    @property
    def null_option(self) -> bool:
        """Whether "None of the above" is appended to multiple-choice questions before the prompt is made."""

    @property
    def loss_scale(self) -> float:
        """The factor between the method's objective and the mean over all trained rollouts.

        TRL's loss is the mean over rows. CRPO's objective (equation 6) adds up the branches' means instead:
        with B trained branches of G rollouts, sum_b 1/G sum_i = B * 1/(B G) sum_b sum_i. Multiply the mean by
        this factor (B); without it, more branches would mean a smaller step for each.
        """

    def branches(self, sample: Sample, rng: np.random.Generator) -> tuple[Branch, ...]:
        """Return the sample's branches. Raises DataError where the sample lacks what the method needs."""

    def rewards(self, group: Group) -> Rewards:
        """Return the rewards of every rollout of a group whose branches this method chose."""

    def advantages(self, totals: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        """Return the advantages, float32 of shape (G,) per branch, from one group's `Rewards.totals`."""


class MethodConfig(BaseModel):
    """Settings that every method has. Defaults are the papers' (CRPO, tables 6 and 7, and appendix B.1)."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str
    rollouts: int = Field(default=8, description="rollouts per branch, G")
    format_weight: float = Field(default=1.0, ge=0, description="reward of a well-formed response")
    null_option: bool = Field(
        default=True,
        description='append "None of the above" to multiple-choice questions; B.1 does so for all methods',
    )

    @field_validator("rollouts")
    @classmethod
    def _enough_rollouts(cls, rollouts: int) -> int:
        if rollouts < 2:
            raise ValueError(
                f"a group of {rollouts} has zero advantage, because a reward is compared with the others "
                "of its group: set rollouts >= 2"
            )
        return rollouts


SettingsT = TypeVar("SettingsT", bound=MethodConfig)


@dataclass(frozen=True)
class Configured(Generic[SettingsT]):
    """What a method reads off its settings alone."""

    settings: SettingsT

    @property
    def name(self) -> str:
        """Its name in recipes and reports."""
        return self.settings.name

    @property
    def null_option(self) -> bool:
        """Whether "None of the above" is appended to multiple-choice questions (CRPO, section 3, Null Option)."""
        return self.settings.null_option
