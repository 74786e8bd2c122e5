"""Several answerers side by side: the tables of a paper, and which of the differences are more than chance.

Tables have the shapes of CRPO's: `overall` (table 1), `shortcuts` (table 4: the whole video beside handicapped inputs)
and `by_tasks` (table 5). Every two answerers are compared on the pairs that both were asked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from retroflip.bench.metrics import METRICS
from retroflip.bench.metrics.answers import ACCURACY, UNPARSED
from retroflip.bench.metrics.base import Measures, Metric
from retroflip.bench.metrics.groups import GROUP_ACCURACY
from retroflip.bench.metrics.pairs import PAIR_ACCURACY
from retroflip.bench.records import AnswerRecord, Control
from retroflip.bench.score import compare_all, score_records
from retroflip.bench.stats import detectable, holm
from retroflip.data.intervals import RESAMPLES, Interval

HANDICAPS = (Control.SINGLE_FRAME, Control.SHUFFLED_FRAMES, Control.TEXT_ONLY)
"""in the order of CRPO's table 4"""
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
    answers: Mapping[str, Sequence[AnswerRecord]], *, resamples: int = RESAMPLES
) -> dict[str, Any]:
    """Score every answerer and compare every two of them.

    Keys: scores {name: as `score_records`}; comparisons, as `compare_all` with `holm_p`, the p-value adjusted for the
    number of comparisons, and `detectable`, the smallest difference in P-Acc that was to be found (80 % power).
    Raises DataError where two were asked different questions under the same ids.
    """
    scores = {name: score_records(records, resamples=resamples) for name, records in answers.items()}
    comparisons = compare_all(answers, resamples=resamples)
    adjusted = holm([one["mcnemar_p"] for one in comparisons])
    return {
        "scores": scores,
        "comparisons": [
            {**one, "holm_p": p, "detectable": _detectable(one["p_acc_difference_ci"])}
            for one, p in zip(comparisons, adjusted, strict=True)
        ],
    }


def tables(scores: Mapping[str, Mapping[str, Any]]) -> list[Table]:
    """Return the tables that there is something to put in."""
    made = [overall(scores)]
    if any(one["controls"] for one in scores.values()):
        made.append(shortcuts(scores))
    if any(len(one["tasks"]) > 1 for one in scores.values()):
        made.append(by_tasks(scores))
    return made


def overall(scores: Mapping[str, Mapping[str, Any]]) -> Table:
    """Return one row an answerer, with every metric that any of them has (CRPO, table 1)."""
    metrics = [
        metric for metric in METRICS if any(metric.read(one).value is not None for one in scores.values())
    ]
    rows = [(name, tuple(_entry(metric, one) for metric in metrics)) for name, one in scores.items()]
    rows.append((CHANCE, tuple(_chance(metric, scores) for metric in metrics)))
    return Table(
        "All questions", (("", len(metrics)),), tuple(metric.label for metric in metrics), tuple(rows)
    )


def shortcuts(scores: Mapping[str, Mapping[str, Any]]) -> Table:
    """Return accuracies of the whole video and of handicapped inputs (CRPO, table 4).

    Beside each pair accuracy of a handicapped input stands the share of its answers that could not be read: where that
    is large, a low accuracy says little about shortcuts.
    """
    shown = [one for one in HANDICAPS if any(one.value in s["controls"] for s in scores.values())]
    pair = _first_of(scores)
    head = [("Full video", 2), *((one.value.replace("_", " ").capitalize(), 2) for one in shown)]
    rows = []
    for name, one in scores.items():
        parts = [one, *(one["controls"].get(control.value, {}) for control in shown)]
        rows.append(
            (name, tuple(entry for part in parts for entry in _two(pair, part, handicap=part is not one)))
        )
    chance = (_chance(ACCURACY, scores), _chance(pair, scores)) * len(head)
    rows.append((CHANCE, chance))
    return Table("Shortcuts", tuple(head), (ACCURACY.label, pair.label) * len(head), tuple(rows))


def by_tasks(scores: Mapping[str, Mapping[str, Any]]) -> Table:
    """Return accuracies of every task and overall (CRPO, table 5)."""
    names = sorted({task for one in scores.values() for task in one["tasks"]})
    pair = _first_of(scores)
    head = [*((name.replace("_", " ").capitalize(), 2) for name in names), ("Overall", 2)]
    rows = []
    for name, one in scores.items():
        parts = [*(one["tasks"].get(task, {}) for task in names), one]
        rows.append((name, tuple(entry for part in parts for entry in _two(pair, part))))
    columns = [{name: one["tasks"].get(task, {}) for name, one in scores.items()} for task in names]
    chance = [
        entry for part in [*columns, scores] for entry in (_chance(ACCURACY, part), _chance(pair, part))
    ]
    rows.append((CHANCE, tuple(chance)))
    return Table("By task", tuple(head), (ACCURACY.label, pair.label) * len(head), tuple(rows))


def _first_of(scores: Mapping[str, Mapping[str, Any]]) -> Metric:
    """Return the strict metric of these answers: P-Acc of pairs or, where there are groups alone, theirs."""
    paired = any(PAIR_ACCURACY.read(one).value is not None for one in scores.values())
    grouped = any(GROUP_ACCURACY.read(one).value is not None for one in scores.values())
    return GROUP_ACCURACY if grouped and not paired else PAIR_ACCURACY


def _two(pair: Metric, measures: Measures, *, handicap: bool = False) -> tuple[Entry, Entry]:
    unread = UNPARSED.read(measures).value if handicap and measures else None
    note = f"{unread:.0%} unparsed" if unread else ""
    strict = _entry(pair, measures)
    return _entry(ACCURACY, measures), Entry(strict.value, strict.interval, note)


def _entry(metric: Metric, measures: Measures) -> Entry:
    rate = metric.read(measures) if measures else None
    if rate is None or rate.value is None:
        return Entry(None)
    interval = None if rate.interval is None else Interval(*(100 * bound for bound in rate.interval))
    return Entry(100 * rate.value, interval)


def _chance(metric: Metric, scores: Mapping[str, Measures]) -> Entry:
    found = [metric.read(one).chance for one in scores.values() if one]
    value = next((one for one in found if one is not None), None)
    return Entry(None if value is None else 100 * value)


def _detectable(interval: Sequence[float] | None) -> float | None:
    return None if interval is None else detectable(Interval(*interval))
