"""A checkpoint's mark knows every byte of it, and every row that was written before it."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from retroflip.errors import DataError, RunDirectoryError
from retroflip.files.storage import append_jsonl, read_jsonl
from retroflip.train.marks import COMPLETE_MARKER
from retroflip.train.run_directory import RunDirectory, check_results

RECIPE: dict[str, Any] = {
    "train": {"seed": 1, "steps": 2},
    "data": {
        "records": "none.jsonl", "root": None, "frames": 2, "min_pixels": 1, "max_pixels": 1, "total_pixels": 1,
    },
    "model": {"path": "nowhere/model"},
}  # fmt: skip
FILES = ("model.safetensors", "optimizer.pt", "nested/part.distcp")


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    """A run of two steps with a checkpoint of each, and a row more."""
    run = RunDirectory.open(tmp_path / "run", RECIPE, resume=False)
    for step in (1, 2):
        append_jsonl(run.metrics, {"step": step, "loss": 0.5})
        append_jsonl(run.rollouts, {"step": step, "text": "a"})
        for name in FILES:
            path = run.checkpoints / f"checkpoint-{step}" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(f"{name} of {step}".encode())
        run.mark_complete(step)
    append_jsonl(run.metrics, {"step": 3, "loss": 0.5})
    return run


def flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def newest(run: RunDirectory) -> Path:
    found = run.last_checkpoint()
    assert found is not None
    return found[1]


def test_a_whole_checkpoint_is_gone_on_from(run: RunDirectory) -> None:
    run.rewind(2, run.check_checkpoint(newest(run)))
    assert [row["step"] for row in read_jsonl(run.metrics)] == [1, 2]
    assert [row["step"] for row in read_jsonl(run.rollouts)] == [1, 2]


@pytest.mark.parametrize("name", [*FILES, COMPLETE_MARKER])
def test_every_changed_byte_of_a_checkpoint_is_named(run: RunDirectory, name: str) -> None:
    path = newest(run) / name
    content = path.read_bytes()
    for place in range(len(content)):
        flip(path, place)
        with pytest.raises(RunDirectoryError) as caught:
            run.check_checkpoint(newest(run))
        assert str(path) in str(caught.value)
        assert f"delete {newest(run)}" in str(caught.value)
        path.write_bytes(content)


def test_a_missing_file_is_named_and_the_checkpoint_before_is_whole(run: RunDirectory) -> None:
    path = newest(run) / "optimizer.pt"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(RunDirectoryError, match=r"checkpoint-2/optimizer\.pt: missing, damaged"):
        run.check_checkpoint(newest(run))
    path.unlink()
    with pytest.raises(RunDirectoryError, match=r"checkpoint-2/optimizer\.pt: missing"):
        run.check_checkpoint(newest(run))
    shutil.rmtree(newest(run))
    run.rewind(1, run.check_checkpoint(newest(run)))
    assert [row["step"] for row in read_jsonl(run.metrics)] == [1]


def test_changed_and_lost_rows_are_named(run: RunDirectory) -> None:
    flip(run.rollouts, 12)
    with pytest.raises(RunDirectoryError, match=r"rollouts\.jsonl, line 1: damaged"):
        run.check_checkpoint(newest(run))
    with pytest.raises(DataError, match=r"rollouts\.jsonl, line 1: damaged"):
        check_results(run.path)
    run.rollouts.write_bytes(run.rollouts.read_bytes().splitlines(keepends=True)[1])
    with pytest.raises(DataError, match=r"rollouts\.jsonl: missing, damaged, or changed"):
        check_results(run.path)


def test_rows_behind_the_mark_may_be_damaged(run: RunDirectory) -> None:
    """They are written again."""
    flip(run.metrics, len(run.metrics.read_bytes()) - 5)
    run.rewind(2, run.check_checkpoint(newest(run)))
    assert [row["step"] for row in read_jsonl(run.metrics)] == [1, 2]


def test_a_finished_run_knows_its_files(run: RunDirectory) -> None:
    run.summary.write_text("{}")
    run.finish()
    check_results(run.path)
    for name in ("run.json", "metrics.jsonl", "rollouts.jsonl", "summary.json", COMPLETE_MARKER):
        content = (run.path / name).read_bytes()
        flip(run.path / name, len(content) // 2)
        with pytest.raises(DataError, match=name):
            check_results(run.path)
        (run.path / name).write_bytes(content)


def test_a_checkpoint_of_an_earlier_version_is_taken_and_said_to_be_unchecked(
    run: RunDirectory, caplog: pytest.LogCaptureFixture
) -> None:
    (newest(run) / COMPLETE_MARKER).write_bytes(b"")
    flip(newest(run) / "optimizer.pt", 0)
    mark = run.check_checkpoint(newest(run))
    assert mark is None
    assert "kept no hashes" in caplog.text
    run.rewind(2, mark)
    assert [row["step"] for row in read_jsonl(run.metrics)] == [1, 2]
