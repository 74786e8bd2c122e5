"""From a scorer's name to the scorer, with a checkpoint of its own where it has one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

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
from retroflip.models.checkpoint import UNLOADABLE, load_whole, reason, require_whole
from retroflip.models.scorers import llava_onevision, siglip2
from retroflip.models.scorers.base import FrameScorer
from retroflip.models.scorers.gradient import GradientScorer
from retroflip.models.scorers.policy import PolicyEmbedder
from retroflip.models.scorers.similarity import Embedder, SimilarityScorer


class Own(NamedTuple):
    """A scorer with a model of its own: how that is loaded, what it may be, where it is by default, what asks it."""

    loader: Any
    kinds: tuple[type, ...]
    checkpoint: str
    embedder: Callable[[Any, Any], Embedder]


OWN = {
    "llava_onevision": Own(
        AutoModelForImageTextToText,
        (LlavaOnevisionForConditionalGeneration,),
        llava_onevision.CHECKPOINT,
        llava_onevision.LlavaOnevisionEmbedder,
    ),
    "siglip2": Own(AutoModel, (SiglipModel, Siglip2Model), siglip2.CHECKPOINT, siglip2.Siglip2Embedder),
}


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
        case _ if name in OWN:
            own = OWN[name]
            model, preparer = _load(name, own, path or own.checkpoint, revision)
            return SimilarityScorer(own.embedder(model.to(place), preparer))
    raise UsageError(
        f"There is no frame scorer {name!r}: choose policy, llava_onevision, siglip2 or gradient as scorer.name."
    )


def require_checkpoint(name: str, *, path: str | None, revision: str | None) -> None:
    """Raise UsageError where a scorer's checkpoint is on this machine and not whole, or is a directory that is not."""
    if name not in OWN:
        return
    where = path or OWN[name].checkpoint
    if where.startswith((".", "/", "~")) and not Path(where).is_dir():
        raise _unusable(name, where, "could not be loaded: there is no such directory.")
    try:
        require_whole(OWN[name].loader, where, revision=revision, local=True)
    except UNLOADABLE as error:
        raise _unusable(name, where, f"could not be loaded: {reason(error)}") from error


def _load(name: str, own: Own, path: str, revision: str | None) -> tuple[Any, Any]:
    """Return (model, processor) of a checkpoint, in its own dtype, from safetensors, running none of its code."""
    try:
        model = load_whole(own.loader, path, dtype="auto", revision=revision)
        processor = AutoProcessor.from_pretrained(path, revision=revision or "main", trust_remote_code=False)
    except UNLOADABLE as error:
        raise _unusable(name, path, f"could not be loaded: {reason(error)}") from error
    if not isinstance(model, own.kinds):
        raise _unusable(name, path, f"holds a {type(model).__name__}.")
    return model, processor


def _unusable(name: str, path: str, fault: str) -> UsageError:
    return UsageError(
        f"The checkpoint {path!r} of the frame scorer {name} {fault} Set scorer.path to a checkpoint of this kind (a "
        "name on the Hugging Face hub, or a directory), or scorer.name to policy, which needs none."
    )
