"""What a run will cost at most, told before it starts: counts, an estimate of memory, and whether it fits.

Nothing is trained and no weights are read; the model is built without memory for its parameters.
"""

import math
import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch
import yaml
from transformers import AutoModelForImageTextToText

from retroflip.data.dataset import VideoDataset
from retroflip.data.prompts import with_null_option
from retroflip.data.sample import Sample
from retroflip.errors import RecipeError
from retroflip.jobs.recipes import AnyRecipe, recipe_from
from retroflip.models import processes
from retroflip.models.encoding import Encoder, Prompt
from retroflip.models.loading import DTYPES, describe_model
from retroflip.models.vision_counter import patches_of
from retroflip.recipes.schema import ModelSection
from retroflip.rl.methods.base import Branch
from retroflip.rl.methods.registry import build
from retroflip.rl.recipe import RlRecipe
from retroflip.sft.recipe import SftRecipe
from retroflip.train import machine
from retroflip.train.datasets import dataset_of
from retroflip.train.loop import choose_trained, sight_of
from retroflip.train.machine import GIB, Machine
from retroflip.train.memory import Load, Setting, Shape, estimate, rollout_bytes, shape_of
from retroflip.video.transforms import Transform
from retroflip.video.views import Transformed

GPU_COUNTS = (1, 2, 4, 8, 16, 32)
"""the numbers of GPUs that memory is told for"""
LOOKED_AT = 8
"""samples whose prompts are encoded; the longest is what memory is told for"""
WHOLE = "recipes/accelerate/ddp.yaml"
SHARDED = "recipes/accelerate/fsdp2.yaml"


class Plan(NamedTuple):
    """A way to run on a machine, and what each process holds then, by purpose."""

    setting: Setting
    load: Load
    memory: dict[str, float]

    @property
    def peak(self) -> float:
        """Bytes of a process at most."""
        return self.memory["peak"]


def cost(recipe: AnyRecipe, target: Machine) -> dict[str, Any]:
    """Return what the recipe's run takes, and as `verdict` whether it fits the target.

    Raises UsageError for the model, DataError and MediaError for the data.
    """
    dataset, example = look(recipe)
    _require_context(recipe, example)
    shape = measure_model(recipe.model, recipe.train.precision)
    plan = best_plan(recipe, shape, example, target)
    return {
        "samples": len(dataset),
        "videos": dataset.videos,
        "sampler": str(recipe.data.sampling),
        "steps": recipe.train.steps,
        **_counts(recipe, example),
        "parameters": shape.parameters,
        "trained_parameters": shape.trained,
        **({"branches_at_once": plan.load.at_once} if isinstance(recipe, RlRecipe) else {}),
        "memory_estimate_gib": {name: round(value / GIB, 3) for name, value in plan.memory.items()},
        "least_memory_per_gpu_gib": {
            f"{gpus} GPU{'s' if gpus > 1 else ''}{', weights sharded' if one.setting.sharded else ''}": round(
                one.peak / GIB, 1
            )
            for gpus, one in _per_gpu(recipe, shape, example)
        },
        "verdict": verdict(recipe, example, target, plan),
        **({"remark": recipe.remark} if isinstance(recipe, RlRecipe) and recipe.remark else {}),
    }


def _require_context(recipe: AnyRecipe, example: "Example") -> None:
    """Raise RecipeError where a prompt and its completion are longer than what the engine was told."""
    engine = recipe.train.engine if isinstance(recipe, RlRecipe) else None
    if engine is None or not isinstance(recipe, RlRecipe):
        return
    needed = example.prompt + recipe.train.max_completion_length
    if engine.context < needed:
        raise RecipeError(
            f"train.engine.context is {engine.context}, and a prompt of {example.prompt} tokens with a completion "
            f"of {recipe.train.max_completion_length} (train.max_completion_length) are {needed}: set "
            f"train.engine.context to {needed} or more, or shorten one of the two."
        )


@cache
def measure_model(section: ModelSection, precision: str) -> Shape:
    """Return the size of a model, from its configuration alone."""
    config = describe_model(section.path, revision=section.revision)
    with torch.device("meta"):
        model: Any = AutoModelForImageTextToText.from_config(config, dtype=DTYPES[section.dtype])
        chosen = choose_trained(model, section)
    return shape_of(chosen, weights=section.dtype, compute=precision, vision=section.vision)


def plans(recipe: AnyRecipe, shape: Shape, example: "Example", target: Machine) -> list[Plan]:
    """Return the ways to run on a machine, the simplest first: whole weights on every device, or shards of them."""
    sharded = [False] if target.devices == 1 or recipe.model.lora else [False, True]
    return [_plan(recipe, shape, example, target, sharded=one) for one in sharded]


def best_plan(recipe: AnyRecipe, shape: Shape, example: "Example", target: Machine) -> Plan:
    """Return the simplest way that fits, or else the one that needs least."""
    ways = plans(recipe, shape, example, target)
    return next((plan for plan in ways if fits(plan, recipe, target)), min(ways, key=lambda plan: plan.peak))


def fits(plan: Plan, recipe: AnyRecipe, target: Machine) -> bool:
    """Return whether a plan leaves room for all else that a device holds."""
    return plan.peak <= _room(recipe, target)


def _room(recipe: AnyRecipe, target: Machine) -> float:
    """Return how many bytes of a device are the run's: not those of a vLLM engine beside it."""
    engine = recipe.train.engine if isinstance(recipe, RlRecipe) else None
    return target.usable - (engine.memory * target.bytes if engine and engine.server is None else 0)


def _plan(recipe: AnyRecipe, shape: Shape, example: "Example", target: Machine, *, sharded: bool) -> Plan:
    copied = isinstance(recipe, RlRecipe) and recipe.train.beta > 0 and recipe.model.lora is None
    setting = Setting(
        reference=copied,
        checkpointing=recipe.train.gradient_checkpointing,
        processes=target.devices,
        sharded=sharded,
        tiled=target.gpus or isinstance(recipe, SftRecipe),
    )
    load = load_of(recipe, example, target.devices)
    if isinstance(recipe, RlRecipe) and recipe.train.branches_at_once is None:
        room = rollout_room(shape, load, setting, _room(recipe, target))
        each = rollout_bytes(shape, load.prompt, load.rollouts, load.longest)
        load = replace(load, at_once=_branches(room, each, load.branches))
    return Plan(setting, load, estimate(shape, load, setting))


def rollout_room(shape: Shape, load: Load, setting: Setting, room: float) -> float:
    """Return how many of a process's bytes rollouts may take, beside what is there while they are written."""
    alone = estimate(shape, replace(load, at_once=0, rows=0), setting)
    return room - (alone["peak"] - max(alone["vision_tower"], alone["gradients"]))


def _branches(room: float, each: float, branches: int) -> int:
    return max(1, min(branches, int(room // each))) if each else branches


def branches_that_fit(
    recipe: RlRecipe, shape: Shape, example: "Example", *, sharded: bool
) -> Callable[[int, int], int]:
    """Return, for a process of a run on this machine, how many branches' rollouts fit into its memory together.

    It is asked with the tokens of the longest prompt and the rollouts of a branch. An answer of 1 may not fit either.
    """
    target = machine.here()
    if not target.gpus:
        sharing = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
        target = replace(target, bytes=target.bytes // sharing)
    target = replace(target, devices=processes.count())
    plan = _plan(recipe, shape, example, target, sharded=sharded)
    room = rollout_room(shape, plan.load, plan.setting, _room(recipe, target))
    longest = recipe.train.max_completion_length

    def at_once(prompt: int, rollouts: int) -> int:
        return _branches(room, rollout_bytes(shape, prompt, rollouts, longest), plan.load.branches)

    return at_once


def _per_gpu(recipe: AnyRecipe, shape: Shape, example: "Example") -> Iterator[tuple[int, Plan]]:
    """Yield (GPUs, plan that needs least) for several numbers of GPUs, with one branch written at a time."""
    for gpus in GPU_COUNTS:
        yield gpus, min(plans(recipe, shape, example, Machine(gpus, 0)), key=lambda plan: plan.peak)


def verdict(recipe: AnyRecipe, example: "Example", target: Machine, plan: Plan) -> str:
    """Return in a sentence or two whether a run fits a machine, and how, or which settings would make it fit."""
    needed, whole = plan.peak / GIB, target.bytes / GIB
    if not fits(plan, recipe, target):
        room = f"{_room(recipe, target) / GIB:.1f} of {whole:.1f} GiB"
        return f"does not fit {target}: it needs {needed:.1f} GiB, and {room} can be planned with. " + advice(
            recipe, example, target
        )
    if target.devices == 1:
        return f"fits {target}: {needed:.1f} of {whole:.1f} GiB."
    how, config = ("sharded", SHARDED) if plan.setting.sharded else ("whole on each", WHOLE)
    launch = f"accelerate launch --config_file {config}"
    return f"fits {target}: {needed:.1f} of {whole:.1f} GiB on each, weights {how} ({launch})."


def advice(recipe: AnyRecipe, example: "Example", target: Machine) -> str:
    """Return which settings would make a run fit a machine.

    Changes are tried alone and then one on top of the other, in the order in which they cost least.
    """
    fitting, together = [], recipe
    savings = _savings(recipe)
    for number, (setting, value) in enumerate(savings, start=1):
        # Weights in bfloat16 are too coarse to be trained themselves, so they come on top of adapters alone.
        if setting != "model.dtype" and _fits(_with(recipe, setting, value), example, target):
            fitting.append((setting, value))
        together = _with(together, setting, value)
        if not fitting and _fits(together, example, target):
            return f"These settings would, together: {_typed(savings[:number], ' ')}."
    if fitting:
        return f"{'Each of these settings' if len(fitting) > 1 else 'This setting'} would: {_typed(fitting, '; ')}."
    more = next((n for n in GPU_COUNTS if n > target.devices and _fits_on(n, recipe, example, target)), None)
    shorter = "shorter prompts (data.frames, data.max_pixels)"
    if isinstance(recipe, RlRecipe):
        shorter += " and answers (train.max_completion_length)"
    larger = f"{more} GPUs of that size would; so may {shorter}" if more else f"S{shorter[1:]} may"
    alone = f"Not even {_typed(savings, ' ')} would. " if savings else ""
    return f"{alone}{larger}; see docs/scale.md."


def _typed(savings: list[tuple[str, str]], between: str) -> str:
    """Return settings as a shell takes them."""
    return between.join(shlex.quote(f"{name}={chosen}") for name, chosen in savings)


def _fits_on(devices: int, recipe: AnyRecipe, example: "Example", target: Machine) -> bool:
    return target.gpus and _fits(recipe, example, replace(target, devices=devices))


def _fits(recipe: AnyRecipe, example: "Example", target: Machine) -> bool:
    shape = measure_model(recipe.model, recipe.train.precision)
    return fits(best_plan(recipe, shape, example, target), recipe, target)


def _savings(recipe: AnyRecipe) -> list[tuple[str, str]]:
    """Return settings that save memory and are not set yet, what costs least first, as they are typed."""
    train = recipe.train
    savings = []
    if isinstance(recipe, RlRecipe) and recipe.train.branches_at_once is not None:
        savings.append(("train.branches_at_once", "null"))
    whole = recipe.train.samples_per_step if isinstance(recipe, RlRecipe) else recipe.train.batch_size
    if train.gradient_accumulation != whole:
        savings.append(("train.gradient_accumulation", str(whole)))
    if not train.gradient_checkpointing:
        savings.append(("train.gradient_checkpointing", "true"))
    if train.precision == "float32":
        savings.append(("train.precision", "bfloat16"))
    if recipe.model.lora is None:
        savings.append(("model.lora", "{rank: 16, alpha: 32}"))
    if recipe.model.dtype == "float32":
        savings.append(("model.dtype", "bfloat16"))
    return savings


def _with(recipe: AnyRecipe, setting: str, value: str) -> AnyRecipe:
    """Return the recipe with a setting replaced."""
    section, _, key = setting.partition(".")
    values = recipe.resolved()
    values[section] = {**values[section], key: yaml.safe_load(value)}
    return recipe_from(values)


@dataclass(frozen=True)
class Example:
    """What stands for all samples: of a few, the tokens of the longest prompt, the most patches and the longest answer
    (SFT); of all, the branches of the question with the most rollouts (RL)."""

    prompt: int
    patches: int = 0
    branches: tuple[Branch, ...] = ()
    answer: int = 0


def load_of(recipe: AnyRecipe, example: Example, processes: int) -> Load:
    """Return what passes through one of so many processes."""
    if isinstance(recipe, SftRecipe):
        row = example.prompt + example.answer
        rows = math.ceil(recipe.train.batch_size / (recipe.train.gradient_accumulation * processes))
        return Load(
            0, 0, example.prompt, example.patches, 0, 0, rows, tokens=row, copied=0, scored=example.answer
        )
    train, longest = recipe.train, recipe.train.max_completion_length
    samples = train.samples_per_step / processes
    trained = [branch.rollouts for branch in example.branches if branch.trained]
    here = math.ceil(samples * len(example.branches))
    rows = math.ceil(math.ceil(samples * len(trained)) / train.gradient_accumulation)
    return Load(
        branches=here,
        at_once=min(here, train.branches_at_once or here),
        prompt=example.prompt,
        patches=example.patches,
        rollouts=0 if train.engine else max(branch.rollouts for branch in example.branches),
        longest=longest,
        rows=rows,
        tokens=example.prompt + max(trained) * longest,
        copied=rows * max(trained) * (example.prompt + longest),
        scored=max(trained) * longest,
    )


def _counts(recipe: AnyRecipe, example: Example) -> dict[str, Any]:
    if isinstance(recipe, SftRecipe):
        return {
            "records_per_step": recipe.train.batch_size,
            "prompt_tokens_of_longest_seen": example.prompt,
            "answer_tokens_of_longest_seen": example.answer,
        }
    train = recipe.train
    rollouts = sum(branch.rollouts for branch in example.branches)
    return {
        "branches": ", ".join(_described(branch) for branch in example.branches),
        "rollouts_per_step_at_most": train.samples_per_step * rollouts,
        "prompt_tokens_of_longest_seen": example.prompt,
        "completion_tokens_at_most": train.steps
        * train.samples_per_step
        * rollouts
        * train.max_completion_length,
    }


def _described(branch: Branch) -> str:
    return f"{branch.name} x {branch.rollouts}{'' if branch.trained else ' (not trained)'}"


def look(recipe: AnyRecipe) -> tuple[VideoDataset, Example]:
    """Return a recipe's data, and the example that stands for it. Raises as `example_of` does."""
    sight = sight_of(recipe.model, recipe.data)
    dataset = dataset_of(recipe.data, sight.fits).dataset
    return dataset, example_of(recipe, dataset, Encoder(sight.processor, recipe.prompt.system))


def example_of(recipe: AnyRecipe, dataset: VideoDataset, encoder: Encoder) -> Example:
    """Return what stands for all samples; prompts are those of LOOKED_AT from all over the data whose files work.

    Raises MediaError where none does.
    """
    indices = np.linspace(0, len(dataset) - 1, min(LOOKED_AT, len(dataset))).round()
    working = dataset.working([dataset.samples[int(index)] for index in indices])
    prompts = [prompt_of(recipe, dataset, encoder, sample) for sample in working]
    return Example(
        prompt=max(len(prompt.input_ids_L) for prompt in prompts),
        patches=max(patches_of([prompt]) for prompt in prompts),
        branches=_most_branches(recipe, dataset.examples) if isinstance(recipe, RlRecipe) else (),
        answer=max(len(encoder.response_ids(sample.trace or "")) for sample in working),
    )


def prompt_of(recipe: AnyRecipe, dataset: VideoDataset, encoder: Encoder, sample: Sample) -> Prompt:
    """Return what the model reads of a sample. Raises MediaError where its files do not work."""
    view = Transformed(Transform.IDENTITY)
    seen = [
        view.apply(pool, dataset.frames, np.random.default_rng(0), None) for pool in dataset.load_all(sample)
    ]
    return encoder.encode(with_null_option(sample) if recipe.null_option else sample, seen)


def _most_branches(recipe: RlRecipe, samples: Sequence[Sample]) -> tuple[Branch, ...]:
    """Return the branches of the question on which most is written."""
    method, rng = build(recipe.method), np.random.default_rng(0)
    asked = (with_null_option(one) if recipe.null_option else one for one in samples)
    found = (method.branches(one, rng) for one in asked)
    return max(found, key=lambda branches: sum(branch.rollouts for branch in branches))
