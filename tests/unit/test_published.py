"""Reading published files: options in a question's text, responses as writers keep them, and what is told of others."""

from pathlib import Path

import pytest

from recorded_files import write_lines
from retroflip.bench.benchmarks.published import Choices, choices_in, read_json, read_rows, response_text
from retroflip.errors import DataError


@pytest.mark.parametrize(
    ("question", "stem", "options"),
    [
        ("Which?\nA. up\nB. down", "Which?", ("up", "down")),
        ("Which?\n(A) up\n(B) down\nAnswer with a letter.", "Which?", ("up", "down")),
        ("Two\nlines?\nA: up\n B: down ", "Two\nlines?", ("up", "down")),
        ("Is it A. open or B. shut?", "Is it", ("open", "shut")),
        ("Which? A) a man, B) a dog.", "Which?", ("a man", "a dog.")),
        ("Is it a man?", "Is it a man?", ()),
        ("B. is first\nC. second", "B. is first\nC. second", ()),
        ("Which?\nA. only one", "Which?\nA. only one", ()),
    ],
)
def test_options_in_a_question(question: str, stem: str, options: tuple[str, ...]) -> None:
    assert choices_in(question) == Choices(stem, options)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("A", "A"),
        (["A", "B"], "A"),
        ([["A"]], "A"),
        ([], None),
        (None, None),
        (3, "3"),
        ({"a": 1}, '{"a": 1}'),
    ],
)
def test_responses_as_they_are_kept(value: object, text: str | None) -> None:
    assert response_text(value) == text


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot be read .*Check the path"):
        read_json(tmp_path / "none.json", "a file")
    (tmp_path / "deep.json").write_text("[" * 100_000)
    with pytest.raises(DataError, match=r"not JSON .*Give the right file\."):
        read_json(tmp_path / "deep.json", "the right file")
    (tmp_path / "x.jsonl").write_text('{"a": 1}\n[3]\n')
    with pytest.raises(DataError, match=r"line 2: .*Give rows\."):
        read_rows(tmp_path / "x.jsonl", "rows")
    assert read_rows(write_lines(tmp_path / "y.jsonl", [{"a": 1}, {"a": 2}]), "rows") == [{"a": 1}, {"a": 2}]
