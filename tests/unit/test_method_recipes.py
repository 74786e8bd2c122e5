"""The shipped recipes of the methods: the papers' settings, and comparisons in which nothing but the method differs."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from method_groups import sample_of
from retroflip.data.sample import ProblemType, TaskType
from retroflip.jobs.recipes import load_recipe
from retroflip.rl.methods.arrow_rl import ArrowRlSettings
from retroflip.rl.methods.arrowgev import ArrowGevSettings
from retroflip.rl.methods.crpo import CrpoSettings
from retroflip.rl.methods.dr_grpo import DrGrpoSettings
from retroflip.rl.methods.grpo import GrpoSettings
from retroflip.rl.methods.registry import METHODS, AnySettings, build
from retroflip.rl.methods.scorer import ScorerSettings
from retroflip.rl.methods.strive import StriveSettings
from retroflip.rl.methods.t_grpo import TGrpoSettings
from retroflip.rl.recipe import RlRecipe
from retroflip.video.budget import PixelBudget

RECIPES = Path(__file__).parents[2] / "recipes"
SHIPPED = {
    folder: sorted(
        path.stem
        for path in (RECIPES / folder).glob("*.yaml")
        if path.stem not in ("sft", "mixture", "crpo_data") and not path.stem.startswith("synrl")
    )
    for folder in ("tiny", "paper")
}
OTHERWISE: dict[tuple[str, str], dict[str, Any]] = {
    ("tiny", "grpo_data_x2"): {"train.steps": 160},
    ("tiny", "arrowgev"): {"data.records": str(RECIPES / "videos" / "spans.yaml"), "data.frames": 16},
    ("tiny", "dr_grpo"): {"train.loss_type": "dr_grpo"},
    ("tiny", "strive"): {"data.pool": 16},
    ("tiny", "st_dr_grpo"): {"data.pool": 16, "train.loss_type": "dr_grpo"},
    ("paper", "grpo_data_x2"): {"train.steps": 860},
    ("paper", "dr_grpo"): {"train.loss_type": "dr_grpo"},
}
"""what a recipe says otherwise than crpo.yaml beside it, besides its method"""


def load(folder: str, name: str) -> RlRecipe:
    recipe = load_recipe(RECIPES / folder / f"{name}.yaml")
    assert isinstance(recipe, RlRecipe)
    return recipe


def flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested settings by their dotted names."""
    settings: dict[str, Any] = {}
    for key, value in values.items():
        settings |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return settings


def rollouts_of(settings: AnySettings) -> int:
    """Return how many rollouts a video question takes."""
    sample = sample_of(TaskType.STATIC)
    if settings.name == "arrowgev":
        sample = sample.model_copy(update={"problem_type": ProblemType.GROUNDING, "solution": "[1, 2]"})
    return sum(branch.rollouts for branch in build(settings).branches(sample, np.random.default_rng(0)))


@pytest.mark.parametrize("folder", SHIPPED)
def test_every_method_has_a_recipe(folder: str) -> None:
    assert {load(folder, name).method.name for name in SHIPPED[folder]} == set(METHODS)


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        (folder, name)
        for folder, names in SHIPPED.items()
        for name in names
        if folder == "tiny" or name not in {"strive", "st_grpo"}
    ],
)
def test_nothing_but_the_method_differs(folder: str, name: str) -> None:
    """A comparison of methods is fair when they share data, model and training (CRPO, section 5.1)."""
    recipe, crpo = (flat(load(folder, n).resolved()) for n in (name, "crpo"))
    different = {
        key: value
        for key, value in recipe.items()
        if not key.startswith("method.") and crpo.get(key, "absent") != value
    }
    assert different == OTHERWISE.get((folder, name), {})
    for shared in ("method.format_weight", "method.null_option"):
        assert recipe[shared] == crpo[shared]


def test_tiny_recipes_sample_as_much_as_crpo() -> None:
    for name in SHIPPED["tiny"]:
        recipe = load("tiny", name)
        times = recipe.train.steps / load("tiny", "crpo").train.steps
        assert rollouts_of(recipe.method) * times == 16, name


class TestPapersOfCrpo:
    """CRPO, table 7 and appendix B.3."""

    def test_table_7(self) -> None:
        recipe = load("paper", "crpo")
        assert recipe.model.path == "Qwen/Qwen3-VL-4B-Instruct"
        assert (recipe.model.vision, recipe.data.frames, recipe.data.pool) == ("projector", 32, None)
        assert recipe.data.budget == PixelBudget(16 * 32 * 32, 768 * 32 * 32, 2048 * 32 * 32)
        # mixed precision over master weights, as ZeRO-3 keeps them
        assert (recipe.model.dtype, recipe.train.precision) == ("float32", "bfloat16")
        assert recipe.method == CrpoSettings(rollouts=8, lambda_d=0.3, lambda_s=0.3, w_aug=0.5)
        train = recipe.train
        assert (train.learning_rate, train.schedule, train.weight_decay) == (1e-6, "constant", 0.01)
        assert (train.adam_beta1, train.adam_beta2, train.max_grad_norm) == (0.9, 0.999, 1.0)
        assert (train.beta, train.max_completion_length, train.gradient_checkpointing) == (0.01, 2048, True)
        assert (train.loss_type, train.iterations, train.refills) == ("grpo", 1, 0)
        per_device, devices, generation_steps = 4, 32, 8
        assert train.samples_per_step * recipe.method.rollouts == per_device * devices * generation_steps
        assert train.gradient_accumulation == train.samples_per_step

    def test_the_data_is_table_6s(self) -> None:
        recipe = load("paper", "crpo")
        assert recipe.data.modalities == ("video", "image", "text")
        questions = 6_400 + 27_500 + 21_200
        assert recipe.train.steps == questions // recipe.train.samples_per_step

    def test_baselines(self) -> None:
        assert load("paper", "grpo").method == GrpoSettings(rollouts=8, normalise="group")
        assert load("paper", "dr_grpo").method == DrGrpoSettings(rollouts=8)
        assert load("paper", "t_grpo").method == TGrpoSettings(rollouts=8, alpha=0.3, threshold=1.0)
        assert load("paper", "arrow_rl").method == ArrowRlSettings(rollouts=8, alpha=0.25)

    def test_arrowgev_is_its_public_codes(self) -> None:
        """`--alpha_coeff 0.5 --num_generations 8`, one response on the reversed video, Time-R1's IoU."""
        assert load("paper", "arrowgev").method == ArrowGevSettings(
            rollouts=8, alpha=0.5, reference="own", iou="timestamp", probes=1
        )

    def test_controls_of_table_2(self) -> None:
        grpo, twice = load("paper", "grpo"), load("paper", "grpo_data_x2")
        assert twice.train.steps == 2 * grpo.train.steps
        assert twice.method == grpo.method
        assert load("tiny", "grpo").method == GrpoSettings(rollouts=16)


class TestPapersOfStrive:
    """STRIVE, section 4.1, and ST-GRPO, section 4 and appendix."""

    def test_strive(self) -> None:
        recipe = load("paper", "strive")
        assert recipe.model.path == "Qwen/Qwen3-VL-8B-Instruct"
        assert (recipe.data.pool, recipe.data.frames) == (64, 16)
        assert recipe.method == StriveSettings(
            variants=2,
            rollouts=4,
            tau=0.4,
            segments=None,
            scorer=ScorerSettings(name="llava_onevision"),
            null_option=False,
        )
        assert (recipe.train.steps, recipe.train.learning_rate, recipe.train.beta) == (1000, 1e-6, 0.04)

    def test_st_grpo(self) -> None:
        recipe = load("paper", "st_grpo")
        assert recipe.model.path == "Qwen/Qwen2.5-VL-7B-Instruct"
        assert recipe.data.frames == recipe.data.pool_frames == 16
        assert recipe.method == StriveSettings(
            variants=2,
            rollouts=4,
            tau=1.0,
            segments=(2, 6),
            strategy="importance_spatial",
            scorer=ScorerSettings(name="llava_onevision"),
            null_option=False,
        )
        train = recipe.train
        assert (train.steps, train.learning_rate, train.beta) == (1000, 1e-6, 0.04)
        assert train.max_completion_length == 768
        assert train.samples_per_step == 4

    def test_frames_keep_to_st_grpos_pixels(self) -> None:
        for name in ("st_grpo", "strive"):
            assert load("paper", name).data.budget == PixelBudget(max_pixels=128 * 28 * 28)

    def test_st_dr_grpo_is_strive_with_dr_grpos_two_halves(self) -> None:
        strive, st_dr = load("tiny", "strive"), load("tiny", "st_dr_grpo")
        assert isinstance(strive.method, StriveSettings)
        assert st_dr.method == strive.method.model_copy(update={"normalise": "none"})
        assert (strive.train.loss_type, st_dr.train.loss_type) == ("grpo", "dr_grpo")
