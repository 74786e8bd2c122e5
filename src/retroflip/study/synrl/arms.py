"""The arms of the SynRL study: the stages of training that tables 5, 7, 9 and 11 compare.

An arm is one stage, trained from the model of another arm. There are two courses, each with videos and held-out
questions of its own: `motion`, the kind that the embedded model learns soonest, for the order of the stages; and
`primitives`, kinds of every label, for what one label's kinds teach about the others'. Stages of one course have
equally many steps, but for the two whose amount of data is their point.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from retroflip.rl.recipe import RlRecipe
from retroflip.sft.recipe import SftRecipe
from retroflip.study.plan import Arm
from retroflip.study.stages import tiny_recipe
from retroflip.study.synrl.courses import LABELS, MOTION, PRIMITIVES, Amount, Course, CourseFolder, Labels

GUESSING, SUPERVISED, REINFORCED = "synrl_start", "synrl_sft", "synrl_rl"
BOTH, MORE, SECOND = "synrl_sft_rl", "synrl_rl_x2", "synrl_round2"
"""recipes under recipes/tiny; BOTH is REINFORCED from the supervised model"""


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
