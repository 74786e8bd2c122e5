"""Two processes that see different things take the step that one takes: same loss, gradient, rewards and weights."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from mixed_steps import FAMILY, SEEN, STEPS, Mixed, table, train_all, write_inputs
from safetensors.torch import load_file

from launched import launch
from retroflip.data.sample import Modality
from retroflip.files.storage import read_jsonl

VIDEO_TEXT, VIDEO_IMAGE = (Modality.VIDEO, Modality.TEXT), (Modality.VIDEO, Modality.IMAGE)
SOME = (
    Mixed("rl", "projector", VIDEO_TEXT),
    Mixed("rl", "trained", VIDEO_IMAGE, checkpointing=True, lora=True, passes=2),
    Mixed("sft", "projector", VIDEO_TEXT, passes=2),
)
OTHERS = ("qwen2_5_vl", "glm4v")
OWN_MEANS = ("kl", "vision/runs_per_branch")
"""what metrics hold of every pass by itself, idle runs of the tower included"""
UNDECIDED = "k_proj.bias"
"""what positions do not turn of it moves no attention: its gradient is rounding, which Adam makes a whole step of"""
SECONDS = 3600
CONFIGS = [
    "ddp",
    "fsdp2",
    pytest.param(
        "zero3",
        marks=pytest.mark.skipif(
            find_spec("deepspeed") is None,
            reason="DeepSpeed comes as source and is not among the pinned packages",
        ),
    ),
]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The models and records that all runs share."""
    return write_inputs(tmp_path_factory.mktemp("inputs"), (FAMILY, *OTHERS))


@pytest.fixture(scope="module")
def all_alone(tmp_path_factory: pytest.TempPathFactory, inputs: Path) -> Path:
    """Every run of the table in one process."""
    return alone(list(rows_of_all()), inputs, tmp_path_factory.mktemp("one"))


def rows_of_all() -> Sequence[Mixed]:
    """Return the table, and its plain rows for the other families."""
    of_others = [
        Mixed(what, "trained", seen, family=family)
        for family in OTHERS
        for what in ("rl", "sft")
        for seen in SEEN
    ]
    return [*table(), *of_others]


def alone(rows: Sequence[Mixed], inputs: Path, out: Path) -> Path:
    """Run these in one process."""
    assert launch(1, train_all, None, rows, inputs, out, seconds=SECONDS) == [0]
    return out


def differences(one: Path, two: Path, start: Path) -> list[str]:
    """Return in what two runs from one model differ, but for how sums round."""
    rows, rows_of_two = read_jsonl(one / "metrics.jsonl"), read_jsonl(two / "metrics.jsonl")
    assert [row["step"] for row in rows_of_two] == list(range(1, STEPS + 1))
    assert [row["grad_norm"] > 0 for row in rows] == [True] * STEPS
    found = [
        f"{name} of step {row['step']}: {row[name]} alone, {row_of_two.get(name)} together"
        for row, row_of_two in zip(rows, rows_of_two, strict=True)
        for name in row.keys() - set(OWN_MEANS)
        if row_of_two.get(name) != pytest.approx(row[name], rel=1e-4, abs=1e-7)
    ]
    before, after, after_two = (
        load_file(folder / "model.safetensors") for folder in (start, one / "model", two / "model")
    )
    for name, values in after.items():
        moved = (values - before[name]).norm()
        apart = (values - after_two[name]).norm()
        if apart > 0.01 * moved + 1e-6 and not name.endswith(UNDECIDED):
            found.append(f"{name}: moved by {moved:.2g}, {apart:.2g} apart")
    return found


def refused(row: Mixed, config: str) -> bool:
    """Return whether such a run is told that it cannot be: FSDP shards around adapters, and rollouts need more."""
    return config == "fsdp2" and row.what == "rl" and row.lora


def assert_as_alone(config: str, rows: Sequence[Mixed], inputs: Path, one: Path, two: Path) -> None:
    """Run these in two processes, and assert that every one did as alone or was refused by name."""
    assert launch(2, train_all, config, rows, inputs, two, seconds=SECONDS) == [0, 0]
    wrong: dict[str, Any] = {}
    for row in rows:
        said = [file.read_text() for file in sorted((two / str(row)).glob("refused-*"))]
        if refused(row, config):
            found = (
                [] if len(said) == 2 and "model.lora is set, and FSDP shards" in said[0] else ["not refused"]
            )
        else:
            found = said or differences(one / str(row), two / str(row), inputs / row.family)
        wrong |= {str(row): found} if found else {}
    assert wrong == {}


@pytest.mark.parametrize("config", CONFIGS)
def test_some_mixed_steps(config: str, inputs: Path, tmp_path: Path) -> None:
    """The first of them is the setting of CRPO's recipe, and once ended in a traceback."""
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    one = alone(SOME, inputs, tmp_path / "one")
    assert_as_alone(config, SOME, inputs, one, tmp_path / "two")


@pytest.mark.slow
@pytest.mark.parametrize("config", CONFIGS)
def test_every_mixed_step(config: str, inputs: Path, all_alone: Path, tmp_path: Path) -> None:
    assert_as_alone(config, rows_of_all(), inputs, all_alone, tmp_path)
