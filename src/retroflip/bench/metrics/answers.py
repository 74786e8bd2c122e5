"""Metrics over single answers."""

from retroflip.bench.metrics.base import Answered, Better, Metric, guess, mean
from retroflip.bench.records import AnswerRecord
from retroflip.bench.stats import Column

MOST_UNPARSED = 0.2
"""share of unparsed answers above which a low score says nothing of what was seen"""


def is_unparsed(record: AnswerRecord) -> bool:
    """Whether there is an answer, and nothing could be read from it."""
    return record.answer is None and record.error is None


def _correct(answered: Answered) -> Column:
    return Column([float(record.correct) for record in answered.records], answered.clips)


def _unparsed(answered: Answered) -> Column:
    return Column([float(is_unparsed(record)) for record in answered.records], answered.clips)


ACCURACY = Metric(
    "acc",
    "Acc",
    "Accuracy",
    "right answers among all; unparsed ones are wrong",
    Better.HIGHER,
    units=_correct,
    guess=lambda answered: mean([guess(record) for record in answered.records]),
)
UNPARSED = Metric(
    "unparsed_rate",
    "unparsed",
    "Unparsed",
    "answers from which nothing could be read, among all; failed ones are none of these",
    Better.LOWER,
    units=_unparsed,
)
