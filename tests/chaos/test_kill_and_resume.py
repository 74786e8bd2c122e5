"""A run that was killed and resumed ends as one that never was: weights, metrics, rollouts and report, byte by byte."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from random_models import save_random_model
from retroflip.progress import Silence
from retroflip.report.build import report_directories
from retroflip.synth.laboratory import LabSettings, write_laboratory

CHILD = Path(__file__).with_name("train_and_die.py")
STEPS = 7
EQUAL_FILES = (
    "metrics.jsonl",
    "rollouts.jsonl",
    "failures.jsonl",
    "summary.json",
    "model/model.safetensors",
    "report.html",
)

TRAIN: dict[str, Any] = {
    "steps": STEPS,
    "learning_rate": 1.0e-3,
    "warmup_steps": 2,
    "save_every": 2,
    "seed": 3,
}
RECIPES: dict[str, dict[str, Any]] = {
    "rl": {
        "kind": "rl",
        "method": {"name": "crpo", "rollouts": 2},
        "train": {
            **TRAIN, "samples_per_step": 2, "beta": 0.01, "epsilon": 0.2, "temperature": 1.0,
            "max_completion_length": 12, "loss_type": "grpo",
        },
    },
    "sft": {"kind": "sft", "train": {**TRAIN, "schedule": "linear", "batch_size": 4}},
}  # fmt: skip


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model and five clips, so that seven steps cross the ends of epochs."""
    folder = tmp_path_factory.mktemp("inputs")
    save_random_model("qwen3_vl", folder / "model")
    settings = LabSettings(seed=1, sft_samples=5, train_samples=5, pairs_per_task=1, size=64)
    write_laboratory(folder / "data", settings, Silence())
    for kind, recipe in RECIPES.items():
        records = folder / "data" / ("train" if kind == "rl" else "sft") / "records.jsonl"
        whole = {**recipe, "model": {"path": str(folder / "model")}, "data": {"records": str(records)}}
        (folder / f"{kind}.yaml").write_text(yaml.safe_dump(whole))
    return folder


def run(inputs: Path, kind: str, out: Path, mode: str, place: str) -> int:
    """Train in a child process and return its exit status."""
    command = [sys.executable, str(CHILD), str(inputs / f"{kind}.yaml"), str(out), mode, place]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr[-3000:]
    return done.returncode


def contents(out: Path) -> dict[str, bytes | None]:
    """Return the files that must be equal, after writing the report."""
    report_directories([out], out / "report.html")
    return {name: (out / name).read_bytes() if (out / name).exists() else None for name in EQUAL_FILES}


@pytest.mark.parametrize("kind", ["rl", "sft"])
def test_killed_runs_end_like_an_unbroken_one(inputs: Path, tmp_path: Path, kind: str) -> None:
    unbroken, killed = tmp_path / "a" / "run", tmp_path / "b" / "run"
    assert run(inputs, kind, unbroken, "new", "end") == 0

    assert run(inputs, kind, killed, "new", "step:1") == -signal.SIGKILL
    assert run(inputs, kind, killed, "resume", "save:4") == -signal.SIGKILL
    assert not (killed / "checkpoints" / "checkpoint-4" / "complete").exists()
    assert run(inputs, kind, killed, "resume", "step:5") == -signal.SIGKILL
    assert run(inputs, kind, killed, "resume", "end") == 0

    expected, resumed = contents(unbroken), contents(killed)
    assert expected["metrics.jsonl"] is not None
    assert len(expected["metrics.jsonl"].splitlines()) == STEPS
    assert [name for name in EQUAL_FILES if expected[name] != resumed[name]] == []
