"""Something-Something v2 and MHBench as sources: which clips have a reverse that can be named."""

from pathlib import Path
from typing import Any

import pytest

from dybench_roots import candidates_of, put_video, ssv2, ssv2_row, written
from retroflip.bench.dybench.base import Axis, Clip, SubTask
from retroflip.bench.dybench.sources import SOURCES
from retroflip.errors import DataError, RecipeError


class TestSomethingSomething:
    def test_a_clip_and_its_reverse(self, tmp_path: Path) -> None:
        root = ssv2(tmp_path, [ssv2_row("74225", "Opening [something]", "drawer")])
        (one,), refused = candidates_of("ssv2", root)
        assert not refused
        assert (one.id, one.sub_task, one.axis) == ("74225", SubTask.REVERSIBLE, Axis.REVERSAL)
        assert one.parts == (Clip("20bn-something-something-v2/74225.webm"),)
        assert one.options[one.gold] == "opening the drawer"
        assert one.options[one.other_gold] == "closing the drawer"
        assert len(one.options) == 3
        assert one.source_clip == "something-something-v2/74225"
        assert "no redistribution" in one.licence

    def test_the_second_template_of_a_pair_is_the_reverse(self, tmp_path: Path) -> None:
        rows = [
            ssv2_row("1", "Closing [something]", "a book"),
            ssv2_row("2", "Putting [something] into [something]", "pen", "cup"),
            ssv2_row("3", "Pushing [something] from left to right", "box"),
        ]
        made, _ = candidates_of("ssv2", ssv2(tmp_path, rows))
        assert [(one.options[one.gold], one.options[one.other_gold]) for one in made] == [
            ("closing a book", "opening a book"),
            ("putting the pen into the cup", "taking the pen out of the cup"),
            ("pushing the box from left to right", "pulling the box from right to left"),
        ]

    @pytest.mark.parametrize(
        "name",
        [
            "labels/validation.json",
            "something-something-v2-validation.json",
            "labels/something-something-v2-validation.json",
        ],
    )
    def test_both_namings(self, tmp_path: Path, name: str) -> None:
        root = ssv2(tmp_path, [ssv2_row("1", "Opening [something]", "box")], labels=name)
        assert len(candidates_of("ssv2", root)[0]) == 1
        assert all(need.is_met(root) for need in SOURCES["ssv2"].needs)
        with pytest.raises(DataError, match=r"labels/train\.json, .*choose the split"):
            candidates_of("ssv2", root, split="train")

    def test_numbers_are_not_given_an_article(self, tmp_path: Path) -> None:
        root = ssv2(tmp_path, [ssv2_row("1", "Stacking [number of] [something]", "3", "coins")])
        (one,), _ = candidates_of("ssv2", root)
        assert one.options[one.gold] == "stacking 3 coins"

    def test_what_is_refused(self, tmp_path: Path) -> None:
        rows = [
            ssv2_row("1", "Pretending to open [something] without actually opening it", "box"),
            ssv2_row("2", "Trying to bend [something unbendable] so nothing happens", "key"),
            ssv2_row("3", "Throwing [something] in the air and catching it", "ball"),
            ssv2_row("4", "Lifting [something] up completely, then letting it drop down", "ball"),
            ssv2_row("5", "Tearing [something] into two pieces", "paper"),
            {**ssv2_row("6", "Moving [something] away from [something]", "a", "b"), "placeholders": ["a"]},
            {**ssv2_row("7", "Opening [something]", "x"), "placeholders": [" "]},
            {"id": "8"},
            ssv2_row("../../../etc/passwd", "Opening [something]", "box"),
        ]
        root = tmp_path / "root"
        written(root / "labels/validation.json", rows)
        made, refused = candidates_of("ssv2", root)
        assert not made
        assert refused == {
            **dict.fromkeys(("1", "2"), "its action is only pretended, tried or failed"),
            **dict.fromkeys(("3", "4", "5"), "its template has no reverse that can be named"),
            **dict.fromkeys(("6", "7"), "its placeholders do not fit its template"),
            "line 1, record 8": "its record has no id or no template",
            "../../../etc/passwd": "its video is missing",
        }

    def test_the_cameras_own_movement_is_another_sub_task(self, tmp_path: Path) -> None:
        root = ssv2(tmp_path, [ssv2_row("1", "Turning the camera left while filming [something]", "shelf")])
        (one,), _ = candidates_of("ssv2", root)
        assert one.sub_task is SubTask.CAMERA
        assert one.options[one.other_gold] == "the camera turns right while filming the shelf"
        assert candidates_of("ssv2", root, camera=False)[1] == {
            "1": "it is about the camera, which the recipe leaves out"
        }

    def test_settings_are_checked(self, tmp_path: Path) -> None:
        with pytest.raises(RecipeError, match="'ssv2'"):
            candidates_of("ssv2", tmp_path, splt="train")


def mhbench_row(**more: Any) -> dict[str, Any]:
    return {
        "id": 0,
        "motion_id": "1",
        "video_id": "195051",
        "question": "Which of the following actions appeared in the video?",
        "answer": "A",
        "options": {
            "A": "covering something",
            "B": "uncovering something",
            "C": "neither action A nor B happened",
        },
        **more,
    }


class TestMHBench:
    @pytest.mark.parametrize("folder", ["", "dataset/MHBench/"])
    def test_the_published_record(self, tmp_path: Path, folder: str) -> None:
        written(tmp_path / folder / "classification.json", [mhbench_row()])
        put_video(tmp_path / folder / "videos/195051.mp4")
        (one,), refused = candidates_of("mhbench", tmp_path)
        assert not refused
        assert one.id == "0"
        assert one.parts == (Clip(f"{folder}videos/195051.mp4"),)
        assert one.options[one.gold] == "covering something"
        assert one.options[one.other_gold] == "uncovering something"
        assert not any("neither" in option for option in one.options)
        assert one.source_clip == "something-something-v2/195051"
        assert all(need.is_met(tmp_path) for need in SOURCES["mhbench"].needs)

    def test_variants_of_a_clip(self, tmp_path: Path) -> None:
        rows = [
            mhbench_row(answer="B", id=1),
            mhbench_row(answer="C", id=2),
            mhbench_row(answer="D", id=3),
            mhbench_row(id=4, options={"A": "opening it", "B": "closing it", "C": "neither"}),
            mhbench_row(id=5, options={"A": "opening something", "B": "neither"}),
            mhbench_row(id=6, options=["covering something"]),
            mhbench_row(id=7, video_id="404"),
            mhbench_row(id=8, options={"A": ["covering"], "B": 2, "C": None}),
            mhbench_row(id=9, video_id="9" * 400),
        ]
        written(tmp_path / "classification.json", rows)
        put_video(tmp_path / "videos/195051.mp4")
        (one,), refused = candidates_of("mhbench", tmp_path)
        assert one.options[one.gold] == "uncovering something"
        assert refused == {
            "2": "its action is not completed, so its reverse is not either",
            "3": "its answer is none of its options",
            "4": "no distractor of the same form is known",
            "5": "it does not name an action and its opposite",
            "6": "its options are no dict of texts",
            "8": "its options are no dict of texts",
            "7": "its video is missing",
            "9": "its video is missing",
        }

    def test_without_questions(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"holds no classification\.json"):
            candidates_of("mhbench", tmp_path)
