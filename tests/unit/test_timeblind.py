"""TimeBlind: gold by place, the four measures by hand, and the official reader's faults beside ours."""

from pathlib import Path
from typing import Any

import pytest

from recorded_files import graded, scores, scores_of_answers, write_json, write_lines
from retroflip.bench.benchmarks.registry import benchmark
from retroflip.errors import DataError

QUESTIONS = [
    {
        "index": index,
        "video_path": f"TimeBlind/videos/vid_{index // 4:05d}_{index % 2}.mp4",
        "question": "Does it rise?" if index < 4 else "What does the ball do?\nA. rise\nB. fall",
        "answer": "unused",
        "type": "yes_no" if index < 4 else "multiple_choice",
    }
    for index in range(8)
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_lines(tmp_path / "TimeBlind" / "data.jsonl", QUESTIONS)
    return tmp_path


def answers(root: Path, said: dict[int, Any]) -> Path:
    rows = [{"index": index, "model_output": output} for index, output in said.items()]
    return write_json(root / "predictions.json", rows)


def test_the_questions(root: Path) -> None:
    items = list(benchmark("timeblind").items(root))
    # Yes and A are right for question 0 about video 0 and for question 1 about video 1.
    assert [item.sample.solution for item in items] == ["A", "B", "B", "A"] * 2
    assert [item.sample.cell for item in items[:4]] == [(0, 0), (1, 0), (0, 1), (1, 1)]
    assert items[0].prompt == "Does it rise? Please output Yes or No."
    assert items[4].prompt.endswith("B. fall Please output A or B.")
    assert (items[4].sample.question, items[4].sample.options) == ("What does the ball do?", ("rise", "fall"))
    assert items[5].sample.video == "TimeBlind/videos/vid_00001_1.mp4"
    inside = next(iter(benchmark("timeblind").items(root / "TimeBlind")))
    assert inside.sample.video == "videos/vid_00000_0.mp4"


def test_all_four_measures_by_hand(root: Path) -> None:
    # Instance 0: all but question 1 about video 1. Instance 1: question 0 about both, video 0 wrong in question 1.
    said = {0: "Yes", 1: "No", 2: "No.", 3: "No", 4: "A", 5: "B", 6: "A", 7: "A"}
    found = scores("timeblind", root, answers(root, said))
    table = {"acc": 75.0, "Q_Acc": 50.0, "V_Acc": 50.0, "I_Acc": 0.0, "num_instances": 2}
    assert table.items() <= found["official"].items()
    assert table.items() <= found["ours"].items()
    groups = found["ours"]["groups"]
    assert (groups["q_acc"], groups["v_acc"], groups["g_acc"]) == (50.0, 50.0, 0.0)


@pytest.mark.parametrize(
    ("index", "said", "official", "ours"),
    [
        (0, "<think>There is no car.</think><answer>Yes</answer>", 0.0, True),
        (0, "answer: Yes, and no doubt", 1.0, True),
        (1, "Nothing", 0.0, False), (1, "No", 1.0, True),
        (4, "a ball rises, so B", 1.0, False), (5, "It is a fall: (B)", 1.0, False), (5, "B", 1.0, True),
        (4, "The answer is A.", 1.0, True), (4, "", 0.0, False), (4, None, 0.0, False),
    ],
)  # fmt: skip
def test_one_answer(root: Path, index: int, said: str | None, official: float, ours: bool) -> None:
    path = answers(root, {index: said})
    assert graded("timeblind", root, path)[0].official == official
    assert scores_of_answers("timeblind", root, path)["ours"]["by_task"] == {
        QUESTIONS[index]["type"]: 100.0 if ours else 0.0
    }


def test_an_instance_without_an_answer_is_wrong_and_one_without_any_counts_for_us_alone(root: Path) -> None:
    found = scores("timeblind", root, answers(root, {0: "Yes", 1: "No", 2: "No"}))
    assert (found["official"]["acc"], found["official"]["num_instances"]) == (0.0, 1)
    measures = ("acc", "Q_Acc", "V_Acc", "I_Acc")
    assert [found["ours"][key] for key in measures] == [37.5, 25.0, 25.0, 0.0]
    assert (found["ours"]["groups"]["q_acc"], found["ours"]["num_instances"], found["missing"]) == (
        25.0,
        2,
        5,
    )
    found = scores_of_answers("timeblind", root, root / "predictions.json")
    assert found["ours"]["groups"]["q_acc"] == 50.0
    assert [found["ours"][key] for key in measures] == [75.0, 50.0, 50.0, 0.0]
    # An answer that is no text stops the official reader at its instance.
    found = scores("timeblind", root, answers(root, {0: "Yes", 1: "No", 2: "No", 3: ["Yes"]}))
    assert (found["official"]["I_Acc"], found["ours"]["I_Acc"]) == (0.0, 50.0)
    assert found["ours"]["groups"]["g_acc"] == 50.0


def test_the_kind_is_read_by_place_as_officially(tmp_path: Path) -> None:
    write_lines(tmp_path / "data.jsonl", QUESTIONS[4:] + QUESTIONS[:4])
    path = answers(tmp_path, {0: "Yes", 1: "No", 2: "No", 3: "Yes"})
    # The line at place 0 is multiple choice, so that "Yes" and "No" are read as no letter.
    assert scores("timeblind", tmp_path, path)["official"]["acc"] == 0.0
    assert scores_of_answers("timeblind", tmp_path, path)["ours"]["groups"]["g_acc"] == 100.0


def test_what_is_no_answer_to_it_is_told(root: Path) -> None:
    with pytest.raises(DataError, match="an answer is to 99"):
        graded("timeblind", root, answers(root, {99: "Yes"}))
    with pytest.raises(DataError, match="none of its answers has a number 'index'"):
        graded("timeblind", root, write_json(root / "x.json", [{"model_output": "Yes"}]))
    with pytest.raises(DataError, match=r"data\.jsonl or TimeBlind/data\.jsonl is not in it"):
        list(benchmark("timeblind").items(root / "none"))


def test_answers_in_the_form_of_the_published_ones(root: Path) -> None:
    thought = "<think>First it rests. So the answer should be Yes.</think>"
    said = f"{thought}<answer>It falls; thus, the answer is <|begin_of_box|>No<|end_of_box|>.</answer>"
    shared = {
        "video_path": "TimeBlind/videos/vid_00000_1.mp4",
        "model_name": "glm_v",
        "ts": "2026-01-26T16:42:29",
    }
    rows = [
        {"index": 1, "model_output": said, "error": None, **shared},
        {"index": 2, "model_output": "", "error": "timeout", **shared},
    ]
    path = write_json(root / "glm_v_timeblind.json", rows)
    assert [one.response for one in graded("timeblind", root, path)] == [said, None]
    found = scores_of_answers("timeblind", root, path)
    assert (found["ours"]["acc"], found["ours"]["n_failed"], found["unparsed"]) == (25.0, 1, 0)
    assert found["disagreements"] == {"right by ours alone": 1, "right by the official alone": 0}
