"""Trainers of random models over a few rendered clips, for tests of the trainer."""

from dataclasses import dataclass
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from trl.trainer.grpo_config import GRPOConfig

from random_models import random_model
from rendered import RenderedDataset, drawn, rendered
from retroflip.errors import NonFiniteLossError
from retroflip.inference.base import Sampling
from retroflip.models.encoding import Encoder
from retroflip.rl.generation import Generator, GroupRollouts
from retroflip.rl.methods.base import Group, Rewards
from retroflip.rl.methods.crpo import Crpo, CrpoSettings
from retroflip.rl.passes import OF_SEQUENCES
from retroflip.rl.trainer import VideoGRPOTrainer
from training_settings import IN_MEMORY

SAMPLES = 2


@dataclass(frozen=True)
class ArbitraryRewards(Crpo):
    """CRPO with rewards that differ between rollouts, since a random model earns none."""

    def rewards(self, group: Group) -> Rewards:
        """Return rewards that depend on the rollout's place alone."""
        totals = tuple(torch.arange(branch.rollouts) ** 1.5 for branch in group.branches)
        return Rewards({"correct": totals}, totals)


@dataclass(frozen=True)
class SomeTeach(ArbitraryRewards):
    """Rewards that are all equal on the first two clips."""

    def rewards(self, group: Group) -> Rewards:
        """Return the arbitrary rewards, or zeros."""
        rewards = super().rewards(group)
        if group.sample.id in {"clip-2", "clip-3"}:
            return rewards
        return Rewards(rewards.components, tuple(torch.zeros_like(total) for total in rewards.totals))


@dataclass(frozen=True)
class NothingTeaches(ArbitraryRewards):
    """Rewards that are all equal, and a list of the clips they were asked for."""

    asked: list[str]

    def rewards(self, group: Group) -> Rewards:
        """Return zeros, and note the clip."""
        self.asked.append(group.sample.id)
        rewards = super().rewards(group)
        return Rewards(rewards.components, tuple(torch.zeros_like(total) for total in rewards.totals))


def make_trainer(
    folder: Path,
    settings: CrpoSettings,
    *,
    family: str = "qwen3_vl",
    dataset: RenderedDataset | None = None,
    accumulation: int = 1,
    iterations: int = 1,
    steps: int = 2,
    beta: float = 0.05,
    vision_trained: bool = False,
    loss_type: str = "grpo",
    samples: int = SAMPLES,
    lora: bool = False,
    bfloat16: bool = False,
    seen: list[GroupRollouts] | None = None,
) -> VideoGRPOTrainer:
    """Return a trainer of a random model over a few rendered clips, two questions a step."""
    model, processor = random_model(family)
    start = folder / "start"
    model.save_pretrained(start)
    model = type(model).from_pretrained(start)
    model.train().model.visual.requires_grad_(vision_trained)
    if lora:
        model = get_peft_model(
            model, LoraConfig(r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
        )
    method = ArbitraryRewards(settings)
    dataset = dataset or rendered(drawn("moving_direction", 4))
    trainer = VideoGRPOTrainer(
        model=model,
        args=GRPOConfig(
            output_dir=str(folder / "checkpoints"),
            max_steps=steps,
            per_device_train_batch_size=2,
            gradient_accumulation_steps=accumulation,
            num_iterations=iterations,
            num_generations=2,
            max_completion_length=12,
            temperature=0.9,
            beta=beta,
            use_bias_correction_kl=False,
            importance_sampling_level="sequence" if loss_type in OF_SEQUENCES else "token",
            **(IN_MEMORY | {"loss_type": loss_type, "bf16": bfloat16}),
        ),
        generator=Generator(dataset, Encoder(processor), method, Sampling(12, 0.9), seed=0),
        samples_per_step=samples,
        vision_trained=vision_trained,
        on_broken_loss=lambda step, loss: NonFiniteLossError(f"{loss} at step {step}"),
        on_step=lambda _, groups: seen.extend(groups) if seen is not None else None,
    )
    trainer.current_gradient_accumulation_steps = accumulation
    return trainer
