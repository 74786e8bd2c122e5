"""Training in a process that dies by SIGKILL, as a machine does: no handler runs, nothing is flushed."""

import os
import signal
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from transformers import Trainer

from retroflip import run_directory
from retroflip.progress import Silence
from retroflip.recipe import RlRecipe, load_recipe
from retroflip.rl import run as rl_run
from retroflip.sft import run as sft_run
from retroflip.training import StepRecorder

SECONDS = 300
"""how long a run may take before it counts as hanging"""

# Every run has a process of its own, forked from one that has imported everything once and done nothing else.
_processes = get_context("forkserver")
_processes.set_forkserver_preload([__name__, "retroflip.rl.run", "retroflip.sft.run"])


def run(recipe: Path, out: Path, place: str, *, resume: bool, kill_after: float = SECONDS) -> bool:
    """Train in a child process; return whether it was killed.

    place: "step:N" to die after that step, "save:N" to die inside the save of that step, "end" to live. After
    `kill_after` seconds the child is killed wherever it is.
    """
    process = _processes.Process(target=train, args=(recipe, out, place, resume))
    process.start()
    process.join(kill_after)
    if process.is_alive():
        process.kill()
        process.join()
    assert process.exitcode in (0, -signal.SIGKILL), (
        "training failed: see its traceback in the captured stderr"
    )
    return process.exitcode != 0


def train(recipe_file: Path, out: Path, place: str, resume: bool) -> None:
    """Train, and die in the given place."""
    # With more threads a sum can round differently in another process.
    torch.set_num_threads(1)
    # The report names the commit, and somebody may commit while the test runs.
    run_directory.describe_code = lambda: None
    kind, _, step = place.partition(":")
    if kind == "step":
        kill_after_step(int(step))
    if kind == "save":
        kill_inside_save(int(step))
    recipe = load_recipe(recipe_file)
    if isinstance(recipe, RlRecipe):
        rl_run.train(recipe, out, resume=resume, progress=Silence())
    else:
        sft_run.train(recipe, out, resume=resume, progress=Silence())


def die() -> None:
    """Die at once."""
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
