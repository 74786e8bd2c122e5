"""What a model whose weights are sharded over processes has to be told."""

from typing import Any

from torch import nn
from torch.distributed.fsdp import FSDPModule, register_fsdp_forward_method

from retroflip.models.lora import base_of

_VISION = ("get_video_features", "get_image_features")


def tell_shards(model: Any) -> None:
    """Tell FSDP2 and DeepSpeed what they cannot see of a model: how its tower is run, and which weights it reads."""
    _tell_fsdp(model)
    _tell_deepspeed(model)


def _tell_deepspeed(model: nn.Module) -> None:
    """Name the weights that a module reads of another one without running it.

    GLM-4V interpolates the weights of its position embedding. DeepSpeed (ZeRO-3) gathers weights for the module that is
    run, and would leave these empty.
    """
    for module in model.modules():
        table = getattr(module, "position_embedding", None)
        if isinstance(table, nn.Embedding) and hasattr(table.weight, "ds_id"):
            from deepspeed import zero

            zero.register_external_parameter(module, table.weight)


def _tell_fsdp(model: Any) -> None:
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
