"""Load a model and its processor: the embedded tiny one, a Hugging Face name, or a local directory."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor

from retroflip.data.manifest import MANIFEST_NAME, build_manifest, files_below, first_changed, write_manifest
from retroflip.errors import UsageError
from retroflip.models import tiny
from retroflip.models.checkpoint import UNLOADABLE, load_whole, reason, require_whole
from retroflip.models.families import require_known
from retroflip.models.templates import use_released_form

TRAINED_FILE = "retroflip.json"
CARD_FILE = "README.md"
"""what a model's folder holds about the model: its manifest lists neither, for both may be changed or deleted"""

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def locate(name: str) -> str:
    """Return what transformers loads for `name`: the packaged directory for 'retroflip-tiny', else the name itself."""
    return str(tiny.WEIGHTS) if name == tiny.NAME else name


def load_model(
    name: str, *, dtype: str = "float32", revision: str | None = None, any_family: bool = False
) -> Any:
    """Load a video language model from safetensors; code from the model's repository is never run.

    any_family: take models of families that retroflip does not know too.

    Raises UsageError, naming the cause, when there is no such model, it is not a video language model, or its weights
    are not those that its configuration describes or no numbers.
    """
    _check_files(name)
    try:
        model = load_whole(AutoModelForImageTextToText, locate(name), dtype=DTYPES[dtype], revision=revision)
    except UNLOADABLE as error:
        raise _not_loaded(name, error) from error
    if not any_family:
        require_known(model, name)
        _require_full_attention(model, name)
    return model


def describe_model(name: str, *, revision: str | None = None) -> Any:
    """Return a model's configuration; no weight is read or fetched.

    Raises UsageError as `load_model` does, for weights as well where they are on this machine.
    """
    try:
        require_whole(AutoModelForImageTextToText, locate(name), revision=revision, local=True)
    except UNLOADABLE as error:
        raise _not_loaded(name, error) from error
    return _config_of(name, revision)


def tokens_at_most(name: str, *, revision: str | None = None) -> int:
    """Return how many tokens a model takes, by its configuration. Raises UsageError where it has none."""
    longest: int = _config_of(name, revision).get_text_config().max_position_embeddings
    return longest


def _config_of(name: str, revision: str | None) -> Any:
    try:
        return AutoConfig.from_pretrained(locate(name), revision=revision or "main", trust_remote_code=False)
    except UNLOADABLE as error:
        raise _not_loaded(name, error) from error


def _require_full_attention(model: Any, name: str) -> None:
    """Raise UsageError where a layer of the language model mixes tokens otherwise than under a mask."""
    layers = getattr(model.config.get_text_config(), "layer_types", None) or []
    others = sorted(set(layers) - {"full_attention"})
    if others:
        raise UsageError(
            f"{name!r} has layers of another kind than full attention ({', '.join(others)}), and retroflip packs "
            "rollouts behind one prompt, which only full attention keeps apart. Name another model."
        )


def _check_files(name: str) -> None:
    """Raise UsageError where a model's folder has a manifest and a file is not the one that it lists."""
    folder = Path(locate(name))
    bad = first_changed(folder) if folder.is_dir() else None
    if bad is None:
        return
    if name == tiny.NAME:
        raise UsageError(
            f"The embedded model is damaged: {bad} is missing or not the file that was shipped. Install "
            "retroflip again, or make the model again with `retroflip tiny build`."
        )
    raise UsageError(
        f"The model in {folder} is damaged: {bad} is missing or not the file that was written. Restore it; "
        f"or, if it was changed on purpose, delete {folder / MANIFEST_NAME}, and the model is taken as it is."
    )


def load_processor(name: str, *, revision: str | None = None, any_family: bool = False) -> Any:
    """Load the processor that belongs to a model (tokenizer, video processor, chat template in the release's form).

    any_family: take it as it is, of whatever family and whether or not it takes videos.
    """
    _check_files(name)
    try:
        processor = AutoProcessor.from_pretrained(
            locate(name), revision=revision or "main", padding_side="left", trust_remote_code=False
        )
    except UNLOADABLE as error:
        raise _not_loaded(name, error) from error
    if any_family:
        return processor
    if getattr(processor, "video_processor", None) is None:
        raise UsageError(
            f"The processor of {name!r} does not take videos. Name a video language model or 'retroflip-tiny'."
        )
    use_released_form(processor)
    return processor


def save_model(
    model: Any, processor: Any, folder: Path, weights: Mapping[str, torch.Tensor] | None = None
) -> None:
    """Write a model as safetensors, with its processor, so that `load_model` and `from_pretrained` read it back.

    weights: those to write in place of the model's own, which may be spread over processes or stand beside adapters.
    """
    model.config.use_cache = True  # trainers switch it off, and whoever generates with the model wants it on
    if weights is not None:
        # Gathered from several processes, a weight with two names is there twice.
        weights = {
            name: values for name, values in weights.items() if name not in model.all_tied_weights_keys
        }
    model.save_pretrained(folder, state_dict=weights)
    processor.save_pretrained(folder)
    listed = [name for name in files_below(folder) if name not in (TRAINED_FILE, CARD_FILE)]
    write_manifest(folder / MANIFEST_NAME, build_manifest(folder, listed))


def _not_loaded(name: str, error: Exception) -> UsageError:
    kind = "directory" if Path(name).exists() else "name"
    if (inside := Path(name) / "model").is_dir():
        return UsageError(f"{name} is a run's folder. Name its model: {inside}.")
    return UsageError(
        f"The model {name!r} could not be loaded from that {kind}: {reason(error)} Name 'retroflip-tiny', a model on "
        "the Hugging Face hub such as 'Qwen/Qwen3-VL-4B-Instruct', or a directory that `save_pretrained` wrote."
    )
