"""The vision tower's output, computed once per video and handed to every pass that needs it.

Shapes: N visual tokens of one video after merging, D the language model's width.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from retroflip.errors import BlindnessError
from retroflip.models.encoding import Prompt


@dataclass(frozen=True)
class VisualFeatures:
    """One video's features: what replaces its placeholders, and Qwen3-VL's additions to the first layers."""

    pooled_ND: Tensor
    deepstack_ND: tuple[Tensor, ...] = ()


@dataclass(frozen=True)
class _EncoderOutput:
    """What the models read from `mm_encoder_outputs["video"]`, by the names that they read it by.

    pooler_output: one (N, D) per video. deepstack_features: for each of Qwen3-VL's layers, one (N, D) per video.
    """

    pooler_output: tuple[Tensor, ...]
    deepstack_features: list[tuple[Tensor, ...]]


def encode_videos(model: Any, prompts: Sequence[Prompt]) -> list[VisualFeatures | None]:
    """Run the vision tower once over the videos of all prompts; None for a prompt without a video."""
    seeing = [prompt for prompt in prompts if prompt.pixels_PD is not None]
    if not seeing:
        return [None] * len(prompts)
    pixels = torch.cat([prompt.pixels_PD for prompt in seeing if prompt.pixels_PD is not None])
    grids = torch.cat([prompt.grid_thw for prompt in seeing if prompt.grid_thw is not None])
    output = model.get_video_features(pixels.to(model.device), grids.to(model.device), return_dict=True)
    layers = getattr(output, "deepstack_features", None) or []
    split = iter(
        VisualFeatures(pooled, tuple(layer[index] for layer in layers))
        for index, pooled in enumerate(output.pooler_output)
    )
    return [None if prompt.pixels_PD is None else next(split) for prompt in prompts]


def encoder_outputs(features: Sequence[VisualFeatures | None]) -> dict[str, Any] | None:
    """Return the model's `mm_encoder_outputs` for rows whose videos have these features, in the rows' order."""
    present = [video for video in features if video is not None]
    if not present:
        return None
    layers = [tuple(layer) for layer in zip(*(video.deepstack_ND for video in present), strict=True)]
    return {"video": _EncoderOutput(tuple(video.pooled_ND for video in present), layers)}


def sighted_inputs(
    model: Any, input_ids: Tensor, features: Sequence[VisualFeatures | None]
) -> dict[str, dict[str, Any] | None]:
    """Return the keyword argument that gives a forward pass over `input_ids` its videos.

    A model given no features runs on its placeholders' embeddings without a word, so the count is checked here.
    Raises BlindnessError unless the number of visual placeholder tokens equals the number of features.
    """
    outputs = encoder_outputs(features)
    given = 0 if outputs is None else sum(len(pooled) for pooled in outputs["video"].pooler_output)
    placeholders = int((input_ids == model.config.video_token_id).sum())
    if placeholders != given:
        raise BlindnessError(
            f"A forward pass has {placeholders} visual placeholder tokens and {given} visual features: it would run "
            "without (part of) its video. This is a defect of retroflip or of the model's processor; nothing was "
            "trained."
        )
    return {"mm_encoder_outputs": outputs}
