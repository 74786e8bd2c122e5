"""What a page shows of training runs: metrics over steps, and the groups of rollouts behind each step."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

from retroflip.bench.metrics.training import LOGGED
from retroflip.files.storage import read_json_object
from retroflip.web.lines import LineIndex, Row

PAGE = 40
"""groups that are listed at once"""
METRICS_FILE, ROLLOUTS_FILE, SETTINGS_FILE = "metrics.jsonl", "rollouts.jsonl", "run.json"
_UNCHARTED = frozenset({"step", "check"})


class GroupFilter(StrEnum):
    """Which groups are listed."""

    ALL = "all"
    ZERO_VARIANCE = "zero_variance"
    """every rollout has the same advantage, so nothing is learnt"""
    DISAGREEMENT = "disagreement"
    """rollouts of one branch differ in their answers"""
    TRUNCATED = "truncated"
    UNPARSED = "unparsed"


@dataclass(frozen=True)
class Group:
    """What is remembered of the rollouts to one sample in one step."""

    rollouts: int = 0
    right: int = 0
    truncated: int = 0
    unparsed: int = 0
    task_type: str = ""
    answers: Mapping[str, frozenset[str | None]] = field(default_factory=dict)
    moved: bool = False
    """whether an advantage was other than 0"""

    def with_row(self, row: Row) -> "Group":
        """Return the group with one more rollout."""
        branch, answer = str(row.get("branch", "")), row.get("answer")
        return replace(
            self,
            rollouts=self.rollouts + 1,
            right=self.right + (answer is not None and answer == row.get("gold")),
            truncated=self.truncated + bool(row.get("truncated")),
            unparsed=self.unparsed + (answer is None),
            task_type=str(row.get("task_type") or self.task_type),
            answers={**self.answers, branch: self.answers.get(branch, frozenset()) | {answer}},
            moved=self.moved or abs(row.get("advantage") or 0.0) > 1e-9,
        )

    def passes(self, wanted: GroupFilter) -> bool:
        """Return whether a filter lets the group through."""
        match wanted:
            case GroupFilter.ALL:
                return True
            case GroupFilter.ZERO_VARIANCE:
                return not self.moved
            case GroupFilter.DISAGREEMENT:
                return any(len(answers) > 1 for answers in self.answers.values())
            case GroupFilter.TRUNCATED:
                return self.truncated > 0
            case GroupFilter.UNPARSED:
                return self.unparsed > 0

    def listed(self) -> dict[str, Any]:
        """Return what a list shows."""
        return {
            "rollouts": self.rollouts,
            "right": self.right,
            "truncated": self.truncated,
            "unparsed": self.unparsed,
            "task_type": self.task_type,
            "zero_variance": not self.moved,
        }


GroupKey = tuple[int, str]
"""step and sample"""


class RunView:
    """One run's folder, read as it grows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._metrics: LineIndex[int, None] = LineIndex(folder / METRICS_FILE, _step, lambda *_: None)
        self._groups: LineIndex[GroupKey, Group] = LineIndex(
            folder / ROLLOUTS_FILE, _group_key, lambda known, row: (known or Group()).with_row(row)
        )

    def metrics(self, after: int = 0) -> dict[str, Any]:
        """Return the rows of the steps behind one, and how metrics that the project knows are called and read."""
        self._metrics.refresh()
        steps = [step for step in self._metrics.known() if step > after]
        rows = [
            {name: value for name, value in row.items() if name not in _UNCHARTED}
            for row in self._metrics.rows(steps)
        ]
        return {
            "steps": steps,
            "rows": rows,
            "known": [{"key": one.key, "title": one.title, "caption": one.caption} for one in LOGGED],
        }

    def about(self) -> dict[str, Any]:
        """Return what run.json says of the recipe."""
        path = self.folder / SETTINGS_FILE
        return read_json_object(path) if path.is_file() else {}

    def groups(
        self, wanted: GroupFilter, *, step: int | None, task_type: str, sample: str, page: int
    ) -> dict[str, Any]:
        """Return one page of groups, the latest step first, and how many there are."""
        self._groups.refresh()
        passing = partial(_passes, wanted=wanted, step=step, task_type=task_type, sample=sample)
        found = [(key, group) for key, group in self._groups.known().items() if passing(key, group)]
        found.sort(key=lambda one: -one[0][0])
        shown = found[page * PAGE : (page + 1) * PAGE]
        return {
            "total": len(found),
            "page": page,
            "pages": -(-len(found) // PAGE),
            "damaged": self._groups.damaged,
            "groups": [{"step": key[0], "sample": key[1], **group.listed()} for key, group in shown],
        }

    def group(self, step: int, sample: str) -> list[Row]:
        """Return the rollouts of one sample in one step."""
        self._groups.refresh()
        return self._groups.rows([(step, sample)])


def _step(row: Row) -> int | None:
    step = row.get("step")
    return step if isinstance(step, int) else None


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
