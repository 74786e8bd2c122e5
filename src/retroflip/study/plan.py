"""What a study is: arms that are trained, the tables that compare them, and what papers print of the same.

A new study is a package with a function that returns its `Plan`, and a command in `cli/study.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Generic, Protocol, TypeVar

from retroflip.bench.metrics import metrics_of
from retroflip.bench.metrics.base import ANSWERS, Measure, Measures, Metric
from retroflip.bench.records import Control
from retroflip.errors import UsageError
from retroflip.progress import Progress
from retroflip.study.papers import Reference
from retroflip.study.stages import Settings, Trained

CONTROLS = (Control.FULL, Control.SINGLE_FRAME)
"""what an arm's model is shown of the held-out videos"""


@dataclass(frozen=True)
class Arm:
    """A way to train.

    name: of its folders. title: what it is, for the tables. recipe: its file under recipes/tiny; None for a model that
    is not trained any further. settings: what replaces the recipe's, by dotted key.
    """

    name: str
    title: str
    recipe: str | None = None
    settings: Settings = field(default_factory=dict)


@dataclass(frozen=True)
class Budget:
    """Rollouts per question, trained and only probed, and steps as a multiple of the other arms'."""

    questions: int
    trained: int
    probed: int
    rounds: int

    @property
    def per_step(self) -> int:
        """Rollouts per step."""
        return self.questions * (self.trained + self.probed)


ArmT = TypeVar("ArmT", bound=Arm)
ArmIn = TypeVar("ArmIn", bound=Arm, contravariant=True)


@dataclass(frozen=True)
class Table(Generic[ArmT]):
    """Arms that are compared with each other.

    baseline: the arm that all others are compared with. measures: what stands in the table beside the metrics of every
    study. budgets: the rollouts of the arms for which that is known beforehand. training: what is to be known about the
    table of training; "" for none.
    """

    name: str
    about: str
    arms: tuple[ArmT, ...]
    baseline: str
    references: tuple[Reference, ...]
    measures: tuple[Measure, ...] = ()
    budgets: Mapping[str, Budget] = field(default_factory=dict)
    training: str = ""


class OneSeed(Protocol[ArmIn]):
    """All that the arms of one seed share, and how they are brought to their answers."""

    def train(self, arm: ArmIn, progress: Progress) -> Trained:
        """Train an arm, and those that it goes on from, unless that was done."""

    def ask(self, arm: ArmIn, model: Path, progress: Progress) -> None:
        """Ask an arm's model under all `CONTROLS`, and score its answers in the seed's folder."""


@dataclass(frozen=True)
class Plan(Generic[ArmT]):
    """A study.

    settings: what a directory must agree on to be taken up. headline: the metric that arms are compared by. open_seed:
    makes what a seed's arms share in its folder, given that folder and the seed. by_task: measures of an arm's scores
    beside the metrics of every study. command: what runs it behind `retroflip study`.
    """

    name: str
    title: str
    settings: Mapping[str, Any]
    tables: tuple[Table[ArmT], ...]
    headline: Metric
    open_seed: Callable[[Path, int, Progress], OneSeed[ArmT]]
    by_task: Callable[[Measures], Mapping[str, float | None]] = lambda _: MappingProxyType({})
    command: str = ""

    @property
    def arms(self) -> tuple[ArmT, ...]:
        """All arms, in the order in which they are run."""
        return tuple(arm for table in self.tables for arm in table.arms)

    @property
    def single_frame(self) -> Measure:
        """The headline of a model that is shown one frame."""
        return _beside(self.headline, "single_frame", "of a single frame")

    @property
    def chance(self) -> Measure:
        """What guessing is expected to reach."""
        return _beside(self.headline, "chance", "by chance")

    @property
    def others(self) -> tuple[Measure, ...]:
        """What stands beside the headline in all tables of all studies."""
        metrics = (metric for metric in metrics_of(ANSWERS) if metric != self.headline)
        return (*metrics, self.single_frame, self.chance)

    def measured(self, scores: Measures) -> dict[str, float]:
        """Return what an arm's scores hold for the tables; what there is no number for is left out."""
        shown_one = scores["controls"][Control.SINGLE_FRAME.value]
        found = {
            **{metric.key: metric.read(scores).value for metric in metrics_of(ANSWERS)},
            self.single_frame.key: self.headline.read(shown_one).value,
            self.chance.key: self.headline.read(scores).chance,
            **self.by_task(scores),
        }
        return {key: value for key, value in found.items() if value is not None}


def chosen(names: Sequence[str], arms: tuple[ArmT, ...]) -> tuple[ArmT, ...]:
    """Return the arms by these names in the order they are run; all for no names. Raises UsageError for another."""
    unknown = [name for name in names if name not in {arm.name for arm in arms}]
    if unknown:
        raise UsageError(
            f"There is no arm named {', '.join(map(repr, unknown))}: choose from "
            f"{', '.join(arm.name for arm in arms)}."
        )
    return tuple(arm for arm in arms if not names or arm.name in names)


def _beside(metric: Metric, name: str, words: str) -> Measure:
    return Measure(
        f"{name}_{metric.key}", f"{metric.label} {words}", f"{metric.title} {words}", better=metric.better
    )
