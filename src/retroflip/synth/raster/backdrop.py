"""What lies behind the actors, and the grain that lies over everything.

Every background is its own mirror image left to right, so that a mirrored animation is the mirror image of its frames.
"""

import numpy as np

from retroflip.synth.animation import Background
from retroflip.synth.raster.canvas import Canvas, lay
from retroflip.synth.raster.shapes import SOLID, Placement, Unsigned, coverage_Khw, way_to_draw
from retroflip.video.frames import Pixels

_CHECKS = 7
"""squares on a side: an odd number is its own mirror image"""
_GRAINS = 120
"""of a speckle, each with its mirror image"""
_SPARE = 64
"""rows and columns by which the grain that frames are cut from is larger than a frame"""


def lay_background(canvas: Canvas, background: Background, size: int) -> None:
    """Fill all frames with the background. Raises ValueError for an unknown pattern."""
    ground = np.array([background.colour], dtype=float)
    for plane in canvas:
        plane.pixels_TCHW[:] = plane.space.colours_KC(ground)[0][:, None, None]
    if background.pattern == "plain":
        return
    second = np.array([background.second], dtype=float)
    frames = range(len(canvas[0].pixels_TCHW))
    corners = np.zeros((len(frames), 2), dtype=np.intp)
    lay(canvas, frames, corners, _share_HW(background, size)[None], second)


def _share_HW(background: Background, size: int) -> Unsigned:
    """Return how much of the second colour each pixel has, 0 to `SOLID`."""
    middles = (np.arange(size) + 0.5) / size
    if background.pattern == "gradient":
        share_H = np.rint(SOLID * middles).astype(np.uint16)
        return np.repeat(share_H[:, None], size, axis=1)
    if background.pattern == "checks":
        odd = (np.arange(size) + 0.5) * _CHECKS // size % 2 == 1
        return np.where(odd[:, None] != odd[None, :], SOLID, 0).astype(np.uint16)
    if background.pattern == "speckle":
        return _speckle_HW(background.seed, size)
    raise ValueError(f"{background.pattern!r} is no background")


def _speckle_HW(seed: int, size: int) -> Unsigned:
    rng = np.random.default_rng(seed)
    places_G2 = np.rint(rng.uniform(0.0, size, (_GRAINS, 2)))
    radii_G = rng.uniform(0.0015, 0.005, _GRAINS) * size
    reach = int(np.ceil(radii_G.max())) + 1
    offsets_h = np.arange(-reach, reach) + 0.5
    grains = Placement(np.zeros(_GRAINS), np.zeros(_GRAINS), radii_G, radii_G, np.zeros(_GRAINS))
    around_Gh = np.broadcast_to(offsets_h, (_GRAINS, 2 * reach))
    covered_Ghw = coverage_Khw("circle", grains, way_to_draw("circle", grains, size), around_Gh, around_Gh)
    share_HW = np.zeros((size + 2 * reach, size + 2 * reach), dtype=np.uint16)
    for (row, column), covered_hw in zip(places_G2.astype(int).tolist(), covered_Ghw, strict=True):
        window_hw = share_HW[row : row + 2 * reach, column : column + 2 * reach]
        np.maximum(window_hw, covered_hw, out=window_hw)
    inside_HW = share_HW[reach:-reach, reach:-reach]
    return np.maximum(inside_HW, inside_HW[:, ::-1])


class Grain:
    """Grey noise of one camera: every frame shows another part of it.

    deviation: of the grain, in steps of 0 to 255. It is the same in R, G and B, so that it is in Y alone.
    """

    def __init__(self, deviation: float, seed: int, size: int) -> None:
        self.seed = seed
        side = size + _SPARE
        self.steps = deviation * np.random.default_rng(seed).standard_normal((side, side), dtype=np.float32)

    def lay(self, canvas: Canvas, frames: list[int]) -> None:
        """Add the grain of those frames of the animation to the canvas's, in their order."""
        for plane in canvas:
            weight = float(plane.space.from_rgb_C3.sum(axis=1).max())
            if weight < 0.5:  # U and V do not see grey
                continue
            steps = np.rint(weight * self.steps).astype(np.int16)
            for pixels_CHW, frame in zip(plane.pixels_TCHW, frames, strict=True):
                _add(pixels_CHW, steps, np.random.default_rng((self.seed, frame)).integers(0, _SPARE, 2))


def _add(pixels_CHW: Pixels, steps: np.ndarray, corner_2: np.ndarray) -> None:
    row, column = corner_2.tolist()
    height, width = pixels_CHW.shape[1:]
    grainy_CHW = pixels_CHW + steps[row : row + height, column : column + width]
    pixels_CHW[:] = np.clip(grainy_CHW, 0, 255, out=grainy_CHW)
