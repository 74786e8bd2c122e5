"""General questions among the lessons: their share, their prompt, their answers without reasoning."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from random_models import random_encoder, save_random_model
from retroflip.data.dataset import VideoDataset
from retroflip.data.prompts import DIRECT_PROMPT, SYSTEM_PROMPT
from retroflip.data.records import read_samples
from retroflip.errors import DataError
from retroflip.files.storage import read_json_object, read_jsonl
from retroflip.lab.laboratory import Laboratory, LabSettings, write_laboratory
from retroflip.models.budget import fits_of
from retroflip.progress import Silence
from retroflip.recipes.schema import DataSection
from retroflip.sft import train as sft_run
from retroflip.sft.recipe import SftRecipe
from retroflip.train.datasets.base import Choice
from retroflip.train.loop import load_data


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Laboratory:
    settings = LabSettings(seed=1, sft_samples=6, train_samples=8, pairs_per_task=1, size=64)
    return write_laboratory(tmp_path_factory.mktemp("lab"), settings, Silence())


def recipe_of(lab: Laboratory, model: str = "unused", **general: Any) -> SftRecipe:
    return SftRecipe.model_validate(
        {
            "model": {"path": model},
            "data": {"records": str(lab.sft / "records.jsonl"), "frames": 4},
            "general": {"records": str(lab.train / "records.jsonl"), **general},
            "train": {"steps": 1, "batch_size": 4, "learning_rate": 1e-3, "seed": 3},
        }
    )


def parts_of(recipe: SftRecipe, folder: Path) -> list[sft_run.Part]:
    fits = fits_of(random_encoder("qwen3_vl").processor, recipe.data.frames)

    def load(section: DataSection, choose: Choice | None = None) -> VideoDataset:
        return load_data(section, fits, folder / "failures.jsonl", Silence(), choose).dataset

    return sft_run.read_parts(recipe, load)


def test_the_share_is_of_all_lessons(lab: Laboratory, tmp_path: Path) -> None:
    reasoned, general = parts_of(recipe_of(lab, share=0.4), tmp_path)
    assert (len(reasoned.dataset), len(general.dataset)) == (6, 4)
    known = {sample.id for sample in read_samples(lab.train / "records.jsonl")}
    drawn = [sample.id for sample in general.dataset.samples]
    assert set(drawn) < known
    assert len(set(drawn)) == 4


def test_general_questions_have_a_column_map_of_their_own(lab: Laboratory, tmp_path: Path) -> None:
    rows = read_jsonl(lab.train / "records.jsonl")
    (lab.train / "foreign.jsonl").write_text(
        "".join(
            f"{json.dumps({('q' if key == 'problem' else key): v for key, v in row.items()})}\n"
            for row in rows
        )
    )
    recipe = recipe_of(lab, records=str(lab.train / "foreign.jsonl"), share=0.25, columns={"problem": "q"})
    assert [len(part.dataset) for part in parts_of(recipe, tmp_path)] == [6, 2]


def test_general_answers_come_without_reasoning_and_under_their_own_prompt(
    lab: Laboratory, tmp_path: Path
) -> None:
    parts = parts_of(recipe_of(lab, share=0.25), tmp_path)
    encoder = random_encoder("qwen3_vl")
    lessons = sft_run.lessons_of(parts, encoder.processor, null_option=True)
    assert len(lessons) == 8
    texts = [
        (encoder.tokenizer.decode(prompt.input_ids_L), answer)
        for prompt, answer in (lessons.lesson(index) for index in range(len(lessons)))
    ]
    for prompt, answer in texts[:6]:
        assert SYSTEM_PROMPT in prompt
        assert answer.startswith("<think>")
    for (prompt, answer), sample in zip(texts[6:], parts[1].dataset.samples, strict=True):
        assert DIRECT_PROMPT in prompt
        assert "think" not in prompt
        assert answer == f"\\boxed{{{sample.solution}}}"
    assert lessons.named([6])[0]["sample"] == parts[1].dataset.samples[0].id
    with pytest.raises(IndexError):
        lessons.lesson(8)


def test_too_few_general_questions_are_refused(lab: Laboratory, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds 8 video questions, and general\.share 0\.7 beside 6 records"):
        parts_of(recipe_of(lab, share=0.7), tmp_path)


def test_a_mixed_run_trains_and_says_what_it_read(lab: Laboratory, tmp_path: Path) -> None:
    model = save_random_model("qwen3_vl", tmp_path / "model")
    recipe = recipe_of(lab, str(model), share=0.25)
    sft_run.train(recipe, tmp_path / "run", resume=False, progress=Silence())
    assert (tmp_path / "run" / "model" / "model.safetensors").is_file()
    assert len(read_jsonl(tmp_path / "run" / "metrics.jsonl")) == 1
    assert "general_records" in (tmp_path / "run" / "run.json").read_text()
    summary = read_json_object(tmp_path / "run" / "summary.json")
    assert summary["steps"] == 1
    assert summary["records"] == {"used": 8, "left_out": {"data_type text": 1}}
    assert summary["last_steps"]["means"]["loss"] > 0


def test_the_failures_of_all_data_sets_stand_in_one_file(lab: Laboratory, tmp_path: Path) -> None:
    data = {
        name: shutil.copytree(folder, tmp_path / name)
        for name, folder in (("sft", lab.sft), ("train", lab.train))
    }
    values = recipe_of(lab, str(save_random_model("qwen3_vl", tmp_path / "model")), share=0.45).resolved()
    broken = []
    for section, name in (("data", "sft"), ("general", "train")):
        (data[name] / "manifest.json").unlink()
        values[section]["records"] = str(data[name] / "records.jsonl")
        broken.append(read_samples(data[name] / "records.jsonl")[0])
        (data[name] / broken[-1].video).write_bytes(b"no video")
    values["data"]["max_failed_share"] = 0.5
    values["general"]["share"] = 0.6
    recipe = SftRecipe.model_validate(values)
    sft_run.train(recipe, tmp_path / "run", resume=False, progress=Silence())
    failed = [row["id"] for row in read_jsonl(tmp_path / "run" / "failures.jsonl")]
    assert failed == [sample.id for sample in broken]
    summary = read_json_object(tmp_path / "run" / "summary.json")
    assert summary["failures"] == {"videos": 2}
