"""How many requests an engine gets at a time: as many as its memory takes and as still make it faster.

Requests that do not fit are asked again in smaller batches, and at last question by question; only one that does not
fit by itself fails. What has been answered is never asked again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter

import torch

from retroflip.files.memory import memory_taken
from retroflip.inference.base import Answer, Engine, Request, Sampling, failed_question

FIRST = 4
"""requests of the first batch"""
MOST = 64
ON_SERVER = 8
ROOM = 0.45
"""share of the memory up to which twice as many requests are tried: they may take twice as much"""
NO_FASTER = 1.05
"""a larger batch is tried where the last one answered so many times as fast as the one before, or more"""
NO_MEMORY = ("can't allocate memory", "out of memory")
"""what errors say that are no MemoryError: torch's allocator on the CPU, and CUDA itself"""


@dataclass
class Batches:
    """Asks an engine in batches. size: requests of the next one. fixed: it stays so, unless memory does not suffice."""

    size: int = FIRST
    fixed: bool = False
    _best: float = field(default=0.0, init=False)
    _fastest: int = field(default=0, init=False)

    def answer(self, engine: Engine, requests: Sequence[Request], sampling: Sampling) -> Iterator[Answer]:
        """Yield what `engine.answer` does."""
        first = 0
        while first < len(requests):
            batch = requests[first : first + self.size]
            began, answers = perf_counter(), 0
            for answer in self._answer(engine, batch, sampling):
                answers += 1
                yield answer._replace(request=first + answer.request)
            first += len(batch)
            if not self.fixed and len(batch) == self.size:
                self._grow(answers / max(perf_counter() - began, 1e-9))

    def _grow(self, speed: float) -> None:
        """Double the size while that pays: answers a second tell, and the memory that is left. One that was slower goes
        back."""
        if speed < NO_FASTER * self._best or self.size >= MOST or _memory_taken() > ROOM:
            self.fixed = True
            self.size = self._fastest if speed < self._best / NO_FASTER else self.size
            return
        self._best, self._fastest, self.size = speed, self.size, 2 * self.size

    def _answer(self, engine: Engine, batch: Sequence[Request], sampling: Sampling) -> Iterator[Answer]:
        done: set[tuple[int, int, int]] = set()
        try:
            for answer in engine.answer(batch, sampling):
                done.add(answer[:3])
                yield answer
            return
        except (MemoryError, RuntimeError) as error:
            if not is_short_of_memory(error):
                raise
            reason = str(error).splitlines()[0] if str(error) else "no memory could be allocated"
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        yield from self._in_parts(engine, batch, sampling, done, reason)

    def _in_parts(
        self,
        engine: Engine,
        batch: Sequence[Request],
        sampling: Sampling,
        done: set[tuple[int, int, int]],
        reason: str,
    ) -> Iterator[Answer]:
        """Ask the rest of a batch that memory did not suffice for in halves."""
        rest = [
            (number, place)
            for number, request in enumerate(batch)
            for place, question in enumerate(request.questions)
            if any((number, place, draw) not in done for draw in range(len(question.seeds)))
        ]
        if len(rest) == 1:
            number, place = rest[0]
            question = batch[number].questions[place]
            error = MemoryError(f"memory does not suffice for this question alone: {reason}")
            for answer in failed_question(number, place, question, error):
                if answer[:3] not in done:
                    yield answer
            return
        if len(batch) > 1:
            self.size, self.fixed = max(1, len(batch) // 2), True
        for some in (rest[: len(rest) // 2], rest[len(rest) // 2 :]):
            part, origin = _part(batch, some)
            for answer in self._answer(engine, part, sampling):
                number, place = origin[answer.request][answer.question]
                if (number, place, answer.draw) not in done:
                    yield Answer(number, place, answer.draw, answer.reply)


def _part(
    batch: Sequence[Request], some: Sequence[tuple[int, int]]
) -> tuple[list[Request], list[list[tuple[int, int]]]]:
    """Return requests with these questions alone, and where each of them stood."""
    places: dict[int, list[tuple[int, int]]] = {}
    for number, place in some:
        places.setdefault(number, []).append((number, place))
    requests = [
        replace(batch[number], questions=tuple(batch[number].questions[place] for _, place in found))
        for number, found in places.items()
    ]
    return requests, list(places.values())


def most_at_once(*, on_server: bool = False) -> int:
    """Return how many requests an engine is to be ready for, where batches find their size."""
    return ON_SERVER if on_server else MOST


def is_short_of_memory(error: BaseException) -> bool:
    """Return whether an error says that memory did not suffice."""
    named = isinstance(error, torch.OutOfMemoryError | MemoryError)
    return named or any(words in str(error) for words in NO_MEMORY)


def _memory_taken() -> float:
    """Return which share of the GPU's memory was taken at most so far; without one, of this machine's."""
    if not torch.cuda.is_available():
        return memory_taken()
    _, total = torch.cuda.mem_get_info()
    return torch.cuda.max_memory_reserved() / total
