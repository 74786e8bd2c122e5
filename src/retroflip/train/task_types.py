"""What training says of each task type: what its questions earn, and whether answers change on their counterfactuals.

A step's row of `metrics.jsonl` has, for each type with questions in it (`rl/metrics.py` writes them):

    task_type/TYPE/questions     how many
    task_type/TYPE/reward        mean of what the rollouts on the video earn
    task_type/TYPE/correct       share of them that is right
    task_type/TYPE/compared      questions with an answer on the video and one on its counterfactual
    task_type/TYPE/same_answer   of these, the share of pairs of answers, one of each, that say the same

A router's wrong label turns the relation reward around. Where answers never change although they must, or always do
although they must not, either the model does not see it, or the labels of that type are wrong.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from retroflip.data.sample import TaskType

PREFIX = "task_type"
LAST_STEPS = 10
"""steps that are looked at, from the last one back"""
ENOUGH = 8
"""compared questions under which nothing is said of a type"""
NEARLY = 0.99
"""share of pairs of answers from which on they are said never, or always, to differ"""


class TypeInTraining(NamedTuple):
    """One task type over the last steps of a run. None where nothing was observed.

    same_answer: share of pairs of answers that say the same on the video and on its counterfactual. flag: "never
    differ", "always differ" or None.
    """

    questions: int
    reward: float | None
    correct: float | None
    compared: int
    same_answer: float | None
    flag: str | None


def by_task_type(rows: Sequence[Mapping[str, Any]]) -> dict[TaskType, TypeInTraining]:
    """Return what the last rows of `metrics.jsonl` say of each type that has questions in them."""
    last = rows[-LAST_STEPS:]
    found = {kind: _of_type(kind, last) for kind in TaskType}
    return {kind: one for kind, one in found.items() if one.questions}


def _of_type(kind: TaskType, rows: Sequence[Mapping[str, Any]]) -> TypeInTraining:
    questions, compared = (
        [row.get(f"{PREFIX}/{kind.value}/{name}") or 0 for row in rows] for name in ("questions", "compared")
    )
    same = _weighted(rows, f"{PREFIX}/{kind.value}/same_answer", compared)
    return TypeInTraining(
        round(sum(questions)),
        _weighted(rows, f"{PREFIX}/{kind.value}/reward", questions),
        _weighted(rows, f"{PREFIX}/{kind.value}/correct", questions),
        round(sum(compared)),
        same,
        _flag(same) if sum(compared) >= ENOUGH else None,
    )


def _weighted(rows: Sequence[Mapping[str, Any]], key: str, weights: Sequence[float]) -> float | None:
    pairs = [
        (row[key], weight) for row, weight in zip(rows, weights, strict=True) if row.get(key) is not None
    ]
    total = sum(weight for _, weight in pairs)
    return sum(value * weight for value, weight in pairs) / total if total else None


def _flag(same: float | None) -> str | None:
    if same is None:
        return None
    return "never differ" if same >= NEARLY else "always differ" if same <= 1 - NEARLY else None


def remarks(types: Mapping[TaskType, TypeInTraining]) -> Iterator[str]:
    """Yield a sentence or two on every type that has a flag: what it means, and what helps."""
    for kind, one in types.items():
        if one.flag is None:
            continue
        said = f"Answers to {kind.value} questions {one.flag} on the counterfactual video"
        if kind.dynamic == (one.flag == "always differ"):
            yield f"{said}, as they should: the relation reward no longer tells their rollouts apart."
        else:
            must = "must" if kind.dynamic else "must not"
            yield (
                f"{said}, and they {must}: either the model does not see what changes, or the labels of that type are "
                "wrong. `retroflip route audit` has them checked by hand."
            )
