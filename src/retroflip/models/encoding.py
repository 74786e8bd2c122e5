"""From a question and its frames to what a Qwen-VL model reads, checked for blindness at the door.

Shapes: L prompt tokens, P visual patches, R prompts in a batch.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import ProcessorMixin, Qwen3VLProcessor

from retroflip.data.prompts import SYSTEM_PROMPT, user_text
from retroflip.data.sample import Sample
from retroflip.errors import BlindnessError
from retroflip.video.frames import Frames

_TIME_STAMP = re.compile(r"<\d+\.\d seconds>")


@dataclass(frozen=True)
class Prompt:
    """One encoded prompt; a text-only prompt has no pixels.

    pixels_PD: flattened patches, float32. grid_thw: (1, 3) patches per time step, row and column.
    seconds_per_grid: seconds between time steps where the model wants them as a number (Qwen2.5-VL), else None.
    """

    input_ids_L: Tensor
    token_types_L: Tensor
    pixels_PD: Tensor | None = None
    grid_thw: Tensor | None = None
    seconds_per_grid: float | None = None


class Encoder:
    """Turns samples and frames into prompts with a model's own processor and chat template."""

    def __init__(self, processor: ProcessorMixin, system_prompt: str | None = None) -> None:
        self.processor: Any = processor
        self.tokenizer: Any = self.processor.tokenizer
        self.system_prompt = SYSTEM_PROMPT if system_prompt is None else system_prompt

    def encode(self, sample: Sample, frames: Frames | None) -> Prompt:
        """Encode one question about `frames`, or about nothing at all (the text-only control).

        Raises BlindnessError when the prompt does not carry every frame and its time.
        """
        text = self._render(sample, with_video=frames is not None)
        if frames is None:
            ids_L = self.processor(text=[text], return_tensors="pt")["input_ids"][0]
            prompt = Prompt(ids_L, torch.zeros_like(ids_L))
            self.check(prompt, sample)
            return prompt
        encoded = self.processor(
            text=[text],
            videos=[torch.from_numpy(_at_least_two(frames).pixels_TCHW)],
            video_metadata=[_metadata(_at_least_two(frames))],
            do_sample_frames=False,
            return_tensors="pt",
        )
        seconds = encoded.get("second_per_grid_ts")
        prompt = Prompt(
            input_ids_L=encoded["input_ids"][0],
            token_types_L=encoded["mm_token_type_ids"][0],
            pixels_PD=encoded["pixel_values_videos"],
            grid_thw=encoded["video_grid_thw"],
            seconds_per_grid=None if seconds is None else float(seconds[0]),
        )
        self.check(prompt, sample)
        return prompt

    def _render(self, sample: Sample, *, with_video: bool) -> str:
        question = {"type": "text", "text": user_text(sample)}
        content = [{"type": "video"}, question] if with_video else [question]
        messages = [{"role": "user", "content": content}]
        if self.system_prompt:
            messages.insert(0, {"role": "system", "content": [{"type": "text", "text": self.system_prompt}]})
        return str(self.processor.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))

    def check(self, prompt: Prompt, sample: Sample) -> None:
        """Raise BlindnessError unless the prompt holds a placeholder for every visual feature, and its time stamps."""
        merge = int(self.processor.video_processor.merge_size) ** 2
        steps, rows, columns = (0, 0, 0) if prompt.grid_thw is None else prompt.grid_thw[0].tolist()
        features = steps * rows * columns // merge
        placeholders = int((prompt.input_ids_L == self.processor.video_token_id).sum())
        if placeholders != features:
            raise BlindnessError(
                f"Sample {sample.id}: the prompt has {placeholders} visual placeholder tokens for {features} visual "
                "features, so part of the video would be lost. Does the question's text hold a special token such as "
                "<|video_pad|>? Remove it."
            )
        if steps and not self._tells_time(prompt, sample, steps):
            raise BlindnessError(
                f"Sample {sample.id}: the prompt does not give each of its {steps} steps of video a time stamp, so the "
                "model cannot tell when things happen. The processor or its chat template does not fit this model."
            )

    def _tells_time(self, prompt: Prompt, sample: Sample, steps: int) -> bool:
        """Return whether the model learns when each step is shown, in the way of its family.

        Qwen3-VL reads a time stamp before each step, Qwen2.5-VL is given the seconds between steps as a number, and
        Qwen2-VL is told nothing.
        """
        if "second_per_grid_ts" in self.processor.model_input_names:
            return prompt.seconds_per_grid is not None and prompt.seconds_per_grid > 0
        if not isinstance(self.processor, Qwen3VLProcessor):
            return True
        written = _TIME_STAMP.findall(self.system_prompt + user_text(sample))
        stamps = _TIME_STAMP.findall(self.tokenizer.decode(prompt.input_ids_L))
        return len(stamps) - len(written) == steps

    def decode(self, completion_ids: Sequence[int] | Tensor) -> str:
        """Return a completion's text, with the <think> that the chat template opened for it, if it does.

        Only the end-of-turn and padding tokens are left out.
        """
        silent = {self.tokenizer.eos_token_id, self.tokenizer.pad_token_id}
        text = self.tokenizer.decode([int(token) for token in completion_ids if int(token) not in silent])
        return f"{self._opening}{text}"

    @cached_property
    def _opening(self) -> str:
        """What the chat template has already written of every response: "<think>" for models that always reason."""
        question = [{"role": "user", "content": [{"type": "text", "text": "?"}]}]
        prompt = self.processor.apply_chat_template(question, tokenize=False, add_generation_prompt=True)
        return "<think>" if str(prompt).rstrip().endswith("<think>") else ""

    @property
    def special_tokens(self) -> set[int]:
        """Every special token's id; a rollout may sample none of them but the end of its turn.

        Policies do sample them when they can, and one stray <|video_pad|> breaks every later pass over its row.
        """
        added = self.tokenizer.added_tokens_decoder.items()
        return {int(token_id) for token_id, token in added if token.special}


def _at_least_two(frames: Frames) -> Frames:
    """Return the frames, a single one shown twice: Qwen-VL's encoders merge frames in twos and refuse one."""
    if len(frames) > 1:
        return frames
    return Frames(np.repeat(frames.pixels_TCHW, 2, axis=0), frames.seconds * 2)


def _metadata(frames: Frames) -> dict[str, Any]:
    """Return the frames' times in the form that processors read: indices at 1,000 frames a second.

    Qwen3-VL writes index / fps into the prompt. Qwen2.5-VL takes the mean spacing, which it computes as
    total_num_frames / len(indices) / fps.
    """
    milliseconds = [round(second * 1000) for second in frames.seconds]
    spacing = max((milliseconds[-1] - milliseconds[0]) / (len(frames) - 1), 1.0)
    total = round(spacing * len(frames))
    return {
        "fps": 1000.0,
        "frames_indices": milliseconds,
        "total_num_frames": total,
        "duration": total / 1000.0,
    }


@dataclass(frozen=True)
class PromptBatch:
    """Prompts side by side, padded on the left, with the positions their tokens have.

    positions_3RL: time, row and column of every token (M-RoPE); next_position_R: where a completion starts.
    """

    input_ids_RL: Tensor
    mask_RL: Tensor
    positions_3RL: Tensor
    next_position_R: Tensor


def batch_prompts(model: Any, prompts: Sequence[Prompt], pad_token: int) -> PromptBatch:
    """Pad prompts on the left and ask the model for their 3-D positions."""
    longest = max(len(prompt.input_ids_L) for prompt in prompts)

    def padded(rows: list[Tensor], fill: int) -> Tensor:
        return torch.stack(
            [torch.nn.functional.pad(row, (longest - len(row), 0), value=fill) for row in rows]
        )

    device = model.device
    ids_RL = padded([prompt.input_ids_L for prompt in prompts], pad_token).to(device)
    types_RL = padded([prompt.token_types_L for prompt in prompts], 0).to(device)
    mask_RL = padded([torch.ones_like(prompt.input_ids_L) for prompt in prompts], 0).to(device)
    grids = [prompt.grid_thw for prompt in prompts if prompt.grid_thw is not None]
    seconds = [prompt.seconds_per_grid for prompt in prompts if prompt.seconds_per_grid is not None]
    times = {"second_per_grid_ts": torch.tensor(seconds, device=device)} if seconds else {}
    positions_3RL, _ = model.model.get_rope_index(
        ids_RL,
        mm_token_type_ids=types_RL,
        video_grid_thw=torch.cat(grids).to(device) if grids else None,
        attention_mask=mask_RL,
        **times,
    )
    visible_3RL = positions_3RL.masked_fill(mask_RL[None] == 0, -1)
    return PromptBatch(ids_RL, mask_RL, positions_3RL, visible_3RL.amax(dim=(0, 2)) + 1)
