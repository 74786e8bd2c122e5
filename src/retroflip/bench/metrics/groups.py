"""Metrics over groups: TimeBlind's I-Acc, Q-Acc and V-Acc, Vinoground's group and text score."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from math import prod
from typing import TypeAlias

from retroflip.bench.groups import Group
from retroflip.bench.metrics.base import GROUPS, Answered, Better, Metric, guess, mean
from retroflip.bench.stats import Column

Units: TypeAlias = Iterator[tuple[Iterable[int], Iterable[int]]]
"""the videos and questions of a group that must all be right, unit by unit"""


def _whole(group: Group) -> Units:
    yield range(group.videos), range(group.questions)


def _questions(group: Group) -> Units:
    yield from ((range(group.videos), [question]) for question in range(group.questions))


def _videos(group: Group) -> Units:
    yield from (([video], range(group.questions)) for video in range(group.videos))


def _column(parts: Callable[[Group], Units], answered: Answered) -> Column:
    units = [(group, *cells) for group in answered.groups for cells in parts(group)]
    return Column(
        [float(group.right(videos, questions)) for group, videos, questions in units],
        [group.source_clip for group, *_ in units],
    )


def _guess_all(answered: Answered) -> float | None:
    return mean([_guess_whole(group) for group in answered.groups])


def _guess_whole(group: Group) -> float:
    if len(group.cells) < group.videos * group.questions:
        return 0.0
    return prod(guess(record) for record in group.cells.values())


GROUP_ACCURACY = Metric(
    "g_acc",
    "group",
    "Group accuracy",
    "every question right about every video of a group",
    Better.HIGHER,
    units=partial(_column, _whole),
    guess=_guess_all,
    family=GROUPS,
)
QUESTION_ACCURACY = Metric(
    "q_acc",
    "question",
    "Question accuracy",
    "questions that are right about all videos of their group",
    Better.HIGHER,
    units=partial(_column, _questions),
    family=GROUPS,
)
VIDEO_ACCURACY = Metric(
    "v_acc",
    "video",
    "Video accuracy",
    "videos about which all questions of their group are right",
    Better.HIGHER,
    units=partial(_column, _videos),
    family=GROUPS,
)
