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

from retroflip.inference import vllm_rollouts
from retroflip.inference.base import Answer, Capabilities, Loaded, Sampling, Wanted
from retroflip.inference.encoded import Encoded, EncodedEngine, prepare
from retroflip.inference.rollout import Completion
from retroflip.inference.vllm_colocated import write_all
from retroflip.inference.vllm_rollouts import DrawnCompletion, VLLMWriter, require_vllm
from retroflip.models.encoding import Encoder
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


class VLLMEngine(EncodedEngine):
    """Answers by vLLM. about: what decides its answers besides the prompts, as JSON values."""

    name = "vllm"
    capabilities = Capabilities(log_probs=True, files=False, media=1, repeatable=True)

    def __init__(
        self, writer: VLLMWriter, encoder: Encoder, about: Mapping[str, Any], at_once: int = 8
    ) -> None:
        super().__init__(encoder, at_once)
        self.writer, self._about = writer, about

    def about(self) -> Mapping[str, Any]:
        """Return what decides the model's answer to a prompt."""
        return self._about

    def write(self, encoded: Sequence[Encoded], sampling: Sampling) -> Iterator[Answer]:
        """Yield a reply for every draw of every prompt."""
        draws = [
            (one.number, place, draw, prompt, seed)
            for one in encoded
            for place, prompt in zip(one.places, one.prompts, strict=True)
            for draw, seed in enumerate(one.request.questions[place].seeds)
        ]
        asked = {one.number: one.request.questions for one in encoded}
        prompts, seeds = [draw[3] for draw in draws], [draw[4] for draw in draws]
        alone = [1] * len(draws)
        written = self.writer.roll(prompts, [None] * len(draws), alone, sampling, seeds)
        for (number, place, draw, prompt, _), (completion,) in zip(draws, written, strict=True):
            reply = self.reply(asked[number][place], prompt, completion, _likely(completion))
            yield Answer(number, place, draw, reply)


def _likely(completion: Completion) -> Mapping[int, float]:
    """Return log-probabilities of a completion's first token, of the likely ones by their ids."""
    if not isinstance(completion, DrawnCompletion):
        return {}
    return {**completion.others, completion.ids[0]: completion.log_probs[0]}


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
