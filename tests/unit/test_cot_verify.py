"""What the verifier lets pass and what it refuses, on timelines written by hand."""

import time
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cot_samples import CUPS, HITS, TURN, event, sample
from retroflip.cot.reading import Token
from retroflip.cot.telling import Teller
from retroflip.cot.verify import Report, VerifierSettings, verify


def checked(metadata: dict[str, Any], reasoning: str, box: str | None = None, **settings: float) -> Report:
    answer = metadata["question"]["answer"] if box is None else box
    trace = f"<think>{reasoning}</think>\n\\boxed{{{answer}}}"
    return verify(trace, metadata, sample(metadata), VerifierSettings(**settings))


HONEST = [
    (TURN, "At 00:00, the purple diamond moves up. At 00:02.2, it turns and goes left. So it goes first up, "
        "then left."),
    (TURN, "From 00:00 to 00:02.2 the diamond travels upwards; from 2.2s to 4.3s it heads to the left."),
    (TURN, "The purple diamond moves upward at 0 seconds and then left around the 2-second mark."),
    (TURN, "The purple diamond goes up (0.0s - 2.2s), then it shifts leftwards (2.2s - 4.3s). The answer is B."),
    (TURN, "First I look for the purple diamond.\n1. **00:00** – it starts moving up\n2. **00:02** – it moves left"),
    (TURN, "It moves up until 2.2 seconds, when it begins to slide left. Therefore first up, then left."),
    (TURN, "At the start, 00:00.0, the purple diamond moves up, not down. At about 2.1 seconds it veers and "
        "moves left. "
           "The pink cross drifts along without mattering. Up first and left second: the answer is first up, "
           "then left."),
    (HITS, "At 0.5s the yellow circle bounces off the top wall. At 1.5s it strikes the left wall. At 2.6s it "
        "hits the top "
           "wall again, for the second time. At 3.6s it touches the right wall. In total that is 2 hits of the "
           "upper wall."),
    (HITS, "I count bounces off the upper wall. 00:00.5 upper wall, 00:01.5 left wall, 00:02.6 upper wall, "
        "00:03.6 right "
           "wall. That makes two."),
    (HITS, "The ball hits the ceiling at 0.5 seconds, the left wall at 1.5 seconds, the ceiling at 2.6 seconds and the "
           "right wall at 3.6 seconds. So the upper wall is hit twice."),
    (HITS, "At frame 15 the circle hits the upper wall, at frame 46 the left wall, at frame 78 the upper wall, and at "
           "frame 109 the right wall. So it bounces off the upper wall 2 times."),
    (CUPS, "At 00:00, the cups are transparent: A holds 6 and 10, B holds 29. At 00:02.1, chip 23 is dropped "
        "into the cup "
           "at B, so B now holds 23, 29. At 00:03.9, the cup at B is poured into the cup at A, which leaves A "
           "with 6, 10, "
           "23, 29. At 00:05, the cups turn opaque. So A holds 4 chips."),
    (CUPS, "From 0 to 2 seconds I see the open cups: A holds 6, 10; B holds 29. At 2.1 s, chip 23 is put into "
        "cup B. At "
           "3.9 s, B is emptied into A. From 5.0 s the cups are opaque again. In total, 4 chips are in A."),
]  # fmt: skip


@pytest.mark.parametrize(("metadata", "reasoning"), HONEST)
def test_honest_paraphrases_pass(metadata: dict[str, Any], reasoning: str) -> None:
    report = checked(metadata, reasoning)
    assert [problem.sentence for problem in report.problems] == []
    assert report.told_share == 1.0


UP, LEFT = "At 00:00.0, the purple diamond moves up.", "At 00:02.2, the purple diamond moves left."
FALSE = {
    "a time that is off": (TURN, f"{UP} At 00:03.2, the purple diamond moves left.", "time"),
    "a time in whole seconds that is off": (TURN, f"{UP} At 00:03, the purple diamond moves left.", "time"),
    "the end of an event as its begin": (TURN, f"{UP} At 00:04.3, the purple diamond moves left.", "time"),
    "a range that is off": (TURN, f"{UP} From 1.2s to 4.3s, the purple diamond moves left.", "time"),
    "a range that ends too early": (TURN, f"{UP} From 2.2s to 3.3s, the purple diamond moves left.", "time"),
    "a length that is off": (TURN, f"{UP} At 00:02.2, the purple diamond moves left for 4 seconds.", "time"),
    "a pause that is off": (TURN, f"{UP} {LEFT} It happens 3.1 seconds later.", "time"),
    "events told in the wrong order": (TURN, f"{LEFT} {UP}", "order"),
    "ways exchanged": (
        TURN, "At 00:00.0, the purple diamond moves left. At 00:02.2, the purple diamond moves up.", "time",
    ),
    "another way": (TURN, f"{UP} At 00:02.2, the purple diamond moves right.", "contradiction"),
    "another colour": (TURN, f"{UP} At 00:02.2, the green diamond moves left.", "contradiction"),
    "another object": (TURN, f"{UP} At 00:02.2, the pink cross moves left.", "contradiction"),
    "another doing": (TURN, f"{UP} {LEFT} At 00:02.2, the purple diamond explodes.", "invented"),
    "an event that never was": (TURN, f"{UP} {LEFT} At 00:03.1, the pink cross disappears.", "invented"),
    "a thing that is not there": (TURN, f"{UP} {LEFT} A green star watches.", "invented"),
    "an event without its time": (TURN, f"{UP} {LEFT} Then it moves up.", "untimed"),
    "an event left out": (TURN, UP, "missing"),
    "another conclusion": (TURN, f"{UP} {LEFT} So it goes first up, then right.", "conclusion"),
    "another letter": (TURN, f"{UP} {LEFT} The answer is A.", "conclusion"),
    "another count": (
        HITS, "At 0.5s the circle hits the upper wall. At 1.5s it hits the left wall. At 2.6s it hits the upper "
            "wall. At "
        "3.6s it hits the right wall. So the upper wall is hit 3 times.", "conclusion",
    ),
    "a count on the way": (
        HITS, "At 0.5s the circle hits the upper wall. At 1.5s it hits the left wall. At 2.6s it hits the upper "
            "wall, for "
        "the fourth time. At 3.6s it hits the right wall.", "contradiction",
    ),
    "a wall in a list": (HITS, "The circle hits the upper wall at 0.5s, the right wall at 1.5s, the upper wall "
    "at 2.6s and "
                         "the right wall at 3.6s.", "time"),
    "a state that never was": (
        CUPS, "At 00:00, the cups are transparent: A holds 6, 10; B holds 29. At 2.1s, chip 23 is dropped into "
            "the cup at "
        "B, so B now holds 10, 29. At 3.9s, the cup at B is poured out into the cup at A. At 5.0s the cups are opaque.",
        "state",
    ),
    "a state of another moment": (
        CUPS, "At 00:00, the cups are transparent: A holds 6, 10; B holds 29. At 2.1s, chip 23 is dropped into "
            "the cup at "
        "B, so A now holds 6, 10, 23, 29. At 3.9s, the cup at B is poured out into the cup at A. At 5.0s the cups are "
        "opaque.", "state",
    ),
    "another number": (
        CUPS, "At 00:00, the cups are transparent: A holds 6, 10; B holds 29. At 2.1s, chip 24 is dropped into "
            "the cup at "
        "B. At 3.9s, the cup at B is poured out into the cup at A. At 5.0s the cups are opaque.", "contradiction",
    ),
    "the wrong way round": (
        CUPS, "At 00:00, the cups are transparent: A holds 6, 10; B holds 29. At 2.1s, chip 23 is dropped into "
            "the cup at "
        "B. At 3.9s, the cup at A is poured out into the cup at B. At 5.0s the cups are opaque.", "contradiction",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FALSE)
def test_what_is_not_true_is_refused_for_its_reason(name: str) -> None:
    metadata, reasoning, reason = FALSE[name]
    report = checked(metadata, reasoning)
    assert not report.is_true, reason


@pytest.mark.parametrize("box", ["first up, then right", "A", "first up, then left or right", "", "B or A"])
def test_the_box_holds_the_right_answer_and_nothing_else(box: str) -> None:
    assert not checked(TURN, f"{UP} {LEFT}", box).is_true


@pytest.mark.parametrize("box", ["first up, then left", "B", "B. first up, then left", "(B)"])
def test_the_box_may_hold_the_option_or_its_letter(box: str) -> None:
    assert checked(TURN, f"{UP} {LEFT}", box).is_true


@pytest.mark.parametrize(
    "trace",
    ["", f"{UP} {LEFT}", f"<think>{UP} {LEFT}</think>", f"<think>{UP} {LEFT}</think>\\boxed{{B}} I am sure.",
     f"<think>{UP} {LEFT}", f"<think>{UP} {LEFT}</think>\\boxed{{B}}\\boxed{{B}}"],
)  # fmt: skip
def test_another_form_is_refused(trace: str) -> None:
    assert verify(trace, TURN, sample(TURN)).reasons == ["form"]


@given(
    st.lists(
        st.sampled_from(
            ["At 00:02", "2.1s", "up", "left", "A holds", "gap", "6, 10", "the", "purple diamond", "= minus 3", "3 / 0",
             "-", "B", ";", ".", ",", "(", "frame", "9", "the second", "form.txt", "files", "and", "is", "answer is",
             "\n", "?", "row 2, column 3", "to", "from", "hits", "wall", "\u2028", "é"]
        ), max_size=30,
    ) | st.text(max_size=60)
)  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_any_text_can_be_checked(words: list[str] | str) -> None:
    text = words if isinstance(words, str) else " ".join(words)
    for metadata in (TURN, HITS, CUPS):
        report = checked(metadata, text)
        assert report.is_true is not bool(report.problems)


@pytest.mark.parametrize(
    "piece", ["At 00:02.2, it moves left. ", "and then at ", "1, 2, ", "((((", "up and ", "a = 3 + "]
)
def test_a_model_that_goes_round_in_circles_is_soon_done_with(piece: str) -> None:
    began = time.monotonic()
    checked(TURN, piece * (15_000 // len(piece)))
    assert time.monotonic() - began < 20.0
    assert checked(TURN, piece * 20_000).reasons == ["form"]
    assert checked(TURN, f"{UP} {LEFT} {'9' * 5000}").reasons == ["form"]


def test_a_sentence_of_many_events_with_a_false_end_is_refused_after_some_tries(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    walls = ["upper", "left", "upper", "right"] * 4
    metadata = HITS | {
        "events": [
            event(
                "hit", 500 * at, 500 * at, f"the yellow circle hits the {wall} wall", object="o1", wall=wall
            )
            for at, wall in enumerate(walls)
        ]
    }
    told = [f"at {at / 2} s the yellow circle hits the {wall} wall" for at, wall in enumerate(walls)]
    tries = 0
    look_up = Teller._is_each_told

    def counted(self: Teller, tokens: Sequence[Token]) -> bool:
        nonlocal tries
        tries += 1
        return look_up(self, tokens)

    monkeypatch.setattr(Teller, "_is_each_told", counted)
    report = checked(metadata, " and ".join(told) + ", and at 1.0 s the left wall is hit by the pile.")
    assert not report.is_true
    assert 0 < tries < 1000


def test_ranks_of_what_has_no_size_are_refused() -> None:
    ranked = "The purple diamond is the fastest and the pink cross is the slowest."
    assert checked(TURN, f"{UP} {LEFT} {ranked}").reasons == ["unproven"]


def test_a_special_token_is_no_part_of_a_trace() -> None:
    assert checked(TURN, f"{UP} {LEFT} <|im_end|>").reasons == ["form"]


def test_the_tolerance_decides_how_far_a_time_may_be_off() -> None:
    text = f"{UP} At 00:02.6, the purple diamond moves left."
    assert not checked(TURN, text).is_true
    assert checked(TURN, text, tolerance_ms=500.0).is_true


def test_events_may_be_left_out_as_far_as_the_settings_go() -> None:
    report = checked(TURN, UP, told_share=0.5)
    assert (report.is_true, report.told_share) == (True, 0.5)


def test_a_fault_names_the_words_and_what_is_true() -> None:
    problem = checked(TURN, f"{UP} At 00:03.2, it moves left.").problems[0]
    assert problem.quote == "At 00:03.2, it moves left."
    assert "from 2.2 s to 4.3 s, the purple diamond moves left" in problem.sentence
