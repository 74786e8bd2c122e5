"""Supervised fine-tuning on video with TRL's SFTTrainer; the loss falls on the answer's tokens alone.

Shapes: R rows of a batch, L prompt tokens, C answer tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import torch
from datasets import Dataset
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from retroflip.models.encoding import Encoder, Prompt, pad_prompts
from retroflip.models.features import encode_in_step, require_features, sighted_inputs
from retroflip.models.lora import base_of
from retroflip.rl.sharding import tell_shards
from retroflip.rl.world import World
from retroflip.train.sample_order import Epochs, RunOrder

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
    """Encodes the lessons of a batch: prompts padded on the left, responses on the right, labels on responses.

    config: that of the model which is taught; it says where the tokens stand.
    """

    lessons: Lessons
    encoder: Encoder
    config: Any

    def __call__(self, rows: Sequence[dict[str, int]]) -> dict[str, Any]:
        """Return the model's inputs for the lessons named by `rows[i]["index"]`, and their prompts, which it sees."""
        taught = [self.lessons.lesson(row["index"]) for row in rows]
        prompts = [prompt for prompt, _ in taught]
        tokenizer = self.encoder.tokenizer
        batch = pad_prompts(self.config, prompts, tokenizer.pad_token_id)
        answers = [self.encoder.response_ids(text) for _, text in taught]

        def behind(before_RL: Tensor, answers: list[Tensor], fill: int) -> Tensor:
            return torch.cat([before_RL, pad_sequence(answers, batch_first=True, padding_value=fill)], dim=1)

        unlabelled_RL = torch.full_like(batch.input_ids_RL, IGNORED)
        ones = [torch.ones_like(answer) for answer in answers]
        longest = max(len(answer) for answer in answers)
        following_RC = batch.next_position_R[:, None] + torch.arange(longest)
        return {
            "input_ids": behind(batch.input_ids_RL, answers, tokenizer.pad_token_id),
            "labels": behind(unlabelled_RL, answers, IGNORED),
            "attention_mask": behind(batch.mask_RL, ones, 0),
            "position_ids": torch.cat([batch.positions_3RL, following_RC.expand(3, -1, -1)], dim=2),
            "prompts": prompts,
        }


class VideoSFTTrainer(SFTTrainer):
    """Teaches lessons in the order of `RunOrder`, so that a resumed run sees what an unbroken one does.

    epochs: how many lessons an epoch has and in which order; by default all, permuted.
    """

    def __init__(
        self,
        *,
        model: Any,
        args: SFTConfig,
        lessons: Lessons,
        encoder: Encoder,
        epochs: Epochs | None = None,
        **kwargs: Any,
    ) -> None:
        self.epochs = epochs or Epochs(len(lessons))
        # The loss is that of the answers, without a term for a model's experts.
        args.router_aux_loss_coef = 0.0
        super().__init__(
            model=model,
            args=args,
            train_dataset=Dataset.from_dict({"index": list(range(len(lessons)))}),
            data_collator=LessonCollator(lessons, encoder, model.config),
            processing_class=encoder.processor,
            **kwargs,
        )
        # The models' classes deny it, since their own losses cannot; TRL's loss can divide by the answer tokens of the
        # whole step. Without it, a step of several passes would weigh a short answer's tokens more than a long one's.
        self.model_accepts_loss_kwargs = True
        vision_trained = any(one.requires_grad for one in base_of(model).model.visual.parameters())
        self.world = World(
            self.accelerator.process_index,
            self.accelerator.num_processes,
            sharded=self.is_fsdp_enabled or self.is_deepspeed_enabled,
            least_runs=int(self.is_deepspeed_enabled and vision_trained),
        )
        if self.world.sharded:
            require_features(base_of(model))

    def compute_loss(self, model: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Return TRL's loss over the lessons, after a look at their videos and images, in step with all processes."""
        forward = self.accelerator.unwrap_model(model)
        tell_shards(forward)
        base = base_of(forward)
        with self.accelerator.autocast():  # accelerate's own covers `forward` alone
            features = encode_in_step(base, inputs["prompts"], self.world.idle)
        given = {name: value for name, value in inputs.items() if name != "prompts"}
        seen = sighted_inputs(base, inputs["input_ids"], features)
        return super().compute_loss(model, given | seen, *args, **kwargs)  # type: ignore[no-untyped-call]

    def indices_of_current_step(self) -> list[int]:
        """Return the lessons that the step being taken learns from, in all processes."""
        return self.order.step_indices(self.state.global_step)

    def _get_train_sampler(self, dataset: Dataset | None = None) -> RunOrder:  # noqa: ARG002 - TRL's signature
        return self.order

    @cached_property
    def order(self) -> RunOrder:
        """The order of the run."""
        return RunOrder(
            order=self.epochs.order,
            samples=self.epochs.samples,
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
