"""Reward terms that methods share (CRPO, appendix B.1). Each returns float32 of shape (G,): G rollouts."""

from collections.abc import Iterable, Sequence

import torch

from retroflip.rl.answers import Answer, same_answer
from retroflip.rl.methods.base import Rollout


def indicator(truths: Iterable[bool]) -> torch.Tensor:
    """Return 1.0 for every true value and 0.0 for every other."""
    return torch.tensor([float(truth) for truth in truths], dtype=torch.float32)


def correctness(rollouts: Sequence[Rollout], gold: Answer) -> torch.Tensor:
    """Return R_correct = I[o = o*]; an unparsed answer is wrong."""
    return indicator(same_answer(rollout.answer, gold) for rollout in rollouts)


def well_formedness(rollouts: Sequence[Rollout], weight: float) -> torch.Tensor:
    """Return R_format: `weight` for a well-formed response and 0 for any other."""
    return weight * indicator(rollout.well_formed for rollout in rollouts)
