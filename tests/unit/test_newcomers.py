"""docs/extend.md in a copy of the package: what it adds is known to the copy's commands; nothing else is changed."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from documents import ROOT, Block, blocks, write
from retroflip.files.storage import write_jsonl_atomic

PAGE = "docs/extend.md"
MOST_LINES = 60
"""of a file that the page adds"""
SECTIONS = ("method", "kind of temporal video", "data source", "engine", "metric", "benchmark")
VISIT = f"import documents; documents.Visit({PAGE!r}).read()"


def marked(word: str) -> list[Block]:
    """Return the page's blocks of that word."""
    return [block for block in blocks(PAGE) if block.word == word]


def hunks(diff: str) -> Iterator[tuple[str, str]]:
    """Yield what a diff's hunks have before and after; "..." stands between two of them."""
    for hunk in diff.split("...\n"):
        lines = hunk.splitlines(keepends=True)
        old, new = ("".join(line[1:] for line in lines if line[0] in " " + sign) for sign in "-+")
        yield old, new


def apply(block: Block) -> None:
    """Change a file as a block says, from where the process stands; what was there must stand there once."""
    path = Path(block.said)
    text = path.read_text(encoding="utf-8")
    for old, new in hunks(block.text):
        assert text.count(old) == 1, (block.said, old)
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clip: Path) -> Path:
    """A copy of the project's package and recipes, with the newcomers in it, and a user's own records."""
    leave = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "src" / "retroflip", tmp_path / "src" / "retroflip", ignore=leave)
    shutil.copytree(ROOT / "recipes", tmp_path / "recipes")
    shutil.copy(clip, tmp_path / "ball.mp4")
    record = {
        "problem_type": "multiple choice",
        "options": ["left", "right"],
        "solution": "A",
        "path": "ball.mp4",
    }
    records = [{"problem": f"Which way, {number}?", **record} for number in range(4)]
    write_jsonl_atomic(tmp_path / "mine.jsonl", records)
    monkeypatch.chdir(tmp_path)
    for block in marked("file"):
        write(block)
    for block in marked("into"):
        apply(block)
    return tmp_path


def test_the_page_does_what_it_says(copy: Path) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": f"{copy / 'src'}{os.pathsep}{ROOT / 'tests'}",
        "COLUMNS": "200",
    }
    done = subprocess.run(
        [sys.executable, "-c", VISIT], cwd=copy, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    page = (copy / "echo.html").read_text(encoding="utf-8")
    assert page.count("Brevity") >= 2  # in the table and above a chart


def test_its_code_is_as_ours_must_be(copy: Path) -> None:
    files = [copy / block.said for block in marked("file") if block.language == "python"]
    for step in (["check", "--quiet"], ["format", "--check", "--quiet"]):
        done = subprocess.run(
            ["ruff", *step, "--config", ROOT / "pyproject.toml", *files], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout


def test_the_steps_are_those_that_are_told() -> None:
    told = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for registry in {block.said for block in marked("into")}:
        assert registry in told, registry
    for place in {Path(block.said).parent for block in marked("file") if block.said.startswith("src/")}:
        assert re.search(rf"(src/retroflip/)?{place.relative_to('src/retroflip')}/<name>\.", told), place


def test_there_is_a_section_for_each_addition_and_each_is_short() -> None:
    text = (ROOT / PAGE).read_text(encoding="utf-8")
    assert re.findall(r"^## An? (.+)$", text, re.MULTILINE) == list(SECTIONS)
    assert [block.said for block in marked("file") if block.text.count("\n") > MOST_LINES] == []
