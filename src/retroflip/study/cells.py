"""One arm with one seed, as its files say: whether it is done, and what it measured."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from retroflip.bench.metrics.base import Measure, Measures
from retroflip.bench.metrics.training import CORRECT, REWARD_SPREAD, ZERO_ADVANTAGE, over_steps
from retroflip.bench.score import SCORES
from retroflip.files.storage import read_json_object, read_jsonl
from retroflip.study.plan import CONTROLS, Arm
from retroflip.train.marks import COMPLETE_MARKER

ROLLOUTS = "rollouts.jsonl"
LAST_STEPS = 10
"""the steps at the end of a run over which correctness is averaged"""
RIGHT_AT_THE_END = replace(CORRECT, key="correct", label=f"{CORRECT.label}, last {LAST_STEPS} steps")
SAMPLED = Measure("rollouts_per_step", "sampled a step", "Rollouts a step", share=False)


class State(StrEnum):
    """How far a cell is."""

    DONE = "done"
    FAILED = "failed"
    MISSING = "not run"


@dataclass(frozen=True)
class Cell:
    """One arm with one seed.

    measures: those of its scores (`Plan.measured`); zero_advantage and reward_std, means over the run's steps; correct,
    the mean over its last `LAST_STEPS`; rollouts_per_step and seconds_per_step. What there is no number for is left
    out. failure: what stopped it, where it failed.
    """

    state: State
    measures: Mapping[str, float] = field(default_factory=dict)
    failure: str | None = None


@dataclass(frozen=True)
class SeedFolder:
    """Where everything of one seed lies: data/, a run directory per arm, eval/ARM/ and failures/ARM.json."""

    path: Path

    @property
    def data(self) -> Path:
        """The videos that its arms share."""
        return self.path / "data"

    @property
    def start(self) -> Path:
        """The supervised run that arms start from, where they share one."""
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

    def read(self, arm: Arm, measured: Callable[[Measures], Mapping[str, float]]) -> Cell:
        """Return an arm's cell; `measured` says what its scores hold. Raises DataError for damaged files."""
        failure = self.failure(arm)
        if failure.is_file():
            return Cell(State.FAILED, failure=read_json_object(failure)["message"])
        trained = arm.recipe is None or (self.run(arm) / COMPLETE_MARKER).is_file()
        if not trained or not self.is_evaluated(arm):
            return Cell(State.MISSING)
        measures = dict(measured(read_json_object(self.answers(arm) / SCORES)))
        if (self.run(arm) / ROLLOUTS).is_file():
            measures |= _training(self.run(arm))
        return Cell(State.DONE, measures)


def _training(run: Path) -> dict[str, float]:
    metrics = read_jsonl(run / "metrics.jsonl")
    with (run / ROLLOUTS).open("rb") as lines:
        rollouts = sum(1 for _ in lines)
    found = {
        ZERO_ADVANTAGE.key: over_steps(metrics, ZERO_ADVANTAGE.key),
        REWARD_SPREAD.key: over_steps(metrics, REWARD_SPREAD.key),
        RIGHT_AT_THE_END.key: over_steps(metrics[-LAST_STEPS:], CORRECT.key),
        SAMPLED.key: rollouts / len(metrics),
        "seconds_per_step": over_steps(read_jsonl(run / "timings.jsonl"), "seconds"),
    }
    return {key: value for key, value in found.items() if value is not None}
