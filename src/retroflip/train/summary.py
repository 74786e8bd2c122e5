"""A finished run in numbers: its `summary.json`."""

from collections.abc import Mapping

import numpy as np

from retroflip.data.record_notes import gather_notes, named
from retroflip.files.storage import read_jsonl
from retroflip.train.run_directory import RunDirectory
from retroflip.train.task_types import by_task_type, remarks

TRAILING_STEPS = 10
"""the last steps that a run's summary averages over"""


def summarise(run: RunDirectory, samples: int, skipped: Mapping[str, int]) -> dict[str, object]:
    """Return the run's numbers: every metric's mean over its last steps, what each task type came to, and what could
    not be used."""
    gather_notes(run.path)
    rows = read_jsonl(run.metrics)
    tail = rows[-TRAILING_STEPS:]
    names = sorted({name for row in tail for name in row} - {"step"})
    means = {name: float(np.mean([row[name] for row in tail if row.get(name) is not None])) for name in names}
    types = by_task_type(rows)
    failed = read_jsonl(run.failures) if run.failures.exists() else []
    return {
        "schema": 1,
        "steps": len(rows),
        "last_steps": {"count": len(tail), "means": means},
        "records": {"used": samples, "left_out": dict(skipped)},
        "failures": {"videos": len(failed)},
        "notes": {"records": len(named(run.notes)), "task_types": list(remarks(types))},
        "task_types": {kind.value: one._asdict() for kind, one in types.items()},
    }
