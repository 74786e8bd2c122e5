"""Where many independent jobs run: on this machine's cores, or on a Ray cluster.

Jobs are drawn from where they come a few ahead of those that are done, so that they need not all be in memory.
"""

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from importlib.util import find_spec
from itertools import chain, islice
from multiprocessing.connection import wait as wait_for
from typing import Protocol, TypeVar

from retroflip.errors import TooLittleMemoryError, UsageError

Job = TypeVar("Job")
Result = TypeVar("Result")
AHEAD = 4
"""jobs handed out for each worker, so that none waits and few finished results lie in memory"""


class Engine(Protocol):
    """Runs a function on many jobs, in any order."""

    def run(self, function: Callable[[Job], Result], jobs: Iterable[Job]) -> Iterator[Result]:
        """Yield the results as they come. An exception of a job is raised here."""


class LocalEngine:
    """This machine: `workers` processes, or the calling one alone."""

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def run(self, function: Callable[[Job], Result], jobs: Iterable[Job]) -> Iterator[Result]:
        """Yield the results as they come."""
        source = iter(jobs)
        first = [] if self.workers == 1 else list(islice(source, 2))
        if len(first) < 2:
            yield from map(function, chain(first, source))
            return
        # Started afresh and not forked: a fork of a process with threads (a progress bar has one) may hang.
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(self.workers, mp_context=context, initializer=_end_with_the_parent)
        try:
            yield from _completed(pool, function, chain(first, source), AHEAD * self.workers)
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
    """A Ray cluster: the one at `address`, or the one that the environment names, or this machine as one.

    gpus: whether each job gets a GPU where the cluster has some; without, Ray hides them from it.
    """

    def __init__(self, address: str | None = None, *, gpus: bool = False) -> None:
        if find_spec("ray") is None:
            raise UsageError(
                "Ray is not installed, and this is to run on it. Install it with: uv pip install 'retroflip[ray]'"
            )
        self.address, self.gpus = address, gpus

    def run(self, function: Callable[[Job], Result], jobs: Iterable[Job]) -> Iterator[Result]:
        """Yield the results as they come; nodes need this package. Raises UsageError where no cluster can be had."""
        import ray  # an extra, and slow to import

        try:
            ray.init(address=self.address, ignore_reinit_error=True, log_to_driver=False)
        except (ConnectionError, ray.exceptions.RaySystemError) as error:
            raise UsageError(
                f"No Ray cluster can be joined or started ({str(error).strip():.200}). Check RAY_ADDRESS and "
                "`ray status`, and that RAY_AUTH_MODE and the token are the cluster's; without RAY_ADDRESS one is "
                "started on this machine."
            ) from error
        resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        has_gpus = self.gpus and resources.get("GPU", 0) > 0
        remote = ray.remote(num_gpus=1)(function) if has_gpus else ray.remote(function)
        waiting = iter(jobs)
        ahead = AHEAD * max(1, int(resources.get("CPU", 1)))
        running = [remote.remote(job) for job in islice(waiting, ahead)]
        while running:
            done, running = ray.wait(running)
            running += [remote.remote(job) for job in islice(waiting, len(done))]
            try:
                yield from ray.get(done)
            except ray.exceptions.RayTaskError as error:
                raise error.cause from error


def _completed(
    pool: ProcessPoolExecutor, function: Callable[[Job], Result], jobs: Iterable[Job], ahead: int
) -> Iterator[Result]:
    waiting = iter(jobs)
    running: set[Future[Result]] = {pool.submit(function, job) for job in islice(waiting, ahead)}
    while running:
        done, running = wait(running, return_when=FIRST_COMPLETED)
        running |= {pool.submit(function, job) for job in islice(waiting, len(done))}
        yield from (future.result() for future in done)


def in_order(engine: Engine, function: Callable[[Job], Result], jobs: Iterable[Job]) -> Iterator[Result]:
    """Yield the results in the order of the jobs; those that are done early wait in memory."""
    early: dict[int, Result] = {}
    due = 0
    numbered = ((number, function, job) for number, job in enumerate(jobs))
    for number, result in engine.run(_numbered, numbered):
        early[number] = result
        while due in early:
            yield early.pop(due)
            due += 1


def _numbered(job: tuple[int, Callable[[Job], Result], Job]) -> tuple[int, Result]:
    number, function, of = job
    return number, function(of)
