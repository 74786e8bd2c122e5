from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest

from retroflip.errors import VideoError
from retroflip.video.decode import decode, probe
from retroflip.video.encode import encode, encode_i420
from retroflip.video.frames import Pixels


def moving_square(frames: int = 6, height: int = 32, width: int = 48) -> Pixels:
    pixels_TCHW = np.full((frames, 3, height, width), 40, dtype=np.uint8)
    for index in range(frames):
        pixels_TCHW[index, :, 4:12, 4 * index : 4 * index + 8] = 200
    return pixels_TCHW


@pytest.mark.parametrize("fps", [8, Fraction(30000, 1001), Fraction(1, 2)])
def test_decodes_to_the_same_pictures_and_times(tmp_path: Path, fps: int | Fraction) -> None:
    pixels = moving_square()
    encode(tmp_path / "a.mp4", pixels, fps, crf=10)
    frames = decode(tmp_path / "a.mp4", 6)
    assert np.abs(frames.pixels_TCHW.astype(int) - pixels).mean() < 1
    assert frames.seconds == pytest.approx([index / float(fps) for index in range(6)], rel=1e-4)


@pytest.mark.parametrize("colour", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (90, 120, 30)])
def test_keeps_colours(tmp_path: Path, colour: tuple[int, int, int]) -> None:
    pixels = np.tile(np.array(colour, dtype=np.uint8)[None, :, None, None], (2, 1, 16, 16))
    encode(tmp_path / "a.mp4", pixels, 4)
    decoded = decode(tmp_path / "a.mp4", 1).pixels_TCHW[0, :, 8, 8]
    assert np.abs(decoded.astype(int) - colour).max() <= 3


def test_equal_input_gives_equal_bytes(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        encode(tmp_path / name, moving_square(), 8)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


def test_writes_what_browsers_play(tmp_path: Path) -> None:
    encode(tmp_path / "a.mp4", moving_square(), 8)
    with av.open(str(tmp_path / "a.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt, stream.profile) == ("h264", "yuv420p", "High")
        assert container.metadata.keys().isdisjoint({"creation_time", "encoder"})
    content = (tmp_path / "a.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")  # plays before it is loaded whole


def test_odd_sizes_grow_by_a_copy_of_the_edge(tmp_path: Path) -> None:
    pixels = np.full((2, 3, 15, 17), 30, dtype=np.uint8)
    pixels[..., 14, :] = pixels[..., :, 16] = 220
    encode(tmp_path / "a.mp4", pixels, 4, crf=1)
    decoded = decode(tmp_path / "a.mp4", 1).pixels_TCHW[0]
    assert decoded.shape == (3, 16, 18)
    assert decoded[:, 14:, :].min() > 180
    assert decoded[:, :, 16:].min() > 180
    assert decoded[:, :13, :15].max() < 70


def test_one_frame(tmp_path: Path) -> None:
    encode(tmp_path / "a.mp4", moving_square(1), 5)
    assert probe(tmp_path / "a.mp4").frames == 1
    assert probe(tmp_path / "a.mp4").seconds == pytest.approx(0.2)


def test_replaces_the_old_file_and_leaves_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("old")
    encode(tmp_path / "a.mp4", moving_square(), 8)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
    assert probe(tmp_path / "a.mp4").frames == 6


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"gone/a\.mp4: the video cannot be written"):
        encode(tmp_path / "gone" / "a.mp4", moving_square(), 8)


def test_a_folder_in_the_way_leaves_no_temporary_file(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").mkdir()
    with pytest.raises(VideoError):
        encode(tmp_path / "a.mp4", moving_square(), 8)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


@pytest.mark.parametrize(
    ("pixels", "fps", "crf"),
    [
        (np.zeros((2, 3, 8, 8), dtype=np.float32), 8, 18),
        (np.zeros((2, 8, 8, 3), dtype=np.uint8), 8, 18),
        (np.zeros((0, 3, 8, 8), dtype=np.uint8), 8, 18),
        (np.zeros((2, 3, 8, 8), dtype=np.uint8), 0, 18),
        (np.zeros((2, 3, 8, 8), dtype=np.uint8), 8, 0),
        (np.zeros((2, 3, 8, 8), dtype=np.uint8), 8, 52),
    ],
)
def test_refuses_wrong_input(tmp_path: Path, pixels: Pixels, fps: int, crf: int) -> None:
    with pytest.raises(ValueError, match="need"):
        encode(tmp_path / "a.mp4", pixels, fps, crf=crf)
    assert list(tmp_path.iterdir()) == []


def planes_of(
    luma: int, blue: int, red: int, frames: int = 3, height: int = 20, width: int = 36
) -> list[Pixels]:
    """Frames of one colour, in a size whose rows the encoder's own memory does not lay side by side."""
    luma_rows = np.full((height, width), luma, dtype=np.uint8)
    chroma = np.repeat(np.array([blue, red], dtype=np.uint8), height * width // 4)
    return [np.concatenate([luma_rows, chroma.reshape(height // 2, width)])] * frames


def test_planes_are_written_as_they_are(tmp_path: Path) -> None:
    encode_i420(tmp_path / "a.mp4", planes_of(120, 90, 200), 30, (20, 36), crf=1)
    with av.open(str(tmp_path / "a.mp4")) as container:
        frames = [frame.to_ndarray() for frame in container.decode(video=0)]
    assert len(frames) == 3
    for frame, expected in zip(frames, planes_of(120, 90, 200), strict=True):
        assert np.abs(frame.astype(int) - expected).max() <= 1


def test_a_frame_may_be_overwritten_once_the_next_is_asked_for(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pictures = rng.integers(16, 235, (8, 24, 16), dtype=np.uint8)

    def reused() -> Iterator[Pixels]:
        memory = np.empty((24, 16), dtype=np.uint8)
        for picture in pictures:
            memory[:] = picture
            yield memory

    encode_i420(tmp_path / "a.mp4", reused(), 30, (16, 16))
    encode_i420(tmp_path / "b.mp4", list(pictures), 30, (16, 16))
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()


@pytest.mark.parametrize(
    ("planes", "size"),
    [
        (planes_of(1, 1, 1), (20, 35)),
        (planes_of(1, 1, 1), (22, 36)),
        ([np.zeros((30, 36), dtype=np.float32)], (20, 36)),
    ],
)
def test_refuses_planes_of_another_size_or_type(
    tmp_path: Path, planes: list[npt.NDArray[Any]], size: tuple[int, int]
) -> None:
    with pytest.raises(ValueError, match="need"):
        encode_i420(tmp_path / "a.mp4", planes, 30, size)
    assert list(tmp_path.iterdir()) == []
