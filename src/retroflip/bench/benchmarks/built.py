"""A benchmark that was built here, whose answers another toolkit recorded: as lmms-eval logs an exported task, a table
of VLMEvalKit, or records with an `id` and a `response`. There is no official scorer but our own reading.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from retroflip.bench.benchmarks.base import Benchmark, Item, Need
from retroflip.bench.benchmarks.own_form import Form, recorder
from retroflip.bench.export.questions import asked, read_questions
from retroflip.bench.questions import RECORDS
from retroflip.data.answers import credit, gold_answer, read_answer


def is_built(name: str) -> bool:
    """Whether a benchmark is named by the folder of one that was built here."""
    return (Path(name) / RECORDS).is_file()


def built(name: str) -> Benchmark:
    """Return the benchmark of a folder. Its root is that folder."""
    return Benchmark(
        name=Path(name).name,
        title=Path(name).resolve().name,
        home=name,
        needs=(Need(RECORDS),),
        items=_items,
        grade=_grade,
        recorded=recorder(_items, _grade, Form(_identity)),
    )


def _items(root: Path) -> Iterator[Item]:
    return (Item(sample, asked(sample)) for sample in read_questions(root))


def _grade(item: Item, said: str) -> float:
    return credit(read_answer(said, item.sample), gold_answer(item.sample))


def _identity(row: Mapping[str, Any]) -> str | None:
    return None if row.get("id") is None else str(row["id"])
