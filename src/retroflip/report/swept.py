"""What a report's runs were swept over, for a paper: panels of `sweeps`, such as the two of CRPO's figure 9."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from retroflip.bench.metrics.answers import ACCURACY
from retroflip.bench.metrics.base import Rate
from retroflip.bench.metrics.pairs import PAIR_ACCURACY
from retroflip.report.cards import Source, Sources
from retroflip.report.studies import StudyView
from retroflip.report.sweeps import Scored, Sweep, asked, axes, run_of, sweeps_of


class SweptPanel(NamedTuple):
    """One axis: the settings that vary, what was measured, and its lines, each named."""

    axis: str
    measured: str
    lines: tuple[Sweep, ...]


def swept(summary: Mapping[str, Any], sources: Sources, study: StudyView | None) -> list[SweptPanel]:
    """Return a panel for every setting that some runs differ in while the rest of their recipes but the seed is the
    same, and whose models were scored: pair accuracy where there is one."""
    recipes = {one.name: one.settings["recipe"] for one in sources.runs if _has_recipe(one)}
    found = list(_of_study(study) if study else _of_answers(summary, sources))
    panels = []
    for axis in axes(recipes) if found else ():
        if lines := tuple(sweeps_of(axis, recipes, found)):
            panels.append(SweptPanel(axis.title, "%", lines))
    return panels


def _has_recipe(run: Source) -> bool:
    return isinstance(run.settings.get("recipe"), Mapping)


def _of_study(study: StudyView) -> Iterator[Scored]:
    """Yield what every arm scored with every seed."""
    key = study.headline.key
    for arm in study.arms:
        for seed, cell in arm["cells"].items():
            if cell.get(key) is not None:
                run = f"seed-{seed}/{arm['name']}"
                yield Scored(study.headline.label, run, Rate(cell[key], None, None))


def _of_answers(summary: Mapping[str, Any], sources: Sources) -> Iterator[Scored]:
    """Yield the same of every folder of answers that the model of a run here gave."""
    runs = {run.name: run.folder for run in sources.runs}
    for one in sources.answers:
        run = run_of(one.folder, one.settings, runs)
        measures = summary["methods"].get(one.name)
        if run is None or measures is None:
            continue
        paired = PAIR_ACCURACY.read(measures).value is not None
        metric = PAIR_ACCURACY if paired else ACCURACY
        on = asked(one.settings)
        yield Scored(f"{metric.label} on {on}" if on else metric.label, run, metric.read(measures))
