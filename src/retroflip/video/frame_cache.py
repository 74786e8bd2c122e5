"""Frames that were decoded once, kept on disk for every later command: no video is decoded again for the same frames.

An entry is found under everything that its pixels depend on: the SHA-256 of the video's content, the take (part,
sampler, count), the size and how it is made, and the versions of the decoder and of what resizes. Entries are written
beside their place and renamed, so any number of processes may read, write and delete without a lock; whoever has
mapped one keeps it. Each entry holds its own hash: one that was damaged is never used but deleted, counted, and its
video decoded again. Beside the frames stands what was found out about each video, the verdict of a data set's check.

What is trusted: a file whose size, inode and times (of content and of inode, which no program can set) are those at
which it was hashed is the file that was hashed. `fresh` trusts nothing and reads it again.

The folder is `frames` under $RETROFLIP_CACHE (by default ~/.cache/retroflip), and $RETROFLIP_FRAME_CACHE says how large
it may become ("50GB"), or "off". It never takes more than half of the disk that is left to it. When it is full, entries
that were not used for an hour make room first. Of those in use one in four new ones takes the place of others, by lot:
runs read all their data in rounds, in which the least recently used entry is the one that is needed next.
"""

import hashlib
import json
import math
import mmap
import os
import re
import shutil
import time
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

import av
import numpy as np

from retroflip.errors import DataError, DecodeError, DecodeLimitError, HashMismatchError, UsageError
from retroflip.files.cache import cache_folder
from retroflip.files.seals import sealed, unsealed
from retroflip.files.storage import drop_unfinished, is_unfinished, read_json_object, replacing
from retroflip.video.decode import (
    Gathering,
    Read,
    VideoInfo,
    check_there,
    decode,
    hash_mismatch,
    one_file,
    read,
)
from retroflip.video.frames import Fit, Frames
from retroflip.video.hashing import sha256_file
from retroflip.video.isolated import ProbePool
from retroflip.video.samplers import UNIFORM
from retroflip.video.take import Take

VARIABLE = "RETROFLIP_FRAME_CACHE"
DEFAULT_BYTES = 20 * 10**9
GATHERED_BYTES = 2**28
"""of the frames of one video that its check keeps; those of more parts are decoded when they are needed"""
DECODING = 2
"""counted up when `decode` comes to return other frames of the same video"""

_SETTLED = 2.0
"""seconds for which a file must have stayed as it is before its times can tell a later change"""
_COUNTED_SHARE = 100
"""entries are counted anew whenever this process has written a hundredth of what the cache may hold"""
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?\s*", re.IGNORECASE)
_OFF = ("off", "no", "none", "false", "0")
_IN_USE = 3600.0
"""seconds behind its last use in which an entry counts as used"""
_NOTED = 600.0
"""seconds behind which a use is noted again"""
_REPLACED_SHARE = 0.25
"""of new entries, those that take the place of others that are in use. Of data twice as large as the cache, 44 % are
then found in it in every round; with 1, 20 to 29 %, and a smaller share takes long to come to know other data"""
_BLOCK = 4096
"""bytes that a file takes on disk at least"""
_MAGIC = b"RFFRAMES"
_ALIGNED = 64


class Identity(NamedTuple):
    """A file as it was found: its content's hash, and the size, times, inode and device by which a change shows."""

    sha256: str
    state: tuple[int, ...]


@dataclass
class Counts:
    """What one process had of the cache: entries used, written, damaged, and not written for want of room."""

    hits: int = 0
    stored: int = 0
    damaged: int = 0
    refused: int = 0


@dataclass
class FrameCache:
    """Entries in a folder, of at most so many bytes together. Its methods may be called by several threads."""

    folder: Path
    most_bytes: int
    counts: Counts = field(default_factory=Counts)
    _known: dict[Path, Identity] = field(default_factory=dict)
    _whole: dict[str, tuple[int, ...]] = field(default_factory=dict)
    _uncounted: float = math.inf
    _counting: Lock = field(default_factory=Lock)

    def identify(self, path: Path, sha256: str | None, *, fresh: bool = False) -> Identity:
        """Return what the file at `path` is. fresh: read it, even if it looks unchanged.

        Raises MissingVideoError and DecodeError as `decode` does, and HashMismatchError for another hash than `sha256`.
        """
        with one_file(path):
            check_there(path)
            place = path.absolute()
            state = _state(place)
            found = None if fresh else self._remembered(place, state)
            if found is None:
                found = Identity(sha256_file(place), state)
                if _state(place) == state and max(state[1:3]) < (time.time() - _SETTLED) * 1e9:
                    self._remember(place, found)
        if sha256 is not None and found.sha256 != sha256.lower():
            raise hash_mismatch(path, found.sha256, sha256)
        return found

    def _remembered(self, place: Path, state: tuple[int, ...]) -> Identity | None:
        known = self._known.get(place)
        if known is None:
            row = self._row(self._identity_file(place))
            if row is None or row.get("path") != str(place):
                return None
            known = Identity(row["sha256"], tuple(row["state"]))
        return known if known.state == state else None

    def _remember(self, place: Path, found: Identity) -> None:
        self._known[place] = found
        row = {"path": str(place), "sha256": found.sha256, "state": list(found.state)}
        self._write_row(self._identity_file(place), row)

    def verdict(self, path: Path, source: Identity) -> VideoInfo | None:
        """Return what was found out about a video; None where it was not decoded yet.

        Raises DecodeError where it was and could not be.
        """
        row = self._row(self._verdict_file(source))
        if row is None:
            return None
        if "error" in row:
            raise DecodeError(f"{path}{row['error']}")
        return VideoInfo(**row["info"])

    def keep_verdict(self, path: Path, source: Identity, found: VideoInfo | DecodeError) -> None:
        """Keep what was found out about a video, unless that may be another thing next time, or the file changed."""
        if _state(path.absolute()) != source.state or isinstance(found, DecodeLimitError | HashMismatchError):
            return
        if isinstance(found, VideoInfo):
            self._write_row(self._verdict_file(source), {"info": asdict(found)})
        elif str(found).startswith(str(path)):  # the same content may stand under another name
            self._write_row(self._verdict_file(source), {"error": str(found).removeprefix(str(path))})

    def has(self, source: Identity, take: Take, size: str) -> bool:
        """Return whether frames were kept, without a look at them."""
        return self._entry_file(source, take, size).exists()

    def get(self, source: Identity, take: Take, size: str) -> Frames | None:
        """Return frames that were kept, mapped from the disk; None where there are none, or damaged ones."""
        path = self._entry_file(source, take, size)
        try:
            frames = self._mapped(path)
        except OSError:  # there is none, or the folder cannot be read
            return None
        except ValueError:
            self._damaged(path)
            return None
        self.counts.hits += 1
        return frames

    def put(self, path: Path, source: Identity, take: Take, size: str, frames: Frames) -> None:
        """Keep frames of the video at `path`, unless the file changed meanwhile or there is no room for them."""
        target = self._entry_file(source, take, size)
        if _state(path.absolute()) != source.state:
            return
        if self._write(target, [_head(target.name, frames), np.ascontiguousarray(frames.pixels_TCHW).data]):
            self.counts.stored += 1

    def _write(self, target: Path, parts: Sequence[bytes | memoryview]) -> bool:
        """Put a file there in one step, if there is room. A power cut may leave it damaged, which its hash tells."""
        needed = max(_BLOCK, sum(len(part) if isinstance(part, bytes) else part.nbytes for part in parts))
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            if not self._has_room(needed):
                self.counts.refused += 1
                return False
            with replacing(target) as temporary, temporary.open("xb") as stream:
                for part in parts:
                    stream.write(part)
        except OSError as error:
            _warn_unwritable(self.folder, error.strerror or str(error))
            return False
        self._uncounted += needed
        return True

    def _mapped(self, path: Path) -> Frames:
        """Map an entry. Raises ValueError for one that is not as it was written; it is hashed once by a process."""
        with path.open("rb") as stream:
            if os.fstat(stream.fileno()).st_mtime < time.time() - _NOTED:
                with suppress(OSError):
                    os.utime(path)
            status = os.fstat(stream.fileno())
            if status.st_size < len(_MAGIC) + 4:
                raise ValueError("cut short")
            whole = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_COPY)
        head, start = _read_head(path.name, whole)
        pixels = np.frombuffer(whole, dtype=np.uint8, offset=start)
        state = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        if self._whole.get(path.name) != state:
            if hashlib.sha256(pixels.data).hexdigest() != head["sha256"]:
                raise ValueError("other pixels")
            self._whole[path.name] = state
        return Frames(pixels.reshape(head["shape"]), tuple(head["seconds"]), fitted=head["fitted"])

    def _has_room(self, needed: int) -> bool:
        """Return whether so many more bytes may be kept, deleting others for them: frames first, then what was found
        out about videos."""
        with self._counting:
            if needed > self.most_bytes:
                return False
            if self._uncounted + needed <= self.most_bytes / _COUNTED_SHARE:
                return True
            if self._uncounted == math.inf:
                drop_unfinished(self.folder, dead_only=True)  # before this process writes anything
            held = _held(self.folder)
            total = sum(size for size, _ in held.values())
            allowed = min(self.most_bytes, (shutil.disk_usage(self.folder).free + total) // 2)
            for gone in self._in_order_of_going(held):
                if total + needed <= allowed:
                    break
                gone.unlink(missing_ok=True)  # who has mapped it keeps it
                total -= held[gone][0]
            self._uncounted = 0
            return total + needed <= allowed

    def _in_order_of_going(self, held: dict[Path, tuple[int, float]]) -> list[Path]:
        """Return the files that may go for a new one, the first to go first."""
        lots, chance = list(held), np.random.default_rng()
        chance.shuffle(lots)
        frames = [path for path in lots if path.suffix != ".json"]
        latest = time.time() - _IN_USE
        unused = [path for path in frames if held[path][1] < latest]
        if chance.random() >= _REPLACED_SHARE:
            return unused
        used = [path for path in frames if held[path][1] >= latest]
        return [*unused, *used, *(path for path in lots if path.suffix == ".json")]

    def _damaged(self, path: Path) -> None:
        self.counts.damaged += 1
        with suppress(OSError):
            path.unlink()
        warnings.warn(
            f"{path} was damaged after it was written. It is deleted, and its video decoded again.",
            stacklevel=2,
        )

    def _row(self, path: Path) -> dict[str, Any] | None:
        if not path.exists():
            return None
        try:
            return read_json_object(path)
        except DataError:
            if path.exists():
                self._damaged(path)
            return None

    def _write_row(self, path: Path, row: dict[str, Any]) -> None:
        self._write(path, [(sealed(row, indent=2) + "\n").encode()])

    def _entry_file(self, source: Identity, take: Take, size: str) -> Path:
        name = _digest([source.sha256, take, size, decoder_version()])
        return self.folder / "pixels" / name[:2] / name

    def _verdict_file(self, source: Identity) -> Path:
        name = _digest([source.sha256, decoder_version()])
        return self.folder / "verdicts" / name[:2] / f"{name}.json"

    def _identity_file(self, place: Path) -> Path:
        name = _digest([os.fspath(place)])
        return self.folder / "files" / name[:2] / f"{name}.json"


def load(
    path: Path, take: Take, *, sha256: str | None = None, max_side: int | None = None, fit: Fit | None = None
) -> Frames:
    """Return frames of the video at `path` as `decode` does, from the cache where it has them. Raises as `decode`."""
    kept = frame_cache()
    decoding = partial(decode, path, take.frames, window=take.window, sampler=take.sampler)
    if kept is None:
        return decoding(sha256=sha256, max_side=max_side, fit=fit)
    source, size = kept.identify(path, sha256), size_key(max_side, fit)
    frames = kept.get(source, take, size)
    if frames is None:
        kept.verdict(path, source)
        frames = decoding(max_side=max_side, fit=fit)
        kept.put(path, source, take, size, frames)
    return frames


class Tried(NamedTuple):
    """What a video holds, and the error of each take for which it has no frames."""

    info: VideoInfo
    faults: dict[Take, DecodeError]


def try_out(
    path: Path,
    takes: Sequence[Take] = (),
    pool: ProbePool | None = None,
    *,
    sha256: str | None = None,
    fit: Fit | None = None,
    keep: bool = True,
) -> Tried:
    """Find out what the video at `path` holds, and whether it has frames for these takes.

    A video that was found out about before is not decoded, unless that does not tell what a sampler makes of it;
    another is decoded in a process of `pool` where one is given. keep: keep the frames of the takes, and trust the hash
    of before of a file that looks unchanged; without it every byte is read again.

    Raises as `decode` does, but for takes without frames, and for sizes that are too large, whose frames are not kept.
    """
    reading, kept = pool.read if pool else read, frame_cache()
    if kept is None:
        return _tried(takes, reading(path, takes, None, sha256=sha256))
    source, size = kept.identify(path, sha256, fresh=not keep), size_key(None, fit)
    info = kept.verdict(path, source)
    if info is not None and all(take.sampler == UNIFORM or kept.has(source, take, size) for take in takes):
        return Tried(info, _outside(path, takes, info))
    gathering = Gathering(path, fit=fit, most_bytes=GATHERED_BYTES) if keep and takes else None
    try:
        found = reading(path, takes, gathering, stored=fit is not None)
    except DecodeError as error:
        kept.keep_verdict(path, source, error)
        raise
    kept.keep_verdict(path, source, found.info)
    for place, (take, taken) in enumerate(zip(takes, found.taken, strict=True)):
        if gathering is not None and gathering.has(place):
            kept.put(path, source, take, size, gathering.frames(place, taken.seconds))
    return _tried(takes, found)


def _tried(takes: Sequence[Take], found: Read) -> Tried:
    faults = {take: DecodeError(one.fault) for take, one in zip(takes, found.taken, strict=True) if one.fault}
    return Tried(found.info, faults)


def _outside(path: Path, takes: Sequence[Take], info: VideoInfo) -> dict[Take, DecodeError]:
    """Return the errors of takes whose part the video does not have."""
    faults = {}
    for take in takes:
        try:
            if take.window is not None:
                take.window.check(path, info.seconds)
        except DecodeError as error:
            faults[take] = error
    return faults


def frame_cache() -> FrameCache | None:
    """Return the cache that the environment names; None where it is off. Raises UsageError for a size that is none."""
    most = bytes_of(os.environ.get(VARIABLE, ""))
    return _opened(cache_folder("frames"), most) if most else None


@cache
def _opened(folder: Path, most_bytes: int) -> FrameCache:
    return FrameCache(folder, most_bytes)


def bytes_of(text: str) -> int:
    """Return the bytes that "50GB", "1.5 TiB" or "off" names; DEFAULT_BYTES for an empty text. Raises UsageError."""
    if not text.strip():
        return DEFAULT_BYTES
    if text.strip().lower() in _OFF:
        return 0
    if (match := _SIZE.fullmatch(text)) is None:
        raise UsageError(
            f"{VARIABLE} is {text!r:.40}, but must say how large the frame cache may become, as in 50GB or 500MiB, or "
            "be off."
        )
    number, unit, binary = match.groups()
    return int(float(number) * (1024 if binary else 1000) ** " kmgt".index(unit.lower() or " "))


def size_key(max_side: int | None, fit: Fit | None) -> str:
    """Return what the size of frames and the way to it depend on."""
    return f"side {max_side}" if fit is None else f"fit {fit.key}"


@cache
def decoder_version() -> list[Any]:
    """Return the versions of all that makes frames out of a file."""
    packages = {name: _version(name) for name in ("av", "torch", "torchvision", "transformers")}
    return [DECODING, packages, {name: list(number) for name, number in av.library_versions.items()}]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _digest(parts: Sequence[Any]) -> str:
    return hashlib.sha256(json.dumps(parts).encode("utf-8", "surrogateescape")).hexdigest()


def _state(path: Path) -> tuple[int, ...]:
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev


def _head(name: str, frames: Frames) -> bytes:
    """Return what stands before the pixels in the entry of this name; they begin at a multiple of 64 bytes."""
    pixels = np.ascontiguousarray(frames.pixels_TCHW)
    described = {
        "entry": name,
        "shape": list(pixels.shape),
        "seconds": list(frames.seconds),
        "fitted": frames.fitted,
        "sha256": hashlib.sha256(pixels.data).hexdigest(),
    }
    text = sealed(described, indent=None).encode()
    start = len(_MAGIC) + 4 + len(text)
    text += b" " * (-start % _ALIGNED)
    return _MAGIC + len(text).to_bytes(4, "big") + text


def _read_head(name: str, whole: mmap.mmap) -> tuple[dict[str, Any], int]:
    """Return an entry's description, and where its pixels begin. Raises ValueError for one that was changed."""
    first = len(_MAGIC) + 4
    length = int.from_bytes(whole[len(_MAGIC) : first], "big")
    text = whole[first : first + length]
    if whole[: len(_MAGIC)] != _MAGIC or len(text) != length or (first + length) % _ALIGNED:
        raise ValueError("no entry")
    stripped = text.rstrip(b" ")
    if len(text) - len(stripped) >= _ALIGNED:
        raise ValueError("no entry")
    head = unsealed(stripped.decode(), indent=None)
    if head["entry"] != name or len(whole) - first - length != math.prod(head["shape"]):
        raise ValueError("another entry, or cut short")
    return head, first + length


def _held(folder: Path) -> dict[Path, tuple[int, float]]:
    """Return what each file in the cache takes, and when it was used last."""
    found = {}
    for place, _, names in os.walk(folder):
        for path in (Path(place) / name for name in names if not is_unfinished(name)):
            try:
                status = path.stat()
            except FileNotFoundError:  # another process deleted it
                continue
            found[path] = max(_BLOCK, status.st_size), status.st_mtime
    return found


@cache
def _warn_unwritable(folder: Path, reason: str) -> None:
    warnings.warn(
        f"Frames cannot be kept in {folder} ({reason}), so videos are decoded whenever they are needed. Set "
        f"RETROFLIP_CACHE to a folder with room that may be written to, or {VARIABLE}=off.",
        stacklevel=2,
    )
