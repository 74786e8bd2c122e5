"""Supervised fine-tuning: what is a label and what is not, and the loss by hand."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from test_encoding import QUESTION, frames_at
from trl.trainer.sft_config import SFTConfig

from random_models import FAMILIES, random_encoder, random_model
from retroflip.models.encoding import Encoder, Prompt, batch_prompts
from retroflip.models.features import encode_visuals
from retroflip.rl.shared_prefix import score
from retroflip.sft.trainer import IGNORED, LessonCollator, VideoSFTTrainer
from separate_rows import prompts_of, separate

TEXTS = (
    "<think>b2, c2, d2</think>\n\\boxed{right}",
    "\\boxed{red}",
    "<think>it jumps, then it blinks</think>\n\\boxed{jump, blink}",
    "<think>it turns, then it grows, then it is gone</think>\n\\boxed{turn}",
)


@dataclass(frozen=True)
class FixedLessons:
    """Prompts and the texts to answer them with."""

    prompts: Sequence[Prompt]
    texts: Sequence[str]

    def __len__(self) -> int:
        return len(self.texts)

    def lesson(self, index: int) -> tuple[Prompt, str]:
        """Return one lesson."""
        return self.prompts[index], self.texts[index]


def lessons_of(encoder: Encoder) -> FixedLessons:
    """Return four lessons of different lengths."""
    prompts = prompts_of(encoder)
    return FixedLessons([*prompts, prompts[0]], TEXTS)


def answer_of(encoder: Encoder, text: str) -> list[int]:
    """Return the tokens that the model is to write: the text and the end of its turn."""
    written: list[int] = encoder.tokenizer(text)["input_ids"]
    return [*written, encoder.tokenizer.eos_token_id]


def make_trainer(folder: Path, family: str, *, passes: int = 1) -> VideoSFTTrainer:
    """Return a trainer whose one step teaches all four lessons."""
    model, _ = random_model(family)
    encoder = random_encoder(family)
    return VideoSFTTrainer(
        model=model,
        args=SFTConfig(
            output_dir=str(folder),
            max_steps=1,
            per_device_train_batch_size=len(TEXTS) // passes,
            gradient_accumulation_steps=passes,
            learning_rate=1e-3,
            max_length=None,
            dataset_kwargs={"skip_prepare_dataset": True},
            remove_unused_columns=False,
            activation_checkpointing=False,
            bf16=False,
            use_cpu=True,
            logging_steps=1,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
        ),
        lessons=lessons_of(encoder),
        encoder=encoder,
    )


def collator(lessons: FixedLessons, family: str) -> LessonCollator:
    return LessonCollator(lessons, random_encoder(family), random_model(family)[0].config)


class TestCollator:
    @pytest.mark.parametrize("family", FAMILIES)
    def test_labels_are_the_answers_tokens_and_the_end_of_the_turn(self, family: str) -> None:
        encoder, (model, _) = random_encoder(family), random_model(family)
        lessons = lessons_of(encoder)
        batch = collator(lessons, family)([{"index": 2}, {"index": 0}, {"index": 1}])
        for row, index in enumerate((2, 0, 1)):
            prompt, text = lessons.lesson(index)
            answer = answer_of(encoder, text)
            labels = batch["labels"][row]
            assert labels[labels != IGNORED].tolist() == answer
            seen = batch["attention_mask"][row].bool()
            assert batch["input_ids"][row][seen].tolist() == [*prompt.input_ids_L.tolist(), *answer]
            alone = batch_prompts(model, [prompt], 0)
            following = alone.next_position_R + torch.arange(len(answer))
            expected = torch.cat([alone.positions_3RL[:, 0], following.expand(3, -1)], dim=1)
            assert torch.equal(batch["position_ids"][:, row, seen], expected)

    def test_prompts_are_padded_on_the_left_and_answers_on_the_right(self) -> None:
        encoder = random_encoder("qwen3_vl")
        lessons = lessons_of(encoder)
        batch = collator(lessons, "qwen3_vl")([{"index": index} for index in range(len(lessons))])
        prompts = [len(prompt.input_ids_L) for prompt in lessons.prompts]
        answers = [len(answer_of(encoder, text)) for text in TEXTS]
        assert len(set(prompts)) > 1
        assert len(set(answers)) > 1
        before, after = max(prompts), max(answers)
        pad = encoder.tokenizer.pad_token_id
        for row, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
            mask = [0] * (before - prompt) + [1] * (prompt + answer) + [0] * (after - answer)
            assert batch["attention_mask"][row].tolist() == mask
            unseen = batch["attention_mask"][row] == 0
            assert batch["input_ids"][row][unseen].eq(pad).all()
            assert batch["labels"][row][:before].eq(IGNORED).all()
            assert batch["labels"][row][before + answer :].eq(IGNORED).all()

    def test_prompts_stand_in_the_rows_order(self) -> None:
        encoder = random_encoder("qwen3_vl")
        first, second, _ = prompts_of(encoder)
        text_only = Prompt(first.input_ids_L[:5], torch.zeros_like(first.input_ids_L[:5]))
        lessons = FixedLessons([second, text_only, first], TEXTS[:3])
        batch = collator(lessons, "qwen3_vl")([{"index": index} for index in range(3)])
        assert batch["prompts"] == [second, text_only, first]


def hand_computed(model: Any, encoder: Encoder, lessons: FixedLessons) -> torch.Tensor:
    """Return the mean of -log p over all answers' tokens, every lesson scored alone."""
    pad = encoder.tokenizer.pad_token_id
    surprises = [
        -separate(model, prompt, answer_of(encoder, text), pad, 1.0)
        for prompt, text in zip(lessons.prompts, lessons.texts, strict=True)
    ]
    return torch.cat(surprises).mean()


@pytest.mark.parametrize("family", [*FAMILIES, "glm4v", "qwen3_vl_moe"])
def test_the_loss_is_the_cross_entropy_of_the_answers_tokens(tmp_path: Path, family: str) -> None:
    trainer: Any = make_trainer(tmp_path, family)
    encoder = random_encoder(family)
    lessons = lessons_of(encoder)
    batch = collator(lessons, family)([{"index": index} for index in range(len(lessons))])
    with torch.no_grad():
        expected = hand_computed(trainer.model, encoder, lessons)
        loss = trainer.compute_loss(trainer.model, batch)
    torch.testing.assert_close(loss, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("family", [*FAMILIES, "qwen2_vl"])
def test_an_answer_has_the_log_probabilities_of_reinforcement_learning(tmp_path: Path, family: str) -> None:
    """Also about a slow video, behind whose last moment the answer stands: 16 frames, 3 s apart."""
    trainer: Any = make_trainer(tmp_path, family)
    encoder, frames = random_encoder(family), frames_at([3.0 * index for index in range(16)], 56, 56)
    prompt = encoder.encode(QUESTION, frames)
    batch = collator(FixedLessons([prompt], TEXTS[:1]), family)([{"index": 0}])
    with torch.no_grad():
        loss = trainer.compute_loss(trainer.model, batch)
        features = encode_visuals(trainer.model, [prompt])
        completion = answer_of(encoder, TEXTS[0])
        scores = score(trainer.model, [prompt], features, [[completion]], pad_token=0)
    torch.testing.assert_close(loss, -scores.log_probs_NC.mean(), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("passes", [1, 2, 4])
def test_a_step_of_several_passes_has_the_loss_of_one(tmp_path: Path, passes: int) -> None:
    trainer = make_trainer(tmp_path, "qwen3_vl", passes=passes)
    encoder = random_encoder("qwen3_vl")
    with torch.no_grad():
        expected = float(hand_computed(trainer.model, encoder, lessons_of(encoder)))
    trainer.train()
    (logged,) = [row["loss"] for row in trainer.state.log_history if "loss" in row]
    assert logged == pytest.approx(expected, abs=1e-4)
