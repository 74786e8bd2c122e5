"""What the models of runs scored: which answers are of a run's model, and their measures."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from retroflip.bench.metrics import METRICS
from retroflip.bench.metrics.base import Metric, Rate
from retroflip.bench.metrics.pairs import PAIR_ACCURACY
from retroflip.bench.records import read_answers
from retroflip.bench.score import ANSWERS, SCORES, read_settings, score_records
from retroflip.files.storage import read_json_object
from retroflip.report.sweeps import Axis, Sweep, axes, sweeps
from retroflip.web.places import Folders, Kind, Place

EVALUATIONS = "eval"
"""the folder of a study beside its runs, in which answers have the names of the runs whose models gave them"""


class Scored(NamedTuple):
    """What a run's model scored. on: what was asked, by which lines are told apart."""

    run: str
    on: str
    measures: Mapping[str, Any]


class Swept(NamedTuple):
    """The lines over one axis, of every set of questions."""

    axis: Axis
    lines: list[Sweep]


def scored(folders: Folders, runs: Mapping[str, Path]) -> list[Scored]:
    """Return the measures of all answers in the given folders that models of these runs gave. runs: folders by name."""
    found = []
    for place in folders.places():
        run = _run_of(place, runs) if place.kind is Kind.ANSWERS else None
        if run is not None:
            found.append(Scored(run, _asked(place), _measures(place.path, *_stamps(place.path))))
    return found


def swept(recipes: Mapping[str, Mapping[str, Any]], found: list[Scored], metric: Metric) -> list[Swept]:
    """Return every axis that these runs were swept over, with its lines."""
    return [Swept(axis, list(_over(axis, recipes, found, metric))) for axis in axes(recipes)]


def preferred_of(metrics: Sequence[Metric]) -> Metric | None:
    """Return what is shown unasked: pair accuracy, or else the first there is."""
    return PAIR_ACCURACY if PAIR_ACCURACY in metrics else next(iter(metrics), None)


def measured(found: list[Scored]) -> list[Metric]:
    """Return the metrics that any of the scores has."""
    return [metric for metric in METRICS if any(metric.read(one.measures).value is not None for one in found)]


def _over(
    axis: Axis, recipes: Mapping[str, Mapping[str, Any]], found: list[Scored], metric: Metric
) -> Iterator[Sweep]:
    for on in sorted({one.on for one in found}):
        rates: dict[str, Rate] = {one.run: metric.read(one.measures) for one in found if one.on == on}
        for line in sweeps(axis, recipes, rates.get):
            yield line._replace(name=", ".join(part for part in (on, line.name) if part))


def _run_of(answers: Place, runs: Mapping[str, Path]) -> str | None:
    """Return the run whose model gave the answers: the one that they name, or of their name in the same study."""
    model = read_settings(answers.path).get("model")
    folders = {path.resolve(): name for name, path in runs.items()}
    named = folders.get(Path(model).resolve().parent) if isinstance(model, str) and model else None
    if named is None and answers.path.parent.name == EVALUATIONS:
        return folders.get(answers.path.parent.parent.resolve() / answers.path.name)
    return named


def _asked(answers: Place) -> str:
    """Return the name of what was asked: a benchmark's, or the folder of the records."""
    settings = read_settings(answers.path)
    bench, data = settings.get("bench"), settings.get("data")
    if isinstance(bench, str) and bench:
        return Path(bench).name
    return Path(data).parent.name if isinstance(data, str) and data else ""


def _stamps(folder: Path) -> tuple[int, ...]:
    files = [folder / name for name in (ANSWERS, SCORES)]
    return tuple(path.stat().st_mtime_ns if path.is_file() else 0 for path in files)


@lru_cache(256)
def _measures(folder: Path, answered: int, written: int) -> Mapping[str, Any]:
    """Return the scores of a folder, which are taken anew where answers came after them."""
    if written >= answered:
        return read_json_object(folder / SCORES)
    records = read_answers(folder / ANSWERS).records
    return score_records(records) if records else {}
