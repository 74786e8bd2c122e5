"""What a page shows of training runs: metrics over steps, and the groups of rollouts behind each step."""

from array import array
from collections.abc import Mapping
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from retroflip.bench.metrics.training import is_number
from retroflip.files.storage import part, read_json_object
from retroflip.report.charts import Series
from retroflip.web.lines import GrowingFile, LineIndex, Row

PAGE = 40
"""groups that are listed at once"""
WAIT = 0.05
"""seconds that a page waits for what was not read yet"""
METRICS_FILE, ROLLOUTS_FILE, SETTINGS_FILE = "metrics.jsonl", "rollouts.jsonl", "run.json"
_REINFORCED = frozenset({"zero_advantage", "reward/correct"})


class GroupFilter(StrEnum):
    """Which groups are listed."""

    ALL = "all"
    ZERO_VARIANCE = "zero_variance"
    """every rollout has the same advantage, so nothing is learnt"""
    DISAGREEMENT = "disagreement"
    """rollouts of one branch differ in their answers"""
    TRUNCATED = "truncated"
    UNPARSED = "unparsed"


class Group(NamedTuple):
    """What is remembered of the rollouts to one sample in one step.

    judged: rollouts whose correctness is rewarded, as it is not on a counterfactual. right: those that earned all of
    it. first: the first answer on each branch. differs: whether another one on its branch is unlike it. moved: whether
    an advantage was other than 0.
    """

    rollouts: int = 0
    judged: int = 0
    right: int = 0
    truncated: int = 0
    unparsed: int = 0
    task_type: str = ""
    first: Mapping[str, str | None] = {}
    differs: bool = False
    moved: bool = False

    def with_row(self, row: Row) -> "Group":
        """Return the group with one more rollout."""
        branch, said = str(row.get("branch", "")), row.get("answer")
        answer = None if said is None else str(said)
        first = self.first if branch in self.first else {**self.first, branch: answer}
        advantage, correct = row.get("advantage"), part(row, "rewards").get("correct")
        return Group(
            self.rollouts + 1,
            self.judged + is_number(correct),
            self.right + (correct == 1.0),
            self.truncated + bool(row.get("truncated")),
            self.unparsed + (answer is None),
            str(row.get("task_type") or self.task_type),
            first,
            self.differs or first[branch] != answer,
            self.moved or (is_number(advantage) and abs(advantage) > 1e-9),
        )

    def passes(self, wanted: GroupFilter) -> bool:
        """Return whether a filter lets the group through."""
        match wanted:
            case GroupFilter.ALL:
                return True
            case GroupFilter.ZERO_VARIANCE:
                return not self.moved
            case GroupFilter.DISAGREEMENT:
                return self.differs
            case GroupFilter.TRUNCATED:
                return self.truncated > 0
            case GroupFilter.UNPARSED:
                return self.unparsed > 0

    def listed(self) -> dict[str, Any]:
        """Return what a list shows."""
        return {
            "rollouts": self.rollouts,
            "judged": self.judged,
            "right": self.right,
            "truncated": self.truncated,
            "unparsed": self.unparsed,
            "task_type": self.task_type,
            "zero_variance": not self.moved,
        }


GroupKey = tuple[int, str]
"""step and sample"""


class Metrics(GrowingFile):
    """The numbers of metrics.jsonl by name. Of a step that occurs twice the last row counts."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._steps: array[float] = array("d")
        self._columns: dict[str, tuple[array[float], array[float]]] = {}

    def _keep(self, row: Row, begin: int, length: int) -> None:  # noqa: ARG002 - of a number nothing is read again
        step = row.get("step")
        if not is_number(step):
            return
        self._steps.append(step)
        for name, value in row.items():
            if name != "step" and is_number(value):
                steps, values = self._columns.setdefault(name, (array("d"), array("d")))
                steps.append(step)
                values.append(value)

    def _forget(self) -> None:
        self._steps = array("d")
        self._columns = {}

    @property
    def names(self) -> set[str]:
        """What was logged."""
        with self._lock:
            return set(self._columns)

    @property
    def steps(self) -> int:
        """How many steps there are."""
        with self._lock:
            return len(set(self._steps))

    @property
    def is_rl(self) -> bool:
        """Whether they are of a run of RL, as `report.curves.is_rl` tells."""
        return not _REINFORCED.isdisjoint(self.names)

    def series(self, name: str, run: str) -> Series:
        """Return a number over steps, empty where the run has not logged it."""
        with self._lock:
            steps, values = self._columns.get(name, (array("d"), array("d")))
            points = dict(zip(steps, values, strict=True))
        ordered = sorted(points)
        return Series(run, 0, tuple(ordered), tuple(points[step] for step in ordered))


class RunView:
    """One run's folder, read as it grows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._metrics = Metrics(folder / METRICS_FILE)
        self._groups: LineIndex[GroupKey, Group] = LineIndex(
            folder / ROLLOUTS_FILE, _group_key, lambda known, row: (known or Group()).with_row(row)
        )

    def metrics(self) -> Metrics:
        """Return what the run has logged by now."""
        self._metrics.refresh()
        return self._metrics

    def state(self) -> dict[str, Any]:
        """Return by what a page tells that the run has gone on, or was begun anew."""
        metrics = self.metrics()
        return {
            "steps": metrics.steps,
            "generation": metrics.generation,
            "metrics": len(metrics.names),
            "damaged": metrics.damaged,
            "rollouts": (self.folder / ROLLOUTS_FILE).stat().st_size
            if (self.folder / ROLLOUTS_FILE).is_file()
            else 0,
        }

    def about(self) -> dict[str, Any]:
        """Return what run.json says of the recipe."""
        path = self.folder / SETTINGS_FILE
        return read_json_object(path) if path.is_file() else {}

    def recipe(self) -> Mapping[str, Any]:
        """Return the resolved recipe, empty where run.json, perhaps somebody else's, has none."""
        found = self.about().get("recipe")
        return found if isinstance(found, Mapping) else {}

    def groups(
        self,
        wanted: GroupFilter,
        *,
        step: int | None,
        task_type: str,
        sample: str,
        page: int,
        wait: float | None = WAIT,
    ) -> dict[str, Any]:
        """Return one page of groups, the latest step first, how many there are, and the share of the file that was read
        in so many seconds."""
        read = self._groups.refresh(wait)
        passing = partial(_passes, wanted=wanted, step=step, task_type=task_type, sample=sample)
        known = self._groups.known()
        found = [(key, group) for key, group in known.items() if passing(key, group)]
        found.sort(key=lambda one: -one[0][0])
        shown = found[page * PAGE : (page + 1) * PAGE]
        return {
            "total": len(found),
            "all": len(known),
            "task_types": sorted({group.task_type for group in known.values() if group.task_type}),
            "page": page,
            "pages": -(-len(found) // PAGE),
            "damaged": self._groups.damaged,
            "read": read,
            "groups": [{"step": key[0], "sample": key[1], **group.listed()} for key, group in shown],
        }

    def group(self, step: int, sample: str) -> list[Row]:
        """Return the rollouts of one sample in one step."""
        self._groups.refresh(WAIT)
        return self._groups.rows([(step, sample)])


def _group_key(row: Row) -> GroupKey | None:
    step, sample = row.get("step"), row.get("sample")
    return (step, sample) if isinstance(step, int) and isinstance(sample, str) else None


def _passes(
    key: GroupKey, group: Group, *, wanted: GroupFilter, step: int | None, task_type: str, sample: str
) -> bool:
    return (
        group.passes(wanted)
        and step in (None, key[0])
        and task_type in ("", group.task_type)
        and sample.casefold() in key[1].casefold()
    )
