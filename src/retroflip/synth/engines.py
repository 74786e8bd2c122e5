"""Where many independent jobs run: on this machine's cores, or on a Ray cluster."""

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from importlib.util import find_spec
from multiprocessing.connection import wait as wait_for
from typing import Protocol, TypeVar

from retroflip.errors import TooLittleMemoryError, UsageError

Job = TypeVar("Job")
Result = TypeVar("Result")
AHEAD = 4
"""jobs handed out for each worker, so that none waits and few finished results lie in memory"""


class Engine(Protocol):
    """Runs a function on many jobs, in any order."""

    def run(self, function: Callable[[Job], Result], jobs: Sequence[Job]) -> Iterator[Result]:
        """Yield the results as they come. An exception of a job is raised here."""


class LocalEngine:
    """This machine: `workers` processes, or the calling one alone."""

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def run(self, function: Callable[[Job], Result], jobs: Sequence[Job]) -> Iterator[Result]:
        """Yield the results as they come."""
        if self.workers == 1 or len(jobs) < 2:
            yield from map(function, jobs)
            return
        # Started afresh and not forked: a fork of a process with threads (a progress bar has one) may hang.
        context = multiprocessing.get_context("spawn")
        size = min(self.workers, len(jobs))
        pool = ProcessPoolExecutor(size, mp_context=context, initializer=_end_with_the_parent)
        try:
            yield from _completed(pool, function, jobs, AHEAD * self.workers)
        except BrokenProcessPool as error:
            raise TooLittleMemoryError(
                "A worker process was killed, most likely for want of memory. What was finished is kept: give the same "
                "command again, with fewer --workers."
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _end_with_the_parent() -> None:
    """End this worker as soon as the process that started it is gone: one that was killed cannot tell it to."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        wait_for([parent.sentinel])  # type: ignore[union-attr]
        os._exit(1)

    if parent is not None:
        threading.Thread(target=watch, daemon=True).start()


class RayEngine:
    """A Ray cluster: the one at `address`, or the one that the environment names, or this machine as one."""

    def __init__(self, address: str | None = None) -> None:
        if find_spec("ray") is None:
            raise UsageError(
                "--engine ray needs Ray, which is not installed. Install it with: uv pip install 'retroflip[ray]'"
            )
        self.address = address

    def run(self, function: Callable[[Job], Result], jobs: Sequence[Job]) -> Iterator[Result]:
        """Yield the results as they come; nodes need this package, and no shared disk."""
        import ray  # an extra, and slow to import

        ray.init(address=self.address, ignore_reinit_error=True, log_to_driver=False)
        remote = ray.remote(function)
        waiting = list(jobs)[::-1]
        ahead = AHEAD * max(1, int(ray.cluster_resources().get("CPU", 1)))
        running = [remote.remote(waiting.pop()) for _ in range(min(ahead, len(waiting)))]
        while running:
            done, running = ray.wait(running)
            running += [remote.remote(waiting.pop()) for _ in done if waiting]
            yield from ray.get(done)


def _completed(
    pool: ProcessPoolExecutor, function: Callable[[Job], Result], jobs: Sequence[Job], ahead: int
) -> Iterator[Result]:
    waiting = list(jobs)[::-1]
    running: set[Future[Result]] = {
        pool.submit(function, waiting.pop()) for _ in range(min(ahead, len(waiting)))
    }
    while running:
        done, running = wait(running, return_when=FIRST_COMPLETED)
        running |= {pool.submit(function, waiting.pop()) for _ in done if waiting}
        yield from (future.result() for future in done)
