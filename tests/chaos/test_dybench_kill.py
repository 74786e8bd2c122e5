"""A build that is killed at any moment goes on, and ends with the bytes of one that never stopped."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from retroflip.files.storage import each_row

ROWS = (1, 7, 13)
"""pairs behind which the build is killed, one time after the other"""


def content(folder: Path) -> dict[str, bytes]:
    names = (
        path for path in folder.rglob("*") if path.is_file() and path.name not in ("journal.jsonl", ".lock")
    )
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in names}


def written(out: Path) -> int:
    path = out / "journal.jsonl"
    return sum(1 for _ in each_row(path)) if path.exists() else 0


def start(recipe: Path, out: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "retroflip", "dybench", "build", str(recipe), "--out", str(out)]
    return subprocess.Popen(
        [*command, "--workers", "2"], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )


def children_of(process: int) -> list[int]:
    """Return the processes below one, as Linux lists them."""
    found = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [int(one) for one in found]


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs Linux's list of processes")
def test_kills_leave_nothing_behind_and_change_nothing(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    quotas = {
        task: {"laboratory": 6} for task in ("reversible_dynamics", "moving_direction", "event_sequence")
    }
    sources = {"laboratory": {"settings": {"size": 64}}}
    recipe.write_text(yaml.safe_dump({"kind": "dybench", "quotas": quotas, "sources": sources}))
    assert start(recipe, tmp_path / "whole").wait() == 0
    out = tmp_path / "killed"
    for rows in ROWS:
        running = start(recipe, out)
        while written(out) < rows and running.poll() is None:
            time.sleep(0.05)
        workers = children_of(running.pid)
        os.kill(running.pid, signal.SIGKILL)
        running.wait()
        deadline = time.monotonic() + 60
        while any(map(is_running, workers)) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert [one for one in workers if is_running(one)] == []
    assert start(recipe, out).wait() == 0
    assert content(out) == content(tmp_path / "whole")
