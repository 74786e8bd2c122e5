"""Adapters: what exactly is trained, how they start, what is saved, and what recipes may say of them."""

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel

from random_models import FAMILIES, random_encoder, random_model, save_random_model
from retroflip.errors import UsageError
from retroflip.lab.laboratory import LabSettings, write_laboratory
from retroflip.models.loading import load_model, load_processor
from retroflip.models.lora import merged
from retroflip.progress import Silence
from retroflip.recipes.schema import LoraSection, ModelSection
from retroflip.sft import train as sft_run
from retroflip.sft.recipe import SftRecipe
from retroflip.train.loop import choose_trained, load
from separate_rows import prompts_of, separate

ATTENTION = ("q_proj", "v_proj")
PREFIX = "base_model.model.model."


def adapted(family: str, *, seed: int = 0, dtype: torch.dtype = torch.float32, **settings: Any) -> Any:
    """Return a random model with adapters of rank 2 on the attention's queries and values."""
    lora = LoraSection(rank=2, alpha=4, targets=settings.pop("targets", ATTENTION))
    model, _ = random_model(family)
    return choose_trained(model.to(dtype), ModelSection(lora=lora, **settings), seed)


def trained_names(model: Any) -> set[str]:
    """Return the names, in the model that is adapted, of what has gradients."""
    return {
        name.removeprefix(PREFIX) for name, parameter in model.named_parameters() if parameter.requires_grad
    }


def language_adapters(family: str) -> set[str]:
    """Return the names of the adapters that the settings of `adapted` ask for."""
    layers = len(random_model(family)[0].model.language_model.layers)
    return {
        f"language_model.layers.{layer}.self_attn.{target}.lora_{half}.default.weight"
        for layer in range(layers)
        for target in ATTENTION
        for half in "AB"
    }


PROJECTOR = {
    "qwen3_vl": {
        "merger": ("norm", "linear_fc1", "linear_fc2"),
        "deepstack_merger_list.0": ("norm", "linear_fc1", "linear_fc2"),
    },
    "qwen2_5_vl": {"merger": ("ln_q", "mlp.0", "mlp.2")},
}
TOWER_LAYERS = {
    "qwen3_vl": ("attn.qkv", "attn.proj", "mlp.linear_fc1", "mlp.linear_fc2"),
    "qwen2_5_vl": ("attn.qkv", "attn.proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"),
}


def projector_parameters(family: str) -> set[str]:
    """Return the names of the projector's trained copy."""
    return {
        f"visual.{module}.modules_to_save.default.{part}.{kind}"
        for module, parts in PROJECTOR[family].items()
        for part in parts
        for kind in ("weight", "bias")
    } - {"visual.merger.modules_to_save.default.ln_q.bias"}  # Qwen2.5's norm has none


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("vision", ["frozen", "projector", "trained"])
def test_exactly_what_the_recipe_names_is_trained(family: str, vision: str) -> None:
    expected = language_adapters(family)
    if vision != "frozen":
        expected |= projector_parameters(family)
    if vision == "trained":
        blocks = len(random_model(family)[0].model.visual.blocks)
        expected |= {
            f"visual.blocks.{block}.{layer}.lora_{half}.default.weight"
            for block in range(blocks)
            for layer in TOWER_LAYERS[family]
            for half in "AB"
        }
    assert trained_names(adapted(family, vision=vision)) == expected


@pytest.mark.parametrize("family", FAMILIES)
def test_by_default_every_linear_layer_of_the_language_model_is_adapted_and_no_other(family: str) -> None:
    model, _ = random_model(family)
    linear = {
        name
        for name, part in model.named_modules()
        if isinstance(part, torch.nn.Linear) and "language_model" in name
    }
    made = choose_trained(model, ModelSection(lora=LoraSection(rank=2, alpha=4)))
    assert {name.rpartition(".lora_")[0] for name in trained_names(made)} == {
        name.removeprefix("model.") for name in linear
    }


@pytest.mark.parametrize("target", ["lm_head", "qkv", "embed_tokens"])
def test_only_layers_of_the_language_models_blocks_can_be_targets(target: str) -> None:
    with pytest.raises(UsageError, match=f"targets names {target}, .* choose among q_proj, k_proj"):
        adapted("qwen3_vl", targets=("q_proj", target))


@pytest.mark.parametrize("vision", ["frozen", "projector", "trained"])
def test_training_starts_from_the_model_itself(vision: str) -> None:
    prompt, answer = prompts_of(random_encoder("qwen3_vl"))[0], [5, 6, 7]
    plain, _ = random_model("qwen3_vl")
    with torch.no_grad():
        expected = separate(plain, prompt, answer, 0, 1.0)
        found = separate(adapted("qwen3_vl", vision=vision).get_base_model().eval(), prompt, answer, 0, 1.0)
    torch.testing.assert_close(found, expected, atol=0, rtol=0)


def test_choosing_draws_nothing_from_the_run() -> None:
    model, _ = random_model("qwen3_vl")
    before = torch.get_rng_state()
    choose_trained(model, ModelSection(lora=LoraSection(rank=2, alpha=4)), seed=5)
    assert torch.equal(before, torch.get_rng_state())


def test_what_is_trained_is_float32_beside_bfloat16_weights() -> None:
    model = adapted("qwen3_vl", dtype=torch.bfloat16, vision="projector")
    types = {(p.requires_grad, p.dtype) for p in model.parameters()}
    assert types == {(True, torch.float32), (False, torch.bfloat16)}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_merging_is_pefts_and_leaves_other_adapters_out(dtype: torch.dtype) -> None:
    model = adapted("qwen3_vl", vision="projector", dtype=dtype)
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            parameter.data += torch.randn(parameter.shape, generator=torch.Generator().manual_seed(len(name)))
    model.add_adapter("other", model.peft_config["default"])
    made = merged(model, model.state_dict())
    expected = weights(model.merge_and_unload())
    assert made.keys() == expected.keys()
    for name, values in expected.items():
        assert torch.equal(made[name], values), name


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A saved random model, and records to fine-tune it on."""
    folder = tmp_path_factory.mktemp("inputs")
    settings = LabSettings(seed=1, sft_samples=4, train_samples=1, pairs_per_task=1, size=64)
    lab = write_laboratory(folder / "data", settings, Silence())
    return save_random_model("qwen3_vl", folder / "model"), lab.sft / "records.jsonl"


def fine_tuned(out: Path, inputs: tuple[Path, Path], **train: Any) -> Path:
    """Fine-tune with adapters and the projector; return the folder of the model."""
    model, records = inputs
    lora = {"rank": 4, "alpha": 8}
    recipe = SftRecipe.model_validate(
        {
            "model": {"path": str(model), "vision": "projector", "lora": lora},
            "data": {"records": str(records)},
            "train": {"steps": 2, "batch_size": 2, "learning_rate": 1e-2, "seed": 3, **train},
        }
    )
    sft_run.train(recipe, out, resume=False, progress=Silence())
    return out / "model"


def weights(model: Any) -> dict[str, torch.Tensor]:
    """Return a model's weights by name."""
    values: dict[str, torch.Tensor] = model.state_dict()
    return values


def test_the_model_is_saved_whole_with_its_adapters_beside_it(
    tmp_path: Path, inputs: tuple[Path, Path]
) -> None:
    folder = fine_tuned(tmp_path / "run", inputs)
    start, trained = load_model(str(inputs[0])), load_model(str(folder))
    moved = {
        name for name, values in weights(trained).items() if not torch.equal(values, weights(start)[name])
    }
    assert {name.split(".")[1] for name in moved} == {"language_model", "visual"}
    assert {name.split(".")[2] for name in moved if "visual" in name} == {"merger", "deepstack_merger_list"}
    assert all(name.endswith("_proj.weight") for name in moved if "language_model" in name)
    assert load_processor(str(folder)).tokenizer.padding_side == "left"
    named = [
        path
        for path in folder.rglob("*")
        if path.is_file() and str(tmp_path.parent).encode() in path.read_bytes()
    ]
    assert named == [], "a model that goes out names no folder of this machine"
    assert {path.name for path in (folder / "adapter").iterdir()} == {
        "adapter_config.json",
        "adapter_model.safetensors",
    }

    beside = PeftModel.from_pretrained(start, str(folder / "adapter")).merge_and_unload()
    for name, values in weights(trained).items():
        assert torch.equal(values, weights(beside)[name]), name


def test_activations_computed_twice_train_the_same_adapters(
    tmp_path: Path, inputs: tuple[Path, Path]
) -> None:
    once = load_model(str(fine_tuned(tmp_path / "once", inputs)))
    twice = load_model(str(fine_tuned(tmp_path / "twice", inputs, gradient_checkpointing=True)))
    for name, values in weights(once).items():
        torch.testing.assert_close(weights(twice)[name], values, atol=1e-6, rtol=1e-6, msg=name)


def test_adapters_start_from_the_seed(inputs: tuple[Path, Path]) -> None:
    section = ModelSection(path=str(inputs[0]), lora=LoraSection(rank=2, alpha=4))
    first, same, other = (choose_trained(load(section), section, seed) for seed in (7, 7, 8))
    name = f"{PREFIX}language_model.layers.0.mlp.up_proj.lora_A.default.weight"
    assert torch.equal(first.get_parameter(name), same.get_parameter(name))
    assert not torch.equal(first.get_parameter(name), other.get_parameter(name))
