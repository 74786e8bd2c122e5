"""What the official tables of benchmarks are made of: means of grades in per cent, over all and by parts."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from retroflip.bench.benchmarks.base import Graded, accuracy

Table = Callable[[Sequence[Graded]], dict[str, Any]]


def by_label(key: Callable[[Graded], Iterable[str]], graded: Sequence[Graded]) -> dict[str, float | None]:
    """Return the mean grade in per cent of the answers under every name that `key` gives them."""
    found: dict[str, list[Graded]] = {}
    for one in graded:
        for name in key(one):
            found.setdefault(name, []).append(one)
    return {name: accuracy(found[name]) for name in sorted(found)}


def task_of(one: Graded) -> Iterable[str]:
    """Return the sub-task of an answer's question."""
    return [one.item.sample.task]


def label_of(name: str) -> Callable[[Graded], Iterable[str]]:
    """Return what gives an answer the value of a label of its question."""
    return lambda one: [one.item.sample.labels[name]] if name in one.item.sample.labels else []


def of_answered(table: Table) -> Table:
    """Return the official table of a benchmark whose own code leaves out questions without an answer."""
    return lambda graded: table([one for one in graded if one.response is not None])
