"""A run that is told to stop saves the step it is in and ends well; resumed, it ends as one that was left alone."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from chaos_runs import RL_TRAIN, TRAIN, at_step, train, write_recipes

from launched import launch
from retroflip.errors import DiskFullError, RunStoppedError
from retroflip.files.storage import read_jsonl
from retroflip.jobs.recipes import load_recipe
from retroflip.models import processes
from retroflip.train.marks import COMPLETE_MARKER
from retroflip.train.run_directory import RunDirectory

STEPS = 7
RL: dict[str, Any] = {"steps": STEPS, **RL_TRAIN}
RECIPES: dict[str, dict[str, Any]] = {
    "sft": {"kind": "sft", "train": {**TRAIN, "steps": STEPS, "batch_size": 2}},
    "rl": {"kind": "rl", "method": {"name": "grpo", "rollouts": 2}, "train": RL},
    "rl_short": {"kind": "rl", "method": {"name": "grpo", "rollouts": 2}, "train": {**RL, "steps": 3}},
    "rl_twice": {
        "kind": "rl",
        "method": {"name": "grpo", "rollouts": 2},
        "train": {**RL, "iterations": 2},
    },
}


@pytest.fixture(scope="module")
def recipes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Recipes by their names."""
    return write_recipes(tmp_path_factory.mktemp("inputs"), RECIPES)


@pytest.fixture(scope="module")
def unbroken(recipes: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Runs that were left alone, one for each recipe and number of processes."""

    @cache
    def run(name: str, count: int = 1) -> Path:
        out = tmp_path_factory.mktemp("unbroken") / "run"
        assert launch(count, train, recipes[name], out) == [0] * count
        return out

    return run


def train_and_stop(recipe_file: Path, out: Path, number: int, asked_rank: int, again: bool) -> None:
    """Train, get a signal behind step 2, and another behind step 3; say when the run stopped."""

    def signalled() -> None:
        if processes.rank() == asked_rank:
            os.kill(os.getpid(), number)

    at_step(2, signalled)
    if again:
        at_step(3, signalled)
    before = signal.getsignal(number)
    try:
        train(recipe_file, out)
    except RunStoppedError as stopped:
        out.with_name(f"stopped-{processes.rank()}").write_text(f"{stopped.step} {stopped}")
    assert signal.getsignal(number) == before


def assert_equal_runs(unbroken: Path, resumed: Path) -> None:
    """Assert that the two runs trained the same weights by the same steps, to the byte."""
    for name in ("metrics.jsonl", "model/model.safetensors"):
        assert (unbroken / name).read_bytes() == (resumed / name).read_bytes(), name
    assert len(read_jsonl(resumed / "metrics.jsonl")) == STEPS


@pytest.mark.parametrize(
    ("name", "number", "last"),
    [
        ("sft", signal.SIGTERM, 3),
        ("sft", signal.SIGINT, 3),
        ("rl", signal.SIGTERM, 3),
        pytest.param("rl_twice", signal.SIGTERM, 4, id="not between two steps on the same rollouts"),
    ],
)
def test_a_run_that_is_told_to_stop_saves_its_step_and_goes_on_from_there(
    recipes: dict[str, Path],
    unbroken: Callable[..., Path],
    tmp_path: Path,
    name: str,
    number: int,
    last: int,
) -> None:
    out = tmp_path / "run"
    assert launch(1, train_and_stop, recipes[name], out, number, 0, False) == [0]
    step, message = (tmp_path / "stopped-0").read_text().split(" ", 1)
    assert int(step) == last
    assert f"step {last} of {STEPS}" in message
    assert "--resume" in message
    assert not (out / COMPLETE_MARKER).exists()
    assert not (out / "model").exists()
    checkpoint = RunDirectory(out, attempt=1).last_checkpoint()
    assert checkpoint is not None
    assert checkpoint[0] == last
    assert [row["step"] for row in read_jsonl(out / "metrics.jsonl")] == list(range(1, last + 1))

    assert launch(1, train, recipes[name], out, True) == [0]
    assert_equal_runs(unbroken(name), out)


def test_the_same_signal_again_stops_at_once(
    recipes: dict[str, Path], unbroken: Callable[..., Path], tmp_path: Path
) -> None:
    """The second one comes behind step 3, before its checkpoint is written."""
    out = tmp_path / "run"
    assert launch(1, train_and_stop, recipes["sft"], out, signal.SIGTERM, 0, True) == [-signal.SIGTERM]
    assert RunDirectory(out, attempt=1).last_checkpoint() == (2, out / "checkpoints" / "checkpoint-2")
    assert launch(1, train, recipes["sft"], out, True) == [0]
    assert_equal_runs(unbroken("sft"), out)


def test_all_processes_stop_behind_the_same_step_whichever_is_told(
    recipes: dict[str, Path], unbroken: Callable[..., Path], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    assert launch(2, train_and_stop, recipes["sft"], out, signal.SIGTERM, 1, False) == [0, 0]
    assert [(tmp_path / f"stopped-{rank}").read_text().split()[0] for rank in (0, 1)] == ["3", "3"]
    assert launch(2, train, recipes["sft"], out, True) == [0, 0]
    assert_equal_runs(unbroken("sft", 2), out)


@pytest.mark.slow
def test_the_command_ends_well_and_says_how_to_go_on(
    recipes: dict[str, Path], unbroken: Callable[..., Path], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    command = [sys.executable, "-m", "retroflip", "sft", str(recipes["sft"]), "--out"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    with subprocess.Popen(
        [*command, str(out)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as process:
        while not (out / "metrics.jsonl").exists() and process.poll() is None:
            time.sleep(0.01)
        process.terminate()
        said, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    assert "--resume" in said
    assert "report" not in said
    assert not (out / "report.html").exists()
    subprocess.run([*command, str(out), "--resume"], check=True, capture_output=True, env=environment)
    assert_equal_runs(unbroken("sft"), out)


def train_until_full(recipe_file: Path, out: Path, room: str) -> None:
    """Train, and run out of room behind step 3 for files of some size; say what was raised."""

    def fill() -> None:
        place, difference = {
            "weights": ("checkpoints/checkpoint-2/model.safetensors", -1),
            "optimizer": ("checkpoints/checkpoint-2/optimizer.pt", -1),
            "metrics": ("metrics.jsonl", 10),
        }[room]
        size = (out / place).stat().st_size + difference
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    at_step(3, fill)
    try:
        train(recipe_file, out)
    except DiskFullError as error:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        out.with_name("said").write_text(str(error))


@pytest.mark.parametrize("room", ["weights", "optimizer", "metrics"])
def test_a_full_disk_ends_the_run_in_a_paragraph_and_leaves_the_last_checkpoint(
    recipes: dict[str, Path], unbroken: Callable[..., Path], tmp_path: Path, room: str
) -> None:
    out = tmp_path / "run"
    assert launch(1, train_until_full, recipes["sft"], out, room) == [0]
    said = (tmp_path / "said").read_text()
    assert "\n" not in said
    assert all(words in said for words in (str(out), "GiB are free", "up to step 2", "--resume")), said
    assert [path.name for path in (out / "checkpoints").iterdir()] == ["checkpoint-2"]

    assert launch(1, train, recipes["sft"], out, True) == [0]
    assert_equal_runs(unbroken("sft"), out)


def train_longer(short: Path, longer: Path, out: Path) -> None:
    """Train to the end of the short recipe, then on to the end of the longer one, which differs in its steps alone."""
    train(short, out)
    assert RunDirectory.lengthen(out, load_recipe(longer).resolved()) == 3
    train(longer, out, resume=True)


def test_a_finished_run_that_is_made_longer_ends_as_one_that_was_as_long_at_once(
    recipes: dict[str, Path], unbroken: Callable[..., Path], tmp_path: Path
) -> None:
    assert launch(1, train_longer, recipes["rl_short"], recipes["rl"], tmp_path / "run") == [0]
    assert_equal_runs(unbroken("rl"), tmp_path / "run")
