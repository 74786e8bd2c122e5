"""A model behind any OpenAI-compatible endpoint, which is sent videos as frames with their times, or as files.

What is shown stands before the question, so that a server with a cache of prompts reads it once. Calls that fail for
good are replies that say so; a wrong key or name is raised.
"""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from pydantic import ValidationError

from retroflip.data.prompts import interleaved, later_messages, system_text, user_text
from retroflip.data.record_notes import Notes
from retroflip.errors import UsageError, first_fault
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
from retroflip.llm.client import CallFailedError, Client, Message, unheard
from retroflip.llm.client import Reply as Call
from retroflip.llm.connection import BYTES_PER_TOKEN
from retroflip.llm.media import JPEG_QUALITY, Part, file_part, frame_parts, picture_part, text_part
from retroflip.llm.settings import Endpoint
from retroflip.video.budget import PixelBudget
from retroflip.video.fit import BudgetFit
from retroflip.video.frames import Fits

TOP_LOG_PROBS = 20
"""of the first token that are asked for: no server gives more"""
LOG_PROB_BYTES = 128
"""more than one of them takes in a response, in which every token has as many"""
WAITING = 2
"""calls at work for each that may be made at the same time: those that wait to be repeated make none"""
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
    """Asks a server.

    as_set: its calls are made under the settings of `endpoint` (temperature, top_p, max_tokens) without a seed, and not
    under those of the requests. quality: of the JPEG files that show frames. discarded: told of each response that was
    charged and could not be used, before the call is repeated. stop: ends all calls when it is set; with it, one
    connection serves all answers, of any number of threads, until `close`.

    Raises UsageError, at once or else when it is first asked, where the key is not there or the package for it is not
    installed.
    """

    endpoint: Endpoint
    system_prompt: str | None = None
    notes: Notes | None = None
    as_set: bool = False
    quality: int = JPEG_QUALITY
    discarded: Callable[[Question, Call], None] | None = None
    stop: threading.Event | None = None
    name = "openai"
    capabilities = Capabilities(log_probs=True, files=True, media=None, repeatable=False)

    def __post_init__(self) -> None:
        self._gives_log_probs = True
        self._is_tried = False
        self._kept = None if self.stop is None else Client(self.endpoint, self.stop)

    def settings(self) -> Mapping[str, Any]:
        """Return what decides the model's answer, as far as it is known here."""
        return {
            "back_end": "openai",
            "served_model": self.endpoint.model,
            "system_prompt": "built-in" if self.system_prompt is None else self.system_prompt,
        }

    def answer(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Answer]:
        """Yield a reply for every draw of every question as it comes, as many calls at once as the endpoint allows."""
        require_capable(self, requests)
        calls = self._calls(requests)
        threads = WAITING * self.endpoint.concurrency
        with self._client(sampling) as (client, stop), _pool(threads, stop) as pool:
            under_way: dict[Future[Reply], _Call] = {}
            for call in calls:
                under_way[pool.submit(self._reply, client, call, sampling)] = call
                # The first call that asks for log-probabilities goes alone: it shows whether the server gives them.
                alone = not self._is_tried and bool(call.asked.sample.options)
                while under_way and (alone or len(under_way) >= threads):
                    yield from _finished(under_way, stop)
                self._is_tried = self._is_tried or alone
            while under_way:
                yield from _finished(under_way, stop)

    def ask(self, request: Request, sampling: Sampling) -> Reply:
        """Return the reply to the only draw of a request's only question; with `stop`, any number of threads may ask.

        Raises EndpointError and StoppedError as the client does.
        """
        require_capable(self, [request])
        (call,) = self._calls([request])
        with self._client(sampling) as (client, _):
            return self._reply(client, call, sampling)

    def close(self) -> None:
        """Set `stop` and close what it has kept; no call may be under way."""
        if self.stop is not None and self._kept is not None:
            self.stop.set()
            self._kept.close()

    @contextmanager
    def _client(self, sampling: Sampling) -> Iterator[tuple[Client, threading.Event]]:
        if self._kept is not None and self.stop is not None:
            yield self._kept, self.stop
            return
        stop = threading.Event()
        endpoint = self.endpoint.model_copy(update={"max_tokens": sampling.max_tokens})
        client = Client(endpoint, stop, BYTES_PER_TOKEN + TOP_LOG_PROBS * LOG_PROB_BYTES)
        try:
            yield client, stop
        finally:
            client.close()

    def _calls(self, requests: Sequence[Request]) -> Iterator[_Call]:
        for number, request in enumerate(requests):
            media = [_parts(medium, self.quality) for medium in request.media]
            for place, question in enumerate(request.questions):
                for draw in range(len(question.seeds)):
                    yield _Call(number, place, draw, question, media)

    def _reply(self, client: Client, call: _Call, sampling: Sampling) -> Reply:
        question, seed = call.asked, call.asked.seeds[call.draw]
        messages = self._messages(question, call.media)
        read = hashlib.sha256(json.dumps(messages).encode()).hexdigest()
        try:
            said = self._complete(client, messages, question, self._sampled(sampling, seed))
        except CallFailedError as error:
            why = f"{error.cause}: {error}"
            return Reply(finish="error", error=why, cause=error.cause, prompt_sha256=read)
        return Reply(
            text=said.text,
            tokens=said.completion_tokens,
            finish=said.finish,
            log_probs=_of_letters(said.first_tokens, list(question.sample.lettered)),
            prompt_sha256=read,
            call=said,
        )

    def _messages(self, question: Question, media: Sequence[Sequence[Part]]) -> list[Message]:
        """Return the conversation. Words alone are a string: servers of models that see nothing may take no parts."""
        system = system_text(question.sample, self.system_prompt)
        content = interleaved(question.sample, media, text_part) if media else user_text(question.sample)
        before = [{"role": "system", "content": system}] if system else []
        return [*before, {"role": "user", "content": content}, *later_messages(question.turns, str)]

    def _sampled(self, sampling: Sampling, seed: int) -> dict[str, Any]:
        if self.as_set:
            return {}
        return {
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_tokens,
            "seed": seed % 2**31,
        }

    def _complete(
        self, client: Client, messages: Sequence[Message], question: Question, more: Mapping[str, Any]
    ) -> Call:
        """Make a call; where a server refuses to give log-probabilities, go on without for good."""
        told = partial(self.discarded, question) if self.discarded else unheard
        ask = partial(client.complete, messages, question.form, told)
        if not (self._gives_log_probs and question.sample.options):
            return ask(more)
        try:
            return ask({**more, "logprobs": True, "top_logprobs": TOP_LOG_PROBS})
        except CallFailedError as error:
            if error.cause != "refused":
                raise
        said = ask(more)
        self._gives_log_probs = False
        return said


def _parts(medium: Medium, quality: int) -> Sequence[Part]:
    if medium.file is not None:
        return [file_part(medium.file, is_image=medium.is_image)]
    if medium.frames is None:
        return []
    frames = medium.frames
    return [picture_part(frames, quality=quality)] if medium.is_image else frame_parts(frames, quality)


@contextmanager
def _pool(size: int, stop: threading.Event) -> Iterator[ThreadPoolExecutor]:
    pool = ThreadPoolExecutor(size, "calls")
    try:
        yield pool
    except BaseException:
        stop.set()  # nothing that is still under way is wanted any more
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _finished(under_way: dict[Future[Reply], _Call], stop: threading.Event) -> Iterator[Answer]:
    """Yield the answers that have come, one at least, and take them out of what is under way. Where no call can succeed
    any more, all calls are ended, and what has come is kept before that is raised."""
    done = wait(under_way, return_when=FIRST_COMPLETED).done
    failure = next(filter(None, (future.exception() for future in done)), None)
    if failure is not None:
        stop.set()
        done = wait(under_way).done
    for future in done:
        call = under_way.pop(future)
        if future.exception() is None:
            yield Answer(*call[:3], future.result())
    if failure is not None:
        raise failure


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
        raise UsageError(f"--endpoint cannot be used: {first_fault(error)}.") from error
    budget = PixelBudget(max_pixels=SENT_PIXELS) if wanted.budget == PixelBudget() else wanted.budget
    fits = Fits(BudgetFit(budget, wanted.frames), BudgetFit(budget))
    return Loaded(EndpointEngine(endpoint, wanted.system_prompt), fits, wanted.endpoint)
