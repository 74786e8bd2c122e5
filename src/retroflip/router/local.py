"""The Task Router as a text model on this machine, by transformers: a folder or a hub name, safetensors alone.

It is asked as the model behind an endpoint is (`router.prompt`), greedily and several questions at a time, and once
more where its last line is not one of the four words.
"""

from collections.abc import Generator, Iterable, Sequence
from itertools import islice
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from retroflip.data.sample import Routing, Sample, TaskType
from retroflip.errors import UsageError
from retroflip.models.checkpoint import UNLOADABLE, load_whole, reason
from retroflip.router.prompt import VERSION, messages_of, read_label
from retroflip.router.run import Routed


class ModelRouter:
    """Asks a text model about each question."""

    def __init__(self, name: str, *, batch: int, max_tokens: int) -> None:
        """Load a model. Raises UsageError where there is no such text model, or its weights are not whole."""
        self._name, self._batch, self._max_tokens = name, batch, max_tokens
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(
                name, padding_side="left", trust_remote_code=False
            )
            self._model: Any = load_whole(AutoModelForCausalLM, name, dtype="auto", revision=None)
        except UNLOADABLE as error:
            raise UsageError(
                f"--router {name!r:.100} is neither rules nor llm, and no text model can be loaded from it: "
                f"{reason(error)} Name the folder of a text model with safetensors, or its name on the hub."
            ) from error
        if self._tokenizer.pad_token_id is None:
            self._tokenizer.pad_token = self._tokenizer.eos_token
        self._model.to("cuda" if torch.cuda.is_available() else "cpu")

    def route(self, samples: Iterable[Sample]) -> Generator[Routed, None, None]:
        """Yield what the model says of each question, in their order; one that cannot be read is named."""
        source = iter(samples)
        while batch := list(islice(source, self._batch)):
            labels = self._labels(batch, again=False)
            unread = [index for index, label in enumerate(labels) if label is None]
            if unread:
                repaired = self._labels([batch[index] for index in unread], again=True)
                labels = [*labels]
                for index, label in zip(unread, repaired, strict=True):
                    labels[index] = label
            yield from map(self._routed, labels)

    def _routed(self, label: TaskType | None) -> Routed:
        if label is None:
            return Routed(failure="no response ended in one of the four words")
        return Routed(
            Routing(
                label=label,
                flip=label.flip,
                reversal=label.reversal,
                reason="its last line",
                router=self._name,
                version=f"model {VERSION}",
            )
        )

    def _labels(self, samples: Sequence[Sample], *, again: bool) -> list[TaskType | None]:
        """Return what the last lines of the model's responses say."""
        prompts = [self._prompt(sample, again=again) for sample in samples]
        encoded = self._tokenizer(
            prompts, return_tensors="pt", padding=True, add_special_tokens=False, return_token_type_ids=False
        ).to(self._model.device)
        with torch.inference_mode():
            written_BL = self._model.generate(
                **encoded,
                max_new_tokens=self._max_tokens,
                do_sample=False,
                pad_token_id=self._tokenizer.pad_token_id,
            )
        responses_BL = written_BL[:, encoded["input_ids"].shape[1] :]
        return [
            read_label(text) for text in self._tokenizer.batch_decode(responses_BL, skip_special_tokens=True)
        ]

    def _prompt(self, sample: Sample, *, again: bool) -> str:
        messages = messages_of(sample, again=again)
        if self._tokenizer.chat_template is None:
            return f"{messages[0]['content']}\n\n"
        shown: str = self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        return shown
