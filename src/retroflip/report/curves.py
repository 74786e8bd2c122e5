"""From the rows of `metrics.jsonl` to charts: which metrics are shown first, under which titles."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from retroflip.report.charts import Series, line_chart

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Metric:
    """A metric with a chart of its own: of its possible names the first found in a run counts."""

    title: str
    note: str
    names: tuple[str, ...]
    share: bool = False


@dataclass(frozen=True)
class Figure:
    """A chart with its caption."""

    title: str
    note: str
    svg: Markup


METRICS = (
    Metric(
        "Correctness",
        "mean reward for a right answer to the original video",
        ("reward/correct", "reward/original/correct"),
        share=True,
    ),
    Metric(
        "Counterfactual relation reward",
        "answers that relate to the other branch's as they should, weighted",
        ("reward/crr", "reward/original/crr"),
    ),
    Metric(
        "Behaviour reward",
        "answer changed on a dynamic question, kept on a static one",
        ("reward/behaviour", "reward/counterfactual/behave"),
        share=True,
    ),
    Metric(
        "Same answer on both branches",
        "share of original and counterfactual rollouts that say the same",
        ("same_answer/counterfactual",),
        share=True,
    ),
    Metric("Reward spread", "standard deviation within a group", ("reward/std", "reward_std/original")),
    Metric(
        "Groups without a signal",
        "share whose advantages are all zero",
        ("zero_advantage_share", "zero_advantage"),
        share=True,
    ),
    Metric("Gradient norm", "before clipping", ("grad_norm",)),
    Metric("KL", "divergence from the reference model", ("kl",)),
    Metric("Completion length", "tokens", ("completion/length",)),
    Metric(
        "Unparsed rollouts",
        "share without a readable answer",
        ("completion/unparsed", "unparsed/original"),
        share=True,
    ),
    Metric("Truncated rollouts", "share cut off at the length limit", ("completion/truncated",), share=True),
    Metric("Loss", "", ("loss",)),
)


def main_figures(runs: Mapping[str, Rows], slots: Mapping[str, int]) -> list[Figure]:
    """Return one chart for each known metric that any run has logged, with a line per run."""
    figures = []
    for metric in METRICS:
        lines = [_first_present(rows, metric.names, name, slots[name]) for name, rows in runs.items()]
        found = [line for line in lines if line is not None]
        if found:
            svg = line_chart(metric.title, found, share=metric.share)
            figures.append(Figure(metric.title, metric.note, svg))
    return figures


def other_figures(runs: Mapping[str, Rows], slots: Mapping[str, int]) -> list[Figure]:
    """Return a chart for each numeric metric that `main_figures` did not draw, in order of name."""
    known = {name for metric in METRICS for name in _drawn(runs, metric)} | {"step"}
    names = sorted({key for rows in runs.values() for row in rows for key in row} - known)
    figures = []
    for name in names:
        lines = [series(rows, name, run, slots[run]) for run, rows in runs.items()]
        found = [line for line in lines if line.values]
        if found:
            figures.append(Figure(name, "", line_chart(name, found)))
    return figures


def series(rows: Rows, metric: str, name: str, slot: int) -> Series:
    """Collect a metric's finite values over steps; of a step that occurs twice the last row counts."""
    points = {row["step"]: row[metric] for row in rows if _is_number(row.get(metric)) and "step" in row}
    steps = sorted(points)
    return Series(name, slot, tuple(steps), tuple(float(points[step]) for step in steps))


def _first_present(rows: Rows, names: Iterable[str], run: str, slot: int) -> Series | None:
    lines = (series(rows, name, run, slot) for name in names)
    return next((line for line in lines if line.values), None)


def _drawn(runs: Mapping[str, Rows], metric: Metric) -> set[str]:
    """Return the names under which the metric's chart shows the runs."""
    firsts = (
        next((n for n in metric.names if series(rows, n, "", 0).values), None) for rows in runs.values()
    )
    return {name for name in firsts if name is not None}


def _is_number(value: object) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and value == value
        and abs(value) < 1e300
    )
