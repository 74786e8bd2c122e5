"""A UTF-8 text file a piece at a time, so that a file of any size is read in bounded memory."""

import codecs
import re
from collections.abc import Iterator
from pathlib import Path

from retroflip.errors import DataError

PIECE = 2**20
"""bytes that are read at once"""
LONGEST_RECORD = 64 * 2**20
"""characters of one record"""
_NOT_UTF_8 = re.compile("[\udc80-\udcff]")
"""what stands in a text in place of bytes that are no UTF-8 (PEP 383)"""
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)")


def pieces(path: Path) -> Iterator[str]:
    """Yield a file's text, without the mark that may stand before it. Bytes that are no UTF-8 are left in it for
    `not_utf_8` to find in their record."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    mark = "\ufeff"
    with path.open("rb") as stream:
        while True:
            content = stream.read(PIECE)
            text = decoder.decode(content, final=not content)
            if text:
                yield text.removeprefix(mark)
                mark = ""
            if not content:
                return


def not_utf_8(text: str, what: str = "this record") -> DataError | None:
    """Return that a text holds a byte that is no UTF-8, and where; None for one without. what: the text is of."""
    found = None if text.isascii() else _NOT_UTF_8.search(text)
    if found is None:
        return None
    before = len(text[: found.start()].encode("utf-8", "surrogateescape"))
    return DataError(
        f"byte {before + 1} of {what}, 0x{ord(found[0]) - 0xDC00:02x}, is no UTF-8. Save the file as UTF-8, or mend or "
        "delete what stands there."
    )


def lines(path: Path) -> Iterator[str]:
    """Yield a file's lines with their ends, which may be those of any system. Raises DataError for one that is too long
    to be a record."""
    started = ""
    for piece in pieces(path):
        text, end = started + piece, 0
        for found in _LINE.finditer(text):
            if found.end() == len(text) and text.endswith("\r"):
                break  # the other half of this line's end may follow
            yield found[0]
            end = found.end()
        started = text[end:]
        if len(started) > LONGEST_RECORD:
            raise DataError(
                f"{path}: a line has more than {LONGEST_RECORD} characters, too many for a record."
            )
    if started:
        yield started


class Window:
    """The part of a text that is being read: it grows at its end on demand and is cut off at its beginning.

    text: the part. Lines are counted from 1 as the part moves on.
    """

    def __init__(self, path: Path) -> None:
        self._pieces = pieces(path)
        self._line, self._counted = 1, 0
        self.text = ""
        self.ended = False

    def grow(self) -> bool:
        """Read on, at least as much as the part already holds; return whether there was anything more."""
        wanted, found = len(self.text), [self.text]
        size = 0
        while not self.ended and (size == 0 or size < wanted):
            piece = next(self._pieces, None)
            self.ended = piece is None
            size += len(piece or "")
            found.append(piece or "")
        self.text = "".join(found)
        return size > 0

    def skip_space(self, position: int) -> int:
        """Return where the next character stands that is no JSON white space, reading on for it; the end at the end."""
        while True:
            while position < len(self.text) and self.text[position] in " \t\r\n":
                position += 1
            if position < len(self.text) or not self.grow():
                return position

    def line_at(self, position: int) -> int:
        """Return the number of the line of a position, which is not before one that was asked for earlier."""
        self._line += self.text.count("\n", self._counted, position)
        self._counted = position
        return self._line

    def cut(self, position: int) -> None:
        """Let go of all before a position."""
        self.line_at(position)
        self.text, self._counted = self.text[position:], 0
