"""The memory that one GPU needs, by model, frames, group size and number of GPUs: the table of docs/scale.md.

    python benchmarks/memory.py

Prints Markdown, by the estimate that `--dry-run` prints for a recipe. Models are built without memory from the sizes in
their published configurations, which are written out because nothing is downloaded.
"""

from itertools import product
from typing import Any

import torch
from transformers import AutoModelForImageTextToText, Qwen2_5_VLConfig, Qwen3VLConfig

from retroflip.recipes.schema import LoraSection, ModelSection
from retroflip.train.loop import choose_trained
from retroflip.train.machine import GIB
from retroflip.train.memory import Load, Setting, Shape, Vision, estimate, shape_of

COMPLETION = 2048
GPUS = (1, 8, 32)
FRAMES = (16, 32, 64)
ROLLOUTS = (8, 16)
TOKENS, PATCHES = 128, 480
"""of two frames of 480 x 270 pixels: 120 visual tokens and their time stamp; patches of 16 x 16"""
QUESTION = 80
"""tokens of a prompt besides its video"""


def _qwen3(layers: int, width: int, inner: int, tied: bool, vision: dict[str, Any]) -> Qwen3VLConfig:
    text = {
        "vocab_size": 151_936,
        "hidden_size": width,
        "intermediate_size": inner,
        "num_hidden_layers": layers,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "tie_word_embeddings": tied,
    }
    vision = {
        "patch_size": 16,
        "num_heads": 16,
        "num_position_embeddings": 2304,
        "out_hidden_size": width,
    } | vision
    return Qwen3VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=tied)


def _qwen25() -> Qwen2_5_VLConfig:
    text = {
        "vocab_size": 152_064,
        "hidden_size": 3584,
        "intermediate_size": 18_944,
        "num_hidden_layers": 28,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
    }
    vision = {"depth": 32, "hidden_size": 1280, "intermediate_size": 3420, "out_hidden_size": 3584}
    return Qwen2_5_VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=False)


MODELS = {
    "Qwen3-VL-4B": _qwen3(
        36, 2560, 9728, True,
        {"depth": 24, "hidden_size": 1024, "intermediate_size": 4096, "deepstack_visual_indexes": [5, 11, 17]},
    ),
    "Qwen3-VL-8B": _qwen3(
        36, 4096, 12_288, False,
        {"depth": 27, "hidden_size": 1152, "intermediate_size": 4304, "deepstack_visual_indexes": [8, 16, 24]},
    ),
    "Qwen2.5-VL-7B": _qwen25(),
}  # fmt: skip


def shape(config: Any, *, lora: bool = False, vision: Vision = "frozen") -> Shape:
    """Return the sizes of a model: float32 weights, or adapters beside bfloat16 ones, and passes in bfloat16."""
    section = ModelSection(
        dtype="bfloat16" if lora else "float32",
        vision=vision,
        lora=LoraSection(rank=16, alpha=32) if lora else None,
    )
    with torch.device("meta"):
        dtype = torch.bfloat16 if lora else torch.float32
        model: Any = choose_trained(AutoModelForImageTextToText.from_config(config, dtype=dtype), section)
    return shape_of(model, weights=section.dtype, compute="bfloat16", vision=vision)


def load(frames: int, rollouts: int) -> Load:
    """Return one branch a pass and two written at once, of four."""
    prompt = QUESTION + frames // 2 * TOKENS
    tokens = prompt + rollouts * COMPLETION
    return Load(
        branches=4,
        at_once=2,
        prompt=prompt,
        patches=frames // 2 * PATCHES,
        rollouts=rollouts,
        longest=COMPLETION,
        rows=1,
        tokens=tokens,
        copied=rollouts * (prompt + COMPLETION),
        scored=rollouts * COMPLETION,
    )


def peak(model: Shape, passing: Load, gpus: int, *, lora: bool) -> float:
    """Return GiB, with gradient checkpointing, KL with a reference, and weights sharded over more than one GPU."""
    setting = Setting(reference=not lora, checkpointing=True, processes=gpus, sharded=gpus > 1, tiled=True)
    return estimate(model, passing, setting)["peak"] / GIB


def main() -> None:
    """Print the table."""
    heads = [*(f"{gpus} GPU{'s, sharded' if gpus > 1 else ''}" for gpus in GPUS), "1 GPU, LoRA"]
    lines = [
        f"| model | frames | G | {' | '.join(heads)} |",
        f"| --- | ---: | ---: |{' ---: |' * len(heads)}",
    ]
    shapes = {name: (shape(config), shape(config, lora=True)) for name, config in MODELS.items()}
    for (name, (whole, light)), frames, rollouts in product(shapes.items(), FRAMES, ROLLOUTS):
        passing = load(frames, rollouts)
        cells = [peak(whole, passing, gpus, lora=False) for gpus in GPUS]
        cells.append(peak(light, passing, 1, lora=True))
        lines.append(f"| {name} | {frames} | {rollouts} | {' | '.join(f'{cell:.0f}' for cell in cells)} |")
    print("\n".join(lines))  # noqa: T201 - its result


if __name__ == "__main__":
    main()
