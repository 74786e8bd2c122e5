"""Find the number of hits again from positions alone: an object that turns round has met a wall."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any


def answer(metadata: Mapping[str, Any]) -> str:
    """Return how often the object's course across turns away from the wall asked for."""
    asked = metadata["question"]["parameters"]
    outward = -1.0 if asked["wall"] == "left" else 1.0
    across = [outward * state["positions"][asked["object"]][0] for state in metadata["states"]]
    towards = [later > earlier for earlier, later in pairwise(across) if later != earlier]
    return str(sum(before and not after for before, after in pairwise(towards)))
