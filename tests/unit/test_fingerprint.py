"""Fingerprints tell nearly equal videos, in all four ways, from other ones."""

from pathlib import Path

import numpy as np
import pytest

from made_clips import moving
from retroflip.video.encode import encode
from retroflip.video.fingerprint import (
    NEAR,
    SIDE,
    Fingerprint,
    Known,
    Way,
    fingerprint,
    fingerprint_file,
    near,
    thumbnail,
)
from retroflip.video.frames import Pixels


def of(pixels_TCHW: Pixels) -> Fingerprint:
    return fingerprint(np.stack([thumbnail(picture.mean(axis=0)) for picture in pixels_TCHW]))


WAYS = {
    Way.SAME: moving(1),
    Way.MIRRORED: moving(1)[..., ::-1],
    Way.REVERSED: moving(1)[::-1],
    Way.BOTH: moving(1)[::-1, ..., ::-1],
}


@pytest.mark.parametrize("way", Way)
def test_the_same_clip_is_found_in_every_way(way: Way) -> None:
    found = near(of(WAYS[way]), of(moving(1)))
    assert found is not None
    assert (found.distance, found.way) == (0.0, way)


def test_re_encoded_and_resized_copies_are_near_and_other_clips_are_not(tmp_path: Path) -> None:
    pixels_TCHW = moving(1, frames=30, height=144, width=192)
    encode(tmp_path / "good.mp4", pixels_TCHW, 12, crf=12)
    encode(tmp_path / "bad.mp4", pixels_TCHW[::2, :, ::2, ::2], 6, crf=34)
    encode(tmp_path / "darker.mp4", pixels_TCHW // 2 + 20, 12)
    encode(tmp_path / "other.mp4", moving(2, frames=30, height=144, width=192), 12)
    one = fingerprint_file(tmp_path / "good.mp4")
    distances = {}
    for name in ("bad", "darker", "other"):
        found = near(one, fingerprint_file(tmp_path / f"{name}.mp4"))
        assert found is not None
        distances[name] = found.distance
    assert distances["bad"] <= NEAR
    assert distances["darker"] <= NEAR
    assert distances["other"] > 2 * NEAR


def test_the_nearest_of_many_is_named() -> None:
    known = Known([(f"clip {seed}", of(moving(seed))) for seed in range(200)])
    found = known.nearest(of(moving(150)[::-1]))
    assert found is not None
    assert (found[0], found[1].way) == ("clip 150", Way.REVERSED)


def test_a_video_without_structure_is_like_no_other() -> None:
    black = of(np.zeros((12, 3, 64, 64), dtype=np.uint8))
    grey = of(np.full((12, 3, 64, 64), 128, dtype=np.uint8))
    assert black.text() == ""
    assert near(black, grey) is None
    assert Known([("black", black)]).nearest(of(moving(1))) is None


def test_text_gives_the_fingerprint_back_and_refuses_another() -> None:
    one = of(moving(3))
    assert Fingerprint.read(one.text()) == one
    assert Fingerprint.read("") == Fingerprint(None)
    with pytest.raises(ValueError, match="digits"):
        Fingerprint.read("12")


@pytest.mark.parametrize("shape", [(1, 1), (5, 200), (31, 33), (32, 32), (71, 95), (480, 270)])
def test_a_thumbnail_of_any_shape_keeps_one_colour_and_left_from_right(shape: tuple[int, int]) -> None:
    assert np.array_equal(thumbnail(np.full(shape, 77, dtype=np.uint8)), np.full((SIDE, SIDE), 77.0))
    ramp = np.linspace(0, 255, shape[1])[None].repeat(shape[0], axis=0).astype(np.float32)
    small = thumbnail(ramp)
    assert (np.diff(small, axis=1) >= 0).all()


def test_a_single_picture_has_a_fingerprint_too() -> None:
    found = near(of(moving(4)[:1]), of(moving(4)[:1, ..., ::-1]))
    assert found is not None
    assert found.way in (Way.MIRRORED, Way.BOTH)
    assert found.distance == 0.0
