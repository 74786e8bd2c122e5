"""A run that was killed and resumed ends as one that never was: weights, metrics, rollouts and report, byte by byte."""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chaos_runs import RL_TRAIN, TRAIN, write_recipes
from train_and_die import run

from retroflip.report.build import report_directories
from retroflip.train.marks import COMPLETE_MARKER

STEPS = 7
SAVE_EVERY = int(TRAIN["save_every"])
EQUAL_FILES = (
    "metrics.jsonl",
    "rollouts.jsonl",
    "failures.jsonl",
    "summary.json",
    "model/model.safetensors",
    "model/adapter/adapter_model.safetensors",
    "report.html",
)
LORA = {"rank": 4, "alpha": 8}
CRPO = {"name": "crpo", "rollouts": 2}
RL: dict[str, Any] = {**RL_TRAIN, "steps": STEPS}
SFT: dict[str, Any] = {**TRAIN, "steps": STEPS}
TWICE_ON_TWO_HALVES = {"gradient_accumulation": 2, "iterations": 2}

RECIPES: dict[str, dict[str, Any]] = {
    "rl": {"kind": "rl", "method": CRPO, "train": RL},
    "rl_twice_on_two_halves": {"kind": "rl", "method": CRPO, "train": {**RL, **TWICE_ON_TWO_HALVES}},
    "sft": {"kind": "sft", "train": {**SFT, "schedule": "linear", "batch_size": 4}},
    "sft_with_adapters": {
        "kind": "sft",
        "model": {"vision": "projector", "lora": {**LORA, "dropout": 0.2}},
        "train": {**SFT, "batch_size": 4, "precision": "bfloat16"},
    },
}
RECIPES_OF_TWO: dict[str, dict[str, Any]] = {
    "adapters": {
        "kind": "rl",
        "model": {"lora": LORA},
        "method": CRPO,
        "train": {**RL, **TWICE_ON_TWO_HALVES},
    },
    "adapters_and_projector": {
        "kind": "rl",
        "model": {"vision": "projector", "lora": LORA},
        "method": {"name": "strive", "variants": 3, "rollouts": 2, "strategy": "stochastic"},
        "data": {"pool": 16},
        "train": {
            **RL, **TWICE_ON_TWO_HALVES, "refills": 1, "beta": 0.0, "branches_at_once": 1, "schedule": "cosine",
            "loss_type": "dapo", "gradient_checkpointing": True,
        },
    },
    "whole_weights": {
        "kind": "rl",
        "method": {"name": "t_grpo", "rollouts": 4},
        "train": {**RL, "gradient_accumulation": 2, "iterations": 3, "save_every": 3, "precision": "bfloat16"},
    },
}  # fmt: skip
"""for two processes; the first is in the default suite"""


@pytest.fixture(scope="module")
def recipes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Recipes by their names."""
    return write_recipes(tmp_path_factory.mktemp("inputs"), RECIPES | RECIPES_OF_TWO)


def contents(out: Path) -> dict[str, bytes | None]:
    """Return the files that must be equal, after writing the report, whose commands name the run's own folder."""
    report_directories([out], out / "report.html")
    found = {name: out / name for name in EQUAL_FILES}
    own = str(out).encode()
    return {n: path.read_bytes().replace(own, b"RUN") if path.exists() else None for n, path in found.items()}


def assert_equal_runs(unbroken: Path, killed: Path) -> None:
    """Assert that both runs ended with the same bytes, and that there was something to learn in most steps."""
    expected, resumed = contents(unbroken), contents(killed)
    assert expected["metrics.jsonl"] is not None
    rows = [json.loads(row) for row in expected["metrics.jsonl"].splitlines()]
    assert [row["step"] for row in rows] == list(range(1, STEPS + 1))
    assert sum(row["grad_norm"] > 1e-3 for row in rows) > STEPS // 2
    assert [name for name in EQUAL_FILES if expected[name] != resumed[name]] == []


@pytest.mark.parametrize("name", RECIPES)
def test_killed_runs_end_like_an_unbroken_one(recipes: dict[str, Path], tmp_path: Path, name: str) -> None:
    unbroken, killed = tmp_path / "a" / "run", tmp_path / "b" / "run"
    assert not run(recipes[name], unbroken, "end", resume=False)

    assert run(recipes[name], killed, "step:3", resume=False)
    assert run(recipes[name], killed, "save:4", resume=True)
    assert not (killed / "checkpoints" / "checkpoint-4" / COMPLETE_MARKER).exists()
    assert not run(recipes[name], killed, "end", resume=True)

    assert_equal_runs(unbroken, killed)


def assert_killed_twos_end_alike(recipe: Path, tmp_path: Path) -> None:
    """Kill both of two processes between steps and in a save, then one of them, in the middle of a generation."""
    unbroken, killed = tmp_path / "a" / "run", tmp_path / "b" / "run"
    assert not run(recipe, unbroken, "end", resume=False, count=2)
    last = STEPS - STEPS % 2 if "save_every: 2" in recipe.read_text() else STEPS - STEPS % 3

    assert run(recipe, killed, "step:3", resume=False, count=2)
    assert run(recipe, killed, f"save:{last}", resume=True, count=2)
    assert not (killed / "checkpoints" / f"checkpoint-{last}" / COMPLETE_MARKER).exists()
    assert run(recipe, killed, "step:5", resume=True, count=2, dying=(1,))
    assert not run(recipe, killed, "end", resume=True, count=2)

    assert_equal_runs(unbroken, killed)


def test_two_killed_processes_with_adapters_end_like_unbroken_ones(
    recipes: dict[str, Path], tmp_path: Path
) -> None:
    """Two halves of a step, two steps on the same rollouts, two processes that are killed between the two steps."""
    assert_killed_twos_end_alike(recipes["adapters"], tmp_path)
    assert (tmp_path / "b" / "run" / "model" / "adapter" / "adapter_model.safetensors").exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", list(RECIPES_OF_TWO)[1:])
def test_other_killed_processes_end_like_unbroken_ones(
    recipes: dict[str, Path], tmp_path: Path, name: str
) -> None:
    assert_killed_twos_end_alike(recipes[name], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("seed", range(3))
def test_runs_killed_anywhere_end_like_an_unbroken_one(
    recipes: dict[str, Path], tmp_path: Path, name: str, seed: int
) -> None:
    """Kills after random steps, inside random saves and at random moments, start and end of the run included."""
    unbroken, killed = tmp_path / "a" / "run", tmp_path / "b" / "run"
    began = time.monotonic()
    assert not run(recipes[name], unbroken, "end", resume=False)
    duration = time.monotonic() - began

    rng = np.random.default_rng(seed)
    saves = range(SAVE_EVERY, STEPS, SAVE_EVERY)
    run(recipes[name], killed, f"step:{rng.integers(1, STEPS + 1)}", resume=False)
    run(recipes[name], killed, f"save:{rng.choice(saves)}", resume=True)
    for _ in range(4):
        if not (killed / COMPLETE_MARKER).exists():
            run(recipes[name], killed, "end", resume=True, kill_after=float(rng.uniform(0, duration)))
    if not (killed / COMPLETE_MARKER).exists():
        assert not run(recipes[name], killed, "end", resume=True)

    assert_equal_runs(unbroken, killed)
