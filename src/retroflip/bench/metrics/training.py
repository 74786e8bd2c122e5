"""What training logs: numbers of every step, as they stand in the rows of metrics.jsonl."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any, TypeAlias, TypeGuard

from retroflip.bench.metrics.base import Better, Measure

Rows: TypeAlias = Sequence[Mapping[str, Any]]

CORRECT = Measure(
    "reward/correct",
    "right",
    "Correctness",
    "share of right answers where the right answer is known",
    Better.HIGHER,
)
REWARD_SPREAD = Measure(
    "reward_std", "reward std", "Reward spread", "standard deviation within a group", share=False
)
ZERO_ADVANTAGE = Measure(
    "zero_advantage",
    "zero advantage",
    "Groups without a signal",
    "share whose advantages are all zero",
    Better.LOWER,
)
RELATION = Measure(
    "reward/original/crr",
    "relation",
    "Counterfactual relation reward",
    "answers that relate to the other branch's as they should, weighted",
    Better.HIGHER,
    share=False,
)
BEHAVIOUR = Measure(
    "reward/counterfactual/behave",
    "behaviour",
    "Behaviour reward",
    "answer changed on a dynamic question, kept on a static one",
    Better.HIGHER,
)
GRADIENT = Measure("grad_norm", "gradient", "Gradient norm", "before clipping", share=False)
LOGGED: tuple[Measure, ...] = (
    CORRECT,
    RELATION,
    BEHAVIOUR,
    Measure(
        "same_answer/counterfactual",
        "same answer",
        "Same answer on both branches",
        "share of original and counterfactual rollouts that say the same",
    ),
    REWARD_SPREAD,
    ZERO_ADVANTAGE,
    GRADIENT,
    Measure("kl", "KL", "KL", "divergence from the reference model", share=False),
    Measure("completion/length", "length", "Completion length", "tokens", share=False),
    Measure("unparsed", "unparsed", "Unparsed rollouts", "share without a readable answer", Better.LOWER),
    Measure(
        "completion/truncated",
        "truncated",
        "Truncated rollouts",
        "share cut off at the length limit",
        Better.LOWER,
    ),
    Measure("loss", "loss", "Loss", share=False),
)
"""those that have a title, in the order of charts; a run may log others"""
CORRECT_ON_VIDEO = Measure(
    "reward/original/correct",
    "right on the video",
    "Correctness on the video",
    "share of right answers on the video as it is",
    Better.HIGHER,
)
RELATION_ON_COUNTERFACTUAL = Measure(
    "reward/counterfactual/crr",
    "relation on the counterfactual",
    "Counterfactual relation reward on the counterfactual",
    "as that on the video, of the counterfactual's rollouts",
    Better.HIGHER,
    share=False,
)
AUXILIARY = (
    RELATION,
    Measure("reward/original/temporal", "temporal", "Temporal reward of T-GRPO", share=False),
    Measure("reward/original/reverse", "reverse", "Reverse reward of ArrowRL", share=False),
)
"""what each method that looks at motion is paid beside correctness; a run has logged one of them"""


def over_steps(rows: Rows, key: str) -> float | None:
    """Return the mean of a number over the steps that logged it, finite; None where none did."""
    values = [row[key] for row in rows if is_number(row.get(key))]
    return fmean(values) if values else None


def is_number(value: object) -> TypeGuard[float]:
    """Whether a logged value is a finite number, and none that no chart could have an axis for."""
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and value == value
        and abs(value) < 1e300
    )
