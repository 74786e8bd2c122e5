"""The body of a response to a chat completion: the text, what the provider counted, or the error that it holds."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError


class Counted(NamedTuple):
    """The tokens that a provider counted, and charges for."""

    prompt_tokens: int = 0
    completion_tokens: int = 0


class BodyError(Exception):
    """A response of status 200 that is no answer. counted: what it is charged for all the same.

    status: that of an `error` object in it, where it has one; None for what is no chat completion at all.
    """

    def __init__(self, message: str, counted: Counted, status: int | None = None) -> None:
        super().__init__(message)
        self.counted, self.status = counted, status


class Completion(NamedTuple):
    """What is used of a chat completion. finish: why the model stopped, "length" where it was cut off.

    first_tokens: log-probabilities of the likeliest first tokens, where they were asked for and came.
    """

    text: str
    finish: str
    counted: Counted
    first_tokens: Mapping[str, float]


class _Part(BaseModel):
    text: str | None = None


class _Message(BaseModel):
    content: str | list[_Part] | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, list):
            return "".join(part.text or "" for part in self.content)
        return self.content or ""


class _LogProb(BaseModel):
    token: str
    logprob: float


class _Place(BaseModel):
    top_logprobs: list[_LogProb]


class _LogProbs(BaseModel):
    content: list[_Place]


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None
    logprobs: Any = None


class _Usage(BaseModel):
    prompt_tokens: int | None = Field(default=None, ge=0)
    completion_tokens: int | None = Field(default=None, ge=0)

    def counted(self) -> Counted:
        return Counted(self.prompt_tokens or 0, self.completion_tokens or 0)


class _Body(BaseModel):
    """What else a server sends is passed over."""

    model_config = ConfigDict(extra="ignore")

    choices: list[_Choice] = Field(min_length=1)
    usage: _Usage | None = None


class _Charged(BaseModel):
    """The part of any body that costs money."""

    model_config = ConfigDict(extra="ignore")

    usage: _Usage | None = None


def read_body(content: bytes) -> Completion:
    """Return the first choice of a chat completion. Raises BodyError for anything else."""
    try:
        body = _Body.model_validate_json(content)
    except ValidationError as error:
        raise _no_completion(content) from error
    choice = body.choices[0]
    counted = (body.usage or _Usage()).counted()
    if held := _error_in(content):
        raise BodyError(_words(held), counted, _status(held))
    return Completion(
        choice.message.text, choice.finish_reason or "", counted, _first_tokens(choice.logprobs)
    )


def _first_tokens(log_probs: Any) -> Mapping[str, float]:
    """Return what a choice's `logprobs` says of the first token; nothing where it has another form."""
    try:
        likeliest = _LogProbs.model_validate(log_probs).content[0].top_logprobs
    except (ValidationError, IndexError):
        return {}
    return {one.token: one.logprob for one in likeliest}


def _no_completion(content: bytes) -> BodyError:
    try:
        usage = _Charged.model_validate_json(content).usage
    except ValidationError:
        usage = None
    counted = (usage or _Usage()).counted()
    if held := _error_in(content):
        return BodyError(_words(held), counted, _status(held))
    return BodyError("the response is not that of a chat completion", counted)


def _error_in(content: bytes) -> Any:
    """Return the `error` that a body holds beside or in place of choices; None without one."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return found.get("error") if isinstance(found, dict) else None


def _words(error: Any) -> str:
    said = error.get("message") if isinstance(error, dict) else error
    return str(said or error)


def _status(error: Any) -> int:
    """Return the status that an `error` object stands for: its own code, else that of a fault of the server."""
    code = error.get("code") if isinstance(error, dict) else None
    if isinstance(code, int) or (isinstance(code, str) and code.isdecimal()):
        return int(code)
    named = (
        " ".join(str(error.get(name) or "") for name in ("type", "code")) if isinstance(error, dict) else ""
    )
    return 400 if "invalid_request" in named else 429 if "rate_limit" in named else 500
