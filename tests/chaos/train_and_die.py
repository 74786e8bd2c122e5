"""Training in processes that die by SIGKILL, as a machine does: no handler runs, nothing is flushed."""

import os
import signal
from pathlib import Path

from chaos_runs import at_step, train
from transformers import Trainer

from launched import launch
from retroflip.models import processes

SECONDS = 300
"""how long a run may take before it counts as hanging"""


def run(
    recipe: Path,
    out: Path,
    place: str,
    *,
    resume: bool,
    kill_after: float = SECONDS,
    count: int = 1,
    dying: tuple[int, ...] | None = None,
) -> bool:
    """Train in `count` child processes; return whether any was killed.

    place: "step:N" to die after that step, "save:N" to die inside the save of that step, "end" to live. dying: the
    ranks that die, by default all; the others end by an error of their own. After `kill_after` seconds the children are
    killed wherever they are.
    """
    ranks = tuple(range(count)) if dying is None else dying
    codes = launch(count, train_to, recipe, out, place, resume, ranks, seconds=kill_after)
    killed = [code in (None, -signal.SIGKILL) for code in codes]
    failed = [code for code, was_killed in zip(codes, killed, strict=True) if code and not was_killed]
    assert any(killed) or not failed, "training failed: see its traceback in the captured stderr"
    return any(killed)


def train_to(recipe_file: Path, out: Path, place: str, resume: bool, dying: tuple[int, ...]) -> None:
    """Train, and die in the given place."""
    kind, _, step = place.partition(":")
    if processes.rank() in dying and kind == "step":
        at_step(int(step), die)
    if processes.rank() in dying and kind == "save":
        kill_inside_save(int(step))
    train(recipe_file, out, resume)


def die() -> None:
    """Die at once."""
    os.kill(os.getpid(), signal.SIGKILL)


def kill_inside_save(step: int) -> None:
    """Die in the middle of a checkpoint: weights and optimizer are there, the random state and the mark are not."""
    real = Trainer._save_rng_state

    def save(self: Trainer, output_dir: str) -> None:
        if self.state.global_step == step:
            die()
        real(self, output_dir)

    Trainer._save_rng_state = save  # type: ignore[method-assign]
