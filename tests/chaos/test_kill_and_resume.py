"""A run that was killed and resumed ends as one that never was: weights, metrics, rollouts and report, byte by byte."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from train_and_die import run

from random_models import save_random_model
from retroflip.progress import Silence
from retroflip.report.build import report_directories
from retroflip.run_directory import COMPLETE_MARKER
from retroflip.synth.laboratory import LabSettings, write_laboratory

STEPS = 7
SAVE_EVERY = 2
EQUAL_FILES = (
    "metrics.jsonl",
    "rollouts.jsonl",
    "failures.jsonl",
    "summary.json",
    "model/model.safetensors",
    "model/adapter/adapter_model.safetensors",
    "report.html",
)

TRAIN: dict[str, Any] = {
    "steps": STEPS,
    "learning_rate": 1.0e-3,
    "warmup_steps": 2,
    "save_every": SAVE_EVERY,
    "seed": 3,
}
RL_TRAIN: dict[str, Any] = {
    **TRAIN, "samples_per_step": 2, "beta": 0.01, "epsilon": 0.2, "temperature": 1.0, "max_completion_length": 12,
    "loss_type": "grpo",
}  # fmt: skip
RECIPES: dict[str, dict[str, Any]] = {
    "rl": {"kind": "rl", "method": {"name": "crpo", "rollouts": 2}, "train": RL_TRAIN},
    "rl_twice_on_two_halves": {
        "kind": "rl",
        "method": {"name": "crpo", "rollouts": 2},
        "train": {**RL_TRAIN, "gradient_accumulation": 2, "iterations": 2},
    },
    "sft": {"kind": "sft", "train": {**TRAIN, "schedule": "linear", "batch_size": 4}},
    "sft_with_adapters": {
        "kind": "sft",
        "model": {"vision": "projector", "lora": {"rank": 4, "alpha": 8, "dropout": 0.2}},
        "train": {**TRAIN, "batch_size": 4, "precision": "bfloat16"},
    },
}


@pytest.fixture(scope="module")
def recipes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Recipes about a random model and five clips, so that seven steps cross the ends of epochs."""
    folder = tmp_path_factory.mktemp("inputs")
    save_random_model("qwen3_vl", folder / "model")
    settings = LabSettings(seed=1, sft_samples=5, train_samples=5, pairs_per_task=1, size=64)
    write_laboratory(folder / "data", settings, Silence())
    files = {name: folder / f"{name}.yaml" for name in RECIPES}
    for name, recipe in RECIPES.items():
        records = folder / "data" / ("sft" if recipe["kind"] == "sft" else "train") / "records.jsonl"
        model = {"path": str(folder / "model"), **recipe.get("model", {})}
        whole = {**recipe, "model": model, "data": {"records": str(records)}}
        files[name].write_text(yaml.safe_dump(whole))
    return files


def contents(out: Path) -> dict[str, bytes | None]:
    """Return the files that must be equal, after writing the report."""
    report_directories([out], out / "report.html")
    return {name: (out / name).read_bytes() if (out / name).exists() else None for name in EQUAL_FILES}


def assert_equal_runs(unbroken: Path, killed: Path) -> None:
    """Assert that both runs ended with the same bytes, and with something in them."""
    expected, resumed = contents(unbroken), contents(killed)
    assert expected["metrics.jsonl"] is not None
    assert len(expected["metrics.jsonl"].splitlines()) == STEPS
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
