"""Runs of two steps on records of different kinds, in however many processes, to be compared with one another.

The processes are forked once for many runs: starting and importing takes longer than training a model of this size.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate.state import AcceleratorState, GradientState
from PIL import Image
from transformers.integrations.deepspeed import unset_hf_deepspeed_config

from launched import join_as
from random_models import save_random_model
from retroflip.data.records import write_samples
from retroflip.data.sample import Modality
from retroflip.errors import RetroflipError
from retroflip.jobs.recipes import recipe_from
from retroflip.lab.kinds import KINDS
from retroflip.lab.render import render
from retroflip.lab.samples import sample_of
from retroflip.models import processes
from retroflip.progress import Silence
from retroflip.rl import train as rl_run
from retroflip.rl.methods.base import Group, Rewards
from retroflip.rl.methods.grpo import Grpo
from retroflip.rl.recipe import RlRecipe
from retroflip.sft import train as sft_run
from retroflip.sft.recipe import SftRecipe
from retroflip.video.encode import encode
from retroflip.video.sampling import uniform_indices

FAMILY = "qwen3_vl"
STEPS = 2
SIZE = 64
"""pixels of a side"""
WHAT = ("rl", "sft")
VISION = ("frozen", "projector", "trained")
SEEN = tuple(itertools.combinations((Modality.VIDEO, Modality.IMAGE, Modality.TEXT), 2))
"""what the first process of a pass sees, and the second"""


@dataclass(frozen=True)
class Mixed:
    """A run: RL or SFT, what of the vision tower is trained, and what the two records of every pass show."""

    what: str
    vision: str
    seen: tuple[Modality, Modality]
    checkpointing: bool = False
    lora: bool = False
    passes: int = 1
    family: str = FAMILY

    def __str__(self) -> str:
        options = {"checkpointing": self.checkpointing, "lora": self.lora, "accumulation": self.passes > 1}
        family = [] if self.family == FAMILY else [self.family]
        return "-".join(
            [self.what, self.vision, *self.seen, *(n for n, on in options.items() if on), *family]
        )

    def recipe(self, inputs: Path) -> dict[str, Any]:
        """Return its recipe about the files in `inputs`."""
        shared = {
            "steps": STEPS, "learning_rate": 1e-3, "gradient_accumulation": self.passes, "save_every": STEPS,
            "gradient_checkpointing": self.checkpointing, "seed": 1,
        }  # fmt: skip
        own: dict[str, Any] = {"kind": "sft", "train": shared | {"batch_size": 2 * self.passes}}
        if self.what == "rl":
            drawn = {
                "samples_per_step": 2 * self.passes, "beta": 0.05, "epsilon": 0.2, "temperature": 1.0,
                "max_completion_length": 6, "loss_type": "dapo",
            }  # fmt: skip
            own = {"kind": "rl", "train": shared | drawn, "method": {"name": "grpo", "rollouts": 3}}
        return own | {
            "model": {
                "path": str(inputs / self.family),
                "vision": self.vision,
                "lora": {"rank": 4, "alpha": 8} if self.lora else None,
            },
            "data": {
                "records": str(inputs / f"{'-'.join(self.seen)}-{self.passes}.jsonl"),
                "modalities": list(Modality),
            },
        }


def table() -> Iterator[Mixed]:
    """Yield every combination."""
    for cell in itertools.product(WHAT, VISION, SEEN, (False, True), (False, True), (1, 2)):
        yield Mixed(*cell)


def write_inputs(folder: Path, families: Sequence[str] = (FAMILY,)) -> Path:
    """Write random models, and records of every mixture: with two passes a step, all of the second are texts."""
    for family in families:
        save_random_model(family, folder / family)
    clip = KINDS["moving_direction"](np.random.default_rng(0))
    frames = render(clip.scene, SIZE, uniform_indices(len(clip.scene), 8))
    encode(folder / "clip.mp4", frames.pixels_TCHW, 4)
    Image.fromarray(frames.pixels_TCHW[0].transpose(1, 2, 0)).save(folder / "picture.png")
    files = {Modality.VIDEO: "clip.mp4", Modality.IMAGE: "picture.png", Modality.TEXT: ""}
    for seen, passes in itertools.product(SEEN, (1, 2)):
        kinds = [*seen, *[Modality.TEXT] * (2 * passes - 2)]
        asked = [
            sample_of(clip, identity=f"{place}-{kind}", video=files[kind], source_clip="clip").model_copy(
                update={"modality": kind, "trace": "It moves." * (place + 1)}
            )
            for place, kind in enumerate(kinds)
        ]
        write_samples(folder / f"{'-'.join(seen)}-{passes}.jsonl", asked)
    return folder


@dataclass(frozen=True)
class Arbitrary(Grpo):
    """GRPO with rewards that differ between rollouts, since a random model earns none."""

    def rewards(self, group: Group) -> Rewards:
        """Return rewards that depend on the rollout's place alone."""
        totals = tuple(torch.arange(branch.rollouts) ** 1.5 for branch in group.branches)
        return Rewards({"correct": totals}, totals)


def train_all(config: str | None, rows: Iterable[Mixed], inputs: Path, out: Path) -> None:
    """Run these in this process, one of those that work together as `config` of recipes/accelerate says."""
    join_as(config)
    rl_run.build = Arbitrary  # type: ignore[attr-defined, assignment]
    for row in rows:
        recipe = recipe_from(row.recipe(inputs))
        AcceleratorState._reset_state()
        GradientState._reset_state()
        unset_hf_deepspeed_config()  # by which models are loaded in pieces, when the trainer has none yet
        try:
            if isinstance(recipe, RlRecipe):
                rl_run.train(recipe, out / str(row), resume=False, progress=Silence())
            elif isinstance(recipe, SftRecipe):
                sft_run.train(recipe, out / str(row), resume=False, progress=Silence())
        except RetroflipError as error:
            (out / str(row) / f"refused-{processes.rank()}").write_text(str(error))
    processes.leave()
