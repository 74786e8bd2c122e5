"""Which charts a page draws of runs, and their lines: the metrics with a title, the papers' figures, and sweeps.

What is drawn is the report's own: its list of figures (`report.figures.PAPER`), its lines of runs that differ in their
seed alone, their mean in a band from the lowest to the highest, and its smoothing. Nothing of it is decided here again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from retroflip.bench.metrics.training import LOGGED
from retroflip.report.charts import Series
from retroflip.report.curves import SUPERVISED
from retroflip.report.figures import PAPER, Line, PaperFigure, line_of, together
from retroflip.web.runs import Metrics

POINTS = 1200
"""of a line that is longer, the lowest and the highest of every few steps are drawn"""
MAIN, EVERYTHING, SWEEPS = "main", "all", "crpo_sensitivity"
_PAPERS = {figure.name: figure for figure in PAPER}
PRESETS: tuple[tuple[str, str], ...] = (
    (MAIN, "what matters most"),
    *((figure.name, figure.title) for figure in PAPER),
    (SWEEPS, "CRPO, figure 9: a setting against a score"),
    (EVERYTHING, "all that was logged"),
)
"""what may be shown of runs, and how that is called"""


class Smoothing(StrEnum):
    """Over which part of a line its moving mean is taken."""

    NONE = "none"
    TENTH = "tenth"
    THIRD = "third"

    @property
    def parts(self) -> int | None:
        """As `Series.smoothed` takes it."""
        return {Smoothing.NONE: None, Smoothing.TENTH: 10, Smoothing.THIRD: 3}[self]


class Chart(NamedTuple):
    """One chart. keys: a run's line is the first of them that it has logged. runs: that have one."""

    title: str
    caption: str
    keys: tuple[str, ...]
    share: bool
    runs: tuple[str, ...]


class Shown(NamedTuple):
    """The charts of a preset, and what it draws that no run has logged."""

    charts: list[Chart]
    lacking: list[str]


def charts(preset: str, runs: Mapping[str, Metrics]) -> Shown:
    """Return the charts of these runs; supervised runs have charts of their own, as in reports."""
    logged = {name: metrics.names for name, metrics in runs.items()}
    reinforced = [name for name, metrics in runs.items() if metrics.is_rl]
    found: list[Chart] = []
    lacking = []
    for chart in _wanted(preset, logged, reinforced):
        there = [name for name in chart.runs if not logged[name].isdisjoint(chart.keys)]
        rl = [name for name in there if name in reinforced]
        other = [name for name in there if name not in reinforced]
        ending = SUPERVISED if reinforced else ""
        found += [chart._replace(runs=tuple(rl))] if rl else []
        found += [chart._replace(title=f"{chart.title}{ending}", runs=tuple(other))] if other else []
        lacking += [] if there else [", ".join(chart.keys)]
    return Shown(found, lacking)


def _wanted(preset: str, logged: Mapping[str, set[str]], reinforced: Sequence[str]) -> Iterator[Chart]:
    everyone = tuple(logged)
    if preset in _PAPERS:
        yield from _of_paper(_PAPERS[preset], logged, reinforced)
        return
    for one in LOGGED:
        yield Chart(one.title, one.caption, (one.key,), one.share, everyone)
    if preset == EVERYTHING:
        known = {one.key for one in LOGGED}
        for name in sorted({name for names in logged.values() for name in names} - known):
            yield Chart(name, "", (name,), False, everyone)


def _of_paper(
    figure: PaperFigure, logged: Mapping[str, set[str]], reinforced: Sequence[str]
) -> Iterator[Chart]:
    of = figure.of.key if figure.of else None
    runs = tuple(name for name in reinforced if of is None or of in logged[name])
    for panel in figure.panels:
        keys = tuple(one.key for one in panel.measures)
        caption = panel.measures[0].caption if len(keys) == 1 else "what each method pays beside correctness"
        yield Chart(panel.title, caption, keys, all(one.share for one in panel.measures), runs)


class Drawn(NamedTuple):
    """The lines of a chart, and what is not in them."""

    lines: list[dict[str, Any]]
    notes: list[str]


def curves(
    keys: Sequence[str],
    runs: Mapping[str, Metrics],
    settings: Mapping[str, Mapping[str, Any]],
    smoothing: Smoothing,
    *,
    apart: bool,
) -> Drawn:
    """Return a chart's lines: runs that differ in their seed alone are one, unless they are wanted apart."""
    measured = {name: found for name, metrics in runs.items() if (found := _logged(keys, name, metrics))}
    parts = {name: (name,) for name in measured} if apart else together(measured, settings)
    lines, notes = [], []
    for name, members in parts.items():
        there = [measured[run] for run in members]
        line = line_of(name, there, smoothing.parts)
        lines += [_told(line, smoothing)] if line else []
        if lacking := len(set().union(*(one.steps for one in there))) - (len(line.steps) if line else 0):
            notes.append(f"{name}: {lacking} steps are not drawn, which not all {len(members)} seeds have.")
    return Drawn(lines, notes)


def _logged(keys: Sequence[str], run: str, metrics: Metrics) -> Series | None:
    return next((found for key in keys if (found := metrics.series(key, run)).values), None)


def _told(line: Line, smoothing: Smoothing) -> dict[str, Any]:
    several = len(line.runs) > 1
    raw = line.raw if line.raw and smoothing is not Smoothing.NONE else ()
    kept = _thinned(line.mean, raw or line.mean)
    return {
        "name": line.name,
        "runs": line.runs,
        "steps": _picked(line.steps, kept),
        "mean": _picked(line.mean, kept),
        "low": _picked(line.low, kept) if several else [],
        "high": _picked(line.high, kept) if several else [],
        "raw": _picked(raw, kept),
        "last": line.mean[-1],
    }


def _picked(values: Sequence[float], places: Iterable[int]) -> list[float]:
    return [values[place] for place in places] if values else []


def _thinned(*lines: Sequence[float]) -> list[int]:
    """Return the places that are drawn: all, or of every few the lowest and the highest of each line."""
    length = len(lines[0])
    if length <= POINTS:
        return list(range(length))
    cuts = np.linspace(0, length, POINTS // (2 * len(lines)) + 1, dtype=int)
    kept = {0, length - 1}
    for values in map(np.asarray, lines):
        for begin, end in pairwise(cuts):
            kept |= {int(begin + values[begin:end].argmin()), int(begin + values[begin:end].argmax())}
    return sorted(kept)
