"""The benchmark of several questions about one video: its ways answer alike, and its ratios are of their seconds."""

import argparse
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))  # where the script finds its parts

import evaluate


def test_all_ways_answer_alike() -> None:
    sizes = {"preset": "tiny", "tokens": 150, "questions": 3, "videos": 2, "draws": 1, "max_tokens": 3}
    found = evaluate.measure(argparse.Namespace(**sizes, repeats=1, threads=1, json=True))
    assert found["equal_answers"]
    assert found["logprob_max_diff"] < 1e-5
    assert found["logprob_max_diff_transformers"] < 1e-5
    assert found["speedup_vs_separate"] == pytest.approx(
        found["seconds_separate"] / found["seconds_together"]
    )
    assert found["sizes"] == sizes | {"repeats": 1, "threads": 1}


def test_a_speed_up_is_the_median_of_the_rounds() -> None:
    rounds = [
        {"together": evaluate.Seconds(1.0, 2.0), "separate": evaluate.Seconds(wall, 6.0)}
        for wall in (3.0, 9.0, 4.0)
    ]
    assert evaluate.speedup(rounds, "separate") == 4.0
    assert evaluate.speedup(rounds, "separate", cpu=True) == 3.0
