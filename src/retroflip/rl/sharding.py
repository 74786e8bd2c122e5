"""What a model whose weights are sharded over processes has to be told."""

from typing import Any

from torch import nn
from torch.distributed.fsdp import FSDPModule, register_fsdp_forward_method

from retroflip.models.lora import base_of

_VISION = ("get_video_features", "get_image_features")


def tell_shards(model: Any) -> None:
    """Let the vision tower be run on its own: FSDP2 gathers weights around `forward` alone, unless it is told.

    Where adapters wrap the model, it gathers for them and not for the model inside, whose tower is run. Telling it once
    is enough: PyTorch would wrap the methods anew every time.
    """
    if isinstance(model, FSDPModule) and isinstance(model, nn.Module):
        inside = base_of(model)
        for name in _VISION:
            if name not in vars(inside):
                register_fsdp_forward_method(model, name)
                setattr(inside, name, getattr(model, name))
