"""Passes over a video file: one that counts its frames without decoding, and those that decode them all.

Headers lie about the number of frames, and WebM has none, so the packets are counted. Decoding runs in one thread: with
frame threads, PyAV has been seen to hang in data-loader workers, and they gain little. Sound is never read.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from retroflip.errors import DecodeError
from retroflip.video.clock import Stamp, Timeline, timeline
from retroflip.video.container import check_picture_size, is_open_ended, longest_step, opened
from retroflip.video.display import Display, display_of

_MAX_LOST_SHARE = 0.1
"""Share of a file's coded frames that may give no picture. A clip cut from a longer recording may begin
with frames that refer to ones before the cut, which a decoder leaves out; more than that is damage."""
_MAY_GIVE_NO_PICTURE = ("mpeg4", "vp8", "gif")
"""codecs whose packets may hold none: "as before" (N-VOP), pictures to refer to only, remarks and other extensions"""


@dataclass(frozen=True)
class Coded:
    """The packets of a file that hold frames to be shown; an edit list can begin behind others, a key frame among them.

    packets: how many there are. leading: how many of them come before the first key frame. early: how many come behind
    it and are shown before it, and may refer to what is not there. key_pts: when that key frame is shown, if known.
    expected: when its frames will be shown, as far as that can be told without decoding. rate: frames per second on
    average by the header, if it has them.
    """

    packets: int
    leading: int
    early: int
    key_pts: int | None
    expected: Timeline | None = None
    rate: Fraction | None = None

    @property
    def frames(self) -> int:
        """How many frames to expect; all that there are where no packet says that it is a key frame."""
        return self.packets - self.leading - (self.early if self.leading else 0) or self.packets

    @property
    def whole(self) -> int:
        """How many frames refer to nothing that is not there."""
        return self.packets - self.leading - self.early


def count_coded_frames(path: Path, deadline: float) -> Coded:
    """Read the whole file without decoding it. Raises DecodeError where it holds no frame, TimeoutError behind the
    deadline (of `time.monotonic`), and whatever PyAV raises."""
    packets, leading, early = 0, None, 0
    key_pts: int | None = None
    behind_key = False
    stamps = []
    with opened(path) as (container, stream):
        for packet in container.demux(stream):
            _check_time(deadline)
            if not packet.size:
                continue
            if leading is None and packet.is_keyframe:
                leading, key_pts, behind_key = packets, packet.pts, True
            elif behind_key:
                behind_key = packet.pts is not None and key_pts is not None and packet.pts < key_pts
                early += behind_key and not packet.is_discard
            packets += not packet.is_discard
            if not packet.is_discard:
                stamps.append(Stamp(packet.pts, packet.dts, packet.duration or 0))
        rate, step = stream.guessed_rate or stream.average_rate, longest_step(container)
        expected = _expected(stamps, stream.time_base or Fraction(1), rate, step)
        average = stream.average_rate
    if packets == 0:
        raise DecodeError(f"{path}: the video stream has no frames. Copy or download the file again.")
    return Coded(packets, packets if leading is None else leading, early, key_pts, expected, average)


def _expected(
    stamps: Sequence[Stamp], time_base: Fraction, rate: Fraction | None, step: float | None
) -> Timeline | None:
    """Return when frames will be shown whose packets come in the order of decoding."""
    if not stamps:
        return None
    shown = [stamp.pts for stamp in stamps if stamp.pts is not None]
    in_order = [Stamp(pts, None, 0) for pts in sorted(shown)] if len(shown) == len(stamps) else stamps
    return timeline(in_order, time_base, rate, step)


def _begins(frame: VideoFrame, coded: Coded) -> bool:
    """Return whether a frame of a recording that lacks its beginning can be shown: a key frame, or one behind it where
    a picture is refreshed bit by bit, which decoders hold back until it is whole."""
    if frame.pts is None or coded.key_pts is None:
        return frame.key_frame
    return frame.key_frame or frame.pts >= coded.key_pts


@dataclass
class Pass:
    """One decoding pass over a file, and what it saw. Its methods raise as `count_coded_frames` does.

    The fields behind `deadline` are filled by `frames`.
    """

    path: Path
    coded: Coded
    deadline: float
    codec: str = ""
    time_base: Fraction = Fraction(1)
    rate: Fraction | None = None
    longest_step: float | None = None
    display: Display = field(default_factory=lambda: Display((0, 0)))
    stamps: list[Stamp] = field(default_factory=list)
    interlaced: bool = False
    refreshed: bool = False  # it began with a picture that is no key frame
    cut: bool = False  # it ends in the middle of a picture, which is left out
    open_ended: bool = False  # its format does not say where a file ends

    def frames(self) -> Iterator[VideoFrame]:
        """Yield the frames in the order in which they are shown."""
        with opened(self.path) as (container, stream):
            self.codec = stream.codec_context.codec.canonical_name
            self.time_base = stream.time_base or self.time_base
            self.rate = stream.guessed_rate or stream.average_rate
            self.longest_step = longest_step(container)
            self.open_ended = is_open_ended(container)
            for frame in self._decoded(container.demux(stream)):
                if not self.stamps:
                    check_picture_size(self.path, frame.width, frame.height)
                    aspect = stream.sample_aspect_ratio or stream.codec_context.sample_aspect_ratio
                    self.display = display_of(self.path, frame, aspect)
                self.stamps.append(Stamp(frame.pts, frame.dts, frame.duration))
                self.interlaced = self.interlaced or frame.interlaced_frame
                yield frame

    def _decoded(self, packets: "Iterable[Packet[VideoStream]]") -> Iterator[VideoFrame]:
        """Decode the packets. Those before the first key frame refer to pictures that are not there: what a decoder
        makes of them, an error or grey, is left out. So is the last picture of a recording that was cut inside it."""
        fed, begun, last_pts = 0, not self.coded.leading, None
        for packet in packets:
            _check_time(self.deadline)
            fed += packet.size > 0 and not packet.is_discard
            last_pts = packet.pts if packet.size else last_pts
            at_end = self.open_ended and fed == self.coded.packets
            try:
                frames = packet.decode()
            except av.FFmpegError:
                if fed > self.coded.leading and not (at_end and not self.cut):
                    raise
                self.cut = self.cut or fed > self.coded.leading
                continue
            for frame in frames:
                if not begun and _begins(frame, self.coded):
                    begun, self.refreshed = True, not frame.key_frame
                if begun and frame.is_corrupt and at_end and not self.cut and last_pts in (frame.pts, None):
                    self.cut = True
                    continue
                if begun and frame.is_corrupt:
                    raise DecodeError(
                        f"{self.path}: frame {len(self.stamps)} is damaged (reported by the decoder). "
                        "Copy or download the file again."
                    )
                if begun:
                    yield frame

    def checked_count(self) -> int:
        """Return the number of frames that decoded, unless too many are missing for the file to be whole."""
        total, coded = len(self.stamps), self.coded.whole - self.cut
        if total == 0 and self.coded.leading == self.coded.packets:
            raise DecodeError(
                f"{self.path}: none of its {self.coded.packets} frames is a key frame, with which decoding can begin: "
                "the file was cut out of a longer recording. Cut it again, from a key frame on."
            )
        if self.codec in _MAY_GIVE_NO_PICTURE or self.refreshed:
            coded = min(coded, 1)
        elif self.interlaced:
            coded //= 2  # a packet may hold one of a picture's two fields
        if total < 1 or total < coded * (1 - _MAX_LOST_SHARE):
            raise DecodeError(
                f"{self.path}: only {total} of {self.coded.frames} frames decode, so the file is damaged or cut short. "
                "Copy or download it again."
            )
        if self.codec == "gif" and total == 1:
            raise DecodeError(
                f"{self.path}: the file is a still picture (GIF). As an image (data_type), store it as PNG."
            )
        return total

    def timeline(self) -> Timeline:
        """Return when the frames are shown."""
        times = timeline(self.stamps, self.time_base, self.rate, self.longest_step)
        if times is None:
            raise DecodeError(
                f"{self.path}: the video has neither time stamps nor a frame rate. Convert it to MP4."
            )
        return times


def _check_time(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise TimeoutError
