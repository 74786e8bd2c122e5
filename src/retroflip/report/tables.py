"""From `summary.json` to rows that a template can print as they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from retroflip.report.charts import Mark, MarkRow
from retroflip.report.words import Measures, chance_of, interval, is_start, percent, short_name

RATES = {
    "acc": "Accuracy",
    "p_acc": "Pair accuracy",
    "same_answer_rate": "Same answer",
    "unparsed_rate": "Unparsed",
}
_HANDICAPS = {
    "text_only": ("text only", "square"),
    "single_frame": ("single frame", "diamond"),
    "shuffled_frames": ("shuffled frames", "triangle"),
}


@dataclass(frozen=True)
class Cell:
    """One number with its interval, as text."""

    value: str
    interval: str = ""


@dataclass(frozen=True)
class Row:
    """One line of a table of rates: what it is about, the rates in the order of RATES, and how many pairs."""

    name: str
    cells: tuple[Cell, ...]
    pairs: str
    kind: str = ""
    slot: int | None = None


@dataclass(frozen=True)
class TaskTable:
    """Pair accuracy of every method in one task."""

    task: str
    pairs: str
    chance: str
    cells: tuple[Cell, ...]


def method_rows(methods: Mapping[str, Measures], slots: Mapping[str, int]) -> list[Row]:
    """Return one row per method and, below them, what guessing would reach on the first one's questions."""
    rows = [_row(short_name(name), measures, slot=slots[name]) for name, measures in methods.items()]
    first = next(iter(methods.values()), {})
    if first.get("chance"):
        chances = tuple(Cell(percent(chance_of(first, rate))) for rate in RATES)
        rows.append(Row("Chance", chances, "", kind="chance"))
    return rows


def control_rows(summary: Mapping[str, Any]) -> list[Row]:
    """Return rows for the oracle, random answers and each method's handicapped inputs."""
    rows = [
        _row(name.capitalize(), measures, kind="control") for name, measures in summary["controls"].items()
    ]
    for name, measures in summary["methods"].items():
        for control, handicapped in measures.get("controls", {}).items():
            label = f"{short_name(name)}, {_handicap(control)[0]}"
            rows.append(_row(label, handicapped, kind="control"))
    return rows


def task_rows(methods: Mapping[str, Measures]) -> list[TaskTable]:
    """Return one row per task with the pair accuracy of every method."""
    tasks = sorted({task for measures in methods.values() for task in measures.get("tasks", {})})
    rows = []
    for task in tasks:
        measured = [measures.get("tasks", {}).get(task, {}) for measures in methods.values()]
        first = next(one for one in measured if one)
        cells = tuple(_cell(one, "p_acc") for one in measured)
        chance = percent(chance_of(first, "p_acc"))
        rows.append(TaskTable(plain(task), str(first.get("n_pairs", "")), chance, cells))
    return rows


def plot_rows(summary: Mapping[str, Any], rate: str, slots: Mapping[str, int]) -> list[MarkRow]:
    """Return the marks of an interval plot of `rate`: every method, its handicapped inputs as small marks."""
    rows = []
    for name, measures in summary["methods"].items():
        if measures.get(rate) is None:
            continue
        marks = [_mark(short_name(name), measures, rate, "circle")]
        for control, handicapped in measures.get("controls", {}).items():
            if handicapped.get(rate) is not None:
                marks.append(_mark(_handicap(control)[0], handicapped, rate, _handicap(control)[1]))
        rows.append(MarkRow(short_name(name), slots[name], marks))
    return rows


def handicaps_shown(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return (name, shape) of the handicapped inputs that any method was given."""
    present = {control for m in summary["methods"].values() for control in m.get("controls", {})}
    return [_handicap(control) for control in _HANDICAPS if control in present]


def slots_of(names: Sequence[str]) -> dict[str, int]:
    """Return every method's style-sheet slot: 0, the muted one, for the start model, then 1 to 7 in turn."""
    trained = [name for name in names if not is_start(name)]
    return {name: 0 if is_start(name) else 1 + trained.index(name) % 7 for name in names}


def plain(name: str) -> str:
    """Return an identifier as words: 'moving_direction' becomes 'Moving direction'."""
    return (name or "other").replace("_", " ").capitalize()


def _handicap(control: str) -> tuple[str, str]:
    return _HANDICAPS.get(control, (control.replace("_", " "), "square"))


def _row(name: str, measures: Measures, *, kind: str = "", slot: int | None = None) -> Row:
    cells = tuple(_cell(measures, rate) for rate in RATES)
    return Row(name, cells, str(measures.get("n_pairs", "")), kind, slot)


def _cell(measures: Measures, rate: str) -> Cell:
    return Cell(percent(measures.get(rate)), interval(measures.get(f"{rate}_ci")))


def _mark(name: str, measures: Measures, rate: str, shape: str) -> Mark:
    bounds = measures.get(f"{rate}_ci")
    return Mark(name, measures[rate], (bounds[0], bounds[1]) if bounds else None, shape)
