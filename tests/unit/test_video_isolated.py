"""Videos in processes of their own, with files and limits at which a decoder really hangs, dies or takes too much."""

import os
import signal
import struct
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retroflip.errors import DecodeError, HashMismatchError, MissingVideoError
from retroflip.video.decode import probe
from retroflip.video.isolated import ProbePool


@pytest.fixture(scope="module")
def heavy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GIF of a few kilobytes whose 400 frames have 33 million pixels each: minutes of work."""
    path = tmp_path_factory.mktemp("heavy") / "heavy.gif"
    pictures = [Image.fromarray(np.full((24, 32), index % 250, dtype=np.uint8)) for index in range(400)]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=100)
    content = path.read_bytes()
    path.write_bytes(content[:6] + struct.pack("<HH", 8192, 4096) + content[10:])
    return path


def children() -> set[int]:
    """The processes that this one has started and that still run."""
    tasks = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    return {int(child) for task in tasks for child in task.read_text().split()}


def test_answers_as_probe_does(clips: Path, tmp_path: Path) -> None:
    names = ["h264.mp4", "vp9.webm", "rotated_90.mp4", "mpeg4.avi"]
    with ProbePool(2) as pool, ThreadPoolExecutor(4) as threads:
        assert list(threads.map(lambda name: pool.probe(clips / name), names)) == [
            probe(clips / name) for name in names
        ]
        with pytest.raises(MissingVideoError, match=r"gone\.mp4: no such video file"):
            pool.probe(tmp_path / "gone.mp4")
        with pytest.raises(HashMismatchError, match="manifest says 00"):
            pool.probe(clips / "h264.mp4", sha256="00")
        with pytest.raises(DecodeError, match="no video stream"):
            pool.probe(clips / "sound_only.m4a")


def test_a_file_that_keeps_the_decoder_busy_is_given_up(heavy: Path, clip: Path) -> None:
    with ProbePool(1, max_seconds=2) as pool:
        begun = time.monotonic()
        with pytest.raises(
            DecodeError, match=r"heavy\.gif: the decoder is not through with it after 2 seconds"
        ):
            pool.probe(heavy)
        assert time.monotonic() - begun < 10
        assert pool.probe(clip).frames == 12


def test_a_file_that_takes_too_much_memory_is_given_up(heavy: Path, clip: Path) -> None:
    with ProbePool(1, max_bytes=2**28) as pool:
        with pytest.raises(DecodeError, match="more memory than there is"):
            pool.probe(heavy)
        assert pool.probe(clip).frames == 12


def test_a_decoder_that_dies_takes_one_file_with_it(heavy: Path, clip: Path) -> None:
    before = children()
    with ProbePool(1) as pool, ThreadPoolExecutor(1) as thread:
        assert pool.probe(clip).frames == 12
        (child,) = children() - before
        answer = thread.submit(pool.probe, heavy)
        time.sleep(0.2)
        os.kill(child, signal.SIGSEGV)
        with pytest.raises(DecodeError, match=r"heavy\.gif: the decoder crashed"):
            answer.result()
        assert pool.probe(clip).frames == 12


def test_nothing_is_left_behind(heavy: Path) -> None:
    before = children()
    with ThreadPoolExecutor(1) as thread:
        with ProbePool(1) as pool:
            answer = thread.submit(pool.probe, heavy)
            while not children() - before:
                time.sleep(0.05)
        with pytest.raises(DecodeError):
            answer.result()
    assert children() == before
