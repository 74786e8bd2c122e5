"""One supervised run, from a recipe to a trained model in a run directory; resumable after a kill at any step."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from trl.trainer.sft_config import SFTConfig

from retroflip import processes
from retroflip.data.dataset import VideoDataset
from retroflip.data.prompts import with_null_option
from retroflip.data.sample import Sample
from retroflip.errors import DataError, UsageError
from retroflip.models.encoding import Encoder, Prompt
from retroflip.progress import Progress
from retroflip.recipe import SftRecipe, SftTrainSection
from retroflip.sft.trainer import VideoSFTTrainer
from retroflip.training import (
    StepRecorder,
    load_data,
    load_for_training,
    open_run,
    run_trainer,
    trainer_arguments,
)


@dataclass(frozen=True)
class RecordedLessons:
    """The traces of a data set's records, each with its video."""

    dataset: VideoDataset
    encoder: Encoder
    null_option: bool

    def __len__(self) -> int:
        return len(self.dataset)

    def lesson(self, index: int) -> tuple[Prompt, str]:
        """Return one record's prompt and trace."""
        sample = self.dataset.samples[index]
        asked = with_null_option(sample) if self.null_option else sample
        return self.encoder.encode(asked, self.dataset.load(sample)), _trace_of(sample)

    def named(self, indices: Sequence[int]) -> list[dict[str, str | None]]:
        """Return the records as a message about them shows them."""
        samples = [self.dataset.samples[index] for index in indices]
        return [
            {"sample": sample.id, "video": sample.video, "question": sample.question, "text": sample.trace}
            for sample in samples
        ]


def _trace_of(sample: Sample) -> str:
    if sample.trace is None:
        raise DataError(
            f"Sample {sample.id!r} has no reasoning trace (the key 'process' of its record), and supervised "
            "fine-tuning imitates traces. Add one, or train on these records with `retroflip train`."
        )
    return sample.trace


def train(recipe: SftRecipe, out: Path, *, resume: bool, progress: Progress) -> None:
    """Run the recipe in the directory `out`. Raises as `retroflip.rl.run.train` does, and DataError for a record
    without a trace, before the first step."""
    run = open_run(out, recipe.resolved(), resume=resume)
    dataset, _ = load_data(recipe.data, run.failures, progress)
    dataset = replace(
        dataset, pool=None
    )  # without views there is nothing to choose from more frames than are shown
    for sample in dataset.samples:
        _trace_of(sample)
    model, processor = load_for_training(recipe.model, recipe.train.seed)
    encoder = Encoder(processor, recipe.prompt.system)
    lessons = RecordedLessons(dataset, encoder, recipe.prompt.null_option)
    settings = recipe.train
    trainer = VideoSFTTrainer(
        model=model,
        args=SFTConfig(
            **trainer_arguments(settings, recipe.model, run),
            per_device_train_batch_size=_records_each(settings),
            max_length=None,
            dataset_kwargs={"skip_prepare_dataset": True},
        ),
        lessons=lessons,
        encoder=encoder,
    )
    trainer.add_callback(
        StepRecorder(
            run, progress, shown="loss", offending=lambda: lessons.named(trainer.indices_of_current_step())
        )
    )
    progress.stage("supervised fine-tuning", settings.steps, "steps")
    run_trainer(trainer, run, processor)
    if processes.is_main():
        run.finish()


def _records_each(settings: SftTrainSection) -> int:
    """Return how many records each process reads in a pass. Raises UsageError where they do not divide evenly."""
    passes = settings.gradient_accumulation * processes.count()
    if settings.batch_size % passes:
        raise UsageError(
            f"train.batch_size is {settings.batch_size}, which {processes.count()} processes with {passes} passes "
            f"in all cannot share evenly: set it to a multiple of {passes}, or start another number of processes."
        )
    return settings.batch_size // passes
