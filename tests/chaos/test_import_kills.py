"""Imports and filters that die by SIGKILL: what is there is old or whole, and the same command ends as ever."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from retroflip.data.imports import Outputs

ROWS = 30_000


def write_rows(path: Path, count: int) -> None:
    """Write records as Video-R1's, one array."""
    rows = [
        {
            "problem_id": number,
            "problem": "Which?",
            "data_type": "video",
            "problem_type": "multiple choice",
            "options": ["A. x", "B. y"],
            "solution": "<answer>A</answer>" if number % 7 else "<answer>Z</answer>",
            "path": f"./{number}.mp4",
        }
        for number in range(count)
    ]
    path.write_text(json.dumps(rows))


def killed(command: list[str], when: Callable[[], bool], seconds: float = 120) -> None:
    """Start a command and kill it as soon as something is so."""
    process = subprocess.Popen(
        [sys.executable, "-m", "retroflip", *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + seconds
    while not when() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def done(command: list[str]) -> Any:
    """Run a command to its end and return what it prints."""
    found = subprocess.run(
        [sys.executable, "-m", "retroflip", *command, "--json"], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout)


def test_a_killed_import_leaves_the_old_file_and_the_next_one_is_whole(tmp_path: Path) -> None:
    source, out = tmp_path / "Video-R1-260k.json", tmp_path / "out" / "v.jsonl"
    out.parent.mkdir()
    out.write_text("old\n")
    write_rows(source, ROWS)
    command = ["data", "import", "video-r1", str(source), "--out", str(out)]

    def begun() -> bool:
        return any(one.stat().st_size > 2**16 for one in out.parent.glob(".v.jsonl.*.tmp"))

    killed(command, begun)
    assert out.read_text() == "old\n"
    assert list(out.parent.glob(".*.tmp"))
    counts = done(command)
    assert counts["samples"] + sum(counts["rejected"].values()) == ROWS
    assert sorted(one.name for one in out.parent.iterdir()) == sorted(one.name for one in Outputs.of(out))
    whole = [one.read_bytes() for one in Outputs.of(out)]
    done(command)
    assert [one.read_bytes() for one in Outputs.of(out)] == whole


@pytest.mark.slow
def test_a_killed_filter_goes_on_and_ends_as_an_unbroken_one(tmp_path: Path) -> None:
    shared = {"data_type": "text", "options": ["A. yes", "B. no"], "problem_type": "multiple choice"}
    rows = [
        {"problem_id": f"{number}", "problem": f"Is {number} even?", "solution": "AB"[number % 2], **shared}
        for number in range(24)
    ]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))

    def command(name: str) -> list[str]:
        out = tmp_path / name
        out.mkdir(exist_ok=True)
        return ["filter", str(tmp_path / "in.jsonl"), "--model", "retroflip-tiny", "--out", str(out / "kept.jsonl"),
                "--draws", "4", "--max-tokens", "24", "--batch-size", "1"]  # fmt: skip

    answers = tmp_path / "broken" / "kept.jsonl.answers" / "answers.jsonl"
    killed(command("broken"), lambda: answers.exists() and answers.read_bytes().count(b"\n") >= 20)
    assert not (tmp_path / "broken" / "kept.jsonl").exists()
    counts, whole = done(command("broken")), done(command("whole"))
    same = ("records", "kept", "verdicts", "pass_rates")
    assert {key: counts[key] for key in same} == {key: whole[key] for key in same}
    for name in ("kept.jsonl", "kept.jsonl.rejects.jsonl"):
        assert (tmp_path / "broken" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
