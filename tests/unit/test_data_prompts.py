import pytest

from retroflip.data.prompts import (
    NULL_OPTION,
    SYSTEM_PROMPT,
    SYSTEM_PROMPTS,
    user_text,
    with_null_option,
)
from retroflip.data.sample import Modality, ProblemType, Sample, option_letter
from retroflip.errors import DataError


def sample(*options: str, kind: ProblemType = ProblemType.MULTIPLE_CHOICE) -> Sample:
    return Sample(
        id="1",
        video="a.mp4",
        question="Which way?",
        options=options,
        solution="A",
        problem_type=kind,
        source_clip="a.mp4",
    )


def test_options_stand_on_their_own_lines() -> None:
    assert user_text(sample("left", "right")) == "Which way?\nOptions:\nA. left\nB. right"


def test_an_open_question_stands_alone() -> None:
    assert user_text(sample(kind=ProblemType.NUMERICAL)) == "Which way?"


def test_the_null_option_comes_last_and_once() -> None:
    once = with_null_option(sample("left", "right"))
    assert once.options == ("left", "right", NULL_OPTION)
    assert with_null_option(once) == once
    assert with_null_option(sample("left", "none of the above")).options == ("left", "none of the above")


@pytest.mark.parametrize(
    "own",
    [
        "None of the above.",
        "NONE OF THE ABOVE",
        "none of these",
        "None of these options.",
        "None of the options",
        "None of the given choices",
        "None of the options above",
        "None of the above is correct.",
        "None of the listed answers",
        "None of the other options",
        "(None of the above)",
        "Neither of the above.",
        "No correct answer",
        "NOTA",
        "以上都不是。",
        "以上选项均不正确",
    ],
)
def test_a_null_option_in_other_words_is_one(own: str) -> None:
    assert with_null_option(sample("left", own)).options == ("left", own)


@pytest.mark.parametrize(
    "other",
    [
        "All of the above",
        "cannot be determined",
        "None",
        "none of them",
        "Neither",
        "Neither of the balls",
        "no answer",
        "None of the balls moves",
        "above",
    ],
)
def test_what_only_sounds_like_it_is_none(other: str) -> None:
    assert with_null_option(sample("left", other)).options == ("left", other, NULL_OPTION)


def test_an_open_question_gets_no_null_option() -> None:
    question = sample(kind=ProblemType.FREE_FORM)
    assert with_null_option(question) == question


def test_letters_run_out() -> None:
    assert [option_letter(index) for index in (0, 1, 25)] == ["A", "B", "Z"]
    for index in (-1, 26):
        with pytest.raises(ValueError, match="no letter"):
            option_letter(index)
    with pytest.raises(DataError, match="'1' has 26 options"):
        with_null_option(sample(*"abcdefghijklmnopqrstuvwxyz"))


def test_the_system_prompt_of_videos_is_the_one_that_the_embedded_model_was_trained_on() -> None:
    assert SYSTEM_PROMPTS[Modality.VIDEO] == SYSTEM_PROMPT
    assert SYSTEM_PROMPT == (
        "Watch the video. First think step by step inside <think> </think>, then give only the final answer inside "
        "\\boxed{}."
    )


def test_every_system_prompt_asks_for_the_same_form() -> None:
    form = SYSTEM_PROMPTS[Modality.TEXT]
    assert [prompt.removesuffix(form) for prompt in SYSTEM_PROMPTS.values()] == [
        "Watch the video. ",
        "Look at the image. ",
        "",
    ]
