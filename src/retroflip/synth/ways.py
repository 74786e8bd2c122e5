"""Ways on the screen, and paths of them: what a mirror and reversal make of a path."""

from collections.abc import Sequence

STEPS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
"""x and y of a step; y points down"""
OPPOSITE = {"left": "right", "right": "left", "up": "down", "down": "up"}
Path = tuple[str, ...]
"""ways gone one after the other"""


def mirrored(path: Sequence[str]) -> Path:
    """Return the path as a mirror shows it."""
    return tuple(OPPOSITE[way] if way in ("left", "right") else way for way in path)


def played_back(path: Sequence[str]) -> Path:
    """Return the path of the clip played backwards, which leads back."""
    return tuple(OPPOSITE[way] for way in reversed(path))
