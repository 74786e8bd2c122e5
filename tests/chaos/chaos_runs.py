"""What the tests of killed and stopped runs share: recipes about five clips, and training with something in its way."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from random_models import save_random_model
from retroflip.jobs.recipes import load_recipe
from retroflip.lab.laboratory import LabSettings, write_laboratory
from retroflip.progress import Silence
from retroflip.rl import train as rl_run
from retroflip.sft import train as sft_run
from retroflip.sft.recipe import SftRecipe
from retroflip.train import run_directory
from retroflip.train.loop import StepRecorder

TRAIN: dict[str, Any] = {"learning_rate": 1.0e-3, "warmup_steps": 2, "save_every": 2, "seed": 3}
RL_TRAIN: dict[str, Any] = {
    **TRAIN, "samples_per_step": 2, "beta": 0.01, "epsilon": 0.2, "loss_type": "grpo", "temperature": 2.0,
    "max_completion_length": 72,
}  # fmt: skip
"""so hot and so long that some rollouts of the embedded model are right and others are not"""


def write_recipes(folder: Path, recipes: Mapping[str, Mapping[str, Any]]) -> dict[str, Path]:
    """Write the recipes by their names, with five clips, so that seven steps cross the ends of epochs.

    Fine-tuning starts from a random model, reinforcement learning from the embedded one: random words earn nothing, and
    a run that learns nothing would end the same however it was resumed.
    """
    save_random_model("qwen3_vl", folder / "model")
    settings = LabSettings(seed=1, sft_samples=5, train_samples=5, pairs_per_task=1, size=64)
    lab = write_laboratory(folder / "data", settings, Silence())
    files = {name: folder / f"{name}.yaml" for name in recipes}
    for name, recipe in recipes.items():
        data, start = (
            (lab.sft, str(folder / "model")) if recipe["kind"] == "sft" else (lab.train, "retroflip-tiny")
        )
        model = {"path": start, **recipe.get("model", {})}
        whole = {
            **recipe,
            "model": model,
            "data": {"records": str(data / "records.jsonl"), **recipe.get("data", {})},
        }
        files[name].write_text(yaml.safe_dump(whole))
    return files


def train(recipe_file: Path, out: Path, resume: bool = False) -> None:
    """Train in this process."""
    # A run and its report name the commit, and somebody may commit while the test runs.
    run_directory.describe_code = lambda: None
    recipe = load_recipe(recipe_file)
    job: Any = sft_run if isinstance(recipe, SftRecipe) else rl_run
    job.train(recipe, out, resume=resume, progress=Silence())


def at_step(step: int, happens: Callable[[], None]) -> None:
    """Let something happen when a step's metrics have been written."""
    real = StepRecorder.on_log

    def on_log(self: StepRecorder, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        real(self, args, state, control, **kwargs)
        if state.global_step == step and "loss" in kwargs["logs"]:
            happens()

    StepRecorder.on_log = on_log  # type: ignore[method-assign]
