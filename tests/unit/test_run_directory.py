"""Run directories: when a run may start or go on, what survives a kill, and the files they are made of."""

import json
import math
import os
import shutil
import signal
import subprocess
import sys
import time
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retroflip.errors import DataError, RunDirectoryError
from retroflip.files.locks import hold
from retroflip.files.storage import (
    append_jsonl,
    read_json_object,
    read_jsonl,
    write_json_atomic,
    write_text_atomic,
)
from retroflip.jobs.recipes import recipe_from
from retroflip.train import run_directory
from retroflip.train.marks import COMPLETE_MARKER
from retroflip.train.run_directory import RunDirectory, describe_code, truncate_after_step


@pytest.fixture
def recipe(tmp_path: Path) -> dict[str, Any]:
    records = tmp_path / "records.jsonl"
    records.write_text("{}\n", encoding="utf-8")
    return recipe_from(
        {
            "kind": "sft",
            "data": {"records": str(records)},
            "train": {"steps": 10, "batch_size": 2, "learning_rate": 0.01},
        }
    ).resolved()


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def refusal(out: Path, recipe: dict[str, Any], *, resume: bool = False) -> str:
    with pytest.raises(RunDirectoryError) as caught:
        RunDirectory.open(out, recipe, resume=resume)
    return str(caught.value)


def test_a_new_run_says_what_it_is(out: Path, recipe: dict[str, Any], tmp_path: Path) -> None:
    run = RunDirectory.open(out, recipe, resume=False)
    described = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert run.attempt == 1
    assert described["recipe"] == recipe
    assert described["seed"] == 0
    assert described["budget"] == {"frames": 8, "min_pixels": None, "max_pixels": None, "total_pixels": None}
    # printf '{}\n' | sha256sum
    expected = "ca3d163bab055381827226140568f3bef7eaac187cebd76878e0b63e9e442356"
    assert described["data_sha256"] == {"records": expected}
    assert described["packages"]["numpy"] == np.__version__
    assert (run.attempt_logs / "environment.json").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "records.jsonl"]


def train_a_step(run: RunDirectory) -> None:
    append_jsonl(run.metrics, {"step": 1})


def test_an_unfinished_run_goes_on_only_when_asked_to(out: Path, recipe: dict[str, Any]) -> None:
    train_a_step(RunDirectory.open(out, recipe, resume=False))
    assert "--resume" in refusal(out, recipe)
    before = (out / "run.json").read_bytes()
    assert RunDirectory.open(out, recipe, resume=True).attempt == 2
    assert (out / "run.json").read_bytes() == before


def test_another_recipe_is_refused_by_the_keys_that_differ(out: Path, recipe: dict[str, Any]) -> None:
    train_a_step(RunDirectory.open(out, recipe, resume=False))
    changed = {**recipe, "train": {**recipe["train"], "steps": 20, "seed": 1}}
    message = refusal(out, changed, resume=True)
    assert "train.steps (was 10, now 20); train.seed (was 0, now 1)" in message


def test_a_run_of_a_version_that_knew_fewer_settings_goes_on(out: Path, recipe: dict[str, Any]) -> None:
    older = {**recipe, "train": {key: v for key, v in recipe["train"].items() if key != "report_to"}}
    train_a_step(RunDirectory.open(out, older, resume=False))
    told = {**recipe, "train": {**recipe["train"], "report_to": ["wandb"]}}
    assert 'train.report_to (was null, now ["wandb"])' in refusal(out, told, resume=True)
    assert RunDirectory.open(out, recipe, resume=True).attempt == 2


@pytest.mark.parametrize("kind", ["rl", "sft"])
def test_a_run_that_an_earlier_version_finished_is_known_again(kind: str, out: Path) -> None:
    """As run.json held it in November 2026. A setting that comes later, and is not empty, belongs into `_BEFORE`."""
    file = Path(__file__).parents[1] / "fixtures" / f"recipe_before_samplers_{kind}.json"
    older = json.loads(file.read_text(encoding="utf-8"))
    RunDirectory.open(out, older, resume=False).finish()
    today = recipe_from(older).resolved()
    assert RunDirectory.is_finished(out, today)
    other = {**today, "data": {**today["data"], "sampler": "fps"}}
    with pytest.raises(RunDirectoryError, match=r'data\.sampler \(was null, now "fps"\)'):
        RunDirectory.is_finished(out, other)


def test_changed_data_is_refused(out: Path, recipe: dict[str, Any], tmp_path: Path) -> None:
    train_a_step(RunDirectory.open(out, recipe, resume=False))
    (tmp_path / "records.jsonl").write_text("{} \n", encoding="utf-8")
    assert "data of the run" in refusal(out, recipe, resume=True)


def test_a_changed_start_model_is_refused(out: Path, recipe: dict[str, Any], tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"1")
    recipe["model"]["path"] = str(folder)
    train_a_step(RunDirectory.open(out, recipe, resume=False))
    (folder / "model.safetensors").write_bytes(b"2")
    assert "start model of the run" in refusal(out, recipe, resume=True)


def test_a_finished_run_is_refused(out: Path, recipe: dict[str, Any]) -> None:
    RunDirectory.open(out, recipe, resume=False).finish()
    assert "is finished" in refusal(out, recipe, resume=True)


def test_a_start_that_trained_nothing_leaves_room_for_any_recipe(out: Path, recipe: dict[str, Any]) -> None:
    RunDirectory.open(out, recipe, resume=False)
    changed = {**recipe, "data": {**recipe["data"], "max_failed_share": 0.5}}
    assert RunDirectory.open(out, changed, resume=False).attempt == 2
    assert json.loads((out / "run.json").read_text(encoding="utf-8"))["recipe"] == changed
    assert len(list((out / "logs").iterdir())) == 2


@pytest.mark.parametrize("left", ["checkpoints/checkpoint-1", "model"])
def test_a_checkpoint_and_a_model_belong_to_their_recipe(
    out: Path, recipe: dict[str, Any], left: str
) -> None:
    RunDirectory.open(out, recipe, resume=False)
    (out / left).mkdir(parents=True)
    changed = {**recipe, "data": {**recipe["data"], "max_failed_share": 0.5}}
    assert "data.max_failed_share (was 0.01, now 0.5)" in refusal(out, changed, resume=True)


def test_answers_are_no_run_that_has_trained_nothing(out: Path, recipe: dict[str, Any]) -> None:
    out.mkdir()
    write_json_atomic(out / "run.json", {"schema": 1, "kind": "answers", "settings": {}})
    assert "no recipe" in refusal(out, recipe)


def test_a_finished_run_is_known_again_only_by_its_own_recipe_and_data(
    out: Path, recipe: dict[str, Any], tmp_path: Path
) -> None:
    assert not RunDirectory.is_finished(out, recipe)
    assert not out.exists()
    run = RunDirectory.open(out, recipe, resume=False)
    assert not RunDirectory.is_finished(out, recipe)
    run.finish()
    assert RunDirectory.is_finished(out, recipe)
    with pytest.raises(RunDirectoryError, match=r"train\.steps \(was 10, now 20\)"):
        RunDirectory.is_finished(out, {**recipe, "train": {**recipe["train"], "steps": 20}})
    (tmp_path / "records.jsonl").write_text("{} \n", encoding="utf-8")
    with pytest.raises(RunDirectoryError, match="data of the run"):
        RunDirectory.is_finished(out, recipe)


def finished_beside_its_data(folder: Path, recipe: dict[str, Any]) -> dict[str, Any]:
    """Finish a run in folder/runs/one of data in folder/data, and return its recipe."""
    records = folder / "data" / "records.jsonl"
    records.parent.mkdir(parents=True)
    records.write_text("{}\n", encoding="utf-8")
    own = {**recipe, "data": {**recipe["data"], "records": str(records)}}
    RunDirectory.open(folder / "runs" / "one", own, resume=False).finish()
    return own


def test_a_run_that_moved_with_its_data_is_known_again(tmp_path: Path, recipe: dict[str, Any]) -> None:
    finished_beside_its_data(tmp_path / "study", recipe)
    shutil.copytree(tmp_path / "study", tmp_path / "copy")
    records = tmp_path / "copy" / "data" / "records.jsonl"
    moved = {**recipe, "data": {**recipe["data"], "records": str(records)}}
    assert RunDirectory.is_finished(tmp_path / "copy" / "runs" / "one", moved)
    records.write_text("{ }\n", encoding="utf-8")
    with pytest.raises(RunDirectoryError, match="The data of the run"):
        RunDirectory.is_finished(tmp_path / "copy" / "runs" / "one", moved)


def test_data_of_another_place_or_name_is_another_recipe(tmp_path: Path, recipe: dict[str, Any]) -> None:
    finished_beside_its_data(tmp_path / "study", recipe)
    for place in ("other/data/records.jsonl", "study/data/others.jsonl"):
        records = tmp_path / place
        records.parent.mkdir(parents=True, exist_ok=True)
        records.write_text("{}\n", encoding="utf-8")
        other = {**recipe, "data": {**recipe["data"], "records": str(records)}}
        with pytest.raises(RunDirectoryError, match=r"differs in data\.records"):
            RunDirectory.is_finished(tmp_path / "study" / "runs" / "one", other)


def longer(recipe: dict[str, Any], steps: int, **others: Any) -> dict[str, Any]:
    return {**recipe, "train": {**recipe["train"], "steps": steps, **others}}


def test_a_finished_run_is_made_longer(out: Path, recipe: dict[str, Any]) -> None:
    run = RunDirectory.open(out, recipe, resume=False)
    train_a_step(run)
    run.finish()
    assert RunDirectory.lengthen(out, longer(recipe, 20)) == 10
    assert not RunDirectory.is_finished(out, longer(recipe, 20))
    described = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert described["recipe"] == longer(recipe, 20)
    assert described["lengthened"] == [10]
    again = RunDirectory.open(out, longer(recipe, 20), resume=True)
    assert again.attempt == 2
    again.finish()
    assert RunDirectory.lengthen(out, longer(recipe, 30)) == 20
    assert json.loads((out / "run.json").read_text(encoding="utf-8"))["lengthened"] == [10, 20]


def test_only_more_steps_make_a_run_longer(out: Path, recipe: dict[str, Any]) -> None:
    assert RunDirectory.lengthen(out, recipe) is None
    assert not out.exists()
    run = RunDirectory.open(out, recipe, resume=False)
    train_a_step(run)
    run.finish()
    before = (out / "run.json").read_bytes()
    for other in (
        recipe,
        longer(recipe, 5),
        longer(recipe, 20, learning_rate=0.5),
        {**longer(recipe, 20), "kind": "rl"},
    ):
        assert RunDirectory.lengthen(out, other) is None
    assert (out / "run.json").read_bytes() == before
    assert RunDirectory.is_finished(out, recipe)
    with pytest.raises(RunDirectoryError, match=r"train\.steps .*More steps make it longer, with --resume"):
        RunDirectory.is_finished(out, longer(recipe, 20))


def test_a_run_of_changed_data_is_not_made_longer(out: Path, recipe: dict[str, Any], tmp_path: Path) -> None:
    run = RunDirectory.open(out, recipe, resume=False)
    train_a_step(run)
    run.finish()
    (tmp_path / "records.jsonl").write_text("{} \n", encoding="utf-8")
    with pytest.raises(RunDirectoryError, match="data of the run"):
        RunDirectory.lengthen(out, longer(recipe, 20))
    assert (out / COMPLETE_MARKER).exists()


def open_and_wait(out: Path, recipe: dict[str, Any], said: Connection) -> None:
    """Open the run, train a step, say how that went, and live until killed."""
    try:
        train_a_step(RunDirectory.open(out, recipe, resume=True))
    except RunDirectoryError as error:
        said.send(str(error))
    else:
        said.send("opened")
    time.sleep(60)


@pytest.mark.skipif(sys.platform == "win32", reason="nothing is locked on Windows")
def test_a_run_belongs_to_one_process_until_it_is_killed(out: Path, recipe: dict[str, Any]) -> None:
    """The first child has the directory; the test's own process and a second child, forked from it, do not."""
    processes = get_context("fork")
    here, there = processes.Pipe()
    first = processes.Process(target=open_and_wait, args=(out, recipe, there))
    first.start()
    assert here.recv() == "opened"
    assert f"process {first.pid} on" in refusal(out, recipe, resume=True)
    first.kill()
    first.join()

    assert RunDirectory.open(out, recipe, resume=True).attempt == 2
    second = processes.Process(target=open_and_wait, args=(out, recipe, there))
    second.start()
    assert f"process {os.getpid()} on" in here.recv()
    second.kill()
    second.join()
    assert RunDirectory.open(out, recipe, resume=True).attempt == 3
    assert [row["step"] for row in read_jsonl(out / "metrics.jsonl")] == [1]


LOCK_AND_LEAVE_A_CHILD = """
import os, sys, time
from pathlib import Path
from retroflip.files.locks import hold
hold(Path(sys.argv[1]))
if os.fork() == 0:
    time.sleep(60)
print("held", flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="nothing is locked on Windows")
def test_what_a_killed_process_forked_does_not_keep_its_lock(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", LOCK_AND_LEAVE_A_CHILD, str(tmp_path)],
        stdout=subprocess.PIPE, text=True, start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(RunDirectoryError, match=f"process {process.pid} on"):
            hold(tmp_path)
        process.kill()
        process.wait()
        hold(tmp_path)
        os.killpg(process.pid, signal.SIGKILL)


def test_foreign_directories_and_files_are_refused_and_left_alone(out: Path, recipe: dict[str, Any]) -> None:
    out.mkdir()
    (out / "thesis.txt").write_text("mine", encoding="utf-8")
    assert "holds no run" in refusal(out, recipe, resume=True)
    assert [path.name for path in out.iterdir()] == ["thesis.txt"]
    assert "is a file" in refusal(out / "thesis.txt", recipe)


@pytest.mark.parametrize(
    ("content", "phrase"),
    [
        ("{", "not JSON"),
        ("[]", "a list where"),
        ("{}", "no recipe"),
        ('{"recipe": {}, "schema": 99}', "schema 99"),
    ],
)
def test_a_damaged_run_json_is_named(out: Path, recipe: dict[str, Any], content: str, phrase: str) -> None:
    out.mkdir()
    (out / "run.json").write_text(content, encoding="utf-8")
    message = refusal(out, recipe, resume=True)
    assert phrase in message
    assert "run.json" in message


def test_a_kill_while_run_json_is_written_leaves_a_directory_that_can_start(
    out: Path, recipe: dict[str, Any]
) -> None:
    out.mkdir()
    (out / ".run.json.abc.tmp").write_text("{", encoding="utf-8")
    assert RunDirectory.open(out, recipe, resume=True).attempt == 1


def test_only_complete_checkpoints_count_and_the_newest_is_by_number(
    out: Path, recipe: dict[str, Any]
) -> None:
    run = RunDirectory.open(out, recipe, resume=False)
    assert run.last_checkpoint() is None
    for name, complete in {"checkpoint-9": True, "checkpoint-10": True, "checkpoint-11": False}.items():
        (run.checkpoints / name).mkdir(parents=True)
        if complete:
            (run.checkpoints / name / COMPLETE_MARKER).touch()
    (run.checkpoints / "checkpoint-tmp").mkdir()
    assert run.last_checkpoint() == (10, run.checkpoints / "checkpoint-10")


def test_incomplete_checkpoints_are_dropped_and_no_others(out: Path, recipe: dict[str, Any]) -> None:
    run = RunDirectory.open(out, recipe, resume=False)
    for name in ("checkpoint-2", "checkpoint-3", "checkpoint-mine", "notes"):
        (run.checkpoints / name).mkdir(parents=True)
    run.mark_complete(2)
    run.rewind(2)
    left = {path.name for path in run.checkpoints.iterdir()}
    assert left == {"checkpoint-2", "checkpoint-mine", "notes"}


def test_a_checkpoint_that_is_half_deleted_does_not_count(
    out: Path, recipe: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunDirectory.open(out, recipe, resume=False)
    for step in (1, 2):
        (run.checkpoints / f"checkpoint-{step}").mkdir(parents=True)
        run.mark_complete(step)

    def killed(_: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(shutil, "rmtree", killed)
    with pytest.raises(KeyboardInterrupt):
        run.keep_newest_checkpoints(1)
    assert run.last_checkpoint() == (2, run.checkpoints / "checkpoint-2")
    assert (run.checkpoints / "checkpoint-1").is_dir()
    assert not (run.checkpoints / "checkpoint-1" / COMPLETE_MARKER).exists()


def test_rewinding_keeps_the_rows_up_to_the_checkpoint(out: Path, recipe: dict[str, Any]) -> None:
    run = RunDirectory.open(out, recipe, resume=False)
    for step in (1, 1, 2, 3):
        append_jsonl(run.rollouts, {"step": step})
    for step in (1, 2, 3):
        append_jsonl(run.metrics, {"step": step})
    run.rewind(2)
    assert [row["step"] for row in read_jsonl(run.rollouts)] == [1, 1, 2]
    assert [row["step"] for row in read_jsonl(run.metrics)] == [1, 2]
    assert not run.timings.exists()


def test_a_row_without_a_step_is_named(tmp_path: Path) -> None:
    append_jsonl(tmp_path / "rows.jsonl", {"step": 1})
    append_jsonl(tmp_path / "rows.jsonl", {"loss": 1})
    with pytest.raises(DataError, match="row 2: no step"):
        truncate_after_step(tmp_path / "rows.jsonl", 1)


@given(steps=st.lists(st.integers(0, 9)), first=st.integers(0, 9), second=st.integers(0, 9))
def test_cutting_twice_is_cutting_at_the_earlier_step(
    tmp_path_factory: pytest.TempPathFactory, steps: list[int], first: int, second: int
) -> None:
    path = tmp_path_factory.mktemp("cut") / "rows.jsonl"
    for step in steps:
        append_jsonl(path, {"step": step})
    truncate_after_step(path, first)
    truncate_after_step(path, second)
    left = read_jsonl(path) if path.exists() else []
    assert [row["step"] for row in left] == [step for step in steps if step <= min(first, second)]


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def test_code_is_described_in_its_own_checkout_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = tmp_path / "src" / "retroflip" / "train" / "run_directory.py"
    module.parent.mkdir(parents=True)
    module.write_text("", encoding="utf-8")
    monkeypatch.setattr(run_directory, "__file__", str(module))
    git(tmp_path, "init", "-q")
    assert describe_code() is None
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "one")
    clean = describe_code()
    assert clean is not None
    assert list(clean) == ["commit"]
    assert len(clean["commit"]) == 40
    module.write_text("# changed\n", encoding="utf-8")
    changed = describe_code()
    assert changed is not None
    assert changed["commit"] == clean["commit"]
    assert len(changed["diff_sha256"]) == 64
    inside_another = tmp_path / "lib" / "retroflip" / "train" / "run_directory.py"
    monkeypatch.setattr(run_directory, "__file__", str(inside_another))
    inside_another.parent.mkdir(parents=True)
    assert describe_code() is None


def test_json_holds_no_nan_and_ends_in_a_line(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json_atomic(
        path, {"loss": math.nan, "list": [math.inf, np.float32(0.5), np.int64(3)], "path": Path("x")}
    )
    assert read_json_object(path) == {"loss": None, "list": [None, 0.5, 3], "path": "x"}
    assert path.read_text(encoding="utf-8").endswith("}\n")


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json_atomic(path, {"old": 1})
    with pytest.raises(TypeError):
        write_json_atomic(path, {"new": object()})
    with pytest.raises(UnicodeEncodeError):
        write_text_atomic(path, "\udc80")
    assert read_json_object(path) == {"old": 1}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_written_files_have_the_mode_that_open_would_give(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    write_text_atomic(tmp_path / "atomic", "")
    assert (tmp_path / "atomic").stat().st_mode == (tmp_path / "plain").stat().st_mode


ROWS = st.lists(
    st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.text(max_size=8)), max_size=5
)


@given(rows=ROWS, cut=st.integers(min_value=0))
def test_a_file_cut_anywhere_keeps_its_whole_rows_and_takes_new_ones(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]], cut: int
) -> None:
    path = tmp_path_factory.mktemp("torn") / "rows.jsonl"
    path.touch()
    for row in rows:
        append_jsonl(path, row)
    data = path.read_bytes()
    assert read_jsonl(path) == rows
    kept = data[: cut % (len(data) + 1)]
    path.write_bytes(kept)
    whole = rows[: kept.count(b"\n")]
    assert read_jsonl(path) == whole
    append_jsonl(path, {"after": 1})
    assert read_jsonl(path) == [*whole, {"after": 1}]


@pytest.mark.parametrize("line", ["{", "[1]", '{"a": 1}{"b": 2}'])
def test_damage_before_the_last_line_is_named_with_its_number(tmp_path: Path, line: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(f'{{"a": 1}}\n{line}\n{{"a": 3}}\n', encoding="utf-8")
    with pytest.raises(DataError, match=r"rows\.jsonl, line 2"):
        read_jsonl(path)


def test_a_damaged_byte_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"a": "\xff"}\n')
    with pytest.raises(DataError, match="line 1"):
        read_jsonl(path)


APPEND_FOREVER = """
import sys
from pathlib import Path
from retroflip.files.storage import append_jsonl, write_json_atomic
folder, step = Path(sys.argv[1]), 0
while True:
    append_jsonl(folder / "rows.jsonl", {"step": step, "text": "x" * 5000})
    write_json_atomic(folder / "state.json", {"step": step, "text": "y" * 5000})
    print(step, flush=True)
    step += 1
"""


def test_a_real_kill_loses_no_row_that_was_reported(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", APPEND_FOREVER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        reported = [int(child.stdout.readline()) for _ in range(20)]
        child.kill()
        reported += [int(line) for line in child.stdout.read().split("\n")[:-1]]
    steps = [row["step"] for row in read_jsonl(tmp_path / "rows.jsonl")]
    assert steps[: len(reported)] == reported == list(range(len(reported)))
    assert json.loads((tmp_path / "state.json").read_text(encoding="utf-8"))["step"] >= reported[-1]
