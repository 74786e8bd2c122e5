"""SynRL's stages over several seeds, from one command that can be stopped and started again at any point.

    DIR/seed-N/data/COURSE       the videos of a course, and the embedded model that starts it
    DIR/seed-N/ARM, eval/ARM     a stage's run directory, and its model's answers about the held-out pairs

The rest is laid out as in every study (`retroflip.study.workplace`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from retroflip.data.dataset import VideoDataset
from retroflip.data.manifest import read_manifest
from retroflip.data.records import read_samples
from retroflip.progress import Progress
from retroflip.sft.recipe import SftRecipe
from retroflip.study.arms import chosen
from retroflip.study.cells import CONTROLS, SeedFolder
from retroflip.study.stages import ask, trained
from retroflip.study.synrl.arms import (
    ARMS,
    PLANS,
    QUICK,
    SECOND,
    SUPERVISED,
    Amount,
    Course,
    CourseFolder,
    Stage,
    recipe_of,
)
from retroflip.study.synrl.data import prepare, prepare_second, write_lessons
from retroflip.study.synrl.tables import answer_measures, document, markdown
from retroflip.study.workplace import Labelled, attempt, open_study, save_tables, seeds_there
from retroflip.train.run_directory import RunDirectory

BY_NAME = {stage.name: stage for stage in ARMS}


@dataclass(frozen=True)
class StageFolder(SeedFolder):
    """Where everything of one seed lies; cells hold accuracy by kind and by label too."""

    def course(self, course: Course) -> CourseFolder:
        """Return the folder of a course."""
        return CourseFolder(self.data / course.name)

    def measured(self, scores: Mapping[str, Any]) -> dict[str, float | None]:
        return answer_measures(scores)


def run_study(
    out: Path, *, seeds: Sequence[int], names: Sequence[str], quick: bool, progress: Progress
) -> dict[str, Any]:
    """Run the named arms (all for no names) with these seeds in the directory `out` and return study.json.

    An arm that goes on from another's model trains that one too. The table covers all arms and every seed there is a
    folder of. An arm that fails is recorded, and the others go on.

    Raises UsageError for an unknown arm, RunDirectoryError when `out` holds something else or a study of another size.
    """
    stages = chosen(names, ARMS)
    amounts = {course.name: QUICK if quick else course.amount for course in PLANS}
    open_study(out, _settings(amounts))
    found = write_tables(out, amounts, seeds)
    total = len(seeds) * len(stages)
    for turn, seed in enumerate(seeds):
        folder = _folder(out, seed)
        for index, stage in enumerate(stages, start=1 + turn * len(stages)):
            told = Labelled(progress, f"{index}/{total}, seed {seed}, {stage.name}")
            folder.path.mkdir(exist_ok=True)
            amount = amounts[stage.course.name]
            attempt(folder.failure(stage), partial(settle, folder, stage, amount, seed, told), told)
            found = write_tables(out, amounts, seeds)
    return found


def write_tables(out: Path, amounts: Mapping[str, Amount], seeds: Sequence[int]) -> dict[str, Any]:
    """Write study.json and study.md from what is there now, and return study.json."""
    shown = seeds_there(out, seeds)
    cells = {stage.name: {seed: _folder(out, seed).read(stage) for seed in shown} for stage in ARMS}
    return save_tables(out, document(cells, _settings(amounts), shown), markdown)


def settle(folder: StageFolder, stage: Stage, amount: Amount, seed: int, progress: Progress) -> None:
    """Bring one arm to its scores."""
    data = folder.course(stage.course)
    prepare(data, stage.course, amount, seed, progress)
    model, fresh = model_of(folder, stage, amount, seed, progress)
    # A model that was made just now is asked even where there are scores: they could be another's, and that is checked.
    if fresh or not folder.is_evaluated(stage):
        dataset = VideoDataset(
            read_samples(data.test / "records.jsonl"),
            data.test,
            read_manifest(data.test / "manifest.json"),
        )
        stated = {"frames": stage.course.frames, "max_tokens": stage.course.tokens, "null_option": False}
        ask(folder.answers(stage), model, dataset, CONTROLS, progress, stated)


def model_of(
    folder: StageFolder, stage: Stage, amount: Amount, seed: int, progress: Progress
) -> tuple[Path, bool]:
    """Return a stage's model, and whether it was made just now; it and those before it are trained where need be."""
    data = folder.course(stage.course)
    start = data.embedded
    if stage.start is not None:
        start, _ = model_of(folder, BY_NAME[stage.start], amount, seed, progress)
    recipe = recipe_of(stage, start, data, amount, seed)
    if stage.recipe == SECOND:
        prepare_second(data, stage.course, amount, seed, progress)
    if stage.recipe == SUPERVISED and isinstance(recipe, SftRecipe):
        kinds = stage.course.labelled(stage.labels)
        lessons = recipe.train.steps * recipe.train.batch_size
        write_lessons(data.lessons(kinds), stage.course, kinds, lessons, seed)
    run = folder.run(stage)
    fresh = not RunDirectory.is_finished(run, recipe.resolved())
    return trained(recipe, run, progress), fresh


def _folder(out: Path, seed: int) -> StageFolder:
    return StageFolder(out / f"seed-{seed}")


def _settings(amounts: Mapping[str, Amount]) -> dict[str, Any]:
    return {"amounts": {course: asdict(amount) for course, amount in amounts.items()}}
