"""The vision tower's output, computed once per video or image and handed to every pass that needs it.

Shapes: P patches, N visual tokens of one video or image after merging, D the language model's width.
"""

import inspect
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor

from retroflip import processes
from retroflip.errors import BlindnessError, UsageError
from retroflip.models.encoding import Prompt, visual_inputs

KINDS = ("image", "video")
"""the keys of `mm_encoder_outputs`"""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Finished:
    """One video's or image's features: what replaces its placeholders, and Qwen3-VL's additions to the first layers."""

    pooled_ND: Tensor
    deepstack_ND: tuple[Tensor, ...] = ()
    is_image: bool = False

    @property
    def kind(self) -> str:
        """Which of KINDS they belong to."""
        return "image" if self.is_image else "video"


@dataclass(frozen=True)
class Pixels:
    """The prompt of one video or image for a model whose forward takes no finished features."""

    prompt: Prompt


VisualFeatures: TypeAlias = Finished | Pixels
"""what passes are given of one video or image: the same for all prompts of a model"""


@dataclass(frozen=True)
class _EncoderOutput:
    """What the models read from `mm_encoder_outputs["video"]` or `["image"]`, by the names that they read it by.

    pooler_output: one (N, D) per video. deepstack_features: for each of Qwen3-VL's layers, one (N, D) per video.
    """

    pooler_output: tuple[Tensor, ...]
    deepstack_features: list[tuple[Tensor, ...]]


def takes_features(model: Any) -> bool:
    """Return whether a model's public forward takes features that were computed before (`mm_encoder_outputs`)."""
    return "mm_encoder_outputs" in inspect.signature(type(model).forward).parameters


def announce_repeats(model: Any, *, sharded: bool) -> None:
    """Warn where the vision tower of a model that is to be trained runs in every pass, because it takes no features.

    Raises UsageError where its weights are sharded over processes as well: they would have to run the tower in step,
    also those whose passes hold texts alone.
    """
    if takes_features(model):
        return
    name = type(model).__name__
    if sharded:
        raise UsageError(
            f"The forward pass of {name} does not take a vision tower's finished output (mm_encoder_outputs), and "
            "processes that share one model's weights (FSDP, DeepSpeed) cannot keep step without. Start with "
            "recipes/accelerate/ddp.yaml, or name a model whose class takes it."
        )
    if processes.is_main():
        _log.warning(
            "The forward pass of %s does not take a vision tower's finished output (mm_encoder_outputs), so it gets "
            "the pixels: the numbers are the same, but the tower runs again on every video and image in each pass "
            "(rollouts, old policy, reference, policy) instead of once. vision/runs_per_branch in the metrics counts "
            "how often.",
            name,
        )


def encode_visuals(model: Any, prompts: Sequence[Prompt]) -> list[VisualFeatures | None]:
    """Run the vision tower once over all videos and once over all images; None for a prompt of text alone.

    A model that takes no finished features gets pixels, and its tower runs in the passes.
    """
    if not takes_features(model):
        return [None if prompt.pixels_PD is None else Pixels(prompt) for prompt in prompts]
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


def _encode(run: Callable[..., Any], device: torch.device, prompts: Sequence[Prompt]) -> list[Finished]:
    """Return the features of those prompts, all of one kind, that have something to see."""
    pixels = [prompt.pixels_PD for prompt in prompts if prompt.pixels_PD is not None]
    grids = [prompt.grid_thw for prompt in prompts if prompt.grid_thw is not None]
    if not pixels:
        return []
    output = run(torch.cat(pixels).to(device), torch.cat(grids).to(device), return_dict=True)
    pooled = _of_prompts(output.pooler_output, grids)
    layers = [_of_prompts(layer, grids) for layer in getattr(output, "deepstack_features", None) or []]
    return [
        Finished(one, tuple(layer[index] for layer in layers), prompts[0].is_image)
        for index, one in enumerate(pooled)
    ]


def _of_prompts(features: Sequence[Tensor], grids: Sequence[Tensor]) -> list[Tensor]:
    """Return one (N, D) per prompt, from one for each of its grids."""
    each: Iterator[Tensor] = iter(features)
    return [torch.cat([next(each) for _ in grid]) if len(grid) > 1 else next(each) for grid in grids]


def encoder_outputs(features: Sequence[VisualFeatures | None]) -> dict[str, Any] | None:
    """Return the model's `mm_encoder_outputs` for rows whose videos and images have these features, in the rows' order.

    None where nothing is seen at all. Models do not change it unless they are given pixels as well.
    """
    outputs: dict[str, Any] = {}
    for kind in KINDS:
        present = [one for one in features if isinstance(one, Finished) and one.kind == kind]
        if present:
            layers = [tuple(layer) for layer in zip(*(one.deepstack_ND for one in present), strict=True)]
            outputs[kind] = _EncoderOutput(tuple(one.pooled_ND for one in present), layers)
    return outputs or None


def sighted_inputs(
    model: Any, input_ids: Tensor, features: Sequence[VisualFeatures | None]
) -> dict[str, Any]:
    """Return the keyword arguments that give a forward pass over `input_ids` its videos and images.

    A model given nothing to see runs on its placeholders' embeddings without a word, so the count is checked here.
    Raises BlindnessError unless the number of placeholder tokens of each kind equals the number of its features.
    """
    if takes_features(model):
        outputs = encoder_outputs(features)
        inputs: dict[str, Any] = {"mm_encoder_outputs": outputs}
        given = {kind: sum(len(one) for one in seen.pooler_output) for kind, seen in (outputs or {}).items()}
    else:
        shown = visual_inputs([one.prompt for one in features if isinstance(one, Pixels)])
        inputs = {name: tensor.to(model.device) for name, tensor in shown.items()}
        merged = model.config.vision_config.spatial_merge_size**2
        grids = {kind: shown.get(f"{kind}_grid_thw") for kind in KINDS}
        given = {kind: int(g.prod(-1).sum()) // merged for kind, g in grids.items() if g is not None}
    _require_equal(model, input_ids, given)
    return inputs


def _require_equal(model: Any, input_ids: Tensor, given: Mapping[str, int]) -> None:
    """Raise BlindnessError unless there are as many placeholders of each kind as features given for them."""
    for kind, token in zip(KINDS, (model.config.image_token_id, model.config.video_token_id), strict=True):
        placeholders = int((input_ids == token).sum())
        if placeholders != given.get(kind, 0):
            raise BlindnessError(
                f"A forward pass has {placeholders} {kind} placeholder tokens and {given.get(kind, 0)} visual features "
                f"for them: it would run without (part of) its {kind}. This is a defect of retroflip or of the model's "
                "processor; nothing was trained."
            )
