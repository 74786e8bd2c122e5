"""Several answerers side by side: the tables of a paper, and which of the differences are more than chance.

Tables have the shapes of CRPO's: all questions (table 1), shortcuts (table 4: the whole video beside handicapped
inputs) and tasks (table 5); answers that need no model have one of their own. Every two answerers are compared on the
pairs that both were asked.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, NamedTuple

from retroflip.bench.alike import unlike
from retroflip.bench.asking import MODEL_FREE
from retroflip.bench.metrics import METRICS, was_measured
from retroflip.bench.metrics.answers import ACCURACY, UNPARSED
from retroflip.bench.metrics.base import Measures, Metric
from retroflip.bench.metrics.groups import GROUP_ACCURACY
from retroflip.bench.metrics.pairs import PAIR_ACCURACY
from retroflip.bench.records import AnswerRecord, Control
from retroflip.bench.score import compare_all, of_full_video, score_records
from retroflip.bench.stats import detectable, holm
from retroflip.data.intervals import RESAMPLES, Interval

HANDICAPS = (Control.SINGLE_FRAME, Control.SHUFFLED_FRAMES, Control.TEXT_ONLY, Control.REVERSED)
"""in the order of CRPO's table 4, which has the first three"""
CHANCE = "Random chance"


@dataclass(frozen=True)
class Entry:
    """A number of a table, in per cent, with its 95 % interval and what stands beside it."""

    value: float | None
    interval: Interval | None = None
    note: str = ""


@dataclass(frozen=True)
class Table:
    """A table with columns in groups: `head` names each group and how many columns it spans."""

    title: str
    head: tuple[tuple[str, int], ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[Entry, ...]], ...]
    note: str = ""


def compare_runs(
    answers: Mapping[str, Sequence[AnswerRecord]],
    settings: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
    *,
    resamples: int = RESAMPLES,
) -> dict[str, Any]:
    """Score every answerer and compare every two of them.

    settings: of their run.json. Keys: scores {name: as `score_records`}; comparisons, as `compare_all` with `holm_p`,
    the p-value adjusted for the number of comparisons that there are pairs for, and `detectable`, the smallest
    difference in P-Acc that was to be found (80 % power); unlike, in what they were not asked alike, in a line.
    Raises DataError where two were asked different questions under the same ids.
    """
    scores = {name: score_records(records, resamples=resamples) for name, records in answers.items()}
    comparisons = compare_all(answers, resamples=resamples)
    adjusted = iter(holm([one["mcnemar_p"] for one in comparisons if one["n_pairs"]]))
    return {
        "scores": scores,
        "comparisons": [
            {
                **one,
                "holm_p": next(adjusted) if one["n_pairs"] else None,
                "detectable": _detectable(one["p_acc_difference_ci"]),
            }
            for one in comparisons
        ],
        "unlike": unlike(answers, settings),
    }


def tables(scores: Mapping[str, Mapping[str, Any]], note: str = "") -> list[Table]:
    """Return the tables that there is something to put in. Of answers to controls alone, as of an oracle's, numbers
    stand in columns of controls and nowhere else. note: stands below the first table."""
    scores = {name: of_full_video(one) for name, one in scores.items()}
    asked = {control for one in scores.values() for control in one["controls"]}
    handicaps, model_free = (
        [control for control in controls if control.value in asked] for controls in (HANDICAPS, MODEL_FREE)
    )
    made = [overall(scores)] if any(map(was_measured, scores.values())) else []
    if handicaps:
        made.append(_of_controls("Shortcuts", scores, handicaps, full=True))
    if model_free:
        made.append(_of_controls("Without a model", scores, model_free, full=False))
    if any(len(one["tasks"]) > 1 for one in scores.values()):
        made.append(by_tasks(scores))
    return [replace(table, note=note if table is made[0] else "") for table in made]


def overall(scores: Mapping[str, Measures]) -> Table:
    """Return one row an answerer, with every metric that any of them has (CRPO, table 1)."""
    metrics = [
        metric for metric in METRICS if any(metric.read(one).value is not None for one in scores.values())
    ]
    rows = {name: [_Cell(metric, one) for metric in metrics] for name, one in scores.items()}
    return Table(
        "All questions", (("", len(metrics)),), tuple(metric.label for metric in metrics), _rows(rows)
    )


def _of_controls(
    title: str, scores: Mapping[str, Mapping[str, Any]], controls: Sequence[Control], *, full: bool
) -> Table:
    """Return accuracies of controls, with those of the whole video before them or without (CRPO, table 4).

    Beside each pair accuracy of a control stands the share of its answers that could not be read: where that is large,
    a low accuracy says little about shortcuts.
    """
    of_controls = {
        name: [one["controls"].get(control.value, {}) for control in controls] for name, one in scores.items()
    }
    pair = _first_of([*scores.values(), *(part for parts in of_controls.values() for part in parts)])
    names = [*(["Full video"] if full else []), *(_heading(control.value) for control in controls)]
    rows = {}
    for name, one in scores.items():
        like: Measures = next(filter(was_measured, (one, *of_controls[name])), {})
        cells = [
            *(_two(pair, one) if full else ()),
            *(cell for part in of_controls[name] for cell in _two(pair, part, handicap=True)),
        ]
        rows[name] = [cell._replace(like=like) for cell in cells]
    return _of_twos(title, names, pair, rows)


def by_tasks(scores: Mapping[str, Mapping[str, Any]]) -> Table:
    """Return accuracies of every task and overall (CRPO, table 5)."""
    tasks = sorted({task for one in scores.values() for task in one["tasks"]})
    pair = _first_of(scores.values())
    rows = {
        name: [
            cell
            for part in (*(one["tasks"].get(task, {}) for task in tasks), one)
            for cell in _two(pair, part)
        ]
        for name, one in scores.items()
    }
    return _of_twos("By task", [*map(_heading, tasks), "Overall"], pair, rows)


def _of_twos(title: str, names: Sequence[str], pair: Metric, rows: Mapping[str, Sequence["_Cell"]]) -> Table:
    """Return a table with two columns, accuracy and the strict metric, under each name."""
    head = tuple((name, 2) for name in names)
    return Table(title, head, (ACCURACY.label, pair.label) * len(head), _rows(rows))


def _heading(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _first_of(measured: Iterable[Measures]) -> Metric:
    """Return the strict metric of these answers: P-Acc of pairs or, where there are groups alone, theirs."""
    measured = list(measured)
    paired = any(PAIR_ACCURACY.read(one).value is not None for one in measured)
    grouped = any(GROUP_ACCURACY.read(one).value is not None for one in measured)
    return GROUP_ACCURACY if grouped and not paired else PAIR_ACCURACY


class _Cell(NamedTuple):
    """A number to be looked up: which, and in what was measured. note: what stands beside it. like: measures of the
    same questions, for the chance of what was not measured."""

    metric: Metric
    measures: Measures
    note: str = ""
    like: Measures = MappingProxyType({})

    @property
    def chance(self) -> float | None:
        own = self.metric.read(self.measures).chance
        return self.metric.read(self.like).chance if own is None else own

    @property
    def entry(self) -> Entry:
        rate = self.metric.read(self.measures)
        if rate.value is None:
            return Entry(None, note=self.note)
        interval = None if rate.interval is None else Interval(*(100 * bound for bound in rate.interval))
        return Entry(100 * rate.value, interval, self.note)


def _two(pair: Metric, measures: Measures, *, handicap: bool = False) -> tuple[_Cell, _Cell]:
    unread = UNPARSED.read(measures).value if handicap else None
    return _Cell(ACCURACY, measures), _Cell(pair, measures, f"{unread:.0%} unparsed" if unread else "")


def _rows(cells: Mapping[str, Sequence[_Cell]]) -> tuple[tuple[str, tuple[Entry, ...]], ...]:
    """Return the rows of these cells, and what guessing is expected to reach: a row with names where that differs."""
    rows = [(name, tuple(cell.entry for cell in row)) for name, row in cells.items()]
    found = apart({name: [cell.chance for cell in row] for name, row in cells.items()})
    for names, chances in found:
        whose = f"{CHANCE} ({', '.join(names)})" if len(found) > 1 else CHANCE
        rows.append((whose, tuple(Entry(None if one is None else 100 * one) for one in chances)))
    return tuple(rows)


def apart(
    chances: Mapping[str, Sequence[float | None]],
) -> list[tuple[list[str], list[float | None]]]:
    """Return the levels of chance that differ as they are shown, in per cent with one decimal, each with whose it is.

    chances: of every answerer, by column; None for what is not known of it, where another's may stand. Answerers of
    whom nothing is known are not named.
    """
    found: list[tuple[list[str], list[float | None]]] = []
    for name, row in chances.items():
        if all(one is None for one in row):
            continue
        for names, known in found:
            if all(map(_is_shown_alike, known, row)):
                names.append(name)
                known[:] = [b if a is None else a for a, b in zip(known, row, strict=True)]
                break
        else:
            found.append(([name], list(row)))
    return found


def _is_shown_alike(a: float | None, b: float | None) -> bool:
    return a is None or b is None or f"{100 * a:.1f}" == f"{100 * b:.1f}"


def _detectable(interval: Sequence[float] | None) -> float | None:
    return None if interval is None else detectable(Interval(*interval))
