"""What a training process holds in memory, added up from a model's sizes and from what passes through it.

A step has three phases, and the largest of them is the peak: the vision tower runs, rollouts are written, and passes go
forward and backward. Weights, optimizer states and the videos' features are there in all of them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

from torch import Tensor, nn

from retroflip.models.features import RUN_BYTES, bytes_per_patch
from retroflip.models.lora import PROJECTORS
from retroflip.models.shared_cache import room_of
from retroflip.train.machine import GIB

LIBRARIES = 0.85 * GIB
"""before any model: Python with torch, transformers and TRL (839 MiB on a CPU); on a GPU CUDA's context in its place"""
BYTES = {"float32": 4, "bfloat16": 2}
FLOAT = 4
Vision: TypeAlias = Literal["frozen", "projector", "trained"]
DRAWING = 6
"""how many float32 copies of the next token's logits a draw makes: as computed, without forbidden tokens, scaled, the
noise of all rows and of those that go on, its logarithm"""
GATHERED = 2
"""blocks that are whole on a process beside its shards: the one that computes and the one that comes next"""


@dataclass(frozen=True)
class Shape:
    """A model's sizes: numbers, and bytes where it says so.

    block, outside: parameters of one block of the language model, and outside of all blocks (embedding and head above
    all). weight_bytes: of a weight; trained_bytes: of one that is trained, and of its gradient; compute_bytes: of what
    passes compute with. layer_bytes: what a block keeps of a token for the backward pass. cache_width: numbers that it
    keeps for the tokens behind. depth: blocks of the vision tower; patch_width, patch_bytes: a patch's numbers between
    them and what it takes in one; pixel_bytes: of its pixels; projector_bytes: what the projector keeps of it for the
    backward pass; feature_width: numbers that the language model gets of `merged` patches. vision: which part of the
    tower is trained.
    """

    parameters: int
    trained: int
    block: int
    outside: int
    weight_bytes: int
    trained_bytes: int
    compute_bytes: int
    layers: int
    width: int
    vocabulary: int
    layer_bytes: int
    cache_width: int
    depth: int
    patch_width: int
    patch_bytes: int
    pixel_bytes: int
    projector_bytes: int
    feature_width: int
    merged: int
    vision: Vision


@dataclass(frozen=True)
class Load:
    """What passes through one process in a step.

    branches: that it writes about, `at_once` together. prompt: tokens of each; patches: of each one's video. rollouts:
    of a branch at most, each of `longest` tokens. rows: branches (or records) of a backward pass, each of `tokens`, of
    which `scored` have a loss; `copied` is how many have their keys and values behind a copy of their prompt's.
    """

    branches: int
    at_once: int
    prompt: int
    patches: int
    rollouts: int
    longest: int
    rows: int
    tokens: int
    copied: int
    scored: int


@dataclass(frozen=True)
class Setting:
    """How a model is trained.

    reference: whether a copy of the start model is kept. processes: of the run; sharded: whether weights, gradients and
    optimizer are dealt out to them (FSDP2, ZeRO-3) instead of whole on each (DDP). tiled: whether the logits of a
    backward pass are computed tile by tile and forgotten, as on GPUs.
    """

    reference: bool
    checkpointing: bool
    processes: int = 1
    sharded: bool = False
    tiled: bool = False


def shape_of(model: Any, *, weights: str, compute: str, vision: Vision) -> Shape:
    """Return the sizes of a model that is ready to be trained; it may be without memory, and have adapters.

    weights, compute: types by name. vision: which part of the tower is trained.
    """
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    text, visual = base.config.get_text_config(), base.model.visual
    blocks = base.model.language_model.layers
    head = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    merged = visual.spatial_merge_size**2
    projectors = [part for name, part in visual.named_children() if name in PROJECTORS]
    trained = [one for one in model.parameters() if one.requires_grad]
    return Shape(
        parameters=_count(model),
        trained=sum(one.numel() for one in trained),
        block=_count(blocks[0]),
        outside=_count(model) - _count(blocks) - _count(visual.blocks),
        weight_bytes=BYTES[weights],
        trained_bytes=max((one.element_size() for one in trained), default=0),
        compute_bytes=BYTES[compute],
        layers=len(blocks),
        width=text.hidden_size,
        vocabulary=text.vocab_size,
        layer_bytes=layer_bytes(blocks[0], text, BYTES[weights], BYTES[compute]),
        cache_width=2 * text.num_key_value_heads * head,
        depth=len(visual.blocks),
        patch_width=next(visual.blocks[0].parameters()).shape[-1],
        patch_bytes=bytes_per_patch(visual),
        pixel_bytes=FLOAT * visual.patch_embed.proj.weight[0].numel(),
        projector_bytes=_linear(projectors) * BYTES[weights] // merged,
        feature_width=text.hidden_size * (1 + len(getattr(visual, "deepstack_merger_list", ()))),
        merged=merged,
        vision=vision,
    )


def layer_bytes(block: nn.Module, text: Any, weights: int, compute: int) -> int:
    """Return what a block of a language model keeps of one token for the backward pass.

    text: its configuration. weights, compute: bytes of a number. The inputs and outputs of its linear layers, in the
    type that passes compute in; in float32, each norm's input before and after scaling, and queries and keys, which are
    normalised or rotated; the inputs, outputs and gates of the experts that a token is sent to, in the weights' type.
    `tests/unit/test_memory.py` compares it with what PyTorch keeps.
    """
    norms = [one for one in block.modules() if type(one).__name__.endswith(("RMSNorm", "LayerNorm"))]
    whole = [one for one in norms if cast(Tensor, one.weight).numel() == text.hidden_size]
    head = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    rotated = int((text.num_attention_heads + text.num_key_value_heads) * head)
    experts: int = getattr(text, "num_experts_per_tok", 0) or 0
    sent = experts and experts * (2 * int(text.hidden_size) + 4 * int(text.moe_intermediate_size))
    normed = 2 * FLOAT * (len(whole) * int(text.hidden_size) + rotated)
    return compute * _linear([block]) + normed + weights * sent


def estimate(shape: Shape, load: Load, setting: Setting) -> dict[str, float]:
    """Return bytes of one process by purpose, and its peak."""
    standing, gradients = _standing(shape, setting), _gradients(shape, setting)
    features = load.branches * load.patches / shape.merged * shape.feature_width * shape.compute_bytes
    tower = _patches_at_once(shape, load) * (shape.patch_bytes + shape.pixel_bytes)
    rollouts = rollout_bytes(shape, load.prompt, load.rollouts, load.longest) * load.at_once
    backward = _backward(shape, load, setting)
    phases = (tower, rollouts, gradients + sum(backward.values()))
    return {
        **standing,
        "features": features,
        "vision_tower": tower,
        "rollouts": rollouts,
        "gradients": gradients,
        **backward,
        "peak": sum(standing.values()) + features + max(phases),
    }


def rollout_bytes(shape: Shape, prompt: int, rollouts: int, longest: int) -> int:
    """Return what the rollouts of one branch take: their cache, reading the prompt, drawing the next tokens."""
    cached = shape.layers * shape.cache_width * shape.compute_bytes * (prompt + rollouts * room_of(longest))
    drawn = DRAWING * FLOAT * rollouts * shape.vocabulary
    return (cached + prompt * shape.layer_bytes + drawn) if rollouts else 0


def _standing(shape: Shape, setting: Setting) -> dict[str, float]:
    shards = setting.processes if setting.sharded else 1
    gathered = shape.outside + GATHERED * shape.block
    weights = shape.parameters * shape.weight_bytes / shards
    # Autocast keeps a copy of every trained weight that it has seen; where weights are gathered block by block it keeps
    # none, but without checkpointing the backward pass holds them all.
    copied = min(shape.trained, gathered) if setting.sharded and setting.checkpointing else shape.trained
    return {
        "libraries": LIBRARIES,
        "weights": weights + (gathered * shape.weight_bytes if setting.sharded else 0),
        "reference_weights": weights if setting.reference else 0,
        "optimizer": 2 * shape.trained * shape.trained_bytes / shards,
        "weights_in_compute_type": copied * shape.compute_bytes
        if shape.compute_bytes < shape.weight_bytes
        else 0,
    }


def _gradients(shape: Shape, setting: Setting) -> float:
    """Return what gradients take: sharded, with those whole that are being computed; or whole, and in DDP's buckets."""
    if setting.sharded:
        whole = min(shape.outside + GATHERED * shape.block, shape.trained)
        return (shape.trained / setting.processes + whole) * shape.trained_bytes
    return shape.trained * shape.trained_bytes * (2 if setting.processes > 1 else 1)


def _backward(shape: Shape, load: Load, setting: Setting) -> dict[str, float]:
    tokens = load.rows * load.tokens
    cached = load.copied * shape.cache_width * shape.compute_bytes
    # As in a layer of the language model, norms' inputs and outputs, queries and keys are kept in float32.
    block = shape.patch_bytes + 2 * FLOAT * 4 * shape.patch_width
    if setting.checkpointing:
        kept = tokens * (shape.layers * shape.width * shape.weight_bytes + shape.layer_bytes) + cached
        blocks = shape.depth * shape.patch_width * shape.weight_bytes + block
    else:
        kept = shape.layers * (tokens * shape.layer_bytes + cached)
        blocks = shape.depth * block
    of_patch = {
        "frozen": 0,
        "projector": shape.projector_bytes,
        "trained": shape.projector_bytes + shape.pixel_bytes + blocks,
    }
    return {
        "activations": kept,
        "vision_activations": load.rows * load.patches * of_patch[shape.vision],
        # as computed, in float32, scaled, their logarithms and their gradient
        "logits": 0 if setting.tiled else 5 * FLOAT * load.rows * load.scored * shape.vocabulary,
    }


def _patches_at_once(shape: Shape, load: Load) -> int:
    fitting = max(RUN_BYTES // shape.patch_bytes, load.patches)
    return min(fitting, max(load.branches, load.rows) * load.patches)


def _linear(parts: Iterable[nn.Module]) -> int:
    """Return how many numbers go in and out of all linear layers for one token."""
    linear = [one for part in parts for one in part.modules() if isinstance(one, nn.Linear)]
    return sum(one.in_features + one.out_features for one in linear)


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
