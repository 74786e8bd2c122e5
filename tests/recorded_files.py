"""Files of benchmarks as tests write them, and what scoring a recorded file gives."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from retroflip.bench.benchmarks.base import Graded
from retroflip.bench.benchmarks.recorded import score_file, score_recorded
from retroflip.bench.benchmarks.registry import benchmark


def write_json(path: Path, value: Any) -> Path:
    """Write a JSON file, folders and all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))
    return path


def write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> Path:
    """Write a JSONL file, folders and all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return path


def graded(name: str, root: Path, file: Path) -> list[Graded]:
    """Return the recorded answers of a file."""
    return list(benchmark(name).recorded(root, file))


def scores(name: str, root: Path, file: Path) -> dict[str, Any]:
    """Return both scores of a recorded file."""
    return score_file(benchmark(name), root, file)


def scores_of_answers(name: str, root: Path, file: Path) -> dict[str, Any]:
    """Return both scores of what a recorded file answers, as if its benchmark had no other question."""
    return score_recorded(benchmark(name), graded(name, root, file))
