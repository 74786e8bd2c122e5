"""What every engine is asked and what it answers.

A request shows something (a video, an image, several of them, nothing) and asks any number of questions about it, each
any number of times; an engine reads what is shown once for all of them where it can. Its answers come one by one, in
any order. A question that cannot be answered has a reply that says why; only what concerns every question is raised.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from pydantic import BaseModel

from retroflip.data.record_notes import Notes
from retroflip.data.sample import Modality, ProblemType, Sample
from retroflip.errors import UsageError
from retroflip.inference.given import Given
from retroflip.llm.client import Reply as Call
from retroflip.video.budget import PixelBudget
from retroflip.video.frames import Fits, Frames


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn. temperature 0 is greedy. top_p keeps the smallest set of tokens of that mass."""

    max_tokens: int
    temperature: float = 1.0
    top_p: float = 1.0


@dataclass(frozen=True)
class Medium:
    """One video or image that is shown: its frames, or else its file. Raises ValueError for both or neither."""

    frames: Frames | None = None
    file: Path | None = None
    is_image: bool = False

    def __post_init__(self) -> None:
        if (self.frames is None) == (self.file is None):
            raise ValueError("a medium is shown by its frames or by its file")

    @property
    def given(self) -> Given:
        """As what it is given to an engine."""
        return Given.FILE if self.frames is None else Given.FRAMES


@dataclass(frozen=True)
class Question:
    """One question, which is asked once for each seed; its words are those of `data.prompts.user_text`.

    Draws of equal seeds are equal where an engine is `repeatable`. Greedy ones have seeds as well, which say nothing.
    turns: what was said after it, a response, the next words, and so on, where a conversation goes on. form: JSON that
    the response shall be, for an engine that can be told so. about: the caller's own, which no engine reads.
    """

    sample: Sample
    seeds: tuple[int, ...] = (0,)
    turns: tuple[str, ...] = ()
    form: type[BaseModel] | None = None
    about: Any = None


def worded(identity: str, words: str, modality: Modality = Modality.TEXT) -> Sample:
    """Return a sample that asks exactly these words, about a video or nothing, and whose answer nobody looks up."""
    return Sample(
        id=identity,
        modality=modality,
        video="video" if modality is Modality.VIDEO else "",
        question=words,
        solution="unknown",
        problem_type=ProblemType.FREE_FORM,
        source_clip=identity,
    )


@dataclass(frozen=True)
class Request:
    """What is shown, in its order and before the words, and the questions about it."""

    media: tuple[Medium, ...]
    questions: tuple[Question, ...]

    @property
    def given(self) -> Given:
        """As what the media are given; NOTHING without any."""
        return self.media[0].given if self.media else Given.NOTHING


@dataclass(frozen=True)
class Reply:
    """One draw's response, or why there is none.

    tokens: of the response. finish: why it ended, "stop", or "length" at the limit of tokens, or a server's own word.
    log_probs: of the options' letters as the response's first token, where the engine knows them (a server may know
    some). prompt_sha256: of what the model read before the response, token ids or messages. error, cause: why there is
    no response, and the same in a word or two, for statistics. call: what an endpoint charged for it.
    """

    text: str = ""
    tokens: int = 0
    finish: str = "stop"
    log_probs: Mapping[str, float] | None = None
    prompt_sha256: str | None = None
    error: str | None = None
    cause: str = "error"
    call: Call | None = None

    @property
    def truncated(self) -> bool:
        """Whether the limit of tokens cut it off."""
        return self.finish == "length"

    @property
    def charged(self) -> Call:
        """What it is written down as: nothing is charged for what was answered here."""
        return self.call or Call(self.text, self.finish, 0, self.tokens, 0.0, ())


class Answer(NamedTuple):
    """A reply and where it belongs: the numbers of its request, of the question in it, and of the draw."""

    request: int
    question: int
    draw: int
    reply: Reply


@dataclass(frozen=True)
class Capabilities:
    """What an engine can do.

    log_probs: it knows those of options. files: it takes a video's file. media: most that one request may show, None
    for any number. repeatable: equal seeds give equal draws.
    """

    log_probs: bool
    files: bool
    media: int | None
    repeatable: bool


class Engine(Protocol):
    """Answers questions about videos, images and texts.

    notes: where it names samples whose videos' times it cannot tell its model as they are.
    """

    notes: Notes | None

    @property
    def name(self) -> str:
        """Its name in records of answers."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        ...

    def settings(self) -> Mapping[str, Any]:
        """Return what decides its answers besides the requests and the sampling, as JSON values."""
        ...

    def answer(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Answer]:
        """Yield a reply for every draw of every question, as they come.

        Raises UsageError for requests that it is not capable of, and what makes every further call useless.
        """
        ...


@dataclass(frozen=True)
class Wanted:
    """Which model an engine shall run, and what it is shown.

    model: a directory, a hub name, or its name on a server. endpoint: the server's address up to /v1, and key_variable
    the environment variable with its key. frames: of a video. budget: bounds on their pixels, and own_bounds those that
    the model's processor had before a run's budget (`Trained.own_bounds`). system_prompt: None for the built-in one.
    at_once: requests that are worked on together.
    """

    model: str
    dtype: str = "float32"
    revision: str | None = None
    endpoint: str | None = None
    key_variable: str | None = None
    frames: int = 8
    budget: PixelBudget = field(default_factory=PixelBudget)
    own_bounds: dict[str, dict[str, int]] | None = None
    system_prompt: str | None = None
    at_once: int = 8


class Loaded(NamedTuple):
    """An engine, how its pictures are resized before it is given them, and the device it runs on."""

    engine: Engine
    fits: Fits | None
    device: str


def require_capable(engine: Engine, requests: Sequence[Request]) -> None:
    """Raise UsageError where an engine is asked for what it cannot do."""
    able = engine.capabilities
    if not able.files and any(request.given is Given.FILE for request in requests):
        raise UsageError(f"The engine {engine.name!r} takes frames and no files: show it frames.")
    most = max((len(request.media) for request in requests), default=0)
    if able.media is not None and most > able.media:
        raise UsageError(
            f"The engine {engine.name!r} takes {able.media} video or image a question, and one shows {most}. Choose "
            "another engine (--engine)."
        )


def failed(number: int, request: Request, error: Exception) -> Iterator[Answer]:
    """Yield replies that all questions of the request with this number failed, and why."""
    for place, question in enumerate(request.questions):
        yield from failed_question(number, place, question, error)


def failed_question(request: int, place: int, question: Question, error: Exception) -> Iterator[Answer]:
    """Yield replies that all draws of one question failed, and why."""
    reply = Reply(finish="error", error=str(error))
    return (Answer(request, place, draw, reply) for draw in range(len(question.seeds)))


def digest(*arrays: np.ndarray[Any, Any]) -> str:
    """Return a SHA-256 of arrays' types, shapes and contents."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(f"{array.dtype} {array.shape}\n".encode())
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()
