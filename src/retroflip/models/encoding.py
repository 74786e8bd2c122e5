"""From a question and its frames or image to what a model reads, checked for blindness at the door.

Shapes: L prompt tokens, P visual patches, R prompts in a batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch
from torch import Tensor
from transformers import ProcessorMixin

from retroflip.data.prompts import SYSTEM_PROMPT, SYSTEM_PROMPTS, interleaved, later_messages, user_text
from retroflip.data.record_notes import Notes
from retroflip.data.sample import Modality, Sample
from retroflip.errors import BlindnessError
from retroflip.models.families import family_of
from retroflip.models.positions import positions, untold_times
from retroflip.models.templates import check_template
from retroflip.video.frames import Frames, Shown

Seen: TypeAlias = Frames | Sequence[Frames] | None
"""what is shown with a question: one video or image, several in their order, or nothing"""


@dataclass(frozen=True)
class Prompt:
    """One encoded prompt; a text-only prompt has no pixels.

    pixels_PD: flattened patches of one video or image, or of several of one kind, float32. grid_thw: (1, 3) time steps,
    and rows and columns of patches, a row for each of several; (steps, 3) where the model sees each step of a video as
    an image. seconds_per_grid: seconds between time steps where the model wants them as a number (Qwen2.5-VL), else
    None. later_seconds: the same of each video behind the first.
    is_image: whether the pixels are an image's to the model, which it keeps apart from videos by its own placeholders.
    shown: what is shown of each video; nothing of images.
    """

    input_ids_L: Tensor
    token_types_L: Tensor
    pixels_PD: Tensor | None = None
    grid_thw: Tensor | None = None
    seconds_per_grid: float | None = None
    is_image: bool = False
    later_seconds: tuple[float, ...] = ()
    shown: tuple[Shown, ...] = ()


class _Kind(NamedTuple):
    """What a processor calls one kind of visual input: its placeholder token's id, and tokens' sides in patches."""

    name: str
    token: int
    merge_size: int


class Encoder:
    """Turns samples and frames into prompts with a model's own processor and chat template.

    Frames that are not `fitted` are resized by the processor.

    system_prompt: stands before every question; None for the built-in ones, which differ between videos, images and
    texts. notes: where records are named whose times the model is not told as they are. Raises UsageError for a chat
    template that loses or doubles part of a question.
    """

    def __init__(
        self, processor: ProcessorMixin, system_prompt: str | None = None, notes: Notes | None = None
    ) -> None:
        self.processor: Any = processor
        self.tokenizer: Any = self.processor.tokenizer
        self.system_prompt = SYSTEM_PROMPT if system_prompt is None else system_prompt
        self.notes = notes
        self._is_built_in = system_prompt is None
        self._family = family_of(processor)
        check_template(processor, self._render, self._system_prompt_of)

    def encode(self, sample: Sample, frames: Seen, turns: Sequence[str] = ()) -> Prompt:
        """Encode one question about `frames`: of a video, an image's single one, those of several, or nothing at all.

        Without frames go texts, and the text-only control of any sample. Several stand where the question's
        placeholders do, or else before it. turns: a response, the next words and so on, where the conversation goes on.

        Raises BlindnessError when the prompt does not carry every frame and its time, and ValueError for frames of a
        text, several of an image, images beside videos, and another number of them than the sample shows.
        """
        self._check_words(sample, turns)
        seen = _several(frames)
        prompt = self._of_seen(sample, seen, turns) if seen else self._of_text(sample, turns)
        self.check(prompt, sample, turns)
        return replace(prompt, shown=_shown(sample, seen)) if seen else prompt

    def _of_seen(self, sample: Sample, seen: Sequence[Frames], turns: Sequence[str]) -> Prompt:
        kinds = {medium.is_image for medium in sample.shown}
        images = kinds == {True}
        if len(sample.shown) != len(seen) or len(kinds) > 1 or (images and any(len(one) > 1 for one in seen)):
            counts = ", ".join(str(len(frames)) for frames in seen)
            raise ValueError(f"sample {sample.id} is {sample.modality.value} and cannot have {counts} frames")
        return self._of_images(sample, seen, turns) if images else self._of_videos(sample, seen, turns)

    def encode_all(self, samples: Sequence[Sample], frames: Seen) -> list[Prompt]:
        """Return what `encode` does for each of several questions about the same frames, which are processed once."""
        first = self.encode(samples[0], frames)
        return [first, *(self._encode_beside(first, samples[0], sample, frames) for sample in samples[1:])]

    def _encode_beside(self, prompt: Prompt, sample: Sample, other: Sample, frames: Seen) -> Prompt:
        """Return another sample's prompt, where the prompt about the same frames of a sample is there."""
        seen = _several(frames)
        found = self._asked_otherwise(prompt, sample, other) if seen else None
        if found is None:
            return self.encode(other, frames)
        self._check_words(other)
        if other.modality is Modality.VIDEO:
            self._note_times(other, [self._whole(one) for one in seen], found)
        self.check(found, other)
        return found

    def _asked_otherwise(self, prompt: Prompt, sample: Sample, other: Sample) -> Prompt | None:
        """Return a sample's prompt with what stands behind the video or image, which is words alone, of another one.

        None where the words before it differ, or where those behind it are other tokens in the prompt than alone.
        """
        token = (
            self.processor.video_token if sample.modality is Modality.VIDEO else self.processor.image_token
        )
        texts = [self._render(one, *_visual(one)) for one in (sample, other)]
        (before, _, behind), (other_before, _, other_behind) = (text.rpartition(token) for text in texts)
        ids, other_ids = self._ids_of(behind), self._ids_of(other_behind)
        shared = len(prompt.input_ids_L) - len(ids)
        same = sample.modality is other.modality and before == other_before and bool(before)
        if not same or shared <= 0 or not torch.equal(prompt.input_ids_L[shared:], ids):
            return None
        return replace(
            prompt,
            input_ids_L=torch.cat([prompt.input_ids_L[:shared], other_ids]),
            token_types_L=torch.cat([prompt.token_types_L[:shared], torch.zeros_like(other_ids)]),
        )

    def _ids_of(self, text: str) -> Tensor:
        return torch.tensor(self.tokenizer(text, add_special_tokens=False)["input_ids"], dtype=torch.long)

    def _of_text(self, sample: Sample, turns: Sequence[str]) -> Prompt:
        ids_L = self.processor(text=[self._render(sample, turns=turns)], return_tensors="pt")["input_ids"][0]
        return Prompt(ids_L, torch.zeros_like(ids_L))

    def _of_images(self, sample: Sample, seen: Sequence[Frames], turns: Sequence[str]) -> Prompt:
        encoded = self.processor(
            text=[self._render(sample, *_visual(sample), turns=turns)],
            images=[torch.from_numpy(frames.pixels_TCHW[0]) for frames in seen],
            input_data_format="channels_first",
            do_resize=not seen[0].fitted,
            return_tensors="pt",
        )
        return Prompt(
            input_ids_L=encoded["input_ids"][0],
            token_types_L=encoded["mm_token_type_ids"][0],
            pixels_PD=encoded["pixel_values"],
            grid_thw=encoded["image_grid_thw"],
            is_image=True,
        )

    def _of_videos(self, sample: Sample, seen: Sequence[Frames], turns: Sequence[str]) -> Prompt:
        whole = [self._whole(frames) for frames in seen]
        encoded = self.processor(
            text=[self._render(sample, *_visual(sample), turns=turns)],
            videos=[torch.from_numpy(frames.pixels_TCHW) for frames in whole],
            video_metadata=[
                video_metadata(one, _mean_spacing(frames)) for one, frames in zip(whole, seen, strict=True)
            ],
            do_sample_frames=False,
            do_resize=not seen[0].fitted,
            return_tensors="pt",
        )
        seconds = encoded.get("second_per_grid_ts")
        first, *later = [None] if seconds is None else [float(one) for one in seconds]
        prompt = Prompt(
            input_ids_L=encoded["input_ids"][0],
            token_types_L=encoded["mm_token_type_ids"][0],
            pixels_PD=encoded["pixel_values_videos"],
            grid_thw=encoded["video_grid_thw"],
            seconds_per_grid=first,
            later_seconds=tuple(one for one in later if one is not None),
        )
        self._note_times(sample, whole, prompt)
        return _step_by_step(prompt) if self._family.steps_are_images else prompt

    def _whole(self, frames: Frames) -> Frames:
        return _in_whole_steps(frames, int(self.processor.video_processor.temporal_patch_size))

    def _note_times(self, sample: Sample, whole: Sequence[Frames], prompt: Prompt) -> None:
        moments, seconds = self._family.moments_per_second, prompt.seconds_per_grid
        if self.notes is None or moments is None or seconds is None:
            return
        step = int(self.processor.video_processor.temporal_patch_size)
        spacings = (seconds, *prompt.later_seconds)
        for medium, frames, spacing in zip(sample.shown, whole, spacings, strict=True):
            if note := untold_times(frames.seconds[::step], spacing, moments, medium.start or 0.0):
                self.notes.add(sample.id, note)
                return

    def _render(
        self, sample: Sample, *visual: dict[str, str], turns: Sequence[str] = (), system: str | None = None
    ) -> str:
        """Return the conversation's text. visual: all that the sample shows, or nothing. system: the system prompt, by
        default the encoder's."""
        question = interleaved(sample, [[one] for one in visual], _words)
        messages: list[dict[str, Any]] = [{"role": "user", "content": question}]
        if system := self._system_prompt_of(sample) if system is None else system:
            # As a string: GLM-4.1V's template prints whatever a system message holds, a list with its brackets.
            messages.insert(0, {"role": "system", "content": system})
        messages += later_messages(turns, lambda text: [_words(text)])
        return str(self.processor.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))

    def _system_prompt_of(self, sample: Sample) -> str:
        return SYSTEM_PROMPTS[sample.modality] if self._is_built_in else self.system_prompt

    def _check_words(self, sample: Sample, turns: Sequence[str] = ()) -> None:
        """Raise BlindnessError for words in which a processor would look for a video or image."""
        words = "".join((user_text(sample), *turns))
        for token in (self.processor.video_token, self.processor.image_token):
            if token in words:
                raise BlindnessError(
                    f"Sample {sample.id}: the question's text holds the special token {token}, which stands for a "
                    "video or image that is not there. Remove it."
                )

    def check(self, prompt: Prompt, sample: Sample, turns: Sequence[str] = ()) -> None:
        """Raise BlindnessError unless the prompt holds a placeholder for every visual feature, and its time stamps."""
        patches = 0 if prompt.grid_thw is None else int(prompt.grid_thw.prod(-1).sum())
        for kind in self._kinds:
            shown = prompt.is_image == (kind.name == "image")
            features = patches // kind.merge_size**2 if shown else 0
            placeholders = int((prompt.input_ids_L == kind.token).sum())
            if placeholders != features:
                raise BlindnessError(
                    f"Sample {sample.id}: the prompt has {placeholders} visual placeholder tokens for {features} "
                    f"visual features, so part of the {kind.name} would be lost. Does the question's text hold a "
                    f"special token such as {self.tokenizer.convert_ids_to_tokens(kind.token)}? Remove it."
                )
        steps = 0 if prompt.grid_thw is None else int(prompt.grid_thw[:, 0].sum())
        if steps and sample.modality is Modality.VIDEO and not self._tells_time(prompt, sample, steps, turns):
            raise BlindnessError(
                f"Sample {sample.id}: the prompt does not give each of its {steps} steps of video a time stamp, so the "
                "model cannot tell when things happen. The processor or its chat template does not fit this model."
            )

    @cached_property
    def _kinds(self) -> tuple[_Kind, ...]:
        processor = self.processor
        return (
            _Kind("video", int(processor.video_token_id), int(processor.video_processor.merge_size)),
            _Kind("image", int(processor.image_token_id), int(processor.image_processor.merge_size)),
        )

    def _tells_time(self, prompt: Prompt, sample: Sample, steps: int, turns: Sequence[str]) -> bool:
        """Return whether the model learns when each step is shown, in the way of its family.

        Qwen3-VL and GLM-4V read a time stamp beside each step, Qwen2.5-VL is given the seconds between steps as a
        number, and Qwen2-VL is told nothing.
        """
        if "second_per_grid_ts" in self.processor.model_input_names:
            told = (prompt.seconds_per_grid, *prompt.later_seconds)
            return all(seconds is not None and seconds > 0 for seconds in told)
        stamp = self._family.time_stamp
        if stamp is None:
            return True
        written = stamp.findall("".join((self._system_prompt_of(sample), user_text(sample), *turns)))
        return len(stamp.findall(self.tokenizer.decode(prompt.input_ids_L))) - len(written) == steps

    def decode(self, completion_ids: Sequence[int] | Tensor) -> str:
        """Return a completion's text, with the <think> that the chat template opened for it, if it does.

        Only the end-of-turn and padding tokens are left out.
        """
        text = self.tokenizer.decode(
            [int(token) for token in completion_ids if int(token) not in self._silent]
        )
        return f"{self._opening}{text}"

    def response_ids(self, text: str) -> Tensor:
        """Return the tokens of a response to imitate, to its end, int64 (C,): what `decode` reads as `text`.

        What the chat template has opened is not opened again, and a response without reasoning closes it at once.
        """
        if self._opening:
            own = text.removeprefix(self._opening)
            text = own.lstrip() if own != text else f"</think>{text}"
        return self._ids_of(text + self.tokenizer.eos_token)

    @cached_property
    def _silent(self) -> set[int]:
        ends = self.tokenizer.convert_tokens_to_ids(list(self._family.turn_ends))
        return {self.tokenizer.eos_token_id, self.tokenizer.pad_token_id, *ends}

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


def _several(frames: Seen) -> tuple[Frames, ...]:
    if frames is None:
        return ()
    return (frames,) if isinstance(frames, Frames) else tuple(frames)


def _visual(sample: Sample) -> list[dict[str, str]]:
    return [{"type": "image" if medium.is_image else "video"} for medium in sample.shown]


def _words(text: str) -> dict[str, str]:
    return {"type": "text", "text": text}


def _step_by_step(prompt: Prompt) -> Prompt:
    """Return a video's prompt as what it is to a model that sees every step as an image: a row of images.

    Such a model's tower attends within a step, the times stand between the steps as text, and videos have the
    placeholders of images. Said this way, videos and images can be in one batch, whose placeholders it does not tell
    apart.
    """
    if prompt.grid_thw is None:
        raise ValueError("a prompt about frames has a grid")
    grid = torch.tensor(
        [[1, rows, columns] for steps, rows, columns in prompt.grid_thw.tolist() for _ in range(steps)]
    )
    return replace(prompt, token_types_L=prompt.token_types_L.clamp(max=1), grid_thw=grid, is_image=True)


def _in_whole_steps(frames: Frames, step: int) -> Frames:
    """Return the frames, the last one repeated with its time until they fill whole steps of `step` frames.

    The models' encoders merge frames in twos. Their processors fill up an odd number too, but after they have divided
    the video's pixel budget among the frames given, and they refuse a single one.
    """
    missing = -len(frames) % step
    if not missing:
        return frames
    pixels_TCHW = np.concatenate([frames.pixels_TCHW, np.repeat(frames.pixels_TCHW[-1:], missing, axis=0)])
    return replace(
        frames,
        pixels_TCHW=pixels_TCHW,
        seconds=frames.seconds + frames.seconds[-1:] * missing,
        places=frames.places + frames.places[-1:] * missing,
    )


def _milliseconds(frames: Frames) -> list[int]:
    return [round(second * 1000) for second in frames.seconds]


def _mean_spacing(frames: Frames) -> float:
    """Return the mean time between frames in milliseconds, at least 1, also for a single frame."""
    milliseconds = _milliseconds(frames)
    return max((milliseconds[-1] - milliseconds[0]) / max(len(frames) - 1, 1), 1.0)


def video_metadata(frames: Frames, spacing: float | None = None) -> dict[str, Any]:
    """Return the frames' times in the form that processors read: indices at 1,000 frames a second.

    spacing: mean time between frames in milliseconds where it is not these frames' own.

    Qwen3-VL writes index / fps into the prompt. Qwen2.5-VL takes the mean spacing (of the frames that were not
    repeated), which it computes as total_num_frames / len(indices) / fps.
    """
    milliseconds = _milliseconds(frames)
    total = round((_mean_spacing(frames) if spacing is None else spacing) * len(frames))
    return {
        "fps": 1000.0,
        "frames_indices": milliseconds,
        "total_num_frames": total,
        "duration": total / 1000.0,
    }


def visual_grids(prompts: Sequence[Prompt]) -> dict[str, Tensor]:
    """Return what models are told about the videos and images of a batch, by their names for it.

    In the prompts' order, each kind by itself: image_grid_thw, video_grid_thw (count, 3) and second_per_grid_ts
    (videos,), none of them where there is nothing to tell.
    """
    found: dict[str, list[Tensor]] = {}
    for prompt in prompts:
        if prompt.grid_thw is not None:
            found.setdefault("image_grid_thw" if prompt.is_image else "video_grid_thw", []).append(
                prompt.grid_thw
            )
        if prompt.seconds_per_grid is not None:
            seconds = torch.tensor([prompt.seconds_per_grid, *prompt.later_seconds])
            found.setdefault("second_per_grid_ts", []).append(seconds)
    return {name: torch.cat(tensors) for name, tensors in found.items()}


def visual_inputs(prompts: Sequence[Prompt]) -> dict[str, Tensor]:
    """Return the videos and images of a batch as a model's forward takes them: `visual_grids` and the pixels.

    pixel_values and pixel_values_videos: (patches of all images, of all videos; D), in the prompts' order.
    """
    found: dict[str, list[Tensor]] = {}
    for prompt in prompts:
        if prompt.pixels_PD is not None:
            found.setdefault("pixel_values" if prompt.is_image else "pixel_values_videos", []).append(
                prompt.pixels_PD
            )
    return visual_grids(prompts) | {name: torch.cat(tensors) for name, tensors in found.items()}


def _shown(sample: Sample, seen: Sequence[Frames]) -> tuple[Shown, ...]:
    return tuple(
        frames.shown for medium, frames in zip(sample.shown, seen, strict=True) if not medium.is_image
    )


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
    """Pad prompts on the left, with the positions they have to a model, on its device."""
    batch = pad_prompts(model.config, prompts, pad_token)
    return PromptBatch(
        batch.input_ids_RL.to(model.device),
        batch.mask_RL.to(model.device),
        batch.positions_3RL.to(model.device),
        batch.next_position_R.to(model.device),
    )


def pad_prompts(config: Any, prompts: Sequence[Prompt], pad_token: int) -> PromptBatch:
    """Pad prompts on the left, with the positions they have to models of a configuration; padding stands at 0."""
    longest = max(len(prompt.input_ids_L) for prompt in prompts)

    def padded(rows: list[Tensor], fill: int) -> Tensor:
        return torch.stack(
            [torch.nn.functional.pad(row, (longest - row.shape[-1], 0), value=fill) for row in rows]
        )

    places = [positions(prompt.token_types_L, visual_grids([prompt]), config) for prompt in prompts]
    return PromptBatch(
        input_ids_RL=padded([prompt.input_ids_L for prompt in prompts], pad_token),
        mask_RL=padded([torch.ones_like(prompt.input_ids_L) for prompt in prompts], 0),
        positions_3RL=padded(places, 0).transpose(0, 1),
        next_position_R=torch.stack([place_3L.max() + 1 for place_3L in places]),
    )
