"""Log-probabilities of all rollouts of a branch in one row: [prompt | c1 | c2 | ... | cG].

The prompt and its video are computed once instead of G times. Each completion sees the prompt and itself, and its
tokens have the positions they would have alone, so the numbers are those of G separate rows. Every completion is led
by its own copy of the prompt's last token, from which its first token is predicted: each place in the row then predicts
one token, which is what fused heads expect.

Shapes: R packed rows (one per branch), N completions, C tokens of the longest completion, K tokens of a packed row.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from retroflip.models.block_attention import block_mask, uses_blocks
from retroflip.models.encoding import Prompt, PromptBatch, batch_prompts
from retroflip.models.features import VisualFeatures, sighted_inputs

IGNORED = -100
"""the label of a place that predicts nothing"""


class Scores(NamedTuple):
    """Per token of every completion, (N, C), 0 after its end: log-probability, and entropy in nats."""

    log_probs_NC: Tensor
    entropies_NC: Tensor


@dataclass(frozen=True)
class PackedRows:
    """What the model is given, and which token each place predicts.

    mask_RKK is True where a token (row) may look (column). labels_RK: the token that the logits at a place predict,
    IGNORED where there is none. valid_NC: which tokens of the completions there are; read row by row, the labels are
    those tokens in this order.
    """

    input_ids_RK: Tensor
    positions_3RK: Tensor
    mask_RKK: Tensor
    labels_RK: Tensor
    valid_NC: Tensor


def pack(batch: PromptBatch, completions: Sequence[Sequence[Sequence[int]]], pad_token: int) -> PackedRows:
    """Lay out every branch's completions behind its (left-padded) prompt.

    `completions[r]` holds the token ids of branch r's rollouts.
    """
    read = batch.input_ids_RL.shape[1] - 1
    width = read + max(sum(len(ids) for ids in row) for row in completions)
    longest = max(len(ids) for row in completions for ids in row)
    rows, device = len(completions), batch.input_ids_RL.device
    ids = torch.full((rows, width), pad_token, device=device)
    ids[:, :read] = batch.input_ids_RL[:, :read]
    positions = torch.zeros(3, rows, width, dtype=torch.long, device=device)
    positions[:, :, :read] = batch.positions_3RL[:, :, :read]
    segment = torch.full((rows, width), -1, device=device)
    segment[:, :read] = torch.where(batch.mask_RL[:, :read].bool(), 0, -1)
    labels = torch.full((rows, width), IGNORED, device=device)
    for row, branch in enumerate(completions):
        cursor = read
        for number, completion in enumerate(branch, start=1):
            end = cursor + len(completion)
            written = torch.tensor(completion, device=device)
            ids[row, cursor] = batch.input_ids_RL[row, -1]
            ids[row, cursor + 1 : end] = written[:-1]
            positions[:, row, cursor] = batch.positions_3RL[:, row, -1]
            positions[:, row, cursor + 1 : end] = batch.next_position_R[row] + torch.arange(
                len(completion) - 1, device=device
            )
            segment[row, cursor:end] = number
            labels[row, cursor:end] = written
            cursor = end
    lengths = torch.tensor([len(ids) for branch in completions for ids in branch], device=device)
    return PackedRows(
        input_ids_RK=ids,
        positions_3RK=positions,
        mask_RKK=_mask(segment),
        labels_RK=labels,
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
    forward: Callable[..., Any] | None = None,
    fused: bool = False,
) -> Scores:
    """Return log-probabilities of all completions, branch after branch, under softmax(logits / temperature).

    forward: what the pass goes through where the model is wrapped (data parallelism), by default the model itself.
    fused: use the head that TRL has fitted to the model (`add_fused_lm_head`), which never holds all logits at once
    and divides by its own temperature; on a processor it scores the prompt's tokens too, so it is for GPUs.
    """
    packed = pack(batch_prompts(model, prompts, pad_token), completions, pad_token)
    inputs = {
        "input_ids": packed.input_ids_RK,
        "attention_mask": _attention_mask(model, packed.mask_RKK),
        "position_ids": packed.positions_3RK,
        **sighted_inputs(model, packed.input_ids_RK, features),
        "use_cache": False,
    }
    head = _fused_head if fused else _plain_head
    log_probs, entropies = head(forward or model, inputs, packed.labels_RK, temperature)
    valid = packed.valid_NC
    empty = torch.zeros(valid.shape, device=valid.device)
    return Scores(empty.masked_scatter(valid, log_probs), empty.masked_scatter(valid, entropies))


def _attention_mask(model: Any, mask_RKK: Tensor) -> Any:
    """Return the mask in the form that the model's attention takes: blocks, or numbers of the type it computes in."""
    if uses_blocks(model):
        return block_mask(mask_RKK)
    device = mask_RKK.device.type
    dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else model.dtype
    additive = torch.zeros(mask_RKK.shape, dtype=dtype, device=mask_RKK.device)
    return additive.masked_fill_(~mask_RKK, torch.finfo(dtype).min)[:, None]


def _plain_head(
    forward: Callable[..., Any], inputs: dict[str, Any], labels_RK: Tensor, temperature: float
) -> tuple[Tensor, Tensor]:
    """Return log-probability and entropy of every label, from logits at the places that predict one."""
    chosen = labels_RK != IGNORED
    places = chosen.any(dim=0).nonzero()[:, 0]
    logits_RUV = forward(**inputs, logits_to_keep=places).logits
    logits = logits_RUV[chosen[:, places]].float() / temperature
    log_softmax = logits.log_softmax(dim=-1)
    picked = log_softmax.gather(-1, labels_RK[chosen][:, None])[:, 0]
    entropy = -(log_softmax.detach().exp() * log_softmax.detach()).sum(dim=-1)
    return picked, entropy


def _fused_head(
    forward: Callable[..., Any],
    inputs: dict[str, Any],
    labels_RK: Tensor,
    temperature: float,  # noqa: ARG001 - the head has its own
) -> tuple[Tensor, Tensor]:
    """Return the same from the head that projects and forgets in tiles."""
    output = forward(**inputs, shift_labels=labels_RK, fused_lm_head=True)
    chosen = labels_RK != IGNORED
    entropy = torch.zeros_like(output.log_probs) if output.entropy is None else output.entropy
    return output.log_probs[chosen].float(), entropy[chosen].float()
