"""Names for files that come from data, and what a kill leaves behind."""

import re

from hypothesis import given
from hypothesis import strategies as st

from retroflip.files import file_name

NAMES = st.text(st.characters(), max_size=300) | st.sampled_from(
    [
        "",
        ".",
        "..",
        "../x",
        "/etc/passwd",
        "a/b",
        "a\\b",
        "a\0b",
        "con",
        "NUL.txt",
        "lpt1",
        "x.",
        " x",
        "é",
        "e\u0301",
        "A",
        "a",
    ]
)


@given(NAMES)
def test_any_text_gives_a_name_that_every_file_system_takes(text: str) -> None:
    name = file_name(text)
    assert re.fullmatch(r"[a-z0-9_][a-z0-9_.-]{0,99}", name)
    assert not name.endswith(".")
    assert name.partition(".")[0] not in {"con", "prn", "aux", "nul", "com1", "lpt1"}


@given(NAMES, NAMES)
def test_different_texts_have_different_names(one: str, other: str) -> None:
    assert (file_name(one) == file_name(other)) == (one == other)


def test_a_name_is_not_taken_from_the_text_that_it_stands_for() -> None:
    hashed = file_name("a/b")
    assert file_name(hashed) not in ("a/b", hashed)


def test_plain_texts_are_their_own_names() -> None:
    for text in ("clip-00012", "moving_direction-00000-0", "v1.2", "7"):
        assert file_name(text) == text
