"""Log-probabilities of all rollouts of a branch in one row: [prompt | c1 | c2 | ... | cG].

The prompt and its video are computed once instead of G times. Each completion sees the prompt and itself, and its
tokens have the positions they would have alone, so the numbers are those of G separate rows.

Shapes: R packed rows (one per branch), N completions, C tokens of the longest completion, K tokens of a packed row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from retroflip.models.encoding import Prompt, PromptBatch, batch_prompts
from retroflip.models.features import VisualFeatures, sighted_inputs


class Scores(NamedTuple):
    """Per token of every completion, (N, C), 0 after its end: log-probability, and entropy in nats."""

    log_probs_NC: Tensor
    entropies_NC: Tensor


@dataclass(frozen=True)
class PackedRows:
    """What the model is given, and where each completion's token is predicted.

    mask_RKK is True where a token (row) may look (column). source_NC is the position in the row whose logits predict
    the token; row_N the packed row of each completion.
    """

    input_ids_RK: Tensor
    positions_3RK: Tensor
    mask_RKK: Tensor
    row_N: Tensor
    source_NC: Tensor
    target_NC: Tensor
    valid_NC: Tensor


def pack(batch: PromptBatch, completions: Sequence[Sequence[Sequence[int]]], pad_token: int) -> PackedRows:
    """Lay out every branch's completions behind its (left-padded) prompt.

    `completions[r]` holds the token ids of branch r's rollouts.
    """
    start = batch.input_ids_RL.shape[1]
    width = start + max(sum(len(ids) for ids in row) for row in completions)
    longest = max(len(ids) for row in completions for ids in row)
    rows, device = len(completions), batch.input_ids_RL.device
    ids = torch.full((rows, width), pad_token, device=device)
    ids[:, :start] = batch.input_ids_RL
    positions = torch.zeros(3, rows, width, dtype=torch.long, device=device)
    positions[:, :, :start] = batch.positions_3RL
    segment = torch.full((rows, width), -1, device=device)
    segment[:, :start] = torch.where(batch.mask_RL.bool(), 0, -1)
    sources, targets, row_of = [], [], []
    for row, branch in enumerate(completions):
        cursor = start
        for number, completion in enumerate(branch, start=1):
            end = cursor + len(completion)
            ids[row, cursor:end] = torch.tensor(completion, device=device)
            positions[:, row, cursor:end] = batch.next_position_R[row] + torch.arange(
                len(completion), device=device
            )
            segment[row, cursor:end] = number
            source = [start - 1, *range(cursor, end - 1)]
            sources.append(source + [0] * (longest - len(completion)))
            targets.append([*completion, *[pad_token] * (longest - len(completion))])
            row_of.append(row)
            cursor = end
    lengths = torch.tensor([len(ids) for branch in completions for ids in branch], device=device)
    return PackedRows(
        input_ids_RK=ids,
        positions_3RK=positions,
        mask_RKK=_mask(segment),
        row_N=torch.tensor(row_of, device=device),
        source_NC=torch.tensor(sources, device=device),
        target_NC=torch.tensor(targets, device=device),
        valid_NC=torch.arange(longest, device=device)[None] < lengths[:, None],
    )


def _mask(segment_RK: Tensor) -> Tensor:
    """Return who sees whom: earlier tokens of the prompt (segment 0) or of one's own completion.

    Padding (-1) sees itself alone, so that no row of the softmax is empty.
    """
    width = segment_RK.shape[1]
    causal = torch.ones(width, width, dtype=torch.bool, device=segment_RK.device).tril()
    looking, seen = segment_RK[:, :, None], segment_RK[:, None, :]
    allowed = causal & (seen >= 0) & ((seen == looking) | (seen == 0)) & (looking >= 0)
    return allowed | torch.eye(width, dtype=torch.bool, device=segment_RK.device)


def score(
    model: Any,
    prompts: Sequence[Prompt],
    features: Sequence[VisualFeatures | None],
    completions: Sequence[Sequence[Sequence[int]]],
    *,
    pad_token: int,
    temperature: float = 1.0,
) -> Scores:
    """Return log-probabilities of all completions, branch after branch, under softmax(logits / temperature)."""
    packed = pack(batch_prompts(model, prompts, pad_token), completions, pad_token)
    needed = packed.source_NC[packed.valid_NC].unique()
    additive = torch.zeros(packed.mask_RKK.shape, dtype=model.dtype, device=packed.mask_RKK.device)
    additive.masked_fill_(~packed.mask_RKK, torch.finfo(model.dtype).min)
    logits_RUV = model(
        input_ids=packed.input_ids_RK,
        attention_mask=additive[:, None],
        position_ids=packed.positions_3RK,
        **sighted_inputs(model, packed.input_ids_RK, features),
        use_cache=False,
        logits_to_keep=needed,
    ).logits
    slot_NC = torch.searchsorted(needed, packed.source_NC).clamp(max=len(needed) - 1)
    valid = packed.valid_NC
    rows = packed.row_N[:, None].expand_as(slot_NC)[valid]
    logits = logits_RUV[rows, slot_NC[valid]].float() / temperature
    log_softmax = logits.log_softmax(dim=-1)
    picked = log_softmax.gather(-1, packed.target_NC[valid][:, None])[:, 0]
    entropy = -(log_softmax.detach().exp() * log_softmax.detach()).sum(dim=-1)
    empty = torch.zeros(valid.shape, device=logits.device)
    return Scores(empty.masked_scatter(valid, picked), empty.masked_scatter(valid, entropy))
