"""AoTBench: first characters, which set a file answers, and lines that count twice."""

from pathlib import Path
from typing import Any

import pytest

from recorded_files import graded, scores, write_json, write_lines
from retroflip.bench.benchmarks.registry import benchmark
from retroflip.errors import DataError

CLOSING = "Answer with the option's letter from the given choices directly."
QUESTION = f"How is it played?\nA. forward\nB. backward\n{CLOSING}"


def questions(name: str, *right: str) -> list[dict[str, Any]]:
    return [
        {"qa_idx": number, "video_name": f"{name}/{number}.mp4", "question": QUESTION, "ans": letter}
        for number, letter in enumerate(right)
    ]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_json(
        tmp_path / "data_files" / "input" / "ReverseFilm.json", questions("ReverseFilm", "A", "B", "B")
    )
    write_json(tmp_path / "data_files" / "input" / "UCF101.json", questions("UCF101", "B", "A"))
    return tmp_path


def rows(*said: Any) -> list[dict[str, Any]]:
    return [{"idx": number, "response": response} for number, response in enumerate(said)]


def test_the_questions(root: Path) -> None:
    items = list(benchmark("aotbench").items(root))
    assert [item.sample.task for item in items] == ["ReverseFilm"] * 3 + ["UCF101"] * 2
    assert items[0].prompt == QUESTION
    assert (items[0].sample.video, items[0].sample.options) == (
        "data/ReverseFilm/0.mp4",
        ("forward", "backward"),
    )


def test_scores_by_hand(root: Path) -> None:
    path = write_lines(
        root / "data_files" / "output" / "ReverseFilm" / "m.jsonl", rows("A", "Answer: B", "Backward")
    )
    found = scores("aotbench", root, path)
    # By first characters A, A and B; by ours A, B and, in its own single word, backward.
    assert (found["official"]["acc"], found["ours"]["acc"]) == (66.67, 100.0)
    write_lines(root / "data_files" / "output" / "UCF101" / "m.jsonl", rows("B", ""))
    both = scores("aotbench", root, root / "data_files" / "output")
    assert both["official"]["sets"] == {"ReverseFilm": 66.67, "UCF101": 50.0}
    assert both["official"]["acc"] == 60.0


def test_a_line_that_is_there_twice_counts_twice_officially(root: Path) -> None:
    path = write_lines(root / "UCF101" / "m.jsonl", [*rows("B", "B"), {"idx": 0, "response": "A"}])
    found = scores("aotbench", root, path)
    assert (found["official"]["acc"], found["official"]["n"]) == (33.33, 3)
    assert found["official"]["by_task"] == {"UCF101": 33.33}
    assert (found["ours"]["acc"], found["ours"]["n_answers"], found["repeated"]) == (0.0, 2, 1)


def test_the_set_is_told_by_the_folder_or_by_the_indices(root: Path) -> None:
    only = write_lines(root / "m.jsonl", rows("A", "B", "B"))
    assert scores("aotbench", root, only)["official"]["sets"] == {"ReverseFilm": 100.0}
    with pytest.raises(DataError, match="several sets have all of its indices"):
        graded("aotbench", root, write_lines(root / "m.jsonl", rows("A", "B")))
    with pytest.raises(DataError, match="it holds no answer"):
        graded("aotbench", root, write_lines(root / "m.jsonl", []))
    with pytest.raises(DataError, match="no set has all of its indices"):
        graded("aotbench", root, write_lines(root / "m.jsonl", [{"idx": 77, "response": "A"}]))
