"""Two processes write and learn what one does."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

HERE = Path(__file__).parent


def run(processes: int, script: str, *arguments: str) -> None:
    """Run one of the scripts beside this file in so many processes."""
    launcher = ["-m", "torch.distributed.run", f"--nproc_per_node={processes}", "--standalone"]
    subprocess.run(
        [sys.executable, *(launcher if processes > 1 else []), str(HERE / script), *arguments],
        check=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def trained(folder: Path, processes: int, *arguments: str) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Return what a run in this many processes wrote: its groups and its weights."""
    folder.mkdir()
    run(processes, "train_in_processes.py", str(folder), *arguments)
    return json.loads((folder / "run.json").read_text()), load_file(folder / "weights.safetensors")


@pytest.mark.parametrize(
    ("samples", "accumulation", "loss_type"),
    [
        pytest.param(1, 1, "grpo", id="a group's branches lie on different processes"),
        pytest.param(3, 2, "dapo", id="six branches, two passes each, tokens counted over all"),
        pytest.param(
            1, 2, "bnpo", id="passes without a branch, tokens counted in each", marks=pytest.mark.slow
        ),
    ],
)
def test_two_processes_do_what_one_does(
    tmp_path: Path, samples: int, accumulation: int, loss_type: str
) -> None:
    arguments = (str(samples), str(accumulation), loss_type)
    one, weights = trained(tmp_path / "one", 1, *arguments)
    two, weights_of_two = trained(tmp_path / "two", 2, *arguments)
    assert one["groups"] == two["groups"]
    assert one["gradient_norms"] == pytest.approx(two["gradient_norms"], rel=1e-4)
    assert weights.keys() == weights_of_two.keys()
    for name, values in weights.items():
        torch.testing.assert_close(weights_of_two[name], values, atol=1e-4, rtol=0, msg=name)


def test_a_model_sharded_over_two_processes_writes_and_learns_as_a_whole_one() -> None:
    """One process writes longer than the other, or has no video, and both must run all of the model together."""
    run(2, "sharded_passes.py")
