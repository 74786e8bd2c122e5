"""The arms of the study of methods: what is trained on the tiny laboratory, and with how many rollouts.

Every arm starts from the same supervised model, asks 4 questions a step for 80 steps and samples 64 rollouts a step,
probes included: 16 on one view of the video, or 8 on each of two, and so on. Rollouts and frames are set here and not
left to the recipes, so that the arms stay equal. These sample fewer:

- `grpo_g8` and `grpo_data_x2` are "GRPO" and "GRPO (Data x 2)" of CRPO's table 2, which gives both 8 rollouts a
  question, half of CRPO's. The second asks every question twice, in twice the steps, and so samples as many as the
  others in all. The table's "GRPO (G x 2)" is `grpo` itself.
- `crpo_no_flip` asks purely spatial questions and `crpo_no_reversal` purely temporal ones on the clip alone, for want
  of a counterfactual: 8 rollouts for such a question. What was really sampled stands beside the results.

All models are asked about the pairs with the null option, that of `crpo_no_null` too, which is trained without it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from retroflip.data.sample import ProblemType, Sample, TaskType
from retroflip.lab.laboratory import Laboratory
from retroflip.rl.methods.registry import build
from retroflip.rl.recipe import RlRecipe
from retroflip.study.plan import Arm, Budget
from retroflip.study.stages import Size, rl_recipe, tiny_recipe

QUESTIONS = 4
"""video questions per step"""
ROLLOUTS = 64
"""rollouts per step, probes included"""
START = "base"
"""the arm that is not trained any further"""
BASELINE = "grpo"
"""the arm that all others are compared with"""


@dataclass(frozen=True)
class MethodArm(Arm):
    """A method, or an ablation of one.

    rounds: how often every question is asked. The data is limited to the questions of one round, and the steps are as
    many rounds of it.
    """

    rounds: int = 1


def _crpo(name: str, title: str, **settings: Any) -> MethodArm:
    return MethodArm(
        f"crpo{name}",
        title,
        "crpo",
        {"method.rollouts": 8, **{f"method.{key}": value for key, value in settings.items()}},
    )


def _strive(name: str, title: str, variants: int = 2, **settings: Any) -> MethodArm:
    own = {
        "data.pool": 16,
        "method.variants": variants,
        "method.rollouts": ROLLOUTS // QUESTIONS // variants,
        "method.scorer": {"name": "policy"},
        "method.strategy": "importance_spatial",
    }
    return MethodArm(
        f"strive{name}", title, "strive", {**own, **{f"method.{key}": v for key, v in settings.items()}}
    )


ARMS = (
    MethodArm(START, "supervised start, no RL"),
    MethodArm(BASELINE, "GRPO, G = 16", "grpo", {"method.rollouts": 16}),
    _crpo("", "CRPO"),
    MethodArm("dr_grpo", "Dr.GRPO", "dr_grpo", {"method.rollouts": 16}),
    MethodArm("t_grpo", "T-GRPO", "t_grpo", {"method.rollouts": 8}),
    MethodArm("arrow_rl", "ArrowRL", "arrow_rl", {"method.rollouts": 15}),
    _strive("", "STRIVE: importance and spatial, 2 x 8"),
    MethodArm("st_dr_grpo", "ST-Dr.GRPO: STRIVE without the std", "st_dr_grpo", _strive("", "").settings),
    MethodArm("grpo_g8", "GRPO, G = 8: half the rollouts", "grpo", {"method.rollouts": 8}),
    MethodArm(
        "grpo_data_x2", "GRPO, G = 8, every question asked twice", "grpo", {"method.rollouts": 8}, rounds=2
    ),
    MethodArm(
        "grpo_batch",
        "GRPO over the batch's std",
        "grpo",
        {"method.rollouts": 16, "method.normalise": "batch"},
    ),
    _crpo("_no_flip", "CRPO without spatial flip", flip=False),
    _crpo("_no_reversal", "CRPO without temporal reversal", reverse=False),
    _crpo("_no_crr", "CRPO without R_CRR", lambda_d=0.0, lambda_s=0.0),
    _crpo("_no_behave", "CRPO without R_behave", behave=False),
    _crpo("_no_branch", "CRPO without counterfactual branch: it is only probed", w_aug=0.0),
    _crpo("_no_null", "CRPO trained without null option", null_option=False),
    _strive("_deterministic", "STRIVE: deterministic", strategy="deterministic"),
    _strive("_stochastic", "STRIVE: stochastic", strategy="stochastic"),
    _strive("_importance", "STRIVE: importance, by similarity", strategy="importance"),
    _strive("_gradient", "STRIVE: by gradient", strategy="importance", tau=1.0, scorer={"name": "gradient"}),
    _strive("_top", "STRIVE: the best frame of every segment", top=True),
    _strive("_1x16", "STRIVE, one variant: 1 x 16", variants=1),
    _strive("_4x4", "STRIVE, four variants: 4 x 4", variants=4),
)  # fmt: skip
"""in the order in which they are run: the methods, then controls and ablations"""


def recipe_of(arm: MethodArm, name: str, start: Path, lab: Laboratory, size: Size, seed: int) -> RlRecipe:
    """Return what an arm trains with, `name` being its recipe's. Raises RecipeError where its settings are wrong."""
    settings = dict(arm_settings(arm))
    if arm.rounds > 1:
        settings |= {"data.limit": size.rl_steps * QUESTIONS, "train.steps": size.rl_steps * arm.rounds}
    return rl_recipe(name, start, lab, size, seed, settings)


def arm_settings(arm: MethodArm) -> Mapping[str, Any]:
    """Return what an arm replaces in its recipe wherever it is run."""
    return {"train.samples_per_step": QUESTIONS, **arm.settings}


def budget(arm: MethodArm, task_type: TaskType = TaskType.SPATIOTEMPORAL) -> Budget | None:
    """Return the rollouts that an arm samples for a question of this type; None for the start model.

    A spatiotemporal question has a counterfactual in every arm and so the most rollouts. Raises RecipeError.
    """
    if arm.recipe is None:
        return None
    recipe = tiny_recipe(RlRecipe, arm.recipe, arm_settings(arm))
    question = Sample(
        id="any",
        video="any.mp4",
        question="any",
        solution="any",
        problem_type=ProblemType.FREE_FORM,
        task_type=task_type,
        source_clip="any",
    )
    branches = build(recipe.method).branches(question, np.random.default_rng(0))
    trained = sum(branch.rollouts for branch in branches if branch.trained)
    return Budget(QUESTIONS, trained, sum(branch.rollouts for branch in branches) - trained, arm.rounds)
