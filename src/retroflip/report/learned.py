"""Whether a finished run learned anything at all, told from the rows of its `metrics.jsonl`.

A run whose rollouts all earn the same ends in good order with the weights it began with. That is the first thing to
say of it, and the metrics hold the reason: they are looked at from the most likely cause to the least.
"""

from collections.abc import Callable

from retroflip.bench.metrics.training import Rows, over_steps

NEARLY_ALL = 0.9
"""share of rollouts or questions from which on a cause is named as that of a run"""


def nothing_learned(rows: Rows) -> str | None:
    """Return, in a few sentences, why a run learned nothing and what helps; None where it learned.

    rows: one per step, of RL or supervised fine-tuning. Nothing was learned where the learning rate or the gradient was
    0 in every step, or no trained rollout ever had an advantage. A run without rows has not begun, and gets None too.
    """
    if not rows:
        return None
    if _always(rows, "learning_rate", 0.0):
        return (
            f"Nothing was learned: the learning rate was 0 in {_steps(rows)}. Raise train.learning_rate, or lower "
            "train.warmup_steps, which must be fewer than the steps of the run."
        )
    if _always(rows, "zero_advantage", 1.0):
        return f"Nothing was learned: {_cause(rows)}"
    if _always(rows, "grad_norm", 0.0):
        return (
            f"Nothing was learned: the gradient was 0 in {_steps(rows)}. Does model.vision or model.lora leave "
            "anything to train that the questions reach?"
        )
    return None


def hardly_anything_learned(rows: Rows) -> str | None:
    """Return the same for a run of RL in which nearly every question taught nothing; None for any other."""
    idle = over_steps(rows, "zero_advantage")
    if idle is None or idle < NEARLY_ALL or nothing_learned(rows):
        return None
    return f"Hardly anything was learned ({100 * idle:.0f} % of questions taught nothing): {_cause(rows)}"


def _cause(rows: Rows) -> str:
    """Return why the rollouts of questions earned the same, and what to do."""
    where = f"in {_steps(rows)}"
    causes: tuple[tuple[str, Callable[[float], bool], str], ...] = (
        (
            "completion/truncated",
            _nearly_all,
            f"the rollouts were cut off {where}, behind {over_steps(rows, 'completion/length') or 0:.0f} tokens on "
            "average, before they had answered. Raise train.max_completion_length, or start from a model that "
            "answers in fewer tokens.",
        ),
        (
            "unparsed",
            _nearly_all,
            f"no answer could be read from the rollouts {where}. rollouts.jsonl has their texts: the model must end in "
            "\\boxed{...}, which `retroflip sft` teaches and prompt.system can ask for.",
        ),
        (
            "reward/correct",
            _nearly_all,
            f"the rollouts were right {where} already, so all of them earned the same. Take harder questions or fewer "
            "frames.",
        ),
        (
            "reward/correct",
            _hardly_any,
            f"the rollouts were wrong {where}, so all of them earned the same. Take easier questions, more frames or "
            "pixels, or teach the model first with `retroflip sft`.",
        ),
    )
    for metric, holds, text in causes:
        value = over_steps(rows, metric)
        if value is not None and holds(value):
            return text
    return (
        f"the rollouts of each question earned the same {where}. Raise train.temperature or method.rollouts, so that "
        "they differ, or let train.refills replace such questions."
    )


def _nearly_all(share: float) -> bool:
    return share >= NEARLY_ALL


def _hardly_any(share: float) -> bool:
    return share <= 1 - NEARLY_ALL


def _steps(rows: Rows) -> str:
    return "the only step" if len(rows) == 1 else f"all {len(rows)} steps"


def _always(rows: Rows, metric: str, value: float) -> bool:
    return all(row.get(metric) == value for row in rows)
