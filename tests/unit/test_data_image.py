"""Image files: upright RGB as they were stored, or an error that names the file; never a surprise in between."""

import contextlib
import hashlib
import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from half_size import HALF
from retroflip.data import image as images
from retroflip.data.image import read_image
from retroflip.errors import ImageError
from retroflip.video.frames import Pixels

# Hue from left to right, brightness from top to bottom: no turn or mirror image of it is the picture itself.
PICTURE: Pixels = np.stack(
    [np.tile(np.arange(6) * 40, (4, 1)), np.full((4, 6), 30), np.tile(np.arange(4)[:, None] * 60, (1, 6))],
    axis=2,
).astype(np.uint8)
ORIENTATION = 0x0112


def encoded(picture: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    """Return a picture as a file's bytes."""
    stream = io.BytesIO()
    picture.save(stream, form, **options)
    return stream.getvalue()


def write(path: Path, content: bytes) -> Path:
    """Write a file and return its path."""
    path.write_bytes(content)
    return path


def read(path: Path, **options: Any) -> Pixels:
    """Return an image file's pixels (H, W, 3)."""
    frames = read_image(path, **options)
    assert frames.seconds == (0.0,)
    pixels: Pixels = frames.pixels_TCHW[0].transpose(1, 2, 0)
    return pixels


class TestPixels:
    @pytest.mark.parametrize(("form", "options"), [("PNG", {}), ("WEBP", {"lossless": True, "exact": True})])
    def test_lossless_formats_keep_every_pixel(
        self, tmp_path: Path, form: str, options: dict[str, Any]
    ) -> None:
        path = write(tmp_path / "named.wrongly", encoded(Image.fromarray(PICTURE), form, **options))
        assert np.array_equal(read(path), PICTURE)

    @pytest.mark.parametrize("options", [{}, {"progressive": True}])
    def test_jpeg_comes_close(self, tmp_path: Path, options: dict[str, Any]) -> None:
        large = PICTURE.repeat(16, axis=0).repeat(16, axis=1)
        path = write(
            tmp_path / "x.jpg", encoded(Image.fromarray(large), "JPEG", quality=95, subsampling=0, **options)
        )
        assert np.abs(read(path).astype(int) - large).max() <= 8

    @pytest.mark.parametrize(
        ("orientation", "stored"),
        [
            (1, PICTURE),
            (2, PICTURE[:, ::-1]),
            (3, PICTURE[::-1, ::-1]),
            (4, PICTURE[::-1]),
            (5, PICTURE.transpose(1, 0, 2)),
            (6, np.rot90(PICTURE, 1)),  # to be shown turned by 90 degrees clockwise
            (7, PICTURE[::-1, ::-1].transpose(1, 0, 2)),
            (8, np.rot90(PICTURE, -1)),
            (0, PICTURE),
            (9, PICTURE),
        ],
    )
    def test_the_orientation_is_respected(self, tmp_path: Path, orientation: int, stored: Pixels) -> None:
        exif = Image.Exif()
        exif[ORIENTATION] = orientation
        path = write(tmp_path / "x.png", encoded(Image.fromarray(np.ascontiguousarray(stored)), exif=exif))
        assert np.array_equal(read(path), PICTURE)

    def test_grey_palettes_and_bits_become_rgb(self, tmp_path: Path) -> None:
        grey = Image.fromarray(PICTURE[..., 0])
        for picture in (grey, grey.convert("P"), grey.convert("1"), grey.convert("LA")):
            found = read(write(tmp_path / "x.png", encoded(picture)))
            assert found.shape == PICTURE.shape
            assert (found == found[..., :1]).all()
        assert np.array_equal(read(write(tmp_path / "x.png", encoded(grey)))[..., 1], PICTURE[..., 0])

    def test_16_bits_of_grey_keep_their_upper_8(self, tmp_path: Path) -> None:
        deep = PICTURE[..., 0].astype(np.uint16) * 256 + 77
        found = read(write(tmp_path / "x.png", encoded(Image.fromarray(deep))))
        assert np.array_equal(found, np.repeat(PICTURE[..., :1], 3, axis=2))

    def test_what_is_transparent_is_white(self, tmp_path: Path) -> None:
        alpha = np.zeros((4, 6, 1), dtype=np.uint8)
        alpha[:, 3:] = 255
        found = read(
            write(tmp_path / "x.png", encoded(Image.fromarray(np.concatenate([PICTURE, alpha], axis=2))))
        )
        assert (found[:, :3] == 255).all()
        assert np.array_equal(found[:, 3:], PICTURE[:, 3:])

    def test_an_animation_is_its_first_picture(self, tmp_path: Path) -> None:
        first = Image.fromarray(PICTURE)
        for form, options in (("PNG", {}), ("WEBP", {"lossless": True, "exact": True})):
            content = encoded(first, form, save_all=True, append_images=[first.rotate(180)], **options)
            assert np.array_equal(read(write(tmp_path / "x", content)), PICTURE)


def test_a_fit_resizes_the_upright_picture_once(tmp_path: Path) -> None:
    path = write(tmp_path / "x.png", encoded(Image.fromarray(PICTURE)))
    frames = read_image(path, fit=HALF.image)
    assert frames.fitted
    assert np.array_equal(frames.pixels_TCHW[0].transpose(1, 2, 0), PICTURE[::2, ::2])
    assert not read_image(path).fitted


class TestFaults:
    def test_files_that_are_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(ImageError, match=r"gone\.png: no such image file"):
            read_image(tmp_path / "gone.png")
        with pytest.raises(ImageError, match="not a file"):
            read_image(tmp_path)
        with pytest.raises(ImageError, match="the file is empty"):
            read_image(write(tmp_path / "x.png", b""))
        with pytest.raises(ImageError, match=r"under/x\.png: no such|cannot be read \(Not a directory"):
            read_image(write(tmp_path / "under", b"x") / "x.png")

    def test_the_hash_must_fit(self, tmp_path: Path) -> None:
        content = encoded(Image.fromarray(PICTURE))
        path = write(tmp_path / "x.png", content)
        right = hashlib.sha256(content).hexdigest()
        assert np.array_equal(read(path, sha256=right.upper()), PICTURE)
        with pytest.raises(ImageError, match=f"SHA-256 is {right}, the manifest says 00"):
            read_image(path, sha256="00")

    @pytest.mark.parametrize("form", ["GIF", "BMP", "TIFF", "PPM"])
    def test_other_formats_are_refused(self, tmp_path: Path, form: str) -> None:
        with pytest.raises(ImageError, match=r"x\.png: cannot be read as an image \(its content is of none"):
            read_image(write(tmp_path / "x.png", encoded(Image.fromarray(PICTURE), form)))

    @pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
    def test_a_file_cut_short_is_refused(self, tmp_path: Path, form: str) -> None:
        noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
        content = encoded(Image.fromarray(noise), form)
        for kept in (10, len(content) // 2, len(content) - 200):
            with pytest.raises(ImageError, match=r"x: cannot be read as an image"):
                read_image(write(tmp_path / "x", content[:kept]))

    @pytest.mark.parametrize("side", [2**15, 2**31 - 1])
    def test_a_small_file_that_stands_for_gigabytes_is_refused_by_its_header(
        self, tmp_path: Path, side: int
    ) -> None:
        def chunk(name: bytes, content: bytes) -> bytes:
            return (
                struct.pack(">I", len(content))
                + name
                + content
                + struct.pack(">I", zlib.crc32(name + content))
            )

        header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
        content = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
        with pytest.raises(ImageError, match=r"are the limit|exceeds limit"):
            read_image(write(tmp_path / "x.png", content))

    def test_the_limits_themselves_are_allowed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = write(tmp_path / "x.png", encoded(Image.fromarray(PICTURE)))
        size = path.stat().st_size
        monkeypatch.setattr(images, "MAX_PIXELS", 24)
        monkeypatch.setattr(images, "MAX_BYTES", size)
        assert read(path).shape == (4, 6, 3)
        monkeypatch.setattr(images, "MAX_PIXELS", 23)
        with pytest.raises(ImageError, match="has 6 x 4 pixels, and 23 are the limit"):
            read_image(path)
        monkeypatch.setattr(images, "MAX_BYTES", size - 1)
        with pytest.raises(ImageError, match=f"has {size} bytes, and {size - 1} are the limit"):
            read_image(path)

    def test_a_strip_that_no_model_reads_is_refused(self, tmp_path: Path) -> None:
        assert read(write(tmp_path / "x.png", encoded(Image.new("RGB", (200, 1))))).shape == (1, 200, 3)
        with pytest.raises(ImageError, match="201 x 1 pixels; no model reads"):
            read_image(write(tmp_path / "x.png", encoded(Image.new("RGB", (201, 1)))))


def _files() -> list[bytes]:
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (13, 17, 3), dtype=np.uint8))
    exif = Image.Exif()
    exif[ORIENTATION], exif[0x010E] = 6, "about"
    return [
        encoded(picture, exif=exif),
        encoded(picture.convert("P"), transparency=3),
        encoded(Image.fromarray(np.asarray(picture)[..., 0].astype(np.uint16) * 257)),
        encoded(picture, save_all=True, append_images=[picture.rotate(90)]),
        encoded(picture, "JPEG", exif=exif, progressive=True),
        encoded(picture.convert("CMYK"), "JPEG", comment=b"hi", dpi=(300, 300)),
        encoded(picture, "WEBP", exif=exif),
        encoded(picture, "WEBP", lossless=True, save_all=True, append_images=[picture.rotate(180)]),
    ]


@settings(max_examples=400)
@given(
    content=st.sampled_from(_files()),
    places=st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=4),
    bytes_=st.lists(st.binary(max_size=4), min_size=4, max_size=4),
    in_header=st.booleans(),
)
@pytest.mark.filterwarnings("ignore")
def test_damage_is_an_image_error_or_a_picture(
    tmp_path_factory: pytest.TempPathFactory,
    content: bytes,
    places: list[float],
    bytes_: list[bytes],
    in_header: bool,
) -> None:
    """Bytes are replaced, taken out or put in, also in headers and metadata."""
    damaged = bytearray(content)
    for place, put in zip(places, bytes_, strict=False):
        at = int(place * min(len(damaged), 120 if in_header else len(damaged)))
        damaged[at : at + 2] = put
    path = write(tmp_path_factory.getbasetemp() / "damaged", bytes(damaged))
    with contextlib.suppress(ImageError):
        assert read_image(path).pixels_TCHW.shape[:2] == (1, 3)
