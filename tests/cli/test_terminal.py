"""Progress on a terminal and elsewhere, and tables as they go to a pipe."""

import io
import json
import math
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from retroflip.cli import terminal
from retroflip.cli.terminal import TerminalProgress, clock, print_json, print_table, shown_progress


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def moved(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(terminal, "time", clock)
    return clock


def lines(progress: TerminalProgress) -> list[str]:
    assert isinstance(progress._stream, io.StringIO)
    return progress._stream.getvalue().splitlines()


def test_a_slow_stage_speaks_every_tenth_and_every_five_seconds(moved: Clock) -> None:
    progress = TerminalProgress(io.StringIO(), bar=False)
    progress.stage("training", 100, "steps")
    for done in range(1, 12):
        moved.now += 2.0
        progress.advance(done, "loss 0.50")

    assert lines(progress) == [
        "training: 100 steps",
        "training: 3/100 steps (3 %), 0:06, about 3:14 left, loss 0.50",
        "training: 6/100 steps (6 %), 0:12, about 3:08 left, loss 0.50",
        "training: 9/100 steps (9 %), 0:18, about 3:02 left, loss 0.50",
        "training: 10/100 steps (10 %), 0:20, about 3:00 left, loss 0.50",
    ]


def test_a_quick_stage_says_little_but_always_its_end(moved: Clock) -> None:
    progress = TerminalProgress(io.StringIO(), bar=False)
    progress.stage("writing", 50, "videos")
    for done in range(1, 51):
        moved.now += 0.005
        progress.advance(done)

    assert lines(progress) == ["writing: 50 videos", "writing: 50/50 videos (100 %), 0:00"]


def test_stages_of_unknown_length_and_without_work_are_named(moved: Clock) -> None:  # noqa: ARG001
    progress = TerminalProgress(io.StringIO(), bar=False)
    progress.stage("loading", 0, "")
    progress.stage("answering", 0, "answers")
    progress.advance(0)

    assert lines(progress)[:2] == ["loading", "answering"]


def test_the_bar_shows_units_and_notes(capsys: pytest.CaptureFixture[str]) -> None:
    progress = TerminalProgress(io.StringIO(), bar=True)
    progress.stage("loading [model]", 0, "")
    progress.stage("training", 4, "steps")
    progress.advance(4, "loss 0.25 [low]")
    progress.close()

    shown = capsys.readouterr()
    assert "4/4 steps" in shown.err
    assert "loss 0.25 [low]" in shown.err
    assert shown.out == ""


def test_what_libraries_print_meanwhile_goes_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with shown_progress():
        sys.stdout.write("{'loss': 0.5}\n")
    sys.stdout.write("result\n")

    shown = capsys.readouterr()
    assert shown.out == "result\n"
    assert "loss" in shown.err


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0.4, "0:00"), (59.6, "1:00"), (3599, "59:59"), (3661, "1:01:01")]
)
def test_durations_read_as_on_a_clock(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


def test_json_has_no_word_that_json_does_not_know(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": math.nan, "b": (1, 2)})
    assert json.loads(capsys.readouterr().out) == {"a": None, "b": [1, 2]}


def test_tables_show_texts_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("runs/[bold]x", ("", "Acc"), [("full [red]", "50.0 [40.0, 60.0]")])
    shown = capsys.readouterr().out
    assert "runs/[bold]x" in shown
    assert "full [red]" in shown
    assert "50.0 [40.0, 60.0]" in shown


FACTS = {
    "rewards": "original: correct 0.70, crr 0.10",
    "right by task type": "temporal 80%",
    "memory": "1.5 GiB",
}
TOLD = f"""
from retroflip.cli.terminal import shown_progress
with shown_progress() as progress:
    progress.stage("training with \\x1b[31mcrpo", 4, "steps")
    for step in range(1, 5):
        progress.advance(step, "reward/correct 0.70", {FACTS!r})
"""
"""a training in a process of its own, which says so much of each step"""


def test_a_line_says_all_of_a_step(moved: Clock) -> None:
    progress = TerminalProgress(io.StringIO(), bar=False)
    progress.stage("training", 10, "steps")
    moved.now += 20
    progress.advance(5, "reward/correct 0.70", FACTS)
    assert lines(progress)[1] == (
        "training: 5/10 steps (50 %), 0:20, about 0:20 left, reward/correct 0.70 | rewards: original: correct 0.70, "
        "crr 0.10 | right by task type: temporal 80% | memory: 1.5 GiB"
    )


def test_a_log_has_no_signs_that_control_a_terminal() -> None:
    done = subprocess.run([sys.executable, "-c", TOLD], capture_output=True, env=environment(), check=True)
    assert done.stdout == b""
    said = done.stderr.decode()
    assert all(letter.isprintable() for line in said.splitlines() for letter in line)
    assert "\r" not in said
    assert "4/4 steps" in said.splitlines()[-1]
    assert "memory: 1.5 GiB" in said.splitlines()[-1]


def test_a_terminal_has_a_bar_and_what_there_is_to_say_below_it() -> None:
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", TOLD], stderr=follower, env={**environment(), "TERM": "xterm"}
    )
    os.close(follower)
    shown = read_all(leader)
    assert process.wait() == 0
    assert "\x1b[" in shown, "it moves the cursor"
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    assert "4/4" in text
    for name, told in FACTS.items():
        assert name in text
        assert told in text


def environment() -> dict[str, str]:
    source = Path(terminal.__file__).parents[2]
    return {**os.environ, "PYTHONPATH": str(source), "COLUMNS": "120"}


def read_all(leader: int) -> str:
    """Return what a process wrote to a terminal; its end is an error of reading on Linux."""
    found = b""
    while True:
        try:
            part = os.read(leader, 65536)
        except OSError:
            break
        if not part:
            break
        found += part
    os.close(leader)
    return found.decode()
