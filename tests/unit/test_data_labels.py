"""Letters before options: which styles are known, and what only looks like one."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retroflip.data.labels import Options, index_of, letters_remain, read_options, split_label
from retroflip.errors import DataError

STYLES = (
    "A. left", "A) left", "(A) left", "A: left", "A:left", "a. left", "(a) left", "[A] left", "A] left", "A - left",
    "A – left", "A- left", "A、left", "A．left", "A：left", "（A）left", "【A】left", "1. left", "1) left", "(1) left",
    "1、left", "1: left", "i. left", "(I) left", "①left", "Ⓐ left", "Option A: left", "option a. left", "**A.** left",
    "**A. left**",     "A\tleft", "Ａ．left", "<A> left", "{A} left", "「A」left", "A | left", "А. left", "α) left",
    "甲、left", "一、left", "ア. left", "가. left",
)  # fmt: skip


def options_in(style: str, texts: list[str]) -> list[str]:
    """Return the texts with letters in the style of an example for "left" under the first letter."""
    following = {"A": "ABCD", "a": "abcd", "1": "1234", "①": "①②③④", "Ⓐ": "ⒶⒷⒸⒹ", "Ａ": "ＡＢＣＤ"}
    following |= {
        scripted[0]: scripted for scripted in ("АБВГ", "αβγδ", "甲乙丙丁", "一二三四", "アイウエ", "가나다라")
    }
    numerals = {"i": ["i", "ii", "iii", "iv"], "I": ["I", "II", "III", "IV"]}
    head, _, tail = style.partition("left")
    first = next(
        letter
        for letter in head.replace("Option", "").replace("option", "")
        if letter.isalnum() or letter in "①Ⓐ"
    )
    letters = numerals.get(first) or following[first]
    before, _, after = head.rpartition(first)
    return [f"{before}{letter}{after}{text}{tail}" for letter, text in zip(letters, texts, strict=False)]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("texts", [["left", "right"], ["left", "5 m", "both", "none"], ["4", "3"]])
def test_letters_in_every_style_are_taken_off(style: str, texts: list[str]) -> None:
    if style in ("1: left", "1、left") and "4" in texts:
        return  # a ratio and a list of numbers
    assert read_options(options_in(style, texts)).texts == tuple(texts)


@pytest.mark.parametrize(
    "options",
    [
        ["left", "right"],
        ["A.D.", "B.C."],
        ["A.M.", "B.A. degree"],
        ["A cat", "B cats"],
        ["A-frame", "B-frame"],
        ["A flat", "B flat"],
        ["A and B", "B and C"],
        ["A、B", "B、C"],
        ["A. Lincoln", "J. Smith"],
        ["A. left", "right"],
        ["1.5", "2.5"],
        ["1:30", "2:30"],
        ["1 : 2", "2 : 1"],
        ["1 - 2", "2 - 3"],
        ["1", "2"],
        ["1.", "2."],
        ["(1)", "(2)"],
        ["(left) hand", "(right) hand"],
        ["I think so", "II"],
        ["2. place", "3. place"],
        ["(a)(c)(b)", "(a)(b)(c)", "(b)(a)(c)"],
        ["A - B", "A - C", "B - C"],
        ["A: 1, B: 2", "A: 2, B: 1"],
        ["J. Smith", "J. Doe"],
        [],
    ],
)  # fmt: skip
def test_what_only_looks_like_a_letter_stays(options: list[str]) -> None:
    assert read_options(options) == Options(tuple(options))


@pytest.mark.parametrize(
    "options", [["B. left", "A. right"], ["(b) left", "(a) right"], ["2) left", "1) right"]]
)
def test_letters_out_of_order_are_refused(options: list[str]) -> None:
    with pytest.raises(DataError, match="in the order of their letters"):
        read_options(options)


@given(st.lists(st.text(string.ascii_letters + " ,-()[]", min_size=1), min_size=2, max_size=25))
def test_whatever_the_texts_capital_letters_before_them_come_off(texts: list[str]) -> None:
    written = [f"({letter}) {text}" for letter, text in zip(string.ascii_uppercase, texts, strict=False)]
    assert read_options(written).texts == tuple(text.strip() for text in texts)


@pytest.mark.parametrize(
    ("options", "remain"),
    [
        (["A > left", "B > right"], True),
        (["A left", "B right"], True),
        (["a= left", "b= right"], True),
        (["A/ left", "B/ right"], True),
        (["left", "right"], False),
        (["A", "B"], False),
        (["A.D.", "B.C."], False),
        (["A's turn", "B's turn"], False),
        (["A left", "right"], False),
    ],
)
def test_letters_in_an_unknown_style_are_noticed(options: list[str], remain: bool) -> None:
    assert letters_remain(read_options(options).texts) is remain


@pytest.mark.parametrize(
    ("answer", "index"),
    [
        ("A", 0), ("b", 1), ("(B)", 1), ("B.", 1), ("b)", 1), ("B. right", 1), ("(b) right", 1), ("B、right", 1),
        ("right", 1), ("2", 1), ("2. right", 1), ("②", 1),
        ("C", None), ("3", None), ("B. left", None), ("", None), ("up", None), ("0", None),
    ],
)  # fmt: skip
def test_what_an_answer_means_where_the_data_numbers_its_options(answer: str, index: int | None) -> None:
    assert index_of(answer, read_options(["1. left", "2. right"])) == index


def test_letters_come_off_where_an_option_without_one_stands_behind() -> None:
    options = read_options(["A. left", "B. right", "None of the above"])
    assert options == Options(("left", "right", "None of the above"), ("A", "B"))
    assert [index_of(answer, options) for answer in ("B", "C", "B. right", "None of the above")] == [
        1,
        2,
        1,
        2,
    ]
    for kept in (
        ["A. left", "right", "up"],
        ["A. Lincoln", "Grant", "B. Obama"],
        ["B. left", "C. right", "up"],
    ):
        assert read_options(kept) == Options(tuple(kept))


def test_a_word_before_a_solutions_letter_is_no_part_of_it() -> None:
    options = read_options(["Option A: left", "Option B: right"])
    assert [index_of(answer, options) for answer in ("Option B", "option (b)", "Choice A")] == [1, 1, 0]
    assert index_of("Choice 2", read_options(["Choice 1", "Choice 2"])) == 1


def test_an_answer_that_could_name_two_options_names_none() -> None:
    numbered = read_options(["1) 2", "2) 1"])
    assert [index_of(answer, numbered) for answer in ("1", "2", "A", "1) 2")] == [None, None, 0, 0]
    assert index_of("b", read_options(["b", "a"])) is None
    assert index_of("A", read_options(["B", "A"])) == 0
    assert index_of("1", read_options(["3", "1"])) == 1
    assert index_of("left", read_options(["left", "left"])) is None


def test_a_number_from_zero_is_a_letter_too() -> None:
    options = read_options(["0. left", "1. right"])
    assert options == Options(("left", "right"), ("0", "1"))
    assert index_of("1", options) == 1


def test_a_text_in_two() -> None:
    assert split_label("  (c)  up ") == ("c", "up")
    assert split_label("I-frame") is None
