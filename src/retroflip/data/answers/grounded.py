r"""Answers of two parts, an option and the span that shows it: "A <> [5, 12]".

VideoAuto-R1 trains NExT-GQA so, with `\boxed{A <> [5.0, 12.0]}`. An answer may lack its span, "A", and is then half of
one. Without an option it is none.
"""

from typing import NamedTuple

from retroflip.data.answers.spans import Span, read_spans, spans_text

SEPARATOR = "<>"


def divided(text: str) -> tuple[str, str]:
    """Return what an answer says of the option and of its span, "" where it says nothing of that.

    >>> divided("left <> up <> [5, 12]"), divided("A")
    (('left <> up', '[5, 12]'), ('A', ''))
    """
    option, sign, span = text.rpartition(SEPARATOR)
    return (option.strip(), span.strip()) if sign else (text.strip(), "")


class Parts(NamedTuple):
    """The letter of an option and its spans: one in an answer, several in a gold one, none where they were left out."""

    letter: str
    spans: tuple[Span, ...]


def parts_of(value: str) -> Parts:
    """Return the parts of an answer's value."""
    letter, spans = divided(value)
    return Parts(letter, tuple(read_spans(spans)) if spans else ())


def grounded_text(letter: str, spans: str) -> str:
    """Return the value of an answer: its letter, and the spans that a text says where it says some.

    >>> grounded_text("A", "from 5 s to 12 s")
    'A <> [5, 12]'
    """
    found = read_spans(spans)
    return f"{letter} {SEPARATOR} {spans_text(found)}" if found else letter
