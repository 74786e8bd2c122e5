"""What a method is: which branches a sample gets, how a group is rewarded, how rewards become advantages.

A method is pure: it sees answers, never text or videos, and chooses at random only with the generator that it
is given. The trainer knows this module and no method by name. Dimensions: G rollouts of one branch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator

from retroflip.data.answers import Answer
from retroflip.data.answers.spans import Span
from retroflip.data.sample import Sample
from retroflip.draws import draw
from retroflip.rl.methods.scorer import ScorerSettings
from retroflip.video.views import View

Totals: TypeAlias = tuple[torch.Tensor, ...]
"""one float32 tensor of shape (G,) per branch of one sample; branches may differ in G"""


@dataclass(frozen=True)
class Branch:
    """One variant of a sample's video and the rollouts sampled on it.

    view: what the model is shown of the video. Images are shown as they are and texts have nothing to show: their
        one branch has the identity.
    trained: whether its rollouts enter the loss; those of a probe only serve rewards and diagnostics.
    """

    name: str
    view: View
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

    between: the seconds at which the first and the last frame are shown on the first branch, by which a span is found
    again in the reversed video; None without a video.

    Raises ValueError where the rollouts do not have the number that their branch asks for.
    """

    sample: Sample
    gold: Answer
    branches: tuple[Branch, ...]
    rollouts: tuple[tuple[Rollout, ...], ...]
    between: Span | None = None

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
    totals: Totals


class Method(Protocol):
    """One reinforcement-learning method. Implementations are immutable and hold their settings only."""

    @property
    def name(self) -> str:
        """Its name in recipes and reports."""

    @property
    def null_option(self) -> bool:
        """Whether "None of the above" is appended to multiple-choice questions before the prompt is made."""

    @property
    def row_weight(self) -> float:
        """The weight of one trained rollout in a sample's objective; a batch's is the mean over its samples.

        It is the same for all trained rollouts: 1/G where the objective is the mean over one branch, and also for
        CRPO, whose equation 6 adds up its branches' means; 1/(M G) where it is the mean over M branches (STRIVE).
        A sample has as many trained rollouts in all as its branches say, which may differ between samples.
        """

    @property
    def scorer(self) -> ScorerSettings | None:
        """What scores the frames of a video against its question; None where no view needs scores."""

    def branches(self, sample: Sample, rng: np.random.Generator) -> tuple[Branch, ...]:
        """Return the sample's branches; a sample without a video has one, on what there is to see.

        Raises DataError where the sample lacks what the method needs.
        """

    def rewards(self, group: Group) -> Rewards:
        """Return the rewards of every rollout of a group whose branches this method chose."""

    def advantages(self, groups: Sequence[Totals]) -> list[Totals]:
        """Return the advantages of all groups of a step from their `Rewards.totals`, in the same shapes.

        float32. Every advantage of a branch that is not trained is 0. Most methods look at each group alone; those
        that divide by a batch's standard deviation need all groups of an optimizer step at once.
        """


class MethodConfig(BaseModel):
    """Settings that every method has. Defaults are the papers' (CRPO, tables 6 and 7, and appendix B.1)."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str
    rollouts: int = Field(default=8, ge=1, description="rollouts per branch, G")
    format_weight: float = Field(default=1.0, ge=0, description="reward of a well-formed response")
    span_share: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="share of the span's IoU in the reward for an option with its span (NExT-GQA)",
    )
    null_option: bool = Field(
        default=True,
        description='append "None of the above" to multiple-choice questions; B.1 does so for all methods',
    )

    @property
    def group_size(self) -> int:
        """How many rollouts a mean reward is taken over, and how many a sample without a video gets."""
        return self.rollouts

    def smallest_pool(self, frames: int) -> int:
        """Return how many frames must be decoded for `frames` that are shown, so that the views have a choice."""
        return frames

    @model_validator(mode="after")
    def _something_to_compare(self) -> "MethodConfig":
        if self.group_size < 2:
            raise ValueError(
                f"a group of {self.group_size} has zero advantage, because a reward is compared with the others "
                "of its group: set rollouts >= 2"
            )
        return self


def occasion(when: int, visit: int) -> tuple[int, ...]:
    """Return what choices about a sample depend on besides the sample: when, and from the second visit on which one."""
    return (when, visit) if visit else (when,)


def branch_draw(seed: int, sample: str, epoch: int, visit: int = 0) -> np.random.Generator:
    """Return what a method chooses a sample's branches with, by the run's seed, the sample's id and the epoch.

    visit: how often the sample was visited before in this epoch.
    """
    return draw(seed, "branches", sample, *occasion(epoch, visit))
