"""One supervised run, from a recipe to a trained model in a run directory; resumable after a kill at any step."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from trl.trainer.sft_config import SFTConfig

from retroflip.data.answers import trace_fault
from retroflip.data.dataset import VideoDataset
from retroflip.data.prompts import with_null_option
from retroflip.data.record_notes import NOTES, Notes
from retroflip.data.sample import Modality, Sample
from retroflip.draws import draw
from retroflip.errors import DataError, UsageError
from retroflip.files.shards import shard
from retroflip.files.storage import read_jsonl, write_json_atomic, write_jsonl_atomic
from retroflip.models import processes
from retroflip.models.encoding import Encoder, Prompt
from retroflip.progress import Progress
from retroflip.recipes.schema import DataSection
from retroflip.sft.recipe import GeneralSection, SftRecipe, SftTrainSection
from retroflip.sft.trainer import VideoSFTTrainer
from retroflip.train.card import Cards
from retroflip.train.datasets.base import Choice
from retroflip.train.loop import (
    StepRecorder,
    choose_trained,
    load,
    load_data,
    open_run,
    run_trainer,
    sight_of,
    trainer_arguments,
)
from retroflip.train.sample_order import Epochs
from retroflip.train.summary import summarise


@dataclass(frozen=True)
class RecordedLessons:
    """The records of a data set, each with its video and the response to it that is taught."""

    dataset: VideoDataset
    encoder: Encoder
    null_option: bool
    response: Callable[[Sample], str]

    def __len__(self) -> int:
        return len(self.dataset)

    def lesson(self, index: int) -> tuple[Prompt, str]:
        """Return one record's prompt and response."""
        sample = self.dataset.samples[index]
        asked = with_null_option(sample) if self.null_option else sample
        return self.encoder.encode(asked, self.dataset.load_all(sample)), self.response(sample)

    def named(self, index: int) -> dict[str, str]:
        """Return a record as a message about it shows it."""
        sample = self.dataset.samples[index]
        return {
            "sample": sample.id,
            "video": sample.video,
            "question": sample.question,
            "text": self.response(sample),
        }


@dataclass(frozen=True)
class MixedLessons:
    """Lessons of several data sets, one after the other; the order of a run spreads them over its steps."""

    parts: tuple[RecordedLessons, ...]

    def __len__(self) -> int:
        return sum(len(part) for part in self.parts)

    def lesson(self, index: int) -> tuple[Prompt, str]:
        """Return one lesson's prompt and response."""
        part, inside = self._found(index)
        return part.lesson(inside)

    @property
    def epoch_length(self) -> int:
        """The lessons of an epoch: those of all parts' epochs."""
        return sum(part.dataset.epoch_length for part in self.parts)

    def epoch_order(self, seed: int, epoch: int) -> npt.NDArray[np.int64]:
        """Return the lessons of an epoch in their order: the parts' own, and several of them mixed."""
        if len(self.parts) == 1:
            return self.parts[0].dataset.epoch_order(seed, epoch)
        begins = np.cumsum([0, *(len(part) for part in self.parts)])
        several = [
            begin + np.sort(part.dataset.epoch_order(seed, epoch))
            for begin, part in zip(begins, self.parts, strict=False)
        ]
        chosen = np.concatenate(several)
        return chosen[draw(seed, "order", epoch).permutation(len(chosen))]

    def named(self, indices: Sequence[int]) -> list[dict[str, str]]:
        """Return lessons as a message about them shows them."""
        found = [self._found(index) for index in indices]
        return [part.named(inside) for part, inside in found]

    def _found(self, index: int) -> tuple[RecordedLessons, int]:
        for part in self.parts:
            if index < len(part):
                return part, index
            index -= len(part)
        raise IndexError("there are fewer lessons")


def _trace_of(sample: Sample) -> str:
    if sample.trace is None:
        raise DataError(
            f"Sample {sample.id!r} has no reasoning trace (the key 'process' of its record), and supervised "
            "fine-tuning imitates traces. Add one, or train on these records with `retroflip train`."
        )
    return sample.trace


def note_traces(samples: Iterable[Sample], notes: Notes) -> None:
    """Note the samples whose trace does not end in their own answer: it is imitated as it is."""
    for sample in samples:
        try:
            fault = trace_fault(sample)
        except DataError as error:
            fault = str(error)
        if fault:
            notes.add(sample.id, fault)


def _direct_answer(sample: Sample) -> str:
    """Return the answer alone, a letter for multiple choice."""
    return f"\\boxed{{{sample.solution}}}"


def train(recipe: SftRecipe, out: Path, *, resume: bool, progress: Progress) -> None:
    """Run the recipe in the directory `out`. Raises as `retroflip.rl.train.train` does, and DataError for a record
    without a trace, before the first step."""
    run = open_run(out, recipe.resolved(), resume=resume)
    processor, fits, own_bounds = sight_of(recipe.model, recipe.data)

    left_out: Counter[str] = Counter()
    failed: list[dict[str, Any]] = []

    def decoded(section: DataSection, choose: Choice | None = None) -> VideoDataset:
        dataset, skipped = load_data(section, fits, run.failures, progress, choose)
        left_out.update(skipped)
        if processes.is_main():
            # The file holds those of this section alone.
            failed.extend(read_jsonl(run.failures))
            write_jsonl_atomic(run.failures, failed)
        return dataset

    parts = read_parts(recipe, decoded)
    model = choose_trained(load(recipe.model), recipe.model, recipe.train.seed)
    notes = Notes(shard(run.path, NOTES, processes.rank()))
    if processes.is_main():
        note_traces(parts[0].dataset.examples, notes)
    lessons = lessons_of(parts, processor, null_option=recipe.prompt.null_option, notes=notes)
    encoder = lessons.parts[0].encoder
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
        epochs=Epochs(lessons.epoch_length, lessons.epoch_order),
        encoder=encoder,
    )
    trainer.add_callback(
        StepRecorder(
            run, progress, shown="loss", offending=lambda: lessons.named(trainer.indices_of_current_step())
        )
    )
    progress.stage("supervised fine-tuning", settings.steps, "steps")
    run_trainer(
        trainer,
        run,
        processor,
        Cards(recipe, own_bounds, len(lessons)),
    )
    if processes.is_main():
        write_json_atomic(run.summary, summarise(run, len(lessons), left_out))
        run.finish()


class Part(NamedTuple):
    """One of the data sets that are taught: its system prompt (None for the built-in one) and what is taught of it."""

    dataset: VideoDataset
    system_prompt: str | None
    response: Callable[[Sample], str]


class Load(Protocol):
    """Returns the data that a section names, of which `choose` says which records are used."""

    def __call__(self, section: DataSection, choose: Choice | None = None) -> VideoDataset:
        """Return it."""


def read_parts(recipe: SftRecipe, load: Load) -> list[Part]:
    """Return the records with traces and, where the recipe asks for them, general questions drawn by its seed.

    Raises DataError for a record without a trace and for too few general questions for their share.
    """
    dataset = load(recipe.data)
    for sample in dataset.examples:
        _trace_of(sample)
    # Without views there is nothing to choose from more frames than are shown.
    parts = [Part(replace(dataset, pool=None), recipe.prompt.system, _trace_of)]
    if recipe.general is not None:
        general = _general(recipe, recipe.general, len(dataset.samples), load)
        parts.append(Part(general, recipe.general.prompt, _direct_answer))
    return parts


def lessons_of(
    parts: Sequence[Part], processor: Any, *, null_option: bool, notes: Notes | None = None
) -> MixedLessons:
    """Return the lessons of all parts, as this processor's model reads them."""
    return MixedLessons(
        tuple(
            RecordedLessons(
                part.dataset, Encoder(processor, part.system_prompt, notes), null_option, part.response
            )
            for part in parts
        )
    )


def _general(recipe: SftRecipe, section: GeneralSection, reasoned: int, load: Load) -> VideoDataset:
    wanted = section.lessons_beside(reasoned)

    def choose(samples: Sequence[Sample]) -> list[Sample]:
        if len(samples) < wanted:
            raise DataError(
                f"{section.records}: holds {len(samples)} video questions, and general.share {section.share:g} beside "
                f"{reasoned} records with traces needs {wanted}. Add records, or lower general.share."
            )
        order = draw(recipe.train.seed, "general").permutation(len(samples))
        return [samples[int(index)] for index in order[:wanted]]

    own: dict[str, Any] = {"records": section.records, "root": section.root, "columns": section.columns}
    plain: dict[str, Any] = {
        "mixture": None,
        "labels": {},
        "limit": None,
        "pool": None,
        "modalities": (Modality.VIDEO,),
    }
    data = recipe.data.model_copy(update=own | plain)
    return load(data, choose)


def _records_each(settings: SftTrainSection) -> int:
    """Return how many records each process reads in a pass. Raises UsageError where they do not divide evenly."""
    passes = settings.gradient_accumulation * processes.count()
    if settings.batch_size % passes:
        raise UsageError(
            f"train.batch_size is {settings.batch_size}, which {processes.count()} processes with {passes} passes "
            f"in all cannot share evenly: set it to a multiple of {passes}, or start another number of processes."
        )
    return settings.batch_size // passes
