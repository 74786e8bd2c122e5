"""TemporalBench: binary and multiple binary accuracy by hand, by data set and category."""

from pathlib import Path
from typing import Any

import pytest

from recorded_files import graded, scores, write_json, write_lines
from retroflip.bench.benchmarks.registry import benchmark
from retroflip.errors import DataError

QUESTION = (
    "Which caption best describes this video?\nA. A person opens the door.\nB. A person closes the door.\n"
    "Answer with the option's letter from the given choices directly."
)
SHORT: list[dict[str, Any]] = [
    {
        "idx": f"short_video/{name}/{video}.mp4_{number}", "video_name": f"short_video/{name}/{video}.mp4",
        "question": QUESTION, "GT": right, "dataset": name, "category": category,
    }
    for name, video, number, right, category in (
        ("Charades", "a", 0, "A", 1), ("Charades", "a", 1, "B", 8), ("Oops", "b", 0, "B", 1), ("Oops", "c", 0, "A", 3),
    )
]  # fmt: skip
LONG = [{"idx": "long/a_0", "video_name": "long/a.mp4", "question": QUESTION, "GT": "A", "dataset": "COIN"}]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_json(tmp_path / "temporalbench_short_qa.json", SHORT)
    write_json(tmp_path / "temporalbench_long_qa.json", LONG)
    return tmp_path


def answered(root: Path, *said: str) -> Path:
    rows = [{"idx": row["idx"], "response": text} for row, text in zip(SHORT, said, strict=False)]
    return write_lines(root / "outputs" / "temporalbench_short_qa" / "m-frame1.jsonl", rows)


def test_the_questions(root: Path) -> None:
    items = list(benchmark("temporalbench").items(root))
    assert [item.sample.task for item in items] == ["short_qa"] * 4 + ["long_qa"]
    assert items[0].prompt == QUESTION
    assert items[0].sample.options == ("A person opens the door.", "A person closes the door.")
    assert items[0].sample.labels == {"dataset": "Charades", "category": "Action Order"}
    assert [item.sample.cell for item in items[:3]] == [(0, 0), (0, 1), (0, 0)]


def test_both_accuracies_by_hand(root: Path) -> None:
    # Right, right, wrong, and right by its article alone: 3 of 4 questions, 2 of 3 videos.
    found = scores("temporalbench", root, answered(root, "A", "b.", "A", "A door is closed"))
    assert {"acc": 75.0, "mba": 66.67, "n_videos": 3}.items() <= found["official"].items()
    assert found["official"]["by_dataset"]["Charades"] == {"acc": 100.0, "mba": 100.0, "n_videos": 1}
    assert found["official"]["by_category"]["Action Order"] == {"acc": 50.0, "mba": 50.0, "n_videos": 2}
    assert {"acc": 50.0, "mba": 33.33}.items() <= found["ours"].items()
    assert found["ours"]["groups"]["v_acc"] == 33.33
    assert found["unparsed"] == 1


def test_long_videos_have_no_category(root: Path) -> None:
    path = write_lines(root / "m.jsonl", [{"idx": "long/a_0", "response": "A"}])
    assert scores("temporalbench", root, path)["official"]["by_category"] == {}


def test_an_unknown_question_is_told(root: Path) -> None:
    with pytest.raises(DataError, match="an answer is to 'short_video/none'"):
        graded(
            "temporalbench",
            root,
            write_lines(root / "m.jsonl", [{"idx": "short_video/none", "response": "A"}]),
        )
