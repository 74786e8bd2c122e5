"""The Task Router as a language model: behind an endpoint (CRPO, appendix C, has DeepSeek-R1), or on this machine.

Each question is asked several times where that is wanted; the label with most votes wins, and their share is the
confidence. After a response whose last line is not one of the four words the question is asked once more, with that
said. Every finished call of an endpoint is in a journal before it counts, so that a run that was stopped pays for none
twice.
"""

import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, islice
from pathlib import Path
from typing import Any

from retroflip.data.sample import Routing, Sample, TaskType
from retroflip.errors import UsageError
from retroflip.files.locks import hold
from retroflip.inference.base import Engine, Question, Request, Sampling, Wanted, worded
from retroflip.inference.endpoint import EndpointEngine
from retroflip.llm.client import Reply as Call
from retroflip.llm.journal import Journal, key_of
from retroflip.llm.settings import Endpoint
from retroflip.router.labelled_files import Routed
from retroflip.router.prompt import VERSION, read_label, words_of

CHARACTERS_PER_TOKEN = 3.0
"""of English; low, so that the estimate is high"""
ROLE = "router"
"""of its calls in the journal"""
_AHEAD = 32
"""questions that are asked together, for each that may be worked on at the same time"""


@dataclass
class _Vote:
    """One time that a question is asked. label: None where no response could be read. failure: why there was none."""

    sample: Sample
    number: int
    label: TaskType | None = None
    failure: str = ""


@dataclass
class LlmRouter:
    """Asks a model about each question, `at_once` together, and gives the labels in the questions' order.

    model: its name. kind: of what is behind it, "llm" or "model". identity: what of it decides a response. journal: of
    its calls. times: that each question is asked. close: is called at the end. remade: how another process makes it
    again, where it may.
    """

    engine: Engine
    model: str
    kind: str
    identity: Any
    sampling: Sampling
    journal: Journal | None
    at_once: int
    times: int = 1
    close: Callable[[], None] | None = None
    remade: tuple[Callable[..., "LlmRouter"], tuple[Any, ...]] | None = None

    def __reduce__(self) -> tuple[Callable[..., "LlmRouter"], tuple[Any, ...]]:
        """Go to another process by name: the model is loaded there, once for all blocks."""
        if self.remade is None:
            raise TypeError(f"the model {self.model!r} is asked by one process")
        return self.remade

    def route(self, samples: Iterable[Sample]) -> Generator[Routed, None, None]:
        """Yield what the model says of each question, in their order; a call that failed for good is named.

        Raises EndpointError where an endpoint cannot be used; what is finished is kept.
        """
        source = iter(samples)
        try:
            while batch := list(islice(source, self.at_once)):
                votes = [[_Vote(sample, number) for number in range(self.times)] for sample in batch]
                every = list(chain.from_iterable(votes))
                self._ask(every, again=False)
                self._ask([vote for vote in every if not (vote.label or vote.failure)], again=True)
                yield from map(self._routed, votes)
        finally:
            if self.close is not None:
                self.close()

    def _ask(self, votes: Sequence[_Vote], *, again: bool) -> None:
        """Have questions answered that were not asked before, and note what was said."""
        missing, requests = list[_Vote](), list[Request]()
        for vote in votes:
            words = words_of(vote.sample, again=again)
            about = {"sample": vote.sample.id, "vote": vote.number, "again": again}
            key = key_of([self.identity, about, [{"role": "user", "content": words}]])
            said = None if self.journal is None else self.journal.text_of(key)
            if said is not None:
                vote.label = read_label(said)
                continue
            missing.append(vote)
            question = Question(worded(vote.sample.id, words), (vote.number,), about=(key, about))
            requests.append(Request((), (question,)))
        for number, _, _, reply in self.engine.answer(requests, self.sampling):
            vote = missing[number]
            if reply.error is not None:
                vote.failure = reply.error
                continue
            vote.label = read_label(reply.text)
            if self.journal is not None:
                key, about = requests[number].questions[0].about
                self.journal.add(key, {"role": ROLE, **about}, reply.charged)

    def _routed(self, votes: Sequence[_Vote]) -> Routed:
        if failure := next((vote.failure for vote in votes if vote.failure), ""):
            return Routed(failure=failure)
        read = [vote.label for vote in votes if vote.label is not None]
        if not read:
            return Routed(failure="no response ended in one of the four words")
        # Counter keeps the order of the first votes, which decides between labels with as many.
        ((label, agreeing),) = Counter(read).most_common(1)
        return Routed(
            Routing(
                label=label,
                flip=label.flip,
                reversal=label.reversal,
                reason=f"{agreeing} of {self.times} votes",
                router=self.model,
                version=f"{self.kind} {VERSION}",
                confidence=agreeing / self.times if self.kind == "llm" else None,
            )
        )


def behind(endpoint: Endpoint, times: int, journal: Path) -> LlmRouter:
    """Return the router of a model behind an endpoint.

    Raises UsageError where a key is not set, RunDirectoryError where another process writes beside the journal.
    """
    hold(journal.parent, tidy=False)
    calls = Journal(journal)

    def note(question: Question, reply: Call) -> None:
        """Write down a response that could not be used, since it is charged; the call itself is made again."""
        key, about = question.about
        calls.add(key_of([key, len(calls)]), {"role": ROLE, **about}, reply)

    engine = EndpointEngine(endpoint, system_prompt="", as_set=True, discarded=note, stop=threading.Event())
    return LlmRouter(
        engine, endpoint.model, "llm", endpoint.identity(), Sampling(endpoint.max_tokens), calls,
        _AHEAD * endpoint.concurrency, times, engine.close,
    )  # fmt: skip


@lru_cache(maxsize=2)
def on_this_machine(name: str, at_once: int, max_tokens: int) -> LlmRouter:
    """Return the router of a text model, a folder or a hub name, which is asked greedily, so many questions at a time.

    Raises UsageError where there is no such model, or its weights are not whole.
    """
    from retroflip.inference.registry import load_engine  # imports torch, which endpoints do without

    try:
        engine = load_engine(Wanted(name, dtype="auto", system_prompt="", at_once=at_once), "text").engine
    except UsageError as error:
        raise UsageError(f"--router {name!r:.100} is neither rules nor llm. {error}") from error
    sampling, remade = Sampling(max_tokens, temperature=0.0), (on_this_machine, (name, at_once, max_tokens))
    return LlmRouter(engine, name, "model", name, sampling, None, at_once, remade=remade)


def charged(calls: Journal, endpoint: Endpoint) -> dict[str, Any]:
    """Return what all calls came to, those of earlier runs of the same journal included."""
    return {
        "finished": calls.finished,
        "discarded": calls.discarded,
        "prompt_tokens": calls.prompt_tokens,
        "completion_tokens": calls.completion_tokens,
        "cost": endpoint.cost(calls.prompt_tokens, calls.completion_tokens),
    }


def estimate(samples: Iterable[Sample], endpoint: Endpoint, times: int) -> dict[str, Any]:
    """Return how many calls and tokens a run takes where every response can be read, and what that costs at most."""
    questions = prompt = 0
    for sample in samples:
        questions += 1
        prompt += len(words_of(sample))
    prompt_tokens = round(times * prompt / CHARACTERS_PER_TOKEN)
    completion_tokens = times * questions * endpoint.max_tokens
    return {
        "questions": questions,
        "calls": times * questions,
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "cost": endpoint.cost(prompt_tokens, completion_tokens),
    }
