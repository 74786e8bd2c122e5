"""`retroflip dybench` as users meet it, and what a built benchmark's controls must come to."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from retroflip.cli import app
from retroflip.data.manifest import MANIFEST_NAME, Manifest, build_manifest, read_manifest, write_manifest

QUOTAS = {"reversible_dynamics": 3, "moving_direction": 3, "event_sequence": 3}


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def printed(result: Result) -> dict[str, Any]:
    assert result.exit_code in (0, 1), result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small benchmark of all three sub-tasks."""
    folder = tmp_path_factory.mktemp("dybench")
    recipe = {
        "kind": "dybench",
        "quotas": {task: {"laboratory": count} for task, count in QUOTAS.items()},
        "sources": {"laboratory": {"settings": {"size": 64}}},
    }
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    found = printed(run("dybench", "build", folder / "recipe.yaml", "--out", folder / "out", "--json"))
    assert (found["pairs"], found["refused"], found["missing"]) == (9, {}, {})
    return folder / "out"


def test_an_oracle_is_right_and_who_sees_nothing_is_right_on_no_pair(built: Path, tmp_path: Path) -> None:
    arguments = ("--bench", built, "--controls", "oracle,random,text_only", "--out", tmp_path / "answers")
    result = run("generate", "--model", "retroflip-tiny", *arguments)
    assert result.exit_code == 0, result.output
    found = printed(run("score", tmp_path / "answers", "--json"))
    controls = {**found["controls"], found["scored"]: found}
    assert (controls["oracle"]["acc"], controls["oracle"]["p_acc"]) == (1.0, 1.0)
    low, high = controls["random"]["p_acc_ci"]
    assert low <= controls["random"]["chance"]["p_acc"] <= high
    assert controls["text_only"]["p_acc"] == 0.0


def test_what_the_sources_hold_is_told_without_a_folder(built: Path) -> None:
    found = printed(run("dybench", "build", built / "recipe.yaml", "--dry-run", "--json"))
    assert {row["sub_task"]: row["candidates"] for row in found["quotas"]} == dict.fromkeys(QUOTAS, 1000)
    shown = run("dybench", "build", built / "recipe.yaml", "--dry-run")
    assert "event_sequence" in shown.stdout


def test_an_audit_of_few_pairs_says_so_and_fails(built: Path) -> None:
    result = run("dybench", "audit", built, "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert found["files_unlike"] == {"metadata": 0, "size": 0, "gop": 0, "tags": 0}
    assert found["too_few_to_judge"] == {**QUOTAS, "all": 9}
    assert found["faults"] == ["no sub-task has 10 pairs or more, too few to judge any by"]


def test_a_release_prints_how_far_raters_agree(built: Path, tmp_path: Path) -> None:
    pair = "laboratory-moving_direction-00000"
    rows = [{"rater": rater, "pair": pair, "verdict": "accept"} for rater in ("anna", "ben")]
    (tmp_path / "labels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    arguments = (built, "--labels", tmp_path / "labels.jsonl", "--out", tmp_path / "released")
    result = run("dybench", "release", *arguments)
    assert result.exit_code == 0, result.output
    assert "Krippendorff's alpha 1.00" in result.stdout
    assert "1 pair kept, 0 rejected, 8 seen by too few" in result.stdout
    assert printed(run("dybench", "release", *arguments, "--json"))["pairs"] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("build", "RECIPE"), "--out is needed"),
        (("build", "RECIPE", "--dry-run", "--root", "nothing=/x"), "write NAME=DIR"),
        (("build", "none.yaml", "--dry-run"), "There is no recipe"),
        (("audit", "nowhere"), "holds no records.jsonl"),
    ],
)
def test_wrong_usage_is_a_paragraph(arguments: tuple[str, ...], message: str, built: Path) -> None:
    result = run("dybench", *(one.replace("RECIPE", str(built / "recipe.yaml")) for one in arguments))
    assert result.exit_code == 2
    assert message in result.stderr


def rows_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()]


def rewrite(folder: Path, rows: list[dict[str, Any]]) -> None:
    """Put other records in place, and into the manifest."""
    (folder / "records.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    listed = read_manifest(folder / MANIFEST_NAME).files | build_manifest(folder, ["records.jsonl"]).files
    write_manifest(folder / MANIFEST_NAME, Manifest(files=listed))


def test_what_is_damaged_is_recorded_and_counted(built: Path, tmp_path: Path) -> None:
    bench = Path(shutil.copytree(built, tmp_path / "bench"))
    rows = rows_of(bench)
    cut, empty, text, changed, gone = (bench / rows[2 * index]["path"] for index in range(5))
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    empty.write_bytes(b"")
    text.write_text("no video\n" * 20)
    content = bytearray(changed.read_bytes())
    content[len(content) // 2] ^= 1
    changed.write_bytes(bytes(content))
    gone.unlink()
    for row in rows[12:14]:
        row["options"] = [f"{chr(65 + index)}. way {index}" for index in range(25)]
    rewrite(bench, [row for row in rows if row is not rows[16]])  # a missing side
    limits = ("--frames", "4", "--max-tokens", "8", "--max-failed-share", "1", "--no-null-option")
    asked = ("--bench", bench, "--controls", "full,oracle", "--out", tmp_path / "answers", *limits)
    result = run("generate", "--model", "retroflip-tiny", *asked)
    assert result.exit_code == 0, result.output
    failures = [
        json.loads(line) for line in (tmp_path / "answers" / "failures.jsonl").read_text().splitlines()
    ]
    broken = {Path(rows[2 * index]["path"]).name for index in range(5)}
    assert {Path(row["path"]).name for row in failures} == broken
    found = printed(run("score", tmp_path / "answers", "--json"))
    counted = ("n_answers", "n_failed", "n_pairs", "n_incomplete_pairs")
    assert [found[key] for key in counted] == [17, 5, 9, 6]


@pytest.mark.parametrize(("options", "message"), [(26, "at most 25"), (1, "at least 2"), (0, "options")])
def test_numbers_of_options_that_cannot_be_asked_are_told_with_their_line(
    options: int, message: str, built: Path, tmp_path: Path
) -> None:
    bench = Path(shutil.copytree(built, tmp_path / "bench"))
    rows = rows_of(bench)
    rows[3]["options"] = [f"{chr(65 + index)}. way {index}" for index in range(options)]
    rewrite(bench, rows)
    result = run("bench", "check", bench)
    assert result.exit_code == 1
    assert "line 4" in result.output
    assert message in result.output
