"""A model behind any OpenAI-compatible endpoint, which is sent videos as frames with their times, or as files.

What is shown stands before the question, so that a server with a cache of prompts reads it once. Calls that fail for
good are replies that say so; a wrong key or name is raised.
"""

import hashlib
import json
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic import ValidationError

from retroflip.data.prompts import interleaved, system_text
from retroflip.data.record_notes import Notes
from retroflip.errors import UsageError
from retroflip.inference.base import (
    Answer,
    Capabilities,
    Loaded,
    Medium,
    Question,
    Reply,
    Request,
    Sampling,
    Wanted,
    require_capable,
)
from retroflip.llm.client import CallFailedError, Client, EndpointError, Message
from retroflip.llm.connection import BYTES_PER_TOKEN
from retroflip.llm.media import Part, file_part, frame_parts, picture_part, text_part
from retroflip.llm.settings import Endpoint
from retroflip.video.budget import PixelBudget
from retroflip.video.fit import BudgetFit
from retroflip.video.frames import Fits

TOP_LOG_PROBS = 20
"""of the first token that are asked for: no server gives more"""
LOG_PROB_BYTES = 128
"""more than one of them takes in a response, in which every token has as many"""
SENT_PIXELS = 768 * 28 * 28
"""of a frame, unless a budget says otherwise"""


class _Call(NamedTuple):
    request: int
    question: int
    draw: int
    asked: Question
    media: Sequence[Sequence[Part]]


@dataclass
class EndpointEngine:
    """Asks a server. Settings of `endpoint` that a request has itself (temperature, top_p, max_tokens) do not count.

    Raises UsageError, when it is first asked, where the key is not there or the package for it is not installed.
    """

    endpoint: Endpoint
    system_prompt: str | None = None
    notes: Notes | None = None
    name = "openai"
    capabilities = Capabilities(log_probs=True, files=True, media=None, repeatable=False)

    def __post_init__(self) -> None:
        self._gives_log_probs = True
        self._is_tried = False

    def settings(self) -> Mapping[str, Any]:
        """Return what decides the model's answer, as far as it is known here."""
        return {
            "back_end": "openai",
            "served_model": self.endpoint.model,
            "system_prompt": "built-in" if self.system_prompt is None else self.system_prompt,
        }

    def answer(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Answer]:
        """Yield a reply for every draw of every question, as many calls under way as the endpoint allows."""
        require_capable(self, requests)
        calls = _calls(requests)
        with self._client(sampling) as (client, stop), _pool(self.endpoint.concurrency, stop) as pool:
            under_way: deque[tuple[_Call, Future[Reply]]] = deque()
            for call in calls:
                under_way.append((call, pool.submit(self._reply, client, call, sampling)))
                # The first call of all goes alone: it shows what the server takes.
                while under_way and (len(under_way) > 2 * self.endpoint.concurrency or not self._is_tried):
                    yield from _next(under_way, stop)
                self._is_tried = True
            while under_way:
                yield from _next(under_way, stop)

    @contextmanager
    def _client(self, sampling: Sampling) -> Iterator[tuple[Client, threading.Event]]:
        stop = threading.Event()
        endpoint = self.endpoint.model_copy(update={"max_tokens": sampling.max_tokens})
        client = Client(endpoint, stop, BYTES_PER_TOKEN + TOP_LOG_PROBS * LOG_PROB_BYTES)
        try:
            yield client, stop
        finally:
            client.close()

    def _reply(self, client: Client, call: _Call, sampling: Sampling) -> Reply:
        question, seed = call.asked, call.asked.seeds[call.draw]
        messages = self._messages(question, call.media)
        read = hashlib.sha256(json.dumps(messages).encode()).hexdigest()
        try:
            said = self._complete(client, messages, question, sampling, seed)
        except CallFailedError as error:
            return Reply(finish="error", error=f"{error.cause}: {error}", prompt_sha256=read)
        return Reply(
            text=said.text,
            tokens=said.completion_tokens,
            finish=said.finish,
            log_probs=_of_letters(said.first_tokens, list(question.sample.lettered)),
            prompt_sha256=read,
        )

    def _messages(self, question: Question, media: Sequence[Sequence[Part]]) -> list[Message]:
        system = system_text(question.sample, self.system_prompt)
        content = interleaved(question.sample, media, text_part)
        before = [{"role": "system", "content": system}] if system else []
        return [*before, {"role": "user", "content": content}]

    def _complete(
        self, client: Client, messages: Sequence[Message], question: Question, sampling: Sampling, seed: int
    ) -> Any:
        """Make a call; where a server refuses to give log-probabilities, go on without for good."""
        more = {
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_tokens,
            "seed": seed % 2**31,
        }
        if not (self._gives_log_probs and question.sample.options):
            return client.complete(messages, more=more)
        try:
            return client.complete(messages, more={**more, "logprobs": True, "top_logprobs": TOP_LOG_PROBS})
        except CallFailedError as error:
            if error.cause != "refused":
                raise
        said = client.complete(messages, more=more)
        self._gives_log_probs = False
        return said


def _calls(requests: Sequence[Request]) -> Iterator[_Call]:
    for number, request in enumerate(requests):
        media = [_parts(medium) for medium in request.media]
        for place, question in enumerate(request.questions):
            for draw in range(len(question.seeds)):
                yield _Call(number, place, draw, question, media)


def _parts(medium: Medium) -> Sequence[Part]:
    if medium.file is not None:
        return [file_part(medium.file, is_image=medium.is_image)]
    if medium.frames is None:
        return []
    return [picture_part(medium.frames)] if medium.is_image else frame_parts(medium.frames)


@contextmanager
def _pool(size: int, stop: threading.Event) -> Iterator[ThreadPoolExecutor]:
    pool = ThreadPoolExecutor(size, "calls")
    try:
        yield pool
    finally:
        stop.set()  # nothing that is still under way is wanted any more
        pool.shutdown(cancel_futures=True)


def _next(under_way: deque[tuple[_Call, Future[Reply]]], stop: threading.Event) -> Iterator[Answer]:
    """Yield the answer to the oldest call. Where no call can succeed any more, what has come is kept before that is
    raised."""
    call, future = under_way.popleft()
    try:
        yield Answer(*call[:3], future.result())
    except EndpointError:
        stop.set()
        for other, done in under_way:
            if done.done() and done.exception() is None:
                yield Answer(*other[:3], done.result())
        raise


def _of_letters(first: Mapping[str, float], letters: Sequence[str]) -> Mapping[str, float] | None:
    """Return the log-probabilities of letters among a response's likeliest first tokens; None where there is none."""
    bare = {token.strip(): value for token, value in sorted(first.items(), key=lambda item: item[1])}
    found = {**bare, **first}
    return {letter: found[letter] for letter in letters if letter in found} or None


def load(wanted: Wanted) -> Loaded:
    """Return the engine of a model behind `wanted.endpoint`. Raises UsageError for what is no address."""
    if wanted.endpoint is None:
        raise ValueError("an endpoint has an address")
    try:
        endpoint = Endpoint(
            base_url=wanted.endpoint,
            model=wanted.model,
            api_key_env=wanted.key_variable,
            concurrency=wanted.at_once,
        )
    except ValidationError as error:
        raise UsageError(f"--endpoint cannot be used: {error.errors()[0]['msg']}.") from error
    budget = PixelBudget(max_pixels=SENT_PIXELS) if wanted.budget == PixelBudget() else wanted.budget
    fits = Fits(BudgetFit(budget, wanted.frames), BudgetFit(budget))
    return Loaded(EndpointEngine(endpoint, wanted.system_prompt), fits, wanted.endpoint)
