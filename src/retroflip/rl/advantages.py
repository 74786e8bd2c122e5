"""Rewards of a step's groups to advantages. Dimensions: G rollouts of a branch; branches may differ in G.

The standard deviation is TRL's (1.16, `GRPOTrainer._generate_and_score_completions`): unbiased, 1e-4 added.
Sums run in float64 so that rounding does not become a gradient; results are float32.
"""

from collections.abc import Sequence
from typing import Literal, TypeAlias

import torch

STD_EPSILON = 1e-4

Normalise: TypeAlias = Literal["group", "batch", "none"]
"""What a group's centred rewards are divided by: their own standard deviation (GRPO), that of all groups' centred
rewards of the step (REINFORCE++ and LitePPO, as CRPO's appendix F describes them), or nothing (Dr.GRPO)."""


def centred(rewards: torch.Tensor) -> torch.Tensor:
    """Return rewards minus their mean, float64; exactly 0 where all are equal.

    Without that exception the rounding error of a mean, divided by `STD_EPSILON`, would be an advantage.
    """
    if rewards.ndim != 1 or rewards.numel() < 2:
        raise ValueError(
            f"a group needs at least 2 rewards in one dimension, got shape {tuple(rewards.shape)}"
        )
    wide = rewards.double()
    if bool((wide == wide[0]).all()):
        return torch.zeros_like(wide)
    return wide - wide.mean()


def normalised(groups: Sequence[torch.Tensor], by: Normalise) -> list[torch.Tensor]:
    """Return (reward - group mean) / (std + 1e-4) for groups of shape (G,), or without the division.

    by "batch": REINFORCE++ and LitePPO take the std over the batch, so that a group of nearly equal rewards has small
    advantages and a bonus on all right rollouts does not cancel. It is the std of what it divides, the centred
    rewards of all groups, equal ones too; TRL's "batch" is that of the rewards themselves, which how far groups lie
    apart makes larger.

    Raises ValueError where a group has fewer than 2 rewards.
    """
    deviations = [centred(group) for group in groups]
    if by == "none" or not deviations:
        return [deviation.float() for deviation in deviations]
    pools = [torch.cat(deviations)] * len(deviations) if by == "batch" else deviations
    return [(d / (pool.std() + STD_EPSILON)).float() for d, pool in zip(deviations, pools, strict=True)]


def first_normalised(
    groups: Sequence[Sequence[torch.Tensor]], by: Normalise
) -> list[tuple[torch.Tensor, ...]]:
    """Return `normalised` advantages of each group's first branch, and zeros for the others, its probes."""
    first = normalised([branches[0] for branches in groups], by)
    return [
        (advantages, *(torch.zeros_like(probe) for probe in branches[1:]))
        for advantages, branches in zip(first, groups, strict=True)
    ]


def joint_normalised(
    groups: Sequence[Sequence[torch.Tensor]], by: Normalise
) -> list[tuple[torch.Tensor, ...]]:
    """Return `normalised` advantages with all branches of a group taken as one (STRIVE, equation 3)."""
    joint = normalised([torch.cat(list(branches)) for branches in groups], by)
    return [
        torch.split(advantages, [len(branch) for branch in branches])
        for advantages, branches in zip(joint, groups, strict=True)
    ]


def hybrid_normalised(rewards: Sequence[torch.Tensor]) -> tuple[torch.Tensor, ...]:
    """Return each branch's rewards minus that branch's mean, over one std for all branches (CRPO, section 3).

    The std is that of all branches' centred rewards together (2G values for two branches of G, so its
    divisor is 2G - 1): a constant added to one branch's correct rollouts then changes their scale against the
    other branch, while a std per branch would cancel it (appendix F). With one branch this is GRPO's.

    Raises ValueError where a branch has fewer than 2 rewards.
    """
    by_branch = [centred(branch) for branch in rewards]
    scale = torch.cat(by_branch).std() + STD_EPSILON
    return tuple((branch / scale).float() for branch in by_branch)
