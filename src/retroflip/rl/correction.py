"""Corrects the loss for rollouts that an engine drew with probabilities a little other than the policy's.

Shapes: N rollouts (rows), C completion tokens.
"""

import math
from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import Tensor

from retroflip.inference.rollout import Completion
from retroflip.inference.vllm_rollouts import DrawnCompletion

CorrectionMode = Literal["token_truncate", "token_mask", "sequence_truncate", "sequence_mask"]


def drawn_log_probs(completions: Sequence[Completion], shape: tuple[int, int]) -> Tensor:
    """Return the log-probabilities that tokens were drawn with, as rows (N, C) of `shape` with zeros behind.

    Raises TypeError for completions that were not drawn by an engine.
    """
    rows_NC = torch.zeros(shape)
    for row, completion in enumerate(completions):
        if not isinstance(completion, DrawnCompletion):
            raise TypeError(f"a completion by vLLM is needed, got {type(completion).__name__}")
        rows_NC[row, : len(completion.log_probs)] = torch.tensor(completion.log_probs)
    return rows_NC


def importance_ratio(
    policy_NC: Tensor,
    drawn_NC: Tensor,
    mask_NC: Tensor,
    *,
    mode: CorrectionMode,
    clip_min: float | None,
    clip_max: float | None,
) -> Tensor:
    """Return what TRL's loss is multiplied with, `importance_sampling_ratio`: (N, C), or (N, 1) of whole sequences.

    The ratio of the policy's probability to the one that the engine drew with (`GRPOTrainer.
    _generate_and_score_completions`, TRL 1.16): clipped, or 0 outside the limits. Tokens without a log-probability
    (NaN) count as drawn by the policy. Raises ValueError for another mode.
    """
    if mode not in get_args(CorrectionMode):
        raise ValueError(f"unknown mode {mode!r}, need one of {', '.join(get_args(CorrectionMode))}")
    level, limit = mode.split("_")
    gap = torch.nan_to_num((policy_NC - drawn_NC) * mask_NC, nan=0.0)
    ratio = torch.exp(gap.sum(dim=-1, keepdim=True) if level == "sequence" else gap)
    lowest = -math.inf if clip_min is None else clip_min
    highest = math.inf if clip_max is None else clip_max
    if limit == "truncate":
        return ratio.clamp(lowest, highest)
    return ratio.masked_fill((ratio < lowest) | (ratio > highest), 0.0)


def mean_gap(policy_NC: Tensor, drawn_NC: Tensor, mask_NC: Tensor) -> float:
    """Return the mean absolute difference of the log-probabilities of tokens that have one, 0 where none has.

    In one precision it is rounding alone; more means that the engine runs another model, or reads another prompt.
    """
    gaps = (policy_NC - drawn_NC).abs()[mask_NC.bool()]
    gaps = gaps[~gaps.isnan()]
    return float(gaps.mean()) if len(gaps) else 0.0
