"""From the rows of `metrics.jsonl` to charts: first the measures that have a title, then all others."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from markupsafe import Markup

from retroflip.bench.metrics.training import LOGGED, Rows, is_number
from retroflip.report.charts import Series, line_chart
from retroflip.train.task_types import PREFIX

SUPERVISED = ", supervised"
"""ends the title of a chart of supervised runs where there are runs of RL too"""


@dataclass(frozen=True)
class Figure:
    """A chart with its caption."""

    title: str
    note: str
    svg: Markup


def main_figures(runs: Mapping[str, Rows], slots: Mapping[str, int]) -> list[Figure]:
    """Return the charts of each measure with a title that any run has logged, with a line per run.

    Supervised runs have charts of their own: their steps and losses are other ones than those of RL.
    """
    return [
        Figure(title, logged.caption, line_chart(title, lines, share=logged.share))
        for logged in LOGGED
        for title, lines in apart(logged.title, logged.key, runs, slots)
    ]


def other_figures(runs: Mapping[str, Rows], slots: Mapping[str, int]) -> list[Figure]:
    """Return a chart for each numeric metric that `main_figures` did not draw, in order of name.

    Those by task type are a table (`tables.type_rows`).
    """
    known = {logged.key for logged in LOGGED} | {"step"}
    logged = {key for rows in runs.values() for row in rows for key in row}
    names = sorted(name for name in logged - known if not name.startswith(f"{PREFIX}/"))
    return [
        Figure(title, "", line_chart(title, lines))
        for name in names
        for title, lines in apart(name, name, runs, slots)
    ]


def is_rl(rows: Rows) -> bool:
    """Whether rows are of a run of RL, which says how many questions taught nothing."""
    return any("zero_advantage" in row or "reward/correct" in row for row in rows)


def apart(
    title: str, metric: str, runs: Mapping[str, Rows], slots: Mapping[str, int]
) -> Iterator[tuple[str, list[Series]]]:
    """Yield a metric's lines with the title of their chart, supervised runs apart from those of RL."""
    reinforced = {name: rows for name, rows in runs.items() if is_rl(rows)}
    supervised = {name: rows for name, rows in runs.items() if name not in reinforced}
    ending = SUPERVISED if reinforced else ""
    for chart, kind in ((title, reinforced), (f"{title}{ending}", supervised)):
        if lines := _lines(metric, kind, slots):
            yield chart, lines


def series(rows: Rows, metric: str, name: str, slot: int) -> Series:
    """Collect a metric's finite values over steps; of a step that occurs twice the last row counts."""
    points = {
        row["step"]: row[metric] for row in rows if is_number(row.get(metric)) and is_number(row.get("step"))
    }
    steps = sorted(points)
    return Series(name, slot, tuple(steps), tuple(float(points[step]) for step in steps))


def _lines(metric: str, runs: Mapping[str, Rows], slots: Mapping[str, int]) -> list[Series]:
    """Return the metric's line in every run that has logged it."""
    lines = [series(rows, metric, run, slots[run]) for run, rows in runs.items()]
    return [line for line in lines if line.values]
