"""Our own engine for the families that retroflip knows: a video is decoded, encoded and read once for all questions."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from retroflip.data.sample import Sample
from retroflip.errors import RetroflipError
from retroflip.inference.base import (
    Answer,
    Capabilities,
    Question,
    Reply,
    Request,
    Sampling,
    digest,
    failed_question,
    require_capable,
)
from retroflip.inference.letters import letter_log_probs
from retroflip.inference.rollout import Completion, Roller
from retroflip.inference.shared_video import Group, write_groups
from retroflip.models.budget import bounds_of
from retroflip.models.checkpoint import weights_digest
from retroflip.models.encoding import Encoder, Prompt
from retroflip.models.features import encode_visuals
from retroflip.video.frames import Frames

NAME = "retroflip"
DRAWS_PER_REQUEST = 8
"""draws that are written together, for each request that is read at once"""


class _Encoded(NamedTuple):
    """A request's questions that could be encoded: their places in it, and prompts."""

    number: int
    request: Request
    places: list[int]
    prompts: list[Prompt]


class OurEngine:
    """Answers with a model in this process.

    at_once: requests that are read together; it changes no answer.
    """

    name = NAME
    capabilities = Capabilities(log_probs=True, files=False, media=1, repeatable=True)

    def __init__(self, model: Any, encoder: Encoder, at_once: int = 8) -> None:
        self.model, self.encoder, self.at_once = model, encoder, at_once

    def settings(self) -> Mapping[str, Any]:
        """Return what decides the model's answer to a prompt, and what makes the prompt."""
        return {
            "weights_sha256": weights_digest(self.model),
            "dtype": str(self.model.dtype).removeprefix("torch."),
            "back_end": "transformers",
            "system_prompt": self.encoder.system_prompt,
            "pixel_budget": bounds_of(self.encoder.processor),
        }

    def answer(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Answer]:
        """Yield a reply for every draw of every question, those of `at_once` requests after one another."""
        require_capable(self, requests)
        for first in range(0, len(requests), self.at_once):
            encoded = []
            for number, request in enumerate(requests[first : first + self.at_once], start=first):
                prompts, answers = self._encode(number, request)
                yield from answers
                encoded += [prompts] if prompts.prompts else []
            if encoded:
                yield from self._write(encoded, sampling)

    def _encode(self, number: int, request: Request) -> tuple[_Encoded, list[Answer]]:
        """Return a request's prompts, and replies to the questions of which none could be made."""
        (frames,) = [medium.frames for medium in request.media] or [None]
        encoded, answers = _Encoded(number, request, [], []), list[Answer]()
        for place, prompt in enumerate(self._prompts(request, frames)):
            if isinstance(prompt, Prompt):
                encoded.places.append(place)
                encoded.prompts.append(prompt)
            else:
                answers += failed_question(number, place, request.questions[place], prompt)
        return encoded, answers

    def _prompts(self, request: Request, frames: Frames | None) -> Sequence[Prompt | RetroflipError]:
        samples = [question.sample for question in request.questions]
        try:
            return self.encoder.encode_all(samples, frames)
        except RetroflipError:
            return [self._prompt(sample, frames) for sample in samples]

    def _prompt(self, sample: Sample, frames: Frames | None) -> Prompt | RetroflipError:
        try:
            return self.encoder.encode(sample, frames)
        except RetroflipError as error:
            return error

    def _write(self, encoded: Sequence[_Encoded], sampling: Sampling) -> Iterator[Answer]:
        with torch.no_grad():
            features = encode_visuals(self.model, [one.prompts[0] for one in encoded])
        groups = [
            Group(one.prompts, seen, [one.request.questions[place].seeds for place in one.places])
            for one, seen in zip(encoded, features, strict=True)
        ]
        for draw in write_groups(self._roller(), groups, sampling, DRAWS_PER_REQUEST * self.at_once):
            one = encoded[draw.group]
            question = one.request.questions[one.places[draw.question]]
            reply = self._reply(question, one.prompts[draw.question], draw.completion, draw.first_V)
            yield Answer(one.number, one.places[draw.question], draw.draw, reply)

    def _reply(self, question: Question, prompt: Prompt, completion: Completion, first_V: Tensor) -> Reply:
        return Reply(
            text=self.encoder.decode(completion.ids),
            tokens=len(completion.ids),
            finish="length" if completion.truncated else "stop",
            log_probs=letter_log_probs(self.encoder.tokenizer, list(question.sample.lettered), first_V),
            prompt_sha256=digest(prompt.input_ids_L.numpy()),
        )

    def _roller(self) -> Roller:
        tokenizer = self.encoder.tokenizer
        ends = self.model.generation_config.eos_token_id
        ends = ends if isinstance(ends, list) else [tokenizer.eos_token_id if ends is None else ends]
        return Roller(
            self.model,
            pad_token=tokenizer.pad_token_id,
            end_tokens=ends,
            special_tokens=self.encoder.special_tokens,
        )
