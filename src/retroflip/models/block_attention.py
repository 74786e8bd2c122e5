"""Attention that skips what a packed row's mask leaves out, by PyTorch's FlexAttention.

A block mask says which blocks of a row's pairs are open at all. FlexAttention has no backward pass on processors, so
this is for GPUs.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask, create_block_mask
from transformers.integrations.flex_attention import flex_attention_forward

from retroflip.models.attention import BLOCKS, attend, attention_of, set_attention


def use_blocks(model: Any) -> None:
    """Let the language model take block masks; without one it attends as `use_layouts` has it."""
    set_attention(model, BLOCKS, _attend)


def uses_blocks(model: Any) -> bool:
    """Return whether the model takes block masks."""
    return attention_of(model) == BLOCKS


def block_mask(segment_RK: Tensor) -> BlockMask:
    """Return who sees whom in packed rows: earlier tokens of the prompt (segment 0) and of one's own completion.

    Padding (-1) sees itself alone, so that no row of the softmax is empty.
    """

    def may_look(row: Tensor, _: Tensor, looking: Tensor, seen: Tensor) -> Tensor:
        mine, theirs = segment_RK[row, looking], segment_RK[row, seen]
        earlier = (looking >= seen) & (mine >= 0) & ((theirs == 0) | (theirs == mine))
        return earlier | (looking == seen)

    rows, width = segment_RK.shape
    return create_block_mask(may_look, rows, None, width, width, device=segment_RK.device.type)


def _attend(
    module: torch.nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Any, **kwargs: Any
) -> tuple[Tensor, Tensor | None]:
    by = flex_attention_forward if isinstance(attention_mask, BlockMask) else attend
    attended: tuple[Tensor, Tensor | None] = by(module, query, key, value, attention_mask, **kwargs)
    return attended
