"""Our own engine for the families that retroflip knows: a video is decoded, encoded and read once for all questions."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from retroflip.data.record_notes import Notes
from retroflip.inference.base import (
    Answer,
    Capabilities,
    Loaded,
    Question,
    Reply,
    Request,
    Sampling,
    Wanted,
    digest,
    require_capable,
)
from retroflip.inference.encoded import Encoded, encode_request, one_by_one, prepare
from retroflip.inference.letters import letter_log_probs
from retroflip.inference.rollout import Completion, Roller
from retroflip.inference.shared_video import Group, write_groups
from retroflip.models.budget import bounds_of
from retroflip.models.checkpoint import weights_digest
from retroflip.models.encoding import Encoder, Prompt
from retroflip.models.features import encode_visuals
from retroflip.models.loading import load_model

NAME = "retroflip"
DRAWS_PER_REQUEST = 8
"""draws that are written together, for each request that is read at once"""


class OurEngine:
    """Answers with a model in this process.

    at_once: requests that are read together; it changes no answer.
    """

    name = NAME
    capabilities = Capabilities(log_probs=True, files=False, media=None, repeatable=True)

    def __init__(self, model: Any, encoder: Encoder, at_once: int = 8) -> None:
        self.model, self.encoder, self.at_once = model, encoder, at_once

    @property
    def notes(self) -> Notes | None:
        """Where the encoder names samples whose times the model is not told as they are."""
        return self.encoder.notes

    @notes.setter
    def notes(self, notes: Notes | None) -> None:
        self.encoder.notes = notes

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
                prompts, answers = encode_request(self.encoder, number, request)
                yield from answers
                encoded += one_by_one(prompts) if prompts.prompts else []
            if encoded:
                yield from self._write(encoded, sampling)

    def _write(self, encoded: Sequence[Encoded], sampling: Sampling) -> Iterator[Answer]:
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


def load(wanted: Wanted) -> Loaded:
    """Return the engine of a model of a family that retroflip knows. Raises UsageError for others."""
    encoder, fits = prepare(wanted)
    model = load_model(wanted.model, dtype=wanted.dtype, revision=wanted.revision)
    model = model.to("cuda" if torch.cuda.is_available() else "cpu")
    return Loaded(OurEngine(model, encoder, wanted.at_once), fits, str(model.device))
