"""Where objects lie on the picture, by masks in COCO's run-length form, and a camera that is fitted to them."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Fit = tuple[tuple[float, float, float], tuple[float, float, float]]
"""of x, y and 1 in the world, for u and v in shares of the picture's width and height"""

MOST_PIXELS = 2**24
"""of a mask"""
FEWEST = 100
"""places that a fit is made of at least"""


class Place(NamedTuple):
    """Where an object is, in the world and on the picture."""

    x: float
    y: float
    u: float
    v: float


def centre(mask: Mapping[str, Any]) -> tuple[float, float] | None:
    """Return the middle of a mask {"size": [height, width], "counts"}, in shares of width and height; None if it is
    empty. Raises KeyError, TypeError and ValueError for what is none."""
    height, width = (int(side) for side in mask["size"])
    counts = mask["counts"]
    runs = _runs(counts) if isinstance(counts, str) else [int(count) for count in counts]
    if min(runs, default=0) < 0 or sum(runs) != height * width or sum(runs) > MOST_PIXELS:
        raise ValueError(f"its runs are of {sum(runs)} pixels, and it has {height} x {width}")
    inside = np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(width, height)  # column after column
    columns, rows = np.nonzero(inside)
    if len(rows) == 0:
        return None
    return (float(columns.mean()) + 0.5) / width, (float(rows.mean()) + 0.5) / height


def _runs(text: str) -> list[int]:
    """Return the lengths that COCO's text stands for: five bits a sign, differences from the last but one."""
    runs: list[int] = []
    value = shift = 0
    for sign in text:
        code = ord(sign) - 48
        if not 0 <= code < 64:
            raise ValueError(f"{sign!r} is no sign of a mask")
        value |= (code & 31) << shift
        shift += 5
        if code & 32:
            continue
        if code & 16:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value = shift = 0
    return runs


def fitted(places: Sequence[Place]) -> Fit:
    """Return the linear camera that has the least squared error, leaving out places that miss by three times what
    most miss. Raises ValueError for fewer than FEWEST places."""
    if len(places) < FEWEST:
        raise ValueError(f"{len(places)} places are too few to fit a camera to; {FEWEST} are needed")
    found = np.array(places, dtype=np.float64)
    design, wanted = np.concatenate([found[:, :2], np.ones((len(found), 1))], axis=1), found[:, 2:]
    kept = np.ones(len(found), dtype=np.bool_)
    for _ in range(3):
        fit: NDArray[np.float64] = np.linalg.lstsq(design[kept], wanted[kept], rcond=None)[0]
        miss = np.hypot(*(wanted - design @ fit).T)
        kept = miss <= max(3 * float(np.median(miss)), 1e-6)
    u, v = fit.T.tolist()
    return (u[0], u[1], u[2]), (v[0], v[1], v[2])
