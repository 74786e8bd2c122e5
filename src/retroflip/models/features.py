"""The vision tower's output, computed once per video or image and handed to every pass that needs it.

Shapes: P patches, N visual tokens of one video or image after merging, D the language model's width.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from retroflip.errors import BlindnessError, UsageError
from retroflip.models.encoding import Prompt

KINDS = ("image", "video")
"""the keys of `mm_encoder_outputs`"""


@dataclass(frozen=True)
class VisualFeatures:
    """One video's or image's features: what replaces its placeholders, and Qwen3-VL's additions to the first layers."""

    pooled_ND: Tensor
    deepstack_ND: tuple[Tensor, ...] = ()
    is_image: bool = False

    @property
    def kind(self) -> str:
        """Which of KINDS they belong to."""
        return "image" if self.is_image else "video"


@dataclass(frozen=True)
class _EncoderOutput:
    """What the models read from `mm_encoder_outputs["video"]` or `["image"]`, by the names that they read it by.

    pooler_output: one (N, D) per video. deepstack_features: for each of Qwen3-VL's layers, one (N, D) per video.
    """

    pooler_output: tuple[Tensor, ...]
    deepstack_features: list[tuple[Tensor, ...]]


def takes_features(model: Any) -> bool:
    """Return whether a model's public forward takes features that were computed before (`mm_encoder_outputs`)."""
    return "mm_encoder_outputs" in inspect.signature(model.forward).parameters


def require_features(model: Any, name: str) -> None:
    """Raise UsageError where a model, called `name` by the user, cannot be given features computed before."""
    if not takes_features(model):
        raise UsageError(
            f"{name!r} is a {type(model).__name__}, whose forward pass does not take a vision tower's finished output "
            "(mm_encoder_outputs), and retroflip computes it once for all passes. Name a model of the Qwen-VL family "
            "(Qwen2-VL, Qwen2.5-VL, Qwen3-VL)."
        )


def encode_visuals(model: Any, prompts: Sequence[Prompt]) -> list[VisualFeatures | None]:
    """Run the vision tower once over all videos and once over all images; None for a prompt of text alone."""
    videos = iter(_encode(model.get_video_features, model.device, [p for p in prompts if not p.is_image]))
    images = iter(_encode(model.get_image_features, model.device, [p for p in prompts if p.is_image]))
    return [
        None if prompt.pixels_PD is None else next(images if prompt.is_image else videos)
        for prompt in prompts
    ]


def kinds_seen(prompts: Sequence[Prompt]) -> set[str]:
    """Return which of KINDS these prompts hold."""
    return {"image" if p.is_image else "video" for p in prompts if p.pixels_PD is not None}


def run_idle(model: Any, kinds: Sequence[str]) -> Tensor:
    """Run the vision tower on a black patch of each of these kinds, and return 0, which depends on all of its weights.

    A tower whose weights are sharded over processes runs on all of them or on none: one without a video of its own must
    take part in the others' run.
    """
    vision = model.config.vision_config
    side = vision.spatial_merge_size
    width = vision.in_channels * vision.temporal_patch_size * vision.patch_size**2
    pixels = torch.zeros(side * side, width, device=model.device)
    grid = torch.tensor([[1, side, side]], device=model.device)
    total = torch.zeros((), device=model.device)
    for kind in kinds:
        run = model.get_image_features if kind == "image" else model.get_video_features
        output = run(pixels, grid, return_dict=True)
        layers = getattr(output, "deepstack_features", None) or []
        for features in [*output.pooler_output, *(one for layer in layers for one in layer)]:
            total = total + 0.0 * features.sum()
    return total


def _encode(run: Callable[..., Any], device: torch.device, prompts: Sequence[Prompt]) -> list[VisualFeatures]:
    """Return the features of those prompts, all of one kind, that have something to see."""
    pixels = [prompt.pixels_PD for prompt in prompts if prompt.pixels_PD is not None]
    grids = [prompt.grid_thw for prompt in prompts if prompt.grid_thw is not None]
    if not pixels:
        return []
    output = run(torch.cat(pixels).to(device), torch.cat(grids).to(device), return_dict=True)
    layers = getattr(output, "deepstack_features", None) or []
    return [
        VisualFeatures(pooled, tuple(layer[index] for layer in layers), prompts[0].is_image)
        for index, pooled in enumerate(output.pooler_output)
    ]


def encoder_outputs(features: Sequence[VisualFeatures | None]) -> dict[str, Any] | None:
    """Return the model's `mm_encoder_outputs` for rows whose videos and images have these features, in the rows' order.

    None where nothing is seen at all. Models do not change it unless they are given pixels as well.
    """
    outputs: dict[str, Any] = {}
    for kind in KINDS:
        present = [one for one in features if one is not None and one.kind == kind]
        if present:
            layers = [tuple(layer) for layer in zip(*(one.deepstack_ND for one in present), strict=True)]
            outputs[kind] = _EncoderOutput(tuple(one.pooled_ND for one in present), layers)
    return outputs or None


def sighted_inputs(
    model: Any, input_ids: Tensor, features: Sequence[VisualFeatures | None]
) -> dict[str, dict[str, Any] | None]:
    """Return the keyword argument that gives a forward pass over `input_ids` its videos and images.

    A model given no features runs on its placeholders' embeddings without a word, so the count is checked here.
    Raises BlindnessError unless the number of placeholder tokens of each kind equals the number of its features.
    """
    outputs = encoder_outputs(features)
    for kind, token in zip(KINDS, (model.config.image_token_id, model.config.video_token_id), strict=True):
        given = (
            sum(len(pooled) for pooled in outputs[kind].pooler_output) if outputs and kind in outputs else 0
        )
        placeholders = int((input_ids == token).sum())
        if placeholders != given:
            raise BlindnessError(
                f"A forward pass has {placeholders} {kind} placeholder tokens and {given} visual features for them: it "
                f"would run without (part of) its {kind}. This is a defect of retroflip or of the model's processor; "
                "nothing was trained."
            )
    return {"mm_encoder_outputs": outputs}
