"""All arms over several seeds, from one command that can be stopped and started again at any point.

    DIR/seed-N/data, sft         the laboratory and the start that a seed's arms share
    DIR/seed-N/ARM, eval/ARM     an arm's run directory, and its model's answers about the pairs

The rest is laid out as in every study (`workplace.py`). What is done is a matter of these files alone: a finished run
with its scores is not touched again.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from retroflip.data.records import read_samples
from retroflip.data.sample import Sample
from retroflip.lab.laboratory import Laboratory, write_laboratory
from retroflip.progress import Progress
from retroflip.study.arms import ARMS, METHODS, Arm, Budget, budget, chosen, recipe_of
from retroflip.study.cells import CONTROLS, SeedFolder
from retroflip.study.document import document
from retroflip.study.markdown import markdown
from retroflip.study.stages import FULL, Size, evaluate, lab_settings, supervised, trained
from retroflip.study.workplace import Labelled, attempt, open_study, save_tables, seeds_there
from retroflip.train.marks import COMPLETE_MARKER
from retroflip.train.run_directory import RunDirectory

QUICK = Size(sft_samples=32, train_samples=16, pairs_per_task=2, sft_steps=3, rl_steps=2)
"""shows that every step works, and no more"""


@dataclass(frozen=True)
class _Seed:
    """What the arms of a seed share. fresh: whether the start model was made just now."""

    number: int
    folder: SeedFolder
    size: Size
    lab: Laboratory
    start: Path
    fresh: bool
    pairs: Sequence[Sample]


def run_study(
    out: Path, *, seeds: Sequence[int], names: Sequence[str], quick: bool, progress: Progress
) -> dict[str, Any]:
    """Run the named arms (all for no names) with these seeds in the directory `out` and return study.json.

    The table covers all arms and every seed there is a folder of. An arm that fails is recorded, and the others go on.

    Raises UsageError for an unknown arm, RecipeError for an arm whose recipe cannot be read, RunDirectoryError when
    `out` holds something else or a study of another size, and what the supervised start of a seed raises.
    """
    arms = chosen(names, ARMS)
    budgets = {arm.name: budget(arm) for arm in ARMS}
    size = QUICK if quick else FULL
    open_study(out, _settings(size))
    found = write_tables(out, budgets, size, seeds)
    total = len(seeds) * len(arms)
    for turn, number in enumerate(seeds):
        seed = _prepare(out, number, size, Labelled(progress, f"seed {number}"))
        for index, arm in enumerate(arms, start=1 + turn * len(arms)):
            settle(seed, arm, Labelled(progress, f"{index}/{total}, seed {number}, {arm.name}"))
            found = write_tables(out, budgets, size, seeds)
    return found


def write_tables(
    out: Path, budgets: dict[str, Budget | None], size: Size, seeds: Sequence[int]
) -> dict[str, Any]:
    """Write study.json and study.md from what is there now, and return study.json."""
    shown = seeds_there(out, seeds)
    cells = {arm.name: {seed: _folder(out, seed).read(arm) for seed in shown} for arm in ARMS}
    return save_tables(out, document(METHODS, cells, budgets, _settings(size), shown), markdown)


def settle(seed: _Seed, arm: Arm, progress: Progress) -> None:
    """Bring one arm to its scores, or record what stopped it."""
    attempt(seed.folder.failure(arm), partial(_train_and_ask, seed, arm, progress), progress)


def _train_and_ask(seed: _Seed, arm: Arm, progress: Progress) -> None:
    model, fresh = seed.start, seed.fresh
    if arm.recipe is not None:
        recipe = recipe_of(arm, arm.recipe, seed.start, seed.lab, seed.size, seed.number)
        run = seed.folder.run(arm)
        fresh = not RunDirectory.is_finished(run, recipe.resolved())
        model = trained(recipe, run, progress)
    # A model that was made just now is asked even where there are scores: they could be another's, and that is checked.
    if fresh or not seed.folder.is_evaluated(arm):
        evaluate(seed.folder.answers(arm), model, seed.lab, seed.pairs, CONTROLS, progress)


def _prepare(out: Path, number: int, size: Size, progress: Progress) -> _Seed:
    """Make the laboratory and the supervised start of a seed, unless they are there."""
    folder = _folder(out, number)
    lab = write_laboratory(folder.data, lab_settings(size, number), progress)
    fresh = not (folder.start / COMPLETE_MARKER).is_file()
    start = supervised(folder.start, lab, size, number, progress)
    return _Seed(number, folder, size, lab, start, fresh, read_samples(lab.pairs / "records.jsonl"))


def _folder(out: Path, number: int) -> SeedFolder:
    return SeedFolder(out / f"seed-{number}")


def _settings(size: Size) -> dict[str, Any]:
    return {"size": asdict(size)}
