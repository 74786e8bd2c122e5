"""What all training runs share: checkpoints that count, broken steps, number types, memory, devices."""

import errno
import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import torch
import yaml
from huggingface_hub import ModelCard
from transformers import TrainerCallback
from transformers.integrations.integration_utils import INTEGRATION_TO_CALLBACK

from random_models import save_random_model
from retroflip.data.hub import Kind, planned
from retroflip.data.records import read_records
from retroflip.errors import NonFiniteLossError, RunDirectoryError, TooLittleMemoryError, UsageError
from retroflip.files.storage import read_json_object, read_jsonl, write_json_atomic
from retroflip.jobs.recipes import recipe_from
from retroflip.lab.laboratory import LabSettings, write_laboratory
from retroflip.models.loading import CARD_FILE, load_model
from retroflip.progress import Silence
from retroflip.rl.recipe import RlRecipe, RlTrainSection
from retroflip.rl.train import grpo_config, passes_of
from retroflip.sft import train as sft_run
from retroflip.sft.recipe import SftRecipe
from retroflip.sft.trainer import VideoSFTTrainer
from retroflip.train.card import Cards
from retroflip.train.failures import explained
from retroflip.train.loop import KeptCheckpoints, StepRecorder, broken_step
from retroflip.train.marks import COMPLETE_MARKER, read_mark
from retroflip.train.run_directory import RunDirectory
from retroflip.train.sample_order import RunOrder

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


def test_a_trace_with_another_answer_than_its_records_is_noted(
    tmp_path: Path, inputs: dict[str, dict[str, str]]
) -> None:
    rows = read_jsonl(Path(inputs["data"]["records"]))
    wrong = {**rows[0], "process": r"<think>It moves.</think>\boxed{Z}", "labels": {}}
    for row in rows[1:]:
        assert row["process"]
    file = Path(inputs["data"]["records"]).with_name("wrong.jsonl")
    file.write_text("".join(json.dumps(row) + "\n" for row in [wrong, *rows[1:]]))
    fine_tune(tmp_path / "run", {**inputs, "data": {"records": str(file)}})
    run = RunDirectory(tmp_path / "run", attempt=1)
    (note,) = read_jsonl(run.notes)
    assert (note["id"], "ends in no answer" in note["note"]) == (str(wrong["problem_id"]), True)
    assert json.loads(run.summary.read_text())["notes"]["records"] == 1


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


def test_a_broken_step_names_its_samples_and_keeps_them(
    tmp_path: Path, inputs: dict[str, dict[str, str]]
) -> None:
    """A rate of 1e30 leaves weights after the first step that the second cannot compute with."""
    with pytest.raises(NonFiniteLossError) as caught:
        fine_tune(tmp_path / "run", inputs, steps=4, learning_rate=1e30, save_every=1)
    run = RunDirectory(tmp_path / "run", attempt=1)
    broken = json.loads(run.broken_step.read_text(encoding="utf-8"))
    assert (broken["step"], broken["quantity"], broken["value"]) == (2, "gradient's norm", "nan")
    records = read_records(Path(inputs["data"]["records"])).samples
    order = RunOrder(samples=len(records), samples_per_step=2, steps=4, repeats=1, passes=1, seed=0)
    second = [records[index] for index in order.step_indices(1)]
    assert [(row["sample"], row["text"]) for row in broken["rows"]] == [(one.id, one.trace) for one in second]
    message = str(caught.value)
    assert f"on the samples {second[0].id}, {second[1].id}; " in message
    assert str(run.broken_step) in message
    last = run.last_checkpoint()
    assert last is not None
    assert last[0] == 1
    run.rewind(1)
    assert not run.broken_step.exists()


def test_a_long_list_of_samples_is_cut_in_the_message_and_whole_in_the_file(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path, attempt=1)
    rows = [{"sample": f"s{number // 2}"} for number in range(24)]
    error = broken_step(run, 3, "loss", float("inf"), lambda: rows)
    assert "s0, s1, s2, s3, s4, s5, s6, s7, s8, s9 and 2 more; " in str(error)
    assert json.loads(run.broken_step.read_text())["rows"] == rows


def test_what_deepspeed_alone_sees_is_refused_when_it_is_logged(tmp_path: Path) -> None:
    recorder = StepRecorder(RunDirectory(tmp_path, attempt=1), Silence(), "loss")
    state = SimpleNamespace(global_step=5)
    recorder.on_log(None, state, None, logs={"loss": 1.0, "grad_norm": 2.0})
    with pytest.raises(NonFiniteLossError, match="grad_norm became nan at step 5"):
        recorder.on_log(None, state, None, logs={"loss": 1.0, "grad_norm": float("nan")})
    assert [row["grad_norm"] for row in read_jsonl(tmp_path / "metrics.jsonl")] == [2.0]


def allocate_too_much(*_: Any, **__: Any) -> torch.Tensor:
    return torch.empty(10**15)


def run_out_on_the_gpu(*_: Any, **__: Any) -> torch.Tensor:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nAnd a hundred lines more.")


@pytest.mark.parametrize("loss", [allocate_too_much, run_out_on_the_gpu])
def test_too_little_memory_is_told_with_what_would_fit(
    tmp_path: Path, inputs: dict[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch, loss: Any
) -> None:
    monkeypatch.setattr(VideoSFTTrainer, "compute_loss", loss)
    with pytest.raises(TooLittleMemoryError) as caught:
        fine_tune(tmp_path / "run", inputs)
    message = str(caught.value)
    assert "\n" not in message
    assert "to allocate" in message
    assert "train.gradient_accumulation" in message
    assert "No checkpoint was complete yet." in message


def test_other_errors_of_a_step_pass_as_they_are(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path, attempt=1)
    for error in (RuntimeError("shapes do not match"), OSError(errno.EACCES, "denied"), ValueError("x")):
        with pytest.raises(type(error)) as caught, explained(run, str):
            raise error
        assert caught.value is error


def test_only_the_newest_checkpoints_are_kept(tmp_path: Path, inputs: dict[str, dict[str, str]]) -> None:
    fine_tune(tmp_path / "run", inputs, steps=4, save_every=1, keep_checkpoints=2)
    left = {path.name for path in (tmp_path / "run" / "checkpoints").iterdir()}
    assert left == {"checkpoint-3", "checkpoint-4"}


class Silent(Cards):
    """Cards that are not written."""

    def __init__(self) -> None:
        """Need no recipe."""

    def write_checkpoint(self, folder: Path, step: int) -> None:
        """Write nothing."""


def test_a_checkpoint_has_a_card_that_the_hub_reads_and_its_mark_lists(
    tmp_path: Path, inputs: dict[str, dict[str, str]]
) -> None:
    fine_tune(tmp_path / "run", inputs, steps=2, save_every=1)
    run = RunDirectory(tmp_path / "run", attempt=1)
    first = ModelCard.load(run.checkpoint(1) / CARD_FILE, ignore_metadata_errors=False)
    assert yaml.safe_load(str(first.data)) == {
        "library_name": "transformers",
        "pipeline_tag": "video-text-to-text",
        "tags": ["retroflip", "checkpoint", "sft"],
    }
    assert "model behind step 1 of 2 of a run of `sft`" in first.text
    assert "| 1 | sft | 1 of 2 | 3 | records.jsonl |" in first.text
    assert str(tmp_path) not in first.content
    mark = read_mark(run.checkpoint(2))
    assert mark is not None
    assert {CARD_FILE, "model.safetensors"} <= set(mark.files.files)
    assert planned(run.checkpoint(2), "me/half-way", public=False).kind is Kind.MODEL
    (run.checkpoint(2) / CARD_FILE).write_text(first.content)
    with pytest.raises(RunDirectoryError, match=CARD_FILE):
        run.check_checkpoint(run.checkpoint(2))


def test_a_checkpoint_of_a_version_without_cards_is_gone_on_from(
    tmp_path: Path, inputs: dict[str, dict[str, str]]
) -> None:
    fine_tune(tmp_path / "run", inputs, steps=2, save_every=1)
    run = RunDirectory(tmp_path / "run", attempt=1)
    mark = read_json_object(run.checkpoint(1) / COMPLETE_MARKER)
    del mark["files"][CARD_FILE]
    write_json_atomic(run.checkpoint(1) / COMPLETE_MARKER, mark)
    (run.checkpoint(1) / CARD_FILE).unlink()
    shutil.rmtree(run.checkpoint(2))
    (run.path / COMPLETE_MARKER).unlink()
    resolved = json.loads((run.path / "run.json").read_text())["recipe"]
    sft_run.train(SftRecipe.model_validate(resolved), run.path, resume=True, progress=Silence())
    assert (run.path / COMPLETE_MARKER).is_file()
    assert [row["step"] for row in read_jsonl(run.metrics)] == [1, 2]
    assert not (run.checkpoint(1) / CARD_FILE).exists()
    assert (run.checkpoint(2) / CARD_FILE).is_file()


def test_a_checkpoint_of_adapters_has_our_card_and_not_an_empty_form(
    tmp_path: Path, inputs: dict[str, dict[str, str]]
) -> None:
    lora = {"rank": 2, "alpha": 4}
    fine_tune(tmp_path / "run", {**inputs, "model": {**inputs["model"], "lora": lora}}, steps=1)  # type: ignore[dict-item]
    card = ModelCard.load(tmp_path / "run" / "checkpoints" / "checkpoint-1" / CARD_FILE)
    assert card.data.to_dict()["library_name"] == "peft"
    assert "These are adapters for PEFT" in card.text
    assert "[More Information Needed]" not in card.text


def test_incomplete_checkpoints_never_push_out_the_last_complete_one(tmp_path: Path) -> None:
    """Kills left 3 and 4 incomplete; only when 5 is whole may something go, and 2 is among the newest two."""
    run = RunDirectory(tmp_path, attempt=1)
    for step in range(1, 6):
        (run.checkpoints / f"checkpoint-{step}").mkdir(parents=True)
    for step in (1, 2):
        run.mark_complete(step)
    KeptCheckpoints(run, 2, Silent()).on_save(None, SimpleNamespace(global_step=5), None)
    complete = {path.parent.name for path in run.checkpoints.glob(f"*/{COMPLETE_MARKER}")}
    assert complete == {"checkpoint-2", "checkpoint-5"}
    assert not (run.checkpoints / "checkpoint-1").exists()


def test_one_process_does_not_spread_over_several_devices(
    tmp_path: Path, inputs: dict[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    with pytest.raises(UsageError, match="accelerate launch --num_processes 4"):
        fine_tune(tmp_path / "run", inputs)
    assert not (tmp_path / "run").exists()


class Told(TrainerCallback):
    """A tracker that keeps what it is told."""

    rows: ClassVar[list[dict[str, Any]]] = []

    def on_log(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002
        self.rows.append({"run": args.run_name, "step": state.global_step, **kwargs["logs"]})


@pytest.fixture
def tracker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Return what trackio, which stands in for all trackers here, is told through transformers' own mechanism."""
    (tmp_path / "packages" / "trackio").mkdir(parents=True)
    (tmp_path / "packages" / "trackio" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path / "packages")
    monkeypatch.setitem(INTEGRATION_TO_CALLBACK, "trackio", Told)
    monkeypatch.setattr(Told, "rows", [])
    return Told.rows


def test_a_tracker_is_told_what_metrics_hold_and_changes_nothing(
    tmp_path: Path, inputs: dict[str, dict[str, str]], tracker: list[dict[str, Any]]
) -> None:
    fine_tune(tmp_path / "plain", inputs, steps=2)
    assert tracker == []
    fine_tune(tmp_path / "told", inputs, steps=2, report_to="trackio")
    metrics = tmp_path / "told" / "metrics.jsonl"
    assert metrics.read_bytes() == (tmp_path / "plain" / "metrics.jsonl").read_bytes()
    losses = [(row["run"], row["step"], row["loss"]) for row in tracker if "loss" in row]
    assert losses == [("told", row["step"], row["loss"]) for row in read_jsonl(metrics)]
    recipe = json.loads((tmp_path / "told" / "run.json").read_bytes())["recipe"]
    assert recipe["train"]["report_to"] == ["trackio"]
    assert recipe_from(recipe).resolved() == recipe


def test_a_missing_tracker_is_named_before_anything_is_written(
    tmp_path: Path, inputs: dict[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retroflip.train.loop.find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"Weights & Biases.*uv pip install wandb;"):
        fine_tune(tmp_path / "run", inputs, report_to=["wandb"])
    assert not (tmp_path / "run").exists()


def test_tensorboards_files_stand_among_the_logs(tmp_path: Path, inputs: dict[str, dict[str, str]]) -> None:
    pytest.importorskip("tensorboard")
    fine_tune(tmp_path / "run", inputs, report_to="tensorboard")
    assert list((tmp_path / "run" / "logs" / "attempt_1" / "tensorboard").glob("events.*"))
    assert {one.name for one in (tmp_path / "run" / "checkpoints").iterdir()} == {"checkpoint-1"}


def test_the_reference_is_loaded_from_the_policys_revision(tmp_path: Path) -> None:
    recipe = RlRecipe.model_validate(
        {
            "model": {"path": "Qwen/Qwen3-VL-4B-Instruct", "revision": "abc"},
            "data": {"records": "x.jsonl"},
            "method": {"name": "grpo"},
            "train": RL_TRAIN,
        }
    )
    config = grpo_config(recipe, RunDirectory(tmp_path, attempt=1), passes=1)
    assert config.model_init_kwargs == {"revision": "abc", "use_safetensors": True}


def test_no_process_takes_more_passes_than_it_has_branches() -> None:
    settings = RlTrainSection.model_validate(
        {**RL_TRAIN, "samples_per_step": 128, "gradient_accumulation": 128}
    )
    assert [passes_of(settings, 2, count) for count in (1, 2, 4, 32, 500)] == [128, 128, 64, 8, 1]
    assert passes_of(settings, 1, 32) == 4  # the other branch only probes
