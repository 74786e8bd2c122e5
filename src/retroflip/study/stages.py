"""The stages of a laboratory, which the demo and the studies string together: supervised start, RL, evaluation.

Each is an ordinary run of a recipe under `recipes/tiny`, in a directory of its own; what is there already is used again
if it is what would be made, and a killed run goes on where it stopped.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias, TypeVar

from retroflip.bench.asking import Asking
from retroflip.bench.generate import generate
from retroflip.bench.records import Control
from retroflip.bench.score import score_run
from retroflip.data.dataset import VideoDataset
from retroflip.data.manifest import read_manifest
from retroflip.data.sample import Sample
from retroflip.inference.base import Sampling
from retroflip.inference.registry import load_engine
from retroflip.jobs import running
from retroflip.jobs.recipes import AnyRecipe, load_recipe
from retroflip.lab.laboratory import Laboratory, LabSettings
from retroflip.progress import Progress
from retroflip.recipes.shipped import recipe_file
from retroflip.rl.recipe import RlRecipe
from retroflip.sft.recipe import SftRecipe
from retroflip.train.conditions import chosen, read_trained
from retroflip.train.run_directory import RunDirectory

FRAMES = 8
MAX_TOKENS = 80
BATCH = 64

Settings: TypeAlias = Mapping[str, Any]
"""settings of a recipe by dotted key, as JSON values or paths"""


class Trained(NamedTuple):
    """A trained model's folder, and whether it was made just now."""

    model: Path
    fresh: bool


@dataclass(frozen=True)
class Size:
    """How much of everything is done."""

    sft_samples: int
    train_samples: int
    pairs_per_task: int
    sft_steps: int
    rl_steps: int


FULL = Size(sft_samples=800, train_samples=600, pairs_per_task=50, sft_steps=250, rl_steps=80)


def lab_settings(size: Size, seed: int, replaced: Mapping[str, Any] = MappingProxyType({})) -> LabSettings:
    """Return the laboratory of this size, with these settings of `LabSettings` replaced."""
    own = {
        "seed": seed,
        "sft_samples": size.sft_samples,
        "train_samples": size.train_samples,
        "pairs_per_task": size.pairs_per_task,
    }
    return LabSettings.model_validate({**own, **replaced})


def supervised(out: Path, lab: Laboratory, size: Size, seed: int, progress: Progress) -> Trained:
    """Teach both habits."""
    settings = {"data.records": lab.sft / "records.jsonl", "train.steps": size.sft_steps, "train.seed": seed}
    recipe = tiny_recipe(SftRecipe, "sft", settings)
    return trained(recipe, out, progress)


def rl_recipe(
    name: str, start: Path, lab: Laboratory, size: Size, seed: int, settings: Settings = MappingProxyType({})
) -> RlRecipe:
    """Return recipes/tiny/NAME.yaml on this laboratory from this start model, with these settings replaced."""
    own = {
        "model.path": start,
        "data.records": lab.train / "records.jsonl",
        "train.steps": size.rl_steps,
        "train.seed": seed,
    }
    return tiny_recipe(RlRecipe, name, {**own, **settings})


def trained(recipe: AnyRecipe, out: Path, progress: Progress) -> Trained:
    """Run a recipe unless that was done."""
    fresh = not RunDirectory.is_finished(out, recipe.resolved())
    if fresh:
        running.run(recipe, out, resume=True, progress=progress)
    return Trained(out / "model", fresh)


RecipeT = TypeVar("RecipeT", RlRecipe, SftRecipe)


def tiny_recipe(kind: type[RecipeT], name: str, settings: Settings) -> RecipeT:
    """Return recipes/tiny/NAME.yaml with these settings. Raises RecipeError where they are wrong."""
    overrides = [f"{key}={json.dumps(value, default=str)}" for key, value in settings.items()]
    recipe = load_recipe(recipe_file(f"tiny/{name}.yaml"), overrides)
    if not isinstance(recipe, kind):
        raise TypeError(f"recipes/tiny/{name}.yaml is not a {kind.__name__}")
    return recipe


def evaluate(
    out: Path,
    model: Path,
    lab: Laboratory,
    pairs: Sequence[Sample],
    controls: Sequence[Control],
    progress: Progress,
) -> None:
    """Ask the model about the laboratory's pairs under these controls, as it was trained, and score its answers."""
    dataset = VideoDataset(pairs, lab.pairs, read_manifest(lab.pairs / "manifest.json"))
    ask(out, model, dataset, controls, progress, {"max_tokens": MAX_TOKENS})


def ask(
    out: Path,
    model: Path,
    dataset: VideoDataset,
    controls: Sequence[Control],
    progress: Progress,
    stated: Mapping[str, Any],
) -> None:
    """Ask the model a data set's questions under these controls, and score its answers.

    stated: what is not to be as in the model's training, by the names of `Conditions`.
    """
    conditions = chosen(stated, read_trained(str(model)))
    wanted = replace(conditions.wanted(str(model)), at_once=BATCH)
    loaded = load_engine(wanted, "ours")
    generate(
        loaded.engine,
        conditions.seen(dataset, loaded.fits),
        out,
        Asking(
            Sampling(conditions.max_tokens, temperature=0.0),
            tuple(controls),
            null_option=conditions.asked.null_option,
        ),
        progress=progress,
        about={"conditions": conditions.described(), "model": str(model), "device": loaded.device},
    )
    score_run(out)
