"""Supervised fine-tuning on video with TRL's SFTTrainer; the loss falls on the answer's tokens alone.

Shapes: R rows of a batch, L prompt tokens, C answer tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from datasets import Dataset
from torch import Tensor
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from retroflip.models.encoding import Encoder, Prompt, visual_inputs
from retroflip.order import RunOrder

IGNORED = -100
"""the label of a token that the loss does not count"""


class Lessons(Protocol):
    """What is taught: any indexed collection of prompts with the response to imitate."""

    def __len__(self) -> int:
        """Return the number of lessons."""

    def lesson(self, index: int) -> tuple[Prompt, str]:
        """Return a prompt and the response to it, reasoning and answer."""


@dataclass(frozen=True)
class LessonCollator:
    """Encodes the lessons of a batch: prompts padded on the left, responses on the right, labels on responses."""

    lessons: Lessons
    encoder: Encoder

    def __call__(self, rows: Sequence[dict[str, int]]) -> dict[str, Tensor]:
        """Return the model's inputs for the lessons named by `rows[i]["index"]`."""
        taught = [self.lessons.lesson(row["index"]) for row in rows]
        prompts = [prompt for prompt, _ in taught]
        tokenizer = self.encoder.tokenizer
        answers = [tokenizer(text + tokenizer.eos_token)["input_ids"] for _, text in taught]
        before = max(len(prompt.input_ids_L) for prompt in prompts)
        after = max(len(answer) for answer in answers)

        def row(prompt: Tensor, answer: Sequence[int], left: int, right: int) -> Tensor:
            padded = torch.full((before + after,), left)
            padded[before - len(prompt) : before] = prompt
            padded[before:] = right
            padded[before : before + len(answer)] = torch.tensor(answer)
            return padded

        pairs = list(zip(prompts, answers, strict=True))
        pad = tokenizer.pad_token_id
        batch = {
            "input_ids": [row(prompt.input_ids_L, answer, pad, pad) for prompt, answer in pairs],
            "labels": [
                row(torch.full_like(prompt.input_ids_L, IGNORED), answer, IGNORED, IGNORED)
                for prompt, answer in pairs
            ],
            "attention_mask": [
                row(torch.ones_like(prompt.input_ids_L), [1] * len(answer), 0, 0) for prompt, answer in pairs
            ],
            "mm_token_type_ids": [
                row(prompt.token_types_L, [0] * len(answer), 0, 0) for prompt, answer in pairs
            ],
        }
        return {name: torch.stack(values) for name, values in batch.items()} | visual_inputs(prompts)


class VideoSFTTrainer(SFTTrainer):
    """Teaches lessons in the order of `RunOrder`, so that a resumed run sees what an unbroken one does."""

    def __init__(
        self, *, model: Any, args: SFTConfig, lessons: Lessons, encoder: Encoder, **kwargs: Any
    ) -> None:
        self.lesson_count = len(lessons)
        # The loss is that of the answers, without a term for a model's experts.
        args.router_aux_loss_coef = 0.0
        super().__init__(
            model=model,
            args=args,
            train_dataset=Dataset.from_dict({"index": list(range(self.lesson_count))}),
            data_collator=LessonCollator(lessons, encoder),
            processing_class=encoder.processor,
            **kwargs,
        )
        # The models' classes deny it, since their own losses cannot; TRL's loss can divide by the answer tokens of the
        # whole step. Without it, a step of several passes would weigh a short answer's tokens more than a long one's.
        self.model_accepts_loss_kwargs = True

    def indices_of_current_step(self) -> list[int]:
        """Return the lessons that the step being taken learns from, in all processes."""
        return self._get_train_sampler().step_indices(self.state.global_step)

    def _get_train_sampler(self, dataset: Dataset | None = None) -> RunOrder:  # noqa: ARG002 - TRL's signature
        return RunOrder(
            samples=self.lesson_count,
            samples_per_step=self.args.train_batch_size
            * self.args.gradient_accumulation_steps
            * self.args.world_size,
            steps=self.args.max_steps,
            repeats=1,
            passes=1,
            seed=self.args.seed,
        )

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """Write no model card: the run directory says what was trained, and how."""
