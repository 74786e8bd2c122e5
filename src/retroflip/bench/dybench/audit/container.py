"""What a video file tells without being decoded: its container, its size, and the order and kinds of its frames."""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import av

from retroflip.video.decode import one_file

PROFILE = 16
"""parts of a video whose coded sizes are compared"""


class Container(NamedTuple):
    """Numbers about a file, by name. metadata: of the container. size: bytes of the file. gop: of its coded frames.

    bitstream: how many bytes its pictures take, which depends on what they show. tags: what the container says in
    words.
    """

    metadata: Mapping[str, float]
    size: Mapping[str, float]
    gop: Mapping[str, float]
    bitstream: Mapping[str, float]
    tags: tuple[str, ...]


def container_of(path: Path) -> Container:
    """Return what a file tells. Raises DecodeError for one that is no video."""
    with one_file(path), av.open(str(path.absolute()), metadata_errors="replace") as container:
        stream = container.streams.video[0]
        metadata = {
            "seconds": float(stream.duration or 0) * float(stream.time_base or 0),
            "start": float(stream.start_time or 0),
            "frames": float(stream.frames),
            "rate": float(stream.average_rate or 0),
            "height": float(stream.height),
            "width": float(stream.width),
            "time_base": float(stream.time_base or 0),
            "streams": float(len(container.streams)),
        }
        tags = [*container.metadata.items(), *stream.metadata.items(), ("codec", stream.codec_context.name)]
        packets = [
            (packet.size, packet.is_keyframe, (packet.pts or 0) - (packet.dts or 0))
            for packet in container.demux(stream)
            if packet.size
        ]
    keys = [index for index, (_, is_key, _) in enumerate(packets) if is_key]
    delays = [delay for *_, delay in packets]
    gop = {
        "keys": float(len(keys)),
        "second_key": float(keys[1] if len(keys) > 1 else len(packets)),
        "last_key": float(keys[-1] if keys else 0),
        **{f"delay_{index}": float(delays[index * len(delays) // PROFILE]) for index in range(PROFILE)},
    }
    return Container(
        metadata,
        {"bytes": float(path.stat().st_size)},
        gop,
        _profile([size for size, *_ in packets]),
        tuple(f"{key}={value}" for key, value in tags),
    )


def _profile(sizes: list[int]) -> dict[str, float]:
    """Return the bytes of all coded pictures, of the first, and of each part as a share of all."""
    total = sum(sizes) or 1
    edges = [index * len(sizes) // PROFILE for index in range(PROFILE + 1)]
    shares = [sum(sizes[start:end]) / total for start, end in pairwise(edges)]
    return {
        "coded": float(total),
        "first": float(sizes[0] if sizes else 0),
        **{f"part_{index}": share for index, share in enumerate(shares)},
    }
