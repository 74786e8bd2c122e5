"""What all training runs share: checkpoints that count, broken gradients, one device, the reference's revision."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from random_models import save_random_model
from retroflip.errors import NonFiniteLossError, UsageError
from retroflip.models.loading import load_model
from retroflip.progress import Silence
from retroflip.recipe import RlRecipe, SftRecipe
from retroflip.rl.run import grpo_config
from retroflip.run_directory import RunDirectory
from retroflip.sft import run as sft_run
from retroflip.synth.laboratory import LabSettings, write_laboratory
from retroflip.training import StepRecorder

RL_TRAIN: dict[str, Any] = {
    "steps": 4, "samples_per_step": 1, "learning_rate": 1e-4, "beta": 0.01, "epsilon": 0.2, "temperature": 1.0,
    "max_completion_length": 8, "loss_type": "grpo",
}  # fmt: skip


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """A random model and three records to fine-tune it on, as a recipe's sections."""
    folder = tmp_path_factory.mktemp("inputs")
    model = save_random_model("qwen3_vl", folder / "model")
    settings = LabSettings(seed=1, sft_samples=3, train_samples=1, pairs_per_task=1, size=64)
    lab = write_laboratory(folder / "data", settings, Silence())
    return {"model": {"path": str(model)}, "data": {"records": str(lab.sft / "records.jsonl")}}


def fine_tune(out: Path, inputs: dict[str, dict[str, str]], dtype: str = "float32", **train: Any) -> None:
    """Fine-tune a model of this type in a run directory."""
    settings = {"steps": 1, "batch_size": 2, "learning_rate": 1e-3, **train}
    recipe = SftRecipe.model_validate(
        {**inputs, "model": {**inputs["model"], "dtype": dtype}, "train": settings}
    )
    sft_run.train(recipe, out, resume=False, progress=Silence())


def test_supervised_checkpoints_are_complete_and_resumed(
    tmp_path: Path, inputs: dict[str, dict[str, str]]
) -> None:
    fine_tune(tmp_path / "run", inputs, steps=3, save_every=2)
    last = RunDirectory(tmp_path / "run", attempt=1).last_checkpoint()
    assert last is not None
    assert last[0] == 3


@pytest.mark.parametrize(("dtype", "least", "most"), [("float32", 0.9, 1.0), ("bfloat16", 0.0, 0.1)])
def test_a_small_step_moves_float32_weights_under_bfloat16_passes_and_hardly_a_bfloat16_one(
    tmp_path: Path, inputs: dict[str, dict[str, str]], dtype: str, least: float, most: float
) -> None:
    fine_tune(tmp_path / "run", inputs, dtype, precision="bfloat16", learning_rate=1e-6)
    before = load_model(inputs["model"]["path"], dtype=dtype).model.language_model.layers.state_dict()
    after = load_model(str(tmp_path / "run" / "model"), dtype=dtype).model.language_model.layers.state_dict()
    moved = torch.cat([(after[name] != values).flatten() for name, values in before.items()])
    assert least <= float(moved.float().mean()) <= most


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_passes_compute_in_the_precision_that_is_asked_for(
    tmp_path: Path, inputs: dict[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    seen = set()
    real = torch.nn.Linear.forward

    def forward(self: torch.nn.Linear, x: torch.Tensor) -> torch.Tensor:
        y = real(self, x)
        seen.add((self.weight.dtype, y.dtype))
        return y

    monkeypatch.setattr(torch.nn.Linear, "forward", forward)
    fine_tune(tmp_path / "run", inputs, precision=precision)
    assert seen == {(torch.float32, getattr(torch, precision))}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_broken_gradient_stops_before_the_optimizer(tmp_path: Path, value: float) -> None:
    recorder = StepRecorder(RunDirectory(tmp_path, attempt=1), Silence(), "loss")
    model = torch.nn.Linear(2, 1)
    state = SimpleNamespace(global_step=6)
    for parameter in model.parameters():
        parameter.grad = torch.ones_like(parameter)
    recorder.on_pre_optimizer_step(None, state, None, model=model)
    model.bias.grad = torch.tensor([value])
    with pytest.raises(NonFiniteLossError, match="step 7"):
        recorder.on_pre_optimizer_step(None, state, None, model=model)


def test_one_process_does_not_spread_over_several_devices(
    tmp_path: Path, inputs: dict[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    with pytest.raises(UsageError, match="accelerate launch --num_processes 4"):
        fine_tune(tmp_path / "run", inputs)
    assert not (tmp_path / "run").exists()


def test_the_reference_is_loaded_from_the_policys_revision(tmp_path: Path) -> None:
    recipe = RlRecipe.model_validate(
        {
            "model": {"path": "Qwen/Qwen3-VL-4B-Instruct", "revision": "abc"},
            "data": {"records": "x.jsonl"},
            "method": {"name": "grpo"},
            "train": RL_TRAIN,
        }
    )
    config = grpo_config(recipe, RunDirectory(tmp_path, attempt=1))
    assert config.model_init_kwargs == {"revision": "abc", "use_safetensors": True}
