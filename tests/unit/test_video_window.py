"""Parts of videos. The clips have 12 frames at 12 a second; the left edge of their square is at x = 4 * frame."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retroflip.data.dataset import VideoDataset, check
from retroflip.data.sample import ProblemType, Sample
from retroflip.errors import DecodeError
from retroflip.video.decode import all_frames, decode
from retroflip.video.frames import Frames
from retroflip.video.transforms import reverse
from retroflip.video.window import Window


def shown(frames: Frames) -> list[int]:
    """Which frames of the clip these are."""
    return [int(np.nonzero(picture > 150)[1].min()) // 4 for picture in frames.pixels_TCHW[:, 0]]


class TestDecode:
    @pytest.mark.parametrize("name", ["h264.mp4", "vp9.webm", "mpeg4.avi", "rotated_90.mp4"])
    def test_spreads_frames_over_the_part_and_keeps_their_seconds(self, clips: Path, name: str) -> None:
        # 0.25 s to 0.75 s without the latter: the frames 3 to 8; of six, 0, 1.67, 3.33 and 5, rounded
        frames = decode(clips / name, 4, window=Window(0.24, 0.74))
        assert shown(frames) == [3, 5, 6, 8]
        assert frames.seconds == pytest.approx([3 / 12, 5 / 12, 6 / 12, 8 / 12], abs=0.0011)

    def test_is_what_all_frames_gives_of_it(self, clips: Path) -> None:
        path = clips / "variable_rate.mp4"
        every = list(all_frames(path, 0.4, 1.3))
        frames = decode(path, len(every), window=Window(0.4, 1.3))
        assert frames.seconds == tuple(second for _, second in every)
        assert np.array_equal(frames.pixels_TCHW, np.stack([pixels for pixels, _ in every]))

    def test_the_whole_as_a_part_is_the_whole(self, clips: Path) -> None:
        whole, part = decode(clips / "h264.mp4", 5), decode(clips / "h264.mp4", 5, window=Window())
        assert whole.seconds == part.seconds
        assert np.array_equal(whole.pixels_TCHW, part.pixels_TCHW)

    def test_a_part_between_two_frames_is_the_one_on_screen(self, clips: Path) -> None:
        frames = decode(
            clips / "h264.mp4", 2, window=Window(0.52, 0.55)
        )  # frame 6 is shown from 0.5 to 0.583
        assert shown(frames) == [6, 6]

    def test_an_end_that_was_rounded_up_is_the_videos(self, clips: Path) -> None:
        assert shown(decode(clips / "h264.mp4", 2, window=Window(0.5, 1.9))) == [6, 11]

    def test_playing_a_part_backwards_stays_in_the_part(self, clips: Path) -> None:
        backwards = reverse(decode(clips / "h264.mp4", 6, window=Window(0.25, 0.75)))
        assert shown(backwards) == [8, 7, 6, 5, 4, 3]
        assert backwards.seconds == pytest.approx([index / 12 for index in range(3, 9)], abs=0.0011)

    @pytest.mark.parametrize(
        ("window", "message"),
        [
            (Window(1.0, 2.0), "the part 1 to 2 s lies behind the end of the video, which has 1.00 seconds"),
            (Window(0.5, 40.0), "the part 0.5 to 40 s lies behind the end"),
            (Window(0.5, 0.5), "the part 0.5 to 0.5 s is none"),
            (Window(-1.0, 0.5), "the part -1 to 0.5 s is none"),
            (Window(7.0), "the part 7 to its end lies behind"),
        ],
    )
    def test_a_part_that_is_not_there_is_named(self, clips: Path, window: Window, message: str) -> None:
        with pytest.raises(DecodeError, match=rf"h264\.mp4: {message}"):
            decode(clips / "h264.mp4", 4, window=window)


@pytest.fixture
def ask(clips: Path) -> Callable[..., VideoDataset]:
    def ask(*parts: tuple[float | None, float | None]) -> VideoDataset:
        samples = [
            Sample(
                id=str(place),
                video="h264.mp4",
                start=start,
                end=end,
                question="Which way?",
                options=("left", "right"),
                solution="B",
                problem_type=ProblemType.MULTIPLE_CHOICE,
                source_clip="clip",
            )
            for place, (start, end) in enumerate(parts)
        ]
        return VideoDataset(samples, clips, frames=2)

    return ask


class TestDataset:
    def test_shows_every_sample_its_part(self, ask: Callable[..., VideoDataset]) -> None:
        dataset = ask((None, 0.25), (0.5, None), (None, None))
        frames = [dataset.load(sample) for sample in dataset]
        assert [shown(one) for one in frames if one] == [[0, 2], [6, 11], [0, 11]]

    def test_a_wrong_part_fails_alone_and_its_file_is_tried_once(
        self, ask: Callable[..., VideoDataset], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from retroflip.video.isolated import ProbePool

        probed = []
        read = ProbePool.read

        def counted(self: ProbePool, path: Path, *asked: Any, **how: Any) -> Any:
            probed.append(path)
            return read(self, path, *asked, **how)

        monkeypatch.setattr(ProbePool, "read", counted)
        monkeypatch.setenv("RETROFLIP_CACHE", str(tmp_path / "cache"))
        dataset = ask((0.0, 0.5), (5.0, 6.0), (None, None))
        good = check(dataset, log=tmp_path / "failures.jsonl", max_failed_share=0.5)
        assert [sample.id for sample in good] == ["0", "2"]
        assert "lies behind the end" in (tmp_path / "failures.jsonl").read_text()
        assert len(probed) == 1


def test_the_part_of_no_bounds_is_the_whole() -> None:
    assert list(Window().indices([0.0, 1.0, 2.0])) == [0, 1, 2]
    assert Window().end == math.inf
