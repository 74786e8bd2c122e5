"""What the papers report of the study's arms, as printed: numbers of tables, and orders that figures show.

Arms stand for the rows they come nearest to. The papers' runs are single, on other models, data and benchmarks, so what
can be compared is which of two came out ahead, never by how much.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations


@dataclass(frozen=True)
class Claim:
    """That one arm has more of a measure than another, by so many points where a table says so."""

    greater: str
    lesser: str
    points: float | None = None


@dataclass(frozen=True)
class Reference:
    """A table or a figure.

    shows: what the paper measured. measure: what the study compares with it. values: the table's numbers by arm.
    orders: (more, less), for what a figure or the text says without numbers.
    """

    source: str
    shows: str
    measure: str
    values: Mapping[str, float] = field(default_factory=dict)
    orders: tuple[tuple[str, str], ...] = ()
    note: str = ""

    def claims(self) -> Iterator[Claim]:
        """Yield every two rows that differ, the one ahead first, and then the orders."""
        for first, second in combinations(self.values, 2):
            ahead, behind = sorted((first, second), key=self.values.__getitem__, reverse=True)
            points = round(self.values[ahead] - self.values[behind], 1)
            if points:
                yield Claim(ahead, behind, points)
        yield from (Claim(more, less) for more, less in self.orders)


DYBENCH = "DyBench P-Acc of Qwen3-VL-4B"
FOUR_BENCHMARKS = "mean accuracy on VideoMME, VSI-Bench, TempCompass and MMVU, after 500 steps"
REFERENCES = (
    Reference(
        "CRPO, table 1",
        DYBENCH,
        "p_acc",
        {"base": 45.4, "grpo": 48.2, "t_grpo": 49.8, "arrow_rl": 47.5, "crpo": 54.8},
        note="There every method has 8 rollouts on the clip, and those of T-GRPO's and CRPO's second view come on top; "
        "here all sample equally many. For GRPO with 8, as there, see table 2.",
    ),
    Reference(
        "CRPO, table 2",
        DYBENCH,
        "p_acc",
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
        "zero_advantage",
        orders=(("grpo", "crpo"), ("t_grpo", "crpo"), ("arrow_rl", "crpo")),
    ),
    Reference(
        "STRIVE, table 2",
        FOUR_BENCHMARKS,
        "p_acc",
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
        "p_acc",
        {"grpo": 57.0, "strive": 58.0, "dr_grpo": 57.0, "st_dr_grpo": 57.6},
    ),
    Reference(
        "STRIVE, table 5",
        FOUR_BENCHMARKS,
        "p_acc",
        {"grpo": 57.0, "strive": 58.0, "strive_4x4": 57.7},
        note="Its M x G are 1 x 8, 2 x 4 and 4 x 2; here 1 x 16, 2 x 8 and 4 x 4. Its first row is its GRPO, number "
        "for number; `strive_1x16`, one variant chosen by importance, has no row there.",
    ),
    Reference(
        "ST-GRPO, table 5",
        "mean accuracy on six benchmarks",
        "p_acc",
        {"grpo": 55.0, "strive_top": 55.7, "strive": 56.2},
        note="As printed. The means of its columns are 57.1, 57.7 and 58.4, in the same order.",
    ),
    Reference(
        "STRIVE, figure 3a",
        "standard deviation of a group's rewards: higher for STRIVE",
        "reward_std",
        orders=(("strive", "grpo"),),
    ),
    Reference(
        "STRIVE, figure 3b",
        "share of updates with zero advantage: lower for STRIVE",
        "zero_advantage",
        orders=(("grpo", "strive"),),
    ),
    Reference(
        "ST-GRPO, figure 3",
        "standard deviation of a group's rewards: ST-GRPO, Dr.GRPO, GRPO",
        "reward_std",
        orders=(("strive", "dr_grpo"), ("strive", "grpo"), ("dr_grpo", "grpo")),
    ),
)
