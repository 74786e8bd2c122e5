"""VidHalluc as a source: one splice and no other, actions by name, and pairs that are none."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import BitImageProcessor, Dinov2Config, Dinov2Model, set_seed

from dybench_roots import candidates_of, put_video, texture, written
from retroflip.bench.dybench import splices
from retroflip.bench.dybench.base import Axis, Clip, SubTask
from retroflip.bench.dybench.sources import SOURCES
from retroflip.errors import DataError, UsageError
from retroflip.models.dino import load_dino
from retroflip.video.decode import all_frames
from retroflip.video.encode import encode
from retroflip.video.frames import Pixels

QUESTION = "Action A: A man pours water into a cup.\nAction B: A woman cuts a cake."
FPS = 10


def scene(seed: int, frames: int, speed: int = 1) -> Pixels:
    """Frames of a picture over which the camera pans by some pixels a frame."""
    wide = np.asarray(texture(48, 64 + speed * frames, seed))
    light = np.linspace(0.4 + 0.15 * (seed % 5), 1.0, 48)[:, None]
    views = [
        (light * wide[:, speed * index : speed * index + 64]).astype(np.uint8) for index in range(frames)
    ]
    return np.repeat(np.stack(views)[:, None], 3, axis=1)


def spliced(path: Path, *scenes: Pixels) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    encode(path, np.concatenate(scenes), FPS)
    return path


def tsh(root: Path, rows: Sequence[dict[str, Any]]) -> Path:
    written(root / "tsh.json", {str(number): row for number, row in enumerate(rows)})
    return root


def row(video: str, answer: str = "AB", question: str = QUESTION) -> dict[str, Any]:
    return {"video": video, "Question": question, "Correct Answer": answer}


class TestOrders:
    @pytest.mark.parametrize(
        ("answer", "gold"),
        [
            ("AB", "a man pours water into a cup, then a woman cuts a cake"),
            ("BA", "a woman cuts a cake, then a man pours water into a cup"),
        ],
    )
    @pytest.mark.parametrize("folder", ["data/TSH", "data/VidHalluc/data/TSH", "TSH", "data/TSH/TSH"])
    def test_a_clip_is_parted_at_its_splice(
        self, tmp_path: Path, answer: str, gold: str, folder: str
    ) -> None:
        root = tsh(tmp_path, [row("x", answer)])
        path = spliced(root / folder / "x.mp4", scene(0, 20), scene(3, 24))
        (one,), refused = candidates_of("vidhalluc", root)
        assert not refused
        assert one.parts == (Clip(f"{folder}/x.mp4", None, 1.95), Clip(f"{folder}/x.mp4", 1.95, None))
        assert sum(1 for _ in all_frames(path, 0.0, 1.95)) == 20
        assert one.options[one.gold] == gold
        assert (one.sub_task, one.axis, len(one.options)) == (SubTask.SEQUENCE, Axis.ORDER, 2)
        assert one.source_clip == "vidhalluc/x"
        assert all(need.is_met(root) for need in SOURCES["vidhalluc"].needs)

    @pytest.mark.parametrize(
        "scenes",
        [
            [(0, 40, 1)],
            [(0, 12, 1), (3, 12, 1), (6, 12, 1)],
            [(0, 20, 1), (3, 12, 1), (2, 20, 1)],  # of which one is half as clear
            [(0, 20, 1), (3, 1, 1), (0, 20, 1)],  # a flash
            [(0, 40, 9)],  # a fast pan
            [(0, 1, 1)],
        ],
    )
    def test_no_splice_or_several(self, tmp_path: Path, scenes: list[tuple[int, int, int]]) -> None:
        root = tsh(tmp_path, [row("x")])
        spliced(root / "data/TSH/x.mp4", *(scene(*one) for one in scenes))
        assert candidates_of("vidhalluc", root)[1] == {"tsh/0": "not exactly one splice is found"}

    def test_a_dissolve_is_no_splice(self, tmp_path: Path) -> None:
        one, other = scene(0, 30), scene(3, 30)
        share = np.clip((np.arange(30) - 5) / 20, 0, 1)[:, None, None, None]
        root = tsh(tmp_path, [row("x")])
        spliced(root / "data/TSH/x.mp4", ((1 - share) * one + share * other).astype(np.uint8))
        assert candidates_of("vidhalluc", root)[1] == {"tsh/0": "not exactly one splice is found"}

    def test_what_cannot_be_asked(self, tmp_path: Path) -> None:
        rows = [
            row("x", "A"),
            row("x", "B"),
            row("gone"),
            row("damaged"),
            row("x", question="Which of them is first?"),
            row("x", question="Action A: he eats. Action B: He eats."),
        ]
        root = tsh(tmp_path, rows)
        spliced(root / "data/TSH/x.mp4", scene(0, 20), scene(3, 20))
        written(root / "data/TSH/damaged.mp4", "no video")
        made, refused = candidates_of("vidhalluc", root)
        assert not made
        assert refused == {
            "tsh/0": "only one of its two actions is seen",
            "tsh/1": "only one of its two actions is seen",
            "tsh/2": "its video is missing",
            "tsh/3": "its video cannot be read",
            "tsh/4": "its question does not name two actions",
            "tsh/5": "its question does not name two actions",
        }

    @pytest.mark.parametrize(
        "question",
        [
            "Action A: A man pours water into a cup.\nAction B: A woman cuts a cake.\n",
            "Below are two actions in the video: Action A: A man pours water into a cup; Action B: A woman cuts a cake",
            "action A. A man pours water into a cup. action B. A woman cuts a cake. ",
            'Action A: "A man pours water into a cup." Action B: "A woman cuts a cake."\nWhich is first?',
        ],
    )
    def test_ways_to_name_two_actions(self, tmp_path: Path, question: str) -> None:
        root = tsh(tmp_path, [row("x", question=question)])
        spliced(root / "data/TSH/x.mp4", scene(0, 20), scene(3, 20))
        (one,), _ = candidates_of("vidhalluc", root)
        assert one.options[one.gold] == "a man pours water into a cup, then a woman cuts a cake"

    def test_missing_files(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"tsh\.json and ach_binaryqa\.json of VidHalluc is not there"):
            candidates_of("vidhalluc", tmp_path, ach=True)


class TestFeatures:
    def test_from_files(self, tmp_path: Path) -> None:
        root = tsh(tmp_path, [row(name) for name in ("x", "short", "gone", "pickled")])
        for name in ("x", "short", "gone", "pickled"):
            spliced(root / f"data/TSH/{name}.mp4", scene(0, 40))
        (root / "features").mkdir()
        rows = np.tile([1.0, 0.0, 0.1], (40, 1))
        rows[15:] = [0.0, 1.0, 0.1]
        np.save(root / "features/x.npy", rows.astype(np.float16))
        np.save(root / "features/short.npy", rows[:-1])
        np.save(root / "features/pickled.npy", np.array([{"a": 1}]), allow_pickle=True)
        (one,), refused = candidates_of("vidhalluc", root, detector="files")
        assert one.parts[0].end == pytest.approx(1.45)
        assert one.labels == {"detector": "files"}
        assert refused == {
            "tsh/1": "its file of features has not one row a frame",
            "tsh/2": "its file of features cannot be read",
            "tsh/3": "its file of features cannot be read",
        }

    def test_from_a_model(self, tmp_path: Path) -> None:
        set_seed(0)
        config = Dinov2Config(
            hidden_size=32, num_hidden_layers=1, num_attention_heads=2, image_size=28, patch_size=14
        )
        folder = tmp_path / "dino"
        Dinov2Model(config).save_pretrained(folder)
        side = {"height": 28, "width": 28}
        BitImageProcessor(size={"shortest_edge": 28}, crop_size=side).save_pretrained(folder)
        root = tsh(tmp_path, [row("x")])
        spliced(root / "data/TSH/x.mp4", scene(0, 20), 255 - scene(3, 24))
        (one,), _ = candidates_of("vidhalluc", root, detector="model", model=str(folder), least=0.001)
        assert one.parts[0].end == 1.95
        assert load_dino(str(folder)).features(scene(0, 3)).shape == (3, 32)
        with pytest.raises(UsageError, match="cannot be loaded"):
            candidates_of("vidhalluc", root, detector="model", model=str(tmp_path / "none"))


class TestDistances:
    def test_luma_by_hand(self) -> None:
        pixels = np.zeros((3, 3, 4, 4), dtype=np.uint8)
        pixels[1, :, :2, :2] = 200  # one quarter changes
        pixels[2] = 200
        rows = splices.luma_rows(pixels)
        assert rows.shape == (3, 64)
        assert np.allclose(rows.sum(axis=1), 1.0)
        assert np.allclose(splices.luma_apart(rows), [0.25, 0.75])

    def test_features_by_hand(self) -> None:
        rows = np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 3.0], [0.0, -1.0]])
        assert np.allclose(splices.features_apart(rows), [0.0, 1.0, 2.0])

    def test_a_cut_stands_out(self) -> None:
        calm = np.full(20, 0.05)
        calm[7] = 0.5
        assert splices.cuts(calm, 0.3, 4.0) == [8]
        assert splices.cuts(calm, 0.6, 4.0) == []
        assert splices.cuts(np.full(20, 0.5), 0.3, 4.0) == []
        assert splices.cuts(np.array([0.5]), 0.3, 4.0) == [1]
        assert splices.only_cut(calm, 0.4, 4.0) == 8
        assert splices.only_cut(calm, 0.6, 4.0) is None
        calm[15] = 0.25
        assert splices.only_cut(calm, 0.4, 4.0) is None
        assert splices.cuts(np.array([]), 0.3, 4.0) == []


class TestActions:
    def ach(self, root: Path, groups: dict[str, Any]) -> Path:
        for rows in groups.values():
            for one in rows:
                for clip in one["a"]:
                    put_video(root / f"data/ACH/{clip}.mp4")
        written(root / "ach_binaryqa.json", groups)
        return root

    def test_two_clips_that_answer_differently(self, tmp_path: Path) -> None:
        answers = {"v1_clip_1": "Yes", "v1_clip_2": "No"}
        root = self.ach(tmp_path, {"v1": [{"q": "Is the person cutting a cake?", "a": answers}]})
        (one,), refused = candidates_of("vidhalluc", root, tsh=False, ach=True)
        assert not refused
        assert (one.sub_task, one.axis) == (SubTask.OTHER, Axis.GIVEN)
        assert one.parts == (Clip("data/ACH/v1_clip_1.mp4"),)
        assert one.other == (Clip("data/ACH/v1_clip_2.mp4"),)
        assert one.question == "Is the person cutting a cake?"
        assert [one.options[one.gold], one.options[one.other_gold]] == ["yes", "no"]

    def test_pairs_that_are_none(self, tmp_path: Path) -> None:
        answers = [
            {"v1_clip_1": "Yes", "v1_clip_2": "Yes"},
            {"v1_clip_1": "Yes", "v1_clip_2": "No", "v1_clip_3": "No"},
            {"v1_clip_1": "Yes"},
            {"v1_clip_1": "Yes", "v2_clip_1": "No"},
            {"KVaTsulE5Z0_clip_2": "Yes", "KVaTsulE5Z0_clip_1": "No"},
        ]
        root = self.ach(tmp_path, {"v1": [{"q": "Does he?", "a": one} for one in answers]})
        made, refused = candidates_of("vidhalluc", root, tsh=False, ach=True)
        assert not made
        none = "it is not one question that two clips answer differently"
        assert refused == {
            **{f"ach_binaryqa/v1/{number}": none for number in (0, 1, 2)},
            "ach_binaryqa/v1/3": "its clips are of several recordings",
            "ach_binaryqa/v1/4": "one of its clips is known to be damaged",
        }
