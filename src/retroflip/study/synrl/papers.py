"""What SynRL reports of the study's arms, as printed (Qwen3-VL-4B)."""

from retroflip.bench.metrics.answers import ACCURACY
from retroflip.study.papers import Reference
from retroflip.study.synrl.accuracy import of_label

STAGE_REFERENCES = (
    Reference(
        "SynRL, table 5",
        "accuracy on TOMATO",
        ACCURACY,
        {"base": 32.1, "rl": 32.8, "sft": 34.2, "sft_rl": 36.9},
        note="Its other benchmarks (vinoground, MVBench, TVBench) have the same order.",
    ),
    Reference(
        "SynRL, table 7",
        "accuracy on TOMATO",
        ACCURACY,
        {"base": 32.1, "sft_rl": 36.7, "round2": 37.0},
        note="Its other benchmarks have the same order.",
    ),
    Reference(
        "SynRL, table 11",
        "mean accuracy on complex reasoning",
        ACCURACY,
        {"base": 35.5, "sft_rl": 38.7, "rl": 37.1, "rl_x2": 39.0},
        note="On comprehensive video understanding CoT + RL is ahead of RL with 15K (65.8 and 65.6), on general "
        "questions behind it (50.7 and 50.9).",
    ),
)


def _column(benchmark: str, label: str, values: tuple[float, ...]) -> Reference:
    arms = ("untaught", "spatial", "temporal", "short", "long", "full")
    return Reference(
        f"SynRL, table 9, {benchmark}",
        f"accuracy on {benchmark}, which the text says {label} primitives help most",
        of_label(label),
        dict(zip(arms, values, strict=True)),
    )


PRIMITIVE_REFERENCES = (
    _column("VSIBench", "spatial", (35.0, 38.4, 35.9, 36.7, 36.1, 38.2)),
    _column("TemporalBench-action", "temporal", (63.1, 64.2, 67.4, 65.6, 64.8, 67.1)),
    _column("TemporalBench-motion", "short", (64.2, 65.1, 65.8, 67.2, 64.5, 67.8)),
    _column("VideoMME-long", "long", (51.1, 51.8, 53.6, 51.5, 54.1, 54.5)),
)
