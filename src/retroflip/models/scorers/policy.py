"""The policy's own embeddings (STRIVE, table 4: the best scorer): Qwen2-VL, Qwen2.5-VL, Qwen3-VL.

Shapes: F frames, P patches of one frame, D the language model's width.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from retroflip.models.scorers.base import scorer_id
from retroflip.models.scorers.similarity import mean_token_embedding
from retroflip.video.frames import Frames

PATCHES_PER_PASS = 16_384
"""how many patches the vision tower takes at once: frames of any size use about the same memory"""


class PolicyEmbedder:
    """z_f: vision tower and projector on the frame as a still video, averaged over space. z_q: mean token embedding.

    These models see a video in steps of two frames. Each frame is shown as a step of its own, twice the same picture,
    which is also how they see an image; no other frame takes part in it. The video processor gives all steps the size
    that a video of so many steps has, so scoring costs no more patches than one video of twice the frames.
    """

    def __init__(self, model: Any, processor: Any, patches_per_pass: int = PATCHES_PER_PASS) -> None:
        self.model = model
        self.processor = processor
        self.patches_per_pass = patches_per_pass
        self.id = scorer_id("policy", model, processor.video_processor)

    def frames(self, frames: Frames) -> Tensor:
        """Return (F, D), float32."""
        twice = np.repeat(frames.pixels_TCHW, self.processor.video_processor.temporal_patch_size, axis=0)
        encoded = self.processor.video_processor(
            videos=[torch.from_numpy(twice)], do_sample_frames=False, return_tensors="pt"
        )
        grid = encoded["video_grid_thw"][0].tolist()
        pixels_FPD = encoded["pixel_values_videos"].view(len(frames), grid[1] * grid[2], -1)
        at_once = max(1, self.patches_per_pass // pixels_FPD.shape[1])
        return torch.cat([self._stills(part, grid) for part in pixels_FPD.split(at_once)])

    def _stills(self, pixels_FPD: Tensor, grid: Sequence[int]) -> Tensor:
        """Encode frames as videos of one step each, so that even attention over time could not mix them."""
        device = self.model.device
        grids = torch.tensor([[1, grid[1], grid[2]]] * len(pixels_FPD), device=device)
        pixels_PD = pixels_FPD.flatten(0, 1).to(device)
        output = self.model.get_video_features(pixels_PD, grids, return_dict=True)
        return torch.stack([features.float().mean(dim=0) for features in output.pooler_output])

    def question(self, question: str) -> Tensor:
        """Return (D,), float32."""
        return mean_token_embedding(self.model, self.processor.tokenizer, question)

    def remark(self, questions: Sequence[str]) -> str | None:  # noqa: ARG002 - the protocol's
        """Return nothing: questions of any length are read whole."""
        return None
