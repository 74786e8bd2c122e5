"""Text as answers are compared by it: without the marks of LaTeX and Markdown, without case and spare white space."""

import re
import unicodedata

_TEXT_COMMAND = re.compile(
    r"\\(?:text|textbf|textrm|textit|textsf|texttt|textnormal|emph|mbox|underline|boldsymbol|bm"
    r"|math(?:rm|bf|it|sf|tt|cal))\s*\{([^{}]*)\}"
)
_ESCAPED = re.compile(r"\\([ %$&_#])")
_DOLLARS = re.compile(r"\$([^$]*)\$")
_EMPHASIS = re.compile(r"(?<![\w*])(\*{1,3}|_{2,3}|`)(?=\S)(.+?)(?<=\S)\1(?![\w*])")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s|\n")
_MARKS = re.compile(r"[\\$*_`]|<\|")
"""what any of the marks begins with: most texts have none"""
BOX_MARKS = re.compile(r"<\|begin_of_box\|>|<\|end_of_box\|>")
"""what GLM-4V writes around an answer"""


def plain(text: str) -> str:
    r"""Return text without marks and spare white space.

    `\text{left}`, `**left**` and `$left$` are `left`, and so is the same in GLM-4V's own box.
    """
    if not _MARKS.search(text):
        return " ".join(text.split())
    text = BOX_MARKS.sub(" ", text)
    found = 1
    while found:
        text, commands = _TEXT_COMMAND.subn(r"\1", text)
        text, emphases = _EMPHASIS.subn(r"\2", text)
        found = commands + emphases
    return " ".join(_ESCAPED.sub(r"\1", _DOLLARS.sub(r"\1", text)).split())


def first_sentence(text: str) -> str:
    """Return a text up to its first full stop, exclamation or question mark before white space, or its line's end."""
    return _SENTENCE_END.split(text, maxsplit=1)[0]


def folded(text: str) -> str:
    """Return text as it is compared: plain, composed (NFC), case-folded, without the full stop at its end."""
    return unicodedata.normalize("NFC", plain(text)).casefold().removesuffix(".").rstrip()
