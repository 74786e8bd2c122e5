"""What a run will cost, told before it starts: counts that are exact, and an estimate of memory.

Nothing is trained and no weights are read; the model is built without memory for its parameters.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import yaml
from transformers import AutoModelForImageTextToText

from retroflip.data.dataset import VideoDataset
from retroflip.data.prompts import with_null_option
from retroflip.data.sample import Modality, Sample
from retroflip.errors import MediaError
from retroflip.models.encoding import Encoder
from retroflip.models.loading import describe_model
from retroflip.recipe import ModelSection, Recipe, RlRecipe, SftRecipe, recipe_from
from retroflip.rl.methods.base import Branch
from retroflip.rl.methods.registry import build
from retroflip.training import choose_trained, dataset_of, sight_of
from retroflip.video.transforms import Transform
from retroflip.video.views import Transformed

GIB = 2**30
LIBRARIES = 0.85 * GIB
"""Python with torch, transformers and TRL, before any model: 839 MiB resident, measured on CPU"""
ACTIVATION_BYTES = 17
"""per token, layer and unit of width, for each byte of the number type: Korthikanti et al. 2022 (arXiv:2205.05198,
equation 2 without its attention matrices) counts 34 bytes at two bytes a number"""
GPU_COUNTS = (1, 2, 4, 8, 16, 32)
"""the numbers of GPUs that memory is told for"""
BYTES = {"float32": 4, "bfloat16": 2}


@dataclass(frozen=True)
class Shape:
    """A model's size. parameters, trained: numbers; the rest: bytes of one number, and the language model's widths.

    weight_bytes: of a weight; trained_bytes: of one that is trained, and of its gradient; compute_bytes: of what
    passes compute with.
    """

    parameters: int
    trained: int
    weight_bytes: int
    trained_bytes: int
    compute_bytes: int
    layers: int
    width: int
    cache_width: int
    vocabulary: int


@dataclass(frozen=True)
class Load:
    """What one process holds. rollout_tokens: in the cache of rollouts that are written together. packed_tokens: read
    in one backward pass. copied_tokens: whose keys and values stand behind a copy of their prompt's there, prompts
    included. scored_tokens: those with a loss."""

    rollout_tokens: int
    packed_tokens: int
    copied_tokens: int
    scored_tokens: int


def cost(recipe: Recipe) -> dict[str, Any]:
    """Return what the recipe's run takes. Raises UsageError for the model, DataError and MediaError for the data."""
    sight = sight_of(recipe.model, recipe.data)
    dataset = dataset_of(recipe.data, sight.fits).dataset
    encoder = Encoder(sight.processor, recipe.prompt.system)
    shape = measure_model(recipe.model, recipe.train.precision)
    first = _first(recipe, dataset, encoder)
    memory = estimate_memory(shape, load_of(recipe, first, 1), **_choices(recipe))
    return {
        "samples": len(dataset),
        "videos": dataset.videos,
        "steps": recipe.train.steps,
        **_counts(recipe, first),
        "parameters": shape.parameters,
        "trained_parameters": shape.trained,
        "memory_estimate_gib": {name: round(value / GIB, 3) for name, value in memory.items()},
        "memory_per_gpu_gib": {
            f"{gpus} GPU{'s, weights sharded' if gpus > 1 else ''}": round(peak / GIB, 1)
            for gpus, peak in per_gpu(recipe, shape, first)
        },
    }


def measure_model(section: ModelSection, precision: str) -> Shape:
    """Return the size of a model, from its configuration alone."""
    config = describe_model(section.path, revision=section.revision)
    with torch.device("meta"):
        model: Any = AutoModelForImageTextToText.from_config(config)
        total = sum(parameter.numel() for parameter in model.parameters())
        chosen = choose_trained(model, section)
    trained = sum(parameter.numel() for parameter in chosen.parameters() if parameter.requires_grad)
    text = config.get_text_config()
    head = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    return Shape(
        parameters=total,
        trained=trained,
        weight_bytes=BYTES[section.dtype],
        trained_bytes=BYTES["float32" if section.lora else section.dtype],
        compute_bytes=BYTES[precision],
        layers=text.num_hidden_layers,
        width=text.hidden_size,
        cache_width=2 * text.num_key_value_heads * head,
        vocabulary=text.vocab_size,
    )


def estimate_memory(
    shape: Shape,
    load: Load,
    *,
    reference: bool,
    checkpointing: bool,
    shards: int = 1,
    tiled_logits: bool = False,
) -> dict[str, float]:
    """Return bytes of one process by purpose, and the peak: rollouts and the backward pass do not hold theirs at once.

    reference: whether a copy of the start model is kept. shards: processes that the weights, gradients and optimizer
    states are dealt out to (FSDP2, ZeRO-3), of which one layer at a time is whole. tiled_logits: whether logits are
    computed tile by tile and forgotten, as on GPUs. The vision tower's activations are not counted.
    """
    per_layer = shape.width * shape.compute_bytes * load.packed_tokens
    activations = ACTIVATION_BYTES * per_layer * (1 if checkpointing else shape.layers)
    if checkpointing:
        activations += per_layer * shape.layers
    whole_layer = shape.parameters / shape.layers * shape.weight_bytes if shards > 1 else 0
    copies = (
        shape.parameters / shards * shape.compute_bytes if shape.compute_bytes < shape.weight_bytes else 0
    )
    cached = shape.cache_width * shape.compute_bytes
    standing = {
        "libraries": LIBRARIES,
        "weights": shape.parameters * shape.weight_bytes / shards + whole_layer,
        "reference_weights": shape.parameters * shape.weight_bytes / shards if reference else 0,
        "gradients": shape.trained * shape.trained_bytes / shards,
        "optimizer": 2 * shape.trained * shape.trained_bytes / shards,
        "weights_in_compute_type": copies,
    }
    passing = {
        "rollout_cache": load.rollout_tokens * shape.layers * cached,
        "activations": activations,
        "copied_keys_and_values": load.copied_tokens * cached * (1 if checkpointing else shape.layers),
        # float32 logits of the scored tokens and their gradient
        "logits": 0 if tiled_logits else 2 * 4 * load.scored_tokens * shape.vocabulary,
    }
    backward = passing["activations"] + passing["copied_keys_and_values"] + passing["logits"]
    return {**standing, **passing, "peak": sum(standing.values()) + max(passing["rollout_cache"], backward)}


def per_gpu(recipe: Recipe, shape: Shape, first: "First") -> Iterator[tuple[int, float]]:
    """Yield (GPUs, bytes that each needs at its peak), with the weights sharded over more than one."""
    for gpus in GPU_COUNTS:
        load = load_of(recipe, first, gpus)
        memory = estimate_memory(shape, load, **_choices(recipe), shards=gpus, tiled_logits=True)
        yield gpus, memory["peak"]


def advice(recipe: Recipe, available: int) -> str:
    """Return, as the end of a message, which settings would fit into so many bytes on one device.

    Changes are tried alone and then one on top of the other, in the order in which they cost least.
    """
    sight = sight_of(recipe.model, recipe.data)
    encoder = Encoder(sight.processor, recipe.prompt.system)
    first = _first(recipe, dataset_of(recipe.data, sight.fits).dataset, encoder)
    fitting, together = [], recipe
    savings = _savings(recipe)
    for number, (setting, value) in enumerate(savings, start=1):
        if _peak(_with(recipe, setting, value), first) <= available:
            fitting.append(f"{setting}={value}")
        together = _with(together, setting, value)
        if not fitting and _peak(together, first) <= available:
            listed = ", ".join(f"{name}={chosen}" for name, chosen in savings[:number])
            return f"By the estimate of --dry-run, these together fit: {listed}."
    if fitting:
        return f"By the estimate of --dry-run, any of these fits: {'; '.join(fitting)}."
    listed = ", ".join(f"{name}={chosen}" for name, chosen in savings)
    return (
        f"By the estimate of --dry-run, not even {listed} together fit; data.frames and data.max_pixels make prompts "
        "shorter, and more GPUs can share the weights (docs/scale.md)."
    )


def _savings(recipe: Recipe) -> list[tuple[str, str]]:
    """Return settings that save memory and are not set yet, what costs least first, as they are typed."""
    train = recipe.train
    savings = []
    if isinstance(recipe, RlRecipe) and recipe.train.branches_at_once != 1:
        savings.append(("train.branches_at_once", "1"))
    whole = recipe.train.samples_per_step if isinstance(recipe, RlRecipe) else recipe.train.batch_size
    if train.gradient_accumulation != whole:
        savings.append(("train.gradient_accumulation", str(whole)))
    if not train.gradient_checkpointing:
        savings.append(("train.gradient_checkpointing", "true"))
    if train.precision == "float32":
        savings.append(("train.precision", "bfloat16"))
    if recipe.model.lora is None:
        savings.append(("model.lora", "{rank: 16, alpha: 32}"))
    return savings


def _with(recipe: Recipe, setting: str, value: str) -> Recipe:
    """Return the recipe with a setting replaced."""
    section, _, key = setting.partition(".")
    values = recipe.resolved()
    values[section] = {**values[section], key: yaml.safe_load(value)}
    return recipe_from(values)


def _peak(recipe: Recipe, first: "First") -> float:
    shape = measure_model(recipe.model, recipe.train.precision)
    memory = estimate_memory(shape, load_of(recipe, first, 1), **_choices(recipe), tiled_logits=True)
    return memory["peak"]


def _choices(recipe: Recipe) -> dict[str, bool]:
    copied = isinstance(recipe, RlRecipe) and recipe.train.beta > 0 and recipe.model.lora is None
    return {"reference": copied, "checkpointing": recipe.train.gradient_checkpointing}


@dataclass(frozen=True)
class First:
    """The first sample that works, which stands for all: its prompt's tokens, its branches (RL) or answer (SFT)."""

    prompt: int
    branches: tuple[Branch, ...] = ()
    answer: int = 0


def load_of(recipe: Recipe, first: First, processes: int) -> Load:
    """Return what one of so many processes holds."""
    if isinstance(recipe, SftRecipe):
        row = first.prompt + first.answer
        rows = -(-recipe.train.micro_batch // processes)
        return Load(0, packed_tokens=rows * row, copied_tokens=0, scored_tokens=rows * first.answer)
    train, longest = recipe.train, recipe.train.max_completion_length
    samples = train.samples_per_step / processes
    trained = [branch.rollouts for branch in first.branches if branch.trained]
    here = math.ceil(samples * len(first.branches))
    most = max(branch.rollouts for branch in first.branches)
    rows = math.ceil(math.ceil(samples * len(trained)) / train.gradient_accumulation)
    return Load(
        # A prompt is kept once; what its rollouts write grows in steps of its own length, to twice of it at most.
        rollout_tokens=min(here, train.branches_at_once or here) * (first.prompt + 2 * most * longest),
        packed_tokens=rows * (first.prompt + max(trained) * longest),
        copied_tokens=rows * max(trained) * (first.prompt + longest),
        scored_tokens=rows * max(trained) * longest,
    )


def _counts(recipe: Recipe, first: First) -> dict[str, Any]:
    if isinstance(recipe, SftRecipe):
        return {
            "records_per_step": recipe.train.batch_size,
            "prompt_tokens_of_first_sample": first.prompt,
            "answer_tokens_of_first_sample": first.answer,
        }
    train = recipe.train
    rollouts = sum(branch.rollouts for branch in first.branches)
    return {
        "branches": ", ".join(_described(branch) for branch in first.branches),
        "rollouts_per_step": train.samples_per_step * rollouts,
        "prompt_tokens_of_first_sample": first.prompt,
        "completion_tokens_at_most": train.steps
        * train.samples_per_step
        * rollouts
        * train.max_completion_length,
    }


def _described(branch: Branch) -> str:
    return f"{branch.name} x {branch.rollouts}{'' if branch.trained else ' (not trained)'}"


def _first(recipe: Recipe, dataset: VideoDataset, encoder: Encoder) -> First:
    """Look at the first sample whose video works; a run leaves out those that fail."""
    sample = next((sample for sample in dataset if _loads(dataset, sample)), dataset.samples[0])
    method = build(recipe.method) if isinstance(recipe, RlRecipe) else None
    null_option = (
        recipe.prompt.null_option if isinstance(recipe, SftRecipe) else method and method.null_option
    )
    asked = with_null_option(sample) if null_option else sample
    frames = dataset.load(sample)
    if frames is not None and sample.modality is Modality.VIDEO:
        frames = Transformed(Transform.IDENTITY).apply(frames, dataset.frames, np.random.default_rng(0), None)
    prompt = len(encoder.encode(asked, frames).input_ids_L)
    if method is None:
        return First(prompt, answer=len(encoder.tokenizer(sample.trace or "")["input_ids"]) + 1)
    return First(prompt, branches=method.branches(asked, np.random.default_rng(0)))


def _loads(dataset: VideoDataset, sample: Sample) -> bool:
    try:
        dataset.load(sample)
    except MediaError:
        return False
    return True
