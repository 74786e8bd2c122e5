"""Tables in Markdown, for cards, pages and trackers. Whatever text stands in a cell, it stays there and stays a text.

Escaped is what GitHub's Markdown, the hub's and Python-Markdown take for marks. Angle brackets and ampersands become
entities, which all of them read back; a backslash before "<" only some do.
"""

import re
from collections.abc import Iterable, Sequence

_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "~": "&#126;"})
_BLANKS = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
_MARKS = re.compile(r"[\\|`*]|(?<![^\W_])_|_(?![^\W_])|(?<=\])\(")
"""an underscore within a word is none, and a bracket alone begins no link"""


def cell(text: object) -> str:
    r"""Return a text as a table's cell: in one line, showing every character and doing nothing.

    >>> cell("a | <b> `c`")
    'a \\| &lt;b&gt; \\`c\\`'
    """
    line = _BLANKS.sub(" ", str(text)).strip()
    return _MARKS.sub(r"\\\g<0>", line.translate(_ENTITIES)) or " "


def table(header: Sequence[object], rows: Iterable[Sequence[object]], *, numbers: int = 0) -> str:
    """Return a table of texts. numbers: how many columns, the last ones, stand to the right."""
    return written(map(cell, header), (map(cell, row) for row in rows), numbers=numbers)


def written(header: Iterable[str], rows: Iterable[Iterable[str]], *, numbers: int = 0) -> str:
    """Return a table of cells that are Markdown already."""
    heads = list(header)
    ruler = ["---"] * (len(heads) - numbers) + ["---:"] * numbers
    return "\n".join(f"| {' | '.join(line)} |" for line in (heads, ruler, *rows))
