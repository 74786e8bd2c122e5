"""Answers under arbitrary options and arbitrary text. No deadlines: the first number imports math-verify."""

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from retroflip.data.answers import Answer, gold_answer, is_well_formed, parse_answer, same_answer
from retroflip.data.prompts import with_null_option
from retroflip.data.sample import ProblemType, Sample, option_letter

LOWER_CASE = st.text(st.sampled_from("abcdefgxyzäß0123456789 .,'-%&"), min_size=1, max_size=20).filter(
    lambda text: re.search(r"\w", text) is not None
)
OPTIONS = st.lists(
    LOWER_CASE, min_size=2, max_size=6, unique_by=lambda text: re.sub(r"\W", "", text.casefold())
)
PIECES = st.sampled_from(
    [
        r"\boxed{",
        r"\boxed",
        "{",
        "}",
        "<think>",
        "</think>",
        "<answer>",
        "</answer>",
        "A",
        "B.",
        "(C)",
        r"\text{",
        "\\",
    ]
)
ANY_RESPONSE = st.lists(PIECES | st.text(max_size=8), max_size=12).map("".join)


def sample_with(options: list[str], solution: str, kind: ProblemType = ProblemType.MULTIPLE_CHOICE) -> Sample:
    return Sample(
        id="s",
        video="v.mp4",
        question="?",
        options=tuple(options),
        solution=solution,
        problem_type=kind,
        source_clip="c",
    )


@settings(deadline=None)
@given(options=OPTIONS, null=st.booleans(), data=st.data())
def test_every_rendered_gold_parses_back_and_no_other_option_matches(
    options: list[str], null: bool, data: st.DataObject
) -> None:
    gold_index = data.draw(st.integers(0, len(options) - 1))
    sample = sample_with(options, option_letter(gold_index))
    sample = with_null_option(sample) if null else sample
    for index, option in enumerate(sample.options):
        letter = option_letter(index)
        for form in (
            letter,
            f"({letter})",
            f"{letter}.",
            f"{letter}. {option}",
            option,
            rf"\text{{{option}}}",
        ):
            answer = parse_answer(rf"<think>so</think>\boxed{{{form}}}", sample)
            assert answer == Answer("option", letter)
            assert same_answer(answer, gold_answer(sample)) is (index == gold_index)


@settings(max_examples=60, deadline=None)
@given(value=st.decimals(-10_000, 10_000, places=3), other=st.decimals(-10_000, 10_000, places=3))
def test_numerical_gold_matches_itself_and_nothing_else(value: object, other: object) -> None:
    sample = sample_with([], str(value), ProblemType.NUMERICAL)
    gold = gold_answer(sample)
    assert same_answer(parse_answer(rf"\boxed{{{value}}}", sample), gold)
    assert same_answer(parse_answer(rf"\boxed{{{other}}}", sample), gold) is (value == other)


@settings(deadline=None)
@given(ANY_RESPONSE, st.sampled_from([ProblemType.MULTIPLE_CHOICE, ProblemType.FREE_FORM]))
def test_any_text_is_read_without_an_error_and_never_as_an_option_not_offered(
    response: str, kind: ProblemType
) -> None:
    answer = parse_answer(response, sample_with(["left", "right"], "A", kind))
    assert answer is None or kind is ProblemType.FREE_FORM or answer.value in ("A", "B")
    if is_well_formed(response):
        assert response.strip().startswith("<think>")
        assert response.strip().endswith("}")


@settings(max_examples=60, deadline=None)
@given(st.text("0123456789.,+-*/^{}()%$ \\fracsqtpi", max_size=24))
def test_any_expression_is_read_without_an_error(content: str) -> None:
    sample = sample_with([], "1", ProblemType.NUMERICAL)
    answer = parse_answer(rf"\boxed{{{content}}}", sample)
    assert answer is None or same_answer(answer, answer)


@settings(deadline=None)
@given(st.text(max_size=60).filter(lambda text: r"\boxed" not in text and "<answer>" not in text))
def test_running_text_gives_no_answer(text: str) -> None:
    assert parse_answer(text, sample_with(["left", "right"], "A")) is None


@settings(deadline=None)
@given(st.integers(0, 100), st.text("abcAB.<>{} ", max_size=30))
def test_a_truncated_response_gives_no_answer_and_is_malformed(cut: int, reasoning: str) -> None:
    whole = rf"<think>left {reasoning}</think>\boxed{{A}}"
    part = whole[: min(cut, len(whole) - 1)]
    assert parse_answer(part, sample_with(["left", "right"], "A")) is None
    assert not is_well_formed(part)
    assert is_well_formed(whole)
