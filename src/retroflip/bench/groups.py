"""Groups of questions that are only worth something right together: TimeBlind's and Vinoground's two videos with two
questions each, several questions about one video, one about several clips; a pair is one question about two videos.

A cell is one video with one question. A group has a cell for every video with every question that its cells number,
from 0 on, whether it was answered or not: what is missing or failed is wrong.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import product
from math import prod
from typing import NamedTuple

from retroflip.bench.records import AnswerRecord
from retroflip.bench.stats import Column
from retroflip.data.sample import Cell
from retroflip.errors import DataError


class Group(NamedTuple):
    """A group's answers by their cells; videos, questions: how many of each it has; source_clip: of all of them."""

    cells: dict[Cell, AnswerRecord]
    videos: int
    questions: int
    source_clip: str

    def right(self, videos: Iterable[int], questions: Iterable[int]) -> bool:
        """Whether every one of these questions is answered rightly about every one of these videos."""
        wanted = (Cell(video, question) for video, question in product(videos, list(questions)))
        return all(cell in self.cells and self.cells[cell].correct for cell in wanted)

    @property
    def complete(self) -> bool:
        """Whether each of its questions was answered."""
        answered = sum(record.error is None for record in self.cells.values())
        return answered == self.videos * self.questions


def group_up(records: Sequence[AnswerRecord]) -> dict[str, Group]:
    """Join the answers of one control into groups, pairs among them, in the order of their names.

    Raises DataError when a cell occurs twice, or when a group's cells come from different source clips (intervals
    would take them as independent).
    """
    cells: dict[str, dict[Cell, AnswerRecord]] = defaultdict(dict)
    for record in records:
        if (place := record.place) is None:
            continue
        other = cells[place.group].setdefault(place.cell, record)
        if other is not record:
            raise DataError(
                f"group '{place.group}': questions '{other.id}' and '{record.id}' both claim video {place.cell.video}, "
                f"question {place.cell.question}. Each cell of a group is one question; correct one of the two."
            )
        first = next(iter(cells[place.group].values()))
        if first.source_clip != record.source_clip:
            raise DataError(
                f"group '{place.group}': its questions name different source clips, '{first.source_clip}' and "
                f"'{record.source_clip}'. Groups are drawn whole for intervals; give all the same 'source_clip'."
            )
    return {name: _group(found) for name, found in sorted(cells.items())}


def _group(cells: dict[Cell, AnswerRecord]) -> Group:
    videos, questions = (1 + max(numbers) for numbers in zip(*cells, strict=True))
    return Group(cells, videos, questions, next(iter(cells.values())).source_clip)


def group_columns(groups: Sequence[Group]) -> dict[str, Column]:
    """Return what is measured of groups.

    g_acc: groups with everything right (TimeBlind's I-Acc, Vinoground's group score). q_acc: questions that are right
    about all of their group's videos (a pair's P-Acc; TimeBlind's Q-Acc). v_acc: videos about which all questions are
    right (Vinoground's text score, TimeBlind's V-Acc).
    """
    whole = [(group, range(group.videos), range(group.questions)) for group in groups]
    by_question = [(group, videos, [one]) for group, videos, questions in whole for one in questions]
    by_video = [(group, [one], questions) for group, videos, questions in whole for one in videos]
    return {
        name: Column(
            [float(group.right(videos, questions)) for group, videos, questions in units],
            [group.source_clip for group, *_ in units],
        )
        for name, units in (("g_acc", whole), ("q_acc", by_question), ("v_acc", by_video))
    }


def group_chance(groups: Sequence[Group]) -> float | None:
    """Return the g_acc that drawing one option uniformly per question is expected to reach, None without groups."""
    if not groups:
        return None
    return sum(
        prod(1 / len(one.options) if one.options else 0.0 for one in group.cells.values())
        if len(group.cells) == group.videos * group.questions
        else 0.0
        for group in groups
    ) / len(groups)
