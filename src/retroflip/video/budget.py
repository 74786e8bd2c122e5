"""How many pixels of a video a model may be shown, in the terms of the papers and of Qwen's own tools."""

import re
from dataclasses import dataclass

MERGED_FRAMES = 2
"""frames of a video that models merge into one step; they count as one in `total_pixels`"""
_SLACK = 1.05
"""by how much qwen_vl_utils and transformers raise a frame's share of `total_pixels` above `min_pixels`"""


@dataclass(frozen=True)
class PixelBudget:
    """Bounds on what a model is shown; None leaves one to the model's own processor.

    min_pixels, max_pixels: of a frame, and of an image. total_pixels: of a video, two merged frames counted once; it is
    the number of visual tokens times the pixels of one. All three as in qwen_vl_utils, and as CRPO's table 7 has them.
    """

    min_pixels: int | None = None
    max_pixels: int | None = None
    total_pixels: int | None = None

    def share(self, frames: int) -> int | None:
        """Return what `total_pixels` leaves to each of so many frames."""
        return None if self.total_pixels is None else self.total_pixels * MERGED_FRAMES // frames

    def check(self, frames: int) -> None:
        """Raise ValueError where no size of so many frames keeps to all bounds."""
        least, share = self.min_pixels, self.share(frames)
        if least is None:
            return
        if self.max_pixels is not None and self.max_pixels < least:
            raise ValueError(
                f"max_pixels is {self.max_pixels}, fewer than min_pixels ({least}): set it to {least} or more"
            )
        if share is not None and share < int(least * _SLACK):
            enough = -(-int(least * _SLACK) * frames // MERGED_FRAMES)
            raise ValueError(
                f"total_pixels is {self.total_pixels}, which leaves each of {frames} frames {share} pixels, and "
                f"min_pixels is {least}: set total_pixels to {enough} or more, or lower frames or min_pixels"
            )


def pixel_count(text: object) -> object:
    """Return the number that a product such as "768 x 32 x 32" or "448*448" is; anything else as it is."""
    if not isinstance(text, str) or not re.fullmatch(r"\s*\d+(\s*[x*×]\s*\d+)*\s*", text):
        return text
    product = 1
    for factor in re.findall(r"\d+", text):
        product *= int(factor)
    return product
