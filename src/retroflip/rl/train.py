"""One RL run, from a recipe to a trained model in a run directory; resumable after a kill at any step."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import PartialState
from trl.trainer.grpo_config import GRPOConfig

from retroflip.data.answers import gold_answer
from retroflip.data.dataset import VideoDataset
from retroflip.data.prompts import with_null_option
from retroflip.data.record_notes import NOTES, Notes
from retroflip.data.sample import Sample
from retroflip.errors import DataError, UsageError
from retroflip.files.cache import cache_folder
from retroflip.files.shards import shard
from retroflip.files.storage import append_rows, write_json_atomic
from retroflip.inference.base import Sampling
from retroflip.inference.vllm_colocated import EngineSettings
from retroflip.inference.vllm_rollouts import require_family, require_vllm
from retroflip.inference.vllm_server import ServerSettings, check_server
from retroflip.models import processes
from retroflip.models.encoding import Encoder
from retroflip.models.loading import describe_model, locate
from retroflip.models.scorers.build import build as build_scorer
from retroflip.progress import Progress
from retroflip.rl.frame_scores import FrameScores, score_all
from retroflip.rl.generation import AtOnce, Generator, GroupRollouts
from retroflip.rl.methods.base import Method
from retroflip.rl.methods.registry import build
from retroflip.rl.passes import OF_SEQUENCES
from retroflip.rl.recipe import RlRecipe, RlTrainSection
from retroflip.rl.shown import told_of
from retroflip.rl.trainer import VideoGRPOTrainer
from retroflip.rl.world import World
from retroflip.train.card import Cards
from retroflip.train.failures import MEMORY_HINTS
from retroflip.train.loop import (
    StepRecorder,
    broken_step,
    choose_trained,
    load,
    load_data,
    open_run,
    run_trainer,
    sight_of,
    trainer_arguments,
)
from retroflip.train.run_directory import RunDirectory
from retroflip.train.summary import summarise
from retroflip.train.trackers import Guarded, ShownRollouts


@dataclass(frozen=True)
class Room:
    """What is known of the machine's memory.

    at_once: from a run's recipe, model, data and encoder, how many branches' rollouts fit, as `Generator.at_once` asks
    for it. hints: which settings of a recipe take less memory.
    """

    at_once: Callable[[RlRecipe, Any, VideoDataset, Encoder], AtOnce]
    hints: Callable[[RlRecipe], str]


def train(recipe: RlRecipe, out: Path, *, resume: bool, progress: Progress, room: Room | None = None) -> None:
    """Run the recipe in the directory `out`; without `room`, as if memory were always enough.

    Raises RunDirectoryError when `out` holds another run, DataError and TooManyFailuresError for the data, and
    NonFiniteLossError or BlindnessError when training would go wrong.
    """
    require_blocks(recipe, gpus=torch.cuda.is_available())
    engine = engine_settings(recipe)
    run = open_run(out, recipe.resolved(), resume=resume)
    processor, fits, own_bounds = sight_of(recipe.model, recipe.data)
    dataset, skipped = load_data(recipe.data, fits, run.failures, progress)
    method = build(recipe.method)
    trained = check_samples(method, dataset.examples)
    if engine is not None:
        _require_one_medium(dataset.examples)
    start = load(recipe.model)
    scores = frame_scores(method, dataset, start, processor, progress)
    model = choose_trained(start, recipe.model, recipe.train.seed)
    settings = recipe.train
    encoder = Encoder(processor, recipe.prompt.system, Notes(shard(run.path, NOTES, processes.rank())))
    trainer = VideoGRPOTrainer(
        model=model,
        args=grpo_config(recipe, run, passes_of(recipe.train, trained, processes.count())),
        generator=generator_of(
            recipe, dataset, encoder, method, scores, written_together(recipe, model, dataset, encoder, room)
        ),
        samples_per_step=settings.samples_per_step,
        vision_trained=recipe.model.vision != "frozen",
        on_step=lambda step, groups: record_rollouts(run.rollouts, step + 1, groups),
        on_broken_loss=lambda step, loss: broken_step(run, step, "loss", loss, offending),
        engine=engine,
        blocks=settings.attention == "blocks",
    )

    def offending() -> list[dict[str, Any]]:
        return list(rollout_rows(trainer.last_groups))

    def show(trackers: Sequence[Guarded]) -> ShownRollouts:
        return ShownRollouts(
            settings.show_every or settings.steps, lambda: told_of(trainer.last_groups, dataset), trackers
        )

    recorder = StepRecorder(
        run, progress, shown="reward/correct", offending=offending, phases=trainer.generator.phases
    )
    trainer.add_callback(recorder)
    if recipe.remark:
        progress.stage(recipe.remark, 0, "")
    progress.stage(f"training with {method.name}", settings.steps, "steps")
    run_trainer(
        trainer,
        run,
        processor,
        Cards(recipe, own_bounds, len(dataset)),
        hints=lambda: room.hints(recipe) if room else MEMORY_HINTS,
        show=show if settings.show_every else None,
    )
    if processes.is_main():
        write_json_atomic(run.summary, summarise(run, len(dataset), skipped))
        run.finish()


def generator_of(
    recipe: RlRecipe,
    dataset: VideoDataset,
    encoder: Encoder,
    method: Method,
    scores: FrameScores | None,
    at_once: AtOnce | None,
) -> Generator:
    """Return what writes the rollouts of a step and rewards them, as the recipe's training section says."""
    settings = recipe.train
    return Generator(
        dataset=dataset,
        encoder=encoder,
        method=method,
        sampling=Sampling(settings.max_completion_length, settings.temperature, settings.top_p),
        seed=settings.seed,
        scores=scores,
        refills=settings.refills,
        at_once=at_once,
    )


def written_together(
    recipe: RlRecipe, model: Any, dataset: VideoDataset, encoder: Encoder, room: Room | None
) -> AtOnce | None:
    """Return how many branches' rollouts this process writes together: what the recipe says, or what fits."""
    chosen = recipe.train.branches_at_once
    if chosen is not None:
        return lambda _prompt, _rollouts: chosen
    return room.at_once(recipe, model, dataset, encoder) if room else None


def require_blocks(recipe: RlRecipe, *, gpus: bool) -> None:
    """Raise UsageError where block masks are asked for on a machine without GPUs."""
    if recipe.train.attention == "blocks" and not gpus:
        raise UsageError(
            "train.attention is blocks, and FlexAttention learns on GPUs alone, of which there is none. Set it to "
            "dense, which gives the same step."
        )


def require_engine(recipe: RlRecipe) -> None:
    """Raise UsageError where vLLM is to write the rollouts and is not installed, or does not know the model."""
    if recipe.train.engine is not None:
        require_vllm()
        require_family(describe_model(recipe.model.path, revision=recipe.model.revision).model_type)


def engine_settings(recipe: RlRecipe) -> EngineSettings | ServerSettings | None:
    """Return how to load or reach the engine that writes rollouts; None where the model writes them itself.

    Raises UsageError where it is asked for and not installed, and RolloutServerError where there is no such server.
    """
    section = recipe.train.engine
    if section is None:
        return None
    require_engine(recipe)
    if section.server is None:
        return EngineSettings(
            context=section.context,
            sequences=section.sequences,
            memory=section.memory,
            batch_tokens=section.batch_tokens,
            dtype=recipe.train.precision,
            eager=section.eager,
        )
    server = ServerSettings(section.server, section.context, section.timeout, section.group_port)
    check_server(server, locate(recipe.model.path))
    return server


def _require_one_medium(samples: Sequence[Sample]) -> None:
    """Raise DataError for a question that a vLLM engine cannot be shown."""
    for sample in samples:
        if len(sample.shown) > 1:
            raise DataError(
                f"Sample {sample.id!r} shows {len(sample.shown)} videos or images, and vLLM engines take one here. "
                "Leave it out, or train without train.engine."
            )


def frame_scores(
    method: Method, dataset: VideoDataset, start: Any, processor: Any, progress: Progress
) -> FrameScores | None:
    """Return the scores that the method's views choose frames by, None where they need none.

    They are computed with the start model, and kept for other runs on the same videos.
    """
    if method.scorer is None:
        return None
    settings, state = method.scorer, PartialState()
    scorer = build_scorer(
        settings.name,
        path=settings.path,
        revision=settings.revision,
        policy=start.to(state.device),
        processor=processor,
    )
    world = World(state.process_index, state.num_processes)
    return score_all(dataset, scorer, cache_folder("frame_scores"), progress, world)


def check_samples(method: Method, samples: Sequence[Sample]) -> int:
    """Ask every sample for its branches and its gold answer, and return how many branches of one are trained at most.

    One without what the method or the reward needs stops the run before its first step. Raises DataError.
    """
    rng = np.random.default_rng(0)
    most = 0
    for sample in samples:
        asked = with_null_option(sample) if method.null_option else sample
        gold_answer(asked)
        most = max(most, sum(branch.trained for branch in method.branches(asked, rng)))
    return most


def passes_of(settings: RlTrainSection, trained: int, world_size: int) -> int:
    """Return how many passes each process takes per step: as asked, but no more than it has branches for.

    trained: how many branches of a question are.
    """
    return min(settings.gradient_accumulation, math.ceil(settings.samples_per_step * trained / world_size))


def grpo_config(recipe: RlRecipe, run: RunDirectory, passes: int) -> GRPOConfig:
    """Return TRL's configuration. Everything that TRL's defaults and the papers see differently is stated."""
    settings = recipe.train
    shared = trainer_arguments(settings, recipe.model, run)
    return GRPOConfig(
        **{**shared, "gradient_accumulation_steps": passes},
        # TRL's own grouping, which is not used: a pass holds whole branches, however many rollouts they have.
        per_device_train_batch_size=2,
        num_generations=2,
        steps_per_generation=passes,
        num_iterations=settings.iterations,
        max_completion_length=settings.max_completion_length,
        temperature=settings.temperature,
        top_p=settings.top_p,
        beta=settings.beta,
        epsilon=settings.epsilon,
        loss_type=settings.loss_type,
        importance_sampling_level="sequence" if settings.loss_type in OF_SEQUENCES else "token",
        use_bias_correction_kl=False,
        mask_truncated_completions=False,
        disable_dropout=True,
        # The engine is loaded by the trainer (`inference/vllm_rollouts.py`); TRL's own knows no videos.
        use_vllm=False,
        vllm_importance_sampling_mode=settings.engine.correction if settings.engine else "token_truncate",
        # The reference is loaded anew from where the policy came from: the same revision, safetensors as well.
        model_init_kwargs={"revision": recipe.model.revision or "main", "use_safetensors": True},
    )


def record_rollouts(path: Path, step: int, groups: Sequence[GroupRollouts]) -> None:
    """Append one row per rollout: what was asked and written, how it was read, what it earned."""
    append_rows(path, ({"step": step, **row} for row in rollout_rows(groups)))


def rollout_rows(groups: Sequence[GroupRollouts]) -> Iterator[dict[str, Any]]:
    """Yield every rollout of a step as a record of plain values."""
    for rolled in groups:
        sample = rolled.group.sample
        asked = {"task_type": sample.task_type, "options": list(sample.options)}
        for index, written in enumerate(rolled.branches):
            components = {name: values[index] for name, values in rolled.rewards.components.items()}
            for number, rollout in enumerate(rolled.group.rollouts[index]):
                yield {
                    "sample": rolled.group.sample.id,
                    "branch": written.branch.name,
                    "view": written.branch.view.label,
                    "rollout": number,
                    "text": written.texts[number],
                    "answer": None if rollout.answer is None else rollout.answer.value,
                    "gold": rolled.group.gold.value,
                    "truncated": written.completions[number].truncated,
                    "rewards": {name: float(v[number]) for name, v in components.items() if len(v)},
                    "total": float(rolled.rewards.totals[index][number]),
                    "advantage": float(rolled.advantages[index][number]),
                    **asked,
                    "frames": [{"places": one.places, "mirrored": one.mirrored} for one in written.shown],
                }
