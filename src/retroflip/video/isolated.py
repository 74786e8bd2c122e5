"""Decoding in processes of their own, for what nothing inside this one can stop: a decoder that hangs in one call,
crashes, or takes all memory.

A file that decodes here once does so again, so it is enough to try every file of unknown origin in this way before a
run. Pictures come through a pipe, as they are decoded. Processes are started when first needed and live on from file to
file (0.2 s each); one that had to be ended is replaced. Their memory is limited where the system can (Linux).
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from queue import LifoQueue
from threading import Lock
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np

from retroflip.errors import DecodeError, DecodeLimitError, HashMismatchError, MissingVideoError, VideoError
from retroflip.files import child
from retroflip.video.decode import Read, Receiver, Taken, VideoInfo, read
from retroflip.video.frames import Pixels
from retroflip.video.samplers import Sampler
from retroflip.video.take import Take
from retroflip.video.window import Window

MAX_SECONDS = 300.0
"""for one file: half of what `decode` has, so that a file which passes does not fail a busier machine later"""
MAX_BYTES = 6 * 2**30
"""for one file: the reference pictures of the largest ones that are read, in 10 bits"""

_ERRORS = {
    error.__name__: error
    for error in (DecodeError, DecodeLimitError, HashMismatchError, MissingVideoError, VideoError)
}


class ProbePool:
    """Up to `size` processes that read videos; `read` and `probe` may be called from as many threads.

    Use it as a context manager: at its end the processes are ended, whatever they are doing.
    """

    def __init__(self, size: int, *, max_seconds: float = MAX_SECONDS, max_bytes: int = MAX_BYTES) -> None:
        self._all = [_Prober(max_seconds, max_bytes) for _ in range(size)]
        self._idle: LifoQueue[_Prober] = LifoQueue()  # those that run already are taken first
        for prober in self._all:
            self._idle.put(prober)

    def probe(self, path: Path, *, sha256: str | None = None) -> VideoInfo:
        """Return what `retroflip.video.decode.probe` does. Raises as `read`."""
        return self.read(path, [], None, sha256=sha256).info

    def read(
        self,
        path: Path,
        takes: Sequence[Take],
        receiver: Receiver | None,
        *,
        sha256: str | None = None,
        max_side: int | None = None,
        stored: bool = False,
    ) -> Read:
        """Do what `retroflip.video.decode.read` does. Raises as it does, and DecodeLimitError for a file at which the
        decoder crashes, hangs or needs too much memory."""
        with self._borrowed() as prober:
            return prober.read(
                _Job(str(path), list(takes), receiver is not None, sha256, max_side, stored), receiver
            )

    @contextmanager
    def _borrowed(self) -> Iterator["_Prober"]:
        prober = self._idle.get()
        try:
            yield prober
        finally:
            self._idle.put(prober)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for prober in self._all:
            prober.kill()
        for _ in self._all:
            self._idle.get().close()  # each comes back from its thread, now that its process is dead


class _Job(NamedTuple):
    """What a process is asked, as JSON. pictures: whether there is a receiver; the rest is as `read` takes it."""

    path: str
    takes: list[Take]
    pictures: bool
    sha256: str | None
    max_side: int | None
    stored: bool


class _Prober:
    """One process, which answers each message that it is sent."""

    def __init__(self, max_seconds: float, max_bytes: int) -> None:
        self.max_seconds = max_seconds
        self.max_bytes = max_bytes
        self.process: subprocess.Popen[bytes] | None = None
        self.over = False
        self.lock = Lock()  # `kill` comes from another thread

    def read(self, job: _Job, receiver: Receiver | None) -> Read:
        path = Path(job.path)
        try:
            if self.process is None or self.process.poll() is not None:
                self._start()
            self.line.send_bytes(json.dumps(job).encode())
            deadline = time.monotonic() + self.max_seconds
            while "info" not in (message := self._message(path, deadline)):
                if "error" in message:
                    raise _ERRORS[message["error"]](message["message"])
                if receiver is not None:
                    self._receive(path, deadline, message, receiver)
        except (EOFError, OSError) as error:
            raise self._ended(path, "crashed") from error
        taken = [Taken(tuple(seconds), fault) for seconds, fault in message["taken"]]
        return Read(VideoInfo(**message["info"]), taken)

    def _receive(self, path: Path, deadline: float, message: dict[str, Any], receiver: Receiver) -> None:
        """Hand on what the process says before its answer. What fails on this side ends it: more would follow."""
        whole = False
        try:
            if "shown" in message:
                receiver.begin(tuple(message["shown"]), message["plans"])
            else:
                picture_HWC = np.empty(message["shape"], dtype=np.uint8)
                self._await(path, deadline)
                self.line.recv_bytes_into(picture_HWC.data.cast("B"))
                receiver.picture(message["index"], picture_HWC)
            whole = True
        finally:
            if not whole:
                self.close()

    def _message(self, path: Path, deadline: float) -> dict[str, Any]:
        self._await(path, deadline)
        message: dict[str, Any] = json.loads(self.line.recv_bytes())
        return message

    def _await(self, path: Path, deadline: float) -> None:
        if not self.line.poll(max(0.0, deadline - time.monotonic())):
            raise self._ended(path, f"is not through with it after {self.max_seconds:.0f} seconds")

    def _start(self) -> None:
        self.close()
        with self.lock:
            if self.over:
                raise RuntimeError("the processes were ended")
            self.process, self.line = child.start(["-m", __name__], str(self.max_bytes))
        self.line.recv_bytes()  # it is ready: starting it is none of the file's time

    def _ended(self, path: Path, what: str) -> DecodeLimitError:
        """End the process and return the error of the file at which it was."""
        self.close()
        return DecodeLimitError(
            f"{path}: the decoder {what}. Convert the file to MP4 (H.264), or leave it out."
        )

    def kill(self) -> None:
        """End the process, whatever it is doing, for good."""
        with self.lock:
            self.over = True
            if self.process is not None:
                self.process.kill()

    def close(self) -> None:
        """End the process and forget it."""
        with self.lock:
            if self.process is not None:
                self.process.kill()
                self.process.wait()
                self.line.close()
                self.process = None


def _serve(line: "Connection[bytes, bytes]") -> None:
    """Say that it is ready, then answer until the other end is closed."""
    with suppress(EOFError, BrokenPipeError):
        line.send_bytes(b"ready")
        while True:
            job = _Job(*json.loads(line.recv_bytes()))
            line.send_bytes(json.dumps(_answer(job, _Sending(line))).encode())


@dataclass(frozen=True)
class _Sending:
    """Sends pictures to the process that asks for them."""

    line: "Connection[bytes, bytes]"

    def begin(self, shown: tuple[int, int], plans: Sequence[Sequence[int]]) -> None:
        self.line.send_bytes(json.dumps({"shown": shown, "plans": plans}).encode())

    def picture(self, index: int, picture_HWC: Pixels) -> None:
        self.line.send_bytes(json.dumps({"index": index, "shape": picture_HWC.shape}).encode())
        self.line.send_bytes(np.ascontiguousarray(picture_HWC).data.cast("B"))


def _answer(job: _Job, sending: _Sending) -> dict[str, Any]:
    takes = [
        Take(frames, None if window is None else Window(*window), Sampler(*sampler))
        for frames, window, sampler in job.takes
    ]
    try:
        found = read(
            Path(job.path),
            takes,
            sending if job.pictures else None,
            sha256=job.sha256,
            max_side=job.max_side,
            stored=job.stored,
        )
    except VideoError as error:
        return {"error": type(error).__name__, "message": str(error)}
    return {"info": asdict(found.info), "taken": found.taken}


def _limit_memory(max_bytes: int) -> None:
    with suppress(ImportError, ValueError, OSError):  # where there is no such limit, or a lower one holds
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (max_bytes, max_bytes))


if __name__ == "__main__":
    _limit_memory(int(sys.argv[2]))
    _serve(Connection(int(sys.argv[1])))
