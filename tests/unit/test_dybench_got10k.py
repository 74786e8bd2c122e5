"""GOT-10k as a source: boxes to ways, what is refused, and the camera's motion kept apart from the object's."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from dybench_roots import META, boxes, candidates_of, got10k, views
from retroflip.bench.dybench.base import Axis, Candidate, SubTask
from retroflip.bench.dybench.sources import SOURCES
from retroflip.bench.dybench.sources.got10k import flipped_boxes, reversed_boxes
from retroflip.data.frame_folder import FrameFolder
from retroflip.errors import DataError, RecipeError

FRAMES = 14
RIGHTWARD = boxes(FRAMES, (20, 70), (240, 72))


@pytest.fixture(scope="module")
def still() -> list[Image.Image]:
    return views(FRAMES)


def answers(made: Sequence[Candidate], task: SubTask) -> list[tuple[str, str]]:
    return [(one.options[one.gold], one.options[one.other_gold]) for one in made if one.sub_task is task]


class TestWays:
    @pytest.mark.parametrize(
        ("start", "end", "axis", "way", "other"),
        [
            ((20, 70), (240, 72), Axis.FLIP, "right", "left"),
            ((240, 72), (20, 70), Axis.FLIP, "left", "right"),
            ((240, 72), (20, 70), Axis.REVERSAL, "left", "right"),
            ((100, 10), (102, 140), Axis.REVERSAL, "down", "up"),
            ((100, 140), (102, 10), Axis.REVERSAL, "up", "down"),
        ],
    )
    def test_four(
        self,
        still: list[Image.Image],
        tmp_path: Path,
        start: tuple[int, int],
        end: tuple[int, int],
        axis: Axis,
        way: str,
        other: str,
    ) -> None:
        root = got10k(tmp_path, "GOT-10k_Val_000001", still, boxes(FRAMES, start, end))
        made, refused = candidates_of("got10k", root, axes=[axis.value])
        assert answers(made, SubTask.DIRECTION) == answers(made, SubTask.DIRECTION_8) == [(way, other)]
        assert {len(one.options) for one in made} == {4, 8}
        assert {one.axis for one in made} == {axis}
        assert refused == {"GOT-10k_Val_000001/camera": "the camera stands still"}
        assert all("kart" in one.question for one in made)

    @pytest.mark.parametrize(("axis", "other"), [(Axis.FLIP, "down-left"), (Axis.REVERSAL, "up-left")])
    def test_diagonals_are_a_sub_task_of_their_own(
        self, still: list[Image.Image], tmp_path: Path, axis: Axis, other: str
    ) -> None:
        root = got10k(tmp_path, "d", still, boxes(FRAMES, (40, 10), (160, 125)))
        made, refused = candidates_of("got10k", root, axes=[axis.value])
        assert answers(made, SubTask.DIRECTION_8) == [("down-right", other)]
        assert not answers(made, SubTask.DIRECTION)
        assert refused["d/object"] == "the object moves diagonally, which four ways do not name"

    def test_what_a_mirror_leaves_needs_reversal(self, still: list[Image.Image], tmp_path: Path) -> None:
        root = got10k(tmp_path, "v", still, boxes(FRAMES, (100, 10), (102, 140)))
        _, refused = candidates_of("got10k", root, axes=["flip"], eight_ways=False, camera=False)
        assert refused == {"v/object": "none of the setting 'axes' changes its answer"}

    def test_what_a_pair_says_of_itself(self, still: list[Image.Image], tmp_path: Path) -> None:
        root = got10k(tmp_path, "s", still, RIGHTWARD)
        (one,), _ = candidates_of("got10k", root, eight_ways=False, camera=False)
        assert one.parts[0].fps == 10.0
        assert (one.parts[0].start, one.parts[0].end) == (None, None)
        assert one.source_clip == "got10k/val/s"
        assert one.labels == {
            "object_class": "kart",
            "motion_class": "driving",
            "action": "right",
            "camera": "still",
            "fps": "10",
            "split": "val",
        }
        assert (one.licence, one.domain) == ("CC BY-NC-SA 4.0", "object")

    @pytest.mark.parametrize(("kind", "domain"), [("animal", "animal"), ("person", "human")])
    def test_domain(self, still: list[Image.Image], tmp_path: Path, kind: str, domain: str) -> None:
        root = got10k(tmp_path, "s", still, RIGHTWARD, meta={**META, "root_class": kind})
        assert {one.domain for one in candidates_of("got10k", root)[0]} == {domain}


def winding() -> NDArray[np.float64]:
    there = boxes(FRAMES // 2, (20, 70), (240, 70))
    return np.concatenate([there, boxes(FRAMES // 2, (240, 70), (120, 70))])


class TestRefused:
    @pytest.mark.parametrize(
        ("boxed", "reason"),
        [
            (boxes(FRAMES, (100, 70), (140, 70)), "the object hardly moves"),
            (boxes(FRAMES, (40, 20), (200, 88)), "the object's direction lies between two ways"),
            (winding(), "the object's path is not straight"),
        ],
    )
    def test_ambiguous_tracks(
        self, still: list[Image.Image], tmp_path: Path, boxed: NDArray[np.float64], reason: str
    ) -> None:
        root = got10k(tmp_path, "a", still, boxed)
        made, refused = candidates_of("got10k", root)
        assert not made
        assert refused["a/object"] == refused["a/object-8"] == reason

    @pytest.mark.parametrize(
        ("labels", "reason"),
        [
            ({"absence": [0] * 5 + [1] + [0] * 8}, "the object is absent"),
            ({"cover": [5] * 9 + [8] * 5}, "the object is covered"),
            ({"cut_by_image": [1, 0] * 7}, "the object is cut by the picture's edge"),
            ({"cover": [8] * 13}, "it has not one label a frame"),
        ],
    )
    def test_by_labels(
        self, still: list[Image.Image], tmp_path: Path, labels: dict[str, list[int]], reason: str
    ) -> None:
        root = got10k(tmp_path, "l", still, RIGHTWARD, labels)
        assert candidates_of("got10k", root) == ([], {"l": reason})

    def test_the_longest_good_run_is_taken(self, still: list[Image.Image], tmp_path: Path) -> None:
        labels = {"absence": [0, 1] + [0] * 12, "cut_by_image": [0] * 13 + [1]}
        root = got10k(tmp_path, "r", still, RIGHTWARD, labels)
        (one,), _ = candidates_of("got10k", root, eight_ways=False, camera=False)
        (clip,) = one.parts
        times = FrameFolder.of(root / clip.path, 10.0).clip.starts
        assert clip.start is not None
        assert clip.end is not None
        assert [index for index, second in enumerate(times) if clip.start <= second < clip.end] == list(
            range(2, 13)
        )

    def test_frames_and_boxes_must_be_as_many(self, still: list[Image.Image], tmp_path: Path) -> None:
        root = got10k(tmp_path, "n", still, RIGHTWARD)
        (root / "val/n/00000014.jpg").unlink()
        assert candidates_of("got10k", root) == ([], {"n": "it has not one box a frame"})

    def test_a_split_with_one_box(self, still: list[Image.Image], tmp_path: Path) -> None:
        root = got10k(tmp_path, "t", still, RIGHTWARD)
        (root / "val/t/groundtruth.txt").write_text("20,70,40,30\n")
        assert candidates_of("got10k", root)[1] == {"t": "it has not one box a frame"}

    @pytest.mark.parametrize(
        ("file", "content", "reason"),
        [
            ("groundtruth.txt", "a,b\n", "a file of its annotation cannot be read"),
            ("groundtruth.txt", "", "it has not one box a frame"),
            ("groundtruth.txt", "1,2,3\n1,2\n", "a file of its annotation cannot be read"),
            ("groundtruth.txt", "nan,nan,nan,nan\n" * 14, "its boxes are empty"),
            ("cover.label", None, "a file of its annotation is missing"),
            ("cover.label", "nan\n" * 14, "the object is covered"),
            (
                "meta_info.ini",
                "[METAINFO]\nanno_fps: 30Hz\n",
                "its frames have another rate than the setting 'fps'",
            ),
            ("00000003.jpg", None, "its frames cannot be read"),
            ("00000001.jpg", "no picture", "its frames cannot be read"),
        ],
    )
    def test_damaged_files(
        self, still: list[Image.Image], tmp_path: Path, file: str, content: str | None, reason: str
    ) -> None:
        root = got10k(tmp_path, "d", still, RIGHTWARD)
        path = root / "val/d" / file
        path.unlink() if content is None else path.write_text(content)
        assert candidates_of("got10k", root) == ([], {"d": reason})

    def test_an_object_without_a_name(self, still: list[Image.Image], tmp_path: Path) -> None:
        root = got10k(tmp_path, "m", still, RIGHTWARD)
        (root / "val/m/meta_info.ini").unlink()
        assert candidates_of("got10k", root)[1]["m/object"] == "its meta_info.ini names no object"

    def test_lists(self, still: list[Image.Image], tmp_path: Path) -> None:
        root = got10k(tmp_path, "x", still, RIGHTWARD)
        with (root / "val/list.txt").open("a") as listed:
            listed.write("gone\n../../../etc\n")
        _, refused = candidates_of("got10k", root, camera=False)
        assert refused == {"gone": "its folder is missing", "../../../etc": "its frames cannot be read"}
        with pytest.raises(DataError, match=r"train/list\.txt: there is no such list of sequences"):
            candidates_of("got10k", root, split="train")
        assert all(need.is_met(root) for need in SOURCES["got10k"].needs)

    def test_axes_are_flip_and_reversal(self, tmp_path: Path) -> None:
        with pytest.raises(RecipeError, match="axes"):
            candidates_of("got10k", tmp_path, axes=["order"])


class TestCamera:
    @pytest.mark.parametrize(
        ("shift", "flip", "move", "other"),
        [
            ({"right": -150.0}, True, "it pans or moves to the right", "it pans or moves to the left"),
            ({"right": 150.0}, False, "it pans or moves to the left", "it pans or moves to the right"),
            ({"down": 90.0}, False, "it tilts or moves up", "it tilts or moves down"),
            ({"growth": 2.5}, False, "it moves forward or zooms in", "it moves back or zooms out"),
            ({"growth": 0.4}, False, "it moves back or zooms out", "it moves forward or zooms in"),
        ],
    )
    def test_is_a_question_of_its_own(
        self, tmp_path: Path, shift: dict[str, float], flip: bool, move: str, other: str
    ) -> None:
        followed = boxes(FRAMES, (140, 70), (142, 70))
        root = got10k(tmp_path, "c", views(FRAMES, **shift), followed)
        made, refused = candidates_of("got10k", root, axes=["flip" if flip else "reversal"])
        assert answers(made, SubTask.CAMERA) == [(move, other)]
        assert len(made) == 1
        assert refused["c/object"] == "the object hardly moves"

    def test_a_pan_is_not_taken_for_the_objects_motion(self, tmp_path: Path) -> None:
        # The object stands on the ground: its box goes left because the camera pans to the right.
        root = got10k(tmp_path, "p", views(FRAMES, right=-200.0), boxes(FRAMES, (230, 70), (30, 70)))
        made, refused = candidates_of("got10k", root)
        assert answers(made, SubTask.DIRECTION) == []
        assert (
            refused["p/object"] == "the camera moves, and the object goes another way before the background"
        )
        assert len(answers(made, SubTask.CAMERA)) == 1

    def test_an_object_that_outruns_the_camera(self, tmp_path: Path) -> None:
        # It goes right on the picture, and further right before the background, which goes left.
        root = got10k(tmp_path, "o", views(FRAMES, right=-100.0), RIGHTWARD)
        made, _ = candidates_of("got10k", root, axes=["flip"])
        assert answers(made, SubTask.DIRECTION) == [("right", "left")]
        assert {one.labels["camera"] for one in made} == {"moving"}

    def test_approach_does_not_count_as_motion(self, tmp_path: Path) -> None:
        # The box runs outward with the growing background.
        root = got10k(tmp_path, "z", views(FRAMES, growth=2.5), boxes(FRAMES, (190, 75), (255, 75)))
        _, refused = candidates_of("got10k", root, path=0.1)
        assert (
            refused["z/object"] == "the camera moves, and the object goes another way before the background"
        )

    def test_mixed_and_unseen_motion(self, tmp_path: Path) -> None:
        got10k(tmp_path, "mixed", views(FRAMES, right=60.0, growth=1.6), boxes(FRAMES, (140, 70), (142, 70)))
        got10k(tmp_path, "blank", [Image.new("L", (320, 180), 90)] * FRAMES, RIGHTWARD)
        _, refused = candidates_of("got10k", tmp_path)
        assert refused["mixed/camera"] == "the camera's motion is slight, unsteady or of several kinds"
        unseen = "its background does not show whether the camera moves"
        assert refused["blank/camera"] == refused["blank/object"] == unseen

    def test_a_pan_there_and_back_is_no_pan(self, tmp_path: Path) -> None:
        there = views(FRAMES // 2, right=-120.0)
        root = got10k(tmp_path, "b", [*there, *reversed(there)], boxes(FRAMES, (140, 70), (142, 70)))
        made, refused = candidates_of("got10k", root)
        assert not made
        assert refused["b/camera"] == "the camera's motion is slight, unsteady or of several kinds"


def test_a_drawn_share_of_the_sequences(still: list[Image.Image], tmp_path: Path) -> None:
    for name in "abcdef":
        got10k(tmp_path, name, still, RIGHTWARD)
    (tmp_path / "val/list.txt").write_text("a\nb\nc\nd\ne\nf\nf\n")
    whole, _ = candidates_of("got10k", tmp_path, eight_ways=False, camera=False)
    some, _ = candidates_of("got10k", tmp_path, eight_ways=False, camera=False, sequences=3)
    assert (len(whole), len(some)) == (6, 3)
    assert {one.id for one in some} < {one.id for one in whole}


def test_boxes_of_the_other_side() -> None:
    boxed = np.array([[10.0, 20.0, 30.0, 5.0], [200.0, 20.0, 40.0, 5.0]])
    assert flipped_boxes(boxed, 320).tolist() == [[280.0, 20.0, 30.0, 5.0], [80.0, 20.0, 40.0, 5.0]]
    assert reversed_boxes(boxed).tolist() == boxed.tolist()[::-1]


def test_draws_do_not_move_with_other_sequences(still: list[Image.Image], tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        got10k(tmp_path, name, still, RIGHTWARD)

    def made(**settings: Any) -> dict[str, Candidate]:
        return {one.id: one for one in candidates_of("got10k", tmp_path, camera=False, **settings)[0]}

    all_three = made()
    assert made() == all_three
    assert len({(one.axis, one.gold, one.question) for one in all_three.values()}) > 1
    assert made(seed=1) != all_three
    (tmp_path / "val/list.txt").write_text("b\n")
    assert made() == {identity: one for identity, one in all_three.items() if identity.startswith("b/")}
