"""Whatever text stands in a cell, a reader of Markdown that is not ours finds it there again, and no mark."""

from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from retroflip.files.markdown import cell, table, written

HOSTILE = [
    "a | b",
    "a \\| b",
    "ends in \\",
    "\\\\|",
    "one\ntwo\r\n---\n# three",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "&lt;b&gt; &amp; &#124;",
    "`code` ``| `` `open",
    "**bold** *a* _b_ __c__ snake_case _",
    "[name](javascript:alert(1)) ![](http://example.org/x.png)",
    "[a[b]](x)",
    "~~gone~~ ~a~",
    "| --- | --- |",
    "\u202eright to left \u2028 \x85 \x1b[31m red",
    "\N{VIDEO CAMERA} 左",
    "",
    "   ",
]


def cells(text: str) -> tuple[list[list[str]], set[str]]:
    """Return a page's cells row by row as a reader has them, and the types of marks in them."""
    rows: list[list[str]] = []
    kinds: set[str] = set()
    tokens: list[Any] = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    for token in tokens:
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline":
            kinds |= {child.type for child in token.children}
            rows[-1].append("".join(child.content for child in token.children))
    return rows, kinds


def shown(text: str) -> str:
    """Return a text as a line that holds nothing but what can be seen."""
    return " ".join("".join(" " if ord(one) < 32 or 127 <= ord(one) < 160 else one for one in text).split())


@pytest.mark.parametrize("text", HOSTILE)
def test_a_cell_shows_its_text_and_does_nothing(text: str) -> None:
    rows, kinds = cells(table(["one", text], [[text, "x"], ["y", text]]))
    assert rows == [["one", shown(text)], [shown(text), "x"], ["y", shown(text)]]
    assert kinds <= {"text"}


@given(st.text(alphabet="|\\`*_[]()<>&~!#-: \n\tab1;\x00é", max_size=30))
def test_any_text_comes_back(text: str) -> None:
    rows, kinds = cells(table(["head"], [[text]]))
    assert rows[1:] == [[shown(text)]]
    assert kinds <= {"text"}


def test_what_needs_no_escape_stays_readable() -> None:
    assert cell("moving_direction (n = 3), 12.5 [1.0, 2.0]") == "moving_direction (n = 3), 12.5 [1.0, 2.0]"
    assert cell(7) == "7"


def test_a_table_by_hand() -> None:
    assert table(["a", "b"], [["x|y", 1]], numbers=1) == "| a | b |\n| --- | ---: |\n| x\\|y | 1 |"
    assert written(["a"], [["`x`"]]) == "| a |\n| --- |\n| `x` |"
    assert table(["a"], []) == "| a |\n| --- |"


def test_no_tag_is_left_for_a_browser() -> None:
    found: list[str] = []

    class Tags(HTMLParser):
        def handle_starttag(self, tag: str, attrs: Any) -> None:  # noqa: ARG002 - the parser's signature
            found.append(tag)

    Tags().feed(table(["a"], [[text] for text in HOSTILE]))
    assert found == []
