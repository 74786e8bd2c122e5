"""What the papers report of the methods and their ablations."""

from retroflip.bench.metrics.pairs import PAIR_ACCURACY
from retroflip.bench.metrics.training import REWARD_SPREAD, ZERO_ADVANTAGE
from retroflip.study.papers import Reference

DYBENCH = "DyBench P-Acc of Qwen3-VL-4B"
FOUR_BENCHMARKS = "mean accuracy on VideoMME, VSI-Bench, TempCompass and MMVU, after 500 steps"
REFERENCES = (
    Reference(
        "CRPO, table 1",
        DYBENCH,
        PAIR_ACCURACY,
        {"base": 45.4, "grpo": 48.2, "t_grpo": 49.8, "arrow_rl": 47.5, "crpo": 54.8},
        note="There every method has 8 rollouts on the clip, and those of T-GRPO's and CRPO's second view come on top; "
        "here all sample equally many. For GRPO with 8, as there, see table 2.",
    ),
    Reference(
        "CRPO, table 2",
        DYBENCH,
        PAIR_ACCURACY,
        {
            "base": 45.4,
            "grpo_g8": 48.2,
            "grpo": 50.2,
            "grpo_data_x2": 48.4,
            "crpo": 54.8,
            "crpo_no_flip": 53.2,
            "crpo_no_reversal": 50.7,
            "crpo_no_crr": 51.2,
            "crpo_no_behave": 52.7,
            "crpo_no_branch": 48.8,
            "crpo_no_null": 50.1,
        },
        note="`grpo_g8`, `grpo` and `grpo_data_x2` are its GRPO, GRPO (G x 2) and GRPO (Data x 2).",
    ),
    Reference(
        "CRPO, figure 5b",
        "share of groups with zero advantage: lower for CRPO throughout",
        ZERO_ADVANTAGE,
        orders=(("grpo", "crpo"), ("t_grpo", "crpo"), ("arrow_rl", "crpo")),
    ),
    Reference(
        "STRIVE, table 2",
        FOUR_BENCHMARKS,
        PAIR_ACCURACY,
        {
            "grpo": 57.0,
            "strive_deterministic": 56.8,
            "strive_stochastic": 57.9,
            "strive_importance": 58.1,
            "strive_gradient": 57.7,
            "strive": 58.0,
        },
        note="There LLaVA-OneVision-0.5B scores the frames (its table 4 has the same numbers); here the start model.",
    ),
    Reference(
        "STRIVE, table 3",
        FOUR_BENCHMARKS,
        PAIR_ACCURACY,
        {"grpo": 57.0, "strive": 58.0, "dr_grpo": 57.0, "st_dr_grpo": 57.6},
    ),
    Reference(
        "STRIVE, table 5",
        FOUR_BENCHMARKS,
        PAIR_ACCURACY,
        {"grpo": 57.0, "strive": 58.0, "strive_4x4": 57.7},
        note="Its M x G are 1 x 8, 2 x 4 and 4 x 2; here 1 x 16, 2 x 8 and 4 x 4. Its first row is its GRPO, number "
        "for number; `strive_1x16`, one variant chosen by importance, has no row there.",
    ),
    Reference(
        "ST-GRPO, table 5",
        "mean accuracy on six benchmarks",
        PAIR_ACCURACY,
        {"grpo": 55.0, "strive_top": 55.7, "strive": 56.2},
        note="As printed. The means of its columns are 57.1, 57.7 and 58.4, in the same order.",
    ),
    Reference(
        "STRIVE, figure 3a",
        "standard deviation of a group's rewards: higher for STRIVE",
        REWARD_SPREAD,
        orders=(("strive", "grpo"),),
    ),
    Reference(
        "STRIVE, figure 3b",
        "share of updates with zero advantage: lower for STRIVE",
        ZERO_ADVANTAGE,
        orders=(("grpo", "strive"),),
    ),
    Reference(
        "ST-GRPO, figure 3",
        "standard deviation of a group's rewards: ST-GRPO, Dr.GRPO, GRPO",
        REWARD_SPREAD,
        orders=(("strive", "dr_grpo"), ("strive", "grpo"), ("dr_grpo", "grpo")),
    ),
)
