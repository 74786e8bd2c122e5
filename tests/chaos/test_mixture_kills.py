"""A run on a mixture that dies between steps and inside a save ends with the bytes of one that never stopped."""

import json
from pathlib import Path

import pytest
import yaml
from chaos_runs import write_recipes
from test_kill_and_resume import RECIPES, assert_equal_runs
from train_and_die import run

MIXTURE = """
mixture:
  parts:
    - {records: %s/even.jsonl, root: %s, weight: 2}
    - {records: %s/odd.jsonl, root: %s, weight: 1}
  size: 7
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["rl", "sft"])
@pytest.mark.parametrize("inline", [False, True])
def test_a_killed_run_on_a_mixture_ends_like_an_unbroken_one(tmp_path: Path, name: str, inline: bool) -> None:
    recipe = write_recipes(tmp_path / "inputs", {name: RECIPES[name]})[name]
    values = yaml.safe_load(recipe.read_text())
    records = (recipe.parent / values["data"]["records"]).resolve()
    rows = records.read_text().splitlines(keepends=True)
    (tmp_path / "even.jsonl").write_text("".join(rows[::2]))
    (tmp_path / "odd.jsonl").write_text("".join(rows[1::2]))
    assert json.loads(rows[0]) != json.loads(rows[1])
    mixture = tmp_path / "mixture.yaml"
    mixture.write_text(MIXTURE % (tmp_path, records.parent, tmp_path, records.parent))
    values["data"]["records"] = str(mixture)
    if inline:
        del values["data"]["records"]
        values["data"] |= yaml.safe_load(mixture.read_text())
    recipe.write_text(yaml.safe_dump(values))
    unbroken, killed = tmp_path / "a" / "run", tmp_path / "b" / "run"
    assert not run(recipe, unbroken, "end", resume=False)
    assert run(recipe, killed, "step:3", resume=False)
    assert run(recipe, killed, "save:4", resume=True)
    assert not run(recipe, killed, "end", resume=True)
    assert_equal_runs(unbroken, killed)
