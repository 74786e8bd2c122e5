"""Frames as players show them: upright, with square pixels, as RGB."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import cast

import numpy as np
from av.filter import Graph
from av.sidedata.sidedata import SideData, Type
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter

from retroflip.errors import DecodeError
from retroflip.video.frames import Pixels

_EXACT = int(Interpolation.ACCURATE_RND | Interpolation.BITEXACT | Interpolation.FULL_CHR_H_INT)
"""Equal pixels on every processor; without the last flag all of them come out up to 2 of 255 too dark."""

_SIDE_DATA_KINDS = 64
"""more than FFmpeg knows"""


@dataclass
class Display:
    """How a video's stored pictures are shown.

    stored: width and height, in pixels, that they are scaled to before they are turned. matrix: the signs (a, b, c, d)
    of the display matrix, by which a stored pixel (x, y) is shown at (ax + cy, bx + dy).
    """

    stored: tuple[int, int]
    matrix: tuple[int, int, int, int] = (1, 0, 0, 1)
    _reformatter: VideoReformatter = field(default_factory=VideoReformatter, repr=False)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, as displayed."""
        width, height = self.stored
        return (height, width) if self.matrix[0] == 0 else (width, height)

    @property
    def clockwise_degrees(self) -> int:
        """The clockwise turn of the stored picture's edge from top left to top right."""
        return {(1, 0): 0, (0, 1): 90, (-1, 0): 180, (0, -1): 270}[self.matrix[:2]]

    def picture(self, frame: VideoFrame, max_side: int | None) -> Pixels:
        """Return the frame as RGB (H, W, 3), no side above `max_side` pixels."""
        return self._rgb(frame, *shrunk(self.stored, max_side))

    def stored_picture(self, frame: VideoFrame) -> Pixels:
        """Return the frame as RGB (H, W, 3), upright, in the pixels that it is stored in, which may not be square."""
        return self._rgb(frame, frame.width, frame.height)

    def _rgb(self, frame: VideoFrame, width: int, height: int) -> Pixels:
        smaller = width < frame.width or height < frame.height
        picture = self._reformatter.reformat(
            frame,
            format="rgb24",
            width=width,
            height=height,
            interpolation=_EXACT | int(Interpolation.AREA if smaller else Interpolation.BICUBIC),
            threads=1,  # its thread pool costs more than small pictures do
        )
        return _upright(np.asarray(picture.to_ndarray(), dtype=np.uint8), self.matrix)


def shrunk(size: tuple[int, int], max_side: int | None) -> tuple[int, int]:
    """Return width and height with no side above `max_side` pixels, in the same proportion."""
    scale = 1.0 if max_side is None else min(1.0, max_side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def display_of(path: Path, frame: VideoFrame, pixel_aspect: Fraction | None) -> Display:
    """Return how the video whose first frame this is is shown. Raises DecodeError where it is at a slant.

    pixel_aspect: width of a stored pixel over its height. As everywhere, the width is what follows it: 720 x 576
    with pixels of 64:45 is shown as 1024 x 576.
    """
    width = max(1, round(frame.width * (pixel_aspect or 1)))
    return Display((width, frame.height), _display_matrix(path, frame))


def _display_matrix(path: Path, frame: VideoFrame) -> tuple[int, int, int, int]:
    """Return the signs of the display matrix, nine 32-bit fixed-point numbers a b u, c d v, x y w (ISO/IEC 14496-12,
    6.2.2); only quarter turns and mirrors are known here."""
    side_data = _side_data(frame)
    if "DISPLAYMATRIX" not in side_data:
        return (1, 0, 0, 1)
    a, b, _, c, d, *_ = struct.unpack("=9i", bytes(side_data["DISPLAYMATRIX"]))
    if a == b == c == d == 0:
        return (1, 0, 0, 1)  # never filled in: players show the picture as it is stored
    sign_a, sign_b, sign_c, sign_d = (int(np.sign(value)) for value in (a, b, c, d))
    if abs(sign_a) == abs(sign_b) or (abs(sign_a), abs(sign_b)) != (abs(sign_d), abs(sign_c)):
        raise DecodeError(
            f"{path}: the file asks players to turn or skew it by other than a quarter turn. Convert it with "
            "ffmpeg, which draws the turned pictures."
        )
    return (sign_a, sign_b, sign_c, sign_d)


def _side_data(frame: VideoFrame) -> Mapping[str, SideData]:
    """Return what lies beside the pixels. PyAV 18.1 lists none of it where a kind is newer than its own list (a
    camera's EXIF block, the views of a 3D recording): these are taken off first."""
    try:
        return cast("Mapping[str, SideData]", frame.side_data)  # PyAV's own type names one key only
    except ValueError:
        return cast("Mapping[str, SideData]", _without_unknown_side_data(frame).side_data)


def _without_unknown_side_data(frame: VideoFrame) -> VideoFrame:
    graph = Graph()
    last = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1)
    )
    for kind in sorted(set(range(_SIDE_DATA_KINDS)) - {known.value for known in Type}):
        following = graph.add("sidedata", f"mode=delete:type={kind}")
        last.link_to(following)
        last = following
    sink = graph.add("buffersink")
    last.link_to(sink)
    graph.configure()
    graph.vpush(frame)
    return graph.vpull()


def _upright(picture: Pixels, matrix: tuple[int, int, int, int]) -> Pixels:
    """Move the stored pixels (H, W, 3) to where they are shown."""
    a, b, c, d = matrix
    if a == 0:
        picture = picture.transpose(1, 0, 2)
    left_to_right = a + c < 0
    top_to_bottom = b + d < 0
    return picture[:: -1 if top_to_bottom else 1, :: -1 if left_to_right else 1]
