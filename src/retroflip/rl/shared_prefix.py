"""Log-probabilities of all rollouts of a branch in one row: [prompt | c1 | c2 | ... | cG | padding].

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

from retroflip.models.attention import use_layouts
from retroflip.models.block_attention import block_mask, uses_blocks
from retroflip.models.encoding import Prompt, PromptBatch, batch_prompts
from retroflip.models.features import VisualFeatures, sighted_inputs
from retroflip.models.packed_layout import PackedLayout

IGNORED = -100
"""the label of a place that predicts nothing"""


class Scores(NamedTuple):
    """Per token of every completion, (N, C), 0 after its end: log-probability, and entropy in nats."""

    log_probs_NC: Tensor
    entropies_NC: Tensor


@dataclass(frozen=True)
class PackedRows:
    """What the model is given, and which token each place predicts.

    segment_RK: 0 at the prompt, the completion's number (from 1) at its tokens, -1 at padding. lengths: tokens of
    every row's prompt and of its completions. labels_RK: the token that the logits at a place predict, IGNORED where
    there is none. valid_NC: which tokens of the completions there are; read row by row, the labels are those tokens in
    this order.
    """

    input_ids_RK: Tensor
    positions_3RK: Tensor
    segment_RK: Tensor
    lengths: tuple[list[int], list[list[int]]]
    labels_RK: Tensor
    valid_NC: Tensor


def pack(batch: PromptBatch, completions: Sequence[Sequence[Sequence[int]]], pad_token: int) -> PackedRows:
    """Lay out every branch's completions right behind its prompt.

    `completions[r]` holds the token ids of branch r's rollouts.
    """
    read = [count - 1 for count in batch.mask_RL.sum(dim=1).tolist()]
    lengths = [[len(ids) for ids in row] for row in completions]
    width = max(prompt + sum(written) for prompt, written in zip(read, lengths, strict=True))
    rows, device = len(completions), batch.input_ids_RL.device
    ids = torch.full((rows, width), pad_token, device=device)
    positions = torch.zeros(3, rows, width, dtype=torch.long, device=device)
    segment = torch.full((rows, width), -1, device=device)
    labels = torch.full((rows, width), IGNORED, device=device)
    for row, branch in enumerate(completions):
        cursor = read[row]
        ids[row, :cursor] = batch.input_ids_RL[row, -cursor - 1 : -1]
        positions[:, row, :cursor] = batch.positions_3RL[:, row, -cursor - 1 : -1]
        segment[row, :cursor] = 0
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
    written_N = torch.tensor([count for row in lengths for count in row], device=device)
    return PackedRows(
        input_ids_RK=ids,
        positions_3RK=positions,
        segment_RK=segment,
        lengths=(read, lengths),
        labels_RK=labels,
        valid_NC=torch.arange(max(max(row) for row in lengths), device=device)[None] < written_N[:, None],
    )


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
        **_attention(model, packed),
        "position_ids": packed.positions_3RK,
        **sighted_inputs(model, packed.input_ids_RK, features),
        "use_cache": False,
    }
    head = _fused_head if fused else _plain_head
    log_probs, entropies = head(forward or model, inputs, packed.labels_RK, temperature)
    valid = packed.valid_NC
    empty = torch.zeros(valid.shape, device=valid.device)
    return Scores(empty.masked_scatter(valid, log_probs), empty.masked_scatter(valid, entropies))


def _attention(model: Any, packed: PackedRows) -> dict[str, Any]:
    """Return the arguments that tell the model who sees whom: a block mask where it takes one, or a layout."""
    if uses_blocks(model):
        return {"attention_mask": block_mask(packed.segment_RK)}
    use_layouts(model)
    layout = PackedLayout.of(*packed.lengths, packed.segment_RK.device)
    return {"attention_mask": None, "attention_layout": layout}


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
