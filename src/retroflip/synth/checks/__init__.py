"""One checker a kind: the answer found again from a video's metadata alone, without the kind's own code.

A checker's module is called as its kind is, holds `answer(metadata) -> str`, and imports nothing of `retroflip.synth`.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

Checker = Callable[[Mapping[str, Any]], str]


def recomputed_answer(kind: str, metadata: Mapping[str, Any]) -> str:
    """Return the answer that `metadata` gives to its question by the rules of `kind`, a registered name."""
    checker: Checker = import_module(f"{__name__}.{kind}").answer
    return checker(metadata)
