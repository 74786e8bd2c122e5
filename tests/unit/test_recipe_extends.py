"""Recipes that extend others: what they inherit, and which chains of files are refused."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from retroflip.cot.recipe import load_cot_recipe
from retroflip.errors import RecipeError
from retroflip.files.storage import write_json_atomic
from retroflip.jobs.recipes import load_recipe
from retroflip.recipes.shipped import MAX_LAYERS, recipe_file
from retroflip.rl.methods.grpo import GrpoSettings
from retroflip.rl.recipe import RlRecipe
from retroflip.synth.drawn import read_settings

ROOT = Path(__file__).parents[2]
DIGESTS: dict[str, str] = json.loads((ROOT / "tests" / "fixtures" / "recipes.json").read_text())
"""of every shipped recipe's settings as they were when each file stated all of them"""
MEMORY_ALONE = {"branches_at_once"}
"""settings that change no result, and so may change without a new digest"""

BASE = """\
kind: rl
data: {records: data/train.jsonl, labels: {term: [short]}}
method: {name: crpo, rollouts: 4, w_aug: 0.25}
model: {lora: {rank: 8, alpha: 16}}
train:
  steps: 100
  samples_per_step: 4
  learning_rate: 1e-5
  beta: 0.0
  epsilon: 0.2
  temperature: 1.0
  max_completion_length: 64
  loss_type: grpo
"""


def written(folder: Path, **texts: str) -> Path:
    """Write recipes by name and return the first one's file."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{name}.yaml" for name in texts]
    for file, text in zip(files, texts.values(), strict=True):
        file.write_text(text, encoding="utf-8")
    return files[0]


def load(path: Path, *overrides: str) -> RlRecipe:
    recipe = load_recipe(path, overrides)
    assert isinstance(recipe, RlRecipe)
    return recipe


def refusal(path: Path) -> str:
    with pytest.raises(RecipeError) as caught:
        load_recipe(path)
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)
    return str(caught.value)


def digest(name: str) -> str:
    """Return the hash of what a shipped recipe says otherwise than the defaults, its paths told from the project's."""
    path = ROOT / "recipes" / f"{name}.yaml"
    recipe = read_settings(path) if name.startswith("videos/") else load_recipe(path)
    values: dict[str, Any] = recipe.model_dump(mode="json", exclude_defaults=True)
    for key in MEMORY_ALONE:
        values.get("train", {}).pop(key, None)
    text = json.dumps(values, sort_keys=True).replace(str(ROOT), "")
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def test_every_shipped_recipe_is_what_it_was_when_its_file_stated_everything() -> None:
    assert {name: digest(name) for name in DIGESTS} == DIGESTS


def test_a_recipe_states_what_it_says_otherwise(tmp_path: Path) -> None:
    path = written(
        tmp_path, own="extends: base.yaml\ntrain: {steps: 7}\nmodel: {lora: {rank: 2}}\n", base=BASE
    )
    base, own = load(tmp_path / "base.yaml").resolved(), load(path).resolved()
    base["train"]["steps"], base["model"]["lora"]["rank"] = 7, 2
    assert own == base


def test_each_files_paths_start_from_its_own_folder(tmp_path: Path) -> None:
    written(tmp_path / "below", base=BASE)
    path = written(tmp_path, own="extends: below/base.yaml\ndata: {root: videos}\n")
    data = load(path).data
    assert data.records == str(tmp_path / "below" / "data" / "train.jsonl")
    assert data.root == str(tmp_path / "videos")


def test_keys_of_the_users_own_are_replaced_and_not_merged(tmp_path: Path) -> None:
    path = written(tmp_path, own="extends: base.yaml\ndata: {labels: {domain: [spatial]}}\n", base=BASE)
    assert load(path).data.labels == {"domain": ("spatial",)}


def test_another_method_inherits_what_every_method_has(tmp_path: Path) -> None:
    path = written(tmp_path, own="extends: base.yaml\nmethod: {name: grpo}\n", base=BASE)
    assert load(path).method == GrpoSettings(rollouts=4)
    crpo = load(path, "method=crpo").method
    assert (crpo.rollouts, getattr(crpo, "w_aug", None)) == (4, 0.5)


def test_a_shipped_recipe_is_extended_by_its_name(tmp_path: Path) -> None:
    path = written(tmp_path, own="extends: tiny/crpo\ndata: {records: mine.jsonl}\ntrain: {steps: 7}\n")
    shipped = load(recipe_file("tiny/crpo.yaml"))
    own = load(path)
    assert own.method == shipped.method
    assert own.train == shipped.train.model_copy(update={"steps": 7})
    assert own.data.records == str(tmp_path / "mine.jsonl")


def test_a_run_is_extended(tmp_path: Path) -> None:
    base = written(tmp_path, base=BASE)
    (tmp_path / "run").mkdir()
    write_json_atomic(tmp_path / "run" / "run.json", {"recipe": load(base).resolved(), "versions": {}})
    path = written(tmp_path, own="extends: run/run.json\ntrain: {seed: 3}\n")
    assert load(path).train.seed == 3
    assert load(path).data == load(base).data


def test_what_a_recipe_resolves_to_stands_alone(tmp_path: Path) -> None:
    path = written(tmp_path / "a", own="extends: base.yaml\ntrain: {steps: 7}\n", base=BASE)
    write_json_atomic(tmp_path / "run.json", {"recipe": load(path).resolved()})
    (tmp_path / "a" / "base.yaml").unlink()
    assert load(tmp_path / "run.json").train.steps == 7


def test_a_file_of_another_folder_is_extended(tmp_path: Path) -> None:
    written(tmp_path, base=BASE)
    (tmp_path / "mine" / "deep").mkdir(parents=True)
    middle = written(tmp_path / "mine", middle="extends: ../base.yaml\ntrain: {steps: 7}\n")
    own = written(tmp_path / "mine" / "deep", own="extends: ../middle.yaml\ntrain: {seed: 3}\n")
    found = load_recipe(own).resolved()
    assert (found["train"]["steps"], found["train"]["seed"]) == (7, 3)
    assert found["data"] == load_recipe(middle).resolved()["data"]


def test_settings_of_drawn_videos_and_of_reasoning_are_extended_too(tmp_path: Path) -> None:
    videos = written(tmp_path, own="extends: videos/synrl_questions\nscene: {duration_scale: 3.0}\n")
    assert read_settings(videos).scene.duration_scale == 3.0
    assert read_settings(videos).per_task == 1920
    reasoning = written(tmp_path, cot="extends: cot/qwen3_vl\njudge: {max_tokens: 9}\n")
    assert load_cot_recipe(reasoning).judge.max_tokens == 9
    assert load_cot_recipe(reasoning).video.frames == 32


def test_a_mistake_is_named_in_the_file_that_makes_it(tmp_path: Path) -> None:
    path = written(tmp_path, own="extends: base.yaml\ntrain: {stesp: 7}\n", base=BASE)
    assert f"train.stesp in {path}: did you mean train.steps?" in refusal(path)
    wrong = written(tmp_path, own2="extends: wrong.yaml\n", wrong=BASE.replace("0.2", "no"))
    assert f"train.epsilon is the text 'no' in {tmp_path / 'wrong.yaml'}" in refusal(wrong)


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ({"a": "extends: a.yaml\n"}, "extends itself: a.yaml extends a.yaml"),
        ({"a": "extends: b.yaml\n", "b": "extends: a.yaml\n"}, "a.yaml extends b.yaml extends a.yaml"),
        ({"a": "extends: ../b.yaml\n"}, "there is no file"),
        ({"a": "extends: /etc/b.yaml\n"}, "no way from the recipe's folder"),
        ({"a": "extends: ../loop.yaml\n"}, "a.yaml extends ../loop.yaml extends a.yaml"),
        ({"a": "extends: b.yaml\n"}, "there is no file"),
        (
            {"a": "extends: tiny/crpo.yaml\n"},
            "The shipped recipe of that name is tiny/crpo, without an ending",
        ),
        ({"a": "extends: tiny/cpro\n"}, "Did you mean tiny/crpo?"),
        ({"a": "extends: strive\n"}, "Did you mean"),
        ({"a": "extends: ../../etc/passwd\n"}, "no such shipped recipe"),
        ({"a": "extends: [tiny/crpo]\n"}, "must be the name of one recipe"),
        ({"a": "extends: null\n"}, "must be the name of one recipe"),
        (
            {f"r{i}": f"extends: r{i + 1}.yaml\n" for i in range(MAX_LAYERS + 1)},
            f"more than {MAX_LAYERS} files",
        ),
    ],
)
def test_chains_that_are_refused(tmp_path: Path, texts: dict[str, str], said: str) -> None:
    folder = tmp_path / "recipes"
    folder.mkdir()
    written(tmp_path, loop="extends: recipes/a.yaml\n")
    if "r0" in texts:
        texts = {**texts, f"r{MAX_LAYERS + 1}": BASE}
    assert said in refusal(written(folder, **texts))
