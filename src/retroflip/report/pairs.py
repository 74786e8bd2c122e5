"""The pairs that a report shows: what they hold, and which of many are shown.

A report that inlined every clip would be too large to open, so a few pairs are chosen: first those that
training mended or broke, then those nobody gets right, spread over the tasks. The choice is a function of the
answers alone, so the same run gives the same report.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain, cycle, zip_longest
from pathlib import Path
from typing import NamedTuple

from retroflip.bench.records import option_text
from retroflip.draws import draw_seed
from retroflip.report.sentences import is_start
from retroflip.video.samplers import Sampler
from retroflip.video.window import Window


class Outcome(StrEnum):
    """What training did to a pair, judged by pair accuracy."""

    FIXED = "fixed"
    """wrong before, right with at least one trained model"""
    BROKEN = "broken"
    """right before, wrong with at least one trained model"""
    FAILING = "failing"
    """right with no model"""
    RIGHT = "right"
    """right with every model"""
    SPLIT = "split"
    """right with some of several models, of which none is known to be the start of the others"""


_TURNS = (
    Outcome.FIXED,
    Outcome.BROKEN,
    Outcome.SPLIT,
    Outcome.FAILING,
    Outcome.FIXED,
    Outcome.FAILING,
    Outcome.RIGHT,
)
"""the order in which outcomes take turns in the choice: changes and failures before what was always right"""


@dataclass(frozen=True)
class AnswerView:
    """What one model said about one video. `answer` is None where nothing could be read."""

    response: str
    answer: str | None
    correct: bool
    truncated: bool = False


class Seen(NamedTuple):
    """Which frames of a video models were shown: how many at most, by which sampler."""

    frames: int
    sampler: Sampler


@dataclass(frozen=True)
class SideView:
    """One video of a pair. `video` is None where the file is not at hand, `window` the part that was shown, if not the
    whole; `answers` is keyed by model."""

    video: Path | None
    gold: str
    options: tuple[str, ...]
    answers: Mapping[str, AnswerView]
    window: Window | None = None
    letters: tuple[str, ...] = ()

    def text(self, answer: str | None) -> str | None:
        """Return an answer without its letter, by which sides compare whatever the order of their options."""
        return None if answer is None else option_text(answer, self.options, self.letters)

    def label(self, answer: str | None) -> str:
        """Return an answer as a reader wants it: 'B. moving right'."""
        if answer is None:
            return "unparsed"
        text = option_text(answer, self.options, self.letters)
        return answer if text == answer else f"{answer}. {text}"


@dataclass(frozen=True)
class PairView:
    """A counterfactual pair: one question, two videos, and what every model answered.

    seen: the models by which frames they were shown, as far as that is known.
    """

    id: str
    task: str
    question: str
    sides: tuple[SideView, SideView]
    seen: Mapping[Seen, tuple[str, ...]] = field(default_factory=dict)

    @property
    def models(self) -> list[str]:
        """The models that answered both sides, in the order of the first side."""
        return [name for name in self.sides[0].answers if name in self.sides[1].answers]

    @property
    def before(self) -> str | None:
        """The model that the others were trained from, if it answered this pair: that of the pair's own folder."""
        return next((name for name in self.models if is_start(name)), None)

    def right(self, model: str) -> bool:
        """Whether `model` got both sides right."""
        return all(side.answers[model].correct for side in self.sides)

    def same(self, model: str) -> bool:
        """Whether `model` gave both videos, whose right answers differ, one and the same readable answer."""
        first, second = (side.text(side.answers[model].answer) for side in self.sides)
        return first is not None and first == second

    @property
    def outcome(self) -> Outcome:
        """What training did to this pair, as far as its models tell."""
        right = {name: self.right(name) for name in self.models}
        if not any(right.values()):
            return Outcome.FAILING
        if all(right.values()):
            return Outcome.RIGHT
        if self.before is None:
            return Outcome.SPLIT
        return Outcome.BROKEN if right[self.before] else Outcome.FIXED

    @property
    def changed(self) -> bool:
        """Whether a trained model answers either video otherwise than the start model did."""
        before = self.before
        if before is None:
            return False
        return any(
            side.answers[name].answer != side.answers[before].answer
            for side in self.sides
            for name in self.models
        )


def outcome_counts(pairs: Iterable[PairView]) -> Counter[Outcome]:
    """Return how many pairs there are of each outcome."""
    return Counter(pair.outcome for pair in pairs)


def select_pairs(pairs: Sequence[PairView], count: int) -> list[PairView]:
    """Return up to `count` pairs: outcomes take turns, and within an outcome tasks do.

    Within a task the order is that of a hash of the pair's id, so that names decide nothing.
    """
    queues = {
        outcome: _by_task([p for p in pairs if p.outcome is outcome], turn)
        for turn, outcome in enumerate(Outcome)
    }
    chosen: list[PairView] = []
    for outcome in cycle(_TURNS):
        if len(chosen) >= min(count, len(pairs)):
            break
        if queues[outcome]:
            chosen.append(queues[outcome].pop(0))
    return chosen


def _by_task(pairs: Iterable[PairView], turn: int) -> list[PairView]:
    tasks: dict[str, list[PairView]] = defaultdict(list)
    for pair in sorted(pairs, key=lambda pair: draw_seed(0, "report-pair", pair.id)):
        tasks[pair.task].append(pair)
    # Each outcome starts with another task: a short choice would show one task alone otherwise.
    order = sorted(tasks)
    start = turn % max(1, len(order))
    turns = chain.from_iterable(zip_longest(*(tasks[name] for name in order[start:] + order[:start])))
    return [pair for pair in turns if pair is not None]
