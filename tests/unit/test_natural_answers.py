"""What models write when somebody else's prompt asks them: each form, and what must stay unread."""

import time
from pathlib import Path

import pytest

from retroflip.data.answers import Answer, parse_answer, read_answer
from retroflip.data.sample import ProblemType, Sample

FORMS = Path(__file__).parents[1] / "data" / "answers"
DIRECTIONS = ("moving left", "moving right", "not moving")


def question(*options: str, solution: str = "A", kind: ProblemType = ProblemType.MULTIPLE_CHOICE) -> Sample:
    return Sample(
        id="s",
        video="v.mp4",
        question="?",
        options=options,
        solution=solution,
        problem_type=kind,
        source_clip="c",
    )


def letter(response: str, *options: str) -> str | None:
    answer = read_answer(response, question(*(options or DIRECTIONS)))
    assert answer is None or answer.kind == "option"
    return None if answer is None else answer.value


@pytest.mark.parametrize(
    "response",
    [
        "B", "b", "(B)", "(B", "B.", "B)", "[B]", "**B**", "**B.**", "B\n", " B </s>", "B<|im_end|>", '"B"', "$B$",
        r"\text{B}",
        "Option B", "option B.", "Answer: B", "answer: B", "Answer:B", "Answer: (B)", "**Answer:** B",
        "**Answer: B**",
        "Answer: Option B", "The answer is B", "The answer is B.", "The answer is (B).", "The answer is: B",
        "The correct answer is **B**.", "The best option is B because it moves to the right.",
        "The final answer is $B$.",
        "So the correct option is B: moving right.", "The answer is option B, since it goes right.",
        "The answer would be B.", "Therefore, the answer is B", "Best option: (B) moving right",
        "I would choose B.",
        "B. moving right", "B: moving right", "B) moving right", "(B) moving right", "B. Moving right.",
        "B - moving right",
        "**B. moving right**\n\nThe man first stands on the left.", "B. It goes to the right.",
        "B\n\nExplanation: A man walks from left to right.",
        "The video shows that it is B. moving right, as told.",
        "moving right", "Moving right.", "**Moving right**", "The answer is moving right.",
        "Answer: moving right",
        "The ball is moving right.", "It is moving right across the table. Nothing is not moving.",
        "The answer is:\n\nB. moving right", "### Answer\n(B) moving right", "- B",
        r"\boxed{B}", r"\boxed{Option B}", r"\boxed{B moving right}", r"\boxed{[B]}", r"\boxed{\mathit{B}}",
        r"\boxed{**B**}",
        r"\boxed{The answer is B}", r"So \[ \boxed{\text{B. moving right}} \]", "<answer>B</answer>",
        "<answer>Option B</answer>", "<|begin_of_box|>B<|end_of_box|>", "<think>A? No.</think>\nB",
        "<think>It is A, or C.</think>The answer is B.",
    ],
)  # fmt: skip
def test_forms_of_an_answer(response: str) -> None:
    assert letter(response) == "B"


@pytest.mark.parametrize(
    "response",
    [
        "", " ", "A man is walking.", "A dog and a man", "The answer is A man walking.", "A and B", "A or B",
        "A, B", "A/B",
        "(A) and (B)", "A. or B.", "Both A and B", "The answer is A or B.", "The answer is A and B.",
        "Options: A, B, C",
        "The answer is A. No, the answer is B.", "not B", "The answer is not B.", "It is not moving right.",
        "It is neither moving left nor moving right.", "It is moving left or moving right.", "moving", "AB",
        "E", "The answer is E.",
        "It is moving left instead of moving right.", "I am not sure.", "I see a man.", "I",
        "As far as I can see, it moves.",
        "The options are moving left, moving right and not moving.", "<think>The answer is B", "<think>B",
        r"\boxed{A or B}", r"\boxed{B", "<answer>A man</answer>", "It is unclear.", "C'est la vie",
        "moving left and then right", "It is moving left, then up.", "It is moving left before it stops.",
        "A. moving left, B. moving right", "A. moving left and B. moving right", "A. Moving left. B. Moving right.",
        "The answer is A. moving left, (B) moving right", "A. moving left\u3001B. moving right",
        "moving left, then moving right", "Because the cat moves, C", "[REQUEST_FAILED after 3 retries]",
    ],
)  # fmt: skip
def test_what_is_no_answer_or_not_sure(response: str) -> None:
    assert letter(response) is None


def forms(name: str) -> list[str]:
    r"""Return the answers of a file, one a line, in which \n stands for a new line."""
    return [line.replace(r"\n", "\n") for line in (FORMS / name).read_text(encoding="utf-8").splitlines()]


def test_answers_as_published_models_write_them_are_read() -> None:
    assert [one for one in forms("read_as_b.txt") if letter(one) != "B"] == []


def test_articles_lists_denials_doubts_and_conditions_are_not() -> None:
    assert [(one, letter(one)) for one in forms("unsure.txt") if letter(one) is not None] == []


@pytest.mark.parametrize(
    "response",
    [
        "Yes, B", "Yes, B.", "Yes B", "Yes: (B)", "yes (B)", "Yes, it is B.", "Yes, the answer is B.", "Yes, option B.",
        "Yes, B. No, it stays.", "Answer: yes (B)", "The answer is yes, B.", "Yes\nB", "No, the answer is A.", "No\nA",
        r"\boxed{Yes, B}",
    ],
)  # fmt: skip
def test_yes_or_no_with_the_letter_of_the_other_is_no_answer(response: str) -> None:
    assert letter(response, "yes", "no") is None
    assert letter(response, "Yes", "Not sure", "No") is None


def test_yes_or_no_beside_its_own_letter_or_where_neither_is_an_option() -> None:
    for response in ("Yes, A", "Yes, it is A.", "Yes, A, and not B.", "yes (A)", "Yes\nA", "\\boxed{Yes, A}"):
        assert letter(response, "yes", "no") == "A"
    for response in ("Yes, B.", "Yes, the answer is B.", "Yes\nB"):
        assert letter(response, "left", "right") == "B"
    assert letter("No. It stays. The answer is B.", "yes", "no") == "B"
    assert letter("Yes, there is a ball. It stays, so the answer is B.", "yes", "no") == "B"


def test_an_announcement_outweighs_what_was_weighed_before_it() -> None:
    assert letter("I don't think the answer is A. The answer is B.") == "B"
    assert letter("It is A at first sight, but the ball turns. So the answer is B.") == "B"
    assert letter("If it moves it is B, otherwise it is A.") is None


def test_reading_a_long_response_takes_no_time() -> None:
    begun = time.perf_counter()
    assert (
        letter("The man moves, and it is not clear which option it is. " * 200 + "So the answer is B.") == "B"
    )
    letter("option " * 2000)
    letter("the answer to " * 500)
    letter("{" * 2000)
    assert time.perf_counter() - begun < 30


@pytest.mark.parametrize(
    ("said", "found"),
    [("The answer is A ", "A"), ("it is A, ", None), ("The answer is ", None), ("B is correct. ", "B")],
)
def test_reading_what_repeats_itself_takes_no_time(said: str, found: str | None) -> None:
    begun = time.process_time()
    assert letter(said * (20_000 // len(said))) == found
    assert time.process_time() - begun < 10


def test_an_article_is_no_option_but_an_announced_letter_is() -> None:
    assert letter("A") == "A"
    assert letter("a") == "A"
    assert letter("A. A man moves.") == "A"
    assert letter("The answer is A") == "A"
    assert letter("The answer is A, a man.") == "A"
    assert letter("A ball") is None
    assert letter("The best caption is A ball rolling.") is None


def test_a_letter_before_the_words_of_another_option_is_left_to_the_letter() -> None:
    # Benchmarks ask for the letter, and their own rules read it.
    assert letter("B. moving left") == "B"
    assert letter("B. moving right, as it does not go to the left, and A. is wrong.") == "B"


def test_options_that_are_repeated_before_the_answer_are_none() -> None:
    assert letter("A. moving left\nB. moving right\n\nThe answer is B.") == "B"
    assert letter("The options are A. moving left, B. moving right. So the answer is B.") == "B"
    assert letter("B. moving right. A. moving left and C. not moving are wrong.") is None


@pytest.mark.parametrize(
    ("response", "found"),
    [
        ("Answer options: A. moving left", None),
        ("Answer options: A. moving left. It goes right. So the answer is B.", "B"),
        ("Options:\nA. moving left\nB. mov", None),
        ("A. moving left,", None),
        ("A: 20 %, B: 70 %, C: 10 %", None),
        ("A: no\nB: no\nC: yes", None),
        ("The answer is A\nB", None),
        ("The ball moves from A to\nC", None),
        ("It stands all the time.\n\nC", "C"),
        ("C. not moving\n\nExplanation:\nA. moving left is wrong.", "C"),
    ],
)
def test_lists_whole_or_cut_off_are_no_answer(response: str, found: str | None) -> None:
    assert letter(response) == found


def test_reasoning_in_tags_of_any_name_is_left_out() -> None:
    assert letter("<thinking>It is A.</thinking> The answer is B.") == "B"
    assert letter("◁think▷It is A.◁/think▷B") == "B"
    assert letter("<reasoning>The answer is B. But") is None
    assert letter("B<|im_end|>\n<|im_start|>user\nWhich? A") == "B"


SENTENCES = ("A man is dunking.", "A man is passing.", "A dog runs.", "None of the above")
NUMBERS = ("3", "4", "5", "6")
COLOURS = ("red", "blue", "green")
TEN = tuple(f"text {number}" for number in range(10))


@pytest.mark.parametrize(
    ("response", "options", "found"),
    [
        ("A man is dunking.", SENTENCES, "A"), ("A dog runs.", SENTENCES, "C"),
        ("B\nA man is dunking.", SENTENCES, "B"),
        ("The answer is A man is dunking.", SENTENCES, "A"), ("A man is jumping.", SENTENCES, None),
        ("The answer is none of the above.", SENTENCES, "D"), ("A man", SENTENCES, None),
        ("4", NUMBERS, "B"), ("B (4)", NUMBERS, "B"), ("B. 4", NUMBERS, "B"), ("14", NUMBERS, None),
        ("The ball bounces 4 times.", NUMBERS, None), ("4 or 5", NUMBERS, None), ("A: 3\nB: 4", NUMBERS, None),
        ("1. It bounces.\n2. It bounces again.\n\nAnswer: B", NUMBERS, "B"),
        ("It is red.", COLOURS, "A"), ("A red", COLOURS, "A"), ("red (A)", COLOURS, "A"), ("red (B)", COLOURS, None),
        ("It's red or blue.", COLOURS, None), ("This is not red.", COLOURS, None),
        ("Red.", COLOURS, "A"), ("A (red)", COLOURS, "A"), ("The ball is red.", COLOURS, None),
        ("It changes from red to blue.", COLOURS, None), ("blue, not red", COLOURS, None),
        ("I", TEN, "I"), ("The answer is I", TEN, "I"), ("I think the answer is C", TEN, "C"), ("So I", TEN, None),
        ("I cannot tell", TEN, None), ("I see a dog. The answer is (I).", TEN, "I"), ("text 3", TEN, "D"),
    ],
)  # fmt: skip
def test_options_that_are_sentences_numbers_single_words_or_many(
    response: str, options: tuple[str, ...], found: str | None
) -> None:
    assert letter(response, *options) == found


def test_of_options_that_begin_alike_the_longest_is_meant() -> None:
    options = ("red", "red and blue", "blue")
    assert letter("The answer is red and blue.", *options) == "B"
    assert letter("The answer is red.", *options) == "A"
    assert letter("The answer is red or blue.", *options) is None


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ("Yes", "A"), ("yes.", "A"), ("No", "B"), ("NO!", "B"), ("Yes, the man is dunking.", "A"),
        ("No, it does not move. Yes, it stands.", "B"), ("**Yes**", "A"), ("Yes.\nThe zebra runs.", "A"),
        ("The answer is yes.", "A"), ("Answer: No", "B"), (r"\boxed{yes}", "A"), ("A", "A"), ("B. no", "B"),
        ("Yes and no", None), ("Yes or no?", None), ("Yes/No", None), ("Not sure", None),
        ("Nothing moves", None), ("It stands.\n\nSo the answer is no.", "B"), ('The answer is "no."', "B"),
        ("I don't think the answer is yes.", None), ("The answer is yes. Or the answer is no.", None),
        ("Is the answer yes?\nThe answer is unclear.", None),
        ("No video was provided.", None), ("No information is given.", None), ("No idea", None), ("No.1", None),
        ("No it does not", "B"), ("No because it stands.", "B"), ("No, yes", None), ("Yes, no ball is there", "A"),
        ("Is it moving? Yes.", "A"), ("Based on the video, no, it is not.", "B"), ("It stands. So, no.", "B"),
        ("It moves. Yes. It stands. No.", None),
        ("No one can tell", None), ("It is impossible to tell.", None), ("Yesterday", None), ("", None),
    ],
)  # fmt: skip
def test_yes_and_no(response: str, expected: str | None) -> None:
    assert letter(response, "yes", "no") == expected
    text = {"A": "yes", "B": "no", None: None}[expected]
    if response not in ("A", "B. no"):
        read = read_answer(response, question(solution="no", kind=ProblemType.FREE_FORM))
        assert (read and read.value) == text


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ("3", "3"), ("3.", "3"), ("The answer is 3.", "3"), ("Answer: 3", "3"), ("3 times", "3"),
        ("3 cm", "3"), ("3s", "3"),
        ("three", "3"), ("Three.", "3"), ("1,234 people", "1234"), ("-2 m", "-2"), ("(3)", "3"),
        (r"\boxed{3 \text{ balls}}", "3"),
        (r"\boxed{3}", "3"), ("50%", "50%"), ("**3**", "3"), ("1/2", "1/2"), (r"\boxed{x}", None),
        ("3 to 4", None), ("3-4", None), ("between 3 and 4", None), ("In 2 videos there are 3 balls.", None),
        ("many", None), ("There are 3 balls.", "3"), ("There are three balls", "3"), ("I count 3.", "3"),
        ("approximately 1.5 m", "1.5"), ("The distance is about 3 m.", "3"), ("\uff13", "3"), ("at least 3", None),
        ("There are 3 balls: one red, 2 blue", None), ("The 2 men see 3 balls.", None), ("No. 3", None),
        ("3, 4", None), ("3 balls and 2 boxes of them all", None), ("", None),
    ],
)  # fmt: skip
def test_numbers(response: str, expected: str | None) -> None:
    read = read_answer(response, question(solution="3", kind=ProblemType.NUMERICAL))
    assert read == (None if expected is None else Answer("number", expected))


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ("A red ball.", "a red ball"),
        ("The answer is: a red ball.", "a red ball"),
        ("Answer:\nA red ball", "a red ball"),
        ('"A red ball"', "a red ball"),
        (r"<think>x</think>\boxed{A red ball}", "a red ball"),
        ("<think>x", None),
        ("", None),
    ],
)
def test_text(response: str, expected: str | None) -> None:
    read = read_answer(response, question(solution="a red ball", kind=ProblemType.FREE_FORM))
    assert (read and read.value) == expected


@pytest.mark.parametrize("boxed", ["B", "b", "(b)", "moving right", "C. not moving", "A or B", "", "3-4"])
def test_what_training_reads_evaluation_reads_alike(boxed: str) -> None:
    response = rf"<think>so</think>\boxed{{{boxed}}}"
    strict = parse_answer(response, question(*DIRECTIONS))
    assert strict is None or read_answer(response, question(*DIRECTIONS)) == strict


@pytest.mark.parametrize(
    ("response", "found"),
    [
        ("I think the answer is A. No wait, B.", "B"),
        ("I choose A. Scratch that, B.", "B"),
        ("The answer is A. Wait, it goes right. So the answer is B.", "B"),
        ("The answer is A. Wait, I must look again at what it does.", None),
        ("(A) moving left is incorrect; (B) moving right is correct", None),
        ("A) moving left - wrong", None),
        ("(A) is incorrect.", None),
        ("C. not moving", "C"),
        ("(C) not moving is correct", "C"),
    ],
)
def test_what_is_taken_back_or_called_wrong_is_no_answer(response: str, found: str | None) -> None:
    assert letter(response) == found


def test_of_a_text_that_runs_on_a_mark_alone_is_read() -> None:
    running = "it moves, " * 10_000
    assert letter(running + r"\boxed{B}") == "B"
    assert letter(f"<think>{running}</think>B") == "B"
    assert letter(running + "The answer is B.") is None


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        ("A, C", "A, C"), ("The answers are A and C.", "A, C"), ("Options A and C", "A, C"), ("A. w\nC. y", "A, C"),
        ("Not A, but B. It moves", "B"), ("A and not C", None), ("all", None), ("They are in C. ", None),
    ],
)  # fmt: skip
def test_several_letters(response: str, expected: str | None) -> None:
    sample = question("w", "x", "y", "z", solution="A, C", kind=ProblemType.MULTI_SELECT)
    read = read_answer(response, sample)
    assert (read and read.value) == expected
