"""What is told of a pair without a person: motion, what both sides share, and flags for raters."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image, ImageDraw

from made_clips import moving
from retroflip.bench.dybench.base import Axis, Candidate, Clip, SubTask
from retroflip.bench.dybench.people import Box, farthest, require_people, walking
from retroflip.bench.dybench.quality import apart, flags, motion
from retroflip.errors import UsageError
from retroflip.video.encode import encode
from retroflip.video.fingerprint import SIDE, thumbnail
from retroflip.video.frames import Pixels

VTEST = Path(os.environ.get("RETROFLIP_VTEST", "/usr/share/doc/opencv-doc/examples/data/vtest.avi"))
"""people who cross a square, of OpenCV's samples"""


def candidate(domain: str = "object", question: str = "What happens?") -> Candidate:
    return Candidate(
        "id",
        SubTask.REVERSIBLE,
        Axis.REVERSAL,
        (Clip("a.mp4"),),
        question,
        ("opens", "closes"),
        0,
        1,
        "a",
        "",
        domain,
    )


def thumbnails(pixels_TCHW: Pixels) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.stack([thumbnail(picture.mean(axis=0)) for picture in pixels_TCHW])


def flagged(path: Path, pixels_TCHW: Pixels, fps: int = 12, **more: str) -> list[str]:
    encode(path, pixels_TCHW, fps)
    return [one.flag for one in flags(candidate(**more), path, thumbnails(pixels_TCHW), fps)]


def lettered(pixels_TCHW: Pixels, text: str) -> Pixels:
    """Return frames with white letters on a dark band below."""
    written = []
    for picture_CHW in pixels_TCHW:
        image = Image.fromarray(picture_CHW.transpose(1, 2, 0))
        draw = ImageDraw.Draw(image)
        draw.rectangle((0, image.height - 22, image.width, image.height), fill=(10, 10, 10))
        draw.text((6, image.height - 18), text, fill=(255, 255, 255))
        written.append(np.asarray(image).transpose(2, 0, 1))
    return np.stack(written)


def test_motion_is_in_grey_levels_and_noise_is_none() -> None:
    still = np.full((12, 3, 64, 64), 100, dtype=np.uint8)
    noise = np.random.default_rng(0).integers(-3, 4, still.shape)
    assert motion(thumbnails(still)) == 0
    assert motion(thumbnails((still + noise).astype(np.uint8))) < 4
    assert motion(thumbnails(moving(1))) > 50
    lit = still.copy()
    lit[6:, :, :16, :16] = 140
    assert motion(thumbnails(lit)) == pytest.approx(40)


@pytest.mark.parametrize(
    ("axis", "same", "other"),
    [
        (Axis.FLIP, lambda clip: clip[..., ::-1], lambda clip: clip),
        (Axis.REVERSAL, lambda clip: clip[::-1], lambda clip: clip),
        (Axis.ORDER, lambda clip: np.concatenate([clip[12:], clip[:12]]), lambda clip: clip[..., ::-1]),
    ],
)
def test_sides_are_compared_by_what_was_done(axis: Axis, same, other, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    encode(tmp_path / "v.mp4", moving(1), 12)
    encode(tmp_path / "right.mp4", same(moving(1)), 12)
    encode(tmp_path / "wrong.mp4", other(moving(1)), 12)
    right, wrong = (
        apart(tmp_path / "v.mp4", tmp_path / f"{name}.mp4", axis, 24) for name in ("right", "wrong")
    )
    assert right is not None
    assert wrong is not None
    assert right < 2 < 4 < wrong
    assert apart(tmp_path / "v.mp4", tmp_path / "wrong.mp4", Axis.GIVEN, 24) is None


def test_letters_are_flagged_and_a_picture_is_not(tmp_path: Path) -> None:
    clip = moving(2, height=180, width=320)
    assert flagged(tmp_path / "plain.mp4", clip) == []
    said = lettered(clip, "and now the news of today, read by someone")
    assert flagged(tmp_path / "said.mp4", said) == ["text"]


def test_a_spot_that_changes_once_a_second_is_a_clock(tmp_path: Path) -> None:
    pixels_TCHW = np.full((72, 3, 64, 64), 60, dtype=np.uint8)
    for index in range(72):
        pixels_TCHW[index, :, :4, :4] = 60 + 40 * (index // 12 % 2)
    assert flagged(tmp_path / "clock.mp4", pixels_TCHW) == ["clock"]
    blinking = np.full((72, 3, 64, 64), 60, dtype=np.uint8)
    for index in range(72):
        blinking[index, :, :4, :4] = 60 + 40 * (index // 5 % 2)
    assert flagged(tmp_path / "blinking.mp4", blinking) == []


@pytest.mark.parametrize(
    ("domain", "question", "expected"),
    [
        ("human", "What happens?", ["people"]),
        ("object", "What is the man doing?", ["people"]),
        ("object", "What does the dog do?", []),
        ("", "What is the mantle doing?", []),
    ],
)
def test_people_are_told_by_words(domain: str, question: str, expected: list[str], tmp_path: Path) -> None:
    assert flagged(tmp_path / "a.mp4", moving(3), domain=domain, question=question) == expected


def test_thumbnails_have_one_size() -> None:
    assert thumbnails(moving(1)).shape == (24, SIDE, SIDE)


def figure(x: float, *, y: float = 200.0, height: float = 140.0) -> Box:
    return Box(x, y, height)


def test_a_figure_that_goes_one_way_walks() -> None:
    steps = [[figure(552.0 - 30 * index), figure(100.0, y=90.0)] for index in range(5)]
    walk = farthest(steps)
    assert walk is not None
    assert (walk.pictures, walk.way) == (5, "left")
    assert walk.heights == pytest.approx(120 / 140)


@pytest.mark.parametrize(
    "boxes_T",
    [
        [],
        [[], [], []],
        [[figure(100.0 + index)] for index in range(8)],  # stands
        [[figure(100.0 + 30 * index)] for index in range(3)],  # is seen too seldom
        [[figure(100.0 + 30 * (index % 2))] for index in range(8)],  # goes to and fro
        [[figure(100.0 + 200 * index)] for index in range(8)],  # is another one each time
        [[figure(100.0 + 30 * index, height=140.0 * 1.5**index)] for index in range(4)],
    ],
)
def test_what_does_not_walk(boxes_T: list[list[Box]]) -> None:
    assert farthest(boxes_T) is None


@pytest.mark.parametrize("installed", [None, ModuleType("cv2")], ids=["none", "without the detector"])
def test_a_look_needs_its_package_and_words_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, installed: ModuleType | None
) -> None:
    monkeypatch.setitem(sys.modules, "cv2", installed)
    with pytest.raises(UsageError, match=r"retroflip\[people\]"):
        require_people()
    encode(tmp_path / "a.mp4", moving(3), 12)
    (flag,) = flags(candidate(domain="human"), tmp_path / "a.mp4", thumbnails(moving(3)), 12)
    assert (flag.flag, flag.sure) == ("people", "low")
    assert "no picture was looked at" in flag.why


@pytest.mark.slow
@pytest.mark.skipif(not VTEST.is_file(), reason="needs vtest.avi of Debian's opencv-doc, or RETROFLIP_VTEST")
@pytest.mark.skipif(find_spec("cv2") is None, reason="needs the extra people")
def test_people_on_a_street_walk() -> None:
    seconds = 10.0  # the middle two of its first ten seconds
    walk = walking(VTEST, seconds)
    assert walk is not None
    assert (walk.way, walk.pictures >= 4) == ("left", True)
    shown = flags(candidate(question="?"), VTEST, thumbnails(moving(3)), 2.4, looks=True)
    assert [one.sure for one in shown if one.flag == "people"] == ["medium"]
