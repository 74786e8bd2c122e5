"""Answers of every type: what is read, what it earns, and what a hostile expression cannot do."""

import re
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retroflip.data.answers import (
    Answer,
    credit,
    gold_answer,
    mathematics,
    parse_answer,
    read_answer,
    same_answer,
)
from retroflip.data.answers.mathematics import equal_math, read_math
from retroflip.data.answers.nearness import mean_relative_accuracy, word_accuracy
from retroflip.data.answers.spans import (
    best_iou,
    iou,
    mirrored,
    read_span,
    read_spans,
    spans_text,
    timestamp_iou,
)
from retroflip.data.sample import ProblemType, Sample
from retroflip.errors import DataError

SECONDS = st.floats(0, 1e4).map(lambda second: round(second, 3))
SPANS = st.tuples(SECONDS, SECONDS).map(lambda span: (min(span), max(span)))


def question(kind: ProblemType, solution: str, *options: str) -> Sample:
    return Sample(
        id="s",
        video="v.mp4",
        question="?",
        options=options,
        solution=solution,
        problem_type=kind,
        source_clip="c",
    )


def earned(kind: ProblemType, solution: str, boxed: str, *options: str) -> tuple[float, float]:
    """What the strict and the natural reading of a boxed answer earn."""
    sample = question(kind, solution, *options)
    response = rf"<think>so</think>\boxed{{{boxed}}}"
    gold = gold_answer(sample)
    return credit(parse_answer(response, sample), gold), credit(read_answer(response, sample), gold)


@pytest.mark.parametrize(
    ("boxed", "right"),
    [
        ("A, C", True), ("C, A", True), ("AC", True), ("A and C", True), ("(A), (C)", True), ("A C", True),
        ("A, C.", True),
        ("A", False), ("A, B, C", False), ("A, A, C", False), ("A, E", False), ("", False), ("left, up", False),
    ],
)  # fmt: skip
def test_several_options_are_all_of_them_and_no_other(boxed: str, right: bool) -> None:
    options = ("left", "right", "up")
    assert earned(ProblemType.MULTI_SELECT, "A, C", boxed, *options) == (float(right), float(right))


def test_several_options_with_their_words_are_read_in_evaluation() -> None:
    sample = question(ProblemType.MULTI_SELECT, "A, C", "left", "right", "up")
    for response in ("A. left\nC. up", "The answer is A, C.", "(A) left, (C) up"):
        assert read_answer(response, sample) == Answer("options", "A, C"), response
    assert read_answer("A man walks", sample) is None


@pytest.mark.parametrize(
    ("answer", "gold", "expected"),
    # Relative errors 0, 0.04, 0.05, 0.3, 0.5, 0.51: of ten thresholds those below one minus it.
    [
        (10, 10, 1.0), (10.4, 10, 1.0), (10.5, 10, 0.9), (13, 10, 0.4), (15, 10, 0.0), (4.9, 10, 0.0), (0, 0, 1.0),
        (1, 0, 0.0),
    ],
)  # fmt: skip
def test_mean_relative_accuracy(answer: float, gold: float, expected: float) -> None:
    assert mean_relative_accuracy(answer, gold) == pytest.approx(expected)


def test_a_number_near_the_gold_earns_a_part_in_regression_alone() -> None:
    assert earned(ProblemType.REGRESSION, "10", "13") == pytest.approx((0.4, 0.4))
    assert earned(ProblemType.NUMERICAL, "10", "13") == (0.0, 0.0)
    assert not same_answer(Answer("quantity", "13"), Answer("quantity", "10"))


@pytest.mark.parametrize(
    ("answer", "gold", "expected"),
    [
        ("the red stop sign", "the red stop sign", 1.0),
        ("the stop sign", "the red stop sign", 0.75),
        ("a green stop sign", "the red stop sign", 0.5),
        ("", "the red stop sign", 0.0),
        ("one two three four five six", "six", 0.0),
    ],
)
def test_word_accuracy(answer: str, gold: str, expected: float) -> None:
    assert word_accuracy(answer, gold) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from 0:05 to 0:12", (5, 12)), ("[5.0, 12.0]", (5, 12)), ("5.0s - 12.0s", (5, 12)),
        ("5 to 12 seconds", (5, 12)),
        ("12 to 5", (5, 12)), ("00:00:05 --> 00:01:12.5", (5, 72.5)), ("0.5 to 1.5 minutes", (30, 90)),
        ("It starts at 5 seconds and ends at 12 seconds.", (5, 12)), ("start: 3.25, end: 4.5", (3.25, 4.5)),
        ("10% to 20%", (6, 12)), ("10 to 20%", (6, 12)), ("1:02:03 - 1:02:05", (3723, 3725)), ("5–12 s", (5, 12)),
        ("at 5 s", None), ("1, 2, 3", None), ("", None), ("never", None), ("event2 at v1.5", None),
        ("[1.5ri to 2.3]", None), ("1.2.3 to 4", None), ("from 1 to 2.", (1, 2)), ("5.to 12", (5, 12)),
        ("The event '2 men leave' happens in the 24.3 - 30.4 seconds.", (24.3, 30.4)),
        ("Person 1 walks from 0:05 to 0:12 of 60 s", (5, 12)), ("3 cups: 5 to 12", (5, 12)),
        ("1 min 5 s to 1 min 12.5 s", (65, 72.5)), ("1m5s - 2m", (65, 120)), ("frames 5 to 12", None),
        ("from the 5th second to the 12th second", (5, 12)), ("从5秒到12秒", (5, 12)), ("1分5秒至1分12秒", (65, 72)),
        ("1 - 2 - 3", None), ("5 to 12, or 20 to 30", None), ("2 men at 5, then 12", None),
    ],
)  # fmt: skip
def test_spans_of_time(text: str, expected: tuple[float, float] | None) -> None:
    assert read_span(text, duration=60) == expected


def test_shares_of_an_unknown_length_are_no_times() -> None:
    assert read_span("10% to 20%") is None


@given(spans=st.lists(SPANS, min_size=1, max_size=4))
def test_spans_are_read_back(spans: list[tuple[float, float]]) -> None:
    assert read_spans(spans_text(spans)) == [pytest.approx(span) for span in spans]


@pytest.mark.parametrize(
    "span", [(5.0, 12345678901.0), (0.000018, 4.2), (2.0, 9.966666), (0.0, 0.0000001), (1e-9, 3.0)]
)
def test_spans_are_written_without_exponents(span: tuple[float, float]) -> None:
    assert read_spans(spans_text([span])) == [pytest.approx(span, abs=1e-6)]


@given(a=SPANS, b=SPANS)
def test_iou_is_symmetric_within_bounds_and_one_for_the_same_span(
    a: tuple[float, float], b: tuple[float, float]
) -> None:
    assert iou(a, b) == iou(b, a)
    assert 0 <= iou(a, b) <= 1
    assert iou(a, a) == 1


@given(span=SPANS, first=SECONDS, length=SECONDS)
def test_a_span_reversed_twice_is_itself_and_never_leaves_what_is_shown(
    span: tuple[float, float], first: float, length: float
) -> None:
    shown = (first, first + length)
    once = mirrored(span, shown)
    assert shown[0] <= once[0] <= once[1] <= shown[1] + 1e-9
    if shown[0] <= span[0] and span[1] <= shown[1]:
        assert mirrored(once, shown) == pytest.approx(span, abs=1e-6)


def test_reversed_spans_by_hand() -> None:
    assert mirrored((2, 5), (0, 10)) == (5, 8)
    assert mirrored((6, 7), (5, 9)) == (7, 8)  # of a part, whose frames keep their seconds in the whole
    assert mirrored((3, 10), (0, 9.5)) == (
        0,
        6.5,
    )  # a span to the video's end, of frames up to the last one's second


def test_timestamp_iou_by_hand() -> None:
    assert timestamp_iou((0, 5), (2, 5), 10) == pytest.approx(0.6 * 0.8)
    assert timestamp_iou((2, 5), (2, 5), 10) == 1
    assert timestamp_iou((0, 40), (0, 5), 10) == pytest.approx(
        5 / 40 * (1 - 35 / 40)
    )  # beyond the video's end
    assert timestamp_iou((0, 0), (0, 0), 0) == 1


@pytest.mark.parametrize(
    ("boxed", "score"),
    [
        ("A <> [2, 5]", 1), ("(A) <> 2 to 5", 1), ("a<>[2,5]", 1), ("left <> [2.0, 5.0]", 1), ("A <> [0, 5]", 0.8),
        ("A", 0.5), ("A <> soon", 0.5), ("A <> [1, 2, 3]", 0.5), ("A <> [7, 9]", 0.5), ("B <> [2, 5]", 0.5),
        ("A <> [20, 21]; [2, 5]", 0.5), ("B", 0), ("[2, 5]", 0), ("E <> [2, 5]", 0), ("<> [2, 5]", 0), ("", 0),
        ("up <> down <> [2, 5]", 0.5), ("right <> [2, 5] <> [2, 5]", 0),
    ],
)  # fmt: skip
def test_an_option_with_its_span_earns_half_for_each(boxed: str, score: float) -> None:
    gold = "A <> [2, 5]; [30, 31]"
    strict, natural = earned(ProblemType.GROUNDED_CHOICE, gold, boxed, "left", "right", "up <> down")
    assert (strict, natural) == pytest.approx((score, score))


def test_iou_by_hand() -> None:
    assert iou((0, 10), (5, 15)) == pytest.approx(5 / 15)
    assert iou((0, 5), (5, 10)) == 0
    assert best_iou((0, 10), [(20, 30), (2, 10)]) == pytest.approx(0.8)
    assert earned(ProblemType.GROUNDING, "[20, 30]; [2, 10]", "from 0:00 to 0:10") == pytest.approx(
        (0.8, 0.8)
    )
    assert earned(ProblemType.GROUNDING, "[2, 10]", "the beginning") == (0, 0)


@pytest.mark.parametrize(
    ("gold", "boxed", "right"),
    [
        (r"\frac{\sqrt{3}}{2}", r"\sqrt{3}/2", True),
        ("[1,2)", "[1, 2)", True),
        ("(1,2)", "(2,1)", False),
        (r"\{1,2,3\}", r"\{3,2,1\}", True),
        (r"5\text{ cm}", "5", True),
        ("x+1", "1+x", True),
        ("2", "3", False),
        (r"(-\infty, 2]", r"(-\infty,2]", True),
    ],
)
def test_mathematics(gold: str, boxed: str, right: bool) -> None:
    assert earned(ProblemType.MATH, gold, boxed) == (float(right), float(right))


def test_an_expression_that_would_run_for_ever_is_unread_and_the_next_one_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mathematics, "SECONDS", 1.0)
    assert read_math("1") is not None
    began = time.monotonic()
    assert not equal_math("9^{9^{9^{9}}}", "1")
    assert time.monotonic() - began < 30
    assert equal_math("1/2", "0.5")


def test_an_expression_too_long_to_look_at_is_unread() -> None:
    assert read_math("1+" * 2_000 + "1") is None


def test_mathematics_is_read_in_a_script_without_a_guard(tmp_path: Path) -> None:
    script = tmp_path / "mine.py"
    script.write_text(
        "from retroflip.data.answers.mathematics import equal_math\n"
        r"print(equal_math(r'\frac{\sqrt{3}}{2}', 'sqrt(3)/2'))"
    )
    for command, typed in (([str(script)], ""), (["-"], script.read_text())):
        said = subprocess.run(
            [sys.executable, *command], input=typed, capture_output=True, text=True, timeout=300, check=False
        )
        assert (said.stdout, said.stderr, said.returncode) == ("True\n", "", 0)


def test_mathematics_is_read_from_any_thread() -> None:
    found: list[Any] = []
    threads = [
        Thread(target=lambda n=number: found.append(equal_math(f"{n}/2", f"{n / 2}"))) for number in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 4


@pytest.mark.parametrize(
    ("kind", "solution", "fix"),
    [
        (ProblemType.MULTI_SELECT, "A, E", "as in 'A, C'"),
        (ProblemType.REGRESSION, "many", "give a plain number"),
        (ProblemType.MATH, " ", "math-verify"),
        (ProblemType.GROUNDING, "at noon", "give a span in seconds"),
        (ProblemType.GROUNDING, "[1, 2]; soon", "give a span in seconds"),
        (ProblemType.GROUNDED_CHOICE, "A", "and a span in seconds"),
        (ProblemType.GROUNDED_CHOICE, "E <> [1, 2]", "one of its options (A, B, C)"),
        (ProblemType.OCR, " ", "give the answer's text"),
    ],
)
def test_a_solution_that_is_no_answer_is_named_with_its_fix(
    kind: ProblemType, solution: str, fix: str
) -> None:
    with pytest.raises(DataError, match=re.escape(fix)):
        gold_answer(question(kind, solution, "left", "right", "up"))


@pytest.mark.parametrize("kind", list(ProblemType))
def test_every_type_pays_its_own_gold_and_nothing_for_silence(kind: ProblemType) -> None:
    golds = {
        ProblemType.MULTIPLE_CHOICE: "B",
        ProblemType.MULTI_SELECT: "A, B",
        ProblemType.GROUNDING: "[1, 2.5]",
        ProblemType.GROUNDED_CHOICE: "B <> [1, 2.5]",
        ProblemType.FREE_FORM: "a ball",
        ProblemType.OCR: "stop here",
    }
    gold = golds.get(kind, "3")
    options = ("left", "right") if kind.has_options else ()
    assert earned(kind, gold, gold, *options) == (1.0, 1.0)
    assert earned(kind, gold, "", *options) == (0.0, 0.0)
