"""Every command of a benchmark's life is killed in every phase, one time after the other, and ends as if it never was.

A command that writes is killed again and again in one folder, so that each run goes on from what the one before left
behind. Behind a kill at an appended file, half a line is put there as well: a kill inside of a write leaves that.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from made_clips import moving, write_folder

DRIVER = Path(__file__).parent / "die_at.py"
pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")]
ROWS = [["a.mp4", "opening the door"], ["b.mp4", "picking up a cup"]]


class Phase(NamedTuple):
    """What a run dies of. See die_at.py."""

    event: str
    pattern: str
    times: int = 1


BUILD = [
    Phase("read", "clips.csv"),  # asking the sources
    Phase("put", "dataset.json"),
    Phase("put", "*-0.mp4"),
    Phase("put", "*-1.mp4"),  # one side is there, the other is not
    Phase("append", "journal.jsonl", 2),  # both are, and not known yet
    Phase("put", "*-1.mp4", 2),
    *(Phase("put", name) for name in ("refused.jsonl", "quality.jsonl", "candidates.jsonl", "recipe.yaml")),
    *(Phase("put", name) for name in ("summary.json", "README.md", "records.jsonl")),
    Phase("read", "*-1.mp4", 8),  # hashing for the manifest: the journal's pairs are hashed before
    Phase("put", "manifest.json"),
]
RELEASE = [
    Phase("put", "dataset.json"),
    Phase("put", "*.mp4", 2),
    *(Phase("put", name) for name in ("quality.jsonl", "candidates.jsonl", "refused.jsonl", "labels.jsonl")),
    *(Phase("put", name) for name in ("agreement.json", "README.md", "records.jsonl", "manifest.json")),
]
GENERATE = [
    Phase("put", "run.json"),
    Phase("put", "failures.jsonl"),
    Phase("append", "answers.jsonl"),
    Phase("append", "answers.jsonl", 3),
    Phase("put", "answers.jsonl"),  # put in the order of the data
]
EXPORTS = {
    "lmms-eval": [
        Phase("put", name) for name in ("questions.json", "root.txt", "utils.py", "retroflip_*.yaml")
    ],
    "vlmevalkit": [Phase("put", "*.tsv")],
}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETROFLIP_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    quotas = {task: {"laboratory": 2} for task in ("reversible_dynamics", "event_sequence")}
    quotas["reversible_dynamics"]["clips"] = 2
    folder = tmp_path_factory.mktemp("inputs")
    sources = {"laboratory": {"settings": {"size": 64}}, "clips": {"source": "folder", "root": str(folder)}}
    write_folder(folder, ROWS, a=moving(1), b=moving(2))
    written = folder / "recipe.yaml"
    written.write_text(yaml.safe_dump({"kind": "dybench", "quotas": quotas, "sources": sources}))
    return written


@pytest.fixture(scope="module")
def built(recipe: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("built") / "bench"
    whole("dybench", "build", str(recipe), "--out", str(out))
    return out


def whole(*command: str) -> str:
    """Run a command to its end and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "retroflip", *command], capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 1), done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def killed(phase: Phase, *command: str) -> None:
    """Run a command that dies in a phase."""
    driver = [sys.executable, str(DRIVER), phase.event, phase.pattern, str(phase.times)]
    done = subprocess.run([*driver, *command], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, (phase, done.stderr)


def torn(out: Path, phase: Phase) -> None:
    """Leave half a line where a kill may have hit a write."""
    for path in out.rglob(phase.pattern) if phase.event == "append" else ():
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join(lines) + lines[-1][: len(lines[-1]) // 2])


def content(folder: Path) -> dict[str, Any]:
    """Return the files of a folder; of what names the code, all but its commit, which somebody may make meanwhile."""
    return {path.relative_to(folder).as_posix(): _content(path) for path in _files(folder)}


def _content(path: Path) -> Any:
    text = path.read_bytes()
    return _without_code(json.loads(text)) if path.name in ("run.json", "scores.json") else text


def _without_code(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {key: _without_code(one) for key, one in value.items() if key not in ("code", "check")}


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in ("journal.jsonl", ".lock"):
            yield path


def ends_alike(phases: list[Phase], out: Path, unbroken: Path, *command: str) -> None:
    """Kill a command in each of its phases, and compare what it ends with."""
    for phase in phases:
        killed(phase, *command, "--out", str(out))
        torn(out, phase)
    told = whole(*command, "--out", str(out))
    assert told.replace(str(out), "") == whole(*command, "--out", str(unbroken)).replace(str(unbroken), "")
    for task in out.rglob("*.yaml") if "export" in command else ():  # it names its own folder
        task.write_text(task.read_text().replace(str(out), str(unbroken)))
    assert content(out) == content(unbroken)


def test_build(recipe: Path, built: Path, tmp_path: Path) -> None:
    ends_alike(BUILD, tmp_path / "bench", built, "dybench", "build", str(recipe))


def test_release(built: Path, tmp_path: Path) -> None:
    rows = map(json.loads, (built / "records.jsonl").read_text().splitlines())
    verdicts = [{"rater": who, "pair": row["pair"], "verdict": "accept"} for row in rows for who in "ab"]
    labels = tmp_path / "labels.jsonl"
    labels.write_text("".join(json.dumps(one) + "\n" for one in verdicts[:-4]))
    command = ("dybench", "release", str(built), "--labels", str(labels))
    ends_alike(RELEASE, tmp_path / "out", tmp_path / "whole", *command)


@pytest.mark.parametrize("toolkit", list(EXPORTS))
def test_export(toolkit: str, built: Path, tmp_path: Path) -> None:
    out, unbroken = tmp_path / "killed", tmp_path / "whole"
    ends_alike(EXPORTS[toolkit], out, unbroken, "dybench", "export", toolkit, str(built))


def test_generate_and_score(built: Path, tmp_path: Path) -> None:
    asked = ("--model", "retroflip-tiny", "--bench", str(built), "--controls", "full,text_only,oracle,random")
    limits = ("--max-tokens", "16", "--frames", "4", "--batch-size", "1")
    out, unbroken = tmp_path / "out", tmp_path / "whole"
    ends_alike(GENERATE, out, unbroken, "generate", *asked, *limits)
    for phase in (Phase("read", "answers.jsonl"), Phase("put", "scores.json")):
        killed(phase, "score", str(out))
    for folder in (out, unbroken):
        assert json.loads(whole("score", str(folder), "--json"))["n_pairs"] == 6
    assert content(out) == content(unbroken)


@pytest.mark.parametrize("command", ["audit", "leaks"])
def test_what_only_reads(command: str, built: Path) -> None:
    before = content(built)
    line = ("dybench", "audit", str(built), "--json")
    if command == "leaks":
        line = ("leaks", str(built), str(built), "--json")
    for phase in (Phase("read", "records.jsonl"), Phase("read", "*.mp4", 3)):
        killed(phase, *line)
    first = whole(*line)
    assert json.loads(first)
    assert whole(*line) == first
    assert content(built) == before
