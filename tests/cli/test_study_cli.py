"""`retroflip study` as users meet it: what it refuses, prints and exits with; and once for real."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from retroflip.cli import app
from retroflip.errors import NonFiniteLossError
from retroflip.files.storage import read_json_object
from retroflip.rl import train as rl_run
from retroflip.study import loop
from retroflip.study.methods.plan import QUICK
from retroflip.study.plan import Plan
from retroflip.study.stages import FULL
from study_tables import Done, arm_of, study_of

GRPO = {0: {"p_acc": 0.1}, 1: {"p_acc": 0.2}}


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["study", "methods", *map(str, arguments)])


def pretend(monkeypatch: pytest.MonkeyPatch, done: Done) -> list[dict[str, Any]]:
    """Let studies end with these cells; return what they were asked for."""
    asked: list[dict[str, Any]] = []

    def run_study(plan: Plan[Any], out: Path, *, seeds: Sequence[int], **settings: Any) -> dict[str, Any]:
        asked.append({"out": out, "seeds": seeds, "settings": plan.settings, **settings})
        return study_of(seeds, done)

    monkeypatch.setattr(loop, "run_study", run_study)
    return asked


@pytest.mark.parametrize("command", [["study"], ["study", "methods"], ["study", "synrl"]])
def test_the_help_has_an_example(command: list[str]) -> None:
    result = CliRunner().invoke(app, [*command, "--help"])
    assert result.exit_code == 0
    assert f"Example: retroflip {' '.join(command)}" in result.stdout


def test_all_arms_of_three_seeds_are_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = pretend(monkeypatch, {"grpo": GRPO})
    assert run().exit_code == 0
    assert run("--quick").exit_code == 0
    assert run("--out", "mine", "--seeds", "4, 2,4", "--arms", "grpo, crpo").exit_code == 0
    chosen = [(str(one["out"]), one["seeds"], one["names"], one["settings"]) for one in asked]
    assert chosen == [
        ("runs/methods", [0, 1, 2], [], {"size": vars(FULL)}),
        ("runs/methods-quick", [0], [], {"size": vars(QUICK)}),
        ("mine", [4, 2], ["grpo", "crpo"], {"size": vars(FULL)}),
    ]


def test_the_result_is_printed_and_missing_seeds_show(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, {"grpo": GRPO})
    result = run("--out", "mine")
    assert result.exit_code == 0
    assert re.search(r"grpo +│ +15\.0 \[-48\.5, 78\.5\] │ +– │ +2 of 3 ", result.stdout)
    assert re.search(r"strive +│ +– │ +– │ +0 of 3 ", result.stdout)
    assert "mine/study.md" in result.stdout


def test_a_failed_arm_is_named_and_the_exit_code_is_1(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, {"grpo": GRPO, "crpo": {1: "The loss became NaN."}})
    result = run("--seeds", "0,1")
    assert result.exit_code == 1
    assert "crpo, seed 1: The loss became NaN." in result.stdout

    as_json = run("--seeds", "0,1", "--json")
    assert as_json.exit_code == 1
    study = json.loads(as_json.stdout)
    assert study["cells"] == {"done": 2, "failed": 1, "not run": 2 * len(study["tables"][0]["arms"]) - 3}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seeds", "0,one"], "--seeds is '0,one', which is no list of whole numbers"),
        (["--seeds", ","], "no list of whole numbers"),
        (["--arms", "crop", "--out", "NEW"], "There is no arm named 'crop': choose from base, grpo, crpo"),
    ],
)
def test_wrong_usage_starts_nothing(tmp_path: Path, arguments: list[str], message: str) -> None:
    result = run(*(str(tmp_path / "new") if argument == "NEW" else argument for argument in arguments))
    assert result.exit_code == 2
    assert message in result.stderr
    assert not list(tmp_path.iterdir())


def test_an_interruption_says_how_to_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, "run_study", interrupted)
    result = run("--out", "mine")
    assert result.exit_code == 130
    assert "Go on with: retroflip study methods --out mine" in result.stderr


@pytest.mark.slow
def test_a_quick_study_for_real_goes_on_after_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("--quick", "--arms", "base,grpo,crpo", "--out", tmp_path, "--json")
    train = rl_run.train

    def breaks_for_crpo(recipe: Any, out: Path, **settings: Any) -> None:
        if recipe.method.name == "crpo":
            raise NonFiniteLossError("The loss became NaN.")
        train(recipe, out, **settings)

    with monkeypatch.context() as patch:
        patch.setattr(rl_run, "train", breaks_for_crpo)
        first = run(*arguments)
    assert first.exit_code == 1
    assert json.loads(first.stdout)["cells"]["done"] == 2
    rollouts = (tmp_path / "seed-0" / "grpo" / "rollouts.jsonl").stat().st_mtime_ns

    second = run(*arguments)
    assert second.exit_code == 0
    assert (tmp_path / "seed-0" / "grpo" / "rollouts.jsonl").stat().st_mtime_ns == rollouts
    study = json.loads(second.stdout)
    for name in ("grpo", "crpo"):
        cell = arm_of(study, name)["cells"]["0"]
        assert cell["rollouts_per_step"] == 64
        assert 0 <= cell["zero_advantage"] <= 1
        assert 0 <= cell["correct"] <= 1
        assert cell["reward_std"] >= 0
    assert study == read_json_object(tmp_path / "study.json")


def synrl(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["study", "synrl", *map(str, arguments)])


def test_an_unknown_stage_starts_nothing(tmp_path: Path) -> None:
    result = synrl("--arms", "grpo", "--out", tmp_path / "new")
    assert result.exit_code == 2
    assert (
        "There is no arm named 'grpo': choose from base, rl, sft, sft_rl, rl_x2, round2, untaught"
        in result.stderr
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_synrls_stages_for_real_go_on_from_one_another(tmp_path: Path) -> None:
    arguments = ("--quick", "--out", tmp_path, "--json")
    result = synrl("--arms", "base,round2,long", *arguments)
    assert result.exit_code == 0
    study = json.loads(result.stdout)
    assert study == read_json_object(tmp_path / "study.json")
    assert study["cells"]["done"] == 3
    # What base, round2 and long go on from was trained for them.
    assert {path.parent.name for path in tmp_path.glob("seed-0/*/model")} == {
        "untaught",
        "base",
        "sft",
        "sft_rl",
        "round2",
        "long_sft",
        "long",
    }
    assert arm_of(study, "round2")["cells"]["0"]["rollouts_per_step"] == 16 * 8
    assert {"label/long", "kind/shell_game"} <= arm_of(study, "long")["cells"]["0"].keys()

    rollouts = tmp_path / "seed-0" / "sft_rl" / "rollouts.jsonl"
    written = rollouts.stat().st_mtime_ns
    again = json.loads(synrl("--arms", "sft,sft_rl", *arguments).stdout)
    assert again["cells"]["done"] == 5
    assert rollouts.stat().st_mtime_ns == written
