"""The Task Router as a language model behind an OpenAI-compatible endpoint (CRPO, appendix C, has DeepSeek-R1).

Each question is asked `votes` times; the label with most votes wins, and their share is the confidence. After a
response whose last line is not one of the four words the question is asked once more, with that said. Every finished
call is in a journal before it counts, so that a run that was stopped pays for none twice.
"""

import threading
from collections import Counter, deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from retroflip.data.sample import Routing, Sample, TaskType
from retroflip.files.locks import hold
from retroflip.llm.client import CallFailedError, Client, Reply, StoppedError
from retroflip.llm.journal import key_of
from retroflip.llm.settings import Endpoint
from retroflip.router.prompt import VERSION, messages_of, read_label
from retroflip.router.run import Routed
from retroflip.router.votes import Votes

CHARACTERS_PER_TOKEN = 3.0
"""of English; low, so that the estimate is high"""
_THREADS = 4
"""questions at work for each call that may be made at the same time: those that wait to be asked again make none"""
_AHEAD = 32
"""questions at work or waiting to be written, for each such call, so that one that is slow does not stop the others"""


class LlmRouter:
    """Asks a model about each question, several at the same time, and gives the labels in the questions' order."""

    def __init__(self, endpoint: Endpoint, votes: int, journal: Path) -> None:
        """Connect, and read what an earlier run left.

        Raises UsageError where a key is not set, RunDirectoryError where another process writes beside the journal.
        """
        hold(journal.parent, tidy=False)
        self._endpoint, self._count = endpoint, votes
        self._stop = threading.Event()
        self._client = Client(endpoint, self._stop)
        self._spoilt = count()
        self.votes = Votes(journal)
        self.at_once = _AHEAD * endpoint.concurrency

    def route(self, samples: Iterable[Sample]) -> Generator[Routed, None, None]:
        """Yield what the model says of each question, in their order; a call that failed for good is named.

        Raises EndpointError where the endpoint cannot be used; what is finished is kept.
        """
        pool = ThreadPoolExecutor(_THREADS * self._endpoint.concurrency)
        waiting: deque[Future[Routed]] = deque()
        try:
            for sample in samples:
                waiting.append(pool.submit(self._work, sample))
                if len(waiting) >= _AHEAD * self._endpoint.concurrency:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            self._stop.set()
            pool.shutdown(cancel_futures=True)
            self._client.close()

    def charged(self) -> dict[str, Any]:
        """Return what all calls came to, those of earlier runs of the same journal included."""
        votes = self.votes
        return {
            "finished": votes.finished,
            "discarded": votes.discarded,
            "prompt_tokens": votes.prompt_tokens,
            "completion_tokens": votes.completion_tokens,
            "cost": self._endpoint.cost(votes.prompt_tokens, votes.completion_tokens),
        }

    def _work(self, sample: Sample) -> Routed:
        if self._stop.is_set():
            raise StoppedError
        try:
            given = [self._vote(sample, number) for number in range(self._count)]
        except CallFailedError as error:
            return Routed(failure=f"{error.cause}: {error}")
        read = [label for label in given if label is not None]
        if not read:
            return Routed(failure="no response ended in one of the four words")
        # Counter keeps the order of the first votes, which decides between labels with as many.
        ((label, agreeing),) = Counter(read).most_common(1)
        return Routed(
            Routing(
                label=label,
                flip=label.flip,
                reversal=label.reversal,
                reason=f"{agreeing} of {self._count} votes",
                router=self._endpoint.model,
                version=f"llm {VERSION}",
                confidence=agreeing / self._count,
            )
        )

    def _vote(self, sample: Sample, number: int) -> TaskType | None:
        """Return one vote; None where neither the response nor its repair can be read."""
        return self._ask(sample, number, again=False) or self._ask(sample, number, again=True)

    def _ask(self, sample: Sample, number: int, *, again: bool) -> TaskType | None:
        """Return what a call gave, which is made where it was not made before."""
        about = {"sample": sample.id, "vote": number, "again": again}
        messages = messages_of(sample, again=again)
        key = key_of([self._endpoint.identity(), about, messages])
        if key not in self.votes:
            reply = self._client.complete(messages, discarded=partial(self._note_discarded, key, about))
            self.votes.add(key, about, read_label(reply.text), reply)
        return self.votes.label(key)

    def _note_discarded(self, key: str, about: dict[str, Any], reply: Reply) -> None:
        """Write down a response that could not be used, since it is charged; the call itself is made again."""
        self.votes.add(key_of([key, next(self._spoilt)]), about, None, reply)


def estimate(samples: Iterable[Sample], endpoint: Endpoint, votes: int) -> dict[str, Any]:
    """Return how many calls and tokens a run takes where every response can be read, and what that costs at most."""
    questions = prompt = 0
    for sample in samples:
        questions += 1
        prompt += sum(len(message["content"]) for message in messages_of(sample))
    prompt_tokens = round(votes * prompt / CHARACTERS_PER_TOKEN)
    completion_tokens = votes * questions * endpoint.max_tokens
    return {
        "questions": questions,
        "calls": votes * questions,
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "cost": endpoint.cost(prompt_tokens, completion_tokens),
    }
