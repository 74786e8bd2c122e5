"""Attention that skips what a packed row's mask leaves out, by PyTorch's FlexAttention.

A dense mask over a row of K tokens holds K x K numbers, and the kernel multiplies where the mask is closed as well. A
block mask says which blocks are open at all. FlexAttention has no backward pass on processors, so this is for GPUs.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask, create_block_mask
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.flex_attention import flex_attention_forward
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "retroflip_blocks"
"""the attention implementation's name, as transformers' models know it"""


def use_blocks(model: Any) -> None:
    """Let the language model take block masks; under every other mask it attends as before."""
    AttentionInterface.register(NAME, _attend)
    AttentionMaskInterface.register(NAME, sdpa_mask)
    model.model.language_model.set_attn_implementation(NAME)


def uses_blocks(model: Any) -> bool:
    """Return whether the model takes block masks."""
    return bool(model.config.get_text_config()._attn_implementation == NAME)


def block_mask(mask_RKK: Tensor) -> BlockMask:
    """Return the same mask in blocks; True where a token (row) may look (column)."""

    def may_look(row: Tensor, _: Tensor, looking: Tensor, seen: Tensor) -> Tensor:
        return mask_RKK[row, looking, seen]

    rows, width = mask_RKK.shape[:2]
    return create_block_mask(may_look, rows, None, width, width, device=mask_RKK.device.type)


def _attend(
    module: torch.nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Any, **kwargs: Any
) -> tuple[Tensor, Tensor | None]:
    attend = flex_attention_forward if isinstance(attention_mask, BlockMask) else sdpa_attention_forward
    attended: tuple[Tensor, Tensor | None] = attend(module, query, key, value, attention_mask, **kwargs)
    return attended
