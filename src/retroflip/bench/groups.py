"""Questions that are only worth something right together, joined from their answers.

A pair is one question about two videos whose right answers differ. Groups are the general form: TimeBlind's and
Vinoground's two videos with two questions each, several questions about one video, one about several clips.

A cell is one video with one question. A group has a cell for every video with every question that its cells number,
from 0 on, whether it was answered or not: what is missing or failed is wrong.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import NamedTuple

from retroflip.bench.records import AnswerRecord
from retroflip.data.sample import Cell
from retroflip.errors import DataError

Pair = tuple[AnswerRecord, AnswerRecord]


@dataclass(frozen=True)
class Pairs:
    """Pairs by id, in the order of their names: those with both sides answered, side 0 first; and of the others one
    side, answered or failed."""

    complete: dict[str, Pair]
    incomplete: dict[str, AnswerRecord]

    @cached_property
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
    complete: dict[str, Pair] = {}
    incomplete: dict[str, AnswerRecord] = {}
    for name, both in sorted(sides.items()):
        if len(both) == 2:
            _check_pair(name, (both[0], both[1]))
        if len(both) == 2 and not (both[0].error or both[1].error):
            complete[name] = both[0], both[1]
        else:
            incomplete[name] = next(iter(both.values()))
    return Pairs(complete, incomplete)


def pair_is_right(pair: Pair) -> bool:
    """Whether both sides are right."""
    return pair[0].correct and pair[1].correct


class Group(NamedTuple):
    """A group's answers by their cells; videos, questions: how many of each it has; source_clip: of all of them."""

    name: str
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
    return {name: _group(name, found) for name, found in sorted(cells.items())}


def _group(name: str, cells: dict[Cell, AnswerRecord]) -> Group:
    videos, questions = (1 + max(numbers) for numbers in zip(*cells, strict=True))
    return Group(name, cells, videos, questions, next(iter(cells.values())).source_clip)


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
