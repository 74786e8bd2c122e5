"""Metrics over pairs: one question about two videos whose right answers differ."""

from functools import lru_cache

from retroflip.bench.groups import Pair
from retroflip.bench.metrics.base import Answered, Better, Metric, guess, mean
from retroflip.bench.stats import Column


def says_the_same(pair: Pair) -> bool:
    """Whether both sides were parsed and name the same answer."""
    return pair[0].answer is not None and pair[0].answer_text == pair[1].answer_text


def _both_right(answered: Answered) -> Column:
    clips = answered.pairs.clips
    return Column([float(answered.pairs.is_right(name)) for name in clips], list(clips.values()))


def _guess_both(answered: Answered) -> float | None:
    both = {name: guess(a) * guess(b) for name, (a, b) in answered.pairs.complete.items()}
    return mean([both.get(name, 0.0) for name in answered.pairs.clips])


def _the_same(answered: Answered) -> Column:
    complete = answered.pairs.complete.values()
    return Column(
        [float(says_the_same(pair)) for pair in complete], [pair[0].source_clip for pair in complete]
    )


def _guess_the_same(answered: Answered) -> float | None:
    return mean([_same_draw(a.options, b.options) for a, b in answered.pairs.complete.values()])


@lru_cache(maxsize=2**12)
def _same_draw(a: tuple[str, ...], b: tuple[str, ...]) -> float:
    return len(set(a) & set(b)) / (len(a) * len(b)) if a and b else 0.0


PAIR_ACCURACY = Metric(
    "p_acc",
    "P-Acc",
    "Pair accuracy",
    "both videos of a pair right",
    Better.HIGHER,
    units=_both_right,
    guess=_guess_both,
    charted=True,
)
"""CRPO, section 4.1. A side that is missing or failed is wrong."""
SAME_ANSWER = Metric(
    "same_answer_rate",
    "same answer",
    "Same answer",
    "one and the same readable answer to both videos of a pair",
    Better.LOWER,
    units=_the_same,
    guess=_guess_the_same,
    charted=True,
)
"""The mark of a shortcut, among pairs with both sides answered. Answers compare as option texts, because the sides of a
pair may list their options in another order; numbers compare as they are written."""
