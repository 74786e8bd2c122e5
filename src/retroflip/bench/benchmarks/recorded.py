"""Answers that somebody else's run recorded, scored by a benchmark's own rules and by ours side by side."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import compress
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from retroflip.bench.benchmarks.base import Benchmark, Graded, Item, Recorded
from retroflip.bench.groups import pair_up
from retroflip.bench.metrics import measure
from retroflip.bench.metrics.answers import is_unparsed
from retroflip.bench.records import AnswerRecord, Control, answer_record, failed_record
from retroflip.data.sample import Sample
from retroflip.errors import DataError

ROUNDING = 1e-6
"""by which two grades of the same overlap may differ, since spans are written in decimals"""

_OF_THE_MEAN = frozenset({"acc_ci", "acc_wilson", "chance"})
"""what is known of the plain mean, and of no other accuracy"""
UNKNOWN = "to a question that is not among those under --root"
"""why an answer that the official scorer counts is not counted by ours"""


class Lacking(NamedTuple):
    """What a recorded file has nothing of.

    items: questions of the parts that it answers, which the official scorer does not miss. parts: how many questions
    every other part has. fault: why the benchmark's questions cannot be had, so that nobody knows.
    """

    items: tuple[Item, ...] = ()
    parts: Mapping[str, int] = {}
    fault: str = ""


def score_file(named: Benchmark, root: Path, file: Path) -> dict[str, Any]:
    """Return what `score_recorded` does of a recorded file, and what the file lacks of its benchmark or has too much.

    missing: how many questions of the parts that it answers have no answer in it; None where the root has no questions
    (missing_fault says why). Ours counts them as wrong, the official score as its scorer does. parts_without_answers:
    how many questions every other part has. unknown: how many answers are to no question that is read, by reason in
    unknown_by_reason. Raises DataError as the benchmark's reader does.
    """
    recorded = named.recorded(root, file)
    lacking = _lacking(named, root, recorded)
    told = sum(one.missing for one in recorded.graded) + len(lacking.items)
    unknown = Counter({UNKNOWN: sum(one.unknown for one in recorded.graded)}) + Counter(recorded.passed_over)
    return {
        **score_recorded(named, recorded.graded, lacking.items),
        "missing": None if lacking.fault else told,
        **({"missing_fault": lacking.fault} if lacking.fault else {}),
        "parts_without_answers": dict(lacking.parts),
        "unknown": unknown.total(),
        "unknown_by_reason": dict(unknown),
    }


def _lacking(named: Benchmark, root: Path, recorded: Recorded) -> Lacking:
    """Return what of a benchmark has no answer; the parts of questions that are unknown are none."""
    known = [one.item for one in recorded.graded if not one.unknown]
    there = {item.sample.id for item in known}
    parts = {named.part(item) for item in known}
    try:
        asked = named.items(root) if recorded.asked is None else recorded.asked
        absent = [item for item in asked if item.sample.id not in there]
    except DataError as error:
        return Lacking(fault=str(error))
    others = Counter(named.part(item) for item in absent if named.part(item) not in parts)
    return Lacking(tuple(item for item in absent if named.part(item) in parts), others)


def score_recorded(
    named: Benchmark, graded: Sequence[Graded], missing: Sequence[Item] = ()
) -> dict[str, Any]:
    """Return both scores of at least one answer to a known question, rates in per cent, and what could not be read.

    official: acc, by_task, n, ungraded (answers without a grade, which count as wrong, as where a benchmark is run
    without its language model) and p_acc over the pairs, and whatever the benchmark's own summary has beside these or
    in place of them. ours: the measures of `measure`, by task too, and the benchmark's table by our reading; an answer
    that was not given has failed (n_failed) and counts as wrong. A question that was answered several times counts as
    often as the official code counts it, and for us once, by its last answer; repeated: how many answers that leaves
    out. missing: questions without an answer, which have failed for us and do not exist for the official code. An
    answer to a question that the benchmark does not have counts officially alone. ours_of_answered: our accuracy over
    what was answered, and how much that is. disagreements: how often the two
    differ, in either direction.
    """
    known = [one for one in graded if not one.unknown]
    last = list({one.item.sample.id: one for one in known}.values())
    asked = [*last, *(Graded(item, None, None, missing=True) for item in missing)]
    records = [_record(named, one) for one in asked]
    grades = [one.official or 0.0 for one in asked]
    return {
        "official": _with_own(
            _official(graded, records[: len(last)], grades[: len(last)]), named.summary(graded)
        ),
        "ours": _with_own(
            {
                **_in_percent(measure(records)),
                "by_task": _mean_by_task(records, [r.score for r in records]),
                "p_acc_by_task": _mean_of_each(_pairs_right(records, [r.score for r in records])),
            },
            named.ours(asked, records),
        ),
        "repeated": len(known) - len(last),
        "ours_of_answered": _of_answered(records),
        "unparsed": sum(is_unparsed(record) for record in records),
        "disagreements": {
            "right by ours alone": sum(r.score > g + ROUNDING for r, g in zip(records, grades, strict=True)),
            "right by the official alone": sum(
                r.score < g - ROUNDING for r, g in zip(records, grades, strict=True)
            ),
        },
    }


def _with_own(measured: dict[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return measures with a benchmark's own; where its accuracy is another, what is known of the mean goes with it."""
    if "acc" in own and own["acc"] != measured["acc"]:
        measured = {key: value for key, value in measured.items() if key not in _OF_THE_MEAN}
    return {**measured, **own}


def _of_answered(records: Sequence[AnswerRecord]) -> dict[str, Any]:
    scores = [record.score for record in records if record.error is None]
    return {"acc": _percent(fmean(scores)) if scores else None, "n": len(scores)}


def _record(named: Benchmark, one: Graded) -> AnswerRecord:
    if one.response is None:
        return failed_record(one.item.sample, Control.FULL, "no answer was recorded")
    return answer_record(one.item.sample, named.reading(one.item, one.response), Control.FULL)


def _official(
    graded: Sequence[Graded], records: Sequence[AnswerRecord], grades: Sequence[float]
) -> dict[str, Any]:
    sides = Counter(record.pair for record in records)
    is_whole = [sides[record.pair] == 2 for record in records]
    right = _pairs_right(list(compress(records, is_whole)), list(compress(grades, is_whole)))
    return {
        "acc": _percent(fmean(one.official or 0.0 for one in graded)),
        "by_task": _mean_by_task(
            [one.item.sample for one in graded], [one.official or 0.0 for one in graded]
        ),
        "p_acc": _percent(fmean(one for found in right.values() for one in found)) if right else None,
        "p_acc_by_task": _mean_of_each(right),
        "n": len(graded),
        "n_pairs": sum(map(len, right.values())),
        "ungraded": sum(one.official is None for one in graded),
    }


def _pairs_right(records: Sequence[AnswerRecord], values: Sequence[float]) -> dict[str, list[float]]:
    """Return of each pair whether both sides are right, by task; a side that is missing is wrong."""
    by_id = dict(zip((record.id for record in records), values, strict=True))
    joined = pair_up(records)
    right: dict[str, list[float]] = defaultdict(list)
    for a, b in joined.complete.values():
        right[a.task].append(float(by_id[a.id] == by_id[b.id] == 1.0))
    for side in joined.incomplete.values():
        right[side.task].append(0.0)
    return right


def _mean_by_task(asked: Sequence[AnswerRecord | Sample], values: Sequence[float]) -> dict[str, float]:
    tasks: dict[str, list[float]] = defaultdict(list)
    for one, value in zip(asked, values, strict=True):
        tasks[one.task].append(value)
    return _mean_of_each(tasks)


def _mean_of_each(tasks: Mapping[str, Sequence[float]]) -> dict[str, float]:
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
