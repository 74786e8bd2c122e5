"""The study of methods.

DIR/seed-N/data, sft         the laboratory and the start that a seed's arms share
DIR/seed-N/ARM, eval/ARM     an arm's run directory, and its model's answers about the pairs
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from retroflip.bench.metrics.pairs import PAIR_ACCURACY
from retroflip.data.records import read_samples
from retroflip.data.sample import Sample
from retroflip.lab.kinds import PAIRED
from retroflip.lab.laboratory import Laboratory, write_laboratory
from retroflip.progress import Progress
from retroflip.study.cells import SeedFolder
from retroflip.study.methods.arms import ARMS, BASELINE, QUESTIONS, MethodArm, budget, recipe_of
from retroflip.study.methods.papers import REFERENCES
from retroflip.study.plan import CONTROLS, Plan, Table
from retroflip.study.stages import FULL, Size, Trained, evaluate, lab_settings, supervised, trained

QUICK = Size(sft_samples=32, train_samples=16, pairs_per_task=2, sft_steps=3, rl_steps=2)
"""shows that every step works, and no more"""
_TRAINING = (
    "Zero advantage: the share of groups that no trained rollout learns from; reward std: of all trained rollouts of a "
    "group together. Both are means over a run's steps. Rewards differ between methods (CRPO adds relation rewards and "
    "halves the counterfactual's), so their spread compares only where rewards are the same: GRPO, Dr.GRPO and STRIVE."
)


@dataclass(frozen=True)
class MethodsSeed:
    """What the arms of a seed share: the laboratory and the supervised start."""

    folder: SeedFolder
    seed: int
    size: Size
    lab: Laboratory
    start: Trained
    pairs: Sequence[Sample]

    def train(self, arm: MethodArm, progress: Progress) -> Trained:
        """Train an arm from the supervised start; the start itself is trained already."""
        if arm.recipe is None:
            return self.start
        recipe = recipe_of(arm, arm.recipe, self.start.model, self.lab, self.size, self.seed)
        return trained(recipe, self.folder.run(arm), progress)

    def ask(self, arm: MethodArm, model: Path, progress: Progress) -> None:
        """Ask about the laboratory's pairs."""
        evaluate(self.folder.answers(arm), model, self.lab, self.pairs, CONTROLS, progress)


def plan(quick: bool) -> Plan[MethodArm]:
    """Return the study. quick: with a few steps an arm, which shows that every step works, and no more.

    Raises RecipeError for an arm whose recipe cannot be read.
    """
    size = QUICK if quick else FULL
    about = (
        f"{size.rl_steps} steps of {QUESTIONS} questions from the supervised start of each seed; "
        f"{len(PAIRED) * size.pairs_per_task} pairs a seed."
    )
    budgets = {arm.name: found for arm in ARMS if (found := budget(arm)) is not None}
    table = Table("methods", about, ARMS, BASELINE, REFERENCES, budgets=budgets, training=_TRAINING)
    return Plan(
        "methods",
        "Methods on the tiny laboratory",
        {"size": asdict(size)},
        (table,),
        PAIR_ACCURACY,
        partial(open_seed, size),
        command="methods --quick" if quick else "methods",
    )


def open_seed(size: Size, path: Path, seed: int, progress: Progress) -> MethodsSeed:
    """Make the laboratory and the supervised start of a seed, unless they are there."""
    folder = SeedFolder(path)
    lab = write_laboratory(folder.data, lab_settings(size, seed), progress)
    start = supervised(folder.start, lab, size, seed, progress)
    pairs = read_samples(lab.pairs / "records.jsonl")
    return MethodsSeed(folder, seed, size, lab, start, pairs)
