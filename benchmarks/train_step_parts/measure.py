"""Have contestants take steps in turns, each in a process of its own, and write down what they took."""

import multiprocessing
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

from retroflip.progress import Progress
from train_step_parts.equality import work_equality
from train_step_parts.limits import work_limits
from train_step_parts.worker import GO, STOP, Ready, Step, work
from train_step_parts.workload import Workload, write_model, write_videos

_SPAWN = multiprocessing.get_context("spawn")
STARTING_SECONDS = 600.0
"""how long a contestant may take to load the model"""


@dataclass(frozen=True)
class Conditions:
    """How workloads are run.

    together: whether contestants take turns step by step, which evens out what else the machine does; otherwise one
    runs after the other, which needs less memory. timeout: seconds for one step. memory: bytes for one contestant, 0
    for as many as there are.
    """

    together: bool
    timeout: float
    memory: int


@dataclass(frozen=True)
class Result:
    """One contestant at one size. All lists have one entry a counted step; they are empty where there is an error.

    seconds: by the clock; cpu_seconds: that processors worked. prompt: tokens as this contestant reads it.
    prompt_computed: tokens of prompts that went through a language model in a step. idle_mib, peak_mib: memory before
    the first step and at most. load: of the machine, over the last minute.
    """

    contestant: str
    wanted: int
    rollouts: int
    completion: int
    prompt: int = 0
    seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)
    parts: list[dict[str, float]] = field(default_factory=list)
    vision_calls: float = 0.0
    prompt_computed: int = 0
    idle_mib: float = 0.0
    peak_mib: float = 0.0
    load: float = 0.0
    error: str = ""

    @property
    def median_seconds(self) -> float:
        """The median over counted steps."""
        return median(self.seconds)


class Player:
    """One contestant's process, as seen from outside."""

    def __init__(self, name: str, workload: Workload, start: Path, conditions: Conditions) -> None:
        self.name = name
        self.workload = workload
        self.conditions = conditions
        self.log = start / f"{name}-{workload.tokens}-{workload.rollouts}.log"
        self.ready: Ready | None = None
        self.steps: list[Step] = []
        self.error = ""
        self.process, self.connection = start_process(
            work, name, workload, start, self.log, memory=conditions.memory
        )

    def get_ready(self) -> None:
        """Wait until the contestant is built."""
        told = self._hear(STARTING_SECONDS)
        self.ready = None if told is None else Ready(**told)

    def step(self) -> None:
        """Have it take one step, unless it has failed already."""
        if self.error:
            return
        self.connection.send(GO)
        told = self._hear(self.conditions.timeout)
        if told is not None:
            self.steps.append(Step(**told))

    def stop(self) -> None:
        """Let it go."""
        if not self.error:
            self.connection.send(STOP)
        _end(self.process)

    def result(self) -> Result:
        """Return what was seen; the first step was the warm-up."""
        work, counted = self.workload, self.steps[1:]
        if self.ready is None or self.error or not counted:
            return Result(self.name, work.tokens, work.rollouts, work.completion, error=self.error)
        passes = (1 if work.beta else 0) + (1 if work.iterations > 1 else 0) + work.iterations
        written = work.rollouts * (work.completion - 1) + passes * work.rollouts * work.completion
        return Result(
            self.name,
            work.tokens,
            work.rollouts,
            work.completion,
            prompt=self.ready.prompt_tokens,
            seconds=[step.seconds for step in counted],
            cpu_seconds=[step.cpu_seconds for step in counted],
            parts=[step.parts for step in counted],
            vision_calls=counted[-1].vision_calls,
            prompt_computed=counted[-1].tokens - written,
            idle_mib=self.ready.memory_mib,
            peak_mib=max(step.peak_mib for step in counted),
            load=os.getloadavg()[0],
        )

    def _hear(self, seconds: float) -> dict[str, Any] | None:
        told, self.error = hear(self.process, self.connection, seconds, self.log)
        return told


def run(seats: Sequence[tuple[str, Workload]], conditions: Conditions, progress: Progress) -> list[Result]:
    """Measure contestants, each with its workload; all workloads are of one preset and as many steps."""
    with start_folder([workload for _, workload in seats]) as start:
        turns = [seats] if conditions.together else [[seat] for seat in seats]
        return [result for turn in turns for result in _in_turns(turn, start, conditions, progress)]


def _in_turns(
    seats: Sequence[tuple[str, Workload]], start: Path, conditions: Conditions, progress: Progress
) -> list[Result]:
    rounds = seats[0][1].steps + 1
    sizes = sorted({f"{one.tokens} x {one.rollouts}" for _, one in seats})
    title = f"{', '.join(dict.fromkeys(name for name, _ in seats))} at {', '.join(sizes)}"
    progress.stage(title, rounds * len(seats), "steps")
    players = [Player(name, workload, start, conditions) for name, workload in seats]
    try:
        for player in players:
            player.get_ready()
        for round_ in range(rounds):
            for number, player in enumerate(players, start=1):
                player.step()
                progress.advance(round_ * len(players) + number)
        results = [player.result() for player in players]
    finally:
        for player in players:
            player.stop()
    return results


def equality(workload: Workload, conditions: Conditions, progress: Progress) -> dict[str, Any]:
    """Return how far packed rows are from separate ones, or the error that kept it from being known."""
    progress.stage("packed rows against separate ones", 0, "")
    told, error = _told_by(work_equality, workload, conditions, "equality.log")
    return told or {"logprob_max_diff": None, "grad_rel_diff": None, "error": error}


def reached_limits(workload: Workload, conditions: Conditions, progress: Progress) -> dict[str, Any]:
    """Return what our step reaches of the machine's rate, or the error that kept it from being known."""
    progress.stage("our step against bare products", 0, "")
    told, error = _told_by(work_limits, workload, conditions, "limits.log")
    return told or {"error": error}


def _told_by(
    work: Callable[..., None], workload: Workload, conditions: Conditions, log: str
) -> tuple[dict[str, Any] | None, str]:
    """Return what a process of its own found about a workload."""
    with start_folder([workload]) as folder:
        process, connection = start_process(work, workload, folder)
        found = hear(process, connection, conditions.timeout * 4, folder / log)
        _end(process)
    return found


@contextmanager
def start_folder(workloads: Sequence[Workload]) -> Iterator[Path]:
    """Give a folder with the model and all videos."""
    with tempfile.TemporaryDirectory(prefix="train-step-") as name:
        folder = Path(name)
        write_model(workloads[0], folder / "model")
        write_videos(workloads, folder)
        yield folder


def start_process(target: Callable[..., None], *arguments: Any, **more: Any) -> tuple[Any, Connection]:
    """Start a process with the other end of a connection as its last positional argument."""
    here, there = _SPAWN.Pipe()
    process = _SPAWN.Process(target=target, args=(*arguments, there), kwargs=more, daemon=True)
    process.start()
    there.close()
    return process, here


def hear(
    process: Any, connection: Connection, seconds: float, log: Path
) -> tuple[dict[str, Any] | None, str]:
    """Return what a process says next and "", or nothing and why. One that is too slow is ended."""
    if not connection.poll(seconds):
        process.kill()
        return None, f"nothing within {seconds:.0f} s"
    try:
        told: dict[str, Any] = connection.recv()
    except EOFError:
        process.join()
        lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
        return None, f"{lines[-1] if lines else 'no message'} (exit code {process.exitcode})"
    return told, ""


def _end(process: Any) -> None:
    """Wait for a process that has nothing left to do; end it where it does not."""
    process.join(30)
    if process.is_alive():
        process.kill()
        process.join()


def as_rows(results: Sequence[Result]) -> list[dict[str, Any]]:
    """Return results as they stand in the output."""
    return [asdict(result) for result in results]
