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
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)")


def pieces(path: Path) -> Iterator[str]:
    """Yield a file's text, without the mark that may stand before it. Raises DataError for another encoding."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    passed, mark = 0, "\ufeff"
    with path.open("rb") as stream:
        while True:
            content = stream.read(PIECE)
            kept = len(decoder.getstate()[0])
            try:
                text = decoder.decode(content, final=not content)
            except UnicodeDecodeError as error:
                raise DataError(
                    f"{path}: not a UTF-8 text file (byte {passed - kept + error.start}). Save it as UTF-8."
                ) from error
            passed += len(content)
            if text:
                yield text.removeprefix(mark)
                mark = ""
            if not content:
                return


def lines(path: Path) -> Iterator[str]:
    """Yield a file's lines with their ends, which may be those of any system. Raises DataError as `pieces` does, and
    for a line that is too long to be a record."""
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
