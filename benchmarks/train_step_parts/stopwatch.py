"""Where a step's seconds go, and what it runs through the model, noted from outside of the trainers.

A contestant has a process of its own, so the very classes it is made of are wrapped.
"""

import functools
import resource
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from retroflip.models.vision_counter import VisionCounter

PARTS = ("decode", "processing", "rollouts", "scoring", "forward_backward", "optimizer")
"""what a step is divided into; `other` is the rest"""
OVERLAID = "vision"
"""seconds in the vision tower; they are part of those of the phase that ran it"""
AHEAD = "ahead"
"""seconds that other threads worked in parallel"""


class Stopwatch:
    """Adds up seconds by part. A part that begins within another stops that one's clock until it ends."""

    def __init__(self, device: str, clock: Callable[[], float] = time.perf_counter) -> None:
        self.device = device
        self.clock = clock
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._main = threading.get_ident()
        self._running: list[str] = []
        self._since = 0.0
        self._wrapped: list[tuple[Any, str, Any]] = []

    def wrap(self, owner: Any, method: str, part: str, *, within: str | None = None) -> None:
        """Let calls of `owner.method` count as `part`, unless they happen within the part `within`."""
        inner: Callable[..., Any] = getattr(owner, method)
        self._wrapped.append((owner, method, vars(owner).get(method)))

        @functools.wraps(inner)
        def timed(*args: Any, **kwargs: Any) -> Any:
            if within is not None and self._running and self._running[-1] == within:
                return inner(*args, **kwargs)
            with self.part(part):
                return inner(*args, **kwargs)

        setattr(owner, method, timed)

    def unwrap(self) -> None:
        """Put everything that was wrapped back to what it was."""
        for owner, method, before in reversed(self._wrapped):
            if before is None:
                delattr(owner, method)
            else:
                setattr(owner, method, before)
        self._wrapped.clear()

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Count what happens inside as this part."""
        if threading.get_ident() != self._main:
            with self.overlay(AHEAD):
                yield
            return
        self._switch()
        self._running.append(name)
        try:
            yield
        finally:
            self._switch()
            self._running.pop()

    @contextmanager
    def overlay(self, name: str) -> Iterator[None]:
        """Count what happens inside under this name, without stopping any clock."""
        self.synchronize()
        began = self.clock()
        try:
            yield
        finally:
            self.synchronize()
            self.seconds[name] += self.clock() - began

    def take(self) -> dict[str, float]:
        """Return the seconds of all parts, and start again from 0."""
        seconds = {name: self.seconds[name] for name in (*PARTS, OVERLAID, AHEAD)}
        self.seconds.clear()
        return seconds

    def synchronize(self) -> None:
        """Wait for the device."""
        if self.device == "cuda":
            torch.cuda.synchronize()

    def _switch(self) -> None:
        self.synchronize()
        now = self.clock()
        if self._running:
            self.seconds[self._running[-1]] += now - self._since
        self._since = now


class Passage:
    """Counts what goes through the models that it watches: patches of pictures or videos through their vision towers,
    tokens through their language models."""

    def __init__(self, stopwatch: Stopwatch) -> None:
        self.stopwatch = stopwatch
        self.tower = VisionCounter()
        self.tokens = 0

    def watch(self, model: Any) -> None:
        """Count from now on what passes through this model."""
        self.tower.watch(model)
        tower = model.model.visual
        inner = tower.forward

        def timed(*args: Any, **kwargs: Any) -> Any:
            with self.stopwatch.overlay(OVERLAID):
                return inner(*args, **kwargs)

        tower.forward = timed
        model.model.language_model.register_forward_pre_hook(self._count, with_kwargs=True)

    def take(self) -> tuple[int, int]:
        """Return (patches encoded, tokens computed), and start again from 0."""
        tokens, self.tokens = self.tokens, 0
        return self.tower.take(), tokens

    def _count(self, _: torch.nn.Module, __: tuple[Any, ...], named: dict[str, Any]) -> None:
        rows, width = named["inputs_embeds"].shape[:2]
        self.tokens += rows * width


def peak_mib(device: str) -> float:
    """Return the most memory that this process ever held: resident, or allocated on the GPU."""
    if device == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
