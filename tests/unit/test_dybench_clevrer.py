"""CLEVRER as a source: 3-D tracks to ways on the picture, whatever frames of reference might be confused."""

from pathlib import Path

import numpy as np
import pytest

from dybench_roots import candidates_of, clevrer, clevrer_object, put_video, written
from retroflip.bench.dybench.base import Axis, Clip, SubTask
from retroflip.bench.dybench.sources import SOURCES
from retroflip.bench.dybench.sources.clevrer import on_picture
from retroflip.errors import DataError, RecipeError

DOWN = (2.0, -0.516)
"""a step in the world that goes straight down on the fitted picture: 0.0589 * 2 = 0.2286 * 0.516"""


class TestWays:
    @pytest.mark.parametrize(
        ("start", "end", "axis", "way", "other"),
        [
            ((0.0, -1.0), (0.0, 1.0), Axis.FLIP, "right", "left"),
            ((0.0, 1.0), (0.0, -1.0), Axis.FLIP, "left", "right"),
            ((0.0, 1.0), (0.0, -1.0), Axis.REVERSAL, "left", "right"),
            ((-1.0, 0.258), (1.0, -0.258), Axis.REVERSAL, "down", "up"),
            ((1.0, -0.258), (-1.0, 0.258), Axis.REVERSAL, "up", "down"),
        ],
    )
    def test_y_is_right_and_x_is_down(
        self,
        tmp_path: Path,
        start: tuple[float, float],
        end: tuple[float, float],
        axis: Axis,
        way: str,
        other: str,
    ) -> None:
        root = clevrer(tmp_path, 10000, [clevrer_object(0, "red metal sphere", start, end)])
        (one,), refused = candidates_of("clevrer", root, axes=[axis.value])
        assert not refused
        assert (one.options[one.gold], one.options[one.other_gold]) == (way, other)
        assert sorted(one.options) == ["down", "left", "right", "up"]
        assert (one.sub_task, one.axis) == (SubTask.DIRECTION, axis)
        assert "red metal sphere" in one.question
        assert one.parts == (Clip("video_10000-11000/video_10000.mp4"),)
        assert one.source_clip == "clevrer/video_10000"

    def test_the_fit(self) -> None:
        # By hand: u = 0.4850, v = 0.4506, which is 0.4506 * 320 / 480 of the width.
        assert np.allclose(on_picture(np.array([[0.0, 0.0]])), [[0.4850, 0.3004]])
        assert np.allclose(on_picture(np.array([[1.0, 1.0]])), [[0.7725, (0.4506 + 0.1667) * 2 / 3]])
        assert np.allclose(np.diff(on_picture(np.array([[0.0, 0.0], DOWN]))[:, 0]), 0.0, atol=1e-3)

    @pytest.mark.parametrize(
        ("start", "end", "reason"),
        [
            ((0.0, 0.0), (0.0, 0.0), "the object stands still"),
            ((0.0, 0.0), (0.0, 0.3), "the object stands still"),
            ((0.0, 0.0), (0.0, 0.6), "the object hardly moves"),
            ((-1.0, -1.0), (1.0, 1.0), "the object's direction lies between two ways"),
            ((1.0, -1.0), (-1.0, 0.5), "the object moves diagonally, which four ways do not name"),
        ],
    )
    def test_what_leaves_a_doubt(
        self, tmp_path: Path, start: tuple[float, float], end: tuple[float, float], reason: str
    ) -> None:
        root = clevrer(tmp_path, 10000, [clevrer_object(3, "red metal sphere", start, end)])
        speed = 0.1 if reason != "the object stands still" or start == end else 0.2
        made, refused = candidates_of("clevrer", root, speed=speed)
        assert not made
        assert refused == {"10000/3": reason}

    def test_the_world_must_agree_with_the_fit(self, tmp_path: Path) -> None:
        root = clevrer(tmp_path, 10000, [clevrer_object(0, "red metal sphere", (0.0, -1.0), (0.0, 1.0))])
        turned = [[0.2286, 0.0, 0.5], [0.0, 0.2286, 0.5]]
        _, refused = candidates_of("clevrer", root, fit=turned)
        assert refused == {"10000/0": "the fitted camera and the world's axes disagree on its direction"}

    def test_rest_before_and_after_the_motion(self, tmp_path: Path) -> None:
        rolling = clevrer_object(0, "red metal sphere", (0.0, -1.0), (0.0, 1.0))
        rolling["path"] = [rolling["path"][0]] * 60 + rolling["path"][::2] + [rolling["path"][-1]] * 4
        (one,), _ = candidates_of("clevrer", clevrer(tmp_path, 10000, [rolling]), axes=["flip"])
        assert one.options[one.gold] == "right"

    def test_there_and_back(self, tmp_path: Path) -> None:
        bouncing = clevrer_object(0, "red metal sphere", (0.0, -1.0), (0.0, 1.0))
        bouncing["path"] = [*bouncing["path"][::2], *bouncing["path"][::-2][:30], *bouncing["path"][-34:]]
        _, refused = candidates_of("clevrer", clevrer(tmp_path, 10000, [bouncing]))
        assert refused == {"10000/0": "the object's path is not straight"}


class TestObjects:
    def test_looks_that_are_not_one_objects_own(self, tmp_path: Path) -> None:
        moving = ((0.0, -1.0), (0.0, 1.0))
        objects = [
            clevrer_object(0, "red metal sphere", *moving),
            clevrer_object(1, "red metal sphere", (2.0, 2.0), (2.0, 2.0)),
            clevrer_object(2, "red rubber sphere", *moving),
        ]
        made, refused = candidates_of("clevrer", clevrer(tmp_path, 10001, objects))
        assert [one.id for one in made] == ["10001/2"]
        assert refused == dict.fromkeys(["10001/0", "10001/1"], "two objects of its video look alike")

    @pytest.mark.parametrize(
        "seen", [range(0), range(5), [*range(40), *range(60, 128)]], ids=["never", "hardly", "with a break"]
    )
    def test_out_of_view(self, tmp_path: Path, seen: range) -> None:
        hidden = clevrer_object(0, "red metal sphere", (0.0, -1.0), (0.0, 1.0), seen)
        _, refused = candidates_of("clevrer", clevrer(tmp_path, 10000, [hidden]))
        assert refused == {"10000/0": "the object is not seen, or leaves the picture and comes back"}

    def test_an_object_that_rolls_in(self, tmp_path: Path) -> None:
        coming = clevrer_object(0, "red metal sphere", (0.0, -3.0), (0.0, 1.0), range(50, 128))
        (one,), _ = candidates_of("clevrer", clevrer(tmp_path, 10000, [coming]), axes=["flip"])
        assert one.options[one.gold] == "right"


class TestFiles:
    def test_splits_and_what_else_holds_their_clips(self, tmp_path: Path) -> None:
        for index in (9, 9999, 10000, 14999, 15000):
            clevrer(tmp_path, index, [clevrer_object(0, "red metal sphere", (0.0, -1.0), (0.0, 1.0))])
        by_split = {
            split: candidates_of("clevrer", tmp_path, split=split)[0] for split in ("train", "validation")
        }
        assert {split: [one.id for one in made] for split, made in by_split.items()} == {
            "train": ["00009/0", "09999/0"],
            "validation": ["10000/0", "14999/0"],
        }
        assert "Video-R1" in by_split["train"][0].labels["also_in"]
        assert "MVBench" in by_split["validation"][0].labels["also_in"]

    def test_the_videos_name_counts_and_not_the_annotations_place(self, tmp_path: Path) -> None:
        rolling = clevrer_object(0, "red metal sphere", (0.0, -1.0), (0.0, 1.0))
        clevrer(tmp_path, 0, [rolling], scene_index=0, video_filename="video_10000.mp4")
        put_video(tmp_path / "elsewhere/video_10000.mp4")
        (one,), _ = candidates_of("clevrer", tmp_path)
        assert one.id == "10000/0"
        assert one.parts == (Clip("elsewhere/video_10000.mp4"),)

    def test_faults(self, tmp_path: Path) -> None:
        rolling = clevrer_object(0, "red metal sphere", (0.0, -1.0), (0.0, 1.0))
        clevrer(tmp_path, 10000, [rolling])
        clevrer(tmp_path, 10001, [rolling])
        (tmp_path / "video_10000-11000/video_10001.mp4").unlink()
        written(tmp_path / "annotation_10002.json", "{")
        written(tmp_path / "annotation_10003.json", {"video_filename": "video_10003.mp4"})
        written(tmp_path / "annotation_10004.json", {"video_filename": "../video.mp4"})
        clevrer(tmp_path, 10005, [rolling], motion_trajectory=[{"objects": [{"object_id": 0}]}])
        clevrer(tmp_path / "again", 10000, [rolling])
        made, refused = candidates_of("clevrer", tmp_path)
        assert [one.id for one in made] == ["10000/0"]
        assert refused == {
            **dict.fromkeys([f"annotation_1000{n}" for n in (2, 3, 4, 5)], "its annotation cannot be read"),
            "annotation_10000": "its video is annotated twice",
            "10001": "its video is missing",
        }

    def test_a_split_that_is_not_there(self, tmp_path: Path) -> None:
        clevrer(tmp_path, 10000, [])
        assert candidates_of("clevrer", tmp_path) == ([], {})
        assert all(need.is_met(tmp_path) for need in SOURCES["clevrer"].needs)
        with pytest.raises(DataError, match="no annotation of CLEVRER's train split"):
            candidates_of("clevrer", tmp_path, split="train")
        with pytest.raises(RecipeError, match="split"):
            candidates_of("clevrer", tmp_path, split="test")
