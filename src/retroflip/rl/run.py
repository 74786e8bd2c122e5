"""One RL run, from a recipe to a trained model in a run directory; resumable after a kill at any step."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from accelerate import PartialState
from peft import PeftModel
from trl.trainer.grpo_config import GRPOConfig

from retroflip.cache import cache_folder
from retroflip.data.dataset import VideoDataset
from retroflip.data.prompts import with_null_option
from retroflip.data.sample import Sample
from retroflip.files import append_jsonl, read_jsonl, write_json_atomic
from retroflip.models.encoding import Encoder
from retroflip.models.scorers.build import build as build_scorer
from retroflip.progress import Progress
from retroflip.recipe import RlRecipe
from retroflip.rl.answers import gold_answer
from retroflip.rl.frame_scores import FrameScores, score_all
from retroflip.rl.generation import Generator, GroupRollouts
from retroflip.rl.methods.base import Method
from retroflip.rl.methods.registry import build
from retroflip.rl.rollout import Sampling
from retroflip.rl.trainer import VideoGRPOTrainer
from retroflip.rl.world import World
from retroflip.run_directory import RunDirectory
from retroflip.training import StepRecorder, load_data, load_for_training, run_trainer, trainer_arguments

TRAILING_STEPS = 10
"""the last steps that a run's summary averages over"""


def train(recipe: RlRecipe, out: Path, *, resume: bool, progress: Progress) -> None:
    """Run the recipe in the directory `out`.

    Raises RunDirectoryError when `out` holds another run, DataError and TooManyFailuresError for the data, and
    NonFiniteLossError or BlindnessError when training would go wrong.
    """
    run = RunDirectory.open(out, recipe.resolved(), resume=resume)
    dataset, skipped = load_data(recipe.data, run.failures, progress)
    method = build(recipe.method)
    check_samples(method, dataset.samples)
    model, processor = load_for_training(recipe.model, recipe.train.seed)
    settings = recipe.train
    trainer = VideoGRPOTrainer(
        model=model,
        args=grpo_config(recipe, run),
        generator=Generator(
            dataset=dataset,
            encoder=Encoder(processor, recipe.prompt.system),
            method=method,
            sampling=Sampling(settings.max_completion_length, settings.temperature, settings.top_p),
            seed=settings.seed,
            scores=frame_scores(method, dataset, model, processor, progress),
            refills=settings.refills,
            at_once=settings.branches_at_once,
        ),
        samples_per_step=settings.samples_per_step,
        vision_trained=recipe.model.vision != "frozen",
        on_step=lambda step, groups: record_rollouts(run.rollouts, step + 1, groups),
    )
    trainer.add_callback(StepRecorder(run, progress, shown="reward/correct"))
    progress.stage(f"training with {method.name}", settings.steps, "steps")
    run_trainer(trainer, run, processor)
    write_json_atomic(run.summary, summarise(run, len(dataset), skipped))
    run.finish()


def frame_scores(
    method: Method, dataset: VideoDataset, policy: Any, processor: Any, progress: Progress
) -> FrameScores | None:
    """Return the scores that the method's views choose frames by, None where they need none.

    They are computed with the start weights, and kept for other runs on the same videos.
    """
    if method.scorer is None:
        return None
    settings = method.scorer
    scorer = build_scorer(
        settings.name,
        path=settings.path,
        revision=settings.revision,
        policy=policy.get_base_model() if isinstance(policy, PeftModel) else policy,
        processor=processor,
    )
    state = PartialState()
    world = World(state.process_index, state.num_processes, str(state.device))
    return score_all(dataset, scorer, cache_folder("frame_scores"), progress, world)


def check_samples(method: Method, samples: Sequence[Sample]) -> None:
    """Ask every sample for its branches and its gold answer.

    One without what the method or the reward needs stops the run before its first step. Raises DataError.
    """
    rng = np.random.default_rng(0)
    for sample in samples:
        asked = with_null_option(sample) if method.null_option else sample
        gold_answer(asked)
        method.branches(asked, rng)


def grpo_config(recipe: RlRecipe, run: RunDirectory) -> GRPOConfig:
    """Return TRL's configuration. Everything that TRL's defaults and the papers see differently is stated."""
    settings = recipe.train
    return GRPOConfig(
        **trainer_arguments(settings, recipe.model, run),
        # TRL's own grouping, which is not used: a pass holds whole branches, however many rollouts they have.
        per_device_train_batch_size=2,
        num_generations=2,
        steps_per_generation=settings.gradient_accumulation,
        num_iterations=settings.iterations,
        max_completion_length=settings.max_completion_length,
        temperature=settings.temperature,
        top_p=settings.top_p,
        beta=settings.beta,
        epsilon=settings.epsilon,
        loss_type=settings.loss_type,
        importance_sampling_level="token",
        use_bias_correction_kl=False,
        mask_truncated_completions=False,
        disable_dropout=True,
        use_vllm=False,
        # The reference is loaded anew from where the policy came from: the same revision, safetensors as well.
        model_init_kwargs={"revision": recipe.model.revision or "main", "use_safetensors": True},
    )


def record_rollouts(path: Path, step: int, groups: Sequence[GroupRollouts]) -> None:
    """Append one row per rollout: what was asked and written, how it was read, what it earned."""
    for rolled in groups:
        for index, branch in enumerate(rolled.branches):
            for number, (text, rollout) in enumerate(
                zip(branch.texts, rolled.group.rollouts[index], strict=True)
            ):
                components = {name: values[index] for name, values in rolled.rewards.components.items()}
                append_jsonl(
                    path,
                    {
                        "step": step,
                        "sample": rolled.group.sample.id,
                        "branch": branch.branch.name,
                        "view": branch.branch.view.label,
                        "rollout": number,
                        "text": text,
                        "answer": None if rollout.answer is None else rollout.answer.value,
                        "gold": rolled.group.gold.value,
                        "truncated": branch.completions[number].truncated,
                        "rewards": {name: float(v[number]) for name, v in components.items() if len(v)},
                        "total": float(rolled.rewards.totals[index][number]),
                        "advantage": float(rolled.advantages[index][number]),
                    },
                )


def summarise(run: RunDirectory, samples: int, skipped: Mapping[str, int]) -> dict[str, object]:
    """Return the run's numbers: every metric's mean over its last steps, and what could not be used."""
    rows = read_jsonl(run.metrics)
    tail = rows[-TRAILING_STEPS:]
    names = sorted({name for row in tail for name in row} - {"step"})
    means = {name: float(np.mean([row[name] for row in tail if row.get(name) is not None])) for name in names}
    failed = read_jsonl(run.failures) if run.failures.exists() else []
    return {
        "schema": 1,
        "steps": len(rows),
        "last_steps": {"count": len(tail), "means": means},
        "records": {"used": samples, "left_out": dict(skipped)},
        "failures": {"videos": len(failed)},
    }
