"""Sweeps: a setting that differs between runs against what their models scored, as CRPO's figure 9 draws two.

Which settings were swept is read from the resolved recipes. Numbers that change together in all runs are one axis
(CRPO's lambda is the two settings `lambda_d` and `lambda_s`). Runs are on one line where their recipes differ in
nothing but that axis and the seed; over seeds a point is the mean, from the lowest to the highest.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from retroflip.bench.metrics.base import Rate
from retroflip.bench.metrics.training import is_number
from retroflip.report.figures import SEED, recipe_key

Recipe = Mapping[str, Any]
MODEL = "model"
"""the folder of a run that holds what it trained"""
EVALUATIONS = "eval"
"""the folder of a study beside its runs, in which answers have the names of the runs whose models gave them"""


class Axis(NamedTuple):
    """Settings, by their names in the recipe, that have the same number in each run."""

    settings: tuple[str, ...]

    @property
    def title(self) -> str:
        """The settings' names without the sections that they are in."""
        return " = ".join(name.rpartition(".")[2] for name in self.settings)


class Point(NamedTuple):
    """What runs scored at one place of an axis. low, high: over seeds, or the interval of a single run's score."""

    at: float
    mean: float
    low: float | None
    high: float | None
    runs: tuple[str, ...]


class Scored(NamedTuple):
    """What a run's model scored. on: what was asked, by which lines are told apart."""

    on: str
    run: str
    rate: Rate


class Sweep(NamedTuple):
    """A line: what stays as it is on it, where that tells it from other lines, and its points from left to right."""

    name: str
    points: tuple[Point, ...]


def axes(recipes: Mapping[str, Recipe]) -> list[Axis]:
    """Return the settings that some runs differ in while the rest of their recipes but the seed is the same."""
    numbers = {run: dict(_numbers(recipe)) for run, recipe in recipes.items()}
    names = dict.fromkeys(name for found in numbers.values() for name in found)
    together: dict[tuple[float | None, ...], list[str]] = {}
    for name in names:
        values = tuple(found.get(name) for found in numbers.values())
        if name != SEED and len(set(values)) > 1:
            together.setdefault(values, []).append(name)
    found = [Axis(tuple(settings)) for settings in together.values()]
    return [axis for axis in found if _lines(axis, recipes)]


def sweeps(axis: Axis, recipes: Mapping[str, Recipe], score: Callable[[str], Rate | None]) -> list[Sweep]:
    """Return the lines over an axis that have scores at more than one place. score: of a run's model, if it has one."""
    made = []
    for members in _lines(axis, recipes):
        points = [_point(at, runs, score) for at, runs in sorted(members.items())]
        kept = tuple(point for point in points if point is not None)
        if len(kept) > 1:
            made.append((next(iter(members.values()))[0], kept))
    names = _apart([dict(_leaves(recipes[run])) for run, _ in made], axis)
    return [Sweep(name, points) for name, (_, points) in zip(names, made, strict=True)]


def sweeps_of(axis: Axis, recipes: Mapping[str, Recipe], found: Sequence[Scored]) -> Iterator[Sweep]:
    """Yield the lines over an axis of every set of questions, whose name stands before theirs."""
    for on in dict.fromkeys(one.on for one in found):
        rates = {one.run: one.rate for one in found if one.on == on}
        for line in sweeps(axis, recipes, rates.get):
            yield line._replace(name=", ".join(part for part in (on, line.name) if part))


def run_of(answers: Path, settings: Mapping[str, Any], runs: Mapping[str, Path]) -> str | None:
    """Return the run whose model gave a folder of answers; None where it is none of these.

    It is the run that their run.json names, RUN/model, else the one of their name in the same study (RUN beside
    eval/RUN), or in whose own folder they lie. settings: of run.json. runs: folders by name.
    """
    folders = {folder.resolve(): name for name, folder in runs.items()}
    model, place = settings.get("model"), answers.resolve()
    named = Path(model).resolve() if isinstance(model, str) and model and "\0" not in model else None
    if named is not None and named.name == MODEL and named.parent in folders:
        return folders[named.parent]
    return folders.get(place.parent.parent / place.name if place.parent.name == EVALUATIONS else place)


def asked(settings: Mapping[str, Any]) -> str:
    """Return the name of what answers with these settings were asked: a benchmark's, or the folder of the records."""
    bench, data = settings.get("bench"), settings.get("data")
    if isinstance(bench, str) and bench:
        return Path(bench).name
    return Path(data).parent.name if isinstance(data, str) and data else ""


def _lines(axis: Axis, recipes: Mapping[str, Recipe]) -> list[dict[float, list[str]]]:
    """Return the runs of each line by their place on the axis, where there is more than one place."""
    lines: dict[str, dict[float, list[str]]] = {}
    for run, recipe in recipes.items():
        at = dict(_numbers(recipe)).get(axis.settings[0])
        if at is not None:
            key = recipe_key(recipe, (*axis.settings, SEED))
            lines.setdefault(key, {}).setdefault(at, []).append(run)
    return [line for line in lines.values() if len(line) > 1]


def _point(at: float, runs: Sequence[str], score: Callable[[str], Rate | None]) -> Point | None:
    rates = {run: rate for run in runs if (rate := score(run)) is not None and rate.value is not None}
    values = [rate.value for rate in rates.values() if rate.value is not None]
    if not values:
        return None
    bounds = next(iter(rates.values())).interval if len(values) == 1 else (min(values), max(values))
    low, high = bounds or (None, None)
    return Point(at, sum(values) / len(values), low, high, tuple(rates))


def _apart(recipes: Sequence[Mapping[str, Any]], axis: Axis) -> list[str]:
    """Return for each recipe, flattened, the settings in which it differs from another; "" for a single one."""
    names = dict.fromkeys(name for recipe in recipes for name in recipe if name not in (*axis.settings, SEED))
    telling = [name for name in names if len({str(recipe.get(name)) for recipe in recipes}) > 1]
    return [
        ", ".join(f"{name.rpartition('.')[2]} {recipe.get(name)}" for name in telling) for recipe in recipes
    ]


def _numbers(recipe: Recipe) -> Iterator[tuple[str, float]]:
    for name, value in _leaves(recipe):
        if is_number(value):
            yield name, float(value)


def _leaves(part: Recipe, inside: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the settings of all sections by their whole names."""
    for key, value in part.items():
        name = f"{inside}.{key}" if inside else str(key)
        if isinstance(value, Mapping):
            yield from _leaves(value, name)
        else:
            yield name, value
