"""Answers are read with certainty or not at all: the traps of public parsers, one by one."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from retroflip.data.answers import Answer, gold_answer, is_well_formed, parse_answer, same_answer
from retroflip.data.prompts import NULL_OPTION, with_null_option
from retroflip.data.sample import ProblemType, Sample
from retroflip.errors import DataError


def choice(*options: str, solution: str = "A") -> Sample:
    return Sample(
        id="s1",
        video="clips/s1.mp4",
        question="Which way does it move?",
        options=options,
        solution=solution,
        problem_type=ProblemType.MULTIPLE_CHOICE,
        source_clip="c1",
    )


def open_question(solution: str, problem_type: ProblemType) -> Sample:
    return choice(solution=solution).model_copy(update={"problem_type": problem_type})


DIRECTIONS = choice("moving left", "moving right.", "a U-turn")


def letter(response: str, sample: Sample = DIRECTIONS) -> str | None:
    answer = parse_answer(response, sample)
    assert answer is None or answer.kind == "option"
    return None if answer is None else answer.value


@pytest.mark.parametrize(
    ("boxed", "expected"),
    [
        ("B", "B"),
        (" B ", "B"),
        ("(B)", "B"),
        ("B.", "B"),
        ("B)", "B"),
        ("(B).", "B"),
        (r"\text{B}", "B"),
        (r"\textbf{(B)}", "B"),
        ("B. moving right", "B"),
        ("(B) Moving  Right.", "B"),
        (r"B. \text{moving right.}", "B"),
        (r"\mathit{B}", "B"),
        ("$B$", "B"),
        ("**B**", "B"),
        ("**B. moving right**", "B"),
        ("(b)", "B"),
        ("b. moving right", "B"),
        ("<|begin_of_box|>B<|end_of_box|>", "B"),
        ("moving right", "B"),
        ("MOVING\n right.", "B"),
        (r"\text{moving left}", "A"),
        (r"moving\ left", "A"),
        ("a u-turn", "C"),
        # not an answer, or not one that can be read with certainty
        ("", None),
        ("b", "B"),
        ("D", None),
        ("A or B", None),
        ("A, B", None),
        ("A B", None),
        ("AB", None),
        ("A man moves right", None),
        ("A. moving right", None),
        ("A. moving", None),
        ("Answer: B", None),
        ("moving", None),
        ("not moving left", None),
        ("option B", None),
        ("В", None),  # the Cyrillic letter
    ],
)
def test_content_of_the_box(boxed: str, expected: str | None) -> None:
    assert letter(rf"<think>It goes.</think>\boxed{{{boxed}}}") == expected


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (r"<think>I see \boxed{A}, no.</think>\boxed{B}", "B"),
        (r"<think>first</think>\boxed{A}<think>second</think>\boxed{B}", "B"),
        (r"\boxed{A} No, wait: \boxed{B}", "B"),
        (r"So the answer is \boxed {B}.", "B"),
        (r"\boxed{\boxed{B}}", "B"),
        (r"</think><answer>B</answer>", "B"),
        ("<answer>A</answer> or rather <answer>B</answer>", "B"),
        (r"<answer>\boxed{B}</answer>", "B"),
        ("<think>x</think><|begin_of_box|>B<|end_of_box|>", "B"),
        ("<think>x</think><answer><|begin_of_box|>B<|end_of_box|></answer>", "B"),
        ("<|begin_of_box|>A<|end_of_box|> or <|begin_of_box|>B<|end_of_box|>", "B"),
        ("<think>x</think><|begin_of_box|>B", None),
        # no answer after the reasoning
        ("", None),
        (r"<think>It is \boxed{B}</think>", None),
        (r"<think>It is \boxed{B}", None),
        (r"<think>a</think><think>b \boxed{B}", None),
        ("<think>It is <answer>B</answer></think>", None),
        # truncated: an earlier box is not what the model meant to end with
        (r"\boxed{A} No, wait: \boxed{B", None),
        (r"<answer>A</answer> so \boxed{B", None),
        (r"\boxed{\text{B}", None),
        # running text is never searched: traps of public parsers
        ("Answer: B", None),
        ("The answer is B.", None),
        ("A man goes right, so the answer is B", None),
        ("Because the cat moves, C", None),
        ("[REQUEST_FAILED after 3 retries]", None),
        ("(B)", None),
    ],
)
def test_where_the_answer_is_looked_for(response: str, expected: str | None) -> None:
    assert letter(response) == expected


def test_an_option_text_that_two_options_share_is_no_answer() -> None:
    twins = choice("left", "Left.", "right")
    assert letter(r"\boxed{left}", twins) is None
    assert letter(r"\boxed{A. left}", twins) == "A"
    assert letter(r"\boxed{right}", twins) == "C"


def test_an_option_that_is_a_small_letter_wins_over_the_letter_of_another() -> None:
    spelled = choice("b", "a", "t")
    assert letter(r"\boxed{a}", spelled) == "B"
    assert letter(r"\boxed{A}", spelled) == "A"
    assert letter(r"\boxed{c}", spelled) == "C"


def test_a_letter_in_range_wins_over_an_option_that_spells_it() -> None:
    letters_drawn = choice("B", "A", "T")
    assert letter(r"\boxed{B}", letters_drawn) == "B"
    assert letter(r"\boxed{T}", letters_drawn) == "C"


def test_null_option_is_an_answer_only_where_it_was_offered() -> None:
    two = choice("left", "right")
    assert letter(r"\boxed{C}", two) is None
    assert letter(r"\boxed{C}", with_null_option(two)) == "C"
    assert letter(rf"\boxed{{{NULL_OPTION.lower()}}}", with_null_option(two)) == "C"
    assert gold_answer(with_null_option(two)) == gold_answer(two) == Answer("option", "A")


@pytest.mark.parametrize(
    ("solution", "boxed", "same"),
    [
        ("3", "3.0", True),
        ("1000", "1,000", True),
        ("1,234,567.5", "1234567.5", True),
        ("0.5", r"\frac{1}{2}", True),
        ("0.5", "1/2", True),
        ("0.5", r"50\%", True),
        ("-4", "\N{MINUS SIGN}4", True),
        ("3", "$3$", True),
        ("3", r"\text{3}.", True),
        ("8", "2^{3}", True),
        ("3", "4", False),
        ("0.33", r"\frac{1}{3}", False),
        ("10", "1e1", False),
        ("3", "3 or 4", False),
        ("-1", "3-4", False),
        ("-1", "3 - 4", False),
        ("7", "3+4", True),
        ("3", "$3$.", True),
        ("3", "**3**", True),
        ("7", "3 4", False),
        ("3", "3 million", False),
        ("15", "1,5", False),
        ("3", "three", False),
        ("3", "", False),
        ("3", "about 3", False),
    ],
)
def test_numbers_are_compared_by_math_verify(solution: str, boxed: str, same: bool) -> None:
    sample = open_question(solution, ProblemType.NUMERICAL)
    assert same_answer(parse_answer(rf"\boxed{{{boxed}}}", sample), gold_answer(sample)) is same


@pytest.mark.parametrize(
    "boxed", ["1/0", "0/0", r"\sqrt{-1}", "9^{9^{9}}", "9**9**9", "99999999999!", "((3))"]
)
def test_what_is_no_finite_number_or_could_run_for_ever_is_unparsed(boxed: str) -> None:
    assert parse_answer(rf"\boxed{{{boxed}}}", open_question("3", ProblemType.NUMERICAL)) is None


def test_numbers_are_read_and_compared_outside_the_main_thread() -> None:
    sample = open_question("17/4", ProblemType.NUMERICAL)

    def right() -> bool:
        return same_answer(parse_answer(r"\boxed{\frac{34}{8}}", sample), gold_answer(sample))

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(right).result()


def test_free_form_text_is_case_folded_and_stripped() -> None:
    sample = open_question("A Red  Ball", ProblemType.FREE_FORM)
    assert same_answer(parse_answer("\\boxed{\\text{a red\nball.}}", sample), gold_answer(sample))
    assert not same_answer(parse_answer(r"\boxed{a red cube}", sample), gold_answer(sample))
    assert parse_answer(r"\boxed{ }", sample) is None


def test_unparsed_and_other_kinds_agree_with_nothing() -> None:
    assert not same_answer(None, None)
    assert not same_answer(Answer("text", "a"), None)
    assert not same_answer(Answer("text", "3"), Answer("number", "3"))


@pytest.mark.parametrize(
    ("sample", "fix"),
    [
        (choice("left", "right", solution="C"), r"options \(A, B\)"),
        (choice("left", "right", solution="a"), r"options \(A, B\)"),
        (choice("left", "right", solution="left"), r"options \(A, B\)"),
        (choice(solution="A"), "has no options"),
        (open_question("12:30", ProblemType.NUMERICAL), "free-form"),
        (open_question(" . ", ProblemType.FREE_FORM), "text"),
    ],
)
def test_a_solution_that_nothing_could_match_is_an_error_with_its_fix(sample: Sample, fix: str) -> None:
    with pytest.raises(DataError, match=rf"'s1'.*'solution'.*{fix}"):
        gold_answer(sample)


@pytest.mark.parametrize(
    "response",
    [
        r"<think>It moves left.</think>\boxed{A}",
        "\n<think>\nIt moves\nleft.\n</think>\n\n\\boxed{A}\n",
        r"<think>x</think>\boxed{\frac{1}{2}}",
        r"<think>x</think>\boxed{?}",  # well formed, though not an answer
    ],
)
def test_well_formed(response: str) -> None:
    assert is_well_formed(response)


@pytest.mark.parametrize(
    "response",
    [
        "",
        r"\boxed{A}",
        r"x</think>\boxed{A}",
        r"<think>x\boxed{A}",
        r"<think>x</think>",
        r"<think>x</think>A",
        r"<think>x</think>\boxed{A",
        r"<think>x</think>\boxed{}",
        r"<think>x</think>\boxed{ }",
        r"<think> </think>\boxed{A}",
        r"<think></think>\boxed{A}",
        r"<think>x</think>\boxed{A}\boxed{A}",
        r"<think>x \boxed{A}</think>\boxed{A}",
        r"<think>x</think>The answer is \boxed{A}",
        r"<think>x</think>\boxed{A}.",
        r"<think>x</think>\boxed{A}}",
        r"Well, <think>x</think>\boxed{A}",
        r"<think>x<think>y</think>\boxed{A}",
        r"<think>x</think></think>\boxed{A}",
        r"<think>x</think><think>y</think>\boxed{A}",
        r"</think>x<think>\boxed{A}",
        r"<think>x</think>\boxed{A}<|video_pad|>",
        r"<think>x</think><|vision_start|>\boxed{A}",
        r"<think>x</think><answer>A</answer>",
    ],
)
def test_malformed(response: str) -> None:
    assert not is_well_formed(response)
