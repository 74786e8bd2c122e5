"""What a model whose weights are sharded over processes has to be told."""

from typing import Any

from torch import nn
from torch.distributed.fsdp import FSDPModule, register_fsdp_forward_method

_VISION = ("get_video_features", "get_image_features")


def tell_shards(model: Any) -> None:
    """Let the vision tower be run on its own: FSDP2 gathers weights around `forward` alone, unless it is told."""
    if isinstance(model, FSDPModule) and isinstance(model, nn.Module):
        for name in _VISION:
            register_fsdp_forward_method(model, name)
