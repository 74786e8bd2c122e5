"""Checkpoints that are what their configuration says, or are refused by the names of their tensors.

Names, shapes and types come from the headers of the safetensors files. transformers itself matches them to a model
without memory, so that older prefixes, tied and merged weights count as it counts them. All of this comes before a
model is built: a configuration that does not belong to the weights costs neither time nor memory.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError, safe_open
from torch import Tensor
from transformers import AutoConfig
from transformers.utils.hub import cached_file

from retroflip.models import processes

UNLOADABLE = (
    OSError,
    ValueError,
    SafetensorError,
    StrictDataclassError,
    ImportError,
    RuntimeError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
)
"""what reading a foreign checkpoint raises: transformers checks little of a configuration before it computes with it"""
WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
ADAPTERS = "adapter_config.json"
TYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
"""the types that weights may be stored in; others are quantised and mean nothing without their scales"""
DEPTHS = ("num_hidden_layers", "depth", "num_layers")
"""what configurations call the number of layers"""
NAMED = 5
"""how many tensors a message names"""


class CheckpointError(ValueError):
    """A checkpoint cannot be used; the message is a sentence on why."""


def load_whole(kind: Any, name: str, *, dtype: torch.dtype | str, revision: str | None) -> Any:
    """Return a model of one of transformers' auto classes, in evaluation mode, with all of its weights.

    name: a directory or a hub name. Code that comes with it is never run. Raises CheckpointError for tensors that are
    missing, unexpected, misshapen, quantised, NaN or infinite, or tied but different, and others of UNLOADABLE.
    """
    require_whole(kind, name, revision=revision)
    model = kind.from_pretrained(
        name, dtype=dtype, revision=revision or "main", use_safetensors=True, trust_remote_code=False
    )
    if processes.is_first_here():  # the others may be handed their weights later
        _require_tied(model)
        require_finite(model)
    return model


def reason(error: Exception) -> str:
    """Return one of UNLOADABLE as a sentence: its first line, and the next where that one ends in a colon."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    said = " ".join(lines[: 2 if lines[0].endswith(":") else 1]).rstrip(".")
    return f"{said}." if isinstance(error, (OSError, ValueError)) else f"{type(error).__name__}: {said}."


def require_whole(kind: Any, name: str, *, revision: str | None, local: bool = False) -> None:
    """Raise CheckpointError unless a checkpoint has the tensors of its model; no weight is read.

    local: whether to look only at what is on this machine, and at nothing where that is not the weights.
    """
    where = {"revision": revision or "main", "local_files_only": local}
    if Path(name, ADAPTERS).is_file():
        raise CheckpointError(
            f"it holds adapters ({ADAPTERS}), not a model; a run's merged model is one folder up."
        )
    stored = _stored(_files(name, where))
    if not stored:
        return
    config = AutoConfig.from_pretrained(name, trust_remote_code=False, **where)
    _require_depth(config, stored)
    with torch.device("meta"):
        of_config = type(kind.from_config(config))
    _, found = of_config.from_pretrained(
        None,
        config=config,
        state_dict=stored,
        device_map="meta",
        output_loading_info=True,
        ignore_mismatched_sizes=True,
    )
    _require_match(found)


def _files(name: str, where: Mapping[str, Any]) -> list[Path]:
    """Return a checkpoint's safetensors files; none where it has none, which transformers then says."""
    whole, index = (_found(name, file, where) for file in (WEIGHTS, INDEX))
    if whole is not None:
        return [whole]
    return [] if index is None else _shards(name, index, where)


def _found(name: str, file: str, where: Mapping[str, Any]) -> Path | None:
    """Return the path of a checkpoint's file, None where it has none."""
    quiet = ("missing_entries", "gated_repo", "connection_errors")
    path = cached_file(name, file, **where, **{f"_raise_exceptions_for_{one}": False for one in quiet})
    return None if path is None else Path(path)


def _shards(name: str, index: Path, where: Mapping[str, Any]) -> list[Path]:
    try:
        shards = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        outside = [shard for shard in shards if Path(shard).name != shard]
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{index} is no index of weights: it has no readable weight_map.") from error
    if outside:
        raise CheckpointError(f"{index} names {outside[0]!r}, which is no file beside it.")
    found = {shard: _found(name, shard, where) for shard in shards}
    if lost := [shard for shard, path in found.items() if path is None]:
        raise CheckpointError(f"{_listed(lost)}, which {INDEX} names, {_is_or_are(lost)} not there.")
    return [path for path in found.values() if path is not None]


def _stored(files: Sequence[Path]) -> dict[str, Tensor]:
    """Return tensors without memory, with the names, shapes and types of those in these files."""
    stored: dict[str, Tensor] = {}
    quantised = []
    for file in files:
        try:
            with safe_open(file, framework="pt") as opened:
                for key in opened.keys():  # noqa: SIM118 - it is no mapping
                    part = opened.get_slice(key)
                    if part.get_dtype() in TYPES:
                        type_ = TYPES[part.get_dtype()]
                        stored[key] = torch.empty(part.get_shape(), dtype=type_, device="meta")
                    else:
                        quantised.append(f"{key} ({part.get_dtype()})")
        except SafetensorError as error:
            raise CheckpointError(f"{file} is damaged or cut short: {error}.") from error
    if quantised:
        raise CheckpointError(f"it has tensors of other types than {', '.join(TYPES)}: {_listed(quantised)}.")
    return stored


def _require_depth(config: Any, stored: Iterable[str]) -> None:
    """Raise CheckpointError where a configuration has more layers than any tensor's name counts up to."""
    numbers = [int(number) for key in stored for number in re.findall(r"\.(\d+)\.", key)]
    most = max(numbers, default=-1) + 1
    for key, depth in _depths(config.to_dict()):
        if depth > most:
            raise CheckpointError(
                f"{key} is {depth} in its config.json, and its tensors belong to no more than {most} layers."
            )


def _depths(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, int]]:
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from _depths(value, f"{prefix}{key}.")
        elif key in DEPTHS and isinstance(value, int):
            yield f"{prefix}{key}", value


def _require_match(found: Mapping[str, Any]) -> None:
    """Raise CheckpointError for what transformers could not match."""
    shapes = [
        f"{key} {tuple(stored)} instead of {tuple(wanted)}"
        for key, stored, wanted in found["mismatched_keys"]
    ]
    wrong = {
        "missing": sorted(found["missing_keys"]),
        "unexpected": sorted(found["unexpected_keys"]),
        "of another shape": sorted(shapes),
    }
    parts = [
        f"{len(names)} {_is_or_are(names)} {what} ({_listed(names)})"
        for what, names in wrong.items()
        if names
    ]
    if parts:
        raise CheckpointError(
            f"its tensors are not those that its config.json describes: {', '.join(parts)}."
        )


def _require_tied(model: Any) -> None:
    """Raise CheckpointError where a weight that is another one's by the configuration has values of its own."""
    untied = [
        f"{name} and {other}"
        for name, other in model.get_expanded_tied_weights_keys(all_submodels=True).items()
        if model.get_parameter(name) is not model.get_parameter(other)
    ]
    if untied:
        raise CheckpointError(
            f"its config.json ties weights that it has different values for: {_listed(untied)}."
        )


def require_finite(model: Any) -> None:
    """Raise CheckpointError where a weight is NaN or infinite; the smallest and largest of each tensor tell it."""
    broken = [
        name
        for name, values in model.state_dict().items()
        if values.is_floating_point()
        and values.numel()
        and not torch.stack(values.aminmax()).isfinite().all()
    ]
    if broken:
        raise CheckpointError(f"it has weights that are NaN or infinite, in {_listed(sorted(broken))}.")


def weights_digest(model: Any) -> str:
    """Return the SHA-256 of a model's weights: a name or a path does not say what is in memory."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}"


def _is_or_are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"
