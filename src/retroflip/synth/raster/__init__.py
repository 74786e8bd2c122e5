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

from retroflip.synth.animation import Actor, Animation, Floats
from retroflip.synth.raster.backdrop import Grain, lay_background
from retroflip.synth.raster.canvas import Canvas, Integers, Words, i420_canvas, lay, rgb_canvas
from retroflip.synth.raster.glyphs import text_coverage_hw, text_extents
from retroflip.synth.raster.shapes import SOLID, Placement, coverage_Khw, extents_K
from retroflip.video.encode import encode_i420
from retroflip.video.frames import Frames, Pixels

_CHUNK = 16
"""frames drawn at once"""
_AT_ONCE = 1 << 16
"""pixels of an actor's windows drawn at once: what stays in a core's cache"""
_GRID = 4096.0
"""positions to a pixel"""
_INVISIBLE = 0.5 / SOLID
_MARGIN = 2.0
"""pixels around a shape that its softened outline may touch"""


def render_rgb(animation: Animation, size: int, frames: Sequence[int] | None = None) -> Frames:
    """Draw the given frames of an animation (all by default) as uint8 RGB of shape (T, 3, size, size).

    Raises ValueError for a letter that the font has not.
    """
    chosen = list(range(animation.frames)) if frames is None else list(frames)
    pixels_TCHW: Pixels = np.empty((len(chosen), 3, size, size), dtype=np.uint8)
    painter = _Painter(animation, size)
    for start in range(0, len(chosen), _CHUNK):
        part = chosen[start : start + _CHUNK]
        painter.paint(rgb_canvas(pixels_TCHW[start : start + len(part)]), part)
    return Frames(pixels_TCHW, tuple(index / animation.fps for index in chosen))


def i420_frames(animation: Animation, size: int) -> Iterator[Pixels]:
    """Yield the frames of an animation as uint8 (3 * size / 2, size): Y, then U, then V (BT.601, limited range).

    A frame's memory is used again for a later one: copy what is to stay. Raises ValueError for an odd size and for a
    letter that the font has not.
    """
    if size % 2:
        raise ValueError(f"I420 has even sizes only, got {size}")
    planes_THW: Pixels = np.empty((min(_CHUNK, animation.frames), 3 * size // 2, size), dtype=np.uint8)
    painter = _Painter(animation, size)
    for start in range(0, animation.frames, _CHUNK):
        part = list(range(start, min(start + _CHUNK, animation.frames)))
        painter.paint(i420_canvas(planes_THW[: len(part)]), part)
        yield from planes_THW[: len(part)]


def write_mp4(
    path: Path, animation: Animation, size: int, *, crf: int = 23, preset: str = "veryfast"
) -> None:
    """Write an animation as an H.264 MP4 of size x size pixels, atomically; equal animations give equal bytes.

    Raises ValueError as `i420_frames` and `encode_i420` do; VideoError when the file cannot be written.
    """
    encode_i420(path, i420_frames(animation, size), animation.fps, (size, size), crf=crf, preset=preset)


class _Painter:
    """Draws frames of one animation."""

    def __init__(self, animation: Animation, size: int) -> None:
        self.animation = animation
        self.size = size
        self.grain = Grain(animation.noise, animation.noise_seed, size) if animation.noise > 0 else None

    def paint(self, canvas: Canvas, frames: list[int]) -> None:
        """Draw those frames of the animation into the canvas, one after the other."""
        lay_background(canvas, self.animation.background, self.size)
        for one in self.animation.actors:
            _paint_actor(canvas, one, frames, self.size)
        if self.grain is not None:
            self.grain.lay(canvas, frames)


def _paint_actor(canvas: Canvas, one: Actor, frames: list[int], size: int) -> None:
    opacity_T = one.opacity_T[frames]
    seen = np.flatnonzero(opacity_T > _INVISIBLE)
    if not len(seen):
        return
    chosen = np.asarray(frames)[seen]
    centres_K2 = np.rint(np.stack([one.y_T[chosen], one.x_T[chosen]], axis=1) * (size * _GRID)) / _GRID
    if one.shape != "text":
        place = Placement(
            centres_K2[:, 1],
            centres_K2[:, 0],
            one.half_width_T[chosen] * size,
            one.half_height_T[chosen] * size,
            one.angle_T[chosen],
        )
        _paint_shape(canvas, one.shape, place, seen, opacity_T[seen], one.colour_T3[chosen], size)
    if one.text:
        heights_T = one.half_height_T if one.shape == "text" else one.text_height_T
        if heights_T is None:
            raise ValueError(f"{one.id} says {one.text!r} and has no text_height_T")
        colours_K3 = (
            one.colour_T3[chosen]
            if one.shape == "text"
            else np.broadcast_to(np.asarray(one.text_colour, dtype=float), (len(chosen), 3))
        )
        for index, frame in enumerate(seen):
            half_height = float(heights_T[chosen[index]] * size)
            _paint_text(
                canvas,
                one.text,
                int(frame),
                centres_K2[index],
                half_height,
                opacity_T[frame],
                colours_K3[[index]],
            )


def _paint_shape(
    canvas: Canvas, shape: str, place: Placement, seen: Integers, opacity_K: Floats, rgb_K3: Floats, size: int
) -> None:
    """Draw a shape into those frames of the canvas, as many at once as the cache holds."""
    across_K, down_K = extents_K(shape, place)
    width, height = _even(2 * (across_K.max() + _MARGIN)), _even(2 * (down_K.max() + _MARGIN))
    width, height = min(width, 4 * size), min(height, 4 * size)
    step = max(1, _AT_ONCE // (width * height))
    for start in range(0, len(seen), step):
        part = slice(start, start + step)
        few = place[part]
        corners_K2 = np.stack(
            [2 * np.floor((few.y_K - height / 2) / 2), 2 * np.floor((few.x_K - width / 2) / 2)], axis=1
        )
        dy_Kh = corners_K2[:, :1] + np.arange(height) + 0.5 - few.y_K[:, None]
        dx_Kw = corners_K2[:, 1:] + np.arange(width) + 0.5 - few.x_K[:, None]
        covered_Khw = coverage_Khw(shape, few, dx_Kw, dy_Kh)
        lay(
            canvas,
            seen[part].tolist(),
            corners_K2.astype(np.intp),
            _words(covered_Khw, opacity_K[part]),
            rgb_K3[part],
        )


def _paint_text(
    canvas: Canvas,
    text: str,
    frame: int,
    centre_2: Floats,
    half_height: float,
    opacity: float,
    rgb_13: Floats,
) -> None:
    if half_height <= 0.0:
        return
    half_width, _ = text_extents(text, half_height)
    left, top = centre_2[1] - half_width, centre_2[0] - half_height
    corner = (2 * int(np.floor(top / 2)), 2 * int(np.floor(left / 2)))
    shape = (_even(2 * half_height + 2), _even(2 * half_width + 2))
    covered_hw = text_coverage_hw(text, half_height, float(left - corner[1]), float(top - corner[0]), shape)
    lay(
        canvas,
        [frame],
        np.array([corner], dtype=np.intp),
        _words(covered_hw[None], np.array([opacity])),
        rgb_13,
    )


def _words(covered_Khw: np.ndarray, opacity_K: Floats) -> Words:
    """Return coverage times opacity, rounded."""
    faded_Khw = covered_Khw * np.clip(opacity_K, 0.0, 1.0).astype(np.float32)[:, None, None]
    faded_Khw += np.float32(0.5)
    return faded_Khw.astype(np.uint16)


def _even(length: float) -> int:
    """Return the least even number of pixels that hold a length wherever it starts."""
    return 2 * int(np.ceil(length / 2)) + 2
