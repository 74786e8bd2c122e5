"""What people say of pairs and samples: accepted or rejected, another task type, which of two traces is better.

Kept in SQLite, one row for each item and rater, so that a second click changes a label and never doubles it. Every
label is on the disk before it is confirmed.
"""

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from retroflip.data.sample import TaskType
from retroflip.errors import DataError

SUFFIX = "labels.sqlite"
VERDICTS = {"verify": ("accept", "reject"), "audit": tuple(one.value for one in TaskType)}
"""what may be said"""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS labels (
  task TEXT NOT NULL, item TEXT NOT NULL, rater TEXT NOT NULL, verdict TEXT NOT NULL, said TEXT NOT NULL,
  at REAL NOT NULL, PRIMARY KEY (task, item, rater)
) WITHOUT ROWID
"""


class Label(BaseModel):
    """One rater's word on one item.

    task: "verify", "audit" or "preference". verdict: "accept" or "reject" of a pair, a task type, "a", "b" or "tie".
    criteria: by name, whether it is met (a pair's three, CRPO, appendix A.2). note: in the rater's own words.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: str = Field(pattern="^(verify|audit|preference)$")
    item: str = Field(min_length=1, max_length=1000)
    rater: str = Field(min_length=1, max_length=100)
    verdict: str = Field(min_length=1, max_length=100)
    criteria: dict[str, bool] = {}
    note: str = Field(default="", max_length=10_000)

    @model_validator(mode="after")
    def _is_of_its_task(self) -> "Label":
        """Refuse a verdict that whoever reads the labels would not take; sides of a preference become authors first."""
        if self.task in VERDICTS and self.verdict not in VERDICTS[self.task]:
            raise ValueError(f"a verdict of {self.task} is one of {', '.join(VERDICTS[self.task])}")
        return self


def labels_file(path: Path) -> Path:
    """Return where labels of a folder, or of what is in a file, are kept."""
    return path / SUFFIX if path.is_dir() else path.with_name(f"{path.name}.{SUFFIX}")


class Labels:
    """The labels of one folder or file, in a file in or beside it."""

    def __init__(self, path: Path) -> None:
        self._path = labels_file(path)

    def put(self, label: Label) -> None:
        """Keep a label in place of the rater's earlier one on the same item."""
        said = json.dumps({"criteria": label.criteria, "note": label.note})
        with self._open() as found, found:
            found.execute(
                "INSERT OR REPLACE INTO labels VALUES (?, ?, ?, ?, ?, ?)",
                (label.task, label.item, label.rater, label.verdict, said, time.time()),
            )

    def all(self, task: str) -> list[dict[str, Any]]:
        """Return the labels of a task in the order in which they were last given."""
        if not self._path.is_file():
            return []
        with self._open() as found:
            rows = found.execute(
                "SELECT item, rater, verdict, said, at FROM labels WHERE task = ? ORDER BY at", (task,)
            ).fetchall()
        return [
            {"item": item, "rater": rater, "verdict": verdict, **json.loads(said), "at": at}
            for item, rater, verdict, said, at in rows
        ]

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self._path, timeout=30)) as found:
                found.execute("PRAGMA journal_mode=WAL")
                found.execute("PRAGMA synchronous=FULL")
                found.execute(_SCHEMA)
                yield found
        except sqlite3.Error as error:
            raise DataError(
                f"{self._path}: labels cannot be kept there ({error}). Let this user write into the folder, and move a "
                "damaged file away."
            ) from error
