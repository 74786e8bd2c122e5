"""The vision tower's output, computed once per video or image and handed to every pass that needs it.

Shapes: P patches, N visual tokens of one video or image after merging, D the language model's width.
"""

import inspect
import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import Tensor, nn

from retroflip.errors import BlindnessError, UsageError
from retroflip.models import processes
from retroflip.models.encoding import Prompt, visual_inputs

KINDS = ("image", "video")
"""the keys of `mm_encoder_outputs`"""
RUN_BYTES = 2**30
"""what the vision tower's activations may take in one run; more videos and images are encoded in several. The same on
every machine, so that a run's numbers are"""

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


def require_features(model: Any) -> None:
    """Raise UsageError for a model that takes no features, where its weights are sharded over processes.

    They would have to run its tower in step, also those whose passes hold texts alone.
    """
    if not takes_features(model):
        raise UsageError(
            f"The forward pass of {type(model).__name__} does not take a vision tower's finished output "
            "(mm_encoder_outputs), and processes that share one model's weights (FSDP, DeepSpeed) cannot keep step "
            "without. Start with recipes/accelerate/ddp.yaml, or name a model whose class takes it."
        )


def announce_repeats(model: Any) -> None:
    """Warn where the vision tower of a model runs in every pass of a step, because it takes no features."""
    if not takes_features(model) and processes.is_main():
        _log.warning(
            "The forward pass of %s does not take a vision tower's finished output (mm_encoder_outputs), so it gets "
            "the pixels: the numbers are the same, but the tower runs again on every video and image in each pass "
            "(rollouts, old policy, reference, policy) instead of once. vision/runs_per_branch in the metrics counts "
            "how often.",
            type(model).__name__,
        )


class Run(NamedTuple):
    """What the vision tower encodes at once: prompts whose pixels are all of one kind."""

    kind: str
    prompts: list[Prompt]


def bytes_per_patch(visual: nn.Module) -> int:
    """Return what the activations of one block of a vision tower take for a patch: every linear layer's input and
    output, in the type of its weights."""
    block: Any = visual.blocks
    linear = [layer for layer in block[0].modules() if isinstance(layer, nn.Linear)]
    return sum((one.in_features + one.out_features) * one.weight.element_size() for one in linear)


def tower_runs(model: Any, prompts: Sequence[Prompt]) -> list[Run]:
    """Return the runs of the vision tower in which these prompts are encoded, first those over videos.

    A run holds whole videos or images, as many as RUN_BYTES allows and one at least. A model that takes no finished
    features encodes all of a kind in one.
    """
    most = RUN_BYTES // bytes_per_patch(model.model.visual) if takes_features(model) else math.inf
    runs: list[Run] = []
    for kind in ("video", "image"):
        room: float = 0
        for prompt in prompts:
            if prompt.pixels_PD is None or _kind(prompt) != kind:
                continue
            if not runs or runs[-1].kind != kind or room < len(prompt.pixels_PD):
                runs.append(Run(kind, []))
                room = most
            runs[-1].prompts.append(prompt)
            room -= len(prompt.pixels_PD)
    return runs


def encode_visuals(model: Any, prompts: Sequence[Prompt]) -> list[VisualFeatures | None]:
    """Run the vision tower once over every video and image, as `tower_runs` deals them out; None for a text alone.

    A model that takes no finished features gets pixels, and its tower runs in the passes.
    """
    if not takes_features(model):
        return [None if prompt.pixels_PD is None else Pixels(prompt) for prompt in prompts]
    encoded: dict[str, list[Finished]] = {kind: [] for kind in KINDS}
    for run in tower_runs(model, prompts):
        encoded[run.kind] += _encode(model, run)
    rest = {kind: iter(finished) for kind, finished in encoded.items()}
    return [None if prompt.pixels_PD is None else next(rest[_kind(prompt)]) for prompt in prompts]


def _kind(prompt: Prompt) -> str:
    return "image" if prompt.is_image else "video"


def encode_in_step(
    model: Any, prompts: Sequence[Prompt], idle: Callable[[int], int]
) -> list[VisualFeatures | None]:
    """Return what `encode_visuals` does and, behind it, features of no tokens from so many idle runs of the tower.

    A tower whose weights are sharded over processes runs on all of them equally often, forward and backward: one with
    fewer runs of its own adds runs on a black patch. What they give changes no number of the pass that takes it, and
    lets its backward pass reach all of the tower's weights. idle: told this process's runs, says how many it adds;
    asked before the first run, since processes that wait for one another's number cannot run the tower meanwhile.
    """
    added = idle(len(tower_runs(model, prompts)))
    return [*encode_visuals(model, prompts), *(_idle_visual(model) for _ in range(added))]


def _idle_visual(model: Any) -> Finished:
    vision = model.config.vision_config
    side = vision.spatial_merge_size
    width = vision.in_channels * vision.temporal_patch_size * vision.patch_size**2
    pixels = torch.zeros(side * side, width, device=model.device)
    grid = torch.tensor([[1, side, side]], device=model.device)
    output = model.get_image_features(pixels, grid, return_dict=True)
    layers = getattr(output, "deepstack_features", None) or []
    return Finished(output.pooler_output[0][:0], tuple(layer[0][:0] for layer in layers), is_image=True)


def _encode(model: Any, run: Run) -> list[Finished]:
    """Return the features of a run's prompts."""
    pixels = torch.cat([prompt.pixels_PD for prompt in run.prompts if prompt.pixels_PD is not None])
    grids = [prompt.grid_thw for prompt in run.prompts if prompt.grid_thw is not None]
    tower = model.get_image_features if run.kind == "image" else model.get_video_features
    output = tower(pixels.to(model.device), torch.cat(grids).to(model.device), return_dict=True)
    pooled = _of_prompts(output.pooler_output, grids)
    layers = [_of_prompts(layer, grids) for layer in getattr(output, "deepstack_features", None) or []]
    return [
        Finished(one, tuple(layer[index] for layer in layers), run.kind == "image")
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
