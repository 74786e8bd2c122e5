"""What docs/data.md tells a user to type works as it stands, on hand-made files in the published forms."""

import json
import re
import shlex
import shutil
from pathlib import Path

import pyarrow
import pytest
from typer.testing import CliRunner

from published_files import FILES, publish
from retroflip.cli.app import app
from retroflip.data.sources import SOURCES
from retroflip.train.datasets.mixed import read_mixture

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """Return every command of the document."""
    text = "".join(block for kind, block in BLOCKS if kind == "sh").replace("\\\n", " ")
    return [line for line in text.splitlines() if line.strip()]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clip: Path) -> Path:
    """A folder with the files that the document names."""
    shutil.copytree(ROOT / "recipes", tmp_path / "recipes")
    publish(tmp_path / "VideoAuto-R1-Data")
    rows = FILES["Video-R1/Video-R1-filter-17k.json"]
    (tmp_path / "Video-R1-260k.json").write_text(json.dumps(rows))
    (tmp_path / "media" / "CLEVRER").mkdir(parents=True)
    for row in rows:
        shutil.copy(clip, tmp_path / "media" / row["path"])
    saved = tmp_path / "saved_dataset"
    made = pyarrow.Table.from_pylist([{"q": "Which?", "choices": ["x", "y"], "label": "A", "clip": "x.mp4"}])
    (saved / "train").mkdir(parents=True)
    with pyarrow.ipc.new_stream(saved / "train" / "data-00000-of-00001.arrow", made.schema) as stream:
        stream.write_table(made)
    (saved / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_every_command_of_the_document_runs() -> None:
    tried = set()
    for line in commands():
        arguments = shlex.split(line)
        assert arguments[0] == "retroflip"
        tried.add(" ".join(arguments[1:3]) if arguments[1] == "data" else arguments[1])
        if arguments[1] == "filter":
            continue  # The weights are not here; tests/unit/test_filter.py asks the embedded model.
        result = CliRunner().invoke(app, arguments[1:])
        assert result.exit_code == 0, (line, result.output, result.exception)
    assert {"data import", "data stats", "validate", "route", "filter", "data build"} <= tried


def test_its_mixture_is_one_and_its_table_names_every_source(folder: Path) -> None:
    (text,) = [block for kind, block in BLOCKS if kind == "yaml"]
    (folder / "mixture.yaml").write_text(text)
    assert [part.part for part in read_mixture(folder / "mixture.yaml").parts] == [
        "labelled",
        "virl39k",
        "math",
    ]
    assert set(re.findall(r"^\| `([\w-]+)` \|", TEXT, re.MULTILINE)) >= SOURCES.keys()
