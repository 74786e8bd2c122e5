"""The list of what a benchmark is made of, by which another machine that has the sources builds the same.

A row of candidates.jsonl is a candidate with the hashes of its media, or what a drawn pair is drawn from.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from retroflip.bench.dybench.base import Axis, Candidate, Clip, Drawing, SubTask
from retroflip.errors import DataError
from retroflip.files.storage import each_row

Plan = Candidate | Drawing


class Planned(NamedTuple):
    """A pair to be made. source: the recipe's section. media: what its files must hash to, where that is known."""

    source: str
    plan: Plan
    media: Mapping[str, str]

    @property
    def key(self) -> str:
        """Its name among all sources'."""
        return f"{self.source}/{self.plan.id}"


def planned_row(planned: Planned) -> dict[str, Any]:
    """Return a plan as JSON values."""
    kind = "drawing" if isinstance(planned.plan, Drawing) else "candidate"
    return {"source": planned.source, kind: asdict(planned.plan), "media": dict(planned.media)}


def read_planned(path: Path) -> Iterator[Planned]:
    """Yield the plans of a file of rows as `planned_row` gives them. Raises DataError, which names the row."""
    try:
        for number, row in enumerate(each_row(path), start=1):
            yield _planned(path, number, row)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}).") from error


def _planned(path: Path, number: int, row: Mapping[str, Any]) -> Planned:
    try:
        if "drawing" in row:
            drawing = row["drawing"]
            return Planned(
                row["source"], Drawing(drawing["id"], SubTask(drawing["sub_task"]), drawing["plan"]), {}
            )
        return Planned(row["source"], candidate_of(row["candidate"]), row["media"])
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{path}, row {number}: not what `retroflip dybench build` lists ({error!r}). Restore the file."
        ) from error


def candidate_of(values: Mapping[str, Any]) -> Candidate:
    """Return the candidate whose JSON values these are. Raises KeyError, TypeError and ValueError for others."""
    return Candidate(
        **{
            **values,
            "sub_task": SubTask(values["sub_task"]),
            "axis": Axis(values["axis"]),
            "parts": tuple(Clip(*clip) for clip in values["parts"]),
            "other": tuple(Clip(*clip) for clip in values["other"]),
            "options": tuple(values["options"]),
        }
    )
