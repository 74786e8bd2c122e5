"""Breakfast and 50 Salads as sources: which two events are joined, and where in the video they lie."""

import shutil
from pathlib import Path

import pytest

from dybench_roots import candidates_of, filmed, recording, written
from retroflip.bench.dybench.base import Axis, Clip, SubTask
from retroflip.bench.dybench.sequences import Limits, Segment, events, named, of_frames, pairs
from retroflip.bench.dybench.sources import SOURCES
from retroflip.errors import DataError

CEREALS = [("SIL", 2), ("take_bowl", 2), ("pour_cereals", 3), ("pour_milk", 2), ("SIL", 1)]
SALAD = [
    ("action_start", 1),
    ("cut_tomato_prep", 1),
    ("cut_tomato_core", 1),
    ("cut_tomato_post", 1),
    ("     Null Class Activities     ", 1),
    ("add_oil_prep", 1),
    ("add_oil_core", 1),
    ("mix_dressing_core", 2),
    ("action_end", 1),
]


def breakfast(root: Path, camera: str = "cam01", segments: list[tuple[str, int]] = CEREALS) -> Path:
    recording(
        root / f"groundTruth/P03_{camera}_P03_cereals.txt",
        root / f"BreakfastII_15fps_qvga_sync/P03/{camera}/P03_cereals.avi",
        [(label, float(seconds)) for label, seconds in segments],
        15,
    )
    return root


class TestBreakfast:
    def test_two_events_that_are_no_neighbours(self, tmp_path: Path) -> None:
        (one,), refused = candidates_of("breakfast", breakfast(tmp_path))
        assert not refused
        video = "BreakfastII_15fps_qvga_sync/P03/cam01/P03_cereals.avi"
        assert one.parts == (Clip(video, 2.0, 4.0), Clip(video, 7.0, 9.0))
        assert (one.sub_task, one.axis) == (SubTask.SEQUENCE, Axis.ORDER)
        assert one.options[one.gold] == "take bowl, then pour milk"
        assert one.options[one.other_gold] == "pour milk, then take bowl"
        assert len(one.options) == 2
        assert one.source_clip == "breakfast/P03_cereals"
        assert all(need.is_met(tmp_path) for need in SOURCES["breakfast"].needs)

    def test_one_view_of_a_trial(self, tmp_path: Path) -> None:
        for camera in ("webcam02", "cam02", "cam01", "stereo01"):
            breakfast(tmp_path, camera)
        (one,), refused = candidates_of("breakfast", tmp_path)
        assert "cam01" in one.parts[0].path
        assert refused == dict.fromkeys(
            [f"P03_{camera}_P03_cereals" for camera in ("cam02", "stereo01", "webcam02")],
            "another camera's view of a trial that is there already",
        )

    def test_the_next_view_where_one_is_missing(self, tmp_path: Path) -> None:
        for camera in ("cam01", "stereo01"):
            breakfast(tmp_path, camera)
        films = tmp_path / "BreakfastII_15fps_qvga_sync/P03"
        (films / "cam01/P03_cereals.avi").unlink()
        (films / "stereo").mkdir()
        shutil.move(films / "stereo01/P03_cereals.avi", films / "stereo/P03_cereals_ch1.avi")
        (one,), refused = candidates_of("breakfast", tmp_path)
        assert one.parts[0].path == "BreakfastII_15fps_qvga_sync/P03/stereo/P03_cereals_ch1.avi"
        assert refused == {"P03_cam01_P03_cereals": "its video is missing"}

    def test_its_own_labels_count_from_one_and_include_the_last(self, tmp_path: Path) -> None:
        lines = "1-30 SIL  \n31-60 take_bowl  \n61-105 pour_cereals  \n106-135 pour_milk  \n136-150 SIL  \n"
        written(tmp_path / "segmentation_coarse/cereals/P03_cam01_P03_cereals.txt", lines)
        filmed(tmp_path / "P03/cam01/P03_cereals.avi", [60] * 150, 15)
        (one,), _ = candidates_of("breakfast", tmp_path)
        assert one.parts == (
            Clip("P03/cam01/P03_cereals.avi", 2.0, 4.0),
            Clip("P03/cam01/P03_cereals.avi", 7.0, 9.0),
        )
        assert all(need.is_met(tmp_path) for need in SOURCES["breakfast"].needs)

    @pytest.mark.parametrize(
        ("segments", "settings", "reason"),
        [
            ([("take_bowl", 3), ("pour_milk", 3)], {}, "it has no two events with another between them"),
            (
                [("a", 2), ("SIL", 2), ("b", 2)],
                {},
                "it has no two events with another between them",
            ),
            ([("a", 2), ("b", 2), ("a", 2)], {}, "it has no two events with another between them"),
            (CEREALS, {"most": 1.9}, "it has no two events with another between them"),
            (CEREALS, {"least": 2.1}, "it has no two events with another between them"),
        ],
    )
    def test_what_makes_no_pair(
        self, tmp_path: Path, segments: list[tuple[str, int]], settings: dict[str, float], reason: str
    ) -> None:
        root = breakfast(tmp_path, segments=segments)
        assert candidates_of("breakfast", root, **settings)[1] == {"P03_cam01_P03_cereals": reason}

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("", "its labels cannot be read"),
            ("1-30 SIL\ntake_bowl\n", "its labels cannot be read"),
            ("1-30 a\n20-60 b\n61-70 c\n", "its labels cannot be read"),
            ("30-1 a\n", "its labels cannot be read"),
            ("take_bowl\n" * 400, "its labels and its video have not the same length"),
        ],
    )
    def test_labels_that_cannot_be(self, tmp_path: Path, text: str, reason: str) -> None:
        root = breakfast(tmp_path)
        (root / "groundTruth/P03_cam01_P03_cereals.txt").write_text(text)
        assert candidates_of("breakfast", root) == ([], {"P03_cam01_P03_cereals": reason})

    def test_a_video_that_is_none(self, tmp_path: Path) -> None:
        root = breakfast(tmp_path)
        (root / "BreakfastII_15fps_qvga_sync/P03/cam01/P03_cereals.avi").write_text("no video")
        assert candidates_of("breakfast", root)[1] == {"P03_cam01_P03_cereals": "its video cannot be opened"}

    def test_more_pairs_of_a_trial(self, tmp_path: Path) -> None:
        root = breakfast(tmp_path, segments=[(label, 2) for label in ("a", "b", "c", "d")])
        made, _ = candidates_of("breakfast", root, per_trial=2)
        all_three, _ = candidates_of("breakfast", root, per_trial=9)
        assert (len(made), len(all_three)) == (2, 3)
        assert {one.id for one in made} < {one.id for one in all_three}
        assert {one.source_clip for one in all_three} == {"breakfast/P03_cereals"}

    def test_without_labels(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"holds no labels of breakfast"):
            candidates_of("breakfast", tmp_path)


class TestSalads:
    def test_phases_are_one_event_and_the_null_class_is_none(self, tmp_path: Path) -> None:
        recording(tmp_path / "groundTruth/rgb-01-1.txt", tmp_path / "rgb/rgb-01-1.avi", SALAD, 30)
        (one,), refused = candidates_of("50salads", tmp_path)
        assert not refused
        assert one.parts == (Clip("rgb/rgb-01-1.avi", 1.0, 4.0), Clip("rgb/rgb-01-1.avi", 7.0, 9.0))
        assert one.options[one.gold] == "cut tomato, then mix dressing"
        assert one.licence == "CC BY-NC-SA 4.0"
        assert all(need.is_met(tmp_path) for need in SOURCES["50salads"].needs)

    def test_labels_at_the_features_rate_are_refused(self, tmp_path: Path) -> None:
        recording(tmp_path / "groundTruth/rgb-01-1.txt", tmp_path / "rgb/rgb-01-1.avi", SALAD, 30)
        labels = tmp_path / "groundTruth/rgb-01-1.txt"
        labels.write_text("\n".join(labels.read_text().split("\n")[::2]))
        assert candidates_of("50salads", tmp_path)[1] == {
            "rgb-01-1": "its labels and its video have not the same length"
        }

    def test_a_missing_video(self, tmp_path: Path) -> None:
        written(tmp_path / "groundTruth/rgb-01-2.txt", "a\n")
        assert candidates_of("50salads", tmp_path)[1] == {"rgb-01-2": "its video is missing"}


class TestSequences:
    def test_frames_to_seconds(self) -> None:
        assert of_frames(["a", "a", " b ", "a"], 2.0) == [
            Segment("a", 0.0, 1.0),
            Segment("b", 1.0, 1.5),
            Segment("a", 1.5, 2.0),
        ]

    def test_a_null_between_two_phases_parts_them(self) -> None:
        found = events([Segment("cut_prep", 0, 1), Segment("SIL", 1, 2), Segment("cut_core", 2, 3)])
        assert found == [Segment("cut", 0, 1), Segment("cut", 2, 3)]

    def test_neighbours_are_counted_before_long_events_are_left_out(self) -> None:
        found = [Segment("a", 0, 2), Segment("b", 2, 90), Segment("c", 90, 92)]
        assert pairs(found, Limits(1, 30)) == [(found[0], found[2])]

    @pytest.mark.parametrize(
        ("label", "words"),
        [
            ("stirfry_egg", "stir-fry egg"),
            ("pour_dough2pan", "pour dough into pan"),
            ("add_saltnpepper", "add salt and pepper"),
            ("put_bunTogether", "put bun together"),
            ("place_cheese_into_bowl", "place cheese into bowl"),
        ],
    )
    def test_names(self, label: str, words: str) -> None:
        assert named(label) == words
