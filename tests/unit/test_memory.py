"""What a process holds: sums done by hand, and the sizes of real classes beside what PyTorch keeps."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from random_models import FAMILIES, OTHER_FAMILIES, random_encoder, random_model
from retroflip.models.features import encode_visuals
from retroflip.models.shared_cache import room_of
from retroflip.models.vision_counter import patches_of
from retroflip.recipes.schema import ModelSection
from retroflip.train.loop import choose_trained
from retroflip.train.memory import (
    LIBRARIES,
    Load,
    Setting,
    Shape,
    Vision,
    estimate,
    layer_bytes,
    rollout_bytes,
    shape_of,
)
from separate_rows import prompts_of

SHAPE = Shape(
    parameters=1000,
    trained=600,
    block=150,
    outside=300,
    weight_bytes=4,
    trained_bytes=4,
    compute_bytes=4,
    layers=4,
    width=10,
    vocabulary=50,
    layer_bytes=700,
    cache_width=20,
    depth=3,
    patch_width=8,
    patch_bytes=90,
    pixel_bytes=7,
    projector_bytes=60,
    feature_width=30,
    merged=4,
    vision="frozen",
)
LOAD = Load(
    branches=6,
    at_once=2,
    prompt=40,
    patches=16,
    rollouts=3,
    longest=100,
    rows=2,
    tokens=340,
    copied=800,
    scored=300,
)
ROLLOUTS = 2 * (4 * 20 * 4 * (40 + 3 * 128) + 40 * 700 + 6 * 4 * 3 * 50)
"""two branches: keys and values of the prompt and of 3 rows with room for 128 tokens, reading, drawing"""


def test_whole_weights_without_checkpointing() -> None:
    memory = estimate(SHAPE, LOAD, Setting(reference=True, checkpointing=False))

    assert memory == {
        "libraries": LIBRARIES,
        "weights": 4000,
        "reference_weights": 4000,
        "optimizer": 4800,
        "weights_in_compute_type": 0,
        "features": 6 * 16 / 4 * 30 * 4,
        "vision_tower": 6 * 16 * 97,
        "rollouts": ROLLOUTS,
        "gradients": 2400,
        "activations": 4 * (2 * 340 * 700 + 800 * 20 * 4),
        "vision_activations": 0,
        "logits": 5 * 4 * 2 * 300 * 50,
        "peak": LIBRARIES + 12_800 + 2880 + 2400 + 2_160_000 + 600_000,
    }


def test_checkpointing_keeps_the_layers_inputs_and_one_layer() -> None:
    memory = estimate(SHAPE, LOAD, Setting(reference=False, checkpointing=True, tiled=True))

    assert memory["reference_weights"] == 0
    assert memory["activations"] == 680 * (4 * 10 * 4 + 700) + 800 * 20 * 4
    assert memory["logits"] == 0


def test_rollouts_can_be_the_peak() -> None:
    memory = estimate(SHAPE, replace(LOAD, rows=0, at_once=6), Setting(reference=False, checkpointing=False))

    assert memory["peak"] == LIBRARIES + 8800 + 2880 + 3 * ROLLOUTS


def test_shards_share_all_but_what_is_gathered() -> None:
    setting = Setting(reference=True, checkpointing=False, processes=4, sharded=True)
    memory = estimate(SHAPE, LOAD, setting)

    gathered = 300 + 2 * 150  # embedding and head, and two blocks
    assert memory["weights"] == 4000 / 4 + 4 * gathered
    assert memory["reference_weights"] == 1000
    assert memory["optimizer"] == 1200
    assert memory["gradients"] == 600 + 4 * gathered


def test_whole_weights_in_several_processes_have_their_gradients_twice() -> None:
    memory = estimate(SHAPE, LOAD, Setting(reference=False, checkpointing=False, processes=4))

    assert memory["weights"] == 4000
    assert memory["gradients"] == 2 * 2400


@pytest.mark.parametrize(
    ("sharded", "checkpointing", "copied"),
    [(False, True, 600), (True, False, 600), (True, True, 600), (True, True, 500)],
)
def test_mixed_precision_copies_what_is_trained(sharded: bool, checkpointing: bool, copied: int) -> None:
    """All of it, or no more than is gathered at once: 200 + 2 x 150 where the embedding is smaller."""
    mixed = replace(SHAPE, compute_bytes=2, outside=300 if copied == 600 else 200)
    setting = Setting(reference=False, checkpointing=checkpointing, processes=4, sharded=sharded)

    assert estimate(mixed, LOAD, setting)["weights_in_compute_type"] == copied * 2


@pytest.mark.parametrize(
    ("vision", "checkpointing", "expected"),
    [
        ("frozen", False, 0),
        ("projector", False, 32 * 60),
        ("trained", False, 32 * (60 + 7 + 3 * (90 + 256))),
        ("trained", True, 32 * (60 + 7 + 3 * 8 * 4 + 90 + 256)),
    ],
)
def test_a_trained_tower_keeps_its_activations(vision: Vision, checkpointing: bool, expected: int) -> None:
    setting = Setting(reference=False, checkpointing=checkpointing)
    assert estimate(replace(SHAPE, vision=vision), LOAD, setting)["vision_activations"] == expected


def test_the_tower_takes_a_run_at_a_time_and_a_video_at_least(monkeypatch: pytest.MonkeyPatch) -> None:
    def tower(run_bytes: int) -> float:
        monkeypatch.setattr("retroflip.train.memory.RUN_BYTES", run_bytes)
        return estimate(SHAPE, LOAD, Setting(reference=False, checkpointing=False))["vision_tower"]

    assert tower(10**9) == 6 * 16 * 97
    assert tower(40 * 90) == 40 * 97
    assert tower(1) == 16 * 97


def test_an_engine_writes_elsewhere() -> None:
    assert rollout_bytes(SHAPE, 40, 0, 100) == 0


def test_room_doubles() -> None:
    assert [room_of(tokens) for tokens in (1, 64, 65, 128, 2047, 2049)] == [64, 64, 128, 128, 2048, 4096]


TYPES = {
    "float32": (torch.float32, False),
    "mixed": (torch.float32, True),
    "bfloat16": (torch.bfloat16, False),
}


@pytest.mark.parametrize("type_", TYPES)
@pytest.mark.parametrize("family", [*FAMILIES, *OTHER_FAMILIES])
def test_a_layer_keeps_what_pytorch_keeps_of_it(family: str, type_: str) -> None:
    """Within a tenth under and a half over, in every family and type."""
    dtype, mixed = TYPES[type_]
    model = random_model(family)[0].to(dtype).train()
    tokens, kept = 512, Kept(model)
    with kept, torch.autocast("cpu", dtype=torch.bfloat16, enabled=mixed):
        model.model.language_model(input_ids=torch.randint(5, 200, (1, tokens)), use_cache=False)

    text = model.config.get_text_config()
    block = model.model.language_model.layers[0]
    expected = layer_bytes(block, text, dtype.itemsize, 2 if mixed else dtype.itemsize)
    assert 0.9 < expected / (kept.bytes / tokens / text.num_hidden_layers) < 1.5


@pytest.mark.parametrize("vision", ["projector", "trained"])
@pytest.mark.parametrize("family", [*FAMILIES, *OTHER_FAMILIES])
def test_a_trained_tower_keeps_what_pytorch_keeps_of_it(family: str, vision: Vision) -> None:
    model = random_model(family)[0]
    prompts = prompts_of(random_encoder(family))
    choose_trained(model, ModelSection(vision=vision))
    with Kept(model) as kept:
        encode_visuals(model, prompts)

    shape = shape_of(model, weights="float32", compute="float32", vision=vision)
    load = replace(LOAD, rows=1, patches=patches_of(prompts))
    expected = estimate(shape, load, Setting(reference=False, checkpointing=False))["vision_activations"]
    assert 0.8 < expected / kept.bytes < 1.3


class Kept:
    """Adds up what autograd keeps for the backward pass, without the weights and their copies in another type."""

    def __init__(self, model: Any) -> None:
        shapes = [tuple(parameter.shape) for parameter in model.parameters() if parameter.dim() > 1]
        self._weights = {*shapes, *(shape[::-1] for shape in shapes)}
        self._of: dict[int, int] = {}
        self._held: list[Tensor] = []
        self._hooks = torch.autograd.graph.saved_tensors_hooks(self._keep, lambda kept: kept)

    def _keep(self, kept: Tensor) -> Tensor:
        if not isinstance(kept, torch.nn.Parameter) and tuple(kept.shape) not in self._weights:
            self._of[kept.untyped_storage().data_ptr()] = kept.untyped_storage().nbytes()
            self._held.append(kept)
        return kept

    def __enter__(self) -> "Kept":
        self._hooks.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._hooks.__exit__()

    @property
    def bytes(self) -> int:
        """Bytes of all storages."""
        return sum(self._of.values())


def test_the_embedded_models_sizes_by_hand() -> None:
    model, _ = random_model("qwen3_vl")
    shape = shape_of(model, weights="float32", compute="float32", vision="frozen")
    block = 64 * 96 * 3 + 96 * 64 + 3 * 64 * 128 + 2 * 64 + 2 * 24
    vision = 64 * 192 + 192 + 64 * 64 + 64 + 64 * 128 + 128 + 128 * 64 + 64 + 4 * 64
    assert (shape.block, shape.layers, shape.cache_width) == (block, 3, 2 * 4 * 24)
    assert shape.parameters == shape.outside + 3 * block + 2 * vision
    assert (shape.depth, shape.patch_width, shape.merged, shape.feature_width) == (2, 64, 4, 128)
    linear = 4 * (64 + 96) + 3 * (64 + 128)
    assert shape.layer_bytes == 4 * linear + 8 * (2 * 64 + 96 + 96)
