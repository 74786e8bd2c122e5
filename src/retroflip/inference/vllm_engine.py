"""vLLM in this process, about the very tokens and pixels that our own engine reads (`vllm_rollouts.py`).

Questions about one video share it by vLLM's own cache of prompts: equal pixels have equal keys, and stand first.
"""

import importlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch
from transformers import GenerationConfig

from retroflip.data.record_notes import Notes
from retroflip.data.sample import Sample
from retroflip.inference import vllm_rollouts
from retroflip.inference.base import (
    Answer,
    Capabilities,
    Loaded,
    Reply,
    Request,
    Sampling,
    Wanted,
    digest,
    require_capable,
)
from retroflip.inference.encoded import Encoded, encode_request, prepare
from retroflip.inference.letters import letter_log_probs
from retroflip.inference.rollout import Completion
from retroflip.inference.vllm_colocated import write_all
from retroflip.inference.vllm_rollouts import DrawnCompletion, VLLMWriter, require_vllm
from retroflip.models.budget import bounds_of
from retroflip.models.encoding import Encoder, Prompt
from retroflip.models.loading import describe_model, locate

LIKELY = 20
"""tokens in the place of the first that are scored: no more than vLLM gives by default"""
CONTEXT = 32_768
"""tokens of a prompt and its response together, as far as the model has so many"""


@dataclass(frozen=True)
class Loose:
    """A `vllm.LLM` that keeps its weights."""

    llm: Any
    context: int
    weights: int = 0

    def write(self, requests: Sequence[vllm_rollouts.Request]) -> Mapping[int, vllm_rollouts.Answer]:
        """Return the answers by the number of the request."""
        return write_all(self.llm, requests)


@dataclass
class VLLMEngine:
    """Answers by vLLM. about: what decides its answers besides the prompts, as JSON values."""

    writer: VLLMWriter
    encoder: Encoder
    about: Mapping[str, Any]
    at_once: int = 8
    name = "vllm"
    capabilities = Capabilities(log_probs=True, files=False, media=1, repeatable=True)

    @property
    def notes(self) -> Notes | None:
        """Where the encoder names samples whose times the model is not told as they are."""
        return self.encoder.notes

    @notes.setter
    def notes(self, notes: Notes | None) -> None:
        self.encoder.notes = notes

    def settings(self) -> Mapping[str, Any]:
        """Return what decides the model's answer to a prompt, and what makes the prompt."""
        budget = bounds_of(self.encoder.processor)
        return {**self.about, "system_prompt": self.encoder.system_prompt, "pixel_budget": budget}

    def answer(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Answer]:
        """Yield a reply for every draw of every question, those of `at_once` requests after one another."""
        require_capable(self, requests)
        for first in range(0, len(requests), self.at_once):
            encoded = []
            for number, request in enumerate(requests[first : first + self.at_once], start=first):
                prompts, answers = encode_request(self.encoder, number, request)
                yield from answers
                encoded.append(prompts)
            yield from self._write(encoded, sampling)

    def _write(self, encoded: Sequence[Encoded], sampling: Sampling) -> Iterator[Answer]:
        draws = [
            (one.number, place, draw, prompt, seed)
            for one in encoded
            for place, prompt in zip(one.places, one.prompts, strict=True)
            for draw, seed in enumerate(one.request.questions[place].seeds)
        ]
        if not draws:
            return
        asked = {one.number: one.request.questions for one in encoded}
        prompts, seeds = [draw[3] for draw in draws], [draw[4] for draw in draws]
        alone = [1] * len(draws)
        written = self.writer.roll(prompts, [None] * len(draws), alone, sampling, seeds)
        for (number, place, draw, prompt, _), (completion,) in zip(draws, written, strict=True):
            reply = self._reply(asked[number][place].sample, prompt, completion)
            yield Answer(number, place, draw, reply)

    def _reply(self, sample: Sample, prompt: Prompt, completion: Completion) -> Reply:
        likely: dict[int, float] = {}
        if isinstance(completion, DrawnCompletion):
            likely = {**completion.others, completion.ids[0]: completion.log_probs[0]}
        return Reply(
            text=self.encoder.decode(completion.ids),
            tokens=len(completion.ids),
            finish="length" if completion.truncated else "stop",
            log_probs=letter_log_probs(self.encoder.tokenizer, list(sample.lettered), likely),
            prompt_sha256=digest(prompt.input_ids_L.numpy()),
        )


def load(wanted: Wanted) -> Loaded:
    """Return the engine of a model that vLLM can be given as our own engine reads it.

    Raises UsageError for other models, and without vLLM.
    """
    require_vllm()
    encoder, fits = prepare(wanted)
    config = describe_model(wanted.model, revision=wanted.revision)
    where, revision = locate(wanted.model), wanted.revision or "main"
    context = min(CONTEXT, config.get_text_config().max_position_embeddings)
    llm = importlib.import_module("vllm").LLM(
        model=where,
        revision=wanted.revision,
        dtype=wanted.dtype,
        max_model_len=context,
        logprobs_mode="raw_logprobs",
        limit_mm_per_prompt={"video": 1, "image": 1},
        skip_mm_profiling=True,
        mm_processor_cache_gb=0,
    )
    own = GenerationConfig.from_pretrained(where, revision=revision).eos_token_id
    ends = own if isinstance(own, list) else [encoder.tokenizer.eos_token_id if own is None else own]
    writer = VLLMWriter(
        Loose(llm, context),
        SimpleNamespace(config=config),
        end_tokens=ends,
        special_tokens=encoder.special_tokens,
        likely=LIKELY,
    )
    about = {
        "model": wanted.model,
        "revision": wanted.revision,
        "dtype": wanted.dtype,
        "back_end": f"vllm {vllm_rollouts.VERSION}",
    }
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return Loaded(VLLMEngine(writer, encoder, about, wanted.at_once), fits, device)
