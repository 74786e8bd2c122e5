"""Requests as prompts of a family that retroflip knows, and what the engines that read such prompts share."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from torch import Tensor

from retroflip.data.prompts import user_parts
from retroflip.data.record_notes import Notes
from retroflip.errors import RetroflipError
from retroflip.inference.base import (
    Answer,
    Capabilities,
    Question,
    Reply,
    Request,
    Sampling,
    Wanted,
    digest,
    failed_question,
    require_capable,
)
from retroflip.inference.letters import letter_log_probs
from retroflip.inference.rollout import Completion
from retroflip.models.budget import bounds_of, fits_of, set_budget
from retroflip.models.encoding import Encoder, Prompt
from retroflip.models.loading import load_processor
from retroflip.video.frames import Fits, Frames


class Encoded(NamedTuple):
    """A request's questions that could be encoded: their places in it, and prompts."""

    number: int
    request: Request
    places: list[int]
    prompts: list[Prompt]


class EncodedEngine(ABC):
    """An engine that reads prompts of our encoder.

    at_once: requests that are read together, which changes no answer.
    """

    name: str
    capabilities: Capabilities

    def __init__(self, encoder: Encoder, at_once: int) -> None:
        self.encoder, self.at_once = encoder, at_once

    @property
    def notes(self) -> Notes | None:
        """Where the encoder names samples whose times the model is not told as they are."""
        return self.encoder.notes

    @notes.setter
    def notes(self, notes: Notes | None) -> None:
        self.encoder.notes = notes

    @abstractmethod
    def about(self) -> Mapping[str, Any]:
        """Return what decides the model's answer to a prompt."""

    def settings(self) -> Mapping[str, Any]:
        """Return what decides the model's answer to a prompt, and what makes the prompt."""
        budget = bounds_of(self.encoder.processor)
        return {**self.about(), "system_prompt": self.encoder.system_prompt, "pixel_budget": budget}

    def answer(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Answer]:
        """Yield a reply for every draw of every question, those of `at_once` requests after one another."""
        require_capable(self, requests)
        for first in range(0, len(requests), self.at_once):
            encoded = []
            for number, request in enumerate(requests[first : first + self.at_once], start=first):
                prompts, answers = encode_request(self.encoder, number, request)
                yield from answers
                encoded += one_by_one(prompts) if prompts.prompts else []
            if encoded:
                yield from self.write(encoded, sampling)

    @abstractmethod
    def write(self, encoded: Sequence[Encoded], sampling: Sampling) -> Iterator[Answer]:
        """Yield a reply for every draw of every prompt."""

    def reply(
        self, question: Question, prompt: Prompt, completion: Completion, first: Tensor | Mapping[int, float]
    ) -> Reply:
        """Return a completion as a reply. first: log-probabilities of its first token, by `letter_log_probs`."""
        return Reply(
            text=self.encoder.decode(completion.ids),
            tokens=len(completion.ids),
            finish="length" if completion.truncated else "stop",
            log_probs=letter_log_probs(self.encoder.tokenizer, list(question.sample.lettered), first),
            prompt_sha256=digest(prompt.input_ids_L.numpy()),
        )


def encode_request(encoder: Encoder, number: int, request: Request) -> tuple[Encoded, list[Answer]]:
    """Return a request's prompts, and replies to the questions of which none could be made."""
    frames = [medium.frames for medium in request.media if medium.frames is not None]
    encoded, answers = Encoded(number, request, [], []), list[Answer]()
    for place, prompt in enumerate(_prompts(encoder, request, frames)):
        if isinstance(prompt, Prompt):
            encoded.places.append(place)
            encoded.prompts.append(prompt)
        else:
            answers += failed_question(number, place, request.questions[place], prompt)
    return encoded, answers


def one_by_one(encoded: Encoded) -> list[Encoded]:
    """Return what is encoded, with each question by itself where one says in its words where something is shown: its
    prompt may part from the others' before the end of what they show."""
    samples = (encoded.request.questions[place].sample for place in encoded.places)
    if not any(len(user_parts(sample)) > 1 for sample in samples):
        return [encoded]
    pairs = zip(encoded.places, encoded.prompts, strict=True)
    return [encoded._replace(places=[place], prompts=[prompt]) for place, prompt in pairs]


def _prompts(
    encoder: Encoder, request: Request, frames: Sequence[Frames]
) -> Sequence[Prompt | RetroflipError]:
    if not any(question.turns for question in request.questions):
        with suppress(RetroflipError):
            return encoder.encode_all([question.sample for question in request.questions], frames)
    return [_prompt(encoder, question, frames) for question in request.questions]


def _prompt(encoder: Encoder, question: Question, frames: Sequence[Frames]) -> Prompt | RetroflipError:
    try:
        return encoder.encode(question.sample, frames, question.turns)
    except RetroflipError as error:
        return error


def prepare(wanted: Wanted) -> tuple[Encoder, Fits]:
    """Return the encoder of a model, and how pictures are resized for it.

    Raises UsageError where its processor is of another family, or the pixel budget cannot be kept.
    """
    processor = load_processor(wanted.model, revision=wanted.revision)
    set_budget(processor, wanted.budget, wanted.frames, wanted.own_bounds)
    return Encoder(processor, wanted.system_prompt), fits_of(processor, wanted.frames)
