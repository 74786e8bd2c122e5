"""MHBench's answers: both tasks by hand, what its scorer leaves out of its denominators, and its reading of words."""

from pathlib import Path
from typing import Any

import pytest

from recorded_files import graded, scores, write_json
from retroflip.bench.benchmarks.registry import benchmark
from retroflip.errors import DataError

OPTIONS = {"A": "covering something", "B": "uncovering something", "C": "neither action A nor B happened"}
CLASSES: list[dict[str, Any]] = [
    {
        "id": number, "motion_id": "1", "video_id": f"{100 + number}", "question": "Which action?", "answer": right,
        "options": OPTIONS,
    }
    for number, right in enumerate("ABCA")
]  # fmt: skip
QUESTIONS: list[dict[str, Any]] = [
    {
        "dis_id": number, "id": number // 2, "motion_id": "1", "video_id": f"{100 + number // 2}",
        "dis_question": "Is it covered? If so, answer 'yes, it does'.", "dis_answer": ("yes", "no")[number % 2],
    }
    for number in range(6)
]  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_json(tmp_path / "dataset" / "MHBench" / "classification.json", CLASSES)
    write_json(tmp_path / "dataset" / "MHBench" / "discrimination.json", QUESTIONS)
    return tmp_path


def answered(root: Path, rows: list[dict[str, Any]], *said: str | None) -> Path:
    return write_json(
        root / "response.json", [{**row, "predict": text} for row, text in zip(rows, said, strict=False)]
    )


def test_the_questions(root: Path) -> None:
    items = list(benchmark("mhbench").items(root))
    assert len(items) == 10
    assert items[0].prompt.startswith("Carefully watch the video and pay attention to the cause")
    listed = "(A) covering something\n(B) uncovering something\n(C) neither action A nor B happened\n "
    assert items[0].prompt.endswith(f"Options:\n{listed}")
    assert items[0].sample.video == "dataset/MHBench/videos/100.mp4"
    assert [item.sample.cell for item in items[4:6]] == [(0, 0), (0, 1)]
    inside = next(iter(benchmark("mhbench").items(root / "dataset" / "MHBench")))
    assert inside.sample.video == "videos/100.mp4"


def test_classification_by_its_first_character(root: Path) -> None:
    # "Both" is B, "Covering" is C, "The" is nothing and leaves the denominator: 2 of 3 are right, rounded to 66.7.
    found = scores("mhbench", root, answered(root, CLASSES, "A", "Both of them", "The last", "Covering"))
    assert found["official"]["tasks"]["classification"] == {"acc": 66.7, "nan_ratio": 25.0, "nan_num": 1}
    assert found["ours"]["by_task"] == {"classification": 25.0}
    assert found["unparsed"] == 3
    assert [one.official for one in graded("mhbench", root, root / "response.json")] == [1.0, 1.0, None, 0.0]
    empty = scores("mhbench", root, answered(root, CLASSES, "A", ""))
    assert empty["official"]["tasks"]["classification"]["acc"] == 100.0
    assert empty["ours"]["tasks"]["classification"]["acc"] == 25.0
    assert (empty["ours_of_answered"], empty["missing"]) == ({"acc": 50.0, "n": 2}, 2)


def test_discrimination_by_hand(root: Path) -> None:
    # Right: 1 (yes), 2 (no), 3 (yes), 5 (yes); wrong: 4 (yes where no); unread: 6.
    said = ("Yes, it does.", "No, it doesn't.", "yes", "Well, yes", "Yes", "It may be")
    found = scores("mhbench", root, answered(root, QUESTIONS, *said))
    official = found["official"]["tasks"]["discrimination"]
    assert (official["acc"], official["recall"], official["no_acc"]) == (80.0, 100.0, 50.0)
    assert (official["precision"], official["f1"]) == (75.0, 85.71)
    assert (official["yes_ratio"], official["pct_diff"], official["nan_ratio"]) == (66.67, 16.67, 16.67)
    # Pair 0 is left out for its id and pair 2 for its unread answer; of pair 1 one answer is wrong.
    assert official["pair_acc"] == 0.0
    ours = found["ours"]["tasks"]["discrimination"]
    # Pair 0 counts, and what is not read is wrong.
    assert (ours["acc"], ours["pair_acc"], ours["nan_ratio"]) == (66.67, 33.33, 16.67)
    assert found["ours"]["groups"]["v_acc"] == 33.33
    assert found["ours"]["by_task"] == {"discrimination": 66.67}


def test_records_without_a_prediction_are_not_counted(root: Path) -> None:
    found = scores("mhbench", root, answered(root, QUESTIONS, "Yes", None))
    assert (found["official"]["tasks"]["discrimination"]["nan_ratio"], found["ours"]["n_failed"]) == (
        0.0,
        len(QUESTIONS) - 1,
    )
    assert found["missing"] == len(QUESTIONS) - 2


def test_a_recorded_file_stands_alone(root: Path, tmp_path: Path) -> None:
    path = answered(root, CLASSES, "A", "B")
    assert scores("mhbench", tmp_path / "none", path)["official"]["acc"] == 100.0


def test_both_tasks_of_a_model(root: Path) -> None:
    model = root / "outputs" / "m"
    for name, rows in (("classification", CLASSES), ("discrimination", QUESTIONS)):
        answers = [{**row, "predict": "A" if name == "classification" else "yes"} for row in rows]
        write_json(model / f"mhbench_{name}" / "response.json", answers)
    found = scores("mhbench", root, model)["official"]["tasks"]
    assert (found["classification"]["acc"], found["discrimination"]["acc"]) == (50.0, 50.0)


def test_what_cannot_be_read_is_told(root: Path) -> None:
    with pytest.raises(DataError, match="none of its records has 'predict'"):
        graded("mhbench", root, write_json(root / "x.json", CLASSES))
    with pytest.raises(DataError, match="an answer is to 'classification/9'"):
        graded("mhbench", root, answered(root, [{**CLASSES[0], "id": 9}], "A"))
    write_json(
        root / "dataset" / "MHBench" / "discrimination.json", [{**QUESTIONS[0], "dis_answer": "maybe"}]
    )
    with pytest.raises(DataError, match="neither yes nor no"):
        list(benchmark("mhbench").items(root))
