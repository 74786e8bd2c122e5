"""What supervised and reinforcement learning runs share: data, optimizer settings, metrics, resuming."""

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import torch
from peft import PeftModel
from peft.utils import CONFIG_NAME
from torch.distributed.tensor import DTensor
from transformers import PrinterCallback, TrainerCallback
from transformers.integrations.integration_utils import TensorBoardCallback

from retroflip.data.dataset import VideoDataset
from retroflip.data.sample import Modality
from retroflip.errors import (
    NonFiniteLossError,
    OtherProcessError,
    RetroflipError,
    RunStoppedError,
    UsageError,
)
from retroflip.files.storage import append_jsonl, write_json_atomic
from retroflip.models import processes
from retroflip.models.budget import Bounds, bounds_of, fits_of, set_budget
from retroflip.models.loading import load_model, load_processor, save_model, tokens_at_most
from retroflip.models.lora import PROJECTORS, add_adapters, merged
from retroflip.progress import Progress
from retroflip.recipes.schema import DataSection, ModelSection, OptimizerSection
from retroflip.train.card import Cards
from retroflip.train.conditions import read_trained
from retroflip.train.datasets import dataset_of
from retroflip.train.datasets.base import Choice
from retroflip.train.failures import MEMORY_HINTS, explained
from retroflip.train.phases import Phases
from retroflip.train.run_directory import RunDirectory
from retroflip.train.signals import StopOnSignal
from retroflip.train.step_facts import facts, memory_used
from retroflip.train.trackers import RECORD, Guarded, guard
from retroflip.video.frames import Fits
from retroflip.video.samplers import UNIFORM

UNRECORDED = frozenset({"epoch", "num_tokens", "step_time", "train_loss", "train_runtime", "total_flos"})
"""what trainers log besides measurements of the step: bookkeeping and clocks"""
ADAPTER = "adapter"
"""the folder inside the trained model's that holds its adapters"""
NAMED_SAMPLES = 10
"""how many samples the message about a broken step names; its file holds them all"""
TRACKERS = {"tensorboard": "TensorBoard", "wandb": "Weights & Biases", "trackio": "Trackio"}
"""what can be told of a run's steps, by the name of its package"""
SCHEDULES = {"constant": "constant_with_warmup", "linear": "linear", "cosine": "cosine"}


class LoadedData(NamedTuple):
    """The usable samples with their videos, and how many records of each kind retroflip has no use for."""

    dataset: VideoDataset
    skipped: dict[str, int]


def open_run(out: Path, recipe: Mapping[str, Any], *, resume: bool) -> RunDirectory:
    """Meet the run's other processes and open its directory, as `RunDirectory.open` does, in the first of them alone.

    Raises UsageError where one process would spread a step over several devices and where a tracker is missing, and
    OtherProcessError where the directory cannot be opened, in every process but the one that says why.
    """
    require_trackers(recipe["train"]["report_to"])
    devices = torch.cuda.device_count()
    if processes.count() == 1 and devices > 1:
        raise UsageError(
            f"{devices} GPUs can be seen, and one process uses one. Start a process for each with `accelerate launch "
            f"--num_processes {devices} -m retroflip` in place of `retroflip`, or name one with CUDA_VISIBLE_DEVICES=0."
        )
    processes.join()
    return processes.from_main(lambda: RunDirectory.open(out, recipe, resume=resume))


def require_trackers(names: Sequence[str]) -> None:
    """Raise UsageError for a tracker whose package is not installed."""
    for name in names:
        if find_spec(name) is None:
            raise UsageError(
                f"train.report_to names {TRACKERS[name]}, which is not installed. Install it with: uv pip install "
                f"{name}; or leave it out: metrics.jsonl and the report hold every step all the same."
            )


def load_data(
    section: DataSection, fits: Fits, failures: Path, progress: Progress, choose: Choice | None = None
) -> LoadedData:
    """Read the records and decode every video once: what fails is recorded in `failures` and left out.

    The first process does it for all of them. choose: by default what the section asks for.
    """
    return processes.from_main(lambda: _load_data(section, fits, failures, progress, choose))


def _load_data(
    section: DataSection, fits: Fits, failures: Path, progress: Progress, choose: Choice | None
) -> LoadedData:
    dataset, skipped, note = dataset_of(section, fits, choose)
    if note:
        progress.stage(note, 0, "")
    return LoadedData(dataset.checked(failures, section.max_failed_share, progress), skipped)


def load(section: ModelSection) -> Any:
    """Return the start model, before anything is chosen to be trained."""
    return load_model(section.path, dtype=section.dtype, revision=section.revision)


class Sight(NamedTuple):
    """A model's processor with a recipe's pixel budget, how it resizes what the model sees, and its bounds before."""

    processor: Any
    fits: Fits
    own_bounds: Bounds


def sight_of(model: ModelSection, data: DataSection) -> Sight:
    """Return what a model sees the data with.

    Raises UsageError where the pixel budget cannot be kept, or no prompt has room for the frames.
    """
    processor = load_processor(model.path, revision=model.revision)
    _require_room(model, data, processor.video_processor.temporal_patch_size)
    start = read_trained(model.path, model.revision)
    own = bounds_of(processor) if start is None else start.own_bounds
    set_budget(processor, data.budget, data.frames, own)
    return Sight(processor, fits_of(processor, data.frames), own)


def _require_room(model: ModelSection, data: DataSection, frames_per_step: int) -> None:
    """Raise UsageError where the steps of every video, at a token each, are more than the model takes.

    Samplers other than `uniform` are told the most that they may show, which a short video does not have.
    """
    if Modality.VIDEO not in data.modalities or data.sampling != UNIFORM:
        return
    least = -(-data.frames // frames_per_step)
    longest = tokens_at_most(model.path, revision=model.revision)
    if least > longest:
        raise UsageError(
            f"data.frames is {data.frames:,}, which a model is shown of every video, however short it is: {least:,} "
            f"tokens at the very least, and {model.path!r} takes {longest:,} (max_position_embeddings). Set "
            "data.frames to far fewer: the papers' recipes show 16 to 64."
        )


def choose_trained(model: Any, section: ModelSection, seed: int = 0) -> Any:
    """Return the model with gradients on what the recipe trains and on nothing else: a PeftModel under `model.lora`."""
    if section.lora is not None:
        return add_adapters(model, section.lora, vision=section.vision, revision=section.revision, seed=seed)
    for name, parameter in model.model.visual.named_parameters():
        parameter.requires_grad_(vision_part_trains(name, section.vision))
    return model


def vision_part_trains(parameter: str, vision: str) -> bool:
    """Return whether a parameter of the vision tower, by its name in it, is trained under `model.vision`."""
    projector = parameter.split(".")[0] in PROJECTORS
    return vision == "trained" or (vision == "projector" and projector)


def trainer_arguments(train: OptimizerSection, model: ModelSection, run: RunDirectory) -> dict[str, Any]:
    """Return the arguments that TRL's SFTConfig and GRPOConfig share."""
    return {
        "output_dir": str(run.checkpoints),
        "max_steps": train.steps,
        "learning_rate": train.learning_rate,
        "lr_scheduler_type": SCHEDULES[train.schedule],
        "warmup_steps": train.warmup_steps,
        "weight_decay": train.weight_decay,
        "adam_beta1": train.adam_beta1,
        "adam_beta2": train.adam_beta2,
        "max_grad_norm": train.max_grad_norm,
        "gradient_accumulation_steps": train.gradient_accumulation,
        "activation_checkpointing": train.gradient_checkpointing,
        "seed": train.seed,
        "save_strategy": "steps",
        "save_steps": train.save_every,
        "save_total_limit": train.keep_checkpoints,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "report_to": list(train.report_to),
        "run_name": run.path.name,
        "disable_tqdm": True,
        "remove_unused_columns": False,
        # The order of a run fills every batch. Without this, accelerate takes the records that do not divide evenly for
        # the size of the last one, and measures that part of it alone.
        "dataloader_drop_last": True,
        "log_level_replica": "passive",
        "bf16": train.precision == "bfloat16",
        # A pass over texts alone gives the vision tower no gradients.
        "ddp_find_unused_parameters": model.vision != "frozen",
        "use_cpu": not torch.cuda.is_available(),
    }


class StepRecorder(TrainerCallback):
    """Writes each step's measurements to metrics.jsonl, its seconds to timings.jsonl, and reports progress.

    Seconds are kept apart, so that the metrics of equal runs are equal bytes. A step whose gradient is broken is
    refused. phases: where the seconds go. offending: called on a broken step, to say what it learned from: one row per
    text, each with the key "sample". In a run of several processes it is called in the first alone.
    """

    def __init__(
        self,
        run: RunDirectory,
        progress: Progress,
        shown: str,
        offending: Callable[[], Sequence[Mapping[str, Any]]] = tuple,
        phases: Phases | None = None,
    ) -> None:
        self.phases = phases or Phases()
        self.run = run
        self.progress = progress
        self.shown = shown
        self.offending = offending
        self.began = time.monotonic()

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002
        """Raise NonFiniteLossError where a gradient is broken, before the optimizer can move on it."""
        norm = gradient_norm(kwargs["model"])
        if not math.isfinite(norm):
            raise broken_step(self.run, int(state.global_step) + 1, "gradient's norm", norm, self.offending)

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002 - the callback's signature
        self.began = time.monotonic()

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002
        logs: dict[str, Any] = kwargs["logs"]
        if "loss" not in logs:
            return
        step = int(state.global_step)
        # A gradient that DeepSpeed holds is seen here alone, when its step is done.
        for name in ("loss", "grad_norm"):
            if not math.isfinite(logs.get(name, 0.0)):
                raise broken_step(self.run, step, name, logs[name], self.offending)
        if not processes.is_main():
            return
        measured = {name: value for name, value in sorted(logs.items()) if name not in UNRECORDED}
        append_jsonl(self.run.metrics, {"step": step, **measured})
        seconds, phases = time.monotonic() - self.began, self.phases.take()
        append_jsonl(
            self.run.timings, {"step": step, "seconds": seconds, **({"phases": phases} if phases else {})}
        )
        value = logs.get(self.shown)
        told = facts(logs, phases, seconds, memory_used())
        self.progress.advance(step, "" if value is None else f"{self.shown} {value:.2f}", told)


class KeptCheckpoints(TrainerCallback):
    """Gives each checkpoint its card, marks it as complete once every process has written its part of it, and then
    deletes the oldest.

    A kill before the mark leaves a checkpoint that does not count. The trainer's own deleting, which comes before the
    mark and counts what is incomplete, must be off.
    """

    def __init__(self, run: RunDirectory, count: int, cards: Cards) -> None:
        self.run = run
        self.count = count
        self.cards = cards

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002 - the callback's signature
        processes.wait()
        if processes.is_main():
            self.cards.write_checkpoint(self.run.checkpoint(state.global_step), state.global_step)
            self.run.mark_complete(state.global_step)
            self.run.keep_newest_checkpoints(self.count)


def broken_step(
    run: RunDirectory,
    step: int,
    quantity: str,
    value: float,
    offending: Callable[[], Sequence[Mapping[str, Any]]],
) -> RetroflipError:
    """Write down what the step that broke learned from, and return the error to raise, which names it.

    quantity, value: what became NaN or infinite. To be called in every process of the run; the first one writes, the
    others get an OtherProcessError.
    """
    if not processes.is_main():
        return OtherProcessError(f"The {quantity} became {value} at step {step}.")
    rows = list(offending())
    write_json_atomic(
        run.broken_step, {"step": step, "quantity": quantity, "value": str(value), "rows": rows}
    )
    samples = list(dict.fromkeys(str(row["sample"]) for row in rows))
    named = f", on the samples {', '.join(samples[:NAMED_SAMPLES])}" if samples else ""
    more = f" and {len(samples) - NAMED_SAMPLES} more" if len(samples) > NAMED_SAMPLES else ""
    return NonFiniteLossError(
        f"The {quantity} became {value} at step {step}{named}{more}; what it learned from is in {run.broken_step}. "
        "Nothing of that step is kept, and the last checkpoint is intact. A lower train.learning_rate or "
        "train.max_grad_norm helps, and float32 where model.dtype or train.precision is bfloat16."
    )


def gradient_norm(model: Any) -> float:
    """Return the norm of all gradients of a model, whole where its parameters are spread over processes."""
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    norm = torch.nn.utils.get_total_norm(gradients)
    return float(norm.full_tensor() if isinstance(norm, DTensor) else norm)


def run_trainer(
    trainer: Any,
    run: RunDirectory,
    processor: Any,
    cards: Cards,
    hints: Callable[[], str] = lambda: MEMORY_HINTS,
    show: Callable[[Sequence[Guarded]], TrainerCallback] | None = None,
) -> None:
    """Train to the end, from the newest complete checkpoint if there is one, and write the model.

    cards: writes into the folders of checkpoints and of the model what they are. hints: sentences on which settings
    take less memory, for when it does not suffice. show: makes, of the trackers, what shows them more than
    measurements.

    Raises RunStoppedError after a SIGTERM or SIGINT, behind the step that it came in, which is saved;
    NonFiniteLossError, TooLittleMemoryError and DiskFullError, which leave the last complete checkpoint as it is.
    """
    last = processes.from_main(lambda: _rewound(run))
    _keep_tensorboard_beside(trainer, run)
    trackers = guard(trainer, run.attempt_logs / RECORD)
    if show is not None:
        trainer.add_callback(show(trackers))
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(KeptCheckpoints(run, trainer.args.save_total_limit, cards))
    trainer.args.save_total_limit = None
    if processes.share_weights():
        # Autocast would keep a copy of every weight that is gathered, and so of all of them, whole in each process.
        torch.set_autocast_cache_enabled(False)
    with explained(run, hints), StopOnSignal(getattr(trainer.args, "num_iterations", 1)) as stop:
        trainer.add_callback(stop)
        trainer.train(resume_from_checkpoint=None if last is None else str(last))
        if not stop.stopped:
            save_trained(trainer, processor, run.model)
            if processes.is_main():
                cards.write_release(run.model)
    if stop.stopped:
        step = trainer.state.global_step
        raise RunStoppedError(
            f"Stopped behind step {step} of {trainer.state.max_steps}, which is saved in {run.path}. Go on by the same "
            "command with --resume.",
            step,
        )


def _keep_tensorboard_beside(trainer: Any, run: RunDirectory) -> None:
    """Have TensorBoard's files written among this start's logs, where the user's environment does not say where to.

    The trainer would put them among the checkpoints.
    """
    for callback in trainer.callback_handler.callbacks:
        if isinstance(callback, TensorBoardCallback) and callback.logging_dir is None:
            callback.logging_dir = str(run.attempt_logs / "tensorboard")


def _rewound(run: RunDirectory) -> Path | None:
    """Return the checkpoint to go on from, after dropping the rows that were written later."""
    step, checkpoint = run.last_checkpoint() or (0, None)
    run.rewind(step, None if checkpoint is None else run.check_checkpoint(checkpoint))
    return checkpoint


def save_trained(trainer: Any, processor: Any, folder: Path) -> None:
    """Write the model that was trained; one with adapters as the model that they make, and them beside it.

    To be called in every process; the first one writes.
    """
    spread = trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled
    model = trainer.accelerator.unwrap_model(trainer.model)
    weights = trainer.accelerator.get_state_dict(trainer.model_wrapped) if spread else model.state_dict()
    if not processes.is_main():
        return
    if isinstance(model, PeftModel):
        _save_adapters(model, weights, folder / ADAPTER)
        weights = merged(model, weights)
        model = model.get_base_model()
    save_model(model, processor, folder, weights)


def _save_adapters(model: PeftModel, weights: Mapping[str, torch.Tensor], folder: Path) -> None:
    """Write the adapters alone, without the folder of the start model, which is nobody's concern who gets them."""
    model.save_pretrained(
        str(folder), state_dict=weights, save_embedding_layers=False, selected_adapters=[model.active_adapter]
    )
    (folder / "README.md").unlink(missing_ok=True)  # PEFT's empty form; the model's card is one folder up
    config = json.loads((folder / CONFIG_NAME).read_text(encoding="utf-8"))
    if Path(config["base_model_name_or_path"] or "").is_absolute():
        write_json_atomic(folder / CONFIG_NAME, {**config, "base_model_name_or_path": None}, seal=False)
