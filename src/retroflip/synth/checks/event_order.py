"""Find the answer of an event order question again from the times of the actions alone."""

from collections.abc import Mapping
from typing import Any


def answer(metadata: Mapping[str, Any]) -> str:
    """Return the order, the first or the last of the actions asked about, or whether one is before another."""
    asked = metadata["question"]["parameters"]
    names = {one["id"]: one["name"] for one in metadata["objects"]}
    begun = {(one["object"], one["action"]): one["start_ms"] for one in metadata["events"]}
    wanted = [(one["object"], one["action"]) for one in asked["events"]]
    if asked["form"] == "relation":
        one, other = wanted
        return "before" if begun[one] < begun[other] else "after"
    words = [f"the {names[who]} {action}" for who, action in sorted(wanted, key=begun.__getitem__)]
    if asked["form"] == "order":
        return ", then ".join(words)
    return words[0 if asked["form"] == "first" else -1]
