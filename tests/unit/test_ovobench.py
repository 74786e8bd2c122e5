"""OVO-Bench: a letter anywhere in a response, lists as one of its models wrote them, and means over tasks."""

from pathlib import Path
from typing import Any

import pytest

from recorded_files import graded, scores, scores_of_answers, write_json
from retroflip.bench.benchmarks.registry import benchmark
from retroflip.errors import DataError

ASKED: list[dict[str, Any]] = [
    {
        "id": number, "task": task, "video": "COIN/v.mp4", "realtime": 12.3, "question": "Where was it?", "gt": right,
        "answer": "", "options": ["At home", "All of it", "In a car", "Nowhere"],
    }
    for number, (task, right) in enumerate((("EPM", 0), ("EPM", 1), ("HLD", 3), ("OCR", 2)))
]  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    forward = {"id": 9, "task": "CRR", "video": "v.mp4", "question": "What?", "answer": "", "test_info": []}
    write_json(tmp_path / "data" / "ovo_bench_new.json", [*ASKED, forward])
    return tmp_path


def answered(root: Path, *said: Any, golds: str = "ABDC") -> Path:
    rows = [
        {"id": row["id"], "video": "/x/v.mp4", "task": row["task"], "response": text, "ground_truth": gold}
        for row, text, gold in zip(ASKED, said, golds, strict=False)
    ]
    found = {"backward": rows[:3], "realtime": rows[3:], "forward": []}
    return write_json(root / "results" / "m" / "m_EPM_HLD_OCR_offline.json", found)


def test_the_questions(root: Path) -> None:
    items = list(benchmark("ovobench").items(root))
    assert [item.sample.id for item in items] == ["0", "1", "2", "3"]
    assert "Options:\nA. At home; B. All of it; C. In a car; D. Nowhere;\n\nRespond only" in items[0].prompt
    assert (items[0].sample.video, items[0].sample.end) == ("data/src_videos/COIN/v.mp4", 13.0)
    (root / "data" / "chunked_videos").mkdir()
    shown = next(iter(benchmark("ovobench").items(root))).sample
    assert (shown.video, shown.window) == ("data/chunked_videos/0.mp4", None)
    assert next(iter(benchmark("ovobench").items(root / "data"))).sample.video == "chunked_videos/0.mp4"


def test_means_over_tasks_by_hand(root: Path) -> None:
    found = scores("ovobench", root, answered(root, "A", "C", "D.", "C").parent)
    # EPM 1 of 2, HLD 1 of 1: backward 75; OCR 1 of 1: real-time 100.
    assert {"backward_avg": 75.0, "realtime_avg": 100.0, "acc": 87.5}.items() <= found["official"].items()
    assert found["official"]["tasks"] == {"EPM": 50.0, "HLD": 100.0, "OCR": 100.0}
    assert {"backward_avg": 75.0, "acc": 87.5}.items() <= found["ours"].items()


@pytest.mark.parametrize(
    ("said", "official", "ours"),
    [
        ("B. All of it", 1.0, False), ("A, B", 1.0, False), (["A. At home"], 0.0, True), (["A"], 1.0, True),
        ("(A", 1.0, True), ("a", 0.0, True), (None, 0.0, False), ("", 0.0, False),
    ],
)  # fmt: skip
def test_one_answer(root: Path, said: Any, official: float, ours: bool) -> None:
    path = answered(root, said)
    assert graded("ovobench", root, path)[0].official == official
    assert scores_of_answers("ovobench", root, path)["ours"]["acc"] == (100.0 if ours else 0.0)


def test_a_gold_of_an_older_version_is_the_officials_and_not_ours(root: Path) -> None:
    found = scores("ovobench", root, answered(root, "A", "A", golds="CB"))
    assert (found["official"]["acc"], found["official"]["other_golds"]) == (0.0, 1)
    assert found["ours"]["acc"] == 50.0


def test_what_is_no_file_of_it_is_told(root: Path) -> None:
    with pytest.raises(DataError, match="not answers to OVO-Bench"):
        graded("ovobench", root, write_json(root / "x.json", {"backward": 3}))
    with pytest.raises(DataError, match="no answers to backward or real-time tasks"):
        graded("ovobench", root, write_json(root / "x.json", {"forward": [{"id": 9}]}))
    with pytest.raises(DataError, match="an answer is to '77'"):
        graded("ovobench", root, write_json(root / "x.json", {"backward": [{"id": 77, "response": "A"}]}))
