"""Metrics of answers: accuracy, pair accuracy, same-answer rate, unparsed rate and those of groups, with intervals.

A metric is one object (`base.Metric`): its names, its better direction and its function. `METRICS` is their only list;
scores, command line, report and studies read it, so that adding a metric takes its file and a line here.

Questions without an answer, because their video or the call failed, are counted apart (n_failed): they are wrong, and
not unparsed. Pairs with a side missing or failed are counted under n_incomplete_pairs too.
For two options and no unparsed answers: acc = p_acc + same_answer_rate / 2.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from retroflip.bench.metrics.answers import ACCURACY, UNPARSED
from retroflip.bench.metrics.base import ANSWERS, GROUPS, Answered, Family, Measures, Metric, mean
from retroflip.bench.metrics.grounding import GROUNDING, MEAN_OVERLAP, MEAN_PRECISION, RECALLS
from retroflip.bench.metrics.groups import GROUP_ACCURACY, QUESTION_ACCURACY, VIDEO_ACCURACY
from retroflip.bench.metrics.nearness import NEARNESS, RELATIVE_ACCURACY
from retroflip.bench.metrics.pairs import PAIR_ACCURACY, SAME_ANSWER
from retroflip.bench.records import AnswerRecord
from retroflip.bench.stats import Column, cluster_intervals
from retroflip.data.intervals import RESAMPLES, Interval, wilson

METRICS: tuple[Metric, ...] = (
    ACCURACY,
    PAIR_ACCURACY,
    SAME_ANSWER,
    UNPARSED,
    GROUP_ACCURACY,
    QUESTION_ACCURACY,
    VIDEO_ACCURACY,
    *RECALLS,
    MEAN_OVERLAP,
    MEAN_PRECISION,
    RELATIVE_ACCURACY,
)
"""in the order of tables"""
FAMILIES: tuple[Family, ...] = (ANSWERS, GROUPS, GROUNDING, NEARNESS)
"""a table each, in their order"""


def was_measured(measures: Measures) -> bool:
    """Return whether there is a number of any metric."""
    return any(metric.read(measures).value is not None for metric in METRICS)


def metrics_of(family: Family) -> tuple[Metric, ...]:
    """Return the metrics of one table, in order."""
    return tuple(metric for metric in METRICS if metric.family == family)


def measure(records: Sequence[AnswerRecord], *, seed: int = 0, resamples: int = RESAMPLES) -> dict[str, Any]:
    """Score the answers of one control. Rates are in 0..1; a rate over nothing, and its interval, is None.

    Keys: that of every metric, with `<key>_ci` ([low, high], 95 %, bootstrap over source clips, `seed`) and
    `<key>_wilson` (the same with all units taken as independent; None for a mean of other values than 0 and 1);
    n_answers, n_failed, n_pairs, n_incomplete_pairs, n_clips, truncated; `chance`: what uniform guessing is expected
    to reach on these very questions, by metric. `groups` holds the metrics of groups in the same way, with n_groups and
    n_incomplete_groups, where questions have a `group`; `grounding` those of spans of time, with n_spans, and
    `nearness` those of numbers that may come near, with n_numbers. Raises DataError as `pair_up` and `group_up` do.
    """
    (found,) = measure_each([records], seed=seed, resamples=resamples)
    return found


def measure_each(
    lists: Sequence[Sequence[AnswerRecord]], *, seed: int = 0, resamples: int = RESAMPLES
) -> list[dict[str, Any]]:
    """Score each of these lists of answers as `measure` does, with one set of resamples for all."""
    return measure_answered([Answered.of(records) for records in lists], seed=seed, resamples=resamples)[0]


def measure_answered(
    asked: Sequence[Answered], beside: Sequence[Column] = (), *, seed: int = 0, resamples: int = RESAMPLES
) -> tuple[list[dict[str, Any]], list[Interval | None]]:
    """Return what `measure_each` does for answers that are joined already, and the intervals of other columns, which
    cost next to nothing in the same product."""
    counted = [{family: family.counts(one) for family in FAMILIES} for one in asked]
    measured = [
        [(m, m.units(one)) for m in METRICS if counts[m.family]]
        for one, counts in zip(asked, counted, strict=True)
    ]
    columns = [column for found in measured for _, column in found]
    intervals = iter(cluster_intervals([*columns, *beside], seed=seed, resamples=resamples))
    measures = [
        _measures(one, counts, found, intervals)
        for one, counts, found in zip(asked, counted, measured, strict=True)
    ]
    return measures, list(intervals)


def by_task(records: Sequence[AnswerRecord]) -> dict[str, list[AnswerRecord]]:
    """Split answers by task, tasks in the order of their names; an unnamed task is called 'other'."""
    tasks: dict[str, list[AnswerRecord]] = defaultdict(list)
    for record in records:
        tasks[record.task or "other"].append(record)
    return dict(sorted(tasks.items()))


def _measures(
    answered: Answered,
    counts: Mapping[Family, dict[str, int]],
    measured: Sequence[tuple[Metric, Column]],
    intervals: Iterator[Interval | None],
) -> dict[str, Any]:
    """Return the means of the columns with the next intervals, and what they are means of. counts: by family."""
    parts: dict[Family, dict[str, Any]] = {}
    for metric, column in measured:
        interval = next(intervals)
        part = parts.setdefault(metric.family, {})
        part |= {
            metric.key: mean(column.values),
            f"{metric.key}_ci": interval and list(interval),
            f"{metric.key}_wilson": _wilson(column),
        }
    guesses = [(metric, metric.guess) for metric, _ in measured if metric.guess is not None]
    found: dict[str, Any] = {}
    for family, part in parts.items():
        part |= counts[family]
        part["chance"] = {metric.key: guess(answered) for metric, guess in guesses if metric.family == family}
        found |= part if family.part is None else {family.part: part}
    return found


def _wilson(column: Column) -> list[float] | None:
    if not set(column.values) <= {0.0, 1.0}:
        return None
    interval = wilson(int(sum(column.values)), len(column.values))
    return interval and list(interval)
