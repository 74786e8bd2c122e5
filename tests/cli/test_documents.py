"""What README and the pages of the documentation tell a user to type works as it stands."""

import csv
import json
import re
import shlex
import shutil
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command
from typer.testing import CliRunner

from retroflip.cli.app import app
from retroflip.data.records import parse_record, read_samples
from retroflip.files.storage import write_jsonl_atomic
from retroflip.jobs.recipes import load_recipe

ROOT = Path(__file__).parents[2]
DATA = "docs/data.md"
"""tests/cli/test_data_document.py tries it, on files in the published forms"""
ELSEWHERE = {
    "docs/dybench.md": "data sets that are not here",
    "docs/benchmarks.md": "benchmarks that are not here",
    "docs/viewer.md": "a server that does not end",
}
"""pages whose commands need what the reader has and this test has not; their options are looked up here"""
PAGES = sorted(
    page.relative_to(ROOT).as_posix()
    for folder in ("docs", "docs/methods")
    for page in (ROOT / folder).glob("*.md")
)
DOCUMENTS = ["README.md", "CONTRIBUTING.md", *(page for page in PAGES if page not in {DATA, *ELSEWHERE})]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SET_UP = (". ./setup.sh", "uv pip compile", "--extra dev", "zensical", "uv run pre-commit", "uv run pytest")
"""lines that install or test: .ci/run and the tests of the project's set-up run them"""
SIDES = ({"solution": "A"}, {"options": ["A. right", "B. left"], "solution": "B"})
"""the README's record, and the same with its options in the other order"""


def blocks(document: str, kind: str) -> list[str]:
    """Return the text of every code block of a kind in a document."""
    found = BLOCK.findall((ROOT / document).read_text(encoding="utf-8"))
    return [text for language, text in found if language == kind]


def commands(document: str) -> list[str]:
    """Return every command line of a document except those that set up or test."""
    text = "".join(blocks(document, "sh")).replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return [line for line in lines if not any(part in line for part in SET_UP)]


def unknown_options(arguments: list[str]) -> set[str]:
    """Return the options of a retroflip command line that the command does not have."""
    command = get_command(app)
    while isinstance(command, TyperGroup):
        command = command.commands[arguments.pop(0)]
    known = {
        option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
    }
    return {argument.partition("=")[0] for argument in arguments if argument.startswith("--")} - known


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clip: Path) -> Path:
    """A folder as the reader has it: the recipes, README's own record with its video, and settings of videos."""
    shutil.copytree(ROOT / "recipes", tmp_path / "recipes")
    (text,) = blocks("README.md", "json")
    record = json.loads(text)
    # as many as a step takes
    records = [
        {**record, "problem_id": n, "problem": f"{record['problem']} ({n})", **SIDES[n % 2]}
        for n in range(32)
    ]
    write_jsonl_atomic(tmp_path / "mine.jsonl", records)
    video = tmp_path / record["path"]
    video.parent.mkdir(parents=True)
    shutil.copy(clip, video)
    with (tmp_path / "theirs.csv").open("w") as stream:
        rows = csv.writer(stream)
        rows.writerow(["q", "choices", "label", "clip"])
        rows.writerows([f"Which is {n}?", '["left", "right"]', "A", "videos/ball.mp4"] for n in range(4))
    (settings,) = blocks("docs/synthetic.md", "yaml")
    (tmp_path / "fresh.yaml").write_text(settings)
    for name in ("questions/multi-choice.json", "predictions/video-llava/multi-choice.json"):
        recorded = tmp_path / "TempCompass" / name
        recorded.parent.mkdir(parents=True)
        question = {"question": "What?\nA. runs\nB. walks", "answer": "A. runs", "prediction": "A"}
        recorded.write_text(json.dumps({"7": {"action": [question]}}))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("document", [*DOCUMENTS, DATA, *ELSEWHERE])
def test_only_known_kinds_of_code_stand_in_the_documents(document: str) -> None:
    languages = {language for language, _ in BLOCK.findall((ROOT / document).read_text(encoding="utf-8"))}
    assert languages <= {"sh", "json", "yaml", "text"}


def test_the_record_of_the_readme_is_a_valid_sample(tmp_path: Path) -> None:
    (record,) = blocks("README.md", "json")
    (tmp_path / "mine.jsonl").write_text(record)
    (sample,) = read_samples(tmp_path / "mine.jsonl")
    assert sample.solution == "A"
    assert sample.task_type is not None
    assert parse_record(json.loads(record)) == sample


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_of_a_document_runs(document: str) -> None:
    for line in commands(document):
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


@pytest.mark.parametrize("document", ELSEWHERE)
def test_the_other_documents_name_options_that_there_are(document: str) -> None:
    lines = [shlex.split(line.removeprefix("uv run ")) for line in commands(document)]
    asked = [words[1:] for words in lines if words[0] == "retroflip"]
    assert asked
    assert [unknown_options(arguments) for arguments in asked] == [set()] * len(asked)
