"""Load a model and its processor: the embedded tiny one, a Hugging Face name, or a local directory."""

from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForImageTextToText, AutoProcessor

from retroflip.errors import UsageError
from retroflip.models import tiny

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def locate(name: str) -> str:
    """Return what transformers loads for `name`: the packaged directory for 'retroflip-tiny', else the name itself."""
    return str(tiny.WEIGHTS) if name == tiny.NAME else name


def load_model(name: str, *, dtype: str = "float32", revision: str | None = None) -> Any:
    """Load a video language model from safetensors; code from the model's repository is never run.

    Raises UsageError, naming the cause, when there is no such model or it is not a video language model.
    """
    try:
        return AutoModelForImageTextToText.from_pretrained(
            locate(name),
            dtype=DTYPES[dtype],
            revision=revision or "main",
            use_safetensors=True,
            trust_remote_code=False,
        )
    except (OSError, ValueError) as error:
        raise _not_loaded(name, error) from error


def load_processor(name: str, *, revision: str | None = None) -> Any:
    """Load the processor that belongs to a model (tokenizer, chat template, video processor)."""
    try:
        processor = AutoProcessor.from_pretrained(
            locate(name), revision=revision or "main", padding_side="left", trust_remote_code=False
        )
    except (OSError, ValueError) as error:
        raise _not_loaded(name, error) from error
    if getattr(processor, "video_processor", None) is None:
        raise UsageError(
            f"The processor of {name!r} does not take videos. Name a Qwen-VL model or 'retroflip-tiny'."
        )
    return processor


def save_model(model: Any, processor: Any, folder: Path) -> None:
    """Write a model as safetensors, with its processor, so that `load_model` and `from_pretrained` read it back."""
    model.config.use_cache = True  # trainers switch it off, and whoever generates with the model wants it on
    model.save_pretrained(folder)
    processor.save_pretrained(folder)


def _not_loaded(name: str, error: Exception) -> UsageError:
    kind = "directory" if Path(name).exists() else "name"
    first_line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return UsageError(
        f"The model {name!r} could not be loaded from that {kind}: {first_line} Name 'retroflip-tiny', a model on the "
        "Hugging Face hub such as 'Qwen/Qwen3-VL-4B-Instruct', or a directory that `save_pretrained` wrote."
    )
