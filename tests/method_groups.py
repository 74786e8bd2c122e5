"""Groups for tests of methods, written as strings.

One character stands for one rollout: the letter it answered, or "-" for unparsed. The gold answer is A, B is the
other option and C the null option.
"""

from typing import Any

import numpy as np
import pytest
import torch

from retroflip.data.answers import Answer
from retroflip.data.sample import Modality, ProblemType, Sample, TaskType
from retroflip.rl.methods.base import Group, Method, Rewards, Rollout
from retroflip.video.transforms import Transform
from retroflip.video.views import Transformed, View


def sample_of(task_type: TaskType | None = None, modality: Modality = Modality.VIDEO) -> Sample:
    """Return a two-option question whose answer is A."""
    return Sample(
        id="s1",
        modality=modality,
        video={Modality.VIDEO: "clips/s1.mp4", Modality.IMAGE: "s1.png", Modality.TEXT: ""}[modality],
        question="Which way does it move?",
        options=("left", "right"),
        solution="A",
        problem_type=ProblemType.MULTIPLE_CHOICE,
        task_type=task_type,
        source_clip="c1",
    )


def rollouts_of(answers: str, malformed: tuple[int, ...] = ()) -> tuple[Rollout, ...]:
    """Return one rollout per character; those at the `malformed` positions earn no format reward."""
    return tuple(
        Rollout(None if letter == "-" else Answer("option", letter), well_formed=index not in malformed)
        for index, letter in enumerate(answers)
    )


def group_of(
    method: Method,
    *branches: str | tuple[Rollout, ...],
    task_type: TaskType | None = None,
    modality: Modality = Modality.VIDEO,
) -> Group:
    """Return the group of a sample whose branches the method chooses and whose rollouts are given."""
    sample = sample_of(task_type, modality)
    rollouts = tuple(rollouts_of(branch) if isinstance(branch, str) else branch for branch in branches)
    chosen = method.branches(sample, np.random.default_rng(0))
    return Group(sample, Answer("option", "A"), chosen, rollouts)


def rewards_of(method: Method, *branches: str | tuple[Rollout, ...], **sample: Any) -> Rewards:
    """Return the method's rewards of such a group."""
    return method.rewards(group_of(method, *branches, **sample))


def transform_of(view: View) -> Transform:
    """Return the transform of a view that is one."""
    assert isinstance(view, Transformed)
    return view.transform


def close(tensor: torch.Tensor, expected: list[float]) -> None:
    """Assert that a tensor is float32 and holds these values."""
    assert tensor.dtype == torch.float32
    assert tensor.tolist() == pytest.approx(expected, abs=1e-5)
