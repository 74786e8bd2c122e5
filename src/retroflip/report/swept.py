"""What a report's runs were swept over, for a paper: panels of `sweeps`, such as the two of CRPO's figure 9."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from retroflip.bench.metrics.answers import ACCURACY
from retroflip.bench.metrics.base import Rate
from retroflip.bench.metrics.pairs import PAIR_ACCURACY
from retroflip.report.cards import Source, Sources
from retroflip.report.studies import StudyView
from retroflip.report.sweeps import Sweep, axes, sweeps


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
        lines = []
        for on in dict.fromkeys(label for label, _, _ in found):
            rates = {run: rate for label, run, rate in found if label == on}
            lines += [
                line._replace(name=", ".join(part for part in (on, line.name) if part))
                for line in sweeps(axis, recipes, rates.get)
            ]
        if lines:
            panels.append(SweptPanel(axis.title, "%", tuple(lines)))
    return panels


def _has_recipe(run: Source) -> bool:
    return isinstance(run.settings.get("recipe"), Mapping)


def _of_study(study: StudyView) -> Iterator[tuple[str, str, Rate]]:
    """Yield (what was measured, run, rate) of every arm and seed."""
    key = study.headline.key
    for arm in study.arms:
        for seed, cell in arm["cells"].items():
            if cell.get(key) is not None:
                yield study.headline.label, f"seed-{seed}/{arm['name']}", Rate(cell[key], None, None)


def _of_answers(summary: Mapping[str, Any], sources: Sources) -> Iterator[tuple[str, str, Rate]]:
    """Yield the same of every folder of answers that the model of a run here gave."""
    models = {str((run.folder / "model").resolve()): run.name for run in sources.runs}
    named = {run.name for run in sources.runs}
    for one in sources.answers:
        model = one.settings.get("model")
        path = str(Path(model).resolve()) if isinstance(model, str) else ""
        run = models.get(path) or (one.name if one.name in named else None)
        measures = summary["methods"].get(one.name)
        if run is None or measures is None:
            continue
        paired = PAIR_ACCURACY.read(measures).value is not None
        metric = PAIR_ACCURACY if paired else ACCURACY
        yield f"{metric.label} {_asked(one)}".strip(), run, metric.read(measures)


def _asked(answers: Source) -> str:
    bench, data = answers.settings.get("bench"), answers.settings.get("data")
    if isinstance(bench, str) and bench:
        return f"on {Path(bench).name}"
    return f"on {Path(data).parent.name}" if isinstance(data, str) and data else ""
