"""Newcomers to a copy of the package: a method, a form of data, a source, a metric, a kind and an engine.

Each follows the steps of CONTRIBUTING.md: its own file, one registry line, a recipe where one is due. Nothing else is
changed, and the commands of the copy have them.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NEWCOMERS = ROOT / "tests" / "fixtures" / "newcomers"
ENTRIES = {
    "rl/methods/registry.py": (
        (
            "from retroflip.rl.methods.base import Method\n",
            "from retroflip.rl.methods.coin import CoinSettings\n",
        ),
        ("    GrpoSettings\n", "    | CoinSettings\n"),
    ),
    "data/forms/__init__.py": (
        ("from retroflip.errors import DataError\n", "from retroflip.data.forms import piped\n"),
        ("FORMS: tuple[Form, ...] = (", "piped.FORM, "),
    ),
    "train/datasets/__init__.py": (
        ("from retroflip.recipes.schema import DataSection\n", "from retroflip.train.datasets import grey\n"),
        ("SOURCES: tuple[Source, ...] = (", "grey.SOURCE, "),
    ),
    "bench/metrics/__init__.py": (
        (
            "from retroflip.bench.metrics.answers import ACCURACY, UNPARSED\n",
            "from retroflip.bench.metrics.brevity import BREVITY\n",
        ),
        ("METRICS: tuple[Metric, ...] = (\n", "    BREVITY,\n"),
    ),
    "synth/registry.py": (
        ("from retroflip.synth.episode import Kind\n", "from retroflip.synth.short import heading\n"),
        ("        direction.KIND,\n", "        heading.KIND,\n"),
    ),
    "inference/registry.py": (("ENGINES = {\n", '    "echo": "retroflip.inference.echo",\n'),),
}
"""by registry what is added, an import and an entry, each behind something that is there"""
RECIPE = "extends: crpo.yaml\nmethod:\n  name: coin\n  rollouts: 4\n  side: 0.5\n"


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project's package and recipes, with the newcomers in it."""
    copy = tmp_path_factory.mktemp("copy")
    package = copy / "src" / "retroflip"
    shutil.copytree(ROOT / "src" / "retroflip", package)
    shutil.copytree(ROOT / "recipes", copy / "recipes")
    shutil.copytree(NEWCOMERS, package, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "recipes" / "tiny" / "coin.yaml").write_text(RECIPE)
    _name_a_kind_again(package / "synth", "direction", "heading")
    for name, added in ENTRIES.items():
        text = (package / name).read_text(encoding="utf-8")
        for behind, entry in added:
            assert text.count(behind) == 1, (name, behind)
            text = text.replace(behind, behind + entry)
        (package / name).write_text(text, encoding="utf-8")
    return copy


def _name_a_kind_again(synth: Path, old: str, new: str) -> None:
    """Give a kind's three files another name: a kind of one's own takes too many lines to stand here."""
    kind = (synth / "short" / f"{old}.py").read_text(encoding="utf-8")
    named, count = re.subn(rf'(Kind\(\s*)"{old}"', rf'\1"{new}"', kind)
    assert count == 1
    (synth / "short" / f"{new}.py").write_text(named, encoding="utf-8")
    for place in (f"checks/{old}.py", f"phrasings/{old}.yaml"):
        shutil.copy(synth / place, synth / place.replace(old, new))


COMMANDS = {
    "train": ["train", "recipes/tiny/coin.yaml", "data.records=four.txt", "train.steps=1",
              "train.samples_per_step=4", "--dry-run"],
    "generate": ["generate", "--model", "none", "--engine", "echo", "--data", "four.txt", "--out", "answers"],
    "scores": ["score", "answers", "--json"],
    "score": ["score", "answers"],
    "report": ["report", "answers", "--out", "page.html"],
    "validate": ["validate", "--data", "data.piped", "--json"],
    "synth": ["synth", "--kinds", "heading", "--per-task", "1", "--seed", "3", "--out", "videos"],
}  # fmt: skip
RUNNER = """
import json, sys
from typer.testing import CliRunner
from retroflip.cli import app
done = {name: CliRunner().invoke(app, arguments) for name, arguments in json.load(sys.stdin).items()}
print(json.dumps({name: [one.exit_code, one.stdout, one.output] for name, one in done.items()}))
"""


@pytest.fixture(scope="module")
def said(copy: Path) -> dict[str, str]:
    """What the copy's commands print; one process runs them all, since loading the libraries takes longer."""
    (copy / "four.txt").write_text("GREY 4")
    (copy / "data.piped").write_text(
        '| problem | options | solution | path |\n| Which way? | ["left", "right"] | A | clip.mp4 |\n'
    )
    environment = {**os.environ, "PYTHONPATH": str(copy / "src"), "HF_HUB_OFFLINE": "1", "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, "-c", RUNNER],
        input=json.dumps(COMMANDS),
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert {name: code for name, (code, *_) in found.items()} == dict.fromkeys(COMMANDS, 0), found
    return {name: text for name, (_, text, _) in found.items()}


def test_the_steps_are_those_that_are_told() -> None:
    told = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for registry in ENTRIES:
        assert f"src/retroflip/{registry}" in told, registry
    for file in NEWCOMERS.rglob("*.py"):
        place = file.relative_to(NEWCOMERS).parent
        assert f"src/retroflip/{place}/<name>.py" in told, place


def test_a_method_trains_on_a_source(said: dict[str, str]) -> None:
    for line in ("name: coin", "side: 0.5", "# samples: 4", "# rollouts per step: 16"):
        assert line in said["train"]


def test_an_engine_answers_about_a_source_and_a_metric_measures_it(copy: Path, said: dict[str, str]) -> None:
    scores = json.loads(said["scores"])
    assert (scores["n_answers"], scores["acc"], scores["brevity"]) == (4, 0.5, 1.0)
    assert "brief" in said["score"]
    page = (copy / "page.html").read_text(encoding="utf-8")
    assert page.count("Brevity") >= 2  # in the table and above a chart


def test_a_form_of_data_is_read(said: dict[str, str]) -> None:
    checked = json.loads(said["validate"])
    assert (checked["questions"], checked["faults"]) == (1, [])


@pytest.mark.usefixtures("said")
def test_a_kind_is_drawn_and_checked(copy: Path) -> None:
    records = [json.loads(line) for line in (copy / "videos" / "records.jsonl").read_text().splitlines()]
    assert {record["task"] for record in records} == {"heading"}
