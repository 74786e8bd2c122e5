"""Writing video files that every browser plays: MP4, H.264, yuv420p, equal input giving equal bytes."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from av.video.stream import VideoStream

from retroflip.errors import VideoError
from retroflip.files.storage import replacing
from retroflip.video.frames import Pixels

ENCODER: Final = "libx264"
PRESET = "veryfast"
"""The slower ones gain 3 % in size for 1.8 times the time on rendered clips."""

_SCALER = int(Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.BITEXACT)


def encode(path: Path, pixels_TCHW: Pixels, fps: int | Fraction, *, crf: int = 18) -> None:
    """Write RGB pixels, uint8 of shape (T, 3, H, W), as a video of `fps` frames a second, atomically.

    The same input gives the same bytes under the same versions of PyAV and x264: one thread, no dates, no
    library names. `crf` is x264's quality, from 1 (best) to 51; 0 would choose a profile that browsers
    cannot play. H.264 in yuv420p knows even sizes only, so an odd width or height grows by one pixel, a
    copy of the last column or row.

    Raises ValueError for pixels of another type or shape, a frame rate of 0 or less, or a `crf` out of range;
    VideoError when the file cannot be written.
    """
    shape = pixels_TCHW.shape
    if pixels_TCHW.dtype != np.uint8 or len(shape) != 4 or shape[1] != 3 or 0 in shape:
        raise ValueError(f"need uint8 of shape (T, 3, H, W), got {pixels_TCHW.dtype} {shape}")
    _check(fps, crf)
    odd = ((0, 0), (0, shape[2] % 2), (0, shape[3] % 2), (0, 0))
    pixels_THWC = np.pad(pixels_TCHW.transpose(0, 2, 3, 1), odd, mode="edge")
    height, width = pixels_THWC.shape[1:3]
    _write(path, _converted(pixels_THWC), Fraction(fps), (height, width), crf, PRESET)


def encode_i420(
    path: Path,
    planes: Iterable[Pixels],
    fps: int | Fraction,
    size: tuple[int, int],
    *,
    crf: int = 18,
    preset: str = PRESET,
    gop: int | None = None,
) -> None:
    """Write frames that are I420 already, each uint8 of shape (3 H / 2, W), as `encode` does; no colour is touched.

    planes: Y, then U, then V, each row after row, of BT.601 in limited range; a frame is read before the next one is
    asked for. size: height and width, even. preset: x264's. gop: frames from one key frame to the next, so that which
    frames are key frames and which are predicted from where says nothing of what they show; by default x264 chooses.

    Raises ValueError for an odd size, a frame of another type or shape, a `gop` under 1, and as `encode` does;
    VideoError when the file cannot be written.
    """
    if size[0] % 2 or size[1] % 2:
        raise ValueError(f"need an even height and width, got {size}")
    if gop is not None and gop < 1:
        raise ValueError(f"need a gop of 1 frame or more, got {gop}")
    _check(fps, crf)
    _write(path, _filled(planes, *size), Fraction(fps), size, crf, preset, gop)


def to_i420(pictures: Iterable[Pixels]) -> Iterator[Pixels]:
    """Yield RGB pictures (3, H, W) as the planes that `encode_i420` takes, in which an odd side grows by a copy of its
    last column or row. Planes of a mirrored picture are the mirrored planes (`flip_i420`)."""
    for frame in _converted(_even(picture_CHW).transpose(1, 2, 0) for picture_CHW in pictures):
        yield np.asarray(frame.to_ndarray(), dtype=np.uint8)


def flip_i420(planes: Pixels) -> Pixels:
    """Return planes (3 H / 2, W) mirrored left to right."""
    height, width = planes.shape[0] * 2 // 3, planes.shape[1]
    chroma = planes[height:].reshape(2, height // 2, width // 2)[..., ::-1]
    return np.concatenate([planes[:height, ::-1], chroma.reshape(height // 2, width)])


def _even(picture_CHW: Pixels) -> Pixels:
    height, width = picture_CHW.shape[1:]
    return np.pad(picture_CHW, ((0, 0), (0, height % 2), (0, width % 2)), mode="edge")


def _check(fps: int | Fraction, crf: int) -> None:
    if fps <= 0 or not 1 <= crf <= 51:
        raise ValueError(f"need fps above 0 and crf from 1 to 51, got {fps} and {crf}")


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """Give a path to write to; put the file at `path` once it is whole, or remove it."""
    try:
        with replacing(path) as temporary:
            yield temporary
    except (av.FFmpegError, OSError) as error:
        raise VideoError(
            f"{path}: the video cannot be written ({error.strerror}). "
            "Check that its folder exists, may be written to and has room."
        ) from error


def _converted(pixels_THWC: Iterable[Pixels]) -> Iterator[VideoFrame]:
    """Yield RGB pictures as I420."""
    reformatter = VideoReformatter()
    for picture in pixels_THWC:
        yield reformatter.reformat(
            VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24"),
            format="yuv420p",
            dst_colorspace=Colorspace.ITU601,
            dst_color_range=ColorRange.MPEG,
            interpolation=_SCALER,
            threads=1,
        )


def _filled(planes: Iterable[Pixels], height: int, width: int) -> Iterator[VideoFrame]:
    """Yield one frame again and again, filled anew (and its memory too, if the encoder still reads the old)."""
    frame = VideoFrame(width, height, "yuv420p")
    luma, half = height * width, height // 2
    for picture in planes:
        if picture.dtype != np.uint8 or picture.shape != (height + half, width):
            raise ValueError(
                f"need uint8 of shape {(height + half, width)}, got {picture.dtype} {picture.shape}"
            )
        frame.make_writable()
        chroma = picture.reshape(-1)[luma:].reshape(2, half, width // 2)
        for plane, pixels_HW in zip(frame.planes, (picture[:height], *chroma), strict=True):
            rows_HW = np.frombuffer(memoryview(plane), dtype=np.uint8).reshape(plane.height, plane.line_size)
            rows_HW[:, : plane.width] = pixels_HW
        yield frame


def _write(
    path: Path,
    frames: Iterable[VideoFrame],
    fps: Fraction,
    size: tuple[int, int],
    crf: int,
    preset: str,
    gop: int | None = None,
) -> None:
    file_options = {"movflags": "+faststart", "fflags": "+bitexact"}
    # x264's macroblock tree makes the bytes depend on what the heap held before, even with one thread.
    params = "mbtree=0" if gop is None else f"mbtree=0:keyint={gop}:min-keyint={gop}:scenecut=0:b-adapt=0"
    codec_options = {"crf": str(crf), "preset": preset, "flags": "+bitexact", "x264-params": params}
    with (
        _replacing(path) as temporary,
        av.open(str(temporary), "w", format="mp4", options=file_options) as container,
    ):
        stream = container.add_stream(ENCODER, rate=fps, options=codec_options)
        _configure(stream, *size)
        for index, frame in enumerate(frames):
            frame.pts, frame.time_base = index, 1 / fps
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def _configure(stream: VideoStream, height: int, width: int) -> None:
    """Set the picture format and say which RGB it stands for, or players would guess by size."""
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    stream.thread_count = 1
    stream.codec_context.colorspace = int(Colorspace.ITU601)
    stream.codec_context.color_range = int(ColorRange.MPEG)
