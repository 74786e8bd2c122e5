"""Low-rank adapters (LoRA: Hu et al. 2021, arXiv:2106.09685): a few trained numbers beside weights that stay.

Each adapted linear layer computes W x + (alpha / rank) B A x, with B zero at the start, so that training starts from
the model itself. The model without its adapters stays at hand (`disable_adapter`), its first projector included: a
trained projector is a copy beside that one.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import Tensor, nn

from retroflip.errors import UsageError

PROJECTORS = ("merger", "deepstack_merger_list")
"""the modules of a vision tower that make the language model's tokens out of its features"""


class LoraSettings(Protocol):
    """What a recipe says of adapters: their inner width, what they are multiplied by times it, where they stand."""

    @property
    def rank(self) -> int: ...
    @property
    def alpha(self) -> int: ...
    @property
    def dropout(self) -> float: ...
    @property
    def targets(self) -> Sequence[str]: ...


def add_adapters(
    model: Any, lora: LoraSettings, *, vision: str, revision: str | None = None, seed: int
) -> PeftModel:
    """Return the model with adapters, and gradients on them alone and on a float32 copy of the projector if trained.

    The language model's layers that `lora.targets` names are adapted. `vision: projector` trains the whole projector
    too, and `vision: trained` the projector and adapters on every linear layer of the vision tower's blocks. What is
    trained is float32, whatever the type of the weights. revision: of the model's weights. seed: of the adapters'
    start; no other random choice moves.

    Raises UsageError where a target is not a linear layer of the language model.
    """
    patterns = [_within(r"language_model\.layers", _checked(model, lora.targets))]
    if vision == "trained":
        patterns.append(_within(r"visual\.blocks", _linear_layers(model.model.visual.blocks)))
    config = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules="|".join(patterns),
        modules_to_save=None if vision == "frozen" else _projectors(model.model.visual),
        revision=revision,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        adapted = get_peft_model(model, config)
    for parameter in adapted.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    return adapted


def base_of(model: Any) -> Any:
    """Return the model that adapters, if there are any, were put into."""
    return model.get_base_model() if isinstance(model, PeftModel) else model


def merged(model: PeftModel, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights of the model without adapters that computes what this one does, by their names in it.

    state: the weights of `model`, which may be spread over processes itself. Nothing of either is changed.
    """
    adapter = model.active_adapter
    config = cast(LoraConfig, model.peft_config[adapter])
    scale = config.lora_alpha / config.r
    weights = {}
    for full_name, values in state.items():
        name = full_name.removeprefix("base_model.model.")
        copy_of_another = ".modules_to_save." in name and f".modules_to_save.{adapter}." not in name
        if ".lora_" in name or ".original_module." in name or copy_of_another:
            continue
        if name.endswith(".base_layer.weight"):
            layer = full_name.removesuffix(".base_layer.weight")
            down, up = (state[f"{layer}.lora_{half}.{adapter}.weight"] for half in "AB")
            values = (values + (up @ down) * scale).to(values.dtype).cpu()
        weights[name.replace(".base_layer.", ".").replace(f".modules_to_save.{adapter}.", ".")] = values
    return weights


def _within(place: str, layers: Sequence[str]) -> str:
    return rf"(?:.*\.)?{place}\..*\.(?:{'|'.join(re.escape(name) for name in layers)})"


def _checked(model: Any, targets: Sequence[str]) -> Sequence[str]:
    known = _linear_layers(model.model.language_model.layers)
    unknown = [name for name in targets if name not in known]
    if unknown:
        raise UsageError(
            f"model.lora.targets names {', '.join(unknown)}, and the blocks of this model's language model have no "
            f"such linear layer: choose among {', '.join(known)}."
        )
    return targets


def _linear_layers(blocks: nn.Module) -> list[str]:
    """Return the last parts of the names of the linear layers in some blocks."""
    names = (name.rpartition(".")[2] for name, part in blocks.named_modules() if isinstance(part, nn.Linear))
    return list(dict.fromkeys(names))


def _projectors(visual: nn.Module) -> list[str]:
    """Return the projector's modules by name; a list of them cannot be copied as one."""
    found = [name for name, _ in visual.named_modules() if name.split(".")[0] in PROJECTORS]
    whole = [name for name in found if not isinstance(visual.get_submodule(name), nn.ModuleList)]
    return [f"visual.{name}" for name in whole if name.rpartition(".")[0] not in whole]
