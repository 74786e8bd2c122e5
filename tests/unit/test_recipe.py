"""Recipes: what is accepted, how overrides and paths work; every mistake is named where it was made."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from retroflip.errors import RecipeError
from retroflip.files.storage import write_json_atomic
from retroflip.jobs.recipes import load_recipe, recipe_from
from retroflip.recipes.schema import LoraSection, Recipe
from retroflip.recipes.shipped import read_layers
from retroflip.rl.methods.arrow_rl import ArrowRlSettings
from retroflip.rl.methods.crpo import CrpoSettings
from retroflip.rl.methods.grpo import GrpoSettings
from retroflip.rl.methods.t_grpo import TGrpoSettings
from retroflip.rl.recipe import RlRecipe
from retroflip.sft.recipe import SftRecipe

RL = """\
kind: rl
data:
  records: data/train.jsonl
method: {name: crpo, rollouts: 8, w_aug: 0.25}
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

SFT = """\
kind: sft
data: {records: r.jsonl}
train: {steps: 10, batch_size: 8, learning_rate: 0.002, gradient_accumulation: 2}
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def load_rl(folder: Path, *overrides: str, text: str = RL) -> RlRecipe:
    recipe = load_recipe(written(folder, text), overrides)
    assert isinstance(recipe, RlRecipe)
    return recipe


def refusal(folder: Path, *overrides: str, text: str = RL) -> str:
    with pytest.raises(RecipeError) as caught:
        load_recipe(written(folder, text), overrides)
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_rl_recipe_is_read(tmp_path: Path) -> None:
    recipe = load_rl(tmp_path)
    assert isinstance(recipe.method, CrpoSettings)
    assert recipe.method.w_aug == 0.25
    assert recipe.train.learning_rate == 1e-5
    assert recipe.model.path == "retroflip-tiny"
    assert recipe.prompt.system is None


def test_sft_recipe_is_read(tmp_path: Path) -> None:
    recipe = load_recipe(written(tmp_path, SFT))
    assert isinstance(recipe, SftRecipe)
    assert recipe.data.records_file == tmp_path / "r.jsonl"
    assert recipe.data.root_folder == tmp_path


def test_half_of_dr_grpo_is_remarked(tmp_path: Path) -> None:
    whole = ("method={name: dr_grpo}", "train.loss_type=dr_grpo")
    assert "half of Dr.GRPO" in load_rl(tmp_path, whole[0]).remark
    assert load_rl(tmp_path, *whole).remark == load_rl(tmp_path).remark == ""


def test_overrides_replace_values_and_sections(tmp_path: Path) -> None:
    recipe = load_rl(
        tmp_path, "train.learning_rate=3e-4", "method={name: grpo, rollouts: 16}", "prompt.system=Look."
    )
    assert recipe.train.learning_rate == 3e-4
    assert recipe.method == GrpoSettings(rollouts=16)
    assert recipe.prompt.system == "Look."


@pytest.mark.parametrize("named", ["method=t_grpo", "method.name=t_grpo"])
def test_another_methods_name_drops_what_is_the_old_ones_alone(tmp_path: Path, named: str) -> None:
    text = RL.replace("rollouts: 8, w_aug: 0.25", "rollouts: 6, format_weight: 0.5, w_aug: 0.25, flip: false")
    expected = TGrpoSettings(rollouts=6, format_weight=0.5)
    assert load_rl(tmp_path, named, text=text).method == expected
    for overrides in ((named, "method.alpha=0.1"), ("method.alpha=0.1", named)):
        assert load_rl(tmp_path, *overrides, text=text).method == expected.model_copy(update={"alpha": 0.1})
    assert "Unknown key method.w_aug on the command line" in refusal(
        tmp_path, named, "method.w_aug=1", text=text
    )


def test_a_key_of_two_methods_does_not_go_over_from_one_to_the_other(tmp_path: Path) -> None:
    """`alpha` is 0.3 by default in T-GRPO and 0.25 in ArrowRL."""
    text = RL.replace("crpo, rollouts: 8, w_aug: 0.25", "t_grpo, alpha: 0.3")
    assert load_rl(tmp_path, "method=arrow_rl", text=text).method == ArrowRlSettings(alpha=0.25)
    assert load_rl(tmp_path, "method=t_grpo", text=text).method == TGrpoSettings(alpha=0.3)


def test_naming_the_same_method_or_the_last_of_several_keeps_its_settings(tmp_path: Path) -> None:
    assert load_rl(tmp_path, "method=crpo").method == load_rl(tmp_path).method
    assert load_rl(tmp_path, "method=grpo", "method=crpo").method == load_rl(tmp_path).method


def test_adapters_are_a_section_or_nothing(tmp_path: Path) -> None:
    recipe = load_rl(tmp_path, "model.lora={rank: 8, alpha: 16, targets: [q_proj]}")
    assert recipe.model.lora == LoraSection(rank=8, alpha=16, targets=("q_proj",))
    assert recipe_from(recipe.resolved()) == recipe
    assert load_rl(tmp_path, "model.lora=null").model.lora is None


def test_the_last_override_of_a_key_wins(tmp_path: Path) -> None:
    assert load_rl(tmp_path, "train.steps=5", "train.steps=7").train.steps == 7


def test_paths_start_from_the_file_or_from_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    monkeypatch.chdir(here)
    recipe = load_rl(there, "data.root=clips")
    assert recipe.data.records_file == there / "data" / "train.jsonl"
    assert recipe.data.root_folder == here / "clips"


@pytest.mark.parametrize(
    ("given_path", "expected"),
    [
        ("Qwen/Qwen3-VL-4B-Instruct", "Qwen/Qwen3-VL-4B-Instruct"),
        ("./missing", "{folder}/missing"),
        ("saved/model", "{folder}/saved/model"),
        ("/abs/model", "/abs/model"),
    ],
)
def test_a_model_is_a_path_when_written_like_one_or_when_it_exists(
    tmp_path: Path, given_path: str, expected: str
) -> None:
    (tmp_path / "saved" / "model").mkdir(parents=True)
    recipe = load_rl(tmp_path, text=RL + f"model: {{path: {given_path}}}\n")
    assert recipe.model.path == expected.format(folder=tmp_path)


@pytest.mark.parametrize("text", [RL, SFT])
def test_a_resolved_recipe_runs_again_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    recipe = load_recipe(written(tmp_path, text))
    resolved = recipe.resolved()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    again = load_recipe(written(elsewhere, yaml.safe_dump(resolved)))
    assert again == recipe_from(resolved) == recipe
    assert again.resolved() == resolved


def test_a_run_json_can_be_run_again(tmp_path: Path) -> None:
    recipe = load_rl(tmp_path)
    run = tmp_path / "run.json"
    write_json_atomic(run, {"schema": 1, "recipe": recipe.resolved(), "seed": 0})
    assert load_recipe(run) == recipe


@pytest.mark.parametrize("written", ["768 x 32 x 32", "768*32*32", "786432", "786432 x 1"])
def test_pixels_are_written_as_numbers_or_as_papers_write_them(tmp_path: Path, written: str) -> None:
    data = load_rl(tmp_path, f"data.max_pixels={written}").data
    assert data.max_pixels == 768 * 32 * 32
    assert data.model_dump()["max_pixels"] == 768 * 32 * 32


MISTAKES = {
    "train.stesp=3": ["train.stesp", "did you mean train.steps?", "command line"],
    "beta=0.1": ["Unknown key beta", "did you mean train.beta?"],
    "train.qqq=1": ["Unknown key train.qqq", "the section train knows steps"],
    "method.w_agu=1": ["method.w_agu", "did you mean method.w_aug?"],
    "method.name=grp": ["method.name is 'grp'", "grpo, dr_grpo, ", "Did you mean grpo?"],
    "method=grp": ["method.name is 'grp' on the command line (method=grp)", "Did you mean grpo?"],
    "method=st_grpo": ["ST-GRPO is method=strive; recipes/paper/st_grpo.yaml has its settings."],
    "method=ST-GRPO": ["ST-GRPO is method=strive"],
    "method=dapo": ["It is a loss: set train.loss_type to it."],
    "method=7": ["method is 7", "'key: value' lines"],
    "method.name=[grpo]": ["method.name is ['grpo']", "must be one of grpo"],
    "method.rollouts=1": ["method.rollouts", "set rollouts >= 2"],
    "data.modalities=[audio]": [
        "data.modalities.0 is the text 'audio'",
        "must be 'video', 'image' or 'text'",
    ],
    "data.modalities=[]": ["data.modalities is a list", "must be a list of 1 or more"],
    "method.w_aug=high": ["method.w_aug is the text 'high'", "must be a number"],
    "train.steps=2.5": ["train.steps is 2.5", "a whole number"],
    "train.steps=true": ["train.steps is true", "a whole number"],
    "train.steps=0": ["train.steps is 0", "1 or more"],
    "train.beta=-1": ["train.beta is -1", "or more"],
    "train.learning_rate=.inf": ["train.learning_rate is inf", "a finite number"],
    "train.loss_type=gpo": ["train.loss_type is the text 'gpo'", "'dr_grpo'"],
    "train.gradient_accumulation=3": [
        "does not divide samples_per_step (4)",
        "with train.gradient_accumulation=3",
    ],
    "train.keep_checkpoints=1": ["set keep_checkpoints to 2 or more"],
    "train=3": ["train is 3", "'key: value' lines"],
    "data.frames=7": ["data.frames is 7", "a multiple of 2"],
    "data.max_side=480": [
        "with data.max_side=480: max_side is no setting any more",
        "write max_pixels: 480 x 270 in its place",
    ],
    "data.max_side=null": ["leave it out", "max_pixels, min_pixels and total_pixels"],
    "data.max_pixels=768 by 32": ["data.max_pixels is the text '768 by 32'", "a whole number"],
    "data.max_pixels=0": ["data.max_pixels is 0", "1 or more"],
    "data={records: x.jsonl, min_pixels: 2048, max_pixels: 1024}": [
        "max_pixels is 1024, fewer than min_pixels"
    ],
    "data={records: x.jsonl, frames: 64, min_pixels: 4096, total_pixels: 64 x 2048}": [
        "total_pixels is 131072, which leaves each of 64 frames 4096 pixels, and min_pixels is 4096",
        "set total_pixels to 137600 or more",
    ],
    "data.records=": ["data.records is empty", "a text"],
    "kind=sft": ["Unknown key method", "train.batch_size is missing"],
    "kind=rk": ["kind is 'rk'", "rl, sft"],
    "method.name.x=3": ["'name' is the text 'crpo', not a section"],
    "train.precision=float16": ["train.precision is the text 'float16'", "'float32' or 'bfloat16'"],
    "model.dtype=bfloat16": ["train.precision in", "the weights are bfloat16", "or model.dtype to float32"],
    "model.lora=8": ["model.lora is 8", "'key: value' lines"],
    "model.lora={rank: 8}": ["model.lora.alpha is missing", "alpha / rank"],
    "model.lora={rnk: 8, alpha: 8}": ["Unknown key model.lora.rnk", "did you mean model.lora.rank?"],
    "model.lora={rank: 8, alfa: 8}": ["did you mean model.lora.alpha?"],
    "data.mixture={parts: [{records: a.jsonl, weigth: 2}]}": [
        "Unknown key data.mixture.parts.0.weigth",
        "did you mean data.mixture.parts.0.weight?",
    ],
    "model.lora={rank: 8, alpha: 8, target: []}": ["did you mean model.lora.targets?"],
    "model.lora={rank: 0, alpha: 8}": ["model.lora.rank is 0", "1 or more"],
    "model.lora={rank: 8, alpha: 8, dropout: 0.1}": ["set model.lora.dropout to 0", "command line"],
    "nonsense": ["section.key=value"],
    "train..steps=1": ["section.key=value"],
    "train.steps=[1": ["'train.steps=[1'", "not valid YAML"],
}


@pytest.mark.parametrize(("override", "phrases"), MISTAKES.items(), ids=MISTAKES)
def test_a_mistake_on_the_command_line_is_named_with_its_fix(
    tmp_path: Path, override: str, phrases: list[str]
) -> None:
    message = refusal(tmp_path, override)
    assert all(phrase in message for phrase in phrases), message


def test_a_mistake_in_the_file_names_the_file(tmp_path: Path) -> None:
    message = refusal(tmp_path, text=RL.replace("steps: 100", "stesp: 100"))
    assert f"Unknown key train.stesp in {tmp_path / 'recipe.yaml'}: did you mean train.steps?" in message
    assert "missing" not in message


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("", "holds nothing"),
        ("- a", "holds a list"),
        ("kind: [rl", "line 1: not valid YAML"),
        (RL + "kind: rl\n", "line 14: not valid YAML: the key 'kind' is given twice"),
        ("kin: rl", "There is a key 'kin'; did you mean 'kind'?"),
        ("kind: rl", "data is missing"),
        ("kind: !!python/object/apply:os.getcwd []", "not valid YAML"),
        ("? [a]\n: b", "unhashable key"),
        ("1: 2\n" + RL, "Unknown key 1"),
    ],
)
def test_a_file_that_is_no_recipe_is_refused(tmp_path: Path, text: str, phrase: str) -> None:
    assert phrase in refusal(tmp_path, text=text)


def test_a_missing_or_unreadable_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="There is no recipe at"):
        load_recipe(tmp_path / "none.yaml")
    with pytest.raises(RecipeError, match="cannot be read"):
        load_recipe(tmp_path)
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"kind: \xe9")
    with pytest.raises(RecipeError, match="UTF-8"):
        load_recipe(latin)


RECIPES = Path(__file__).parents[2] / "recipes"
SHIPPED = sorted(
    path
    for path in RECIPES.rglob("*.yaml")
    if path.parent.name in ("tiny", "paper") and path.stem != "crpo_data"
)
NOT_LEARNING = {
    "data.root",
    "data.columns",
    "general.root",
    "general.columns",
    "data.limit",
    "data.mixture",
    "data.max_failed_share",
    "train.keep_checkpoints",
    "train.report_to",
    "train.show_every",
}
"""settings that decide where files are, or what is kept, and not what is learned"""


def dotted(values: dict[str, Any], prefix: str = "") -> set[str]:
    """Return the names of all settings of a nested mapping."""
    names: set[str] = set()
    for key, value in values.items():
        names |= dotted(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}"}
    return names


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_shipped_recipe_loads_and_runs_again(path: Path) -> None:
    recipe = load_recipe(path)
    assert recipe_from(recipe.resolved()) == recipe


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_shipped_recipe_states_all_that_decides_what_is_learned(path: Path) -> None:
    """It states them itself or in the files that it extends."""
    stated = set().union(*(dotted(dict(layer.values)) for layer in read_layers(path)))
    assert dotted(load_recipe(path).resolved()) - stated <= NOT_LEARNING


@pytest.mark.parametrize(
    ("written_as", "read_as"),
    [
        ("wandb", ("wandb",)),
        ("[tensorboard, wandb, wandb]", ("tensorboard", "wandb")),
        ("none", ()),
        ("[]", ()),
    ],
)
def test_trackers_are_named_alone_or_in_a_list(
    tmp_path: Path, written_as: str, read_as: tuple[str, ...]
) -> None:
    assert load_rl(tmp_path, f"train.report_to={written_as}").train.report_to == read_as


def test_an_unknown_tracker_is_refused(tmp_path: Path) -> None:
    assert "must be 'tensorboard', 'wandb' or 'trackio'" in refusal(tmp_path, "train.report_to=mlflow")


@given(
    rate=st.floats(min_value=1e-12, max_value=1e3),
    steps=st.integers(min_value=1, max_value=10**9),
    system=st.none() | st.text(max_size=40),
)
def test_any_valid_recipe_survives_the_round_trip(rate: float, steps: int, system: str | None) -> None:
    values: dict[str, Any] = {
        **yaml.safe_load(SFT),
        "train": {"steps": steps, "batch_size": 1, "learning_rate": rate},
        "prompt": {"system": system},
    }
    recipe: Recipe = recipe_from(values)
    assert recipe_from(recipe.resolved()).resolved() == recipe.resolved()
    assert (recipe.train.learning_rate, recipe.train.steps, recipe.prompt.system) == (rate, steps, system)
