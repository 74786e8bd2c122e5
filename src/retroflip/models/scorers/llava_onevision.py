"""LLaVA-OneVision's embeddings: the papers' small scorer that reads long questions whole (ST-GRPO, section 4).

Shapes: F frames, N patches of one frame, D the language model's width.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from retroflip.models.scorers.base import scorer_id
from retroflip.models.scorers.similarity import mean_token_embedding
from retroflip.video.frames import Frames

CHECKPOINT = "llava-hf/llava-onevision-qwen2-0.5b-ov-hf"
FRAMES_PER_PASS = 32


class LlavaOnevisionEmbedder:
    """z_f = Pool(Proj(VisionEncoder(frame))), Pool the mean over space; z_q the mean token embedding.

    Frames are prepared as this model's video frames are, each resized to the tower's square. The mean is taken over
    all projected patches, as the equation says, and not over those that the model interpolates for long videos.
    """

    def __init__(self, model: Any, processor: Any, frames_per_pass: int = FRAMES_PER_PASS) -> None:
        self.model = model
        self.processor = processor
        self.frames_per_pass = frames_per_pass
        self.id = scorer_id("llava_onevision", model, processor.video_processor)

    def frames(self, frames: Frames) -> Tensor:
        """Return (F, D), float32."""
        pixels_FCHW = self.processor.video_processor(
            videos=[torch.from_numpy(frames.pixels_TCHW)], do_sample_frames=False, return_tensors="pt"
        )["pixel_values_videos"][0]
        return torch.cat([self._projected(part) for part in pixels_FCHW.split(self.frames_per_pass)])

    def _projected(self, pixels_FCHW: Tensor) -> Tensor:
        config, inner = self.model.config, self.model.model
        pixels = pixels_FCHW.to(self.model.device, self.model.dtype)
        states = inner.vision_tower(pixels, output_hidden_states=True, return_dict=True).hidden_states
        layers = config.vision_feature_layer
        chosen = [layers] if isinstance(layers, int) else layers
        states_FND = torch.cat([states[layer] for layer in chosen], dim=-1)
        if config.vision_feature_select_strategy == "default":
            states_FND = states_FND[:, 1:]  # without the class token
        features_FND: Tensor = inner.multi_modal_projector(states_FND)
        return features_FND.float().mean(dim=1)

    def question(self, question: str) -> Tensor:
        """Return (D,), float32."""
        return mean_token_embedding(self.model, self.processor.tokenizer, question)

    def remark(self, questions: Sequence[str]) -> str | None:  # noqa: ARG002 - the protocol's
        """Return nothing: questions of any length are read whole."""
        return None
