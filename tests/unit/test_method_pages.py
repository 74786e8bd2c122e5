"""The pages of docs/methods: what they say of settings, costs, code and recipes is what there is."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from pydantic import BaseModel

from method_groups import sample_of
from retroflip.data.sample import ProblemType, TaskType
from retroflip.jobs.recipes import load_recipe
from retroflip.rl.methods.registry import METHODS, build
from retroflip.rl.recipe import RlRecipe

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "methods"
PICTURES = ROOT / "docs" / "pictures" / "curves"
RECIPES = sorted(
    path
    for folder in ("tiny", "paper")
    for path in (ROOT / "recipes" / folder).glob("*.yaml")
    if yaml.safe_load(path.read_text()).get("kind") != "data"
)
OF_STAGES = "synrl"
"""the page of stages, of which none is a method of its own"""
MOST_BYTES = 60_000
"""of a picture of curves"""
WIDEST = 84
"""letters of a line that a page shows without scrolling"""
NAMES = [*METHODS, OF_STAGES]


def text_of(name: str) -> str:
    return (PAGES / f"{name}.md").read_text(encoding="utf-8")


def section(name: str, title: str) -> str:
    """Return what stands under a heading of a page."""
    _, _, rest = text_of(name).partition(f"\n## {title}\n")
    assert rest, f"{name}.md has no section {title!r}"
    return rest.partition("\n## ")[0]


def rows(settings: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Yield a row for each setting: its name, its default as a recipe has it, what it is."""
    for name, field in settings.model_fields.items():
        if isinstance(field.default, BaseModel):
            yield from rows(type(field.default), f"{prefix}{name}.")
        elif prefix or name != "name":
            yield f"| `{prefix}{name}` | `{json.dumps(field.default)}` | {field.description} |"


def settings_table(settings: type[BaseModel]) -> str:
    return "\n".join(["| setting | default | what it is |", "| --- | --- | --- |", *rows(settings)])


def shipped(name: str) -> list[Path]:
    """Return the recipes of a method, those of SynRL's stages being a page of their own."""
    return [path for path in RECIPES if not path.stem.startswith(OF_STAGES) and _method(path) == name]


def _method(path: Path) -> str | None:
    recipe = load_recipe(path)
    return recipe.method.name if isinstance(recipe, RlRecipe) else None


def cost_row(path: Path) -> str:
    """Return what a recipe samples: for a question (probes in brackets), and in a step."""
    recipe: Any = load_recipe(path)
    method = build(recipe.method)
    kind = ProblemType.GROUNDING if method.name == "arrowgev" else ProblemType.MULTIPLE_CHOICE
    question = sample_of(TaskType.SPATIOTEMPORAL).model_copy(update={"problem_type": kind})
    branches = method.branches(question, np.random.default_rng(0))
    each = " + ".join(str(one.rollouts) if one.trained else f"({one.rollouts})" for one in branches)
    questions = recipe.train.samples_per_step
    sampled, trained = (
        questions * sum(one.rollouts for one in branches if one.trained or not only) for only in (False, True)
    )
    name = path.relative_to(ROOT / "recipes").as_posix()
    return f"| `{name}` | {each} | {questions} | {sampled:,} | {trained:,} |"


def cost_table(name: str) -> str:
    head = "| of `recipes/` | rollouts of a question | questions a step | sampled a step | trained on |"
    return "\n".join([head, "| --- | --- | ---: | ---: | ---: |", *map(cost_row, shipped(name))])


def test_every_method_has_a_page_and_no_page_is_of_none() -> None:
    assert sorted(path.stem for path in PAGES.glob("*.md")) == sorted(NAMES)


@pytest.mark.parametrize("name", METHODS)
def test_a_page_has_the_settings_of_its_class(name: str) -> None:
    assert settings_table(METHODS[name]) in section(name, "Settings")


@pytest.mark.parametrize("name", METHODS)
def test_a_page_has_the_costs_of_its_recipes(name: str) -> None:
    assert shipped(name)
    assert cost_table(name) in section(name, "Recipes and costs")


@pytest.mark.parametrize("name", NAMES)
def test_every_recipe_that_a_page_names_is_there(name: str) -> None:
    named = set(re.findall(r"recipes/[\w/]+\.yaml", text_of(name)))
    assert named
    assert [one for one in named if not (ROOT / one).is_file()] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_line_of_code_that_a_page_tells_of_stands_in_its_file(name: str) -> None:
    told = section(name, "In the code")
    files = re.findall(r"`(src/[\w/]+\.py)`", told)
    code = " ".join(" ".join((ROOT / file).read_text(encoding="utf-8").split()) for file in files)
    lines = [
        line
        for row in re.findall(r"^\| .+ \| (`.+`) \|", told, re.MULTILINE)
        for line in row.split("`")[1::2]
    ]
    assert lines
    assert [line for line in lines if line not in code] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_page_says_what_its_equations_are_of_and_shows_curves_that_are_light(name: str) -> None:
    (equations,) = re.findall(r"^```text\n(.*?)^```", section(name, "Equations"), re.MULTILINE | re.DOTALL)
    assert max(map(len, equations.splitlines())) <= WIDEST
    pictures = re.findall(r"\(\.\./pictures/curves/(\w+\.svg)\)", text_of(name))
    assert pictures
    assert [one for one in pictures if (PICTURES / one).stat().st_size >= MOST_BYTES] == []
