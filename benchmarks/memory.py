"""The memory that one GPU needs, by model, frames, group size and number of GPUs: the table of docs/scale.md.

    python benchmarks/memory.py

Prints Markdown, by the estimate of `retroflip.cost`, which `--dry-run` prints for a recipe. The sizes of the models are
from their published configurations, rounded, and written out because nothing is downloaded.
"""

from itertools import product

from retroflip.cost import GIB, Load, Shape, estimate_memory

COMPLETION = 2048
GPUS = (1, 8, 32)
FRAMES = {16: 1100, 32: 2100, 64: 4200}
"""tokens of a prompt with so many frames: 2 frames of 480 x 270 pixels are 120 tokens, and their time stamp 8"""
ROLLOUTS = (8, 16)


def shape(parameters: float, layers: int, width: int, key_values: int, vision: float) -> Shape:
    """Return a model of so many billions, float32 weights and bfloat16 passes, its vision tower frozen."""
    return Shape(
        parameters=int(parameters * 1e9),
        trained=int((parameters - vision) * 1e9),
        weight_bytes=4,
        trained_bytes=4,
        compute_bytes=2,
        layers=layers,
        width=width,
        cache_width=2 * key_values * 128,
        vocabulary=151_936,
    )


MODELS = {
    "Qwen3-VL-4B": shape(4.44, 36, 2560, 8, 0.41),
    "Qwen3-VL-8B": shape(8.77, 36, 4096, 8, 0.58),
    "Qwen2.5-VL-7B": shape(8.29, 28, 3584, 4, 0.68),
}


def peak(model: Shape, prompt: int, rollouts: int, gpus: int, *, lora: bool) -> float:
    """Return GiB: one branch a pass and two written at once, gradient checkpointing, KL with a reference.

    lora: bfloat16 weights and adapters of half a per cent of them; the reference is the model without them.
    """
    row = prompt + rollouts * COMPLETION
    load = Load(2 * rollouts * (prompt + COMPLETION), row, row, rollouts * COMPLETION)
    if lora:
        light = {**vars(model), "trained": model.parameters // 200, "weight_bytes": 2}
        model = Shape(**light)
    memory = estimate_memory(
        model, load, reference=not lora, checkpointing=True, shards=gpus, tiled_logits=True
    )
    return memory["peak"] / GIB


def main() -> None:
    """Print the table."""
    heads = [*(f"{gpus} GPU{'s, sharded' if gpus > 1 else ''}" for gpus in GPUS), "1 GPU, LoRA"]
    lines = [
        f"| model | frames | G | {' | '.join(heads)} |",
        f"| --- | ---: | ---: |{' ---: |' * len(heads)}",
    ]
    for (name, model), (frames, prompt), rollouts in product(MODELS.items(), FRAMES.items(), ROLLOUTS):
        cells = [peak(model, prompt, rollouts, gpus, lora=False) for gpus in GPUS]
        cells.append(peak(model, prompt, rollouts, 1, lora=True))
        lines.append(f"| {name} | {frames} | {rollouts} | {' | '.join(f'{cell:.0f}' for cell in cells)} |")
    print("\n".join(lines))  # noqa: T201 - its result


if __name__ == "__main__":
    main()
