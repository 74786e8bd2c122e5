"""An event loop in a thread of its own, so that a call made from any thread can be ended at any point of it.

A blocking client can only bound each read of a socket: a server that sends a byte now and then holds it for ever.
"""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import wait
from typing import Any, TypeVar

Result = TypeVar("Result")
_POLL_SECONDS = 0.2
"""between two looks at whether to stop"""


class Background:
    """Runs coroutines for other threads."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="calls", daemon=True)
        self._thread.start()

    @property
    def is_closed(self) -> bool:
        """Whether the thread has ended."""
        return self._loop.is_closed()

    def result(
        self, work: Coroutine[Any, Any, Result], seconds: float, stop: threading.Event | None = None
    ) -> Result:
        """Return what the coroutine returns.

        Raises TimeoutError after so many seconds, when it has been cancelled, and CancelledError (that of
        concurrent.futures) soon after `stop` is set, when it is about to be.
        """
        future = asyncio.run_coroutine_threadsafe(asyncio.wait_for(work, seconds), self._loop)
        while not wait([future], _POLL_SECONDS).done:
            if stop is not None and stop.is_set():
                future.cancel()
                break
        return future.result()

    def close(self) -> None:
        """End the thread; to be called when nothing is running any more, and more than once does no harm."""
        if self.is_closed:
            return
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
