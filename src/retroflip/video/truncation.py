"""How long a media file says it is, so that a file cut short is told from a short video.

A decoder returns what is left of a cut file and reports no error. The containers name the sizes of their
parts, so the cut shows without decoding: MP4 and MOV in their boxes (ISO/IEC 14496-12, 4.2), Matroska and
WebM in their Segment element (RFC 8794, 4 and 6), AVI in its RIFF header. Other formats, and live
recordings that leave their size open, promise nothing.
"""

import os
from pathlib import Path
from typing import BinaryIO

_EBML, _SEGMENT = 0x1A45DFA3, 0x18538067
_FIRST_BOXES = (b"ftyp", b"styp", b"moov", b"mdat", b"wide", b"free", b"skip")
_BOXES_NEEDED = (b"moov", b"mdat", b"moof")
_SMALLEST_BOX = 8
"""bytes"""


def missing_bytes(path: Path) -> int:
    """Return how many bytes, at least, the file at `path` lacks by its own account; 0 when it promises nothing.

    Raises OSError when it cannot be read.
    """
    actual = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(8)
        if head[:4] == _EBML.to_bytes(4, "big"):
            promised = _segment_end(stream)
        elif head[4:] in _FIRST_BOXES:
            promised = _last_box_end(stream, actual)
        elif head[:4] == b"RIFF":
            promised = 8 + int.from_bytes(head[4:], "little")
        else:
            promised = 0
    return max(0, promised - actual)


def _last_box_end(stream: BinaryIO, actual: int) -> int:
    """Walk the boxes; the end of the first needed one that leaves the file, else 0.

    A box of another kind that leaves the file is padding or junk behind the video, and ends the walk; before any needed
    one it is what is left of a video, as is a file that ends there: a box at least is missing.
    """
    position, begun = 0, False
    while position + 8 <= actual:
        stream.seek(position)
        size, kind = int.from_bytes(stream.read(4), "big"), stream.read(4)
        if size == 1:
            size = int.from_bytes(stream.read(8), "big")
        if size < 8:  # 0 means "to the end of the file"; anything else is not a box
            return 0
        position += size
        begun = begun or kind in _BOXES_NEEDED
        if position > actual:
            return position if kind in _BOXES_NEEDED or not begun else 0
    return 0 if begun else max(position, actual) + _SMALLEST_BOX


def _segment_end(stream: BinaryIO) -> int:
    """Return where the Segment element ends; 0 when there is none or its size is left open."""
    stream.seek(0)
    while True:
        kind = _read_element_number(stream, keep_marker=True)
        size = _read_element_number(stream, keep_marker=False)
        if kind is None or size is None:
            return 0
        if kind == _SEGMENT:
            return stream.tell() + size
        stream.seek(size, os.SEEK_CUR)


def _read_element_number(stream: BinaryIO, *, keep_marker: bool) -> int | None:
    """Read an EBML variable-size integer: as many more bytes as its first one has leading zero bits.

    Returns None at the end of the file and for the reserved "unknown size", all bits set.
    """
    first = stream.read(1)
    if not first or not first[0]:
        return None
    more = 8 - first[0].bit_length()
    number = int.from_bytes(first + stream.read(more), "big")
    if keep_marker:
        return number
    number &= (1 << 7 * (more + 1)) - 1
    return None if number == (1 << 7 * (more + 1)) - 1 else number
