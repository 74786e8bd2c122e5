"""The multiplications and additions that a step cannot do without: every token and every video once a pass.

A backward pass counts as two forward passes, and is taken through the language model alone. Causal attention counts the
pairs that are looked at, not the square. Tokens that a trainer computes again are its own affair, so that utilisation
counted on them falls when it does.
"""

from typing import Any

from train_step_parts.workload import MERGE, Workload

PEAKS = {"H200": 989e12, "H100": 989e12, "A100": 312e12}
"""dense bfloat16 FLOP/s, by a word in the device's name (NVIDIA's data sheets)"""


def step_flops(workload: Workload, model: Any, prompt: int, patches: int) -> float:
    """Return the FLOPs of one step.

    model: on any device, the meta device too. prompt: tokens of it. patches: of the video, before they are merged.
    """
    written = workload.rollouts * workload.completion
    forward = language_flops(model, prompt, workload.rollouts, workload.completion)
    forward += head_flops(model, written)
    old = 1 if workload.iterations > 1 else 0
    reference = 1 if workload.beta else 0
    passes = 1 + old + reference + 3 * workload.iterations
    return passes * forward + vision_flops(model, patches, workload.frames // 2)


def language_flops(model: Any, prompt: int, rollouts: int, completion: int) -> float:
    """Return the FLOPs of one forward pass through the layers over a prompt and its rollouts' completions."""
    config = model.config.get_text_config()
    weights = numbers_in(model.model.language_model.layers)
    pairs = prompt**2 / 2 + rollouts * (completion * prompt + completion**2 / 2)
    width = int(config.num_attention_heads * config.head_dim * config.num_hidden_layers)
    return 2.0 * weights * (prompt + rollouts * completion) + 4.0 * width * pairs


def head_flops(model: Any, tokens: int) -> float:
    """Return the FLOPs of the language model's head at so many tokens."""
    return 2.0 * int(model.get_output_embeddings().weight.numel()) * tokens


def rollout_flops(model: Any, prompt: int, completion: int) -> float:
    """Return the FLOPs by which one more rollout makes a forward pass longer."""
    one = language_flops(model, prompt, 1, completion) - language_flops(model, prompt, 0, completion)
    return one + head_flops(model, completion)


def vision_flops(model: Any, patches: int, steps: int) -> float:
    """Return the FLOPs of one run of the vision tower over a video of so many steps, which attend to themselves."""
    if not patches:
        return 0.0
    tower = model.model.visual
    config = model.config.vision_config
    merging = numbers_in(tower.merger) + numbers_in(tower.deepstack_merger_list)
    weights = numbers_in(tower.blocks) + numbers_in(tower.patch_embed)
    attention = 4.0 * int(config.hidden_size * config.depth) * patches**2 / steps
    return 2.0 * weights * patches + 2.0 * merging * patches / MERGE**2 + attention


def numbers_in(part: Any) -> int:
    """Return how many weights a part of a model holds."""
    return sum(int(p.numel()) for p in part.parameters())
