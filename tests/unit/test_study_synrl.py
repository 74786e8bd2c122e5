"""The study of SynRL's stages: what each is trained on, notes by hand, the papers' numbers, the table by hand."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from retroflip.rl.recipe import RlRecipe
from retroflip.sft.recipe import SftRecipe
from retroflip.study.cells import Cell, State
from retroflip.study.document import document
from retroflip.study.markdown import markdown
from retroflip.study.synrl.arms import ARMS, GUESSING, Stage, recipe_of
from retroflip.study.synrl.courses import LABELS, MOTION, PRIMITIVES, CourseFolder, is_labelled
from retroflip.study.synrl.plan import plan

PLAN = plan(quick=False)
BY_NAME = {stage.name: stage for stage in ARMS}
DATA = CourseFolder(Path("/data"))


def recipe_by_name(name: str) -> RlRecipe | SftRecipe:
    return recipe_of(BY_NAME[name], Path("/start"), DATA, BY_NAME[name].course.amount, seed=3)


def chain(stage: Stage) -> list[str]:
    """Return the arms that a stage's model has gone through, the first one first."""
    return [*(chain(BY_NAME[stage.start]) if stage.start else []), stage.name]


def test_every_stage_goes_on_from_an_earlier_one_of_its_course() -> None:
    assert chain(BY_NAME["round2"]) == ["base", "sft", "sft_rl", "round2"]
    assert chain(BY_NAME["rl_x2"]) == ["base", "rl_x2"]
    assert chain(BY_NAME["long"]) == ["untaught", "long_sft", "long"]
    for stage in ARMS:
        assert (stage.start is None) == (stage.recipe == GUESSING)
        assert all(BY_NAME[name].course is stage.course for name in chain(stage))


def test_names_are_folders_of_their_own() -> None:
    assert len(BY_NAME) == len(ARMS)
    assert not {"data", "eval", "failures"} & BY_NAME.keys()


@pytest.mark.parametrize("name", ["rl", "sft_rl", "rl_x2", "round2", "full", "spatial"])
def test_rl_is_as_in_section_2_3(name: str) -> None:
    recipe = recipe_by_name(name)
    assert isinstance(recipe, RlRecipe)
    assert (recipe.method.name, recipe.method.rollouts, recipe.method.format_weight) == ("grpo", 8, 0.0)
    assert (recipe.train.beta, recipe.train.temperature) == (0.0, 1.0)
    assert (recipe.model.path, recipe.train.seed) == ("/start", 3)


def test_twice_the_data_is_twice_the_questions_and_steps_and_nothing_else() -> None:
    one, two = recipe_by_name("rl").resolved(), recipe_by_name("rl_x2").resolved()
    differing = {
        f"{section}.{key}"
        for section in ("model", "data", "method", "train", "prompt")
        for key in one[section]
        if one[section][key] != two[section][key]
    }
    assert differing == {"data.limit", "train.steps"}
    assert (one["data"]["limit"], two["data"]["limit"]) == (
        MOTION.amount.rl_videos,
        2 * MOTION.amount.rl_videos,
    )
    assert (one["train"]["steps"], two["train"]["steps"]) == (
        MOTION.amount.rl_steps,
        2 * MOTION.amount.rl_steps,
    )
    # Every question is asked once.
    for course in (MOTION, PRIMITIVES):
        assert course.amount.rl_steps * one["train"]["samples_per_step"] == course.amount.rl_videos
        assert course.amount.round2_steps * one["train"]["samples_per_step"] == course.amount.round2_videos


def test_rl_after_the_supervised_start_is_that_without_it() -> None:
    assert recipe_by_name("rl").resolved() == recipe_by_name("sft_rl").resolved()


@pytest.mark.parametrize("label", LABELS)
def test_a_label_limits_both_stages_of_its_arm(label: str) -> None:
    wanted = {name: tuple(values) for name, values in LABELS[label].items()}
    assert recipe_by_name(label).data.labels == wanted
    kinds = [kind for kind in PRIMITIVES.kinds if is_labelled(kind, LABELS[label])]
    assert recipe_by_name(f"{label}_sft").data.records == str(DATA.lessons(kinds))
    assert recipe_by_name("full").data.labels == {}
    assert recipe_by_name("full_sft").data.records == str(DATA.lessons(PRIMITIVES.kinds))


def test_every_label_has_a_kind_and_lacks_one() -> None:
    kinds = {
        label: [kind for kind in PRIMITIVES.kinds if is_labelled(kind, LABELS[label])] for label in LABELS
    }
    assert kinds == {
        "spatial": ["direction", "speed"],
        "temporal": ["attribute_change", "shell_game"],
        "short": ["direction", "speed", "attribute_change"],
        "long": ["shell_game"],
    }


def scores(full: Mapping[str, float]) -> dict[str, Any]:
    return {
        "acc": 0.5,
        "p_acc": 0.2,
        "unparsed_rate": 0.1,
        "chance": {"acc": 0.25},
        "controls": {"single_frame": {"acc": 0.3}},
        "tasks": {kind: {"acc": rate, "chance": {"acc": 0.25}} for kind, rate in full.items()},
    }


def test_a_labels_accuracy_is_the_mean_of_its_kinds() -> None:
    found = PLAN.measured(scores({"direction": 0.8, "event_order": 0.4, "shell_game": 0.2}))
    assert found["label/spatial"] == 0.8
    assert found["label/temporal"] == pytest.approx(0.3)
    assert found["label/short"] == pytest.approx(0.6)
    assert found["label/long"] == 0.2
    assert found["kind/event_order"] == 0.4
    assert "label/long" not in PLAN.measured(scores({"direction": 0.8}))


def test_the_table_beside_the_papers_orders() -> None:
    rates = {
        "base": (0.0, 0.0, 0.0),
        "rl": (0.0, 0.0, 0.0),
        "sft": (0.50, 0.52, 0.51),
        "sft_rl": (0.60, 0.63, 0.62),
        "rl_x2": (0.7, 0.71, 0.72),
    }
    cells = {
        stage.name: {
            seed: Cell(State.DONE, {"acc": rates[stage.name][seed]})
            if stage.name in rates
            else Cell(State.MISSING)
            for seed in range(3)
        }
        for stage in ARMS
    }
    study = document(PLAN, cells, [0, 1, 2])
    assert study["cells"] == {"done": 15, "failed": 0, "not run": 3 * len(ARMS) - 15}
    table_5 = {
        (claim["greater"], claim["lesser"]): claim["verdict"]
        for claim in study["tables"][0]["papers"][0]["claims"]
    }
    assert table_5 == {
        ("rl", "base"): "cannot be told apart",
        ("sft", "base"): "agrees",
        ("sft_rl", "base"): "agrees",
        ("sft", "rl"): "agrees",
        ("sft_rl", "rl"): "agrees",
        ("sft_rl", "sft"): "agrees",
    }
    page = markdown(PLAN, study)
    assert "| `sft` | SFT | 51.0 [48.5, 53.5] | 50.0 52.0 51.0 | +51.0 [+48.5, +53.5] |" in page
    assert "| `sft_rl` > `sft` | 2.7 | +10.7 [+9.2, +12.1] | agrees |" in page
    assert "### SynRL, table 9, VSIBench" in page


def test_the_papers_numbers_are_those_of_its_tables() -> None:
    five, seven, eleven = PLAN.tables[0].references
    assert five.values == {"base": 32.1, "rl": 32.8, "sft": 34.2, "sft_rl": 36.9}
    assert seven.values == {"base": 32.1, "sft_rl": 36.7, "round2": 37.0}
    assert eleven.values == {"base": 35.5, "sft_rl": 38.7, "rl": 37.1, "rl_x2": 39.0}
    for reference in PLAN.tables[1].references:
        own = reference.measure.key.removeprefix("label/")
        others = {name: rate for name, rate in reference.values.items() if name != "full"}
        # A label's own arm is ahead in its column; only all kinds together can be ahead of it.
        assert max(others, key=others.__getitem__) == own
