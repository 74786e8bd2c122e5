"""Features of pictures by DINO, which tell whether two frames show the same scene.

Shapes: T frames, D the model's width.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoImageProcessor, AutoModel

from retroflip.errors import UsageError
from retroflip.models.checkpoint import UNLOADABLE, load_whole, reason
from retroflip.video.frames import Pixels

KINDS = ("dinov2", "dinov2_with_registers", "dinov3_vit")
"""model types whose first token stands for the whole picture"""


class Dino:
    """The class token of each picture."""

    def __init__(self, model: Any, processor: Any) -> None:
        self.model = model
        self.processor = processor

    def features(self, pixels_TCHW: Pixels) -> NDArray[np.float32]:
        """Return (T, D)."""
        inputs = self.processor(
            images=list(torch.from_numpy(pixels_TCHW)),
            input_data_format="channels_first",
            return_tensors="pt",
        )
        with torch.inference_mode():
            states_TLD = self.model(inputs["pixel_values"].to(self.model.device)).last_hidden_state
        found: NDArray[np.float32] = states_TLD[:, 0].float().cpu().numpy()
        return found


def load_dino(name: str, *, revision: str | None = None) -> Dino:
    """Load DINO from safetensors: a hub name or a directory. Raises UsageError where that is no such model."""
    try:
        model = load_whole(AutoModel, name, dtype=torch.float32, revision=revision)
        processor = AutoImageProcessor.from_pretrained(
            name, revision=revision or "main", trust_remote_code=False
        )
    except UNLOADABLE as error:
        raise UsageError(f"The model {name!r} cannot be loaded: {reason(error)}") from error
    if model.config.model_type not in KINDS:
        raise UsageError(
            f"{name!r} is a model of type {model.config.model_type!r}, and DINO is wanted: {', '.join(KINDS)}. Name "
            "another one, such as facebook/dinov2-base."
        )
    return Dino(model, processor)
