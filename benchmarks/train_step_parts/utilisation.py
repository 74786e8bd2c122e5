"""How much of a device's arithmetic a step makes use of, counted on the tokens that it cannot do without."""

import platform
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch

from train_step_parts.flops import PEAKS, numbers_in, rollout_flops, step_flops
from train_step_parts.measure import Result
from train_step_parts.summary import find
from train_step_parts.workload import OURS, PATCH, Workload, build_model, frames_of, picture_size, processor


@cache
def outline(preset: str) -> Any:
    """Return a preset's model on the meta device: shapes without numbers."""
    with torch.device("meta"):
        return build_model(preset, processor().tokenizer)


def weights(preset: str) -> dict[str, int]:
    """Return how many numbers the parts of a model hold; the embedding is the head as well."""
    model = outline(preset)
    return {
        "layers": numbers_in(model.model.language_model.layers),
        "embedding": numbers_in(model.get_output_embeddings()),
        "vision": numbers_in(model.model.visual),
    }


def device_name(device: str) -> str:
    """Return what the device calls itself."""
    if device == "cuda":
        return torch.cuda.get_device_name()
    told = Path("/proc/cpuinfo")
    lines = told.read_text().splitlines() if told.exists() else []
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def utilisation(results: Sequence[Result], workload: Workload) -> dict[str, float | None]:
    """Return the FLOPs of a step at this size, and per second of ours; as a share of the device's peak where known."""
    ours = find(results, OURS, workload.tokens, workload.rollouts)
    if ours is None:
        return {"step_flops": None, "flops_per_second": None, "mfu": None}
    flops = step_flops(workload, outline(workload.preset), ours.prompt, patches_of(workload.tokens))
    name = device_name(workload.device)
    peak = next((value for word, value in PEAKS.items() if word in name), None)
    rate = flops / ours.median_seconds
    return {"step_flops": flops, "flops_per_second": rate, "mfu": rate / peak if peak else None}


def patches_of(tokens: int) -> int:
    """Return the patches of a video that fills a prompt of about this many tokens: two frames make one step."""
    height, width = picture_size(tokens)
    return (height // PATCH) * (width // PATCH) * frames_of(tokens) // 2 if tokens else 0


def extra_rollout_flops_ratio(results: Sequence[Result], workload: Workload) -> float | None:
    """Return the FLOPs of one more rollout's tokens behind the prompt / behind the question alone."""
    behind = find(results, OURS, workload.tokens, workload.rollouts)
    alone = find(results, OURS, 0, workload.rollouts)
    if behind is None or alone is None:
        return None
    model = outline(workload.preset)
    return rollout_flops(model, behind.prompt, workload.completion) / rollout_flops(
        model, alone.prompt, workload.completion
    )
