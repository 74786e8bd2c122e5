"""A language model on this machine that sees nothing: any that transformers' AutoModelForCausalLM loads.

It answers questions about texts, and any question whose video it is not to see: the router asks it for task types.
What is greedy is read several questions at a time, padded on the left; a draw is made by itself, so that its seed
repeats it.

Shapes: R rows, L tokens.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from retroflip.data.prompts import later_messages, system_text, user_text
from retroflip.data.record_notes import Notes
from retroflip.errors import UsageError
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
from retroflip.inference.plain import RAISED, generation_of
from retroflip.inference.rollout import in_evaluation
from retroflip.models.checkpoint import UNLOADABLE, load_whole, reason, weights_digest


class _Draw(NamedTuple):
    """One draw that is asked for, by the numbers of its request, question and draw."""

    place: tuple[int, int, int]
    question: Question
    seed: int


@dataclass
class TextEngine:
    """Answers with a text model in this process. at_once: questions that are read together where they are greedy."""

    model: Any
    tokenizer: Any
    system_prompt: str | None = None
    at_once: int = 8
    notes: Notes | None = None
    name = "text"
    capabilities = Capabilities(log_probs=False, files=False, media=0, repeatable=True)

    def settings(self) -> Mapping[str, Any]:
        """Return what decides the model's answer to a prompt, and what makes the prompt."""
        return {
            "weights_sha256": weights_digest(self.model),
            "dtype": str(self.model.dtype).removeprefix("torch."),
            "back_end": "transformers generate, text alone",
            "system_prompt": "built-in" if self.system_prompt is None else self.system_prompt,
        }

    def answer(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Answer]:
        """Yield a reply for every draw of every question, in order."""
        require_capable(self, requests)
        draws = _draws(requests)
        together = 1 if sampling.temperature > 0.0 else self.at_once
        with in_evaluation(self.model):
            while batch := list(islice(draws, together)):
                for one, reply in zip(batch, self._replied(batch, sampling), strict=True):
                    yield Answer(*one.place, reply)

    def _replied(self, batch: Sequence[_Draw], sampling: Sampling) -> list[Reply]:
        """Return the replies of a batch; where one question fails, the others are asked without it."""
        try:
            return self._replies(batch, sampling)
        except (torch.OutOfMemoryError, torch.AcceleratorError):
            raise
        except RAISED as error:
            if len(batch) == 1:
                return [Reply(finish="error", error=str(error))]
            return [reply for one in batch for reply in self._replied([one], sampling)]

    def _replies(self, batch: Sequence[_Draw], sampling: Sampling) -> list[Reply]:
        encoded = self.tokenizer(
            [self._prompt(one.question) for one in batch],
            return_tensors="pt", padding=True, add_special_tokens=False, return_token_type_ids=False,
        ).to(self.model.device)  # fmt: skip
        device = self.model.device
        with (
            torch.inference_mode(),
            torch.random.fork_rng([device] if device.type == "cuda" else []),
        ):
            torch.manual_seed(batch[0].seed)
            settings = generation_of(self.model, self.tokenizer, sampling)
            written_RL = self.model.generate(**encoded, generation_config=settings)
        ends = settings.eos_token_id if isinstance(settings.eos_token_id, list) else [settings.eos_token_id]
        read = encoded["input_ids"].shape[1]
        prompts = zip(encoded["input_ids"], encoded["attention_mask"], strict=True)
        return [
            self._reply(row[read:].tolist(), ends, digest(ids[mask.bool()].cpu().numpy()))
            for row, (ids, mask) in zip(written_RL, prompts, strict=True)
        ]

    def _reply(self, written: list[int], ends: Sequence[int | None], read: str) -> Reply:
        """Return what was written up to its end, behind which a batch is padded."""
        end = next((place for place, token in enumerate(written) if token in ends), None)
        own = written if end is None else written[: end + 1]
        return Reply(
            text=self.tokenizer.decode(own, skip_special_tokens=True),
            tokens=len(own),
            finish="length" if end is None else "stop",
            prompt_sha256=read,
        )

    def _prompt(self, question: Question) -> str:
        """Return what the model reads: a conversation, or for a model without a template the words alone."""
        sample, turns = question.sample, question.turns
        system, words = system_text(sample, self.system_prompt), user_text(sample)
        if self.tokenizer.chat_template is None:
            return "".join(f"{text}\n\n" for text in (system, words, *turns) if text)
        before = [{"role": "system", "content": system}] if system else []
        messages = [*before, {"role": "user", "content": words}, *later_messages(turns, str)]
        return str(self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))


def _draws(requests: Sequence[Request]) -> Iterator[_Draw]:
    for number, request in enumerate(requests):
        for place, question in enumerate(request.questions):
            for draw, seed in enumerate(question.seeds):
                yield _Draw((number, place, draw), question, seed)


def load(wanted: Wanted) -> Loaded:
    """Return the engine of a text model. Raises UsageError where there is none, or its weights are not whole."""
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(
            wanted.model,
            revision=wanted.revision or "main",
            padding_side="left",
            trust_remote_code=False,
        )
        model = load_whole(AutoModelForCausalLM, wanted.model, dtype=wanted.dtype, revision=wanted.revision)
    except UNLOADABLE as error:
        raise UsageError(
            f"No text model can be loaded from {wanted.model!r:.100}: {reason(error)} Name the folder of a text model "
            "with safetensors, or its name on the hub."
        ) from error
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    model = model.to("cuda" if torch.cuda.is_available() else "cpu")
    engine = TextEngine(model, tokenizer, wanted.system_prompt, wanted.at_once)
    return Loaded(engine, None, str(model.device))
