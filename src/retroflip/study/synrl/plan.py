"""The study of SynRL's stages.

DIR/seed-N/data/COURSE       the videos of a course, and the embedded model that starts it
DIR/seed-N/ARM, eval/ARM     a stage's run directory, and its model's answers about the held-out pairs
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from retroflip.bench.metrics.answers import ACCURACY
from retroflip.data.dataset import VideoDataset
from retroflip.data.manifest import read_manifest
from retroflip.data.records import read_samples
from retroflip.progress import Progress
from retroflip.sft.recipe import SftRecipe
from retroflip.study.cells import SeedFolder
from retroflip.study.papers import Reference
from retroflip.study.plan import CONTROLS, Plan, Table
from retroflip.study.stages import Trained, ask, trained
from retroflip.study.synrl.accuracy import by_task, measures_of
from retroflip.study.synrl.arms import ARMS, PER_LABEL, SECOND, STAGES, SUPERVISED, Stage, recipe_of
from retroflip.study.synrl.courses import MOTION, PRIMITIVES, QUICK, Amount, Course, CourseFolder
from retroflip.study.synrl.data import prepare, prepare_second, write_lessons
from retroflip.study.synrl.papers import PRIMITIVE_REFERENCES, STAGE_REFERENCES

BY_NAME = {stage.name: stage for stage in ARMS}
Amounts = Mapping[str, Amount]
"""by course"""


@dataclass(frozen=True)
class SynRlSeed:
    """The videos of both courses for one seed, written when a stage needs them."""

    folder: SeedFolder
    seed: int
    amounts: Amounts

    def train(self, stage: Stage, progress: Progress) -> Trained:
        """Write what is missing of a stage's course, and train the stage and those before it where need be."""
        prepare(self.data(stage), stage.course, self.amounts[stage.course.name], self.seed, progress)
        return self._trained(stage, progress)

    def ask(self, stage: Stage, model: Path, progress: Progress) -> None:
        """Ask about the held-out pairs of a stage's course."""
        test = self.data(stage).test
        dataset = VideoDataset(
            read_samples(test / "records.jsonl"), test, read_manifest(test / "manifest.json")
        )
        stated = {"frames": stage.course.frames, "max_tokens": stage.course.tokens, "null_option": False}
        ask(self.folder.answers(stage), model, dataset, CONTROLS, progress, stated)

    def data(self, stage: Stage) -> CourseFolder:
        """Return where the videos of a stage's course lie."""
        return CourseFolder(self.folder.data / stage.course.name)

    def _trained(self, stage: Stage, progress: Progress) -> Trained:
        data, amount = self.data(stage), self.amounts[stage.course.name]
        start = data.embedded
        if stage.start is not None:
            start, _ = self._trained(BY_NAME[stage.start], progress)
        recipe = recipe_of(stage, start, data, amount, self.seed)
        if stage.recipe == SECOND:
            prepare_second(data, stage.course, amount, self.seed, progress)
        if stage.recipe == SUPERVISED and isinstance(recipe, SftRecipe):
            kinds = stage.course.labelled(stage.labels)
            lessons = recipe.train.steps * recipe.train.batch_size
            write_lessons(data.lessons(kinds), stage.course, kinds, lessons, self.seed)
        return trained(recipe, self.folder.run(stage), progress)


def plan(quick: bool) -> Plan[Stage]:
    """Return the study. quick: with a few steps an arm, which shows that every step works, and no more."""
    amounts = {course.name: QUICK if quick else course.amount for course in (MOTION, PRIMITIVES)}
    return Plan(
        "synrl",
        "SynRL's stages on the embedded model",
        {"amounts": {course: asdict(amount) for course, amount in amounts.items()}},
        (
            _table(MOTION, STAGES, "base", STAGE_REFERENCES, amounts),
            _table(PRIMITIVES, PER_LABEL, "untaught", PRIMITIVE_REFERENCES, amounts),
        ),
        ACCURACY,
        partial(_open_seed, amounts),
        by_task,
        command="synrl --quick" if quick else "synrl",
    )


def _open_seed(amounts: Amounts, folder: Path, seed: int, _: Progress) -> SynRlSeed:
    folder.mkdir(exist_ok=True)
    return SynRlSeed(SeedFolder(folder), seed, amounts)


def _table(
    course: Course,
    stages: tuple[Stage, ...],
    baseline: str,
    references: tuple[Reference, ...],
    amounts: Amounts,
) -> Table[Stage]:
    amount = amounts[course.name]
    about = (
        f"Kinds: {', '.join(course.kinds)}; {course.frames} frames of a video. The start: {amount.start_steps} steps "
        f"of guessed answers. SFT: {amount.sft_steps} steps of 16 lessons, each of a new video. RL: {amount.rl_steps} "
        "steps of 16 questions, 8 rollouts each, the accuracy reward alone; the second round "
        f"{amount.round2_steps}. Held out: {course.per_kind(amount.test_pairs)} pairs a kind, every kind equally often."
    )
    return Table(course.name, about, stages, baseline, references, measures_of(course))
