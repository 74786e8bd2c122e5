"""From pairs that were made to records: both sides ask the same with the same options, and have other answers.

Both right answers of a pair are dealt out over the letters, so that no letter is right more often than another, on
either side. Drawn pairs have been dealt out by what draws them.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from retroflip.bench.dybench.base import Axis, Candidate, Drawing, SubTask, UnfitError
from retroflip.bench.dybench.plans import Planned, candidate_of
from retroflip.data.records import format_record, parse_record
from retroflip.data.sample import ProblemType, Sample, TaskType, option_letter
from retroflip.data.text_maps import TextMap, other_option
from retroflip.errors import DataError
from retroflip.files.storage import file_name

Row = Mapping[str, Any]


def samples_of(pairs: Sequence[tuple[Planned, Row]]) -> list[Sample]:
    """Return the records of pairs, in their order."""
    turns: Counter[tuple[SubTask, int]] = Counter()
    samples: list[Sample] = []
    for planned, row in pairs:
        candidate = candidate_of(row["candidate"])
        if not isinstance(planned.plan, Drawing):
            place = (candidate.sub_task, len(candidate.options))
            candidate = seated(candidate, turns[place])
            turns[place] += 1
        samples += _sides(planned, candidate, list(row["files"]))
    return samples


def check_records(planned: Planned, candidate: Candidate, videos: Sequence[str]) -> None:
    """Raise UnfitError where a pair's records could not be read: 26 options, a special token in a text, ..."""
    try:
        for sample in _sides(planned, candidate, videos):
            parse_record(format_record(sample))
    except (DataError, ValueError) as error:
        raise UnfitError("its question cannot be a record", str(error)) from error


def seated(candidate: Candidate, turn: int) -> Candidate:
    """Return a candidate with its two right answers at the letters whose turn it is; the others keep their order.

    Over n (n - 1) turns, n being the number of options, the two stand once at every two letters.
    """
    total = len(candidate.options)
    seat, other = turn % total, (turn + 1 + turn // total % (total - 1)) % total
    golds = {seat: candidate.options[candidate.gold], other: candidate.options[candidate.other_gold]}
    rest = iter([option for option in candidate.options if option not in golds.values()])
    options = tuple(golds.get(place) or next(rest) for place in range(total))
    return Candidate(**{**_fields(candidate), "options": options, "gold": seat, "other_gold": other})


def pair_id(planned: Planned) -> str:
    """Return the id of a pair, which is also the stem of its videos' names."""
    return file_name(f"{planned.source}-{planned.plan.id}")


def _fields(candidate: Candidate) -> dict[str, Any]:
    return {name: getattr(candidate, name) for name in candidate.__dataclass_fields__}


def _sides(planned: Planned, candidate: Candidate, videos: Sequence[str]) -> Iterator[Sample]:
    pair = pair_id(planned)
    letters = [option_letter(index) for index in (candidate.gold, candidate.other_gold)]
    for side, (video, gold, other) in enumerate(zip(videos, letters, letters[::-1], strict=True)):
        yield Sample(
            id=f"{pair}-{side}",
            video=video,
            question=candidate.question,
            options=candidate.options,
            solution=gold,
            problem_type=ProblemType.MULTIPLE_CHOICE,
            source=planned.source,
            task=candidate.sub_task.value,
            task_type=_task_type(candidate),
            source_clip=candidate.source_clip,
            pair=pair,
            side=side,
            counterfactual_solution=other if candidate.axis in (Axis.FLIP, Axis.REVERSAL) else None,
            licence=candidate.licence,
            labels={
                **candidate.labels,
                "axis": candidate.axis.value,
                **({"domain": candidate.domain} if candidate.domain else {}),
            },
        )


def _task_type(candidate: Candidate) -> TaskType | None:
    """Return which transformations change the answer, as far as the axis and the options' words tell."""
    if candidate.axis is Axis.GIVEN:
        return None

    def changes(text_map: TextMap) -> bool:
        return other_option(candidate.options, candidate.gold, text_map) is not None

    return TaskType.of(
        flip=candidate.axis is Axis.FLIP or changes(TextMap.MIRROR),
        reversal=candidate.axis in (Axis.REVERSAL, Axis.ORDER) or changes(TextMap.REVERSE),
    )
