"""Filtering by a model's answers: pass rates by hand, bounds, failures, and the tiny model through the command."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

from retroflip.bench.filter import Bounds, rejects_of, write_filtered
from retroflip.bench.records import Control, Origin, answer_record, append_answers, failed_record
from retroflip.cli import app
from retroflip.data.records import read_samples, write_samples
from retroflip.data.sample import Modality, ProblemType, Sample
from retroflip.errors import UsageError
from retroflip.progress import Silence


def question(name: str, kind: ProblemType = ProblemType.MULTIPLE_CHOICE, solution: str = "A") -> Sample:
    """Return a text question."""
    return Sample(
        id=name,
        modality=Modality.TEXT,
        video="",
        question="Which?",
        options=("left", "right") if kind.has_options else (),
        solution=solution,
        problem_type=kind,
        source="hand",
        source_clip=name,
    )


def answered(folder: Path, texts: dict[str, list[str | None]], samples: list[Sample]) -> None:
    """Write answers as `generate` does; None is one that failed."""
    folder.mkdir()
    by_id = {sample.id: sample for sample in samples}
    for name, drawn in texts.items():
        for number, text in enumerate(drawn):
            origin = Origin("hand", None, number)
            one = by_id[name]
            record = (
                failed_record(one, Control.FULL, "no answer", origin)
                if text is None
                else answer_record(one, f"\\boxed{{{text}}}", Control.FULL, origin=origin)
            )
            append_answers(folder / "answers.jsonl", [record])


def filtered(folder: Path, bounds: Bounds = Bounds()) -> tuple[dict[str, float | None], dict[str, str], Any]:  # noqa: B008 - a constant
    """Filter hand-made answers, four to each question; return pass rates of the kept, reasons of the others, counts."""
    samples = [question(name) for name in ("right", "wrong", "some", "most", "lost", "unasked")]
    samples.append(question("near", ProblemType.REGRESSION, "10"))
    write_samples(folder / "in.jsonl", samples)
    texts: dict[str, list[str | None]] = {
        "right": ["A"] * 4,
        "wrong": ["B", "B", "C", "?"],
        "some": ["A", "B", "B", "B"],
        "most": ["A", "A", "A", "B"],
        "lost": ["A", "B", None, "A"],
        "near": ["10", "9", "1000", "10"],
    }
    answered(folder / "answers", texts, samples)
    out = folder / "out.jsonl"
    done = write_filtered(folder / "in.jsonl", [folder / "answers"], out, bounds, 4, Silence())
    rows = [json.loads(line) for line in rejects_of(out).read_text().splitlines()]
    kept = {one.id: one.pass_rate for one in read_samples(out, tuple(Modality))}
    return kept, {row["id"]: row["reason"] for row in rows}, done.as_json()


def test_what_is_neither_always_right_nor_always_wrong_is_kept_with_its_rate(tmp_path: Path) -> None:
    kept, left, counts = filtered(tmp_path)
    assert {name: kept[name] for name in ("some", "most")} == {"some": 0.25, "most": 0.75}
    assert kept["near"] == pytest.approx(
        (1 + 0.8 + 0 + 1) / 4
    )  # mean relative accuracy of 9 beside 10 is 0.8
    assert left == {
        "right": "always right",
        "wrong": "always wrong",
        "lost": "answers missing",
        "unasked": "answers missing",
    }
    assert (counts["records"], counts["kept"], counts["unparsed"]) == (7, 3, 2)
    assert counts["by_source"]["hand"]["kept"] == 3


def test_bounds_are_the_users(tmp_path: Path) -> None:
    kept, left, _ = filtered(tmp_path, Bounds(0.0, 0.5))
    assert kept == {"wrong": 0.0, "some": 0.25}
    assert left["most"] == left["right"] == "above the bounds"
    with pytest.raises(UsageError, match="no question would be kept"):
        Bounds(0.8, 0.2).check()


def test_spans_are_kept_by_their_overlap_as_arrowgevs_rounds_do(tmp_path: Path) -> None:
    texts = {"none": "[5.0, 6.0]", "some": "[0.0, 6.0]", "edge": "[0.0, 7.0]", "mastered": "[0.0, 7.1]"}
    samples = [question(name, ProblemType.GROUNDING, "[0.0, 10.0]") for name in texts]
    samples[0] = samples[0].model_copy(update={"solution": "[0.0, 4.0]"})
    write_samples(tmp_path / "in.jsonl", samples)
    answered(tmp_path / "answers", {name: [text] for name, text in texts.items()}, samples)
    out = tmp_path / "out.jsonl"
    write_filtered(tmp_path / "in.jsonl", [tmp_path / "answers"], out, Bounds(None, 0.7), 1, Silence())
    kept = {one.id: one.pass_rate for one in read_samples(out, tuple(Modality))}
    assert kept == {"some": pytest.approx(0.6), "edge": pytest.approx(0.7)}


def test_the_command_asks_a_model_and_goes_on_with_its_answers(tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), "red").save(tmp_path / "a.png")
    rows = [
        {
            "problem_id": f"t{number}",
            "problem": "Which letter?",
            "data_type": "text",
            "options": ["A. x", "B. y"],
        }
        for number in range(2)
    ]
    rows.append(
        {"problem_id": "i", "problem": "Which?", "data_type": "image", "path": "a.png", "options": ["x", "y"]}
    )
    text = "".join(
        json.dumps({**row, "problem_type": "multiple choice", "solution": "A"}) + "\n" for row in rows
    )
    (tmp_path / "in.jsonl").write_text(text)
    command = [
        "filter",
        str(tmp_path / "in.jsonl"),
        "--model",
        "retroflip-tiny",
        "--out",
        str(tmp_path / "out.jsonl"),
    ]
    command += ["--draws", "2", "--max-tokens", "4", "--json", "--min", "0", "--max", "1"]
    first = CliRunner().invoke(app, command)
    assert first.exit_code == 0, first.output
    counts = json.loads(first.stdout)
    assert (counts["records"], counts["kept"]) == (3, 3)
    answers = Path(counts["answers"]) / "answers.jsonl"
    lines = answers.read_text().splitlines()
    assert len(lines) == 6
    answers.write_text("".join(line + "\n" for line in lines[:3]))
    again = CliRunner().invoke(app, command)
    assert json.loads(again.stdout) == counts
    assert len(answers.read_text().splitlines()) == 6
