"""Files as the world has them: what a decoder stumbles over, clocks, shapes, cuts, pictures and sizes.

Unless noted, frame i of a video made here is grey, 8 i bright, and there are ten a second.
"""

import io
import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.container import OutputContainer
from av.stream import Disposition
from av.video.stream import VideoStream
from PIL import Image

from retroflip.errors import DecodeError
from retroflip.video import decode as module
from retroflip.video import passes
from retroflip.video.decode import all_frames, decode, probe
from retroflip.video.frames import Frames

FPS = 10


def add_stream(
    container: OutputContainer,
    codec: str,
    *,
    size: tuple[int, int] = (64, 48),
    fps: int = FPS,
    options: dict[str, str] | None = None,
) -> VideoStream:
    stream = container.add_stream(codec, rate=fps, options=options or {})
    assert isinstance(stream, VideoStream)
    stream.width, stream.height = size
    stream.bit_rate = 2_000_000
    stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    return stream


def write(container: OutputContainer, stream: VideoStream, frames: int, offset: int | None = 0) -> None:
    """Write grey frames; the stamp of the first is `offset`, and without one they have none."""
    for index in range(frames):
        frame = av.VideoFrame.from_ndarray(
            np.full((stream.height, stream.width, 3), 8 * index, dtype=np.uint8)
        )
        if offset is not None:
            frame.pts = index + offset
        container.mux(stream.encode(frame))
    container.mux(stream.encode())


def make(
    path: Path,
    codec: str = "libx264",
    frames: int = 20,
    *,
    form: str | None = None,
    options: dict[str, str] | None = None,
    pixel_aspect: Fraction | None = None,
    turn: int = 0,
    offset: int = 0,
) -> Path:
    with av.open(str(path), "w", format=form) as container:
        stream = add_stream(container, codec, options=options)
        if pixel_aspect:
            stream.codec_context.sample_aspect_ratio = pixel_aspect
        if turn:
            stream.set_display_rotation(turn)
        write(container, stream, frames, offset)
    return path


def noise(path: Path, codec: str, form: str, frames: int) -> None:
    """Write pictures that take some thousand bytes each, without any that refer to later ones."""
    rng = np.random.default_rng(0)
    with av.open(str(path), "w", format=form) as container:
        stream = add_stream(container, codec, options={"bf": "0"})
        for index in range(frames):
            pixels_HWC = rng.integers(0, 256, size=(stream.height, stream.width, 3), dtype=np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels_HWC, format="rgb24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def numbers(frames: Frames) -> list[int]:
    """Which frames these are, by their brightness."""
    return [round(float(picture.mean()) / 8) for picture in frames.pixels_TCHW]


def assert_steady(path: Path, frames: int, first: int = 0) -> None:
    """All frames are there, in order, frame i at i / FPS."""
    found = decode(path, frames)
    assert numbers(found) == list(range(first, first + frames))
    assert found.seconds == pytest.approx([index / FPS for index in range(frames)], abs=0.001)
    info = probe(path)
    assert info.frames == frames
    assert info.seconds == pytest.approx(frames / FPS, abs=0.002)


B_FRAMES = {"bf": "2", "x264-params": "b-adapt=0:bframes=2"}


class TestClocks:
    @pytest.mark.parametrize("codec", ["libx264", "mpeg4", "mjpeg"])
    def test_avi(self, tmp_path: Path, codec: str) -> None:
        """AVI has no presentation stamps, so B-frames are timed by the packets' places."""
        assert_steady(make(tmp_path / "a.avi", codec, options=B_FRAMES if codec != "mjpeg" else None), 20)

    def test_packed_b_frames(self, clips: Path) -> None:
        frames = decode(clips / "packed_b_frames.avi", 25)
        bars = frames.pixels_TCHW[:, 0, 120, 16::32] > 128
        assert (bars @ (2 ** np.arange(10))).tolist() == list(range(25))
        assert frames.seconds == pytest.approx([index / 25 for index in range(25)])

    @pytest.mark.parametrize(("codec", "form"), [("libx264", "h264"), ("libx265", "hevc")])
    def test_raw_streams_know_their_rate(self, tmp_path: Path, codec: str, form: str) -> None:
        options = B_FRAMES if form == "h264" else {"x265-params": "log-level=none"}
        assert_steady(make(tmp_path / "a.bin", codec, form=form, options=options), 20)

    @pytest.mark.parametrize("codec", ["libx264", "mpeg2video"])
    @pytest.mark.parametrize("second", [0, 3, 30_000])
    def test_transport_streams_one_behind_the_other(self, tmp_path: Path, codec: str, second: int) -> None:
        """The second part's clock starts at `second` tenths, while the first part's has come to 12."""
        one = make(tmp_path / "1.ts", codec, 12, options=B_FRAMES)
        two = make(tmp_path / "2.ts", codec, 12, options=B_FRAMES, offset=second)
        (tmp_path / "both.ts").write_bytes(one.read_bytes() + two.read_bytes())
        frames = decode(tmp_path / "both.ts", 24)
        assert numbers(frames) == 2 * list(range(12))
        assert frames.seconds == pytest.approx([index / FPS for index in range(24)], abs=0.001)

    @pytest.mark.parametrize(
        ("codec", "form"),
        [
            ("libx264", "mpegts"),
            ("mpeg2video", "mpegts"),
            ("libx264", "h264"),
            ("flv", "flv"),
            ("mpeg2video", "mpeg"),
        ],
    )
    def test_a_recording_cut_inside_a_picture_lacks_that_picture(
        self, tmp_path: Path, codec: str, form: str
    ) -> None:
        """Wherever it is cut, the frames before are there and right, and a picture that is left out is told."""
        path, cut = tmp_path / "whole", tmp_path / "cut"
        noise(path, codec, form, frames=12)
        whole, pictures_TCHW = path.read_bytes(), decode(path, 12).pixels_TCHW
        assert not probe(path).cut
        found = []
        for lost in (1, 300, 2_000, 4_000, 7_000):
            cut.write_bytes(whole[:-lost])
            info = probe(cut)
            assert np.array_equal(decode(cut, info.frames).pixels_TCHW, pictures_TCHW[: info.frames])
            found.append(info)
        assert any(info.cut for info in found)
        assert 12 >= found[0].frames >= found[-1].frames >= 8

    @pytest.mark.parametrize(
        ("codec", "form"), [("mpeg2video", "mpegts"), ("flv", "flv"), ("mpeg2video", "mpeg")]
    )
    def test_damage_before_the_end_is_no_cut(self, tmp_path: Path, codec: str, form: str) -> None:
        noise(tmp_path / "a", codec, form, frames=12)
        data = bytearray((tmp_path / "a").read_bytes())
        data[len(data) // 2 : len(data) // 2 + 2_000] = bytes(2_000)
        (tmp_path / "a").write_bytes(data)
        with pytest.raises(DecodeError, match="damaged"):
            probe(tmp_path / "a")

    @pytest.mark.parametrize("codec", ["mpeg1video", "mpeg2video"])
    def test_program_streams_stamp_some_pictures_only(self, tmp_path: Path, codec: str) -> None:
        with av.open(str(tmp_path / "a.mpg"), "w") as container:
            stream = add_stream(container, codec, fps=25, options={"bf": "2"})
            write(container, stream, 20, offset=None)
        frames = decode(tmp_path / "a.mpg", 20)
        assert numbers(frames) == list(range(20))
        assert frames.seconds == pytest.approx([index / 25 for index in range(20)], abs=0.001)


def with_exif(jpeg: bytes, orientation: int) -> bytes:
    """A JPEG picture with the EXIF block of a camera that was held in this way."""
    tiff = b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    block = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + jpeg[2:]


class TestSideData:
    @pytest.mark.parametrize(
        ("orientation", "shape", "bright"),
        [
            (1, (48, 64), np.s_[:, :32]),
            (2, (48, 64), np.s_[:, 32:]),  # mirrored
            (3, (48, 64), np.s_[:, 32:]),  # upside down
            (6, (64, 48), np.s_[:32, :]),  # a quarter turn clockwise takes the left to the top
            (8, (64, 48), np.s_[32:, :]),
        ],
    )
    def test_exif_in_motion_jpeg(
        self, tmp_path: Path, orientation: int, shape: tuple[int, int], bright: tuple[slice, slice]
    ) -> None:
        """PyAV cannot list side data that is newer than itself."""
        picture = np.zeros((48, 64, 3), dtype=np.uint8)
        picture[:, :32] = 200
        jpeg = io.BytesIO()
        Image.fromarray(picture).save(jpeg, "JPEG")
        with av.open(str(tmp_path / "camera.avi"), "w") as container:
            stream = add_stream(container, "mjpeg")
            for index in range(3):
                packet = av.Packet(with_exif(jpeg.getvalue(), orientation))
                packet.stream, packet.time_base = stream, Fraction(1, FPS)
                packet.pts = packet.dts = index
                packet.is_keyframe = True
                container.mux(packet)
        found = decode(tmp_path / "camera.avi", 3).pixels_TCHW[1, 0]
        assert found.shape == shape
        assert found[bright].mean() > 195
        assert found.mean() == pytest.approx(100, abs=3)

    def test_whatever_is_raised_about_a_file_is_its_failure(
        self, clip: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(*_: object) -> None:
            raise ValueError("99 is not a valid Thing")

        monkeypatch.setattr(passes, "display_of", broken)
        with pytest.raises(DecodeError, match=r"h264\.mp4: cannot be read.*99 is not a valid Thing"):
            decode(clip, 2)


class TestStreams:
    @pytest.mark.parametrize("default", [0, 1])
    def test_the_default_stream_is_meant(self, tmp_path: Path, default: int) -> None:
        with av.open(str(tmp_path / "two.mkv"), "w") as container:
            streams = [add_stream(container, "mpeg4", size=(64 + 32 * number, 48)) for number in range(2)]
            streams[default].disposition = Disposition.default
            streams[1 - default].disposition = Disposition(0)
            for stream in streams:
                write(container, stream, 6)
        assert probe(tmp_path / "two.mkv").width == 64 + 32 * default

    @pytest.mark.parametrize(
        ("pixel_aspect", "width"), [(Fraction(4, 3), 85), (Fraction(1, 2), 32), (Fraction(1), 64)]
    )
    @pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
    def test_pixels_that_are_not_square(
        self, tmp_path: Path, name: str, pixel_aspect: Fraction, width: int
    ) -> None:
        path = make(tmp_path / name, pixel_aspect=pixel_aspect)
        assert decode(path, 2).pixels_TCHW.shape == (2, 3, 48, width)
        assert (probe(path).width, probe(path).height) == (width, 48)

    def test_a_turned_video_is_widened_before_it_is_turned(self, tmp_path: Path) -> None:
        path = make(tmp_path / "a.mp4", pixel_aspect=Fraction(3, 2), turn=90)
        assert decode(path, 2).pixels_TCHW.shape == (2, 3, 96, 48)
        assert decode(path, 2, max_side=48).pixels_TCHW.shape == (2, 3, 48, 24)


LONG_GROUPS = {
    "libx264": {"x264-params": "keyint=15:min-keyint=15:scenecut=0"},
    "mpeg2video": {"g": "15", "bf": "2", "sc_threshold": "1000000000"},
}


def cut(source: Path, target: Path, packets: slice) -> Path:
    """Copy some of the packets."""
    with av.open(str(source)) as before, av.open(str(target), "w") as after:
        stream = after.add_stream_from_template(before.streams.video[0])
        kept = [packet for packet in before.demux(video=0) if packet.size][packets]
        for packet in kept:
            packet.stream = stream
            after.mux(packet)
    return target


class TestCuts:
    @pytest.mark.parametrize("codec", LONG_GROUPS)
    @pytest.mark.parametrize("name", ["cut.ts", "cut.mkv"])
    def test_a_recording_begins_with_its_first_key_frame(self, tmp_path: Path, codec: str, name: str) -> None:
        whole = make(tmp_path / "whole.ts", codec, 30, options=LONG_GROUPS[codec])
        assert_steady(cut(whole, tmp_path / name, slice(4, None)), 15, first=15)

    def test_an_edit_list_may_begin_behind_the_key_frame(self, tmp_path: Path) -> None:
        with av.open(str(tmp_path / "a.mp4"), "w", options={"avoid_negative_ts": "disabled"}) as container:
            write(container, add_stream(container, "libx264", options=B_FRAMES), 20, offset=-5)
        assert_steady(tmp_path / "a.mp4", 15, first=5)

    def test_a_picture_that_is_refreshed_bit_by_bit_is_shown_once_it_is_whole(self, tmp_path: Path) -> None:
        options = {"x264-params": "intra-refresh=1:keyint=10:bframes=0:scenecut=0"}
        whole = make(tmp_path / "whole.ts", frames=30, options=options)
        frames = decode(cut(whole, tmp_path / "cut.ts", slice(4, None)), 4)
        assert 4 < numbers(frames)[0] < 25
        assert numbers(frames)[-1] == 29

    @pytest.mark.parametrize("codec", LONG_GROUPS)
    def test_without_a_key_frame_the_reason_is_told(self, tmp_path: Path, codec: str) -> None:
        whole = make(tmp_path / "whole.ts", codec, 30, options=LONG_GROUPS[codec])
        with pytest.raises(DecodeError, match="none of its 8 frames is a key frame"):
            decode(cut(whole, tmp_path / "cut.ts", slice(4, 12)), 2)


def gif(frames: int, tail: bytes = b"", size: tuple[int, int] = (32, 24)) -> bytes:
    """An animated GIF with `tail` in front of its last byte; `size` is told, the pictures are 32 x 24."""
    pictures = [Image.fromarray(np.full((24, 32), 8 * index, dtype=np.uint8)) for index in range(frames)]
    stream = io.BytesIO()
    pictures[0].save(stream, "GIF", save_all=True, append_images=pictures[1:], duration=100)
    content = stream.getvalue()
    return content[:6] + struct.pack("<HH", *size) + content[10:-1] + tail + content[-1:]


class TestPictures:
    @pytest.mark.parametrize(
        "tail",
        [b"", b"\x21\xfe\x05hello\0", b"\x21\xff\x0bXMP DataXMP\x04abcd\0", b"\x21\xf9\x04\0\x0a\0\0\0"],
    )
    def test_a_gif_may_end_in_a_remark(self, tmp_path: Path, tail: bytes) -> None:
        (tmp_path / "a.gif").write_bytes(gif(5, tail))
        assert_steady(tmp_path / "a.gif", 5)

    def test_a_gif_of_one_picture_is_a_still(self, tmp_path: Path) -> None:
        (tmp_path / "a.gif").write_bytes(gif(1))
        with pytest.raises(DecodeError, match="still picture"):
            decode(tmp_path / "a.gif", 2)

    @pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "BMP", "TIFF", "AVIF"])
    @pytest.mark.parametrize("animated", [False, True])
    def test_pictures_are_refused_by_name(self, tmp_path: Path, form: str, animated: bool) -> None:
        pictures = [Image.fromarray(np.full((24, 32, 3), 40 * index, dtype=np.uint8)) for index in range(3)]
        more = (
            {"save_all": True, "append_images": pictures[1:]}
            if animated and form not in ("JPEG", "BMP")
            else {}
        )
        pictures[0].save(tmp_path / "a.mp4", form, **more)
        with pytest.raises(DecodeError, match=rf"is a picture \({form}\)".replace("WEBP", "WebP")):
            decode(tmp_path / "a.mp4", 2)


@pytest.mark.parametrize(("form", "codec"), [("nut", "ffv1"), ("yuv4mpegpipe", "rawvideo")])
def test_other_formats_are_refused_with_the_names_of_those_that_are_read(
    tmp_path: Path, form: str, codec: str
) -> None:
    make(tmp_path / "a.mp4", codec, 4, form=form)
    with pytest.raises(DecodeError, match="its format is none of MP4, MOV"):
        decode(tmp_path / "a.mp4", 2)


class TestLimits:
    def test_a_large_picture_is_refused_before_it_is_decoded(self, tmp_path: Path) -> None:
        (tmp_path / "a.gif").write_bytes(gif(2, size=(8192, 8192)))
        with pytest.raises(DecodeError, match="8192 x 8192 pixels, and 35389440 are the limit"):
            decode(tmp_path / "a.gif", 2)

    def test_the_largest_of_television_is_not(self, tmp_path: Path) -> None:
        (tmp_path / "a.gif").write_bytes(gif(2, size=(7680, 4320)))
        assert decode(tmp_path / "a.gif", 2, max_side=64).pixels_TCHW.shape == (2, 3, 36, 64)

    def test_the_result_is_limited_by_what_is_asked_for(
        self, clip: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "MAX_PIXELS", 4 * 64 * 48)
        assert len(decode(clip, 4)) == 4
        assert len(decode(clip, 16, max_side=32)) == 16
        with pytest.raises(DecodeError, match="5 frames of 64 x 48 pixels are more than 12288"):
            decode(clip, 5)

    def test_time_is_limited(self, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "MAX_SECONDS", 0.0)
        with pytest.raises(DecodeError, match="not decoded after 0 seconds"):
            decode(clip, 2)


class TestAllFrames:
    @pytest.fixture
    def video(self, tmp_path: Path) -> Path:
        return make(tmp_path / "a.mp4")

    def test_gives_every_frame_with_its_second(self, video: Path) -> None:
        pixels, seconds = zip(*all_frames(video), strict=True)
        whole = decode(video, 20)
        assert np.array_equal(np.stack(pixels), whole.pixels_TCHW)
        assert seconds == whole.seconds

    def test_a_window_holds_its_start_and_not_its_end(self, video: Path) -> None:
        assert [seconds for _, seconds in all_frames(video, 0.5, 0.8)] == pytest.approx([0.5, 0.6, 0.7])
        assert list(all_frames(video, 3, 4)) == []

    def test_shrinks(self, video: Path) -> None:
        assert {pixels.shape for pixels, _ in all_frames(video, max_side=32)} == {(3, 24, 32)}

    def test_refuses_before_the_first_frame(self, tmp_path: Path) -> None:
        (tmp_path / "a.mp4").write_bytes(b"no video" * 100)
        frames: Iterator[object] = all_frames(tmp_path / "a.mp4")
        with pytest.raises(DecodeError):
            next(frames)
