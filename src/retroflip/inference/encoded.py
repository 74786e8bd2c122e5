"""Requests as prompts of a family that retroflip knows, for the engines that read such prompts."""

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from retroflip.data.prompts import user_parts
from retroflip.errors import RetroflipError
from retroflip.inference.base import Answer, Question, Request, Wanted, failed_question
from retroflip.models.budget import fits_of, set_budget
from retroflip.models.encoding import Encoder, Prompt
from retroflip.models.loading import load_processor
from retroflip.video.frames import Fits, Frames


class Encoded(NamedTuple):
    """A request's questions that could be encoded: their places in it, and prompts."""

    number: int
    request: Request
    places: list[int]
    prompts: list[Prompt]


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
