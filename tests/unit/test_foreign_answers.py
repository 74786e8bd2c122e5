"""Answers beside their questions, in files of other programs' keys, and one way to say which key is what."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from retroflip.bench.foreign_answers import read_foreign_answers
from retroflip.cli import app
from retroflip.cli.columns import column_map
from retroflip.errors import DataError, UsageError

MAP = {"problem": "q", "options": "choices", "solution": "label", "path": "clip", "response": "pred"}
ROWS: list[dict[str, Any]] = [
    {
        "q": "Which way?",
        "choices": ["left", "right"],
        "label": "A",
        "clip": "x.mp4",
        "pred": "The answer is (A).",
    },
    {"q": "And now?", "choices": ["left", "right"], "label": "B", "clip": "y.mp4", "pred": ["(B)", "(A)"]},
    {"q": "And then?", "choices": ["left", "right"], "label": "B", "clip": "z.mp4", "pred": None},
    {"q": "And at last?", "choices": ["left", "right"], "label": "B", "clip": "z.mp4", "pred": "no idea"},
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "logged.json"
    path.write_text(json.dumps(ROWS))
    return path


def score(file: Path, *options: str) -> Result:
    return CliRunner().invoke(app, ["score", "--recorded", str(file), *options])


def test_responses_are_read_by_todays_reader_and_a_missing_one_is_a_failure(file: Path) -> None:
    found = read_foreign_answers(file, MAP)
    assert [(one.answer, one.correct, one.error is None) for one in found] == [
        ("A", True, True),
        ("B", True, True),
        (None, False, False),
        (None, False, True),
    ]


@pytest.mark.parametrize("form", ["yaml", "pairs", "file"])
def test_a_map_is_yaml_or_pairs_or_a_file(form: str, file: Path, tmp_path: Path) -> None:
    text = json.dumps(MAP)
    (tmp_path / "map.yaml").write_text(text)
    options = {
        "yaml": ["--columns", text],
        "pairs": [part for key, name in MAP.items() for part in ("--columns", f"{key}={name}")],
        "file": ["--columns", str(tmp_path / "map.yaml")],
    }
    done = score(file, *options[form], "--json")
    assert done.exit_code == 0, done.output
    scores = json.loads(done.stdout)
    assert (scores["acc"], scores["n_failed"], scores["unparsed_rate"]) == (0.5, 1, 0.25)


def test_a_map_that_does_not_fit_is_told(file: Path) -> None:
    with pytest.raises(DataError, match="reads response from 'reply', and no record has that"):
        read_foreign_answers(file, {**MAP, "response": "reply"})
    with pytest.raises(DataError, match=r"Did you mean problem\?"):
        column_map(["problm=q"])
    with pytest.raises(DataError, match="'response', which is nothing that is read"):
        column_map(["response=pred"])  # which score reads, and other commands do not
    with pytest.raises(UsageError, match="no map, no NAME=COLUMN and no file"):
        column_map(["missing.yaml"])
    with pytest.raises(UsageError, match="no column's name for problem"):
        column_map(["{problem: 3}"])
