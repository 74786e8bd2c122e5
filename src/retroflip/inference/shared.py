"""One engine on this machine for many threads, each of which asks one question and needs the reply to go on.

Those that ask while it is at work wait, and are then answered together.
"""

import threading
from concurrent.futures import Future
from typing import NamedTuple

from retroflip.inference.base import Engine, Reply, Request, Sampling, Wanted
from retroflip.inference.batches import Batches
from retroflip.inference.registry import load_engine

AT_FIRST = 8
"""requests of the first batch, which are one question each"""


class _Waiting(NamedTuple):
    request: Request
    sampling: Sampling
    reply: "Future[Reply]"


class SharedEngine:
    """Asks an engine of which one call at a time may be under way."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._batches = Batches(AT_FIRST)
        self._turn, self._lock = threading.Lock(), threading.Lock()
        self._waiting: list[_Waiting] = []

    def ask(self, request: Request, sampling: Sampling) -> Reply:
        """Return the reply to the only draw of a request's only question. Raises what the engine does."""
        mine = _Waiting(request, sampling, Future())
        with self._lock:
            self._waiting.append(mine)
        with self._turn:
            if not mine.reply.done():
                self._answer(mine)
        return mine.reply.result()

    def close(self) -> None:
        """Do nothing: the engine goes with the process."""

    def _answer(self, mine: _Waiting) -> None:
        """Answer one that waits, and with it all others under the same sampling. Where the engine raises something, the
        others wait on, and come to meet it by themselves."""
        with self._lock:
            together = [one for one in self._waiting if one.sampling == mine.sampling]
            self._waiting = [one for one in self._waiting if one.sampling != mine.sampling]
        try:
            requests = [one.request for one in together]
            for answer in self._batches.answer(self.engine, requests, mine.sampling):
                together[answer.request].reply.set_result(answer.reply)
        finally:
            with self._lock:
                self._waiting += [one for one in together if one is not mine and not one.reply.done()]


def load_shared(wanted: Wanted, name: str | None = None) -> SharedEngine:
    """Return the engine that `load_engine` does, for many threads."""
    return SharedEngine(load_engine(wanted, name).engine)
