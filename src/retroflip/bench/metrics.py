"""Scores of a list of answers: accuracy, pair accuracy, same-answer rate and unparsed rate, with intervals.

What counts, and in which denominator:
- acc: right answers among all answers. Unparsed ones are wrong, never left out.
- p_acc: pairs with both sides right among all pairs (CRPO, section 4.1). A side that is missing or failed is wrong.
- same_answer_rate: pairs whose two sides were parsed and say the same, among pairs with both sides answered. Answers
  compare as option texts, because the sides of a pair may list their options in another order; numbers
  compare as they are written.
- unparsed_rate: answers from which nothing could be read, among all answers. Questions without an answer, because
  their video or the call failed, are counted apart (n_failed): they are wrong, and not unparsed.
- groups: what `groups` measures, where questions have a `group`.
Pairs with a side missing or failed are counted under n_incomplete_pairs too.
For two options and no unparsed answers: acc = p_acc + same_answer_rate / 2.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from retroflip.bench.groups import Group, group_chance, group_columns, group_up
from retroflip.bench.records import AnswerRecord
from retroflip.bench.stats import RESAMPLES, Column, Interval, cluster_intervals
from retroflip.errors import DataError

Pair = tuple[AnswerRecord, AnswerRecord]


class Pairs(NamedTuple):
    """Pairs by id, in the order of their names: those with both sides answered, side 0 first; and of the others one
    side, answered or failed."""

    complete: dict[str, Pair]
    incomplete: dict[str, AnswerRecord]

    @property
    def clips(self) -> dict[str, str]:
        """The source clip of every pair, complete ones first."""
        sides = {name: pair[0] for name, pair in self.complete.items()} | self.incomplete
        return {name: side.source_clip for name, side in sides.items()}

    def is_right(self, name: str) -> bool:
        """Whether both sides of a pair are right; a missing or failed one is not."""
        return name in self.complete and pair_is_right(self.complete[name])


def pair_up(records: Sequence[AnswerRecord]) -> Pairs:
    """Join the answers of one control into pairs; answers that belong to no pair are passed over.

    Raises DataError when a side is not named or occurs twice, when the two sides come from different source
    clips (intervals would take them as independent), or when both have the same gold answer (a model that
    never looks could be right on both, which is what pair accuracy is there to exclude).
    """
    sides: dict[str, dict[int, AnswerRecord]] = defaultdict(dict)
    for record in records:
        if record.pair is None:
            continue
        if record.side is None:
            raise DataError(
                f"pair '{record.pair}': question '{record.id}' does not say which side it is. "
                'Give it "side": 0 for the original video or 1 for its counterfactual.'
            )
        other = sides[record.pair].setdefault(record.side, record)
        if other is not record:
            raise DataError(
                f"pair '{record.pair}': questions '{other.id}' and '{record.id}' both claim side "
                f"{record.side}. A pair has one question on side 0 and one on side 1; correct one of the two."
            )
    named = dict(sorted(sides.items()))
    for name, both in named.items():
        if len(both) == 2:
            _check_pair(name, (both[0], both[1]))
    answered = {
        name for name, both in named.items() if len(both) == 2 and not any(one.error for one in both.values())
    }
    return Pairs(
        {name: (both[0], both[1]) for name, both in named.items() if name in answered},
        {name: next(iter(both.values())) for name, both in named.items() if name not in answered},
    )


def pair_is_right(pair: Pair) -> bool:
    """Whether both sides are right."""
    return pair[0].correct and pair[1].correct


def says_the_same(pair: Pair) -> bool:
    """Whether both sides were parsed and name the same answer."""
    return pair[0].answer is not None and pair[0].answer_text == pair[1].answer_text


def is_unparsed(record: AnswerRecord) -> bool:
    """Whether there is an answer, and nothing could be read from it."""
    return record.answer is None and record.error is None


def measure(records: Sequence[AnswerRecord], *, seed: int = 0, resamples: int = RESAMPLES) -> dict[str, Any]:
    """Score the answers of one control. Rates are in 0..1; a rate over nothing, and its interval, is None.

    Keys: acc, p_acc, same_answer_rate, unparsed_rate, each with `<key>_ci` ([low, high], 95 %, bootstrap over
    source clips, `seed`); n_answers, n_failed, n_pairs, n_incomplete_pairs, n_clips, truncated; `chance`: what uniform
    guessing is expected to reach on these very questions; groups (see there), where there are some: g_acc, q_acc and
    v_acc with intervals, n_groups, n_incomplete_groups and `chance` of g_acc. Raises DataError as `pair_up` and
    `group_up` do.
    """
    (found,) = measure_each([records], seed=seed, resamples=resamples)
    return found


def measure_each(
    lists: Sequence[Sequence[AnswerRecord]], *, seed: int = 0, resamples: int = RESAMPLES
) -> list[dict[str, Any]]:
    """Score each of these lists of answers as `measure` does, with one set of resamples for all."""
    tables = [_Table.of(records) for records in lists]
    columns = [column for table in tables for column in (*table.columns.values(), *table.of_groups.values())]
    intervals = iter(cluster_intervals(columns, seed=seed, resamples=resamples))
    return [table.measures(intervals) for table in tables]


class _Table(NamedTuple):
    """The answers of one control and what is measured of them."""

    records: Sequence[AnswerRecord]
    pairs: Pairs
    groups: Sequence[Group]
    columns: dict[str, Column]
    of_groups: dict[str, Column]

    @classmethod
    def of(cls, records: Sequence[AnswerRecord]) -> "_Table":
        pairs = pair_up(records)
        grouped = any(record.group is not None for record in records)
        groups = list(group_up(records).values()) if grouped else []
        complete = list(pairs.complete.values())
        clips = pairs.clips
        answer_clips = [record.source_clip for record in records]
        columns = {
            "acc": Column([float(r.correct) for r in records], answer_clips),
            "p_acc": Column([float(pairs.is_right(name)) for name in clips], list(clips.values())),
            "same_answer_rate": Column(
                [float(says_the_same(pair)) for pair in complete], [pair[0].source_clip for pair in complete]
            ),
            "unparsed_rate": Column([float(is_unparsed(r)) for r in records], answer_clips),
        }
        return cls(records, pairs, groups, columns, group_columns(groups) if groups else {})

    def measures(self, intervals: Iterator[Interval | None]) -> dict[str, Any]:
        """Return the means of the columns with the next intervals, and what they are means of."""
        found = {
            **_rates(self.columns, intervals),
            "n_answers": len(self.records),
            "n_failed": sum(record.error is not None for record in self.records),
            "n_pairs": len(self.pairs.clips),
            "n_incomplete_pairs": len(self.pairs.incomplete),
            "n_clips": len({record.source_clip for record in self.records}),
            "truncated": sum(record.truncated for record in self.records),
            "chance": expected_by_chance(self.records, list(self.pairs.complete.values())),
        }
        if not self.groups:
            return found
        return {
            **found,
            "groups": {
                **_rates(self.of_groups, intervals),
                "n_groups": len(self.groups),
                "n_incomplete_groups": sum(not group.complete for group in self.groups),
                "chance": group_chance(self.groups),
            },
        }


def _rates(columns: Mapping[str, Column], intervals: Iterator[Interval | None]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, column in columns.items():
        interval = next(intervals)
        found |= {name: _mean(column.values), f"{name}_ci": interval and list(interval)}
    return found


def expected_by_chance(records: Sequence[AnswerRecord], pairs: Sequence[Pair]) -> dict[str, float | None]:
    """Return what drawing one option uniformly per question is expected to reach; open questions give 0."""
    return {
        "acc": _mean([_guess(record) for record in records]),
        "p_acc": _mean([_guess(a) * _guess(b) for a, b in pairs]),
        "same_answer_rate": _mean([_guess_the_same(pair) for pair in pairs]),
    }


def by_task(records: Sequence[AnswerRecord]) -> dict[str, list[AnswerRecord]]:
    """Split answers by task, tasks in the order of their names; an unnamed task is called 'other'."""
    tasks: dict[str, list[AnswerRecord]] = defaultdict(list)
    for record in records:
        tasks[record.task or "other"].append(record)
    return dict(sorted(tasks.items()))


def _check_pair(name: str, pair: Pair) -> None:
    a, b = pair
    if a.source_clip != b.source_clip:
        raise DataError(
            f"pair '{name}': its sides name different source clips, '{a.source_clip}' and '{b.source_clip}'. "
            "Both are made from one recording; give them the same 'source_clip'."
        )
    if a.gold_text == b.gold_text:
        raise DataError(
            f"pair '{name}': both sides have the gold answer '{a.gold_text}', so a model that never looks at "
            "the video could get the pair right. Correct one side, or drop 'pair' and 'side' from both."
        )


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _guess(record: AnswerRecord) -> float:
    return 1 / len(record.options) if record.options else 0.0


def _guess_the_same(pair: Pair) -> float:
    a, b = (record.options for record in pair)
    return len(set(a) & set(b)) / (len(a) * len(b)) if a and b else 0.0
