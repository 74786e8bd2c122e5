"""A contestant in a process of its own: it takes a step when told to, and says what the step took."""

import os
import resource
import sys
import time
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from transformers import PrinterCallback, TrainerCallback

from train_step_parts.stopwatch import Stopwatch, peak_mib
from train_step_parts.workload import Workload

if TYPE_CHECKING:
    from train_step_parts.contestants import Contestant

GO, STOP = "go", "stop"


@dataclass(frozen=True)
class Ready:
    """Told once, before the first step. prompt_tokens: of a counted step's prompt, as this contestant reads it."""

    prompt_tokens: int
    memory_mib: float


@dataclass(frozen=True)
class Step:
    """Told after every step: what happened since it was told to go.

    seconds: all of it, by the clock; cpu_seconds: that processors worked for it, which other programs hardly change.
    parts: by part, and some overlaid. vision_calls: how often the video (or each of its pictures)
    went through a vision tower. tokens: that went through a language model. peak_mib: of memory, so far.
    """

    seconds: float
    cpu_seconds: float
    parts: dict[str, float]
    vision_calls: float
    tokens: int
    peak_mib: float


class Gate(TrainerCallback):
    """Holds a trainer between two steps until it is told to go on."""

    def __init__(
        self, contestant: "Contestant", stopwatch: Stopwatch, connection: Connection, iterations: int
    ) -> None:
        self.contestant = contestant
        self.stopwatch = stopwatch
        self.connection = connection
        self.iterations = iterations
        self.began = self.cpu_began = 0.0

    def wait(self) -> bool:
        """Return whether to go on, once that is known; the clock starts."""
        goes_on: bool = self.connection.recv() == GO
        self.contestant.passage.take()
        self.stopwatch.take()
        self.began, self.cpu_began = time.perf_counter(), time.process_time()
        return goes_on

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Report, and wait. A step is over when everything that it set off is."""
        if state.global_step % self.iterations:
            return
        self.contestant.settle()
        self.stopwatch.synchronize()
        seconds, cpu_seconds = time.perf_counter() - self.began, time.process_time() - self.cpu_began
        seen, tokens = self.contestant.passage.take()
        parts, peak = self.stopwatch.take(), peak_mib(self.stopwatch.device)
        self.connection.send(
            asdict(Step(seconds, cpu_seconds, parts, seen / self.contestant.shown, tokens, peak))
        )
        control.should_training_stop = not self.wait()


def work(name: str, workload: Workload, start: Path, log: Path, connection: Connection, memory: int) -> None:
    """Build a contestant and serve until told to stop.

    start: folder of the model and the videos. log: where what it prints goes. memory: bytes that it may hold; beyond
    them an allocation fails instead of the machine.
    """
    redirect_output(log)
    if memory:
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    torch.set_num_threads(workload.threads)
    serve(name, workload, start, connection)


def serve(name: str, workload: Workload, start: Path, connection: Connection) -> None:
    """Build a contestant, and take a step whenever told to go."""
    from train_step_parts.contestants import build  # TRL takes seconds to load, and only contestants need it

    stopwatch = Stopwatch(workload.device)
    contestant = build(name, workload, start, stopwatch)
    gate = Gate(contestant, stopwatch, connection, workload.iterations)
    contestant.trainer.add_callback(gate)
    contestant.trainer.remove_callback(PrinterCallback)
    connection.send(asdict(Ready(contestant.prompt, peak_mib(workload.device))))
    if gate.wait():
        contestant.trainer.train()
    stopwatch.unwrap()


def redirect_output(file: Path) -> None:
    """Send this process's standard output and errors to a file."""
    sys.stdout.flush()
    sys.stderr.flush()
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
