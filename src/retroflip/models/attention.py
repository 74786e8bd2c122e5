"""An attention for transformers' models that is told, call by call, who sees whom: by a layout beside the usual mask.

A mask over all pairs of tokens is computed where it is closed as well, and takes their square in memory. A layout knows
which tokens stand together and computes only those. It travels with the call as a keyword argument, so that a layer
that is computed again (gradient checkpointing), or lies in whatever wraps the model, attends as it did at first.
"""

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

LAYOUTS = "retroflip_layouts"
BLOCKS = "retroflip_blocks"
"""the attention implementations' names, as transformers' models know them; the second takes block masks as well"""


class Layout(Protocol):
    """Who sees whom in a call of the language model, whose keyword argument `attention_layout` it is.

    The call has no other mask then (attention_mask None).
    """

    def attend(
        self,
        module: torch.nn.Module,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        *,
        scaling: float,
        dropout: float,
    ) -> Tensor:
        """Return one layer's results (rows, tokens, heads, width).

        query: (rows, heads, tokens, width); key and value have a whole fraction of its heads, and, where there is a
        cache, its tokens. module: the layer's attention. scaling: of the products. dropout: share of the weights.
        """
        ...


def use_layouts(model: Any) -> None:
    """Let the language model take layouts; without one it attends as before, by PyTorch's SDPA."""
    if attention_of(model) not in (LAYOUTS, BLOCKS):
        set_attention(model, LAYOUTS, attend)


def attention_of(model: Any) -> str:
    """Return the name of the language model's attention implementation."""
    return str(model.config.get_text_config()._attn_implementation)


def set_attention(model: Any, name: str, attention: Callable[..., Any]) -> None:
    """Have the language model attend by this function, known to transformers by this name."""
    AttentionInterface.register(name, attention)
    AttentionMaskInterface.register(name, sdpa_mask)
    model.model.language_model.set_attn_implementation(name)


def attend(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Any,
    *,
    scaling: float,
    dropout: float = 0.0,
    attention_layout: Layout | None = None,
    **more: Any,
) -> tuple[Tensor, Tensor | None]:
    """Attend as the layout says, or by the mask where there is none."""
    if attention_layout is not None:
        return attention_layout.attend(module, query, key, value, scaling=scaling, dropout=dropout), None
    attended: tuple[Tensor, Tensor | None] = sdpa_attention_forward(
        module, query, key, value, attention_mask, scaling=scaling, dropout=dropout, **more
    )
    return attended
