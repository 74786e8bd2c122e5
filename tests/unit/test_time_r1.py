"""Time-R1's files of answers to the benchmarks that it asks: its names of questions, its score by hand, and ours."""

import json
from pathlib import Path
from typing import Any

import pytest

from recorded_files import graded, scores, write_json, write_lines
from retroflip.errors import DataError

CHARADES = "AAAAA 0.0 10.0##a person runs.\nBBBBB 5.0 10.0##a person sits.\nAAAAA 20.0 30.0##a person eats.\n"
THOUGHT = "<think>From 1 to 2 they stand.</think>\n<answer>{}</answer><|im_end|>"


@pytest.fixture
def charades(tmp_path: Path) -> Path:
    (tmp_path / "charades_sta_test.txt").write_text(CHARADES)
    (tmp_path / "Charades_v1_test.csv").write_text("id,length\nAAAAA,30.0\nBBBBB,12.0\n")
    return tmp_path


def row(qid: str, said: str, pred: Any, target: Any) -> dict[str, Any]:
    """Return a row as evaluate.py writes it."""
    return {"qid": qid, "pred": pred, "target": target, "duration": None, "output_text": THOUGHT.format(said)}


def test_spans_are_numbered_video_by_video(charades: Path) -> None:
    answers = charades / "charades"
    write_lines(answers / "tg_0_2.jsonl", [
        row("charades_0", "0.0 to 5.0", [0.0, 5.0], [0.0, 10.0]),
        row("charades_1", "20.00 to 30.00", [20.0, 30.0], [20.0, 30.0]),
    ])  # fmt: skip
    write_lines(answers / "tg_1_2.jsonl", [row("charades_2", "I do not know", [None, None], [5.0, 10.0])])
    found = graded("charades", charades, answers)
    # The third line of the annotation is the second question: those of a video stand together.
    assert [(one.item.sample.question, one.official) for one in found] == [
        ("a person runs.", 0.5), ("a person eats.", 1.0), ("a person sits.", 0.0),
    ]  # fmt: skip
    official, ours = (scores("charades", charades, answers)[key] for key in ("official", "ours"))
    # An overlap of just a half is none above it: lmms-eval's at least takes it, and so does ours.
    assert (official["miou"], official["r0.3"], official["r0.5"], official["r0.7"]) == (
        50.0,
        66.67,
        33.33,
        33.33,
    )
    # The mean of these four: (50 + 66.667 + 33.333 + 33.333) / 4.
    assert official["avg"] == 45.83
    assert (ours["grounding"]["miou"], ours["grounding"]["r0.5"]) == (50.0, 66.67)
    one = write_lines(charades / "one.jsonl", [row("charades_0", "0.0 to 5.0", [0.0, 5.0], [0.0, 10.0])])
    assert scores("charades", charades, one)["missing"] == 2


def test_the_last_row_of_a_question_counts_and_others_are_told(charades: Path) -> None:
    rows = [
        row("charades_0", "9 to 10", [9.0, 10.0], [0.0, 10.0]),
        row("charades_0", "0 to 10", [0.0, 10.0], [0.0, 10.0]),
    ]
    found = scores("charades", charades, write_lines(charades / "tg_0_1.jsonl", rows))
    assert (found["official"]["miou"], found["official"]["n"], found["unknown"]) == (100.0, 1, 1)
    assert found["unknown_by_reason"] == {"to a question that is answered again further on": 1}


@pytest.mark.parametrize(
    ("said", "official", "ours"),
    [
        ("<think>x</think><answer>\nBest Option: (B)", 1.0, 100.0), ("(A) or rather (B)</answer>", 1.0, 0.0),
        ("B", 1.0, 100.0), ("Both are right", 1.0, 0.0), ("", 0.0, 0.0), ("<answer>(A)</answer>", 0.0, 0.0),
    ],
)  # fmt: skip
def test_options(tmp_path: Path, said: str, official: float, ours: float) -> None:
    write_json(tmp_path / "json" / "action_antonym.json", [
        {"video": "1.webm", "question": "What?", "candidates": ["opens", "shuts"], "answer": "shuts"},
    ])  # fmt: skip
    answer = {
        "qid": "mvbench|action_antonym|0",
        "pred": None,
        "target": 1,
        "duration": None,
        "output_text": said,
    }
    path = write_lines(tmp_path / "mcq_0_1.jsonl", [answer])
    found = scores("mvbench", tmp_path, path)
    assert (graded("mvbench", tmp_path, path)[0].official, found["ours"]["acc"]) == (official, ours)


def test_tempcompass_and_probabilities_in_place_of_words(tmp_path: Path) -> None:
    asked = [
        {"question": q, "answer": "B. right"}
        for q in ("Which?\nA. left\nB. right", "Where?\nA. left\nB. right")
    ]
    write_json(tmp_path / "questions" / "multi-choice.json", {"7": {"direction": asked}})
    path = write_lines(tmp_path / "mcq_0_1.jsonl", [
        {"qid": "tempcompass|multi-choice|7|direction|1", "pred": 1, "target": 1, "duration": None, "probs": [0.1, 0.9]}
    ])  # fmt: skip
    (one,) = graded("tempcompass", tmp_path, path)
    assert (one.item.sample.id, one.response, one.official) == ("multi-choice/7/direction/1", "B", 1.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"qid": "charades_3"}, "'charades_3', which is none of the 3 questions"), ({"qid": None}, "no 'qid'"),
        ({"target": "0-10"}, "neither a span nor an option"), ({"target": [1, 2, 3]}, "no span of two seconds"),
        ({"pred": [1.0]}, "no span of two seconds"), ({"pred": ["a", "b"]}, "no span of two seconds"),
    ],
)  # fmt: skip
def test_what_is_no_answer_of_it_is_told(charades: Path, change: dict[str, Any], message: str) -> None:
    rows = [
        row("charades_1", "1 to 2", [1.0, 2.0], [0.0, 10.0]),
        row("charades_0", "", [1.0, 2.0], [0.0, 10.0]) | change,
    ]
    with pytest.raises(DataError, match=message):
        graded("charades", charades, write_lines(charades / "tg_0_1.jsonl", rows))


def test_a_file_that_was_cut_drops_no_answer(charades: Path) -> None:
    path = write_lines(
        charades / "tg_0_1.jsonl", [row(f"charades_{n}", "1 to 2", [1.0, 2.0], [0.0, 10.0]) for n in range(3)]
    )
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match="line 3"):
        graded("charades", charades, path)


def test_answers_that_are_no_numbers_overlap_nothing(charades: Path) -> None:
    rows = [
        json.loads(
            '{"qid": "charades_0", "pred": [NaN, Infinity], "target": [0.0, 10.0], "output_text": "x"}'
        )
    ]
    assert graded("charades", charades, write_lines(charades / "tg_0_1.jsonl", rows))[0].official == 0.0
