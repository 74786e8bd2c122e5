"""Likeness of frame and question in a model's embeddings (STRIVE, section 3.3; ST-GRPO, section 4).

    s_f = z_f / |z_f| . z_q / |z_q|

z_f is a frame's embedding and z_q the question's; where they come from is the embedder's business. F frames, D width.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from retroflip.models.scorers.base import Scores, undisturbed
from retroflip.video.frames import Frames


class Embedder(Protocol):
    """A model that puts frames and questions into one space. It is called in evaluation mode, without gradients."""

    @property
    def id(self) -> str:
        """As `FrameScorer.id`."""

    @property
    def model(self) -> nn.Module:
        """What computes the embeddings."""

    def frames(self, frames: Frames) -> Tensor:
        """Return z_f of every frame, each seen alone, shape (F, D)."""

    def question(self, question: str) -> Tensor:
        """Return z_q, shape (D,)."""

    def remark(self, questions: Sequence[str]) -> str | None:
        """As `FrameScorer.remark`."""


class SimilarityScorer:
    """Cosine similarity of each frame's embedding and the question's."""

    def __init__(self, embedder: Embedder) -> None:
        self.embedder = embedder
        self._last: tuple[Frames, Tensor] | None = None

    @property
    def id(self) -> str:
        """The embedder's."""
        return self.embedder.id

    def scores(self, frames: Frames, question: str) -> Scores:
        """Return s_f of every frame, in -1..1; a vector of length 0 has no direction and gives NaN."""
        with undisturbed(self.embedder.model), torch.no_grad():
            z_FD = self._frames(frames)
            z_D = _direction(self.embedder.question(question))
        scores: Scores = (z_FD @ z_D).numpy().astype(np.float64)
        return scores

    def remark(self, questions: Sequence[str]) -> str | None:
        """Return the embedder's remark."""
        return self.embedder.remark(questions)

    def _frames(self, frames: Frames) -> Tensor:
        """Return the directions of the frames' embeddings; a video's further questions find them here."""
        if self._last is None or self._last[0] is not frames:
            self._last = (frames, _direction(self.embedder.frames(frames)))
        return self._last[1]


def mean_token_embedding(model: Any, tokenizer: Any, question: str) -> Tensor:
    """Return the mean of the language model's embeddings of the question's tokens, shape (D,).

    The bare question: no chat template and no special tokens.
    """
    ids_L = tokenizer(question, add_special_tokens=False, return_tensors="pt")["input_ids"][0]
    embeddings_LD = model.get_input_embeddings()(ids_L.long().to(model.device))
    mean_D: Tensor = embeddings_LD.float().mean(dim=0)
    return mean_D


def _direction(vectors: Tensor) -> Tensor:
    doubles = vectors.double().cpu()
    directions: Tensor = doubles / doubles.norm(dim=-1, keepdim=True)
    return directions
