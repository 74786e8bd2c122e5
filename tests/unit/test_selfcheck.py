"""Data whose rewards are wrong is found without a model."""

from typing import Any

from retroflip.bench.selfcheck import check_rewards
from retroflip.data.sample import ProblemType, Sample


def question(identity: str, solution: str, **more: Any) -> Sample:
    fields: dict[str, Any] = {
        "options": ("left", "right"),
        "problem_type": ProblemType.MULTIPLE_CHOICE,
        **more,
    }
    return Sample(id=identity, video="x.mp4", question="?", solution=solution, source_clip="x", **fields)


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
