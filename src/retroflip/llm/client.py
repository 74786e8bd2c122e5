"""One client for language models behind OpenAI-compatible endpoints.

Calls are repeated after rate limits, faults of the server or the network, and time-outs, and after nothing else: a
wrong key or name stays wrong. The key is read from the environment and goes nowhere but into the request.
"""

import os
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from retroflip.errors import RetroflipError, UsageError
from retroflip.llm.background import Background
from retroflip.llm.body import BodyError, Counted, read_body
from retroflip.llm.connection import BYTES_PER_TOKEN, ResponseRefusedError, connect, omitted_headers
from retroflip.llm.settings import Endpoint

if TYPE_CHECKING:
    import openai

Message = Mapping[str, Any]
_AGAIN = frozenset((408, 409, 429))
_UNREACHABLE_TRIES = 3
"""attempts at a server that never answered anything, before it counts as not there"""
_SHOWN = 300
"""characters of a server's own words in an error"""
_CLOSING_SECONDS = 10.0
"""for the connections to close"""


class EndpointError(RetroflipError):
    """An endpoint cannot be used: wrong key or name, not reachable, or nothing but failures."""


class CallFailedError(Exception):
    """One call failed for good. cause: a word or two for statistics, such as "time-out"."""

    def __init__(self, cause: str, message: str) -> None:
        super().__init__(message)
        self.cause = cause


class StoppedError(Exception):
    """The caller was told to stop while it waited."""


@dataclass(frozen=True)
class Reply:
    """What a call brought. finish: why the model stopped ("length" where it was cut off, "discarded" where the response
    could not be used). faults: causes of the repetitions that came before it. first_tokens: log-probabilities of the
    likeliest first tokens, where the call asked for them and the server gave them."""

    text: str
    finish: str
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    faults: tuple[str, ...]
    first_tokens: Mapping[str, float] = field(default_factory=dict)


Discarded = Callable[[Reply], None]
"""told of every response that was counted by the provider and could not be used"""


def unheard(_: Reply) -> None:
    """Tell nobody."""


class _Fault(Exception):
    """A call that may succeed when it is repeated. wait: seconds that the server asks for."""

    def __init__(self, cause: str, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.cause, self.wait = cause, wait


class Client:
    """Calls one endpoint, from any number of threads.

    Setting `stop` ends all waiting with StoppedError, that for a call under way too. bytes_per_token: more than a token
    of a response takes.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        stop: threading.Event | None = None,
        bytes_per_token: int = BYTES_PER_TOKEN,
    ) -> None:
        self.endpoint = endpoint
        self._stop = stop or threading.Event()
        self._key = _key_of(endpoint)
        self._api = connect(endpoint, self._key, bytes_per_token)
        self._background = Background()
        self._omitted = omitted_headers(has_key=self._key is not None)
        self._free = threading.BoundedSemaphore(endpoint.concurrency)
        self._lock = threading.Lock()
        self._not_before = 0.0
        self._failed_in_a_row = 0
        self._has_answered = False

    def complete(
        self,
        messages: Sequence[Message],
        schema: type[BaseModel] | None = None,
        discarded: Discarded = unheard,
        more: Mapping[str, Any] | None = None,
    ) -> Reply:
        """Return the model's response.

        schema: the form of JSON that it is asked for. more: keys of this request alone, in place of the endpoint's.
        discarded: is told of responses that could not be used but are
        charged. Raises CallFailedError for a call that failed for good, EndpointError where none can succeed, and
        StoppedError soon after `stop` is set.
        """
        request = {**self._request(messages, schema), **(more or {}), **self.endpoint.extra_body}
        faults: list[str] = []
        while True:
            try:
                with self._free:
                    self._wait_for_turn()
                    reply = self._call(request, tuple(faults), discarded)
            except _Fault as fault:
                faults.append(fault.cause)
                self._wait_or_give_up(fault, len(faults))
                continue
            with self._lock:
                self._failed_in_a_row, self._has_answered = 0, True
            return reply

    def close(self) -> None:
        """Close the connections; no call may be under way, and none can be made afterwards."""
        if self._background.is_closed:
            return
        try:
            # What does not close in time dies with the process: no reason to fail a run that is finished.
            with suppress(TimeoutError):
                self._background.result(self._api.close(), _CLOSING_SECONDS)
        finally:
            self._background.close()

    def _request(self, messages: Sequence[Message], schema: type[BaseModel] | None) -> dict[str, Any]:
        one = self.endpoint
        request: dict[str, Any] = {
            "model": one.model,
            "messages": list(messages),
            "max_tokens": one.max_tokens,
        }
        for name in ("temperature", "top_p"):
            if getattr(one, name) is not None:
                request[name] = getattr(one, name)
        if schema is not None and one.structured != "none":
            request["response_format"] = {"type": one.structured}
            if one.structured == "json_schema":
                form = {"name": schema.__name__, "schema": schema.model_json_schema(), "strict": True}
                request["response_format"]["json_schema"] = form
        return request

    def _call(self, request: Mapping[str, Any], faults: tuple[str, ...], discarded: Discarded) -> Reply:
        import openai  # an extra, and slow to import

        began = time.monotonic()
        try:
            content = self._background.result(
                self._response(request), self.endpoint.timeout_seconds, self._stop
            )
        except CancelledError as error:
            raise StoppedError from error
        except (openai.APITimeoutError, TimeoutError) as error:
            seconds = self.endpoint.timeout_seconds
            raise _Fault("time-out", f"no whole response within {seconds:g} s") from error
        except ResponseRefusedError as error:
            raise _Fault("refused response", str(error)) from error
        except openai.APIConnectionError as error:
            raise _Fault("connection", f"the connection failed ({error.__cause__ or error})") from error
        except openai.APIStatusError as error:
            raise self._status_error(error) from error
        seconds = time.monotonic() - began
        try:
            read = read_body(content)
        except BodyError as error:
            if error.counted != Counted():
                discarded(Reply("", "discarded", *error.counted, seconds, faults))
            if error.status is None:
                raise _Fault("garbage", str(error)) from error
            raise self._error_of(error.status, self._redacted(str(error))[:_SHOWN]) from error
        return Reply(read.text, read.finish, *read.counted, seconds, faults, read.first_tokens)

    async def _response(self, request: Mapping[str, Any]) -> bytes:
        """Return the body of a response, whole. What the package checks of a request and a response takes too long."""
        import httpx2

        response = await self._api.post(
            "/chat/completions", cast_to=httpx2.Response, body=request, options={"headers": self._omitted}
        )
        return response.content

    def _status_error(self, error: "openai.APIStatusError") -> Exception:
        """Return the error that a status other than 200 means."""
        said = self._redacted(str(error.message))[:_SHOWN]
        headers = error.response.headers
        if 300 <= error.status_code < 400:
            where = headers.get("location", "somewhere else")
            return EndpointError(
                f"{self._where} sends its calls on to {where} (status {error.status_code}), and a request with its "
                "videos and key goes nowhere but to the recipe's address. Set `base_url` to the one that is meant."
            )
        no_money = error.code == "insufficient_quota"
        return self._error_of(error.status_code, said, _asked_wait(headers), no_money=no_money)

    def _error_of(
        self, status: int, said: str, wait: float | None = None, *, no_money: bool = False
    ) -> Exception:
        """Return the error that a status means, of the response or of an error object in it."""
        with self._lock:
            self._has_answered = True
        if status == 402 or (status == 429 and no_money):
            return EndpointError(
                f"{self._where} refuses further calls: {said} Top up the account, then go on."
            )
        if status in _AGAIN or status >= 500:
            cause = "rate limit" if status == 429 else f"status {status}"
            return _Fault(cause, f"status {status}: {said}", wait)
        if status in (401, 403):
            return EndpointError(
                f"{self._where} does not accept the key (status {status}). {self._key_advice}"
            )
        if status == 404:
            return EndpointError(
                f"{self._where} knows no model {self.endpoint.model!r}, or no chat completions at that address "
                f"(status 404): {said} Correct `model` or `base_url` (which ends in /v1 on most servers)."
            )
        return self._failed("refused", f"status {status}: {said}")

    def _wait_or_give_up(self, fault: _Fault, failures: int) -> None:
        unreachable = (
            fault.cause == "connection" and not self._has_answered and failures >= _UNREACHABLE_TRIES
        )
        if unreachable:
            raise EndpointError(
                f"{self._where} cannot be reached: {fault}. Start the server, or correct `base_url`; what is finished "
                "is kept."
            ) from fault
        if failures > self.endpoint.retries:
            raise self._failed(fault.cause, f"{fault}, {failures} times") from fault
        backoff = self.endpoint.backoff_seconds * 2.0 ** (failures - 1) * random.uniform(0.75, 1.25)  # noqa: S311
        wait = min(max(backoff, fault.wait or 0.0), self.endpoint.max_wait_seconds)
        if fault.cause == "rate limit":
            # All calls wait as long as the server asks, and not as this one, which has failed before, does.
            asked = self.endpoint.backoff_seconds if fault.wait is None else fault.wait
            pause = min(asked, self.endpoint.max_wait_seconds)
            with self._lock:
                self._not_before = max(self._not_before, time.monotonic() + pause)
        if self._stop.wait(wait):
            raise StoppedError

    def _wait_for_turn(self) -> None:
        """Wait while the server wants no calls at all."""
        if self._stop.wait(max(0.0, self._not_before - time.monotonic())):
            raise StoppedError

    def _failed(self, cause: str, message: str) -> Exception:
        """Return the error of a call that failed for good: the run's, where it is one of many in a row."""
        with self._lock:
            self._failed_in_a_row += 1
            too_many = self._failed_in_a_row >= self.endpoint.give_up_after
        if too_many:
            return EndpointError(
                f"{self._where} failed {self._failed_in_a_row} calls in a row, the last with {message}. Mend the "
                "server or the request (`model`, `max_tokens`, the video's size), then run the same command; what is "
                "finished is kept."
            )
        return CallFailedError(cause, message)

    @property
    def _where(self) -> str:
        return f"The endpoint {self.endpoint.base_url} (model {self.endpoint.model!r})"

    @property
    def _key_advice(self) -> str:
        name = self.endpoint.api_key_env
        return (
            f"Check the key in {name}." if name else "Name the key's environment variable as `api_key_env`."
        )

    def _redacted(self, text: str) -> str:
        return text.replace(self._key, "***") if self._key else text


def _key_of(endpoint: Endpoint) -> str | None:
    name = endpoint.api_key_env
    if name is None:
        return None
    key = os.environ.get(name, "").strip()
    if not key:
        raise UsageError(
            f"The environment variable {name}, which the recipe names for the key of {endpoint.base_url}, is not set. "
            f"Set it (export {name}=...), or set api_key_env to null where no key is needed."
        )
    return key


def _asked_wait(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a server asks for in Retry-After, as a number or as the date at which they are over.

    None where it asks for nothing that can be read.
    """
    asked = headers.get("retry-after", "")
    try:
        return max(0.0, float(asked))
    except ValueError:
        pass
    try:
        until = parsedate_to_datetime(asked)
    except (ValueError, OverflowError):
        return None
    # "-0000" for a zone gives a time without one, which is UTC.
    return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
