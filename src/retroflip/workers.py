"""Where many independent jobs run: on this machine's cores, or on a Ray cluster.

Jobs are drawn from where they come a few ahead of those that are done, so that they need not all be in memory.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
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

CRASHES = {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL}
"""by which a process ends that crashes; one for which memory does not suffice is killed (SIGKILL)"""


class Engine(Protocol):
    """Runs a function on many jobs, in any order."""

    def run(
        self,
        function: Callable[[Job], Result],
        jobs: Iterable[Job],
        crashed: Callable[[Job], Result] | None = None,
    ) -> Iterator[Result]:
        """Yield the results as they come. An exception of a job is raised here.

        crashed: the result of a job at which its process crashes, as a library in C may; without it that ends the run.
        """


class LocalEngine:
    """This machine: `workers` processes, or the calling one alone. apart: never the calling one, so that it outlives
    a job that crashes."""

    def __init__(self, workers: int, *, apart: bool = False) -> None:
        self.workers, self.apart = workers, apart

    def run(
        self,
        function: Callable[[Job], Result],
        jobs: Iterable[Job],
        crashed: Callable[[Job], Result] | None = None,
    ) -> Iterator[Result]:
        """Yield the results as they come. Raises TooLittleMemoryError for a worker that was killed."""
        source = iter(jobs)
        first = [] if self.workers == 1 and not self.apart else list(islice(source, 2))
        if len(first) < 2 and not self.apart:
            yield from map(function, chain(first, source))
            return
        waiting = chain(first, source)
        while lost := (yield from self._pooled(function, waiting)):
            if crashed is None:
                raise _killed()
            yield from _one_by_one(function, lost, crashed)

    def _pooled(
        self, function: Callable[[Job], Result], waiting: Iterator[Job]
    ) -> Generator[Result, None, list[Job]]:
        """Yield the results of the jobs that wait, until none is left or a worker died; return those that it had, or
        that others had by then."""
        pool = _pool(self.workers)
        running: dict[Future[Result], Job] = {}
        taken: list[Job] = []

        def hand_out(count: int) -> None:
            for job in islice(waiting, count):
                taken.append(job)
                running[pool.submit(function, job)] = job
                taken.clear()

        try:
            hand_out(AHEAD * self.workers)
            while running:
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    result = future.result()
                    del running[future]
                    hand_out(1)
                    yield result
        except BrokenProcessPool:
            return [*running.values(), *taken]
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
        return []


def _pool(workers: int) -> ProcessPoolExecutor:
    """Return processes that are started afresh: a fork of one with threads (a progress bar has one) may hang."""
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_end_with_the_parent)


def _one_by_one(
    function: Callable[[Job], Result], jobs: list[Job], crashed: Callable[[Job], Result]
) -> Iterator[Result]:
    """Yield the results of jobs of which one is done at a time, in a process of their own, and what stands for each at
    which it crashes."""
    left = list(jobs)
    while left:
        with _pool(1) as pool:
            number = pool.submit(os.getpid).result()
            process = next(one for one in multiprocessing.active_children() if one.pid == number)
            try:
                while left:
                    yield pool.submit(function, left[0]).result()
                    del left[0]
            except BrokenProcessPool:
                # Its own thread reaps the process; where two wait for one, either may be told that there is none.
                pool.shutdown(wait=True)
                if -(process.exitcode or 0) not in CRASHES:
                    raise _killed() from None
                yield crashed(left.pop(0))


def _killed() -> TooLittleMemoryError:
    return TooLittleMemoryError(
        "A worker process was killed, most likely for want of memory. What was finished is kept: give the same "
        "command again, with fewer --workers."
    )


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

    def run(
        self,
        function: Callable[[Job], Result],
        jobs: Iterable[Job],
        crashed: Callable[[Job], Result] | None = None,
    ) -> Iterator[Result]:
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
        resources: dict[str, float] = ray.cluster_resources()
        has_gpus = self.gpus and resources.get("GPU", 0) > 0
        remote = ray.remote(num_gpus=1)(function) if has_gpus else ray.remote(function)
        waiting = iter(jobs)
        ahead = AHEAD * max(1, int(resources.get("CPU", 1)))
        running = {remote.remote(job): job for job in islice(waiting, ahead)}
        while running:
            (done,), _ = ray.wait(list(running))
            job = running.pop(done)
            running |= {remote.remote(one): one for one in islice(waiting, 1)}
            try:
                result = ray.get(done)
            except ray.exceptions.RayTaskError as error:
                raise error.cause from error
            except ray.exceptions.WorkerCrashedError:  # Ray tried it again by itself
                if crashed is None:
                    raise
                result = crashed(job)
            yield result


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
