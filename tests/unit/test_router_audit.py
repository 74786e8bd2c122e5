"""`retroflip route audit`: an even draw that hides the router's labels, and people's labels read back."""

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from retroflip.cli.app import app
from retroflip.data.sample import TaskType
from retroflip.router.audit import draw, harm

runner = CliRunner()
SPATIAL, TEMPORAL, BOTH, STATIC = TaskType


def write(path: Path, labels: dict[str, int]) -> Path:
    base = {
        "problem": "=Which?",
        "problem_type": "multiple choice",
        "options": ["a", "b"],
        "solution": "A",
        "path": "v.mp4",
    }
    rows = [
        {**base, "problem_id": f"{label}-{index}", "task_type": label}
        for label, n in labels.items()
        for index in range(n)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def run(*arguments: object, code: int = 0) -> str:
    result = runner.invoke(app, ["route", "audit", *(str(one) for one in arguments)])
    assert result.exit_code == code, result.output
    return result.stdout if code == 0 else " ".join(result.output.split())


def fill(table: Path, labels: dict[str, str]) -> None:
    with table.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    with table.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows({**row, "label": labels.get(row["id"], row["label"])} for row in rows)


def test_the_draw_is_even_as_far_as_there_are_questions_and_any_order_gives_it(tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", {"temporal": 500, "static": 100, "spatial": 3, "spatiotemporal": 40})
    drawn = draw(file, 50, 0)
    counts = Counter(sample.task_type for sample in drawn)
    assert counts[SPATIAL] == 3
    assert sorted(counts.values())[1:] in ([15, 16, 16], [15, 15, 17])
    assert len({sample.task_type for sample in drawn[:8]}) > 1
    file.write_text("".join(reversed(file.read_text().splitlines(keepends=True))))
    assert draw(file, 50, 0) == drawn
    assert draw(file, 50, 1) != drawn
    assert len(draw(file, 10_000, 0)) == 643


def test_people_see_the_question_and_not_the_routers_label(tmp_path: Path) -> None:
    file, table = write(tmp_path / "a.jsonl", {"temporal": 2}), tmp_path / "audit.csv"
    run(file, "--n", 1, "--out", table)
    (row,) = csv.DictReader(table.open(newline=""))
    assert row["question"] == "'=Which?"
    assert (row["options"], row["answer"], row["label"]) == ("A. a\nB. b", "A", "")
    assert "temporal" not in {value for name, value in row.items() if name != "id"}
    assert "is there already" in run(file, "--out", table, code=2)
    assert "Give either --out" in run(file, code=2)


def test_labels_read_back_give_agreement_kappa_and_harm(tmp_path: Path) -> None:
    file, table = write(tmp_path / "a.jsonl", {"temporal": 30, "static": 2}), tmp_path / "audit.csv"
    run(file, "--n", 4, "--out", table)
    with table.open(newline="") as stream:
        drawn = [row["id"] for row in csv.DictReader(stream)]
    temporal, static = (
        [name for name in drawn if name.startswith(label)] for label in ("temporal", "static")
    )
    fill(table, {temporal[0]: "Temporal", temporal[1]: "static ", static[0]: "static"})
    found: dict[str, Any] = json.loads(run(file, "--labels", table, "--json"))
    assert (found["labelled"], found["unlabelled"]) == (3, 1)
    assert found["agreement"]["value"] == pytest.approx(2 / 3)
    # Of the 32 labels of the file 30 are temporal, half of which are right, and 2 are static.
    assert found["agreement_of_file"]["value"] == pytest.approx((30 * 1 / 2 + 2 * 1) / 32)
    assert found["kappa"]["value"] == pytest.approx((2 / 3 - 4 / 9) / (1 - 4 / 9))
    assert found["confusion"]["temporal"]["static"]["count"] == 1
    assert [(one["id"], one["person"]) for one in found["disagreements"]] == [(temporal[1], "static")]
    assert found["harm"] == {"the reward is always wrong": 1}
    assert "the reward is always wrong" in run(file, "--labels", table)


@pytest.mark.parametrize(
    ("routed", "true", "wrong"),
    [
        (TEMPORAL, BOTH, 0),
        (SPATIAL, BOTH, 0),
        (BOTH, TEMPORAL, 0.5),
        (STATIC, TEMPORAL, 0.5),
        (STATIC, BOTH, 1),
        (TEMPORAL, STATIC, 1),
        (SPATIAL, TEMPORAL, 1),
        (BOTH, STATIC, 1),
    ],
)
def test_harm_is_the_share_of_draws_with_a_wrong_reward(
    routed: TaskType, true: TaskType, wrong: float
) -> None:
    assert harm(routed, true).wrong == wrong


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("id,label\n", "no label is filled in"),
        ("id,label\ntemporal-0,round\n", "line 2: the label is 'round'"),
        (
            "id,label\ntemporal-0,static\ntemporal-0,static\n",
            "line 3: the id 'temporal-0' is missing or stands there",
        ),
        ("id,label\nelse,static\n", "has no labelled video 'else'"),
        ("name,label\na,static\n", "needs the columns id and label"),
        (None, "cannot be read"),
    ],
)
def test_a_table_that_is_none_is_named(tmp_path: Path, table: str | None, words: str) -> None:
    file, path = write(tmp_path / "a.jsonl", {"temporal": 1}), tmp_path / "audit.csv"
    if table is not None:
        path.write_text(table)
    assert words in run(file, "--labels", path, code=1)
