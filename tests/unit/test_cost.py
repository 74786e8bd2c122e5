"""Memory estimates against sums done by hand."""

from retroflip.cost import LIBRARIES, Load, Shape, estimate_memory

SHAPE = Shape(parameters=1000, trained=600, bytes_each=4, layers=3, width=10, cache_width=20, vocabulary=50)
LOAD = Load(rollout_tokens=100, packed_tokens=40, scored_tokens=8)


def test_the_parts_are_those_of_adamw_and_a_packed_row() -> None:
    memory = estimate_memory(SHAPE, LOAD, reference=True, checkpointing=False)

    assert memory == {
        "libraries": LIBRARIES,
        "weights": 4000,
        "reference_weights": 4000,
        "gradients": 2400,
        "optimizer": 4800,
        "rollout_cache": 100 * 3 * 20 * 4,
        "activations": 17 * 10 * 4 * 40 * 3,
        "logits": 2 * 4 * 8 * 50,
        "peak": LIBRARIES + 4000 + 4000 + 2400 + 4800 + 81600 + 3200,
    }


def test_checkpointing_keeps_one_layer_and_the_layers_inputs() -> None:
    memory = estimate_memory(SHAPE, LOAD, reference=False, checkpointing=True)

    assert memory["reference_weights"] == 0
    assert memory["activations"] == 17 * 10 * 4 * 40 + 3 * 10 * 4 * 40


def test_the_cache_of_long_rollouts_can_be_the_peak() -> None:
    memory = estimate_memory(SHAPE, Load(10_000, 40, 8), reference=False, checkpointing=False)

    assert memory["peak"] == LIBRARIES + 4000 + 2400 + 4800 + 10_000 * 3 * 20 * 4
