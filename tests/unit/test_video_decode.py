"""Decoding: every clip shows a 12x12 square whose left edge is at x = 4 * frame and whose top is at y = 6."""

import shutil
from pathlib import Path

import av
import numpy as np
import pytest

from half_size import HALF
from retroflip.errors import DecodeError, HashMismatchError, MissingVideoError, VideoError
from retroflip.video.decode import VideoInfo, decode, probe
from retroflip.video.encode import encode
from retroflip.video.frames import Frames
from retroflip.video.hashing import sha256_file

STEADY = [
    "h264.mp4",
    "index_last.mp4",
    "fragmented.mp4",
    "hevc.mp4",
    "vp9.webm",
    "av1.webm",
    "av1.mp4",
    "h264.mov",
    "h264.mkv",
    "mpeg4.avi",
    "rotated_90.mp4",
    "rotated_180.mp4",
    "rotated_270.mp4",
    "odd_size.mp4",
    "odd_size.webm",
    "with_sound.mp4",
    "with_sound.webm",
]
EVERY = [*STEADY, "variable_rate.mp4", "variable_rate.webm"]


def corners(frames: Frames) -> list[tuple[int, int]]:
    """Left and top edge of the bright square in every frame."""
    found = []
    for picture in frames.pixels_TCHW[:, 0] > 150:
        rows, columns = np.nonzero(picture)
        found.append((int(columns.min()), int(rows.min())))
    return found


class TestFormats:
    @pytest.mark.parametrize("name", EVERY)
    def test_shows_every_frame_upright_and_in_order(self, clips: Path, name: str) -> None:
        frames = decode(clips / name, 12)
        assert corners(frames) == [(4 * index, 6) for index in range(12)]

    @pytest.mark.parametrize("name", EVERY)
    def test_colours_are_rgb(self, clips: Path, name: str) -> None:
        middle = decode(clips / name, 1).pixels_TCHW[0, :, 12, 26]
        assert np.abs(middle.astype(int) - [250, 220, 10]).max() <= 16
        corner = decode(clips / name, 1).pixels_TCHW[0, :, 40, 60]
        assert np.abs(corner.astype(int) - [20, 20, 90]).max() <= 16

    @pytest.mark.parametrize("name", STEADY)
    def test_samples_evenly_with_the_seconds_of_the_file(self, clips: Path, name: str) -> None:
        frames = decode(clips / name, 4)  # 0, 3.67, 7.33 and 11, rounded
        assert [x // 4 for x, _ in corners(frames)] == [0, 4, 7, 11]
        assert frames.seconds == pytest.approx([0, 4 / 12, 7 / 12, 11 / 12], abs=0.0011)

    @pytest.mark.parametrize("name", ["variable_rate.mp4", "variable_rate.webm"])
    def test_honours_a_variable_frame_rate(self, clips: Path, name: str) -> None:
        seconds = decode(clips / name, 12).seconds
        expected = [index / 12 for index in range(6)] + [0.5 + 0.25 * index for index in range(6)]
        assert seconds == pytest.approx(expected, abs=0.0011)

    @pytest.mark.parametrize(
        ("name", "codec"),
        [
            ("h264.mp4", "h264"),
            ("hevc.mp4", "hevc"),
            ("vp9.webm", "vp9"),
            ("av1.webm", "av1"),
            ("mpeg4.avi", "mpeg4"),
        ],
    )
    def test_probe_names_the_codec(self, clips: Path, name: str, codec: str) -> None:
        info = probe(clips / name)
        assert info == VideoInfo(12, info.seconds, 64, 48, codec, 0)
        assert info.seconds == pytest.approx(1)

    @pytest.mark.parametrize("degrees", [90, 180, 270])
    def test_probe_gives_the_size_as_displayed(self, clips: Path, degrees: int) -> None:
        info = probe(clips / f"rotated_{degrees}.mp4")
        assert (info.width, info.height, info.rotation) == (64, 48, degrees)

    def test_probe_of_a_variable_rate_counts_the_last_frame(self, clips: Path) -> None:
        assert probe(clips / "variable_rate.webm").seconds == pytest.approx(1.833)

    @pytest.mark.parametrize("name", ["odd_size.mp4", "odd_size.webm"])
    def test_keeps_odd_sizes(self, clips: Path, name: str) -> None:
        assert decode(clips / name, 2).pixels_TCHW.shape == (2, 3, 49, 65)


def remux_with_matrix(source: Path, target: Path, matrix: list[int]) -> None:
    with av.open(str(source)) as before, av.open(str(target), "w") as after:
        stream = after.add_stream_from_template(before.streams.video[0])
        stream.set_display_matrix(matrix)
        for packet in before.demux(video=0):
            if packet.size:
                packet.stream = stream
                after.mux(packet)


class TestDisplayMatrix:
    """The matrix (a b u, c d v, x y w) shows the stored pixel (x, y) at (ax + cy, bx + dy)."""

    @pytest.mark.parametrize(
        ("a", "b", "c", "d", "square"),
        [
            (-1, 0, 0, 1, (52, 6)),  # mirrored left to right: 64 - 12
            (1, 0, 0, -1, (0, 30)),  # upside down: 48 - 18
            (0, 1, 1, 0, (6, 0)),  # transposed
            (0, -1, -1, 0, (30, 52)),  # transposed over the other diagonal
            (0, 0, 0, 0, (0, 6)),  # never filled in
        ],
    )
    def test_applies_mirrors(
        self, clip: Path, tmp_path: Path, a: int, b: int, c: int, d: int, square: tuple[int, int]
    ) -> None:
        one = 1 << 16
        remux_with_matrix(clip, tmp_path / "m.mp4", [a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30])
        assert corners(decode(tmp_path / "m.mp4", 12))[0] == square

    def test_refuses_a_slanted_picture(self, clip: Path, tmp_path: Path) -> None:
        half = 46341  # cos 45 degrees in 16.16
        remux_with_matrix(clip, tmp_path / "m.mp4", [half, half, 0, -half, half, 0, 0, 0, 1 << 30])
        with pytest.raises(DecodeError, match="quarter turn"):
            decode(tmp_path / "m.mp4", 2)


def cut_at_second_keyframe(target: Path) -> None:
    """Write frames 7 to 59 of a video whose frame i is grey 4 i; frame 7 needs frame 6 and cannot be decoded."""
    options = {"x264-params": "open-gop=1:keyint=8:min-keyint=8:bframes=2:b-adapt=0:scenecut=0"}
    whole = target.with_name("whole.mkv")
    with av.open(str(whole), "w") as container:
        stream = container.add_stream("libx264", rate=10, options=options)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index in range(60):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 4 * index, dtype=np.uint8))
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with av.open(str(whole)) as before, av.open(str(target), "w") as after:
        copy = after.add_stream_from_template(before.streams.video[0])
        keyframes = 0
        for packet in before.demux(video=0):
            keyframes += packet.is_keyframe
            if packet.size and keyframes >= 2:
                packet.stream = copy
                after.mux(packet)


class TestSampling:
    def test_a_short_clip_repeats_frames(self, clip: Path) -> None:
        frames = decode(clip, 23)  # every half step of 0..11; a half rounds towards the nearer end
        order = [x // 4 for x, _ in corners(frames)]
        assert order == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11]
        assert frames.seconds[0] == frames.seconds[1] == 0

    def test_counts_what_decodes_where_a_cut_left_frames_without_their_past(self, tmp_path: Path) -> None:
        cut_at_second_keyframe(
            tmp_path / "cut.mkv"
        )  # 53 coded frames, the second of which refers to before the cut
        frames = decode(tmp_path / "cut.mkv", 4)  # frames 0, 17, 34 and 51 of 52, which were 8, 25, 42 and 59
        assert frames.seconds == pytest.approx([0, 1.7, 3.4, 5.1])
        grey = frames.pixels_TCHW[:, 0, 5, 5].astype(int)
        assert np.abs(grey - 4 * np.array([8, 25, 42, 59])).max() <= 2
        assert probe(tmp_path / "cut.mkv").frames == 52

    def test_max_side_shrinks_the_longer_side_only(self, clip: Path) -> None:
        assert decode(clip, 2, max_side=32).pixels_TCHW.shape == (2, 3, 24, 32)
        assert decode(clip, 2, max_side=640).pixels_TCHW.shape == (2, 3, 48, 64)
        assert decode(clip, 2, max_side=1).pixels_TCHW.shape == (2, 3, 1, 1)

    def test_max_side_of_a_turned_video_keeps_the_picture(self, clips: Path) -> None:
        frames = decode(clips / "rotated_90.mp4", 12, max_side=32)
        assert frames.pixels_TCHW.shape == (12, 3, 24, 32)
        assert corners(frames)[4] == (8, 3)

    @pytest.mark.parametrize("name", ["h264.mp4", "rotated_90.mp4"])
    def test_a_fit_resizes_every_upright_frame_once(self, clips: Path, name: str) -> None:
        shown, fitted = decode(clips / name, 5), decode(clips / name, 5, fit=HALF.video)
        assert np.array_equal(fitted.pixels_TCHW, shown.pixels_TCHW[:, :, ::2, ::2])
        assert (shown.fitted, fitted.fitted) == (False, True)
        assert fitted.pixels_TCHW.flags.c_contiguous
        with pytest.raises(ValueError, match="max_side and fit both"):
            decode(clips / name, 5, max_side=32, fit=HALF.video)

    def test_pixels_are_one_block_of_memory(self, clips: Path) -> None:
        assert decode(clips / "rotated_180.mp4", 3).pixels_TCHW.flags.c_contiguous

    @pytest.mark.parametrize(("frames", "max_side"), [(0, None), (-1, None), (4, 0)])
    def test_refuses_counts_under_one(self, clip: Path, frames: int, max_side: int | None) -> None:
        with pytest.raises(ValueError, match="at least 1"):
            decode(clip, frames, max_side=max_side)


class TestBadFiles:
    def test_missing(self, tmp_path: Path) -> None:
        with pytest.raises(MissingVideoError, match=r"gone\.mp4: no such video file"):
            decode(tmp_path / "gone.mp4", 2)

    def test_missing_behind_a_dead_link(self, tmp_path: Path) -> None:
        (tmp_path / "link.mp4").symlink_to(tmp_path / "gone.mp4")
        with pytest.raises(MissingVideoError):
            decode(tmp_path / "link.mp4", 2)

    def test_name_too_long_for_the_file_system(self, tmp_path: Path) -> None:
        with pytest.raises(VideoError):
            decode(tmp_path / ("x" * 5000), 2)

    def test_directory(self, tmp_path: Path) -> None:
        with pytest.raises(DecodeError, match="not a file"):
            decode(tmp_path, 2)

    def test_empty(self, tmp_path: Path) -> None:
        (tmp_path / "empty.mp4").touch()
        with pytest.raises(DecodeError, match="empty"):
            decode(tmp_path / "empty.mp4", 2)

    @pytest.mark.parametrize("name", ["notes.txt", "notes.mp4", "list.m3u8", "list.ffconcat"])
    def test_text_whatever_its_name(self, clip: Path, tmp_path: Path, name: str) -> None:
        shutil.copy(clip, tmp_path / "other.mp4")
        lines = {
            "list.m3u8": "#EXTM3U\n#EXTINF:1,\nother.mp4\n",
            "list.ffconcat": "ffconcat version 1.0\nfile other.mp4\n",
        }
        (tmp_path / name).write_text(lines.get(name, "not a video\n" * 50))
        with pytest.raises(DecodeError, match="cannot be read as a video"):
            decode(tmp_path / name, 2)

    @pytest.mark.parametrize("name", ["sound_only.m4a", "sound_and_cover.m4a"])
    def test_sound_without_video(self, clips: Path, name: str) -> None:
        with pytest.raises(DecodeError, match="no video stream"):
            decode(clips / name, 2)

    def test_zero_frames(self, tmp_path: Path) -> None:
        with av.open(str(tmp_path / "none.mkv"), "w") as container:
            container.add_stream("mpeg4", rate=12, width=64, height=48)
            container.start_encoding()
        with pytest.raises(DecodeError):
            decode(tmp_path / "none.mkv", 2)

    @pytest.mark.parametrize("name", [name for name in EVERY if name != "fragmented.mp4"])
    @pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
    def test_cut_short(self, clips: Path, tmp_path: Path, name: str, share: float) -> None:
        content = (clips / name).read_bytes()
        (tmp_path / name).write_bytes(content[: int(len(content) * share)])
        with pytest.raises(DecodeError):
            decode(tmp_path / name, 2)

    def test_a_cut_names_the_bytes_that_are_missing(self, clip: Path, tmp_path: Path) -> None:
        (tmp_path / "cut.mp4").write_bytes(clip.read_bytes()[:-100])
        with pytest.raises(DecodeError, match="cut short: 100 bytes"):
            decode(tmp_path / "cut.mp4", 2)

    def test_a_cut_fragmented_file_keeps_whole_fragments_only(self, clips: Path, tmp_path: Path) -> None:
        content = (clips / "fragmented.mp4").read_bytes()
        for length in range(0, len(content), 7):
            (tmp_path / "cut.mp4").write_bytes(content[:length])
            try:
                assert probe(tmp_path / "cut.mp4").frames in (4, 8, 12)
            except DecodeError:
                continue

    def test_junk_behind_the_video_is_no_cut(self, clip: Path, tmp_path: Path) -> None:
        (tmp_path / "padded.mp4").write_bytes(clip.read_bytes() + b"\xffJUNKJUNK" * 4)
        assert len(decode(tmp_path / "padded.mp4", 12)) == 12

    @pytest.mark.parametrize("name", ["h264.mp4", "vp9.webm", "av1.mp4", "hevc.mp4", "mpeg4.avi", "h264.mkv"])
    def test_damage_raises_named_errors_only(self, clips: Path, tmp_path: Path, name: str) -> None:
        content = (clips / name).read_bytes()
        rng = np.random.default_rng(0)
        for _ in range(40):
            damaged = bytearray(content)
            for place in rng.integers(len(content), size=3):
                damaged[place] ^= int(rng.integers(1, 256))
            (tmp_path / name).write_bytes(damaged)
            try:
                assert len(decode(tmp_path / name, 5)) == 5
            except VideoError as error:
                assert str(tmp_path / name) in str(error)  # noqa: PT017 - an error is allowed, not required

    def test_one_changed_byte_breaks_the_hash(self, clip: Path, tmp_path: Path) -> None:
        sha256 = sha256_file(clip)
        assert len(decode(clip, 2, sha256=sha256.upper())) == 2
        damaged = bytearray(clip.read_bytes())
        damaged[-40] ^= 1
        (tmp_path / "damaged.mp4").write_bytes(damaged)
        with pytest.raises(HashMismatchError, match=rf"manifest says {sha256}"):
            decode(tmp_path / "damaged.mp4", 2, sha256=sha256)


def test_every_clip_is_small(clips: Path) -> None:
    assert sum(path.stat().st_size for path in clips.iterdir()) < 200_000


def test_a_video_too_narrow_for_models_is_a_decode_error(tmp_path: Path) -> None:
    encode(tmp_path / "narrow.mp4", np.zeros((4, 3, 2, 404), dtype=np.uint8), fps=10)
    with pytest.raises(DecodeError, match="404 x 2"):
        decode(tmp_path / "narrow.mp4", 2)
