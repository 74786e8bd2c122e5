"""The arms of the SynRL study: the stages of training that tables 5, 7, 9 and 11 compare.

An arm is one stage, trained from the model of another arm. There are two courses, each with videos and held-out
questions of its own: `motion`, the kind that the embedded model learns soonest, for the order of the stages; and
`primitives`, two kinds of every label, for what one label's kinds teach about the others'. Stages of one course have
equally many steps, but for the two whose amount of data is their point.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from retroflip.recipe import RlRecipe, SftRecipe
from retroflip.stages import tiny_recipe
from retroflip.study.arms import Arm, Plan
from retroflip.study.synrl.papers import PRIMITIVE_REFERENCES, STAGE_REFERENCES

SUPERVISED, REINFORCED, MORE, SECOND = "synrl_sft", "synrl_rl", "synrl_rl_x2", "synrl_round2"
"""recipes under recipes/tiny; synrl_sft_rl is synrl_rl from the supervised model"""
BOTH = "synrl_sft_rl"


@dataclass(frozen=True)
class Course:
    """What is taught and asked.

    frames: how many of a video the model is shown. tokens: at which an answer is cut off; notes take one for every two
    frames, so they are as long as there are frames.
    """

    name: str
    kinds: tuple[str, ...]
    frames: int
    tokens: int

    def per_kind(self, videos: int) -> int:
        """Return how many of so many videos, or pairs, are of each kind."""
        return max(1, videos // len(self.kinds))


MOTION = Course("motion", ("direction",), 8, 112)
PRIMITIVES = Course(
    "primitives",
    ("direction", "speed", "attribute_change", "event_order", "shell_game", "sliding_puzzle"),
    24,
    256,
)
LABELS: Mapping[str, Mapping[str, Sequence[str]]] = {
    "spatial": {"domain": ("spatial",)},
    "temporal": {"domain": ("temporal",)},
    "short": {"term": ("short",)},
    "long": {"term": ("long",)},
}
"""table 9's primitives as the records' labels"""


@dataclass(frozen=True)
class Amount:
    """How much of everything is done: videos of a course, held-out pairs of it, and steps.

    rl_videos: as many as are asked about once; for twice the data there are twice as many.
    """

    cot_videos: int
    rl_videos: int
    round2_videos: int
    test_pairs: int
    sft_steps: int
    rl_steps: int
    round2_steps: int


FULL = Amount(
    cot_videos=1600,
    rl_videos=160,
    round2_videos=80,
    test_pairs=120,
    sft_steps=400,
    rl_steps=40,
    round2_steps=20,
)
QUICK = Amount(
    cot_videos=12, rl_videos=6, round2_videos=6, test_pairs=2, sft_steps=2, rl_steps=1, round2_steps=1
)
"""shows that every step works, and no more"""


@dataclass(frozen=True)
class Stage(Arm):
    """An arm that goes on from another one's model.

    start: that arm; None for the embedded model as it is. labels: what its records are limited to.
    """

    start: str | None = None
    course: Course = MOTION
    labels: Mapping[str, Sequence[str]] = field(default_factory=dict)


STAGES = (
    Stage("base", "the embedded model"),
    Stage("rl", "RL only", REINFORCED, start="base"),
    Stage("sft", "SFT", SUPERVISED, start="base"),
    Stage("sft_rl", "SFT, then RL", BOTH, start="sft"),
    Stage("rl_x2", "RL only, twice the data", MORE, start="base"),
    Stage("round2", "SFT, RL, then RL on videos of twice the length", SECOND, start="sft_rl"),
)


def _alone(name: str, title: str, labels: Mapping[str, Sequence[str]]) -> tuple[Stage, Stage]:
    return (
        Stage(
            f"{name}_sft",
            f"{title}: SFT",
            SUPERVISED,
            start="untaught",
            course=PRIMITIVES,
            labels=labels,
        ),
        Stage(name, f"{title}: SFT, then RL", BOTH, start=f"{name}_sft", course=PRIMITIVES, labels=labels),
    )


PER_LABEL = (
    Stage("untaught", "the embedded model", course=PRIMITIVES),
    *_alone("full", "all kinds", {}),
    *(stage for name, labels in LABELS.items() for stage in _alone(name, f"{name} kinds", labels)),
)
ARMS = STAGES + PER_LABEL
"""in the order in which they are run"""
PLANS = {
    MOTION: Plan(MOTION.name, STAGES, "base", STAGE_REFERENCES),
    PRIMITIVES: Plan(PRIMITIVES.name, PER_LABEL, "untaught", PRIMITIVE_REFERENCES),
}


@dataclass(frozen=True)
class CourseFolder:
    """Where the videos of a course lie, for one seed, and the model that starts it."""

    path: Path

    @property
    def base(self) -> Path:
        """The embedded model, which looks at as many frames as the course shows."""
        return self.path / "base"

    @property
    def cot(self) -> Path:
        """Videos to reason about."""
        return self.path / "cot"

    @property
    def lessons(self) -> Path:
        """Their records, with dense notes as the reasoning."""
        return self.path / "lessons.jsonl"

    @property
    def rl(self) -> Path:
        """Videos for RL: those of one round first, and as many more."""
        return self.path / "rl"

    @property
    def round2(self) -> Path:
        """Videos of twice the length, for the second round."""
        return self.path / "round2"

    @property
    def test(self) -> Path:
        """Held-out pairs."""
        return self.path / "test"


def recipe_of(
    stage: Stage, name: str, start: Path, data: CourseFolder, amount: Amount, seed: int
) -> RlRecipe | SftRecipe:
    """Return what a stage trains with, `name` being its recipe's. Raises RecipeError where its settings are wrong."""
    shared = {
        "model.path": start,
        "data.frames": stage.course.frames,
        "data.labels": {label: list(values) for label, values in stage.labels.items()},
        "train.seed": seed,
    }
    if name == SUPERVISED:
        own: dict[str, Any] = {"data.records": data.lessons, "data.root": data.cot}
        return tiny_recipe(SftRecipe, name, {**shared, **own, "train.steps": amount.sft_steps})
    shared["train.max_completion_length"] = stage.course.tokens
    if name == SECOND:
        own = {"data.records": data.round2 / "records.jsonl", "train.steps": amount.round2_steps}
        return tiny_recipe(RlRecipe, name, {**shared, **own})
    rounds = 2 if name == MORE else 1
    own = {
        "data.records": data.rl / "records.jsonl",
        "data.limit": rounds * amount.rl_videos,
        "train.steps": rounds * amount.rl_steps,
    }
    return tiny_recipe(RlRecipe, name, {**shared, **own})
