"""From a scorer's name to the scorer, with a checkpoint of its own where it has one."""

from typing import Any

import torch
from transformers import (
    AutoModel,
    AutoModelForImageTextToText,
    AutoProcessor,
    LlavaOnevisionForConditionalGeneration,
    Siglip2Model,
    SiglipModel,
)

from retroflip.errors import UsageError
from retroflip.models.checkpoint import UNLOADABLE, load_whole, reason
from retroflip.models.scorers import llava_onevision, siglip2
from retroflip.models.scorers.base import FrameScorer
from retroflip.models.scorers.gradient import GradientScorer
from retroflip.models.scorers.policy import PolicyEmbedder
from retroflip.models.scorers.similarity import SimilarityScorer


def build(
    name: str,
    *,
    path: str | None,
    revision: str | None,
    policy: Any,
    processor: Any,
    device: torch.device | str | None = None,
) -> FrameScorer:
    """Return a scorer by its name in recipes.

    path, revision: its checkpoint; None for the default one. policy, processor: the model that is trained, with its
    start weights; it is used where it is. device: where a scorer's own model goes, by default to the policy's.

    Raises UsageError where the scorer's checkpoint cannot be loaded or is another model's, and for an unknown name.
    """
    place = policy.device if device is None else device
    match name:
        case "policy":
            return SimilarityScorer(PolicyEmbedder(policy, processor))
        case "gradient":
            return GradientScorer(policy, processor)
        case "llava_onevision":
            kinds: tuple[type, ...] = (LlavaOnevisionForConditionalGeneration,)
            own = _load(
                name, AutoModelForImageTextToText, kinds, path or llava_onevision.CHECKPOINT, revision
            )
            return SimilarityScorer(llava_onevision.LlavaOnevisionEmbedder(own[0].to(place), own[1]))
        case "siglip2":
            own = _load(name, AutoModel, (SiglipModel, Siglip2Model), path or siglip2.CHECKPOINT, revision)
            return SimilarityScorer(siglip2.Siglip2Embedder(own[0].to(place), own[1]))
    raise UsageError(
        f"There is no frame scorer {name!r}: choose policy, llava_onevision, siglip2 or gradient as scorer.name."
    )


def _load(
    name: str, loader: Any, kinds: tuple[type, ...], path: str, revision: str | None
) -> tuple[Any, Any]:
    """Return (model, processor) of a checkpoint, in its own dtype, from safetensors, running none of its code."""
    try:
        model = load_whole(loader, path, dtype="auto", revision=revision)
        processor = AutoProcessor.from_pretrained(path, revision=revision or "main", trust_remote_code=False)
    except UNLOADABLE as error:
        raise _unusable(name, path, f"could not be loaded: {reason(error)}") from error
    if not isinstance(model, kinds):
        raise _unusable(name, path, f"holds a {type(model).__name__}.")
    return model, processor


def _unusable(name: str, path: str, fault: str) -> UsageError:
    return UsageError(
        f"The checkpoint {path!r} of the frame scorer {name} {fault} Set scorer.path to a checkpoint of this kind (a "
        "name on the Hugging Face hub, or a directory), or scorer.name to policy, which needs none."
    )
