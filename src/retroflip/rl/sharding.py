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
    """Let the vision tower be run on its own, and the head's weight be read: FSDP2 gathers around `forward` alone.

    Where adapters wrap the model, it gathers for them and not for the model inside, whose tower is run. TRL's fused
    head multiplies by the head's weight without running it. Where that is not the embedding's (weights that are not
    tied), it would find its part of the weight, gather it itself and leave every process with the gradient of its own
    rows. Telling it once is enough: PyTorch would wrap the methods anew every time.
    """
    if not (isinstance(model, FSDPModule) and isinstance(model, nn.Module)):
        return
    inside = base_of(model)
    if all(name in vars(inside) for name in _VISION):
        return
    for name in _VISION:
        register_fsdp_forward_method(model, name)
        setattr(inside, name, getattr(model, name))
    head = inside.get_output_embeddings()
    if isinstance(head, FSDPModule):
        inside.base_model.register_forward_hook(lambda *_: _gather(head))


def _gather(head: FSDPModule) -> None:
    """Gather a head's weights; what its backward pass leaves is reduced and dealt out like all others'."""
    head.unshard()
