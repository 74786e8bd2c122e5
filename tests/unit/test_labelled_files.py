"""`retroflip route` on files: what is labelled and kept, table 8, checks against labelled cases, what is refused."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from retroflip.cli.app import app
from retroflip.data.records import read_records
from retroflip.data.sample import Modality, TaskType

runner = CliRunner()


def record(name: str, **keys: Any) -> dict[str, Any]:
    base = {"problem_id": name, "problem": "Which way does it move?", "problem_type": "multiple choice"}
    return {
        **base,
        "options": ["left", "right"],
        "solution": "A",
        "path": f"{name}.mp4",
        "data_source": "mine",
        **keys,
    }


RECORDS = [
    record("way"),
    record("kept", counterfactual_solution="A", solution="B"),
    record(
        "text",
        problem="What does the sign say?",
        options=["OPEN", "SALE"],
        data_source="signs",
        task_type="spatial",
    ),
    record("picture", data_type="image", path="a.png"),
    record(
        "sum", data_type="text", path="", problem="2 + 2?", problem_type="numerical", options=[], solution="4"
    ),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in RECORDS))
    return path


def run(*arguments: object, code: int = 0) -> str:
    result = runner.invoke(app, [str(one) for one in arguments])
    assert result.exit_code == code, result.output
    return result.stdout if code == 0 else result.output


def test_videos_are_labelled_and_the_rest_is_as_it_was(file: Path) -> None:
    out = file.with_name("routed.jsonl")
    run("route", file, "--router", "rules", "--out", out)
    before, after = (read_records(path, tuple(Modality)).samples for path in (file, out))
    assert [sample.id for sample in after] == [sample.id for sample in before]
    way, kept, text, *others = after
    assert way.routing is not None
    assert (way.task_type, way.counterfactual_solution) == (TaskType.SPATIOTEMPORAL, "B")
    assert (way.routing.router, way.routing.flip, way.routing.reversal) == ("rules", True, True)
    assert way.routing.reason.startswith("flip: the answer's mirror image is another option; reversal: ")
    assert way.routing.confidence == 0.99
    assert kept.counterfactual_solution == "A"
    assert text.routing is not None
    assert (text.task_type, text.routing.flip_unsafe) == (TaskType.STATIC, True)
    assert others == before[3:]
    again = file.with_name("again.jsonl")
    run("route", out, "--out", again)
    assert again.read_bytes() == out.read_bytes()


def test_table_8_of_a_file(file: Path) -> None:
    out = file.with_name("routed.jsonl")
    told = json.loads(run("route", "label", file, "--out", out, "--json"))
    found = json.loads(run("route", "stats", out, "--json"))
    assert found["by_source"]["mine"] == {
        "temporal": 0,
        "spatial": 0,
        "spatiotemporal": 2,
        "static": 0,
        "total": 2,
    }
    assert found["total"] == {"temporal": 0, "spatial": 0, "spatiotemporal": 2, "static": 1, "total": 3}
    assert found["shares"]["static"] == pytest.approx(1 / 3)
    assert (found["unlabelled"], found["flip_unsafe"], found["counterfactual_known"]) == (
        {"image": 1, "text": 1},
        1,
        2,
    )
    assert (told["relabelled"], told["total"]) == (1, found["total"])
    assert "spatiotemporal" in run("route", "stats", out)


def test_check_scores_clear_cases_and_names_the_unlike(tmp_path: Path) -> None:
    ways = {"question": "Which way does it move?", "options": ["left", "right"], "answer": "A"}
    cases = [
        {"id": "a", **ways, "label": "Spatiotemporal"},
        {"id": "b", **ways, "flip": True, "reverse": True, "ambiguous": ""},
        {"id": 3, **ways, "label": "Static"},
        {"id": "d", **ways, "label": "Static", "ambiguous": "who knows"},
        {"id": "e", "question": "What colour is it?", "answer": "red", "label": "static"},
    ]
    path = tmp_path / "cases.jsonl"
    path.write_text("".join(json.dumps(case) + "\n" for case in cases))
    found = json.loads(run("route", "check", path, "--json"))
    assert (found["cases"], found["accuracy"], found["errors"]) == (4, 0.75, ["3"])
    assert found["macro_f1"] == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert found["kappa"] == pytest.approx(0.5)
    assert found["by_label"]["static"] == {
        "precision": 1,
        "recall": 0.5,
        "f1": pytest.approx(2 / 3),
        "support": 2,
    }
    assert found["ambiguous"] == {"cases": 1, "same": 0, "errors": ["d"]}
    assert "Unlike: 3" in run("route", "check", path)


def test_check_takes_labelled_records(file: Path) -> None:
    file.write_text(json.dumps(record("way", task_type="spatiotemporal")) + "\n")
    assert json.loads(run("route", "check", file, "--json"))["accuracy"] == 1


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"id": 1, "question": "Who?", "answer": "Anna"}, "no 'label', and not both"),
        ({"id": 1, "question": "Who?", "answer": "Anna", "label": "round"}, "label is 'round'"),
        ({"id": 1, "answer": "Anna", "label": "static"}, "'question': it is missing"),
        (
            {"id": 1, "question": "Who?", "options": ["a", "b"], "answer": "C", "label": "static"},
            "none of the options",
        ),
        (record("way"), "no 'task_type'"),
    ],
)
def test_check_names_the_line_of_a_case_that_is_none(tmp_path: Path, row: dict[str, Any], words: str) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_text("\n" + json.dumps(row) + "\n")
    told = " ".join(run("route", "check", path, code=1).split())
    assert "line 2" in told
    assert words in told


def test_what_cannot_be_routed_leaves_nothing_behind(file: Path) -> None:
    out = file.with_name("routed.jsonl")
    with file.open("a") as stream:
        stream.write(json.dumps(record("way")) + "\n")
    assert "line 6: the id 'way' is already that of line 1" in run("route", file, "--out", out, code=1)
    assert "is the file that is read" in run("route", file, "--out", file, code=2)
    assert "No text model can be loaded from" in run(
        "route", file, "--out", out, "--router", "oracle", code=2
    )
    assert "only --router llm makes some" in run("route", file, "--out", out, "--dry-run", code=2)
    assert "--convention 'causes=maybe' is none" in run(
        "route", file, "--out", out, "--convention", "causes=maybe", code=2
    )
    assert [path.name for path in file.parent.iterdir()] == [file.name]


@pytest.mark.parametrize("out", ["/proc/x.jsonl", "gone/x.jsonl"])
def test_a_place_where_no_file_can_be_made_is_named(
    file: Path, monkeypatch: pytest.MonkeyPatch, out: str
) -> None:
    monkeypatch.chdir(file.parent)
    folder = out.rpartition("/")[0]
    for router in ("rules", "llm"):
        settings = (
            ("--endpoint=base_url=http://127.0.0.1:9/v1", "--endpoint=model=m") if router == "llm" else ()
        )
        told = run("route", file, "--router", router, *settings, "--out", out, code=1)
        assert f"Error: {folder}: no folder, or none that takes new files" in told
    assert "folder" in run("data", "import", "records", file, "--out", out, code=1 if out[0] == "/" else 2)


def test_a_missing_file_is_named_even_where_the_new_one_is_there(file: Path) -> None:
    missing = file.with_name("missing.jsonl")
    assert "missing.jsonl: the data file cannot be read" in run("route", missing, "--out", file, code=1)


def test_conventions_are_listed() -> None:
    assert json.loads(run("route", "conventions", "--json"))["middle"]["default"] is False
    assert "windows_are_cut" in run("route", "conventions")


def test_what_a_killed_run_left_is_taken_away(file: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    left = file.with_name(f".routed.jsonl.{child.pid}-0a1b2c3d.tmp")
    left.write_text("half")
    run("route", file, "--out", file.with_name("routed.jsonl"))
    assert sorted(path.name for path in file.parent.iterdir()) == ["mine.jsonl", "routed.jsonl"]
