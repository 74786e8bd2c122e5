"""Engines by name. Each is a module of its own with a function `load(wanted) -> Loaded`."""

import importlib
from typing import cast

from retroflip.errors import UsageError
from retroflip.inference.base import Loaded, Wanted
from retroflip.models.families import MODEL_TYPES
from retroflip.models.loading import describe_model

ENGINES = {
    "ours": "retroflip.inference.ours",
    "transformers": "retroflip.inference.plain",
    "text": "retroflip.inference.texts",
    "vllm": "retroflip.inference.vllm_engine",
    "openai": "retroflip.inference.endpoint",
}
"""the modules, which are imported when they are asked for"""


def load_engine(wanted: Wanted, name: str | None = None) -> Loaded:
    """Return an engine: the one of this name, or the one that suits what is wanted.

    That is `openai` where there is an endpoint, `ours` for the families that retroflip knows, and else `transformers`.
    Raises UsageError for an unknown name, and for a model that the engine cannot load.
    """
    name = name or _suiting(wanted)
    require_known(name)
    if (name == "openai") != (wanted.endpoint is not None):
        raise UsageError(
            "The engine 'openai' and an address (--endpoint URL) belong together: the other engines run the model here."
        )
    return cast(Loaded, importlib.import_module(ENGINES[name]).load(wanted))


def require_known(name: str) -> None:
    """Raise UsageError for a name that is no engine's."""
    if name not in ENGINES:
        raise UsageError(f"There is no engine named {name!r}: choose from {', '.join(ENGINES)}.")


def _suiting(wanted: Wanted) -> str:
    if wanted.endpoint is not None:
        return "openai"
    known = describe_model(wanted.model, revision=wanted.revision).model_type in MODEL_TYPES
    return "ours" if known else "transformers"
