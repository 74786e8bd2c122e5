"""Runs of several processes: they train what one does, one of them writes, and none waits for one that failed."""

import errno
import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from accelerate.commands.config.config_args import load_config_from_file
from safetensors.torch import load_file

from launched import CONFIGURATIONS, join_as, launch
from random_models import save_random_model
from retroflip.errors import DataError, OtherProcessError, RunDirectoryError, UsageError
from retroflip.files.storage import read_jsonl
from retroflip.jobs.recipes import load_recipe
from retroflip.lab.laboratory import LabSettings, write_laboratory
from retroflip.models import processes
from retroflip.models.launching import LAUNCHERS_STORE
from retroflip.models.loading import load_model
from retroflip.progress import Silence
from retroflip.sft import train as sft_run
from retroflip.sft.recipe import SftRecipe
from retroflip.train.run_directory import RunDirectory

STEPS = 4
SECTIONS: dict[str, dict[str, Any]] = {
    "whole": {},
    "with adapters": {"vision": "projector", "lora": {"rank": 4, "alpha": 8}},
}


@pytest.fixture(scope="module")
def recipes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Recipes about a random model and nine records, which no number of processes divides."""
    folder = tmp_path_factory.mktemp("inputs")
    model = save_random_model("qwen3_vl", folder / "model")
    settings = LabSettings(seed=1, sft_samples=9, train_samples=1, pairs_per_task=1, size=64)
    lab = write_laboratory(folder / "data", settings, Silence())
    train = {
        "steps": STEPS, "batch_size": 4, "gradient_accumulation": 2, "learning_rate": 1e-3, "save_every": 2, "seed": 3,
    }  # fmt: skip
    files = {name: folder / f"{name}.yaml" for name in SECTIONS}
    for name, section in SECTIONS.items():
        recipe = {
            "kind": "sft",
            "model": {"path": str(model), **section},
            "data": {"records": str(lab.sft / "records.jsonl")},
            "train": train,
        }
        files[name].write_text(yaml.safe_dump(recipe))
    return files


def fine_tune(recipe_file: Path, out: Path, *overrides: str, resume: bool = False) -> None:
    """Fine-tune in this process, one of those that work together."""
    recipe = load_recipe(recipe_file, overrides)
    assert isinstance(recipe, SftRecipe)
    sft_run.train(recipe, out, resume=resume, progress=Silence())
    processes.leave()


def assert_same_training(one: Path, two: Path) -> None:
    """Assert that the runs took the same steps, but for how sums round."""
    rows, rows_of_two = read_jsonl(one / "metrics.jsonl"), read_jsonl(two / "metrics.jsonl")
    assert [row["step"] for row in rows_of_two] == list(range(1, STEPS + 1))
    for row, row_of_two in zip(rows, rows_of_two, strict=True):
        assert row_of_two == pytest.approx(row, rel=1e-4)
    weights = load_file(one / "model" / "model.safetensors")
    for name, values in load_file(two / "model" / "model.safetensors").items():
        torch.testing.assert_close(values, weights[name], atol=1e-5, rtol=1e-4, msg=name)


@pytest.mark.parametrize("name", SECTIONS)
def test_two_processes_fine_tune_what_one_does(recipes: dict[str, Path], tmp_path: Path, name: str) -> None:
    for count, out in ((1, "one"), (2, "two")):
        assert launch(count, fine_tune, recipes[name], tmp_path / out) == [0] * count
    assert_same_training(tmp_path / "one", tmp_path / "two")
    assert (tmp_path / "two" / "model" / "adapter").exists() == (name == "with adapters")
    assert RunDirectory(tmp_path / "two", attempt=1).last_checkpoint() is not None
    assert [path.name for path in (tmp_path / "two" / "logs").iterdir()] == ["attempt_1"]


def refused(recipe_file: Path, out: Path, *overrides: str) -> None:
    """Say in a file what this process raised."""
    try:
        fine_tune(recipe_file, out, *overrides)
    except (RunDirectoryError, OtherProcessError, UsageError) as error:
        (out / f"said-{processes.rank()}").write_text(f"{type(error).__name__}: {error}")


def test_what_the_first_process_refuses_ends_them_all(recipes: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    assert launch(2, refused, recipes["whole"], tmp_path) == [0, 0]
    assert (tmp_path / "said-0").read_text().startswith("RunDirectoryError: ")
    assert (tmp_path / "said-1").read_text().startswith("OtherProcessError: The first process of the run ")
    assert "holds no run" in (tmp_path / "said-1").read_text()


def test_records_that_processes_cannot_share_evenly_are_refused(
    recipes: dict[str, Path], tmp_path: Path
) -> None:
    assert launch(2, refused, recipes["whole"], tmp_path, "train.batch_size=6") == [0, 0]
    for rank in range(2):
        said = (tmp_path / f"said-{rank}").read_text()
        assert said.startswith("UsageError: train.batch_size is 6")
        assert "a multiple of 4" in said


def talk(folder: Path) -> None:
    """Use every word that processes exchange, and write down what was heard."""
    processes.join()
    rank = processes.rank()
    heard = {
        "main": processes.from_main(lambda: {"rank": processes.rank()}),
        "gather": processes.gather([rank] * (rank + 1)),
        "agree": [processes.agree(rank == 1), processes.agree(False)],
    }
    (folder / f"heard-{rank}.json").write_text(json.dumps(heard))
    processes.wait()
    processes.leave()


def test_processes_hear_one_another(tmp_path: Path) -> None:
    assert launch(2, talk, tmp_path) == [0, 0]
    expected = {"main": {"rank": 0}, "gather": [0, 1, 1], "agree": [True, False]}
    for rank in range(2):
        assert json.loads((tmp_path / f"heard-{rank}.json").read_text()) == expected


def take_the_port(folder: Path) -> None:
    """Try to open the port at which the processes meet, as another program may before they come to it, and meet."""
    with socket.socket() as other:
        try:
            other.bind((os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])))
            other.listen()
        except OSError as error:
            (folder / f"{processes.rank()}-told").write_text(errno.errorcode[error.errno or 0])
        talk(folder)


def test_nobody_takes_the_port_before_they_meet(tmp_path: Path) -> None:
    assert launch(2, take_the_port, tmp_path) == [0, 0]
    assert [(tmp_path / f"{rank}-told").read_text() for rank in range(2)] == ["EADDRINUSE"] * 2


def start_something(folder: Path) -> None:
    """Write down what a program that is started behind the meeting is told of its store."""
    processes.join()
    (folder / f"{processes.rank()}-told").write_text(os.environ.get(LAUNCHERS_STORE, "nothing"))
    processes.leave()


def test_what_they_start_is_not_sent_to_their_meeting_place(tmp_path: Path) -> None:
    assert launch(2, start_something, tmp_path) == [0, 0]
    assert [(tmp_path / f"{rank}-told").read_text() for rank in range(2)] == ["nothing"] * 2


def fail(folder: Path, error: type[Exception]) -> None:
    """Fail where only the first process is, and say in a file what this process raised."""
    processes.join()

    def work() -> None:
        raise error("on purpose")

    try:
        processes.from_main(work)
    except (error, OtherProcessError) as raised:
        (folder / f"said-{processes.rank()}").write_text(f"{type(raised).__name__}: {raised}")
        raise


@pytest.mark.parametrize(
    ("error", "told"), [(DataError, "on purpose"), (ZeroDivisionError, "an unexpected error")]
)
def test_no_process_waits_for_one_that_failed(tmp_path: Path, error: type[Exception], told: str) -> None:
    assert launch(2, fail, tmp_path, error) == [1, 1]
    assert (tmp_path / "said-0").read_text() == f"{error.__name__}: on purpose"
    expected = f"OtherProcessError: The first process of the run stopped: {told}"
    assert (tmp_path / "said-1").read_text() == expected


def fine_tune_sharded(config: str, recipe_file: Path, out: Path, resume: bool) -> None:
    """Fine-tune under a shipped configuration."""
    join_as(config)
    fine_tune(recipe_file, out, resume=resume)


@pytest.mark.parametrize(
    ("config", "name"),
    [
        ("fsdp2", "with adapters"),
        pytest.param("fsdp2", "whole", marks=pytest.mark.slow),
        pytest.param("zero3", "with adapters", marks=pytest.mark.slow),
        pytest.param("zero3", "whole", marks=pytest.mark.slow),
    ],
)
def test_a_model_spread_over_processes_trains_as_one_and_goes_on_after_a_kill(
    recipes: dict[str, Path], tmp_path: Path, config: str, name: str
) -> None:
    if config == "zero3":
        pytest.importorskip("deepspeed")
    one, two = tmp_path / "one", tmp_path / "two"
    assert launch(1, fine_tune, recipes[name], one) == [0]
    assert launch(2, fine_tune_sharded, config, recipes[name], two, False) == [0, 0]
    assert_same_training(one, two)
    # What a kill inside the last save leaves.
    (two / "complete").unlink()
    (two / "checkpoints" / "checkpoint-4" / "complete").unlink()
    shutil.rmtree(two / "model")
    assert launch(2, fine_tune_sharded, config, recipes[name], two, True) == [0, 0]
    assert_same_training(one, two)
    assert (two / "model" / "adapter").exists() == (name == "with adapters")
    assert load_model(str(two / "model")).config.architectures == ["Qwen3VLForConditionalGeneration"]


@pytest.mark.parametrize(
    ("config", "kind"), [("ddp", "MULTI_GPU"), ("fsdp2", "FSDP"), ("zero3", "DEEPSPEED")]
)
def test_accelerate_accepts_the_shipped_configurations(config: str, kind: str) -> None:
    """An unknown key is an error of its own loader."""
    read = load_config_from_file(str(CONFIGURATIONS / f"{config}.yaml"))
    assert read.distributed_type.value == kind
    assert read.mixed_precision == "no"
    assert len(list(CONFIGURATIONS.iterdir())) == 3


LAUNCHERS = {
    "torch.distributed.run": ("--standalone", "--nproc_per_node=2"),
    "accelerate.commands.launch": (
        "--cpu", "--num_processes=2", "--num_machines=1", "--mixed_precision=no", "--dynamo_backend=no",
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_the_command_runs_under_a_launcher(recipes: dict[str, Path], tmp_path: Path, launcher: str) -> None:
    command = [sys.executable, "-m", launcher, *LAUNCHERS[launcher], "-m", "retroflip"]
    done = subprocess.run(
        [*command, "sft", str(recipes["whole"]), "--out", str(tmp_path / "two")],
        capture_output=True, text=True, timeout=300, check=True,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.stdout.count("The run is finished.") == 1
    assert done.stderr.count(f"fine-tuning: {STEPS}/{STEPS} steps") == 1
    assert launch(1, fine_tune, recipes["whole"], tmp_path / "one") == [0]
    assert_same_training(tmp_path / "one", tmp_path / "two")
