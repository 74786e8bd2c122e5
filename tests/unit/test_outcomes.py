"""What stands behind pair accuracy, by hand: how pairs ended, letters, constant answers, pass@k, divergence."""

import math
from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retroflip.bench.groups import pair_up
from retroflip.bench.metrics.base import Answered
from retroflip.bench.outcomes import (
    constant_chance,
    letter_bias,
    outcomes,
    pass_at,
    passes,
    sensitivity,
)
from retroflip.bench.records import AnswerRecord, Control, as_record
from retroflip.bench.score import score_records, shortcut_gap

OPTIONS = ("left", "right", "up")


def answered(pair: str, side: int, gold: str, answer: str | None, **settings: Any) -> AnswerRecord:
    """Return an answer to one side of a pair."""
    return as_record(
        {
            "id": f"{pair}-{side}",
            "pair": pair,
            "side": side,
            "source_clip": pair,
            "gold": gold,
            "options": OPTIONS,
            "problem_type": "multiple choice",
            "response": answer or "",
            "answer": answer,
            "correct": answer == gold,
            "video": f"{pair}-{side}.mp4",
            **settings,
        }
    )


def pair(name: str, first: str | None, second: str | None, **settings: Any) -> list[AnswerRecord]:
    """Return a pair whose right answers are A and B."""
    return [answered(name, 0, "A", first, **settings), answered(name, 1, "B", second, **settings)]


def test_every_pair_ends_in_one_way() -> None:
    records = [
        *pair("right", "A", "B"),
        *pair("same", "A", "A"),
        *pair("same, wrong", "C", "C"),
        *pair("swapped", "B", "A"),
        *pair("other", "A", "C"),
        *pair("unparsed", "A", None),
        *pair("alone", "A", "B")[:1],
        answered("failed", 0, "A", "A"),
        answered("failed", 1, "B", None, error="no such file"),
    ]
    assert outcomes(pair_up(records)) == {
        "both_right": 1,
        "same_answer": 2,
        "swapped": 1,
        "other": 1,
        "unparsed": 1,
        "failed": 2,
    }


def test_letter_bias_is_the_distance_of_chosen_and_right_letters() -> None:
    records = [*pair("a", "A", "A"), *pair("b", "A", "B"), *pair("c", None, "C")]
    found = letter_bias(records)
    assert found is not None
    # Read were A A A B C; right were A B A B B.
    assert found["letters"]["A"] == {"gold": 2, "chosen": 3, "right": 2}
    assert found["letters"]["B"] == {"gold": 3, "chosen": 1, "right": 1}
    assert found["letters"]["C"] == {"gold": 0, "chosen": 1, "right": 0}
    assert found["bias"] == pytest.approx((1 + 2 + 1) / 5 / 2)


def test_a_constant_letter_is_never_right_about_a_pair_in_one_order() -> None:
    alone = replace(answered("c", 0, "A", "C"), pair=None, side=None)
    records = [*pair("a", "A", "B"), *pair("b", "A", "B"), alone]
    assert constant_chance(Answered.of(records)) == {"letter": "A", "acc": pytest.approx(3 / 5), "p_acc": 0.0}


def test_a_constant_letter_can_be_right_where_the_options_change_places() -> None:
    records = [answered("a", 0, "A", "A"), answered("a", 1, "A", "A", options=("right", "left", "up"))]
    assert constant_chance(Answered.of(records)) == {"letter": "A", "acc": 1.0, "p_acc": 1.0}


@given(st.integers(1, 7).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n))))
def test_pass_at_k_is_the_share_of_subsets_with_a_right_draw(numbers: tuple[int, int, int]) -> None:
    draws, right, k = numbers
    subsets = list(combinations([True] * right + [False] * (draws - right), k))
    assert pass_at(right, draws, k) == pytest.approx(sum(map(any, subsets)) / len(subsets))


def test_a_draw_of_a_pair_is_right_where_both_sides_are() -> None:
    records = [
        *pair("a", "A", "C", draw=0),
        *pair("a", "B", "B", draw=1),
        *pair("b", "A", "B", draw=0),
        *pair("b", "C", "B", draw=1),
    ]
    found = passes(records)
    assert found == {
        "draws": 2,
        "pass": {"1": pytest.approx((0.5 + 0.5 + 0.5 + 1) / 4), "2": 1.0},
        "pair_pass": {"1": pytest.approx((0 + 0.5) / 2), "2": pytest.approx(0.5)},
    }
    assert passes([one for one in records if one.draw == 0]) is None


def test_sensitivity_is_zero_for_who_says_the_same_and_grows_with_the_difference() -> None:
    even = {"A": math.log(0.5), "B": math.log(0.25), "C": math.log(0.25)}
    other = {"A": math.log(0.25), "B": math.log(0.5), "C": math.log(0.25)}
    same = [answered("a", 0, "A", "A", logprobs=even), answered("a", 1, "B", "A", logprobs=even)]
    assert sensitivity(pair_up(same)) == {"kl": pytest.approx(0.0), "n_pairs": 1}
    moved = [answered("a", 0, "A", "A", logprobs=even), answered("a", 1, "B", "B", logprobs=other)]
    # (0.25 log 2 + 0.25 log 2) / 2 each way.
    assert sensitivity(pair_up(moved)) == {"kl": pytest.approx(0.25 * math.log(2)), "n_pairs": 1}


def test_sensitivity_knows_options_in_another_order() -> None:
    first = {"A": math.log(0.5), "B": math.log(0.25), "C": math.log(0.25)}
    turned = {"A": math.log(0.25), "B": math.log(0.5), "C": math.log(0.25)}
    records = [
        answered("a", 0, "A", "A", logprobs=first),
        answered("a", 1, "A", "B", logprobs=turned, options=("right", "left", "up")),
    ]
    assert sensitivity(pair_up(records)) == {"kl": pytest.approx(0.0), "n_pairs": 1}
    assert sensitivity(pair_up(pair("a", "A", "B"))) is None


def test_the_gap_of_a_handicap_is_over_pairs_asked_both_ways() -> None:
    full = [*pair("a", "A", "B"), *pair("b", "A", "B"), *pair("c", "A", "B"), *pair("d", "A", "A")]
    single = [*pair("a", "A", "A"), *pair("b", "A", "B"), *pair("d", "B", "B"), *pair("e", "A", "B")]
    lost = shortcut_gap(pair_up(full), pair_up(single))
    assert lost == ([1.0, 0.0, 0.0], ["a", "b", "d"], -1.0, 1.0)
    handicapped = [replace(one, control=Control.SINGLE_FRAME) for one in single]
    gap = score_records([*full, *handicapped], resamples=200)["controls"]["single_frame"]["gap"]
    assert gap["p_acc_difference"] == pytest.approx(1 / 3)
    assert gap["n_pairs"] == 3
    low, high = gap["p_acc_difference_ci"]
    assert low <= 1 / 3 <= high
