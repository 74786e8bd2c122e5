"""What a frame scorer is, and what all of them need: a model that is left as it was found, and a name for its weights.

Shapes: F frames of a video.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from retroflip.video.frames import Frames

Scores = npt.NDArray[np.float64]

_INTEGERS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


class FrameScorer(Protocol):
    """Scores the frames of a video against a question; within a video, more is more relevant.

    Frames are sampled with probabilities softmax(scores / tau) (STRIVE, equation 4). Scores depend on nothing but the
    frames, the question and the scorer's weights.
    """

    @property
    def id(self) -> str:
        """A name that changes with the kind of scorer, its weights and how it prepares pictures."""

    def scores(self, frames: Frames, question: str) -> Scores:
        """Return one score per frame, shape (F,); not finite where the model's numbers are not.

        Asking again about the same `Frames` object saves what does not depend on the question.
        """

    def remark(self, questions: Sequence[str]) -> str | None:
        """Return what a user should know about these questions under this scorer, if there is anything."""


@contextmanager
def undisturbed(model: nn.Module) -> Iterator[None]:
    """Put a model into evaluation mode, its parameters without gradients; afterwards everything is as it was."""
    modes = [(module, module.training) for module in model.modules()]
    wanted = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    model.eval().requires_grad_(False)
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
        for parameter, requires_grad in wanted:
            parameter.requires_grad_(requires_grad)


def scorer_id(name: str, model: nn.Module, *preparers: Any) -> str:
    """Return NAME@FINGERPRINT: of a model's weights and of the processors that prepare its pictures.

    Weights are added up as integers, bit pattern by bit pattern: exact, in any order and on any device, and much
    faster than hashing every byte. It tells one checkpoint from another, and is no proof against forgery.
    """
    digest = hashlib.sha256(type(model).__name__.encode())
    for key, tensor in sorted(model.state_dict().items()):
        bits = tensor.detach().contiguous().view(-1).view(_INTEGERS[tensor.element_size()])
        total = int(bits.sum(dtype=torch.int64))
        digest.update(f"{key} {tensor.dtype} {tuple(tensor.shape)} {total}\n".encode())
    for preparer in preparers:
        digest.update(json.dumps(preparer.to_dict(), sort_keys=True, default=str).encode())
    return f"{name}@{digest.hexdigest()[:16]}"
