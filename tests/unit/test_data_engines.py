"""Import, routing and filtering write the same bytes here, on other cores and on Ray, after a kill as well."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from test_router_model import model_that_says
from typer.testing import CliRunner

from published_files import publish
from retroflip.cli import app
from retroflip.data import imports
from retroflip.router import labelled_files as routing

ON_RAY = pytest.param(["--engine", "ray"], marks=pytest.mark.slow)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have several blocks of few rows."""
    monkeypatch.setattr(imports, "BLOCK", 7)
    monkeypatch.setattr(routing, "BLOCK", 7)


@pytest.fixture
def ray_or_skip(request: pytest.FixtureRequest) -> Iterator[None]:
    """Need Ray where the test is about it, and end it behind the test."""
    if "where" in request.fixturenames and "ray" not in request.getfixturevalue("where"):
        yield
        return
    ray = pytest.importorskip("ray", reason="needs the extra `ray`")
    yield
    ray.shutdown()


def rows(count: int) -> list[dict[str, Any]]:
    """Return rows of Video-R1: videos, a text now and then, an id twice, one that has no right answer."""
    made = [
        {
            "problem_id": number,
            "problem": f"Which way does the {number}th ball roll?",
            "data_type": "text" if number % 5 == 0 else "video",
            "problem_type": "multiple choice",
            "options": ["A. left", "B. right"],
            "solution": f"<answer>{'AB'[number % 2]}</answer>",
            "path": "" if number % 5 == 0 else f"./LLaVA-Video-178K/{number}.mp4",
            "data_source": "mine",
        }
        for number in range(count)
    ]
    made[count // 2] = made[0]
    made[count // 3]["solution"] = "<answer>D</answer>"
    return made


def told(*arguments: object) -> dict[str, Any]:
    """Run a command, and return its JSON without the places of its files."""
    done = CliRunner().invoke(app, [*map(str, arguments), "--json"])
    assert done.exit_code == 0, done.output
    return {key: value for key, value in json.loads(done.stdout).items() if not str(value).startswith("/")}


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in (".jsonl", ".md")}


def both(tmp_path: Path, command: list[object], where: list[str]) -> None:
    """Run a command here and elsewhere, and hold its files and what it says to one another."""
    said = []
    for name, more in (("here", []), ("there", where)):
        (tmp_path / name).mkdir()
        said.append(told(*command, "--out", tmp_path / name / "out.jsonl", *more))
    assert said[0] == said[1]
    assert contents(tmp_path / "here") == contents(tmp_path / "there")


@pytest.mark.parametrize("where", [["--workers", "2"], ON_RAY])
@pytest.mark.usefixtures("ray_or_skip")
def test_an_import_has_the_same_bytes_wherever_rows_are_converted(tmp_path: Path, where: list[str]) -> None:
    (tmp_path / "rows.json").write_text(json.dumps(rows(30)))
    both(tmp_path, ["data", "import", "video-r1", tmp_path / "rows.json"], where)
    rejects = [json.loads(line)["reason"] for line in (tmp_path / "there/out.jsonl.rejects.jsonl").open()]
    assert sorted(rejects) == ["duplicate id", "record"]


@pytest.mark.parametrize("where", [["--workers", "2"], ON_RAY])
@pytest.mark.parametrize("router", ["rules", "model"])
@pytest.mark.usefixtures("ray_or_skip")
def test_labels_have_the_same_bytes_wherever_they_are_found(
    tmp_path: Path, where: list[str], router: str
) -> None:
    (tmp_path / "rows.json").write_text(json.dumps(rows(30)))
    told("data", "import", "video-r1", tmp_path / "rows.json", "--out", tmp_path / "in.jsonl")
    command: list[object] = ["route", tmp_path / "in.jsonl"]
    if router == "model":
        model = model_that_says("Static", tmp_path / "model")
        command += ["--router", model, "--router", "rules", "--batch", "3", "--max-tokens", "1"]
    both(tmp_path, command, where)


@pytest.mark.slow
@pytest.mark.usefixtures("ray_or_skip")
def test_a_filter_keeps_the_same_on_a_cluster(tmp_path: Path) -> None:
    made = [{**row, "data_type": "text", "path": ""} for row in rows(8)]
    (tmp_path / "rows.json").write_text(json.dumps(made))
    told("data", "import", "video-r1", tmp_path / "rows.json", "--out", tmp_path / "in.jsonl")
    command: list[object] = ["filter", tmp_path / "in.jsonl", "--model", "retroflip-tiny", "--draws", "2"]
    command += ["--max-tokens", "4", "--min", "0", "--max", "1"]
    both(tmp_path, command, ["--on", "ray", "--processes", "2"])
    # What the shares have answered is not asked again.
    answers = sorted((tmp_path / "there" / "out.jsonl.answers").glob("share-*/answers.jsonl"))
    assert len(answers) == 2
    before = [(path.stat().st_mtime_ns, path.read_bytes()) for path in answers]
    told(*command, "--out", tmp_path / "there" / "out.jsonl", "--on", "ray", "--processes", "2")
    assert [(path.stat().st_mtime_ns, path.read_bytes()) for path in answers] == before


@pytest.mark.slow
@pytest.mark.usefixtures("ray_or_skip")
@pytest.mark.parametrize("command", ["import", "route", "build"])
def test_a_driver_that_was_killed_leaves_nothing_that_a_second_one_minds(
    tmp_path: Path, command: str
) -> None:
    published = publish(tmp_path / "data")
    (tmp_path / "rows.json").write_text(json.dumps(rows(20_000)))
    told("data", "import", "video-r1", tmp_path / "rows.json", "--out", tmp_path / "in.jsonl")
    recipe = Path(__file__).parents[2] / "recipes" / "paper" / "crpo_data.yaml"
    arguments: list[object] = {
        "import": ["data", "import", "video-r1", tmp_path / "rows.json"],
        "route": ["route", tmp_path / "in.jsonl"],
        "build": ["data", "build", recipe, "--root", published],
    }[command]
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
    name = "corpus" if command == "build" else "out.jsonl"
    told(*arguments, "--out", here / name)
    there_too = [
        sys.executable,
        "-m",
        "retroflip",
        *map(str, arguments),
        "--out",
        str(there / name),
        "--engine",
        "ray",
    ]
    for seconds in (8, 11):
        child = subprocess.Popen(there_too, stdout=subprocess.DEVNULL, start_new_session=True)
        time.sleep(seconds)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    told(*arguments, "--out", there / name, "--engine", "ray")
    left = {path.relative_to(there) for path in there.rglob("*") if path.is_file()}
    assert left == {path.relative_to(here) for path in here.rglob("*") if path.is_file()}
    for path in left:
        if path.name != ".lock":
            assert (there / path).read_bytes() == (here / path).read_bytes(), path
