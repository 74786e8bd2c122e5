"""Videos drawn when they are needed are those that a data set on disk would hold."""

from pathlib import Path

import numpy as np
import pytest

from random_models import save_random_model
from retroflip.errors import RecipeError, UsageError
from retroflip.files import read_jsonl
from retroflip.progress import Silence
from retroflip.recipe import DataSection, RlRecipe
from retroflip.rl import run as rl_run
from retroflip.synth.corpus import write_corpus
from retroflip.synth.drawn import DrawnDataset, DrawnSamples, read_settings
from retroflip.synth.engines import LocalEngine
from retroflip.training import dataset_of
from retroflip.video.decode import decode

FRAMES = 32
SETTINGS = """\
kinds: [direction, card_stack]
per_task: 2
seed: 5
scene: {size: 64, difficulty: 1}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "fresh.yaml"
    path.write_text(SETTINGS)
    return path


def drawn_from(path: Path, **data: object) -> DrawnDataset:
    section = DataSection.model_validate({"records": str(path), "frames": FRAMES, **data})
    dataset = dataset_of(section).dataset
    assert isinstance(dataset, DrawnDataset)
    return dataset


def test_questions_and_frames_are_those_of_the_data_set_on_disk(file: Path, tmp_path: Path) -> None:
    written = write_corpus(tmp_path / "data", read_settings(file), engine=LocalEngine(1), progress=Silence())
    dataset = drawn_from(file)
    assert list(dataset.samples) == written
    for sample in written:
        shown, filmed = dataset.load(sample), decode(tmp_path / "data" / sample.video, FRAMES)
        assert shown.pixels_TCHW.shape == filmed.pixels_TCHW.shape
        assert shown.seconds == pytest.approx(filmed.seconds, abs=1e-3)
        assert np.abs(shown.pixels_TCHW.astype(float) - filmed.pixels_TCHW).mean() < 4.0


def test_a_question_is_drawn_only_when_it_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "endless.yaml"
    path.write_text(SETTINGS.replace("per_task: 2", "per_task: 1000000000"))
    samples = drawn_from(path).samples
    assert len(samples) == 4_000_000_000
    assert samples[3_999_999_999].id == "card_stack-999999999-1"
    assert samples[-1] == samples[3_999_999_999]
    with pytest.raises(IndexError):
        samples[4_000_000_000]


def test_a_limit_and_a_smaller_side_are_kept(file: Path) -> None:
    dataset = drawn_from(file, limit=3, max_side=32)
    assert len(dataset) == 3
    assert [sample.id for sample in dataset.samples[1:]] == ["direction-00000-1", "card_stack-00000-0"]
    assert dataset.load(dataset.samples[0]).pixels_TCHW.shape == (FRAMES, 3, 32, 32)


def test_examples_are_of_every_kind(file: Path) -> None:
    assert {sample.task for sample in drawn_from(file).examples} == {"direction", "card_stack"}


def test_questions_can_be_decided_from_the_frames_that_are_shown(file: Path) -> None:
    dataset = drawn_from(file, frames=8)
    assert isinstance(dataset.samples, DrawnSamples)
    assert dataset.samples.settings.scene.viewed_frames == 8


def test_wrong_settings_are_told(file: Path) -> None:
    with pytest.raises(UsageError, match=r"data\.labels cannot choose"):
        drawn_from(file, labels={"term": ["short"]})
    file.write_text(SETTINGS.replace("per_task", "per_tusk"))
    with pytest.raises(RecipeError, match="did you mean per_task"):
        drawn_from(file)


def test_a_run_trains_on_drawn_videos(file: Path, tmp_path: Path) -> None:
    model = save_random_model("qwen3_vl", tmp_path / "model")
    recipe = RlRecipe.model_validate(
        {
            "model": {"path": str(model)},
            "data": {"records": str(file), "frames": FRAMES, "max_side": 32},
            "method": {"name": "crpo", "rollouts": 2},
            "train": {
                "steps": 1, "samples_per_step": 1, "learning_rate": 1e-4, "beta": 0.0, "epsilon": 0.2,
                "temperature": 1.0, "max_completion_length": 4, "loss_type": "grpo",
            },
        }
    )  # fmt: skip
    rl_run.train(recipe, tmp_path / "run", resume=False, progress=Silence())
    assert len(read_jsonl(tmp_path / "run" / "rollouts.jsonl")) == 4
