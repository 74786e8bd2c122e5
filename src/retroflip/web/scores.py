"""What the models of runs scored: which answers are of a run's model, and their measures."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from retroflip.bench.metrics import METRICS, was_measured
from retroflip.bench.metrics.base import Metric
from retroflip.bench.metrics.pairs import PAIR_ACCURACY
from retroflip.bench.records import read_answers
from retroflip.bench.score import (
    ANSWERS,
    SCORES,
    counted_answers,
    of_full_video,
    read_settings,
    score_records,
)
from retroflip.files.storage import read_json_object
from retroflip.report.sweeps import Axis, Scored, Sweep, asked, axes, run_of, sweeps_of
from retroflip.web.places import Folders, Kind


class Measured(NamedTuple):
    """The measures of a run's model. on: what was asked."""

    run: str
    on: str
    measures: Mapping[str, Any]


class Swept(NamedTuple):
    """The lines over one axis, of every set of questions."""

    axis: Axis
    lines: list[Sweep]


def scored(folders: Folders, runs: Mapping[str, Path]) -> list[Measured]:
    """Return the measures of all answers to full videos in the given folders that models of these runs gave. runs:
    folders by name."""
    found = []
    for place in folders.places():
        if place.kind is not Kind.ANSWERS:
            continue
        settings = read_settings(place.path)
        run = run_of(place.path, settings, runs)
        if run is not None and was_measured(measures := _measures(place.path, *_stamps(place.path))):
            found.append(Measured(run, asked(settings), measures))
    return found


def swept(recipes: Mapping[str, Mapping[str, Any]], found: list[Measured], metric: Metric) -> list[Swept]:
    """Return every axis that these runs were swept over, with its lines."""
    rated = [
        Scored(one.on, one.run, metric.read(one.measures)) for one in sorted(found, key=lambda one: one.on)
    ]
    return [Swept(axis, list(sweeps_of(axis, recipes, rated))) for axis in axes(recipes)]


def preferred_of(metrics: Sequence[Metric]) -> Metric | None:
    """Return what is shown unasked: pair accuracy, or else the first there is."""
    return PAIR_ACCURACY if PAIR_ACCURACY in metrics else next(iter(metrics), None)


def measured(found: list[Measured]) -> list[Metric]:
    """Return the metrics that any of the scores has."""
    return [metric for metric in METRICS if any(metric.read(one.measures).value is not None for one in found)]


def _stamps(folder: Path) -> tuple[int, ...]:
    files = [folder / name for name in (ANSWERS, SCORES)]
    return tuple(path.stat().st_mtime_ns if path.is_file() else 0 for path in files)


@lru_cache(256)
def _measures(folder: Path, answered: int, written: int) -> Mapping[str, Any]:
    """Return the scores of a folder, which are taken anew where answers came after them."""
    if written >= answered:
        return of_full_video(read_json_object(folder / SCORES))
    answers = read_answers(folder / ANSWERS)
    if not answers.records:
        return {}
    return of_full_video(score_records(counted_answers(folder, answers=answers).read))
