"""Pictures within a pixel budget, for models whose own processor is not at hand or keeps its own counsel."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from retroflip.errors import MediaError
from retroflip.video.budget import PixelBudget
from retroflip.video.frames import MAX_ASPECT, Pixels


@dataclass(frozen=True)
class BudgetFit:
    """Shrinks or enlarges a picture, in its proportions, until it keeps to a budget.

    frames: of the video, among which `total_pixels` is divided; None for an image.
    """

    budget: PixelBudget
    frames: int | None = None

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Return the height and width at which a picture of this size is shown. Raises MediaError for a strip."""
        if max(height, width) > MAX_ASPECT * min(height, width):
            raise MediaError(f"a picture of {width} x {height} pixels is too narrow to be shown.")
        share = None if self.frames is None else self.budget.share(self.frames)
        most = [bound for bound in (self.budget.max_pixels, share) if bound is not None]
        wanted = min([max(height * width, self.budget.min_pixels or 0), *most])
        scale = (wanted / (height * width)) ** 0.5
        return (height, width) if scale == 1.0 else (max(1, int(height * scale)), max(1, int(width * scale)))

    def resize(self, picture_HWC: Pixels, size: tuple[int, int]) -> Pixels:
        """Return a picture in this height and width."""
        if picture_HWC.shape[:2] == size:
            return picture_HWC
        resized = Image.fromarray(picture_HWC).resize(size[::-1], Image.Resampling.BICUBIC)
        return np.asarray(resized)

    @property
    def key(self) -> str:
        """What sizes and pixels depend on."""
        return f"BudgetFit {self.budget} {self.frames}"
