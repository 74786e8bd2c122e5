"""SigLIP 2's embeddings (STRIVE, table 4). Its text encoder reads 64 tokens and no more; the rest is lost.

Shapes: F frames, D the width of the common space.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from retroflip.models.scorers.base import scorer_id
from retroflip.video.frames import Frames

CHECKPOINT = "google/siglip2-so400m-patch14-384"
"""of a fixed size in pixels; checkpoints that keep a picture's proportions (NaFlex) work as well"""
FRAMES_PER_PASS = 32


class Siglip2Embedder:
    """z_f and z_q as the image and the text tower pool them."""

    def __init__(self, model: Any, processor: Any, frames_per_pass: int = FRAMES_PER_PASS) -> None:
        self.model = model
        self.processor = processor
        self.frames_per_pass = frames_per_pass
        self.length = int(model.config.text_config.max_position_embeddings)
        self.id = scorer_id("siglip2", model, processor.image_processor)

    def frames(self, frames: Frames) -> Tensor:
        """Return (F, D), float32."""
        inputs = self.processor.image_processor(
            images=list(torch.from_numpy(frames.pixels_TCHW)),
            input_data_format="channels_first",
            return_tensors="pt",
        )
        parts = []
        for first in range(0, len(frames), self.frames_per_pass):
            chosen = slice(first, first + self.frames_per_pass)
            part = {name: values[chosen].to(self.model.device) for name, values in inputs.items()}
            part["pixel_values"] = part["pixel_values"].to(self.model.dtype)
            parts.append(self.model.get_image_features(**part, return_dict=True).pooler_output.float())
        return torch.cat(parts)

    def question(self, question: str) -> Tensor:
        """Return (D,), float32.

        As it was trained (Tschannen et al. 2025, section 2): lower case, which published tokenizers leave to the
        caller, and padded on the right to full length, the padding read like any other token.
        """
        ids_RL = self.processor.tokenizer(
            [question.lower()],
            padding="max_length",
            padding_side="right",
            truncation=True,
            max_length=self.length,
            return_tensors="pt",
        )["input_ids"]
        output = self.model.get_text_features(input_ids=ids_RL.to(self.model.device), return_dict=True)
        pooled_D: Tensor = output.pooler_output[0]
        return pooled_D.float()

    def remark(self, questions: Sequence[str]) -> str | None:
        """Return how many of the questions are cut."""
        lengths = [
            len(self.processor.tokenizer(one.lower(), truncation=False)["input_ids"]) for one in questions
        ]
        cut = sum(length > self.length for length in lengths)
        if not cut:
            return None
        return (
            f"SigLIP 2 reads only the first {self.length} tokens of a question, and {cut} of {len(questions)} "
            "questions are longer; the scorer llava_onevision reads them whole"
        )
