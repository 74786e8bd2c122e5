"""What a shipped recipe's comments say to type works: settings, one variant a run of words, and commands."""

import re
import shlex
from pathlib import Path

import pytest

from retroflip.jobs.recipes import load_recipe
from retroflip.jobs.starting import require_start
from retroflip.lab.clip_sets import write_pairs
from retroflip.progress import Silence

RECIPES = Path(__file__).parents[2] / "recipes"
SHIPPED = [
    path
    for folder in ("paper", "tiny")
    for path in sorted((RECIPES / folder).glob("*.yaml"))
    if path.stem != "crpo_data"
]
SETTING = r"(?:'[a-z_]+(?:\.[a-z_0-9]+)*=[^']*'|[a-z_]+\.[a-z_.0-9]+=[^\s,;:()]*[^\s,;:().]|method=[a-z_]+)"
VARIANT = re.compile(rf"{SETTING}(?: {SETTING})*")
COMMAND = re.compile(r"#\s+(retroflip (?:train|sft) .*)")


def comments(path: Path) -> list[str]:
    """Return the comments of a recipe, line by line."""
    return [f"# {line.partition('# ')[2]}" for line in path.read_text().splitlines() if "# " in line]


def variants(path: Path) -> list[list[str]]:
    """Return the overrides that each variant in a recipe's comments consists of."""
    found = [run for line in comments(path) if not COMMAND.match(line) for run in VARIANT.findall(line)]
    return [shlex.split(run) for run in found]


CASES = [(path, variant) for path in SHIPPED for variant in variants(path)]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Overrides that put a model and videos which are at hand in the place of a recipe's own."""
    folder = tmp_path_factory.mktemp("comments") / "pairs"
    write_pairs(folder, per_task=2, seed=0, size=64, progress=Silence())
    return ["model.path=retroflip-tiny", f"data.records={folder / 'records.jsonl'}"]


def test_the_known_variants_are_found() -> None:
    found = {(f"{path.parent.name}/{path.stem}", *variant) for path, variant in CASES}
    assert ("paper/st_grpo", "method.strategy=deterministic", "data.pool=32") in found
    assert ("paper/crpo", "method.lambda_d=0", "method.lambda_s=0") in found
    assert ("paper/synrl_grpo", "data.labels={domain: [spatial]}") in found
    assert ("tiny/t_grpo", "method.threshold=0.8") in found
    assert len(CASES) > 25


@pytest.mark.parametrize(
    ("path", "variant"), CASES, ids=[f"{path.parent.name}/{path.stem} {' '.join(v)}" for path, v in CASES]
)
def test_a_commented_setting_can_be_set_and_changes_the_recipe(
    path: Path, variant: list[str], data: list[str]
) -> None:
    plain = load_recipe(path)
    varied = load_recipe(path, variant)
    assert varied != plain
    if varied.kind == "sft" or any(one.startswith("data.labels") for one in variant):
        return  # the videos at hand have no traces and no labels
    taken = [one for one in variant if not one.startswith("model.path")]
    require_start(
        load_recipe(path, [*data, "train.samples_per_step=1", "train.gradient_accumulation=1", *taken])
    )


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_commented_command_is_about_a_recipe_of_its_kind(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(RECIPES.parent)
    for line in comments(path):
        if found := COMMAND.match(line):
            _, command, named, *rest = shlex.split(found[1])
            recipe = load_recipe(Path(named), [word for word in rest if "=" in word])
            assert {"rl": "train", "sft": "sft"}[recipe.kind] == command
