"""From `summary.json` to rows that a template can print as they are."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from retroflip.bench.comparison import apart
from retroflip.bench.metrics import metrics_of, was_measured
from retroflip.bench.metrics.base import Family, Measures, Metric, Rate
from retroflip.bench.metrics.pairs import PAIR_ACCURACY
from retroflip.bench.metrics.training import Rows
from retroflip.report.charts import Mark, MarkRow
from retroflip.report.sentences import interval, is_start, percent, short_name
from retroflip.train.task_types import by_task_type

_SHAPES = {
    "text_only": "square",
    "single_frame": "diamond",
    "shuffled_frames": "triangle",
    "reversed": "inverted",
}
"""of the handicapped inputs, in a plot"""


@dataclass(frozen=True)
class Cell:
    """One number with its interval, as text."""

    value: str
    interval: str = ""


@dataclass(frozen=True)
class Row:
    """One line of a table of rates: what it is about, the metrics' rates, and how many units they are over."""

    name: str
    cells: tuple[Cell, ...]
    units: str
    kind: str = ""
    slot: int | None = None


@dataclass(frozen=True)
class RateTable:
    """A family's metrics, what is counted beside them, and the rows of models and of controls."""

    metrics: Sequence[Metric]
    unit: str
    rows: Sequence[Row]
    controls: Sequence[Row]


@dataclass(frozen=True)
class TaskRow:
    """Pair accuracy of every method in one task."""

    task: str
    pairs: str
    chance: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class TypeRow:
    """What a run's last steps say of one task type; "" where nothing was observed."""

    run: str
    task_type: str
    questions: str
    reward: str
    correct: str
    same_answer: str
    flag: str


def type_rows(runs: Mapping[str, Rows]) -> list[TypeRow]:
    """Return a row for each task type that each run was trained on, runs of supervised fine-tuning have none."""
    return [
        TypeRow(
            short_name(run),
            kind.value,
            str(one.questions),
            "" if one.reward is None else f"{one.reward:.2f}",
            "" if one.correct is None else percent(one.correct),
            "" if one.same_answer is None else percent(one.same_answer),
            one.flag or "",
        )
        for run, rows in runs.items()
        for kind, one in by_task_type(rows).items()
    ]


def seeing(methods: Mapping[str, Measures]) -> dict[str, Measures]:
    """Return the measures of those methods that were shown full videos; of others there are controls alone."""
    return {name: measures for name, measures in methods.items() if was_measured(measures)}


def table_of(family: Family, summary: Mapping[str, Any], slots: Mapping[str, int]) -> RateTable:
    """Return one row per method that has these metrics and what guessing would reach, with names where that differs.

    controls: rows of the oracle, random answers and each method's controls, of those too that no full video was shown.
    """
    methods = {name: m for name, m in seeing(summary["methods"]).items() if family.of(m)}
    rows = [_row(family, short_name(name), m, slot=slots[name]) for name, m in methods.items()]
    metrics = metrics_of(family)
    found = apart({short_name(name): [one.read(m).chance for one in metrics] for name, m in methods.items()})
    for names, chances in found:
        whose = f"Chance ({', '.join(names)})" if len(found) > 1 else "Chance"
        rows.append(Row(whose, tuple(Cell(percent(chance)) for chance in chances), "", kind="chance"))
    controls = [
        (name.replace("/", ", ") if "/" in name else name.capitalize(), m)
        for name, m in summary["controls"].items()
    ]
    for name, measures in summary["methods"].items():
        handicaps = measures.get("controls", {}).items()
        controls += [(f"{short_name(name)}, {_words(control)}", m) for control, m in handicaps]
    return RateTable(
        metrics,
        family.unit,
        rows,
        [_row(family, name, m, kind="control") for name, m in controls if family.of(m)],
    )


def task_rows(methods: Mapping[str, Measures]) -> list[TaskRow]:
    """Return one row per task with the pair accuracy of every method that was shown full videos."""
    methods = seeing(methods)
    tasks = sorted({task for measures in methods.values() for task in measures.get("tasks", {})})
    rows = []
    for task in tasks:
        measured = {name: m.get("tasks", {}).get(task, {}) for name, m in methods.items()}
        first = next(one for one in measured.values() if one)
        rates = {name: PAIR_ACCURACY.read(one) for name, one in measured.items()}
        rows.append(
            TaskRow(
                plain(task),
                PAIR_ACCURACY.family.counted(first),
                _chances(rates),
                tuple(map(_cell, rates.values())),
            )
        )
    return rows


def _chances(rates: Mapping[str, Rate]) -> str:
    """Return what guessing would reach, of each method where that differs."""
    found = apart({short_name(name): [rate.chance] for name, rate in rates.items()})
    if len(found) < 2:
        return percent(found[0][1][0] if found else None)
    return ", ".join(f"{percent(chance)} ({', '.join(names)})" for names, (chance,) in found)


def plot_rows(summary: Mapping[str, Any], metric: Metric, slots: Mapping[str, int]) -> list[MarkRow]:
    """Return the marks of a metric's interval plot: every method, its handicapped inputs as small marks."""
    rows = []
    for name, measures in summary["methods"].items():
        rate = metric.read(measures)
        marks = list(_marks(short_name(name), rate, "circle"))
        if not marks:
            continue
        controls = measures.get("controls", {})
        for control in (one for one in _SHAPES if one in controls):
            marks += _marks(_words(control), metric.read(controls[control]), _SHAPES[control])
        rows.append(MarkRow(short_name(name), slots[name], marks, rate.chance))
    return rows


def handicaps_shown(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return (name, shape) of the handicapped inputs that any method was given."""
    shown = seeing(summary["methods"]).values()
    present = {control for measures in shown for control in measures.get("controls", {})}
    return [(_words(control), shape) for control, shape in _SHAPES.items() if control in present]


def slots_of(names: Sequence[str]) -> dict[str, int]:
    """Return every method's style-sheet slot: 0, the muted one, for the start model, then 1 to 7 in turn."""
    trained = [name for name in names if not is_start(name)]
    return {name: 0 if is_start(name) else 1 + trained.index(name) % 7 for name in names}


def plain(name: str) -> str:
    """Return an identifier as words: 'moving_direction' becomes 'Moving direction'."""
    return (name or "other").replace("_", " ").capitalize()


def _words(control: str) -> str:
    return control.replace("_", " ")


def _row(family: Family, name: str, measures: Measures, *, kind: str = "", slot: int | None = None) -> Row:
    cells = tuple(_cell(metric.read(measures)) for metric in metrics_of(family))
    return Row(name, cells, family.counted(measures), kind, slot)


def _cell(rate: Rate) -> Cell:
    return Cell(percent(rate.value), interval(rate.interval))


def _marks(name: str, rate: Rate, shape: str) -> Iterator[Mark]:
    if rate.value is not None:
        yield Mark(name, rate.value, rate.interval, shape)
