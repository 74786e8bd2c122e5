"""The arms of the SynRL study: the stages of training that tables 5, 7, 9 and 11 compare.

An arm is one stage, trained from the model of another arm. There are two courses, each with videos and held-out
questions of its own: `motion`, the kind that the embedded model learns soonest, for the order of the stages; and
`primitives`, kinds of every label, for what one label's kinds teach about the others'. Stages of one course have
equally many steps, but for the two whose amount of data is their point.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from retroflip.rl.recipe import RlRecipe
from retroflip.sft.recipe import SftRecipe
from retroflip.study.arms import Arm, Plan
from retroflip.study.stages import tiny_recipe
from retroflip.study.synrl.papers import PRIMITIVE_REFERENCES, STAGE_REFERENCES
from retroflip.synth.registry import TEMPORAL_KINDS

Labels = Mapping[str, Sequence[str]]
"""records' labels, and the values wanted of each"""

GUESSING, SUPERVISED, REINFORCED = "synrl_start", "synrl_sft", "synrl_rl"
BOTH, MORE, SECOND = "synrl_sft_rl", "synrl_rl_x2", "synrl_round2"
"""recipes under recipes/tiny; BOTH is REINFORCED from the supervised model"""


@dataclass(frozen=True)
class Amount:
    """How much of everything is done: videos of a course, held-out pairs of it, and steps.

    start_videos: answered by guessing. rl_videos: asked about by every arm, each once; twice as many for twice the
    data. Every lesson of SFT has a video of its own.
    """

    start_videos: int
    rl_videos: int
    round2_videos: int
    test_pairs: int
    start_steps: int
    sft_steps: int
    rl_steps: int
    round2_steps: int


QUICK = Amount(
    start_videos=18,
    rl_videos=40,
    round2_videos=16,
    test_pairs=2,
    start_steps=1,
    sft_steps=2,
    rl_steps=1,
    round2_steps=1,
)
"""shows that every step works, and no more"""


@dataclass(frozen=True)
class Course:
    """What is taught and asked.

    frames: how many of a video the model is shown. tokens: at which an answer is cut off; there is a note for every
    two frames. amount: how much of everything is done.
    """

    name: str
    kinds: tuple[str, ...]
    frames: int
    tokens: int
    amount: Amount

    def per_kind(self, videos: int) -> int:
        """Return how many of so many videos, or pairs, are of each kind."""
        return max(1, videos // len(self.kinds))

    def labelled(self, labels: Labels) -> tuple[str, ...]:
        """Return the kinds with these labels."""
        return tuple(kind for kind in self.kinds if is_labelled(kind, labels))


def is_labelled(kind: str, labels: Labels) -> bool:
    """Return whether a kind's records have these labels."""
    found = TEMPORAL_KINDS[kind]
    return all(getattr(found, name).value in values for name, values in labels.items())


MOTION = Course(
    "motion",
    ("direction",),
    frames=8,
    tokens=112,
    amount=Amount(
        start_videos=960,
        rl_videos=960,
        round2_videos=480,
        test_pairs=120,
        start_steps=180,
        sft_steps=1000,
        rl_steps=60,
        round2_steps=30,
    ),
)
PRIMITIVES = Course(
    "primitives",
    ("direction", "speed", "attribute_change", "shell_game"),
    frames=20,
    tokens=192,
    amount=Amount(
        start_videos=960,
        rl_videos=320,
        round2_videos=160,
        test_pairs=80,
        start_steps=180,
        sft_steps=600,
        rl_steps=20,
        round2_steps=10,
    ),
)
LABELS: Mapping[str, Labels] = {
    "spatial": {"domain": ("spatial",)},
    "temporal": {"domain": ("temporal",)},
    "short": {"term": ("short",)},
    "long": {"term": ("long",)},
}
"""table 9's primitives as the records' labels"""


@dataclass(frozen=True)
class Stage(Arm):
    """An arm that goes on from another one's model.

    start: that arm; None for the embedded model. labels: what its records are limited to.
    """

    recipe: str = GUESSING
    start: str | None = None
    course: Course = MOTION
    labels: Labels = field(default_factory=dict)


STAGES = (
    Stage("base", "the start, which answers straight away by guessing", GUESSING),
    Stage("rl", "RL only", REINFORCED, start="base"),
    Stage("sft", "SFT", SUPERVISED, start="base"),
    Stage("sft_rl", "SFT, then RL", BOTH, start="sft"),
    Stage("rl_x2", "RL only, twice the data", MORE, start="base"),
    Stage("round2", "SFT, RL, then RL on videos of twice the length", SECOND, start="sft_rl"),
)


def _alone(name: str, title: str, labels: Labels) -> tuple[Stage, Stage]:
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
    Stage("untaught", "the start, which answers straight away by guessing", GUESSING, course=PRIMITIVES),
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
    def embedded(self) -> Path:
        """The embedded model, which looks at as many frames as the course shows."""
        return self.path / "embedded"

    @property
    def guessed(self) -> Path:
        """Videos whose questions are answered by guessing."""
        return self.path / "guessed"

    @property
    def guesses(self) -> Path:
        """Their records, with the guesses as responses."""
        return self.path / "guesses.jsonl"

    def lessons(self, kinds: Sequence[str]) -> Path:
        """Return the settings of the videos to reason about, which are drawn when they are needed."""
        return self.path / f"lessons-{'-'.join(kinds)}.yaml"

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
    stage: Stage, start: Path, data: CourseFolder, amount: Amount, seed: int
) -> RlRecipe | SftRecipe:
    """Return what a stage trains with. Raises RecipeError where its settings are wrong."""
    name = stage.recipe
    shared = {
        "model.path": start,
        "data.frames": stage.course.frames,
        "train.seed": seed,
    }
    if name == GUESSING:
        own: dict[str, Any] = {"data.records": data.guesses, "data.root": data.guessed}
        return tiny_recipe(SftRecipe, name, {**shared, **own, "train.steps": amount.start_steps})
    if name == SUPERVISED:
        # Videos that are drawn are limited by their settings, not by labels.
        own = {"data.records": data.lessons(stage.course.labelled(stage.labels))}
        return tiny_recipe(SftRecipe, name, {**shared, **own, "train.steps": amount.sft_steps})
    shared["data.labels"] = {label: list(values) for label, values in stage.labels.items()}
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
