"""Checkpoints: what is not what its configuration says is refused in one paragraph, by name, before it costs much."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from random_models import FAMILIES, OTHER_FAMILIES, random_model, save_random_model
from retroflip.errors import UsageError
from retroflip.models.checkpoint import require_finite
from retroflip.models.loading import describe_model, load_model

Weights = dict[str, Tensor]
FILE = "model.safetensors"


@pytest.fixture(params=[*FAMILIES, *OTHER_FAMILIES])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A saved random model of every family."""
    return save_random_model(request.param, tmp_path / "model")


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A saved random Qwen3-VL."""
    return save_random_model("qwen3_vl", tmp_path / "tiny")


def change(folder: Path, edit: Callable[[Weights], object]) -> None:
    """Rewrite a checkpoint's weights."""
    weights = load_file(folder / FILE)
    edit(weights)
    save_file(weights, folder / FILE, {"format": "pt"})


def configure(folder: Path, section: str, **settings: Any) -> None:
    """Rewrite settings of a checkpoint's configuration."""
    config = json.loads((folder / "config.json").read_text())
    config[section] |= settings
    (folder / "config.json").write_text(json.dumps(config))


def refusal(folder: Path) -> str:
    """Return why a checkpoint is refused: in one paragraph, that names it, at once."""
    began = time.monotonic()
    with pytest.raises(UsageError) as caught:
        load_model(str(folder))
    assert time.monotonic() - began < 30
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def a_weight(weights: Weights) -> str:
    """Return the name of a weight that one block of the language model has."""
    return next(name for name in weights if name.endswith("layers.1.self_attn.q_proj.weight"))


def with_value(value: float) -> Callable[[Weights], None]:
    """Return an edit that puts a value into one place of one weight."""

    def edit(weights: Weights) -> None:
        weights[a_weight(weights)][3, 2] = value

    return edit


def test_a_removed_weight_is_named(folder: Path) -> None:
    change(folder, lambda weights: weights.pop(a_weight(weights)))
    assert "1 is missing (model.language_model.layers.1.self_attn.q_proj.weight)" in refusal(folder)


def test_a_weight_too_many_is_named(folder: Path) -> None:
    change(folder, lambda weights: weights.update({"model.extra.weight": torch.zeros(2)}))
    assert "extra.weight)" in refusal(folder)
    assert "1 is unexpected" in refusal(folder)


def test_a_misshapen_weight_is_named_with_both_shapes(folder: Path) -> None:
    change(folder, lambda weights: weights.update({a_weight(weights): torch.zeros(7, 3)}))
    message = refusal(folder)
    assert (
        "1 is of another shape (model.language_model.layers.1.self_attn.q_proj.weight (7, 3) instead of"
        in message
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_one_value_that_is_no_number_is_noticed_wherever_it_stands(folder: Path, value: float) -> None:
    change(folder, with_value(value))
    assert "NaN or infinite, in model.language_model.layers.1.self_attn.q_proj.weight." in refusal(folder)


def test_many_names_are_counted_and_the_first_are_told(tiny: Path) -> None:
    def drop_a_layer(weights: Weights) -> None:
        for name in [name for name in weights if "language_model.layers.1." in name]:
            del weights[name]

    change(tiny, drop_a_layer)
    message = refusal(tiny)
    assert "11 are missing (model.language_model.layers.1.input_layernorm.weight, " in message
    assert message.count("layers.1") == 5
    assert "and 6 more)" in message


def test_quantised_weights_are_refused_and_half_precision_is_read(tiny: Path) -> None:
    change(tiny, lambda weights: weights.update({a_weight(weights): weights[a_weight(weights)].half()}))
    assert load_model(str(tiny)).dtype == torch.float32
    change(
        tiny, lambda weights: weights.update({a_weight(weights): weights[a_weight(weights)].to(torch.int8)})
    )
    assert "layers.1.self_attn.q_proj.weight (I8)" in refusal(tiny)


class TestTied:
    """The head of an embedded-model checkpoint is its embedding and has no tensor of its own."""

    EMBEDDING = "model.language_model.embed_tokens.weight"

    def test_the_heads_own_copy_is_taken_where_it_is_the_same(self, tiny: Path) -> None:
        change(tiny, lambda weights: weights.update({"lm_head.weight": weights[self.EMBEDDING].clone()}))
        model = load_model(str(tiny))
        assert model.lm_head.weight is model.get_input_embeddings().weight

    def test_a_head_of_its_own_is_a_contradiction(self, tiny: Path) -> None:
        change(tiny, lambda weights: weights.update({"lm_head.weight": weights[self.EMBEDDING] + 1}))
        assert (
            f"ties weights that it has different values for: lm_head.weight and {self.EMBEDDING}"
            in refusal(tiny)
        )

    def test_an_untied_one_must_have_its_head(self, tmp_path: Path) -> None:
        folder = save_random_model("qwen2_5_vl", tmp_path / "untied")
        change(folder, lambda weights: weights.pop("lm_head.weight"))
        assert "1 is missing (lm_head.weight)" in refusal(folder)


@pytest.mark.parametrize(
    ("section", "settings", "phrase"),
    [
        ("text_config", {"num_hidden_layers": 10**9}, "text_config.num_hidden_layers is 1000000000"),
        ("vision_config", {"depth": 10**9}, "vision_config.depth is 1000000000"),
        ("text_config", {"num_hidden_layers": 1}, "22 are unexpected"),
        ("text_config", {"hidden_size": 10**7}, "(528, 64) instead of (528, 10000000)"),
        ("text_config", {"vocab_size": 10**9}, "(528, 64) instead of (1000000000, 64)"),
        ("text_config", {"hidden_size": 10**12, "num_hidden_layers": 3}, "of another shape"),
        ("text_config", {"num_attention_heads": 0}, "ZeroDivisionError"),
        ("text_config", {"intermediate_size": -3}, "negative dimension -3"),
        ("text_config", {"hidden_act": "nonsense"}, "nonsense"),
        ("text_config", {"hidden_size": "abc"}, "expected int, got str"),
    ],
    ids=str,
)
def test_a_configuration_of_another_model_costs_nothing(
    tiny: Path, section: str, settings: dict[str, Any], phrase: str
) -> None:
    configure(tiny, section, **settings)
    assert phrase in refusal(tiny)


@pytest.mark.parametrize("content", [b"", b"\xff" * 1000, b"\x10" + b"\0" * 7 + b"{" * 16])
def test_a_file_that_is_no_safetensors_is_refused(tiny: Path, content: bytes) -> None:
    (tiny / FILE).write_bytes(content)
    assert f"{FILE} is damaged or cut short" in refusal(tiny)


def test_cut_weights_are_refused(tiny: Path) -> None:
    (tiny / FILE).write_bytes((tiny / FILE).read_bytes()[:-1])
    assert f"{FILE} is damaged or cut short" in refusal(tiny)


def test_adapters_alone_are_refused_with_where_the_model_is(tiny: Path) -> None:
    (tiny / "adapter_config.json").write_text("{}")
    assert "one folder up" in refusal(tiny)


class TestShards:
    """A checkpoint in several files, with an index."""

    @pytest.fixture
    def sharded(self, tmp_path: Path) -> Path:
        model, _ = random_model("qwen3_vl")
        model.save_pretrained(tmp_path / "sharded", max_shard_size="200KB")
        return tmp_path / "sharded"

    def index(self, sharded: Path) -> tuple[Path, dict[str, Any]]:
        file = sharded / "model.safetensors.index.json"
        return file, json.loads(file.read_text())

    def test_all_are_read(self, sharded: Path) -> None:
        assert len(list(sharded.glob("*.safetensors"))) > 3
        expected = random_model("qwen3_vl")[0].state_dict()
        found = load_model(str(sharded)).state_dict()
        assert all(torch.equal(found[name], values) for name, values in expected.items())

    def test_a_missing_and_a_cut_one_are_named(self, sharded: Path) -> None:
        shard = sorted(sharded.glob("*.safetensors"))[1]
        content = shard.read_bytes()
        shard.write_bytes(content[:-1])
        assert f"{shard.name} is damaged or cut short" in refusal(sharded)
        shard.unlink()
        assert f"{shard.name}, which model.safetensors.index.json names, is not there" in refusal(sharded)

    def test_a_weight_that_no_shard_has_is_named(self, sharded: Path) -> None:
        shard = sorted(sharded.glob("*.safetensors"))[1]
        weights = load_file(shard)
        name = next(iter(weights))
        del weights[name]
        save_file(weights, shard, {"format": "pt"})
        assert f"1 is missing ({name})" in refusal(sharded)

    def test_no_shard_lies_elsewhere(self, sharded: Path) -> None:
        file, content = self.index(sharded)
        content["weight_map"][next(iter(content["weight_map"]))] = "../tiny/model.safetensors"
        file.write_text(json.dumps(content))
        assert "'../tiny/model.safetensors', which is no file beside it" in refusal(sharded)

    @pytest.mark.parametrize("text", ["[]", "{", "{}", '{"weight_map": [1]}', '{"weight_map": {"a": 1}}'])
    def test_an_index_that_is_none_is_refused(self, sharded: Path, text: str) -> None:
        self.index(sharded)[0].write_text(text)
        assert "is no index of weights" in refusal(sharded)


class Allocations(TorchDispatchMode):
    """Adds up the bytes of all new storages."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        old = {
            one.untyped_storage().data_ptr() for one in tree_leaves((args, kwargs)) if isinstance(one, Tensor)
        }
        result = func(*args, **(kwargs or {}))
        for one in tree_leaves(result):
            if isinstance(one, Tensor) and one.untyped_storage().data_ptr() not in old:
                self.bytes += one.untyped_storage().nbytes()
        return result


def test_looking_for_nan_makes_no_copy_and_no_mask_of_the_weights(tiny: Path) -> None:
    model = load_model(str(tiny))
    with Allocations() as allocations:
        require_finite(model)
    assert 0 < allocations.bytes < 100 * len(model.state_dict())


def test_a_dry_run_looks_at_the_weights_that_are_there_and_at_no_others(tiny: Path) -> None:
    assert describe_model(str(tiny)).model_type == "qwen3_vl"
    (tiny / FILE).rename(tiny / "elsewhere.safetensors")
    assert describe_model(str(tiny)).model_type == "qwen3_vl"
    (tiny / "elsewhere.safetensors").rename(tiny / FILE)
    change(tiny, lambda weights: weights.pop(a_weight(weights)))
    with pytest.raises(UsageError, match="1 is missing"):
        describe_model(str(tiny))
