"""Find the order of changes again from the object's looks in snapshots alone."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

SIZES = {"large": "grows", "small": "shrinks"}


def answer(metadata: Mapping[str, Any]) -> str:
    """Return the option that names every look that is not the first one, in order."""
    asked = metadata["question"]["parameters"]
    looks = [state["looks"][asked["object"]] for state in metadata["states"]]
    rest = looks[0]
    found = []
    for before, look in pairwise(looks):
        for attribute in ("colour", "shape", "size"):
            if look[attribute] != rest[attribute] and look[attribute] != before[attribute]:
                found.append((attribute, look[attribute]))
    if asked["theme"] == "mixed":
        return "it " + ", then ".join(_said(*one) for one in found)
    return ", then ".join(value for _, value in found)


def _said(attribute: str, value: str) -> str:
    if attribute == "size":
        return SIZES[value]
    return f"turns {value}" if attribute == "colour" else f"becomes a {value}"
