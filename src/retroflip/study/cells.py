"""One arm with one seed, as its files say: whether it is done, and what it measured."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from retroflip.bench.metrics import metrics_of
from retroflip.bench.metrics.base import ANSWERS
from retroflip.bench.metrics.pairs import PAIR_ACCURACY
from retroflip.bench.metrics.training import CORRECT, REWARD_SPREAD, ZERO_ADVANTAGE, over_steps
from retroflip.bench.records import Control
from retroflip.bench.score import SCORES
from retroflip.files.storage import read_json_object, read_jsonl
from retroflip.study.arms import Arm
from retroflip.train.marks import COMPLETE_MARKER

CONTROLS = (Control.FULL, Control.SINGLE_FRAME)
"""what an arm's model is shown of the pairs"""
ROLLOUTS = "rollouts.jsonl"
LAST_STEPS = 10
"""the steps at the end of a run over which correctness is averaged"""


class State(StrEnum):
    """How far a cell is."""

    DONE = "done"
    FAILED = "failed"
    MISSING = "not run"


@dataclass(frozen=True)
class Cell:
    """One arm with one seed.

    measures: p_acc, acc, same_answer_rate, unparsed_rate, single_frame_p_acc and chance_p_acc in 0..1, from the answers
    about the pairs; zero_advantage and reward_std, means over the run's steps; correct, the mean over its last
    `LAST_STEPS`; rollouts_per_step and seconds_per_step. What there is no number for is left out. failure: what stopped
    it, where it failed.
    """

    state: State
    measures: Mapping[str, float] = field(default_factory=dict)
    failure: str | None = None


@dataclass(frozen=True)
class SeedFolder:
    """Where everything of one seed lies: data/, sft/, a run directory per arm, eval/ARM/ and failures/ARM.json."""

    path: Path

    @property
    def data(self) -> Path:
        """The laboratory's three data sets."""
        return self.path / "data"

    @property
    def start(self) -> Path:
        """The supervised run."""
        return self.path / "sft"

    def run(self, arm: Arm) -> Path:
        """The run directory of an arm that is trained."""
        return self.path / arm.name

    def answers(self, arm: Arm) -> Path:
        """The answers of an arm's model, and their scores."""
        return self.path / "eval" / arm.name

    def failure(self, arm: Arm) -> Path:
        """What stopped an arm; a file that is there only as long as that was its last attempt."""
        return self.path / "failures" / f"{arm.name}.json"

    def is_evaluated(self, arm: Arm) -> bool:
        """Return whether the scores of all controls are there."""
        file = self.answers(arm) / SCORES
        if not file.is_file():
            return False
        others = CONTROLS[1:]
        return all(control.value in read_json_object(file)["controls"] for control in others)

    def measured(self, scores: Mapping[str, Any]) -> dict[str, float | None]:
        """Return what an arm's scores hold for the tables."""
        return {
            **{metric.key: metric.read(scores).value for metric in metrics_of(ANSWERS)},
            "single_frame_p_acc": PAIR_ACCURACY.read(scores["controls"][Control.SINGLE_FRAME.value]).value,
            "chance_p_acc": PAIR_ACCURACY.read(scores).chance,
        }

    def read(self, arm: Arm) -> Cell:
        """Return an arm's cell. Raises DataError for damaged files."""
        failure = self.failure(arm)
        if failure.is_file():
            return Cell(State.FAILED, failure=read_json_object(failure)["message"])
        trained = arm.recipe is None or (self.run(arm) / COMPLETE_MARKER).is_file()
        if not trained or not self.is_evaluated(arm):
            return Cell(State.MISSING)
        measures = self.measured(read_json_object(self.answers(arm) / SCORES))
        if (self.run(arm) / ROLLOUTS).is_file():
            measures |= _training(self.run(arm))
        return Cell(State.DONE, {name: value for name, value in measures.items() if value is not None})


def _training(run: Path) -> dict[str, float | None]:
    metrics = read_jsonl(run / "metrics.jsonl")
    with (run / ROLLOUTS).open("rb") as lines:
        rollouts = sum(1 for _ in lines)
    return {
        "zero_advantage": over_steps(metrics, ZERO_ADVANTAGE.key),
        "reward_std": over_steps(metrics, REWARD_SPREAD.key),
        "correct": over_steps(metrics[-LAST_STEPS:], CORRECT.key),
        "rollouts_per_step": rollouts / len(metrics),
        "seconds_per_step": over_steps(read_jsonl(run / "timings.jsonl"), "seconds"),
    }
