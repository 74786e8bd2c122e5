"""Loading models: what cannot be trained is refused in a sentence."""

import shutil
from pathlib import Path

import pytest
import torch
from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration

from random_models import FAMILIES, OTHER_FAMILIES, random_model, save_random_model
from retroflip.errors import UsageError
from retroflip.models import tiny
from retroflip.models.encoding import Encoder
from retroflip.models.loading import load_model, load_processor, save_model
from separate_rows import prompts_of


def test_the_embedded_model_loads_and_is_small() -> None:
    model, processor = load_model("retroflip-tiny"), load_processor("retroflip-tiny")
    assert type(model).__name__ == "Qwen3VLForConditionalGeneration"
    assert type(processor).__name__ == "Qwen3VLProcessor"
    assert sum(path.stat().st_size for path in tiny.WEIGHTS.iterdir()) < 8e6


@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json"])
def test_one_damaged_byte_of_the_embedded_model_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    shutil.copytree(tiny.WEIGHTS, tmp_path / "weights")
    content = bytearray((tmp_path / "weights" / file).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "weights" / file).write_bytes(content)
    monkeypatch.setattr(tiny, "WEIGHTS", tmp_path / "weights")
    with pytest.raises(UsageError, match=file):
        load_model("retroflip-tiny")


def test_a_missing_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="retroflip-tiny"):
        load_model(str(tmp_path / "nothing"))


def test_a_runs_folder_is_told_from_its_models(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    with pytest.raises(UsageError, match=r"is a run's folder\. Name its model: .*model"):
        load_model(str(tmp_path))


def test_a_model_of_another_family_is_refused(tmp_path: Path) -> None:
    vision = CLIPVisionConfig(
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        image_size=16,
        patch_size=8,
    )
    text = LlamaConfig(
        hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, vocab_size=64
    )
    config = LlavaConfig(vision_config=vision, text_config=text, image_token_index=3)
    LlavaForConditionalGeneration(config).save_pretrained(tmp_path / "llava")
    with pytest.raises(
        UsageError, match=r"LlavaForConditionalGeneration.* families: Qwen2-VL, .* and GLM-4V"
    ):
        load_model(str(tmp_path / "llava"))


@pytest.mark.parametrize("family", [*FAMILIES, *OTHER_FAMILIES])
def test_every_known_family_loads_as_it_was_saved(tmp_path: Path, family: str) -> None:
    model, processor = random_model(family)
    folder = str(save_random_model(family, tmp_path / family))
    assert type(load_model(folder)) is type(model)
    loaded = load_processor(folder)
    assert type(loaded) is type(processor)
    first, again = (prompts_of(Encoder(one))[0] for one in (processor, loaded))
    assert torch.equal(first.input_ids_L, again.input_ids_L)
    assert first.pixels_PD is not None
    assert again.pixels_PD is not None
    assert torch.equal(first.pixels_PD, again.pixels_PD)


def test_a_saved_model_generates_with_its_cache(tmp_path: Path) -> None:
    model, processor = load_model("retroflip-tiny"), load_processor("retroflip-tiny")
    model.config.use_cache = False
    save_model(model, processor, tmp_path / "saved")
    assert getattr(load_model(str(tmp_path / "saved")).config, "use_cache", True)
