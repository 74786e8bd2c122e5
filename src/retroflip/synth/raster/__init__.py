"""Draw temporal videos: anti-aliased to a fraction of a pixel, straight into the encoder's planes or into RGB frames.

Shapes: T frames, H = W = size; K the frames of an actor that are drawn at once. Both ways share one coverage of pixels
by shapes (`shapes`, `glyphs`) and one way of mixing colours (`canvas`): they differ in the planes alone. So the luma
of an I420 frame is that of the RGB frame to within rounding, and its U and V are means over two by two pixels.

Positions are rounded to 1/4096 pixel, so that a mirrored animation (`Animation.flipped`) gives mirrored pixels to the
last bit, texts and grain apart. An animation played backwards gives the same frames backwards, grain apart.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from retroflip.synth.animation import Animation
from retroflip.synth.raster.canvas import i420_canvas, rgb_canvas
from retroflip.synth.raster.painter import Painter
from retroflip.video.encode import encode_i420
from retroflip.video.frames import Frames, Pixels

_CHUNK = 32
"""frames drawn at once"""


def render_rgb(animation: Animation, size: int, frames: Sequence[int] | None = None) -> Frames:
    """Draw the given frames of an animation (all by default) as uint8 RGB of shape (T, 3, size, size).

    Raises ValueError for a letter that the font has not.
    """
    chosen = np.arange(animation.frames) if frames is None else np.asarray(frames, dtype=np.intp)
    pixels_TCHW: Pixels = np.empty((len(chosen), 3, size, size), dtype=np.uint8)
    painter = Painter(animation, size)
    for start in range(0, len(chosen), _CHUNK):
        part = chosen[start : start + _CHUNK]
        painter.paint(rgb_canvas(pixels_TCHW[start : start + len(part)]), part)
    return Frames(pixels_TCHW, tuple(index / animation.fps for index in chosen.tolist()))


def i420_frames(animation: Animation, size: int) -> Iterator[Pixels]:
    """Yield the frames of an animation as uint8 (3 * size / 2, size): Y, then U, then V (BT.601, limited range).

    A frame's memory is used again for a later one: copy what is to stay. Raises ValueError for an odd size and for a
    letter that the font has not.
    """
    if size % 2:
        raise ValueError(f"I420 has even sizes only, got {size}")
    planes_THW: Pixels = np.empty((min(_CHUNK, animation.frames), 3 * size // 2, size), dtype=np.uint8)
    painter = Painter(animation, size)
    for start in range(0, animation.frames, _CHUNK):
        part = np.arange(start, min(start + _CHUNK, animation.frames))
        painter.paint(i420_canvas(planes_THW[: len(part)]), part)
        yield from planes_THW[: len(part)]


def write_mp4(
    path: Path,
    animation: Animation,
    size: int,
    *,
    crf: int = 23,
    preset: str = "veryfast",
) -> None:
    """Write an animation as an H.264 MP4 of size x size pixels, atomically; equal animations give equal bytes.

    Raises ValueError as `i420_frames` and `encode_i420` do; VideoError when the file cannot be written.
    """
    frames = i420_frames(animation, size)
    encode_i420(path, frames, animation.fps, (size, size), crf=crf, preset=preset)
