"""Rewards of one group to advantages. Dimensions: G rollouts of a branch; branches may differ in G.

The standard deviation is TRL's (1.16, `GRPOTrainer._generate_and_score_completions`): unbiased, 1e-4 added.
Sums run in float64 so that rounding does not become a gradient; results are float32.
"""

from collections.abc import Sequence

import torch

STD_EPSILON = 1e-4


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


def group_normalised(rewards: torch.Tensor) -> torch.Tensor:
    """Return (reward - mean) / (std + 1e-4) over one branch's G rollouts (GRPO; CRPO, appendix B.3)."""
    return hybrid_normalised([rewards])[0]


def hybrid_normalised(rewards: Sequence[torch.Tensor]) -> tuple[torch.Tensor, ...]:
    """Return each branch's rewards minus that branch's mean, over one std for all branches (CRPO, section 3).

    The std is that of all branches' centred rewards together (2G values for two branches of G, so its
    divisor is 2G - 1): a constant added to one branch's correct rollouts then changes their scale against the
    other branch, while a std per branch would cancel it (appendix F).

    Raises ValueError where a branch has fewer than 2 rewards.
    """
    by_branch = [centred(branch) for branch in rewards]
    scale = torch.cat(by_branch).std() + STD_EPSILON
    return tuple((branch / scale).float() for branch in by_branch)
