"""MVP: pairs by their ids, candidates as lists and as text, the second match of the official reader, and lost sides."""

from pathlib import Path
from typing import Any

import pytest

from recorded_files import graded, scores, scores_of_answers, write_lines
from retroflip.bench.benchmarks.registry import benchmark
from retroflip.errors import DataError

CANDIDATES = ["a man leaves", "a man comes"]


def row(video_id: str, answer: int, **more: Any) -> dict[str, Any]:
    return {
        "video_id": video_id, "video_path": f"/ssv2/{video_id}.mp4", "question": "What happens?",
        "answer": CANDIDATES[answer], "candidates": str(CANDIDATES), "source": "ssv2", **more,
    }  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    physics = [row("x_1_a", 0), row("x_1_b", 1), row("x_2_a", 1), row("x_2_b", 0)]
    write_lines(tmp_path / "intuitive_physics" / "mini-00000.jsonl", physics)
    order = [row("y_1_a", 0, candidates=CANDIDATES), row("y_1_b", 1)]
    write_lines(tmp_path / "temporal_reasoning" / "mini-00000.jsonl", order)
    write_lines(tmp_path / "temporal_reasoning" / "full-00000.jsonl", order)
    return tmp_path


def logged(root: Path, said: dict[str, Any]) -> Path:
    """Write samples as lmms-eval logs them with the benchmark's task."""
    rows = [
        {"doc_id": number, "filtered_resps": response, "pair_accuracy": {"video_id": video_id}}
        for number, (video_id, response) in enumerate(said.items())
    ]
    return write_lines(root / "m_samples_mvp_mini.jsonl", rows)


ALL_RIGHT = {
    "x_1_a": "A",
    "x_1_b": "B",
    "x_2_a": "Answer: B",
    "x_2_b": "Answer: A",
    "y_1_a": "A",
    "y_1_b": "B",
}


def test_the_questions(root: Path) -> None:
    items = list(benchmark("mvp").items(root))
    assert [item.sample.id for item in items] == [
        "intuitive_physics/x_1_a", "intuitive_physics/x_1_b", "intuitive_physics/x_2_a", "intuitive_physics/x_2_b",
        "temporal_reasoning/y_1_a", "temporal_reasoning/y_1_b",
    ]  # fmt: skip
    assert items[0].prompt == (
        "Question: What happens?\nOption:\n(A) a man leaves\n(B) a man comes \nEven when unsure, always answer with a "
        "single letter from A or B, format exactly like: 'Answer: A/B'."
    )
    assert (items[0].sample.video, items[0].sample.pair) == ("videos/ssv2/x_1_a.mp4", "intuitive_physics/x_1")


def test_both_accuracies_by_hand(root: Path) -> None:
    # Physics: 3 of 4 and one of two pairs; order: 2 of 2 and its pair. The group takes the mean of the two.
    found = scores("mvp", root, logged(root, {**ALL_RIGHT, "x_2_b": "B"}))
    assert found["official"]["single_accuracy"] == found["ours"]["single_accuracy"] == 87.5
    assert found["official"]["pair_accuracy"] == found["ours"]["pair_accuracy"] == 75.0
    assert found["ours"]["p_acc_by_task"] == {"intuitive_physics": 50.0, "temporal_reasoning": 100.0}


def test_a_run_of_the_small_split_misses_nothing_of_the_whole_one(root: Path) -> None:
    whole = root / "intuitive_physics" / "full-00000.jsonl"
    write_lines(whole, [row("x_1_a", 0), row("x_1_b", 1), row("x_9_a", 1), row("x_9_b", 0)])
    found = scores(
        "mvp", root, logged(root, {name: said for name, said in ALL_RIGHT.items() if name != "y_1_b"})
    )
    assert found["parts_without_answers"] == {"intuitive_physics, full": 2}
    # The official pairs are unpacked as two, and the scorer stops at one.
    assert (found["missing"], found["official"]["pair_accuracy"], found["ours"]["p_acc"]) == (1, None, 66.67)


@pytest.mark.parametrize(
    ("said", "official", "ours"),
    [
        ("B. a man", 0.0, True), ("(B) a man comes", 0.0, True), ("There is a cat and a dog, so B", 0.0, True),
        ("Answer: B", 1.0, True), ("a", 0.0, False), ("C", 0.0, False),
        ("[LMMS_EVAL_REQUEST_FAILED after 3 retries] B", 0.0, False),
    ],
)  # fmt: skip
def test_one_answer(root: Path, said: str, official: float, ours: bool) -> None:
    path = logged(root, {"x_1_b": said})
    assert graded("mvp", root, path)[0].official == official
    assert scores_of_answers("mvp", root, path)["ours"]["acc"] == (100.0 if ours else 0.0)


def test_a_lost_side_stops_the_official_scorer_and_is_wrong_for_us(root: Path) -> None:
    lost = {name: said for name, said in ALL_RIGHT.items() if name != "x_1_b"}
    found = scores("mvp", root, logged(root, lost))
    assert (found["official"]["pair_accuracy"], found["official"]["pairs_without_two_answers"]) == (None, 1)
    assert found["official"]["configurations"]["temporal_reasoning"]["pair_accuracy"] == 100.0
    assert found["ours"]["p_acc"] == 66.67
    assert found["ours"]["n_incomplete_pairs"] == 1


def test_the_submission_file(root: Path) -> None:
    rows = [
        {
            "data_name": "mvp_mini",
            "row_id": name,
            "model_answer": CANDIDATES[answer],
            "task": "intuitive_physics",
        }
        for name, answer in (("x_1_a", 0), ("x_1_b", 1), ("x_2_a", 0), ("x_2_b", 0))
    ]
    found = scores("mvp", root, write_lines(root / "mvp_mini_valid.jsonl", rows))
    assert found["official"]["single_accuracy"] == found["ours"]["single_accuracy"] == 75.0
    assert found["official"]["pair_accuracy"] == 50.0


def test_what_the_task_makes_of_each_answer(root: Path) -> None:
    rows = [{"video_id": name, "video-llm-prediction": said, "rating": 1} for name, said in ALL_RIGHT.items()]
    found = scores("mvp", root, write_lines(root / "x.jsonl", rows))
    assert (found["official"]["pair_accuracy"], found["ours"]["p_acc"]) == (100.0, 100.0)


def test_what_cannot_be_read_is_told(root: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be matched"):
        graded("mvp", root, logged(root, {"z_1_a": "A"}))
    with pytest.raises(DataError, match="has no 'row_id'"):
        graded("mvp", root, write_lines(root / "x.jsonl", [{"a": 1}]))
    with pytest.raises(DataError, match="no file of it names one of MVP's configurations"):
        list(benchmark("mvp").items(tmp_path / "videos"))
    write_lines(
        root / "intuitive_physics" / "full.jsonl", [row("x_9_a", 0, candidates="open('/etc/passwd')")]
    )
    with pytest.raises(DataError, match="are no list"):
        list(benchmark("mvp").items(root))
