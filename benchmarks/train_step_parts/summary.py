"""What the measurements say: speed-ups, the cost of one more rollout, and a table."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import numpy as np

from train_step_parts.measure import Result
from train_step_parts.stopwatch import OVERLAID, PARTS
from train_step_parts.workload import OURS, TRL, TRL_HALF, UNPACKED

TARGETS = {
    "speedup_vs_trl": (">=", 5.0),
    "speedup_vs_unpacked": (">=", 4.0),
    "logprob_max_diff": ("<=", 1e-5),
    "grad_rel_diff": ("<=", 1e-5),
    "vision_calls_per_video": ("<=", 1.0),
}


def find(results: Sequence[Result], contestant: str, wanted: int, rollouts: int) -> Result | None:
    """Return a contestant's result at a size, if it got there."""
    for result in results:
        if (result.contestant, result.wanted, result.rollouts) == (contestant, wanted, rollouts):
            return result if result.seconds else None
    return None


def speedup(ours: Result | None, other: Result | None) -> dict[str, float] | None:
    """Return how many times longer the other took: the median over rounds, the least and the greatest.

    Steps of one round are neighbours in time, so what else the machine does falls on both. cpu_median: the same of
    the seconds that processors worked, where other programs count least.
    """
    if ours is None or other is None:
        return None
    ratios, worked = (
        [theirs / mine for theirs, mine in pairs]
        for pairs in (
            zip(other.seconds, ours.seconds, strict=True),
            zip(other.cpu_seconds, ours.cpu_seconds, strict=True),
        )
    )
    return {
        "median": median(ratios),
        "least": min(ratios),
        "greatest": max(ratios),
        "cpu_median": median(worked),
    }


def extra_rollout_seconds(results: Sequence[Result], wanted: int, *, cpu: bool = False) -> float | None:
    """Return by how many seconds one more rollout makes our step longer: the slope of a line through the medians.

    Where a size was measured twice, the later one counts, which took turns with the other group sizes. cpu: take
    the seconds that processors worked.
    """
    medians = {
        one.rollouts: median(one.cpu_seconds if cpu else one.seconds)
        for one in results
        if (one.contestant, one.wanted) == (OURS, wanted) and one.seconds
    }
    if len(medians) < 2:
        return None
    slope, _ = np.polyfit(list(medians), list(medians.values()), 1)
    return float(slope)


def extra_rollout_ratio(results: Sequence[Result], wanted: int, *, cpu: bool = False) -> float | None:
    """Return what one more rollout costs behind a prompt of this length / without a video."""
    behind, alone = (extra_rollout_seconds(results, tokens, cpu=cpu) for tokens in (wanted, 0))
    return behind / alone if behind and alone else None


def headline(results: Sequence[Result], wanted: int, rollouts: int) -> dict[str, Any]:
    """Return the numbers that stand first, None where their measurements are missing."""
    ours = find(results, OURS, wanted, rollouts)
    against = {
        name: speedup(ours, find(results, name, wanted, rollouts)) for name in (TRL, UNPACKED, TRL_HALF)
    }
    return {
        **{f"speedup_vs_{name}": ratio and ratio["median"] for name, ratio in against.items()},
        "speedup_ranges": against,
        "vision_calls_per_video": ours and ours.vision_calls,
        "extra_rollout_cost_ratio": extra_rollout_ratio(results, wanted),
        "extra_rollout_cost_ratio_cpu": extra_rollout_ratio(results, wanted, cpu=True),
        "extra_rollout_seconds": {
            "with_prompt": extra_rollout_seconds(results, wanted),
            "alone": extra_rollout_seconds(results, 0),
        },
    }


def targets_met(numbers: Mapping[str, Any]) -> dict[str, bool | None]:
    """Return which targets are reached; None where the number is missing."""
    met: dict[str, bool | None] = {}
    for name, (relation, limit) in TARGETS.items():
        value = numbers.get(name)
        met[name] = None if value is None else bool(value >= limit if relation == ">=" else value <= limit)
    return met


def markdown(results: Sequence[Result]) -> str:
    """Return a table for docs/results: medians over counted steps."""
    titles = (
        "contestant",
        "prompt",
        "G",
        "s/step",
        *PARTS,
        "other",
        "tower",
        "MiB",
        "vision calls",
        "prompt tokens",
    )
    lines = ["| " + " | ".join(titles) + " |", "| --- |" + " ---: |" * (len(titles) - 1)]
    for one in results:
        start = [one.contestant, str(one.prompt or one.wanted), str(one.rollouts)]
        lines.append("| " + " | ".join([*start, *(_cells(one) if one.seconds else [one.error])]) + " |")
    return "\n".join(lines)


def _cells(one: Result) -> list[str]:
    spent = {name: median(parts[name] for parts in one.parts) for name in (*PARTS, OVERLAID)}
    steps = zip(one.seconds, one.parts, strict=True)
    other = median(seconds - sum(parts[name] for name in PARTS) for seconds, parts in steps)
    seconds = [
        one.median_seconds,
        median(one.cpu_seconds),
        *(spent[name] for name in PARTS),
        other,
        spent[OVERLAID],
    ]
    return [
        *(f"{value:.2f}" for value in seconds),
        f"{one.peak_mib:.0f}",
        f"{one.vision_calls:g}",
        f"{one.prompt_computed}",
    ]
