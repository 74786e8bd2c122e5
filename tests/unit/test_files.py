"""Names for files that come from data, and what a kill leaves behind."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retroflip.files import locks
from retroflip.files import storage as files
from retroflip.files.storage import (
    drop_unfinished,
    file_name,
    is_unfinished,
    replacing,
    scratch_folder,
    write_text_atomic,
)

KILLED = """
import os, signal, sys
import numpy as np
from pathlib import Path
from retroflip.files import storage as files
from retroflip.video.encode import encode_i420
files.os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
def planes():
    yield from [np.zeros((48, 32), np.uint8)] * 200
    os.kill(os.getpid(), signal.SIGKILL)
    yield
if sys.argv[1] == "text":
    files.write_text_atomic(Path("run.json"), "{}")
elif sys.argv[1] == "video":
    encode_i420(Path("x.mp4"), planes(), 8, (32, 32))
else:
    with files.scratch_folder() as folder:
        print(folder, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
"""

NAMES = st.text(st.characters(), max_size=300) | st.sampled_from(
    [
        "",
        ".",
        "..",
        "../x",
        "/etc/passwd",
        "a/b",
        "a\\b",
        "a\0b",
        "con",
        "NUL.txt",
        "lpt1",
        "x.",
        " x",
        "é",
        "e\u0301",
        "A",
        "a",
    ]
)


@given(NAMES)
def test_any_text_gives_a_name_that_every_file_system_takes(text: str) -> None:
    name = file_name(text)
    assert re.fullmatch(r"[a-z0-9_][a-z0-9_.-]{0,99}", name)
    assert not name.endswith(".")
    assert name.partition(".")[0] not in {"con", "prn", "aux", "nul", "com1", "lpt1"}


@given(NAMES, NAMES)
def test_different_texts_have_different_names(one: str, other: str) -> None:
    assert (file_name(one) == file_name(other)) == (one == other)


def test_a_name_is_not_taken_from_the_text_that_it_stands_for() -> None:
    hashed = file_name("a/b")
    assert file_name(hashed) not in ("a/b", hashed)


def test_plain_texts_are_their_own_names() -> None:
    for text in ("clip-00012", "moving_direction-00000-0", "v1.2", "7"):
        assert file_name(text) == text


def killed(folder: Path, what: str) -> str:
    """Start a process that is killed in the middle of writing, and return what it printed."""
    return subprocess.run(
        [sys.executable, "-c", KILLED, what], cwd=folder, check=False, capture_output=True, text=True
    ).stdout.strip()


@pytest.mark.parametrize("what", ["text", "video"])
def test_what_a_kill_leaves_of_a_write_goes_at_the_next_start(tmp_path: Path, what: str) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    killed(tmp_path / "deep" / "er", what)
    (left,) = (tmp_path / "deep" / "er").iterdir()
    assert is_unfinished(left.name)

    locks.hold(tmp_path)

    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [files.LOCK_NAME]


def test_what_others_own_stays(tmp_path: Path) -> None:
    kept = [".hidden", "x.tmp", ".tmp", "a.b.1.tmp", "theirs/.lock", "theirs/.run.json.1-0a.tmp"]
    for name in [*kept, ".run.json.1-0a.tmp", "ours/.x.jsonl.abc_de12.tmp"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    drop_unfinished(tmp_path)
    assert sorted(
        str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()
    ) == sorted(kept)


def test_only_files_of_the_names_given_go_from_a_folder_of_somebody_else(tmp_path: Path) -> None:
    for name in (".a.jsonl.1-0a.tmp", ".b.jsonl.1-0a.tmp"):
        (tmp_path / name).touch()
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / ".a.jsonl.1-0a.tmp").touch()
    drop_unfinished(tmp_path, ["a.jsonl"])
    assert sorted(path.name for path in tmp_path.rglob("*.tmp")) == [".a.jsonl.1-0a.tmp", ".b.jsonl.1-0a.tmp"]


def test_where_others_may_write_only_what_the_dead_left_goes(tmp_path: Path) -> None:
    dead = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], check=True, capture_output=True, text=True
    )
    for process in (dead.stdout.strip(), str(os.getpid()), str(os.getppid())):
        (tmp_path / f".x.mp4.{process}-0a1b2c3d.tmp").touch()
    drop_unfinished(tmp_path, dead_only=True)
    assert [path.name for path in tmp_path.iterdir()] == [f".x.mp4.{os.getppid()}-0a1b2c3d.tmp"]


def test_what_another_machine_writes_stays_for_a_day(tmp_path: Path) -> None:
    """A process of this number may run there, and none here."""
    names = [f".x.mp4.4194304-{machine}_0a1b2c3d.tmp" for machine in ("0000", "ffff")]
    for name in names:
        (tmp_path / name).touch()
    os.utime(tmp_path / names[1], (0, 0))
    drop_unfinished(tmp_path, dead_only=True)
    assert [path.name for path in tmp_path.iterdir()] == names[:1]
    with replacing(tmp_path / "y") as temporary:
        assert is_unfinished(temporary.name)
        temporary.write_text("y")


def test_an_error_leaves_nothing_and_a_long_name_is_written(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), replacing(tmp_path / "x") as temporary:
        temporary.write_text(str(1 / 0))
    assert list(tmp_path.iterdir()) == []
    write_text_atomic(tmp_path / ("n" * 250), "x")
    assert [len(path.name) for path in tmp_path.iterdir()] == [250]


def test_the_scratch_folder_of_a_killed_process_goes_when_the_next_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    dead = Path(killed(tmp_path, "scratch"))
    alive = tmp_path / f"retroflip-{os.getppid()}-x"
    alive.mkdir()
    (tmp_path / "retroflip-notes").mkdir()
    assert dead.parent == tmp_path
    files._drop_dead_scratch.cache_clear()
    with scratch_folder() as folder:
        assert sorted(tmp_path.iterdir()) == sorted([folder, alive, tmp_path / "retroflip-notes"])
    assert not folder.exists()
