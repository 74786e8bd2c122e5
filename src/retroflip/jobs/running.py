"""Running a recipe of either kind of training."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from retroflip.data.dataset import VideoDataset
from retroflip.errors import RetroflipError
from retroflip.jobs.cost import advice, branches_that_fit, example_of, look
from retroflip.jobs.recipes import AnyRecipe
from retroflip.models import processes
from retroflip.models.encoding import Encoder
from retroflip.progress import Progress
from retroflip.rl import train as rl
from retroflip.rl.generation import AtOnce
from retroflip.rl.recipe import RlRecipe
from retroflip.sft import train as sft
from retroflip.train import machine
from retroflip.train.failures import MEMORY_HINTS
from retroflip.train.memory import shape_of


def run(recipe: AnyRecipe, out: Path, *, resume: bool, progress: Progress) -> None:
    """Train what the recipe says in the directory `out`. Raises as `rl.train` and `sft.train` do."""
    if isinstance(recipe, RlRecipe):
        rl.train(recipe, out, resume=resume, progress=progress, room=rl.Room(what_fits, memory_hints))
    else:
        sft.train(recipe, out, resume=resume, progress=progress)


def what_fits(recipe: RlRecipe, model: Any, dataset: VideoDataset, encoder: Encoder) -> AtOnce:
    """Return how many branches' rollouts fit into this process's memory together."""
    types = {"weights": recipe.model.dtype, "compute": recipe.train.precision}
    shape = shape_of(model, **types, vision=recipe.model.vision)
    example = example_of(recipe, dataset, encoder)
    return branches_that_fit(recipe, shape, example, sharded=processes.share_weights())


def memory_hints(recipe: RlRecipe) -> str:
    """Return which settings take less memory, with those that would fit into the GPU where there is one."""
    if not torch.cuda.is_available():
        return MEMORY_HINTS
    devices = replace(machine.here(), devices=processes.count())
    try:
        example = look(recipe)[1]
    except RetroflipError:  # what is told is that memory ended, and not what cannot be read on the way
        return MEMORY_HINTS
    return f"{MEMORY_HINTS} {advice(recipe, example, devices)}"
