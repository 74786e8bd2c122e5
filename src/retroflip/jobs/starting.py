"""What keeps a run from starting, found before anything is decoded, loaded or trained."""

from retroflip.data.dataset import VideoDataset
from retroflip.jobs.recipes import AnyRecipe
from retroflip.models.scorers.build import require_checkpoint
from retroflip.recipes.schema import DataSection
from retroflip.rl.methods.registry import build
from retroflip.rl.recipe import RlRecipe
from retroflip.rl.train import check_samples, require_blocks, require_engine
from retroflip.sft.recipe import SftRecipe
from retroflip.sft.train import read_parts
from retroflip.train import machine
from retroflip.train.datasets import dataset_of
from retroflip.train.datasets.base import Choice
from retroflip.train.loop import require_trackers, sight_of
from retroflip.train.machine import Machine
from retroflip.train.sample_order import require_step


def require_start(recipe: AnyRecipe, target: Machine | None = None) -> None:
    """Raise what a run would end with before its first step; no file of the data's is opened, no weight read.

    DataError: samples that do not fill a step, or lack what they are used for. TooManyFailuresError: files that are not
    there. UsageError: a model, a scorer's checkpoint or a package that is missing, or a GPU of the machine that the run
    is for (by default this one).
    """
    require_trackers(recipe.train.report_to)
    fits = sight_of(recipe.model, recipe.data).fits

    def load(section: DataSection, choose: Choice | None = None) -> VideoDataset:
        dataset = dataset_of(section, fits, choose).dataset
        dataset.require(section.max_failed_share)
        return dataset

    if isinstance(recipe, SftRecipe):
        lessons = sum(part.dataset.epoch_length for part in read_parts(recipe, load))
        require_step(lessons, recipe.train.batch_size, "train.batch_size")
    else:
        _require_rl(recipe, load(recipe.data), target or machine.here())


def _require_rl(recipe: RlRecipe, dataset: VideoDataset, target: Machine) -> None:
    require_blocks(recipe, gpus=target.gpus)
    require_step(dataset.epoch_length, recipe.train.samples_per_step, "train.samples_per_step")
    method = build(recipe.method)
    check_samples(method, dataset.examples)
    if method.scorer is not None:
        require_checkpoint(method.scorer.name, path=method.scorer.path, revision=method.scorer.revision)
    require_engine(recipe)
