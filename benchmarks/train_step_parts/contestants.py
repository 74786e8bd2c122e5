"""The trainers that are compared, each made to write the same completions.

ours: retroflip's trainer as it is. unpacked: the same trainer, but every rollout is a row of its own, with its own
prompt and its own run of the vision tower in every pass. trl: TRL's GRPOTrainer as it is, which is shown the frames as
images, its only visual input. trl_half: the same with every second frame, so that its prompt is as long as that of the
video, of which the model reads two frames as one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.optimizer import AcceleratedOptimizer
from datasets import Dataset
from PIL import Image
from transformers import LogitsProcessor, LogitsProcessorList
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer

from retroflip.data.dataset import VideoDataset
from retroflip.data.prompts import SYSTEM_PROMPT, user_text
from retroflip.errors import NonFiniteLossError
from retroflip.inference.base import Sampling
from retroflip.inference.rollout import Completion, Roller
from retroflip.models.encoding import Encoder, Prompt
from retroflip.models.features import VisualFeatures, encode_visuals
from retroflip.models.loading import load_model
from retroflip.models.vision_counter import patches_of
from retroflip.rl.generation import Generator
from retroflip.rl.methods.base import Group, Rewards
from retroflip.rl.methods.grpo import Grpo, GrpoSettings
from retroflip.rl.passes import Pass
from retroflip.rl.shared_prefix import Scores
from retroflip.rl.trainer import VideoGRPOTrainer
from retroflip.train.sample_order import RunOrder
from train_step_parts.separate import score_separately
from train_step_parts.stopwatch import Passage, Stopwatch
from train_step_parts.workload import (
    OURS,
    PRESETS,
    TRL_HALF,
    UNPACKED,
    Workload,
    completions_GC,
    dataset,
    processor,
    rewards_G,
)


@dataclass(frozen=True)
class Contestant:
    """A trainer that is ready to train.

    shown: patches of one question's video or pictures, 1 without. prompt: its tokens. settle: waits for what still goes
    on when a step is over.
    """

    trainer: Any
    passage: Passage
    shown: int
    prompt: int
    settle: Callable[[], None]


def build(name: str, workload: Workload, folder: Path, stopwatch: Stopwatch) -> Contestant:
    """Return a contestant. folder: holds the start model, the videos, and what trainers want to write."""
    watch_shared_parts(stopwatch)
    if name in {OURS, UNPACKED}:
        return _retroflip(name, workload, folder, stopwatch)
    return _trl(workload, folder, stopwatch, every=2 if name == TRL_HALF else 1)


def watch_shared_parts(stopwatch: Stopwatch) -> None:
    """Let the stopwatch note what all trainers do alike."""
    stopwatch.wrap(AcceleratedOptimizer, "step", "optimizer")
    stopwatch.wrap(Accelerator, "clip_grad_norm_", "optimizer")
    stopwatch.wrap(Accelerator, "backward", "forward_backward")
    stopwatch.wrap(GRPOTrainer, "compute_loss", "forward_backward")


def grpo_arguments(workload: Workload, folder: Path, passes: int) -> dict[str, Any]:
    """Return what all trainers are told. One optimizer step a question and iteration, in `passes` backward passes."""
    preset = PRESETS[workload.preset]
    return {
        "output_dir": str(folder / "checkpoints"),
        "max_steps": (workload.steps + 3) * workload.iterations,
        "learning_rate": workload.learning_rate,
        "beta": workload.beta,
        "num_iterations": workload.iterations,
        "gradient_accumulation_steps": passes,
        "steps_per_generation": passes,
        "max_completion_length": workload.completion,
        "temperature": 1.0,
        "loss_type": "grpo",
        "use_bias_correction_kl": False,
        "shuffle_dataset": False,
        "activation_checkpointing": workload.device == "cuda",
        "bf16": preset.dtype == "bfloat16",
        "use_cpu": workload.device == "cpu",
        "model_init_kwargs": {"dtype": preset.dtype, "use_safetensors": True},
        "report_to": [],
        "disable_tqdm": True,
        "save_strategy": "no",
        "logging_steps": 1,
        "remove_unused_columns": False,
        "seed": workload.seed,
    }


def start_model(workload: Workload, folder: Path) -> Any:
    """Return the start model in training mode, its vision tower frozen."""
    model = load_model(str(folder / "model"), dtype=PRESETS[workload.preset].dtype).to(workload.device)
    model.train().model.visual.requires_grad_(False)
    return model


class ForcedRoller(Roller):
    """Does all of a roller's work, and then writes the given tokens (N, C) in the place of the drawn ones."""

    forced_NC: torch.Tensor
    _column = 0

    def roll(self, *args: Any, **kwargs: Any) -> list[list[Completion]]:
        """Write as many completions as asked for."""
        self._column = 0
        return super().roll(*args, **kwargs)

    def _draw(self, logits_NV: torch.Tensor, rows: torch.Tensor, *args: Any) -> torch.Tensor:
        super()._draw(logits_NV, rows, *args)
        self._column += 1
        return self.forced_NC[rows, self._column - 1]


class UnpackedRoller(ForcedRoller):
    """Reads every rollout's prompt anew, each with its own run of the vision tower."""

    def roll(
        self,
        prompts: Sequence[Prompt],
        features: Sequence[VisualFeatures | None],
        rollouts: Sequence[int],
        sampling: Sampling,
        seeds: Sequence[int],
    ) -> list[list[Completion]]:
        """Write as many completions as asked for; the features that there are serve the first row of each prompt."""
        copies = [prompt for prompt, count in zip(prompts, rollouts, strict=True) for _ in range(count - 1)]
        with torch.no_grad():
            more = iter(encode_visuals(self.model, copies))
        rows = [
            (prompt, next(more) if number else first, seed + number)
            for prompt, first, count, seed in zip(prompts, features, rollouts, seeds, strict=True)
            for number in range(count)
        ]
        own_prompts, own_features, own_seeds = zip(*rows, strict=True)
        rolled = super().roll(own_prompts, own_features, [1] * len(rows), sampling, own_seeds)
        written = iter(completion for (completion,) in rolled)
        return [[next(written) for _ in range(count)] for count in rollouts]


class OurTrainer(VideoGRPOTrainer):
    """Retroflip's trainer, writing what it is told to."""

    roller_class: type[ForcedRoller] = ForcedRoller
    forced_GC: torch.Tensor

    def _writer(self) -> Roller:
        plain = super()._writer()
        if not isinstance(plain, Roller):
            raise TypeError(f"rollouts must come from the model, not from a {type(plain).__name__}")
        roller = self.roller_class(
            plain.model,
            pad_token=plain.pad_token,
            end_tokens=plain.end_tokens.tolist(),
            special_tokens=plain.forbidden.tolist(),
            goes_on=plain.goes_on,
        )
        roller.forced_NC = self.forced_GC.to(self.accelerator.device)
        return roller


class UnpackedTrainer(OurTrainer):
    """The same without packing and caching: every pass reads every rollout's prompt and video again."""

    roller_class = UnpackedRoller

    def _score(self, forward: Any, rows: dict[str, Any], *, cached: bool) -> Scores:  # noqa: ARG002
        one: Pass = rows["pass"]
        (branch,) = one.branches
        return score_separately(
            forward,
            branch.prompt,
            rows["completion_ids"],
            pad_token=self._tokenizer.pad_token_id,
            temperature=self.temperature,
        )


@dataclass(frozen=True)
class ArbitraryRewards(Grpo):
    """GRPO with rewards that differ between rollouts."""

    def rewards(self, group: Group) -> Rewards:
        """Return the same rewards for every group."""
        totals = tuple(torch.tensor(rewards_G(branch.rollouts)) for branch in group.branches)
        return Rewards({"correct": totals}, totals)


def _retroflip(name: str, workload: Workload, folder: Path, stopwatch: Stopwatch) -> Contestant:
    trainer_class = OurTrainer if name == OURS else UnpackedTrainer
    encoder = Encoder(processor(), SYSTEM_PROMPT)
    order = RunOrder(
        samples=workload.steps + 4, samples_per_step=1, steps=1, repeats=1, passes=1, seed=workload.seed
    )
    (first,) = order.step_indices(0)
    asked = dataset(workload, folder, first)
    method = ArbitraryRewards(GrpoSettings(rollouts=workload.rollouts, null_option=False))
    trainer = trainer_class(
        model=start_model(workload, folder),
        args=GRPOConfig(
            **grpo_arguments(workload, folder, passes=1), per_device_train_batch_size=2, num_generations=2
        ),
        generator=Generator(asked, encoder, method, Sampling(workload.completion), seed=workload.seed),
        samples_per_step=1,
        vision_trained=False,
        on_step=lambda _, __: None,
        on_broken_loss=lambda step, loss: NonFiniteLossError(f"The loss became {loss} at step {step}."),
    )
    trainer.forced_GC = completions_GC(workload, encoder.tokenizer)
    passage = _watch_models(trainer, stopwatch)
    stopwatch.wrap(VideoDataset, "load", "decode")
    stopwatch.wrap(Encoder, "encode", "processing")
    stopwatch.wrap(Generator, "generate", "rollouts")
    stopwatch.wrap(VideoGRPOTrainer, "_score_before", "scoring")
    counted = next(sample for index, sample in enumerate(asked.samples) if index != first)
    prompt = encoder.encode(counted, asked.load(counted))

    def settle() -> None:
        for coming in trainer.generator.ahead.waiting.values():
            coming.result()

    return Contestant(trainer, passage, max(patches_of([prompt]), 1), len(prompt.input_ids_L), settle)


class _Forced(LogitsProcessor):
    """Leaves one token to every row: the given one."""

    def __init__(self, forced_NC: torch.Tensor, prompt: int) -> None:
        self.forced_NC = forced_NC
        self.prompt = prompt

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        wanted = self.forced_NC[:, input_ids.shape[1] - self.prompt, None]
        return torch.full_like(scores, -torch.inf).scatter_(1, wanted, 0.0)


def force_generate(model: Any, forced_NC: torch.Tensor) -> None:
    """Make a model's `generate` write these tokens; it does all of its work otherwise."""
    inner = model.generate

    def generate(*args: Any, **kwargs: Any) -> Any:
        forced = _Forced(forced_NC.to(model.device), kwargs["input_ids"].shape[1])
        return inner(*args, **kwargs, logits_processor=LogitsProcessorList([forced]))

    model.generate = generate


def _trl(workload: Workload, folder: Path, stopwatch: Stopwatch, *, every: int) -> Contestant:
    asked = dataset(workload, folder, first=0)
    model = start_model(workload, folder)
    rows = _image_rows(asked, every)
    reader = processor()
    read = reader.apply_chat_template(
        [_with_pictures(rows, 1)],
        tokenize=True,
        return_dict=True,
        add_generation_prompt=True,
    )
    prompt, shown = len(read["input_ids"][0]), max(len(read.get("pixel_values", [])), 1)
    at_once = rows_per_pass(workload.rollouts, prompt + workload.completion, workload.rows_at_once)
    trainer = GRPOTrainer(
        model=model,
        args=GRPOConfig(
            **grpo_arguments(workload, folder, passes=workload.rollouts // at_once),
            per_device_train_batch_size=at_once,
            num_generations=workload.rollouts,
        ),
        reward_funcs=_rewarded,
        train_dataset=Dataset.from_dict(rows),
        processing_class=reader,
    )
    force_generate(model, completions_GC(workload, reader.tokenizer))
    passage = _watch_models(trainer, stopwatch)
    stopwatch.wrap(Dataset, "__getitems__", "decode")
    stopwatch.wrap(type(reader), "__call__", "processing")
    stopwatch.wrap(type(reader), "apply_chat_template", "processing")
    stopwatch.wrap(GRPOTrainer, "_generate", "rollouts")
    stopwatch.wrap(GRPOTrainer, "_get_per_token_logps_and_entropies", "scoring", within="forward_backward")
    return Contestant(trainer, passage, shown, prompt, lambda: None)


def _rewarded(prompts: list[Any], **_: Any) -> list[float | None]:
    """Reward one group, which is all that is generated at a time."""
    return [*rewards_G(len(prompts))]


def rows_per_pass(rollouts: int, tokens: int, limit: int) -> int:
    """Return the most rows of this length, dividing the rollouts evenly, that stay within the limit; 1 at least."""
    fitting = [rows for rows in range(1, rollouts + 1) if rollouts % rows == 0 and rows * tokens <= limit]
    return max(fitting, default=1)


def _image_rows(asked: VideoDataset, every: int) -> dict[str, list[Any]]:
    """Return the questions in TRL's form: a conversation, and its pictures in a column of their own."""
    prompts, images = [], []
    for sample in asked.samples:
        frames = asked.load(sample)
        pixels_THWC = [] if frames is None else list(frames.pixels_TCHW.transpose(0, 2, 3, 1))
        prompts.append(
            [{"role": "system", "content": SYSTEM_PROMPT}, {"role": "user", "content": user_text(sample)}]
        )
        images.append([Image.fromarray(picture) for picture in pixels_THWC[::every]])
    return {"prompt": prompts, "images": images}


def _with_pictures(rows: dict[str, list[Any]], index: int) -> list[dict[str, Any]]:
    """Return a conversation with its pictures in it, as TRL puts them."""
    system, user = rows["prompt"][index]
    pictures = [{"type": "image", "image": picture} for picture in rows["images"][index]]
    return [system, {**user, "content": [*pictures, {"type": "text", "text": user["content"]}]}]


def _watch_models(trainer: Any, stopwatch: Stopwatch) -> Passage:
    passage = Passage(stopwatch)
    passage.watch(trainer.accelerator.unwrap_model(trainer.model))
    passage.watch(trainer.accelerator.unwrap_model(trainer.ref_model))
    return passage
