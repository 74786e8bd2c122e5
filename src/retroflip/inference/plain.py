"""Any chat model that transformers' AutoModelForImageTextToText loads, through its own processor and `generate`.

A video goes as one where the processor takes videos, with its frames' times, and else as a row of images. Every
question is read by itself.

Shapes: T frames, V vocabulary.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import torch
from jinja2.exceptions import TemplateError
from torch import Tensor
from transformers import GenerationConfig

from retroflip.data.prompts import interleaved, later_messages, system_text
from retroflip.data.record_notes import Notes
from retroflip.data.sample import Sample
from retroflip.errors import BlindnessError, RetroflipError
from retroflip.inference.base import (
    Answer,
    Capabilities,
    Loaded,
    Medium,
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
from retroflip.inference.rollout import in_evaluation
from retroflip.models.checkpoint import weights_digest
from retroflip.models.encoding import video_metadata
from retroflip.models.loading import load_model, load_processor
from retroflip.video.budget import PixelBudget
from retroflip.video.fit import BudgetFit
from retroflip.video.frames import Fits

RAISED = (
    RetroflipError,
    TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""what foreign templates, processors and models raise on one question; its record says so"""


@dataclass
class PlainEngine:
    """Answers with a model in this process as transformers alone would."""

    model: Any
    processor: Any
    system_prompt: str | None = None
    notes: Notes | None = None
    name = "transformers"
    capabilities = Capabilities(log_probs=True, files=False, media=None, repeatable=True)

    def settings(self) -> Mapping[str, Any]:
        """Return what decides the model's answer to a prompt, and what makes the prompt."""
        return {
            "weights_sha256": weights_digest(self.model),
            "dtype": str(self.model.dtype).removeprefix("torch."),
            "back_end": "transformers generate",
            "processor": type(self.processor).__name__,
            "videos_as": "videos" if self._takes_videos else "images",
            "system_prompt": "built-in" if self.system_prompt is None else self.system_prompt,
        }

    def answer(self, requests: Sequence[Request], sampling: Sampling) -> Iterator[Answer]:
        """Yield a reply for every draw of every question, in order."""
        require_capable(self, requests)
        with in_evaluation(self.model):
            for number, request in enumerate(requests):
                for place, question in enumerate(request.questions):
                    try:
                        replies = self._replies(request.media, question, sampling)
                    except (torch.OutOfMemoryError, torch.AcceleratorError):
                        raise  # not the question's fault, and every later one would fail as well
                    except RAISED as error:
                        yield from failed_question(number, place, question, error)
                    else:
                        yield from (Answer(number, place, draw, one) for draw, one in enumerate(replies))

    @property
    def _takes_videos(self) -> bool:
        return getattr(self.processor, "video_processor", None) is not None

    def _replies(self, media: Sequence[Medium], question: Question, sampling: Sampling) -> list[Reply]:
        inputs = self._encode(media, question).to(self.model.device, self.model.dtype)
        return [self._reply(inputs, question.sample, sampling, seed) for seed in question.seeds]

    def _encode(self, media: Sequence[Medium], question: Question) -> Any:
        """Return what the model reads. Raises BlindnessError where it would not see every frame."""
        videos, images, metadata = [], [], []
        parts: list[list[dict[str, str]]] = []
        for medium in media:
            if medium.frames is None:
                continue
            pixels = [torch.from_numpy(picture) for picture in medium.frames.pixels_TCHW]
            if self._takes_videos and not medium.is_image:
                videos.append(torch.stack(pixels))
                metadata.append(video_metadata(medium.frames))
                parts.append([{"type": "video"}])
            else:
                images += pixels
                parts.append([{"type": "image"}] * len(pixels))
        seen = {"videos": videos, "video_metadata": metadata, "do_sample_frames": False} if videos else {}
        seen |= {"images": images} if images else {}
        inputs = self.processor(text=[self._render(question, parts)], return_tensors="pt", **seen)
        shown = sum(len(medium.frames) for medium in media if medium.frames is not None)
        if (pictures := _pictures(inputs)) is not None and pictures < shown:
            raise BlindnessError(
                f"Sample {question.sample.id}: the processor {type(self.processor).__name__} keeps {pictures} of "
                f"{shown} frames."
            )
        return inputs

    def _render(self, question: Question, shown: Sequence[Sequence[dict[str, str]]]) -> str:
        """Return the prompt. Raises BlindnessError where the chat template leaves out the question or doubles it."""
        sample = question.sample
        system = system_text(sample, self.system_prompt)
        content = interleaved(sample, shown, _words)
        # A template may shorten what the model said; what it was told must all be there.
        words = [part["text"] for part in content if part.get("text", "").strip()] + [*question.turns[1::2]]
        later = later_messages(question.turns, lambda text: [_words(text)])
        for messages in _conversations(system, content):
            with suppress(TemplateError):
                rendered = str(
                    self.processor.apply_chat_template(
                        [*messages, *later], tokenize=False, add_generation_prompt=True
                    )
                )
                if _told(rendered, words) and system.strip() in rendered and "{'type'" not in rendered:
                    return rendered
        raise BlindnessError(
            f"Sample {sample.id}: the chat template of {type(self.processor).__name__} leaves out the question or the "
            "system prompt, or writes one twice. Try another system prompt, or none (--system-prompt '')."
        )

    def _reply(self, inputs: Any, sample: Sample, sampling: Sampling, seed: int) -> Reply:
        read = inputs["input_ids"].shape[1]
        device = self.model.device
        with (
            torch.no_grad(),
            torch.random.fork_rng([device] if device.type == "cuda" else []),
            _first_logits(self.model) as first,
        ):
            torch.manual_seed(seed)
            row = self.model.generate(**inputs, generation_config=self._generation(sampling))[0]
        written = row[read:].tolist()
        ends = self._generation(sampling).eos_token_id or []
        ended = bool(written) and written[-1] in (ends if isinstance(ends, list) else [ends])
        tokenizer = self.processor.tokenizer
        return Reply(
            text=tokenizer.decode(written, skip_special_tokens=True),
            tokens=len(written),
            finish="stop" if ended else "length",
            log_probs=letter_log_probs(tokenizer, list(sample.lettered), first[0].log_softmax(dim=-1)),
            prompt_sha256=digest(inputs["input_ids"][0].cpu().numpy()),
        )

    def _generation(self, sampling: Sampling) -> GenerationConfig:
        return generation_of(self.model, self.processor.tokenizer, sampling)


def generation_of(model: Any, tokenizer: Any, sampling: Sampling) -> GenerationConfig:
    """Return settings under which nothing but the model's own distribution decides."""
    own = model.generation_config
    ends = tokenizer.eos_token_id if own.eos_token_id is None else own.eos_token_id
    drawn = {"temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": 0}
    return GenerationConfig(
        max_new_tokens=sampling.max_tokens,
        do_sample=sampling.temperature > 0.0,
        repetition_penalty=1.0,
        eos_token_id=ends,
        pad_token_id=tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id,
        **(drawn if sampling.temperature > 0.0 else {}),
    )


def _conversations(system: str, content: list[dict[str, str]]) -> Iterator[list[dict[str, Any]]]:
    """Yield what templates take a system prompt as: a message of parts, one of text, the first words of the user."""
    user = {"role": "user", "content": content}
    if not system:
        yield [user]
        return
    yield [{"role": "system", "content": [{"type": "text", "text": system}]}, user]
    yield [{"role": "system", "content": system}, user]
    yield [{"role": "user", "content": [{"type": "text", "text": f"{system}\n"}, *content]}]


def _words(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


def _pictures(inputs: Mapping[str, Any]) -> int | None:
    """Return how many pictures a model is given; None where its pixels lie in other forms than (..., C, H, W)."""
    pixels = [inputs[name] for name in ("pixel_values", "pixel_values_videos") if name in inputs]
    if any(not isinstance(one, Tensor) or one.ndim < 4 for one in pixels):
        return None
    return int(sum(math.prod(one.shape[:-3]) for one in pixels))


@contextmanager
def _first_logits(model: Any) -> Iterator[list[Tensor]]:
    """Give the logits (V,), float32, behind what a model reads first while this is open."""
    first: list[Tensor] = []

    def keep(_: Any, __: Any, output: Any) -> None:
        if not first:
            first.append(output.logits[0, -1].float())

    handle = model.register_forward_hook(keep)
    try:
        yield first
    finally:
        handle.remove()


def load(wanted: Wanted) -> Loaded:
    """Return the engine of a model of any family. Raises UsageError where transformers cannot load it."""
    processor = load_processor(wanted.model, revision=wanted.revision, any_family=True)
    model = load_model(wanted.model, dtype=wanted.dtype, revision=wanted.revision, any_family=True)
    model = model.to("cuda" if torch.cuda.is_available() else "cpu")
    return Loaded(PlainEngine(model, processor, wanted.system_prompt), fits_within(wanted), str(model.device))


def fits_within(wanted: Wanted) -> Fits | None:
    """Return how pictures are brought into a budget before a processor of whatever kind gets them; None without one."""
    if wanted.budget == PixelBudget():
        return None
    return Fits(BudgetFit(wanted.budget, wanted.frames), BudgetFit(wanted.budget))


def _told(text: str, words: Sequence[str]) -> bool:
    """Return whether these words stand in a text one behind the other, and one part of words alone once."""
    if len(words) == 1:
        return text.count(words[0].strip()) == 1
    for one in words:
        _, found, text = text.partition(one.strip())
        if not found:
            return False
    return True
