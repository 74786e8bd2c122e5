"""Reading image files: PNG, JPEG and WebP, upright, as one frame in RGB.

A file is told by its content and opened only as one of `_FORMATS`. It is read once, so that the bytes whose hash was
checked are the bytes that are decoded, and its size in pixels is judged by its header, before anything is unpacked: a
few kilobytes of PNG can stand for gigabytes.
"""

import hashlib
import io
import struct
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from retroflip.errors import ImageError, MediaError
from retroflip.files.names import why_missing
from retroflip.video.frames import MAX_ASPECT, Fit, Frames, Pixels

MAX_BYTES = 256 * 2**20
MAX_PIXELS = 64 * 2**20

_FORMATS = ("PNG", "JPEG", "WEBP")
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError)
"""what Pillow raises for files that are cut short, damaged or made to harm"""
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""how the stored pixels become upright, by EXIF's Orientation (CIPA DC-008, 4.6.5.1)"""


def read_image(path: Path, *, sha256: str | None = None, fit: Fit | None = None) -> Frames:
    """Return the image at `path` as one frame, shown at second 0, RGB, upright as its EXIF orientation asks.

    Transparent pixels are shown on white, 16-bit grey values keep their upper 8 bits, and of an animation the first
    picture is taken. `fit` makes the image as large as a model sees it.

    Raises ImageError when the file is missing, empty, larger than MAX_BYTES or MAX_PIXELS, more than MAX_ASPECT times
    as long as wide, not one of the formats, damaged so that the decoder notices, or when its hash is not `sha256`.
    """
    content = _checked_content(path, sha256)
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            _check_size(path, image.size)
            turn = _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
            picture = _rgb(image)
    except _DAMAGE as error:
        unknown = isinstance(error, UnidentifiedImageError)
        reason = "its content is of none of these formats" if unknown else str(error) or type(error).__name__
        raise ImageError(
            f"{path}: cannot be read as an image ({reason}). The file is damaged, cut short or no PNG, JPEG or WebP; "
            "open it to find out, then copy it again or convert it to PNG."
        ) from error
    upright = np.asarray(picture if turn is None else picture.transpose(turn), dtype=np.uint8)
    pixels_HWC = upright if fit is None else _fitted(path, upright, fit)
    pixels_TCHW = np.ascontiguousarray(pixels_HWC.transpose(2, 0, 1)[None])
    return Frames(pixels_TCHW, (0.0,), fitted=fit is not None)


def _fitted(path: Path, picture_HWC: Pixels, fit: Fit) -> Pixels:
    height, width, _ = picture_HWC.shape
    try:
        size = fit.size(height, width)
    except MediaError as error:
        raise ImageError(f"{path}: {error}") from error
    return fit.resize(picture_HWC, size)


def _checked_content(path: Path, sha256: str | None) -> bytes:
    """Return the file's bytes, having found the faults that need no decoder."""
    try:
        if not path.exists():
            raise ImageError(
                f"{path}: no such image file. Check the path in the data file and the root it is relative to."
                f"{why_missing(path)}"
            )
        if not path.is_file():
            raise ImageError(f"{path}: not a file, so it holds no image. Give the path of an image file.")
        if (size := path.stat().st_size) > MAX_BYTES:
            raise ImageError(
                f"{path}: the image file has {size} bytes, and {MAX_BYTES} are the limit. Store it smaller."
            )
        content = path.read_bytes()
    except OSError as error:
        raise ImageError(f"{path}: cannot be read ({error.strerror}). Check who may read it.") from error
    if not content:
        raise ImageError(f"{path}: the file is empty (0 bytes). Copy or download it again.")
    if sha256 is not None and (found := hashlib.sha256(content).hexdigest()) != sha256.lower():
        raise ImageError(
            f"{path}: the file's SHA-256 is {found}, the manifest says {sha256}. The file was changed or damaged after "
            "the manifest was written; restore it, or write the manifest again if the change was meant."
        )
    return content


def _check_size(path: Path, size: tuple[int, int]) -> None:
    width, height = size
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"{path}: the image has {width} x {height} pixels, and {MAX_PIXELS} are the limit. Store it smaller."
        )
    if max(size) > MAX_ASPECT * min(size):
        raise ImageError(
            f"{path}: the image has {width} x {height} pixels; no model reads one that is more than {MAX_ASPECT} times "
            "as long as wide. Crop it, or leave it out of the data."
        )


def _rgb(image: Image.Image) -> Image.Image:
    """Return the decoded picture in RGB."""
    if image.mode.startswith(
        "I"
    ):  # 16-bit grey: Pillow's own conversion would turn all but the darkest white
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    shown = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", shown.size, "white"), shown).convert("RGB")
