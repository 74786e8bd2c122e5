"""TVBench: answers in the order of its tasks, its comparison of first words, and parts of videos."""

from pathlib import Path
from typing import Any

import pytest

from recorded_files import graded, scores, write_json
from retroflip.bench.benchmarks.registry import benchmark
from retroflip.bench.benchmarks.tvbench import check_answer
from retroflip.errors import DataError


def question(answer: str, **more: Any) -> dict[str, Any]:
    return {"video": "v.mp4", "question": "Which?", "candidates": ["up.", "down."], "answer": answer, **more}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_json(tmp_path / "json" / "action_count.json", [question("up."), question("down.")])
    write_json(tmp_path / "json" / "action_sequence.json", [question("down.", start=1.5, end=4)])
    return tmp_path


def answered(root: Path, *said: str, golds: tuple[str, ...] = ("(A) up.", "(B) down.", "(B) down.")) -> Path:
    listed = [{"pred": text, "gt": gold} for text, gold in zip(said, golds, strict=False)]
    return write_json(
        root / "test.json",
        {"acc_dict": {"Action Count": [0, 2], "Action Sequence": [0, 1]}, "res_list": listed},
    )


def test_the_questions(root: Path) -> None:
    items = list(benchmark("tvbench").items(root))
    assert [item.sample.id for item in items] == ["action_count/0", "action_count/1", "action_sequence/0"]
    assert items[0].prompt.endswith(
        "Question: Which?\nOptions:\n(A) up.\n(B) down.\nOnly give the best option."
    )
    assert items[0].sample.video == "video/action_count/v.mp4"
    assert (items[0].sample.window, items[2].sample.start, items[2].sample.end) == (None, 1.5, 4.0)


def test_scores_by_hand(root: Path) -> None:
    found = scores("tvbench", root, answered(root, "(A) up.", "(A", "(B"))
    assert (found["official"]["acc"], found["official"]["tasks"]) == (
        66.67, {"Action Count": 50.0, "Action Sequence": 100.0},
    )  # fmt: skip
    assert (found["ours"]["acc"], found["unparsed"]) == (66.67, 0)


@pytest.mark.parametrize(
    ("said", "right"),
    [
        ("(A) up.", 1.0), ("(A", 1.0), ("A) up", 1.0), ("a", 1.0), ("(B) down.", 0.0), ("up", 0.0),
        ("Answer: (A)", 0.0),
        ("", 1.0), ("(", 1.0), (")", 1.0),
    ],
)  # fmt: skip
def test_first_words_within_one_another(said: str, right: float) -> None:
    assert check_answer(said, "(A) up.") == right


def test_answers_in_another_order_are_told(root: Path) -> None:
    with pytest.raises(DataError, match="must have the order of the questions"):
        graded("tvbench", root, answered(root, "(A)", golds=("(B) down.",)))
    with pytest.raises(DataError, match="4 answers to the 3 questions"):
        graded(
            "tvbench",
            root,
            answered(root, "(", "(", "(", "(", golds=("(A) up.", "(B) down.", "(B) down.", "(A)")),
        )
    with pytest.raises(DataError, match="not answers to TVBench"):
        graded("tvbench", root, write_json(root / "x.json", []))
