"""What README and the guide tell a user to type works as it stands."""

import csv
import json
import re
import shlex
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from retroflip.cli.app import app
from retroflip.data.records import parse_record, read_samples
from retroflip.files.storage import write_jsonl_atomic
from retroflip.jobs.recipes import load_recipe

ROOT = Path(__file__).parents[2]
DOCUMENTS = ("README.md", "docs/guide.md", "CONTRIBUTING.md")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SET_UP = (". ./setup.sh", "uv pip compile", "--extra dev", "zensical", "uv run pre-commit", "uv run pytest")
"""lines that install or test: .ci/run and the tests of the project's set-up run them"""


def blocks(kind: str) -> list[tuple[str, str]]:
    """Return (document, text) of every code block of a kind."""
    found = [(name, match) for name in DOCUMENTS for match in BLOCK.findall((ROOT / name).read_text())]
    return [(name, text) for name, (language, text) in found if language == kind]


def commands() -> list[str]:
    """Return every command line of the documents except those that set up or test."""
    lines = [line.strip() for _, text in blocks("sh") for line in text.splitlines() if line.strip()]
    return [line for line in lines if not any(part in line for part in SET_UP)]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clip: Path) -> Path:
    """A folder as the reader has it: the recipes, README's own record with its video, and the guide's settings."""
    shutil.copytree(ROOT / "recipes", tmp_path / "recipes")
    (record,) = [text for name, text in blocks("json") if name == "README.md"]
    (tmp_path / "mine.jsonl").write_text(record)
    video = tmp_path / json.loads(record)["path"]
    video.parent.mkdir(parents=True)
    shutil.copy(clip, video)
    with (tmp_path / "theirs.csv").open("w") as stream:
        rows = csv.writer(stream)
        rows.writerow(["q", "choices", "label", "clip"])
        rows.writerows([f"Which is {n}?", '["left", "right"]', "A", "videos/ball.mp4"] for n in range(4))
    (settings,) = [text for name, text in blocks("yaml") if name == "docs/guide.md"]
    (tmp_path / "fresh.yaml").write_text(settings)
    for name in ("questions/multi-choice.json", "predictions/video-llava/multi-choice.json"):
        recorded = tmp_path / "TempCompass" / name
        recorded.parent.mkdir(parents=True)
        question = {"question": "What?\nA. runs\nB. walks", "answer": "A. runs", "prediction": "A"}
        recorded.write_text(json.dumps({"7": {"action": [question]}}))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_only_known_kinds_of_code_stand_in_the_documents() -> None:
    languages = {language for name in DOCUMENTS for language, _ in BLOCK.findall((ROOT / name).read_text())}
    assert languages == {"sh", "json", "yaml"}


def test_the_record_of_the_readme_is_a_valid_sample(project: Path) -> None:
    (sample,) = read_samples(project / "mine.jsonl")
    assert sample.solution == "A"
    assert sample.task_type is not None
    assert parse_record(json.loads((project / "mine.jsonl").read_text())) == sample


def test_every_command_of_the_documents_runs(project: Path) -> None:
    record = json.loads((project / "mine.jsonl").read_text())
    # as many as a step takes
    write_jsonl_atomic(project / "mine.jsonl", [{**record, "problem_id": number} for number in range(32)])
    for line in commands():
        arguments = shlex.split(line)
        assert arguments[:3] == ["uv", "run", "retroflip"], line
        arguments = arguments[3:]
        if arguments[0] in ("train", "sft"):
            recipe = load_recipe(Path(arguments[1]), [a for a in arguments[2:] if "=" in a])
            if recipe.model.path.startswith("Qwen/"):
                continue  # The weights are not here, so the recipe is read and no more.
            if "--dry-run" not in arguments:
                arguments.append("--dry-run")
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, (line, result.output, result.exception)
