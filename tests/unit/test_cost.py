"""Memory estimates against sums done by hand."""

from pathlib import Path

from retroflip.cost import LIBRARIES, First, Load, Shape, advice, estimate_memory, load_of, measure_model
from retroflip.progress import Silence
from retroflip.recipe import ModelSection, RlRecipe, load_recipe
from retroflip.rl.methods.base import Branch
from retroflip.synth.dataset import write_pairs
from retroflip.video.transforms import Transform
from retroflip.video.views import Transformed

SHAPE = Shape(
    parameters=1000,
    trained=600,
    weight_bytes=4,
    trained_bytes=4,
    compute_bytes=4,
    layers=4,
    width=10,
    cache_width=20,
    vocabulary=50,
)
LOAD = Load(rollout_tokens=100, packed_tokens=40, copied_tokens=30, scored_tokens=8)
RECIPES = Path(__file__).parents[2] / "recipes"


def test_the_parts_are_those_of_adamw_and_a_packed_row() -> None:
    memory = estimate_memory(SHAPE, LOAD, reference=True, checkpointing=False)

    assert memory == {
        "libraries": LIBRARIES,
        "weights": 4000,
        "reference_weights": 4000,
        "gradients": 2400,
        "optimizer": 4800,
        "weights_in_compute_type": 0,
        "rollout_cache": 100 * 4 * 20 * 4,
        "activations": 17 * 10 * 4 * 40 * 4,
        "copied_keys_and_values": 30 * 20 * 4 * 4,
        "logits": 2 * 4 * 8 * 50,
        "peak": LIBRARIES + 4000 + 4000 + 2400 + 4800 + 108800 + 9600 + 3200,
    }


def test_checkpointing_keeps_one_layer_and_the_layers_inputs() -> None:
    memory = estimate_memory(SHAPE, LOAD, reference=False, checkpointing=True)

    assert memory["reference_weights"] == 0
    assert memory["activations"] == 17 * 10 * 4 * 40 + 4 * 10 * 4 * 40
    assert memory["copied_keys_and_values"] == 30 * 20 * 4


def test_the_cache_of_long_rollouts_can_be_the_peak() -> None:
    memory = estimate_memory(SHAPE, Load(10_000, 40, 30, 8), reference=False, checkpointing=False)

    assert memory["peak"] == LIBRARIES + 4000 + 2400 + 4800 + 10_000 * 4 * 20 * 4


def test_shards_share_all_but_one_layer_and_tiles_keep_no_logits() -> None:
    memory = estimate_memory(SHAPE, LOAD, reference=True, checkpointing=False, shards=4, tiled_logits=True)

    assert memory["weights"] == 4000 / 4 + 4000 / 4
    assert memory["reference_weights"] == 1000
    assert memory["gradients"] == 600
    assert memory["optimizer"] == 1200
    assert memory["logits"] == 0


def test_two_processes_hold_half_of_the_branches_each() -> None:
    recipe = tiny("train.samples_per_step=4", "train.gradient_accumulation=2")
    longest = recipe.train.max_completion_length
    view = Transformed(Transform.IDENTITY)
    branches = (Branch("a", view, True, 3), Branch("b", view, True, 3), Branch("c", view, False, 3))
    first = First(prompt=100, branches=branches)

    # 12 branches, 8 of them trained: in one process 4 a pass, in two 2.
    row, copied, cache = 100 + 3 * longest, 3 * (100 + longest), 100 + 2 * 3 * longest
    assert load_of(recipe, first, 1) == Load(12 * cache, 4 * row, 4 * copied, 4 * 3 * longest)
    assert load_of(recipe, first, 2) == Load(6 * cache, 2 * row, 2 * copied, 2 * 3 * longest)


def test_adapters_are_trained_in_float32_over_weights_of_half_the_bytes() -> None:
    plain = measure_model(ModelSection(), "float32")
    section = ModelSection.model_validate(
        {"dtype": "bfloat16", "lora": {"rank": 2, "alpha": 4, "targets": ["q_proj"]}}
    )
    adapted = measure_model(section, "bfloat16")

    assert adapted.parameters == plain.parameters
    # q_proj of the embedded model: 3 layers, from a width of 64 to 4 heads of 24; A and B of rank 2
    assert adapted.trained == 3 * 2 * (64 + 4 * 24)
    assert (adapted.weight_bytes, adapted.trained_bytes, adapted.compute_bytes) == (2, 4, 2)


def test_advice_names_what_fits_and_says_when_nothing_does(tmp_path: Path) -> None:
    write_pairs(tmp_path / "pairs", per_task=1, seed=0, size=64, progress=Silence())
    recipe = tiny(f"data.records={tmp_path / 'pairs' / 'records.jsonl'}", "train.samples_per_step=64")

    assert "any of these fits" in advice(recipe, 10 * 2**30)
    assert "not even" in advice(recipe, 2**20)


def tiny(*overrides: str) -> RlRecipe:
    """Return the tiny CRPO recipe with overrides."""
    recipe = load_recipe(RECIPES / "tiny" / "crpo.yaml", overrides)
    assert isinstance(recipe, RlRecipe)
    return recipe
