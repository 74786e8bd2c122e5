"""Random choices as a function of what they are for, so that a resumed run draws the same ones again."""

import hashlib

import numpy as np


def draw_seed(seed: int, *parts: str | int) -> int:
    """Return a 63-bit seed that depends on `seed` and on every part, and on nothing else.

    >>> draw_seed(0, "clip-1", 2) == draw_seed(0, "clip-1", 2)
    True
    """
    text = "\x1f".join([str(seed), *(f"{type(part).__name__}:{part}" for part in parts)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def draw(seed: int, *parts: str | int) -> np.random.Generator:
    """Return a generator for one random choice, named by `parts` (sample id, epoch, branch, ...)."""
    return np.random.default_rng(draw_seed(seed, *parts))
