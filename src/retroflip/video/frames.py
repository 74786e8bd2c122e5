"""What a video is inside retroflip: a few sampled frames and the second at which each is shown."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

MAX_ASPECT = 200
"""longer side over shorter one; Qwen-VL's processors refuse more than this"""

Pixels = npt.NDArray[np.uint8]


class Fit(Protocol):
    """How pictures become as large as a model sees them."""

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Return the height and width at which a model sees a picture that is shown in this size.

        Raises MediaError for a shape that the model cannot be shown.
        """

    def resize(self, picture_HWC: Pixels, size: tuple[int, int]) -> Pixels:
        """Return a picture in this height and width."""

    @property
    def key(self) -> str:
        """What the result depends on besides the picture, the same for equal ones."""


class Fits(NamedTuple):
    """How a model's videos and its images are resized."""

    video: Fit
    image: Fit


class Shown(NamedTuple):
    """What a model was shown of a video: `Frames` without the pixels."""

    places: tuple[int, ...]
    seconds: tuple[float, ...]
    mirrored: bool


@dataclass(frozen=True)
class Frames:
    """Sampled frames of one video.

    pixels_TCHW: uint8, shape (T, 3, H, W), RGB.
    seconds: when each frame is shown, T values, not decreasing; the first frame of the file is at 0.
    fitted: whether the pictures are as large as the model sees them, so that nothing may resize them again.
    places: which of the frames that were decoded each one is, T numbers; those of a view that took others.
    mirrored: whether a view turned them left to right.
    """

    pixels_TCHW: Pixels
    seconds: tuple[float, ...]
    fitted: bool = False
    places: tuple[int, ...] = ()
    mirrored: bool = False

    def __post_init__(self) -> None:
        shape = self.pixels_TCHW.shape
        if not self.places:
            object.__setattr__(self, "places", tuple(range(len(self.seconds))))
        if self.pixels_TCHW.dtype != np.uint8 or len(shape) != 4 or shape[1] != 3 or 0 in shape:
            raise ValueError(f"need uint8 of shape (T, 3, H, W), got {self.pixels_TCHW.dtype} {shape}")
        if len(self.seconds) != shape[0]:
            raise ValueError(f"{shape[0]} frames need as many time stamps, got {len(self.seconds)}")
        if len(self.places) != shape[0]:
            raise ValueError(f"{shape[0]} frames need as many places, got {len(self.places)}")
        if any(b < a for a, b in zip(self.seconds, self.seconds[1:], strict=False)):
            raise ValueError(f"time stamps must not decrease: {self.seconds}")

    def __len__(self) -> int:
        return len(self.seconds)

    @property
    def shown(self) -> Shown:
        """Which frames these are."""
        return Shown(self.places, self.seconds, self.mirrored)
