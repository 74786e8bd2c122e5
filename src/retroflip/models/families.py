"""The families of models that retroflip knows, and what their processors do not say of their prompts."""

import re
from dataclasses import dataclass
from typing import Any

from retroflip.errors import UsageError

MODEL_TYPES = ("qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_vl_moe", "glm4v", "glm46v")
"""`model_type` of the configurations whose models are known to be computed exactly"""
NAMES = "Qwen2-VL, Qwen2.5-VL, Qwen3-VL and GLM-4V (the model types glm4v and glm46v)"


@dataclass(frozen=True)
class Family:
    """How a family's prompts are written.

    time_stamp: what stands in the prompt for the time of every step of a video, None where times are not written.
    markers_per_step: markers stand around each step of a video, and none around the whole.
    moments_per_second: positions that a second takes where times are told by positions, as in the family's releases.
    steps_are_images: a step of a video is to the model an image like any other, with an image's placeholders.
    bounds_videos: the video processor's `size` bounds the pixels of all frames together, and not of each.
    turn_ends: tokens that end a response, besides the tokenizer's own.
    """

    time_stamp: re.Pattern[str] | None = None
    markers_per_step: bool = False
    moments_per_second: float | None = None
    steps_are_images: bool = False
    bounds_videos: bool = False
    turn_ends: tuple[str, ...] = ()


_GLM_ENDS = ("<|user|>", "<|observation|>")
"""GLM names whose turn is next"""
_OF_PROCESSOR = {
    "Qwen2VLProcessor": Family(),
    "Qwen2_5_VLProcessor": Family(moments_per_second=2),
    "Qwen3VLProcessor": Family(re.compile(r"<\d+\.\d seconds>"), markers_per_step=True, bounds_videos=True),
    "Glm4vProcessor": Family(
        re.compile(r"<\|end_of_image\|>\d+"), steps_are_images=True, bounds_videos=True, turn_ends=_GLM_ENDS
    ),
    "Glm46VProcessor": Family(
        re.compile(r"<\|end_of_image\|>\d+\.\d seconds"),
        steps_are_images=True,
        bounds_videos=True,
        turn_ends=_GLM_ENDS,
    ),
}


def family_of(processor: Any) -> Family:
    """Return the family whose processor this is. Raises UsageError where it is none that retroflip knows."""
    kind = type(processor).__name__
    if kind not in _OF_PROCESSOR:
        raise UsageError(
            f"A {kind} writes prompts that retroflip cannot check for what a video lost on its way. Name a model of a "
            f"family that it knows: {NAMES}."
        )
    return _OF_PROCESSOR[kind]


def require_known(model: Any, name: str) -> None:
    """Raise UsageError where a model, called `name` by the user, is of no family that retroflip knows."""
    if model.config.model_type not in MODEL_TYPES:
        raise UsageError(
            f"{name!r} is a {type(model).__name__}, and retroflip computes the positions and the vision tower's output "
            f"of a model's videos itself, which it can for these families: {NAMES}. Name a model of one of them."
        )
