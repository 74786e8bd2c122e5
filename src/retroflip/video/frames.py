"""What a video is inside retroflip: a few sampled frames and the second at which each is shown."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

MAX_ASPECT = 200
"""longer side over shorter one; Qwen-VL's processors refuse more than this"""

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Frames:
    """Sampled frames of one video.

    pixels_TCHW: uint8, shape (T, 3, H, W), RGB.
    seconds: when each frame is shown, T values, not decreasing; the first frame of the file is at 0.
    """

    pixels_TCHW: Pixels
    seconds: tuple[float, ...]

    def __post_init__(self) -> None:
        shape = self.pixels_TCHW.shape
        if self.pixels_TCHW.dtype != np.uint8 or len(shape) != 4 or shape[1] != 3 or 0 in shape:
            raise ValueError(f"need uint8 of shape (T, 3, H, W), got {self.pixels_TCHW.dtype} {shape}")
        if len(self.seconds) != shape[0]:
            raise ValueError(f"{shape[0]} frames need as many time stamps, got {len(self.seconds)}")
        if any(b < a for a, b in zip(self.seconds, self.seconds[1:], strict=False)):
            raise ValueError(f"time stamps must not decrease: {self.seconds}")

    def __len__(self) -> int:
        return len(self.seconds)
