"""What a run will cost, told before it starts: counts that are exact, and an estimate of memory.

Nothing is trained and no weights are read; the model is built without memory for its parameters.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForImageTextToText

from retroflip.data.dataset import VideoDataset
from retroflip.data.manifest import manifest_beside
from retroflip.data.prompts import with_null_option
from retroflip.data.records import read_samples
from retroflip.data.sample import Sample
from retroflip.errors import VideoError
from retroflip.models.encoding import Encoder
from retroflip.models.loading import load_processor, locate
from retroflip.recipe import ModelSection, Recipe, RlRecipe, SftRecipe
from retroflip.rl.methods.base import Branch
from retroflip.rl.methods.registry import build
from retroflip.training import vision_part_trains

GIB = 2**30
LIBRARIES = 0.85 * GIB
"""Python with torch, transformers and TRL, before any model: 839 MiB resident, measured on CPU"""
ACTIVATION_BYTES = 17
"""per token, layer and unit of width, for each byte of the number type: Korthikanti et al. 2022 (arXiv:2205.05198,
equation 2 without its attention matrices) counts 34 bytes at two bytes a number"""


@dataclass(frozen=True)
class Shape:
    """A model's size. parameters, trained: numbers; bytes_each: of one number; the rest: the language model's."""

    parameters: int
    trained: int
    bytes_each: int
    layers: int
    width: int
    cache_width: int
    vocabulary: int


@dataclass(frozen=True)
class Load:
    """What one backward pass holds: rollout_tokens: in the cache of a step's rollouts. packed_tokens: read at once.
    scored_tokens: those with a loss."""

    rollout_tokens: int
    packed_tokens: int
    scored_tokens: int


def cost(recipe: Recipe) -> dict[str, Any]:
    """Return what the recipe's run takes. Raises UsageError for the model, DataError and VideoError for the data."""
    section = recipe.data
    dataset = VideoDataset(
        samples=read_samples(section.records_file)[: section.limit],
        root=section.root_folder,
        manifest=manifest_beside(section.root_folder),
        frames=section.frames,
        max_side=section.max_side,
    )
    encoder = Encoder(load_processor(recipe.model.path, revision=recipe.model.revision), recipe.prompt.system)
    shape = measure_model(recipe.model)
    counts = {
        "samples": len(dataset),
        "videos": len({sample.video for sample in dataset}),
        "steps": recipe.train.steps,
    }
    own, load = (
        _rl(recipe, dataset, encoder) if isinstance(recipe, RlRecipe) else _sft(recipe, dataset, encoder)
    )
    reference = isinstance(recipe, RlRecipe) and recipe.train.beta > 0
    memory = estimate_memory(
        shape, load, reference=reference, checkpointing=recipe.train.gradient_checkpointing
    )
    return {
        **counts,
        **own,
        "parameters": shape.parameters,
        "trained_parameters": shape.trained,
        "memory_estimate_gib": {name: round(value / GIB, 3) for name, value in memory.items()},
    }


def measure_model(section: ModelSection) -> Shape:
    """Return the size of a model, from its configuration alone."""
    config = AutoConfig.from_pretrained(
        locate(section.path), revision=section.revision or "main", trust_remote_code=False
    )
    with torch.device("meta"):
        model: Any = AutoModelForImageTextToText.from_config(config)
    still = sum(
        parameter.numel()
        for name, parameter in model.model.visual.named_parameters()
        if not vision_part_trains(name, section.vision)
    )
    total = sum(parameter.numel() for parameter in model.parameters())
    text = config.get_text_config()
    head = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    return Shape(
        parameters=total,
        trained=total - still,
        bytes_each={"float32": 4, "bfloat16": 2}[section.dtype],
        layers=text.num_hidden_layers,
        width=text.hidden_size,
        cache_width=2 * text.num_key_value_heads * head,
        vocabulary=text.vocab_size,
    )


def estimate_memory(shape: Shape, load: Load, *, reference: bool, checkpointing: bool) -> dict[str, float]:
    """Return bytes by purpose, and the peak: rollouts and the backward pass do not hold theirs at the same time.

    reference: whether a copy of the start model is kept. The vision tower's activations are not counted.
    """
    per_layer = shape.width * shape.bytes_each * load.packed_tokens
    activations = ACTIVATION_BYTES * per_layer * (1 if checkpointing else shape.layers)
    if checkpointing:
        activations += per_layer * shape.layers
    standing = {
        "libraries": LIBRARIES,
        "weights": shape.parameters * shape.bytes_each,
        "reference_weights": shape.parameters * shape.bytes_each if reference else 0,
        "gradients": shape.trained * shape.bytes_each,
        "optimizer": 2 * shape.trained * shape.bytes_each,
    }
    passing = {
        "rollout_cache": load.rollout_tokens * shape.layers * shape.cache_width * shape.bytes_each,
        "activations": activations,
        # float32 logits of the scored tokens and their gradient
        "logits": 2 * 4 * load.scored_tokens * shape.vocabulary,
    }
    backward = passing["activations"] + passing["logits"]
    return {**standing, **passing, "peak": sum(standing.values()) + max(passing["rollout_cache"], backward)}


def _rl(recipe: RlRecipe, dataset: VideoDataset, encoder: Encoder) -> tuple[dict[str, Any], Load]:
    method = build(recipe.method)
    sample, prompt = _first_prompt(dataset, encoder, null_option=method.null_option)
    branches = method.branches(sample, np.random.default_rng(0))
    rollouts = sum(branch.rollouts for branch in branches)
    train, longest = recipe.train, recipe.train.max_completion_length
    counts = {
        "branches": ", ".join(_described(branch) for branch in branches),
        "rollouts_per_step": train.samples_per_step * rollouts,
        "prompt_tokens_of_first_sample": prompt,
        "completion_tokens_at_most": train.steps * train.samples_per_step * rollouts * longest,
    }
    trained = [branch.rollouts for branch in branches if branch.trained]
    load = Load(
        rollout_tokens=train.samples_per_step * rollouts * (prompt + longest),
        packed_tokens=train.micro_batch * sum(prompt + count * longest for count in trained),
        scored_tokens=train.micro_batch * sum(count * longest for count in trained),
    )
    return counts, load


def _sft(recipe: SftRecipe, dataset: VideoDataset, encoder: Encoder) -> tuple[dict[str, Any], Load]:
    sample, prompt = _first_prompt(dataset, encoder, null_option=recipe.prompt.null_option)
    answer = len(encoder.tokenizer(sample.trace or "")["input_ids"]) + 1
    counts = {
        "records_per_step": recipe.train.batch_size,
        "prompt_tokens_of_first_sample": prompt,
        "answer_tokens_of_first_sample": answer,
    }
    rows = recipe.train.micro_batch
    return counts, Load(0, packed_tokens=rows * (prompt + answer), scored_tokens=rows * answer)


def _described(branch: Branch) -> str:
    return f"{branch.name} x {branch.rollouts}{'' if branch.trained else ' (not trained)'}"


def _first_prompt(dataset: VideoDataset, encoder: Encoder, *, null_option: bool) -> tuple[Sample, int]:
    """Return the first sample whose video works, and the tokens of its prompt; a run leaves out those that fail."""
    sample = next((sample for sample in dataset if _loads(dataset, sample)), dataset.samples[0])
    asked = with_null_option(sample) if null_option else sample
    return asked, len(encoder.encode(asked, dataset.load(sample)).input_ids_L)


def _loads(dataset: VideoDataset, sample: Sample) -> bool:
    try:
        dataset.load(sample)
    except VideoError:
        return False
    return True
