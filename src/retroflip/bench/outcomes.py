"""What stands behind a pair accuracy: how pairs ended, which letters were chosen, what a blind answerer reaches.

Chance is told in two ways, because they bound different things: `guess` of the metrics draws an option uniformly, and
`constant_chance` is the best that always naming one letter does. The second needs no luck; where both sides of a pair
list the same options in the same order it is never right about both.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from retroflip.bench.groups import Pair, Pairs, pair_is_right
from retroflip.bench.metrics.answers import is_unparsed
from retroflip.bench.metrics.base import Answered, mean
from retroflip.bench.metrics.pairs import says_the_same
from retroflip.bench.records import AnswerRecord
from retroflip.data.sample import lettered


class Outcome(StrEnum):
    """How a pair ended; every pair in one way."""

    BOTH_RIGHT = "both_right"
    SAME_ANSWER = "same_answer"
    SWAPPED = "swapped"
    OTHER = "other"
    UNPARSED = "unparsed"
    FAILED = "failed"


def outcome_of(pair: Pair) -> Outcome:
    """Return how a pair with two answers ended.

    SWAPPED: each side was given the other's right answer. OTHER: two different answers, and neither of these. UNPARSED:
    nothing could be read from one side at least.
    """
    a, b = pair
    if is_unparsed(a) or is_unparsed(b):
        return Outcome.UNPARSED
    if pair_is_right(pair):
        return Outcome.BOTH_RIGHT
    if says_the_same(pair):
        return Outcome.SAME_ANSWER
    if (a.answer_text, b.answer_text) == (b.gold_text, a.gold_text):
        return Outcome.SWAPPED
    return Outcome.OTHER


def outcomes(pairs: Pairs) -> dict[str, int]:
    """Return how many pairs ended in each way; FAILED where a side is missing or has no answer."""
    counted = Counter(outcome_of(pair) for pair in pairs.complete.values())
    counted[Outcome.FAILED] = len(pairs.incomplete)
    return {one.value: counted[one] for one in Outcome}


def letter_bias(records: Sequence[AnswerRecord]) -> dict[str, Any] | None:
    """Return how often each letter was right and how often it was chosen; None without multiple choice.

    Keys: letters {letter: {gold, chosen, right}}, over answers that were read; bias: half the sum over letters of
    |share chosen - share right|, 0 where letters are chosen as often as they are right and 1 at most.
    """
    asked = [one for one in records if one.options and one.answer is not None and len(one.answer) == 1]
    if not asked:
        return None
    gold, chosen = Counter(one.gold for one in asked), Counter(str(one.answer) for one in asked)
    right = Counter(one.gold for one in asked if one.correct)
    letters = sorted(gold | chosen)
    apart = sum(abs(chosen[one] - gold[one]) for one in letters) / len(asked)
    return {
        "letters": {one: {"gold": gold[one], "chosen": chosen[one], "right": right[one]} for one in letters},
        "bias": apart / 2,
    }


def constant_chance(answered: Answered) -> dict[str, Any] | None:
    """Return what the best constant letter reaches: letter, acc and p_acc; None without multiple choice.

    The letter is the one of the highest acc, the first of equals.
    """
    choices = Counter(one.gold for one in answered.records if one.options and len(one.gold) == 1)
    if not choices:
        return None
    letter, right = min(choices.items(), key=lambda one: (-one[1], one[0]))
    both = [float(all(side.gold == letter for side in pair)) for pair in answered.pairs.complete.values()]
    return {"letter": letter, "acc": right / len(answered.records), "p_acc": mean(both)}


def pass_at(right: int, draws: int, k: int) -> float:
    """Return the chance that of k of these draws, taken without replacement, one at least is right.

    It is the unbiased estimate of pass@k (Chen et al. 2021, arXiv:2107.03374, equation 1). Raises ValueError unless
    0 <= right <= draws and 1 <= k <= draws.
    """
    if not (0 <= right <= draws and 1 <= k <= draws):
        raise ValueError(f"pass@{k} of {draws} draws with {right} right")
    return 1.0 - math.comb(draws - right, k) / math.comb(draws, k)


def passes(records: Sequence[AnswerRecord]) -> dict[str, Any] | None:
    """Return pass@k of questions and of pairs for k = 1, 2, 4, ... and all draws; None of single draws.

    records: all draws of one control. A draw of a pair is right where both its sides are right in it. Questions that
    have fewer draws than others are counted with those that they have, and left out of larger k. Keys: draws, and
    `pass` and `pair_pass`, {k: mean}.
    """
    by_question: dict[str, list[bool]] = {}
    sides: dict[str, dict[int, dict[int, bool]]] = {}
    for one in records:
        by_question.setdefault(one.id, []).append(one.correct)
        if one.pair is not None and one.side is not None:
            sides.setdefault(one.pair, {}).setdefault(one.draw, {})[one.side] = one.correct
    most = max((len(found) for found in by_question.values()), default=0)
    if most < 2:
        return None
    by_pair = [
        [all(s) for s in ([d.get(0, False), d.get(1, False)] for d in one.values())] for one in sides.values()
    ]
    ks = sorted({min(2**power, most) for power in range(most.bit_length() + 1)})

    def curve(found: Sequence[Sequence[bool]]) -> dict[str, float | None]:
        return {str(k): mean([pass_at(sum(one), len(one), k) for one in found if len(one) >= k]) for k in ks}

    return {"draws": most, "pass": curve(list(by_question.values())), "pair_pass": curve(by_pair)}


def sensitivity(pairs: Pairs) -> dict[str, float | int] | None:
    """Return how far the options' probabilities move from one video of a pair to the other, without any parsing.

    The mean over pairs of the Kullback-Leibler divergence, in nats, of the distributions over option texts, both ways
    and halved (Jeffreys): 0 for a model that does not see the difference. Only pairs whose sides have log-probabilities
    and the same options count; None where there is none. Keys: kl, n_pairs.
    """
    found = [
        value
        for pair in pairs.complete.values()
        if (value := _divergence(*(_distribution(side) for side in pair))) is not None
    ]
    return {"kl": sum(found) / len(found), "n_pairs": len(found)} if found else None


def _distribution(record: AnswerRecord) -> Mapping[str, float] | None:
    """Return the probability of every option's text, normalised over the options."""
    if not record.logprobs or not record.options:
        return None
    named = lettered(record.options, record.letters)
    if not named.keys() <= record.logprobs.keys():
        return None
    top = max(record.logprobs[letter] for letter in named)
    weights = {text: math.exp(record.logprobs[letter] - top) for letter, text in named.items()}
    return {text: weight / sum(weights.values()) for text, weight in weights.items()}


def _divergence(p: Mapping[str, float] | None, q: Mapping[str, float] | None) -> float | None:
    if p is None or q is None or p.keys() != q.keys():
        return None
    tiny = 1e-12
    return 0.5 * sum((p[one] - q[one]) * (math.log(p[one] + tiny) - math.log(q[one] + tiny)) for one in p)
