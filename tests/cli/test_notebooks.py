"""The notebooks: each runs as it stands, without a network, and its .ipynb is its .py and holds no outputs."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jupytext
import pytest

from documents import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.py"))
QUICK = ("videos_and_traces",)
"""the others ask or train a model"""
NO_NETWORK = """
import socket

def connect(self, address, _connect=socket.socket.connect):
    if self.family is not socket.AF_UNIX and address[0] not in ("127.0.0.1", "::1"):
        raise OSError(f"no network here: {address}")
    return _connect(self, address)

socket.socket.connect = connect
"""


def run(program: Path, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run a program in a folder; neither it nor what it starts reaches any other machine."""
    (folder / "sitecustomize.py").write_text(NO_NETWORK)
    path = os.pathsep.join((str(folder), str(ROOT / "src")))
    environment = {**os.environ, "PYTHONPATH": path, "HF_HUB_OFFLINE": "1"}
    return subprocess.run(
        [sys.executable, program], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def cells(path: Path) -> list[tuple[str, str]]:
    """Return the kinds and texts of a notebook's cells."""
    notebook: Any = jupytext.read(path)
    return [(cell.cell_type, cell.source) for cell in notebook.cells]


@pytest.mark.parametrize(
    "notebook",
    [pytest.param(path, marks=() if path.stem in QUICK else pytest.mark.slow) for path in NOTEBOOKS],
    ids=lambda path: path.stem,
)
def test_a_notebook_runs(notebook: Path, tmp_path: Path) -> None:
    done = run(notebook, tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]


def test_a_program_that_wants_the_network_is_told_that_there_is_none(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text("import socket\nsocket.create_connection(('192.0.2.1', 80), timeout=5)\n")
    assert "no network here" in run(program, tmp_path).stderr


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_pair_of_a_notebook_says_the_same_and_holds_no_outputs(notebook: Path) -> None:
    pair: Any = jupytext.read(notebook.with_suffix(".ipynb"))
    assert cells(notebook.with_suffix(".ipynb")) == cells(notebook)
    assert [cell for cell in pair.cells if cell.get("outputs") or cell.get("execution_count")] == []


def test_the_page_names_every_notebook() -> None:
    page = (ROOT / "docs" / "notebooks.md").read_text(encoding="utf-8")
    assert [path.name for path in NOTEBOOKS if f"`notebooks/{path.name}`" not in page] == []
