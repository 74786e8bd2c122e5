"""Data whose rewards are wrong is found without a model."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retroflip.bench.selfcheck import check_rewards, remarks, spans_behind_their_videos
from retroflip.data.sample import Cell, ProblemType, Sample, TaskType
from retroflip.video.encode import encode


def question(identity: str, solution: str, **more: Any) -> Sample:
    fields: dict[str, Any] = {
        "video": f"{identity}.mp4",
        "options": ("left", "right"),
        "problem_type": ProblemType.MULTIPLE_CHOICE,
        **more,
    }
    return Sample(**{"id": identity, "question": "?", "solution": solution, "source_clip": "x", **fields})


def pair(a: str, b: str, **other: Any) -> list[Sample]:
    return [question("a", a, pair="p", side=0), question("b", b, pair="p", side=1, **other)]


def test_a_sound_pair_has_no_fault() -> None:
    assert check_rewards(pair("A", "B")) == (2, 1, [])


def test_the_sides_may_list_their_options_in_another_order() -> None:
    assert check_rewards(pair("A", "A", options=("right", "left"))).faults == []


def test_the_same_answer_on_both_sides_is_a_fault_even_under_another_letter() -> None:
    faults = check_rewards(pair("A", "B", options=("right", "left"))).faults
    assert [fault.id for fault in faults] == ["a", "b"]


def test_an_answer_that_is_no_option_is_a_fault_of_its_question_alone() -> None:
    (fault,) = check_rewards(pair("A", "C")).faults
    assert fault.id == "b"
    assert "'C'" in fault.message


def test_numbers_and_open_answers_are_checked_too() -> None:
    number = question("n", "3.5", options=(), problem_type=ProblemType.NUMERICAL)
    wrong = question("w", "many", options=(), problem_type=ProblemType.NUMERICAL)
    text = question("t", "A dog", options=(), problem_type=ProblemType.FREE_FORM)

    result = check_rewards([number, wrong, text])

    assert (result.questions, result.pairs) == (3, 0)
    assert [fault.id for fault in result.faults] == ["w"]


def test_a_pair_with_one_side_is_not_counted() -> None:
    assert check_rewards(pair("A", "B")[:1]) == (1, 0, [])


@pytest.mark.parametrize(
    ("options", "found"),
    [(("left", "up", "Left "), "A and C"), (("left", "right"), ""), (("a  b", "c", "a b"), "A and C")],
)
def test_options_that_say_the_same_are_a_fault(options: tuple[str, ...], found: str) -> None:
    faults = check_rewards([question("a", "B", options=options)]).faults
    assert [fault.message.partition(" the same")[0] for fault in faults] == (
        [f"options {found} have"] if found else []
    )


@pytest.mark.parametrize(
    ("task_type", "other", "fault"),
    [
        (TaskType.TEMPORAL, "B", None),
        (TaskType.TEMPORAL, "A", "a temporal question has another one"),
        (TaskType.SPATIAL, "A", "a spatial question has another one"),
        (TaskType.STATIC, "A", None),
        (TaskType.STATIC, "B", "a static question has the same"),
        (TaskType.TEMPORAL, "D", "is no answer to a multiple choice problem"),
        (None, "A", None),
    ],
)
def test_the_answer_to_the_other_clip_agrees_with_the_task_type(
    task_type: TaskType | None, other: str, fault: str | None
) -> None:
    sample = question("a", "A", task_type=task_type, counterfactual_solution=other)
    found = [one.message for one in check_rewards([sample]).faults]
    assert len(found) == (0 if fault is None else 1)
    assert all((fault or "") in message for message in found)


def test_a_side_of_nothing_is_a_fault() -> None:
    (found,) = check_rewards([question("a", "A", side=1)]).faults
    assert "a 'side' and no 'pair'" in found.message


@pytest.mark.parametrize("options", [("left", "nan"), ("NaN", "right")])
def test_the_text_of_an_empty_cell_is_a_fault(options: tuple[str, ...]) -> None:
    (fault,) = check_rewards([question("a", "A", options=options)]).faults
    assert "'nan', an empty cell" in fault.message
    assert check_rewards([question("a", "A", options=("Nan", "nano"))]).faults == []


@pytest.mark.parametrize(
    ("letters", "options", "fault"),
    [
        ("A" * 10, 2, True),  # by luck once in 1,024
        ("A" * 9, 2, False),
        ("C" * 5, 4, True),  # once in 1,024
        ("C" * 4, 4, False),
        ("A" * 95 + "B" * 5, 2, True),
        ("A" * 89 + "B" * 11, 2, False),  # a letter that is not always right
        ("AB" * 50, 2, False),
    ],
)
def test_answers_always_under_one_letter_are_a_fault_where_that_is_no_luck(
    letters: str, options: int, fault: bool
) -> None:
    texts = tuple(f"way {number}" for number in range(options))
    found = check_rewards(
        [question(str(n), letter, options=texts) for n, letter in enumerate(letters)]
    ).faults
    assert [one.id for one in found] == ([""] if fault else [])


def test_one_question_about_one_file_has_one_answer() -> None:
    a, b = question("a", "A", video="x.mp4"), question("b", "B", video="x.mp4")
    assert [fault.id for fault in check_rewards([a, b]).faults] == ["b"]
    same = question("c", "B", video="x.mp4", options=("right", "left"))
    assert check_rewards([a, same]).faults == []


def test_a_pair_that_cannot_be_scored_is_a_fault() -> None:
    a, b = pair("A", "B")
    nameless, third = a.model_copy(update={"side": None}), question("c", "A", pair="p", side=1)
    elsewhere = b.model_copy(update={"source_clip": "y"})
    assert "without a 'side'" in check_rewards([nameless, b]).faults[0].message
    assert (
        "side 1 of the pair 'p' is more than one question: b, c"
        in check_rewards([a, b, third]).faults[0].message
    )
    assert "different source clips" in check_rewards([a, elsewhere]).faults[0].message


def test_what_may_be_meant_is_a_remark_and_no_fault() -> None:
    odd = question("a", "A", options=("A | left", "B | right"), pair="p", side=0)
    assert check_rewards([odd]).faults == []
    letters, lonely = remarks([odd])
    assert "letters in a style that is not known" in letters
    assert "one side only" in lonely
    assert remarks(pair("A", "B")) == []


def cell(video: int, asked: int, **more: Any) -> Sample:
    solution = "AB"[(video + asked) % 2]
    place = {"group": "g", "cell": Cell(video, asked), "video": f"{video}.mp4"}
    return question(f"{video}{asked}", solution, **{**place, **more})


def test_a_sound_group_has_no_fault() -> None:
    group = [
        cell(video, asked).model_copy(update={"question": f"{asked}?"})
        for video in (0, 1)
        for asked in (0, 1)
    ]
    assert check_rewards(group).faults == []


def test_gaps_doubles_and_clips_of_a_group_are_faults() -> None:
    (gap,) = check_rewards([cell(0, 0), cell(1, 1)]).faults
    assert "2 questions in 2 of the 4 cells" in gap.message
    (far,) = check_rewards([cell(0, 0), cell(999, 999)]).faults
    assert "2 questions in 2 of the 1000000 cells" in far.message
    (double,) = check_rewards([cell(0, 0), cell(0, 0, id="x", question="And?")]).faults
    assert "2 questions in 1 of the 1 cells" in double.message
    (clips,) = check_rewards([cell(0, 0), cell(1, 0, source_clip="y")]).faults
    assert "different source clips" in clips.message


@pytest.mark.parametrize(
    ("trace", "fault"),
    [
        (r"<think>It moves.</think>\boxed{A}", ""),
        (r"<think>It moves.</think>\boxed{B}", "its trace answers 'B', and its solution is 'A'"),
        ("<think>It moves.</think> so A", "its trace ends in no answer that can be read"),
        (None, ""),
    ],
)
def test_a_trace_ends_in_the_answer_of_its_record(trace: str | None, fault: str) -> None:
    found = [one.message for one in check_rewards([question("a", "A", trace=trace)]).faults]
    assert len(found) == bool(fault)
    assert all(fault in message for message in found)


def test_a_trace_of_a_habit_is_meant_as_it_is() -> None:
    asked = question("a", "A", trace=r"<think>red</think>\boxed{B}", labels={"habit": "cue"})
    assert check_rewards([asked]).faults == []


def test_a_solution_that_is_another_options_text_too_is_remarked() -> None:
    (remark,) = remarks([question("a", "B", options=("B", "A")), question("b", "A", options=("A", "B"))])
    assert "1 question are read as letters" in remark
    assert "the first: a" in remark


def grounding(solution: str, **more: Any) -> Sample:
    return question("a", solution, options=(), problem_type=ProblemType.GROUNDING, **more)


def test_a_span_that_ends_before_it_begins_is_a_fault() -> None:
    (found,) = check_rewards([grounding("[1.5, 0.5]")]).faults
    assert "its answer [1.5, 0.5] ends before it begins" in found.message
    assert check_rewards([grounding("[0.5, 1.5]; [2, 3]")]).faults == []


def test_a_span_behind_the_end_of_its_video_is_a_fault(tmp_path: Path) -> None:
    encode(tmp_path / "a.mp4", np.zeros((24, 3, 16, 16), dtype=np.uint8), 12)
    spans = ("[0, 1]", "[1, 50]", "[2.5, 4]", "[50, 100]")
    faulty = [span for span in spans if list(spans_behind_their_videos([grounding(span)], tmp_path))]
    assert faulty == ["[50, 100]"]
    assert list(spans_behind_their_videos([grounding("[50, 100]", video="gone.mp4")], tmp_path)) == []
