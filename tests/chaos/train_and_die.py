"""A training process that kills itself: `train_and_die.py RECIPE OUT new|resume PLACE`.

PLACE is step:N (after that step), save:N (inside the save of that step) or end (nowhere).
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from transformers import Trainer

from retroflip.progress import Silence
from retroflip.recipe import RlRecipe, SftRecipe, load_recipe
from retroflip.rl import run as rl_run
from retroflip.sft import run as sft_run
from retroflip.training import StepRecorder


def die() -> None:
    """Die as a machine does: no handler runs, nothing is flushed."""
    os.kill(os.getpid(), signal.SIGKILL)


def kill_after_step(step: int) -> None:
    """Die when the step's metrics have been written."""
    real = StepRecorder.on_log

    def on_log(self: StepRecorder, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        real(self, args, state, control, **kwargs)
        if state.global_step == step and "loss" in kwargs["logs"]:
            die()

    StepRecorder.on_log = on_log  # type: ignore[method-assign]


def kill_inside_save(step: int) -> None:
    """Die in the middle of a checkpoint: weights and optimizer are there, the random state and the mark are not."""
    real = Trainer._save_rng_state

    def save(self: Trainer, output_dir: str) -> None:
        if self.state.global_step == step:
            die()
        real(self, output_dir)

    Trainer._save_rng_state = save  # type: ignore[method-assign]


def main() -> None:
    """Train as the arguments say."""
    recipe_file, out, mode, place = sys.argv[1:]
    kind, _, step = place.partition(":")
    if kind == "step":
        kill_after_step(int(step))
    if kind == "save":
        kill_inside_save(int(step))
    recipe = load_recipe(Path(recipe_file))
    if isinstance(recipe, RlRecipe):
        rl_run.train(recipe, Path(out), resume=mode == "resume", progress=Silence())
    else:
        assert isinstance(recipe, SftRecipe)
        sft_run.train(recipe, Path(out), resume=mode == "resume", progress=Silence())


if __name__ == "__main__":
    main()
