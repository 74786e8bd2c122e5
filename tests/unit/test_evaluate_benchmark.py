"""The benchmark of several questions about one video: its ways answer alike, and its ratios are of their seconds."""

import argparse
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))  # where the script finds its parts

import evaluate
from evaluate_parts import lmms


def test_all_ways_answer_alike() -> None:
    sizes = {"preset": "tiny", "tokens": 150, "questions": 3, "videos": 2, "draws": 1, "max_tokens": 3}
    settings = {"repeats": 1, "threads": 1, "dtype": "float32"}
    found = evaluate.measure(argparse.Namespace(**sizes, **settings, json=True, lmms_eval=Path("nowhere")))
    assert found["equal_answers"]
    assert found["logprob_max_diff"] < 1e-5
    assert found["logprob_max_diff_transformers"] < 1e-5
    assert found["speedup_vs_separate"] == pytest.approx(
        found["seconds_separate"] / found["seconds_together"]
    )
    assert found["sizes"] == sizes | settings
    assert "nowhere/bin/python" in found["lmms_eval"]  # why it has no numbers


def test_a_speed_up_is_the_median_of_the_rounds() -> None:
    rounds = [
        {"together": lmms.Seconds(1.0, 2.0), "separate": lmms.Seconds(wall, 6.0)} for wall in (3.0, 9.0, 4.0)
    ]
    assert evaluate.speedup(rounds, "separate") == 4.0
    assert evaluate.speedup(rounds, "separate", cpu=True) == 3.0


def test_lmms_eval_is_timed_from_its_second_question_to_its_first_score() -> None:
    marks = "question 1.0 0.5\nquestion 4.0 2.5\nquestion 6.0 4.5\nscored 9.0 8.0\nscored 9.5 8.5\nscored 9.9 8.9\n"
    assert lmms.between(marks, 3) == (5.0, 5.5)
    assert lmms.between(marks, 4) is None
    assert lmms.between("", 3) is None
