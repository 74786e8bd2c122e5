"""Questions about several videos or images and about folders of frames, from the record to the prompt."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from half_size import HALF
from random_models import FAMILIES, random_encoder, random_model
from retroflip.bench.records import read_answers
from retroflip.cli.app import app
from retroflip.data.dataset import VideoDataset, check
from retroflip.data.frame_folder import FrameFolder
from retroflip.data.manifest import build_manifest
from retroflip.data.media import MediumKind, ShownMedium
from retroflip.data.prompts import user_text
from retroflip.data.records import format_record, parse_record
from retroflip.data.sample import Modality, Sample
from retroflip.errors import DataError, DecodeError, ImageError, MissingVideoError, PathEscapeError
from retroflip.files.storage import jsonable
from retroflip.models.encoding import batch_prompts, visual_grids
from retroflip.models.features import encode_visuals, sighted_inputs
from retroflip.rl.methods.counterfactual import Counterfactuals
from retroflip.video.frames import Frames
from retroflip.video.samplers import Sampler
from retroflip.video.take import Take
from retroflip.video.transforms import Transform
from retroflip.video.window import Window

RECORD = {
    "problem_id": "q",
    "problem": "Which is faster?",
    "problem_type": "multiple choice",
    "options": ["A. first", "B. second"],
    "solution": "A",
    "task_type": "temporal",
}
TWO = [{"video": "a.mp4", "start": 0.25}, {"frames": "b", "fps": 12}]


def sample(**changes: Any) -> Sample:
    return parse_record({**RECORD, "media": TWO, **changes})


@pytest.fixture
def root(tmp_path: Path, clip: Path) -> Path:
    """A root with a.mp4, whose square is at 4 times the frame's number, and a folder b of 11 frames: frame n, counted
    from 1, is grey of brightness 10 n."""
    root = tmp_path / "root"
    (root / "b").mkdir(parents=True)
    shutil.copy(clip, root / "a.mp4")
    for number in range(1, 12):
        Image.fromarray(np.full((48, 64, 3), 10 * number, dtype=np.uint8)).save(root / "b" / f"{number}.png")
    (root / "b" / "groundtruth.txt").write_text("1,2,3,4")
    return root


def shades(frames: Frames) -> list[int]:
    """The numbers, counted from 1, of frames of the folder."""
    return [int(picture.mean()) // 10 for picture in frames.pixels_TCHW]


class TestRecords:
    def test_several_media_are_read_and_written(self) -> None:
        asked = sample()
        assert asked.media == (
            ShownMedium(kind=MediumKind.VIDEO, path="a.mp4", start=0.25),
            ShownMedium(kind=MediumKind.FRAMES, path="b", fps=12),
        )
        assert (asked.modality, asked.video, asked.start) == (Modality.VIDEO, "a.mp4", None)
        assert parse_record(json.loads(json.dumps(jsonable(format_record(asked))))) == asked

    def test_a_list_of_paths_is_as_video_r1_writes_several_images(self) -> None:
        asked = parse_record({**RECORD, "data_type": "image", "path": ["./x.png", "y.png"]})
        assert [medium.path for medium in asked.shown] == ["x.png", "y.png"]
        assert asked.modality is Modality.IMAGE
        alone = parse_record({**RECORD, "data_type": "image", "path": ["./x.png"]})
        assert (alone.video, alone.media) == ("x.png", ())

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            (
                {"media": [{"frames": "b"}]},
                "folder of frames 'b' has no rate: 'fps' is missing. Write how many",
            ),
            ({"media": [{"frames": "b", "fps": 0}]}, "'fps' is 0"),
            ({"media": [{"video": "a.mp4", "fps": 3}]}, "nothing else has one"),
            ({"media": [{"image": "a.png", "end": 3}]}, "an image has no parts"),
            ({"media": [{"video": "a.mp4", "start": 3, "end": 2}]}, "must end behind its beginning"),
            ({"media": [{"video": "a.mp4", "image": "b.png"}]}, "must name one thing"),
            ({"media": ["a.mp4"]}, "must name one thing"),
            ({"media": [{"video": "a.mp4", "strat": 3}]}, "has the key 'strat'; did you mean 'start'?"),
            ({"media": "a.mp4"}, "must be a list of objects"),
            ({"media": []}, "it shows 0 videos and images"),
            ({"path": "a.mp4"}, "'media' and 'path' would both"),
            ({"data_type": "image"}, "data_type is 'image', and what is shown is video"),
            ({"media": [{"video": "a.mp4"}, {"image": "b.png"}]}, "images beside videos"),
            ({"problem": "<video> or <video> or <video>?"}, "the placeholders video, video, video"),
            ({"problem": "<image> or <video>?"}, "the placeholders image, video"),
        ],
    )
    def test_faults_are_told(self, changes: dict[str, Any], message: str) -> None:
        with pytest.raises(DataError, match=message):
            sample(**changes)

    def test_paths_stay_inside_the_root(self) -> None:
        with pytest.raises(PathEscapeError):
            sample(media=[{"video": "../a.mp4"}, {"video": "b.mp4"}])


class TestFolder:
    @pytest.mark.parametrize(
        ("take", "expected"),
        [
            (Take(3), [1, 6, 11]),
            (Take(2, Window(0.25, 0.5)), [4, 6]),  # from frame 4, at 0.25 s, up to that before 0.5 s
            (Take(4, sampler=Sampler("vlmevalkit")), [3, 5, 7, 9]),  # 11 / 5 = 2.2
            (Take(8, sampler=Sampler("fps", 4.0)), [1, 4, 7, 10]),
        ],
    )
    def test_windows_and_samplers_apply_to_it_as_to_a_file(
        self, root: Path, take: Take, expected: list[int]
    ) -> None:
        medium = ShownMedium(
            kind=MediumKind.FRAMES,
            path="b",
            fps=12,
            start=take.window and take.window.start,
            end=take.window and take.window.end,
        )
        asked = Sample(**(sample().model_dump() | {"media": (medium,), "video": "b"}))
        frames = VideoDataset([], root, frames=take.frames, sampler=take.sampler).load(asked)
        assert frames is not None
        assert shades(frames) == expected
        assert frames.seconds == pytest.approx([(number - 1) / 12 for number in expected])

    def test_names_are_in_their_natural_order(self, root: Path) -> None:
        assert FrameFolder.of(root / "b", 12).names == tuple(f"{number}.png" for number in range(1, 12))

    @pytest.mark.parametrize(
        ("lost", "message"), [(["5.png"], "behind frame 4 comes 6.png"), (["1.png"], "first frame is 2.png")]
    )
    def test_a_missing_frame_is_named(self, root: Path, lost: list[str], message: str) -> None:
        for name in lost:
            (root / "b" / name).unlink()
        with pytest.raises(DecodeError, match=message):
            FrameFolder.of(root / "b", 12)

    def test_folders_that_are_none(self, root: Path) -> None:
        (root / "empty").mkdir()
        with pytest.raises(MissingVideoError, match="no such folder"):
            FrameFolder.of(root / "gone", 12)
        with pytest.raises(DecodeError, match="not a folder"):
            FrameFolder.of(root / "a.mp4", 12)
        with pytest.raises(DecodeError, match="holds no frames"):
            FrameFolder.of(root / "empty", 12)

    def test_frames_of_several_sizes_are_no_video(self, root: Path) -> None:
        Image.new("RGB", (32, 48)).save(root / "b" / "6.png")
        with pytest.raises(DecodeError, match="several sizes"):
            VideoDataset([], root, frames=3).load_all(sample())


class TestDataset:
    def test_loads_all_in_their_order_each_with_its_part(self, root: Path) -> None:
        dataset = VideoDataset([sample()], root, frames=2, fits=HALF)
        video, folder = dataset.load_all(sample())
        assert video.seconds == pytest.approx([0.25, 11 / 12], abs=0.002)
        assert shades(folder) == [1, 11]
        assert [one.pixels_TCHW.shape for one in (video, folder)] == [(2, 3, 24, 32)] * 2
        assert dataset.videos == 2
        with pytest.raises(DataError, match="shows 2 videos or images, and one is taken here"):
            dataset.load(sample())

    def test_one_medium_that_fails_leaves_the_question_out(self, root: Path, tmp_path: Path) -> None:
        (root / "b" / "11.png").write_bytes(b"no picture")
        samples = [sample(), sample(problem_id="other", media=[TWO[0], TWO[0]])]
        good = check(VideoDataset(samples, root, frames=2), log=tmp_path / "log", max_failed_share=0.5)
        assert [one.id for one in good] == ["other"]
        (row,) = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
        assert (row["id"], row["error"]) == ("q", "ImageError")
        assert "11.png: cannot be read as an image" in row["message"]

    def test_a_frame_has_its_hash_in_the_manifest(self, root: Path) -> None:
        manifest = build_manifest(root, ["b/1.png", "a.mp4"])
        shutil.copy(root / "b" / "2.png", root / "b" / "1.png")
        with pytest.raises(ImageError, match=r"1\.png: the file's SHA-256 is"):
            VideoDataset([], root, manifest, frames=2).load_all(sample())

    def test_validation_looks_at_every_frame(self, root: Path) -> None:
        (root / "b" / "6.png").write_bytes(b"no picture")
        (root / "data.jsonl").write_text(json.dumps({**RECORD, "media": TWO}))
        result = CliRunner().invoke(
            app, ["validate", "--data", str(root / "data.jsonl"), "--media", "--json"]
        )
        (fault,) = json.loads(result.stdout)["faults"]
        assert "6.png: cannot be read" in fault["message"]
        assert json.loads(result.stdout)["media"] == {"checked": 2, "failed": 1}


def noise(frames: int, seed: int = 0) -> Frames:
    pixels = np.random.default_rng(seed).integers(0, 256, (frames, 3, 64, 64), dtype=np.uint8)
    return Frames(pixels, tuple(0.5 * index for index in range(frames)))


class TestPrompts:
    def parts(self, family: str, asked: Sample, shown: int) -> list[str]:
        """What stands before, between and behind the videos of a prompt, by the tokens of what is shown."""
        encoder = random_encoder(family)
        prompt = encoder.encode(asked, [noise(2, seed) for seed in range(shown)])
        text = encoder.tokenizer.decode(prompt.input_ids_L)
        return [part.rpartition("<|vision_end|>")[2] for part in text.split("<|vision_start|>")]

    def test_stand_before_the_question(self) -> None:
        before, between, behind = self.parts("qwen2_5_vl", sample(), 2)
        assert "Which is faster?" not in before + between
        assert behind.startswith("Which is faster?\nOptions:")

    def test_stand_where_the_placeholders_do(self) -> None:
        asked = sample(problem="Is <video> faster than\n<video>\nat the end?")
        before, between, behind = self.parts("qwen2_5_vl", asked, 2)
        assert before.endswith("Is ")
        assert between == " faster than\n"
        assert behind.startswith("\nat the end?\nOptions:")
        assert user_text(asked).startswith("Is  faster than\n\nat the end?\nOptions:")

    @pytest.mark.parametrize("family", [*FAMILIES, "qwen2_vl", "glm4v"])
    def test_every_feature_of_every_video_has_its_place(self, family: str) -> None:
        encoder = random_encoder(family)
        prompt = encoder.encode(sample(), [noise(4), noise(2, 1)])
        single = [encoder.encode(sample(media=TWO[:1]), one) for one in (noise(4), noise(2, 1))]
        assert prompt.pixels_PD is not None
        assert torch.equal(
            prompt.pixels_PD, torch.cat([one.pixels_PD for one in single if one.pixels_PD is not None])
        )
        assert prompt.grid_thw is not None
        assert int(prompt.grid_thw[:, 0].sum()) == 3
        with pytest.raises(ValueError, match="cannot have 4 frames"):
            encoder.encode(sample(), noise(4))

    @pytest.mark.parametrize("family", [*FAMILIES, "qwen2_vl", "glm4v"])
    def test_a_model_sees_them_as_its_own_forward_shows_them(self, family: str) -> None:
        """Finished features in place of pixels, beside a prompt of one video, give the logits of the pixels alone."""
        model, encoder = random_model(family)[0], random_encoder(family)
        prompts = [
            encoder.encode(sample(), [noise(4), noise(2, 1)]),
            encoder.encode(sample(media=TWO[:1]), noise(2, 2)),
        ]
        batch = batch_prompts(model, prompts, encoder.tokenizer.pad_token_id)
        with torch.no_grad():
            features = encode_visuals(model, prompts)
            found = model(
                input_ids=batch.input_ids_RL,
                attention_mask=batch.mask_RL,
                position_ids=batch.positions_3RL,
                **sighted_inputs(model, batch.input_ids_RL, features),
            ).logits
            alone = prompts[0]
            kind = "pixel_values" if alone.is_image else "pixel_values_videos"
            wanted = model(
                input_ids=alone.input_ids_L[None],
                position_ids=batch_prompts(model, [alone], 0).positions_3RL,
                **{kind: alone.pixels_PD, **visual_grids([alone])},
            ).logits
        assert torch.allclose(found[0, -wanted.shape[1] :], wanted[0], atol=1e-4)


class TestCounterfactuals:
    def test_is_defined_for_static_questions_and_where_the_record_has_the_answer(self) -> None:
        rng = np.random.default_rng(0)
        assert Counterfactuals().choose(sample(), rng) is None
        assert Counterfactuals().choose(sample(counterfactual_solution="B"), rng) is Transform.REVERSE
        assert Counterfactuals().choose(sample(task_type="static"), rng) in (
            Transform.FLIP,
            Transform.REVERSE,
        )
        assert Counterfactuals().choose(sample(media=TWO[:1]), rng) is Transform.REVERSE


@pytest.mark.parametrize("method", ["crpo", "sft"])
def test_questions_about_several_videos_are_trained_on(root: Path, tmp_path: Path, method: str) -> None:
    rows = [
        {**RECORD, "problem_id": "one", "media": TWO, "process": "<think>a</think>\\boxed{A}"},
        {
            **RECORD,
            "problem_id": "two",
            "media": [TWO[1], TWO[0]],
            "counterfactual_solution": "B",
            "process": "<think>b</think>\\boxed{A}",
        },
    ]
    records = root / "data.jsonl"
    records.write_text("".join(json.dumps(row) + "\n" for row in rows))
    recipe = Path(__file__).parents[2] / "recipes" / "tiny" / f"{method}.yaml"
    short = ["train.steps=1", "data.frames=4", f"data.records={records}"]
    more = (
        ["train.samples_per_step=2", "train.max_completion_length=2"]
        if method == "crpo"
        else ["train.batch_size=2"]
    )
    command = [
        "train" if method == "crpo" else "sft",
        str(recipe),
        *short,
        *more,
        "--out",
        str(tmp_path / "run"),
    ]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output


def test_questions_about_several_videos_are_answered(root: Path, tmp_path: Path) -> None:
    """Those that name places for the same videos part before these end, and are asked apart."""
    asked = ["Which is faster?", "Is <video> faster than <video>?", "Does <video> end before <video>?"]
    rows = [
        {**RECORD, "problem_id": str(number), "problem": problem, "media": TWO}
        for number, problem in enumerate(asked)
    ]
    records = root / "data.jsonl"
    records.write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = [
        "generate",
        "--model",
        "retroflip-tiny",
        "--data",
        str(records),
        "--max-tokens",
        "2",
        "--frames",
        "4",
    ]
    controls = ["--controls", "full,text_only,shuffled_frames", "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, [*command, *controls])
    assert result.exit_code == 0, result.output
    answers = read_answers(tmp_path / "out" / "answers.jsonl").records
    assert len({(answer.id, answer.control) for answer in answers if answer.error is None}) == 9
    assert len({answer.frames_sha256 for answer in answers if answer.control == "full"}) == 1
    assert len({answer.frames_sha256 for answer in answers if answer.id == "1"}) == 3
