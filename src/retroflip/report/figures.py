"""The papers' figures of training runs for a paper of one's own: PNG and PDF by matplotlib, and tables of the scores.

`PAPER` has a row of panels for each figure that the papers draw of training; beside them each measure of `LOGGED` has a
figure of its own. Runs that differ in their seed alone are one line, their mean, in a band from the lowest of them to
the highest. Of the papers' figures the texts say what is drawn, not how panels are laid out: figure 7's four terms have
a panel each here, and T-GRPO, ArrowRL and CRPO each their own auxiliary reward in figure 5's last.

Equal inputs give equal bytes under one version of matplotlib.
"""

import io
import json
import re
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from retroflip.bench import comparison, rendering
from retroflip.bench.metrics.base import Measure
from retroflip.bench.metrics.training import (
    AUXILIARY,
    BEHAVIOUR,
    CORRECT,
    CORRECT_ON_VIDEO,
    GRADIENT,
    LOGGED,
    RELATION,
    RELATION_ON_COUNTERFACTUAL,
    REWARD_SPREAD,
    ZERO_ADVANTAGE,
    Rows,
    is_number,
)
from retroflip.errors import UsageError, counted
from retroflip.files.storage import file_name, write_bytes_atomic, write_text_atomic
from retroflip.report.charts import Series
from retroflip.report.curves import SUPERVISED, apart, is_rl, series
from retroflip.report.sentences import model_name, short_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

    from retroflip.report.swept import SweptPanel

SWEEPS = "sweeps"
FORMS = ("png", "pdf")
TABLES = {"tables.md": rendering.markdown, "tables.tex": rendering.latex}
_PANEL = (2.9, 2.3)
"""inches"""
_LEGEND_ROW = 0.22
_DOTS = 300
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#555555")
"""Okabe and Ito's without yellow, which white paper swallows; told apart by readers who do not see all colours"""
_STROKES = ("-", "--", "-.", ":")
"""the next one once all colours are used"""
_LOOK: dict[Any, Any] = {
    "font.size": 8.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "pdf.fonttype": 42,
    "font.sans-serif": ["DejaVu Sans", "Arial"],
    "svg.fonttype": "none",
    "svg.hashsalt": "retroflip",
    "text.parse_math": False,
}
"""over matplotlib's own defaults, so that a user's matplotlibrc changes nothing; a name's $ is no formula"""
_TELLTALE = {
    "png": ["Software"],
    "pdf": ["Creator", "Producer", "CreationDate"],
    "svg": ["Creator", "Date"],
}
"""what matplotlib writes into a file of itself and the time"""
_PATH = re.compile(rb' d="[^"]*"')
_DECIMALS = re.compile(rb"(\.\d)\d+")
_IDLE = re.compile(rb' transform="rotate\(-0 [^"]*"|(?<=\n) +')
"""of an SVG: turns by nothing, and spaces before lines"""
_MOST_LETTERS = 40
_SEED = re.compile(r"[-_]?seed[-_]?\d+")
SEED = "train.seed"


class Panel(NamedTuple):
    """One axis: a run's line is the first of these measures that it has logged."""

    title: str
    measures: tuple[Measure, ...]


class PaperFigure(NamedTuple):
    """A figure: its file's name, what it is, its panels from left to right. of: a reward term that one method's
    runs alone log, and they alone are drawn."""

    name: str
    title: str
    panels: tuple[Panel, ...]
    of: Measure | None = None


PAPER = (
    PaperFigure(
        "crpo_dynamics",
        "CRPO, figures 5 and 8",
        (
            Panel("Correctness reward", (CORRECT,)),
            Panel("Groups without a signal", (ZERO_ADVANTAGE,)),
            Panel("Auxiliary reward", AUXILIARY),
        ),
    ),
    PaperFigure(
        "crpo_rewards",
        "CRPO, figure 7",
        (
            Panel("Correct, original", (CORRECT_ON_VIDEO,)),
            Panel("CRR, original", (RELATION,)),
            Panel("Behaviour, counterfactual", (BEHAVIOUR,)),
            Panel("CRR, counterfactual", (RELATION_ON_COUNTERFACTUAL,)),
        ),
        of=BEHAVIOUR,
    ),
    PaperFigure(
        "strive_dynamics",
        "STRIVE, figure 3; its first panel is ST-GRPO's figure 3",
        (
            Panel("Reward spread", (REWARD_SPREAD,)),
            Panel("Groups without a signal", (ZERO_ADVANTAGE,)),
            Panel("Gradient norm", (GRADIENT,)),
        ),
    ),
)


@dataclass(frozen=True)
class Line:
    """A line of a panel: the mean over `runs` of the smoothed values, and the lowest and the highest of them.

    raw: of a single run what was measured, before smoothing; empty for several. share: whether all was in 0..1.
    """

    name: str
    runs: tuple[str, ...]
    steps: tuple[float, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    raw: tuple[float, ...] = ()


class Drawn(NamedTuple):
    """A panel with something in it."""

    title: str
    share: bool
    lines: tuple[Line, ...]


@dataclass
class Written:
    """What was written, and what was left out with the reason."""

    files: list[Path] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def require_matplotlib() -> None:
    """Raise UsageError where matplotlib is not installed."""
    try:
        import matplotlib  # noqa: F401 - an extra, and slow to import
    except ImportError as error:
        raise UsageError(
            "Figures for a paper need matplotlib, which is not installed. Install it with: uv pip install "
            "'retroflip[figures]'; or leave --figures out: report.html draws every metric without it."
        ) from error


def write_figures(
    out: Path,
    summary: Mapping[str, Any],
    runs: Mapping[str, Rows],
    settings: Mapping[str, Mapping[str, Any]],
    study: Sequence[comparison.Table] = (),
    swept: Sequence["SweptPanel"] = (),
) -> Written:
    """Write all figures of these runs, and the tables of the summary's scores, into the folder `out`.

    runs: rows of metrics.jsonl by name. settings: run.json by the same names, which says who differs in the seed alone.
    study: the tables of a study, in place of the summary's. swept: what the runs were swept over, as CRPO's figure 9.
    A figure that there is nothing for is left out, and so is an earlier one of its name. Raises UsageError without
    matplotlib and where `out` is a file.
    """
    require_matplotlib()
    if out.exists() and not out.is_dir():
        raise UsageError(f"--figures {out} is a file. Name a folder, which is made where it is missing.")
    out.mkdir(parents=True, exist_ok=True)
    written = Written()
    lines = together(runs, settings)
    written.left_out += [*_uneven(runs, lines), *_unshown(lines)]
    for name, panels in chain(_papers(runs, lines, written), _measures(runs, lines, written)):
        _write_figure(out, name, panels, written)
    _write_sweeps(out, swept, written)
    _write_tables(out, study or _scored(summary), written)
    return written


def together(runs: Iterable[str], settings: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    """Return the runs of each line by its name: those whose recipes differ in nothing but the seed.

    Paths are compared without what names a seed ("seed-3"), since a study has its videos and its start model anew for
    every seed. Runs with the same seed, or without a recipe, are lines of their own.
    """
    alike: dict[str, list[str]] = {}
    for name in runs:
        alike.setdefault(_key(name, settings.get(name, {})), []).append(name)
    parts: list[tuple[str, ...]] = []
    for names in alike.values():
        seeds = {_seed(settings.get(name, {})) for name in names}
        parts += [tuple(names)] if len(seeds) == len(names) else [(name,) for name in names]
    short = [_line_name(names) for names in parts]
    unique = [name if short.count(name) == 1 else names[0] for name, names in zip(short, parts, strict=True)]
    return dict(zip(unique, parts, strict=True))


def _uneven(runs: Mapping[str, Rows], lines: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """Yield for each line of several runs how many steps are not drawn, since some of its runs lack them."""
    for name, members in lines.items():
        steps = [{row["step"] for row in runs[run] if is_number(row.get("step"))} for run in members]
        every = set.union(*steps)
        if lacking := len(every - set.intersection(*steps)):
            yield f"{lacking} of {counted(len(every), 'step')} of {name}, which not all {len(members)} runs have"


def _unshown(names: Iterable[str]) -> Iterator[str]:
    """Yield which signs in names of lines stand as boxes in figures, since matplotlib's own font lacks them."""
    from matplotlib import font_manager, style

    with style.context("default"):
        signs = font_manager.get_font(font_manager.findfont("DejaVu Sans")).get_charmap()
    lacking = dict.fromkeys(letter for name in names for letter in _shown(name) if ord(letter) not in signs)
    if lacking:
        yield f"{''.join(lacking)} in names of lines, which the font lacks; give the folders other names"


def _key(name: str, settings: Mapping[str, Any]) -> str:
    return f"run {name}" if _seed(settings) is None else recipe_key(settings["recipe"], (SEED,))


def recipe_key(recipe: Mapping[str, Any], without: Collection[str]) -> str:
    """Return what recipes have in common that differ in nothing but these settings, such as "train.seed", and in what
    names a seed in their paths. A setting that is null is none: recipes of earlier versions do not have it."""

    def bare(part: Any, name: str) -> Any:
        if not isinstance(part, Mapping):
            return None if name in without else part
        inner = {key: bare(value, f"{name}.{key}" if name else key) for key, value in part.items()}
        return {key: value for key, value in inner.items() if value is not None}

    return _SEED.sub("", json.dumps(bare(recipe, ""), sort_keys=True))


def _seed(settings: Mapping[str, Any]) -> Any:
    """Return the seed in a run.json; None where there is none, as in one that somebody else wrote."""
    inner: Any = settings
    for name in ("recipe", "train", "seed"):
        inner = inner.get(name) if isinstance(inner, Mapping) else None
    return inner


def _line_name(names: Sequence[str]) -> str:
    """Return the name that all runs have without their seeds, with or without folders in front; the method's name as
    papers write it."""
    last = {(_SEED.sub("", name) if len(names) > 1 else name).rpartition("/")[2] for name in names}
    return model_name(last.pop()) if len(last) == 1 else model_name(names[0])


def _papers(
    runs: Mapping[str, Rows], lines: Mapping[str, tuple[str, ...]], written: Written
) -> Iterator[tuple[str, list[Drawn]]]:
    """Yield the papers' figures of runs of RL; what they lack is told."""
    reinforced = {name: rows for name, rows in runs.items() if is_rl(rows)}
    for figure in PAPER:
        term = figure.of
        shown = {
            n: rows for n, rows in reinforced.items() if term is None or series(rows, term.key, n, 0).values
        }
        drawn = [drawn_panel(panel, shown, lines) for panel in figure.panels]
        for panel, one in zip(figure.panels, drawn, strict=True):
            if any(drawn) and one is None:
                written.left_out.append(f"{figure.name}, {panel.title}: {_not_logged(panel.measures)}")
        found = [one for one in drawn if one is not None]
        if not found:
            wanted = [measure for panel in figure.panels for measure in panel.measures]
            written.left_out.append(f"{figure.name} ({figure.title}): {_not_logged(wanted)}")
        yield figure.name, found


def drawn_panel(panel: Panel, runs: Mapping[str, Rows], lines: Mapping[str, tuple[str, ...]]) -> Drawn | None:
    """Return a panel with the lines that `together` found; None where no run has logged any of its measures."""
    logged = {name: _first_logged(panel, name, rows) for name, rows in runs.items()}
    found = {name: one for name, one in logged.items() if one is not None}
    made = _lines(found, lines)
    return Drawn(panel.title, all(one.share for one in panel.measures), made) if made else None


def _first_logged(panel: Panel, name: str, rows: Rows) -> Series | None:
    measured = (series(rows, measure.key, name, 0) for measure in panel.measures)
    return next((one for one in measured if one.values), None)


def _measures(
    runs: Mapping[str, Rows], lines: Mapping[str, tuple[str, ...]], written: Written
) -> Iterator[tuple[str, list[Drawn]]]:
    """Yield a figure for each measure with a title, supervised runs apart; what no run has logged is told."""
    slots = dict.fromkeys(runs, 0)
    for measure in LOGGED:
        charts = dict(apart(measure.title, measure.key, runs, slots))
        if not charts:
            written.left_out.append(f"{figure_name(measure.title)}: {_not_logged([measure])}")
        for title in (measure.title, f"{measure.title}{SUPERVISED}"):
            made = _lines({one.name: one for one in charts.get(title, [])}, lines)
            yield figure_name(title), [Drawn(title, measure.share, made)] if made else []


def figure_name(title: str) -> str:
    """Return the name of a measure's file.

    >>> figure_name("Loss, supervised")
    'loss_supervised'
    """
    return file_name(re.sub(r"\W+", "_", title.lower()))


def _not_logged(measures: Sequence[Measure]) -> str:
    return f"no run has logged {', '.join(dict.fromkeys(one.key for one in measures))}"


def _lines(found: Mapping[str, Series], lines: Mapping[str, tuple[str, ...]]) -> tuple[Line, ...]:
    made = []
    for name, runs in lines.items():
        there = [found[run] for run in runs if run in found]
        line = line_of(name, there) if there else None
        made += [line] if line else []
    return tuple(made)


def line_of(name: str, runs: Sequence[Series], parts: int | None = 10) -> Line | None:
    """Return the mean and the band of runs over the steps that all of them have; None where they share none.

    parts: how far it is smoothed, as `Series.smoothed` says.
    """
    steps = sorted(set.intersection(*(set(one.steps) for one in runs)))
    if not steps:
        return None
    kept = [_at(one, steps) for one in runs]
    smooth = np.array([one.smoothed(parts) for one in kept])
    called = f"{name} ({counted(len(runs), 'seed')})" if len(runs) > 1 else name
    mean, low, high = (_floats(reduced) for reduced in (smooth.mean(0), smooth.min(0), smooth.max(0)))
    raw = kept[0].values if len(runs) == 1 else ()
    return Line(called, tuple(one.name for one in runs), tuple(steps), mean, low, high, raw)


def _at(one: Series, steps: Sequence[float]) -> Series:
    values = dict(zip(one.steps, one.values, strict=True))
    return Series(one.name, one.slot, tuple(steps), tuple(values[step] for step in steps))


def _floats(values: np.ndarray) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def _write_figure(out: Path, name: str, panels: Sequence[Drawn], written: Written) -> None:
    """Write a figure in both forms; one without panels is deleted, since an earlier one is of other runs."""
    paths = {form: out / f"{name}.{form}" for form in FORMS}
    if not panels:
        for path in paths.values():
            path.unlink(missing_ok=True)
        return
    for form, path in paths.items():
        write_bytes_atomic(path, rendered(panels, form))
        written.files.append(path)


def rendered(panels: Sequence[Drawn], form: str, across: int | None = None) -> bytes:
    """Return a figure's bytes as PNG, PDF or SVG, without date and version. across: as in `draw`."""
    return saved(lambda: draw(panels, across), form)


def saved(drawn: Callable[[], "Canvas"], form: str) -> bytes:
    """Return the bytes of what is drawn in the look of all figures here, without date and version."""
    from matplotlib import rc_context, style

    stream = io.BytesIO()
    empty = dict.fromkeys(_TELLTALE[form])
    with style.context("default"), rc_context(_LOOK), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # `_unshown` tells it once
        drawn().savefig(stream, format=form, dpi=_DOTS, metadata=empty)
    return _shortened(stream.getvalue()) if form == "svg" else stream.getvalue()


def _shortened(svg: bytes) -> bytes:
    """Return a drawing in half as many bytes: its paths to a tenth of a point, which nobody sees, and nothing idle."""
    return _PATH.sub(lambda path: _DECIMALS.sub(rb"\1", path[0]), _IDLE.sub(b"", svg))


def draw(panels: Sequence[Drawn], across: int | None = None) -> "Canvas":
    """Return the figure: panels, and below them the name of every line, each with one look in all panels.

    across: how many panels stand in a row; None for all of them.
    """
    from matplotlib.figure import Figure as Canvas
    from matplotlib.lines import Line2D

    names = list(dict.fromkeys(line.name for panel in panels for line in panel.lines))
    looks = {name: _look(index) for index, name in enumerate(names)}
    across = across or len(panels)
    rows = -(-len(panels) // across)
    columns = min(len(names), 2 * across)
    width, height = _PANEL[0] * across, _PANEL[1] * rows
    legend = _LEGEND_ROW * (-(-len(names) // columns)) + 0.1
    figure = Canvas(figsize=(width, height + legend), layout="constrained")
    places = list(np.ravel(figure.subplots(rows, across)))
    for axes in places[len(panels) :]:
        axes.remove()
    for axes, panel in zip(places, panels, strict=False):
        _draw_panel(axes, panel, looks)
    handles = [Line2D([], [], **looks[name]) for name in names]
    figure.legend(
        handles, [_shown(name) for name in names], loc="outside lower center", ncols=columns, frameon=False
    )
    return figure


def _look(index: int) -> dict[str, Any]:
    stroke = _STROKES[index // len(_COLOURS) % len(_STROKES)]
    return {"color": _COLOURS[index % len(_COLOURS)], "linestyle": stroke, "linewidth": 1.4}


def _draw_panel(axes: "Axes", panel: Drawn, looks: Mapping[str, Mapping[str, Any]]) -> None:
    for line in panel.lines:
        look = looks[line.name]
        if line.raw and line.raw != line.mean:
            axes.plot(line.steps, line.raw, **{**look, "linewidth": 0.7, "alpha": 0.3})
        if len(line.runs) > 1:
            axes.fill_between(line.steps, line.low, line.high, color=look["color"], alpha=0.2, linewidth=0)
        axes.plot(line.steps, line.mean, **look, marker="o" if len(line.steps) == 1 else None)
    values = [value for line in panel.lines for value in (*line.low, *line.high, *line.raw)]
    if panel.share and min(values) >= 0 and max(values) <= 1:
        axes.set_ylim(-0.02, 1.02)
    axes.set_title(panel.title)
    axes.set_xlabel("step")


def _shown(name: str) -> str:
    """Return a line's name for the legend, which takes a name that starts with _ as one to hide."""
    plain = "".join(letter if letter.isprintable() else " " for letter in name)
    short = plain if len(plain) <= _MOST_LETTERS else f"{plain[: _MOST_LETTERS - 1]}…"
    return f" {short}" if short.startswith("_") else short


def _write_sweeps(out: Path, panels: Sequence["SweptPanel"], written: Written) -> None:
    """Write the figure of sweeps, or delete an earlier one where no scored runs differ in one setting alone."""
    for form in FORMS:
        path = out / f"{SWEEPS}.{form}"
        if not panels:
            path.unlink(missing_ok=True)
            continue
        write_bytes_atomic(path, saved(lambda: draw_sweeps(panels), form))
        written.files.append(path)
    if not panels:
        written.left_out.append(f"{SWEEPS} (CRPO, figure 9): no scored runs differ in one setting alone")


def draw_sweeps(panels: Sequence["SweptPanel"]) -> "Canvas":
    """Return the figure: a panel for each setting, its lines in per cent with the bounds of every point."""
    from matplotlib.figure import Figure as Canvas
    from matplotlib.lines import Line2D

    names = list(dict.fromkeys(line.name for panel in panels for line in panel.lines))
    looks = {name: _look(index) for index, name in enumerate(names)}
    figure = Canvas(figsize=(_PANEL[0] * len(panels), _PANEL[1] + _LEGEND_ROW + 0.1), layout="constrained")
    for axes, panel in zip(np.ravel(figure.subplots(1, len(panels))), panels, strict=True):
        for line in panel.lines:
            means = 100 * np.array([point.mean for point in line.points])
            low = 100 * np.array([point.mean if point.low is None else point.low for point in line.points])
            high = 100 * np.array([point.mean if point.high is None else point.high for point in line.points])
            around = np.maximum([means - low, high - means], 0.0)
            at = [point.at for point in line.points]
            axes.errorbar(at, means, yerr=around, marker="o", markersize=3, capsize=2, **looks[line.name])
        axes.set_xlabel(panel.axis)
        axes.set_ylabel(panel.measured)
    handles = [Line2D([], [], **looks[name]) for name in names]
    figure.legend(
        handles, [_shown(name) for name in names], loc="outside lower center", ncols=2, frameon=False
    )
    return figure


def _scored(summary: Mapping[str, Any]) -> list[comparison.Table]:
    """Return the tables of all scored models."""
    scores = {
        short_name(name): {"controls": {}, "tasks": {}, **measures}
        for name, measures in summary["methods"].items()
    }
    return comparison.tables(scores, summary.get("unlike", "")) if scores else []


def _write_tables(out: Path, tables: Sequence[comparison.Table], written: Written) -> None:
    """Write the tables in Markdown and LaTeX."""
    for name, render in TABLES.items():
        if not tables:
            (out / name).unlink(missing_ok=True)
            continue
        write_text_atomic(out / name, "\n".join(map(render, tables)))
        written.files.append(out / name)
    if not tables:
        written.left_out.append(f"{', '.join(TABLES)}: no answers were scored")
