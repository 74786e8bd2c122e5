"""Mathematics in answers, by `math-verify` in a process of its own: fractions of roots, intervals, sets, units.

Some inputs keep sympy busy for ever or take all memory, and `math-verify`'s own limits are signals, which work in the
main thread alone. So one child reads and compares for its parent: it is started with the first question, stays warm,
has limits of the kernel's, and is killed and replaced when it does not answer. What it died of counts as unreadable.
"""

import atexit
import re
import resource
import threading
from functools import lru_cache
from multiprocessing.connection import Connection
from subprocess import Popen
from typing import Any

from retroflip.files import child

SECONDS = 5.0
"""of processor time, and twice that by the clock, for one question to the child"""
START_SECONDS = 120.0
"""for the child to start: it imports sympy"""
MEMORY = 2 << 30
"""bytes of address space beyond what the warm child has"""
LONGEST = 2_000
"""characters of an expression that is looked at"""

_PLAIN = re.compile(r"-?\d{1,15}(?:\.\d{1,15})?")
"""numbers, which are read without a look"""

_PROGRAM = "import sys; from retroflip.data.answers.mathematics import serve; serve(int(sys.argv[1]))"
"""a module's name would not do: its package imports it before it is run"""


@lru_cache(maxsize=4096)
def read_math(text: str) -> str | None:
    """Return the text where it stands for a mathematical object, None where it does not or cannot be read in time."""
    text = text.strip()
    if _PLAIN.fullmatch(text):
        return text
    return text if text and len(text) <= LONGEST and _child.ask("read", text) else None


@lru_cache(maxsize=4096)
def equal_math(a: str, b: str) -> bool:
    """Return whether two texts of `read_math` stand for the same, by `math-verify`; False where that takes too long."""
    return bool(_child.ask("equal", a, b))


class _Child:
    """A process that answers one question at a time, from any thread of its parent."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: Popen[bytes] | None = None
        self._pipe: Connection[Any, Any] | None = None

    def ask(self, *question: str) -> bool:
        """Return the child's answer, False where it died of the question."""
        with self._lock:
            pipe = self._started()
            try:
                pipe.send(question)
                if pipe.poll(2 * SECONDS):
                    return bool(pipe.recv())
            except (EOFError, ConnectionError):
                pass
            self.end()
            return False

    def _started(self) -> "Connection[Any, Any]":
        """Return the pipe to the child, started and warm. Raises RuntimeError where it does not start."""
        if self._pipe is not None and self._process is not None and self._process.poll() is None:
            return self._pipe
        self.end()
        self._process, self._pipe = child.start(["-c", _PROGRAM])
        if not self._is_ready(self._pipe):
            self.end()
            raise RuntimeError("the process that reads mathematics did not start; is math-verify installed?")
        return self._pipe

    def _is_ready(self, pipe: "Connection[Any, Any]") -> bool:
        try:
            return pipe.poll(START_SECONDS) and pipe.recv() == "ready"
        except EOFError:
            return False

    def end(self) -> None:
        """End the process; the next question starts another."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        if self._pipe is not None:
            self._pipe.close()
        self._process = self._pipe = None


_child = _Child()
atexit.register(_child.end)


def serve(line: int) -> None:
    """Answer questions until the parent goes; to be run in the child, with the number of its end of the line."""
    import logging

    from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse, verify

    logging.getLogger("math_verify").setLevel(logging.ERROR)
    forms = [LatexExtractionConfig(), ExprExtractionConfig()]

    def objects(text: str) -> list[Any]:
        shown = text if "\\boxed" in text or "$" in text else f"\\boxed{{{text}}}"
        return list(parse(shown, forms, fallback_mode="no_fallback", parsing_timeout=None))

    pipe: Connection[Any, Any] = Connection(line)
    warm = verify(objects("\\frac{1}{2}"), objects("0.5"), timeout_seconds=None)
    pipe.send("ready" if warm else "broken")
    _limit_memory()
    while True:
        try:
            question, *texts = pipe.recv()
        except (EOFError, ConnectionError):
            return
        _limit_time()
        found = [objects(text) for text in texts]
        if question == "read":
            pipe.send(bool(found[0]))
        else:
            pipe.send(bool(all(found) and verify(*found, timeout_seconds=None)))


def _limit_memory() -> None:
    # Where the size cannot be read (not Linux), the time limit alone stands.
    try:
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - a kernel's file, read once
            used = int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, resource.RLIM_INFINITY))


def _limit_time() -> None:
    """Let the kernel end this process when the question takes longer than it may."""
    times = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(times.ru_utime + times.ru_stime + SECONDS) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))
