"""Answers that somebody else's run recorded, scored by a benchmark's own rules and by ours side by side."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from retroflip.bench.benchmarks.base import Benchmark, Graded
from retroflip.bench.groups import pair_up
from retroflip.bench.metrics import measure
from retroflip.bench.metrics.answers import is_unparsed
from retroflip.bench.records import AnswerRecord, Control, answer_record, failed_record
from retroflip.data.sample import Sample

ROUNDING = 1e-6
"""by which two grades of the same overlap may differ, since spans are written in decimals"""


def score_recorded(named: Benchmark, graded: Sequence[Graded]) -> dict[str, Any]:
    """Return both scores of at least one answer, rates in per cent, and what could not be read.

    official: acc, by_task, n, ungraded (answers without a grade, which count as wrong, as where a benchmark is run
    without its language model) and p_acc over the pairs, and whatever the benchmark's own summary has beside these or
    in place of them. ours: the measures of `measure`, by task too, and the benchmark's table by our reading; an answer
    that was not given has failed (n_failed) and counts as wrong. A question that was answered several times counts as
    often as the official code counts it, and for us once, by its last answer; repeated: how many answers that leaves
    out. disagreements: how often the two differ, in either direction.
    """
    last = list({one.item.sample.id: one for one in graded}.values())
    records = [_record(named, one) for one in last]
    grades = [one.official or 0.0 for one in last]
    return {
        "official": {**_official(graded, records, grades), **named.summary(graded)},
        "ours": {
            **_in_percent(measure(records)),
            "by_task": _mean_by_task(records, [r.score for r in records]),
            "p_acc_by_task": _pairs_by_task(records, [r.score for r in records]),
            **named.ours(last, records),
        },
        "repeated": len(graded) - len(last),
        "unparsed": sum(is_unparsed(record) for record in records),
        "disagreements": {
            "right by ours alone": sum(r.score > g + ROUNDING for r, g in zip(records, grades, strict=True)),
            "right by the official alone": sum(
                r.score < g - ROUNDING for r, g in zip(records, grades, strict=True)
            ),
        },
    }


def _record(named: Benchmark, one: Graded) -> AnswerRecord:
    if one.response is None:
        return failed_record(one.item.sample, Control.FULL, "no answer was recorded")
    return answer_record(one.item.sample, named.reading(one.item, one.response), Control.FULL)


def _official(
    graded: Sequence[Graded], records: Sequence[AnswerRecord], grades: Sequence[float]
) -> dict[str, Any]:
    pairs = pair_up(records).complete.values()
    by_id = dict(zip((record.id for record in records), grades, strict=True))
    return {
        "acc": _percent(fmean(one.official or 0.0 for one in graded)),
        "by_task": _mean_by_task(
            [one.item.sample for one in graded], [one.official or 0.0 for one in graded]
        ),
        "p_acc": _percent(fmean(by_id[a.id] == by_id[b.id] == 1.0 for a, b in pairs)) if pairs else None,
        "p_acc_by_task": _pairs_by_task(records, grades),
        "n": len(graded),
        "n_pairs": len(pairs),
        "ungraded": sum(one.official is None for one in graded),
    }


def _pairs_by_task(records: Sequence[AnswerRecord], values: Sequence[float]) -> dict[str, float]:
    """Return the share of pairs with both sides right; a side that is missing is wrong."""
    by_id = dict(zip((record.id for record in records), values, strict=True))
    joined = pair_up(records)
    right: dict[str, list[float]] = defaultdict(list)
    for a, b in joined.complete.values():
        right[a.task].append(float(by_id[a.id] == by_id[b.id] == 1.0))
    for side in joined.incomplete.values():
        right[side.task].append(0.0)
    return {task: _percent(fmean(found)) for task, found in sorted(right.items())}


def _mean_by_task(asked: Sequence[AnswerRecord | Sample], values: Sequence[float]) -> dict[str, float]:
    tasks: dict[str, list[float]] = defaultdict(list)
    for one, value in zip(asked, values, strict=True):
        tasks[one.task].append(value)
    return {task: _percent(fmean(found)) for task, found in sorted(tasks.items())}


def _in_percent(measures: Mapping[str, Any]) -> dict[str, Any]:
    """Return measures with their rates, intervals and chances in per cent."""
    return {name: _scaled(name, value) for name, value in measures.items()}


def _scaled(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return {inner: _scaled(inner, one) for inner, one in value.items()}
    if isinstance(value, list):
        return [_scaled(name, one) for one in value]
    return _percent(value) if isinstance(value, float) else value


def _percent(share: float) -> float:
    return round(100.0 * share, 2)
