"""The study of label flips: CRPO on the tiny laboratory with some of its task types wrong, as a router's would be.

A wrong label has CRPO show a transformation whose relation to the answer is another one, or reward the wrong relation.
The paper's router agrees with people on 94 % of questions (appendix C), hence 6 % beside none, 20 and 50 %. GRPO, which
looks at no label, stands beside them.

DIR/seed-N/data/labels/FILE  the training records with a share of their labels wrong
DIR/seed-N/...               all else as in the study of methods
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from retroflip.bench.metrics.pairs import PAIR_ACCURACY
from retroflip.data.records import read_samples, write_samples
from retroflip.lab.kinds import PAIRED
from retroflip.progress import Progress
from retroflip.study.labels.flips import flipped
from retroflip.study.methods.arms import BASELINE, QUESTIONS, START, MethodArm
from retroflip.study.methods.plan import QUICK, MethodsSeed, open_seed
from retroflip.study.plan import Plan, Table
from retroflip.study.stages import FULL, Size, Trained

RIGHT = "crpo"
"""the arm that all others are compared with: with no label wrong"""


@dataclass(frozen=True)
class LabelArm(MethodArm):
    """A method on the laboratory. wrong: share of the labels that are changed."""

    wrong: float = 0.0


def _crpo(name: str, wrong: float) -> LabelArm:
    return LabelArm(
        name, f"CRPO, {wrong:.0%} of the labels wrong", "crpo", {"method.rollouts": 8}, wrong=wrong
    )


ARMS = (
    LabelArm(START, "supervised start, no RL"),
    LabelArm(BASELINE, "GRPO, G = 16", "grpo", {"method.rollouts": 16}),
    _crpo(RIGHT, 0.0),
    _crpo("crpo_6", 0.06),
    _crpo("crpo_20", 0.2),
    _crpo("crpo_50", 0.5),
)


@dataclass(frozen=True)
class LabelsSeed:
    """What the arms of a seed share: what those of the study of methods do."""

    shared: MethodsSeed

    def train(self, arm: LabelArm, progress: Progress) -> Trained:
        """Train an arm on records of which its share of labels is wrong."""
        settings = {**arm.settings, **self._data(arm)}
        return self.shared.train(replace(arm, settings=settings), progress)

    def ask(self, arm: LabelArm, model: Path, progress: Progress) -> None:
        """Ask about the laboratory's pairs."""
        self.shared.ask(arm, model, progress)

    def _data(self, arm: LabelArm) -> Mapping[str, Any]:
        """Return where an arm's records and their videos are; writes the records where they are not there."""
        if not arm.wrong:
            return {}
        shared = self.shared
        records = shared.folder.data / "labels" / f"wrong-{arm.wrong:.2f}.jsonl"
        records.parent.mkdir(exist_ok=True)
        samples = read_samples(shared.lab.train / "records.jsonl")
        write_samples(records, flipped(samples, arm.wrong, shared.seed))
        return {"data.records": records, "data.root": shared.lab.train}


def plan(quick: bool) -> Plan[LabelArm]:
    """Return the study. quick: with a few steps an arm, which shows that every step works, and no more.

    Raises RecipeError for an arm whose recipe cannot be read.
    """
    size = QUICK if quick else FULL
    about = (
        f"{size.rl_steps} steps of {QUESTIONS} questions from the supervised start of each seed; a wrong label is one "
        f"of the other three types; {len(PAIRED) * size.pairs_per_task} pairs a seed."
    )
    table = Table("labels", about, ARMS, RIGHT, ())
    return Plan(
        "labels",
        "Wrong labels on the tiny laboratory",
        {"size": asdict(size)},
        (table,),
        PAIR_ACCURACY,
        partial(_open_seed, size),
        command="label-flips --quick" if quick else "label-flips",
    )


def _open_seed(size: Size, path: Path, seed: int, progress: Progress) -> LabelsSeed:
    return LabelsSeed(open_seed(size, path, seed, progress))
