"""Reward terms that methods share (CRPO, appendix B.1). Each returns float32 of shape (G,): G rollouts."""

from collections.abc import Iterable, Mapping, Sequence

import torch

from retroflip.data.answers import Answer, credit, likeness, option_of
from retroflip.rl.methods.base import Rollout


def indicator(truths: Iterable[bool]) -> torch.Tensor:
    """Return 1.0 for every true value and 0.0 for every other."""
    return torch.tensor([float(truth) for truth in truths], dtype=torch.float32)


def correctness(rollouts: Sequence[Rollout], gold: Answer) -> torch.Tensor:
    """Return R_correct: I[o = o*], and a share of 1 where nearness earns (`credit`); an unparsed answer is wrong."""
    return torch.tensor([credit(rollout.answer, gold) for rollout in rollouts], dtype=torch.float32)


def agreement(rollouts: Sequence[Rollout], reference: Answer | None) -> torch.Tensor:
    """Return I[o = reference], and a share of 1 where nearness earns (`likeness`); an unparsed answer agrees with
    nothing."""
    return torch.tensor([likeness(rollout.answer, reference) for rollout in rollouts], dtype=torch.float32)


def change(rollouts: Sequence[Rollout], reference: Answer | None, *, literal: bool) -> torch.Tensor:
    """Return I[o != reference], and one minus the share by which they agree where nearness earns (`likeness`).

    An unparsed answer has not changed, or garbage would be paid, unless `literal`. Of an option with its span the
    option alone has to change: what shows the other one may well lie where the first was shown.
    """
    return torch.tensor(
        [
            1.0 - likeness(option_of(rollout.answer), option_of(reference))
            if rollout.answer is not None or literal
            else 0.0
            for rollout in rollouts
        ],
        dtype=torch.float32,
    )


def well_formedness(rollouts: Sequence[Rollout], weight: float) -> torch.Tensor:
    """Return R_format: `weight` for a well-formed response and 0 for any other."""
    return weight * indicator(rollout.well_formed for rollout in rollouts)


def total(components: Mapping[str, tuple[torch.Tensor, ...]], branch: int) -> torch.Tensor:
    """Return the sum of one branch's reward terms, leaving out those that it does not have (shape (0,))."""
    terms = [tensors[branch] for tensors in components.values()]
    return torch.stack([term for term in terms if term.numel()]).sum(0)
